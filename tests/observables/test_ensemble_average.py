"""Means over events and their errors: against NumPy, and exact statements about the jackknife."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glasma.errors import FileError
from glasma.io.history import COLUMNS, History, Profiles, load_profiles
from glasma.observables.ensemble_average import average_histories, average_profiles, mean_and_error, ratio_of_means


def test_error_of_the_mean_is_the_scatter_over_the_root_of_the_number(rng):
    samples = rng.normal(3.0, 0.5, (4000, 6))
    mean, error = mean_and_error(samples)
    np.testing.assert_allclose(error, 0.5 / np.sqrt(4000), rtol=0.05)
    assert np.all(np.abs(mean - 3.0) < 5 * error)


def test_jackknife_with_a_sharp_denominator_is_the_error_of_the_mean(rng):
    above = rng.normal(1.0, 0.3, (7, 5))
    ratio, error = ratio_of_means(above, np.full((7, 5), 4.0))
    mean, expected = mean_and_error(above)
    np.testing.assert_allclose(ratio, mean / 4, rtol=1e-14)
    np.testing.assert_allclose(error, expected / 4, rtol=1e-12)


def test_jackknife_knows_that_proportional_quantities_have_a_sharp_ratio(rng):
    below = rng.uniform(1, 2, (9, 3))
    ratio, error = ratio_of_means(0.4 * below, below)
    np.testing.assert_allclose(ratio, 0.4, rtol=1e-14)
    assert np.all(error < 1e-15)


def test_jackknife_is_the_scatter_of_the_ratio_over_many_ensembles(rng):
    """200 ensembles of 50 correlated events: the error of each is the scatter of all."""
    below = rng.normal(2.0, 0.4, (50, 200))
    above = 0.3 * below + rng.normal(0.0, 0.1, (50, 200))
    ratio, error = ratio_of_means(above, below)
    assert np.mean(error) == pytest.approx(np.std(ratio), rel=0.15)


def test_one_event_has_no_error():
    for _, error in (mean_and_error(np.ones((1, 3))), ratio_of_means(np.ones((1, 3)), np.ones((1, 3)))):
        assert np.isnan(error).all()


def test_ratio_where_nothing_is_yet_is_not_a_number():
    ratio, error = ratio_of_means(np.zeros((3, 1)), np.zeros((3, 1)))
    assert np.isnan(ratio).all()
    assert np.isnan(error).all()


def test_largest_violation_counts_by_magnitude():
    histories = []
    for balance in (0.001, -0.01, 0.002):
        row = {**dict.fromkeys(COLUMNS, 1.0), "energy_balance_rel": balance}
        histories.append(History(Path("history.csv"), [row]))
    columns = average_histories(histories)
    assert columns["energy_balance_rel"] == [0.01]
    assert columns["events"] == [3]


def profiles(path: Path, rng: np.random.Generator, steps: tuple[int, ...] = (1, 5)) -> Path:
    made = Profiles(path, np.linspace(-1, 1, 6), 2.0)
    for step in steps:
        made.steps.append(step)
        made.times.append(0.1 * step)
        for name, shape in (("components", (4, 6)), ("tensor", (10, 6)), ("side_view", (3, 6)), ("front_view", (3, 3))):
            getattr(made, name).append(rng.normal(size=shape).astype(np.float32))
    made.save()
    return path


def test_mean_profiles_and_their_errors_come_back_from_the_file(tmp_path, rng):
    paths = [profiles(tmp_path / f"{k}.h5", rng) for k in range(5)]
    average = average_profiles(paths, tmp_path / "mean.h5")
    average.save()
    stored, events = load_profiles(tmp_path / "mean.h5"), [load_profiles(path) for path in paths]
    assert stored.steps == [1, 5]
    for name in ("components", "tensor"):
        samples = np.array([getattr(event, name) for event in events], np.float64)
        mean, error = mean_and_error(samples)
        np.testing.assert_allclose(getattr(stored, name), mean, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(getattr(average, f"{name}_error"), error, rtol=1e-12)


def test_profiles_of_other_times_are_not_averaged(tmp_path, rng):
    paths = [profiles(tmp_path / "a.h5", rng), profiles(tmp_path / "b.h5", rng, steps=(1, 6))]
    with pytest.raises(FileError, match="other measurements"):
        average_profiles(paths, tmp_path / "mean.h5")
