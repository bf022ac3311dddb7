"""The fast L-CB, L-Bilin and L-Conv compute what their equations say, as do their derivatives."""

from __future__ import annotations

import pytest
import torch

from surrogate import LCB, LayerError, LBilin, LConv
from surrogate.groups import random_elements
from surrogate.layers import contraction
from surrogate.layers.plain import plain_bilinear, plain_transport
from surrogate.layers.weights import as_weight


def random_fields(group, generator, lattice=(3, 4), channels=2, quaternionic=False):
    U = random_elements(group, (2, len(lattice), *lattice), generator)
    W = random_elements(group, (2, channels, *lattice), generator)
    if not quaternionic:
        W = W + 0.5j * random_elements(group, (2, channels, *lattice), generator)
    return U, W * torch.linspace(0.5, 1.5, channels).view(-1, *[1] * (len(lattice) + 2))


def plain(layer, U, W):
    weight = as_weight(layer.weight, layer.complex_weights, W.dtype)
    return plain_bilinear(W, plain_transport(U, W, layer.offsets), weight, layer.left, layer.right)


def relative(found, expected):
    return float((found - expected).detach().abs().max() / expected.detach().abs().max())


SIDES = [("both", "both", "both"), ("none", "left", "forward"), ("left", "none", "both"), ("right", "right", "both")]


@pytest.mark.parametrize(("dagger", "unit", "orientations"), SIDES)
@pytest.mark.parametrize("complex_weights", [False, True])
def test_lcb_is_the_plain_sum(gauge_group, dagger, unit, orientations, complex_weights, generator, monkeypatch):
    U, W = random_fields(gauge_group, generator, (3, 4, 3))
    layer = LCB(gauge_group, 3, 2, 3, 3, 1, orientations, dagger, unit, complex_weights).double()
    torch.nn.init.normal_(layer.weight)
    expected = plain(layer, U, W)
    assert relative(layer(U, W), expected) < 1e-14
    # Many chunks, of which the last is not full.
    monkeypatch.setitem(contraction.CHUNK_BYTES, "cpu", 1)
    assert relative(layer(U, W), expected) < 1e-14


@pytest.mark.parametrize(("dagger", "unit", "orientations"), SIDES)
def test_quaternions_are_su2(dagger, unit, orientations, generator):
    U, W = random_fields("SU(2)", generator, (3, 4, 3), quaternionic=True)
    layer = LCB("SU(2)", 3, 2, 3, 3, 1, orientations, dagger, unit, quaternions=True).double()
    torch.nn.init.normal_(layer.weight)
    assert relative(layer(U, W), plain(layer, U, W)) < 1e-14
    # What is not a quaternion is dropped.
    assert relative(layer(U, W + 1j * W.roll(1, 2)), plain(layer, U, W)) < 1e-14


def test_dilated_kernel_skips_sites(generator):
    U, W = random_fields("SU(3)", generator, (5, 6))
    layer = LCB("SU(3)", 2, 2, 2, kernel_size=3, dilation=2)
    assert layer.offsets == [(0, 0), *((axis, k) for axis in (0, 1) for k in (2, 4, -2, -4))]
    assert relative(layer(U, W), plain(layer, U, W)) < 1e-14


@pytest.mark.parametrize("complex_weights", [False, True])
def test_lconv_is_the_plain_sum(gauge_group, complex_weights, generator):
    U, W = random_fields(gauge_group, generator)
    layer = LConv(gauge_group, 2, 2, 3, kernel_size=3, complex_weights=complex_weights)
    weight = as_weight(layer.weight, complex_weights, W.dtype).flatten(1).to(W.dtype)
    expected = torch.einsum("ik,bk...->bi...", weight, plain_transport(U, W, layer.offsets))
    assert relative(layer(U, W), expected) < 1e-14


