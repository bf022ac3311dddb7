"""Evolution of fields by a learned action: the leapfrog of the engine with any potential, in torch."""

from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import Leapfrog
from surrogate.evolution.momenta import momenta_between

__all__ = ["Frame", "Leapfrog", "momenta_between"]
