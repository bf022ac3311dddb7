"""What a run takes: wall time and memory of the solver on the fine lattice and of the coarse schemes, side by side."""

from __future__ import annotations

import time
from dataclasses import dataclass

from torch import Tensor

from glasma.backend import Workers
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.group import group_named
from glasma.lattice.grid import Grid
from surrogate.comparison.contenders import Contender
from surrogate.engine_fields import algebra_from_tensor, links_from_tensor
from surrogate.evolution.compiled import can_be_compiled, compiled_scheme

#: Repetitions; the best counts.
_REPETITIONS = 5


@dataclass(frozen=True)
class Cost:
    """One scheme over the whole time of the dataset.

    Attributes
    ----------
    name : str
    sites : int
    steps : int
    seconds : float
        Wall time of all steps.
    bytes : int
        Of the fields.
    """

    name: str
    sites: int
    steps: int
    seconds: float
    bytes: int


def costs(
    schemes: list[Contender], U: Tensor, longitudinal: Tensor, coarse_time: float, fine_substeps: int, workers: Workers
) -> list[Cost]:
    """The costs of the compiled schemes from a coarse initial state, and of the solver on a lattice of half the spacing.

    Parameters
    ----------
    U : (1, 2, *lattice, N, N) complex
    longitudinal : (1, *lattice, N, N) complex
    coarse_time : float
        τ at the end, units of the coarse a_T.
    fine_substeps : int
        n in Δτ = a_T/n of the fine run.
    """
    nx, ny = U.shape[2:4]
    group = group_named(schemes[0].model.config.group)
    links, field = links_from_tensor(U, group), algebra_from_tensor(longitudinal[0], group)
    found = []
    fine_links, fine_field = links.repeat(2, axis=2).repeat(2, axis=3), field.repeat(2, axis=1).repeat(2, axis=2) / 4
    for substeps in sorted({fine_substeps, 2}, reverse=True):
        fine = BoostInvariant(Grid((2 * nx, 2 * ny, 1), substeps=substeps), group, workers=workers)
        name = f"solver, fine, Δτ = a/{substeps}"
        found.append(_timed(name, fine, fine_links, fine_field, round(2 * coarse_time * substeps)))
    for scheme in schemes:
        model = scheme.model
        if can_be_compiled(model):
            steps = round(coarse_time * model.config.substeps)
            compiled = compiled_scheme(model, (nx, ny), workers)
            found.append(_timed(f"{scheme.name}, coarse", compiled, links, field, steps))
    plain = BoostInvariant(Grid((nx, ny, 1), substeps=schemes[0].model.config.substeps), group, workers=workers)
    steps = round(coarse_time * plain.grid.substeps)
    found.append(_timed("solver, coarse", plain, links, field, steps))
    return found


def _timed(name: str, scheme: BoostInvariant, links: object, field: object, steps: int) -> Cost:
    fields = scheme.start(links, field)  # type: ignore[arg-type]
    scheme.step(fields)
    best = float("inf")
    timed = max(4, steps // 8)
    for _ in range(_REPETITIONS):
        began = time.perf_counter()
        for _ in range(timed):
            scheme.step(fields)
        best = min(best, (time.perf_counter() - began) / timed)
    nx, ny, _ = scheme.grid.shape
    return Cost(name, nx * ny, steps, best * steps, fields.nbytes)
