"""The error that layers and models raise."""

from __future__ import annotations

from glasma.errors import GlasmaError


class LayerError(GlasmaError, ValueError):
    """A tensor or an argument that does not fit a layer: names what, its value and the remedy."""
