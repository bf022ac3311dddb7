"""Errors of field strengths and energies at parts of the runs of a split, for the card of a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from surrogate.evolution.surrogate import pressures

#: Told what happens, one line each.
Say = Callable[[str], None]

#: Times at which errors are told, as parts of the run.
PARTS = (0.25, 0.5, 1.0)


class PartErrors:
    """Root mean squares over the events of a split."""

    def __init__(self) -> None:
        self._strengths: dict[float, list[float]] = {part: [] for part in PARTS}
        self._energies: dict[float, list[list[float]]] = {part: [] for part in PARTS}

    def parts(self, step: int, steps: int) -> list[float]:
        """The parts of a run of `steps` steps that end with this one."""
        return [part for part in PARTS if step == round(part * steps)]

    def add(self, part: float, strength: float, energies: tuple[Tensor, Tensor] | None) -> None:
        """The error of the field strength, and the four energies as found and true, of one event."""
        self._strengths[part].append(strength)
        if energies is not None:
            found, truth = (pressures(some) for some in energies)
            self._energies[part].append([float(found[0] / truth[0]) - 1, *(found - truth)[1:].tolist()])

    def told(self, split: str, say: Say) -> dict[str, Any]:
        """What the card has of them."""
        result: dict[str, Any] = {"strength": {str(part): _rms(values) for part, values in self._strengths.items()}}
        say(f"{split}: error of the field strength " + ", ".join(f"{value:.3f}" for value in result["strength"].values()))
        if any(self._energies.values()):
            for number, name in enumerate(("energy", "P_L", "P_T")):
                result[name] = {str(part): _rms([row[number] for row in rows]) for part, rows in self._energies.items()}
            say(f"{split}: error of ε " + ", ".join(f"{value:.4f}" for value in result["energy"].values()))
        return result


def _rms(values: list[float]) -> float:
    return (sum(value**2 for value in values) / max(1, len(values))) ** 0.5
