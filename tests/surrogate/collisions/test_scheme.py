"""The surrogate as a scheme of the engine: Wilson's to begin with, gauge equivariant, Gauss kept, for any coefficients."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from glasma.evolution.leapfrog import Leapfrog
from glasma.group import group_named
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import gauge_transform
from glasma.lattice.grid import Grid
from surrogate.collisions.gauge import transform_collision
from surrogate.collisions.surrogate import FITTED, CollisionConfig, CollisionSurrogate
from tests.states import colliding_nuclei, relative_difference
from tests.surrogate.collisions.small import evolved, random_gauge

GRID = Grid((6, 4, 44), 0.1, 0.4, 2)
#: Steps after which the nuclei have passed through each other.
STEPS = 26


def surrogate(group: str, shaken: float = 0.0) -> CollisionSurrogate:
    """A surrogate with Wilson's coefficients, or some beside them."""
    made = CollisionSurrogate(CollisionConfig(group, 2, GRID.substeps, GRID.anisotropy))
    with torch.no_grad():
        made.pairs.coefficients.add_(shaken * torch.linspace(-1, 1, len(FITTED), dtype=torch.float64))
    return made


@cache
def start(group: str, seed: int = 1) -> Fields:
    scheme = Leapfrog(GRID, group_named(group))
    return scheme.initial_state(colliding_nuclei(GRID, group_named(group), seed, g2mu=1.0, width=1.0))


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_untrained_it_is_the_leapfrog_of_the_engine_step_for_step(group: str) -> None:
    nuclei = colliding_nuclei(GRID, group_named(group), g2mu=1.0, width=1.0)
    engine, scheme = Leapfrog(GRID, group_named(group)), surrogate(group).scheme(GRID)
    expected, found = engine.initial_state(nuclei), scheme.initial_state(nuclei)
    for _ in range(STEPS):
        assert found.step == expected.step
        for name in ("U", "E"):
            assert relative_difference(getattr(found, name), getattr(expected, name)) < 1e-12
        for one, other in zip(found.charges, expected.charges, strict=True):
            assert relative_difference(one.q, other.q) < 1e-12
        engine.step(expected)
        scheme.step(found)
    # With other coefficients it is not.
    other = evolved(surrogate(group, 0.01).scheme(GRID), nuclei, STEPS)
    assert relative_difference(other.U, expected.U) > 1e-3


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_evolution_and_gauge_transformation_commute(group: str) -> None:
    """Through the collision, with the charges that turn and move, the Gauss residual stays at rounding."""
    scheme, Omega = surrogate(group, 0.02).scheme(GRID), random_gauge(GRID, group)
    fields, turned = start(group).copy(), start(group).copy()
    transform_collision(turned, Omega)
    before = turned.copy()
    for _ in range(STEPS):
        scheme.step(fields)
        scheme.step(turned)
    moved = [relative_difference(getattr(turned, name), getattr(before, name)) for name in ("U", "E")]
    expected = fields.copy()
    transform_collision(expected, Omega)
    assert min(*moved, relative_difference(expected.U, fields.U)) > 0.3
    for name in ("U", "E"):
        assert relative_difference(getattr(turned, name), getattr(expected, name)) < 1e-11
    for found, charges, plain in zip(turned.charges, expected.charges, fields.charges, strict=True):
        assert found.moves == charges.moves == STEPS
        assert relative_difference(found.q, charges.q) < 1e-11
        assert relative_difference(plain.q, charges.q) > 0.3
    assert turned.work == pytest.approx(fields.work, rel=1e-10)
    residuals = [scheme.gauss_residual(state) for state in (fields, turned, expected)]
    assert max(residual.max_rel for residual in residuals) < 1e-12
    assert residuals[0].scale > 0.01


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_it_is_the_gauge_transformation_of_the_engine(group: str, steps: int) -> None:
    """Charges are turned by Ω of the cells that each slot of them is in now."""
    scheme, Omega = Leapfrog(GRID, group_named(group)), random_gauge(GRID, group)
    fields = start(group).copy()
    for _ in range(steps):
        scheme.step(fields)
    expected = gauge_transform(fields, Omega.numpy())
    transform_collision(fields, Omega)
    # In the engine the last longitudinal links are those of the other end too, or not: they lead out of the box.
    assert relative_difference(fields.U[..., :-1], expected.U[..., :-1]) < 1e-13
    assert relative_difference(fields.E, expected.E) < 1e-13
    for found, charges in zip(fields.charges, expected.charges, strict=True):
        assert relative_difference(found.q, charges.q) < 1e-13
    # And back.
    transform_collision(fields, Omega.mH)
    again = start(group).copy()
    for _ in range(steps):
        scheme.step(again)
    assert relative_difference(fields.U, again.U) < 1e-13
    assert np.abs(fields.charges[1].q - again.charges[1].q).max() < 1e-13
