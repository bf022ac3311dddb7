"""The slab at mid-rapidity, and the energies of its planes."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from glasma.evolution.leapfrog import Leapfrog
from glasma.group import group_named
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid
from glasma.observables.measure import measure
from surrogate.collisions.nuclei import coarse_grid
from surrogate.collisions.run import SlabState, blocked_links, slab_state
from surrogate.collisions.slab import Slab, inner, moves
from surrogate.dataset.collision_event import slab_means
from surrogate.engine_fields import algebra_to_tensor, links_to_tensor
from surrogate.groups import as_group
from surrogate.lattice import transform_links
from surrogate.observables.slab_energies import TERMS, SlabEnergies
from tests.states import colliding_nuclei
from tests.surrogate.collisions.small import difference, evolved, random_gauge

#: Not as many cells along x as along y, and planes that are not halfway between the ends.
GRID = Grid((6, 4, 40), 0.1, 0.4, 2)


@cache
def collision(group: str) -> tuple[Leapfrog, Fields, Slab]:
    """Nuclei that have passed through each other, and three planes between them."""
    scheme = Leapfrog(GRID, group_named(group))
    fields = evolved(scheme, colliding_nuclei(GRID, group_named(group), g2mu=1.0, width=1.0), 14)
    return scheme, fields, Slab(18, 21, 1)


@pytest.mark.parametrize("blocking", [2, 3, 4])
@pytest.mark.parametrize("coarse_cells", [24, 25])
@pytest.mark.parametrize("anisotropy", [0.1425, 0.25, 1.0])
def test_fine_and_coarse_planes_cover_the_same_interval_around_the_middle(
    blocking: int, coarse_cells: int, anisotropy: float
) -> None:
    """|z| < b a_T/2 to a coarse cell; the cells of the coarse planes are those of the fine ones."""
    grid = Grid((8 * blocking, 8 * blocking, coarse_cells * blocking), 0.1, anisotropy)
    slab, coarse = Slab.at_midrapidity(grid, blocking), coarse_grid(grid, blocking, 2)
    z = (torch.arange(grid.shape[2], dtype=torch.float64) - grid.middle) * grid.a_z
    z0, z1 = slab.fine
    # A coarse plane is the fine one at b times its number; its cell goes on to the next.
    starts = z[::blocking][slab.first : slab.last]
    assert torch.equal(starts, z[z0:z1:blocking])
    assert starts.abs().max() <= blocking / 2 < min(-z[z0 - blocking], z[z1]) + 1e-12
    assert (z1 - z0) * grid.a_z / blocking == pytest.approx((slab.last - slab.first) * coarse.a_z)
    # The middle of its coarse sites is at most half a coarse cell from z = 0, that of its cells at most a whole one.
    cell = blocking * grid.a_z
    assert abs(starts.mean()) <= cell / 2 + 1e-12
    assert abs(z[z0:z1].mean() + grid.a_z / 2) <= cell + 1e-12
    stored = slab.stored_fine
    assert (stored.start, stored.stop) == (z0 - blocking, z1 + blocking)
    assert slab.reach_fm(grid) >= float(z[stored].abs().max()) * grid.spacing_fm


def test_the_sites_that_count_are_those_whose_neighbours_are_stored() -> None:
    slab = Slab(18, 21, 2)
    stored = torch.arange(40)[slab.stored]
    assert stored[inner(len(stored))].tolist() == [18, 19, 20]
    mask = moves((6, 4, len(stored)))
    assert torch.equal(mask, ((stored >= 18) & (stored < 21)).expand(6, 4, -1))


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_a_slab_is_cut_out_of_the_fields_and_blocked_as_the_whole_box_is(group: str) -> None:
    _, fields, _ = collision(group)
    slab = Slab(9, 11, 2)
    state = slab_state(fields, slice(17, 22))
    assert state.number == fields.step
    assert torch.equal(state.U, links_to_tensor(fields.U, fields.group)[:, :, :, :, 17:22])
    assert torch.equal(state.E[0, 2], algebra_to_tensor(fields.E[2], fields.group)[:, :, 17:22])
    whole = blocked_links(fields, slice(None), 2)
    assert torch.equal(blocked_links(fields, slab.stored_fine, 2), whole[:, :, :, :, slab.stored])


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_plain_weights_give_the_energies_of_the_engine(group: str) -> None:
    """½E_L², ½E_T², ½B_L², ½B_T² of `measure`, means of the same planes, each to rounding."""
    scheme, fields, slab = collision(group)
    operators = SlabEnergies(as_group(group), GRID.anisotropy, GRID.a_t)
    with torch.no_grad():
        state = slab_state(fields, slab.stored)
        (found,) = operators(state.U, state.E)
    expected = measure(fields, scheme.workers, scheme.region(fields)).components[:, 18:21].mean(axis=1)
    assert expected.min() > 1e-3
    assert found.numpy() == pytest.approx(expected, rel=1e-12)
    assert slab_means(scheme, fields, slab) == pytest.approx(expected, rel=1e-14)
    # The planes beside them have others.
    assert measure(fields, scheme.workers, [(17, 20)]).components[:, 17:20].mean(axis=1) != pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_no_term_sees_the_gauge_or_what_is_beyond_the_stored_planes(group: str) -> None:
    """Ω random at every site of the box: the last longitudinal links of the slab lead to a site that is not stored."""
    _, fields, slab = collision(group)
    operators = SlabEnergies(as_group(group), GRID.anisotropy, GRID.a_t)
    Omega = random_gauge(GRID, group)
    U = transform_links(links_to_tensor(fields.U, fields.group), Omega[None])[:, :, :, :, slab.stored]
    state = slab_state(fields, slab.stored)
    turn = Omega[:, :, slab.stored]
    E = turn @ state.E @ turn.mH
    with torch.no_grad():
        found, expected = operators.invariants(U, E), operators.invariants(state.U, state.E)
    assert difference(U, state.U) > 0.5
    assert len(operators.names) == sum(map(len, TERMS.values()))
    assert torch.all(expected != 0)
    assert difference(found / expected, torch.ones(1)) < 1e-11


def test_energies_know_their_time() -> None:
    """Links are taken back by half a step: with another step ½B² is another."""
    _, fields, slab = collision("SU(2)")
    state: SlabState = slab_state(fields, slab.stored)
    with torch.no_grad():
        right, wrong = (SlabEnergies(as_group("SU(2)"), 0.4, step)(state.U, state.E) for step in (GRID.a_t, 2 * GRID.a_t))
    assert torch.equal(right[:, :2].isclose(wrong[:, :2], rtol=1e-13), torch.ones(1, 2, dtype=torch.bool))
    assert difference(right[:, 2:] / wrong[:, 2:], torch.ones(1)) > 1e-3
