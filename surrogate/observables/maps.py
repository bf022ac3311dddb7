"""Maps of ε, P_L and P_T at later proper times from the fields of a collision at τ = 0+, by an ensemble of L-CNNs.

A network sees the plaquettes at the four corners of each site and E_L as objects W, in units of the scale of the event

    ε_0 = ⟨½E_L² + ½B_L²⟩,  ½E_L² = tr (gE_L)²,  ½B_L² = 2 Re tr(1 − U_xy)

(the mean over its lattice), W = i[U_xy]_ah/√ε_0, i gE_L/√ε_0, and gives T/ε_0.  For weak fields both are independent of
g²μ; the one number that then remains is τ/a_T, and that is fixed: a network is trained for given times.  Shown the whole
U_xy − 1, a network learns from its trace, which is of the order √ε_0, and fails where the fields are stronger.

Its layers follow the physics.  Fields of moderate strength travel as waves of the covariant Laplacian of the initial links,
linear in W, and T is a product of two of them: a few L-Conv carry the objects to their neighbours, up to the distance
τ or further, and then L-CB multiply.  A network of L-CB alone has the same reach, but its output is a polynomial of degree
2^depth in fields with strong peaks, and it trains badly (docs/observable_maps.md).  T^μ_μ = 0 holds for any weights: the
network gives P_L and P_T, and ε = P_L + 2P_T.

The maps are invariant under gauge transformations for any weights, and move with the lattice.  The error bar of a map is the
standard deviation of the members of the ensemble, which differ in their initial weights, times one factor for each time and
observable (`ObservableNetwork.calibrate`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from surrogate.errors import LayerError
from surrogate.groups import algebra_part, as_group
from surrogate.lattice import check_links, check_unitary, plaquettes
from surrogate.layers import LCB, LConv, PlaqLeaves, Trace
from surrogate.layers.tied import leaf_labels
from surrogate.models import SiteNetwork, per_layer
from surrogate.plain_config import PlainConfig

#: Part of the sites of a Gaussian error within one and two standard deviations.
GAUSSIAN = (0.6827, 0.9545)


class Maps(NamedTuple):
    """Maps and their error bars, (batch, times, 3, *lattice) each: ε, P_L, P_T in units 1/(g² a_T⁴)."""

    mean: Tensor
    error: Tensor


@dataclass(frozen=True)
class ObservableConfig(PlainConfig):
    """An ensemble of L-CNNs for maps at given times.

    Attributes
    ----------
    group : str
    times : tuple of float
        τ of the maps, units of the coarse a_T.
    blocking : int
        b of the fine lattice whose means the maps are.
    convolutions : tuple of int
        Channels after each L-Conv.
    channels : tuple of int
        Channels after each L-CB.
    kernel_sizes, dilations : tuple of int, or int
        Of the L-Conv; one number for all.
    product_kernel : int
        Kernel size of the L-CB; 1 multiplies at the same site.
    head : tuple of int
        Widths of the hidden 1 × 1 layers on the traces.
    head_activation : str
    members : int
        Networks in the ensemble, at least 2.
    """

    KIND: ClassVar[str] = "an observable network"

    group: str = "SU(2)"
    times: tuple[float, ...] = (0.75, 2.0, 4.0)
    blocking: int = 2
    convolutions: tuple[int, ...] = (16, 16, 16)
    channels: tuple[int, ...] = (24,)
    kernel_sizes: tuple[int, ...] | int = 3
    dilations: tuple[int, ...] | int = 1
    product_kernel: int = 1
    head: tuple[int, ...] = ()
    head_activation: str = "gelu"
    members: int = 4

    @property
    def dimensions(self) -> int:
        """D of the transverse plane."""
        return 2

    @property
    def reach(self) -> int:
        """Links along an axis from a site to the farthest that its output depends on, the plaquette's own not counted."""
        spread = sum((size - 1) * dilation for size, dilation in self.kernels)
        return spread + len(self.channels) * (self.product_kernel - 1)

    @property
    def kernels(self) -> list[tuple[int, int]]:
        """Kernel size and dilation of each L-Conv.

        Raises
        ------
        LayerError
            If there are not as many as layers.
        """
        depth = len(self.convolutions)
        sizes = per_layer("kernel_sizes", self.kernel_sizes, depth)
        return list(zip(sizes, per_layer("dilations", self.dilations, depth), strict=True))


