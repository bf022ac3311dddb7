"""The coarse schemes that are compared: the surrogate, those that were made by hand, and others that a user names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import torch

from glasma.errors import ConfigError, FileError
from surrogate.actions.field_strength import FieldStrengthAction
from surrogate.dataset import Dataset
from surrogate.evolution.own import Evolution, OwnEvolution
from surrogate.evolution.surrogate import EvolutionConfig, EvolutionSurrogate
from surrogate.fitting.own import own_evolution
from surrogate.model_files import load_model
from surrogate.python_path import is_python_path

WILSON, SYMANZIK, SURROGATE = "Wilson", "Symanzik", "surrogate"
#: Not a contender: what blocking has forgotten (`surrogate.comparison.floor`).
FLOOR = "floor"


@dataclass(frozen=True)
class Contender:
    """A coarse scheme.

    Attributes
    ----------
    name : str
    model : EvolutionSurrogate or OwnEvolution
        Its energies are plain ones for schemes made by hand.
    """

    name: str
    model: Evolution


def contenders(surrogate: EvolutionSurrogate, others: Iterable[Contender] = ()) -> list[Contender]:
    """Wilson's and Symanzik's actions with the time step of the surrogate, the surrogate, and others."""
    return [
        Contender(WILSON, by_hand(surrogate, FieldStrengthAction.wilson(surrogate.config.group).values())),
        Contender(SYMANZIK, by_hand(surrogate, FieldStrengthAction.symanzik(surrogate.config.group).values())),
        Contender(SURROGATE, surrogate),
        *others,
    ]


def other_contenders(places: Iterable[str], dataset: Dataset) -> list[Contender]:
    """Contenders from model files and from Python paths, whose models are untrained.

    They are called by the name of their training, else of their file or class; if that is taken, with a number.

    Raises
    ------
    FileError
        If a file is missing, damaged or holds no evolution.
    ConfigError
        If a Python path gives no model, or a model is for another lattice or other steps than the dataset's.
    """
    expected = {
        "group": dataset.group.name, "frame": dataset.frame.name, "blocking": dataset.blocking,
        "substeps": dataset.content.substeps,
    }  # fmt: skip
    found: list[Contender] = []
    for place in places:
        if is_python_path(place):
            model: Evolution = own_evolution(place, {}, dataset).eval()
        else:
            loaded = load_model(place)
            if not isinstance(loaded, EvolutionSurrogate | OwnEvolution):
                kind = type(loaded).__name__
                raise FileError(
                    f"compare.others: {place} holds a model of the kind {kind}, which evolves nothing; leave it out"
                )
            model = loaded
        for key, value in expected.items():
            if (own := getattr(model.config, key)) != value:
                raise ConfigError(f"compare.others: {place} is for {key} = {own}, {dataset.path} has {value}; leave it out")
        taken = {WILSON, SYMANZIK, SURROGATE, FLOOR, *(contender.name for contender in found)}
        name = _name(place, model.card)
        free = (text for n in count(2) if (text := f"{name} {n}") not in taken)
        found.append(Contender(name if name not in taken else next(free), model))
    return found


def _name(place: str, card: dict[str, Any]) -> str:
    if is_python_path(place):
        return place.rpartition(":")[2]
    trained: dict[str, Any] = card.get("training_data", {}).get("training", {}).get("train", {})
    return str(trained.get("name", Path(place).stem))


def by_hand(surrogate: EvolutionSurrogate, coefficients: dict[str, float]) -> EvolutionSurrogate:
    """The same lattice and time step with other coefficients and plain energies."""
    old = surrogate.config
    config = EvolutionConfig(old.group, old.frame, old.blocking, old.substeps, tuple(coefficients))
    model = EvolutionSurrogate(config)
    with torch.no_grad():
        model.pairs.set_values(coefficients)
    return model.eval()
