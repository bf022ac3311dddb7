"""Upscalers one after the other: what holds for one holds for all of them."""

from __future__ import annotations

import pytest
import torch

from surrogate.blocking import block
from surrogate.errors import LayerError
from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import FieldState
from surrogate.groups import algebra_part, as_group, random_elements, random_near_unity
from surrogate.upscaling import Cascade, Upscaler


def coarse_state(group: str) -> FieldState:
    def algebra(*shape: int) -> torch.Tensor:
        return 0.3 * algebra_part(random_elements(group, shape), as_group(group))

    return FieldState(random_near_unity(group, (1, 2, 4, 4), 0.3), algebra(1, 2, 4, 4), algebra(1, 4, 4), algebra(1, 4, 4), 5)


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_blocking_takes_a_cascade_back_and_it_is_covariant(group: str) -> None:
    cascade = Cascade([Upscaler.geodesic(group, "milne"), Upscaler.geodesic(group, "milne")])
    assert cascade.factor == 4
    assert (cascade.config.group, cascade.config.frame) == (group, "milne")
    state = coarse_state(group)
    with torch.no_grad():
        fine = cascade(state)
        turned = cascade(state.transformed(Omega := random_elements(group, (1, 4, 4))))
    assert fine.U.shape[2:4] == (16, 16)
    back = block(fine, Frame("milne"), 4)
    for name in ("U", "P", "phi", "pi"):
        assert (getattr(back, name) - getattr(state, name)).abs().max() < 1e-12, name
    # All sites of a cell have the frame of its coarse site.
    everywhere = Omega.repeat_interleave(4, 1).repeat_interleave(4, 2)
    expected = fine.transformed(everywhere)
    for name in ("U", "P", "phi", "pi"):
        assert (getattr(turned, name) - getattr(expected, name)).abs().max() < 1e-12, name


def test_a_cascade_is_of_one_kind() -> None:
    with pytest.raises(LayerError, match="one group and one frame"):
        Cascade([Upscaler.geodesic("SU(2)", "milne"), Upscaler.geodesic("SU(3)", "milne")])
    with pytest.raises(LayerError, match="one group"):
        Cascade([])
