"""Forces of a potential by automatic differentiation, differentiable again.

For a real V and g = ∂V/∂Re U + i ∂V/∂Im U, what `torch.autograd` gives, the change of V along U → exp(i ε^a t^a) U is
tr(t^a [g U†]_ah) ε^a, so that

    ∇V = Σ_a t^a ∂V/∂ε^a = ½ [g U†]_ah,

and for the scalar φ = φ^a t^a  ∇_φ V = ¼ (g + g†), made traceless.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from surrogate.actions.action import Action
from surrogate.groups import Group, algebra_part


class Forces(NamedTuple):
    """−∇V as Hermitian matrices; parts that do not exist are None.

    Attributes
    ----------
    magnetic, gradient : (batch, D, *lattice, N, N)
        −∇V_B and −∇V_φ of the links.
    scalar : (batch, *lattice, N, N)
        −∇V_φ of φ.
    """

    magnetic: Tensor
    gradient: Tensor | None
    scalar: Tensor | None


def forces(action: Action, U: Tensor, phi: Tensor | None, group: Group, create_graph: bool = False) -> Forces:
    """The forces of an action.

    Parameters
    ----------
    action : Action
    U : (batch, D, *lattice, N, N) complex
    phi : (batch, *lattice, N, N) complex or None
    group : Group
    create_graph : bool
        Whether the forces themselves will be differentiated, as in training.
    """
    with torch.enable_grad():
        links = U if U.requires_grad else U.detach().requires_grad_()
        scalar = phi if phi is None or phi.requires_grad else phi.detach().requires_grad_()
        potential = action(links, scalar)
        by_links = _gradient(potential.magnetic, [links], create_graph)[0]
        magnetic = -link_gradient(by_links, links, group)
        if potential.gradient is None or scalar is None:
            return Forces(magnetic, None, None)
        along_links, along_scalar = _gradient(potential.gradient, [links, scalar], create_graph)
        return Forces(magnetic, -link_gradient(along_links, links, group), -algebra_part(1j * along_scalar, group) / 2)


def _gradient(value: Tensor, of: list[Tensor], create_graph: bool) -> list[Tensor]:
    found = torch.autograd.grad(value.sum(), of, create_graph=create_graph, retain_graph=True, materialize_grads=True)
    return list(found)


def link_gradient(g: Tensor, U: Tensor, group: Group) -> Tensor:
    """½ [g U†]_ah"""
    return algebra_part(g @ U.mH, group) / 2
