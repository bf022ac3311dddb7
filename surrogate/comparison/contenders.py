"""The coarse schemes that are compared: the surrogate, and those that were made by hand."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from surrogate.actions.field_strength import FieldStrengthAction
from surrogate.evolution.surrogate import EvolutionConfig, EvolutionSurrogate

WILSON, SYMANZIK, SURROGATE = "Wilson", "Symanzik", "surrogate"


@dataclass(frozen=True)
class Contender:
    """A coarse scheme.

    Attributes
    ----------
    name : str
    model : EvolutionSurrogate
        Its energies are plain ones for schemes made by hand.
    """

    name: str
    model: EvolutionSurrogate


def contenders(surrogate: EvolutionSurrogate) -> list[Contender]:
    """Wilson's and Symanzik's actions with the time step of the surrogate, and the surrogate."""
    return [
        Contender(WILSON, by_hand(surrogate, FieldStrengthAction.wilson(surrogate.config.group).values())),
        Contender(SYMANZIK, by_hand(surrogate, FieldStrengthAction.symanzik(surrogate.config.group).values())),
        Contender(SURROGATE, surrogate),
    ]


def by_hand(surrogate: EvolutionSurrogate, coefficients: dict[str, float]) -> EvolutionSurrogate:
    """The same lattice and time step with other coefficients and plain energies."""
    old = surrogate.config
    config = EvolutionConfig(old.group, old.frame, old.blocking, old.substeps, tuple(coefficients))
    model = EvolutionSurrogate(config)
    with torch.no_grad():
        model.pairs.set_values(coefficients)
    return model.eval()
