"""Plaquettes, Polyakov loops, activations, moved links and traces against their definitions, site by site."""

from __future__ import annotations

import pytest
import torch

from surrogate import LAct, LayerError, LExp, Plaq, Poly, Trace
from surrogate.groups import random_elements, unitarity_violation


def test_plaquettes_link_by_link(gauge_group, generator):
    U = random_elements(gauge_group, (1, 3, 2, 3, 4), generator)
    W = Plaq(gauge_group, 3)(U)
    x, y, z = 1, 2, 3
    link = U[0]
    # The planes 01, 02, 12 at the corner, where every neighbour is across the boundary.
    for channel, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
        ahead = [[(x + (a == 0)) % 2, (y + (a == 1)) % 3, (z + (a == 2)) % 4] for a in (i, j)]
        xi, xj = (tuple(site) for site in ahead)
        expected = link[i][x, y, z] @ link[j][xi] @ link[i][xj].mH @ link[j][x, y, z].mH
        assert torch.allclose(W[0, channel, x, y, z], expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8])
def test_polyakov_loops_link_by_link(gauge_group, length, generator):
    U = random_elements(gauge_group, (1, 2, 2, length), generator)
    W = Poly(gauge_group, 2)(U)
    for start in range(length):
        expected = torch.eye(U.shape[-1], dtype=U.dtype)
        for step in range(length):
            expected = expected @ U[0, 1, 1, (start + step) % length]
        assert torch.allclose(W[0, 1, 1, start], expected, rtol=0, atol=1e-14)


def test_activation_by_the_trace(generator):
    U = random_elements("SU(3)", (1, 2, 3, 3), generator)
    W = random_elements("SU(3)", (1, 2, 3, 3), generator)
    trace = W.diagonal(dim1=-2, dim2=-1).sum(-1).real / 3
    expected = torch.where(trace > 0, trace, 0)[..., None, None] * W
    assert torch.equal(LAct("SU(3)", 2, 2, "relu")(U, W), expected)


def test_moved_links_stay_in_the_group(gauge_group, generator):
    U = random_elements(gauge_group, (1, 2, 3, 3), generator)
    W = random_elements(gauge_group, (1, 2, 3, 3), generator)
    layer = LExp(gauge_group, 2, 2, gain=3.0)
    moved = layer(U, W)
    assert unitarity_violation(moved, gauge_group) < 1e-13
    assert (moved - U).abs().max() > 0.1
    with torch.no_grad():
        layer.weight.zero_()
    assert (layer(U, W) - U).abs().max() < 1e-14


def test_traces(generator):
    U = random_elements("SU(3)", (1, 2, 3, 3), generator)
    W = random_elements("SU(3)", (1, 2, 3, 3), generator)
    trace = sum(W[..., a, a] for a in range(3)) / 3
    assert torch.equal(Trace("SU(3)", 2, 2)(U, W), torch.cat([trace.real, trace.imag], 1))
    assert torch.equal(Trace("SU(3)", 2, 2, "imaginary")(U, W), trace.imag)


def test_links_out_of_the_group_are_refused(gauge_group, generator):
    U = random_elements(gauge_group, (1, 2, 3, 3), generator)
    U[0, 1, 2, 1] *= 1 + 1e-6
    for layer in (Plaq(gauge_group, 2), Poly(gauge_group, 2)):
        with pytest.raises(LayerError, match=r"links are not in .*above"):
            layer(U)
    Plaq(gauge_group, 2, check_group=False)(U)
    U[0, 0, 0, 0] = float("nan")
    with pytest.raises(LayerError, match="links are not in"):
        Plaq(gauge_group, 2)(U)


def test_unknown_names_are_refused():
    with pytest.raises(LayerError, match="activation = 'step': choose one of"):
        LAct("SU(2)", 2, 1, "step")
    with pytest.raises(LayerError, match="parts = 'modulus'"):
        Trace("SU(2)", 2, 1, "modulus")
