"""The gauge groups: each module gives the same functions on tuples of reals, and is the only place that knows N_c.

Matrices, for what runs once (initial conditions, gauge transformations, tests), are complex arrays (..., N_c, N_c);
`link_from_matrix` and `link_to_matrix` go between the two forms.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from glasma.group import su2, su3

GROUPS: dict[str, ModuleType] = {su2.NAME: su2, su3.NAME: su3}


def group_named(name: str) -> ModuleType:
    """The group module of a name such as "SU(2)"."""
    return GROUPS[name]


def dagger(matrices: np.ndarray) -> np.ndarray:
    """M† of matrices (..., N_c, N_c)."""
    return np.conj(np.swapaxes(matrices, -1, -2))
