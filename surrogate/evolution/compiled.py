"""A trained action as a compiled scheme of the engine: the same steps without automatic differentiation.

Field strength actions run so; what an L-CNN adds does not, and its surrogate runs in torch.  The two agree to rounding
(tests/surrogate/evolution/test_compiled.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from glasma.backend import Workers
from glasma.evolution.improved_action import TransverseAction
from glasma.evolution.improved_boost_invariant import ImprovedBoostInvariant
from glasma.group import group_named
from glasma.lattice.grid import Grid
from surrogate.engine_fields import empty_milne_fields, state_from_engine, state_to_engine
from surrogate.errors import LayerError
from surrogate.evolution.leapfrog import FieldState
from surrogate.evolution.own import Evolution
from surrogate.evolution.surrogate import EvolutionSurrogate


def can_be_compiled(surrogate: Evolution) -> TypeGuard[EvolutionSurrogate]:
    """Whether the action is one of field strengths alone."""
    return isinstance(surrogate, EvolutionSurrogate) and surrogate.network is None


def compiled_scheme(
    surrogate: EvolutionSurrogate, lattice: tuple[int, int], workers: Workers | None = None, spacing_fm: float = 1.0
) -> ImprovedBoostInvariant:
    """The scheme with the coefficients of the surrogate.

    Parameters
    ----------
    surrogate : EvolutionSurrogate
    lattice : (nx, ny)
        Coarse sites.
    workers : Workers, optional
    spacing_fm : float
        Coarse a_T in fm; only for results in physical units.

    Raises
    ------
    LayerError
        If the action has an L-CNN.
    """
    if not can_be_compiled(surrogate):
        raise LayerError("only a surrogate of field strengths runs as a compiled scheme; use torch")
    grid = Grid((*lattice, 1), spacing_fm, 1.0, surrogate.config.substeps)
    action = TransverseAction.from_dict(surrogate.pairs.values())
    group, expansion = group_named(surrogate.config.group), surrogate.config.frame
    return ImprovedBoostInvariant(grid, group, action, workers=workers, expansion=expansion)


def compiled_run(surrogate: EvolutionSurrogate, state: FieldState, steps: int) -> Iterator[FieldState]:
    """The states after each of `steps` steps from one of a single configuration."""
    nx, ny = state.U.shape[2:4]
    scheme = compiled_scheme(surrogate, (nx, ny))
    fields = empty_milne_fields(scheme.grid, scheme.group, surrogate.config.frame)
    state_to_engine(state, fields)
    for _ in range(steps):
        scheme.step(fields)
        yield state_from_engine(fields)
