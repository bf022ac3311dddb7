"""Evolutions that users write: a potential has what the leapfrog has, a stepper what it has itself, and files hold both."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from glasma.errors import GlasmaError
from surrogate.errors import LayerError
from surrogate.evolution.compiled import can_be_compiled
from surrogate.evolution.own import OwnEvolution
from surrogate.evolution.plain_stepper import PlainStepper
from surrogate.evolution.rollouts import RolloutLoss
from surrogate.evolution.state import FieldState
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.groups import random_elements
from surrogate.model_files import load_model_of, save_model
from tests.surrogate.states import FRAMES, difference, random_state

HERE = "tests.surrogate.own_models"
PLAIN = "surrogate.evolution.plain_stepper:PlainStepper"


def own(name: str, group: str = "SU(2)", frame: str = "milne", **arguments: object) -> OwnEvolution:
    path = name if ":" in name else f"{HERE}:{name}"
    return OwnEvolution(path=path, arguments=arguments, group=group, frame=frame, substeps=8)


def random_weights(model: OwnEvolution) -> OwnEvolution:
    with torch.no_grad():
        for parameter in model.module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def last(model: OwnEvolution | EvolutionSurrogate, state: FieldState, steps: int = 12) -> FieldState:
    with torch.no_grad():
        *_, end = model.run(state, steps)
    return end


def change_of_gauss(model: OwnEvolution, state: FieldState) -> float:
    return float((model.leapfrog.gauss(last(model, state)) - model.leapfrog.gauss(state)).abs().max() / state.P.abs().max())


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize("frame", ["milne", "static"])
@pytest.mark.parametrize("name", ["Plaquettes", PLAIN])
def test_wilson_s_action_by_hand_and_the_untrained_stepper_are_wilson_s_scheme(group: str, frame: str, name: str) -> None:
    wilson = EvolutionSurrogate(group=group, frame=frame, substeps=8)
    model, state = own(name, group, frame), random_state(group, FRAMES[frame], width=0.4)
    assert model.is_potential == (name == "Plaquettes")
    assert not can_be_compiled(model)
    assert difference(last(model, state), last(wilson, state)) < 1e-12
    assert difference(last(model, state), state) > 0.1
    if frame == "milne":
        with torch.no_grad():
            started = [m.start(state.U, state.pi) for m in (model, wilson)]
        assert difference(*started) < 1e-13


def test_a_potential_is_equivariant_and_keeps_gauss_and_the_plain_stepper_does_not() -> None:
    state = random_state("SU(2)", FRAMES["milne"], width=0.4)
    Omega = random_elements("SU(2)", (1, 4, 4))
    potential, plain = random_weights(own("Plaquettes")), random_weights(own(PLAIN))
    residuals = [difference(last(m, state.transformed(Omega)), last(m, state).transformed(Omega)) for m in (potential, plain)]
    assert residuals[0] < 1e-12
    assert residuals[1] > 0.1
    assert change_of_gauss(potential, state) < 1e-13
    assert change_of_gauss(plain, state) > 0.01
    # Its links and momenta are in the group and the algebra all the same.
    end = last(plain, state)
    assert (end.U @ end.U.mH - torch.eye(2)).abs().max() < 1e-12
    assert (end.P - end.P.mH).abs().max() < 1e-12


def test_a_stepper_is_told_the_time_of_its_links() -> None:
    state = random_state("SU(2)", FRAMES["milne"])
    assert state.number == 5
    assert state.pi is not None
    assert state.phi is not None
    end = last(own("Shifted"), state, 2)
    assert torch.allclose(end.phi, state.phi + (5 / 8 + 6 / 8) * state.pi, atol=1e-14)
    assert end.number == 7


def test_a_constant_potential_has_no_force() -> None:
    state = random_state("SU(2)", FRAMES["milne"], width=0.4)
    end = last(own("Constant"), state, 3)
    assert torch.equal(end.P, state.P)
    assert not torch.equal(end.U, state.U)


@pytest.mark.parametrize("name", ["Plaquettes", PLAIN])
def test_fields_of_single_precision_stay_so_and_lose_nothing_inside(name: str) -> None:
    model, state = own(name), random_state("SU(2)", FRAMES["milne"], width=0.4).to(torch.complex64)
    end = last(model, state)
    assert end.U.dtype == torch.complex64
    assert difference(end, last(model, state.to(torch.complex128)).to(torch.complex64)) == 0


@pytest.mark.parametrize("name", ["Plaquettes", PLAIN])
def test_gradients_do_not_depend_on_checkpointing(name: str) -> None:
    U = torch.stack([random_state("SU(2)", FRAMES["milne"], width=0.02).U[0] for _ in range(5)])
    phi = 0.1 * torch.stack([random_state("SU(2)", FRAMES["milne"]).phi[0] for _ in range(5)])
    batch = U[None], phi[None], torch.tensor([3.0])
    found = []
    for checkpointing in (False, True):
        model = own(name)
        RolloutLoss(checkpointing)(model, batch).backward()
        found.append(torch.cat([p.grad.flatten() for p in model.module.parameters() if p.grad is not None]))
    assert found[0].abs().max() > 0
    torch.testing.assert_close(found[0], found[1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["Plaquettes", "ComplexWeight", PLAIN])
def test_a_model_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    model, state = random_weights(own(name)), random_state("SU(2)", FRAMES["milne"], width=0.4)
    path = save_model(model, tmp_path / "own.safetensors")
    again = load_model_of(path, OwnEvolution)
    assert again.card["config"]["path"] == model.config.path
    for key, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], tensor), key
    assert difference(last(again, state), last(model, state)) == 0


def test_untrained_weights_are_the_same_each_time_and_random_numbers_are_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, other = own(PLAIN), own(PLAIN)
    assert torch.equal(torch.rand(3), expected)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ThreeArguments", r"forward\(U: .*\); needs forward\(U, phi\) → V_B, V_φ, or forward\(U, P, phi, pi, tau\)"),
        ("OneNumber", r"forward gives float64 of shape \(1,\); a potential gives V_B, V_φ of shape \(batch,\)"),
        ("PerSite", r"forward gives V_B as float64 of shape \(1, 4, 4\); needs real of shape \(1,\)"),
        (
            "WrongLinks",
            r"forward gives U as complex128 of shape \(1, 1, 4, 4, 2, 2\), not .* \(1, 2, 4, 4, 2, 2\)",
        ),
        ("TwoFields", "forward gives 2 things; a stepper gives U, P, phi, pi"),
    ],
)
def test_wrong_forwards_give_one_line(name: str, message: str) -> None:
    with pytest.raises(LayerError, match=message) as error:
        last(own(name), random_state("SU(2)", FRAMES["milne"]))
    assert str(error.value).startswith(f"{HERE}:{name}: ")
    assert "\n" not in str(error.value)


def test_a_file_whose_code_is_gone_gives_one_line(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text("from tests.surrogate.own_models import Plaquettes as Mine\n")
    path = save_model(own(f"{source}:Mine"), tmp_path / "own.safetensors")
    load_model_of(path, OwnEvolution)
    source.unlink()
    with pytest.raises(GlasmaError, match=r"mine\.py:Mine': cannot be imported \(FileNotFoundError"):
        load_model_of(path, OwnEvolution)
    source.write_text("from tests.surrogate.own_models import ComplexWeight as Mine\n")
    with pytest.raises(GlasmaError, match="weights and card do not fit each other"):
        load_model_of(path, OwnEvolution)


def test_the_plain_stepper_needs_even_sides() -> None:
    with pytest.raises(LayerError, match="lattice 5×4: half the resolution needs even sides"):
        last(own(PLAIN), random_state("SU(2)", FRAMES["milne"], (5, 4)))
    assert sum(p.numel() for p in PlainStepper("SU(2)", "milne", 0.25).parameters()) > 1e4
