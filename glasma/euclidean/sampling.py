"""What is to be sampled: the lattice, the coupling, and how far apart on their chains configurations are taken."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from glasma.backend import Workers
from glasma.errors import ConfigError
from glasma.euclidean.heat_bath import HeatBath
from glasma.euclidean.lattice import LANES, CheckerboardLattice
from glasma.group import GROUPS, group_named

PRECISIONS = ("complex128", "complex64")
#: Chains that are run at once unless the user says how many: no more, and no more links in them.
_MOST_CHAINS, _MOST_LINKS = 128, 2**21


@dataclass(frozen=True)
class Sampling:
    """Configurations that are asked for.

    Configuration n is that of chain n mod `chains` after `thermalisation` + ⌊n/chains⌋ · `separation` sweeps.

    Raises
    ------
    ConfigError
        With one line that names the field, its value and what it must be.
    """

    group: str
    shape: tuple[int, ...]
    beta: float
    count: int
    seed: int
    #: sweeps before the first configuration, and between one and the next of a chain
    thermalisation: int = 200
    separation: int = 10
    #: sweeps of reflections after each heat bath
    overrelaxation: int = 1
    #: independent chains; 0 takes as many as keep the thermalisation to half of all sweeps
    chains: int = 0
    start: str = "hot"
    #: of the stored links; the chains run in double precision
    precision: str = "complex128"

    def __post_init__(self) -> None:
        if self.group not in GROUPS:
            raise ConfigError(f"group = {self.group!r}: must be {' or '.join(map(repr, GROUPS))}")
        for name, least in (("count", 1), ("thermalisation", 0), ("separation", 1), ("chains", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} = {getattr(self, name)}: must be at least {least}")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"precision = {self.precision!r}: must be {' or '.join(map(repr, PRECISIONS))}")
        CheckerboardLattice(self.shape)

    def with_chains(self) -> Sampling:
        """The same with a number of chains that depends on nothing but what is asked."""
        if self.chains:
            return self
        links = len(self.shape)
        for side in self.shape:
            links *= side
        chains = min(_MOST_CHAINS, _MOST_LINKS // links, self.count * self.separation // max(self.thermalisation, 1))
        return replace(self, chains=max(1, chains // LANES * LANES if chains >= LANES else chains))

    def heat_bath(self, workers: Workers | None = None) -> HeatBath:
        """The chains at their start."""
        group, chains = group_named(self.group), self.with_chains().chains
        return HeatBath(group, self.shape, self.beta, self.seed, self.overrelaxation, chains, self.start, workers)

    def as_dict(self) -> dict[str, Any]:
        """Field → value."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def difference(self, other: Sampling) -> str | None:
        """What distinguishes the configurations of the two, apart from their count; None if nothing does."""
        for name, value in self.as_dict().items():
            theirs = getattr(other, name)
            if value != theirs and name != "count":
                return f"{name} = {value}, not {theirs}"
        return None


def parsed_shape(text: str) -> tuple[int, ...]:
    """The sides of a lattice such as "8x8".

    Raises
    ------
    ConfigError
        If the text is nothing of that kind.
    """
    try:
        return tuple(int(side) for side in text.split("x"))
    except ValueError:
        raise ConfigError(f"shape = {text!r}: must be sides joined by x, such as 8x8") from None
