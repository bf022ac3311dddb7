"""The configuration of a run: one TOML file, checked against this schema before any work is done.

Quantities with a dimension are strings with a unit, "0.5 fm" or "0.2 GeV" (see `glasma.units`).  Every default is stated
here and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, field_validator

from glasma.sections import Section, checked, read_toml
from glasma.units import NUCLEON_MASS, energy_gev, length_fm

Length = Annotated[float, BeforeValidator(length_fm), PlainSerializer(lambda v: f"{v!r} fm", return_type=str)]
Energy = Annotated[float, BeforeValidator(energy_gev), PlainSerializer(lambda v: f"{v!r} GeV", return_type=str)]


class Run(Section):
    """What the run is called and how it is computed."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="letters, digits, dots, dashes; names the output directory"
    )
    seed: int = Field(ge=0, description="seed of the colour charges; both nuclei draw from it")
    backend: Literal["cpu", "cuda"] = Field(default="cpu", description="where the fields live and move; cuda: see gpu.md")
    threads: int = Field(default=0, ge=0, description="CPU threads; 0 takes all cores, or of each rank its share")
    precision: Literal["float64", "float32"] = Field(default="float64", description="of the fields; sums are float64 always")
    links: Literal["whole", "two_rows"] = Field(
        default="whole", description="how links are stored; two_rows: 12 reals for 18 in SU(3), less memory for more arithmetic"
    )


class Lattice(Section):
    """The box: periodic in the transverse plane, with frozen ends along the beam."""

    group: Literal["SU(2)", "SU(3)"] = Field(default="SU(2)", description="the gauge group")
    transverse_cells: int = Field(ge=4, description="sites along x and along y")
    transverse_length: Length = Field(gt=0, description="extent along x and along y")
    longitudinal_cells: int | None = Field(default=None, ge=16, description="sites along z; not used by boost_invariant")
    longitudinal_length: Length | None = Field(
        default=None, gt=0, description="extent along z; must hold the nuclei to the end; not used by boost_invariant"
    )


class Nuclei(Section):
    """Nuclei of the McLerran–Venugopalan model or from a file, stretched to a Gaussian along the beam (see nuclei.md)."""

    system: Literal["collision", "single"] = Field(default="collision", description="two nuclei, or the right-mover alone")
    source: Literal["mv", "file"] = Field(
        default="mv", description="the McLerran–Venugopalan model, or a file with Wilson lines"
    )
    path: str | None = Field(
        default=None, min_length=1, description='the HDF5 file of source = "file"; relative to the working directory'
    )
    coupling: float = Field(default=2.0, gt=0, description="g; enters only the units of results, as 1/g²")
    g2mu: Energy | None = Field(default=None, gt=0, description="g²μ, the width of the colour charge distribution; mv only")
    infrared_regulator: Energy = Field(default=0.2, ge=0, description="m in 1/(k² + m²); 0 removes the total charge")
    ultraviolet_cutoff: Energy = Field(default=10.0, gt=0, description="Λ: no charges at higher transverse momentum")
    sheets: int = Field(default=1, ge=1, description="N_s independent colour sheets, one behind the other")
    correlation_length: Length | None = Field(
        default=None, gt=0, description="ξ of the colour along the beam; default: the same colour at every depth"
    )
    sqrt_s_nn: Energy | None = Field(default=None, gt=0, description="√s_NN = 2 m_N γ; give this or gamma")
    gamma: float | None = Field(default=None, gt=1, description="Lorentz factor γ; give this or sqrt_s_nn")
    radius: Length = Field(default=7.0, gt=0, description="R; the Gaussian has σ = R/(2γ), so 2R/γ is 4σ")
    width: Length | None = Field(default=None, gt=0, description="σ itself, instead of R/(2γ)")
    separation: Length | None = Field(
        default=None, gt=0, description="distance of the centres at the start; default: just apart"
    )
    profile_cutoff: float = Field(default=6.0, ge=3.0, le=9.0, description="the charges end at this many σ")

    @field_validator("path")
    @classmethod
    def _with_directory(cls, path: str | None) -> str | None:
        # A run that is resumed from another working directory means the same file.
        return path and os.path.abspath(path)

    @property
    def lorentz_factor(self) -> float | None:
        """γ, from itself, √s_NN or the width."""
        if self.gamma is not None:
            return self.gamma
        if self.sqrt_s_nn is not None:
            return self.sqrt_s_nn / (2 * NUCLEON_MASS)
        return self.radius / (2 * self.width) if self.width is not None else None

    @property
    def sigma(self) -> float:
        """σ of the longitudinal Gaussian in fm."""
        if self.width is not None:
            return self.width
        assert self.lorentz_factor is not None
        return self.radius / (2 * self.lorentz_factor)


