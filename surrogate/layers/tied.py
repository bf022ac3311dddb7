"""Layers whose weights are tied under rotations and reflections of the lattice; objects that carry directions.

A network of them is equivariant under the whole hyper-octahedral group (Aronsson, Müller and Schuh, arXiv:2303.11448).
Objects have labels: a copy number and a list of directions (axis, sign).  A rotation R takes the object with directions
d at x to that with directions Rd at Rx.  A weight of L-CB joins an output, an object on the left, and an object on the
right with its displacement; it is the same for all triples that rotations take into each other.
"""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import torch
from torch import Tensor, nn

from surrogate.errors import LayerError
from surrogate.groups import Group
from surrogate.lattice import shift
from surrogate.layers.lcb import LCB
from surrogate.layers.loops import Loops
from surrogate.layers.weights import as_weight
from surrogate.point_group import Rotation, generators, rotate_sites

Direction = tuple[int, int]
Label = tuple[int, tuple[Direction, ...]]


def directions(dimensions: int) -> list[Direction]:
    """The 2 D directions (axis, sign)."""
    return list(product(range(dimensions), (1, -1)))


def labels(dimensions: int, copies: int, rank: int) -> list[Label]:
    """Labels of `copies` objects without direction (rank 0), or with one direction each (rank 1).

    Raises
    ------
    LayerError
        For another rank.
    """
    if rank not in (0, 1):
        raise LayerError(f"rank = {rank}: objects have no direction (0) or one (1)")
    carried = [()] if rank == 0 else [(d,) for d in directions(dimensions)]
    return [(copy, d) for copy in range(copies) for d in carried]


def leaf_labels(dimensions: int) -> list[Label]:
    """Labels of the plaquettes of `PlaqLeaves`."""
    pairs = permutations(directions(dimensions), 2)
    return [(0, (a, b)) for a, b in pairs if a[0] != b[0]]


def permutation(of: list[Label], rotation: Rotation) -> list[int]:
    """Where a rotation takes each label.

    Raises
    ------
    LayerError
        If it takes one out of the list.
    """
    place = {label: index for index, label in enumerate(of)}
    try:
        return [place[copy, tuple(rotation.direction(d) for d in carried)] for copy, carried in of]
    except KeyError:
        raise LayerError("labels: a rotation takes an object out of the list; give all directions of each") from None


def rotate_objects(W: Tensor, of: list[Label], rotation: Rotation) -> Tensor:
    """W'_{Rx,Rd} = W_{x,d}."""
    target = torch.tensor(permutation(of, rotation), device=W.device)
    return rotate_sites(W, rotation)[:, torch.argsort(target)]


class PlaqLeaves(Loops):
    """All plaquettes with a corner at x, in both senses: for orthogonal directions a and b the loop x, x+a, x+a+b, x+b, x.

    Notes
    -----
    U (batch, D, *lattice, N, N) → W (batch, 4 D (D − 1), *lattice, N, N), W → Ω_x W Ω†_x; labels as `leaf_labels`.

    Raises
    ------
    LayerError
        On links of another shape, or outside of the group.
    """

    @property
    def n_out(self) -> int:
        """Ordered pairs of orthogonal directions."""
        return 4 * self.dimensions * (self.dimensions - 1)

    def forward(self, U: Tensor) -> Tensor:
        """The plaquettes."""
        self.check(U)
        D = self.dimensions

        def link(d: Direction) -> Tensor:
            return U[:, d[0]] if d[1] > 0 else shift(U[:, d[0]], d[0], -1, D).mH

        def ahead(field: Tensor, d: Direction) -> Tensor:
            return shift(field, d[0], d[1], D)

        links = {d: link(d) for d in directions(D)}
        loops = [(links[a] @ ahead(links[b], a)) @ (links[b] @ ahead(links[a], b)).mH for _, (a, b) in leaf_labels(D)]
        return torch.stack(loops, dim=1)

    def rotate(self, W: Tensor, rotation: Rotation, side: str) -> Tensor:
        """The leaves of the rotated links."""
        return rotate_objects(W, leaf_labels(self.dimensions), rotation)


