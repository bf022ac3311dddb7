"""Evolution of fields by a learned action: the leapfrog of the engine with any potential, in torch."""

from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import Leapfrog
from surrogate.evolution.momenta import momenta_between
from surrogate.evolution.state import FieldState, joined

__all__ = ["FieldState", "Frame", "Leapfrog", "joined", "momenta_between"]
