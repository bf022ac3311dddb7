"""Elements of the groups, their algebra and exponential."""

from __future__ import annotations

import pytest
import torch

from surrogate import LayerError
from surrogate.groups import algebra_part, as_group, exponential, random_elements, random_near_unity, unitarity_violation


def test_random_elements_are_in_the_group_and_uniform(gauge_group, generator):
    U = random_elements(gauge_group, (20000,), generator)
    assert unitarity_violation(U, gauge_group) < 1e-13
    # ∫ U = 0 and ∫ |tr U|² = 1: the fundamental representation is irreducible.
    trace = U.diagonal(dim1=-2, dim2=-1).sum(-1)
    assert U.mean(0).abs().max() < 5 / 20000**0.5
    assert trace.abs().square().mean() == pytest.approx(1.0, abs=5 / 20000**0.5)
    again = random_elements(gauge_group, (20000,), torch.Generator().manual_seed(7))
    assert torch.equal(U, again)


def test_exponential_of_the_algebra(gauge_group, generator):
    A = torch.randn(50, as_group(gauge_group).N, as_group(gauge_group).N, generator=generator, dtype=torch.complex128)
    H = algebra_part(A, gauge_group)
    assert torch.allclose(H, H.mH)
    if gauge_group != "U(1)":
        assert H.diagonal(dim1=-2, dim2=-1).sum(-1).abs().max() < 1e-14
    for scale in (0.0, 1e-9, 1e-4, 1.0):
        V = exponential(scale * H, gauge_group)
        assert unitarity_violation(V, gauge_group) < 1e-13
        assert torch.allclose(V, torch.linalg.matrix_exp((1j * scale * H).contiguous()), rtol=0, atol=1e-14)


def test_exponential_is_differentiable_at_one(gauge_group):
    N = as_group(gauge_group).N
    A = torch.zeros(1, N, N, dtype=torch.complex128, requires_grad=True)
    exponential(algebra_part(A, gauge_group), gauge_group).imag.sum().backward()
    assert torch.isfinite(torch.view_as_real(A.grad)).all()


def test_elements_near_unity(gauge_group, generator):
    U = random_near_unity(gauge_group, (1000,), 1e-3, generator)
    assert unitarity_violation(U, gauge_group) < 1e-13
    N = as_group(gauge_group).N
    distance = (U - torch.eye(N)).abs().square().sum((-2, -1)).mean()
    assert 1e-7 < distance < 1e-5


def test_unknown_group_is_named():
    with pytest.raises(LayerError, match=r"group = 'SU\(5\)': choose one of 'U\(1\)', 'SU\(2\)', 'SU\(3\)'"):
        as_group("SU(5)")
