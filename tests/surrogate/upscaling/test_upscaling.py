"""Cells and upscalers: what blocking forgets and nothing else, for any weights and in any gauge."""

from __future__ import annotations

import pytest
import torch

from surrogate.blocking import block_links, block_scalar
from surrogate.errors import LayerError
from surrogate.evolution.leapfrog import FieldState
from surrogate.groups import algebra_part, as_group, exponential, random_elements, random_near_unity, unitarity_violation
from surrogate.lattice import plaquettes, shift, transform_links
from surrogate.upscaling import Upscaler, UpscalerConfig, from_cells, to_cells
from surrogate.upscaling.cells import free_links, offsets
from surrogate.upscaling.neighbours import displacements, gathered

GROUPS = ("SU(2)", "SU(3)")


def algebra(group: str, *shape: int) -> torch.Tensor:
    return algebra_part(random_elements(group, shape), as_group(group))


def state(group: str, D: int, side: int, width: float = 0.6) -> FieldState:
    lattice = (side,) * D
    U = random_near_unity(group, (1, D, *lattice), width)
    scalar = [algebra(group, 1, *lattice) if D == 2 else None for _ in range(2)]
    return FieldState(U, algebra(group, 1, D, *lattice), *scalar)


def turned(s: FieldState, Omega: torch.Tensor) -> FieldState:
    def adjoint(X: torch.Tensor | None) -> torch.Tensor | None:
        return None if X is None else Omega @ X @ Omega.mH

    P = torch.stack([adjoint(s.P[:, i]) for i in range(s.P.shape[1])], dim=1)
    return FieldState(transform_links(s.U, Omega), P, adjoint(s.phi), adjoint(s.pi), s.number)


def at_coarse_sites(Omega: torch.Tensor, D: int) -> torch.Tensor:
    return Omega[(slice(None), *(slice(None, None, 2),) * D)]


