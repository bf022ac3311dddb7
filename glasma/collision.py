"""A collision in memory: the state, the scheme that moves it, and its measurements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from glasma.backend import Workers
from glasma.config import Config, load_config
from glasma.derived import Derived
from glasma.domain.slab import Slab
from glasma.lattice.fields import Fields
from glasma.lattice.milne import MilneFields
from glasma.nuclei.preparation import make_nuclei
from glasma.observables.measure import Measurement
from glasma.sanity import check_physics
from glasma.schemes import make_scheme, place


class Collision:
    """A run that one steps by hand, with arrays that one can read and change between steps.

    Parameters
    ----------
    config : Config or path of a TOML file
    overrides : strings "section.key=value"
        Applied to the file.
    fields : Fields or MilneFields, optional
        The state to go on from, instead of the nuclei at the start.
    slab : Slab, optional
        The part of the lattice that this rank holds; every rank makes a collision and steps it.

    Examples
    --------
    >>> collision = Collision("runs/quickstart.toml", "lattice.transverse_cells=16")  # doctest: +SKIP
    >>> for _ in collision:  # doctest: +SKIP
    ...     print(collision.time, collision.gauss_violation())
    """

    def __init__(
        self,
        config: Config | str | Path,
        *overrides: str,
        fields: Fields | MilneFields | None = None,
        slab: Slab | None = None,
    ) -> None:
        self.config = config if isinstance(config, Config) else load_config(config, overrides)
        # Fields that are already there need no memory any more, and their configuration was checked when they were made.
        self.derived = check_physics(self.config) if fields is None else Derived(self.config)
        backend = self.config.run.backend
        self.slab = slab
        self.scheme = make_scheme(self.config, self.derived.grid, slab, backend)
        self.fields = self.scheme.initial_state(make_nuclei(self.derived)) if fields is None else place(fields, backend)

    @property
    def U(self) -> np.ndarray:
        """Links, (3, link_reals, nx, ny, nz), at t + a_t/2; (2, link_reals, 1, nx, ny) for boost_invariant; CuPy's on a GPU."""
        return self.fields.U

    @property
    def E(self) -> np.ndarray:
        """g a_i E_i in units of a_T, (3, dim_g, nx, ny, nz), at t; see `MilneFields` for boost_invariant."""
        return self.fields.E

    @property
    def time(self) -> float:
        """t, or τ, of the electric fields in fm; 0 when the centres of the nuclei coincide."""
        return self.derived.time_at(self.fields.step)

    @property
    def finished(self) -> bool:
        """Whether the end time is reached."""
        return self.fields.step >= self.derived.last_step

    def step(self) -> None:
        """Advance by a_t."""
        self.scheme.step(self.fields)

    def __iter__(self) -> Iterator[int]:
        """Step to the end; yields the step number after each step."""
        while not self.finished:
            self.step()
            yield self.fields.step

    def measure(self) -> Measurement:
        """Energies and the energy-momentum tensor, now."""
        return self.scheme.measure(self.fields)

    def stress_tensor(self, x0: int = 0, x1: int | None = None) -> np.ndarray:
        """T^{μν} at the sites in GeV/fm³, (10, nx, ny, nz) in the order of `TENSOR`, or of planes x0 ≤ x < x1 only."""
        tensor = self.scheme.stress_tensor(self.fields, x0, x1)
        tensor *= self.derived.density_unit
        return tensor

    def gauss_violation(self) -> float:
        """max |Gauss| / max |ρ|"""
        return self.scheme.gauss_residual(self.fields).max_rel

    def unitarity_violation(self) -> float:
        """max |U†U − 1|"""
        return self.scheme.unitarity_violation(self.fields)

    def energy(self) -> float:
        """Energy of the fields in GeV; per unit of rapidity for boost_invariant."""
        return self.scheme.energy(self.fields) * self.derived.energy_unit

    @property
    def workers(self) -> Workers:
        """The threads that the scheme runs on."""
        return self.scheme.workers
