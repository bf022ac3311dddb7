"""The logarithm is the inverse of the exponential everywhere, covariant, and has the right derivative."""

from __future__ import annotations

import math

import pytest
import torch

from surrogate.groups import algebra_part, as_group, exponential, random_elements, random_near_unity
from surrogate.logarithm import logarithm
from tests.surrogate.states import algebra

SPECIAL = ("SU(2)", "SU(3)")


def test_it_inverts_the_exponential_on_the_whole_group(gauge_group, generator):
    U = random_elements(gauge_group, (2000,), generator)
    H = logarithm(U, gauge_group)
    assert (exponential(H, gauge_group) - U).abs().max() < 1e-13
    assert (algebra_part(1j * H, gauge_group) - H).abs().max() < 1e-13


def test_it_is_covariant(gauge_group, generator):
    U, Omega = (random_elements(gauge_group, (2000,), generator) for _ in range(2))
    expected = Omega @ logarithm(U, gauge_group) @ Omega.mH
    assert (logarithm(Omega @ U @ Omega.mH, gauge_group) - expected).abs().max() < 1e-12


def test_it_is_the_shortest(generator):
    """No other logarithm, phases moved by 2π with their sum kept, is shorter."""
    phases = torch.linalg.eigvalsh(logarithm(random_elements("SU(3)", (2000,), generator), "SU(3)"))
    moved = phases.clone()
    moved[:, 0] += 2 * math.pi
    moved[:, 2] -= 2 * math.pi
    assert (phases.square().sum(-1) <= moved.square().sum(-1) + 1e-12).all()
    assert phases.abs().max() > math.pi  # those whose principal phases add up to ±2π are among them


@pytest.mark.parametrize("group", SPECIAL)
@pytest.mark.parametrize("size", [0.0, 1e-16, 1e-9, 1e-3])
def test_near_the_unit_matrix(group, size, generator):
    H = size * algebra(group, (100,), generator)
    assert (logarithm(exponential(H, group), group) - H).abs().max() < 1e-15


@pytest.mark.parametrize("group", SPECIAL)
def test_elements_of_the_centre(group):
    N = as_group(group).N
    for n in range(N):
        U = torch.eye(N, dtype=torch.complex128) * complex(math.cos(2 * math.pi * n / N), math.sin(2 * math.pi * n / N))
        H = logarithm(U, group)
        assert (exponential(H, group) - U).abs().max() < 1e-14
        assert H.diagonal().sum().abs() < 1e-14


def test_single_precision(gauge_group, generator):
    U = random_near_unity(gauge_group, (500,), 0.7, generator, torch.complex64)
    H = logarithm(U, gauge_group)
    assert H.dtype == torch.complex64
    assert (exponential(H, gauge_group) - U).abs().max() < 5e-6


@pytest.mark.parametrize("group", SPECIAL)
@pytest.mark.parametrize("size", [0.0, 1e-9, 0.5])
def test_derivative(group, size, generator):
    """log exp H = H: its derivative along the algebra is the identity, also where phases meet."""
    H = (size * algebra(group, (20,), generator)).requires_grad_()
    weight = algebra(group, (20,), generator)
    value = (logarithm(exponential(H, group), group) @ weight).diagonal(dim1=-2, dim2=-1).sum().real
    (gradient,) = torch.autograd.grad(value, H)
    assert (algebra_part(1j * gradient, group) - weight).abs().max() < 1e-13


def test_derivative_by_differences(generator):
    U = random_elements("SU(3)", (20,), generator)
    direction, weight = (algebra("SU(3)", (20,), generator) for _ in range(2))

    def value(step):
        moved = exponential(step * direction, "SU(3)") @ U
        return (logarithm(moved, "SU(3)") @ weight).diagonal(dim1=-2, dim2=-1).sum(-1).real

    step = torch.zeros(20, 1, 1, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(value(step).sum(), step)
    expected = (value(1e-6) - value(-1e-6)) / 2e-6
    assert (gradient[:, 0, 0] - expected).abs().max() < 1e-7 * expected.abs().max()
