"""Checks of a configuration against physics, the box and this machine, before any work is done."""

from __future__ import annotations

from math import ceil, floor, pi

import psutil

from glasma.config import Config
from glasma.derived import Derived
from glasma.errors import ConfigError
from glasma.group import group_named
from glasma.lattice.grid import FROZEN_CELLS
from glasma.nuclei.wilson_line_file import wilson_line_fingerprints
from glasma.units import HBARC, NUCLEON_MASS

#: Least σ/a_z: on a coarser lattice the leapfrog does not resolve a nucleus at all, and no scheme its collision.
THINNEST = {"leapfrog": 2.0, "semi_implicit": 1.0}


def check_physics(config: Config, with_source: bool = True, with_memory: bool = True) -> Derived:
    """Refuse what the schema allows but physics, the box or this machine does not.

    Parameters
    ----------
    config : Config
    with_source : bool
        Whether the nuclei are still to be made, so that a file that they come from must be there.
    with_memory : bool
        Whether it is to run on this machine, so that it must fit into its memory.

    Raises
    ------
    ConfigError
        With one line that names the field, its value and the remedy.
    FileError
        If the nuclei come from a file that cannot be used.
    """
    _check_lattice(config)
    derived = Derived(config)
    _check_source(config)
    _check_nuclei(config)
    if config.is_boost_invariant:
        _check_boost_invariant(config)
    else:
        _check_thickness(config, derived)
        _check_time_step(config, derived)
        _check_box(config, derived)
    _check_times(config, derived)
    if with_memory:
        check_memory(config, derived.memory_bytes)
    if with_source:
        source_fingerprints(derived)
    return derived


def _check_lattice(config: Config) -> None:
    """The extent along the beam, where there is one; links that a group cannot store in the way that is asked for."""
    if config.run.links == "two_rows" and config.lattice.group != "SU(3)":
        raise ConfigError(f'run.links = "two_rows": is for SU(3), not {config.lattice.group}; remove it')
    for name in ("longitudinal_cells", "longitudinal_length"):
        if getattr(config.lattice, name) is None and not config.is_boost_invariant:
            raise ConfigError(
                f'lattice.{name}: is missing; set {name} in [lattice] (only evolution.scheme = "boost_invariant" needs none)'
            )


def _check_boost_invariant(config: Config) -> None:
    nuclei = config.nuclei
    if nuclei.system != "collision":
        raise ConfigError(
            f'nuclei.system = "{nuclei.system}": has no boost-invariant limit; set system = "collision" or another scheme'
        )
    if nuclei.correlation_length is not None and nuclei.lorentz_factor is None:
        raise ConfigError(
            f"nuclei.correlation_length = {nuclei.correlation_length:g} fm: needs the thickness of the nuclei; "
            "give one of nuclei.sqrt_s_nn, nuclei.gamma, nuclei.width"
        )
    if config.substeps < 2:
        raise ConfigError(
            f"evolution.substeps = {config.substeps}: Δτ = a_T/{config.substeps} is beyond the bound a_T/√2 of stability; "
            "use at least 2"
        )


def _check_source(config: Config) -> None:
    """Keys that contradict where the nuclei come from, or each other."""
    nuclei = config.nuclei
    if nuclei.source == "mv":
        if nuclei.g2mu is None:
            raise ConfigError(
                "nuclei.g2mu: is missing; set g2mu in [nuclei] (g²μ, the width of the colour charge distribution)"
            )
        if nuclei.path is not None:
            raise ConfigError(
                f'nuclei.path = {nuclei.path!r}: has no meaning with source = "mv"; remove it or set source = "file"'
            )
        if nuclei.correlation_length is not None and nuclei.sheets > 1:
            raise ConfigError(
                f"nuclei.sheets = {nuclei.sheets}: cannot be combined with correlation_length; remove one of the two"
            )
        return
    if nuclei.path is None:
        raise ConfigError('nuclei.path: is missing; set path in [nuclei] to the HDF5 file of source = "file"')
    for name in ("g2mu", "infrared_regulator", "ultraviolet_cutoff", "sheets", "correlation_length"):
        if getattr(nuclei, name) != type(nuclei).model_fields[name].default:
            raise ConfigError(f'nuclei.{name} = {getattr(nuclei, name):g}: has no meaning with source = "file"; remove it')


def _given_thickness(config: Config) -> list[str]:
    """Which of the keys that set the thickness are given."""
    return [name for name in ("sqrt_s_nn", "gamma", "width") if getattr(config.nuclei, name) is not None]


def _check_nuclei(config: Config) -> None:
    nuclei, given = config.nuclei, _given_thickness(config)
    if len(given) != 1 and not (config.is_boost_invariant and not given):
        found = " and ".join(given) or "none"
        raise ConfigError(f"nuclei.sqrt_s_nn, nuclei.gamma, nuclei.width = {found}: give exactly one of the three")
    if nuclei.sqrt_s_nn is not None and nuclei.sqrt_s_nn <= 2 * NUCLEON_MASS:
        raise ConfigError(f"nuclei.sqrt_s_nn = {nuclei.sqrt_s_nn:g} GeV: is below 2 m_N = 1.88 GeV; raise it")
    if nuclei.source == "mv" and nuclei.ultraviolet_cutoff <= nuclei.infrared_regulator:
        raise ConfigError(
            f"nuclei.ultraviolet_cutoff = {nuclei.ultraviolet_cutoff:g} GeV: must lie above infrared_regulator = "
            f"{nuclei.infrared_regulator:g} GeV; raise it or lower the regulator"
        )
    lowest = 2 * pi * HBARC / config.lattice.transverse_length
    if nuclei.source == "mv" and nuclei.ultraviolet_cutoff < lowest:
        raise ConfigError(
            f"nuclei.ultraviolet_cutoff = {nuclei.ultraviolet_cutoff:g} GeV: is below the lowest momentum {lowest:.3g} GeV "
            "of the transverse box, no field is left; raise it or lattice.transverse_length"
        )


