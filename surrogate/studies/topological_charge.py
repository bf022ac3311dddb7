"""An L-CNN that learns the topological charge density of four-dimensional lattices, on 4⁴ sites, and is tried on larger ones.

The density of plaquettes is a sum of products of two plaquettes of one site, so that one L-CB layer without transport has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from glasma.backend import Workers
from glasma.euclidean import HeatBath, topological_charge_density
from glasma.group import group_named
from glasma.progress import Silent
from glasma.sections import Section, apply_override, checked
from surrogate.layers import LCB, Plaq, Trace
from surrogate.training import Trainer, training_config

Say = Callable[[str], None]


class ChargeStudy(Section):
    """What is trained, on what, and how long; every default is stated here."""

    group: Literal["SU(2)", "SU(3)"] = Field(default="SU(2)", description="gauge group")
    beta: float = Field(default=2.4, ge=0, description="coupling")
    side: int = Field(default=4, ge=2, description="sites along each axis in training")
    test_sides: tuple[int, ...] = Field(default=(4, 6, 8), min_length=1, description="lattices of the test")
    configurations: int = Field(default=16, ge=2, description="of the training; as many sites for the test")
    seeds: tuple[int, ...] = Field(default=(1, 2, 3), min_length=1, description="seeds of the weights")
    iterations: int = Field(default=200, ge=1, description="of L-BFGS")
    thermalisation: int = Field(default=100, ge=0, description="sweeps from a hot start")


class _File(Section):
    study: ChargeStudy = ChargeStudy()


def charge_study(overrides: Iterable[str] = ()) -> ChargeStudy:
    """The defaults with what `--set study.key=value` replaces.

    Raises
    ------
    ConfigError
        With one line that names the first field at fault.
    """
    data: dict[str, object] = {}
    for override in overrides:
        apply_override(data, override)
    return checked(_File, data).study


@dataclass
class ChargeResult:
    """1 − R² of the density, by side of the test lattice, and the largest error of the total charge Q there."""

    seed: int
    parameters: int
    error: dict[int, float] = field(default_factory=dict)
    charge_error: dict[int, float] = field(default_factory=dict)


class ChargeNetwork(nn.Module):
    """Plaq → L-CB → Trace → linear: U (batch, 4, *lattice, N, N) → (batch, *lattice) real, gauge invariant."""

    def __init__(self, group: str) -> None:
        super().__init__()
        # As in `LoopNetwork`.
        self.plaq = Plaq(group, 4, check_group=False)
        self.product = LCB(group, 4, self.plaq.n_out, 1, kernel_size=1)
        self.trace = Trace(group, 4, 1, "real")
        self.head = nn.Linear(1, 1)

    def forward(self, U: Tensor) -> Tensor:
        """The density."""
        y: Tensor = self.head(self.trace(U, self.product(U, self.plaq(U))).movedim(1, -1))
        return y[..., 0]


def density(links: Tensor) -> Tensor:
    """q_x of plaquettes, (batch, *lattice)."""
    return torch.from_numpy(topological_charge_density(links.numpy(), "plaquette"))


def run_charge_study(study: ChargeStudy, directory: Path, say: Say) -> list[ChargeResult]:
    """Train and test; what is trained already in `directory` is taken from there."""
    workers = Workers(torch.get_num_threads())

    def draw(side: int, count: int, seed: int) -> Tensor:
        chains = HeatBath(group_named(study.group), (side,) * 4, study.beta, seed, chains=count, workers=workers)
        chains.sweep(study.thermalisation)
        return torch.from_numpy(chains.links)

    training, validation = draw(study.side, study.configurations, 1), draw(study.side, study.configurations // 2, 2)
    tests = {side: draw(side, max(1, study.configurations * study.side**4 // side**4), 3) for side in study.test_sides}
    known, unseen = (training, density(training)), (validation, density(validation))
    variance = float(known[1].var())

    def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        links, wanted = batch
        return (model(links) - wanted).square().mean() / variance

    found = []
    for seed in study.seeds:
        torch.manual_seed(seed)
        network = ChargeNetwork(study.group)
        common = {"precision": "float64", "seed": seed, "tensorboard": False, "checkpoint_every": 100}
        config = training_config(common | {"optimiser": "lbfgs", "epochs": study.iterations, "batch_size": 0})
        Trainer(network, loss, known, unseen, config, directory / f"seed{seed}", reporter=Silent()).fit(resume=True)
        result = ChargeResult(seed, sum(p.numel() for p in network.parameters()))
        for side, links in tests.items():
            with torch.no_grad():
                wanted, given = density(links), torch.cat([network(part) for part in links.split(1)])
            result.error[side] = float((given - wanted).square().mean() / wanted.var())
            result.charge_error[side] = float((given - wanted).sum((1, 2, 3, 4)).abs().max())
        say(
            f"seed {seed}, {result.parameters} parameters: "
            + "  ".join(f"{side}⁴: 1 − R² {result.error[side]:.1e}, Q within {result.charge_error[side]:.1e}" for side in tests)
        )
        found.append(result)
    return found
