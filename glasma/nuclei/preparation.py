"""The nuclei of a configuration.

Every nucleus draws from its own stream of the seed, `SeedSequence(seed).spawn(2)`, so that a single nucleus is the
right-mover of the collision with the same seed.  Sheets draw one after the other from that stream, the front first.  The
sheets m = 0, −1, 1, −2, 2, … of a nucleus with a correlation length draw from the children 0, 1, 2, 3, 4, … of the stream.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from glasma.derived import Derived
from glasma.group import group_named
from glasma.nuclei.incoherent import IncoherentNucleus
from glasma.nuclei.mv import color_charges
from glasma.nuclei.nucleus import Nucleus
from glasma.nuclei.poisson import solve_poisson
from glasma.nuclei.sheets import SheetNucleus
from glasma.nuclei.wilson_line_file import coherent_nucleus, read_wilson_lines
from glasma.nuclei.wilson_lines import CoherentNucleus
from glasma.units import HBARC


def make_nuclei(derived: Derived) -> list[Nucleus]:
    """The nuclei of a configuration at the start: the right-mover, then the left-mover if there is one.

    Raises
    ------
    FileError
        If they come from a file that cannot be used.
    """
    nuclei, grid = derived.config.nuclei, derived.grid
    directions = (1,) if nuclei.system == "single" else (1, -1)
    places = [(direction, -direction * derived.start_distance / grid.spacing_fm) for direction in directions]
    if nuclei.source == "file":
        assert nuclei.path is not None
        group = group_named(derived.config.lattice.group)
        lines = read_wilson_lines(nuclei.path, len(places), grid.shape[:2], group)
        return [coherent_nucleus(V, derived.profile, *where) for V, where in zip(lines, places, strict=True)]
    streams = np.random.SeedSequence(derived.config.run.seed).spawn(2)
    make = _with_correlation_length if nuclei.correlation_length is not None else _of_sheets
    return [make(derived, stream, *where) for stream, where in zip(streams, places, strict=False)]


def _potential(derived: Derived, rng: np.random.Generator, sheets: int = 1) -> np.ndarray:
    """gφ of one of `sheets` independent sheets, (dim_g, nx, ny)."""
    config, grid = derived.config, derived.grid
    a = grid.spacing_fm / HBARC
    dimension = group_named(config.lattice.group).DIMENSION
    rho = color_charges(grid.shape[:2], dimension, derived.g2mu_lattice / np.sqrt(sheets), rng)
    return solve_poisson(rho, config.nuclei.infrared_regulator * a, config.nuclei.ultraviolet_cutoff * a)


def _of_sheets(derived: Derived, stream: np.random.SeedSequence, direction: int, centre: float) -> Nucleus:
    """Coherent sheets with equal parts of the variance."""
    generators = group_named(derived.config.lattice.group).GENERATORS
    count, rng = derived.config.nuclei.sheets, np.random.default_rng(stream)
    potentials = [np.einsum("axy,aij->xyij", _potential(derived, rng, count), generators) for _ in range(count)]
    if count == 1:
        return CoherentNucleus(potentials[0], derived.profile, direction, centre)
    return SheetNucleus(potentials, derived.profile, direction, centre)


def _with_correlation_length(derived: Derived, stream: np.random.SeedSequence, direction: int, centre: float) -> Nucleus:
    """A nucleus whose colour changes along its thickness."""
    grid, length = derived.grid, derived.config.nuclei.correlation_length
    assert length is not None
    return IncoherentNucleus(
        group_named(derived.config.lattice.group),
        partial(_independent_sheet, derived, stream),
        length / grid.spacing_fm,
        derived.profile,
        direction,
        centre,
        grid.a_t,
        site=direction * (grid.middle % 1) * grid.a_z,
    )


def _independent_sheet(derived: Derived, stream: np.random.SeedSequence, m: int) -> np.ndarray:
    """gφ of sheet m, from its own child of the stream."""
    child = 2 * m if m >= 0 else -2 * m - 1
    seed = np.random.SeedSequence(stream.entropy, spawn_key=(*stream.spawn_key, child))
    return _potential(derived, np.random.default_rng(seed))
