"""Averages over the events of an ensemble: means with their standard errors, and ratios of means.

Events are independent draws, so the error of a mean over N of them is s/√N with the sample variance s².  That of a ratio of
means is the jackknife's, Δ² = (N−1)/N Σ_i (R_i − R̄)² with R_i the ratio without event i (B. Efron, The Jackknife, the
Bootstrap and Other Resampling Plans, SIAM 1982, ch. 3).  One event alone has no error: NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from glasma.errors import FileError
from glasma.io.atomic import replacing_hdf5
from glasma.io.history import History, Profiles, load_profiles
from glasma.lattice.energy import COMPONENTS

#: Columns of `history.csv` whose mean over events is taken.
AVERAGED = ("energy_field", "work_on_charges", *COMPONENTS, "eps_mid", "pL_mid", "pT_mid", "Sz_mid")

#: Ratios of means: name → numerator, denominator.
RATIOS = {"pL_over_eps": ("pL_mid", "eps_mid"), "pT_over_eps": ("pT_mid", "eps_mid")}

#: Columns of `history.csv` of which the largest magnitude over events is kept.
LARGEST = ("gauss_max_rel", "gauss_rms_rel", "unitarity_max", "iterations", "energy_balance_rel")


def mean_and_error(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the first axis, and its standard error.

    Parameters
    ----------
    samples : (events, ...)
    """
    count = len(samples)
    mean = samples.mean(axis=0)
    if count < 2:
        return mean, np.full_like(mean, np.nan)
    return mean, samples.std(axis=0, ddof=1) / np.sqrt(count)


def ratio_of_means(numerator: np.ndarray, denominator: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean numerator over mean denominator, and its jackknife error; NaN where the denominator vanishes.

    Parameters
    ----------
    numerator, denominator : (events, ...)
    """
    count = len(numerator)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = numerator.mean(axis=0) / denominator.mean(axis=0)
        if count < 2:
            return ratio, np.full_like(ratio, np.nan)
        without = (numerator.sum(axis=0) - numerator) / (denominator.sum(axis=0) - denominator)
        deviation = without - without.mean(axis=0)
        return ratio, np.sqrt((count - 1) / count * (deviation**2).sum(axis=0))


def average_histories(histories: Sequence[History]) -> dict[str, np.ndarray]:
    """The columns of `ensemble.csv`, (times,) each: the number of events, means, errors, largest violations.

    Parameters
    ----------
    histories : at least one, all with the same steps
    """

    def samples(name: str) -> np.ndarray:
        return np.array([history.column(name) for history in histories])

    times = histories[0].column("t_fm")
    columns = {"t_fm": times, "step": histories[0].column("step"), "events": np.full(len(times), float(len(histories)))}
    for name in AVERAGED:
        columns[name], columns[f"{name}_error"] = mean_and_error(samples(name))
    for name, (above, below) in RATIOS.items():
        columns[name], columns[f"{name}_error"] = ratio_of_means(samples(above), samples(below))
    for name in LARGEST:
        columns[name] = np.abs(samples(name)).max(axis=0)
    return columns


@dataclass(frozen=True)
class ProfileAverage:
    """Profiles along z, averaged over events.

    Attributes
    ----------
    mean : Profiles
        To be used as those of a run, for instance by `glasma.observables.rapidity.rapidity_profile`.
    components_error : (times, 4, nz)
        Standard errors of `mean.components`, GeV/fm³.
    tensor_error : (times, 10, nz)
        Standard errors of `mean.tensor`, GeV/fm³.
    events : int
    """

    mean: Profiles
    components_error: np.ndarray
    tensor_error: np.ndarray
    events: int

    def save(self) -> None:
        """Write `ensemble.h5`: a profiles file of the mean, with the errors beside it."""
        with replacing_hdf5(self.mean.path) as file:
            self.mean.write(file)
            file.attrs["events"] = self.events
            for name in ("components_error", "tensor_error"):
                _store(file, name, getattr(self, name))


def _store(file: h5py.File, name: str, values: np.ndarray) -> None:
    file.create_dataset(name, data=values, compression="gzip", compression_opts=1, shuffle=True)


def average_profiles(paths: Sequence[Path], target: Path) -> ProfileAverage:
    """Mean and standard error of the profiles of several events, one file in memory at a time.

    Parameters
    ----------
    paths : at least one `profiles.h5`, of runs of one configuration
    target : path that the mean is saved to

    Raises
    ------
    FileError
        If a file is missing or damaged, or its measurements are not those of the first.
    """
    moments: dict[str, _Moments] = {name: _Moments() for name in ("components", "tensor", "side_view", "front_view")}
    first = load_profiles(paths[0])
    for path in paths:
        event = load_profiles(path)
        if event.steps != first.steps or event.z.shape != first.z.shape:
            raise FileError(f"{path}: has other measurements than {paths[0]}; events must be of one configuration")
        for name, moment in moments.items():
            moment.add(np.array(getattr(event, name), np.float64))
    mean = Profiles(target, first.z, first.transverse_length)
    mean.steps, mean.times = first.steps, first.times
    for name, moment in moments.items():
        values = moment.mean if name in ("components", "tensor") else moment.mean.astype(np.float32)
        setattr(mean, name, list(values))
    return ProfileAverage(mean, moments["components"].error(), moments["tensor"].error(), len(paths))


class _Moments:
    """Mean and sum of squared deviations of arrays that come one by one (B. P. Welford, Technometrics 4 (1962) 419)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = np.zeros(())
        self._squares = np.zeros(())

    def add(self, values: np.ndarray) -> None:
        """The next array."""
        self.count += 1
        deviation = values - self.mean
        self.mean = self.mean + deviation / self.count
        self._squares = self._squares + deviation * (values - self.mean)

    def error(self) -> np.ndarray:
        """Standard error of the mean."""
        if self.count < 2:
            return np.full_like(self.mean, np.nan)
        return np.sqrt(self._squares / (self.count * (self.count - 1)))
