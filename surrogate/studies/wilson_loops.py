"""The study of arXiv:2012.12901: networks that learn Wilson loops on 8 × 8 sites and are tried on lattices up to 64 × 64.

For each size of loop and each seed an L-CNN (`LoopNetwork`) is trained stage by stage with L-BFGS, and plain convolutional
networks for at least as many epochs on the same data.  Both are then attacked by gauge transformations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from glasma.backend import Workers
from glasma.progress import Silent
from glasma.sections import Section, checked
from surrogate.studies.gauge_attack import Attack, attack
from surrogate.studies.loop_data import LoopData, draw_loops
from surrogate.studies.loop_networks import STAGES, LoopNetwork, PlainNetwork, Size
from surrogate.studies.study_file import study_values
from surrogate.training import Trainer, TrainingConfig, training_config

#: Seeds of the three kinds of configurations.
TRAINING, VALIDATION, TEST = 1, 2, 3
#: Links are compared in batches of this many sites, a matter of memory.
_SITES_AT_ONCE = 2**14

Say = Callable[[str], None]


class LoopStudy(Section):
    """What is trained, on what, and how long; every default is stated here."""

    group: Literal["SU(2)", "SU(3)"] = Field(default="SU(2)", description="gauge group")
    loops: tuple[str, ...] = Field(default=("1x1", "1x2", "2x2", "4x4"), min_length=1, description="loops that are learned")
    seeds: tuple[int, ...] = Field(default=(1, 2, 3, 4, 5), min_length=1, description="seeds of the weights")
    betas: tuple[float, ...] = Field(
        default=(0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6), min_length=1, description="couplings, of training and test alike"
    )
    side: int = Field(default=8, ge=2, description="sites along each axis in training")
    training_configurations: int = Field(default=20, ge=1, description="for each coupling")
    validation_configurations: int = Field(default=5, ge=1, description="for each coupling")
    test_sides: tuple[int, ...] = Field(default=(8, 16, 32, 64), min_length=1, description="lattices of the test")
    test_sites: int = Field(default=4096, ge=64, description="for each coupling and lattice; at least one configuration")
    channels: int = Field(default=2, ge=1, description="of the L-CNN after each layer")
    iterations: int = Field(default=400, ge=1, description="of L-BFGS in each stage, at most")
    target: float = Field(default=1e-9, gt=0, description="a stage ends at this validation loss")
    plain_widths: tuple[int, ...] = Field(default=(16, 32), min_length=1, description="channels of the plain networks")
    plain_depths: tuple[int, ...] = Field(default=(2, 4), min_length=1, description="3 × 3 convolutions of the plain networks")
    plain_epochs: int = Field(default=300, ge=1, description="passes of Adam at least; more if the L-CNN took more")
    plain_activation: Literal["relu", "tanh", "leaky_relu", "sigmoid"] = Field(default="relu", description="between them")
    threads: int = Field(default=0, ge=0, description="CPU threads; 0 leaves PyTorch's choice")

    @field_validator("loops")
    @classmethod
    def _known_loops(cls, loops: tuple[str, ...]) -> tuple[str, ...]:
        known = {named(size) for size in STAGES}
        if unknown := [loop for loop in loops if loop not in known]:
            raise ValueError(f"{unknown[0]!r} must be one of {', '.join(sorted(known))}")
        return loops

    @property
    def sizes(self) -> list[Size]:
        """The loops as (m, n)."""
        return [size for size in STAGES if named(size) in self.loops]

    @property
    def targets(self) -> list[Size]:
        """The loops of all stages."""
        return list(dict.fromkeys(stage.loop for size in self.sizes for stage in STAGES[size]))


class _File(Section):
    study: LoopStudy = LoopStudy()


#: What `--quick` replaces: fewer seeds, one plain network.
QUICK = {
    "seeds": [1, 2, 3],
    "training_configurations": 10,
    "test_sites": 2048,
    "iterations": 250,
    "plain_epochs": 200,
    "plain_widths": [16],
    "plain_depths": [4],
}


def named(size: Size) -> str:
    """1x2 for (1, 2)."""
    return f"{size[0]}x{size[1]}"


def load_study(path: Path | None, quick: bool, overrides: Iterable[str] = ()) -> LoopStudy:
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
class Trained:
    """A network after its training.

    Attributes
    ----------
    kind : "L-CNN" or "CNN"
    name : of its architecture
    size, seed : of the loop and of its weights
    parameters : real numbers in it
    epochs : of training, iterations of L-BFGS or passes of Adam
    loss : training and validation loss, 1 − R², after each evaluation
    error : 1 − R² on the test configurations, by side
    scatter : true and predicted loops of some test sites, by side
    attack : what gauge transformations do to it
    """

    kind: str
    name: str
    size: Size
    seed: int
    parameters: int = 0
    epochs: int = 0
    loss: list[tuple[float, float]] = field(default_factory=list)
    error: dict[int, float] = field(default_factory=dict)
    scatter: dict[int, tuple[list[float], list[float]]] = field(default_factory=dict)
    attack: Attack | None = None


def run_study(study: LoopStudy, directory: Path, say: Say) -> list[Trained]:
    """Train and test all networks; what is trained already in `directory` is taken from there.

    Parameters
    ----------
    study : LoopStudy
    directory : for the trainings, one subdirectory each
    say : told what happens
    """
    workers = Workers(study.threads or torch.get_num_threads())

    def draw(side: int, count: int, seed: int) -> LoopData:
        return draw_loops(study.group, side, study.betas, count, study.targets, seed, workers)

    say(f"configurations of {study.group} at {len(study.betas)} couplings")
    training = draw(study.side, study.training_configurations, TRAINING)
    validation = draw(study.side, study.validation_configurations, VALIDATION)
    tests = {side: draw(side, max(1, study.test_sites // side**2), TEST) for side in study.test_sides}
    found = []
    for size in study.sizes:
        for seed in study.seeds:
            trained, network = train_equivariant(study, size, seed, training, validation, directory)
            found.append(_tested(trained, network, tests, say))
            for width in study.plain_widths:
                for depth in study.plain_depths:
                    plain, network = train_plain(study, trained, width, depth, training, validation, directory)
                    found.append(_tested(plain, network, tests, say))
    return found


def train_equivariant(
    study: LoopStudy, size: Size, seed: int, training: LoopData, validation: LoopData, directory: Path
) -> tuple[Trained, nn.Module]:
    """L-BFGS on the loops of the first layer, then of the first two, and so on to the whole network."""
    stages = STAGES[size]
    trained = Trained("L-CNN", f"{len(stages)} layers of {study.channels} channels", size, seed)
    torch.manual_seed(seed)
    network = LoopNetwork(study.group, stages, study.channels)
    trained.parameters = sum(p.numel() for p in network.parameters())
    stopping = {"epochs": study.iterations, "target_loss": study.target}
    config = _config(study, seed, optimiser="lbfgs", batch_size=0, lbfgs={"history": 100}, **stopping)
    for depth in range(1, len(stages) + 1):
        targets = [stage.loop for stage in stages[:depth]]
        variances = [float(training.loops[target].var()) for target in targets]

        def loss(model: nn.Module, batch: tuple[Tensor, ...], variances: list[float] = variances) -> Tensor:
            links, *loops = batch
            assert isinstance(model, LoopNetwork)
            terms = zip(model.predictions(links, len(loops)), loops, variances, strict=True)
            return torch.stack([(found - loop).square().mean() / variance for found, loop, variance in terms]).sum()

        # A layer that has no target yet is not in the graph.
        for number, layer in enumerate(zip(network.layers, network.heads, strict=True)):
            for part in layer:
                part.requires_grad_(number < depth)
        place = directory / f"lcnn-{named(size)}-seed{seed}" / f"stage{depth}"
        known, unseen = ((part.links, *(part.loops[target] for target in targets)) for part in (training, validation))
        history = Trainer(network, loss, known, unseen, config, place, reporter=Silent()).fit(resume=True)
        trained.epochs += history.epochs[-1].epoch if history.epochs else 0
        trained.loss += [(row.train_loss, row.validation_loss) for row in history.epochs if row.validation_loss is not None]
    network.requires_grad_(True)
    return trained, network


def train_plain(
    study: LoopStudy, rival: Trained, width: int, depth: int, training: LoopData, validation: LoopData, directory: Path
) -> tuple[Trained, nn.Module]:
    """Adam on the loop itself, for no fewer epochs than the L-CNN had."""
    trained = Trained("CNN", f"{depth} convolutions of {width} channels", rival.size, rival.seed)
    torch.manual_seed(rival.seed)
    network = PlainNetwork(training.links.shape[-1], width, depth, study.plain_activation)
    trained.parameters = sum(p.numel() for p in network.parameters())
    config = _config(
        study, rival.seed, epochs=max(rival.epochs, study.plain_epochs), batch_size=20, schedule="cosine", learning_rate=2e-3
    )
    place = directory / f"cnn-{named(rival.size)}-{width}x{depth}-seed{rival.seed}"
    known, unseen = ((part.links, part.loops[rival.size]) for part in (training, validation))
    variance = float(training.loops[rival.size].var())

    def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        links, loop = batch
        return (model(links) - loop).square().mean() / variance

    history = Trainer(network, loss, known, unseen, config, place, reporter=Silent()).fit(resume=True)
    trained.epochs = history.epochs[-1].epoch
    trained.loss = [(row.train_loss, row.validation_loss) for row in history.epochs if row.validation_loss is not None]
    return trained, network


def _config(study: LoopStudy, seed: int, **values: Any) -> TrainingConfig:
    common = {"precision": "float64", "seed": seed, "threads": study.threads, "tensorboard": False, "checkpoint_every": 100}
    return training_config(common | values)


def _tested(trained: Trained, network: nn.Module, tests: dict[int, LoopData], say: Say) -> Trained:
    for side, test in tests.items():
        loop = test.loops[trained.size]
        prediction = predicted(network, test.links)
        trained.error[side] = float((prediction - loop).square().mean() / loop.var())
        some = slice(None, None, max(1, loop.numel() // 500))
        trained.scatter[side] = loop.flatten()[some].tolist(), prediction.flatten()[some].tolist()
    smallest = tests[min(tests)]
    spread = float(smallest.loops[trained.size].std())
    trained.attack = attack(network, smallest.links[:: max(1, len(smallest.links) // 10)], spread, trained.seed)
    errors = "  ".join(f"{side}²: {error:.1e}" for side, error in trained.error.items())
    say(f"W({named(trained.size)}) {trained.kind}, {trained.name}, seed {trained.seed}: 1 − R² {errors}")
    return trained


@torch.no_grad()
def predicted(network: nn.Module, links: Tensor) -> Tensor:
    """The prediction for all configurations, (configurations, n, n)."""
    at_once = max(1, _SITES_AT_ONCE // links[0, 0, ..., 0, 0].numel())
    return torch.cat([network(part) for part in links.split(at_once)])
