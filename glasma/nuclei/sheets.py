"""Wilson lines of several independent colour sheets, one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor

import numpy as np

from glasma.nuclei.profile import GaussianProfile
from glasma.nuclei.wilson_lines import Spectrum, exponential


@dataclass(frozen=True)
class SheetNucleus:
    """A nucleus of N_s colour sheets that touch but do not overlap; sheet 1 is in front, met first by the other nucleus.

    Each sheet takes the same part of the profile: with F the part of the charge that has passed the point, V inside sheet k
    is V_1 V_2 … V_{k−1} exp(−i gφ_k (N_s F − k + 1)), with V_k = exp(−i gφ_k).  This is the path-ordered exponential of
    ρ(x^-) = Σ_k ρ_k f_k(x^-), where f_k is N_s times the profile in the sheet's interval and 0 elsewhere.  Behind the
    nucleus V is the ordered product of all sheets, whatever the profile (Lappi, EPJC 55 (2008) 285).

    Sheets that fade into each other would be smoother along the beam but their product would not be V_1 V_2 … V_{N_s}; a
    density that falls to zero between sheets makes each of them thinner, and the leapfrog's error grows.

    Parameters
    ----------
    potentials : (nx, ny, N_c, N_c) complex each
        gφ of every sheet, hermitian and traceless, the front first.
    profile : GaussianProfile
        Of the whole nucleus.
    direction : +1 or −1
    centre : float
        z of its centre at t = 0, units a_T.
    """

    potentials: Sequence[np.ndarray]
    profile: GaussianProfile
    direction: int
    centre: float

    @property
    def extent(self) -> tuple[float, float]:
        """Where the charges begin and end at t = 0."""
        return self.centre - self.profile.half_length, self.centre + self.profile.half_length

    def wilson_line(self, z: float, t: float) -> np.ndarray:
        """V at (t, z), (nx, ny, N_c, N_c)."""
        depth = self.direction * (self.centre + self.direction * t - z)
        passed = self.profile.behind(depth) * len(self.potentials)
        whole = floor(passed)
        if whole == len(self.potentials):
            return self._products[-1]
        inside = exponential(self._spectra[whole], passed - whole)
        return self._products[whole - 1] @ inside if whole else inside

    @cached_property
    def _spectra(self) -> list[Spectrum]:
        return [np.linalg.eigh(potential) for potential in self.potentials]

    @cached_property
    def _products(self) -> list[np.ndarray]:
        """V_1, V_1 V_2, …"""
        products = [exponential(self._spectra[0], 1.0)]
        for spectrum in self._spectra[1:]:
            products.append(products[-1] @ exponential(spectrum, 1.0))
        return products
