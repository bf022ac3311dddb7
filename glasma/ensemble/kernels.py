"""The kernels of an ensemble, compiled by one process before the events begin.

Events load them from the disk then: several processes that compile the same kernels at once would take as many times as long.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from glasma.config import Config, config_from_dict
from glasma.derived import Derived
from glasma.errors import GlasmaError
from glasma.nuclei.preparation import make_nuclei
from glasma.schemes import make_scheme

#: Transverse sites on which kernels are compiled, along x and along y.
_FEW_CELLS = 8


def kind_of_kernels(config: Config) -> tuple[str, ...]:
    """What the kernels of a configuration depend on."""
    return (
        config.lattice.group,
        config.run.precision,
        config.evolution.scheme,
        config.nuclei.system,
        config.nuclei.source,
    )


def compile_kernels(values: dict[str, Any]) -> None:
    """Call every kernel that an event of a configuration needs, on a few transverse sites."""
    if values["nuclei"]["source"] == "mv":
        lattice = config_from_dict(values).lattice
        cells = min(_FEW_CELLS, lattice.transverse_cells)
        length = lattice.transverse_length * cells / lattice.transverse_cells
        values["lattice"] |= {"transverse_cells": cells, "transverse_length": f"{length!r} fm"}
    config = config_from_dict(values)
    with suppress(GlasmaError):  # so few sites may be too few for the physics, which the events have
        derived = Derived(config)
        scheme = make_scheme(config, derived.grid)
        fields = scheme.initial_state(make_nuclei(derived))
        for _ in range(2):
            scheme.measure(fields)
            scheme.gauss_residual(fields)
            scheme.unitarity_violation(fields)
            scheme.energy(fields)
            scheme.stress_tensor(fields)
            scheme.step(fields)
