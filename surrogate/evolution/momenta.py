"""Momenta from the links at two times: those with which the leapfrog takes the one to the other exactly."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.groups import Group, algebra_part


def logarithm(U: Tensor, group: Group) -> Tensor:
    """H with exp(i H) = U, Hermitian and traceless, for U closer to 1 than to any other branch.

    Parameters
    ----------
    U : (..., N, N) complex
        Special unitary, no eigenvalue at −1; in SU(3) phases whose sum is 0, not ±2π.

    Returns
    -------
    (..., N, N) complex
    """
    if group.N == 2:
        cosine = U.diagonal(dim1=-2, dim2=-1).sum(-1).real / 2
        S = algebra_part(U, group)
        sine = ((S.abs() ** 2).sum((-2, -1)) / 2).sqrt()
        small = sine < 1e-8
        angle = torch.atan2(sine, cosine)
        ratio = torch.where(small & (cosine > 0), 1.0, angle / torch.where(small, 1.0, sine))
        return ratio[..., None, None] * S
    phases, vectors = torch.linalg.eig(U)
    # The eigenvectors of a unitary matrix are orthogonal up to rounding and degeneracy, so H is solved for, not projected.
    H = vectors @ (phases.angle().to(U.dtype)[..., None] * torch.linalg.inv(vectors))
    H = (H + H.mH) / 2
    trace = H.diagonal(dim1=-2, dim2=-1).sum(-1) / group.N
    result: Tensor = H - trace[..., None, None] * torch.eye(group.N, dtype=U.dtype, device=U.device)
    return result


def momenta_between(U: Tensor, U_next: Tensor, step: float, metric: float, group: Group) -> Tensor:
    """P(t + ½) = metric · log(U(t + 1) U†(t))/(i Δt).

    Parameters
    ----------
    U, U_next : (batch, D, *lattice, N, N) complex
    step : float
        Δt.
    metric : float
        τ at t + ½ in the Milne frame, else 1.
    """
    return logarithm(U_next @ U.mH, group) * (metric / step)
