"""Files that all ranks write at once, as far as no MPI is needed: who writes what, and that others read it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

import glasma.io.written as written
from glasma.domain.ranks import MpiRanks, Ranks
from glasma.domain.slab import Slab
from glasma.errors import ConfigError
from glasma.io.checkpoint import altered, load_checkpoint
from glasma.io.fingerprint import fingerprint
from glasma.io.parts import OF_PARTS, copy_whole, is_altered, mark_parts, matches
from glasma.io.together import SWITCH, _require_room, write_one_file
from glasma.lattice.grid import Grid
from tests.tiny_run import finished_run, glasma

NX, NY, NZ = 37, 3, 20


class Rank(Ranks):
    """One of many, of which the texts that each would tell are known to all."""

    def __init__(self, rank: int, size: int, along_z: int, texts: list[str | None]) -> None:
        self.rank, self.size, self.on_node, self.along_z, self._texts = rank, size, size, along_z, texts

    def of_each(self, value: Any) -> list[Any]:
        self._texts[self.rank] = value
        return list(self._texts)


class Turns:
    """A group in which ranks that come one after the other make the same dataset, which one makes."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file

    def create_dataset(self, name: str, shape: tuple[int, ...], dtype: Any, **options: Any) -> h5py.Dataset:
        data = self._file[name] if name in self._file else self._file.create_dataset(name, shape, dtype, **options)
        assert data.shape == shape
        return data


def write_in_turns(
    file: h5py.File, whole: np.ndarray, in_x: int, along_z: int, cut_along_z: bool = True, height: int | None = 16, **how: Any
) -> list[list[tuple[int, int]]]:
    """Let the ranks of a grid write a dataset "data"; the blocks of each."""
    axis, size = whole.ndim - 3, in_x * along_z
    texts: list[str | None] = [None] * size
    slabs = [Slab(Grid((NX, NY, NZ)), Rank(rank, size, along_z, texts)) for rank in range(size)]
    parts = []
    for slab in slabs:
        own = whole[(slice(None),) * axis + (slice(slab.first, slab.first + slab.own),)]
        if cut_along_z:
            own = own[..., slab.bounds_along_z[slab.place[1]] : slab.bounds_along_z[slab.place[1] + 1]]
        parts.append((written.WrittenTogether(slab, Turns(file), "data", own.shape, own.dtype, axis, cut_along_z, **how), own))
    blocks = [part.blocks(height) for part, _ in parts]
    for entry in np.ndindex(whole.shape[:axis]):
        for number in range(len(blocks[0])):
            for (part, own), of_rank in zip(parts, blocks, strict=True):
                x0, x1 = of_rank[number]
                part.write(own[entry][x0:x1], entry, x0)
    # The first time each tells its text, the second time all are known.
    for part, _ in [*parts, *parts]:
        part.finish()
    return blocks


@pytest.fixture(autouse=True)
def without_mpi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "_transfer", lambda together: h5py.h5p.create(h5py.h5p.DATASET_XFER))


