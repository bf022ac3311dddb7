"""The geodesic baseline: undone by blocking, covariant, even shares of the flux, second order in the wave number."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from surrogate.blocking import block
from surrogate.errors import LayerError
from surrogate.evolution import FieldState
from surrogate.groups import exponential, random_elements, unitarity_violation
from surrogate.lattice import planes, plaquettes
from surrogate.logarithm import logarithm
from surrogate.upscaling import Upscaler, geodesic, to_cell_gauge, to_cells
from surrogate.upscaling.cells import free_links, offsets
from surrogate.upscaling.geodesic import strips
from tests.surrogate.states import FIELDS, FRAMES, at_coarse_sites, difference, over_cells, plane_wave, random_state

GROUPS = ("SU(2)", "SU(3)")


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("share", ["even", "linear"])
@pytest.mark.parametrize("scalars", ["site", "average"])
def test_blocking_undoes_it_in_any_gauge(group, frame, share, scalars, generator):
    frame = FRAMES[frame]
    state = random_state(group, frame, (4, 3, 2), generator, batch=2)
    fine = geodesic(state, frame, share, scalars)
    assert unitarity_violation(fine.U, group) < 1e-13
    assert difference(block(fine, frame, scalars=scalars), state) < 1e-13
    Omega = random_elements(group, (2, *state.lattice), generator)
    assert difference(geodesic(state.transformed(Omega), frame, share, scalars), fine.transformed(over_cells(Omega))) < 1e-11


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("frame", FRAMES)
def test_the_cell_gauge_is_one_of_the_fine_lattice(group, frame, generator):
    """It turns with the coarse sites alone, leaves them as they are, and to take it twice changes nothing."""
    frame = FRAMES[frame]
    state = random_state(group, frame, (4, 2, 4), generator, batch=2)
    found = to_cell_gauge(state)
    assert difference(block(found, frame), block(state, frame)) < 1e-13
    assert difference(to_cell_gauge(found), found) < 1e-13
    Omega = random_elements(group, (2, *state.lattice), generator)
    cells = over_cells(at_coarse_sites(Omega))
    assert difference(to_cell_gauge(state.transformed(Omega)), found.transformed(cells)) < 1e-13
    upscaled = geodesic(block(state, frame), frame)
    assert difference(to_cell_gauge(upscaled), upscaled) < 1e-12


@pytest.mark.parametrize("group", GROUPS)
def test_four_plaquettes_have_an_even_share(group, generator):
    """In two dimensions, brought to X, each is the fourth root of the coarse one, however strong the field."""
    frame = FRAMES["static"]
    state = random_state(group, frame, (4, 3), generator)
    fine = geodesic(state, frame, "even")
    quarter = exponential(logarithm(plaquettes(state.U)[:, 0], group) / 4, group)
    loops = plaquettes(fine.U)[:, 0]
    assert (loops[:, ::2, ::2] - quarter).abs().max() < 1e-12
    # The others turn with X, too: their invariants are those of the fourth root, at other bases.
    traces, expected = (W.diagonal(dim1=-2, dim2=-1).sum(-1) for W in (loops, quarter))
    for dx in (0, 1):
        for dy in (0, 1):
            assert (traces[:, dx::2, dy::2] - expected).abs().max() < 1e-12


def test_even_shares_are_those_of_the_upscaler_for_weak_fields(generator):
    """Upscaler.geodesic takes [U_ij]_ah for the flux, which differs from it in third order; the rest is the same."""
    frame = FRAMES["milne"]
    differences = []
    for width in (0.02, 0.01):
        state = random_state("SU(3)", frame, 4, torch.Generator().manual_seed(3), width=width)
        with torch.no_grad():
            other = Upscaler.geodesic("SU(3)", "milne")(state)
        found = geodesic(state, frame, "even")
        assert difference(replace(other, U=found.U), found) < 1e-14
        differences.append(float((found.U - other.U).abs().max()))
    assert differences[0] < 1e-4
    assert differences[0] / differences[1] == pytest.approx(8, rel=0.02)


def errors(frame, side, share, scalars="site") -> list[float]:
    """Of fluxes, momenta, φ, π, relative to the largest value of each."""
    fine = plane_wave(frame, side, (1, -1, 1) if frame.dimensions == 3 else (1, 2))
    truth = to_cell_gauge(fine)
    found = geodesic(block(fine, frame, scalars=scalars), frame, share, scalars)
    pairs = [[logarithm(plaquettes(state.U), "SU(2)") for state in (found, truth)]]
    pairs += [[getattr(state, name) for state in (found, truth)] for name in FIELDS[1:] if getattr(truth, name) is not None]
    return [float((a - b).abs().max() / b.abs().max()) for a, b in pairs]


@pytest.mark.parametrize(
    ("frame", "scalars", "side"), [("laboratory", "site", 16), ("milne", "site", 64), ("static", "average", 64)]
)
def test_the_error_of_a_wave_is_of_second_order(frame, scalars, side):
    coarse, fine = (errors(FRAMES[frame], n, "linear", scalars) for n in (side, 2 * side))
    for a, b in zip(coarse, fine, strict=True):
        assert b < 0.05
        assert 3.1 < a / b < 4.6


def test_even_shares_are_of_first_order():
    coarse, fine = (errors(FRAMES["static"], side, "even") for side in (64, 128))
    flux, momenta, phi, pi = (a / b for a, b in zip(coarse, fine, strict=True))
    assert 1.9 < flux < 2.2
    assert 1.9 < momenta < 2.2
    assert min(phi, pi) > 3.6


def test_averages_are_kept_by_a_smooth_field():
    """What restores them is spread: the error is k²/16, that of the interpolation between sites k²/8."""
    site, average = (errors(FRAMES["static"], 64, "linear", scalars)[2:] for scalars in ("site", "average"))
    for a, b in zip(site, average, strict=True):
        assert b < 0.6 * a


def test_constant_fields_are_exact():
    """A constant field of one colour and the momenta of one: U_x = exp(i B y), whose flux is the same everywhere."""
    frame, side = FRAMES["static"], 16
    sigma = torch.diag(torch.tensor([0.5, -0.5], dtype=torch.complex128))
    y = torch.arange(side, dtype=torch.float64)
    A = torch.zeros(1, 2, side, side, 2, 2, dtype=torch.complex128)
    A[0, 0] = -(4 * torch.pi / side) * y[None, :, None, None] * sigma
    constant = sigma.expand(1, side, side, 2, 2)
    fine = FieldState(exponential(A, "SU(2)"), torch.stack([constant, 2 * constant], dim=1), 3 * constant, 4 * constant)
    for share in ("even", "linear"):
        assert difference(geodesic(block(fine, frame), frame, share), to_cell_gauge(fine)) < 1e-13


def test_gradients_reach_the_coarse_fields(generator):
    """In the vacuum too, where all phases of a plaquette meet."""
    frame = FRAMES["milne"]
    for width in (0.0, 0.5):
        state = random_state("SU(3)", frame, 4, generator, width=width).each(lambda field: field.requires_grad_())
        fine = geodesic(state, frame)
        gradients = torch.autograd.grad(fine.U.real.square().sum() + fine.P.real.sum(), [state.U, state.P])
        assert all(torch.isfinite(torch.view_as_real(gradient)).all() for gradient in gradients)
        assert gradients[0].abs().max() > 0.01


def test_loops_of_a_cell_are_strips_of_fluxes():
    """Abelian fields in three dimensions: with the true fine fluxes in place of shares all loops would be exact."""
    frame = FRAMES["laboratory"]
    fine = plane_wave(frame, 8, (1, 2, -1))
    flux = logarithm(plaquettes(fine.U), "SU(2)")

    def at(delta, n):
        return flux[(slice(None), n, *(slice(d, None, 2) for d in delta))]

    fluxes = {plane: {delta: at(delta, n) for delta in offsets(3)} for n, plane in enumerate(planes(3))}
    cells = to_cells(fine.U)
    assert len(free_links(3)) == cells.loops.shape[1] == 14
    assert (exponential(strips(fluxes, 3), "SU(2)") - cells.loops).abs().max() < 1e-14


def test_unknown_options_are_refused(generator):
    frame = FRAMES["milne"]
    state = random_state("SU(2)", frame, 4, generator)
    with pytest.raises(LayerError, match="share = 'odd': choose one of 'even', 'linear'"):
        geodesic(state, frame, "odd")
    with pytest.raises(LayerError, match="scalars = 'mean': choose one of 'site', 'average'"):
        geodesic(state, frame, scalars="mean")
    with pytest.raises(LayerError, match="in D = 3 needs"):
        geodesic(state, FRAMES["laboratory"])
