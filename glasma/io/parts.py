"""Files that ranks write together: each a part with its own planes, and an index that reads as one file.

The HDF5 of the package index writes no file from many processes; where another one does, `glasma.io.together` is used instead.
So every rank writes a whole file of its own, and the first one an index with the same groups, attributes and datasets, which
are virtual: views on those of the parts, along x and, where ranks cut the lattice there too, along z, the last axis.  A virtual
dataset carries the fingerprints of its parts (`fingerprint`), their first planes in x and the end (`parts`), which axis is x
(`partsAxis`), and the planes along z likewise (`partsAlongZ`).  A dataset that all ranks wrote into one file carries the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np

from glasma.errors import FileError
from glasma.io.fingerprint import Fingerprint, fingerprint

#: Planes in x that are written and read at once, and the height of a chunk.
PLANES_AT_ONCE = 16

#: Planes x0 ≤ x < x1 and z0 ≤ z < z1 of a part; without an end all planes along z.
Block = tuple[int, int, int, int | None]

#: Attributes that a dataset has because ranks wrote it.
OF_PARTS = ("parts", "partsAxis", "partsAlongZ", "fingerprint")


def part_of(path: Path, step: int, rank: int, size: int) -> Path:
    """Where a rank writes its part of `path` at a step."""
    return path.with_name(f"{path.stem}-{step:08d}.{rank}-of-{size}.h5")


def write_index(file: h5py.File, parts: Sequence[Path], axis: int, along_z: int = 1) -> None:
    """Let a new file read as all parts, beside which it lies, joined along an axis, and `along_z` of them along the last one.

    A dataset that only the first of those along z have is not cut there.
    """
    with ExitStack() as stack:
        opened = [stack.enter_context(h5py.File(part, "r")) for part in parts]

        def take(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Group):
                _copy_attributes(item, file.require_group(name))
                return
            column = 1 if any(name not in part for part in opened) else along_z
            holders = list(zip(parts, opened, strict=True))[:: along_z // column]
            pieces = [part[name] for _, part in holders]
            bounds = np.cumsum([0, *(piece.shape[axis] for piece in pieces[::column])])
            along = np.cumsum([0, *(piece.shape[-1] for piece in pieces[:column])])
            shape = [*item.shape[:axis], int(bounds[-1]), *item.shape[axis + 1 :]]
            if column > 1:
                shape[-1] = int(along[-1])
            layout = h5py.VirtualLayout(tuple(shape), item.dtype)
            for (path, _), piece, (x0, x1, z0, z1) in zip(holders, pieces, _blocks(bounds, along, column), strict=True):
                there = (slice(None),) * axis + (slice(x0, x1), ...)
                layout[(*there, slice(z0, z1)) if column > 1 else there] = h5py.VirtualSource(
                    path.name, name, piece.shape, piece.dtype
                )
            data = file.create_virtual_dataset(name, layout)
            _copy_attributes(item, data)
            mark_parts(data, [_text(piece) for piece in pieces], bounds, axis, along if column > 1 else None)

        _copy_attributes(opened[0], file)
        opened[0].visititems(take)


def mark_parts(
    data: h5py.Dataset,
    texts: Sequence[str],
    bounds: Sequence[int] | np.ndarray,
    axis: int,
    along_z: Sequence[int] | np.ndarray | None = None,
) -> None:
    """Note the fingerprints of the parts that ranks wrote, in the order of ranks, and where these begin and end."""
    data.attrs["fingerprint"] = np.array(texts, "S32")
    data.attrs["parts"], data.attrs["partsAxis"] = np.array(bounds), axis
    if along_z is not None:
        data.attrs["partsAlongZ"] = np.array(along_z)


def _blocks(bounds: Iterable[int], along: Iterable[int], column: int) -> list[Block]:
    """The planes of each part in x and along z, in the order of ranks; the last axis is whole where `column` is 1."""
    ends: list[tuple[int, int | None]] = [(int(z0), int(z1)) for z0, z1 in pairwise(along)] if column > 1 else [(0, None)]
    return [(int(x0), int(x1), z0, z1) for x0, x1 in pairwise(bounds) for z0, z1 in ends]


def _copy_attributes(source: h5py.Group | h5py.Dataset, target: h5py.Group | h5py.Dataset) -> None:
    for name, value in source.attrs.items():
        target.attrs[name] = value


def _text(data: h5py.Dataset) -> str:
    value = data.attrs.get("fingerprint", b"")
    return value.decode() if isinstance(value, bytes) else str(value)


def _stored(data: h5py.Dataset) -> tuple[int, list[tuple[Block, str]]]:
    """Which axis is x, and of each part its planes and the fingerprint; a plain dataset is one part."""
    if "parts" not in data.attrs:
        axis = max(0, data.ndim - 3)
        return axis, [((0, data.shape[axis], 0, None), _text(data))]
    along = data.attrs.get("partsAlongZ", ())
    texts = [text.decode() for text in data.attrs["fingerprint"]]
    blocks = _blocks(data.attrs["parts"], along, max(1, len(along) - 1))
    return int(data.attrs["partsAxis"]), list(zip(blocks, texts, strict=True))


def is_altered(data: h5py.Dataset) -> bool:
    """Whether the values are no longer those that were written; a few planes of them are read at once."""
    axis, parts = _stored(data)
    for (x0, x1, z0, z1), text in parts:
        found, rest = Fingerprint(), (..., slice(z0, z1)) if z1 is not None else ()
        for entry in np.ndindex(data.shape[:axis]):
            for x in range(x0, x1, PLANES_AT_ONCE):
                found.add(data[(*entry, slice(x, min(x1, x + PLANES_AT_ONCE)), *rest)])
        if found.text() != text:
            return True
    return False


def matches(data: h5py.Dataset, values: np.ndarray) -> bool:
    """Whether all values of a mesh, (nx, ny, nz), are those that were written."""
    return all(fingerprint(values[x0:x1, ..., z0:z1]) == text for (x0, x1, z0, z1), text in _stored(data)[1])


def sources(items: Iterable[h5py.Dataset]) -> Iterator[Path]:
    """The parts that datasets are views on, each once."""
    seen = set()
    for data in items:
        if not data.is_virtual:
            continue
        directory = Path(data.file.filename).parent
        for source in data.virtual_sources():
            if (path := directory / source.file_name) not in seen:
                seen.add(path)
                yield path


def datasets(group: h5py.Group) -> list[h5py.Dataset]:
    """All datasets below a group."""
    found: list[h5py.Dataset] = []
    group.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    return found


def check_parts(group: h5py.Group) -> None:
    """Refuse an index of which a part is not there: HDF5 would read zeros.

    Raises
    ------
    FileError
        If a part is missing or cut short.
    """
    for path in sources(datasets(group)):
        try:
            h5py.File(path, "r").close()
        except OSError as error:
            reason = "is missing" if isinstance(error, FileNotFoundError) else "is not whole"
            whole = Path(group.file.filename).name
            raise FileError(f"{path}: is a part of {whole} and {reason}; restore it or run again") from None


def remove_parts(path: Path, but: Iterable[Path] = ()) -> None:
    """Remove the parts of `path` that lie beside it, but those that it needs."""
    kept = {part.name for part in but}
    for part in path.parent.glob(f"{path.stem}-[0-9]*.*-of-*.h5"):
        if part.name not in kept:
            part.unlink(missing_ok=True)


def copy_whole(source: h5py.Group, target: h5py.Group) -> None:
    """Copy groups, attributes and datasets; of those that ranks wrote the values, a few planes at once."""
    _copy_attributes(source, target)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            copy_whole(item, target.create_group(name))
        elif "parts" not in item.attrs:
            source.copy(item, target, name=name)
        else:
            _join(item, target, name)


def _join(item: h5py.Dataset, target: h5py.Group, name: str) -> None:
    """Copy what ranks wrote as if one process had written it."""
    with ExitStack() as stack:
        like = stack.enter_context(h5py.File(next(sources([item])), "r"))[item.name] if item.is_virtual else item
        chunks = like.chunks and tuple(min(c, n) for c, n in zip(like.chunks, item.shape, strict=True))
        packed = {"compression": like.compression, "compression_opts": like.compression_opts, "shuffle": like.shuffle}
        data = target.create_dataset(name, item.shape, item.dtype, chunks=chunks, **(packed if like.compression else {}))
    written = Fingerprint()
    for x in range(0, item.shape[0], PLANES_AT_ONCE):
        values = item[x : x + PLANES_AT_ONCE]
        data[x : x + PLANES_AT_ONCE] = values
        written.add(values)
    for key, value in item.attrs.items():
        if key not in OF_PARTS:
            data.attrs[key] = value
    data.attrs["fingerprint"] = np.bytes_(written.text().encode())