def energy_scale(U: Tensor, E_L: Tensor) -> Tensor:
    """ε_0 = ⟨½E_L² + ½B_L²⟩ of fields at τ = 0+, gauge invariant.

    Parameters
    ----------
    U : (batch, 2, *lattice, N, N) complex
    E_L : (batch, *lattice, N, N) complex

    Returns
    -------
    (batch,) real, units 1/(g² a_T⁴)
    """
    electric = E_L.abs().square().sum((-2, -1))
    magnetic = 2 * (U.shape[-1] - plaquettes(U)[:, 0].diagonal(dim1=-2, dim2=-1).sum(-1).real)
    return (electric + magnetic).flatten(1).mean(1)


def check_fields(U: Tensor, E_L: Tensor, group: str) -> None:
    """Refuse fields that are not those of a boost-invariant collision at τ = 0+.

    Raises
    ------
    LayerError
        On other shapes or types, links outside of the group, E_L outside of the algebra, or fields without energy.
    """
    check_links(U, group, 2)
    expected = (U.shape[0], *U.shape[2:])
    if tuple(E_L.shape) != expected or E_L.dtype != U.dtype:
        raise LayerError(
            f"E_L of shape {tuple(E_L.shape)}, {E_L.dtype}: beside links {tuple(U.shape)} it must be {expected}, {U.dtype}"
        )
    check_unitary(U, group)
    largest = float(E_L.detach().abs().max())
    anomaly = float((E_L - E_L.mH).detach().abs().max())
    trace = float(E_L.detach().diagonal(dim1=-2, dim2=-1).sum(-1).abs().max())
    eps = torch.finfo(U.dtype).eps
    if not max(anomaly, trace) <= 1e3 * eps * max(largest, eps):
        raise LayerError(
            f"E_L is not in the algebra of {group}: |E − E†| or |tr E| is {max(anomaly, trace):.1e}; "
            "give E = Σ_a E^a t^a, hermitian and traceless"
        )
    scale = float(energy_scale(U, E_L).detach().min())
    if not scale > 0:
        raise LayerError(f"the mean of ½E_L² + ½B_L² is {scale:.1e}: maps are relative to it; give fields with energy")


