"""Gauge transformations of a collision in the engine: links, electric fields and colour charges."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from glasma.lattice.fields import Fields
from surrogate.engine_fields import algebra_from_tensor, algebra_to_tensor, links_from_tensor, links_to_tensor
from surrogate.lattice import transform_links


def transform_collision(fields: Fields, Omega: Tensor) -> None:
    """U → Ω_x U Ω†_{x+i}, E → Ω_x E Ω†_x, q → Ω_x q Ω†_x with the cells that the charges are in, in place.

    Parameters
    ----------
    fields : Fields
    Omega : (nx, ny, nz, N, N) complex
        The active region has to be all of the box where Ω is not 1, or the links outside it stay as they are.
    """
    group = fields.group
    fields.U[...] = links_from_tensor(transform_links(links_to_tensor(fields.U, group), Omega[None]), group)
    for i in range(3):
        fields.E[i] = algebra_from_tensor(Omega @ algebra_to_tensor(fields.E[i], group) @ Omega.mH, group)
    for charges in fields.charges:
        for slot in range(charges.slots):
            first = charges.first_cell(slot)
            turn = Omega[:, :, first : first + charges.cells]
            q = algebra_to_tensor(charges.q[slot], group)
            charges.q[slot] = np.asarray(algebra_from_tensor(turn @ q @ turn.mH, group))
