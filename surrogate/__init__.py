"""Gauge-equivariant neural networks for lattice gauge theory."""

from __future__ import annotations

from surrogate.equivariance import Report, check_equivariance
from surrogate.errors import LayerError
from surrogate.groups import GROUPS, Group
from surrogate.layers import LCB, LAct, LBilin, LConv, LExp, Plaq, PlaqLeaves, Poly, TiedLCB, Trace
from surrogate.model_files import load_model, save_model
from surrogate.models import LCNN, LCNNConfig

__all__ = [
    "GROUPS",
    "LCB",
    "LCNN",
    "Group",
    "LAct",
    "LBilin",
    "LCNNConfig",
    "LConv",
    "LExp",
    "LayerError",
    "Plaq",
    "PlaqLeaves",
    "Poly",
    "Report",
    "TiedLCB",
    "Trace",
    "check_equivariance",
    "load_model",
    "save_model",
]
