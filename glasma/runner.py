"""A run with files: measure, write snapshots and checkpoints, stop when a constraint breaks, resume bit for bit."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glasma.check import check_run
from glasma.collision import Collision
from glasma.config import Config
from glasma.derived import Derived
from glasma.domain.death import DeathWatch
from glasma.domain.ranks import Ranks, remedy_for_strangers
from glasma.domain.slab import Slab
from glasma.errors import ConvergenceError, FileError, UnstableRunError
from glasma.io.atomic import make_directory
from glasma.io.checkpoint import checkpoint_header, load_checkpoint, save_checkpoint
from glasma.io.history import History, Profiles, Row, load_history, load_profiles
from glasma.io.hold import held
from glasma.io.openpmd import SnapshotWriter
from glasma.io.provenance import commit, machine, versions
from glasma.io.run_directory import RunDirectory
from glasma.io.together import write_one_file
from glasma.lattice.energy import COMPONENTS
from glasma.memory import Memory, largest_part, return_freed_memory
from glasma.observables.measure import Measurement
from glasma.observables.stress_energy import TENSOR
from glasma.progress import Reporter, Silent
from glasma.report import write_report
from glasma.sanity import check_memory, check_physics, source_fingerprints
from glasma.schemes import require_backend, threads_of_rank

if TYPE_CHECKING:
    from glasma.cuda.devices import GpusOfRanks


def run(
    config: Config,
    path: str | Path,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    event: bool = False,
    ranks: Ranks | None = None,
    is_held: bool = False,
) -> RunDirectory:
    """Run a configuration from the start into a directory.

    Parameters
    ----------
    config : Config
    path : directory
    overwrite : bool
        Whether the results of an earlier run there are replaced.
    reporter : Reporter, optional
    event : bool
        One of many, of which history and profiles are enough: no report, no film, only the snapshots that output.snapshots
        asks for, and no checkpoint once it is finished.
    ranks : Ranks, optional
        The processes that do it together; each calls this function.  Default: this one alone.
    is_held : bool
        Whether the caller keeps other processes out of the directory (`held`).

    Raises
    ------
    GlasmaError
        ConfigError, FileError or UnstableRunError, each with one line that says what to do.
    """
    ranks = ranks or Ranks()
    gpus = require_backend(config.run.backend, ranks)
    slab = _slab(check_physics(config, with_memory=ranks.size == 1), ranks, gpus)
    with ExitStack() as holds:

        def begin() -> RunDirectory:
            make_directory(Path(path))
            holds.enter_context(_held(Path(path), is_held))
            return RunDirectory.create(Path(path), overwrite)

        directory = ranks.first_does(begin)
        _Run(directory, config, reporter or Silent(), event=event, ranks=ranks, slab=slab, gpus=gpus).go()
    return directory


def resume(
    path: str | Path,
    reporter: Reporter | None = None,
    ranks: Ranks | None = None,
    backend: str | None = None,
    is_held: bool = False,
) -> RunDirectory:
    """Go on with an interrupted run from its last checkpoint; the results are those of an undisturbed run, bit for bit.

    It may go on on any number of ranks, each of which calls this function.  On another backend than before (`backend` is "cpu"
    or "cuda") the results are those of an undisturbed run to rounding.
    """
    ranks = ranks or Ranks()
    directory = RunDirectory.open(Path(path))
    with ExitStack() as holds:
        ranks.first_does(lambda: holds.enter_context(_held(directory.path, is_held)))
        _go_on(directory, reporter or Silent(), ranks, backend)
    return directory


def _held(path: Path, is_held: bool) -> AbstractContextManager[None]:
    """Keep other processes out of a directory, unless the caller does."""
    return nullcontext() if is_held else held(path, what="run", remedy=remedy_for_strangers())


def _go_on(directory: RunDirectory, reporter: Reporter, ranks: Ranks, backend: str | None) -> None:
    """Resume a run whose directory is held."""
    ranks.first_does(directory.clean)
    record = directory.read_run()
    if record.get("event") and record["status"] == "finished":
        directory.checkpoint.unlink(missing_ok=True)
        return
    config = directory.config()
    if backend is not None:
        config = config.on_backend(backend)
    gpus = require_backend(config.run.backend, ranks)
    derived = check_physics(config, with_source=not directory.checkpoint.exists(), with_memory=ranks.size == 1)
    slab = _slab(derived, ranks, gpus)
    if not directory.checkpoint.exists() and record.get("source", {}) != source_fingerprints(derived):
        raise FileError(f"{config.nuclei.path}: is not the file that the run began with; restore it or run again")
    _Run(directory, config, reporter, resuming=True, ranks=ranks, slab=slab, gpus=gpus).go()


def _slab(derived: Derived, ranks: Ranks, gpus: GpusOfRanks | None) -> Slab | None:
    """The part of this rank, if there are many; it fits into the memory of the machine and of its GPU."""
    slab, memory = None, derived.memory
    if ranks.size > 1:
        slab = Slab(derived.grid, ranks)
        write_one_file(ranks)  # if it cannot do what it is told to, that is said now
        largest = Memory(derived, largest_part(derived.grid.shape, slab.parts), threads_of_rank(derived, ranks))
        check_memory(derived.config, ranks.on_node * largest.peak)
        memory = Memory(derived, slab.part, largest.threads)
    if gpus is not None:
        gpus.require(memory.device)
    return slab


class _Run:
    """One process's part of a run."""

    def __init__(
        self,
        directory: RunDirectory,
        config: Config,
        reporter: Reporter,
        resuming: bool = False,
        event: bool = False,
        ranks: Ranks | None = None,
        slab: Slab | None = None,
        gpus: GpusOfRanks | None = None,
    ) -> None:
        self.directory, self.config, self.reporter = directory, config, reporter
        self.ranks, self.slab = ranks or Ranks(), slab
        self.record: dict[str, Any] = directory.read_run() if resuming else self._new_record()
        self.record["config"] = config.as_dict()  # the backend may be another one now
        if event:
            self.record["event"] = True
        self.phases: dict[str, float] = self.record["seconds"]
        #: Processor seconds of the parts of the run before this one, and of this process before it.
        self._cpu_before = self.record.get("cpu_seconds", 0.0), time.process_time()
        self.resuming = resuming and directory.checkpoint.exists()
        if self.ranks.size > 1:
            self.record["ranks"], self.record["ranks_along_z"] = self.ranks.size, self.ranks.along_z
        else:
            self.record.pop("ranks", None)
            self.record.pop("ranks_along_z", None)
        self.record.pop("gpus", None)
        if gpus is not None:
            self.record["gpus"] = [str(gpu) for gpu in gpus.of_each]
            for line in gpus.lines():
                self.reporter.say(line)
        # Before the directory is one of a run: from then on a dead rank is told.
        self.watch: DeathWatch | None = None
        if self.ranks.size > 1:
            self.watch = DeathWatch(
                directory.path, directory.checkpoint, self.ranks, self._last_step() if self.resuming else None
            )
        if not resuming:
            self._write_record()
        self.ranks.barrier()

    def _new_record(self) -> dict[str, Any]:
        return {
            "status": "running",
            "config": self.config.as_dict(),
            "seed": self.config.run.seed,
            "source": source_fingerprints(Derived(self.config)),
            "versions": versions(),
            "commit": commit(),
            "machine": machine(),
            "seconds": {"initial_state": 0.0, "evolution": 0.0, "measurement": 0.0, "output": 0.0, "report": 0.0},
            "cpu_seconds": 0.0,
            "site_updates": 0,
            "resumed": 0,
        }

    def _write_record(self, **changes: Any) -> None:
        """Renew `run.json`; of many ranks the first does."""
        if self.ranks.is_first:
            self.directory.write_run(self.record | changes)

    def _record_cost(self) -> None:
        """Processor seconds and the largest resident memory, of this process and of those that began the run; of all ranks."""
        before, start = self._cpu_before
        self.record["cpu_seconds"] = before + sum(self.ranks.of_each(time.process_time() - start))
        self._record_memory("peak_memory_MiB", _peak_memory_mib())

    def _record_memory(self, name: str, here: float) -> None:
        """The largest so far; of many ranks the sum of all, and that of the largest under `largest_rank`."""
        of_each = self.ranks.of_each(here)
        self.record[name] = max(self.record.get(name, 0.0), sum(of_each))
        if self.ranks.size > 1:
            largest = self.record.setdefault("largest_rank", {})
            largest[name] = max(largest.get(name, 0.0), *of_each)

    @property
    def _is_event(self) -> bool:
        return bool(self.record.get("event"))

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.phases[phase] += time.perf_counter() - start

    def go(self) -> None:
        """Run to the end and write the report."""
        self._start()
        self.reporter.begin(self.collision.fields.step, self.collision.derived.last_step)
        if not self.resuming:
            self._look()
        while not self.collision.finished:
            self.record["site_updates"] += self._region_sites()
            with self._timed("evolution"):
                self._step()
            self._look()
            self.reporter.at(self.collision.fields.step)
        self._finish()

    def _step(self) -> None:
        try:
            self.collision.step()
        except ConvergenceError as error:
            self._write_record(status="stopped")
            raise ConvergenceError(f"{error}. {self._last_good()}") from None

    def _start(self) -> None:
        self.reporter.say(
            "compiling and preparing the nuclei (kernels are kept on disk: only the first run of a kind waits for them)"
        )
        with self._timed("initial_state"):
            fields = None
            if self.resuming:
                fields, stored = load_checkpoint(self.directory.checkpoint, self.slab)
                if stored.on_backend(self.config.run.backend) != self.config:
                    raise FileError(
                        f"{self.directory.checkpoint}: belongs to another run than run.json; restore it or run again"
                    )
                self.record["resumed"] += 1
            self.collision = Collision(self.config, fields=fields, slab=self.slab)
        return_freed_memory()
        if not self.resuming:
            self.record["preparation"] = self.collision.scheme.preparation
        derived = self.collision.derived
        self.writer = SnapshotWriter(self.directory.path, derived, self.slab)
        self.history = History(self.directory.history)
        self.profiles = Profiles(self.directory.profiles, derived.grid.z_fm(), self.config.lattice.transverse_length)
        if self.resuming:
            self._forget_after_checkpoint(self.collision.fields.step)
        if self.ranks.is_first:
            self.history.start()
        self.ranks.barrier()
        steps = {derived.step_at(time) for time in self.config.output.snapshots}
        self.snapshot_steps = steps if self._is_event else steps | {derived.first_step, derived.last_step}
        interval = self.config.output.checkpoint_interval
        length = derived.last_step - derived.first_step
        self.checkpoint_every = max(1, round(interval / derived.grid.time_step_fm) if interval else length // 4)
        self._checkpoint_wall = time.monotonic()

    def _forget_after_checkpoint(self, step: int) -> None:
        self.history.rows = load_history(self.directory.history).rows
        self.history.drop_after(step)
        self.ranks.barrier()
        if not self.ranks.is_first:
            return
        self.profiles = load_profiles(self.directory.profiles)
        self.profiles.drop_after(step)
        self.writer.drop_after(step)

    def _look(self) -> None:
        """Measure, write a snapshot, write a checkpoint, each if it is due after this step."""
        step, derived = self.collision.fields.step, self.collision.derived
        since_start, is_last = step - derived.first_step, step == derived.last_step
        measurement_due = since_start % derived.measure_every == 0 or is_last
        snapshot_due = step in self.snapshot_steps
        checkpoint_due = is_last or (since_start > 0 and since_start % self.checkpoint_every == 0)
        # The clocks of ranks differ.
        late = time.monotonic() - self._checkpoint_wall > 60 * self.config.output.checkpoint_minutes
        checkpoint_due |= self.ranks.broadcast(late)
        if not (measurement_due or snapshot_due or checkpoint_due):
            return
        with self._timed("measurement"):
            seen = self.collision.measure()
            row = self._row(seen)
        self._stop_if_broken(row)
        with self._timed("output"):
            if measurement_due and not self.ranks.is_first:
                self.history.rows.append(row)
            elif measurement_due:
                self.history.append(row)
                self.profiles.append(step, derived.time_at(step), seen, derived.density_unit)
            if snapshot_due:
                tensor = self.collision.stress_tensor if self.config.output.snapshot_tensor else None
                self.writer.write(self.collision.fields, tensor)
            if checkpoint_due:
                self._write_checkpoint()
        self.reporter.at(
            step, f"t = {row['t_fm']:+.3f} fm  Gauss {row['gauss_max_rel']:.0e}  ε(0) = {row['eps_mid']:.3g} GeV/fm³"
        )

    def _row(self, seen: Measurement) -> Row:
        """One row of the history."""
        collision, derived, fields = self.collision, self.collision.derived, self.collision.fields
        gauss = collision.scheme.gauss_residual(fields)
        nx, ny, nz = derived.grid.shape
        volume = nx * ny * collision.scheme.length_element(fields) * derived.energy_unit
        energies = {name: volume * float(profile.sum()) for name, profile in zip(COMPONENTS, seen.components, strict=True)}
        energy, work = sum(energies.values()), fields.work * derived.energy_unit
        start = self.history.rows[0] if self.history.rows else {"energy_field": energy, "work_on_charges": work}
        change = energy - start["energy_field"] + work - start["work_on_charges"]
        balance = change / max(energy, start["energy_field"])
        # z = 0 lies between the two middle planes of an even lattice.
        middle = [(nz - 1) // 2, nz // 2]
        at_middle = dict(zip(TENSOR, derived.density_unit * seen.tensor[:, middle].mean(axis=1), strict=True))
        return {
            "t_fm": derived.time_at(fields.step),
            "step": fields.step,
            "gauss_max_rel": gauss.max_rel,
            "gauss_rms_rel": gauss.rms_rel,
            "unitarity_max": collision.unitarity_violation(),
            "iterations": collision.scheme.iterations,
            "energy_field": energy,
            "work_on_charges": work,
            "energy_balance_rel": balance,
            **energies,
            "eps_mid": at_middle["T00"],
            "pL_mid": at_middle["Tzz"],
            "pT_mid": (at_middle["Txx"] + at_middle["Tyy"]) / 2,
            "Sz_mid": at_middle["T0z"],
        }

    def _stop_if_broken(self, row: Row) -> None:
        """Refuse to go on, or to write, from fields that are not a solution any more."""
        limits = {"gauss_max_rel": self.config.gauss_tolerance, "unitarity_max": self.config.unitarity_tolerance}
        broken = [name for name, value in row.items() if not np.isfinite(value)]
        broken += [name for name, limit in limits.items() if row[name] > limit]
        if not broken:
            return
        name = broken[0]
        limit = f", above its tolerance {limits[name]:g}" if name in limits else ""
        self._write_record(status="stopped")
        raise UnstableRunError(
            f"step {row['step']:.0f} (t = {row['t_fm']:.4g} fm): {name} = {row[name]:.3g}{limit}; the run stops. "
            f"{self._last_good()}; raise evolution.substeps or lattice.longitudinal_cells"
        )

    def _last_good(self) -> str:
        checkpoint = self.directory.checkpoint
        if not checkpoint.exists():
            return "No checkpoint was written yet"
        return f"Last good checkpoint: {checkpoint} (step {self._last_step()})"

    def _last_step(self) -> int:
        """The step of the last checkpoint."""
        return checkpoint_header(self.directory.checkpoint)[0]

    def _write_checkpoint(self) -> None:
        if self.ranks.is_first:
            self.profiles.save()
        save_checkpoint(self.directory.checkpoint, self.collision.fields, self.config, self.slab)
        if self.watch is not None:
            self.watch.checkpoint(self.collision.fields.step)
        self._record_cost()
        self._write_record()
        self._checkpoint_wall = time.monotonic()

    def _region_sites(self) -> int:
        nx, ny, _ = self.collision.derived.grid.shape
        return nx * ny * sum(z1 - z0 for z0, z1 in self.collision.scheme.region(self.collision.fields))

    def _finish(self) -> None:
        with self._timed("output"):
            if self.snapshot_steps:
                self.writer.gather()
        self.record["status"] = "finished"
        evolved = self.record["site_updates"]
        self.record["ns_per_site_step"] = 1e9 * self.phases["evolution"] / evolved if evolved else None
        self._record_memory("field_MiB", self.collision.fields.nbytes / 2**20)
        self._record_cost()
        self.record["running_memory_MiB"] = self.record["peak_memory_MiB"]
        self._write_record()
        if self._is_event:
            self.directory.checkpoint.unlink(missing_ok=True)
            return
        del self.collision, self.writer, self.profiles  # the checks of the report need the memory
        return_freed_memory()
        self.reporter.say("drawing the report")
        with self._timed("report"):
            self._write_report()
        self._record_cost()
        self._write_record()
        self.ranks.barrier()
        if self.watch is not None:
            self.watch.finished()

    def _write_report(self) -> None:
        if self.ranks.size == 1:
            write_report(self.directory)
            return
        self.ranks.barrier()
        checks = check_run(self.directory, self.ranks)
        if self.ranks.is_first:
            write_report(self.directory, checks)
        self.ranks.long_barrier()


def _peak_memory_mib() -> float:
    """Largest resident memory of this process so far."""
    try:
        # Not that of getrusage, which on Linux begins with the peak of the process that started this one.
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 2**10
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
