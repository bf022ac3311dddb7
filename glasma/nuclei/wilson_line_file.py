"""Wilson lines of nuclei that another code has made, from an HDF5 file."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import scipy.linalg

from glasma.errors import FileError
from glasma.group import dagger
from glasma.io.fingerprint import fingerprint
from glasma.nuclei.profile import GaussianProfile
from glasma.nuclei.wilson_lines import CoherentNucleus

#: Names of the datasets: the right-mover's and the left-mover's V.
DATASETS = ("A", "B")
#: Largest |V†V − 1| and |det V − 1| that are refused no more; V is then projected to the group.
ACCEPTED = 1e-8
#: Largest |V†V − 1| and |det V − 1| that count as rounding; V is then taken as it is, bit for bit.
ROUNDING = 1e-13


def read_wilson_lines(path: str | Path, count: int, shape: tuple[int, int], group: ModuleType) -> list[np.ndarray]:
    """The Wilson lines of `count` nuclei from the datasets A and B, complex (nx, ny, N_c, N_c) each.

    Raises
    ------
    FileError
        If the file or a dataset is missing, or does not hold elements of the group at all sites of the lattice.
    """
    try:
        with h5py.File(path, "r") as file:
            return [_checked(path, name, _read(path, file, name, shape, group), group) for name in DATASETS[:count]]
    except FileNotFoundError:
        raise FileError(f"{path}: is missing; set nuclei.path to the HDF5 file with the Wilson lines") from None
    except (OSError, RuntimeError, ValueError) as error:
        detail = str(error).splitlines()[0]
        raise FileError(f"{path}: is not a whole HDF5 file ({detail}); set nuclei.path to one with the Wilson lines") from None


def wilson_line_fingerprints(path: str | Path, count: int, shape: tuple[int, int], group: ModuleType) -> dict[str, str]:
    """Dataset → fingerprint of the Wilson lines that a run takes from it; raises as `read_wilson_lines` does."""
    return {name: fingerprint(V) for name, V in zip(DATASETS, read_wilson_lines(path, count, shape, group), strict=False)}


def _read(path: str | Path, file: h5py.File, name: str, shape: tuple[int, int], group: ModuleType) -> np.ndarray:
    expected = (*shape, group.COLOURS, group.COLOURS)
    data = file.get(name)
    if not isinstance(data, h5py.Dataset):
        whose = {"A": "right-mover", "B": "left-mover"}[name]
        raise FileError(f"{path}: has no dataset {name}, the Wilson lines of the {whose}; write it, complex {expected}")
    if data.ndim != 4 or data.shape[2] != data.shape[3]:
        raise FileError(f"{path}: dataset {name} has the shape {data.shape}; it must be {expected}, (nx, ny, N_c, N_c)")
    if data.shape[2] != group.COLOURS:
        raise FileError(
            f"{path}: dataset {name} holds matrices of N_c = {data.shape[2]}, but lattice.group = {group.NAME}; "
            "change one of them"
        )
    if data.shape[:2] != shape:
        raise FileError(
            f"{path}: dataset {name} has {data.shape[0]} × {data.shape[1]} sites, but lattice.transverse_cells = {shape[0]}; "
            "change one of them"
        )
    if not np.issubdtype(data.dtype, np.complexfloating):
        raise FileError(f"{path}: dataset {name} is of type {data.dtype}, not complex; write complex128")
    return np.asarray(data, dtype=np.complex128)


def _checked(path: str | Path, name: str, V: np.ndarray, group: ModuleType) -> np.ndarray:
    """V itself if it is in the group to rounding, else its projection."""
    if not np.all(np.isfinite(V)):
        raise FileError(f"{path}: dataset {name} holds values that are not finite; write it again")
    unitarity = float(np.abs(dagger(V) @ V - np.eye(group.COLOURS)).max())
    if unitarity > ACCEPTED:
        raise FileError(
            f"{path}: dataset {name} is not unitary, max |V†V − 1| = {unitarity:.2g} (at most {ACCEPTED:g}); "
            "project it to the group, in double precision"
        )
    determinant = float(np.abs(np.linalg.det(V) - 1).max())
    if determinant > ACCEPTED:
        raise FileError(
            f"{path}: dataset {name} is not in {group.NAME}, max |det V − 1| = {determinant:.2g} (at most {ACCEPTED:g}); "
            "divide it by the root of its determinant"
        )
    if max(unitarity, determinant) <= ROUNDING:
        return V
    left, _, right = np.linalg.svd(V)
    unitary = left @ right
    return unitary / np.linalg.det(unitary)[..., None, None] ** (1 / group.COLOURS)


def coherent_nucleus(V: np.ndarray, profile: GaussianProfile, direction: int, centre: float) -> CoherentNucleus:
    """The nucleus with V behind it, and V^F = exp(F log V) where the part F of its charge has passed."""
    return CoherentNucleus(-logarithm(V), profile, direction, centre, full=V)


def logarithm(V: np.ndarray) -> np.ndarray:
    """The hermitian and traceless X of V = exp(iX), (nx, ny, N_c, N_c).

    The eigenvalues of X are the phases in (−π, π] of those of V.  If they add up to ±2π, the largest is lowered by 2π, or
    the smallest raised: of all traceless logarithms this one has the least tr X².
    """
    X = np.empty_like(V)
    for site in np.ndindex(V.shape[:2]):
        # V is normal, so its Schur form is diagonal and the vectors are orthonormal even if eigenvalues coincide.
        triangle, vectors = scipy.linalg.schur(V[site], output="complex", check_finite=False)
        phases = np.angle(np.diag(triangle))
        turns = round(phases.sum() / (2 * np.pi))
        phases[np.argmax(turns * phases)] -= 2 * np.pi * turns
        X[site] = (vectors * phases) @ vectors.conj().T
    return X
