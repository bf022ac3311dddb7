"""From a coarse lattice to the fine one: the fields inside each coarse cell, by covariant interpolation."""

from surrogate.upscaling.cells import CellFields, from_cells, to_cell_gauge, to_cells
from surrogate.upscaling.geodesic import geodesic
from surrogate.upscaling.upscaler import Upscaler, UpscalerConfig

__all__ = [
    "CellFields",
    "Upscaler",
    "UpscalerConfig",
    "from_cells",
    "geodesic",
    "to_cell_gauge",
    "to_cells",
]
