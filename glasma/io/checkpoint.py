"""Checkpoints: the whole state of a run, from which it goes on bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from glasma.config import Config, config_from_dict
from glasma.domain.ranks import Ranks
from glasma.domain.slab import Slab
from glasma.errors import FileError
from glasma.group import group_named
from glasma.io.atomic import reading_hdf5, replacing_hdf5
from glasma.io.parts import check_parts, datasets, is_altered, part_of, remove_parts, sources, write_index
from glasma.io.together import replacing_hdf5_together, write_one_file
from glasma.io.written import New, new_datasets
from glasma.lattice.charges import Charges
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from glasma.lattice.storage import field_array, on_host

_FORMAT = "glasma checkpoint 1"


#: A state of either frame.
State = Fields | MilneFields


def save_checkpoint(path: Path, fields: State, config: Config, slab: Slab | None = None) -> None:
    """Write the state; an older checkpoint is replaced only by a complete one.

    Ranks write one file where they can (`glasma.io.together`).  Elsewhere every rank writes its part, under a name with the
    step.  When all are on the disk the first rank puts an index of them into the place of the older checkpoint, and then the
    parts of that one are removed.
    """
    if slab is None:
        with replacing_hdf5(path) as file:
            _write(file, fields, config)
        remove_parts(path)
        return
    ranks = slab.ranks
    if write_one_file(ranks):
        with replacing_hdf5_together(path, ranks) as file:
            _write(file, fields, config, slab, together=True)
        if ranks.is_first:
            remove_parts(path)
        return
    parts = [part_of(path, fields.step, rank, ranks.size) for rank in range(ranks.size)]
    with replacing_hdf5(parts[ranks.rank]) as file:
        _write(file, fields, config, slab)
    ranks.barrier()
    if ranks.is_first:
        with replacing_hdf5(path) as file:
            write_index(file, parts, slab.axis, slab.parts[1])
    ranks.barrier()
    if ranks.is_first:
        remove_parts(path, but=parts)


def remove_stale_parts(path: Path) -> None:
    """Remove what killed ranks left beside a checkpoint: parts of which it is not the index."""
    kept: list[Path] = []
    if path.exists():
        with reading_hdf5(path, "checkpoint of glasma") as file:
            kept = list(sources(datasets(file)))
    remove_parts(path, but=kept)


def _write(file: h5py.File, fields: State, config: Config, slab: Slab | None = None, together: bool = False) -> None:
    new = new_datasets(slab, together)
    # Strings of fixed length: those of variable length lie in a heap that libhdf5 may search forever in a damaged file.
    attributes: dict[str, Any] = {
        "format": np.bytes_(_FORMAT.encode()),
        "config": np.bytes_(json.dumps(config.as_dict()).encode()),
        "group": np.bytes_(fields.group.NAME.encode()),
        "step": fields.step,
        "work": fields.work,
    }
    before = fields.grid.first_plane
    if isinstance(fields, Fields):
        attributes |= {"region": [(z0 + before, z1 + before) for z0, z1 in fields.region], "still": fields.still}
    _set_attributes(file, attributes, slab)
    of_grid = {"shape": fields.grid.shape if slab is None else slab.whole.shape}
    of_grid |= {name: getattr(fields.grid, name) for name in ("spacing_fm", "anisotropy", "substeps")}
    _set_attributes(file.create_group("grid"), of_grid, slab)
    for name, array in (("U", fields.U), ("E", fields.E)):
        _store(file, name, _own_along_z(array, slab), slab, new)
    if isinstance(fields, MilneFields):
        _store(file, "A", fields.A, slab, new)
        return
    for number, charges in enumerate(fields.charges):
        group = file.create_group(f"charges/{number}")
        q = charges.q
        if slab is not None:
            q = slab.columns_of_all(q, [charges.first_cell(slot) for slot in range(charges.slots)])
        # All columns; of ranks along z, that hold some of them each, the first writes them.
        if slab is None or slab.place[1] == 0 or together:
            _store(group, "q", q, slab, new, cut_along_z=False)
        of_charges = {"first": charges.first + before, "direction": charges.direction, "moves": charges.moves}
        _set_attributes(group, of_charges, slab)


def _set_attributes(holder: h5py.Group, attributes: dict[str, Any], slab: Slab | None) -> None:
    """Of ranks, those of the first one."""
    for name, value in (attributes if slab is None else slab.ranks.broadcast(attributes)).items():
        holder.attrs[name] = value


def _own_along_z(array: np.ndarray, slab: Slab | None) -> np.ndarray:
    return array if slab is None or slab.parts[1] == 1 else array[..., slab.inner_along_z]


def _store(group: h5py.Group, name: str, array: np.ndarray, slab: Slab | None, new: New, cut_along_z: bool = True) -> None:
    axis = 2
    if slab is not None:
        axis = slab.axis
        array = array[(slice(None),) * axis + (slab.inner,)]
    written = new(group, name, array.shape, array.dtype, axis, cut_along_z)
    for entry in np.ndindex(array.shape[:axis]):
        component = on_host(array[entry])
        for x0, x1 in written.blocks():
            written.write(component[x0:x1], entry, x0)
    written.finish()


def _load(data: h5py.Dataset, slab: Slab | None) -> np.ndarray:
    if slab is None:
        array = field_array(data.shape, data.dtype)
        for entry in np.ndindex(data.shape[:2]):
            data.read_direct(array[entry], entry)
        return array
    axis = slab.axis
    array = field_array((*data.shape[:2], *_held_shape(slab)), data.dtype)
    for entry in np.ndindex(data.shape[:axis]):
        slab.read(data, array[entry], entry)
    return array


def _held_shape(slab: Slab) -> tuple[int, ...]:
    """The last three axes of a dataset of fields, for the planes held."""
    nx, ny, nz = slab.grid.shape
    return (nx, ny, nz) if slab.axis == 2 else (1, nx, ny)


def _text(item: h5py.Group | h5py.Dataset, name: str) -> str:
    """A string among the attributes; empty if there is none."""
    value = item.attrs.get(name, b"")
    return value.decode() if isinstance(value, bytes) else str(value)


def altered(path: Path, ranks: Ranks | None = None) -> list[str]:
    """Names of datasets of a checkpoint whose values are no longer those that were written; ranks share the work."""
    ranks = ranks or Ranks()
    with reading_hdf5(path, "checkpoint of glasma") as file:
        check_parts(file)
        found = [data.name.strip("/") for data in datasets(file)[ranks.rank :: ranks.size] if is_altered(data)]
    return [name for names in ranks.of_each(found) for name in names]


def checkpoint_header(path: Path) -> tuple[int, Config]:
    """The step and the configuration of a checkpoint, without its fields; raises as `load_checkpoint` does."""
    with reading_hdf5(path, "checkpoint of glasma") as file:
        return _header(file, path)


def _header(file: h5py.File, path: Path) -> tuple[int, Config]:
    if _text(file, "format") != _FORMAT:
        raise FileError(f"{path}: is an HDF5 file but not a checkpoint of glasma; give a run's own checkpoint.h5")
    return int(file.attrs["step"]), config_from_dict(json.loads(_text(file, "config")))


def load_checkpoint(path: Path, slab: Slab | None = None) -> tuple[State, Config]:
    """The state, or the slab of it that a rank holds, and the configuration of a checkpoint.

    Raises
    ------
    FileError
        If the file is missing, damaged or something else.
    """
    with reading_hdf5(path, "checkpoint of glasma") as file:
        step, config = _header(file, path)
        check_parts(file)
        grid_attrs = file["grid"].attrs
        shape = tuple(int(n) for n in grid_attrs["shape"])
        grid = Grid(shape, float(grid_attrs["spacing_fm"]), float(grid_attrs["anisotropy"]), int(grid_attrs["substeps"]))  # type: ignore[arg-type]
        group, work = group_named(_text(file, "group")), float(file.attrs["work"])
        if slab is not None:
            grid = slab.grid
        U, E = _load(file["U"], slab), _load(file["E"], slab)
        if config.is_boost_invariant:
            return MilneFields(grid, group, U, _load(file["A"], slab), E, step, work), config
        charges = tuple(_load_charges(file["charges"][number], slab) for number in sorted(file.get("charges", ())))
        before = grid.first_plane
        region = [(int(z0) - before, int(z1) - before) for z0, z1 in file.attrs["region"]]
        return Fields(grid, group, U, E, charges, step, work, region, float(file.attrs["still"])), config


def _load_charges(group: h5py.Group, slab: Slab | None) -> Charges:
    data = group["q"]
    if slab is None:
        q = np.asarray(data)
    else:
        q = np.empty((*data.shape[:2], slab.grid.shape[0], *data.shape[3:]), data.dtype)
        for entry in np.ndindex(data.shape[:2]):
            slab.read(data, q[entry], entry, along_z=False)
    before = 0 if slab is None else slab.grid.first_plane
    return Charges(q, int(group.attrs["first"]) - before, int(group.attrs["direction"]), int(group.attrs["moves"]))
