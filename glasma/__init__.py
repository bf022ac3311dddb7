"""glasma: real-time lattice simulations of the earliest stage of heavy-ion collisions."""

from __future__ import annotations

from importlib.metadata import version

from glasma.collision import Collision
from glasma.config import Config, load_config

__version__ = version("glasma")
__all__ = ["Collision", "Config", "__version__", "load_config"]
