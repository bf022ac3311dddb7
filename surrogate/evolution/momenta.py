"""Momenta from the links at two times: those with which the leapfrog takes the one to the other exactly."""

from __future__ import annotations

from torch import Tensor

from surrogate.groups import Group
from surrogate.logarithm import logarithm

__all__ = ["logarithm", "momenta_between"]


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