def with_energy(pressures: Tensor) -> Tensor:
    """ε = P_L + 2P_T before P_L and P_T: (batch, 2 times, *lattice) → (batch, 3 times, *lattice)."""
    batch, rows, *lattice = pressures.shape
    pairs = pressures.view(batch, rows // 2, 2, *lattice)
    energy = pairs[:, :, :1] + 2 * pairs[:, :, 1:]
    return torch.cat([energy, pairs], dim=2).flatten(1, 2)


class MapNetwork(nn.Module):
    """One member: plaquettes and E_L → L-Conv* → L-CB* → Trace → 1 × 1 layers → P_L, P_T → ε, P_L, P_T in units of ε_0.

    Parameters
    ----------
    config : ObservableConfig

    Notes
    -----
    U (batch, 2, *lattice, N, N), E_L (batch, *lattice, N, N) → (batch, 3 times, *lattice) real.
    """

    def __init__(self, config: ObservableConfig) -> None:
        super().__init__()
        group, D = as_group(config.group), config.dimensions
        self.group = group
        # Anti-hermitian matrices without trace, and their products, are real quaternions in SU(2).
        quaternions = group.N == 2
        self.leaves = PlaqLeaves(group, D, check_group=False)
        # One sense of each leaf: the other is its dagger, and has the same field.
        self.used = [number for number, (_, (a, b)) in enumerate(leaf_labels(D)) if a[0] < b[0]]
        n_in = len(self.used) + 1
        layers: list[nn.Module] = []
        for n_out, kernel in zip(config.convolutions, config.kernels, strict=True):
            layers.append(LConv(group, D, n_in, n_out, *kernel))
            n_in = n_out
        for number, n_out in enumerate(config.channels, 1):
            # What the last layer passes on unmultiplied would have no trace.
            unit = "none" if number == len(config.channels) else "both"
            layers.append(LCB(group, D, n_in, n_out, config.product_kernel, 1, "both", "none", unit, False, quaternions))
            n_in = n_out
        self.layers = nn.ModuleList(layers)
        self.trace = Trace(group, D, n_in, "real" if quaternions else "both")
        self.head = SiteNetwork(self.trace.n_out, config.head, 2 * len(config.times), config.head_activation)

    def objects(self, U: Tensor, E_L: Tensor) -> Tensor:
        """i[U_xy]_ah/√ε_0 at the four corners and iE_L/√ε_0, (batch, 5, *lattice, N, N)."""
        root = energy_scale(U, E_L).sqrt().view(-1, *[1] * (U.ndim - 1))
        leaves = algebra_part(self.leaves(U)[:, self.used], self.group)
        return 1j * torch.cat([leaves, E_L[:, None]], dim=1) / root

    def forward(self, U: Tensor, E_L: Tensor) -> Tensor:
        """The maps in units of ε_0."""
        W = self.objects(U, E_L)
        for layer in self.layers:
            W = layer(U, W)
        return with_energy(self.head(self.trace(U, W)))


class ObservableNetwork(nn.Module):
    """Maps of ε, P_L, P_T with error bars from links and E_L at τ = 0+.

    Parameters
    ----------
    config : ObservableConfig

    Attributes
    ----------
    members : list of MapNetwork
    factors : (times, 3) buffer
        Error bar over the standard deviation of the members; ones until `calibrate`.
    card : dict
        What `load_model` found beside the weights.

    Raises
    ------
    LayerError
        On an impossible configuration.
    """

    factors: Tensor

    def __init__(self, config: ObservableConfig | None = None, **values: Any) -> None:
        super().__init__()
        config = config or ObservableConfig.from_dict(values)
        if config.members < 2:
            raise LayerError(f"members = {config.members}: an error bar needs at least 2 networks")
        if not config.channels:
            raise LayerError("channels = (): a network has at least one L-CB")
        if not config.times or min(config.times) <= 0:
            raise LayerError(f"times = {config.times}: give at least one τ > 0")
        if config.reach + 1 < max(config.times):
            raise LayerError(
                f"times = {config.times}: signals travel up to τ = {max(config.times):g} a_T and the layers reach "
                f"{config.reach} + 1 sites; give more convolutions or larger kernel_sizes"
            )
        self.config = config
        self.card: dict[str, Any] = {}
        self.members = nn.ModuleList(MapNetwork(config) for _ in range(config.members))
        self.register_buffer("factors", torch.ones(len(config.times), 3))

    def samples(self, U: Tensor, E_L: Tensor) -> Tensor:
        """What each member says, (members, batch, times, 3, *lattice), units 1/(g² a_T⁴).

        Raises
        ------
        LayerError
            On fields that `check_fields` refuses.
        """
        check_fields(U, E_L, self.config.group)
        scale = energy_scale(U, E_L).view(-1, 1, 1, 1, 1)
        found = [member(U, E_L).unflatten(1, (-1, 3)) * scale for member in self.members]
        return torch.stack(found)

    def forward(self, U: Tensor, E_L: Tensor) -> Maps:
        """Mean of the members and error bars."""
        samples = self.samples(U, E_L)
        factors = self.factors.to(samples).view(*self.factors.shape, 1, 1)
        return Maps(samples.mean(0), samples.std(0) * factors)

    @torch.no_grad()
    def calibrate(self, U: Tensor, E_L: Tensor, maps: Tensor) -> None:
        """Set the factors such that 68.27 % of the sites of these events are within their error bar.

        Parameters
        ----------
        U, E_L : fields of events that no member was trained on
        maps : (events, times, 3, *lattice)
            The truth.
        """
        samples = self.samples(U, E_L)
        self.factors.copy_(calibration(samples.mean(0), samples.std(0), maps))


def calibration(mean: Tensor, spread: Tensor, truth: Tensor) -> Tensor:
    """Factors for which 68.27 % of |mean − truth| are within factor × spread, one for each time and observable.

    Parameters
    ----------
    mean, spread, truth : (events, times, 3, *lattice)

    Returns
    -------
    (times, 3)

    Raises
    ------
    LayerError
        If some spread is zero: members that are all the same have no error bar.
    """
    if not bool((spread > 0).all()):
        raise LayerError("the members of the ensemble agree exactly at some site; train them from different initial weights")
    ratio = ((mean - truth).abs() / spread).double().movedim(0, 2).flatten(2)
    rank = max(1, round(GAUSSIAN[0] * ratio.shape[-1]))
    return ratio.kthvalue(rank, dim=-1).values


def coverage(mean: Tensor, error: Tensor, truth: Tensor) -> Tensor:
    """Part of the sites within one and two error bars, (2, times, 3); a Gaussian has 0.6827 and 0.9545."""
    ratio = (mean - truth).abs() / error
    return torch.stack([(ratio <= width).double().mean((0, *range(3, ratio.ndim))) for width in (1, 2)])
