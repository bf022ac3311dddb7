"""Layers with weights set by hand compute Wilson loops exactly: the sketch of arXiv:2012.12901."""

from __future__ import annotations

import pytest
import torch

from surrogate import LCB, Plaq, Trace
from surrogate.groups import random_elements
from surrogate.lattice import shift


def straight_line(U: torch.Tensor, axis: int, length: int) -> torch.Tensor:
    product = U[:, axis]
    for step in range(1, length):
        product = product @ shift(U[:, axis], axis, step, U.shape[1])
    return product


def wilson_loop(U: torch.Tensor, m: int, n: int) -> torch.Tensor:
    """Re tr/N of m links along axis 0, n along axis 1, and back: link by link."""
    D = U.shape[1]
    bottom, left = straight_line(U, 0, m), straight_line(U, 1, n)
    loop = bottom @ shift(left, 0, m, D) @ shift(bottom, 1, n, D).mH @ left.mH
    return loop.diagonal(dim1=-2, dim2=-1).sum(-1).real / U.shape[-1]


def doubling(group: str, axis: int, steps: int, dagger: bool) -> LCB:
    """W W' or W† W'†, W' brought to x by `steps` links along +axis: the loops from x and from its neighbour in one.

    Along axis 1 a loop runs back through the links by which its neighbour is brought to x, so W W' is the longer loop.
    Along axis 0 it begins with them: there W† W'† is the longer loop, run through in the other sense.
    """
    layer = LCB(group, 2, 1, 1, kernel_size=steps + 1, orientations="forward")
    with torch.no_grad():
        layer.weight.zero_()
    layer.set_weight(0, layer.left_index(0, dagger), layer.right_index(0, axis, steps, dagger), 1.0)
    return layer


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize(
    ("size", "path"),
    [
        ((1, 2), [(1, 1, False)]),
        ((2, 2), [(1, 1, False), (0, 1, True)]),
        # The second layer leaves the loop in the other sense, so the third has to turn it.
        ((4, 4), [(1, 1, False), (0, 1, True), (1, 2, True), (0, 2, True)]),
    ],
)
def test_network_with_weights_by_hand_computes_wilson_loops(group, size, path, generator):
    U = random_elements(group, (2, 2, 6, 5), generator)
    W = Plaq(group, 2)(U)
    for axis, steps, dagger in path:
        W = doubling(group, axis, steps, dagger)(U, W)
    found = Trace(group, 2, 1, "real")(U, W)[:, 0]
    expected = wilson_loop(U, *size)
    assert expected.std() > 0.1
    assert (found - expected).abs().max() < 1e-12
