"""What is installed, which backends work, and how fast this machine is."""

from __future__ import annotations

import os
from typing import Any

import h5py
import numpy as np
from numba import cuda

from glasma.backend import Workers
from glasma.evolution.leapfrog import Leapfrog
from glasma.group import GROUPS
from glasma.io.provenance import commit, installed, machine, versions
from glasma.lattice.grid import Grid
from glasma.speed import moving_fields, step_seconds, triad_bandwidth

_EXTRAS = {"surrogate": "torch", "tune": "optuna", "gpu": "cupy-cuda13x", "mpi": "mpi4py"}


def examine() -> dict[str, str]:
    """Name → finding."""
    here = machine()
    threads = os.cpu_count() or 1
    rows = {
        "machine": f"{here['processor']}, {here['cores']} cores, {here['memory_GiB']} GiB, {here['system']}",
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "commit": commit(),
    }
    for extra, package in _EXTRAS.items():
        version = installed(package)
        rows[f"extra {extra}"] = f"{package} {version}" if version else f'not installed (pip install "glasma[{extra}]")'
    together = bool(h5py.get_config().mpi)
    rows["HDF5"] = f"{h5py.version.hdf5_version}, ranks write " + ("one file" if together else "a part each (h5py has no MPI)")
    rows["backend cpu"] = f"works, {threads} threads"
    rows |= _cuda_devices()
    rows["memory bandwidth"] = f"{triad_bandwidth() / 1e9:.1f} GB/s (triad, one thread)"
    grid = Grid((24, 24, 518), 1.0, 0.25, 2)
    z0, z1 = grid.interior
    sites = grid.shape[0] * grid.shape[1] * (z1 - z0)
    for name, group in GROUPS.items():
        for dtype in (np.float64, np.float32):
            scheme = Leapfrog(grid, group, dtype, Workers(threads))
            nanoseconds = 1e9 * step_seconds(scheme, moving_fields(grid, group, dtype)) / sites
            rows[f"step {name} {np.dtype(dtype).name}"] = f"{nanoseconds:.0f} ns per site, {threads} threads"
    return rows


def _cuda_devices() -> dict[str, str]:
    """Each GPU that this process may take, by the number that it has here."""
    try:
        if not cuda.is_available():
            return {"CUDA device": "none found"}
        return {f"CUDA device {number}": _described(cuda.gpus[number]) for number in range(len(cuda.gpus))}
    except Exception:  # a broken driver is a finding, not an error
        return {"CUDA device": "a driver is there but does not answer"}


def _described(device: Any) -> str:
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    return f"{name}, compute capability {'.'.join(map(str, device.compute_capability))}, {device.uuid}"
