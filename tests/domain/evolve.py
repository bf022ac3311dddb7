"""Collisions in memory, on the ranks that run this: `mpirun -n N python -m tests.domain.evolve OUT.npz CONFIG.toml PZ CASE …`.

PZ of the N ranks share the planes along z.  What every case gives at the end, put together from all ranks, goes into OUT.npz;
`evolved` gives the same of one process.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from glasma.collision import Collision
from glasma.config import load_config
from glasma.derived import Derived
from glasma.domain.ranks import Ranks, world
from glasma.domain.slab import Slab

CASES = {
    "leapfrog": ["run.threads=2"],
    "whole box": ["evolution.region=whole", "run.precision=float32", "output.snapshots=[]", "nuclei.system=single"],
    "SU(3)": ["lattice.group=SU(3)"],
    "semi_implicit": ["evolution.scheme=semi_implicit"],
    "two rows": ["lattice.group=SU(3)", "run.links=two_rows", "run.precision=float32"],
    # The region grows with light alone, a plane at a time: its ends lie at the border between two ranks in some step.
    "light cone": [],
    "boost_invariant": ["evolution.scheme=boost_invariant", "evolution.end_time=0.8 fm", "run.threads=2"],
}

#: Steps between measurements.
EVERY = 10


def evolved(path: Path, case: str, ranks: Ranks) -> dict[str, np.ndarray]:
    """Fields, charges, T^{μν} and measurements of a case after all its steps, of all planes."""
    config = load_config(path, CASES[case])
    slab = Slab(Derived(config).grid, ranks) if ranks.size > 1 else None
    inner = slice(0, None) if slab is None else slab.inner
    collision = Collision(config, slab=slab)
    scheme, fields, rows = collision.scheme, collision.fields, []
    if case == "light cone":
        fields.still = np.inf
    for step in collision:
        if step % EVERY == 0 or collision.finished:
            gauss, seen = scheme.gauss_residual(fields), collision.measure()
            numbers = [gauss.max_rel, gauss.rms_rel, gauss.scale, scheme.unitarity_violation(fields), scheme.energy(fields)]
            views = seen.components, seen.tensor, seen.side_view, seen.front_view
            rows.append(np.concatenate([[*numbers, fields.work, scheme.iterations], *(view.ravel() for view in views)]))
    axis = 3 if config.is_boost_invariant else 2
    arrays = {"U": (fields.U, axis), "E": (fields.E, axis)}
    if config.is_boost_invariant:
        arrays["A"] = fields.A, axis
    tensor = np.zeros((10, *fields.grid.shape))
    tensor[:, inner] = collision.stress_tensor(inner.start, inner.stop)
    arrays["T"] = tensor, 1
    join, along_z = scheme.workers.whole, scheme.workers.along_z
    whole = {name: along_z(join(np.moveaxis(array, x, 0))) for name, (array, x) in arrays.items()}
    for number, charges in enumerate(getattr(fields, "charges", ())):
        cells = [charges.first_cell(slot) for slot in range(charges.slots)]
        q = charges.q if slab is None else slab.columns_of_all(charges.q, cells)
        whole[f"q{number}"] = join(np.moveaxis(q, 2, 0))
    return {**whole, "rows": np.array(rows)}


def main() -> None:
    """Evolve some cases."""
    out, path, along_z, *cases = sys.argv[1:]
    ranks = world()
    ranks.along_z = int(along_z)
    found = {}
    for case in cases:
        found |= {f"{case}/{name}": array for name, array in evolved(Path(path), case, ranks).items()}
    if ranks.is_first:
        np.savez(out, **found)


if __name__ == "__main__":
    main()
