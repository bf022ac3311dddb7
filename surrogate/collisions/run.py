"""A collision on a lattice of the engine, looked at in the slab at mid-rapidity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.fields import Fields
from glasma.lattice.storage import on_host
from glasma.nuclei.nucleus import Nucleus
from surrogate.blocking import block_links
from surrogate.engine_fields import algebra_to_tensor, links_to_tensor


@dataclass(frozen=True)
class SlabState:
    """The fields of the stored planes.

    Attributes
    ----------
    number : int
        Steps since the start; links are at number · a_t, momenta half a step before.
    U, E : (1, 3, nx, ny, planes, N, N) complex
    """

    number: int
    U: Tensor
    E: Tensor


def slab_state(fields: Fields, planes: slice) -> SlabState:
    """The fields of some planes."""
    U = links_to_tensor(fields.U[..., planes], fields.group)
    E = torch.stack([algebra_to_tensor(component, fields.group) for component in fields.E[..., planes]])[None]
    return SlabState(fields.step, U, E)


def blocked_links(fields: Fields, planes: slice, factor: int) -> Tensor:
    """Products of the links of some fine planes, (1, 3, nx/b, ny/b, planes/b, N, N)."""
    return block_links(links_to_tensor(on_host(fields.U[..., planes]), fields.group), factor)


def energy_row(step: int, first: int, within: int) -> int | None:
    """The row, that between the coarse times first + row and the next, to which the energies of a fine step belong.

    Those of fine step s are at s − ½, the middle of the row at (first + row + ½) `within` in fine steps, `within` of which make
    a coarse one; if that is even, the two fine half steps around it belong to the row.  None: it belongs to no row.
    """
    row, distance = divmod(2 * step - 1 - 2 * within * first, 2 * within)
    return row if row >= 0 and abs(distance - within) <= 1 else None


def run_collision(scheme: Leapfrog, nuclei: Sequence[Nucleus], last: int) -> Iterator[Fields]:
    """The fields of a collision from its initial state on, the same object after every step, to step `last`."""
    fields = scheme.initial_state(nuclei)
    yield fields
    while fields.step < last:
        scheme.step(fields)
        yield fields
