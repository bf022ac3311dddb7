"""Fields and charges of nuclei before they touch."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.initial_state import initial_state
from glasma.lattice.energy import field_energy
from glasma.lattice.gauge import gauss_residual, unitarity_violation
from glasma.lattice.grid import Grid
from glasma.lattice.refinement import refine_along_z
from tests.states import colliding_nuclei, dagger, nucleus, relative_difference, unitary


def test_initial_state_satisfies_the_gauss_constraint(group, grid, dtype, workers):
    fields = initial_state(grid, group, colliding_nuclei(grid, group), dtype)
    assert fields.dtype == dtype
    assert fields.step == 1
    assert gauss_residual(fields, workers).max_rel < 5 * np.finfo(dtype).eps
    assert unitarity_violation(fields, workers) < 60 * np.finfo(dtype).eps


@pytest.mark.parametrize("direction", [1, -1])
def test_links_are_the_pure_gauge_of_the_wilson_lines(group, grid, direction):
    """At both times: exp(i a_t g a_i E_i) takes the links from t = 0 to a_t."""
    source = nucleus(grid, group, direction)
    fields = initial_state(grid, group, [source])
    for z in range(grid.shape[2]):
        position = (z - grid.middle) * grid.a_z
        for i in (0, 1):
            links = group.link_to_matrix(fields.U[i, ..., z])
            back = unitary(group, -grid.a_t * fields.E[i, ..., z])
            for time, found in ((grid.a_t, links), (0.0, back @ links)):
                V = source.wilson_line(position, time)
                np.testing.assert_allclose(found, V @ dagger(np.roll(V, -1, axis=i)), atol=1e-14)
    identity = np.broadcast_to(np.eye(group.COLOURS), (*grid.shape, group.COLOURS, group.COLOURS))
    np.testing.assert_array_equal(group.link_to_matrix(fields.U[2]), identity)
    assert np.abs(fields.E[2]).max() == 0


def test_pure_gauge_has_no_field_energy_but_in_the_nuclei(group, grid, workers):
    fields = initial_state(grid, group, colliding_nuclei(grid, group))
    charged = [(c.first, c.first + c.cells) for c in fields.charges]
    total, inside = field_energy(fields, workers, [grid.interior]), field_energy(fields, workers, charged)
    assert inside == pytest.approx(total, rel=1e-12)


def test_a_nucleus_in_the_frozen_ends_is_refused(group):
    grid = Grid((4, 4, 32), anisotropy=0.25)
    with pytest.raises(ValueError, match="does not fit"):
        initial_state(grid, group, [nucleus(grid, group, 1, centre=-12.0)])


def test_charges_of_the_cells_do_not_depend_on_the_number_of_sub_particles(group):
    densities = []
    for substeps in (2, 4):
        grid = Grid((4, 4, 48), anisotropy=0.25, substeps=substeps)
        fields = initial_state(grid, group, [nucleus(grid, group, 1)])
        charges = fields.charges[0]
        assert charges.q.shape[0] == substeps
        densities.append(charges.q.sum(axis=0))
    assert densities[0].shape == densities[1].shape
    # The electric fields, and with them the charges, belong to a_t/2, hence differ by the motion in a quarter of a cell.
    assert np.abs(densities[0] - densities[1]).max() < 0.3 * np.abs(densities[0]).max()


@pytest.mark.parametrize("direction", [1, -1])
def test_sub_particles_are_smooth_along_z_with_slots_counted_along_the_flight(group, direction):
    grid = Grid((4, 4, 48), anisotropy=0.25, substeps=3)
    charges = initial_state(grid, group, [nucleus(grid, group, direction)]).charges[0]
    along_z = charges.q[::direction]
    expected = refine_along_z(charges.q.sum(axis=0), charges.slots)
    np.testing.assert_allclose(along_z, expected, atol=1e-14 * np.abs(expected).max())
    assert relative_difference(along_z[::-1], expected) > 0.01
