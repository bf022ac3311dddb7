"""What is read from a data set: windows, energies, samples in any gauge; and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
import torch
from torch.utils.data import DataLoader

from glasma.errors import FileError
from surrogate.actions import FieldStrengthAction
from surrogate.actions.least_squares import Window, fit_coefficients
from surrogate.dataset import Dataset, WindowSamples
from surrogate.dataset.samples import transform_window
from surrogate.errors import LayerError
from surrogate.groups import random_elements, unitarity_violation
from surrogate.lattice import plaquettes
from tests.surrogate.dataset.small import drawn, values


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return drawn(tmp_path_factory.mktemp("data"), values(fine_times=["0.1 fm"]))


def same(one: Window, other: Window) -> bool:
    if (one.first, one.longitudinal is None) != (other.first, other.longitudinal is None):
        return False
    pairs = [(one.U, other.U), (one.phi, other.phi), (one.longitudinal, other.longitudinal)]
    return all(a is None or torch.equal(a, b) for a, b in pairs if b is not None)


def test_windows_are_parts_of_the_whole(data: Dataset) -> None:
    assert data.splits == ("train", "test")
    assert (data.events("train"), data.times("train"), data.lattice("train")) == (2, 7, (8, 8))
    assert (data.step, data.fine_step("test"), data.blocking, str(data.group)) == (0.25, 0.25, 2, "SU(2)")
    whole, part = data.window("train", 1), data.window("train", 1, 2, 3)
    assert whole.phi is not None
    assert part.first == 2
    assert part.longitudinal is None
    assert torch.equal(part.U, whole.U[2:5])
    assert torch.equal(part.phi, whole.phi[2:5])
    assert unitarity_violation(whole.U, "SU(2)") < 1e-14
    assert torch.equal(data.energies("train", 1, 2, 3), data.energies("train", 1)[2:4])
    assert data.energies("train", 1).shape == (6, 4)
    assert data.window("test", 0, dtype=torch.complex64).U.dtype == torch.complex64


def test_energies_follow_from_the_plain_operators_of_blocked_fields_where_they_are_smooth(tmp_path: Path) -> None:
    """½E_L² and ½B_L² at early times of weak long waves: units and times of the fine means are those of the coarse fields."""
    smooth = values()
    smooth["source"]["nuclei"] = {"g2mu": "2 fm^-1", "infrared_regulator": "0.5 fm^-1", "ultraviolet_cutoff": "4 fm^-1"}
    dataset = drawn(tmp_path, smooth)
    window, energies = dataset.window("test", 0), dataset.energies("test", 0)
    assert window.longitudinal is not None
    electric = float(window.longitudinal.abs().square().sum()) / 64
    magnetic = float(2 * (2 - plaquettes(window.U[:1]).diagonal(dim1=-2, dim2=-1).sum(-1).real).sum()) / 64
    assert float(energies[0, 0]) == pytest.approx(electric, rel=0.15)
    assert float(energies[0, 2]) == pytest.approx(magnetic, rel=0.3)
    assert energies[0, 1] < 0.02 * energies[0, 0]
    assert (energies[1:, 1] > energies[:-1, 1]).all()


def test_samples_are_all_windows_once_in_an_order_of_the_seed(data: Dataset) -> None:
    samples = WindowSamples(data, "train", length=3)
    assert samples.places == [(event, first) for event in (0, 1) for first in (0, 2, 4)]
    for (event, first), window in zip(samples.places, (samples[n] for n in range(len(samples))), strict=True):
        assert same(window, data.window("train", event, first, 3))
    order = [[window.first for window in samples.shuffled(seed, epoch)] for seed, epoch in ((1, 0), (1, 0), (1, 1))]
    assert order[0] == order[1] != order[2]
    assert sorted(order[0]) == sorted(order[2]) == [0, 0, 2, 2, 4, 4]
    assert len(WindowSamples(data, "train", length=3, stride=1)) == 10


def test_gauges_are_random_reproducible_and_the_same_at_all_times(data: Dataset) -> None:
    plain, moved = WindowSamples(data, "train", 4), WindowSamples(data, "train", 4, gauge_seed=3)
    again = WindowSamples(data, "train", 4, gauge_seed=3)
    for number in range(len(plain)):
        before, after = plain[number], moved[number]
        assert same(after, again[number])
        assert not same(after, WindowSamples(data, "train", 4, gauge_seed=4)[number])
        assert before.phi is not None
        assert after.phi is not None
        assert float((before.U - after.U).abs().max()) > 0.5
        # What does not change: traces of loops, φ² and, the gauge being the same at two times, of U(t+1) U†(t) and φ(t+1) φ(t).
        traces = [
            (plaquettes(window.U), window.U[1:] @ window.U[:-1].mH, window.phi @ window.phi, window.phi[1:] @ window.phi[:-1])
            for window in (before, after)
        ]
        for one, other in zip(*traces, strict=True):
            torch.testing.assert_close(
                one.diagonal(dim1=-2, dim2=-1).sum(-1), other.diagonal(dim1=-2, dim2=-1).sum(-1), rtol=0, atol=1e-13
            )
    moved.epoch = 1
    assert not same(moved[0], again[0])
    assert moved[0].longitudinal is not None


def test_transformed_window_is_transformed_at_the_right_sites(data: Dataset) -> None:
    window = data.window("train", 0, 0, 2)
    Omega = random_elements("SU(2)", (8, 8), torch.Generator().manual_seed(1))
    moved = transform_window(window, Omega)
    assert window.longitudinal is not None
    assert moved.longitudinal is not None
    torch.testing.assert_close(moved.U[1, 0, 7, 2], Omega[7, 2] @ window.U[1, 0, 7, 2] @ Omega[0, 2].mH)
    torch.testing.assert_close(moved.U[1, 1, 3, 4], Omega[3, 4] @ window.U[1, 1, 3, 4] @ Omega[3, 5].mH)
    torch.testing.assert_close(moved.longitudinal[5, 6], Omega[5, 6] @ window.longitudinal[5, 6] @ Omega[5, 6].mH)


def test_data_loader_reads_the_same_windows_in_processes_of_its_own(data: Dataset) -> None:
    samples = WindowSamples(data, "train", 4, gauge_seed=5)
    found = list(DataLoader(samples, batch_size=None, num_workers=2))
    assert len(found) == len(samples)
    assert all(same(window, samples[number]) for number, window in enumerate(found))
    assert same(pickle.loads(pickle.dumps(samples))[1], samples[1])


def test_fit_of_a_coarse_action_takes_the_windows(data: Dataset) -> None:
    """The coefficients of the Wilson action come out near 1, and the forces are those of another gauge as well."""
    fits = []
    for gauge_seed in (None, 2):
        action = FieldStrengthAction(data.group, terms=["plaquette", "adjacent", "gradient1", "gradient2"])
        samples = WindowSamples(data, "train", 7, gauge_seed=gauge_seed)
        fits.append((fit_coefficients(action, samples.shuffled(1), data.frame, data.step), action.values()))
    (plain, values_plain), (moved, values_moved) = fits
    assert plain.times == 12
    assert plain.residual < 0.6
    assert moved.residual == pytest.approx(plain.residual, rel=1e-9)
    assert values_moved == pytest.approx(values_plain, rel=1e-7)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda data: Dataset(data.path, group="SU(3)"), r"group is SU\(2\), not SU\(3\)"),
        (lambda data: Dataset(data.path, frame="static"), "frame is milne, not static"),
        (lambda data: Dataset(data.path, blocking=4), "blocking is 2, not 4"),
        (lambda data: data.window("larger", 0), "split 'larger': .* has train, test"),
        (lambda data: data.window("train", 2), "event 2: the split 'train' has those from 0 to 1"),
        (lambda data: data.window("train", -1), "event -1: the split"),
        (lambda data: data.window("train", 0, 5, 3), "times 5 to 7: the events of the split 'train' have those from 0 to 6"),
        (lambda data: data.energies("train", 0, 5, 3), "times 5 to 7"),
        (lambda data: data.fine_state("train", 0, 3), "fine state of time 3: the split 'train' has 2; see dataset.fine_times"),
        (lambda data: WindowSamples(data, "train", 8), "length = 8: windows of the split 'train' have from 2 to 7 times"),
        (lambda data: WindowSamples(data, "train", 3, 0), "stride = 0: must be at least 1"),
    ],
)
def test_what_is_not_there_is_one_line(data: Dataset, call: Callable[[Dataset], object], expected: str) -> None:
    with pytest.raises(LayerError, match=expected) as error:
        call(data)
    assert "\n" not in str(error.value)


def test_wrong_files_are_one_line(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is missing; draw a data set with `glasma dataset`"):
        Dataset(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(FileError, match="is not a whole data set of glasma"):
        Dataset(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["links"] = [1.0]
    with pytest.raises(FileError, match=r"is not a whole data set of glasma \(its format is not 'glasma dataset 1'\)"):
        Dataset(tmp_path / "other.h5")
    content = data.path.read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(FileError, match="is not a whole data set of glasma"):
        Dataset(tmp_path / "cut.h5")
    (tmp_path / "less.h5").write_bytes(content)
    with h5py.File(tmp_path / "less.h5", "r+") as file:
        del file["train/0001"]
    with pytest.raises(FileError, match="/train has not the 2 events of its configuration"):
        Dataset(tmp_path / "less.h5")
