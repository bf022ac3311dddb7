"""The upscaler: what blocking by 2 forgets, from the coarse fields around each cell.

In the frames of the coarse sites (`surrogate.upscaling.cells`) all that is missing transforms as objects at X, and is
interpolated from objects of the neighbourhood, brought to X (`surrogate.upscaling.neighbours`), with weights that are
fitted:

    V_n(X) = exp(i Σ_β w_{nβ} F_β),    P_m(X) = Σ_β w'_{mβ} P^c_β,    φ_m(X) = Σ_β w''_{mβ} φ^c_β,

F_β the field strengths of the coarse plaquettes.  The two halves of a coarse link share its momentum, P + U P' U† = P^c:
only their difference is interpolated.  So, for any weights, block(upscale(x)) = x and the map is gauge equivariant.  The
fine Gauss constraint then holds up to the error of the interpolation; `glasma.lattice.gauss_projection` removes that.

The baseline `geodesic` has weights that are not fitted: every fine plaquette gets an even share of the flux of the coarse
one, and the rest is halfway between its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from surrogate.blocking import DIMENSIONS
from surrogate.errors import LayerError
from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import FieldState
from surrogate.evolution.momenta import logarithm
from surrogate.groups import algebra_part, as_group, exponential
from surrogate.lattice import plaquettes
from surrogate.plain_config import PlainConfig
from surrogate.upscaling.cells import CellFields, free_links, from_cells, offsets, to_cells
from surrogate.upscaling.neighbours import displacements, gathered


@dataclass(frozen=True)
class UpscalerConfig(PlainConfig):
    """What an upscaler is made of.

    Attributes
    ----------
    group : str
    frame : str
        "milne", "static" or "laboratory".
    radius : int
        Coarse sites in each direction that a cell looks at.
    """

    KIND: ClassVar[str] = "an upscaler"

    group: str = "SU(2)"
    frame: str = "milne"
    radius: int = 2

    @property
    def dimensions(self) -> int:
        """D."""
        return Frame(self.frame).dimensions


class Upscaler(nn.Module):
    """Coarse state → fine state of twice the sites in each direction.

    Parameters
    ----------
    config : UpscalerConfig

    Attributes
    ----------
    loops : (links, displacements × planes) Parameter
        w; zero to begin with, which leaves all flux of a coarse plaquette in one fine plaquette.
    momenta : (2^D × D, displacements × D) Parameter
        w'.
    scalars : (2^D − 1, displacements) Parameter
        w'', the same for φ and π.
    card : dict
        What `load_model` found beside the weights.
    """

    def __init__(self, config: UpscalerConfig | None = None, **values: Any) -> None:
        super().__init__()
        config = config or UpscalerConfig(**values)
        self.config = config
        self.card: dict[str, Any] = {}
        self.group, self.frame = as_group(config.group), Frame(config.frame)
        D, near = config.dimensions, len(displacements(config.dimensions, config.radius))
        double = torch.float64
        self.loops = nn.Parameter(torch.zeros(len(free_links(D)), near * (D * (D - 1) // 2), dtype=double))
        self.momenta = nn.Parameter(torch.zeros(2**D * D, near * D, dtype=double))
        self.scalars = nn.Parameter(torch.zeros(2**D - 1, near, dtype=double))
        self._halves()

    def forward(self, state: FieldState) -> FieldState:
        """The fine state in the gauge of the cells, where all sites of a cell have the frame of its coarse site.

        Parameters
        ----------
        state : FieldState
            Coarse; its momenta at the time of its links (`Leapfrog.synchronous`), units of the coarse lattice.

        Returns
        -------
        FieldState
            Fine, units of the fine lattice, its momenta at the time of its links; `number` is that of the coarse one.
        """
        links, P, phi, pi = from_cells(self.cells(state))
        assert P is not None
        return FieldState(links, P, phi, pi, state.number)

    def cells(self, state: FieldState) -> CellFields:
        """The fine state as fields of the cells."""
        U, D = state.U, self.config.dimensions
        strengths = algebra_part(plaquettes(U), self.group)
        V = exponential(_weighted(self.loops, gathered(U, strengths, self.config.radius)), self.group)
        P = _weighted(self.momenta, gathered(U, state.P, self.config.radius)) * self._momentum_scale
        momenta = self._with_sum(P.unflatten(1, (2**D, D)), state.P * self._momentum_scale)
        scalars = scalar_momenta = None
        if state.phi is not None and state.pi is not None:
            scalars = self._interpolated(U, state.phi) * self._scalar_scales[0]
            scalar_momenta = self._interpolated(U, state.pi) * self._scalar_scales[1]
        return CellFields(U, V, momenta, scalars, scalar_momenta)

    def coarse(self, state: FieldState) -> FieldState:
        """The blocked state, the left inverse of `forward`: links by `block_links`, momenta as their exact time derivative."""
        return self._of_cells(to_cells(state.U, state.P, state.phi, state.pi), state.number)

    def fit(self, states: Iterable[FieldState], ridge: float = 1e-8) -> dict[str, float]:
        """Set all weights to the least squares interpolation of fine states, their momenta at the time of their links.

        Every state counts the same, whatever the size of its fields.

        Returns
        -------
        dict
            Root mean square of what is left over, relative to the fields: loops, momenta, scalars.

        Raises
        ------
        LayerError
            Without states.
        """
        sums = {"loops": _Normal(), "momenta": _Normal(), "scalars": _Normal()}
        radius = self.config.radius
        for state in states:
            cells = to_cells(state.U, state.P, state.phi, state.pi)
            coarse = self._of_cells(cells, state.number)
            U = cells.coarse
            strengths = algebra_part(plaquettes(U), self.group)
            sums["loops"].add(gathered(U, strengths, radius), logarithm(cells.loops, self.group))
            assert cells.momenta is not None
            sums["momenta"].add(gathered(U, coarse.P, radius), cells.momenta.flatten(1, 2) / self._momentum_scale)
            for X, Xc, scale in (
                (cells.scalars, coarse.phi, self._scalar_scales[0]),
                (cells.scalar_momenta, coarse.pi, self._scalar_scales[1]),
            ):
                if X is not None and Xc is not None:
                    sums["scalars"].add(gathered(U, Xc[:, None], radius), X[:, 1:] / scale)
        found = {}
        with torch.no_grad():
            for name, normal in sums.items():
                if normal.count:
                    weights, found[name] = normal.solved(ridge)
                    getattr(self, name).copy_(weights)
        if not found:
            raise LayerError("no state to fit the upscaler to")
        return found

    @classmethod
    def geodesic(cls, group: str, frame: str) -> Upscaler:
        """The baseline in two dimensions: even shares of flux, fields halfway between their neighbours."""
        model = cls(UpscalerConfig(group, frame, radius=1))
        D = model.config.dimensions
        if D != 2:
            raise LayerError("the geodesic baseline is for two dimensions")
        places = {d: n for n, d in enumerate(displacements(D, 1))}
        with torch.no_grad():
            for n, (delta, axis) in enumerate(free_links(D)):
                model.loops[n, places[0, 0]] = 0.5 if delta == (1, 1) and axis == 1 else -0.25
            for m, delta in enumerate(offsets(D)):
                for axis in range(D):
                    across = 1 - axis
                    row = m * D + axis
                    share = 0.5 if delta[across] == 0 else 0.25
                    model.momenta[row, places[0, 0] * D + axis] = share
                    if delta[across]:
                        beyond = tuple(int(k == across) for k in range(D))
                        model.momenta[row, places[beyond] * D + axis] = share
                if m:
                    corners = [d for d in offsets(D) if all(a <= b for a, b in zip(d, delta, strict=True))]
                    for corner in corners:
                        model.scalars[m - 1, places[corner]] = 1 / len(corners)
        return model

    @property
    def _momentum_scale(self) -> float:
        """Fine momenta over coarse ones, apart from their sharing: in time units of the lattice's own spacing, except τ ∂_τ."""
        return 0.5 ** DIMENSIONS[self.frame.name].P

    @property
    def _scalar_scales(self) -> tuple[float, float]:
        """φ and π of the fine lattice over those of the coarse one."""
        n = DIMENSIONS[self.frame.name]
        return 0.5**n.phi, 0.5**n.pi

    def _halves(self) -> None:
        """Both halves of a coarse link have half of its momentum to begin with."""
        D, near = self.config.dimensions, displacements(self.config.dimensions, self.config.radius)
        here = near.index((0,) * D)
        with torch.no_grad():
            for m, delta in enumerate(offsets(D)):
                for axis in range(D):
                    if sum(delta) == delta[axis]:
                        self.momenta[m * D + axis, here * D + axis] = 0.5

    def _with_sum(self, momenta: Tensor, total: Tensor) -> Tensor:
        """The momenta of the halves of coarse links shifted so that they add up to the coarse ones."""
        D = self.config.dimensions
        places = offsets(D)
        columns = [list(momenta[:, n].unbind(1)) for n in range(len(places))]
        for axis in range(D):
            first, second = 0, places.index(tuple(int(k == axis) for k in range(D)))
            excess = (columns[first][axis] + columns[second][axis] - total[:, axis]) / 2
            columns[first][axis] = columns[first][axis] - excess
            columns[second][axis] = columns[second][axis] - excess
        return torch.stack([torch.stack(column, dim=1) for column in columns], dim=1)

    def _interpolated(self, U: Tensor, X: Tensor) -> Tensor:
        others = _weighted(self.scalars, gathered(U, X[:, None], self.config.radius))
        return torch.cat([X[:, None], others], dim=1)

    def _of_cells(self, cells: CellFields, number: int) -> FieldState:
        D, places = self.config.dimensions, offsets(self.config.dimensions)
        assert cells.momenta is not None
        sums = [
            cells.momenta[:, 0, axis] + cells.momenta[:, places.index(tuple(int(k == axis) for k in range(D))), axis]
            for axis in range(D)
        ]
        phi = None if cells.scalars is None else cells.scalars[:, 0] / self._scalar_scales[0]
        pi = None if cells.scalar_momenta is None else cells.scalar_momenta[:, 0] / self._scalar_scales[1]
        return FieldState(cells.coarse, torch.stack(sums, dim=1) / self._momentum_scale, phi, pi, number)


