"""The logarithm of group elements: exact in every case that has one, with derivatives that do not fail where phases meet.

The spectrum of U lies on the unit circle.  A cut through a gap of it makes the Cayley transform

    C = i (1 − e^{−iα} U)(1 + e^{−iα} U)^{−1} = tan((H − α)/2)

Hermitian and of moderate size, so that its eigenvectors, which are those of U, are orthonormal to rounding, degenerate or
not: U = 1 of the vacuum and its neighbourhood are nothing special.
"""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from surrogate.groups import Group, as_group

#: Cuts that are tried.  N ≤ 3 phases cannot be within π/4 of all four.
_CUTS = (0.0, pi / 2, pi, 3 * pi / 2)


def logarithm(U: Tensor, group: Group | str) -> Tensor:
    """H with exp(i H) = U, Hermitian and traceless for SU(N), of the shortest geodesic from 1 to U.

    The phases of U are taken between −π and π.  In SU(N) they may add up to ±2π; the largest in size is then taken from the
    other side.  An element with a phase at the cut has several shortest geodesics, and one of them is found.

    Parameters
    ----------
    U : (..., N, N) complex
        In the group.
    group : Group or str

    Returns
    -------
    (..., N, N) complex
        It transforms as U does, Ω U Ω† → Ω H Ω†.  Differentiable once.
    """
    group = as_group(group)
    if group.N == 1:
        return U.angle().to(U.dtype)
    result: Tensor = _Logarithm.apply(U)
    return result


class _Logarithm(torch.autograd.Function):
    """H = Q θ Q† with the phases θ and the eigenvectors Q of U."""

    @staticmethod
    def forward(ctx: FunctionCtx, U: Tensor) -> Tensor:
        Q = _eigenvectors(U)
        theta = (Q.conj() * (U @ Q)).sum(-2).angle()
        # det U = 1: the phases add up to 0 or ±2π.
        turns = (theta.sum(-1) / (2 * pi)).round()
        extreme = (theta * turns.unsqueeze(-1)).argmax(-1, keepdim=True)
        theta = theta.scatter_add(-1, extreme, -2 * pi * turns.unsqueeze(-1))
        ctx.save_for_backward(Q, theta)
        return (Q * theta.unsqueeze(-2)) @ Q.mH

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        """dH = Q (G ∘ Q† dU Q) Q† with the divided differences G_ab = (θ_a − θ_b)/(e^{iθ_a} − e^{iθ_b})."""
        Q, theta = ctx.saved_tensors  # type: ignore[attr-defined]
        mean = (theta.unsqueeze(-1) + theta.unsqueeze(-2)) / 2
        half = (theta.unsqueeze(-1) - theta.unsqueeze(-2)) / 2
        # G* = i e^{i mean} half/sin(half)
        weights = 1j * torch.exp(1j * mean) / torch.sinc(half / pi)
        return Q @ (weights * (Q.mH @ gradient @ Q)) @ Q.mH


def _eigenvectors(U: Tensor) -> Tensor:
    """(..., N, N), orthonormal columns."""
    one = torch.eye(U.shape[-1], dtype=U.dtype, device=U.device)
    cuts = torch.tensor(_CUTS, dtype=U.real.dtype, device=U.device)
    # 1 + e^{−iα} U is singular where a phase is at α + π, the cut.
    factors = torch.exp(-1j * (cuts - pi)).to(U.dtype)
    distance = torch.stack([torch.linalg.det(one + factor * U).abs() for factor in factors], dim=-1)
    factor = factors[distance.argmax(-1)][..., None, None]
    C = 1j * torch.linalg.solve(one + factor * U, one - factor * U)
    vectors: Tensor = torch.linalg.eigh((C + C.mH) / 2)[1]
    return vectors
