"""The field energy on links and plaquettes, against complex matrices."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.lattice.energy import field_energy
from glasma.lattice.grid import Grid
from tests.states import dagger, drift_links, rough_fields, smooth_fields


def wilson_energy(group, fields) -> float:
    """Σ a_z [½ Σ (E_i/a_i)² + Σ_{i<j} 2 Re tr(1 − U_ij)/(a_i a_j)²] with U half a step before the stored links."""
    grid = fields.grid
    half_back = fields.copy()
    drift_links(half_back, -grid.a_t / 2)
    U = group.link_to_matrix(np.moveaxis(half_back.U, 1, 0))
    a = grid.spacings
    planes = slice(grid.interior[0] - 1, grid.interior[1])
    total = sum(0.5 * np.sum(fields.E[i][..., planes] ** 2) / a[i] ** 2 for i in range(3))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        plaquette = U[i] @ np.roll(U[j], -1, axis=i) @ dagger(np.roll(U[i], -1, axis=j)) @ dagger(U[j])
        trace = np.trace(np.eye(group.COLOURS) - plaquette, axis1=-2, axis2=-1).real[..., planes]
        total += 2 * np.sum(trace) / (a[i] * a[j]) ** 2
    return grid.a_z * total


@pytest.mark.parametrize("state", [smooth_fields, rough_fields])
@pytest.mark.parametrize("threads", [1, 2])
def test_field_energy_is_the_wilson_energy_at_the_time_of_the_electric_field(group, state, threads):
    grid = Grid((5, 4, 20), anisotropy=0.5, substeps=2)
    fields = state(grid, group)
    found = field_energy(fields, Workers(threads), [grid.interior])
    assert found == pytest.approx(wilson_energy(group, fields), rel=1e-13)
