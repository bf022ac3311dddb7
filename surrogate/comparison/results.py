"""Numbers of a comparison: means over events, resolution gains, and everything as plain values for JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from surrogate.comparison.contenders import FLOOR, SURROGATE, SYMANZIK, WILSON
from surrogate.comparison.costs import Cost
from surrogate.comparison.run import OBSERVABLES, Event

#: Error of Wilson's action at which the schemes are compared.
BAR = 0.5


def strengths(events: list[Event], scheme: str) -> np.ndarray:
    """Root mean square over events of |F − F*|/|F*|, by time."""
    curves = [event.curves[scheme].strength for event in events if scheme in event.curves]
    return np.sqrt(np.mean(np.square(curves), axis=0))


def observable_errors(events: list[Event], scheme: str) -> np.ndarray:
    """Mean over events of ε/ε* − 1, P_L/ε − (P_L/ε)*, P_T/ε − (P_T/ε)*, (times, 3)."""
    rows = []
    for event in events:
        found, truth = np.array(event.curves[scheme].observables), np.array(event.truth)
        rows.append(np.stack([found[:, 0] / truth[:, 0] - 1, *(found - truth)[:, 1:].T], axis=1))
    return np.mean(rows, axis=0)


def observed(event: Event) -> list[str]:
    """The schemes that have energies: all but the floor."""
    return [name for name, curves in event.curves.items() if curves.observables]


def summary(events: list[Event]) -> list[dict[str, Any]]:
    """One row for each split: errors when Wilson's reaches `BAR` (or at the end) and what follows from them."""
    rows = []
    for split in dict.fromkeys(event.split for event in events):
        group = [event for event in events if event.split == split]
        wilson = strengths(group, WILSON)
        above = np.flatnonzero(wilson >= BAR)
        at = int(above[0]) if len(above) else len(wilson) - 1
        errors = {name: float(strengths(group, name)[at]) for name in group[0].curves}
        row: dict[str, Any] = {"split": split, "events": len(group), "time": group[0].times[at], "errors": errors}
        row["below_wilson"] = errors[WILSON] / errors[SURROGATE]
        row["below_symanzik"] = errors[SYMANZIK] / errors[SURROGATE]
        # Wilson's error is of second order in the spacing: the lattice on which it would be as small.
        row["resolution_gain"] = row["below_wilson"] ** 0.5
        row["above_floor"] = errors[SURROGATE] / errors[FLOOR] if FLOOR in errors else None
        row["observables"] = {
            name: dict(zip(OBSERVABLES, np.abs(observable_errors(group, name)[1:]).max(axis=0).tolist(), strict=True))
            for name in observed(group[0])
        }
        rows.append(row)
    return rows


def as_plain(events: list[Event], costs: list[Cost], **about: Any) -> dict[str, Any]:
    """Everything, for `compare.json`; numbers that are not finite, of schemes that ran away, are None there."""
    return _finite(
        {
            "format": "glasma comparison 1",
            **about,
            "summary": summary(events),
            "costs": [asdict(cost) for cost in costs],
            "events": [asdict(event) for event in events],
        }
    )


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
