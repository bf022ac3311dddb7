"""Nuclei on another lattice: those of a fine one at the sites of a coarse one, and back.

The links of a nucleus follow from its Wilson lines, and those from its colour potential at the same transverse site.  So the
potential at the coarse sites gives products of fine links exactly, as blocking does, and a coarse run starts from blocked
fields with charges that fulfil its own Gauss constraint.

A coarse plane p is the fine plane b p; the middle of its box is not quite that of the fine one.  What is at z in the fine
lattice is at z/b + ½(1 − 1/b) a_z in the coarse one, in units of a_T of each and from the middle of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor

import numpy as np

from glasma.lattice.grid import Grid
from glasma.nuclei.nucleus import Nucleus
from glasma.nuclei.profile import GaussianProfile
from glasma.nuclei.wilson_lines import CoherentNucleus
from surrogate.errors import LayerError

#: Part of a nucleus that may be in the cells of the other at the start of a coarse run.
LARGEST_OVERLAP = 1e-8


def coarse_grid(grid: Grid, blocking: int, substeps: int) -> Grid:
    """The lattice of `blocking` times the spacings, with a_t = a_z/`substeps`.

    Raises
    ------
    LayerError
        If a side is no multiple of it.
    """
    for side in grid.shape:
        if side % blocking:
            raise LayerError(f"lattice {grid.shape}: blocking by {blocking} needs sides that are multiples of it")
    nx, ny, nz = (side // blocking for side in grid.shape)
    return Grid((nx, ny, nz), blocking * grid.spacing_fm, grid.anisotropy, substeps)


def coarse_nuclei(nuclei: Sequence[Nucleus], blocking: int, anisotropy: float) -> list[CoherentNucleus]:
    """The nuclei with their potentials at every b-th site.

    Parameters
    ----------
    nuclei : sequence of CoherentNucleus
        Of the fine lattice.
    blocking : int
        b
    anisotropy : float
        a_z/a_T

    Raises
    ------
    LayerError
        If a nucleus is not coherent, or is known by its Wilson lines alone.
    """
    shift = _shift(blocking, anisotropy)
    result = []
    for nucleus in nuclei:
        checked = _coherent(nucleus)
        potential = np.ascontiguousarray(checked.potential[::blocking, ::blocking])
        profile = GaussianProfile(checked.profile.width / blocking, checked.profile.cutoff)
        result.append(CoherentNucleus(potential, profile, checked.direction, checked.centre / blocking + shift))
    return result


def fine_nuclei(nuclei: Sequence[CoherentNucleus], blocking: int, anisotropy: float) -> list[CoherentNucleus]:
    """The smoothest nuclei that have these potentials at every b-th site: Fourier interpolation.

    `coarse_nuclei` gives them back; a potential without wave numbers above π/(b a_T) is recovered.
    """
    shift = _shift(blocking, anisotropy)
    result = []
    for nucleus in nuclei:
        potential = interpolated(nucleus.potential, blocking)
        profile = GaussianProfile(nucleus.profile.width * blocking, nucleus.profile.cutoff)
        result.append(CoherentNucleus(potential, profile, nucleus.direction, blocking * (nucleus.centre - shift)))
    return result


def start_overlap(grid: Grid, blocking: int, substeps: int, profile: GaussianProfile, distance: float) -> float:
    """Largest part of a nucleus that is in cells of the other one on the coarse lattice, at the first time.

    There `glasma.evolution.initial_state` would cut off the one, or count its charges twice, against the Gauss constraint.  A
    fine lattice has room enough, see `Derived.half_length`, but the cells around a nucleus are b times longer on a coarse one.

    Parameters
    ----------
    grid : Grid
        Of the fine lattice.
    blocking, substeps : int
        b, and n in a_t = a_z/n of the coarse lattice.
    profile : GaussianProfile
        On the fine lattice.
    distance : float
        Of the centres from z = 0 at the start, in fm.
    """
    coarse = coarse_grid(grid, blocking, substeps)
    profile, shift = GaussianProfile(profile.width / blocking, profile.cutoff), _shift(blocking, grid.anisotropy)
    right, left = (sign * distance / coarse.spacing_fm + shift for sign in (-1, 1))
    # The cells that belong to the two nuclei end and begin here.
    end = ceil((right + profile.half_length) / coarse.a_z + coarse.middle) + 2
    begin = floor((left - profile.half_length) / coarse.a_z + coarse.middle) - 1
    of_right = profile.behind(right + coarse.a_t - (begin - coarse.middle) * coarse.a_z)
    of_left = profile.behind((end - 1 - coarse.middle) * coarse.a_z - left + coarse.a_t)
    return max(of_right, of_left)


def interpolated(potential: np.ndarray, factor: int) -> np.ndarray:
    """Trigonometric interpolation of a periodic plane, (nx, ny, N, N) Hermitian → (factor nx, factor ny, N, N)."""
    for axis in (0, 1):
        n = potential.shape[axis]
        spectrum = np.moveaxis(np.fft.fft(potential, axis=axis), axis, 0)
        padded = np.zeros((factor * n, *spectrum.shape[1:]), complex)
        positive, negative = (n + 1) // 2, (n - 1) // 2
        padded[:positive] = spectrum[:positive]
        padded[factor * n - negative :] = spectrum[n - negative :]
        if n % 2 == 0:
            # The highest wave number stands for both of its signs.
            padded[n // 2] = padded[-(n // 2)] = spectrum[n // 2] / 2
        potential = factor * np.moveaxis(np.fft.ifft(padded, axis=0), 0, axis)
    return np.ascontiguousarray(potential)


def _shift(blocking: int, anisotropy: float) -> float:
    return (1 - 1 / blocking) * anisotropy / 2


def _coherent(nucleus: Nucleus) -> CoherentNucleus:
    if not isinstance(nucleus, CoherentNucleus) or nucleus.full is not None:
        raise LayerError(
            "collisions on a coarse lattice need coherent nuclei with a potential: one sheet, no correlation length, no file"
        )
    return nucleus
