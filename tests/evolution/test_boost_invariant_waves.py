"""Weak fields of one colour are Bessel functions of k τ, with the lattice momentum k² = Σ_i 4 sin²(k_i/2).

P_η = J_0(kτ) P_η(0),   A_η = (τ/k) J_1(kτ) P_η(0),   A_i = J_0(kτ) A_i(0),   P_i = −kτ J_1(kτ) A_i(0)
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import j0, j1

from glasma.evolution.boost_invariant import BoostInvariant
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from tests.states import unitary

AMPLITUDE = 1e-6
SHAPE = (8, 10, 1)


class StandingWave:
    """A mode with (n_x, n_y) periods; transverse links of amplitude 1 and P_η of amplitude 1."""

    def __init__(self, modes: tuple[int, int]) -> None:
        k = [2 * np.pi * n / size for n, size in zip(modes, SHAPE, strict=False)]
        lattice = 2 * np.sin(np.array(k) / 2)
        self.k = float(np.linalg.norm(lattice))
        x, y = np.ogrid[: SHAPE[0], : SHAPE[1]]
        phase = k[0] * x + k[1] * y
        self.longitudinal = np.cos(phase)
        # perpendicular to the lattice momentum, at the middle of the links
        self.transverse = np.stack([-lattice[1] * np.cos(phase + k[0] / 2), lattice[0] * np.cos(phase + k[1] / 2)]) / self.k


def largest_errors(group, wave: StandingWave, colour: int, substeps: int) -> np.ndarray:
    """Largest deviations of P_η, A_η, A_i, P_i up to τ = 5, relative to the amplitude."""
    scheme = BoostInvariant(Grid(SHAPE, substeps=substeps), group)
    phases = np.zeros((2, group.DIMENSION, *SHAPE[:2]))
    phases[:, colour] = AMPLITUDE * wave.transverse
    electric = np.zeros_like(phases[0])
    electric[colour] = AMPLITUDE * wave.longitudinal
    links = np.stack([group.link_from_matrix(unitary(group, phase)) for phase in phases])
    fields = scheme.start(links, electric)
    worst = np.zeros(4)
    while fields.tau < 5:
        scheme.step(fields)
        worst = np.maximum(worst, errors_of(fields, wave, colour))
    assert np.abs(np.delete(fields.E, colour, axis=1)).max() < 1e-14 * AMPLITUDE
    return worst


def errors_of(fields: MilneFields, wave: StandingWave, colour: int) -> list[float]:
    k, tau, middle = wave.k, fields.tau, fields.tau_of_momenta
    links = fields.group.link_to_matrix(np.moveaxis(fields.U[:, :, 0], 1, 0))
    phases = 2 * np.einsum("ij,...ji->...", fields.group.GENERATORS[colour], links).imag
    pairs = [
        (fields.E[2, colour, 0], j0(k * middle) * wave.longitudinal),
        (fields.A[0, colour, 0], tau / k * j1(k * tau) * wave.longitudinal),
        (phases, j0(k * tau) * wave.transverse),
        (fields.E[:2, colour, 0], -k * middle * j1(k * middle) * wave.transverse),
    ]
    return [float(np.abs(found / AMPLITUDE - expected).max()) for found, expected in pairs]


@pytest.mark.parametrize("modes", [(1, 0), (0, 2), (1, -2), (3, 4)], ids=lambda modes: "k=" + ",".join(map(str, modes)))
@pytest.mark.parametrize("colour", [0, -1], ids=["first", "last"])
def test_weak_fields_follow_bessel_functions_at_second_order(group, modes, colour):
    wave = StandingWave(modes)
    colour %= group.DIMENSION
    errors = np.array([largest_errors(group, wave, colour, substeps) for substeps in (8, 16, 32)])
    assert errors[-1].max() < 1e-2
    for coarse, fine in pairwise(errors):
        np.testing.assert_allclose(np.log2(coarse / fine), 2, atol=0.15)
