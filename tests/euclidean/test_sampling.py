"""Files of configurations: what they hold, going on, interruptions, damage; the command `glasma sample`."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from glasma.backend import Workers
from glasma.errors import ConfigError, FileError
from glasma.euclidean.configuration_file import load_configurations
from glasma.euclidean.draw import SamplingInterrupted, draw_configurations
from glasma.euclidean.observables import plaquette
from glasma.euclidean.sampling import Sampling
from glasma.group import GROUPS
from glasma.progress import Silent
from tests.tiny_run import assert_refused, glasma

TINY = {
    "group": "SU(2)", "shape": (4, 6), "beta": 2.5, "count": 10, "seed": 3, "thermalisation": 5, "separation": 2, "chains": 4
}  # fmt: skip
COMMAND = (
    "sample", "--group", "SU(2)", "--shape", "4x6", "--beta", 2.5, "--count", 10, "--seed", 3, "--thermalisation", 5,
    "--separation", 2, "--chains", 4,
)  # fmt: skip


def links_of(path: Path) -> np.ndarray:
    return load_configurations(path).links


@pytest.mark.parametrize("name", list(GROUPS))
@pytest.mark.parametrize("shape", [(4, 6), (2, 4, 2), (2, 4, 2, 2)])
def test_file_holds_the_configurations_of_the_chains(name, shape, tmp_path):
    sampling = Sampling(**{**TINY, "group": name, "shape": shape})
    path = tmp_path / "configurations.h5"
    assert draw_configurations(path, sampling) == sampling
    loaded = load_configurations(path)
    chains = sampling.heat_bath()
    chains.sweep(5)
    rounds = [chains.links]
    for _ in range(2):
        chains.sweep(2)
        rounds.append(chains.links)
    np.testing.assert_array_equal(loaded.links, np.concatenate(rounds)[:10])
    np.testing.assert_allclose(loaded.plaquettes, plaquette(loaded.links), atol=1e-14)
    assert loaded.sampling == sampling
    part = load_configurations(path, 3, 7)
    np.testing.assert_array_equal(part.links, loaded.links[3:7])
    np.testing.assert_array_equal(part.plaquettes, loaded.plaquettes[3:7])
    with h5py.File(path) as file:
        assert file["thermalisation"].shape == (5, 4)
        assert file.attrs["sweeps"] == 9
        assert file.attrs["group"] == name
        assert set(json.loads(file.attrs["versions"])) >= {"glasma", "numpy"}
        assert file.attrs["commit"]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_single_precision_is_the_rounded_double(tmp_path):
    for precision in ("complex128", "complex64"):
        draw_configurations(tmp_path / precision, Sampling(**TINY, precision=precision))
    single, double = links_of(tmp_path / "complex64"), links_of(tmp_path / "complex128")
    assert single.dtype == np.complex64
    np.testing.assert_array_equal(single, double.astype(np.complex64))


@pytest.mark.parametrize("counts", [(4, 10), (6, 10), (6, 7, 10), (8, 16)])
@pytest.mark.parametrize("precision", ["complex128", "complex64"])
def test_more_configurations_are_those_of_one_long_sampling(counts, precision, tmp_path):
    """Whether or not the last round of the chains was cut short, and with links stored in less precision than they have."""
    for count in counts:
        draw_configurations(tmp_path / "parts.h5", Sampling(**{**TINY, "count": count}, precision=precision))
        assert len(links_of(tmp_path / "parts.h5")) == count
    draw_configurations(tmp_path / "whole.h5", Sampling(**{**TINY, "count": counts[-1]}, precision=precision), Workers(2))
    parts, whole = (load_configurations(tmp_path / name) for name in ("parts.h5", "whole.h5"))
    np.testing.assert_array_equal(parts.links, whole.links)
    np.testing.assert_array_equal(parts.plaquettes, whole.plaquettes)
    with h5py.File(tmp_path / "parts.h5") as one, h5py.File(tmp_path / "whole.h5") as other:
        np.testing.assert_array_equal(one["state"], other["state"])
        np.testing.assert_array_equal(one["thermalisation"], other["thermalisation"])
        assert one.attrs["sweeps"] == other.attrs["sweeps"]


def test_fewer_configurations_leave_the_file_as_it_is(tmp_path):
    path = tmp_path / "c.h5"
    draw_configurations(path, Sampling(**TINY))
    before = path.read_bytes()
    draw_configurations(path, Sampling(**{**TINY, "count": 3}))
    assert path.read_bytes() == before


class Interrupting(Silent):
    """Ctrl-C after so many sweeps."""

    def __init__(self, sweeps: int) -> None:
        self.sweeps = sweeps

    def at(self, step: int, note: str | None = None) -> None:
        if step == self.sweeps:
            raise KeyboardInterrupt


def test_interrupted_sampling_keeps_what_it_has_and_goes_on(tmp_path):
    with pytest.raises(SamplingInterrupted) as interruption:
        draw_configurations(tmp_path / "c.h5", Sampling(**TINY), progress=Interrupting(7))
    assert interruption.value.done == len(links_of(tmp_path / "c.h5")) == 8
    draw_configurations(tmp_path / "c.h5", Sampling(**TINY))
    draw_configurations(tmp_path / "whole.h5", Sampling(**TINY))
    np.testing.assert_array_equal(links_of(tmp_path / "c.h5"), links_of(tmp_path / "whole.h5"))


def test_interrupted_thermalisation_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        draw_configurations(tmp_path / "c.h5", Sampling(**TINY), progress=Interrupting(3))
    assert list(tmp_path.iterdir()) == []


def test_number_of_chains_keeps_thermalisation_to_half():
    asked = {**TINY, "chains": 0, "thermalisation": 200, "separation": 10}
    chains = {count: Sampling(**{**asked, "count": count}).with_chains().chains for count in (1, 60, 1000, 10**5)}
    assert chains == {1: 1, 60: 3, 1000: 48, 10**5: 128}
    large = Sampling(**{**asked, "count": 10**5, "shape": (16,) * 4}).with_chains()
    assert large.chains == 8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"group": "SU(4)"}, ["group = 'SU(4)'", "'SU(2)' or 'SU(3)'"]),
        ({"shape": "8x7"}, ["shape = 8x7", "every side must be even"]),
        ({"shape": "8"}, ["shape = 8", "two, three or four sides"]),
        ({"shape": "8,8"}, ["shape = '8,8'", "such as 8x8"]),
        ({"beta": "-2"}, ["beta = -2.0", "not negative"]),
        ({"beta": "nan"}, ["beta = nan", "finite"]),
        ({"beta": "two"}, ["--beta", "two"]),
        ({"count": "0"}, ["count = 0", "at least 1"]),
        ({"seed": "-3"}, ["seed = -3", "from 0 to"]),
        ({"thermalisation": "-1"}, ["thermalisation = -1", "at least 0"]),
        ({"separation": "0"}, ["separation = 0", "at least 1"]),
        ({"overrelaxation": "-1"}, ["overrelaxation = -1", "not be negative"]),
        ({"chains": "-1"}, ["chains = -1", "at least 0"]),
        ({"start": "warm"}, ["start = 'warm'", "'hot' or 'cold'"]),
        ({"precision": "float16"}, ["precision = 'float16'", "'complex128' or 'complex64'"]),
        ({"threads": "0"}, ["threads = 0", "at least 1"]),
        ({"out": "none/c.h5"}, ["none/c.h5", "directory does not exist"]),
        ({"out": "."}, [".", "choose another --out"]),
    ],
)
def test_wrong_input_of_the_command_is_one_line(change, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [word for name, value in change.items() for word in (f"--{name}", value)]
    if "out" not in change:
        options += ["--out", "c.h5"]
    assert_refused(glasma(*COMMAND, *options, "--quiet"), *words)
    assert list(tmp_path.iterdir()) == []


def test_command_draws_adds_and_describes(tmp_path):
    path = tmp_path / "c.h5"
    outcome = glasma(*COMMAND, "--out", path, "--quiet")
    assert outcome.status == 0
    for words in ("10 configurations of SU(2)", "β = 2.5", "4 × 6 sites", "4, hot start", "plaquette"):
        assert words in outcome.out
    assert glasma("info", path).out == outcome.out
    draw_configurations(tmp_path / "same.h5", Sampling(**TINY))
    np.testing.assert_array_equal(links_of(path), links_of(tmp_path / "same.h5"))
    more = glasma(*COMMAND, "--count", "11", "--threads", "2", "--out", path)
    assert more.status == 0
    assert "11 configurations" in more.out


@pytest.mark.parametrize("option", ["--beta 2", "--seed 4", "--shape 4x4", "--group SU(3)", "--chains 5"])
def test_other_configurations_are_kept_unless_told(option, tmp_path):
    path = tmp_path / "c.h5"
    glasma(*COMMAND, "--out", path, "--quiet")
    before = path.read_bytes()
    key, value = option.split()
    assert_refused(glasma(*COMMAND, key, value, "--out", path, "--quiet"), str(path), key[2:], "--overwrite")
    assert path.read_bytes() == before
    assert glasma(*COMMAND, key, value, "--out", path, "--overwrite", "--quiet").status == 0
    assert path.read_bytes() != before


@pytest.mark.parametrize("sweeps", [3, 7])
def test_interrupted_command_is_one_line(sweeps, tmp_path, monkeypatch):
    monkeypatch.setattr("glasma.progress.reporter", lambda quiet: Interrupting(sweeps))
    outcome = glasma(*COMMAND, "--out", tmp_path / "c.h5")
    assert outcome.status == 130
    assert outcome.err.count("\n") == 1
    assert ("holds 8 configurations" if sweeps == 7 else "before the first configuration") in outcome.err


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edited(path, change):
    with h5py.File(path, "a") as file:
        change(file)


DAMAGE = {
    "half": truncated,
    "text": lambda path: path.write_text("no links here\n"),
    "empty": lambda path: path.write_bytes(b""),
    "foreign": lambda path: edited(path, lambda file: file.attrs.__delitem__("format")),
    "without links": lambda path: edited(path, lambda file: file.__delitem__("links")),
    "without beta": lambda path: edited(path, lambda file: file.attrs.__delitem__("beta")),
    "with another lattice": lambda path: edited(path, lambda file: file.attrs.__setitem__("shape", [8, 8])),
    "with an odd lattice": lambda path: edited(path, lambda file: file.attrs.__setitem__("shape", [4, 7])),
    "with another count": lambda path: edited(path, lambda file: file.attrs.__setitem__("count", 12)),
    "with another group": lambda path: edited(path, lambda file: file.attrs.__setitem__("group", "SU(3)")),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_files_are_refused_and_kept(name, tmp_path):
    path = tmp_path / "c.h5"
    draw_configurations(path, Sampling(**TINY))
    DAMAGE[name](path)
    before = path.read_bytes()
    with pytest.raises(FileError, match=r"c\.h5: is not a whole file of configurations"):
        load_configurations(path)
    assert_refused(glasma(*COMMAND, "--count", "20", "--out", path, "--quiet"), str(path), "not a whole file of configurations")
    assert path.read_bytes() == before


def test_missing_file_and_slices_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(FileError, match="is missing; draw configurations with `glasma sample`"):
        load_configurations(tmp_path / "c.h5")
    draw_configurations(tmp_path / "c.h5", Sampling(**TINY))
    for first, last in ((0, 11), (-1, 3), (4, 2)):
        with pytest.raises(ValueError, match="has those from 0 to 10"):
            load_configurations(tmp_path / "c.h5", first, last)


def test_wrong_sampling_is_refused():
    with pytest.raises(ConfigError, match="count = 0"):
        Sampling(**{**TINY, "count": 0})
