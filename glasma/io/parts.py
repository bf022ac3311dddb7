"""Files that ranks write together: each a part with its own planes, and an index that reads as one file.

The HDF5 of the package index writes no file from many processes.  So every rank writes a whole file of its own, and the first
one an index with the same groups, attributes and datasets, which are virtual: views on those of the parts, along x.  A virtual
dataset carries the fingerprints of its parts (`fingerprint`), their first planes and the end (`parts`), and which axis is x
(`partsAxis`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np

from glasma.errors import FileError
from glasma.io.fingerprint import Fingerprint, fingerprint

#: Planes in x that are written and read at once, and the height of a chunk.
PLANES_AT_ONCE = 16


def part_of(path: Path, step: int, rank: int, size: int) -> Path:
    """Where a rank writes its part of `path` at a step."""
    return path.with_name(f"{path.stem}-{step:08d}.{rank}-of-{size}.h5")


def write_index(file: h5py.File, parts: Sequence[Path], axis: int) -> None:
    """Let a new file read as all parts, beside which it lies, joined along an axis."""
    with ExitStack() as stack:
        opened = [stack.enter_context(h5py.File(part, "r")) for part in parts]

        def take(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Group):
                _copy_attributes(item, file.require_group(name))
                return
            pieces = [part[name] for part in opened]
            bounds = np.cumsum([0, *(piece.shape[axis] for piece in pieces)])
            shape = (*item.shape[:axis], int(bounds[-1]), *item.shape[axis + 1 :])
            layout = h5py.VirtualLayout(shape, item.dtype)
            for path, piece, x0, x1 in zip(parts, pieces, bounds[:-1], bounds[1:], strict=True):
                there = (slice(None),) * axis + (slice(int(x0), int(x1)),)
                layout[there] = h5py.VirtualSource(path.name, name, piece.shape, piece.dtype)
            data = file.create_virtual_dataset(name, layout)
            _copy_attributes(item, data)
            data.attrs["fingerprint"] = np.array([_text(piece) for piece in pieces], "S32")
            data.attrs["parts"], data.attrs["partsAxis"] = bounds, axis

        _copy_attributes(opened[0], file)
        opened[0].visititems(take)


def _copy_attributes(source: h5py.Group | h5py.Dataset, target: h5py.Group | h5py.Dataset) -> None:
    for name, value in source.attrs.items():
        target.attrs[name] = value


def _text(data: h5py.Dataset) -> str:
    value = data.attrs.get("fingerprint", b"")
    return value.decode() if isinstance(value, bytes) else str(value)


def _stored(data: h5py.Dataset) -> tuple[int, list[tuple[int, int, str]]]:
    """Which axis is x, and of each part the planes x0 ≤ x < x1 and the fingerprint; a plain dataset is one part."""
    if "parts" not in data.attrs:
        axis = max(0, data.ndim - 3)
        return axis, [(0, data.shape[axis], _text(data))]
    bounds = [int(x) for x in data.attrs["parts"]]
    texts = [text.decode() for text in data.attrs["fingerprint"]]
    return int(data.attrs["partsAxis"]), list(zip(bounds[:-1], bounds[1:], texts, strict=True))


def is_altered(data: h5py.Dataset) -> bool:
    """Whether the values are no longer those that were written; a few planes of them are read at once."""
    axis, parts = _stored(data)
    for x0, x1, text in parts:
        found = Fingerprint()
        for entry in np.ndindex(data.shape[:axis]):
            for x in range(x0, x1, PLANES_AT_ONCE):
                found.add(data[(*entry, slice(x, min(x1, x + PLANES_AT_ONCE)))])
        if found.text() != text:
            return True
    return False


def matches(data: h5py.Dataset, values: np.ndarray) -> bool:
    """Whether all values of a mesh, (nx, ny, nz), are those that were written."""
    return all(fingerprint(values[x0:x1]) == text for x0, x1, text in _stored(data)[1])


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
    """Copy groups, attributes and datasets; of virtual ones the values, a few planes at once."""
    _copy_attributes(source, target)
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            copy_whole(item, target.create_group(name))
        elif not item.is_virtual:
            source.copy(item, target, name=name)
        else:
            _copy_virtual(item, target, name)


def _copy_virtual(item: h5py.Dataset, target: h5py.Group, name: str) -> None:
    with h5py.File(next(sources([item])), "r") as part:
        of_part = part[item.name]
        chunks = of_part.chunks and tuple(min(c, n) for c, n in zip(of_part.chunks, item.shape, strict=True))
        packed = {"compression": of_part.compression, "compression_opts": of_part.compression_opts, "shuffle": of_part.shuffle}
        data = target.create_dataset(name, item.shape, item.dtype, chunks=chunks, **(packed if of_part.compression else {}))
    written = Fingerprint()
    for x in range(0, item.shape[0], PLANES_AT_ONCE):
        values = item[x : x + PLANES_AT_ONCE]
        data[x : x + PLANES_AT_ONCE] = values
        written.add(values)
    for key, value in item.attrs.items():
        if key not in ("parts", "partsAxis", "fingerprint"):
            data.attrs[key] = value
    data.attrs["fingerprint"] = np.bytes_(written.text().encode())
