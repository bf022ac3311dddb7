"""Gauge-equivariant neural networks for lattice gauge theory."""

from __future__ import annotations

from surrogate.equivariance import check_equivariance
from surrogate.errors import LayerError
from surrogate.groups import GROUPS, Group
from surrogate.layers import LCB, LAct, LBilin, LConv, LExp, Plaq, Poly, Trace
from surrogate.models import LCNN, LCNNConfig

__all__ = [
    "check_equivariance",
    "GROUPS",
    "LAct",
    "LBilin",
    "LCB",
    "LCNN",
    "LCNNConfig",
    "LConv",
    "LExp",
    "LayerError",
    "Group",
    "Plaq",
    "Poly",
    "Trace",
]
