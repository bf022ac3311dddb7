"""An L-CNN as a potential: what pairs of field strengths cannot say."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from surrogate.actions.action import Action, Potential
from surrogate.errors import LayerError
from surrogate.models import LCNN, LCNNConfig


class NetworkAction(Action):
    """V_B = c Σ_x f(x) with the gauge-invariant output f of an L-CNN; c is zero to begin with.

    On top of a fitted action in a `SumOfActions`, training so starts from the fit.

    Parameters
    ----------
    config : LCNNConfig
        With one output, not pooled; `tied` keeps the symmetries of the square lattice.

    Raises
    ------
    LayerError
        If the network has several outputs or is pooled.
    """

    def __init__(self, config: LCNNConfig) -> None:
        super().__init__()
        if config.outputs != 1 or config.pooled:
            raise LayerError(f"outputs = {config.outputs}, pooled = {config.pooled}: an action needs 1 and false")
        self.network = LCNN(config)
        self.strength = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, U: Tensor, phi: Tensor | None = None) -> Potential:
        """V_B alone."""
        value = self.strength * self.network(U).flatten(1).sum(1)
        return Potential(value, None if phi is None else torch.zeros_like(value))
