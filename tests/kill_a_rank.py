"""Kill one rank of many at random moments: the others must stop with one line, and the run must go on to the same results.

    python tests/kill_a_rank.py [--kills 20] [--seed 1] [--ranks 2] [--together] [--set KEY=VALUE ...]

starts tiny runs under mpirun, sends SIGKILL to a random rank at a random moment after `run.json` exists, waits for the others,
looks at what was left, and resumes on one to three ranks; now and then it kills that too.  The finished runs are compared bit
for bit with one of a single process.  Exit status 1 if anything differs, hangs or is told otherwise than in one line.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kill_and_resume import damaged
from many_ranks import differences, ended, kill_rank, launch, start, wait_for
from tiny_run import write_tiny

#: The part of resumed runs that is killed again.
AGAIN = 0.25

#: Seconds within which all ranks must be gone.
PROMPT = 10.0


def kill_once(process: subprocess.Popen[str], rank: int, moment: float, directory: Path) -> tuple[bool, list[str], float]:
    """Kill a rank after some seconds; whether it was there, what is wrong with the end, and how long that took."""
    time.sleep(moment)
    if process.poll() is not None or not kill_rank(process, rank):
        outcome = ended(process)
        return False, [f"status {outcome.status}: {outcome.err}"] if outcome.status else [], 0.0
    began = time.monotonic()
    outcome = ended(process)
    seconds = time.monotonic() - began
    if outcome.status == 0:
        return False, [], seconds  # it had done its work
    wrong = [f"Traceback: {outcome.err}"] if "Traceback" in outcome.err else []
    finished = json.loads((directory / "run.json").read_text())["status"] == "finished"
    if finished and not outcome.lines:
        return True, wrong, seconds  # nothing was left to be done
    if len(outcome.lines) != 1 or "mpirun -n" not in outcome.lines[0]:
        wrong.append(f"told {outcome.lines}: {outcome.err}")
    if seconds > PROMPT:
        wrong.append(f"took {seconds:.1f} s to end")
    return True, wrong, seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--together", action="store_true", help="ranks write one file, which needs an h5py with MPI")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    settings = [word for override in options.overrides for word in ("--set", override)]
    kills = failures = resumes = 0
    slowest = 0.0

    with tempfile.TemporaryDirectory(prefix="glasma-ranks-") as holder:
        config, reference = write_tiny(Path(holder)), Path(holder) / "reference"
        arguments = ["run", config, *settings, "--quiet", "--out"]
        assert launch(1, *arguments, reference).status == 0
        began = time.monotonic()
        process = start(options.ranks, *arguments, Path(holder) / "timed", together=options.together)
        wait_for(Path(holder) / "timed" / "run.json", process)
        startup = time.monotonic() - began
        assert ended(process).status == 0
        duration = time.monotonic() - began - startup

        trial = 0
        while kills < options.kills:
            trial += 1
            directory = Path(holder) / f"run{trial}"
            ranks = options.ranks
            process = start(ranks, *arguments, directory, together=options.together)
            wait_for(directory / "run.json", process)
            moment, kills_here = chance.uniform(0, duration), 0
            while True:
                victim = chance.randrange(ranks)
                killed, wrong, seconds = kill_once(process, victim, moment, directory)
                failures += len(wrong)
                for text in wrong:
                    print(f"run {trial}: {text}")
                if not killed:
                    break
                kills, kills_here, slowest = kills + 1, kills_here + 1, max(slowest, seconds)
                broken = damaged(directory)
                failures += len(broken)
                if options.verbose or broken:
                    print(f"kill {kills} of rank {victim} of {ranks} after {moment:.2f} s, damaged: {broken}", flush=True)
                again = chance.random() < AGAIN and kills < options.kills
                ranks = options.ranks if again else chance.randint(1, 3)
                process = start(ranks, "resume", directory, "--quiet", together=options.together and ranks > 1)
                if not again:
                    outcome = ended(process)
                    resumes += 1
                    if outcome.status:
                        failures += 1
                        print(f"run {trial}: resume on {ranks} ranks: {outcome.err}")
                    break
                moment = startup + chance.uniform(-0.1, 1.0) * duration
            if different := differences(directory, reference):
                failures += 1
                print(f"run {trial}, {kills_here} kills: {different}")
    print(f"{kills} kills of a rank, {resumes} resumes to the end: {failures} failures; all ranks gone within {slowest:.2f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
