"""Fits of coefficients: an action is found again from what it did, and a weak wave gets its fine frequency."""

from __future__ import annotations

import pytest
import torch

from surrogate.actions import FieldStrengthAction
from surrogate.actions.least_squares import Window, fit_coefficients
from surrogate.errors import LayerError
from surrogate.evolution import Frame, Leapfrog
from surrogate.evolution.leapfrog import FieldState
from surrogate.groups import algebra_part, as_group, exponential, random_elements, random_near_unity


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize("name", ["milne", "static", "laboratory"])
def test_an_action_is_found_from_its_evolution(group: str, name: str) -> None:
    frame = Frame(name, 0.6 if name == "laboratory" else 1.0)
    D = frame.dimensions
    lattice = (4,) * D

    def algebra(*shape: int) -> torch.Tensor:
        return 0.3 * algebra_part(random_elements(group, shape), as_group(group))

    truth = FieldStrengthAction(group, D, reach=2, anisotropy=frame.anisotropy)
    with torch.no_grad():
        truth.coefficients.add_(0.1 * torch.randn(len(truth.names), dtype=torch.float64))
    evolution = Leapfrog(truth, as_group(group), frame, 0.1)
    scalar = [algebra(1, *lattice) if D == 2 else None for _ in range(2)]
    first = FieldState(random_near_unity(group, (1, D, *lattice), 0.5), algebra(1, D, *lattice), *scalar, 3)
    with torch.no_grad():
        states = [first, *evolution.run(first, 5)]
    phi = None if D == 3 else torch.cat([s.phi for s in states])
    window = Window(torch.cat([s.U for s in states]), phi, first.number)
    found = FieldStrengthAction(group, D, reach=2, anisotropy=frame.anisotropy)
    fit = fit_coefficients(found, [window], frame, 0.1, ridge=0)
    assert fit.residual < 1e-6
    assert fit.times == 4
    for term, value in truth.values().items():
        assert abs(found.values()[term] - value) < 1e-6, term


def test_the_first_half_step_counts_too() -> None:
    frame, group = Frame("milne"), as_group("SU(2)")
    truth = FieldStrengthAction("SU(2)", 2, terms=["plaquette", "gradient1"])
    truth.set_values({"plaquette": 1.3, "gradient1": 0.8})
    evolution = Leapfrog(truth, group, frame, 0.2)
    U = random_near_unity("SU(2)", (1, 2, 4, 4), 0.5)
    longitudinal = algebra_part(random_elements("SU(2)", (1, 4, 4)), group)
    with torch.no_grad():
        state = evolution.start(U, longitudinal)
    window = Window(torch.cat([U, state.U]), torch.cat([torch.zeros_like(longitudinal), state.phi]), 0, longitudinal[0])
    found = FieldStrengthAction("SU(2)", 2, terms=["plaquette", "gradient1"])
    assert fit_coefficients(found, [window], frame, 0.2, ridge=0).times == 1
    assert found.values() == pytest.approx(truth.values(), abs=1e-9)


def test_a_weak_wave_gets_the_dispersion_of_the_fine_lattice() -> None:
    """Coarse links of a wave with fine frequency ω: the fitted plaquette coefficient moves it with ω, Wilson's does not."""
    n, step = 8, 0.25
    p = 2 * torch.pi / n
    # ω in units of the coarse lattice: fine momentum p/2, fine frequency 2 sin(p/4), twice that in coarse units.
    omega = 4 * torch.sin(torch.tensor(p / 4, dtype=torch.float64))
    x = p * torch.arange(n, dtype=torch.float64)
    sigma = torch.tensor([[0.5, 0], [0, -0.5]], dtype=torch.complex128)

    def links(t: float) -> torch.Tensor:
        A = torch.zeros(2, n, n, dtype=torch.float64)
        A[1] = 1e-4 * torch.sin(x)[:, None] * torch.cos(omega * t)
        return exponential(A[..., None, None] * sigma, "SU(2)")

    window = Window(torch.stack([links(step * k) for k in range(8)]))
    action = FieldStrengthAction("SU(2)", 2, terms=["plaquette"])
    fit_coefficients(action, [window], Frame("static"), step)
    expected = (torch.sin(omega * step / 2) / step) ** 2 / torch.sin(torch.tensor(p / 2, dtype=torch.float64)) ** 2
    assert action.values()["plaquette"] == pytest.approx(float(expected), rel=1e-6)
    assert action.values()["plaquette"] > 1.01


def test_too_short_windows_are_refused() -> None:
    U = random_elements("SU(2)", (2, 2, 4, 4))
    with pytest.raises(LayerError, match="no time to fit"):
        fit_coefficients(FieldStrengthAction("SU(2)"), [Window(U)], Frame("static"), 0.1)
