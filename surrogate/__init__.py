"""Gauge-equivariant networks: layers, models, training and the studies that show what they can do.

The names below come from their modules when they are first asked for: what needs no PyTorch works without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surrogate.blocking import block, block_density
    from surrogate.equivariance import Report, check_equivariance
    from surrogate.errors import LayerError
    from surrogate.evolution import FieldState, Frame, joined
    from surrogate.groups import GROUPS, Group
    from surrogate.layers import LCB, LAct, LBilin, LConv, LExp, Plaq, PlaqLeaves, Poly, TiedLCB, Trace
    from surrogate.model_files import load_model, save_model
    from surrogate.models import LCNN, LCNNConfig
    from surrogate.upscaling import NetworkUpscaler, Upscaler, geodesic, to_cell_gauge

_HOME = {
    **dict.fromkeys(("block", "block_density"), "blocking"),
    **dict.fromkeys(("Report", "check_equivariance"), "equivariance"),
    "LayerError": "errors",
    **dict.fromkeys(("FieldState", "Frame", "joined"), "evolution"),
    **dict.fromkeys(("GROUPS", "Group"), "groups"),
    **dict.fromkeys(("LAct", "LBilin", "LCB", "LConv", "LExp", "Plaq", "PlaqLeaves", "Poly", "TiedLCB", "Trace"), "layers"),
    **dict.fromkeys(("load_model", "save_model"), "model_files"),
    **dict.fromkeys(("LCNN", "LCNNConfig"), "models"),
    **dict.fromkeys(("NetworkUpscaler", "Upscaler", "geodesic", "to_cell_gauge"), "upscaling"),
}

__all__ = [
    "GROUPS",
    "LCB",
    "LCNN",
    "FieldState",
    "Frame",
    "Group",
    "LAct",
    "LBilin",
    "LCNNConfig",
    "LConv",
    "LExp",
    "LayerError",
    "NetworkUpscaler",
    "Plaq",
    "PlaqLeaves",
    "Poly",
    "Report",
    "TiedLCB",
    "Trace",
    "Upscaler",
    "block",
    "block_density",
    "check_equivariance",
    "geodesic",
    "joined",
    "load_model",
    "save_model",
    "to_cell_gauge",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
