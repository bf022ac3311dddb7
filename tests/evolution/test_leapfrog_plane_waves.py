"""Weak fields of one colour are plane waves of the lattice dispersion relation.

sin²(ω a_t/2)/a_t² = Σ_i sin²(k_i a_i/2)/a_i².  Along z the waves stand between the ideal conductors at the planes
next to the frozen ends.  The non-linear terms are of relative order amplitude² and lie far below the tolerance.
"""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.fields import Fields, vacuum
from glasma.lattice.grid import Grid
from tests.states import unitary

AMPLITUDE = 1e-6
STEPS = 300


class PlaneWave:
    """A transverse wave with (n_x, n_y) periods in the plane and n_z half waves along z."""

    def __init__(self, grid: Grid, modes: tuple[int, int, int]) -> None:
        nx, ny, _ = grid.shape
        self.grid = grid
        self.first, self.last = grid.interior[0] - 1, grid.interior[1]
        lengths = nx / 2, ny / 2, (self.last - self.first) * grid.a_z
        self.k = [np.pi * n / length for n, length in zip(modes, lengths, strict=True)]
        lattice_k = np.array([2 / a * np.sin(k * a / 2) for k, a in zip(self.k, grid.spacings, strict=True)])
        self.frequency = 2 / grid.a_t * np.arcsin(grid.a_t / 2 * np.linalg.norm(lattice_k))
        # Along z if k lies in the plane, else perpendicular to k and tilted against all axes.
        self.polarisation = np.cross(lattice_k, [0.3, -0.7, 0.2])
        if modes[2] == 0:
            self.polarisation = np.array([0.0, 0.0, 1.0])

    def link_phases(self, time: float) -> np.ndarray:
        """a_i A_i on the links, (3, nx, ny, nz), zero in the conductors."""
        grid = self.grid
        x, y, z = np.ogrid[: grid.shape[0], : grid.shape[1], : grid.shape[2]]
        depth = (z - self.first) * grid.a_z
        inside = (z >= self.first) & (z <= self.last)
        phases = np.zeros((3, *grid.shape))
        for i in (0, 1):
            travelling = np.cos(self.k[0] * (x + 0.5 * (i == 0)) + self.k[1] * (y + 0.5 * (i == 1)) - self.frequency * time)
            phases[i] = self.polarisation[i] * travelling * np.sin(self.k[2] * depth) * inside
        travelling = np.sin(self.k[0] * x + self.k[1] * y - self.frequency * time)
        standing = np.cos(self.k[2] * (depth + grid.a_z / 2)) * (z >= self.first) * (z < self.last)
        phases[2] = grid.a_z * self.polarisation[2] * travelling * standing
        return AMPLITUDE * phases

    def electric(self, step: float) -> np.ndarray:
        """a_i E_i half a step before the links of `step`."""
        a_t = self.grid.a_t
        return (self.link_phases(step * a_t) - self.link_phases((step - 1) * a_t)) / a_t


def fields_of(wave: PlaneWave, group, colour: int) -> Fields:
    fields = vacuum(wave.grid, group)
    fields.E[:, colour] = wave.electric(0)
    phases = np.zeros_like(fields.E)
    phases[:, colour] = wave.link_phases(0)
    for i in range(3):
        fields.U[i] = group.link_from_matrix(unitary(group, phases[i]))
    return fields


@pytest.mark.parametrize(
    "modes",
    [(1, 0, 0), (0, 2, 0), (1, -3, 0), (0, 0, 3), (2, 0, 3), (0, 1, 5), (1, 2, 7)],
    ids=lambda modes: "k=" + ",".join(map(str, modes)),
)
@pytest.mark.parametrize("colour", [0, -1], ids=["first", "last"])
def test_plane_waves_follow_the_lattice_dispersion_relation(group, modes, colour):
    grid = Grid((8, 10, 30), anisotropy=0.5, substeps=2)
    wave = PlaneWave(grid, modes)
    scheme, fields = Leapfrog(grid, group), fields_of(wave, group, colour)
    for _ in range(STEPS):
        scheme.step(fields)

    expected_E, expected_A = wave.electric(STEPS), wave.link_phases(STEPS * grid.a_t)
    largest_E = AMPLITUDE * np.abs(wave.polarisation * grid.spacings).max() * wave.frequency
    assert np.abs(fields.E[:, colour] - expected_E).max() < 1e-10 * largest_E
    links = group.link_to_matrix(np.moveaxis(fields.U, 1, 0))
    phases = 2 * np.einsum("ij,...ji->...", group.GENERATORS[colour], links).imag
    assert np.abs(phases - expected_A).max() < 1e-10 * largest_E / wave.frequency


@pytest.mark.parametrize("modes", [(1, 2, 7)])
def test_other_colours_of_a_plane_wave_stay_empty(group, modes):
    grid = Grid((8, 10, 30), anisotropy=0.5, substeps=2)
    scheme, fields = Leapfrog(grid, group), fields_of(PlaneWave(grid, modes), group, colour=0)
    for _ in range(50):
        scheme.step(fields)
    assert np.abs(fields.E[:, 1:]).max() < 1e-14 * AMPLITUDE