def test_lbilin_is_the_plain_sum(gauge_group, generator):
    U, W = random_fields(gauge_group, generator)
    _, W_right = random_fields(gauge_group, generator, channels=3)
    layer = LBilin(gauge_group, 2, 2, 3, 4, complex_weights=True)
    weight = as_weight(layer.weight, True, W.dtype)
    assert relative(layer(U, W, W_right), plain_bilinear(W, W_right, weight, layer.left, layer.right)) < 1e-14


@pytest.mark.parametrize("quaternions", [False, True])
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_derivatives_are_those_of_the_plain_sum(quaternions, dtype, generator):
    U, W = (field.to(dtype) for field in random_fields("SU(2)", generator, quaternionic=True))
    U, W = U.requires_grad_(), W.requires_grad_()
    layer = LCB("SU(2)", 2, 2, 2, quaternions=quaternions)
    direction = random_elements("SU(2)", (2, 2, 3, 4), generator).to(dtype)
    inputs = [W, layer.weight] if quaternions else [U, W, layer.weight]

    def gradients(y):
        return torch.autograd.grad((y.conj() * direction).real.sum(), inputs)

    for found, expected in zip(gradients(layer(U, W)), gradients(plain(layer, U, W)), strict=True):
        assert relative(found, expected) < 50 * torch.finfo(dtype).eps


@pytest.mark.parametrize("complex_weights", [False, True])
def test_first_and_second_derivatives_against_finite_differences(complex_weights, generator):
    U, W = random_fields("SU(2)", generator, (2, 2), channels=1)
    U, W = U[:1], W[:1].requires_grad_()
    layer = LCB("SU(2)", 2, 1, 1, orientations="forward", complex_weights=complex_weights).double()
    weight = layer.weight.detach().requires_grad_()

    def function(W, weight):
        return torch.func.functional_call(layer, {"weight": weight}, (U, W))

    assert torch.autograd.gradcheck(function, (W, weight))
    assert torch.autograd.gradgradcheck(function, (W, weight))


def test_autocast_leaves_the_layers_exact(generator):
    U, W = (field.to(torch.complex64) for field in random_fields("SU(3)", generator))
    for layer in (LCB("SU(3)", 2, 2, 3), LConv("SU(3)", 2, 2, 3)):
        expected = layer(U, W)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(layer(U, W), expected)


def test_wrong_input_is_named(generator):
    U, W = random_fields("SU(2)", generator)
    layer = LCB("SU(2)", 2, 2, 3)
    with pytest.raises(LayerError, match=r"objects W of shape \(2, 1, 3, 4, 2, 2\): this layer needs \(2, 2, 3, 4, 2, 2\)"):
        layer(U, W[:, :1])
    with pytest.raises(LayerError, match=r"links of shape .* SU\(2\) in D = 2 needs \(batch, 2, L, L, 2, 2\)"):
        layer(U[:, :1], W)
    with pytest.raises(LayerError, match=r"objects W are torch\.complex64 and links U are torch\.complex128"):
        layer(U, W.to(torch.complex64))
    with pytest.raises(LayerError, match=r"dtype = torch\.float64: links and objects are complex64 or complex128"):
        layer(U.real, W)
    for wrong, message in {
        "n_in": {"n_in": 0},
        "dimensions": {"dimensions": 1},
        "group": {"group": "SU(4)"},
        "kernel_size": {"kernel_size": 0},
        "dilation": {"dilation": 0},
        "orientations": {"orientations": "backward"},
        "dagger": {"dagger": "up"},
        "unit": {"unit": True},
        "quaternions": {"group": "SU(3)", "quaternions": True},
    }.items():
        with pytest.raises(LayerError, match=f"^{wrong} = "):
            LCB(**{"group": "SU(2)", "dimensions": 2, "n_in": 1, "n_out": 1, **message})
    with pytest.raises(LayerError, match="no daggers"):
        LCB("SU(2)", 2, 1, 1, dagger="none").left_index(0, dagger=True)
    with pytest.raises(LayerError, match="the kernel has the displacements"):
        layer.right_index(0, axis=0, steps=2)
