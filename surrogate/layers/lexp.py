"""L-Exp: objects move links (arXiv:2012.12901)."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.groups import Group, algebra_part, exponential
from surrogate.layers.base import GaugeLayer
from surrogate.layers.weights import initialise, weight_parameter


class LExp(GaugeLayer):
    """U_{x,μ} → exp(i Σ_i β_{μ,i} [W_{x,i}]_ah) U_{x,μ}, real β.

    [W]_ah = (W − W†)/2i without its trace is in the algebra, so the links stay in the group.

    Parameters
    ----------
    group : Group or str
    dimensions : int
        D.
    n_in : int
        Channels of W.
    gain : float
        Size of Σ β W at the start relative to W.

    Notes
    -----
    U (batch, D, *lattice, N, N), W (batch, n_in, *lattice, N, N) → U (batch, D, *lattice, N, N),
    U_{x,μ} → Ω_x U_{x,μ} Ω†_{x+μ} before and after.  The weight is (D, n_in).

    Raises
    ------
    LayerError
        On fields of another shape.
    """

    output_kind = "links"

    def __init__(self, group: Group | str, dimensions: int, n_in: int, gain: float = 0.1) -> None:
        super().__init__(group, dimensions, n_in, dimensions)
        self.gain = gain
        self.weight = weight_parameter((dimensions, n_in), complex_weights=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Gaussian weights that move the links by about `gain`."""
        initialise(self.weight, False, self.gain * self.n_in**-0.5)

    def forward(self, U: Tensor, W: Tensor) -> Tensor:
        """The moved links."""
        self.check(U, W)
        H = torch.einsum("mi,bi...->bm...", self.weight.to(W.dtype), algebra_part(W, self.group))
        return exponential(H, self.group) @ U

    def extra_repr(self) -> str:
        """The map in → out."""
        return f"{self.group}, D = {self.dimensions}, {self.n_in} → {self.dimensions} links"
