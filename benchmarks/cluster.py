"""What Dask adds to the events of an ensemble: seconds to import it, to start local workers, and for each task.

python benchmarks/cluster.py [--workers 2] [--tasks 200]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from glasma.cluster import workers


def nothing() -> None:
    pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tasks", type=int, default=200)
    options = parser.parse_args()
    began = time.perf_counter()
    import distributed  # noqa: F401

    imported = time.perf_counter()
    with tempfile.TemporaryDirectory() as holder, workers(Path(holder), options.workers) as cluster:
        ready = time.perf_counter()
        cluster.run(nothing, [()] * options.workers, lambda _: None, lambda *_: None)  # workers import glasma
        warm = time.perf_counter()
        cluster.run(nothing, [()] * options.tasks, lambda _: None, lambda *_: None)
        done = time.perf_counter()
    ended = time.perf_counter()
    print(f"import {imported - began:.2f} s, workers {ready - imported:.2f} s, glasma there {warm - ready:.2f} s")
    print(f"a task {1e3 * (done - warm) / options.tasks:.1f} ms, end {ended - done:.2f} s")


if __name__ == "__main__":
    main()
