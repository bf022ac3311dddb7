"""How fast this machine does each part of a run: a small collision, timed part by part, and a run from start to report.

All times are those of the processor, on one thread, so that other work on the machine disturbs them little.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from glasma.backend import Workers
from glasma.check import check_snapshots
from glasma.collision import Collision
from glasma.config import Config, config_from_dict
from glasma.derived import Derived
from glasma.errors import GlasmaError
from glasma.evolution.charges import deposit_currents, move_charges
from glasma.io.checkpoint import save_checkpoint
from glasma.io.openpmd import SnapshotWriter
from glasma.io.provenance import machine as this_machine
from glasma.io.run_directory import RunDirectory
from glasma.lattice.fields import Fields
from glasma.planning.cost import FRAMES, run_cost, snapshot_bytes, weight_of_check, weight_of_snapshot
from glasma.planning.machine import Kind, Machine, Throughput
from glasma.sections import checked
from glasma.speed import triad_bandwidth


def measure_machine(kind: Kind, before: Machine | None = None) -> Machine:
    """This machine with the measured throughput of a kind, besides what was measured before."""
    here = this_machine()
    cores = int(here["cores"])
    others = [entry for entry in before.throughput if entry.kind != kind] if before else []
    alone, together = triad_bandwidth() / 1e9, triad_bandwidth(cores) / 1e9
    if before is not None:
        # Other work on the machine only ever lowers what is found.
        alone, together = max(alone, before.bandwidth_per_core_GB_s or 0), max(together, before.bandwidth_per_node_GB_s or 0)
    machine = Machine(
        name=f"this machine ({here['processor']}, {cores} cores)",
        cores_per_node=cores,
        memory_per_node_GiB=here["memory_GiB"],
        bandwidth_per_core_GB_s=round(alone, 2),
        bandwidth_per_node_GB_s=round(together, 2),
    )
    throughput = sorted([*others, measure_kind(kind)], key=lambda entry: entry.kind)
    return machine.model_copy(update={"throughput": throughput})


def measure_kind(kind: Kind) -> Throughput:
    """What the work of a kind costs on one core of this machine, and what a process takes for itself."""
    group, precision, scheme = kind
    short = probe_config(kind, short=True)
    with tempfile.TemporaryDirectory(prefix="glasma-plan-") as directory:
        _short_run(short, Path(directory))  # compiles what is not on the disk yet
        few_s, running_MiB, peak_MiB = _short_run(short, Path(directory))
        many = probe_config(kind, short=True, interval="0.004 fm")
        many_s, _, _ = _short_run(many, Path(directory))
        parts = _parts(probe_config(kind), Path(directory))
    derived = Derived(short)
    memory = {
        "process_MiB": round(running_MiB - max(derived.memory.start, derived.memory.running) / 2**20, 1),
        "report_MiB": round(peak_MiB - derived.memory.report / 2**20, 1),
    }
    start = {"group": group, "precision": precision, "scheme": scheme, "process_s": 0, "frame_s": 0}
    rates = checked(Throughput, {**start, **parts, **memory})
    # Plans of an implicit scheme ask for the leapfrog too, beside which the surrogate is.
    plain = [] if scheme != "semi_implicit" else [rates.model_copy(update={"scheme": "leapfrog"})]
    bare = Machine(name="short", cores_per_node=1, memory_per_node_GiB=1.0, throughput=[rates, *plain])
    costs = [run_cost(run, bare, bare) for run in (derived, Derived(many))]
    frames = [min(cost.measurements, FRAMES) for cost in costs]
    few_s, many_s = few_s - costs[0].core_seconds, many_s - costs[1].core_seconds
    frame_s = max(0.0, (many_s - few_s) / (frames[1] - frames[0]))
    return rates.model_copy(update={
        "frame_s": round(frame_s, 3), "process_s": round(max(0.0, few_s - frames[0] * frame_s), 2),
    })  # fmt: skip


def probe_config(kind: Kind, short: bool = False, interval: str = "0.1 fm") -> Config:
    """The collision that is timed; or a shorter one of few sites for a whole run.

    Of the explicit schemes in the laboratory frame it is so wide that planes in x do not stay in the caches from one kernel to
    the next, as in any run that one plans: a step of a smaller lattice is faster.
    """
    group, precision, scheme = kind
    boost_invariant, implicit = scheme == "boost_invariant", scheme == "semi_implicit"
    sites = {"SU(2)": 48, "SU(3)": 32}[group]
    if implicit or boost_invariant:
        sites = {"SU(2)": 32, "SU(3)": 20}[group] * (8 if boost_invariant else 1)
    cells = 160 if implicit else 480
    if short:
        sites, cells = (64 if boost_invariant else 8), 96
    lattice = {"group": group, "transverse_cells": sites, "transverse_length": f"{sites / 16} fm"}
    if not boost_invariant:
        lattice |= {"longitudinal_cells": cells, "longitudinal_length": "1.92 fm"}
    return config_from_dict({
        "run": {"name": "probe", "seed": 1, "threads": 1, "precision": precision},
        "lattice": lattice,
        "nuclei": {
            "g2mu": "1.5 GeV", "infrared_regulator": "0.4 GeV", "ultraviolet_cutoff": "3 GeV", "profile_cutoff": 4.0,
            "width": "0.06 fm" if short else "0.035 fm",
        },
        "evolution": {"scheme": scheme, "end_time": "0.2 fm"},
        "observables": {"interval": interval},
    })  # fmt: skip


def _seconds(task: Callable[[], object], repeats: int = 1) -> float:
    """Least processor seconds of a few calls."""
    least = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        task()
        least = min(least, time.process_time() - start)
    return least


def _parts(config: Config, directory: Path) -> dict[str, float]:
    """The costs by their names in `Throughput`."""
    derived = Derived(config)
    grid = derived.grid
    nx, ny, nz = grid.shape
    Collision(config).step()  # loads the kernels, or compiles them
    start = time.process_time()
    collision = Collision(config)
    started = time.process_time() - start
    fields, workers = collision.fields, Workers(1)
    planes = nz if config.is_boost_invariant else grid.interior[1] - grid.interior[0]
    slab = nx * ny * (1 if config.is_boost_invariant else derived.nuclei * derived.slab_cells)
    charges, moving_part = 0.0, 1.0
    if isinstance(fields, Fields):
        # The nuclei meet, so that most of the box holds fields, which compress as badly as they will.
        while collision.time < 0:
            collision.step()
        moving_part = sum(z1 - z0 for z0, z1 in fields.region) / nz
        fields.region = [grid.interior]
    step = _seconds(collision.step, 5)
    if isinstance(fields, Fields):
        state = fields

        def charges_only() -> None:
            deposit_currents(state, workers, (state.E,))
            move_charges(state, workers)

        charges = _seconds(charges_only, 3)

    def look() -> None:
        collision.measure()
        collision.gauss_violation()
        collision.unitarity_violation()

    look()
    measurement = _seconds(look, 3)
    writer = SnapshotWriter(directory, derived)

    def snapshot() -> None:
        writer.write(fields, collision.stress_tensor)

    snapshot()
    written = _seconds(snapshot) + _seconds(writer.gather)
    raw = snapshot_bytes(derived)
    verified = _seconds(lambda: check_snapshots(directory / "snapshots.h5"), 2)
    save_checkpoint(directory / "checkpoint.h5", fields, config)  # all but the first of a run replace another
    saved = _seconds(lambda: save_checkpoint(directory / "checkpoint.h5", fields, config), 2)
    moving = nx * ny * planes
    costs = {
        "step_ns": 1e9 * max(step - charges, 0.1 * step) / moving,
        "charges_ns": 1e9 * charges / slab,
        "start_ns": 1e9 * started / slab,
        "measurement_ns": 1e9 * measurement / moving,
        "snapshot_ns": 1e9 * written / (raw * weight_of_snapshot(moving_part)),
        "checkpoint_ns": 1e9 * saved / fields.nbytes,
        "check_ns": 1e9 * verified / (raw * weight_of_check(moving_part)),
    }
    return {name: float(f"{cost:.4g}") for name, cost in costs.items()}


def _short_run(config: Config, directory: Path) -> tuple[float, float, float]:
    """Processor seconds of a whole run of few sites in a process of its own, and its peak of memory before and with the report.

    Raises
    ------
    GlasmaError
        If the run fails.
    """
    path, out = directory / "short.toml", directory / "short"
    path.write_text(_toml(config), encoding="utf-8")
    command = [sys.executable, "-m", "glasma.cli", "run", str(path), "--out", str(out), "--quiet", "--overwrite"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise GlasmaError(f"the run that measures this machine failed: {done.stderr.strip()}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    record = RunDirectory.open(out).read_run()
    return seconds, record["running_memory_MiB"], record["peak_memory_MiB"]


def _toml(config: Config) -> str:
    sections = config.as_dict()
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in entries.items())
        for name, entries in sections.items()
    )
