"""Weak fields of one colour follow the dispersion relations of the semi-implicit scheme; along z they are that of light.

sin²(ω a_t/2) = (s² + κ)/(1 + 2κ) for E across k_T and z, (s² + κ)/(1 + 2κ − κ s²) for the polarisation with E_z, where
s = (a_t/a_z) sin(k_z a_z/2) and κ = Σ_T (a_t/a_T)² sin²(k_T a_T/2).
"""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.semi_implicit import SemiImplicit
from glasma.lattice.fields import vacuum
from glasma.lattice.grid import Grid
from tests.plane_waves import PlaneWave, assert_follows
from tests.states import unitary


def across(grid: Grid, k: np.ndarray) -> tuple[float, np.ndarray]:
    """E across both k_T and z."""
    square = grid.a_t**2 / 4 * k**2
    kappa = square[0] + square[1]
    polarisation = np.array([-k[1], k[0], 0.0]) if kappa else np.array([0.3, -0.7, 0.0])
    return 2 / grid.a_t * np.arcsin(np.sqrt((square[2] + kappa) / (1 + 2 * kappa))), polarisation


def longitudinal(grid: Grid, k: np.ndarray) -> tuple[float, np.ndarray]:
    """The polarisation with E_z: A_T/A_z = −k_z k_T (1 − S)/(4 S/a_t² − k_z²) with S = sin²(ω a_t/2)."""
    square = grid.a_t**2 / 4 * k**2
    kappa = square[0] + square[1]
    S = (square[2] + kappa) / (1 + 2 * kappa - kappa * square[2])
    along = -k[2] * (1 - S) / (4 * S / grid.a_t**2 - k[2] ** 2)
    return 2 / grid.a_t * np.arcsin(np.sqrt(S)), np.array([along * k[0], along * k[1], 1.0])


WAVES = [
    (across, (0, 0, 3)),
    (across, (0, 1, 5)),
    (across, (1, 2, 7)),
    (longitudinal, (1, -3, 0)),
    (longitudinal, (2, 0, 3)),
    (longitudinal, (1, 2, 7)),
]


@pytest.mark.parametrize(("solution", "modes"), WAVES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_plane_waves_follow_the_dispersion_relation(group, solution, modes):
    grid = Grid((8, 6, 24), anisotropy=0.5, substeps=1)
    scheme = SemiImplicit(grid, group, tolerance=1e-13)
    assert_follows(scheme, group, PlaneWave(grid, modes, solution), colour=-1, steps=40)


@pytest.mark.parametrize("direction", [1, -1], ids=["right", "left"])
def test_any_pulse_along_z_moves_with_light_without_dispersion(group, direction):
    """Of any shape and strength: A_x(z ∓ t) of one colour is an exact solution for a_t = a_z."""
    grid = Grid((4, 4, 64), anisotropy=0.5, substeps=1)
    steps, start = 30, 18 if direction > 0 else 45
    rng = np.random.default_rng(7)
    pulse = np.zeros(200)
    pulse[start - 4 : start + 5] = 0.8 * rng.standard_normal(9)  # a few cells, with the shortest waves

    def phases(step: int) -> np.ndarray:
        A = np.zeros((group.DIMENSION, *grid.shape))
        A[-1] = np.roll(pulse, direction * step)[: grid.shape[2]]
        return A

    fields = vacuum(grid, group)
    fields.U[0] = group.link_from_matrix(unitary(group, phases(0)))
    fields.E[0] = (phases(0) - phases(-1)) / grid.a_t
    scheme = SemiImplicit(grid, group, tolerance=1e-14)
    for _ in range(steps):
        scheme.step(fields)
    expected = (phases(steps) - phases(steps - 1)) / grid.a_t
    assert np.abs(fields.E[0] - expected).max() < 1e-10 * np.abs(expected).max()
    assert np.abs(fields.E[1:]).max() < 1e-10 * np.abs(expected).max()
