"""The plan of a run: what it takes on a machine, beside a coarse surrogate, in words and as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from glasma.derived import Derived
from glasma.domain.slab import LEAST
from glasma.planning.cost import Costs, RunCost, costs_on, kind_of, run_cost
from glasma.planning.machine import Machine, cache_path, load_machine, measured_machine, save_machine, shipped_machine
from glasma.planning.surrogate import CoarseCost, coarse_cost

#: Blockings of the surrogates beside the run.
BLOCKINGS = (2, 4)


@dataclass(frozen=True)
class Plan:
    """What a run takes on a machine.

    Attributes
    ----------
    derived : Derived
    machine : Machine
    costs : Costs
        Of its group, precision and scheme there.
    cost : RunCost
    coarse : list of CoarseCost
        Surrogates at b = 2 and 4.
    note : str
        What the figures rest on.
    """

    derived: Derived
    machine: Machine
    costs: Costs
    cost: RunCost
    coarse: list[CoarseCost]
    note: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: bytes, seconds and counts."""
        return {
            "machine": self.machine.name,
            "note": self.note,
            "lattice": list(self.derived.grid.shape),
            "kind": list(kind_of(self.derived)),
            "rates": self.costs.rates.model_dump(),
            **asdict(self.cost),
            "core_seconds": self.cost.core_seconds,
            "wall_seconds": self.cost.wall_seconds,
            "surrogates": [asdict(coarse) for coarse in self.coarse],
        }

    def rows(self) -> dict[str, str]:
        """Name → value with its unit."""
        cost, files, machine = self.cost, self.cost.files, self.machine
        nx, ny, nz = self.derived.grid.shape
        config = self.derived.config
        rows = {
            "run": f"{config.run.name}: {nx} × {ny} × {nz} sites, {', '.join(kind_of(self.derived))}",
            "machine": f"{machine.name}, a node: {machine.cores_per_node} cores, {_bytes(machine.memory_per_node_GiB * 2**30)}",
            "figures": self.note,
            "memory": f"{_bytes(cost.memory_bytes)}, of which fields {_bytes(cost.field_bytes)}",
            "steps": f"{cost.steps:,} with {cost.site_updates:.3g} site updates of {self.costs.rates.step_ns:.4g} ns",
            "looks": f"{cost.measurements} measurements, {cost.snapshots} snapshots, {cost.checkpoints} checkpoints",
            "nodes": f"{cost.nodes:,}" + (f" by their memory, {_bytes(cost.node_bytes)} each" if cost.nodes > 1 else ""),
            "core hours": f"{_hours(cost.core_seconds)}: {self._shares()}",
            "wall time": _time(cost.wall_seconds) + (", without what the nodes exchange" if cost.nodes > 1 else ""),
        }
        if cost.nodes > 1:
            rows["between nodes"] = f"{_bytes(cost.halo_bytes)} sent by each in a step{self._cut()}"
        if machine.gpu is not None and cost.gpu_seconds is not None and cost.gpus is not None:
            rows["GPU hours"] = (
                f"{_hours(cost.gpu_seconds)} of {machine.gpu.name}, {cost.gpus:,} to hold it "
                f"({-(-cost.gpus // machine.gpu.per_node):,} nodes): "
                f"{_time(cost.gpu_seconds / cost.gpus)} of steps (a bound from the bandwidth{self._messages()})"
            )
        packed = "" if files.snapshots == files.snapshots_most else f", {_bytes(files.snapshots_most)} before gzip"
        kept = ", which stay in the memory of the first rank besides" if cost.nodes > 1 else ""
        rows |= {
            "snapshots.h5": f"{_bytes(files.snapshots)}{packed}; twice that while it is gathered",
            "checkpoint.h5": _bytes(files.checkpoint),
            "history and profiles": f"{_bytes(files.history)} and at most {_bytes(files.profiles)}{kept}",
        }
        for coarse in self.coarse:
            rows[f"surrogate, b = {coarse.b}"] = self._surrogate(coarse)
        return rows

    def _messages(self) -> str:
        """What many GPUs exchange, and whether the lattice can be cut into as many parts."""
        cost, (nx, _, nz) = self.cost, self.derived.grid.shape
        in_x, most = nx // LEAST, nx // LEAST * max(1, nz // LEAST)
        if cost.gpus is None or cost.gpus == 1:
            return ""
        if cost.gpus > most:
            return f"; the lattice can be cut into at most {most:,} parts: too few"
        if cost.gpus > in_x:
            return f"; more than the {in_x:,} parts in x: cut along z too (--ranks-along-z), copies of planes not counted"
        if cost.gpu_exchange_seconds is None:
            return f"; each sends {_bytes(cost.halo_bytes)} in a step"
        return f"; messages take {_time(cost.gpu_exchange_seconds)} beside them"

    def _cut(self) -> str:
        """How the lattice is cut, where more parts are needed than there are in x."""
        (in_x, along_z), nz = self.cost.parts, self.derived.grid.shape[2]
        if self.cost.node_bytes > self.machine.memory_per_node_GiB * 2**30:
            return f"; the lattice can be cut into at most {in_x * along_z:,} parts: too few"
        if along_z == 1:
            return ""
        most = self.derived.grid.shape[0] // LEAST
        return (
            f"; cut into {in_x:,} parts in x (at most {most:,}) and {along_z:,} along z (at most {nz // LEAST:,}; "
            f"--ranks-along-z), which work {100 * self.cost.busy:.0f} % of the time and wait else for where most planes move"
        )

    def _shares(self) -> str:
        shares = {name: part / self.cost.core_seconds for name, part in self.cost.phases.items()}
        return ", ".join(f"{name.replace('_', ' ')} {100 * part:.0f} %" for name, part in shares.items() if part >= 0.005)

    def _surrogate(self, coarse: CoarseCost) -> str:
        gain = f"{coarse.gain:.3g} times less" if coarse.gain >= 1 else f"{1 / coarse.gain:.3g} times more"
        nodes = f"; {coarse.nodes:,} nodes" if coarse.nodes > 1 else ""
        gpu = f", {_hours(coarse.gpu_seconds)} GPU hours" if coarse.gpu_seconds is not None else ""
        return (
            f"{_bytes(coarse.memory_bytes)}, of which fields {_bytes(coarse.field_bytes)}; "
            f"{_hours(coarse.core_seconds)} core hours{gpu} for the steps, {gain} than the run{nodes}"
        )


