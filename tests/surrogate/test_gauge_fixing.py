"""The Landau gauge is a gauge: the same orbit, no divergence, a larger functional; what is pure gauge becomes 1."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glasma.errors import ConvergenceError
from surrogate.errors import LayerError
from surrogate.gauge_fixing import colour_frame, divergence, gauge_functional, landau_gauge
from surrogate.groups import algebra_part, random_elements, random_near_unity
from surrogate.lattice import plaquettes, polyakov_loops, transform_links

GROUPS = ("SU(2)", "SU(3)")


def smooth_links(group, lattice, generator, batch=2, width=0.3):
    return random_near_unity(group, (batch, len(lattice), *lattice), width, generator)


def traces(W):
    return W.diagonal(dim1=-2, dim2=-1).sum(-1)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("lattice", [(4, 5), (3, 4, 4)])
def test_gauge_is_reached_within_the_orbit(group, lattice, generator):
    U = random_elements(group, (2, len(lattice), *lattice), generator)
    fixed = landau_gauge(U, tolerance=1e-10)
    assert bool((fixed.functional > gauge_functional(U) + 0.1).all())
    assert torch.allclose(gauge_functional(fixed.U), fixed.functional)
    assert float(divergence(fixed.U).abs().max()) < 1e-8
    # The transformation is in the group and gives these links; invariants are what they were.
    assert float((transform_links(U, fixed.Omega) - fixed.U).abs().max()) < 1e-12
    assert float((fixed.Omega @ fixed.Omega.mH - torch.eye(U.shape[-1])).abs().max()) < 1e-12
    for loops in (plaquettes, polyakov_loops):
        assert torch.allclose(traces(loops(fixed.U)), traces(loops(U)), atol=1e-12)


@pytest.mark.parametrize("group", GROUPS)
def test_it_is_a_maximum(group, generator):
    """No small transformation raises F."""
    fixed = landau_gauge(smooth_links(group, (4, 6), generator), tolerance=1e-10)
    for _ in range(20):
        Omega = random_near_unity(group, (2, 4, 6), 1e-3, generator)
        assert bool((gauge_functional(transform_links(fixed.U, Omega)) < fixed.functional).all())


def test_the_divergence_is_the_gradient_of_the_functional(generator):
    U = random_elements("SU(3)", (1, 2, 4, 3), generator)
    theta = algebra_part(torch.randn(1, 4, 3, 3, 3, dtype=torch.complex128, generator=generator), "SU(3)")

    def F(size):
        return float(gauge_functional(transform_links(U, torch.linalg.matrix_exp(1j * size * theta))))

    slope = (F(1e-5) - F(-1e-5)) / 2e-5
    expected = -float((theta * divergence(U).conj()).sum().real) / (3 * 2 * 12)
    assert slope == pytest.approx(expected, rel=1e-7)
    assert float(divergence(U).sum((1, 2)).abs().max()) < 1e-13


@given(seed=st.integers(0, 2**31), group=st.sampled_from(GROUPS))
@settings(max_examples=15, deadline=None)
def test_weak_fields_come_to_the_same_links_from_every_gauge(seed, group):
    generator = torch.Generator().manual_seed(seed)
    U = smooth_links(group, (4, 6), generator, batch=1, width=0.05)
    E_L = algebra_part(torch.randn(1, 4, 6, *U.shape[-2:], dtype=torch.complex128, generator=generator), group)
    Omega = random_elements(group, (1, 4, 6), generator)
    found = []
    for links, field in ((U, E_L), (transform_links(U, Omega), Omega @ E_L @ Omega.mH)):
        fixed = landau_gauge(links, tolerance=1e-11)
        assert bool((fixed.functional > 0.99).all())
        field = fixed.Omega @ field @ fixed.Omega.mH
        whole = colour_frame(field)[:, None, None]
        found.append((transform_links(fixed.U, whole.expand_as(fixed.Omega)), whole @ field @ whole.mH))
    for here, there in zip(*found, strict=True):
        assert torch.allclose(here, there, atol=1e-6)


def test_pure_gauge_becomes_unity(generator):
    Omega = random_elements("SU(2)", (3, 6, 6), generator)
    U = torch.eye(2, dtype=torch.complex128).expand(3, 2, 6, 6, 2, 2)
    assert torch.allclose(landau_gauge(transform_links(U, Omega)).functional, torch.ones(3, dtype=torch.float64))


def test_large_rough_fields_have_copies(generator):
    rough = random_elements("SU(2)", (4, 2, 32, 32), generator)
    Omega = random_elements("SU(2)", (4, 32, 32), generator)
    here, there = (landau_gauge(U, tolerance=1e-5) for U in (rough, transform_links(rough, Omega)))
    assert float((here.functional - there.functional).abs().max()) > 1e-6


@pytest.mark.parametrize("group", GROUPS)
def test_colour_frame_is_of_the_group_and_undoes_global_transformations(group, generator):
    N = 2 if group == "SU(2)" else 3
    E_L = algebra_part(torch.randn(5, 4, 3, N, N, dtype=torch.complex128, generator=generator), group)
    whole = random_elements(group, (5,), generator)[:, None, None]
    frames = [colour_frame(field)[:, None, None] for field in (E_L, whole @ E_L @ whole.mH)]
    for frame in frames:
        assert torch.allclose(frame @ frame.mH, torch.eye(N, dtype=torch.complex128), atol=1e-13)
        assert torch.allclose(torch.linalg.det(frame), torch.ones(5, 1, 1, dtype=torch.complex128))
    here, there = frames
    turned = here @ E_L @ here.mH
    assert torch.allclose(turned, there @ whole @ E_L @ whole.mH @ there.mH, atol=1e-11)
    weighed = (E_L.abs().square().sum((-2, -1), keepdim=True) * turned).mean((1, 2))
    assert float((weighed - torch.diag_embed(weighed.diagonal(dim1=-2, dim2=-1))).abs().max()) < 1e-12


def test_refusals(generator):
    U = random_elements("SU(2)", (1, 2, 4, 4), generator)
    with pytest.raises(ConvergenceError, match=r"after 2 iterations, above 1.0e-12, in 1 of 1 configurations; allow more"):
        landau_gauge(U, tolerance=1e-12, iterations=2)
    with pytest.raises(LayerError, match="links are not in SU\\(2\\)"):
        landau_gauge(1.1 * U)
    with pytest.raises(LayerError, match="iterations = 0"):
        landau_gauge(U, iterations=0)
    with pytest.raises(LayerError, match="U\\(1\\)"):
        landau_gauge(torch.ones(1, 2, 4, 4, 1, 1, dtype=torch.complex128))
