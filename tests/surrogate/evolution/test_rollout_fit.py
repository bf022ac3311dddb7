"""Coefficients from rollouts: an action is found from where it took the fields."""

from __future__ import annotations

import pytest
import torch

from surrogate.actions.least_squares import Window
from surrogate.evolution.rollout_fit import fit_to_rollouts
from surrogate.evolution.rollouts import RolloutData, RolloutLoss, state_of
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.groups import algebra_part, as_group, random_elements, random_near_unity

TERMS = ("plaquette", "adjacent", "diagonal", "gradient1", "gradient2")
TRUTH = {"plaquette": 1.2, "adjacent": -0.05, "diagonal": -0.03, "gradient1": 1.3, "gradient2": -0.1}


def rollout(group: str = "SU(2)", times: int = 11) -> tuple[EvolutionSurrogate, Window]:
    """A surrogate with other coefficients, and a window of the evolution with the true ones."""
    surrogate = EvolutionSurrogate(group=group, substeps=4, terms=TERMS)
    surrogate.pairs.set_values(TRUTH)
    U = random_near_unity(group, (1, 2, 6, 6), 0.3)
    longitudinal = 0.3 * algebra_part(random_elements(group, (1, 6, 6)), as_group(group))
    with torch.no_grad():
        first = surrogate.start(U, longitudinal)
        states = [first, *surrogate.run(first, times - 1)]
    window = Window(torch.cat([s.U for s in states]), torch.cat([s.phi for s in states]), 1)
    surrogate.pairs.set_values({"plaquette": 1.0, "gradient1": 1.0})
    return surrogate, window


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_the_action_of_a_rollout_is_found(group: str) -> None:
    surrogate, window = rollout(group)
    errors = fit_to_rollouts(surrogate, [window], iterations=8)
    assert errors[0] > 1e-3
    assert errors[-1] < 1e-4 * errors[0]
    assert surrogate.pairs.values() == pytest.approx(TRUTH, abs=1e-4)


def test_the_state_of_a_window_is_that_of_the_leapfrog() -> None:
    surrogate, window = rollout()
    surrogate.pairs.set_values(TRUTH)
    state = state_of(surrogate, window, 3)
    assert state.number == 4
    with torch.no_grad():
        *_, last = surrogate.run(state, 5)
    assert (last.U - window.U[8:9]).abs().max() < 1e-12
    assert (last.phi - window.phi[8:9]).abs().max() < 1e-12


def test_the_loss_of_rollouts_is_the_error_that_the_fit_lowers() -> None:
    surrogate, window = rollout()
    with torch.no_grad():
        loss = float(RolloutLoss()(surrogate, tuple(x[None] for x in RolloutData([window])[0])))
    assert loss == pytest.approx(fit_to_rollouts(surrogate, [window], iterations=1, every=1)[0] ** 2, rel=1e-6)
    surrogate.pairs.set_values(TRUTH)
    with torch.no_grad():
        assert float(RolloutLoss()(surrogate, tuple(x[None] for x in RolloutData([window])[0]))) < 1e-20