@pytest.mark.parametrize(("in_x", "along_z"), [(2, 1), (3, 1), (1, 2), (2, 3), (5, 2)])
@pytest.mark.parametrize("packed", [False, True])
def test_ranks_together_write_what_one_process_does(tmp_path: Path, in_x: int, along_z: int, packed: bool) -> None:
    whole = np.random.default_rng(3).normal(size=(2, 3, NX, NY, NZ) if not packed else (NX, NY, NZ))
    how = {"chunks": (16, 32, 8), "compression": "gzip", "shuffle": True} if packed else {}
    with h5py.File(tmp_path / "one.h5", "w") as one, h5py.File(tmp_path / "all.h5", "w") as file:
        alone = written.Written(one, "data", whole.shape, whole.dtype, whole.ndim - 3, **how)
        for entry in np.ndindex(whole.shape[:-3]):
            for x0, x1 in alone.blocks(16):
                alone.write(whole[entry][x0:x1], entry, x0)
        alone.finish()
        write_in_turns(file, whole, in_x, along_z, **how)
        data, expected = file["data"], one["data"]
        assert np.array_equal(data, whole)
        assert np.array_equal(expected, whole)
        assert (data.dtype, data.chunks, data.compression) == (expected.dtype, expected.chunks, expected.compression)
        assert expected.attrs["fingerprint"].decode() == fingerprint(whole)
        assert data.attrs["parts"].tolist() == [NX * part // in_x for part in range(in_x + 1)]
        assert len(data.attrs["fingerprint"]) == in_x * along_z
        assert not is_altered(data)
        if packed:
            assert matches(data, whole)
        data[..., 20, 1, 13] += 1e-13
        assert is_altered(data)


def test_what_is_not_cut_along_z_is_written_by_the_first_rank_along_z(tmp_path: Path) -> None:
    whole = np.random.default_rng(4).normal(size=(2, 3, NX, NY, 5))
    with h5py.File(tmp_path / "all.h5", "w") as file:
        write_in_turns(file, whole, 2, 2, cut_along_z=False)
        assert np.array_equal(file["data"], whole)
        assert len(file["data"].attrs["fingerprint"]) == 2
        assert not is_altered(file["data"])


@pytest.mark.parametrize("height", [1, 16, None])
def test_all_ranks_write_equally_often_and_meet_chunks_at_their_edges(tmp_path: Path, height: int | None) -> None:
    whole = np.zeros((NX, NY, NZ))
    with h5py.File(tmp_path / "all.h5", "w") as file:
        blocks = write_in_turns(file, whole, 3, 1, height=height)
    assert len({len(of_rank) for of_rank in blocks}) == 1
    for first, last, of_rank in zip((0, 12, 24), (12, 24, 37), blocks, strict=True):
        assert [x for x0, x1 in of_rank for x in range(first + x0, first + x1)] == list(range(first, last))
        if height:
            assert all((first + x0) // height == (first + x1 - 1) // height for x0, x1 in of_rank if x1 > x0)


def test_no_more_is_given_to_mpi_than_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "BYTES_AT_ONCE", 4 * NY * NZ * 8)
    with h5py.File(tmp_path / "all.h5", "w") as file:
        blocks = write_in_turns(file, np.zeros((2, NX, NY, NZ)), 2, 1, height=None)
    assert max(x1 - x0 for of_rank in blocks for x0, x1 in of_rank) == 4


def as_ranks_write_it(path: Path) -> None:
    """Give datasets of a file of one process the marks of two ranks in x that wrote it together."""
    with h5py.File(path, "r+") as file:

        def mark(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset) and "fingerprint" in item.attrs:
                axis, values = max(0, item.ndim - 3), np.asarray(item)
                cut = [values[(slice(None),) * axis + (part,)] for part in (slice(0, 3), slice(3, 8))]
                del item.attrs["fingerprint"]
                mark_parts(item, [fingerprint(part) for part in cut], [0, 3, 8], axis)

        file.visititems(mark)


def test_files_that_ranks_wrote_together_are_checked_and_read_on_any_number(tmp_path: Path) -> None:
    directory = Path(shutil.copytree(finished_run(), tmp_path / "run"))
    for name in ("checkpoint.h5", "snapshots.h5"):
        as_ranks_write_it(directory / name)
    assert altered(directory / "checkpoint.h5") == []
    assert all(check["passed"] for check in json.loads(glasma("check", directory, "--json").out))
    fields, _ = load_checkpoint(directory / "checkpoint.h5")
    expected, _ = load_checkpoint(finished_run() / "checkpoint.h5")
    slab = Slab(fields.grid, Rank(1, 2, 1, []))
    part, _ = load_checkpoint(directory / "checkpoint.h5", slab)
    assert np.array_equal(fields.E, expected.E)
    assert np.array_equal(part.E, expected.E[:, :, slab.planes])
    with h5py.File(directory / "checkpoint.h5", "r+") as file:
        file["E"][1, 2, 4, 3, 60] += 1e-14
    assert altered(directory / "checkpoint.h5") == ["E"]


def test_what_ranks_wrote_together_is_gathered_as_if_by_one_process(tmp_path: Path) -> None:
    marked = Path(shutil.copy(finished_run() / "snapshots.h5", tmp_path))
    as_ranks_write_it(marked)
    with h5py.File(marked) as source, h5py.File(finished_run() / "snapshots.h5") as expected:
        with h5py.File(tmp_path / "whole.h5", "w") as target:
            copy_whole(source, target)
        with h5py.File(tmp_path / "whole.h5") as found:

            def compare(name: str, item: h5py.Group | h5py.Dataset) -> None:
                if isinstance(item, h5py.Dataset):
                    assert item.chunks == found[name].chunks
                    assert np.array_equal(item, found[name])
                    assert found[name].attrs["fingerprint"] == item.attrs["fingerprint"]
                    assert not set(OF_PARTS[:3]) & set(found[name].attrs)

            expected.visititems(compare)


def ranks(heard: str) -> MpiRanks:
    """Two ranks, of which the first has heard this from its environment."""
    made = MpiRanks.__new__(MpiRanks)
    made.communicator = SimpleNamespace(bcast=lambda value: heard, allgather=lambda value: [value, value])
    return made


@pytest.mark.parametrize(
    ("heard", "able", "expected"),
    [("", True, True), ("", False, False), ("0", True, False), ("0", False, False), ("1", True, True)],
)
def test_ranks_write_one_file_where_h5py_can(monkeypatch: pytest.MonkeyPatch, heard: str, able: bool, expected: bool) -> None:
    monkeypatch.setattr(h5py, "get_config", lambda: SimpleNamespace(mpi=able))
    assert write_one_file(ranks(heard)) is expected
    assert not write_one_file(Ranks())


def test_a_full_disk_is_found_before_hdf5_writes_last(tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    path.write_bytes(bytes(1000))
    _require_room(path)
    trial = path.with_name("file.h5.room")
    assert not trial.exists()
    trial.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        _require_room(path)
    assert not trial.is_symlink()


@pytest.mark.parametrize(
    ("heard", "words"),
    [("yes", f"{SWITCH} = 'yes': must be 0 or 1; unset it"), ("1", f"{SWITCH} = 1: this h5py was built without")],
)
def test_what_the_environment_asks_for_must_be_there(monkeypatch: pytest.MonkeyPatch, heard: str, words: str) -> None:
    monkeypatch.setattr(h5py, "get_config", lambda: SimpleNamespace(mpi=False))
    with pytest.raises(ConfigError, match=words):
        write_one_file(ranks(heard))