def _check_thickness(config: Config, derived: Derived) -> None:
    nuclei, given = config.nuclei, _given_thickness(config)
    assert config.lattice.longitudinal_length is not None
    thinnest = THINNEST[config.evolution.scheme]
    if nuclei.sigma < thinnest * derived.a_z_fm * (1 - 1e-9):
        cells = ceil(thinnest * config.lattice.longitudinal_length / nuclei.sigma)
        raise ConfigError(
            f"nuclei.{given[0]} = {getattr(nuclei, given[0]):g}: σ = {nuclei.sigma:.4g} fm is thinner than {thinnest:g} cells "
            f"of a_z = {derived.a_z_fm:.4g} fm; use at least lattice.longitudinal_cells = {cells}"
        )
    most = floor(nuclei.sigma / (thinnest * derived.a_z_fm) * (1 + 1e-9))
    if nuclei.sheets > most:
        raise ConfigError(
            f"nuclei.sheets = {nuclei.sheets}: σ/N_s = {nuclei.sigma / nuclei.sheets:.4g} fm is thinner than {thinnest:g} "
            f"cells of a_z = {derived.a_z_fm:.4g} fm; use at most {most} sheets or more lattice.longitudinal_cells"
        )
    if nuclei.correlation_length is not None and nuclei.correlation_length < thinnest * derived.a_z_fm * (1 - 1e-9):
        raise ConfigError(
            f"nuclei.correlation_length = {nuclei.correlation_length:g} fm: is shorter than {thinnest:g} cells of a_z = "
            f"{derived.a_z_fm:.4g} fm; raise it or use at least lattice.longitudinal_cells = "
            f"{ceil(thinnest * config.lattice.longitudinal_length / nuclei.correlation_length)}"
        )
    if nuclei.system == "single" and nuclei.separation is not None:
        raise ConfigError(f"nuclei.separation = {nuclei.separation:g} fm: has no meaning for a single nucleus; remove it")
    if nuclei.system == "collision" and derived.start_distance < derived.half_length * (1 - 1e-9):
        raise ConfigError(
            f"nuclei.separation = {nuclei.separation:g} fm: the nuclei overlap at the start; use at least "
            f"{2 * derived.half_length:.4g} fm or leave it out"
        )


def source_fingerprints(derived: Derived) -> dict[str, str]:
    """Dataset → fingerprint of the file that the nuclei come from; empty if they come from none.

    Raises
    ------
    FileError
        If the file cannot be used.
    """
    nuclei = derived.config.nuclei
    if nuclei.source != "file" or nuclei.path is None:
        return {}
    count = 1 if nuclei.system == "single" else 2
    return wilson_line_fingerprints(nuclei.path, count, derived.grid.shape[:2], group_named(derived.config.lattice.group))


def _check_time_step(config: Config, derived: Derived) -> None:
    if config.evolution.scheme == "leapfrog" and derived.grid.cfl >= 1:
        n = config.substeps
        enough = floor(n * derived.grid.cfl) + 1
        raise ConfigError(
            f"evolution.substeps = {n}: breaks the CFL bound of the leapfrog, a_t (Σ a_i⁻²)^½ = {derived.grid.cfl:.3f} must be "
            f"below 1; use at least {enough}"
        )


def _check_box(config: Config, derived: Derived) -> None:
    assert config.lattice.longitudinal_length is not None
    usable = config.lattice.longitudinal_length / 2 - (FROZEN_CELLS + 1) * derived.a_z_fm
    # A nucleus of a collision is at |z| = |t|; a single one flies through the middle of the box.
    single = config.nuclei.system == "single"
    furthest = derived.start_distance if single else max(derived.start_distance, config.evolution.end_time)
    need = furthest + derived.half_length
    if need > usable:
        length = 2 * (need + (FROZEN_CELLS + 1) * derived.a_z_fm)
        raise ConfigError(
            f"lattice.longitudinal_length = {config.lattice.longitudinal_length:g} fm: the box is too short for nuclei that "
            f"reach z = {need:.4g} fm; use at least {length:.4g} fm (and as many more cells) or lower evolution.end_time"
        )


def _check_times(config: Config, derived: Derived) -> None:
    end = config.evolution.end_time
    for time in config.output.snapshots:
        if not derived.start_time <= time <= end:
            raise ConfigError(
                f"output.snapshots = {time:g} fm: lies outside the run from {derived.start_time:.4g} to {end:g} fm; "
                "remove or move it"
            )
    if config.observables.interval > end - derived.start_time:
        raise ConfigError(
            f"observables.interval = {config.observables.interval:g} fm: is longer than the run of "
            f"{end - derived.start_time:.4g} fm; shorten it"
        )


def check_memory(config: Config, needed: int) -> None:
    """Refuse a run of which the `needed` bytes of arrays on this machine do not fit into its memory."""
    available = psutil.virtual_memory().available
    if needed > available:
        cells = {name: getattr(config.lattice, name) for name in ("transverse_cells", "longitudinal_cells")}
        given = {f"lattice.{name}": value for name, value in cells.items() if value is not None}
        keys, values = ", ".join(given), ", ".join(map(str, given.values()))
        raise ConfigError(
            f"{keys} = {values}: the run needs {needed / 2**30:,.4g} GiB of memory and "
            f'{available / 2**30:.3g} GiB are free; use fewer cells or run.precision = "float32"; '
            "`glasma plan CONFIG` says what it takes on which machine"
        )