def make_plan(derived: Derived, machine_file: Path | None = None, measure: bool = False) -> Plan:
    """Plan a run: on the machine of a file, else on this one if it was measured, else on the one that the package knows.

    Parameters
    ----------
    measure : bool
        Whether this machine is measured first, for the group, precision and scheme of the run.

    Raises
    ------
    GlasmaError
        ConfigError or FileError, if the machine file cannot be used.
    """
    reference, kind = shipped_machine(), kind_of(derived)
    machine, note = reference, ""
    if machine_file is not None:
        machine, note = load_machine(machine_file), f"{machine_file}"
    elif measure:
        machine, note = measure_here(derived), f"measured now, kept in {cache_path()}"
    elif (measured := measured_machine()) is not None and measured.entry(kind) is not None:
        machine, note = measured, f"measured earlier ({cache_path()})"
    else:
        note = f"of {reference.name}: this machine was not measured for {', '.join(kind)}; --measure does it (half a minute)"
    costs = costs_on(machine, kind, reference)
    if machine_file is not None:
        note = f"{note}; {costs.origin}"
    cost = run_cost(derived, machine, reference)
    return Plan(derived, machine, costs, cost, [coarse_cost(derived, cost, machine, b) for b in BLOCKINGS], note)


def measure_here(derived: Derived) -> Machine:
    """Measure this machine for the kind of a run and keep it in the user's cache directory."""
    from glasma.planning.probe import measure_machine  # which loads the solver

    machine = measure_machine(kind_of(derived), measured_machine() if cache_path().exists() else None)
    save_machine(cache_path(), machine)
    return machine


def _bytes(count: float) -> str:
    """Bytes with a binary unit."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:,.4g} PiB"


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.3g}" if hours < 1000 else f"{hours:.3e}" if hours >= 1e7 else f"{hours:,.0f}"


def _time(seconds: float) -> str:
    """Seconds in the unit that suits."""
    for unit, length, most in (("s", 1, 120), ("minutes", 60, 7200), ("hours", 3600, 172800), ("days", 86400, 7.3e7)):
        if seconds < most:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds / 3.156e7:,.3g} years"
