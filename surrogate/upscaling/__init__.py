"""From a coarse lattice to the fine one: the fields inside each coarse cell, by a covariant interpolation that is fitted."""

from surrogate.upscaling.cells import CellFields, from_cells, to_cells
from surrogate.upscaling.upscaler import Upscaler, UpscalerConfig

__all__ = ["CellFields", "Upscaler", "UpscalerConfig", "from_cells", "to_cells"]
