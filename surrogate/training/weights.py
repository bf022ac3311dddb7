"""Weights of a module in a safetensors file; complex tensors are stored as pairs of real ones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from glasma.errors import FileError
from glasma.io.atomic import replacing

#: The one entry of the metadata of a file, JSON: the format, the names of complex tensors, and what the caller adds.
METADATA = "glasma"
_FORMAT = "glasma weights 1"

Weights = dict[str, Tensor]


def copied(module: nn.Module) -> Weights:
    """A copy of parameters and buffers on the CPU."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in module.state_dict().items()}


def save_weights(path: Path, weights: Weights, about: dict[str, Any] | None = None) -> None:
    """Write weights; an older file is replaced only by a complete one.

    Parameters
    ----------
    path : of the file
    weights : named tensors
    about : plain values for the metadata, for instance the epoch
    """
    stored, complex_names = as_stored(weights)
    text = json.dumps({"format": _FORMAT, "complex": complex_names, **(about or {})}, sort_keys=True)
    with replacing(path) as aside:
        aside.write_bytes(save(stored, {METADATA: text}))


def read_weights(path: Path) -> tuple[Weights, dict[str, Any]]:
    """The weights of a file and what its metadata say.

    Raises
    ------
    FileError
        If the file is missing, damaged or something else.
    """
    stored, metadata = read_safetensors(path)
    try:
        about = json.loads(metadata.get(METADATA, "{}"))
    except ValueError as error:
        raise FileError(f"{path}: its metadata are damaged ({error}); train again") from None
    if about.get("format") != _FORMAT:
        raise FileError(f"{path}: is a safetensors file but not one of a training; give best.safetensors or last.safetensors")
    names = set(about.pop("complex"))
    about.pop("format")
    return as_taken(stored, names), about


def as_stored(weights: Weights) -> tuple[Weights, list[str]]:
    """Weights as a file has them, with pairs of real numbers for complex ones, and the names of these."""
    complex_names = sorted(name for name, tensor in weights.items() if tensor.is_complex())
    # Tied weights are stored once for each name, as safetensors takes no tensors that share memory.
    stored = {
        name: (torch.view_as_real(tensor) if tensor.is_complex() else tensor).detach().cpu().contiguous().clone()
        for name, tensor in weights.items()
    }
    return stored, complex_names


def as_taken(stored: Weights, complex_names: Iterable[str]) -> Weights:
    """The weights again."""
    names = set(complex_names)
    return {name: torch.view_as_complex(tensor) if name in names else tensor for name, tensor in stored.items()}


def read_safetensors(path: Path, device: str = "cpu") -> tuple[Weights, dict[str, str]]:
    """The tensors and the metadata of a safetensors file.

    Raises
    ------
    FileError
        If the file is missing or damaged.
    """
    if not path.is_file():
        raise FileError(f"{path}: is missing; give a safetensors file that glasma wrote")
    try:
        with safe_open(path, framework="pt", device=device) as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 — not a dict
    except (OSError, SafetensorError) as error:
        raise FileError(f"{path}: is not a whole safetensors file ({str(error).splitlines()[0]}); write it again") from None


def load_weights(path: Path, module: nn.Module) -> dict[str, Any]:
    """Load weights into a module of the same architecture; returns what the metadata say.

    Raises
    ------
    FileError
        If the file cannot be used or belongs to another architecture.
    """
    weights, about = read_weights(path)
    fit(weights, module, path)
    return about


def fit(weights: Weights, module: nn.Module, path: Path) -> None:
    """Load weights into a module; `path` is where they come from.

    Raises
    ------
    FileError
        If they belong to another architecture: names the first tensor at fault.
    """
    wanted = module.state_dict()
    for name in sorted(wanted.keys() | weights.keys()):
        here, there = wanted.get(name), weights.get(name)
        said = [_described(tensor) for tensor in (here, there)]
        if said[0] != said[1]:
            raise FileError(f"{path}: {name}: the model {said[0]}, the file {said[1]}; make the model as it was trained")
    module.load_state_dict(weights)


def _described(tensor: Tensor | None) -> str:
    if tensor is None:
        return "lacks it"
    return f"has it {'complex' if tensor.is_complex() else 'real'} of shape {tuple(tensor.shape)}"
