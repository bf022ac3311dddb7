"""The leapfrog of learned actions: what holds for any weights, and the engine's schemes as the Wilson case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from glasma.backend import Workers
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.leapfrog import Leapfrog as EngineLeapfrog
from glasma.group import group_named
from glasma.lattice.fields import vacuum
from glasma.lattice.grid import Grid
from surrogate.actions import FieldStrengthAction
from surrogate.engine_fields import algebra_to_tensor, links_to_tensor, state_from_engine, state_to_engine
from surrogate.evolution import Frame, Leapfrog, momenta_between
from surrogate.evolution.leapfrog import FieldState
from surrogate.groups import algebra_part, as_group, exponential, random_elements, random_near_unity
from surrogate.lattice import transform_links
from tests.states import unitary

FRAMES = ("milne", "static", "laboratory")


def action_with_random_weights(group: str, frame: Frame) -> FieldStrengthAction:
    action = FieldStrengthAction(group, frame.dimensions, anisotropy=frame.anisotropy)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        action.coefficients.add_(0.1 * torch.randn(len(action.names), generator=generator, dtype=torch.float64))
    return action


def state(group: str, frame: Frame, side: int = 4, number: int = 20, width: float = 0.5) -> FieldState:
    generator = torch.Generator().manual_seed(6)
    D = frame.dimensions
    lattice = (side,) * D

    def algebra(*shape: int) -> torch.Tensor:
        return width * algebra_part(random_elements(group, shape, generator), as_group(group))

    U = random_near_unity(group, (1, D, *lattice), width, generator)
    if not frame.has_scalar:
        return FieldState(U, algebra(1, D, *lattice), number=number)
    return FieldState(U, algebra(1, D, *lattice), algebra(1, *lattice), algebra(1, *lattice), number)


def evolved(evolution: Leapfrog, now: FieldState, steps: int) -> FieldState:
    *_, last = evolution.run(now, steps)
    return last


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize("name", FRAMES)
def test_gauss_is_kept_whatever_the_weights(group: str, name: str) -> None:
    frame = Frame(name, 0.7 if name == "laboratory" else 1.0)
    evolution = Leapfrog(action_with_random_weights(group, frame), as_group(group), frame, 0.05)
    now = state(group, frame)
    with torch.no_grad():
        before = evolution.gauss(now)
        assert (evolution.gauss(evolved(evolution, now, 40)) - before).abs().max() < 1e-12
        assert before.abs().max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize("name", FRAMES)
def test_gauss_is_kept_over_a_thousand_steps(group: str, name: str) -> None:
    frame = Frame(name)
    evolution = Leapfrog(action_with_random_weights(group, frame), as_group(group), frame, 0.02)
    first = state(group, frame, width=0.3)
    with torch.no_grad():
        last = evolved(evolution, first, 1000)
        assert (evolution.gauss(last) - evolution.gauss(first)).abs().max() < 1e-12


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize("name", ["static", "laboratory"])
def test_reversed_momenta_lead_back(group: str, name: str) -> None:
    """Rounding grows in the chaos of the fields, so not for too long a time."""
    frame = Frame(name)
    evolution = Leapfrog(action_with_random_weights(group, frame), as_group(group), frame, 0.05)
    first = state(group, frame, width=0.2)
    with torch.no_grad():
        turned = evolution.kick(evolved(evolution, first, 60))
        turned = replace(turned, P=-turned.P, pi=None if turned.pi is None else -turned.pi)
        last = evolved(evolution, turned, 60)
    assert (last.U - first.U).abs().max() < 1e-10
    assert (evolved(evolution, first, 60).U - first.U).abs().max() > 0.1


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize("name", FRAMES)
def test_steps_commute_with_gauge_transformations(group: str, name: str) -> None:
    frame = Frame(name)
    evolution = Leapfrog(action_with_random_weights(group, frame), as_group(group), frame, 0.1)
    now = state(group, frame)
    Omega = random_elements(group, (1, *now.U.shape[2:-2]))

    def turned(X: torch.Tensor | None) -> torch.Tensor | None:
        return None if X is None else Omega @ X @ Omega.mH

    P = torch.stack([turned(now.P[:, i]) for i in range(frame.dimensions)], dim=1)
    other = FieldState(transform_links(now.U, Omega), P, turned(now.phi), turned(now.pi), now.number)
    with torch.no_grad():
        now, other = evolved(evolution, now, 5), evolved(evolution, other, 5)
    torch.testing.assert_close(other.U, transform_links(now.U, Omega), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", ["static", "laboratory"])
def test_the_energy_error_is_second_order_in_the_step(name: str) -> None:
    frame = Frame(name)
    action = action_with_random_weights("SU(2)", frame)
    first = state("SU(2)", frame, width=0.3, number=0)

    def energy(evolution: Leapfrog, now: FieldState) -> float:
        mean = evolution.kick(now)
        P, pi = (now.P + mean.P) / 2, None if now.pi is None else (now.pi + mean.pi) / 2
        potential = action(now.U, now.phi)
        kinetic = (P.abs() ** 2).sum() + (0 if pi is None else (pi.abs() ** 2).sum())
        return float(kinetic + potential.magnetic.sum() + (0 if potential.gradient is None else potential.gradient.sum()))

    errors = []
    for step in (0.1, 0.05):
        evolution = Leapfrog(action, as_group("SU(2)"), frame, step)
        with torch.no_grad():
            energies = [energy(evolution, now) for now in evolution.run(first, round(4 / step))]
        errors.append(np.ptp(energies))
    assert 3.4 < errors[0] / errors[1] < 4.6


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_wilson_is_the_boost_invariant_engine(group: str) -> None:
    engine_group, rng = group_named(group), np.random.default_rng(1)
    grid = Grid((8, 8, 1), substeps=4)
    scheme = BoostInvariant(grid, engine_group, workers=Workers(1))
    links = np.stack(
        [
            engine_group.link_from_matrix(unitary(engine_group, rng.standard_normal((engine_group.DIMENSION, 8, 8)) / 2))
            for _ in range(2)
        ]
    )
    longitudinal = rng.standard_normal((engine_group.DIMENSION, 8, 8)) / 2
    fields = scheme.start(links, longitudinal)
    evolution = Leapfrog(FieldStrengthAction(group, 2), as_group(group), Frame("milne"), grid.a_t)
    with torch.no_grad():
        now = evolution.start(links_to_tensor(links, engine_group), algebra_to_tensor(longitudinal, engine_group)[None])
        now = evolved(evolution, now, 50)
    for _ in range(50):
        scheme.step(fields)
    _assert_same(now, state_from_engine(fields))


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_wilson_is_the_leapfrog_engine(group: str) -> None:
    """Fields in the middle of a long box: in 50 steps nothing reaches its ends."""
    engine_group, rng = group_named(group), np.random.default_rng(2)
    grid = Grid((4, 4, 128), anisotropy=0.5, substeps=2)
    fields = vacuum(grid, engine_group)
    middle = slice(58, 70)
    for i in range(3):
        shape = (engine_group.DIMENSION, 4, 4, 12)
        fields.U[i][..., middle] = engine_group.link_from_matrix(unitary(engine_group, rng.standard_normal(shape) / 3))
        fields.E[i][..., middle] = rng.standard_normal(shape) / 3
    scheme = EngineLeapfrog(grid, engine_group, workers=Workers(1), only_active=False)
    now = state_from_engine(fields)
    evolution = Leapfrog(FieldStrengthAction(group, 3, anisotropy=0.5), as_group(group), Frame("laboratory", 0.5), grid.a_t)
    with torch.no_grad():
        now = evolved(evolution, now, 50)
    for _ in range(50):
        scheme.step(fields)
    _assert_same(now, state_from_engine(fields))


def _assert_same(one: FieldState, other: FieldState) -> None:
    assert one.number == other.number
    for name in ("U", "P", "phi", "pi"):
        a, b = getattr(one, name), getattr(other, name)
        if a is not None:
            assert (a - b).abs().max() < 1e-12, name
            assert a.abs().max() > 0.1


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_states_come_back_from_the_engine(group: str) -> None:
    engine_group, rng = group_named(group), np.random.default_rng(3)
    grid = Grid((4, 4, 16))
    fields = vacuum(grid, engine_group)
    fields.E[...] = rng.standard_normal(fields.E.shape)
    now = state_from_engine(fields)
    other = vacuum(grid, engine_group)
    state_to_engine(now, other)
    assert np.abs(other.E - fields.E).max() < 1e-14
    assert np.abs(other.U - fields.U).max() < 1e-14


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize("width", [1e-12, 1e-3, 0.5])
def test_momenta_between_links_are_those_of_the_drift(group: str, width: float) -> None:
    generator = torch.Generator().manual_seed(8)
    U = random_elements(group, (1, 2, 4, 4), generator)
    P = width * algebra_part(random_elements(group, (1, 2, 4, 4), generator), as_group(group))
    later = exponential(0.25 * P / 3.0, group) @ U
    found = momenta_between(U, later, 0.25, 3.0, as_group(group))
    assert (found - P).abs().max() < 1e-13


def test_checkpointing_gives_the_same_gradients() -> None:
    frame = Frame("milne")
    action = action_with_random_weights("SU(2)", frame)
    evolution = Leapfrog(action, as_group("SU(2)"), frame, 0.1)
    first = state("SU(2)", frame)
    gradients = []
    for checkpointing in (False, True):
        action.zero_grad()
        *_, last = evolution.run(first, 4, checkpointing)
        last.U[:, 0].real.square().sum().backward()
        gradients.append(action.coefficients.grad.clone())
    torch.testing.assert_close(*gradients)
    assert gradients[0].abs().max() > 1e-6
