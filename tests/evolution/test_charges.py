"""The motion of the colour charges: continuity, current, bookkeeping of cells and slots."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.evolution.charges import deposit_currents, move_charges
from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.charges import Charges
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid
from tests.conftest import OVERLAP
from tests.states import colliding_nuclei, dagger, nucleus, relative_difference, to_components, to_matrix


def density(fields: Fields) -> np.ndarray:
    """g ρ at all sites, (dim_g, nx, ny, nz)."""
    rho = np.zeros((fields.group.DIMENSION, *fields.grid.shape))
    for charges in fields.charges:
        for x in range(fields.grid.shape[0]):
            charges.add_density(rho[:, x], x)
    return rho


@pytest.mark.parametrize("substeps", [2, 3])
def test_charges_obey_the_lattice_continuity_equation(group, substeps):
    """[ρ(t + ½) − ρ(t − ½)]/a_t + (J_x − U†_{x−z} J_{x−z} U_{x−z})/a_z = 0 in the middle of the collision."""
    grid = Grid((4, 6, 64), anisotropy=0.25, substeps=substeps)
    scheme = Leapfrog(grid, group)
    fields = scheme.initial_state(colliding_nuclei(grid, group))
    for _ in range(OVERLAP * substeps // 2):
        scheme.step(fields)
    for _ in range(substeps):
        before, electric = density(fields), fields.E.copy()
        deposit_currents(fields, Workers(), (fields.E,))
        # E is stored as g a_z E_z: E_z(t + ½) − E_z(t − ½) = −a_t J_z.
        current = -(fields.E[2] - electric[2]) / (grid.a_t * grid.a_z)
        np.testing.assert_array_equal(fields.E[:2], electric[:2])
        move_charges(fields, Workers())
        U = group.link_to_matrix(fields.U[2])
        carried = to_components(group, dagger(U) @ to_matrix(group, current) @ U)
        divergence = (current - np.roll(carried, 1, axis=-1)) / grid.a_z
        change = (density(fields) - before) / grid.a_t
        assert np.abs(divergence).max() > 0.01
        assert np.abs(change + divergence).max() < 2e-14 * np.abs(divergence).max()


@pytest.mark.parametrize("direction", [1, -1])
def test_charges_move_one_cell_in_n_steps(direction):
    """A lone column of slot s crosses at the step at which its sub-particle reaches the border of the cell."""
    slots = 3
    for slot in range(slots):
        charges = Charges(np.zeros((slots, 3, 1, 1, 4)), 10, direction)
        cells = []
        for _ in range(7):
            crossing = charges.crossing_slot == slot
            cells.append(charges.first_cell(slot))
            charges.moves += 1
            assert charges.first_cell(slot) - cells[-1] == (direction if crossing else 0)
        assert cells == [10 + direction * ((slot + step) // slots) for step in range(7)]


@pytest.mark.parametrize("direction", [1, -1])
def test_occupied_cells_hold_all_charges_before_and_after_the_step(group, direction):
    grid = Grid((4, 4, 48), anisotropy=0.25, substeps=2)
    scheme = Leapfrog(grid, group)
    fields = scheme.initial_state([nucleus(grid, group, direction)])
    for _ in range(5):
        first, last = fields.charges[0].occupied()
        for rho in (density(fields), (scheme.step(fields), density(fields))[1]):
            assert np.abs(rho[..., :first]).max() == 0
            assert np.abs(rho[..., last:]).max() == 0


def test_sizes_of_all_colour_vectors_are_conserved(group, grid):
    """A charge is only rotated: q^a q^a of every sub-particle stays the same."""
    scheme = Leapfrog(grid, group)
    fields = scheme.initial_state(colliding_nuclei(grid, group))
    start = [np.sum(c.q**2, axis=1) for c in fields.charges]
    turned = [c.q.copy() for c in fields.charges]
    for _ in range(2 * OVERLAP):
        scheme.step(fields)
    for charges, size, colour in zip(fields.charges, start, turned, strict=True):
        assert relative_difference(np.sum(charges.q**2, axis=1), size) < 1e-13
        assert relative_difference(charges.q, colour) > 0.01
