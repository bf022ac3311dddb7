"""Maps of ε, P_L and P_T at later times: an ensemble of L-CNNs, U-Nets on raw and on gauge-fixed links, and the coarse solver.

All networks see the same events, have the same number of parameters, optimiser and batches; the U-Nets no fewer epochs.
The test events are then moved by a random gauge transformation, of which no observable knows, and other events have another
g²μ or a larger lattice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from glasma.sections import Section, checked
from surrogate.gauge_fixing import landau_gauge
from surrogate.groups import as_group, random_elements
from surrogate.model_files import save_model
from surrogate.observables.map_events import Collision2D, MapEvents, coarse_solver_maps, draw_events
from surrogate.observables.map_training import relative_errors, train_maps, train_member
from surrogate.observables.maps import ObservableConfig, ObservableNetwork, coverage, energy_scale
from surrogate.studies.plain_maps import PlainMapNetwork, gauge_transformed, in_landau_gauge, matched_widths
from surrogate.studies.study_file import study_values
from surrogate.training import History, TrainingConfig, training_config

Say = Callable[[str], None]
Prediction = Callable[[MapEvents], Tensor]

#: First seeds of the events of each kind, and of the gauge transformation.
TRAINING, VALIDATION, TEST, OTHER, TRANSFORMATION = 10_000, 20_000, 30_000, 40_000, 50_000
#: The rivals, in the order of tables and figures.
KINDS = ("L-CNN", "coarse solver", "U-Net, gauge fixed", "U-Net")
#: Names of the first two test sets.
PLAIN, TRANSFORMED = "test", "test, gauge transformed"


class MapStudy(Section):
    """What is trained, on what, and how long; every default is stated here."""

    group: Literal["SU(2)", "SU(3)"] = Field(default="SU(2)", description="gauge group")
    cells: int = Field(default=128, ge=8, multiple_of=4, description="sites of the fine lattice along an axis")
    g2mu: float = Field(default=0.2, gt=0, description="g²μ in units of the inverse fine spacing")
    infrared: float = Field(default=0.1, gt=0, description="infrared regulator in units of g²μ")
    ultraviolet: float = Field(default=1.0, gt=0, description="ultraviolet cutoff in units of the inverse fine spacing")
    times: tuple[float, ...] = Field(default=(0.3, 0.8, 1.6), min_length=1, description="g²μτ of the maps")
    training_events: int = Field(default=24, ge=1, description="events of the training")
    validation_events: int = Field(default=8, ge=1, description="events that choose the weights and calibrate the error bars")
    test_events: int = Field(default=16, ge=1, description="events of each test")
    other_g2mu: tuple[float, ...] = Field(
        default=(0.1, 0.3), description="g²μ of further tests, at the same τ in fine spacings"
    )
    larger_cells: int = Field(default=256, ge=8, multiple_of=4, description="sites of the fine lattice in a further test")
    members: int = Field(default=4, ge=2, description="networks in each ensemble")
    convolutions: tuple[int, ...] = Field(default=(24, 24, 24), description="channels after each L-Conv")
    kernel_size: int = Field(default=3, ge=1, description="of the L-Conv")
    channels: tuple[int, ...] = Field(default=(32,), min_length=1, description="channels after each L-CB")
    epochs: int = Field(default=60, ge=1, description="passes over the training events")
    plain_epochs: int = Field(default=300, ge=1, description="passes of the U-Nets; at least as many as `epochs`")
    batch_size: int = Field(default=2, ge=1, description="events a step")
    learning_rate: float = Field(default=0.01, gt=0, description="of Adam, for the L-CNN")
    plain_learning_rate: float = Field(default=0.003, gt=0, description="of Adam, for the U-Nets")
    threads: int = Field(default=0, ge=0, description="CPU threads; 0 leaves PyTorch's choice")

    @field_validator("other_g2mu")
    @classmethod
    def _positive(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if any(value <= 0 for value in values):
            raise ValueError("each must be positive")
        return values

    @property
    def collision(self) -> Collision2D:
        """The events of training and test."""
        return Collision2D(self.group, self.cells, self.g2mu, self.infrared, self.ultraviolet)

    @property
    def fine_times(self) -> list[float]:
        """τ in fine spacings."""
        return [time / self.g2mu for time in self.times]


class _File(Section):
    study: MapStudy = MapStudy()


#: What `--quick` replaces: smaller lattices and networks, fewer events.
QUICK = {
    "cells": 64,
    "larger_cells": 96,
    "training_events": 12,
    "validation_events": 4,
    "test_events": 8,
    "convolutions": [16, 16, 16],
    "channels": [24],
    "epochs": 40,
    "plain_epochs": 120,
    "threads": 1,
}


def load_map_study(path: Path | None, quick: bool, overrides: Iterable[str] = ()) -> MapStudy:
    """The section [study] of a TOML file, or the defaults; `quick` replaces what `QUICK` has, `overrides` any key.

    Raises
    ------
    FileError
        If the file cannot be read.
    ConfigError
        With one line that names the first field at fault.
    """
    return checked(_File, study_values(path, QUICK if quick else None, overrides)).study


@dataclass
class Rival:
    """One way to the maps, and how wrong it is.

    Attributes
    ----------
    kind : of `KINDS`
    parameters : real numbers in one network
    epochs, seconds : of training one network, on average
    loss : training and validation loss, 1 − R², of the first network after each evaluation
    errors : rms error over standard deviation, times × 3, by name of the test
    change : rms change of the maps under the gauge transformation over their standard deviation, largest of all times × 3
    bias : mean of the maps over that of the truth, less 1, times × 3, on the first test
    prediction_seconds : for one event
    """

    kind: str
    parameters: int = 0
    epochs: int = 0
    seconds: float = 0.0
    loss: list[tuple[float, float]] = field(default_factory=list)
    errors: dict[str, list[list[float]]] = field(default_factory=dict)
    change: float = 0.0
    bias: list[list[float]] = field(default_factory=list)
    prediction_seconds: float = 0.0


@dataclass
class Coverage:
    """Part of the test sites within one and two error bars, (2, times, 3), and the factors of the calibration."""

    before: list[Any]
    after: list[Any]
    factors: list[list[float]]


@dataclass
class Example:
    """ε of one test event at the last time: the truth, what each rival says, and the error bar."""

    truth: Tensor
    maps: dict[str, Tensor]
    error: Tensor


@dataclass
class MapResults:
    """What the study finds.

    Attributes
    ----------
    times : g²μτ of the maps, those of the momenta nearest to the wanted ones
    rivals : in the order of `KINDS`
    coverage : of the error bars
    copies : test events whose gauge functional after fixing depends on the gauge before it, by name of the test
    solver_seconds : of the fine run of one event
    example : for a figure
    """

    times: list[float]
    rivals: list[Rival]
    coverage: Coverage
    copies: dict[str, int]
    solver_seconds: float
    example: Example


def run_map_study(study: MapStudy, directory: Path, say: Say) -> MapResults:
    """Train and test all rivals; what is trained already in `directory` is taken from there.

    Parameters
    ----------
    study : MapStudy
    directory : for the trainings, one subdirectory each, and the model file
    say : told what happens

    Raises
    ------
    ConfigError
        If the times are not rising, or the layers do not reach as far as signals travel.
    """
    if study.threads:
        torch.set_num_threads(study.threads)
    times = study.collision.coarse_times(study.fine_times)
    config = ObservableConfig(
        study.group,
        times,
        study.collision.blocking,
        study.convolutions,
        study.channels,
        study.kernel_size,
        members=study.members,
    )
    torch.manual_seed(1)
    network = ObservableNetwork(config)
    training = _draw(study, TRAINING, study.training_events)
    validation = _draw(study, VALIDATION, study.validation_events)
    began = time.perf_counter()
    test = _draw(study, TEST, study.test_events)
    solver_seconds = (time.perf_counter() - began) / len(test)
    tests = {PLAIN: test, TRANSFORMED: _transformed(test, study.group)}
    for g2mu in study.other_g2mu:
        tests[f"g²μ a = {g2mu:g}"] = _draw(study, OTHER, study.test_events, g2mu=g2mu)
    if study.larger_cells != study.cells:
        tests[f"{study.larger_cells}² fine sites"] = _draw(study, OTHER, study.test_events, cells=study.larger_cells)
    say(f"{len(training)} events of {study.group} on {study.cells}² sites for training, {solver_seconds:.2f} s each")

    histories = train_maps(
        network, training, validation, _config(study, study.epochs, study.learning_rate), directory / "trained-lcnn"
    )
    network.double().eval()
    parameters = sum(p.numel() for p in network.members[0].parameters())
    ours = _rival("L-CNN", parameters, histories)
    with torch.no_grad():
        samples = network.samples(test.U, test.E_L)
    mean, spread = samples.mean(0), samples.std(0)
    factors = network.factors.view(*network.factors.shape, 1, 1)
    found = Coverage(
        coverage(mean, spread, test.maps).tolist(),
        coverage(mean, spread * factors, test.maps).tolist(),
        network.factors.tolist(),
    )
    example = Example(test.maps[0, -1, 0], {}, (spread * factors)[0, -1, 0])
    predictions: dict[str, tuple[Rival, Prediction]] = {
        "L-CNN": (ours, lambda events: network(events.U, events.E_L).mean),
        "coarse solver": (
            Rival("coarse solver"),
            lambda events: coarse_solver_maps(_collision_of(study, events), study.fine_times, events),
        ),
    }
    for kind, prepare in (("U-Net, gauge fixed", in_landau_gauge), ("U-Net", _as_it_is)):
        predictions[kind] = _plain(study, kind, prepare, parameters, len(times), training, validation, directory)
    rivals = []
    for kind in KINDS:
        rival, predict = predictions[kind]
        _test(rival, predict, tests, example)
        say(f"{kind}: " + "  ".join(f"{name} {_span(errors)}" for name, errors in rival.errors.items()))
        rivals.append(rival)
    save_model(
        network,
        directory / "observable_maps.safetensors",
        training_data=study.model_dump(mode="json"),
        metrics={"relative_errors": ours.errors[PLAIN], "coverage": found.after},
    )
    copies = {name: _copies(events, study.group) for name, events in tests.items() if name != TRANSFORMED}
    scaled = [float(tau * study.collision.blocking * study.g2mu) for tau in times]
    return MapResults(scaled, rivals, found, copies, solver_seconds, example)


def _draw(study: MapStudy, first: int, count: int, **changes: Any) -> MapEvents:
    values = {"cells": study.cells, "g2mu": study.g2mu} | changes
    collision = Collision2D(study.group, infrared=study.infrared, ultraviolet=study.ultraviolet, **values)
    return draw_events(collision, study.fine_times, range(first, first + count))


def _collision_of(study: MapStudy, events: MapEvents) -> Collision2D:
    return Collision2D(study.group, events.U.shape[2] * study.collision.blocking)


def _transformed(events: MapEvents, group: str) -> MapEvents:
    """The events after a gauge transformation that is random at each site."""
    generator = torch.Generator().manual_seed(TRANSFORMATION)
    return gauge_transformed(events, random_elements(group, (len(events), *events.U.shape[2:-2]), generator))


def _as_it_is(events: MapEvents) -> MapEvents:
    return events


def _config(study: MapStudy, epochs: int, learning_rate: float) -> TrainingConfig:
    return training_config(
        {
            "epochs": epochs,
            "batch_size": study.batch_size,
            "learning_rate": learning_rate,
            "loss": "relative",
            "schedule": "cosine",
            "warmup_epochs": max(1, epochs // 10),
            "gradient_clip": 1.0,
            "evaluation_every": max(1, epochs // 20),
            "checkpoint_every": max(1, epochs // 4),
            "threads": study.threads,
            "tensorboard": False,
        }
    )


def _plain(
    study: MapStudy,
    kind: str,
    prepare: Callable[[MapEvents], MapEvents],
    parameters: int,
    times: int,
    training: MapEvents,
    validation: MapEvents,
    directory: Path,
) -> tuple[Rival, Prediction]:
    """An ensemble of U-Nets, on what `prepare` makes of the events."""
    N = as_group(study.group).N
    config = _config(study, max(study.epochs, study.plain_epochs), study.plain_learning_rate)
    known, unseen = prepare(training), prepare(validation)
    place = directory / ("trained-unet-fixed" if prepare is in_landau_gauge else "trained-unet")
    networks: list[nn.Module] = []
    histories = []
    for number in range(study.members):
        torch.manual_seed(1 + number)
        network = PlainMapNetwork(N, times, *matched_widths(parameters, N, times))
        network.standardise(known)
        own = config.model_copy(update={"seed": config.seed + number})
        histories.append(train_member(network, known, unseen, own, place / f"member{number}"))
        networks.append(network.double().eval())

    def predict(events: MapEvents) -> Tensor:
        scale = energy_scale(events.U, events.E_L).view(-1, 1, 1, 1, 1)
        seen = prepare(events)
        return torch.stack([network(seen.U, seen.E_L) for network in networks]).mean(0).unflatten(1, (-1, 3)) * scale

    return _rival(kind, sum(p.numel() for p in networks[0].parameters()), histories), predict


def _rival(kind: str, parameters: int, histories: list[History]) -> Rival:
    first = [(row.train_loss, row.validation_loss) for row in histories[0].epochs if row.validation_loss is not None]
    seconds = sum(sum(history.seconds) for history in histories) / len(histories)
    return Rival(kind, parameters, histories[0].epochs[-1].epoch, seconds, first)


@torch.no_grad()
def _test(rival: Rival, predict: Prediction, tests: dict[str, MapEvents], example: Example) -> None:
    found = {}
    for name, events in tests.items():
        began = time.perf_counter()
        found[name] = torch.cat([predict(events[n : n + 1]) for n in range(len(events))])
        if name == PLAIN:
            rival.prediction_seconds = (time.perf_counter() - began) / len(events)
        rival.errors[name] = relative_errors(found[name], events.maps).tolist()
    truth = tests[PLAIN].maps
    axes = (0, 3, 4)
    change = (found[TRANSFORMED] - found[PLAIN]).square().mean(axes).sqrt() / truth.std(axes)
    rival.change = float(change.max())
    rival.bias = (found[PLAIN].mean(axes) / truth.mean(axes) - 1).tolist()
    example.maps[rival.kind] = found[PLAIN][0, -1, 0]


def _copies(events: MapEvents, group: str) -> int:
    """Events that reach another maximum of the gauge functional from another gauge."""
    here, there = landau_gauge(events.U), landau_gauge(_transformed(events, group).U)
    return int(((here.functional - there.functional).abs() > 1e-9).sum())


def _span(errors: list[list[float]]) -> str:
    values = [value for row in errors for value in row]
    return f"{min(values):.3f}–{max(values):.3f}"
