"""The training loop that every study and surrogate shares.  It knows nothing of gauge theory: a module, a loss, data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from glasma.errors import ConfigError, UnstableRunError
from glasma.progress import Reporter, Silent
from glasma.progress import reporter as suitable_reporter
from surrogate.training.batches import Data, batches_of, cast, checked_data, order_of, size_of
from surrogate.training.config import TrainingConfig, training_config
from surrogate.training.directory import TrainingDirectory
from surrogate.training.divergence import Watch
from surrogate.training.history import Epoch, History
from surrogate.training.lbfgs import LBFGS
from surrogate.training.losses import Loss, loss_named
from surrogate.training.optimisers import optimiser_named
from surrogate.training.passes import Passes, gradient_norm
from surrogate.training.processes import Processes
from surrogate.training.random_state import own_random_state, random_state, seed_everything, set_random_state
from surrogate.training.record import Record
from surrogate.training.schedule import Schedule, improves
from surrogate.training.weights import Weights, copied, fit

#: Told the epoch and the validation loss after each evaluation; True ends the training.
Observer = Callable[[int, float], bool]

#: Keys that may differ between a training and its resumption: they do not change what is computed beyond rounding.
_FREE = ("device", "threads", "data_on_device", "checkpoint_every", "checkpoint_minutes", "checkpoint_batches", "tensorboard")

#: Batches between looks at the losses: each look waits for the device.
_LOOK = 100


@dataclass
class _Position:
    """Where a training stands.

    Attributes
    ----------
    phase, phase_epoch : which phase, and how many of its epochs are done
    batch : batches of this epoch that are done
    losses, norms : of these batches
    reference, waited : loss that the next must improve, and evaluations since the last that did
    seconds : of this epoch so far
    """

    phase: int = 0
    phase_epoch: int = 0
    batch: int = 0
    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    reference: float = math.inf
    waited: int = 0
    seconds: float = 0.0


class Trainer:
    """Train a model, with files from which the training goes on after any interruption.

    On one machine's CPU a resumed training gives the weights and the history of an undisturbed one bit for bit.  Under
    `torchrun` all processes train together; `batch_size` counts the samples of all of them.

    Parameters
    ----------
    model : module; it is moved to the device and precision of the configuration
    loss : (model, batch) -> scalar, or None for the one that `training.loss` names
        A mean over the samples of the batch.  Evaluations run under `torch.no_grad`.
    train_data, validation_data : tensor, tuple of tensors, or map-style Dataset
        The first axis of tensors counts samples; a batch of a tuple is a tuple.  Without validation data (None) the
        training loss takes their place.
    config : of the training
    directory : for its files, see docs/training.md
    about : plain values for `run.json`, such as the configuration of the model and of the data
    observer : called after each evaluation, see `Observer`
    reporter : of the progress; default: a bar on a terminal, lines elsewhere

    Raises
    ------
    ValueError
        If there are no samples or no parameters.
    ConfigError
        If the device is not there.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss | None,
        train_data: Data,
        validation_data: Data | None,
        config: TrainingConfig,
        directory: str | Path,
        *,
        about: dict[str, Any] | None = None,
        observer: Observer | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self.model, self.config, self.directory = model, config, TrainingDirectory(Path(directory))
        self.observer, self._about = observer, about or {}
        self._train = checked_data(train_data, "train_data")
        self._validation = None if validation_data is None else checked_data(validation_data, "validation_data")
        loss = loss or loss_named(config.loss, self._train)
        self._processes = Processes(config.device)
        precision = torch.float64 if config.precision == "float64" else torch.float32
        device = self._processes.device
        model._apply(lambda tensor: cast(tensor, device, precision))
        self._passes = Passes(model, loss, self._processes, precision)
        if not self._passes.parameters:
            raise ValueError("the model has no parameters that require a gradient; nothing can be trained")
        if config.data_on_device:
            self._train, self._validation = (cast(data, device, precision) for data in (self._train, self._validation))
        phases = [(config.optimiser, config.epochs), ("lbfgs", config.lbfgs.epochs)]
        self._phases = [(name, epochs) for name, epochs in phases if epochs]
        self.reporter = reporter or suitable_reporter(task="training", unit="epoch")
        if not self._processes.is_first:
            self.reporter = Silent()

    def fit(self, resume: bool = False, overwrite: bool = False) -> History:
        """Train to the end; the model then holds the best weights.

        Parameters
        ----------
        resume : go on from the last checkpoint of the directory; start anew if there is none
        overwrite : remove the training that is there

        Returns
        -------
        history
            The same again, if the training that is resumed had come to its end.

        Raises
        ------
        FileError
            If the directory cannot be used, or holds a training and neither `resume` nor `overwrite` is set.
        ConfigError
            If the training that is resumed had another configuration: names the first key that differs.
        UnstableRunError
            If a loss or a gradient is not finite: names epoch, batch and the file with that batch and its weights.
        """
        with own_random_state(), _threads(self.config.threads), self.reporter:
            self._begin(self._processes.agreed(lambda: self._prepare(resume, overwrite)))
            try:
                while self.history.status == "running":
                    self._epoch()
                self._finish()
            except BaseException as error:
                self.history.status = "diverged" if isinstance(error, UnstableRunError) else "interrupted"
                self._record.weights(self.history, None, self._best)
                self._record.run(self.history)
                raise
            finally:
                self._record.close()
        return self.history

    def _prepare(self, resume: bool, overwrite: bool) -> dict[str, Any] | None:
        checkpoint = self.directory.prepare(resume, overwrite)
        if checkpoint is not None:
            before, now = (_flat(config.as_dict()) for config in (training_config(checkpoint["config"]), self.config))
            for key in sorted(now.keys() | before.keys()):
                if key not in _FREE and before.get(key) != now.get(key):
                    raise ConfigError(
                        f"training.{key} = {now.get(key)!r}: the training in {self.directory.path} has "
                        f"{before.get(key)!r}; set that, or choose another directory"
                    )
        return checkpoint

    def _begin(self, checkpoint: dict[str, Any] | None) -> None:
        self._at, self._saved = _Position(), time.monotonic()
        self._best: Weights | None = None
        self.history, resumed = History(), 0
        if checkpoint is None:
            seed_everything(self.config.seed, self._processes.rank)
            self._processes.spread([*self.model.parameters(), *self.model.buffers()])
            self._start_phase()
        else:
            fit(checkpoint["weights"], self.model, self.directory.checkpoint)
            self._at, self._best = _Position(**checkpoint["position"]), checkpoint["best"]
            self.history, resumed = History.from_dict(checkpoint["history"]), checkpoint["resumed"] + 1
            self._start_phase()
            if self.history.status == "running":
                self._optimiser.load_state_dict(checkpoint["optimiser"])
            self._schedule.load_state_dict(checkpoint["schedule"])
            states = checkpoint["random"]
            if len(states) == self._processes.count:
                set_random_state(states[self._processes.rank])
            else:
                seed_everything(self.config.seed, self._processes.rank, len(self.history.epochs))
        self._record = Record(self.directory, self.config, self._facts(), self.reporter, self._processes.is_first)
        self._record.begin(self.history, resumed, sum(epochs for _, epochs in self._phases))

    def _start_phase(self) -> None:
        self._schedule = Schedule(self.config)
        if self._at.phase < len(self._phases):
            self._optimiser = optimiser_named(self._phases[self._at.phase][0], self._passes.parameters, self.config)

    def _epoch(self) -> None:
        if self._at.phase == len(self._phases):
            self.history.status = "finished"
            return
        began, at = time.monotonic(), self._at
        name, epochs = self._phases[at.phase]
        can_go_on = True
        if isinstance(self._optimiser, LBFGS):
            rate = 0.0
            loss, norm, can_go_on = self._optimiser.step(
                lambda: self._passes.full_gradient(self._train, self.config.lbfgs.batch_size)
            )
            if not math.isfinite(loss) or not math.isfinite(norm):
                self._diverged("training", loss, norm, self._search("training"))
            at.losses, at.norms = [loss], [norm]
        else:
            rate = self._schedule.rate(at.phase_epoch)
            self._descend(self._optimiser, rate)
            sizes = [len(batch) for batch in self._batches()]
            loss = math.fsum(a * b for a, b in zip(at.losses, sizes, strict=True)) / sum(sizes)
            norm = math.fsum(at.norms) / len(sizes)
        self._processes.spread(self.model.buffers())
        at.phase_epoch += 1
        at.batch, at.losses, at.norms = 0, [], []
        number = len(self.history.epochs) + 1
        last = at.phase_epoch == epochs or not can_go_on
        validation = None
        ending = None
        if last or at.phase_epoch % self.config.evaluation_every == 0:
            validation, ending = self._evaluate(number, loss)
        row = Epoch(number, name, loss, None if self._validation is None else validation, rate, norm)
        self.history.append(row, at.seconds + time.monotonic() - began)
        at.seconds = 0.0
        self._record.epoch(self.history)
        if ending is not None:
            self.history.status = ending
        elif last or (self.config.patience is not None and at.waited >= self.config.patience):
            self._end_phase(early=not last)
        if (
            self.history.status != "running"
            or at.phase_epoch == 0
            or number % self.config.checkpoint_every == 0
            or self._late()
        ):
            self._checkpoint()

    def _batches(self) -> tuple[Tensor, ...]:
        order = order_of(size_of(self._train), self.config.seed, len(self.history.epochs))
        return batches_of(order, self.config.batch_size)

    def _descend(self, optimiser: torch.optim.Optimizer, rate: float) -> None:
        """The steps of an epoch that are left, one a batch."""
        at, began, batches = self._at, time.monotonic(), self._batches()
        for group in optimiser.param_groups:
            group["lr"] = rate
        losses: list[Tensor] = []
        norms: list[Tensor] = []
        watch = Watch(self.model, self._processes)
        self.model.train()
        for number in range(at.batch, len(batches)):
            watch.before()
            losses.append(self._passes.gradient(self._train, batches[number]))
            norms.append(gradient_norm(self._passes.parameters, self.config.gradient_clip))
            watch.after(losses[-1], norms[-1])
            optimiser.step()
            done, every = number + 1, self.config.checkpoint_batches
            due = every is not None and done % every == 0 and done < len(batches)
            if due or done % _LOOK == 0 or done == len(batches):
                self._look(self._passes.whole(losses), torch.stack(norms).tolist(), batches, watch)
                at.batch = done
                losses.clear()
                norms.clear()
            if due:
                before, at.seconds = at.seconds, at.seconds + time.monotonic() - began
                self._checkpoint()
                at.seconds = before

    def _look(self, losses: list[float], norms: list[float], batches: tuple[Tensor, ...], watch: Watch) -> None:
        """Keep the losses of the batches since the last look, if they are finite."""
        for number, (loss, norm) in enumerate(zip(losses, norms, strict=True), self._at.batch):
            if not math.isfinite(loss) or not math.isfinite(norm):
                self._diverged("training", loss, norm, (number + 1, batches[number]), watch.weights())
        self._at.losses += losses
        self._at.norms += norms

    def _search(self, name: str) -> tuple[int, Tensor] | None:
        """The batch of the data "training" or "validation" that is not finite with the weights of now."""
        if name == "training":
            return self._passes.first_not_finite(self._train, self.config.lbfgs.batch_size, True)
        assert self._validation is not None
        return self._passes.first_not_finite(self._validation, self.config.batch_size, False)

    def _diverged(
        self, name: str, loss: float, norm: float, place: tuple[int, Tensor] | None, weights: Weights | None = None
    ) -> NoReturn:
        """End the training; its batch is set aside with the weights that it met, by default those of now."""
        epoch, found, config = len(self.history.epochs) + 1, self.history.best_epoch, self.config
        said, where = [f"epoch {epoch}"], ""
        if place is not None:
            number, samples = place
            data = self._train if name == "training" or self._validation is None else self._validation
            self._record.diverged(
                {
                    "data": name,
                    "epoch": epoch,
                    "batch": number,
                    "loss": loss,
                    "gradient_norm": norm,
                    "samples": samples.cpu(),
                    "tensors": self._passes.batch(data, samples),
                    "weights": weights or copied(self.model),
                }
            )
            said.append(f"batch {number}")
            where = f"; {self.directory.diverged.name} holds that batch and the weights that it met"
        loss_name = "the loss" if name == "training" else "the validation loss"
        what = f"the norm of the gradient is {norm}" if math.isfinite(loss) else f"{loss_name} is {loss}"
        kept = f"the weights of epoch {found} (loss {self.history.best_loss:.3e})" if found else "no weights"
        raise UnstableRunError(
            f"{self.directory.path}: {', '.join(said)}: {what}; lower training.learning_rate ({config.learning_rate}) or set "
            f"training.gradient_clip{where}; best.safetensors holds {kept}"
        )

    def _evaluate(self, number: int, train_loss: float) -> tuple[float, str | None]:
        """The validation loss after an epoch, and how the training ends with it, if it does."""
        at, config, history = self._at, self.config, self.history
        loss = train_loss
        if self._validation is not None:
            loss = self._passes.mean_loss(self._validation, config.batch_size)
        if not math.isfinite(loss):
            self._diverged("validation", loss, 0.0, None if self._validation is None else self._search("validation"))
        if loss < history.best_loss:
            history.best_loss, history.best_epoch, self._best = loss, number, copied(self.model)
        if improves(loss, at.reference, config.min_delta):
            at.reference, at.waited = loss, 0
        else:
            at.waited += 1
        self._schedule.evaluated(loss)
        if config.target_loss is not None and loss <= config.target_loss:
            return loss, "target reached"
        if self.observer is not None:
            observer = self.observer
            if self._processes.agreed(lambda: observer(number, loss)):
                return loss, "pruned"
        return loss, None

    def _end_phase(self, early: bool) -> None:
        """Go on to the next phase, from the best weights, or to the end."""
        at = self._at
        at.phase, at.phase_epoch, at.waited, at.reference = at.phase + 1, 0, 0, math.inf
        if at.phase == len(self._phases):
            self.history.status = "stopped early" if early else "finished"
            return
        if self._best is not None:
            self.model.load_state_dict(self._best)
        self._start_phase()

    def _late(self) -> bool:
        """Whether the last checkpoint is long ago, by the clock of the first process."""
        return self._processes.agreed(lambda: time.monotonic() - self._saved > 60 * self.config.checkpoint_minutes)

    def _checkpoint(self) -> None:
        state = {
            "position": asdict(self._at),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "random": self._processes.gather(random_state()),
        }
        self._record.checkpoint(self.history, copied(self.model), self._best, state)
        self._saved = time.monotonic()

    def _finish(self) -> None:
        last = copied(self.model)
        self._record.weights(self.history, last, self._best or last)
        self._record.end(self.history)
        if self._best is not None:
            self.model.load_state_dict(self._best)

    def _facts(self) -> dict[str, Any]:
        """What `run.json` says of the training beyond its configuration and history."""
        return {
            "about": self._about,
            "device": str(self._processes.device),
            "processes": self._processes.count,
            "samples": {
                "train": size_of(self._train),
                "validation": 0 if self._validation is None else size_of(self._validation),
            },
            "parameters": _real_count(self._passes.parameters),
        }


def _flat(data: dict[str, Any]) -> dict[str, Any]:
    """Plain values by their dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= {f"{key}.{inner}": v for inner, v in _flat(value).items()} if isinstance(value, dict) else {key: value}
    return flat


def _real_count(parameters: list[nn.Parameter]) -> int:
    return sum(parameter.numel() * (2 if parameter.is_complex() else 1) for parameter in parameters)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """CPU threads, as they were afterwards."""
    before = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
