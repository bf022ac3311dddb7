"""What the layers have in common: the group, the dimension, and the map in → out that `repr` shows."""

from __future__ import annotations

from torch import Tensor, nn

from surrogate.errors import LayerError
from surrogate.groups import Group, as_group
from surrogate.lattice import check_links, check_objects


class GaugeLayer(nn.Module):
    """A layer on links U and objects W of one group in D dimensions.

    Parameters
    ----------
    group : Group or str
        "U(1)", "SU(2)" or "SU(3)".
    dimensions : int
        D, the number of lattice axes, at least 2.
    n_in, n_out : int
        Channels of W before and after.

    Raises
    ------
    LayerError
        For an unknown group, D < 2, or less than one channel.
    """

    def __init__(self, group: Group | str, dimensions: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.group = as_group(group)
        if dimensions < 2:
            raise LayerError(f"dimensions = {dimensions}: a lattice with plaquettes has at least 2")
        self.dimensions = dimensions
        self.n_in = positive("n_in", n_in)
        self.n_out = positive("n_out", n_out)

    @property
    def object_channels(self) -> tuple[int, ...]:
        """Channels of each W that it is called with."""
        return (self.n_in,)

    def check(self, U: Tensor, W: Tensor) -> None:
        """Refuse fields of other shapes than this layer is made for."""
        check_links(U, self.group, self.dimensions)
        check_objects(W, U, self.n_in)

    def extra_repr(self) -> str:
        """The map in → out."""
        return f"{self.group}, D = {self.dimensions}, {self.n_in} → {self.n_out}"


def positive(name: str, value: int) -> int:
    """The value, if it is a whole number ≥ 1.

    Raises
    ------
    LayerError
    """
    if not isinstance(value, int) or value < 1:
        raise LayerError(f"{name} = {value!r}: needs a whole number, at least 1")
    return value


def offsets(dimensions: int, kernel_size: int, dilation: int, orientations: str) -> list[tuple[int, int]]:
    """The displacements (axis μ, steps k) of a kernel: no step first, then along each axis forward, and backward.

    Parameters
    ----------
    dimensions : int
        D.
    kernel_size : int
        Sites of the kernel along an axis in one orientation, that without a step included.
    dilation : int
        Steps between them.
    orientations : str
        "forward" or "both".

    Raises
    ------
    LayerError
    """
    positive("kernel_size", kernel_size)
    positive("dilation", dilation)
    if orientations not in ("forward", "both"):
        raise LayerError(f'orientations = {orientations!r}: choose "forward" or "both"')
    signs = (1, -1) if orientations == "both" else (1,)
    return [
        (0, 0),
        *((axis, sign * step * dilation) for axis in range(dimensions) for sign in signs for step in range(1, kernel_size)),
    ]
