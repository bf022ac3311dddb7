"""What a path holds, in a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from glasma.config import load_config
from glasma.derived import Derived
from glasma.ensemble.scan import is_scan, read_scan
from glasma.errors import FileError
from glasma.euclidean.autocorrelation import autocorrelation_time, mean_and_error
from glasma.euclidean.configuration_file import FORMAT, reading_configurations
from glasma.io.atomic import reading_hdf5
from glasma.io.checkpoint import load_checkpoint
from glasma.io.ensemble_directory import STATUSES, EnsembleDirectory, Event
from glasma.io.history import load_history, load_profiles
from glasma.io.openpmd import Snapshots
from glasma.io.run_directory import RunDirectory
from glasma.sanity import check_physics
from glasma.summary import summary

#: What the events of a data set are, by the frame of their fields.
_SOURCES = {
    "milne": "collisions in proper time",
    "static": "boxes that do not expand",
    "laboratory": "collisions in 3+1D",
}


def describe(path: Path) -> dict[str, str]:
    """Name → value.

    Raises
    ------
    FileError
        If the path is missing or nothing of glasma's.
    """
    if path.is_dir() and EnsembleDirectory.is_ensemble(path):
        return _describe_ensemble(EnsembleDirectory.open(path))
    if path.is_dir() and is_scan(path):
        return _describe_scan(path)
    if path.is_dir():
        return _describe_run(RunDirectory.open(path))
    if not path.exists():
        raise FileError(f"{path}: does not exist; give a run's directory, one of its files or a configuration")
    if path.name == "run.json":
        return _describe_run(RunDirectory.open(path.parent))
    if path.name in ("ensemble.json", "ensemble.csv"):
        return _describe_ensemble(EnsembleDirectory.open(path.parent))
    if path.name in ("scan.json", "scan.csv"):
        return _describe_scan(path.parent)
    if path.suffix == ".toml":
        return summary(check_physics(load_config(path)))
    if path.suffix == ".csv":
        rows = load_history(path).rows
        span = f"t = {rows[0]['t_fm']:.4f} to {rows[-1]['t_fm']:.4f} fm" if rows else "no rows yet"
        return {"kind": "history", "rows": f"{len(rows)}, {span}"}
    if path.suffix == ".h5":
        return _describe_hdf5(path)
    raise FileError(f"{path}: is nothing that glasma knows; give a run's directory, one of its files or a configuration")


def _describe_run(directory: RunDirectory) -> dict[str, str]:
    record = directory.read_run()
    rows = load_history(directory.history).rows if directory.history.exists() else []
    return {
        "kind": f"run, {record['status']}",
        "commit": record["commit"],
        "resumed": f"{record['resumed']} times",
        "measurements": f"{len(rows)}" + (f", last at t = {rows[-1]['t_fm']:.4f} fm" if rows else ""),
        **summary(Derived(directory.config())),
    }


def _describe_ensemble(directory: EnsembleDirectory) -> dict[str, str]:
    events = directory.read_events()
    return {
        "kind": f"ensemble of {len(events)} events",
        "events": _counted(events),
        **{f"event {event.number}": f"seed {event.seed}: {event.error}" for event in events if event.error},
        "commit": directory.read()["commit"],
        **summary(Derived(directory.config())),
    }


def _describe_scan(path: Path) -> dict[str, str]:
    points, events, _ = read_scan(path)
    rows = {"kind": f"scan of {len(points)} points with {events} events each"}
    for point in points:
        directory = EnsembleDirectory(path / "points" / point.name)
        rows[point.name] = _counted(directory.read_events()) if directory.record.exists() else "not begun"
    return rows


def _counted(events: Sequence[Event]) -> str:
    """How many events are finished, running, and so on."""
    counts = {status: sum(event.status == status for event in events) for status in STATUSES}
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)


def _describe_hdf5(path: Path) -> dict[str, str]:
    with reading_hdf5(path, "file of glasma") as file:
        is_configurations = file.attrs.get("format") == FORMAT
        is_dataset = "glasma dataset" in str(file.attrs.get("format", ""))
        is_checkpoint = "checkpoint" in str(file.attrs.get("format", ""))
        is_profiles = "component_order" in file.attrs
        events = file.attrs.get("events")
    if is_configurations:
        return _describe_configurations(path)
    if is_dataset:
        return _describe_dataset(path)
    if is_checkpoint:
        fields, config = load_checkpoint(path)
        return {"kind": f"checkpoint at step {fields.step}", **summary(Derived(config))}
    if is_profiles:
        times = load_profiles(path).times
        span = f", t = {times[0]:.4f} to {times[-1]:.4f} fm" if times else ""
        kind = "profiles along z" if events is None else f"profiles along z, mean over {int(events)} events"
        return {"kind": kind, "measurements": f"{len(times)}{span}"}
    with Snapshots(path) as snapshots:
        rows = {"kind": f"{len(snapshots.steps)} snapshots"}
        for step in snapshots.steps:
            rows[f"step {step}"] = f"t = {snapshots.time(step):+.4f} fm: {', '.join(snapshots.meshes(step))}"
        return {**rows, **summary(snapshots.derived)}


def _describe_configurations(path: Path) -> dict[str, str]:
    with reading_configurations(path) as (file, sampling):
        plaquettes, commit = file["plaquette"][:], str(file.attrs["commit"])
    rounds = len(plaquettes) // sampling.chains
    # Rounds that are whole; fewer configurations than chains are independent of each other.
    series = plaquettes[: rounds * sampling.chains].reshape(rounds, -1) if rounds else plaquettes[None]
    mean, error = mean_and_error(series)
    return {
        "kind": f"{sampling.count} configurations of {sampling.group}, Wilson action, β = {sampling.beta:g}",
        "lattice": " × ".join(map(str, sampling.shape)) + " sites, periodic",
        "seed": str(sampling.seed),
        "chains": f"{sampling.chains}, {sampling.start} start, {sampling.thermalisation} sweeps of thermalisation",
        "separation": f"{sampling.separation} sweeps with {sampling.overrelaxation} of over-relaxation each",
        "plaquette": f"{mean:.6f} ± {error:.6f}",
        "autocorrelation": f"{autocorrelation_time(series):.2f} configurations of a chain (½: independent)",
        "links": sampling.precision,
        "commit": commit,
    }


def _describe_dataset(path: Path) -> dict[str, str]:
    from surrogate.dataset.dataset_file import read_content
    from surrogate.dataset.plan import SplitPlan

    content = read_content(path)
    collisions = content.frame == "laboratory"
    rows = {
        "kind": f"data set of {content.group}, {_SOURCES[content.frame]}",
        "blocking": f"{content.blocking}, fields every coarse {'a_z' if collisions else 'a_T'}/{content.substeps}",
        "precision": content.precision,
    }
    for split in content.config.split:
        seen = content.splits[split.name]
        coarse = content.blocking * seen.spacing_fm
        fine = f", fine states at {', '.join(map(str, seen.fine))}" if seen.fine else ""
        other = f"; {', '.join(split.set)}" if split.set else ""
        step = coarse * seen.anisotropy / content.substeps
        span = f"to {(seen.times - 1) * step:g} fm"
        if collisions:
            began = SplitPlan(split, content.config.source_of(split), content.config.dataset).start_time
            t0, t1 = (began + number * step for number in (seen.first, seen.first + seen.times - 1))
            span = f"from {t0:.4g} to {t1:.4g} fm since the collision, a_z/a_T = {seen.anisotropy:.4g}"
        rows[split.name] = (
            f"{seen.events} events from seed {split.seed}, {seen.lattice[0]} × {seen.lattice[1]} sites of {coarse:g} fm, "
            f"{seen.times} times {span}{fine}{other}"
        )
    return {**rows, "commit": content.commit}
