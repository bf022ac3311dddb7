"""No observable sees the gauge, and all are the same for SU(2) inside SU(3)."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.evolution.leapfrog import Leapfrog
from glasma.group import su2, su3
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import gauge_transform
from glasma.observables.dipole import dipole_from_links
from glasma.observables.landau_frame import landau_frame, longitudinal_frame
from glasma.observables.measure import measure
from glasma.observables.stress_energy import TENSOR, stress_tensor
from glasma.observables.wilson_loops import wilson_loops
from tests.conftest import SEPARATED
from tests.states import colliding_nuclei, embedded_su2_nuclei, random_omega, relative_difference

ROUNDING = 1e-11


def observables(scheme: Leapfrog, fields: Fields) -> dict[str, np.ndarray]:
    """Everything that is measured; traces of loops as N_c − Re tr, which does not depend on the group they lie in."""
    region = scheme.region(fields)
    measured = measure(fields, scheme.workers, region)
    tensor = stress_tensor(fields, scheme.workers, region)
    density, velocity = landau_frame(tensor)
    T00, T0z, Tzz = (measured.tensor[TENSOR.index(name)] for name in ("T00", "T0z", "Tzz"))
    middle = fields.grid.shape[2] // 2
    found = {
        "energies": measured.components,
        "tensor": tensor,
        "mean tensor": measured.tensor,
        "local energy density": density,
        # Rounding grows by a power of γ next to the light cone, as inside the nuclei, and where there is next to nothing.
        "velocity": np.where((density > 0.3 * tensor[0]) & (density > 1e-3 * np.nanmax(density)), velocity, 0),
        "local energy density of the mean": longitudinal_frame(T00, T0z, Tzz)[0],
    }
    colours = fields.group.COLOURS
    for plane, size in (((0, 1), (1, 1)), ((0, 1), (3, 2)), ((0, 2), (2, 4)), ((2, 1), (1, 3))):
        found[f"Wilson loop {size} in {plane}"] = colours * (1 - wilson_loops(fields.U, fields.group, plane, size))
    found["dipole"] = colours * (1 - dipole_from_links(fields, middle, middle + 28).C)
    return found


def differences(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> dict[str, float]:
    """Observable → largest deviation relative to its largest value."""
    for name in expected:
        np.testing.assert_array_equal(np.isnan(found[name]), np.isnan(expected[name]), err_msg=name)
    return {name: relative_difference(np.nan_to_num(found[name]), np.nan_to_num(expected[name])) for name in expected}


@pytest.fixture
def separated(group, grid):
    """A collision after the overlap."""
    scheme = Leapfrog(grid, group)
    fields = scheme.initial_state(colliding_nuclei(grid, group, g2mu=1.0))
    for _ in range(SEPARATED):
        scheme.step(fields)
    return scheme, fields


def test_no_observable_sees_a_gauge_transformation(separated, rng):
    scheme, fields = separated
    expected = observables(scheme, fields)
    assert all(np.nanmax(np.abs(values)) > 0 for values in expected.values())
    transformed = gauge_transform(fields, random_omega(fields.group, fields.grid.shape, rng))
    assert relative_difference(transformed.U, fields.U) > 0.5
    found = differences(observables(scheme, transformed), expected)
    assert max(found.values()) < ROUNDING, found


def test_observables_of_su2_embedded_in_su3_are_those_of_su2(grid):
    seen = []
    for group in (su2, su3):
        scheme = Leapfrog(grid, group)
        fields = scheme.initial_state(embedded_su2_nuclei(grid, group))
        for _ in range(SEPARATED):
            scheme.step(fields)
        seen.append(observables(scheme, fields))
    found = differences(seen[1], seen[0])
    assert max(found.values()) < ROUNDING, found
