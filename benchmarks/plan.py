"""What `glasma plan` says beside what the runs then take.

    python benchmarks/plan.py [--json FILE] [--measure] [--only NAME]
    python benchmarks/plan.py --reference glasma/planning/reference.toml

Variations of the configurations in runs/ of about a minute each, on one thread and in a process of their own: processor
seconds (user and system), which other work on the machine disturbs little, peak memory, and bytes of the files.  The second
command compares nothing: it measures every kind of run on this machine and replaces the figures of the file.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from glasma.config import load_config
from glasma.io.provenance import commit, machine, versions
from glasma.planning.machine import load_machine, toml_of
from glasma.planning.plan import make_plan
from glasma.planning.probe import measure_machine
from glasma.sanity import check_physics

RUNS = Path(__file__).parents[1] / "runs"
#: Name: the file and what is replaced in it.
CASES: dict[str, tuple[str, list[str]]] = {
    "SU(2) float64 leapfrog": ("quickstart.toml", ["evolution.end_time=0.3 fm"]),
    "SU(2) float32 leapfrog": (
        "quickstart.toml",
        ["run.precision=float32", "lattice.transverse_cells=72", "lattice.transverse_length=3 fm", "evolution.end_time=0.4 fm"],
    ),
    "SU(3) float32 leapfrog": (
        "quickstart.toml",
        ["run.precision=float32", "lattice.group=SU(3)", "lattice.transverse_cells=28", "observables.interval=0.03 fm"],
    ),
    "SU(2) float64 semi_implicit": (
        "thin_nuclei.toml",
        ["evolution.end_time=0.2 fm", "lattice.transverse_cells=48", "observables.interval=0.05 fm"],
    ),
    "SU(2) float64 boost_invariant": ("boost_invariant.toml", ["lattice.transverse_cells=512"]),
}


def compare(name: str, measure: bool) -> dict[str, object]:
    """The plan and the run of a case."""
    file, overrides = CASES[name]
    overrides = ["run.threads=1", *overrides]
    plan = make_plan(check_physics(load_config(RUNS / file, overrides)), measure=measure)
    with tempfile.TemporaryDirectory(prefix="glasma-plan-") as directory:
        few = 128 if "boost_invariant" in name else 16
        warm = [*overrides, f"lattice.transverse_cells={few}", "output.snapshots=[]", "evolution.end_time=0.03 fm"]
        options = [word for override in warm for word in ("--set", override)]
        command = [sys.executable, "-m", "glasma.cli", "run", str(RUNS / file), *options, "--out", directory, "--quiet"]
        # Compiles, if that has not been done yet.
        subprocess.run([*command, "--set", "observables.interval=0.02 fm"], check=True, capture_output=True)
    with tempfile.TemporaryDirectory(prefix="glasma-plan-") as directory:
        options = [word for override in overrides for word in ("--set", override)]
        command = [sys.executable, "-m", "glasma.cli", "run", str(RUNS / file), *options, "--out", directory, "--quiet"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        record = json.loads((Path(directory) / "run.json").read_text())
        sizes = {path.name: path.stat().st_size for path in Path(directory).iterdir()}
    cost = plan.cost
    return {
        "case": name,
        "planned_s": cost.core_seconds,
        "taken_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "planned_MiB": cost.memory_bytes / 2**20,
        "taken_MiB": record["peak_memory_MiB"],
        "planned_updates": cost.site_updates,
        "taken_updates": record["site_updates"],
        "planned_snapshots_MB": cost.files.snapshots / 1e6,
        "taken_snapshots_MB": sizes["snapshots.h5"] / 1e6,
        "planned_checkpoint_MB": cost.files.checkpoint / 1e6,
        "taken_checkpoint_MB": sizes["checkpoint.h5"] / 1e6,
        "planned_phases": cost.phases,
        "wall_phases": record["seconds"],
    }


def measure_every_kind(path: Path) -> None:
    """Replace the figures of a machine file, kind by kind."""
    machine = load_machine(path)
    comments = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.startswith("#")]
    for entry in machine.throughput:
        print(", ".join(entry.kind), flush=True)
        machine = measure_machine(entry.kind, machine).model_copy(update={"name": machine.name})
        path.write_text("".join(comments) + toml_of(machine), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--measure", action="store_true", help="measure this machine for each kind first")
    parser.add_argument("--reference", type=Path, metavar="FILE", help="measure all kinds of a machine file instead")
    parser.add_argument("--only", choices=list(CASES), help="one case")
    options = parser.parse_args()
    if options.reference:
        measure_every_kind(options.reference)
        return
    rows = []
    print(f"{'':32}{'s: plan':>10}{'run':>8}{'ratio':>7}{'MiB: plan':>11}{'run':>8}{'ratio':>7}{'snapshots':>11}{'updates':>9}")
    for name in [options.only] if options.only else CASES:
        row = compare(name, options.measure)
        rows.append(row)
        ratio = {key: row[f"planned_{key}"] / row[f"taken_{key}"] for key in ("s", "MiB", "snapshots_MB", "updates")}  # type: ignore[operator]
        print(
            f"{name:32}{row['planned_s']:10.1f}{row['taken_s']:8.1f}{ratio['s']:7.2f}{row['planned_MiB']:11.0f}"
            f"{row['taken_MiB']:8.0f}{ratio['MiB']:7.2f}{ratio['snapshots_MB']:11.2f}{ratio['updates']:9.3f}",
            flush=True,
        )
    if options.json:
        about = {"machine": machine(), "versions": versions(), "commit": commit(), "rows": rows}
        options.json.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
