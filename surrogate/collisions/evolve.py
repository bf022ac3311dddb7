"""A collision of the engine's configuration on the coarse lattice of a surrogate: what a run would say of mid-rapidity."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch

from glasma.backend import Workers
from glasma.config import Config
from glasma.derived import Derived
from glasma.errors import ConfigError
from glasma.io.atomic import make_directory, write_text
from glasma.io.provenance import commit, installed, versions
from glasma.nuclei.preparation import make_nuclei
from glasma.sanity import check_physics
from glasma.units import HBARC
from surrogate.collisions.box import check_coarse_box
from surrogate.collisions.nuclei import coarse_grid, coarse_nuclei
from surrogate.collisions.run import run_collision, slab_state
from surrogate.collisions.slab import Slab
from surrogate.collisions.surrogate import CollisionSurrogate
from surrogate.errors import LayerError
from surrogate.evolution.surrogate import pressures

_COLUMNS = ("t_fm", "energy_density", "P_L", "P_T")


@torch.no_grad()
def evolve_collision(model: CollisionSurrogate, config: Config, end_fm: float | None, out: Path) -> Path:
    """Run a collision on the coarse lattice, from its nuclei on, and write ε, P_L, P_T at mid-rapidity.

    Parameters
    ----------
    model : CollisionSurrogate
    config : Config
        Of a run on the fine lattice, which is not made.
    end_fm : float, optional
        t at the end; `evolution.end_time` by default.
    out : path
        Directory of midrapidity.csv, t since the collision in fm, the others in GeV/fm³, and of its midrapidity.json with the
        configuration and where the model comes from.

    Returns
    -------
    Path
        The CSV file.

    Raises
    ------
    ConfigError
        If the run is not one for the surrogate.
    """
    derived = check_physics(config)
    wanted = model.config
    _check(config, derived, model)
    try:
        grid = coarse_grid(derived.grid, wanted.blocking, wanted.substeps)
        nuclei = coarse_nuclei(make_nuclei(derived), wanted.blocking, grid.anisotropy)
    except LayerError as error:
        raise ConfigError(str(error)) from None
    slab = Slab.at_midrapidity(derived.grid, wanted.blocking)
    end = config.evolution.end_time if end_fm is None else end_fm
    begins = derived.half_length + slab.reach_fm(derived.grid)
    if end <= begins:
        raise ConfigError(f"end at {end:g} fm: the nuclei leave the planes around z = 0 at {begins:.4g} fm; use a later time")
    check_coarse_box(derived, wanted.blocking, wanted.substeps, end)
    step = grid.a_t * grid.spacing_fm
    last = round((end - derived.start_time) / step)
    unit = HBARC / (config.nuclei.coupling**2 * grid.spacing_fm**4)
    scheme = model.scheme(grid, Workers(config.run.threads or os.cpu_count() or 1))
    rows = [",".join(_COLUMNS)]
    for fields in run_collision(scheme, nuclei, last):
        time = derived.start_time + (fields.step - 0.5) * step
        if time > begins:
            state = slab_state(fields, slab.stored)
            density, longitudinal, transverse = pressures(model.energies(state.U, state.E))[0].tolist()
            values = time, unit * density, unit * density * longitudinal, unit * density * transverse
            rows.append(",".join(f"{value:.10g}" for value in values))
    make_directory(out)
    path = out / "midrapidity.csv"
    about = {
        "format": "glasma midrapidity 1", "config": config.model_dump(mode="json", exclude_none=True), "model": model.card,
        "gauss": scheme.gauss_residual(fields).max_rel, "versions": {**versions(), "torch": installed("torch")},
        "commit": commit(),
    }  # fmt: skip
    write_text(out / "midrapidity.json", json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    write_text(path, "\n".join(rows) + "\n")
    return path


def _check(config: Config, derived: Derived, model: CollisionSurrogate) -> None:
    wanted = model.config
    if config.lattice.group != wanted.group:
        raise ConfigError(f'lattice.group = "{config.lattice.group}": the surrogate is for {wanted.group}')
    if config.is_boost_invariant or config.nuclei.system != "collision":
        raise ConfigError("the surrogate is for collisions in 3+1D: set evolution.scheme and nuclei.system of one")
    if abs(derived.grid.anisotropy - wanted.anisotropy) > 1e-9:
        raise ConfigError(
            f"a_z/a_T = {derived.grid.anisotropy:.6g}: the surrogate is for {wanted.anisotropy:.6g}; change the cells or the "
            "lengths of the lattice"
        )