def _weighted(weights: Tensor, W: Tensor) -> Tensor:
    """Σ_β w_{αβ} W_β over the channels of (batch, channels, *lattice, N, N)."""
    return torch.einsum("ab,zb...->za...", weights.to(W.dtype), W)


class _Normal:
    """The normal equations of targets (batch, outputs, …) that are linear in channels (batch, channels, …)."""

    def __init__(self) -> None:
        self.count = 0
        self.left: Tensor = torch.zeros(())
        self.right: Tensor = torch.zeros(())
        self.squares = 0.0

    def add(self, channels: Tensor, targets: Tensor) -> None:
        X, Y = _numbers(channels), _numbers(targets)
        scale = float(Y.square().mean().sqrt()) or 1.0
        X, Y = X / scale, Y / scale
        self.left = self.left + X @ X.mT
        self.right = self.right + X @ Y.mT
        self.squares += float(Y.square().sum())
        self.count += 1

    def solved(self, ridge: float) -> tuple[Tensor, float]:
        size = self.left.diagonal().sqrt()
        size = torch.where(size > 0, size, 1.0)
        scaled = self.left / size / size[:, None] + ridge * torch.eye(len(size), dtype=self.left.dtype)
        weights = torch.linalg.solve(scaled, self.right / size[:, None]) / size[:, None]
        left_over = self.squares - float((2 * weights * self.right).sum()) + float((weights * (self.left @ weights)).sum())
        return weights.mT, (max(left_over, 0.0) / self.squares) ** 0.5


def _numbers(W: Tensor) -> Tensor:
    """(channels, numbers)"""
    return torch.view_as_real(W.detach().resolve_conj().transpose(0, 1).contiguous()).flatten(1).double()
