"""Kill runs at random moments and resume them: nothing may be damaged, and the results must be those of an undisturbed run.

    python tests/kill_and_resume.py [--kills 100] [--seed 1] [--set KEY=VALUE ...]

starts tiny runs as processes of their own, sends each SIGKILL at a random moment after `run.json` exists, looks at what it
left, resumes it, and now and then kills that too.  The finished runs are compared bit for bit with an undisturbed one.
Exit status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tiny_run import differences, write_tiny

from glasma.errors import GlasmaError
from glasma.io.checkpoint import altered
from glasma.io.history import load_history, load_profiles
from glasma.io.openpmd import Snapshots
from glasma.io.run_directory import RunDirectory

#: The pictures take longer than all the rest: most runs leave them out, so that the kills meet the files.
WITH_REPORT = ["-m", "glasma.cli"]
WITHOUT_REPORT = [
    "-c",
    "import glasma.runner as r; r.write_report = lambda directory: None; from glasma.cli import main; main()",
]
REPORT_EVERY = 10

#: The part of resumed runs that is killed again.
AGAIN = 0.25


def start(program: list[str], *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, *program, *map(str, arguments), "--quiet"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists() and process.poll() is None:
        time.sleep(0.001)


def killed(process: subprocess.Popen[str], after: float) -> bool:
    """Kill a process after some seconds; False if it ended before."""
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.wait()
    if process.returncode not in (0, -signal.SIGKILL):
        assert process.stderr is not None
        raise RuntimeError(f"exit status {process.returncode}: {process.stderr.read().strip()}")
    return process.returncode != 0


def damaged(directory: Path) -> list[str]:
    """Files of a killed run that cannot be read to the end, or do not hold what was written."""
    run, found = RunDirectory(directory), []

    def look(path: Path) -> None:
        if path == run.run:
            RunDirectory.open(directory)
        elif path == run.history:
            rows, lines = load_history(path).rows, path.read_bytes().split(b"\n")[1:-1]
            if len(rows) != len(lines):
                found.append(path.name)
        elif path == run.profiles:
            load_profiles(path)
        elif path == run.checkpoint and altered(path):
            found.append(path.name)
        elif path == run.snapshots:
            changed: list[str] = []
            with Snapshots(path) as snapshots:
                for step in snapshots.steps:
                    snapshots.fields(step, changed)
                    snapshots.mesh(step, "T", changed)
            found.extend(changed)

    for path in sorted(directory.iterdir()):
        try:
            look(path)
        except GlasmaError as error:
            found.append(str(error))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    settings = [word for override in options.overrides for word in ("--set", override)]
    kills = identical = damages = 0

    with tempfile.TemporaryDirectory(prefix="glasma-kill-") as holder:
        config, reference = write_tiny(Path(holder)), Path(holder) / "reference"
        killed(start(WITH_REPORT, "run", config, *settings, "--out", reference), 600)
        began = time.monotonic()
        process = start(WITHOUT_REPORT, "run", config, *settings, "--out", Path(holder) / "timed")
        wait_for(Path(holder) / "timed" / "run.json", process)
        startup = time.monotonic() - began
        killed(process, 600)
        duration = time.monotonic() - began - startup

        trial = 0
        while kills < options.kills:
            trial += 1
            program = WITH_REPORT if trial % REPORT_EVERY == 0 else WITHOUT_REPORT
            directory = Path(holder) / f"run{trial}"
            process = start(program, "run", config, *settings, "--out", directory)
            wait_for(directory / "run.json", process)
            moment, kills_here = chance.uniform(0, 1.1 * duration), 0
            while killed(process, moment):
                kills, kills_here = kills + 1, kills_here + 1
                if broken := damaged(directory):
                    damages += len(broken)
                    print(f"damaged after kill {kills}: {broken}")
                if options.verbose:
                    print(f"kill {kills} after {moment:.3f} s: {sorted(path.name for path in directory.iterdir())}", flush=True)
                process = start(program, "resume", directory)
                again = chance.random() < AGAIN and kills < options.kills
                moment = startup + chance.uniform(-0.1, 1.1) * duration if again else 600.0
            different = differences(directory, reference)
            if different:
                print(f"run {trial}, {kills_here} kills: {different}")
            else:
                identical += kills_here
    print(f"{kills} kills: {identical} identical resumes, {damages} damaged files")
    return 0 if identical == kills and not damages else 1


if __name__ == "__main__":
    sys.exit(main())
