"""Rotations and reflections of the lattice: the hyper-octahedral group of D axes, and how links and sites transform."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product

import torch
from torch import Tensor

from surrogate.lattice import shift


@dataclass(frozen=True)
class Rotation:
    """x → Rx with (Rx)_{axes[μ]} = signs[μ] x_μ: it takes direction μ to signs[μ] times direction axes[μ].

    Attributes
    ----------
    axes : tuple of int
        A permutation of the D lattice axes.
    signs : tuple of int
        1 or −1 for each.
    """

    axes: tuple[int, ...]
    signs: tuple[int, ...]

    @property
    def determinant(self) -> int:
        """1 for rotations, −1 for reflections."""
        inversions = sum(a > b for i, b in enumerate(self.axes) for a in self.axes[:i])
        sign = -1 if inversions % 2 else 1
        for factor in self.signs:
            sign *= factor
        return sign

    def direction(self, direction: tuple[int, int]) -> tuple[int, int]:
        """Where it takes the direction (axis, sign)."""
        axis, sign = direction
        return self.axes[axis], sign * self.signs[axis]


def point_group(dimensions: int) -> list[Rotation]:
    """All D! 2^D elements; the identity is the first."""
    return [Rotation(axes, signs) for axes in permutations(range(dimensions)) for signs in product((1, -1), repeat=dimensions)]


def generators(dimensions: int) -> list[Rotation]:
    """Reflections that make up the whole group: exchanges of neighbouring axes, and axis 0 turned round."""
    axes, signs = tuple(range(dimensions)), (1,) * dimensions
    exchanges = [Rotation((*axes[:i], i + 1, i, *axes[i + 2 :]), signs) for i in range(dimensions - 1)]
    return [*exchanges, Rotation(axes, (-1, *signs[1:]))]


def rotate_sites(field: Tensor, rotation: Rotation, trailing: int = 2) -> Tensor:
    """The field f'(Rx) = f(x); the origin stays.

    Parameters
    ----------
    field : (..., *lattice, *trailing axes)
    rotation : Rotation
    trailing : int
        Axes behind those of the lattice: 2 for matrices, 0 for numbers.
    """
    D = len(rotation.axes)
    first = field.ndim - trailing - D
    order = list(range(field.ndim))
    for axis, target in enumerate(rotation.axes):
        order[first + target] = first + axis
    field = field.permute(order)
    for axis, sign in enumerate(rotation.signs):
        if sign < 0:
            dim = first + rotation.axes[axis]
            field = torch.roll(field.flip(dim), 1, dim)
    return field


def rotate_links(U: Tensor, rotation: Rotation) -> Tensor:
    """Links of the rotated configuration: U'_{Rx,Rμ} = U_{x,μ}, where U_{x,−μ} = U†_{x−μ,μ}."""
    D = U.shape[1]
    rotated: list[Tensor | None] = [None] * D
    for axis, (target, sign) in enumerate(zip(rotation.axes, rotation.signs, strict=True)):
        link = rotate_sites(U[:, axis], rotation)
        rotated[target] = link if sign > 0 else shift(link, target, 1, D).mH
    return torch.stack([link for link in rotated if link is not None], dim=1)
