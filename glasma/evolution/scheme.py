"""What every evolution scheme gives: the rest of the code asks for nothing else.

Checks, checkpoints, observables and reports work on any `Scheme`, whether it is the leapfrog or a learned action.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from glasma.backend import Workers
from glasma.lattice.gauge import GaussResidual
from glasma.lattice.grid import Interval
from glasma.nuclei.nucleus import Nucleus
from glasma.observables.measure import Measurement


class Scheme(Protocol):
    """A discretisation of the Yang–Mills equations, with colour charges or without.

    The state is `glasma.lattice.fields.Fields` in the laboratory frame and `glasma.lattice.milne.MilneFields` in the
    boost-invariant one.

    Attributes
    ----------
    workers : Workers
        The threads that it runs on.
    iterations : int
        Of the last step; 0 for an explicit scheme.
    preparation : dict
        What finding the initial state took: name → number, empty if it needs no iteration.
    """

    workers: Workers
    iterations: int
    preparation: dict[str, float]

    def initial_state(self, nuclei: Sequence[Nucleus]) -> Any:
        """The fields of the nuclei at the start, exact in the scheme's own Gauss constraint."""
        ...

    def step(self, fields: Any) -> None:
        """Advance the state in place by a_t."""
        ...

    def region(self, fields: Any) -> list[Interval]:
        """The planes along z that are not static."""
        ...

    def gauss_residual(self, fields: Any) -> GaussResidual:
        """Violation of the scheme's Gauss constraint."""
        ...

    def unitarity_violation(self, fields: Any) -> float:
        """Largest |U†U − 1| over all links."""
        ...

    def energy(self, fields: Any) -> float:
        """Energy of the fields, units 1/(g² a_T); what it loses, `fields.work` gains."""
        ...

    def length_element(self, fields: Any) -> float:
        """The length along the beam, units a_T, by which a density is multiplied to add up to `energy`."""
        ...

    def measure(self, fields: Any) -> Measurement:
        """Energies and T^{μν}, means over the transverse plane."""
        ...

    def stress_tensor(self, fields: Any, x0: int = 0, x1: int | None = None) -> np.ndarray:
        """T^{μν} at the sites of planes x0 ≤ x < x1, (10, x1 − x0, ny, nz), units 1/(g² a_T⁴)."""
        ...
