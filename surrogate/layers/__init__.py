"""Gauge-equivariant layers on links U and objects W, one family in each file."""

from __future__ import annotations

from surrogate.layers.lact import LAct
from surrogate.layers.lcb import LCB, LBilin
from surrogate.layers.lconv import LConv
from surrogate.layers.lexp import LExp
from surrogate.layers.loops import Plaq, Poly
from surrogate.layers.tied import PlaqLeaves, TiedLCB
from surrogate.layers.trace import Trace

__all__ = ["LAct", "LBilin", "LCB", "LConv", "LExp", "Plaq", "PlaqLeaves", "Poly", "TiedLCB", "Trace"]
