"""What a run takes: memory, core seconds by phase, and the bytes of its files."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from glasma.derived import Derived
from glasma.domain.slab import LEAST
from glasma.group import group_named
from glasma.memory import Memory, Part
from glasma.planning.cut import busy_part, cut_for, halo_bytes, process_bytes
from glasma.planning.machine import Kind, Machine, Throughput

#: Bytes of a row of history.csv.
_ROW_BYTES = 310
#: What gzip leaves of the fields where they move and where nothing is.
_PACKED, _PACKED_STILL = 0.65, 0.02
#: gzip of what does not move costs this part of what it costs where something does, and so do checks, which read it all.
_STILL, _STILL_CHECKED = 0.35, 0.8
#: Bytes of one site of T^{μν} in a snapshot.
_TENSOR_BYTES = 40
#: Frames of the film, at most: those of `glasma.report.animation`, which would load the figures.
FRAMES = 72
#: What does not scale with the speed of a machine.
_MEMORY = ("process_MiB", "report_MiB")


def kind_of(derived: Derived) -> Kind:
    """Group, precision and scheme of a run."""
    config = derived.config
    return config.lattice.group, config.run.precision, config.evolution.scheme


def streamed_bytes(derived: Derived) -> float:
    """Bytes per site that a step of the leapfrog reads and writes: it sweeps over links and momenta for each of the two."""
    return 3 * derived.field_bytes / derived.grid.sites


@dataclass(frozen=True)
class Costs:
    """The throughput of a kind on a machine, complete, and where it comes from."""

    rates: Throughput
    origin: str


def costs_on(machine: Machine, kind: Kind, reference: Machine) -> Costs:
    """The costs of a kind on a machine.

    What the machine does not say scales from the reference: with the step where that is given, else with the inverse of the
    bandwidth of a core.  The memory of the process is that of the reference.
    """
    base, given = reference.entry(kind), machine.entry(kind)
    assert base is not None
    if given is not None:
        factor, origin = given.step_ns / base.step_ns, "given"
    elif machine.bandwidth_per_core_GB_s is not None:
        assert reference.bandwidth_per_core_GB_s is not None
        factor = reference.bandwidth_per_core_GB_s / machine.bandwidth_per_core_GB_s
        origin = f"scaled by the bandwidth of a core from {reference.name}"
    else:
        other = machine.throughput[0]
        other_base = reference.entry(other.kind)
        assert other_base is not None
        factor = other.step_ns / other_base.step_ns
        origin = f"scaled by the step of {', '.join(other.kind)} from {reference.name}"
    scaled = {name: value * factor for name, value in base if isinstance(value, float) and name not in _MEMORY}
    rates = base.model_copy(update=scaled)
    if given is not None:
        rates = rates.model_copy(update={name: value for name, value in given if value is not None})
        missing = [name for name, value in given if value is None and name not in _MEMORY]
        if missing:
            origin = f"the step is given, the rest scaled with it from {reference.name}"
    return Costs(rates, origin)


@dataclass(frozen=True)
class RunFiles:
    """Bytes of the files of a run; `snapshots` packed is an estimate, `snapshots_most` what it has without compression."""

    snapshots: int
    snapshots_most: int
    checkpoint: int
    history: int
    profiles: int


@dataclass(frozen=True)
class RunCost:
    """What a run takes.

    Attributes
    ----------
    field_bytes, array_bytes, memory_bytes : int
        Links and momenta; all arrays at the peak; the whole process, if one does the run.
    node_bytes : int
        Of the process on a node that holds the largest part.
    site_updates : int
    steps, measurements, snapshots, checkpoints : int
    phases : dict
        Core seconds of each part of the work.
    node_seconds : float
        Seconds on one node: steps and measurements share its cores and its bandwidth, all else runs on one core.
    nodes : int
        That hold the run, each one part of the lattice, its copies of neighbours' planes and its room for charges.
    parts : (int, int)
        Into how many the lattice is cut in x and along z for the nodes; along z only if there are not enough planes in x.
    busy : float
        The part of their time in steps that nodes cut along z work, if a step takes as long as where most planes move.
    halo_bytes : int
        That each of many nodes sends in a step of the leapfrog.
    files : RunFiles
    plain_seconds : float
        Core seconds of the same steps with the leapfrog, or with the scheme itself in 2+1D.
    gpus : int, optional
        That hold the arrays of a run on GPUs, each with copies of its neighbours' planes in x.  Where the lattice cannot be cut
        into parts so small in x, those that would hold them without copies.
    gpu_bytes : int, optional
        Of the arrays of one of them, at most.
    gpu_seconds : float, optional
        Seconds of one GPU for the steps, if their bandwidth bounds them.
    gpu_exchange_seconds : float, optional
        That the messages of each take in all steps of the leapfrog, if the machine says how fast they are; own links drift
        meanwhile.
    """

    field_bytes: int
    array_bytes: int
    memory_bytes: int
    node_bytes: int
    site_updates: int
    steps: int
    measurements: int
    snapshots: int
    checkpoints: int
    phases: dict[str, float]
    node_seconds: float
    nodes: int
    parts: tuple[int, int]
    busy: float
    halo_bytes: int
    files: RunFiles
    plain_seconds: float
    gpus: int | None = None
    gpu_bytes: int | None = None
    gpu_seconds: float | None = None
    gpu_exchange_seconds: float | None = None

    @property
    def core_seconds(self) -> float:
        """Seconds of one core for the whole run."""
        return sum(self.phases.values())

    @property
    def wall_seconds(self) -> float:
        """On all cores of all nodes that the memory needs, without what nodes exchange."""
        return self.node_seconds / self.nodes / self.busy


def run_cost(derived: Derived, machine: Machine, reference: Machine) -> RunCost:
    """What a configuration takes on a machine."""
    config, rates = derived.config, costs_on(machine, kind_of(derived), reference).rates
    group, precision, scheme = kind_of(derived)
    plain = rates
    if scheme == "semi_implicit":
        plain = costs_on(machine, (group, precision, "leapfrog"), reference).rates
    nx, ny, nz = derived.grid.shape
    steps = derived.last_step - derived.first_step
    updates = derived.site_updates()
    snapshot_steps = {derived.step_at(time) for time in config.output.snapshots} | {derived.first_step, derived.last_step}
    measurements = derived.measurements
    slab_sites = nx * ny * (1 if config.is_boost_invariant else derived.nuclei * derived.slab_cells)

    checkpoint = derived.field_bytes + derived.charge_bytes
    moving = {step: _moving_part(derived, step) for step in snapshot_steps}
    raw = snapshot_bytes(derived)
    level = config.output.compression
    packed = sum(int(raw * (_PACKED * part + _PACKED_STILL * (1 - part))) for part in moving.values())
    files = RunFiles(
        packed if level else raw * len(moving), raw * len(moving), checkpoint,
        _ROW_BYTES * measurements, derived.memory.profiles,
    )  # fmt: skip

    assert rates.charges_ns is not None
    assert rates.start_ns is not None
    assert rates.measurement_ns is not None
    assert rates.snapshot_ns is not None
    assert rates.checkpoint_ns is not None
    assert rates.check_ns is not None
    assert rates.process_s is not None
    assert rates.frame_s is not None
    assert rates.process_MiB is not None
    assert rates.report_MiB is not None
    evolution = updates * rates.step_ns + (0 if config.is_boost_invariant else steps * slab_sites * rates.charges_ns)
    cores = min(config.run.threads or machine.cores_per_node, machine.cores_per_node)
    memory = process_bytes(Memory(derived, Part(derived.grid.shape), cores), rates)
    cut = cut_for(derived, rates, cores, int(machine.memory_per_node_GiB * 2**30))
    nodes, parts = cut.nodes, cut.parts
    work_on_snapshots = raw * sum(weight_of_snapshot(part) for part in moving.values())
    work_on_checks = raw * sum(weight_of_check(part) for part in moving.values())
    in_time = _checkpoints_in_time(derived, steps)
    by_the_clock = int(1e-9 * evolution / (cores * nodes) / (60 * config.output.checkpoint_minutes))
    checkpoints = min(steps, max(in_time, by_the_clock))
    # Every snapshot and checkpoint is measured too, and few fall on a measurement that is due.
    looks = nx * ny * (derived.active_planes(steps, derived.measure_every) + nz * (len(moving) + checkpoints - 2))
    phases = {
        "process": rates.process_s + min(measurements, FRAMES) * rates.frame_s,
        "initial_state": 1e-9 * slab_sites * rates.start_ns * config.nuclei.sheets,
        "evolution": 1e-9 * evolution,
        "measurement": 1e-9 * looks * rates.measurement_ns,
        "snapshots": 1e-9 * work_on_snapshots * (rates.snapshot_ns if level else rates.checkpoint_ns),
        "checkpoints": 1e-9 * checkpoints * checkpoint * rates.checkpoint_ns,
        "report": 1e-9 * (work_on_checks * rates.check_ns + checkpoint * rates.checkpoint_ns),
    }
    streamed = updates * streamed_bytes(derived)
    bandwidth = machine.bandwidth_per_node_GB_s
    on_all_cores = phases["evolution"] / cores
    if bandwidth is not None:
        on_all_cores = max(on_all_cores, 1e-9 * streamed / bandwidth)
    on_all_cores += phases["measurement"] / cores
    on_one_core = sum(phases.values()) - phases["evolution"] - phases["measurement"]
    halo = halo_bytes(derived, parts)
    gpus, gpu_bytes, gpu_seconds, exchange = None, None, None, None
    if machine.gpu is not None:
        gpus, gpu_bytes = _on_gpus(derived, int(machine.gpu.memory_GiB * 2**30))
        gpu_seconds = 1e-9 * streamed / (machine.gpu.bandwidth_GB_s * machine.gpu.efficiency)
        if machine.gpu.exchange_GB_s is not None:
            exchange = 1e-9 * steps * halo / machine.gpu.exchange_GB_s if gpus > 1 else 0.0
    return RunCost(
        derived.field_bytes, derived.memory_bytes, memory, cut.node_bytes, updates, steps, measurements, len(moving),
        checkpoints, phases, on_all_cores + on_one_core, nodes, parts, busy_part(derived, parts[1]), halo, files,
        1e-9 * updates * plain.step_ns, gpus, gpu_bytes, gpu_seconds, exchange,
    )  # fmt: skip


def _on_gpus(derived: Derived, size: int) -> tuple[int, int]:
    """How many GPUs of so many bytes hold the arrays, and the bytes of one."""
    whole, nx = derived.device_bytes, derived.grid.shape[0]
    if whole <= size:
        return 1, whole
    planes = min(size * nx // whole - 2, nx // 2)  # own ones, beside which there are two copies
    if planes < LEAST:
        return ceil(whole / size), size
    gpus = ceil(nx / planes)
    return gpus, whole * (ceil(nx / gpus) + 2) // nx


def weight_of_snapshot(moving: float) -> float:
    """What a snapshot costs of which a part of the box moves, to one of which all of it does."""
    return moving + _STILL * (1 - moving)


def weight_of_check(moving: float) -> float:
    """The same of its checks."""
    return moving + _STILL_CHECKED * (1 - moving)


def snapshot_bytes(derived: Derived) -> int:
    """Bytes of one snapshot without compression: links, momenta, charge density and T^{μν}."""
    output, sites = derived.config.output, derived.grid.sites
    density = 0
    if not derived.config.is_boost_invariant:
        density = group_named(derived.config.lattice.group).DIMENSION * sites * derived.dtype.itemsize
    return output.snapshot_fields * (derived.field_bytes + density) + output.snapshot_tensor * _TENSOR_BYTES * sites


def _moving_part(derived: Derived, step: int) -> float:
    """The part of the box that moves at a step."""
    nz = derived.grid.shape[2]
    moves = step - derived.first_step
    return (derived.active_planes(moves + 1) - derived.active_planes(moves)) / nz


def _checkpoints_in_time(derived: Derived, steps: int) -> int:
    """Checkpoints of output.checkpoint_interval, and the last."""
    interval = derived.config.output.checkpoint_interval
    every = max(1, round(interval / derived.grid.time_step_fm) if interval else steps // 4)
    return steps // every + (steps % every > 0)
