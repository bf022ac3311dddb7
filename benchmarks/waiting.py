"""How long ranks along z wait for the region that moves, beside what `glasma plan` says.

    python benchmarks/waiting.py [--cells 24] [--ranks 2] [--single] [--json FILE]

The collision of runs/quickstart.toml on a narrow lattice, without files: ranks along z with one thread each.  Of every rank the
processor's seconds in kernels are taken, which other work on the machine disturbs little.  The ranks work the part

    Σ over ranks and steps / (ranks · Σ over steps of the busiest rank)

of their time, which the plan takes from the light cone: the planes that move in each part.  Two nuclei that fly apart keep two
halves alike busy; a single one (`--single`) does not.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from halo import on_ranks

from glasma.collision import Collision
from glasma.config import Config, load_config
from glasma.derived import Derived
from glasma.domain.ranks import world
from glasma.domain.slab import Slab
from glasma.io.provenance import commit, machine, versions
from glasma.planning.cut import busy_part

QUICKSTART = Path(__file__).parents[1] / "runs" / "quickstart.toml"


def config_of(cells: int, single: bool) -> Config:
    """A collision that is as long as the quickstart and narrow, or one nucleus of it."""
    system = ["nuclei.system=single"] if single else []
    narrow = [f"lattice.transverse_cells={cells}", f"lattice.transverse_length={cells / 24} fm"]
    return load_config(QUICKSTART, ["run.threads=1", "output.snapshots=[]", *narrow, *system])


def measure(config: Config) -> dict[str, object] | None:
    """What the ranks did in each step; the first rank returns it."""
    ranks = world()
    ranks.along_z = ranks.size
    derived = Derived(config)
    slab = Slab(derived.grid, ranks)
    Collision(config, slab=slab).step()  # loads the kernels
    collision = Collision(config, slab=slab)
    workers, worked, moved = collision.workers, [], []
    in_kernels, each = [0.0], workers.each

    def counted(*arguments: object) -> object:
        """MPI keeps the core busy while a rank waits: only what runs on the planes is work."""
        before = time.process_time()
        try:
            return each(*arguments)  # type: ignore[arg-type]
        finally:
            in_kernels[0] += time.process_time() - before

    workers.each = counted  # type: ignore[assignment]
    while not collision.finished:
        ranks.barrier()
        before = in_kernels[0]
        collision.step()
        worked.append(in_kernels[0] - before)
        moved.append(sum(z1 - z0 for z0, z1 in workers.own_along_z(collision.scheme.region(collision.fields))))  # type: ignore[attr-defined]
    seconds, planes = np.array(ranks.of_each(worked)), np.array(ranks.of_each(moved))
    if not ranks.is_first:
        return None
    return {
        "seconds_of_each": seconds.sum(axis=1).tolist(),
        "busy": float(seconds.sum() / (len(seconds) * seconds.max(axis=0).sum())),
        "busy_by_planes": float(planes.sum() / (len(planes) * planes.max(axis=0).sum())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=24)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--single", action="store_true", help="one nucleus, that flies through the box")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    config = config_of(options.cells, options.single)
    if options.worker:
        if row := measure(config):
            print(json.dumps(row))
        return
    words = ["--worker", "--cells", str(options.cells), *(["--single"] if options.single else [])]
    found = on_ranks(options.ranks, __file__, words)
    planned = busy_part(Derived(config), options.ranks)
    seconds = ", ".join(f"{each:.2f}" for each in found["seconds_of_each"])
    print(f"processor seconds in kernels of each rank: {seconds}")
    print(f"part of the time in which ranks work: planned {planned:.3f}, by planes that moved {found['busy_by_planes']:.3f}, "
          f"by processor seconds {found['busy']:.3f}")  # fmt: skip
    if options.json:
        about = {"machine": machine(), "versions": versions(), "commit": commit(), "planned": planned, **found}
        options.json.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
