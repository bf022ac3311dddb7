"""What ranks allocate beside what `glasma.memory` says.

`mpirun -n N python -m tests.domain.allocate CONFIG.toml PZ KEY=VALUE …` prints a list of what each rank has, as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import tracemalloc
from pathlib import Path

from glasma.collision import Collision
from glasma.config import load_config
from glasma.derived import Derived
from glasma.domain.ranks import world
from glasma.domain.slab import Slab
from glasma.io.checkpoint import save_checkpoint
from glasma.memory import Memory, largest_part

STEPS = 3


def peak() -> int:
    """Of all arrays since the last call."""
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    return most


def main() -> None:
    """Start, step, and write a checkpoint."""
    path, along_z, *overrides = sys.argv[1:]
    ranks = world()
    ranks.along_z = int(along_z)
    config = load_config(path, overrides)
    derived = Derived(config)
    slab = Slab(derived.grid, ranks)
    Collision(config, slab=slab).step()  # loads what is compiled
    memory = Memory(derived, slab.part, 1)
    tracemalloc.start()
    collision = Collision(config, slab=slab)
    found = {"start": (peak(), memory.start)}
    for _ in range(STEPS):
        collision.step()
    workers = collision.scheme.workers
    found["messages"] = workers.halo_along_z.nbytes + workers.halo.nbytes, memory.messages
    state = memory.device + memory.workspaces + memory.messages
    found["steps"] = peak(), state
    folder = Path(ranks.first_does(tempfile.mkdtemp))
    save_checkpoint(folder / "checkpoint.h5", collision.fields, config, slab)
    found["checkpoint"] = peak(), state
    collision.measure()
    collision.gauss_violation()
    found["measurement"] = peak(), memory.running
    fields = collision.fields
    found["fields"] = fields.U.nbytes + fields.E.nbytes, memory.fields
    found["charges"] = sum(charges.q.nbytes for charges in fields.charges), memory.charges
    found["a column"] = sum(charges.q[..., :1].nbytes for charges in fields.charges), 0
    found["largest"] = memory.peak, Memory(derived, largest_part(derived.grid.shape, slab.parts), 1).peak
    every = ranks.of_each(found)
    if ranks.is_first:
        print(json.dumps(every))


if __name__ == "__main__":
    main()
