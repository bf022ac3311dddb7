"""Where objects come from: plaquettes and Polyakov loops of the links."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from surrogate.errors import LayerError
from surrogate.groups import Group, as_group
from surrogate.lattice import check_links, check_unitary, plaquettes, polyakov_loops


class Loops(nn.Module):
    """A layer that makes objects of links alone; parameters as for `Plaq`."""

    def __init__(self, group: Group | str, dimensions: int, check_group: bool = True) -> None:
        super().__init__()
        self.group = as_group(group)
        if dimensions < 2:
            raise LayerError(f"dimensions = {dimensions}: a lattice with plaquettes has at least 2")
        self.dimensions = dimensions
        self.check_group = check_group

    @property
    def n_out(self) -> int:
        """Channels of W that it makes."""
        raise NotImplementedError

    def check(self, U: Tensor) -> None:
        """Refuse links of another shape, or outside of the group."""
        check_links(U, self.group, self.dimensions)
        if self.check_group and not torch.compiler.is_compiling():
            check_unitary(U, self.group)

    def extra_repr(self) -> str:
        """The map in → out."""
        return f"{self.group}, D = {self.dimensions}, U → {self.n_out}"


class Plaq(Loops):
    """All plaquettes U_{x,μν} = U_{x,μ} U_{x+μ,ν} U†_{x+ν,μ} U†_{x,ν} with μ < ν, as objects W at x.

    Parameters
    ----------
    group : Group or str
    dimensions : int
        D.
    check_group : bool
        Refuse links that are not in the group (costs about as much as a plaquette; not done in compiled models).

    Notes
    -----
    U (batch, D, *lattice, N, N) → W (batch, D (D − 1)/2, *lattice, N, N), W → Ω_x W Ω†_x.

    Raises
    ------
    LayerError
        On links of another shape, or outside of the group.
    """

    @property
    def n_out(self) -> int:
        """Pairs μ < ν, in lexicographic order."""
        return self.dimensions * (self.dimensions - 1) // 2

    def forward(self, U: Tensor) -> Tensor:
        """The plaquettes."""
        self.check(U)
        return plaquettes(U)


class Poly(Loops):
    """Polyakov loops: the ordered product of the links from x along each axis μ around the lattice, as objects W at x.

    Parameters as for `Plaq`.

    Notes
    -----
    U (batch, D, *lattice, N, N) → W (batch, D, *lattice, N, N), W → Ω_x W Ω†_x.  A network with these channels
    knows the size of the lattice.

    Raises
    ------
    LayerError
        On links of another shape, or outside of the group.
    """

    @property
    def n_out(self) -> int:
        """One loop for each axis."""
        return self.dimensions

    def forward(self, U: Tensor) -> Tensor:
        """The Polyakov loops."""
        self.check(U)
        return polyakov_loops(U)
