"""Checks of a run from its stored fields alone: Gauss constraint, unitarity, energy balance, and the files themselves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from glasma.config import Config
from glasma.derived import Derived
from glasma.domain.ranks import Ranks
from glasma.domain.slab import Slab
from glasma.errors import FileError
from glasma.evolution.scheme import Scheme
from glasma.io.checkpoint import altered, load_checkpoint
from glasma.io.openpmd import Snapshots
from glasma.io.run_directory import RunDirectory
from glasma.lattice.fields import Fields
from glasma.lattice.milne import MilneFields
from glasma.schemes import make_scheme


@dataclass(frozen=True)
class Check:
    """One number, recomputed from stored fields, against its tolerance."""

    source: str
    quantity: str
    value: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the value is finite and within the tolerance."""
        return bool(np.isfinite(self.value)) and abs(self.value) <= self.tolerance

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "passed": self.passed}


def check_run(directory: RunDirectory, ranks: Ranks | None = None) -> list[Check]:
    """Recompute every check from the snapshots and the checkpoint of a run; ranks do so together, each on its slab.

    Raises
    ------
    FileError
        If there is nothing to check or a file is damaged.
    """
    checks: list[Check] = []
    if directory.snapshots.exists():
        checks += check_snapshots(directory.snapshots, ranks)
    if directory.checkpoint.exists():
        changed = altered(directory.checkpoint, ranks)  # before the state is loaded: it reads every array too
        slab = _slab(directory.config(), ranks)
        fields, config = load_checkpoint(directory.checkpoint, slab)
        source = f"checkpoint, step {fields.step}"
        checks.append(Check(source, "datasets changed since written", float(len(changed)), 0.0))
        checks += _check_state(source, fields, config, make_scheme(config, fields.grid, slab))
    if not checks and (record := directory.read_run()).get("event") and record["status"] == "finished":
        raise FileError(
            f"{directory.path}: an event of an ensemble keeps no fields; `glasma run CONFIG --set run.seed={record['seed']}` "
            "writes them"
        )
    if not checks:
        raise FileError(f"{directory.path}: has no snapshot with fields and no checkpoint yet; let the run go on first")
    return checks


def _slab(config: Config, ranks: Ranks | None) -> Slab | None:
    """The part of the lattice that this rank checks, if there are many."""
    return None if ranks is None or ranks.size == 1 else Slab(Derived(config).grid, ranks)


def check_snapshots(path: Path, ranks: Ranks | None = None) -> list[Check]:
    """The checks of every snapshot of a file."""
    checks: list[Check] = []
    start: tuple[float, float] | None = None
    with Snapshots(path) as whole:
        slab = _slab(whole.config, ranks)
    with Snapshots(path, slab) as snapshots:
        scheme = make_scheme(snapshots.config, snapshots.derived.grid, slab)
        for step in snapshots.steps:
            found, energy_and_work = _check_snapshot(snapshots, step, scheme, slab)
            checks += found
            if energy_and_work is None:
                continue
            start = start or energy_and_work
            balance = (sum(energy_and_work) - sum(start)) / max(energy_and_work[0], start[0])
            source, tolerance = found[0].source, snapshots.config.tolerances.energy_balance
            checks.append(Check(source, "energy balance", balance, tolerance))
    return checks


def _check_snapshot(
    snapshots: Snapshots, step: int, scheme: Scheme, slab: Slab | None
) -> tuple[list[Check], tuple[float, float] | None]:
    """The checks of one snapshot; the energy of its fields and the work on the charges, if it holds fields."""
    source = f"snapshot t = {snapshots.time(step):+.4f} fm"
    altered: list[str] = []
    meshes = snapshots.meshes(step)
    # What is loaded whole is compared on the way: to read it for that alone takes half as long again, most of it in gzip.
    if slab is not None:  # what ranks load has other bounds than what was written
        altered += snapshots.altered(step, slab.ranks)
    elif "T" in meshes:
        snapshots.mesh(step, "T", altered)
    fields = snapshots.fields(step, altered, density_on_file=True) if snapshots.has_fields(step) else None
    checks = [Check(source, "datasets changed since written", float(len(altered)), 0.0)]
    if fields is None:
        return checks, None
    checks += _check_state(source, fields, snapshots.config, scheme)
    return checks, (scheme.energy(fields), fields.work)


def _check_state(source: str, fields: Fields | MilneFields, config: Config, scheme: Scheme) -> list[Check]:
    if isinstance(fields, Fields):
        fields.region = [fields.grid.interior]  # not only what the run evolves
    gauss = scheme.gauss_residual(fields)
    return [
        Check(source, "Gauss, max |G|/max |ρ|", gauss.max_rel, config.gauss_tolerance),
        Check(source, "unitarity, max |U†U − 1|", scheme.unitarity_violation(fields), config.unitarity_tolerance),
    ]
