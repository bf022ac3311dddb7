"""Right after the overlap the Glasma consists of longitudinal flux tubes: E_z = −ig[α_1i, α_2i], B_z = −ig ε_ij[α_1i, α_2j].

(Kovner, McLerran, Weigert, PRD 52 (1995) 6231.)  In an ensemble of nuclei E_L² = B_L²; single collisions scatter around it.
Here the fields α_i = ∂_i φ of the nuclei are plane waves of one colour each, for which the equality holds exactly.
"""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.energy import COMPONENTS
from glasma.lattice.grid import Grid
from glasma.nuclei.profile import GaussianProfile
from glasma.nuclei.wilson_lines import CoherentNucleus
from glasma.observables.measure import measure

#: Short waves along the beam, long ones across: σ = 2 a_z = a_T/8, while the wavelength is 24 a_T.
GRID = Grid((24, 24, 48), anisotropy=0.0625, substeps=2)
K = 2 * np.pi / GRID.shape[0]
AMPLITUDE = 0.6

X, Y = np.meshgrid(*(K * np.arange(n) for n in GRID.shape[:2]), indexing="ij")
PARALLEL, PERPENDICULAR = np.cos(X + np.pi / 4), np.cos(Y)


def glasma_energies(group, second: np.ndarray) -> dict[str, float]:
    """Mean energy densities at mid-rapidity just after the overlap of gφ_1 = A t^a cos kx with gφ_2 = A t^b second."""
    colours = (0, 1) if group.COLOURS == 2 else (3, 4)
    profile = GaussianProfile(2 * GRID.a_z, 3.0)
    nuclei = []
    for direction, colour, wave in ((1, colours[0], np.cos(X)), (-1, colours[1], second)):
        potential = AMPLITUDE * wave[..., None, None] * group.GENERATORS[colour]
        nuclei.append(CoherentNucleus(potential, profile, direction, -direction * 8 * GRID.a_z))
    scheme = Leapfrog(GRID, group)
    fields = scheme.initial_state(nuclei)
    for _ in range(32):
        scheme.step(fields)
    middle = measure(fields, scheme.workers, scheme.region(fields)).components[:, 23:25].mean(axis=1)
    return dict(zip(COMPONENTS, middle, strict=True))


#: ½ (A k)⁴ ⟨sin² kx sin²(kx + π/4)⟩ = ½ (A k)⁴ ⟨sin² kx sin² ky⟩, up to terms of order (k a_T)² and (k τ)².
PREDICTED = (AMPLITUDE * K) ** 4 / 8


def test_electric_and_magnetic_flux_tubes_have_equal_energies(group):
    energies = glasma_energies(group, PARALLEL + PERPENDICULAR)
    assert energies["E_L2"] == pytest.approx(energies["B_L2"], rel=0.05)
    assert energies["E_L2"] == pytest.approx(PREDICTED, rel=0.08)
    assert energies["E_T2"] + energies["B_T2"] < 0.05 * PREDICTED


def test_parallel_gradients_make_electric_flux_tubes_only(group):
    energies = glasma_energies(group, PARALLEL)
    assert energies["E_L2"] == pytest.approx(PREDICTED, rel=0.08)
    assert energies["B_L2"] < 1e-20 * PREDICTED


def test_perpendicular_gradients_make_magnetic_flux_tubes_only(group):
    energies = glasma_energies(group, PERPENDICULAR)
    assert energies["B_L2"] == pytest.approx(PREDICTED, rel=0.08)
    assert energies["E_L2"] < 1e-5 * PREDICTED
