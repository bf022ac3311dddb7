"""The frames in which fields evolve: what stands between a potential and the forces, and between momenta and velocities.

=============  ==========================================  =================================  ==========================
frame          equation of the momenta                     links                              scalar
=============  ==========================================  =================================  ==========================
"laboratory"   Ė_i = −a_i² ∇_i V_B                         U̇_i = i E_i U_i                    —
"milne"        Ṗ_i = −τ ∇_i V_B − ∇_i V_φ/τ                U̇_i = i (P_i/τ) U_i                φ̇ = τ π, π̇ = −∇_φ V_φ/τ
"static"       the same with τ = 1
=============  ==========================================  =================================  ==========================

Momenta and units are those of the engine: see `glasma.lattice.fields` (E_i = g a_i E_i) and `glasma.lattice.milne` (P_i = τ
∂_τ A_i, φ = A_η, π = P_η).  The static frame is a transverse plane without expansion, nothing depends on z and φ = g a_T
A_z.
"""

from __future__ import annotations

from dataclasses import dataclass

from surrogate.errors import LayerError

FRAMES = ("laboratory", "milne", "static")


@dataclass(frozen=True)
class Frame:
    """A frame and its anisotropy.

    Attributes
    ----------
    name : str
        "laboratory" (D = 3), "milne" or "static" (D = 2).
    anisotropy : float
        a_z/a_T of the laboratory frame.

    Raises
    ------
    LayerError
        For another name.
    """

    name: str
    anisotropy: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in FRAMES:
            raise LayerError(f"frame = {self.name!r}: choose one of {', '.join(repr(name) for name in FRAMES)}")

    @property
    def dimensions(self) -> int:
        """Number of lattice axes."""
        return 3 if self.name == "laboratory" else 2

    @property
    def has_scalar(self) -> bool:
        """Whether there is an adjoint scalar."""
        return self.name != "laboratory"

    def metric(self, time: float) -> float:
        """τ of the Milne frame, 1 of the others."""
        return time if self.name == "milne" else 1.0

    def squared_spacings(self) -> list[float]:
        """a_i² of the axes, units a_T²."""
        return [1.0, 1.0, self.anisotropy**2][: self.dimensions]
