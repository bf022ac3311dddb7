"""From a coarse lattice to the fine one: the fields inside each coarse cell, interpolated covariantly or by a network."""

from surrogate.upscaling.cascade import Cascade
from surrogate.upscaling.cells import CellFields, from_cells, to_cell_gauge, to_cells
from surrogate.upscaling.geodesic import geodesic
from surrogate.upscaling.network import NetworkUpscaler, NetworkUpscalerConfig
from surrogate.upscaling.upscaler import Upscaler, UpscalerConfig

__all__ = [
    "Cascade",
    "CellFields",
    "NetworkUpscaler",
    "NetworkUpscalerConfig",
    "Upscaler",
    "UpscalerConfig",
    "from_cells",
    "geodesic",
    "to_cell_gauge",
    "to_cells",
]
