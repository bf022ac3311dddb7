"""The gauge groups: each module gives the same functions on tuples of reals, and is the only place that knows N_c.

Matrices, for what runs once (initial conditions, gauge transformations, tests), are complex arrays (..., N_c, N_c);
`link_from_matrix` and `link_to_matrix` go between the two forms.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from glasma.group import su2, su3, su3_two_rows

GROUPS: dict[str, ModuleType] = {su2.NAME: su2, su3.NAME: su3}


#: How links lie in memory: all their reals, or, in SU(3), the first two rows.
_STORED: dict[str, ModuleType] = GROUPS | {su3_two_rows.NAME: su3_two_rows}


def group_named(name: str, links: str = "whole") -> ModuleType:
    """The group module of a name such as "SU(2)", and of how links are stored, "whole" or "two_rows".

    The name of a module, such as "SU(3), two rows", stands for both.

    Raises
    ------
    KeyError
        If there is none.
    """
    return _STORED[name if links == "whole" else f"{name}, {links.replace('_', ' ')}"]


def dagger(matrices: np.ndarray) -> np.ndarray:
    """M† of matrices (..., N_c, N_c)."""
    return np.conj(np.swapaxes(matrices, -1, -2))
