"""What a coarse surrogate of a run would take: the same box on a lattice b times coarser, with an improved action."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from glasma.derived import Derived
from glasma.planning.cost import RunCost
from glasma.planning.machine import Machine

#: Cost of a step of the improved scheme over that of the leapfrog, by group and dimension of the lattice, as measured on the
#: largest lattices (benchmarks/improved_action.py, docs/improved_action.md).
COST_RATIO = {("SU(2)", 2): 8.5, ("SU(2)", 3): 23.0, ("SU(3)", 2): 10.0, ("SU(3)", 3): 12.0}
#: Numbers per site in the arrays that the improved scheme needs beside the fields.
WORKSPACE = {("SU(2)", 2): 62, ("SU(2)", 3): 119, ("SU(3)", 2): 185, ("SU(3)", 3): 357}


@dataclass(frozen=True)
class CoarseCost:
    """What the surrogate at one b takes.

    Attributes
    ----------
    b : int
    field_bytes, memory_bytes : float
        Of links and momenta, 1/b³ of those of the run (1/b² in 2+1D); of them and of the scheme's workspace.
    core_seconds, gpu_seconds : float
        Of the steps: 1/b⁴ of those of the leapfrog (1/b³ of the plain scheme in 2+1D), times the ratio of the schemes.
    nodes : int
        Of the machine, to hold it.
    gain : float
        Core seconds of the steps of the run over those of the surrogate; below 1 it costs more.
    """

    b: int
    field_bytes: float
    memory_bytes: float
    core_seconds: float
    gpu_seconds: float | None
    nodes: int
    gain: float


def coarse_cost(derived: Derived, cost: RunCost, machine: Machine, b: int) -> CoarseCost:
    """The cost of the surrogate at a blocking b, from that of the run."""
    config = derived.config
    dimensions = 2 if config.is_boost_invariant else 3
    kind = config.lattice.group, dimensions
    sites = derived.grid.sites / b**dimensions
    fields = cost.field_bytes / b**dimensions
    memory = fields + WORKSPACE[kind] * sites * derived.dtype.itemsize
    steps = b ** (dimensions + 1) / COST_RATIO[kind]
    seconds = cost.plain_seconds / steps
    return CoarseCost(
        b, fields, memory, seconds, cost.gpu_seconds and cost.gpu_seconds / steps,
        ceil(memory / (machine.memory_per_node_GiB * 2**30)), cost.phases["evolution"] / seconds,
    )  # fmt: skip
