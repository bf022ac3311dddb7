"""Training of the members of an ensemble on the maps of events, and how wrong maps are."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from glasma.progress import Silent
from surrogate.observables.map_events import MapEvents
from surrogate.observables.maps import ObservableNetwork, energy_scale
from surrogate.point_group import point_group, rotate_links, rotate_sites
from surrogate.training import History, Relative, Trainer, TrainingConfig

#: Links, E_L, and the maps in units of ε_0, (events, 3 times, *lattice).
Samples = tuple[Tensor, Tensor, Tensor]


def samples_of(events: MapEvents) -> Samples:
    """What a member is trained on."""
    scale = energy_scale(events.U, events.E_L).view(-1, *[1] * (events.maps.ndim - 1))
    return events.U, events.E_L, (events.maps / scale).flatten(1, 2)


class TurnedLoss:
    """1 − R², mean over times and observables; in training each batch is turned by a random rotation or reflection.

    T^{μν} turns with the lattice, so the eight images of an event are eight events.

    Parameters
    ----------
    samples : the training data
    """

    def __init__(self, samples: Samples) -> None:
        self._relative = Relative.to(samples)
        self._group = point_group(2)

    def __call__(self, model: nn.Module, batch: Samples) -> Tensor:
        """The loss of a batch."""
        if model.training:
            R = self._group[int(torch.randint(len(self._group), ()))]
            U, E_L, maps = batch
            batch = rotate_links(U, R), rotate_sites(E_L, R), rotate_sites(maps, R, trailing=0)
        return self._relative(model, batch)


def train_member(
    member: nn.Module, training: MapEvents, validation: MapEvents, config: TrainingConfig, directory: Path | str
) -> History:
    """Train a network (U, E_L) → (batch, 3 times, *lattice) in units of ε_0; goes on with what is in `directory`.

    Raises
    ------
    FileError, ConfigError, UnstableRunError
        As `Trainer.fit`.
    """
    known, unseen = samples_of(training), samples_of(validation)
    return Trainer(member, TurnedLoss(known), known, unseen, config, directory, reporter=Silent()).fit(resume=True)


def train_maps(
    network: ObservableNetwork, training: MapEvents, validation: MapEvents, config: TrainingConfig, directory: Path | str
) -> list[History]:
    """Train the members one after the other, each with its own order of events, and calibrate the error bars.

    Parameters
    ----------
    network : ObservableNetwork
    training, validation : MapEvents
        Different events.
    config : TrainingConfig
    directory : path
        One subdirectory a member.
    """
    histories = []
    for number, member in enumerate(network.members):
        own = config.model_copy(update={"seed": config.seed + number})
        histories.append(train_member(member, training, validation, own, Path(directory) / f"member{number}"))
    network.eval()
    device, dtype = network.factors.device, next(network.parameters()).dtype.to_complex()
    network.calibrate(
        validation.U.to(device, dtype), validation.E_L.to(device, dtype), validation.maps.to(device, dtype.to_real())
    )
    return histories


def relative_errors(maps: Tensor, truth: Tensor) -> Tensor:
    """Root mean square error over the standard deviation of the truth, over events and sites.

    Parameters
    ----------
    maps, truth : (events, times, 3, *lattice)

    Returns
    -------
    (times, 3)
    """
    axes = (0, *range(3, truth.ndim))
    return (maps - truth).square().mean(axes).sqrt() / truth.std(axes, correction=0)
