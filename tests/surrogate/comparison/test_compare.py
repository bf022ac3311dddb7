"""The comparison: its numbers are those of the schemes, and its page is whole."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from glasma.backend import Workers
from glasma.errors import GlasmaError
from glasma.sections import checked
from surrogate.comparison.config import CompareFile
from surrogate.comparison.contenders import FLOOR, SURROGATE, SYMANZIK, WILSON, contenders
from surrogate.comparison.figures import spectrum
from surrogate.comparison.floor import load_upscaler, upscaled_run
from surrogate.comparison.report import compare
from surrogate.comparison.results import summary
from surrogate.comparison.run import Curves, Event, run_event
from surrogate.dataset import Dataset
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.fitting.own import own_evolution
from surrogate.model_files import load_model_of, save_model
from surrogate.upscaling import Cascade, NetworkUpscaler, Upscaler
from tests.surrogate.pipeline import small_dataset, trained

OWN = "tests.surrogate.own_models"
PLAIN = "surrogate.evolution.plain_stepper:PlainStepper"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("compare")
    dataset = small_dataset(directory / "small.h5")
    evolution = trained(dataset, directory / "evolution", rollouts={"lengths": []})
    upscaler = trained(dataset, directory / "upscaler", train={"model": "upscaler"}, upscaler={"radius": 1})
    return {"dataset": dataset, "evolution": evolution, "upscaler": upscaler}


def compare_file(made: dict[str, Path], **values: object) -> CompareFile:
    given = {"name": "small", "threads": 1, **{key: str(path) for key, path in made.items()}, **values}
    return checked(CompareFile, {"compare": given})


def test_the_page_and_its_numbers(made: dict[str, Path], tmp_path: Path) -> None:
    page = compare(compare_file(made), tmp_path, lambda text: None)
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 5
    assert not re.search(r'(src|href)="(?!data:)', text)
    data = json.loads((tmp_path / "compare.json").read_text())
    (row,) = data["summary"]
    assert row["errors"][SURROGATE] < row["errors"][SYMANZIK] < row["errors"][WILSON]
    assert row["below_wilson"] == pytest.approx(row["errors"][WILSON] / row["errors"][SURROGATE])
    assert row["observables"][SURROGATE]["energy"] < 0.03
    for curves in data["events"][0]["curves"].values():
        assert len(curves["strength"]) == len(data["events"][0]["times"])
        assert curves["gauss"] < 1e-12
    assert max(data["equivariance"].values()) < 1e-12
    assert data["maps"]["gauss_after"] < 1e-10 < data["maps"]["gauss_before"]
    assert {cost["name"] for cost in data["costs"]} >= {"solver, coarse", "surrogate, coarse", "solver, fine, Δτ = a/8"}


def test_the_floor_of_perfect_upscaling_is_zero(made: dict[str, Path]) -> None:
    """A fine run from fields that the upscaler gives exactly is the fine run from them."""
    dataset, upscaler = Dataset(made["dataset"]), Cascade([load_model_of(made["upscaler"], Upscaler)])
    window = dataset.window("test", 0)
    first, second = (list(upscaled_run(upscaler, window, 3, 4, substeps, Workers(1))) for substeps in (8, 16))
    assert (first[0] - window.U[1:2]).abs().max() < 0.05
    # The time step of the fine run matters in second order only.
    assert (first[-1] - second[-1]).abs().max() < 1e-3


def test_wilson_and_symanzik_are_what_their_names_say(made: dict[str, Path]) -> None:
    surrogate = load_model_of(made["evolution"], EvolutionSurrogate)
    schemes = {scheme.name: scheme.model for scheme in contenders(surrogate)}
    assert schemes[WILSON].pairs.values() == {"plaquette": 1.0, "gradient1": 1.0}
    assert schemes[SYMANZIK].pairs.values()["rectangle"] == -1 / 12
    assert schemes[SURROGATE] is surrogate
    event = run_event(Dataset(made["dataset"]), "test", 0, list(contenders(surrogate)), None, Workers(1))
    assert FLOOR not in event.curves
    assert len(event.truth) == len(event.times)


def test_the_summary_is_taken_where_wilson_reaches_the_bar() -> None:
    def curves(*strength: float) -> Curves:
        return Curves(list(strength), [[1.0, 0.0, 0.5]] * 3)

    event = Event("test", 0, [1.0, 2.0, 3.0], [[1.0, 0.0, 0.5]] * 3, {
        WILSON: curves(0.1, 0.6, 0.9), SYMANZIK: curves(0.1, 0.3, 0.6), SURROGATE: curves(0.05, 0.06, 0.1),
    })  # fmt: skip
    (row,) = summary([event])
    assert row["time"] == 2.0
    assert row["below_wilson"] == pytest.approx(10)
    assert row["below_symanzik"] == pytest.approx(5)
    assert row["resolution_gain"] == pytest.approx(10**0.5)


def test_the_spectrum_of_a_wave_is_one_line() -> None:
    x = 2 * np.pi * np.arange(32) / 32
    k, power = spectrum(np.cos(3 * x)[:, None] * np.ones(32), 0.1)
    assert np.argmax(power) == 2
    assert k[2] == pytest.approx(3 * 2 * np.pi / 3.2)
    assert power[2] > 1e20 * np.delete(power, 2).max()


def test_other_evolutions_stand_beside_the_surrogate(made: dict[str, Path], tmp_path: Path) -> None:
    """A file of the surrogate itself has its curve; a plain network breaks in another gauge, and nothing else does."""
    dataset = Dataset(made["dataset"])
    plain = own_evolution(PLAIN, {}, dataset)
    with torch.no_grad():
        for parameter in plain.module.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    broken = save_model(plain, tmp_path / "broken.safetensors")
    others = [str(made["evolution"]), f"{OWN}:Plaquettes", PLAIN, str(broken), PLAIN]
    page = compare(compare_file({"dataset": made["dataset"], "evolution": made["evolution"]}, others=others), tmp_path, print)
    data = json.loads((tmp_path / "compare.json").read_text())
    curves, residuals, turned = data["events"][0]["curves"], data["equivariance"], data["errors_in_another_gauge"]
    exact = [WILSON, SYMANZIK, SURROGATE, "small", "Plaquettes", "PlainStepper", "PlainStepper 2"]
    assert list(curves) == list(residuals) == [*exact[:6], "broken", exact[6]]
    assert curves["small"] == curves[SURROGATE]
    for same in ("Plaquettes", "PlainStepper", "PlainStepper 2"):
        assert curves[same]["strength"] == pytest.approx(curves[WILSON]["strength"], rel=1e-9)
        assert np.array(curves[same]["observables"]) == pytest.approx(np.array(curves[WILSON]["observables"]), rel=1e-9)
    assert list(turned) == list(curves)[2:]
    for name, errors in turned.items():
        if name == "broken":
            assert abs(errors[-1] - curves[name]["strength"][-1]) > 0.05
        else:
            assert errors == pytest.approx(curves[name]["strength"], rel=1e-9)
    assert max(residuals[name] for name in exact) < 1e-12 < 1e-3 < residuals["broken"]
    assert max(curves[name]["gauss"] for name in exact) < 1e-12 < 1e-3 < curves["broken"]["gauss"]
    assert {f"{name}, coarse, in torch" for name in ("Plaquettes", "broken")} <= {cost["name"] for cost in data["costs"]}
    (row,) = data["summary"]
    assert list(row["errors"]) == list(row["observables"]) == list(curves)
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 4
    assert "The same event in another gauge" in text
    assert all(f"<th>{name}</th>" in text for name in curves)


def test_a_scheme_that_runs_away_leaves_the_others_and_the_file_whole(made: dict[str, Path], tmp_path: Path) -> None:
    file = compare_file({"dataset": made["dataset"], "evolution": made["evolution"]}, others=[f"{OWN}:Explodes"])
    compare(file, tmp_path, lambda text: None)

    def refused(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    data = json.loads((tmp_path / "compare.json").read_text(), parse_constant=refused)
    curves = data["events"][0]["curves"]
    assert curves["Explodes"]["strength"][-1] is None
    assert curves[SURROGATE]["strength"][-1] < 0.1


def test_a_network_upscaler_that_has_not_learned_is_its_baseline(made: dict[str, Path], tmp_path: Path) -> None:
    """Its floor is that of the upscaler that it holds."""
    dataset, upscaler = Dataset(made["dataset"]), load_model_of(made["upscaler"], Upscaler)
    network = NetworkUpscaler(baseline="fitted", radius=1, channels=[2])
    assert network.baseline is not None
    network.baseline.load_state_dict(upscaler.state_dict())
    path = save_model(network, tmp_path / "network.safetensors")
    window = dataset.window("test", 0)
    runs = [upscaled_run(load_upscaler(str(p), dataset), window, 3, 4, 8, Workers(1)) for p in (made["upscaler"], path)]
    for one, other in zip(*runs, strict=True):
        assert (one - other).abs().max() < 1e-12
    page = compare(compare_file({**made, "upscaler": path}), tmp_path / "page", lambda text: None)
    assert page.read_text(encoding="utf-8").count("data:image/png;base64,") == 5


def test_other_models_that_do_not_fit_are_refused(made: dict[str, Path], tmp_path: Path) -> None:
    other = str(save_model(EvolutionSurrogate(group="SU(3)"), tmp_path / "su3.safetensors"))
    average = str(save_model(NetworkUpscaler(scalars="average"), tmp_path / "average.safetensors"))
    static = str(save_model(Upscaler(frame="static"), tmp_path / "static.safetensors"))
    refused = (
        ({"others": [str(made["upscaler"])]}, r"compare\.others: .* holds a model of the kind Upscaler, which evolves nothing"),
        ({"others": [other]}, r"compare\.others: .*su3\.safetensors is for group = SU\(3\), .* has SU\(2\); leave it out"),
        ({"others": ["nowhere:Net"]}, "Python path 'nowhere:Net': cannot be imported"),
        ({"others": ["none.safetensors"]}, r"none\.safetensors: is missing"),
        ({"upscaler": str(made["evolution"])}, "holds a model of the kind EvolutionSurrogate, which upscales nothing"),
        ({"upscaler": average}, "is for scalars = average, .* has site; give another file"),
        ({"upscaler": static}, "is for frame = static, .* has milne; give another file"),
    )
    for values, message in refused:
        with pytest.raises(GlasmaError, match=message) as error:
            compare(compare_file(made, **values), tmp_path, lambda text: None)
        assert "\n" not in str(error.value)


def test_models_that_do_not_fit_are_refused(made: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(GlasmaError, match="holds a model of the kind Upscaler"):
        compare(compare_file(made, evolution=str(made["upscaler"])), tmp_path, lambda text: None)
    other = EvolutionSurrogate(group="SU(3)")
    path = save_model(other, tmp_path / "su3.safetensors")
    with pytest.raises(GlasmaError, match=r"group is SU\(2\), not SU\(3\)"):
        compare(compare_file(made, evolution=str(path)), tmp_path, lambda text: None)
    path = save_model(EvolutionSurrogate(substeps=8), tmp_path / "fast.safetensors")
    with pytest.raises(GlasmaError, match=r"dataset\.substeps = 8"):
        compare(compare_file(made, evolution=str(path)), tmp_path, lambda text: None)
    assert torch.is_tensor(other.pairs.coefficients)
