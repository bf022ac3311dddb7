"""Weak plane waves of one colour, which a scheme must carry along with its own dispersion relation.

Along z the waves stand between the ideal conductors at the planes next to the frozen ends.  The non-linear terms are of
relative order amplitude².
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from glasma.evolution.scheme import Scheme
from glasma.lattice.fields import Fields, vacuum
from glasma.lattice.grid import Grid
from tests.states import unitary

AMPLITUDE = 1e-6
MODES = [(1, 0, 0), (0, 2, 0), (1, -3, 0), (0, 0, 3), (2, 0, 3), (0, 1, 5), (1, 2, 7)]

#: (grid, lattice momentum 2/a_i sin(k_i a_i/2)) → frequency, polarisation.
Solution = Callable[[Grid, np.ndarray], tuple[float, np.ndarray]]


class PlaneWave:
    """A wave with (n_x, n_y) periods in the plane and n_z half waves along z; a scheme says its frequency and polarisation."""

    def __init__(self, grid: Grid, modes: tuple[int, int, int], solution: Solution) -> None:
        nx, ny, _ = grid.shape
        self.grid = grid
        self.first, self.last = grid.interior[0] - 1, grid.interior[1]
        lengths = nx / 2, ny / 2, (self.last - self.first) * grid.a_z
        self.k = [np.pi * n / length for n, length in zip(modes, lengths, strict=True)]
        lattice_k = np.array([2 / a * np.sin(k * a / 2) for k, a in zip(self.k, grid.spacings, strict=True)])
        self.frequency, self.polarisation = solution(grid, lattice_k)

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


def assert_follows(scheme: Scheme, group, wave: PlaneWave, colour: int, steps: int) -> None:
    """After some steps links and electric fields are those of the wave, to 1e-10 of its amplitude."""
    fields = fields_of(wave, group, colour)
    for _ in range(steps):
        scheme.step(fields)
    grid = wave.grid
    expected_E, expected_A = wave.electric(steps), wave.link_phases(steps * grid.a_t)
    largest_E = AMPLITUDE * np.abs(wave.polarisation * grid.spacings).max() * wave.frequency
    assert np.abs(fields.E[:, colour] - expected_E).max() < 1e-10 * largest_E
    links = group.link_to_matrix(np.moveaxis(fields.U, 1, 0))
    phases = 2 * np.einsum("ij,...ji->...", group.GENERATORS[colour], links).imag
    assert np.abs(phases - expected_A).max() < 1e-10 * largest_E / wave.frequency
