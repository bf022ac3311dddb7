"""How data sets are drawn: interruptions leave no trace, splits share no event, and what cannot be is said in one line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
import pytest

from glasma.ensemble import event_seed
from glasma.errors import ConvergenceError, FileError, GlasmaError
from surrogate.dataset import draw, load_dataset_config
from surrogate.dataset.config import dataset_config
from surrogate.dataset.dataset_file import altered, read_content
from surrogate.dataset.draw import DrawingInterrupted, draw_dataset
from surrogate.dataset.plan import make_plan
from tests.surrogate.dataset.small import box_values, small, toml, values
from tests.tiny_run import assert_refused, glasma


def test_interrupted_drawing_goes_on_to_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_dataset(tmp_path / "whole.h5", small(fine_times=["0.1 fm"]))
    drawing, calls = draw.draw_event, []

    def interrupting(path: Path, event: draw.EventPlan) -> None:
        calls.append(str(event))
        if len(calls) == 2:
            raise KeyboardInterrupt
        drawing(path, event)

    monkeypatch.setattr(draw, "draw_event", interrupting)
    with pytest.raises(DrawingInterrupted) as stopped:
        draw_dataset(tmp_path / "parts.h5", small(fine_times=["0.1 fm"]))
    assert (stopped.value.done, stopped.value.count) == (1, 3)
    assert not (tmp_path / "parts.h5").exists()
    with pytest.raises(
        FileError, match=r"holds another data set \(dataset.end differs\); choose another --out file or --overw"
    ):
        draw_dataset(tmp_path / "parts.h5", small(end="0.4 fm"))
    draw_dataset(tmp_path / "parts.h5", small(fine_times=["0.1 fm"]))
    assert len(calls) == 4, "the finished event is not drawn again"
    assert (tmp_path / "parts.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts.h5", "whole.h5"]


def test_killed_processes_leave_whole_events_and_the_same_command_goes_on(tmp_path: Path) -> None:
    data = values(end="4 fm")
    data["split"][0]["events"] = 8
    config, out = tmp_path / "small.toml", tmp_path / "killed.h5"
    config.write_text(toml(data))
    command = [sys.executable, "-m", "glasma.cli", "dataset", str(config), "--out", str(out), "--quiet", "--processes", "2"]
    process = subprocess.Popen(command)
    pieces = tmp_path / "killed.h5.events"
    while len(list(pieces.glob("[a-z]*.h5"))) < 2 and process.poll() is None:
        time.sleep(0.002)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists(), "it was killed too late"
    assert psutil.wait_procs(workers, timeout=10)[1] == [], "the processes of the events end with it"
    assert 2 <= len(list(pieces.glob("[a-z]*.h5"))) < 9
    draw_dataset(tmp_path / "whole.h5", load_dataset_config(config))
    draw_dataset(out, load_dataset_config(config))
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_events_are_those_of_an_ensemble_with_the_seed_of_the_split(tmp_path: Path) -> None:
    config = small()
    seeds = {plan.split.name: plan.seeds for plan in make_plan(config)}
    assert seeds == {"train": [event_seed(1, 0), event_seed(1, 1)], "test": [event_seed(2, 0)]}
    draw_dataset(tmp_path / "small.h5", config)
    with h5py.File(tmp_path / "small.h5") as file:
        stored = [file[f"{split}/{event}"].attrs for split, event in (("train", "0000"), ("train", "0001"), ("test", "0000"))]
        assert [int(attrs["seed"]) for attrs in stored] == [*seeds["train"], *seeds["test"]]
        assert json.loads(stored[1]["config"])["run"]["seed"] == seeds["train"][1]
        first = {split: file[f"{split}/0000/U"][()] for split in ("train", "test")}
    assert np.abs(first["train"] - first["test"]).max() > 0.1


def test_file_that_is_there_is_kept_unless_it_is_another(tmp_path: Path) -> None:
    path = tmp_path / "small.h5"
    draw_dataset(path, small())
    before = path.stat().st_mtime_ns
    draw_dataset(path, small())
    assert path.stat().st_mtime_ns == before
    with pytest.raises(FileError, match=r"holds another data set \(dataset.precision differs\)"):
        draw_dataset(path, small(precision="float32"))
    draw_dataset(path, small(precision="float32"), overwrite=True)
    assert read_content(path).precision == "float32"


def test_changed_number_is_found(tmp_path: Path) -> None:
    path = tmp_path / "small.h5"
    draw_dataset(path, small(fine_times=["0.3 fm"]))
    assert altered(path) == []
    with h5py.File(path, "r+") as file:
        file["train/0001/phi"][3, 0, 1, 2] += 1e-15
        file["test/0000/fine/6/E"][0, 0, 0, 0] *= -1
    assert sorted(altered(path)) == ["test/0000/fine/6/E", "train/0001/phi"]


def test_event_without_initial_condition_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(event: object) -> None:
        raise ConvergenceError("initial condition at τ = 0: link")

    monkeypatch.setattr(draw, "fine_event", fails)
    with pytest.raises(ConvergenceError, match=r"event train/0000 \(seed \d+\): initial condition"):
        draw_dataset(tmp_path / "small.h5", small())


Change = Callable[[dict[str, Any]], Any]


def _set(section: str, key: str, value: Any) -> Change:
    def change(data: dict[str, Any]) -> None:
        place = data
        for part in filter(None, section.split(".")):
            place = place[part]
        place[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_set("dataset", "blockin", 2), "dataset.blockin = 2: unknown key; did you mean blocking?"),
        (_set("dataset", "end", 3.0), "dataset.end = 3.0: needs a number with a unit"),
        (_set("dataset", "end", "0.05 fm"), "dataset.end = 0.05 fm: holds fewer than two steps of Δτ_c = 0.05 fm"),
        (_set("dataset", "substeps", 3), "dataset.substeps = 3: Δτ_c = 2 a_T/3 is no whole number of fine steps a_T/4; set"),
        (_set("dataset", "blocking", 3), "source.lattice.transverse_cells = 16: must be a multiple of dataset.blocking = 3"),
        (_set("dataset", "fine_times", ["0.12 fm"]), "dataset.fine_times = 0.12 fm: is no time of the coarse lattice"),
        (_set("dataset", "fine_times", ["0.4 fm"]), "the nearest is 0.3 fm"),
        (_set("source", "kind", "bag"), "source.kind = 'bag': must be one of"),
        (_set("source.nuclei", "g2mux", "1 GeV"), "source.nuclei.g2mux = '1 GeV': unknown key; did you mean g2mu?"),
        (_set("source.nuclei", "g2mu", "1 GeVV"), "source.nuclei.g2mu = '1 GeVV': unit GeVV does not fit here"),
        (_set("source.nuclei", "ultraviolet_cutoff", "0.3 fm^-1"), "source.nuclei.ultraviolet_cutoff = 0.0591981 GeV: must"),
        (_set("source.nuclei", "source", "file"), 'source.nuclei.source = "file": has no randomness'),
        (_set("source.evolution", "scheme", "leapfrog"), 'source.evolution.scheme = "leapfrog": must be "boost_invariant"'),
        (_set("source.evolution", "substeps", 1), "source.evolution.substeps = 1: Δτ = a_T is beyond the bound"),
        (_set("source", "fields", {"correlation_length": 1, "amplitude": 1}), "source.fields: has no meaning"),
        (_set("source", "nuclei", {}), "source.nuclei.g2mu: is missing"),
        (lambda data: data["source"].pop("nuclei"), "source.nuclei: is missing; source.kind"),
        (lambda data: data["source"].pop("lattice"), "source.lattice: is missing; set lattice in [source]"),
        (lambda data: data.pop("split"), "split: is missing; add the section [split]"),
        (lambda data: data["split"][1].pop("seed"), "split.seed: is missing; set seed in [split]"),
        (lambda data: data["split"][1].update(seed=1), 'split "test": seed = 1: 1 of its events have the random numbers of'),
        (
            lambda data: data["split"][1].update(seed=1, set=["nuclei.g2mu=6 fm^-1"]),
            'split "test": seed = 1: 1 of its events have the random numbers of "train"',
        ),
        (lambda data: data["split"][1].update(name="train"), 'split.name = "train": there are two of that name'),
        (lambda data: data["split"][1].update(set=["nuclei.g2mux=1"]), 'split "test": nuclei.g2mux = 1: unknown key'),
        (lambda data: data["split"][1].update(set=["nuclei"]), 'split "test": nuclei: needs the form section.key=value'),
        (lambda data: data["split"][1].update(set=["lattice.group=SU(3)"]), 'split "test": lattice.group = "SU(3)": must be'),
    ],
)
def test_what_cannot_be_drawn_is_one_line(tmp_path: Path, change: Change, expected: str) -> None:
    data = values()
    change(data)
    with pytest.raises(GlasmaError) as error:
        make_plan(dataset_config(data))
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_seeds_may_come_back_with_other_physics_between_tests_only() -> None:
    data = values()
    data["split"].append({"name": "stronger", "events": 1, "seed": 2, "set": ["nuclei.g2mu=6 fm^-1"]})
    make_plan(dataset_config(data))
    data["split"][2]["set"] = []
    with pytest.raises(GlasmaError, match='split "stronger": seed = 2: 1 of its events have the random numbers of "test"'):
        make_plan(dataset_config(data))


def test_sections_come_from_a_run_where_it_is_named(tmp_path: Path) -> None:
    data = values()
    own = {"kind": "boost_invariant", "config": "run.toml", "nuclei": {"g2mu": "6 fm^-1"}}
    sections = {**data, "dataset": {"name": "x"}, "source": {**data["source"], "precision": "float32"}, "split": []}
    run = toml(sections).replace("[dataset]", "[run]").replace("[source]\n", "").replace("source.", "")
    (tmp_path / "run.toml").write_text(run)
    (tmp_path / "set.toml").write_text(toml({**data, "source": own}))
    source = load_dataset_config(tmp_path / "set.toml", ["split=[]", 'split=[{name = "a", events = 1, seed = 3}]']).source
    assert source.precision == "float32"
    assert source.nuclei is not None
    assert source.nuclei.g2mu == pytest.approx(6 * 0.1973269804)
    assert source.nuclei.infrared_regulator == pytest.approx(0.5 * 0.1973269804)
    assert source.lattice.transverse_cells == 16
    assert source.evolution.end_time == 0.3


def test_command_draws_and_info_says_what_it_is(tmp_path: Path) -> None:
    config, out = tmp_path / "box.toml", tmp_path / "new" / "box.h5"
    config.write_text(toml(box_values()))
    outcome = glasma("dataset", config, "--set", "dataset.precision=float32", "--out", out, "--quiet")
    assert outcome.status == 0, outcome.err
    said = glasma("info", out)
    assert said.out == outcome.out
    for words in ("data set of SU(2), boxes that do not expand", "float32", "2 events from seed 1, 8 × 8 sites of 0.2 fm"):
        assert words in said.out
    assert_refused(glasma("dataset", config, "--out", out, "--quiet"), "dataset.precision differs")
    assert_refused(glasma("dataset", config, "--out", tmp_path, "--quiet"), "is a directory; choose another --out file")
    assert_refused(glasma("dataset", config, "--processes", "0", "--out", out), "--processes 0: must be at least 1")
    assert_refused(glasma("dataset", tmp_path / "none.toml", "--out", out), "cannot be read")


def test_configuration_of_the_study_is_valid() -> None:
    plans = make_plan(load_dataset_config(Path(__file__).parents[3] / "runs/surrogate_mv_su2_dataset.toml"))
    sizes = {plan.split.name: (plan.split.events, plan.grid.shape[0], plan.timing.steps) for plan in plans}
    train, other = (8, 64, 48), {"validation": (2, 64, 48), "test": (4, 64, 48), "larger": (2, 128, 48)}
    assert sizes == {"train": train, **other, "stronger": (3, 64, 48)}
    assert [plan.grid.spacing_fm for plan in plans] == pytest.approx([0.1] * 5)
