"""Upscalers one after the other, each of twice the sites: from a lattice blocked by b = 2^k to the fine one.

Each has weights of its own, since the fields of a coarser lattice vary more from site to site: it is fitted to the fine states
blocked to its own fine lattice (`upscaler.coarsening` of `glasma train`).  block(upscale(x)) = x and the covariance hold as for
each.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from surrogate.errors import LayerError
from surrogate.evolution.leapfrog import FieldState
from surrogate.upscaling.network import NetworkUpscaler, NetworkUpscalerConfig
from surrogate.upscaling.upscaler import Upscaler, UpscalerConfig


class Cascade(nn.Module):
    """Coarse state → fine state of 2^k times the sites in each direction.

    Parameters
    ----------
    upscalers : sequence of Upscaler or NetworkUpscaler
        The first that of the coarsest lattice.

    Raises
    ------
    LayerError
        Without upscalers, or if their groups or frames differ.
    """

    def __init__(self, upscalers: Sequence[Upscaler | NetworkUpscaler]) -> None:
        super().__init__()
        kinds = {(upscaler.config.group, upscaler.config.frame) for upscaler in upscalers}
        if len(kinds) != 1:
            raise LayerError(f"upscalers of the kinds {sorted(kinds)}: a cascade needs one group and one frame")
        self.upscalers = nn.ModuleList(upscalers)

    @property
    def config(self) -> UpscalerConfig | NetworkUpscalerConfig:
        """That of the first: group and frame are those of all."""
        first = self.upscalers[0]
        assert isinstance(first, Upscaler | NetworkUpscaler)
        return first.config

    @property
    def factor(self) -> int:
        """b"""
        return 2 ** len(self.upscalers)

    def forward(self, state: FieldState) -> FieldState:
        """The fine state, as `Upscaler.forward` of the last."""
        for upscaler in self.upscalers:
            state = upscaler(state)
        return state
