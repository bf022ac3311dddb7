"""What every evolution scheme gives: the rest of the code asks for nothing else.

Checks, checkpoints, observables and reports work on any `Scheme`, whether it is the leapfrog or a learned action.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from glasma.backend import Workers
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import GaussResidual
from glasma.lattice.grid import Interval
from glasma.nuclei.nucleus import Nucleus


class Scheme(Protocol):
    """A discretisation of the Yang–Mills equations with colour charges.

    Attributes
    ----------
    workers : Workers
        The threads that it runs on.
    iterations : int
        Of the last step; 0 for an explicit scheme.
    """

    workers: Workers
    iterations: int

    def initial_state(self, nuclei: Sequence[Nucleus]) -> Fields:
        """Fields and charges of the nuclei before they touch, exact in the scheme's own Gauss constraint."""
        ...

    def step(self, fields: Fields) -> None:
        """Advance the state in place by a_t."""
        ...

    def region(self, fields: Fields) -> list[Interval]:
        """The planes along z that are not static."""
        ...

    def gauss_residual(self, fields: Fields) -> GaussResidual:
        """Violation of the scheme's Gauss constraint."""
        ...

    def energy(self, fields: Fields) -> float:
        """The field energy that the scheme conserves without charges, units 1/(g² a_T)."""
        ...
