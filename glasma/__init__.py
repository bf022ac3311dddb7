"""glasma: real-time lattice simulations of the earliest stage of heavy-ion collisions."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from glasma.config import Config, load_config

if TYPE_CHECKING:
    from glasma.collision import Collision

__version__ = version("glasma")
__all__ = ["Collision", "Config", "__version__", "load_config"]


def __getattr__(name: str) -> Any:
    # The solver takes as long to load as everything else, and commands such as `glasma plan` do without it.
    if name == "Collision":
        from glasma.collision import Collision

        return Collision
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
