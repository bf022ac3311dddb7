"""Trained models in files: the weights as safetensors, with a model card that is enough to build the model again.

The card is the metadata of the safetensors file and stands beside it as JSON for people to read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save

from glasma.errors import FileError
from glasma.io.atomic import replacing, write_text
from glasma.io.provenance import commit, installed, versions
from surrogate.collisions.surrogate import CollisionSurrogate
from surrogate.errors import LayerError
from surrogate.evolution.own import OwnEvolution
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.models import LCNN
from surrogate.observables.maps import ObservableNetwork
from surrogate.training.batches import cast
from surrogate.training.weights import as_stored, as_taken, read_safetensors
from surrogate.upscaling import NetworkUpscaler, Upscaler

#: Architectures that a card can name, and how their configuration becomes a model.
Model = LCNN | EvolutionSurrogate | CollisionSurrogate | OwnEvolution | Upscaler | NetworkUpscaler | ObservableNetwork
ARCHITECTURES: dict[str, type[Model]] = {
    "LCNN": LCNN,
    "EvolutionSurrogate": EvolutionSurrogate,
    "CollisionSurrogate": CollisionSurrogate,
    "OwnEvolution": OwnEvolution,
    "Upscaler": Upscaler,
    "NetworkUpscaler": NetworkUpscaler,
    "ObservableNetwork": ObservableNetwork,
}
_FORMAT = "glasma-model-1"


def save_model(
    model: Model,
    path: Path | str,
    training_data: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    notes: str = "",
) -> Path:
    """Write a model and its card.

    Parameters
    ----------
    model : LCNN, EvolutionSurrogate, CollisionSurrogate, OwnEvolution, Upscaler, NetworkUpscaler or ObservableNetwork
    path : path
        The file, by convention *.safetensors; the card goes to the same name with the ending .json.
    training_data, metrics : dict, optional
        What it was trained on (action, β, lattice, number, seed ...) and what it reaches; anything that JSON can say.
    notes : str
        Text for people.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    path = Path(path)
    tensors, complex_names = as_stored(model.state_dict())
    card = {
        "format": _FORMAT,
        "architecture": type(model).__name__,
        "config": model.config.to_dict(),
        "group": model.config.group,
        "dimensions": model.config.dimensions,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "precision": str(next(model.parameters()).dtype).removeprefix("torch."),
        "complex": complex_names,
        "training_data": training_data or {},
        "metrics": metrics or {},
        "notes": notes,
        "versions": {**versions(), "torch": installed("torch")},
        "commit": commit(),
    }
    text = json.dumps(card, indent=2, ensure_ascii=False)
    with replacing(path) as aside:
        aside.write_bytes(save(tensors, metadata={"card": text}))
    write_text(path.with_suffix(".json"), text + "\n")
    return path


def read_card(path: Path | str) -> dict[str, Any]:
    """The card of a model file.

    Raises
    ------
    FileError
        If the file is missing, damaged, or without a card.
    """
    return _read(Path(path), "cpu")[0]


def load_model(path: Path | str, device: torch.device | str = "cpu") -> Model:
    """The model of a file, in the precision in which it was saved, in evaluation mode; its card is `model.card`.

    Parameters
    ----------
    path : path
    device : optional
        Where its weights go.

    Raises
    ------
    FileError
        With one line, if the file is missing, damaged, or its weights do not fit the architecture of its card.
    ConfigError
        If its card names a Python path that gives no model.

    Notes
    -----
    A user's own model (`OwnEvolution`) is made by the class or function that its card names: load only files that you trust.
    """
    path = Path(path)
    card, tensors = _read(path, str(device))
    architecture = ARCHITECTURES.get(str(card.get("architecture")))
    if architecture is None:
        known = ", ".join(ARCHITECTURES)
        raise FileError(
            f"{path}: its architecture is {card.get('architecture')!r}, known are {known}; use the version that wrote it"
        )
    try:
        model = architecture(**card["config"])
        precision = getattr(torch, card["precision"])
        model._apply(lambda tensor: cast(tensor, torch.device(device), precision))
        model.load_state_dict(as_taken(tensors, card.get("complex", ())))
    except (LayerError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"{path}: weights and card do not fit each other ({reason}); restore the file") from None
    model.card = card
    return model.eval()


Kind = TypeVar("Kind", LCNN, EvolutionSurrogate, CollisionSurrogate, OwnEvolution, Upscaler, NetworkUpscaler)


def load_model_of(path: Path | str, kind: type[Kind]) -> Kind:
    """The model of a file that has to be of one kind.

    Raises
    ------
    FileError
        As `load_model`, and if it is of another kind.
    """
    return of_kind(load_model(path), path, kind)


def of_kind(model: Model, path: Path | str, kind: type[Kind]) -> Kind:
    """The model, if it is of one kind.

    Raises
    ------
    FileError
        If it is of another.
    """
    if not isinstance(model, kind):
        raise FileError(f"{path}: holds a model of the kind {type(model).__name__}, not {kind.__name__}; give another file")
    return model


def _read(path: Path, device: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    tensors, metadata = read_safetensors(path, device)
    try:
        card: dict[str, Any] = json.loads(metadata["card"])
    except (KeyError, ValueError):
        raise FileError(f"{path}: has no model card; write it with save_model") from None
    if card.get("format") != _FORMAT:
        raise FileError(f"{path}: its format is {card.get('format')!r}, not {_FORMAT!r}; use the version that wrote it")
    return card, tensors
