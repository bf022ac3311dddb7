"""A collision in 3+1D, blocked: what is written of it between the nuclei, while it runs."""

from __future__ import annotations

import h5py
import numpy as np

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.fields import Fields
from glasma.nuclei.preparation import make_nuclei
from glasma.schemes import make_scheme
from surrogate.collisions.run import blocked_links, energy_row, run_collision
from surrogate.collisions.slab import Slab
from surrogate.dataset.blocked import Frames, store
from surrogate.dataset.plan import EventPlan
from surrogate.engine_fields import links_from_tensor


def write_collision(place: h5py.Group, event: EventPlan, dtype: np.dtype) -> None:
    """Run a collision and write it, see `surrogate.dataset.dataset_file` for what."""
    timing, grid = event.plan.timing, event.plan.grid
    b, m = timing.blocking, timing.fine_per_step
    slab = Slab.at_midrapidity(grid, b)
    scheme = make_scheme(event.derived.config, grid, backend=event.plan.source.backend)
    assert isinstance(scheme, Leapfrog)
    last = timing.first + timing.steps
    writer: Frames | None = None
    # Number n counts coarse steps: the links of n are at n m, the energies of row n at (n + ½) m fine steps.
    energies = np.zeros((timing.steps, 4))
    weights = np.zeros(timing.steps)
    for fields in run_collision(scheme, make_nuclei(event.derived), m * last):
        row = energy_row(fields.step, timing.first, m)
        if row is not None and row < timing.steps:
            energies[row] += slab_means(scheme, fields, slab)
            weights[row] += 1
        number, between = divmod(fields.step, m)
        if between == 0 and number >= timing.first:
            links = links_from_tensor(blocked_links(fields, slab.stored_fine, b), fields.group)
            if writer is None:
                writer = Frames(place, "U", timing.steps + 1, links.shape, dtype)
            writer.append(links)
    assert writer is not None
    writer.finish()
    store(place, "energies", b**4 * energies / weights[:, None], np.dtype(np.float64))
    front = blocked_mean(scheme.measure(fields).front_view.astype(np.float64), b)
    store(place, "front_view", b**4 * front, np.dtype(np.float64))


def slab_means(scheme: Leapfrog, fields: Fields, slab: Slab) -> np.ndarray:
    """½E_L², ½E_T², ½B_L², ½B_T² of the fine planes of a slab at t − ½, (4,)."""
    z0, z1 = slab.fine
    return scheme.measure(fields, [(z0, z1)]).components[:, z0:z1].mean(axis=1)


def blocked_mean(plane: np.ndarray, factor: int) -> np.ndarray:
    """Means over the b × b sites around each coarse one, those of a cell half as heavy at its edges; (nx/b, ny/b)."""
    for axis in (0, 1):
        half = factor // 2
        around = np.sum([np.roll(plane, shift, axis) for shift in range(-half, half + 1)], axis=0)
        edges = np.roll(plane, half, axis) + np.roll(plane, -half, axis)
        plane = (around - edges / 2 * (factor % 2 == 0)) / factor
    return plane[::factor, ::factor]
