"""The derived quantities of a run in words, for `--dry-run` and the report."""

from __future__ import annotations

from math import pi

from glasma.derived import Derived
from glasma.units import HBARC


def summary(derived: Derived) -> dict[str, str]:
    """Name → value with its unit."""
    config, grid = derived.config, derived.grid
    nx, ny, nz = grid.shape
    a_t, a_z, dt = grid.spacing_fm, derived.a_z_fm, grid.time_step_fm
    nuclei = config.nuclei
    gamma = nuclei.lorentz_factor
    rows = {
        "lattice": f"{nx} × {ny} × {nz} sites, {config.lattice.group}, {config.run.precision}",
        "scheme": config.evolution.scheme,
        "transverse spacing a_T": _length(a_t),
    }
    if config.is_boost_invariant:
        rows["time step Δτ"] = f"{_length(dt)} = a_T/{grid.substeps}"
    else:
        stable = f"; CFL number {grid.cfl:.3f} (< 1)" if config.evolution.scheme == "leapfrog" else ""
        rows |= {
            "longitudinal spacing a_z": f"{_length(a_z)} = {grid.anisotropy:.4g} a_T",
            "time step a_t": f"{_length(dt)} = a_z/{grid.substeps}{stable}",
            "Lorentz factor γ": f"{gamma:.4g}" if gamma else "set by the width",
            "width σ": f"{_length(nuclei.sigma)} = {nuclei.sigma / a_z:.3g} a_z",
        }
    return {
        **rows,
        **_source(derived),
        "time": f"from {derived.start_time:+.4f} to {config.evolution.end_time:+.4f} fm/c",
        "steps": f"{derived.last_step - derived.first_step}, a measurement every {derived.measure_every}",
        "memory": f"{derived.memory_bytes / 2**20:.0f} MiB, of which fields {derived.field_bytes / 2**20:.0f} MiB",
    }


def _source(derived: Derived) -> dict[str, str]:
    """What the nuclei are made of."""
    nuclei = derived.config.nuclei
    if nuclei.g2mu is None:
        return {"Wilson lines": f"from {nuclei.path}"}
    nx, edge = derived.grid.shape[0], pi * HBARC / derived.grid.spacing_fm
    if nuclei.correlation_length is not None:
        along = (
            f"correlation length {_length(nuclei.correlation_length)} = {nuclei.correlation_length / derived.a_z_fm:.3g} a_z"
        )
    else:
        along = "coherent" if nuclei.sheets == 1 else f"{nuclei.sheets} independent sheets"
    return {
        "g²μ": f"{nuclei.g2mu:g} GeV; g²μ a_T = {derived.g2mu_lattice:.4g}, g²μ L = {derived.g2mu_lattice * nx:.4g}",
        "m, Λ": f"{nuclei.infrared_regulator:g} GeV, {nuclei.ultraviolet_cutoff:g} GeV (lattice: π/a_T = {edge:.3g} GeV)",
        "colour along the beam": along,
    }


def _length(fm: float) -> str:
    return f"{fm:.5g} fm = {fm / HBARC:.4g} GeV⁻¹"
