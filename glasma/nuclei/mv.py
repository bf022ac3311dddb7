"""Colour charges of the McLerran–Venugopalan model."""

from __future__ import annotations

import numpy as np


def color_charges(shape: tuple[int, int], generators: int, g2mu: float, rng: np.random.Generator) -> np.ndarray:
    """One sheet of Gaussian colour charges, g ρ^a with ⟨gρ^a_x gρ^b_y⟩ = (g²μ)² δ^{ab} δ_xy / a_T².

    McLerran, Venugopalan, PRD 49 (1994) 2233, eq. 2.

    Parameters
    ----------
    shape : (nx, ny)
    generators : int
        dim_g, the number of colour components.
    g2mu : float
        g²μ in units 1/a_T.

    Returns
    -------
    (dim_g, nx, ny) float64, units a_T⁻²
    """
    return g2mu * rng.standard_normal((generators, *shape))
