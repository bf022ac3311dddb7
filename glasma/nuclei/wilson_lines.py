"""Wilson lines of a coherent nucleus: one colour structure along its whole thickness."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glasma.group import dagger
from glasma.nuclei.profile import GaussianProfile

#: Eigenvalues and eigenvectors of hermitian matrices at every site.
Spectrum = tuple[np.ndarray, np.ndarray]


def exponential(spectrum: Spectrum, fraction: float) -> np.ndarray:
    """exp(−i X `fraction`) of the hermitian matrices X with a given spectrum, (nx, ny, N_c, N_c)."""
    eigenvalues, vectors = spectrum
    phases = np.exp(-1j * fraction * eigenvalues)
    return (vectors * phases[..., None, :]) @ dagger(vectors)


@dataclass(frozen=True)
class CoherentNucleus:
    """A nucleus whose transverse colour field is the same at every depth.

    V(t, z, x_T) = exp(−i gφ(x_T) F), with F the part of the charge that has passed the point (Gelfand, Ipp, Müller,
    PRD 94 (2016) 014020, section II).

    Parameters
    ----------
    potential : (nx, ny, N_c, N_c) complex
        gφ, hermitian and traceless.
    profile : GaussianProfile
    direction : +1 or −1
    centre : float
        z of its centre at t = 0, units a_T.
    full : (nx, ny, N_c, N_c) complex, optional
        V behind the nucleus, where it is known better than from the potential.
    """

    potential: np.ndarray
    profile: GaussianProfile
    direction: int
    centre: float
    full: np.ndarray | None = None

    @property
    def extent(self) -> tuple[float, float]:
        """Where the charges begin and end at t = 0."""
        return self.centre - self.profile.half_length, self.centre + self.profile.half_length

    @cached_property
    def _spectrum(self) -> Spectrum:
        return np.linalg.eigh(self.potential)

    def wilson_line(self, z: float, t: float) -> np.ndarray:
        """V at (t, z), (nx, ny, N_c, N_c)."""
        depth = self.centre + self.direction * t - z
        passed = self.profile.behind(self.direction * depth)
        if self.full is not None and passed == 1:
            return self.full
        return exponential(self._spectrum, passed)
