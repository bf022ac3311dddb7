"""Blocking commutes with gauge transformations, time and, in the Abelian case, the Gauss constraint."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogate.blocking import average, block, block_density, block_links
from surrogate.errors import LayerError
from surrogate.evolution import FieldState
from surrogate.groups import algebra_part, exponential, random_elements
from surrogate.point_group import point_group, rotate_links, rotate_sites
from surrogate.upscaling import Upscaler
from tests.surrogate.states import FRAMES, abelian_state, algebra, at_coarse_sites, difference, random_state

GROUPS = ("SU(2)", "SU(3)")


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    st.sampled_from(GROUPS),
    st.sampled_from(list(FRAMES)),
    st.sampled_from([2, 4]),
    st.sampled_from(["line", "flux"]),
    st.sampled_from(["site", "average"]),
    st.lists(st.integers(1, 2), min_size=3, max_size=3),
    st.integers(0, 2**31),
)
def test_blocking_commutes_with_gauge_transformations(group, frame, factor, momenta, scalars, cells, seed):
    generator = torch.Generator().manual_seed(seed)
    frame = FRAMES[frame]
    state = random_state(group, frame, tuple(factor * n for n in cells), generator, batch=2)
    Omega = random_elements(group, (2, *state.lattice), generator)
    expected = block(state, frame, factor, momenta, scalars).transformed(at_coarse_sites(Omega, factor))
    assert difference(block(state.transformed(Omega), frame, factor, momenta, scalars), expected) < 1e-12
    assert expected.lattice == tuple(cells[: frame.dimensions])
    rho = state.gauss(frame)
    turned = block_density(state.transformed(Omega), Omega @ rho @ Omega.mH, frame, factor)
    coarse = at_coarse_sites(Omega, factor)
    assert (turned - coarse @ block_density(state, rho, frame, factor) @ coarse.mH).abs().max() < 1e-11


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("frame", FRAMES)
def test_a_line_is_the_time_derivative_of_the_coarse_link(group, factor, frame, generator):
    """In coarse units of time, d/d(t/b) = b d/dt; τ ∂_τ has none."""
    state, step = random_state(group, FRAMES[frame], factor, generator), 1e-5
    ahead, behind = (block_links(exponential(sign * step * state.P, group) @ state.U, factor) for sign in (1, -1))
    rate = algebra_part((ahead - behind) / (2 * step) @ block_links(state.U, factor).mH, group)
    expected = rate * (1 if frame == "milne" else factor)
    found = block(state, FRAMES[frame], factor).P
    assert (found - expected).abs().max() < 1e-8 * expected.abs().max()


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("scalars", ["site", "average"])
def test_flux_keeps_the_abelian_constraint(frame, factor, scalars, generator):
    """With any charge, to rounding; lines do not."""
    frame = FRAMES[frame]
    state = abelian_state(frame, (8, 4, 8), generator)
    rho = block_density(state, state.gauss(frame), frame, factor)
    flux, line = (block(state, frame, factor, momenta, scalars).gauss(frame) for momenta in ("flux", "line"))
    assert rho.abs().max() > 0.1
    assert (flux - rho).abs().max() < 1e-13 * rho.abs().max()
    assert (line - rho).abs().max() > 0.1 * rho.abs().max()


def test_no_charge_stays_no_charge():
    """The transverse wave E_y(x), whose divergence vanishes."""
    frame = FRAMES["static"]
    x = torch.arange(8, dtype=torch.float64)
    sigma = torch.diag(torch.tensor([0.5, -0.5], dtype=torch.complex128))
    P = torch.zeros(1, 2, 8, 8, 2, 2, dtype=torch.complex128)
    P[0, 1] = torch.cos(2 * torch.pi * x / 8)[:, None, None, None] * sigma
    zero = torch.zeros_like(P[:, 0])
    state = FieldState(torch.eye(2, dtype=torch.complex128).expand_as(P), P, zero, zero)
    coarse = block(state, frame, momenta="flux")
    assert coarse.gauss(frame).abs().max() < 1e-15
    # The line is twice the field, times b; across it the weights ¼, ½, ¼ damp the wave by cos²(k/2).
    factor = torch.cos(torch.tensor(torch.pi / 8, dtype=torch.float64)) ** 2
    assert (coarse.P[0, 1] - 4 * factor * P[0, 1, ::2, ::2]).abs().max() < 1e-15


def test_constant_fields_have_the_dimensions_of_the_frame():
    """E a², A a, ρ a³ of the laboratory; P_i = τ ∂_τ (a A_i), A_η, a² E_L of the Milne frame."""
    powers = {"laboratory": (2, None, None, 3), "static": (2, 1, 2, 3), "milne": (1, 0, 2, 2)}
    for name, (P, phi, pi, rho) in powers.items():
        frame = FRAMES[name]
        sites = (1, *(4,) * frame.dimensions)
        constant = (torch.diag(torch.tensor([0.5, -0.5], dtype=torch.complex128))).expand(*sites, 2, 2)
        links = torch.eye(2, dtype=torch.complex128).expand(1, frame.dimensions, *sites[1:], 2, 2)
        scalar = constant if frame.has_scalar else None
        state = FieldState(links, constant[:, None].expand_as(links), scalar, scalar)
        for momenta in ("line", "flux"):
            for scalars in ("site", "average"):
                coarse = block(state, frame, 4, momenta, scalars)
                found = {"P": P, "phi": phi, "pi": pi}
                for field, power in found.items():
                    if power is not None:
                        value = getattr(coarse, field)[..., 0, 0]
                        assert torch.allclose(value, torch.full_like(value, 0.5 * 4**power), rtol=1e-14)
        density = block_density(state, constant, frame, 4)[..., 0, 0]
        assert torch.allclose(density, torch.full_like(density, 0.5 * 4**rho), rtol=1e-14)


@pytest.mark.parametrize("frame", FRAMES)
def test_repeated_halving_is_one_product(frame, generator):
    frame = FRAMES[frame]
    state = random_state("SU(3)", frame, (8, 4, 4), generator)
    assert (block(state, frame, 4).U - block_links(state.U, 4)).abs().max() < 1e-14
    assert difference(block(state, frame, 4), block(block(state, frame), frame)) == 0
    assert difference(block(state, frame, 1), state) == 0


@pytest.mark.parametrize("frame", FRAMES)
def test_blocking_commutes_with_rotations_and_reflections(frame, generator):
    """Coarse links, lines and sites, and averages over all axes."""
    frame = FRAMES[frame]
    D = frame.dimensions
    state = random_state("SU(2)", frame, 4, generator)
    W = algebra("SU(2)", (1, *state.lattice), generator)
    mean = average(state.U, W[:, None], range(D))[:, 0]
    coarse = block(state, frame)
    for rotation in point_group(D)[:: 1 if D == 2 else 5]:

        def rates(U, P, rotation=rotation):
            """P of the rotated links, from U̇ = i P U, which rotates as U does."""
            return -1j * rotate_links(1j * P @ U, rotation) @ rotate_links(U, rotation).mH

        U = rotate_links(state.U, rotation)
        turned = FieldState(
            U, rates(state.U, state.P), *(X if X is None else rotate_sites(X, rotation) for X in (state.phi, state.pi))
        )
        found = block(turned, frame)
        assert (found.U - rotate_links(coarse.U, rotation)).abs().max() < 1e-14
        assert (found.P - rates(coarse.U, coarse.P)).abs().max() < 1e-13
        if found.phi is not None:
            assert (found.phi - rotate_sites(coarse.phi, rotation)).abs().max() < 1e-14
        moved = average(U, rotate_sites(W, rotation)[:, None], range(D))[:, 0]
        assert (moved - rotate_sites(mean, rotation)).abs().max() < 1e-14


def test_the_average_along_paths_site_by_site(generator):
    """Nine sites, the corners over the mean of both shortest paths."""
    U, W = random_elements("SU(3)", (1, 2, 4, 4), generator), algebra("SU(3)", (1, 1, 4, 4), generator)

    def step(x, axis, sign):
        """The neighbour and the link to it."""
        moved = tuple((n + sign * (k == axis)) % 4 for k, n in enumerate(x))
        return moved, U[0, axis][x] if sign > 0 else U[0, axis][moved].mH

    x = (0, 3)
    expected = W[0, 0][x] / 4
    for axis in range(2):
        for sign in (1, -1):
            y, link = step(x, axis, sign)
            expected = expected + link @ W[0, 0][y] @ link.mH / 8
            for other in (1, -1):
                z, onwards = step(y, 1 - axis, other)
                path = link @ onwards
                expected = expected + path @ W[0, 0][z] @ path.mH / 32
    assert (average(U, W, (0, 1))[0, 0][x] - expected).abs().max() < 1e-14


@pytest.mark.parametrize("frame", FRAMES)
def test_it_is_what_upscalers_undo(frame, generator):
    state = random_state("SU(2)", FRAMES[frame], 4, generator, batch=2)
    model = Upscaler(group="SU(2)", frame=frame, radius=1)
    assert difference(model.coarse(state), block(state, FRAMES[frame])) < 1e-13


def test_what_does_not_fit_is_refused(generator):
    frame = FRAMES["milne"]
    state = random_state("SU(2)", frame, (6, 5), generator)
    with pytest.raises(LayerError, match="lattice 6×5: blocking by 2 needs sides that are multiples of it"):
        block(state, frame)
    with pytest.raises(LayerError, match="factor = 3: blocking is by a power of two"):
        block(state, frame, 3)
    with pytest.raises(LayerError, match="momenta = 'smeared': choose one of 'line', 'flux'"):
        block(state, frame, momenta="smeared")
    with pytest.raises(LayerError, match="scalars = 'hat': choose one of 'site', 'average'"):
        block(state, frame, scalars="hat")
    with pytest.raises(LayerError, match=r"rho of shape \(1, 6, 4, 2, 2\)"):
        block_density(state, state.phi[:, :, 1:], frame)
