"""What is refused on a coarse lattice though it fits on the fine one, whose cells and frozen ends are b times shorter."""

from __future__ import annotations

from glasma.derived import Derived
from glasma.errors import ConfigError
from glasma.lattice.grid import FROZEN_CELLS
from surrogate.collisions.nuclei import LARGEST_OVERLAP, start_overlap


def check_coarse_box(
    derived: Derived, blocking: int, substeps: int, end: float, section: str = "", ends: str = "evolution.end_time"
) -> None:
    """Refuse nuclei that have no room in the coarse box, or overlap in it at the start.

    Parameters
    ----------
    derived : Derived
        Of the run on the fine lattice.
    blocking, substeps : int
        b, and n in a_t = a_z/n of the coarse lattice.
    end : float
        t at the end, fm.
    section, ends : str
        What stands before the keys in messages, and the key of the end.

    Raises
    ------
    ConfigError
    """
    lattice, half = derived.config.lattice, derived.profile.half_length * derived.grid.spacing_fm
    assert lattice.longitudinal_length is not None
    cell = blocking * derived.a_z_fm
    need = max(derived.start_distance + cell, end) + half + (FROZEN_CELLS + 1) * cell
    if need > lattice.longitudinal_length / 2:
        raise ConfigError(
            f"{section}lattice.longitudinal_length = {lattice.longitudinal_length:g} fm: the box is too short for nuclei on "
            f"the coarse lattice; use at least {2 * need:.4g} fm (and as many more cells) or lower {ends}"
        )
    if start_overlap(derived.grid, blocking, substeps, derived.profile, derived.start_distance) > LARGEST_OVERLAP:
        given = derived.config.nuclei.separation
        found = "" if given is None else f" = {given:g} fm"
        raise ConfigError(
            f"{section}nuclei.separation{found}: the nuclei overlap at the start on the coarse lattice; set at least "
            f"{2 * half + 5 * cell:.4g} fm"
        )