def random_upscaler(group: str, frame: str) -> Upscaler:
    model = Upscaler(UpscalerConfig(group, frame, radius=1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("factor", [2, 4])
def test_blocking_commutes_with_gauge_transformations(group: str, factor: int) -> None:
    U, phi, Omega = random_elements(group, (2, 2, 8, 8)), algebra(group, 2, 8, 8), random_elements(group, (2, 8, 8))
    coarse = Omega[:, ::factor, ::factor]
    torch.testing.assert_close(block_links(transform_links(U, Omega), factor), transform_links(block_links(U, factor), coarse))
    expected = coarse @ block_scalar(phi, factor, 2) @ coarse.mH
    torch.testing.assert_close(block_scalar(Omega @ phi @ Omega.mH, factor, 2), expected)


def test_blocking_by_four_is_blocking_by_two_twice() -> None:
    U = random_elements("SU(3)", (1, 3, 4, 8, 4))
    torch.testing.assert_close(block_links(U, 4), block_links(block_links(U, 2), 2))


def test_odd_lattices_are_refused() -> None:
    with pytest.raises(LayerError, match="lattice 6×5: blocking by 2 needs sides"):
        block_links(random_elements("SU(2)", (1, 2, 6, 5)), 2)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("D", [2, 3])
def test_cells_are_the_fine_lattice_in_another_gauge(group: str, D: int) -> None:
    s = state(group, D, 4)
    U, P, phi, _ = from_cells(to_cells(s.U, s.P, s.phi, s.pi))
    torch.testing.assert_close(block_links(U), block_links(s.U), rtol=0, atol=1e-13)

    def invariants(U: torch.Tensor, P: torch.Tensor) -> torch.Tensor:
        W = plaquettes(U)
        products = [W[:, n] @ P[:, i] for n in range(W.shape[1]) for i in range(D)]
        moved = [P[:, i] @ U[:, j] @ shift(P[:, i], j, 1, D) @ U[:, j].mH for i in range(D) for j in range(D)]
        return torch.stack([M.diagonal(dim1=-2, dim2=-1).sum(-1) for M in [*W.unbind(1), *products, *moved]])

    torch.testing.assert_close(invariants(U, P), invariants(s.U, s.P), rtol=0, atol=1e-12)
    assert len(free_links(D)) == {2: 3, 3: 14}[D]
    if D == 2:
        torch.testing.assert_close(phi[:, ::2, ::2], s.phi[:, ::2, ::2])


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("frame", ["milne", "static", "laboratory"])
def test_blocking_undoes_upscaling_for_any_weights(group: str, frame: str) -> None:
    model = random_upscaler(group, frame)
    s = state(group, model.config.dimensions, 4)
    fine = model(s)
    assert unitarity_violation(fine.U, group) < 1e-13
    back = model.coarse(fine)
    for name in ("U", "P", "phi", "pi"):
        if getattr(s, name) is not None:
            torch.testing.assert_close(getattr(back, name), getattr(s, name), rtol=0, atol=1e-13, msg=name)
    torch.testing.assert_close(block_links(fine.U), s.U, rtol=0, atol=1e-13)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("frame", ["milne", "laboratory"])
def test_upscaling_commutes_with_gauge_transformations(group: str, frame: str) -> None:
    """All sites of a cell turn with the coarse site."""
    model = random_upscaler(group, frame)
    D = model.config.dimensions
    s = state(group, D, 4)
    Omega = random_elements(group, (1, *(4,) * D))
    fine = Omega
    for axis in range(D):
        fine = fine.repeat_interleave(2, dim=1 + axis)
    expected, found = turned(model(s), fine), model(turned(s, Omega))
    for name in ("U", "P", "phi", "pi"):
        if getattr(s, name) is not None:
            torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=0, atol=1e-12, msg=name)


@pytest.mark.parametrize("frame", ["milne", "static"])
def test_the_momentum_of_a_coarse_link_is_its_time_derivative(frame: str) -> None:
    group = as_group("SU(2)")
    s, step = state("SU(2)", 2, 4), 1e-5
    model = random_upscaler("SU(2)", frame)
    ahead, behind = (block_links(exponential(sign * step * s.P, group) @ s.U) for sign in (1, -1))
    rate = algebra_part((ahead - behind) / (2 * step) @ block_links(s.U).mH, group)
    expected = rate if frame == "milne" else 2 * rate
    torch.testing.assert_close(model.coarse(s).P, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("D", [2, 3])
def test_neighbours_are_brought_covariantly(D: int) -> None:
    U, W = random_elements("SU(2)", (1, D, *(4,) * D)), algebra("SU(2)", 1, 2, *(4,) * D)
    Omega = random_elements("SU(2)", (1, *(4,) * D))
    found = gathered(transform_links(U, Omega), Omega[:, None] @ W @ Omega[:, None].mH, 1)
    torch.testing.assert_close(found, Omega[:, None] @ gathered(U, W, 1) @ Omega[:, None].mH)
    # With trivial links the object at x + d itself.
    one = torch.eye(2, dtype=U.dtype).expand_as(U)
    for n, d in enumerate(displacements(D, 1)):
        moved = W
        for axis, step in enumerate(d):
            moved = shift(moved, axis, step, D)
        torch.testing.assert_close(gathered(one, W, 1)[:, 2 * n : 2 * n + 2], moved)


def smooth_waves(n: int, waves: int = 1) -> FieldState:
    """Weak Abelian fields: a transverse wave of A and E, a wave of the scalar, at the sites and links of n × n."""
    x = 2 * torch.pi * waves * torch.arange(n, dtype=torch.float64) / n
    sigma = torch.tensor([[0.5, 0], [0, -0.5]], dtype=torch.complex128)
    along_y = 1e-3 * torch.sin(x)[:, None].expand(n, n)
    along_x = 2e-3 * torch.cos(x)[None, :].expand(n, n)
    A = torch.stack([along_x, along_y])[None, ..., None, None] * sigma
    phi = (1e-3 * torch.sin(x)[:, None] * torch.cos(x)[None, :])[None, ..., None, None] * sigma
    return FieldState(exponential(A, "SU(2)"), A.clone(), phi, phi.clone())


def test_the_geodesic_baseline_converges_with_the_second_order() -> None:
    model = Upscaler.geodesic("SU(2)", "milne")
    errors = []
    for n in (16, 32):
        fine = smooth_waves(n)
        cells = to_cells(fine.U, fine.P, fine.phi, fine.pi)
        truth = FieldState(*from_cells(cells))
        with torch.no_grad():
            found = model(model.coarse(fine))
        errors.append(
            [float((getattr(found, k) - getattr(truth, k)).abs().max() / getattr(truth, k).abs().max()) for k in ("P", "phi")]
        )
    for coarse, fine in zip(*errors, strict=True):
        assert 3.3 < coarse / fine < 4.7


def test_a_fit_reproduces_waves_that_the_baseline_does_not() -> None:
    states = [smooth_waves(16, waves) for waves in (1, 2)]
    model = Upscaler(UpscalerConfig("SU(2)", "milne", radius=2))
    left = model.fit(states, ridge=1e-12)
    assert max(left.values()) < 1e-3
    for s in states:
        truth = FieldState(*from_cells(to_cells(s.U, s.P, s.phi, s.pi)))
        fitted, baseline = model(model.coarse(s)), Upscaler.geodesic("SU(2)", "milne")(model.coarse(s))
        for name in ("U", "P", "phi", "pi"):
            error = lambda other: (getattr(other, name) - getattr(truth, name)).abs().max()  # noqa: E731
            assert error(fitted) < 0.05 * error(baseline), name
    with pytest.raises(LayerError, match="no state to fit"):
        model.fit([])


def test_offsets_are_the_corners_of_a_cell() -> None:
    assert offsets(2) == [(0, 0), (0, 1), (1, 0), (1, 1)]