class TiedLCB(LCB):
    """An LCB with one weight for each orbit of (output, left, right) under the rotations and reflections of the lattice.

    Parameters
    ----------
    group : Group or str
    dimensions : int
        D.
    labels_in, labels_out : list of labels
        Of the objects before and after, see `labels` and `leaf_labels`.
    kernel_size, dilation, dagger, unit, complex_weights, quaternions, gain
        As for `LCB`; transports go in both orientations.

    Notes
    -----
    W (batch, n_in, *lattice, N, N) → (batch, n_out, *lattice, N, N), W → Ω_x W Ω†_x, W_{x,d} → W_{Rx,Rd} before and after.
    The parameters are (orbits,), or (orbits, 2) if complex.

    Raises
    ------
    LayerError
        If labels are not closed under rotations, and as `LCB`.
    """

    orbit: Tensor

    def __init__(
        self,
        group: Group | str,
        dimensions: int,
        labels_in: list[Label],
        labels_out: list[Label],
        kernel_size: int = 2,
        dilation: int = 1,
        dagger: str = "both",
        unit: str = "both",
        complex_weights: bool = False,
        quaternions: bool = False,
        gain: float = 0.25,
    ) -> None:
        self.labels_in, self.labels_out = labels_in, labels_out
        super().__init__(
            group,
            dimensions,
            len(labels_in),
            len(labels_out),
            kernel_size,
            dilation,
            "both",
            dagger,
            unit,
            complex_weights,
            quaternions,
            gain,
        )
        orbit = torch.from_numpy(self._orbits())
        self.register_buffer("orbit", orbit, persistent=False)
        # What LCB drew for the first triple of an orbit is the weight of all.
        first = np.unique(orbit.numpy(), return_index=True)[1]
        self.weight = nn.Parameter(self.weight.detach().flatten(0, 2)[torch.from_numpy(first)].clone())

    def _initialise(self, gain: float, identity: bool) -> None:
        super()._initialise(gain, identity=False)
        if not identity:
            return
        copies = {label: j for j, label in enumerate(self.labels_in)}
        most = 1 + max(copy for copy, _ in self.labels_in)
        for i, (copy, carried) in enumerate(self.labels_out):
            j = copies.get((copy % most, carried))
            # Only objects with the same directions can stand for each other.
            if j is not None and self.left.unit:
                self.add_weight(i, self.left.unit_index, j, 1.0)
            elif j is not None:
                self.add_weight(i, j, self.right.unit_index, 1.0)

    def _orbits(self) -> np.ndarray:
        """Number of the orbit of each entry of the weight."""
        shape = (self.n_out, self.left.channels, self.right.channels)
        lowest = np.arange(np.prod(shape)).reshape(shape)
        moves = [
            np.ix_(permutation(self.labels_out, R), self._left_permutation(R), self._right_permutation(R))
            for R in generators(self.dimensions)
        ]
        while True:
            before = lowest
            for move in moves:
                lowest = np.minimum(lowest, lowest[move])
            if np.array_equal(lowest, before):
                return np.unique(lowest, return_inverse=True)[1].reshape(-1)

    def _left_permutation(self, rotation: Rotation) -> list[int]:
        objects = permutation(self.labels_in, rotation)
        return self._with_daggers(objects, self.left.dagger, self.left.unit)

    def _right_permutation(self, rotation: Rotation) -> list[int]:
        n = self.n_in
        turned = permutation(self.labels_in, rotation)
        objects = []
        for axis, steps in self.offsets:
            target, sign = rotation.direction((axis, 1)) if steps else (0, 1)
            place = self.offsets.index((target, sign * steps))
            objects += [place * n + j for j in turned]
        return self._with_daggers(objects, self.right.dagger, self.right.unit)

    @staticmethod
    def _with_daggers(objects: list[int], dagger: bool, unit: bool) -> list[int]:
        n = len(objects)
        result = objects + ([n + j for j in objects] if dagger else [])
        return [*result, len(result)] if unit else result

    def full_weight(self, dtype: torch.dtype) -> Tensor:
        """α, (n_out, left, right), from the weights of the orbits."""
        weight = as_weight(self.weight, self.complex_weights, dtype)
        return weight[self.orbit].view(self.n_out, self.left.channels, self.right.channels)

    def rotate(self, W: Tensor, rotation: Rotation, side: str) -> Tensor:
        """Objects before ("in") or after ("out") the layer on the rotated lattice."""
        return rotate_objects(W, self.labels_in if side == "in" else self.labels_out, rotation)

    def extra_repr(self) -> str:
        """The map in → out, and the number of free weights."""
        return f"{super().extra_repr()}, {len(self.weight)} orbits"
