"""The longitudinal shape of a nucleus."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt


@dataclass(frozen=True)
class GaussianProfile:
    """A Gaussian of width σ, cut off at ±`cutoff` σ and normalised to 1.

    Parameters
    ----------
    width : float
        σ, in units of a_T.
    cutoff : float
        Where the charges end, in units of σ.
    """

    width: float
    cutoff: float

    @property
    def half_length(self) -> float:
        """Distance from the centre to where the nucleus ends."""
        return self.cutoff * self.width

    def behind(self, depth: float) -> float:
        """The part of the charge that has passed a point `depth` behind the centre: 0 ahead, 1 behind the nucleus."""
        s = depth / self.width
        if s >= self.cutoff:
            return 1.0
        if s <= -self.cutoff:
            return 0.0
        missing = erfc(self.cutoff / sqrt(2)) / 2
        return (erfc(-s / sqrt(2)) / 2 - missing) / (1 - 2 * missing)
