"""A nucleus as the solver sees it: Wilson lines along its path."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Nucleus(Protocol):
    """A nucleus that moves with the speed of light along z and carries a pure-gauge field behind it.

    Attributes
    ----------
    direction : +1 or −1
    extent : (float, float)
        Interval of z at t = 0, in units of a_T, outside which its Wilson line does not depend on z.
    """

    @property
    def direction(self) -> int:
        """Sign of its velocity along z."""

    @property
    def extent(self) -> tuple[float, float]:
        """Where it begins and ends at t = 0."""

    def wilson_line(self, z: float, t: float) -> np.ndarray:
        """V(t, z, x_T), complex (nx, ny, N_c, N_c): 1 ahead of the nucleus.  z and t in units of a_T."""
        ...