class Evolution(Section):
    """The discretisation in time."""

    scheme: Literal["leapfrog", "semi_implicit", "boost_invariant"] = Field(
        default="leapfrog",
        description="the discretised equations of motion; semi_implicit has no dispersion along the beam, boost_invariant is "
        "the limit of infinitely thin nuclei in 2+1D",
    )
    substeps: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="n in a_t = a_z/n; default: 2 for the leapfrog, 1 for semi_implicit; boost_invariant: 8 in Δτ = a_T/n",
    )
    end_time: Length = Field(
        gt=0, description="t at the end, or τ for boost_invariant; t = 0 is when the centres of the nuclei coincide"
    )
    region: Literal["active", "whole"] = Field(default="active", description="planes that are evolved")
    tolerance: float | None = Field(
        default=None,
        gt=0,
        le=0.01,
        description="semi_implicit: residual at which a step is solved, relative to the largest momentum; "
        "default: 1e-10 or 1e-5 (float32)",
    )
    max_iterations: int = Field(default=50, ge=1, description="semi_implicit: a step that needs more iterations stops the run")


class Observables(Section):
    """What is measured while the run goes on."""

    interval: Length = Field(default=0.02, gt=0, description="time between measurements")


class Output(Section):
    """What is written."""

    snapshots: list[Length] = Field(default_factory=list, description="times t of full snapshots; start and end are added")
    snapshot_fields: bool = Field(default=True, description="links, electric fields and charges in snapshots")
    snapshot_tensor: bool = Field(default=True, description="the energy-momentum tensor in snapshots")
    compression: int = Field(default=1, ge=0, le=9, description="gzip level of snapshots; 0 for none")
    checkpoint_interval: Length | None = Field(default=None, gt=0, description="time between checkpoints; default: a quarter")
    checkpoint_minutes: float = Field(default=10.0, gt=0, description="wall-clock minutes between checkpoints at most")


class Tolerances(Section):
    """Limits beyond which a run stops and `glasma check` fails; null takes the default of the precision."""

    gauss: float | None = Field(
        default=None,
        gt=0,
        description="max |Gauss| / max |ρ|; 1e-12 or 1e-4 (float32), for semi_implicit at least 10 evolution.tolerance",
    )
    unitarity: float | None = Field(default=None, gt=0, description="max |U†U − 1|; 1e-12 or 1e-4 (float32)")
    energy_balance: float = Field(default=0.02, gt=0, description="|ΔE + ∫J·E| / E")


#: Default of `evolution.substeps`.
_SUBSTEPS = {"leapfrog": 2, "semi_implicit": 1, "boost_invariant": 8}


class Config(Section):
    """A complete run."""

    run: Run
    lattice: Lattice
    nuclei: Nuclei
    evolution: Evolution
    observables: Observables = Observables()
    output: Output = Output()
    tolerances: Tolerances = Tolerances()

    @property
    def is_boost_invariant(self) -> bool:
        """Whether the run is in 2+1D, in proper time."""
        return self.evolution.scheme == "boost_invariant"

    @property
    def substeps(self) -> int:
        """n in a_t = a_z/n or Δτ = a_T/n."""
        return self.evolution.substeps or _SUBSTEPS[self.evolution.scheme]

    @property
    def iteration_tolerance(self) -> float:
        """Relative residual at which a step of an implicit scheme is solved."""
        return self.evolution.tolerance or (1e-10 if self.run.precision == "float64" else 1e-5)

    @property
    def gauss_tolerance(self) -> float:
        """Limit of max |Gauss| / max |ρ|; an implicit scheme keeps the constraint to the tolerance of its iteration."""
        default = 1e-12 if self.run.precision == "float64" else 1e-4
        if self.evolution.scheme == "semi_implicit":
            # The residuals of neighbouring links and of many steps add up.
            default = max(default, 10 * self.iteration_tolerance)
        return self.tolerances.gauss or default

    @property
    def unitarity_tolerance(self) -> float:
        """Limit of max |U†U − 1|."""
        return self.tolerances.unitarity or (1e-12 if self.run.precision == "float64" else 1e-4)

    def on_backend(self, backend: str) -> Config:
        """The same run on another backend, "cpu" or "cuda"."""
        return self.model_copy(update={"run": self.run.model_copy(update={"backend": backend})})

    def as_dict(self) -> dict[str, Any]:
        """The configuration as plain values with units, from which `Config` can be made again."""
        return self.model_dump(mode="json", exclude_none=True)


def load_config(path: str | Path, overrides: Iterable[str] = ()) -> Config:
    """Read and check a TOML file.

    Parameters
    ----------
    path : path of the file
    overrides : strings "section.key=value"
        Replace what the file says; the value is written as in TOML, quotes may be left out.

    Raises
    ------
    FileError
        If the file cannot be read.
    ConfigError
        If it is not valid TOML or does not fit the schema.
    """
    return config_from_dict(read_toml(path, overrides))


def config_from_dict(data: dict[str, Any]) -> Config:
    """Check plain values against the schema.

    Raises
    ------
    ConfigError
        With one line that names the first field at fault, its value and the remedy.
    """
    return checked(Config, data)
