"""Steps of ranks with a GPU each: how long, and how much of it waits for planes of neighbours.

    mpirun -n 4 python benchmarks/gpu_ranks.py [--shape 96 192 2048] [--along-z 1] [--steps 20] [--json FILE]
    GLASMA_CUDA_AWARE_MPI=1 mpirun -n 4 python benchmarks/gpu_ranks.py

The leapfrog in SU(2) and SU(3), single precision, without charges, all planes moving.  `--shape` is that of the part of one
rank: the lattice is as much wider in x and along z as there are parts there, so that a step takes as long on any number of them
if messages cost nothing.  Without mpirun it is one GPU.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from glasma.backend import SIMULATES_CUDA, Workers
from glasma.cuda.device import array_module, to_device
from glasma.cuda.devices import GpusOfRanks
from glasma.cuda.leapfrog import CudaLeapfrog
from glasma.cuda.messages import messages_of_run, sends_from_gpu
from glasma.domain.ranks import Ranks, world
from glasma.domain.slab import Slab, SlabWorkers
from glasma.errors import ConfigError
from glasma.group import GROUPS
from glasma.io.provenance import commit, machine, versions
from glasma.lattice.grid import Grid
from glasma.speed import moving_fields


def measure(part: tuple[int, int, int], group: ModuleType, steps: int, ranks: Ranks) -> dict[str, Any]:
    """Seconds of a step: the median over the steps of the slowest rank."""
    nx, ny, nz = part
    grid, dtype = Grid((nx * ranks.size // ranks.along_z, ny, nz * ranks.along_z), 1.0, 0.25, 2), np.float32
    workers = Workers()
    if ranks.size > 1:
        slab = Slab(grid, ranks)
        grid, workers = slab.grid, slab.workers(1, messages_of_run())
    scheme = CudaLeapfrog(grid, group, dtype, workers, only_active=False)
    fields = to_device(moving_fields(grid, group, dtype))
    workers.exchange(fields.U)()
    workers.exchange(fields.E)()
    scheme.step(fields)  # compiles
    halos = [workers.halo, workers.halo_along_z] if isinstance(workers, SlabWorkers) else []
    sent = sum(halo.bytes_sent for halo in halos)
    seconds, waited = [], []
    for _ in range(steps):
        ranks.barrier()
        before, start = sum(halo.seconds for halo in halos), time.perf_counter()
        scheme.step(fields)
        if not SIMULATES_CUDA:
            array_module().cuda.Device().synchronize()
        seconds.append(max(ranks.of_each(time.perf_counter() - start)))
        waited.append(max(ranks.of_each(sum(halo.seconds for halo in halos) - before)))
    middle = float(np.median(seconds))
    return {
        "group": group.NAME,
        "seconds": middle,
        "ns_per_site_step": 1e9 * middle / np.prod(part),
        "waiting": float(np.median(waited)) / middle,
        "halo_bytes": max(ranks.of_each((sum(halo.bytes_sent for halo in halos) - sent) // steps)),
    }


def main() -> None:
    """Measure, and print on the first rank."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=(96, 192, 2048), metavar=("NX", "NY", "NZ"))
    parser.add_argument("--along-z", type=int, default=1, help="how many of the ranks share the planes along z")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    ranks = world()
    ranks.along_z = options.along_z
    try:
        gpus = GpusOfRanks(ranks)
    except ConfigError as error:
        parser.exit(2, f"{error}\n" if ranks.is_first else "")
    rows = [measure(tuple(options.shape), group, options.steps, ranks) for group in GROUPS.values()]
    if not ranks.is_first:
        return
    way = "from the memory of the GPU" if sends_from_gpu() else "by way of the host"
    print(f"{ranks.size} ranks, messages {way}", *map(str, gpus.of_each), *gpus.lines(), sep="\n")
    print(f"{'':<8}{'ms/step':>10}{'ns/site':>10}{'waiting':>10}{'halo MB':>10}")
    for row in rows:
        cells = f"{1e3 * row['seconds']:>10.3f}{row['ns_per_site_step']:>10.4f}{100 * row['waiting']:>9.1f}%"
        print(f"{row['group']:<8}{cells}{row['halo_bytes'] / 1e6:>10.2f}")
    if options.json:
        about = {"machine": machine(), "versions": versions(), "commit": commit(), "messages": way, "ranks": ranks.size}
        about["ranks_along_z"] = ranks.along_z
        text = json.dumps({**about, "gpus": [str(gpu) for gpu in gpus.of_each], "rows": rows}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
