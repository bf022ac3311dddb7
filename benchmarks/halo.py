"""Steps of one process beside those of ranks of MPI, and what ranks wait for each other.

    python benchmarks/halo.py [--shape 96 96 2048] [--steps 3] [--repeat 3] [--ranks 2] [--along-z] [--json FILE]

For SU(2) in single precision, without charges, all planes moving: one process with one thread and with as many threads as
there are ranks, and ranks with one thread each, of the same lattice (strong scaling); and ranks of a lattice that is so much
wider in x as there are ranks (weak scaling); with `--along-z` ranks of the same lattice cut along z too.  The cases are run in
turn, `--repeat` times, and the best of each is kept: so other work on the machine disturbs them alike.  `waiting` is the part
of the best step that a rank waits for halos at most; `cpu ns` are the processor's nanoseconds of all ranks a site and step,
without the waiting, which other work disturbs little.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from glasma.domain.along_z import bytes_a_step_along_z
from glasma.domain.halo import bytes_a_step
from glasma.domain.ranks import world
from glasma.domain.slab import Slab
from glasma.evolution.leapfrog import Leapfrog
from glasma.group import su2
from glasma.io.provenance import commit, machine, versions
from glasma.lattice.grid import Grid
from glasma.speed import moving_fields


def measure(shape: tuple[int, int, int], threads: int, steps: int, along_z: int = 1) -> dict | None:
    """Seconds of a step, on the ranks that this process is one of; the first rank returns them."""
    from glasma.backend import Workers

    ranks = world()
    ranks.along_z = along_z
    grid = Grid(shape, 1.0, 0.25, 2)
    slab = Slab(grid, ranks) if ranks.size > 1 else None
    workers = Workers(threads) if slab is None else slab.workers(threads)
    scheme = Leapfrog(grid if slab is None else slab.grid, su2, np.float32, workers, only_active=False)
    fields = moving_fields(scheme.grid, su2, np.float32)
    if slab is not None:
        workers.exchange(fields.U)()
        workers.exchange(fields.E)()
    scheme.step(fields)
    halos = [workers.halo, workers.halo_along_z] if slab else []
    for halo in halos:
        halo.bytes_sent = halo.exchanges = 0
    seconds, waited, worked = [], [], []
    for _ in range(steps):
        before = waits(halos)
        ranks.barrier()
        start, busy = time.perf_counter(), time.process_time()
        scheme.step(fields)
        own, busy = time.perf_counter() - start, time.process_time() - busy
        after = waits(halos)
        seconds.append(max(ranks.of_each(own)))
        waited.append(max(ranks.of_each(after[0] - before[0])))
        worked.append(sum(ranks.of_each(busy - after[1] + before[1])))
    if not ranks.is_first:
        return None
    best = int(np.argmin(seconds))
    sent = sum(halo.bytes_sent for halo in halos) // steps
    return {
        "seconds": seconds[best],
        "waiting": waited[best] / seconds[best],
        "processor_seconds": min(worked),
        "halo_bytes": sent,
        "field_bytes": fields.nbytes,
    }


def waits(halos: list) -> tuple[float, float]:
    """Seconds, and those of the processor, that this rank has waited for halos."""
    return sum(halo.seconds for halo in halos), sum(halo.processor_seconds for halo in halos)


def on_ranks(ranks: int, script: str, words: list[str]) -> dict:
    """What a script prints last, as JSON, when so many ranks run it."""
    mpirun = Path(sys.executable).parent / "mpirun"
    launcher = [str(mpirun if mpirun.exists() else shutil.which("mpirun")), "-n", str(ranks)] if ranks > 1 else []
    command = [*launcher, sys.executable, script, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=550)
    return json.loads(done.stdout.splitlines()[-1])


def case(shape: tuple[int, int, int], ranks: int, threads: int, steps: int, along_z: int) -> dict:
    """Run one case in processes of its own."""
    words = ["--worker", "--threads", threads, "--steps", steps, "--cut", along_z, "--shape", *shape]
    return on_ranks(ranks, __file__, list(map(str, words)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=(96, 96, 2048), metavar=("NX", "NY", "NZ"))
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--along-z", action="store_true", help="cut along z too")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--cut", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    shape = tuple(options.shape)
    if options.worker:
        if row := measure(shape, options.threads, options.steps, options.cut):
            print(json.dumps(row))
        return

    n, (nx, ny, nz) = options.ranks, shape
    wide = (n * nx, ny, nz)
    cases = {
        "1 process x 1 thread": (shape, 1, 1, 1),
        f"1 process x {n} threads": (shape, 1, n, 1),
        f"{n} ranks x 1 thread": (shape, n, 1, 1),
        f"{n} ranks x 1 thread, {n} times as wide": (wide, n, 1, 1),
    }
    if options.along_z:
        cases[f"{n} ranks along z x 1 thread"] = (shape, n, 1, n)
    print(f"load of the last minute {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    rows: dict[str, dict] = {}
    for _ in range(options.repeat):
        for name, (size, ranks, threads, along_z) in cases.items():
            found = case(size, ranks, threads, options.steps, along_z)
            worked = min(found["processor_seconds"], rows.get(name, found)["processor_seconds"])
            if name not in rows or found["seconds"] < rows[name]["seconds"]:
                rows[name] = {
                    **found,
                    "shape": size,
                    "along_z": along_z,
                    "ns_per_site_step": 1e9 * found["seconds"] / np.prod(size),
                }
            rows[name]["processor_seconds"] = worked
    print(f"load of the last minute {os.getloadavg()[0]:.1f}")
    alone = rows["1 process x 1 thread"]["seconds"]
    print(f"{'':<40}{'s/step':>9}{'ns/site':>9}{'cpu ns':>9}{'speed-up':>9}{'waiting':>9}{'halo MB':>9}{'model':>7}")
    for name, row in rows.items():
        size = row["shape"]
        # 3 momenta, each of 3 components, of two planes, with the plane before the region
        model = bytes_a_step(size, 3, 4) if row["halo_bytes"] else 0
        if row["along_z"] > 1:  # two momenta of one plane: the first rank has one neighbour
            model = bytes_a_step_along_z(size, 3, 4) // 2
        gain = alone / row["seconds"] * size[0] / nx
        worked = 1e9 * row["processor_seconds"] / np.prod(size)
        cells = f"{row['seconds']:>9.3f}{row['ns_per_site_step']:>9.1f}{worked:>9.1f}{gain:>9.2f}{100 * row['waiting']:>8.1f}%"
        print(f"{name:<40}{cells}{row['halo_bytes'] / 1e6:>9.2f}{model / 1e6:>7.2f}")
    if options.json:
        about = {"machine": machine(), "versions": versions(), "commit": commit(), "rows": rows}
        options.json.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
