"""What a potential is: any gauge-invariant function of links and adjoint scalar that is summed over the lattice."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn


class Potential(NamedTuple):
    """The two parts of a potential, each (batch,) real.

    Attributes
    ----------
    magnetic : Tensor
        V_B[U]; the Wilson action is Σ 2 Re tr(1 − U_{x,ij}) (weights 1/(a_i² a_j²) on an anisotropic lattice).
    gradient : Tensor or None
        V_φ[U, φ] of the boost-invariant frame, ½ Σ (D_i φ)² for Wilson; None without scalar.
    """

    magnetic: Tensor
    gradient: Tensor | None


class Action(nn.Module):
    """Base class of potentials; a model of one's own is a subclass with a `forward`.

    ``forward(U, phi)`` takes links (batch, D, *lattice, N, N) and the adjoint scalar (batch, *lattice, N, N) or None, and
    returns a `Potential`.  It has to be invariant under gauge transformations: then, whatever its weights, the evolution is
    equivariant and keeps the Gauss constraint to rounding.
    """

    def forward(self, U: Tensor, phi: Tensor | None = None) -> Potential:
        """V_B and V_φ."""
        raise NotImplementedError


class SumOfActions(Action):
    """The sum of several actions, as an L-CNN on top of fitted field strengths.

    Parameters
    ----------
    actions : Action
    """

    def __init__(self, *actions: Action) -> None:
        super().__init__()
        self.actions = nn.ModuleList(actions)

    def forward(self, U: Tensor, phi: Tensor | None = None) -> Potential:
        """V_B and V_φ, each the sum of those of the parts."""
        magnetic, gradient = None, None
        for action in self.actions:
            part = action(U, phi)
            magnetic = part.magnetic if magnetic is None else magnetic + part.magnetic
            if part.gradient is not None:
                gradient = part.gradient if gradient is None else gradient + part.gradient
        assert magnetic is not None
        return Potential(magnetic, gradient)
