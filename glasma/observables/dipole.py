"""The dipole correlator of a nucleus, C(r) = ⟨Re tr V†(x) V(x + r)⟩/N_c, and its saturation scale Q_s.

V is the Wilson line of a quark that has crossed the nucleus; 1 − C is the forward amplitude at which a colour dipole of size r
scatters.  Q_s = √2/r_s with C(r_s) = exp(−½), so that C = exp(−Q_s² r²/4) where it is Gaussian: Lappi, EPJC 55 (2008) 285,
arXiv:0711.3039, which finds Q_s ≈ 0.6 g²μ for the fundamental representation in the McLerran–Venugopalan model of SU(3).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
import scipy.fft

from glasma.backend import Workers
from glasma.errors import ConfigError
from glasma.lattice.fields import Fields
from glasma.lattice.storage import copy_field
from glasma.nuclei.nucleus import Nucleus
from glasma.observables.wilson_loops import mean_wilson_loop

#: C at r_s = √2/Q_s.
LEVEL = exp(-0.5)


@dataclass(frozen=True)
class Dipole:
    """C(r) of one nucleus, averaged over positions and directions.

    Attributes
    ----------
    r : (n,)
        Ascending from 0, in units of a_T, up to half the box.
    C : (n,)
        1 at r = 0.
    """

    r: np.ndarray
    C: np.ndarray

    @property
    def saturation_scale(self) -> float:
        """Q_s in units 1/a_T: where C first falls to exp(−½), ln C being interpolated linearly in r.

        Raises
        ------
        ConfigError
            If C stays above it up to half the box.
        """
        below = np.flatnonzero(self.C <= LEVEL)
        if not below.size:
            raise ConfigError(
                f"dipole: C(r) does not fall to exp(-1/2) up to r = {self.r[-1]:.4g} a_T (lowest: {self.C.min():.3g}), "
                "so Q_s is unknown; enlarge lattice.transverse_length or nuclei.g2mu"
            )
        after = int(below[0])
        r, C = self.r[after - 1 : after + 1], self.C[after - 1 : after + 1]
        if C[1] <= 0:  # no logarithm
            return sqrt(2) / float(np.interp(-LEVEL, -C, r))
        return sqrt(2) / float(np.interp(0.5, -np.log(C), r))


def wilson_line_behind(nucleus: Nucleus) -> np.ndarray:
    """V(x_T) of the whole nucleus, complex (nx, ny, N_c, N_c)."""
    front = 1 if nucleus.direction > 0 else 0
    behind = nucleus.extent[1 - front] - nucleus.direction
    return nucleus.wilson_line(behind, 0.0)


def dipole_map(V: np.ndarray) -> np.ndarray:
    """C at every displacement r = (r_x, r_y) on the periodic lattice, (nx, ny), by fast Fourier transform.

    Parameters
    ----------
    V : (nx, ny, N_c, N_c) complex
        Wilson lines.
    """
    nx, ny, colours, _ = V.shape
    power = np.sum(np.abs(scipy.fft.fft2(V, axes=(0, 1))) ** 2, axis=(2, 3))
    return scipy.fft.ifft2(power).real / (nx * ny * colours)


def dipole(V: np.ndarray, bin_width: float = 1.0) -> Dipole:
    """C(r) averaged over directions.

    Displacements are gathered in bins of r centred at multiples of `bin_width` (in units of a_T), the first of which holds
    r = 0 and what is nearer than half a bin; r and C are means over the bin.

    Parameters
    ----------
    V : (nx, ny, N_c, N_c) complex
        Wilson lines, for instance of `wilson_line_behind`.
    """
    nx, ny = V.shape[:2]
    rx, ry = (n * scipy.fft.fftfreq(n) for n in (nx, ny))
    r = np.hypot(rx[:, None], ry[None, :]).ravel()
    inside = r <= min(nx, ny) / 2
    r, C = r[inside], dipole_map(V).ravel()[inside]
    bins = np.floor(r / bin_width + 0.5).astype(int)
    count = np.bincount(bins)
    held = count > 0
    return Dipole(*(np.bincount(bins, weights)[held] / count[held] for weights in (r, C)))


def dipole_from_links(fields: Fields, z_behind: int, z_ahead: int, workers: Workers | None = None) -> Dipole:
    """C(r) from the links alone, as the mean of closed Wilson loops around the nucleus.

    A loop runs r sites along x or y in the plane behind the nucleus, through it along z, back ahead of it, and home along z.
    It is gauge invariant; with U_z = 1 and no field ahead it is Re tr V†(x) V(x + r)/N_c.  That holds for a nucleus that
    flies alone, or before the collision.

    Parameters
    ----------
    fields : Fields
    z_behind, z_ahead : int
        Planes of the lattice on the two sides of the nucleus, in either order.
    workers : Workers, optional
        Threads; one by default.

    Returns
    -------
    Dipole
        At whole r, the mean over all sites and over x and y.
    """
    nz = fields.grid.shape[2]
    low, high = sorted((z_behind, z_ahead))
    if not 0 <= low < high < nz:
        raise ValueError(f"z_behind = {z_behind}, z_ahead = {z_ahead}: need two different planes of 0 to {nz - 1}")
    slab = copy_field(fields.U[..., low : high + 1])
    largest = min(fields.grid.shape[:2]) // 2
    C = [1.0]
    for r in range(1, largest + 1):
        loops = [mean_wilson_loop(slab, fields.group, (i, 2), (r, high - low), workers) for i in (0, 1)]
        C.append(sum(loops) / 2)
    return Dipole(np.arange(largest + 1.0), np.array(C))
