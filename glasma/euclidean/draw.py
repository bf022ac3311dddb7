"""Configurations drawn into a file, or added to one."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from glasma.backend import Workers
from glasma.errors import FileError
from glasma.euclidean.configuration_file import ConfigurationAppender, reading_configurations
from glasma.euclidean.sampling import Sampling
from glasma.io.atomic import replacing_hdf5
from glasma.progress import Reporter, Silent


class SamplingInterrupted(KeyboardInterrupt):
    """Interrupted by the user after the file was made whole with `done` configurations."""

    def __init__(self, done: int) -> None:
        super().__init__(done)
        self.done = done


def draw_configurations(
    path: str | Path,
    sampling: Sampling,
    workers: Workers | None = None,
    overwrite: bool = False,
    progress: Reporter | None = None,
) -> Sampling:
    """Draw configurations into the file at `path`; what it has already of the same sampling is kept and added to.

    The configurations do not depend on whether they are drawn at once or in several calls, or on the number of threads.

    Returns
    -------
    Sampling
        With the number of chains that was taken.

    Raises
    ------
    FileError
        If the file holds something else and is not to be overwritten, or cannot be written.
    SamplingInterrupted
        On Ctrl-C, after what was drawn has been written; the same call goes on.
    """
    path, progress = Path(path), progress or Silent()
    if not path.parent.is_dir():
        raise FileError(f"{path}: its directory does not exist; make it or choose another --out file")
    if path.is_dir():
        raise FileError(f"{path}: is a directory; choose another --out file")
    extends = path.exists() and not overwrite
    with reading_configurations(path) if extends else nullcontext((None, None)) as (earlier, drawn):
        if drawn is not None:
            sampling = replace(sampling, chains=sampling.chains or drawn.chains)
            if (difference := drawn.difference(sampling)) is not None:
                raise _other(path, difference)
            if drawn.count >= sampling.count:
                return drawn
        sampling = sampling.with_chains()
        with replacing_hdf5(path) as file:
            interrupted = _fill(ConfigurationAppender(file, sampling), sampling, workers, earlier, progress)
    if interrupted is not None:
        raise SamplingInterrupted(interrupted)
    return sampling


def _fill(
    appender: ConfigurationAppender, sampling: Sampling, workers: Workers | None, earlier: Any, progress: Reporter
) -> int | None:
    """Draw what is wanted; if the user interrupts, keep what there is and return the number of configurations."""
    chains = sampling.heat_bath(workers)
    rounds = math.ceil(sampling.count / sampling.chains)
    sweeps = sampling.thermalisation + (rounds - 1) * sampling.separation
    if earlier is not None:
        appender.copy(earlier)
        chains.go_on(earlier["state"][:], int(earlier.attrs["sweeps"]))
        history = earlier["thermalisation"][:]
        # The last round may have been cut short.
        rest = appender.done % sampling.chains
        if rest:
            appender.append(chains.links[rest:], chains.plaquettes()[rest:])
    progress.begin(chains.sweeps, sweeps)
    if earlier is None:
        history = np.empty((sampling.thermalisation, sampling.chains))
        for row in history:
            chains.sweep()
            row[:] = chains.plaquettes()
            progress.at(chains.sweeps, f"thermalising, plaquette {row.mean():.4f}")
        appender.append(chains.links, chains.plaquettes())
    kept = chains.links, chains.sweeps, appender.done
    interrupted = None
    try:
        while appender.done < sampling.count:
            chains.sweep(sampling.separation)
            plaquettes, links = chains.plaquettes(), chains.links
            appender.append(links, plaquettes)
            kept = links, chains.sweeps, appender.done
            progress.at(chains.sweeps, f"sampling, plaquette {plaquettes.mean():.4f}")
    except KeyboardInterrupt:
        interrupted = kept[2]
    appender.finish(*kept, history)
    return interrupted


def _other(path: Path, difference: str) -> FileError:
    return FileError(f"{path}: holds configurations of {difference}; choose another --out file or --overwrite")
