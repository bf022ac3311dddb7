"""Small studies: what the L-CNNs learn they know on every lattice, and no gauge transformation moves them."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from glasma.cli import cli
from glasma.errors import ConfigError
from glasma.euclidean import wilson_loops
from surrogate.studies.gauge_attack import attack
from surrogate.studies.loop_data import draw_loops
from surrogate.studies.loop_networks import STAGES, LoopNetwork, PlainNetwork
from surrogate.studies.topological_charge import ChargeStudy, run_charge_study
from surrogate.studies.wilson_loops import LoopStudy, load_study, run_study

SMALL = {
    "betas": [1.0, 4.0],
    "training_configurations": 8,
    "validation_configurations": 2,
    "test_sides": [8, 16],
    "test_sites": 512,
    "seeds": [1],
    "plain_widths": [8],
    "plain_depths": [2],
    "plain_epochs": 10,
    "target": 1e-25,
}


def test_small_loops_are_learned_to_rounding_on_every_lattice(tmp_path: Path) -> None:
    study = LoopStudy(loops=["1x1", "1x2"], iterations=80, **SMALL)
    found = run_study(study, tmp_path, lambda _: None)
    assert [(trained.kind, trained.size) for trained in found] == [
        (kind, size) for size in ((1, 1), (1, 2)) for kind in ("L-CNN", "CNN")
    ]
    for trained in found:
        assert trained.attack is not None
        if trained.kind == "L-CNN":
            assert max(trained.error.values()) < 1e-20
            assert trained.attack.chosen < 1e-13
        else:
            assert min(trained.error.values()) > 0.1
            assert trained.attack.chosen > 2 * trained.attack.random > 1e-2
    again = run_study(study, tmp_path, lambda _: None)
    assert again == found


def test_a_network_of_two_layers_learns_its_loop_in_stages(tmp_path: Path) -> None:
    study = LoopStudy(loops=["2x2"], iterations=60, **SMALL)
    trained = run_study(study, tmp_path, lambda _: None)[0]
    assert max(trained.error.values()) < 1e-3
    assert max(trained.error.values()) < 3 * min(trained.error.values())


def test_heads_of_an_untrained_network_are_gauge_invariant_and_of_their_layer() -> None:
    torch.manual_seed(1)
    data = draw_loops("SU(3)", 4, (3.0,), 2, [(1, 1)], 5)
    network = LoopNetwork("SU(3)", STAGES[(4, 4)], 3).double()
    assert len(network.predictions(data.links)) == 4
    assert len(network.predictions(data.links, 2)) == 2
    assert attack(network, data.links, 1.0, seed=2, steps=3).chosen < 1e-12
    plain = PlainNetwork(3, 4, 2).double()
    assert plain(data.links).shape == (2, 4, 4)
    shifted = torch.roll(data.links, 1, 2)
    torch.testing.assert_close(plain(shifted), torch.roll(plain(data.links), 1, 1))


def test_configurations_of_a_study_are_those_of_their_seed() -> None:
    one, other = (draw_loops("SU(2)", 4, (0.5, 2.0), 3, [(2, 2)], seed) for seed in (1, 2))
    assert not torch.equal(one.links, other.links)
    assert torch.equal(one.links, draw_loops("SU(2)", 4, (0.5, 2.0), 3, [(2, 2)], 1).links)
    assert torch.equal(one.loops[2, 2], torch.from_numpy(wilson_loops(one.links.numpy(), size=(2, 2))))


def test_topological_charge_is_learned_to_rounding(tmp_path: Path) -> None:
    study = ChargeStudy(seeds=[1], configurations=4, test_sides=[4, 6], iterations=150, thermalisation=5)
    result = run_charge_study(study, tmp_path, lambda _: None)[0]
    assert max(result.error.values()) < 1e-15
    assert max(result.charge_error.values()) < 1e-6


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("study.loops=['3x3']", "'3x3' must be one of 1x1, 1x2, 2x2, 4x4"),
        ("study.seeds=[]", "study.seeds"),
        ("study.betas=['hot']", "study.betas"),
        ("study.sites=8", "study.sites"),
        ("study.iterations=0", "study.iterations = 0"),
    ],
)
def test_wrong_values_are_named(override: str, line: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_study(None, True, [override])
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_command_writes_every_number_and_a_page(tmp_path: Path) -> None:
    out = tmp_path / "study"
    settings = {**SMALL, "loops": ["1x1"], "iterations": 40}
    sets = [part for key, value in settings.items() for part in ("--set", f"study.{key}={value}")]
    run = CliRunner().invoke(cli, ["study", "wilson-loops", *sets, "--out", str(out)])
    assert run.exit_code == 0, run.output
    assert "| 1x1 | L-CNN |" in run.output
    page = (out / "report.html").read_text()
    assert page.count("<img") == 4
    assert "below its bar" in page
    rows = (out / "results.csv").read_text().splitlines()
    assert len(rows) == 3
    assert (out / "results.json").exists()
    other = CliRunner().invoke(cli, ["study", "wilson-loops", *sets, "--set", "study.iterations=41", "--out", str(out)])
    assert other.exit_code != 0
    assert "holds another study" in str(other.exception)
