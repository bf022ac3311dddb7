"""A coarse lattice that evolves as the fine one does: an action with its time step, and operators for the energies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from surrogate.actions.action import Action, SumOfActions
from surrogate.actions.field_strength import FieldStrengthAction
from surrogate.actions.network import NetworkAction
from surrogate.errors import LayerError
from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import FieldState, Leapfrog
from surrogate.groups import as_group
from surrogate.models import LCNNConfig
from surrogate.observables.energies import EnergyOperators
from surrogate.plain_config import PlainConfig

#: Terms of the first half step from τ = 0+: those of second order in the fields, whose fit holds in stronger ones.
_QUADRATIC = (
    "plaquette", "adjacent", "rectangle", "diagonal", "straight2", "straight3", "straight4",
    "gradient1", "gradient2", "gradient3", "gradient4", "gradient_diagonal",
)  # fmt: skip


@dataclass(frozen=True)
class EvolutionConfig(PlainConfig):
    """What an evolution surrogate is made of.

    Attributes
    ----------
    group : str
    frame : str
        "milne" or "static".
    blocking : int
        b, by how much its lattice is coarser than the one that it stands for.
    substeps : int
        n in Δt = a_T/n, coarse units.
    terms : tuple of str
        Of the field strength action (`surrogate.actions.field_strength`).
    network : dict, optional
        An L-CNN in addition, keys of `LCNNConfig`.
    beginning : bool
        Whether the first half step from τ = 0+ has coefficients of its own.
    """

    KIND: ClassVar[str] = "an evolution surrogate"

    group: str = "SU(2)"
    frame: str = "milne"
    blocking: int = 2
    substeps: int = 4
    terms: tuple[str, ...] = ("plaquette", "gradient1")
    network: dict[str, Any] | None = None
    beginning: bool = False

    @property
    def dimensions(self) -> int:
        """D."""
        return Frame(self.frame).dimensions

    @property
    def step(self) -> float:
        """Δt, units of the coarse a_T."""
        return 1 / self.substeps


class EvolutionSurrogate(nn.Module):
    """The leapfrog of a learned action on a coarse lattice, and the energies of the fine lattice.

    Parameters
    ----------
    config : EvolutionConfig

    Attributes
    ----------
    pairs : FieldStrengthAction
        The part of the action with fitted coefficients; Wilson's to begin with.
    network : NetworkAction or None
        The part that an L-CNN adds.
    beginning : FieldStrengthAction or None
        The action of the first half step from τ = 0+.  That one is a Taylor series, not a step of the leapfrog, and on a coarse
        lattice its error is another: a fit to it halves what is wrong with ε later.
    frame : Frame
    energies : EnergyOperators
    card : dict
        What `load_model` found beside the weights.
    """

    def __init__(self, config: EvolutionConfig | None = None, **values: Any) -> None:
        super().__init__()
        config = config or EvolutionConfig.from_dict(values)
        self.config = config
        self.card: dict[str, Any] = {}
        group, self.frame = as_group(config.group), Frame(config.frame)
        frame = self.frame
        if not frame.has_scalar:
            raise LayerError(f"frame = {config.frame!r}: an evolution surrogate in the transverse plane is milne or static")
        self.pairs = FieldStrengthAction(group, frame.dimensions, terms=list(config.terms))
        self.network: NetworkAction | None = None
        if config.network is not None:
            network = LCNNConfig.from_dict({"group": config.group, "dimensions": frame.dimensions, **config.network})
            self.network = NetworkAction(network)
        self.beginning: FieldStrengthAction | None = None
        if config.beginning:
            # No rollout knows it: they begin later.
            terms = [name for name in config.terms if name in _QUADRATIC]
            self.beginning = FieldStrengthAction(group, frame.dimensions, terms=terms).requires_grad_(False)
        self.energies = EnergyOperators(group, frame, config.step)

    @property
    def action(self) -> Action:
        """The whole of the action."""
        return self.pairs if self.network is None else SumOfActions(self.pairs, self.network)

    @property
    def leapfrog(self) -> Leapfrog:
        """The scheme with this action."""
        return Leapfrog(self.action, self.pairs.group, self.frame, self.config.step)

    def start(self, U: Tensor, longitudinal: Tensor) -> FieldState:
        """The state after the first step from links (batch, 2, *lattice, N, N) and E_L (batch, *lattice, N, N) at τ = 0+."""
        action = self.action if self.beginning is None else self.beginning
        return Leapfrog(action, self.pairs.group, self.frame, self.config.step).start(U, longitudinal)

    def run(self, state: FieldState, steps: int, checkpointing: bool = False) -> Iterator[FieldState]:
        """The states after each of `steps` steps."""
        return self.leapfrog.run(state, steps, checkpointing)

    def forward(self, state: FieldState) -> FieldState:
        """One step."""
        result: FieldState = self.leapfrog(state)
        return result


def pressures(energies: Tensor) -> Tensor:
    """ε, P_L/ε, P_T/ε of (…, 4) energies in the order of `surrogate.observables.COMPONENTS`, (…, 3)."""
    electric_l, electric_t, magnetic_l, magnetic_t = energies.unbind(-1)
    total = energies.sum(-1)
    longitudinal = electric_t + magnetic_t - electric_l - magnetic_l
    return torch.stack([total, longitudinal / total, (electric_l + magnetic_l) / total], dim=-1)
