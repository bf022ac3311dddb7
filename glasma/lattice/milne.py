"""The boost-invariant state: fields of the transverse plane in Milne coordinates τ = √(t² − z²), η = ½ ln((t + z)/(t − z)).

Nothing depends on η, so that A_η is a scalar in the adjoint representation.  With the action of physics in the temporal
gauge A_τ = 0, the coupling absorbed and the transverse spacing as the unit (a_T = 1):

=========  =====================================  ==================
stored     meaning                                at time
=========  =====================================  ==================
U_i        exp(i g A_i)                           τ
A          g A_η                                  τ
E_x, E_y   g P_i = g τ ∂_τ A_i = g τ E_i          τ − Δτ/2
E_η        g P_η = g ∂_τ A_η/τ = g E_L            τ − Δτ/2
=========  =====================================  ==================

Krasnitz, Venugopalan, NPB 557 (1999) 237, section 3; Fukushima, Gelis, arXiv:1106.1396, section II.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from glasma.group import dagger
from glasma.lattice.grid import Grid
from glasma.lattice.storage import as_field_array, copy_field


@dataclass
class MilneFields:
    """Links, adjoint scalar and momenta of the transverse plane.

    Arrays that do not come from `lattice.storage.field_array` are copied into such ones.

    Attributes
    ----------
    grid : Grid
        Of shape (nx, ny, 1) and anisotropy 1, so that its a_t is Δτ.
    U : (2, link_reals, 1, nx, ny) real
        Links in the components of the group, at τ = step · Δτ.
    A : (1, dim_g, 1, nx, ny) real
        g A_η at τ.
    E : (3, dim_g, 1, nx, ny) real
        g (P_x, P_y, P_η) at τ − Δτ/2.
    step : int
        The time level of U and A.
    work : float
        ∫ P_L dτ over the transverse plane from 0 to τ − Δτ/2, units 1/(g² a_T): what the expansion has taken from the
        energy per unit rapidity, d(dE/dη)/dτ = −∫ P_L.
    """

    grid: Grid
    group: ModuleType
    U: np.ndarray
    A: np.ndarray
    E: np.ndarray
    step: int = 1
    work: float = 0.0

    def __post_init__(self) -> None:
        self.U, self.A, self.E = (as_field_array(array) for array in (self.U, self.A, self.E))

    @property
    def dtype(self) -> np.dtype:
        """Precision of the fields."""
        return self.U.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return self.U.nbytes + self.A.nbytes + self.E.nbytes

    @property
    def tau(self) -> float:
        """τ of U and A, units a_T."""
        return self.step * self.grid.a_t

    @property
    def tau_of_momenta(self) -> float:
        """τ − Δτ/2, the time of the momenta and of all that is measured, units a_T."""
        return (self.step - 0.5) * self.grid.a_t

    def copy(self) -> MilneFields:
        """The same state in arrays of its own."""
        arrays = copy_field(self.U), copy_field(self.A), copy_field(self.E)
        return type(self)(self.grid, self.group, *arrays, self.step, self.work)


class StaticFields(MilneFields):
    """The same fields in a box that does not expand: τ is 1 at all times.

    The third direction is then a Cartesian one on which nothing depends: A is g a_T A_z, E_i = ∂_t A_i and E_η = ∂_t A.  U and
    A are at t = step · Δt, the momenta at t − Δt/2; no work is done.
    """

    @property
    def tau(self) -> float:
        """1"""
        return 1.0

    @property
    def tau_of_momenta(self) -> float:
        """1"""
        return 1.0


def gauge_transform(fields: MilneFields, omega: np.ndarray) -> MilneFields:
    """The same state in another gauge: U → Ω_x U Ω†_{x+i}, A → Ω_x A Ω†_x, E → Ω_x E Ω†_x.

    Parameters
    ----------
    omega : (nx, ny, N_c, N_c) complex
        A group element at every site, periodic.
    """
    group, generators = fields.group, fields.group.GENERATORS
    inverse = dagger(omega)
    new = fields.copy()

    def rotated(algebra: np.ndarray) -> np.ndarray:
        matrix = np.einsum("a...,aij->...ij", algebra, generators)
        return 2 * np.einsum("aij,...ji->a...", generators, omega @ matrix @ inverse).real

    for i in (0, 1):
        matrix = group.link_to_matrix(fields.U[i, :, 0])
        new.U[i, :, 0] = group.link_from_matrix(omega @ matrix @ np.roll(inverse, -1, axis=i))
    for i in range(3):
        new.E[i, :, 0] = rotated(fields.E[i, :, 0])
    new.A[0, :, 0] = rotated(fields.A[0, :, 0])
    return new
