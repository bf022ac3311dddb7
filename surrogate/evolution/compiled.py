"""A trained action as a compiled scheme of the engine: the same steps without automatic differentiation.

Field strength actions run so; what an L-CNN adds does not, and its surrogate runs in torch.  The two agree to rounding
(tests/surrogate/evolution/test_compiled.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from glasma.backend import Workers
from glasma.evolution.improved_action import TransverseAction
from glasma.evolution.improved_boost_invariant import ImprovedBoostInvariant
from glasma.group import group_named
from glasma.lattice.grid import Grid
from surrogate.engine_fields import algebra_from_tensor, links_from_tensor, state_from_engine
from surrogate.errors import LayerError
from surrogate.evolution.leapfrog import FieldState
from surrogate.evolution.surrogate import EvolutionSurrogate


def can_be_compiled(surrogate: EvolutionSurrogate) -> bool:
    """Whether the action is one of field strengths alone, in the frame of an expanding system."""
    return surrogate.network is None and surrogate.config.frame == "milne"


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
        raise LayerError("only a surrogate of field strengths in the frame milne runs as a compiled scheme; use torch")
    grid = Grid((*lattice, 1), spacing_fm, 1.0, surrogate.config.substeps)
    action = TransverseAction.from_dict(surrogate.pairs.values())
    return ImprovedBoostInvariant(grid, group_named(surrogate.config.group), action, workers=workers)


def compiled_run(surrogate: EvolutionSurrogate, U: Tensor, longitudinal: Tensor, steps: int) -> Iterator[FieldState]:
    """States at Δτ, 2 Δτ, … from U (1, 2, *lattice, N, N) and E_L (1, *lattice, N, N) at τ = 0+."""
    nx, ny = U.shape[2:4]
    scheme = compiled_scheme(surrogate, (nx, ny))
    fields = scheme.start(links_from_tensor(U, scheme.group), algebra_from_tensor(longitudinal[0], scheme.group))
    yield state_from_engine(fields)
    for _ in range(steps - 1):
        scheme.step(fields)
        yield state_from_engine(fields)
