"""The rival of the observable network: a U-Net on the numbers in the links and E_L, as they are or in the Landau gauge."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.gauge_fixing import colour_frame, landau_gauge
from surrogate.lattice import transform_links, transform_objects
from surrogate.observables.map_events import MapEvents
from surrogate.observables.maps import energy_scale, with_energy
from surrogate.plain_networks import UNet


class PlainMapNetwork(UNet):
    """A U-Net on the numbers in the fields.

    Parameters
    ----------
    colours : int
        N.
    times : int
        How many.
    width, deep : int
        Channels at full and at half resolution.

    Notes
    -----
    U (batch, 2, nx, ny, N, N), E_L (batch, nx, ny, N, N) → (batch, 3 times, nx, ny) real, in units of ε_0, with T^μ_μ = 0
    built in as in `MapNetwork`.  It sees real and imaginary parts of all matrix elements, U − 1 and E_L/√ε_0, each
    with the mean 0 and the variance 1 that `standardise` has found.

    Raises
    ------
    LayerError
        On a lattice with an odd side.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, colours: int, times: int, width: int, deep: int) -> None:
        entries = 6 * colours**2
        super().__init__(entries, 2 * times, width, deep)
        self.register_buffer("mean", torch.zeros(entries, 1, 1))
        self.register_buffer("deviation", torch.ones(entries, 1, 1))

    def entries(self, U: Tensor, E_L: Tensor) -> Tensor:
        """The numbers that it sees, (batch, 6 N², nx, ny)."""
        root = energy_scale(U, E_L).sqrt().view(-1, 1, 1, 1, 1)
        unit = torch.eye(U.shape[-1], dtype=U.dtype, device=U.device)
        matrices = torch.cat([U - unit, (E_L / root)[:, None]], dim=1)
        return torch.view_as_real(matrices.resolve_conj().movedim((2, 3), (-2, -1))).movedim(-1, 4).flatten(1, 4)

    @torch.no_grad()
    def standardise(self, events: MapEvents) -> None:
        """Set mean and variance of what it sees to those of these events."""
        seen = self.entries(events.U, events.E_L).to(self.mean.dtype)
        self.mean.copy_(seen.mean((0, 2, 3)).view(-1, 1, 1))
        spread = seen.std((0, 2, 3)).view(-1, 1, 1)
        # Entries that vanish but for rounding, as the imaginary part of a hermitian diagonal, stay so small.
        self.deviation.copy_(torch.where(spread > 1e-4 * spread.max(), spread, 1.0))

    def forward(self, U: Tensor, E_L: Tensor) -> Tensor:
        """The maps in units of ε_0."""
        return with_energy(self.maps((self.entries(U, E_L) - self.mean) / self.deviation))


def matched_widths(parameters: int, colours: int, times: int) -> tuple[int, int]:
    """Width and deep of the U-Net whose number of parameters is nearest, with width ≤ deep ≤ 2 width where possible."""

    def count(width: int, deep: int) -> int:
        inner = 9 * (6 * colours**2 * width + 3 * width**2 + 2 * width * deep + deep**2)
        return inner + 4 * width + 2 * deep + 2 * times * (width + 1)

    candidates = [(width, deep) for width in range(1, 257) for deep in range(width, 2 * width + 1)]
    return min(candidates, key=lambda pair: (abs(count(*pair) - parameters), pair[1]))


def in_landau_gauge(events: MapEvents) -> MapEvents:
    """The same events with links in the Landau gauge and the colour frame of E_L.

    Raises
    ------
    ConvergenceError
        If the gauge is not reached.
    """
    fixed = landau_gauge(events.U)
    E_L = transform_objects(events.E_L[:, None], fixed.Omega)[:, 0]
    whole = colour_frame(E_L).view(len(events), 1, 1, *E_L.shape[-2:]).expand_as(fixed.Omega)
    return MapEvents(transform_links(fixed.U, whole), transform_objects(E_L[:, None], whole)[:, 0], events.maps)


def gauge_transformed(events: MapEvents, Omega: Tensor) -> MapEvents:
    """The same events in another gauge, Ω (events, nx, ny, N, N); the maps are invariant."""
    return MapEvents(transform_links(events.U, Omega), transform_objects(events.E_L[:, None], Omega)[:, 0], events.maps)
