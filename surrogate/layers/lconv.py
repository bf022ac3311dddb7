"""L-Conv: the gauge-equivariant convolution (Favoni, Ipp, Müller, Schuh, PRL 128 (2022) 032003, arXiv:2012.12901)."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.groups import Group
from surrogate.layers.base import GaugeLayer, offsets
from surrogate.layers.representation import Matrices
from surrogate.layers.transport import transported
from surrogate.layers.weights import as_weight, initialise, weight_parameter


class LConv(GaugeLayer):
    """W'_{x,i} = Σ_{j,μ,k} ω_{i,j,μ,k} U_{x,kμ} W_{x+kμ,j} U†_{x,kμ}.

    Parameters
    ----------
    group : Group or str
    dimensions : int
        D.
    n_in, n_out : int
        Channels of W.
    kernel_size : int
        Sites along an axis in one orientation, x itself included.
    dilation : int
        Links between those sites.
    orientations : str
        "forward", or "both" for transports along −μ too.
    complex_weights : bool
        ω complex instead of real.

    Notes
    -----
    W (batch, n_in, *lattice, N, N) → (batch, n_out, *lattice, N, N), W → Ω_x W Ω†_x before and after.  The weight is
    (n_out, offsets, n_in), the offsets in the order of `self.offsets`.

    Raises
    ------
    LayerError
        On an impossible kernel, or fields of another shape.
    """

    def __init__(
        self,
        group: Group | str,
        dimensions: int,
        n_in: int,
        n_out: int,
        kernel_size: int = 2,
        dilation: int = 1,
        orientations: str = "both",
        complex_weights: bool = False,
    ) -> None:
        super().__init__(group, dimensions, n_in, n_out)
        self.offsets = offsets(dimensions, kernel_size, dilation, orientations)
        self.complex_weights = complex_weights
        self.weight = weight_parameter((n_out, len(self.offsets), n_in), complex_weights)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Gaussian weights for which W' is as large as W, if its terms are independent."""
        initialise(self.weight, self.complex_weights, (len(self.offsets) * self.n_in) ** -0.5)

    def forward(self, U: Tensor, W: Tensor) -> Tensor:
        """The convolved objects."""
        self.check(U, W)
        weight = as_weight(self.weight, self.complex_weights, W.dtype).flatten(1)
        real_form = Matrices(self.group.N)
        # Autocast would take the real matrices of links for those of a linear layer.
        with torch.autocast(W.device.type, enabled=False):
            T = transported(U, real_form.encode(W), self.offsets, real_form)
            real, imaginary = T[..., : self.group.N**2, :], T[..., self.group.N**2 :, :]
            if weight.is_complex():
                u, v = weight.real.T, weight.imag.T
                parts = [real @ u - imaginary @ v, real @ v + imaginary @ u]
            else:
                parts = [real @ weight.T, imaginary @ weight.T]
            return real_form.to_matrices(torch.cat(parts, dim=-2))

    def extra_repr(self) -> str:
        """The map in → out, and the kernel."""
        return f"{super().extra_repr()}, {len(self.offsets)} sites"
