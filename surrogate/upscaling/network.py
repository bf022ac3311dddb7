"""An L-CNN on top of an interpolation: what products of fields tell of the inside of a cell.

The objects of an L-CNN at X, of which the first are i F/s, i P/p, i φ/f and i π/q with the field strengths F = [U_ij]_ah of the
coarse plaquettes, give corrections to the cells of a baseline in the frame of X,

    V → exp(i s Σ_β w_{nβ} [W_β]_ah) V,    P → P + p Σ_β w'_{mβ} [W_β]_ah,    φ → φ + f Σ_β w''_{mβ} [W_β]_ah,

as L-Exp does ([i P]_ah = P).  The constants s, p, f, q are the sizes of the coarse fields, so that products of objects stay of
order one.  The corrections of the two halves of a coarse link are opposite, and φ and π stay at the coarse sites or, where
averages were taken, keep these.  So, for any weights, the fine links are in the group, block(upscale(x)) = x, and the map is
gauge equivariant.  The w are zero to begin with, and the network is the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from surrogate.blocking import DIMENSIONS, SCALARS
from surrogate.errors import LayerError
from surrogate.evolution.frames import Frame
from surrogate.evolution.state import FieldState
from surrogate.groups import algebra_part, as_group, exponential
from surrogate.lattice import plaquettes
from surrogate.layers import LCB, LAct
from surrogate.models import Block, per_layer, rms
from surrogate.plain_config import PlainConfig
from surrogate.upscaling.cells import CellFields, free_links, offsets
from surrogate.upscaling.geodesic import SHARES, fine_state, geodesic_cells
from surrogate.upscaling.upscaler import Upscaler, UpscalerConfig


@dataclass(frozen=True)
class NetworkUpscalerConfig(PlainConfig):
    """What a network upscaler is made of.

    Attributes
    ----------
    group : str
    frame : str
        "milne", "static" or "laboratory".
    baseline : str
        "linear" or "even": the geodesic one with these shares; "fitted": an `Upscaler`, whose weights are part of the model.
    radius : int
        Of the fitted baseline.
    scalars : str
        How φ and π are blocked: "site" or "average", the latter not with the fitted baseline.
    channels : tuple of int
        Channels of W after each LCB.
    kernel_sizes : tuple of int, or int
        Of each LCB; one number for all.
    activation : str or None
        The function of an LAct after each LCB; none by default.
    """

    KIND: ClassVar[str] = "a network upscaler"

    group: str = "SU(2)"
    frame: str = "milne"
    baseline: str = "linear"
    radius: int = 2
    scalars: str = "site"
    channels: tuple[int, ...] = (8, 8)
    kernel_sizes: tuple[int, ...] | int = 2
    activation: str | None = None

    @property
    def dimensions(self) -> int:
        """D."""
        return Frame(self.frame).dimensions


class NetworkUpscaler(nn.Module):
    """Coarse state → fine state of twice the sites in each direction: a baseline and the corrections of an L-CNN.

    Parameters
    ----------
    config : NetworkUpscalerConfig

    Attributes
    ----------
    baseline : Upscaler or None
        The fitted baseline, to be fitted before the network is trained.
    sizes : (4,) buffer
        s, p, f, q; one until `calibrate` sets them.
    corrections : (outputs, channels) Parameter
        w, w', w'' for the loops, momenta, φ and π in this order; the channels are those of the last layer and the objects
        that the first one takes.
    card : dict
        What `load_model` found beside the weights.

    Raises
    ------
    LayerError
        On an impossible configuration.
    """

    def __init__(self, config: NetworkUpscalerConfig | None = None, **values: Any) -> None:
        super().__init__()
        config = config or NetworkUpscalerConfig.from_dict(values)
        self.config = config
        self.card: dict[str, Any] = {}
        if not config.channels:
            raise LayerError("channels = (): a network upscaler has at least one LCB")
        if config.baseline not in (*SHARES, "fitted"):
            raise LayerError(f'baseline = {config.baseline!r}: choose one of "linear", "even", "fitted"')
        if config.scalars not in SCALARS or (config.scalars != "site" and config.baseline == "fitted"):
            raise LayerError(f'scalars = {config.scalars!r}: choose "site", or "average" with a geodesic baseline')
        self.group, self.frame = as_group(config.group), Frame(config.frame)
        D, depth = config.dimensions, len(config.channels)
        n_in = n_first = D * (D - 1) // 2 + D + 2 * self.frame.has_scalar
        blocks = []
        # i times the algebra of SU(2) and its products are real multiples of group elements.
        quaternions = self.group.N == 2
        sizes = per_layer("kernel_sizes", config.kernel_sizes, depth)
        for n_out, kernel_size in zip(config.channels, sizes, strict=True):
            lcb = LCB(self.group, D, n_in, n_out, kernel_size, quaternions=quaternions, gain=min(0.5, (4 * depth) ** -0.5))
            blocks.append(Block(lcb, LAct(self.group, D, n_out, config.activation) if config.activation else None))
            n_in = n_out
        self.blocks = nn.ModuleList(blocks)
        scalars = len(offsets(D)) - 1 if self.frame.has_scalar else 0
        self._outputs = [len(free_links(D)), len(offsets(D)) * D, scalars, scalars]
        self.corrections = nn.Parameter(torch.zeros(sum(self._outputs), n_first + n_in))
        self.sizes: Tensor
        self.register_buffer("sizes", torch.ones(4))
        fitted = UpscalerConfig(config.group, config.frame, config.radius)
        self.baseline = Upscaler(fitted) if config.baseline == "fitted" else None
        self.double()

    def forward(self, state: FieldState) -> FieldState:
        """The fine state in the gauge of the cells, in units of the fine lattice.

        Parameters
        ----------
        state : FieldState
            Coarse; its momenta at the time of its links (`Leapfrog.synchronous`), units of the coarse lattice.

        Returns
        -------
        FieldState
            To compare with `surrogate.upscaling.to_cell_gauge` of a fine state.

        Raises
        ------
        LayerError
            If the fields do not fit the group or the frame.
        """
        return fine_state(self.cells(state), state, self.frame, self.config.scalars)

    def cells(self, state: FieldState) -> CellFields:
        """The fine state as fields of the cells."""
        config = self.config
        state.check(self.group, self.frame)
        if self.baseline is not None:
            cells = self.baseline.cells(state)
        else:
            cells = geodesic_cells(state, self.frame, config.baseline, config.scalars)
        moves = torch.einsum(
            "ab,zb...->za...", self.corrections.to(state.U.dtype), algebra_part(self._objects(state), self.group)
        )
        loops, momenta, phi, pi = moves.split(self._outputs, dim=1)
        n, (s, p, f, q) = DIMENSIONS[self.frame.name], self.sizes.to(state.U.real.dtype)
        p, f, q = p / 2**n.P, f / 2**n.phi, q / 2**n.pi
        assert cells.momenta is not None
        return CellFields(
            state.U,
            exponential(s * loops, self.group) @ cells.loops,
            cells.momenta + self._opposite(p * momenta.unflatten(1, cells.momenta.shape[1:3])),
            _moved(cells.scalars, f * phi),
            _moved(cells.scalar_momenta, q * pi),
        )

    @torch.no_grad()
    def calibrate(self, state: FieldState) -> None:
        """Take s, p, f, q from coarse fields, the root mean square of tr(X X†)/N of each.

        Without it training is slow, or unstable, where the fields are not of order one.
        """
        state.check(self.group, self.frame)
        for n, X in enumerate(self._fields(state)):
            self.sizes[n] = rms(X) or 1.0

    def _fields(self, state: FieldState) -> list[Tensor]:
        """F, P, φ, π, those that there are: (batch, channels, *lattice_c, N, N) each."""
        strengths = algebra_part(plaquettes(state.U), self.group)
        return [strengths, state.P, *(X[:, None] for X in (state.phi, state.pi) if X is not None)]

    def _objects(self, state: FieldState) -> Tensor:
        """(batch, channels, *lattice_c, N, N): those of the last layer, and i F/s, i P/p, i φ/f, i π/q."""
        first = [(1j / size) * X for X, size in zip(self._fields(state), self.sizes.to(state.U.real.dtype), strict=False)]
        W = known = torch.cat(first, dim=1)
        for layer in self.blocks:
            W = layer(state.U, W)
        return torch.cat([W, known], dim=1)

    def _opposite(self, moves: Tensor) -> Tensor:
        """Corrections of momenta (batch, 2^D, D, …) with those of the halves of coarse links opposite to each other."""
        D, places = self.config.dimensions, offsets(self.config.dimensions)
        columns = [list(moves[:, n].unbind(1)) for n in range(len(places))]
        for i in range(D):
            second = places.index(tuple(int(k == i) for k in range(D)))
            half = (columns[0][i] - columns[second][i]) / 2
            columns[0][i], columns[second][i] = half, -half
        return torch.stack([torch.stack(column, dim=1) for column in columns], dim=1)


def _moved(scalars: Tensor | None, moves: Tensor) -> Tensor | None:
    """Scalars of the cells with corrections at all sites but the first."""
    return None if scalars is None else torch.cat([scalars[:, :1], scalars[:, 1:] + moves], dim=1)
