"""Results do not depend on the number of threads, not by a bit."""

from __future__ import annotations

import dataclasses

import numpy as np

from glasma.backend import Workers
from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.grid import Grid
from glasma.observables.measure import measure
from glasma.observables.stress_energy import stress_tensor
from tests.conftest import OVERLAP
from tests.states import colliding_nuclei


def test_threads_give_identical_fields_and_measurements(group):
    """An odd number of planes, so that the threads' shares differ."""
    grid = Grid((7, 6, 64), anisotropy=0.25, substeps=2)
    results = []
    for threads in (1, 2, 3):
        scheme = Leapfrog(grid, group, workers=Workers(threads))
        fields = scheme.initial_state(colliding_nuclei(grid, group))
        for _ in range(OVERLAP):
            scheme.step(fields)
        measured = measure(fields, scheme.workers, scheme.region(fields))
        sites = stress_tensor(fields, scheme.workers, scheme.region(fields))
        arrays = [fields.U, fields.E, *(charges.q for charges in fields.charges), *dataclasses.astuple(measured), sites]
        residual = scheme.gauss_residual(fields)
        results.append((arrays, [fields.work, scheme.energy(fields), residual.max_rel]))
    for arrays, numbers in results[1:]:
        for found, expected in zip(arrays, results[0][0], strict=True):
            np.testing.assert_array_equal(found, expected)
        assert numbers == results[0][1]
