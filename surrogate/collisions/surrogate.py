"""A coarse lattice in 3+1D that evolves a collision as the fine one does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import nn

from glasma.backend import Workers
from glasma.evolution.improved_action import LaboratoryAction
from glasma.evolution.improved_leapfrog import ImprovedLeapfrog
from glasma.group import group_named
from glasma.lattice.grid import Grid
from surrogate.actions.field_strength import FieldStrengthAction
from surrogate.errors import LayerError
from surrogate.groups import as_group
from surrogate.observables.slab_energies import SlabEnergies
from surrogate.plain_config import PlainConfig

#: Pairs of field strengths apart in the transverse plane.  Along z the lattice is much finer, and the Glasma smooth: the
#: coefficients of pairs apart along z would not be determined.
FITTED = (
    "plaquette.xy", "square.xy", "diagonal.xy", "adjacent.xyt", "straight2.xyt", "straight3.xyt", "straight4.xyt",
    "plaquette.z", "adjacent.zt", "straight2.zt", "straight3.zt", "straight4.zt",
    "across1.zt", "across2.zt", "across3.zt", "across4.zt",
)  # fmt: skip


@dataclass(frozen=True)
class CollisionConfig(PlainConfig):
    """What a surrogate for collisions is made of.

    Attributes
    ----------
    group : str
    blocking : int
        b
    substeps : int
        n in a_t = a_z/n of the coarse lattice.
    anisotropy : float
        a_z/a_T
    terms : tuple of str
        Of the action (`surrogate.actions.field_strength`).
    """

    KIND: ClassVar[str] = "a surrogate for collisions"

    group: str = "SU(2)"
    blocking: int = 2
    substeps: int = 2
    anisotropy: float = 1.0
    terms: tuple[str, ...] = FITTED

    @property
    def dimensions(self) -> int:
        """D."""
        return 3

    @property
    def step(self) -> float:
        """a_t, units of the coarse a_T."""
        return self.anisotropy / self.substeps


class CollisionSurrogate(nn.Module):
    """The leapfrog of a fitted action with colour charges, and the energies of the fine lattice at mid-rapidity.

    It runs as a compiled scheme of the engine, from nuclei: see `surrogate.collisions.run`.

    Parameters
    ----------
    config : CollisionConfig

    Attributes
    ----------
    pairs : FieldStrengthAction
        Wilson's to begin with.
    energies : SlabEnergies
    card : dict
        What `load_model` found beside the weights.
    """

    def __init__(self, config: CollisionConfig | None = None, **values: Any) -> None:
        super().__init__()
        self.config = config or CollisionConfig.from_dict(values)
        self.card: dict[str, Any] = {}
        group = as_group(self.config.group)
        self.pairs = FieldStrengthAction(group, 3, terms=list(self.config.terms), anisotropy=self.config.anisotropy)
        self.energies = SlabEnergies(group, self.config.anisotropy, self.config.step)

    def scheme(self, grid: Grid, workers: Workers | None = None) -> ImprovedLeapfrog:
        """The scheme of the engine on a coarse grid.

        Raises
        ------
        LayerError
            If the step is beyond the bound of stability of the action.
        ConfigError
            If the action does not give waves.
        """
        action = LaboratoryAction(self.pairs.values())
        try:
            return ImprovedLeapfrog(grid, group_named(self.config.group), action, np.float64, workers)
        except ValueError as error:
            raise LayerError(f"a surrogate for collisions: {error}") from None
