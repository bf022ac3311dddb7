"""Surrogates on snapshots: a fine one is blocked and evolved, a coarse one upscaled, and the result is a snapshot again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from glasma.config import Config, config_from_dict
from glasma.derived import Derived
from glasma.errors import ConfigError, FileError
from glasma.io.atomic import make_directory
from glasma.io.openpmd import Snapshots, SnapshotWriter
from glasma.lattice.gauss_projection import Projection, project
from glasma.lattice.milne import MilneFields
from glasma.schemes import make_scheme
from surrogate.actions.field_strength import FieldStrengthAction
from surrogate.blocking import block_links, block_momenta, block_scalar
from surrogate.engine_fields import empty_milne_fields, state_from_engine, state_to_engine
from surrogate.evolution.compiled import compiled_scheme
from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import FieldState, Leapfrog
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.upscaling.upscaler import Upscaler

_TOLERANCE = 1e-6


def evolve_snapshot(model: EvolutionSurrogate, path: Path, step: int | None, until_fm: float, out: Path) -> Path:
    """Block a snapshot of a boost-invariant run, evolve it on the coarse lattice, and write the beginning and the end.

    Parameters
    ----------
    model : EvolutionSurrogate
    path : path of a snapshots.h5
    step : int, optional
        Of the snapshot; by default the first with fields at a multiple of the surrogate's Δτ.
    until_fm : float
        τ at the end.
    out : path
        Directory of the coarse snapshots.

    Returns
    -------
    Path
        The coarse snapshots.h5.

    Raises
    ------
    FileError
        If the file has no such snapshot.
    ConfigError
        If the model is for another group, or the times do not fit its steps.
    """
    if model.config.frame != "milne":
        raise ConfigError(
            f"the model is of the frame {model.config.frame}: snapshots are of boost-invariant runs, of the frame milne"
        )
    b, size = model.config.blocking, model.config.step
    config, fields = _read(path, step, model.config.group, b * size)
    fine = Leapfrog(FieldStrengthAction.wilson(model.config.group), model.pairs.group, Frame("milne"), fields.grid.a_t)
    number = fields.tau / (b * size)
    if not _is_multiple(fields.tau, b * size):
        spacing = fields.grid.spacing_fm
        raise ConfigError(
            f"snapshot at τ = {fields.tau * spacing:.6g} fm: the surrogate steps by {b * size * spacing:.6g} fm; "
            "take a snapshot at a multiple of it (output.snapshots)"
        )
    with torch.no_grad():
        state = fine.synchronous(state_from_engine(fields))
        assert state.phi is not None
        assert state.pi is not None
        coarse = FieldState(
            block_links(state.U, b), block_momenta(state.U, state.P, b), block_scalar(state.phi, b),
            block_scalar(state.pi, b, 2), round(number),
        )  # fmt: skip
        coarse = model.leapfrog.staggered(coarse)
    blocked = _rescaled(config, 1 / b, model.config.substeps)
    derived = Derived(blocked)
    scheme = compiled_scheme(model, derived.grid.shape[:2], spacing_fm=derived.grid.spacing_fm)
    now = empty_milne_fields(scheme.grid, scheme.group)
    state_to_engine(coarse, now)
    steps = round(until_fm / (derived.grid.spacing_fm * size))
    if steps <= now.step:
        raise ConfigError(f"until = {until_fm} fm: is not after the snapshot, τ = {now.tau * derived.grid.spacing_fm:.6g} fm")
    writer = _writer(out, derived)
    _write(writer, scheme, derived, now)
    while now.step < steps:
        scheme.step(now)
    _write(writer, scheme, derived, now)
    writer.gather()
    return writer.index


def upscale_snapshot(model: Upscaler, path: Path, step: int | None, substeps: int, out: Path) -> tuple[Path, Projection]:
    """Upscale a coarse snapshot, restore the Gauss constraint of the fine lattice, and write it as a snapshot of a fine run.

    Parameters
    ----------
    model : Upscaler
    path : path of a snapshots.h5
    step : int, optional
        Of the snapshot; the last with fields by default.
    substeps : int
        n in Δτ = a_T/n of the fine run.
    out : path
        Directory of the fine snapshot.

    Raises
    ------
    FileError, ConfigError
        As `evolve_snapshot`.
    """
    config, fields = _read(path, step, model.config.group)
    derived = Derived(_rescaled(config, 2.0, substeps))
    group = model.group
    coarse = Leapfrog(FieldStrengthAction.wilson(model.config.group), group, Frame("milne"), fields.grid.a_t)
    with torch.no_grad():
        fine = model(coarse.synchronous(state_from_engine(fields)))
        number = 2 * fields.tau * substeps
        step_fine = Leapfrog(FieldStrengthAction.wilson(model.config.group), group, Frame("milne"), 1 / substeps)
        fine = step_fine.staggered(replace(fine, number=round(number)))
    scheme = make_scheme(derived.config, derived.grid)
    now = empty_milne_fields(derived.grid, fields.group)
    state_to_engine(fine, now)
    done = project(now, scheme.workers)
    writer = _writer(out, derived)
    _write(writer, scheme, derived, now)
    writer.gather()
    return writer.index, done


def _read(path: Path, step: int | None, group: str, multiple: float | None = None) -> tuple[Config, MilneFields]:
    """A snapshot; by default the first whose τ is a `multiple` of so many a_T, or the last."""
    with Snapshots(path) as snapshots:
        if not snapshots.config.is_boost_invariant:
            raise ConfigError(f"{path}: is of a run in the laboratory frame; surrogates evolve boost-invariant ones")
        if snapshots.config.lattice.group != group:
            raise ConfigError(f"{path}: its group is {snapshots.config.lattice.group}, that of the model is {group}")
        known = [number for number in snapshots.steps if snapshots.has_fields(number)]
        if step is None and known:
            a_t = snapshots.derived.grid.a_t
            fit = [n for n in known if multiple is None or _is_multiple(n * a_t, multiple)]
            step = known[0] if not fit else fit[-1] if multiple is None else fit[0]
        if step not in known or step is None:
            raise FileError(f"{path}: has no fields at step {step}; it has {', '.join(map(str, known)) or 'none'}")
        fields = snapshots.fields(step)
        assert isinstance(fields, MilneFields)
        return snapshots.config, fields


def _is_multiple(time: float, unit: float) -> bool:
    return round(time / unit) >= 1 and abs(time / unit - round(time / unit)) < _TOLERANCE


def _rescaled(config: Config, factor: float, substeps: int) -> Config:
    """The configuration with `factor` times the sites in the same box."""
    data: dict[str, Any] = config.as_dict()
    data["lattice"]["transverse_cells"] = round(config.lattice.transverse_cells * factor)
    data["evolution"]["substeps"] = substeps
    data["run"]["links"] = "whole"  # as the fields of a model are
    return config_from_dict(data)


def _writer(out: Path, derived: Derived) -> SnapshotWriter:
    if (out / "snapshots.h5").exists():
        raise FileError(f"{out}: holds snapshots already; choose another directory")
    make_directory(out)
    return SnapshotWriter(out, derived)


def _write(writer: SnapshotWriter, scheme: Any, derived: Derived, fields: MilneFields) -> None:
    def tensor(x0: int, x1: int) -> Any:
        return scheme.stress_tensor(fields, x0, x1) * derived.density_unit

    writer.write(fields, tensor)
