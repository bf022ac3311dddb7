"""The loop finds what is known exactly, keeps the best weights, and stops when it is told to."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from glasma.errors import UnstableRunError
from glasma.progress import Silent
from surrogate.training import Trainer, load_weights, mean_square, training_config
from surrogate.training.batches import batches_of, order_of
from surrogate.training.history import load_history
from tests.surrogate.training.tiny_training import TinyModel, results, tiny_data, tiny_training

#: Errors of the weights that only the exact solution has.
EXACT = 1e-10


def linear_problem(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, targets and the weights that are the solution."""
    generator = torch.Generator().manual_seed(2)
    inputs = torch.randn(96, 5, dtype=dtype, generator=generator)
    weights = torch.randn(3, 5, dtype=dtype, generator=generator)
    return inputs, inputs @ weights.T, weights


def fitted(tmp_path: Path, dtype: torch.dtype, **settings: Any) -> float:
    """Largest error of the weights after a training."""
    inputs, target, weights = linear_problem(dtype)
    torch.manual_seed(3)
    model = nn.Linear(5, 3, bias=False, dtype=dtype)
    config = training_config({"tensorboard": False, "precision": "float64", "device": "cpu", **settings})
    Trainer(model, None, (inputs, target), None, config, tmp_path / "run", reporter=Silent()).fit()
    return float((model.weight.detach() - weights).abs().max())


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize(
    "settings",
    [
        {"optimiser": "adam", "learning_rate": 0.05, "schedule": "cosine", "epochs": 400},
        {"optimiser": "sgd", "learning_rate": 0.1, "epochs": 200},
        {"optimiser": "lbfgs", "epochs": 50},
        {"optimiser": "adamw", "epochs": 2, "lbfgs": {"epochs": 50, "batch_size": 10}},
        {"optimiser": "lbfgs", "epochs": 50, "loss": "relative"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_exact_solution_of_a_linear_problem(dtype: torch.dtype, settings: dict[str, Any], tmp_path: Path):
    assert fitted(tmp_path, dtype, **settings) < EXACT


def test_second_phase_starts_from_the_best_weights_and_reaches_rounding(tmp_path: Path):
    inputs, target, _ = linear_problem(torch.float64)
    config = training_config(
        {"epochs": 5, "learning_rate": 0.01, "lbfgs": {"epochs": 40}, "tensorboard": False, "precision": "float64"}
    )
    model = nn.Linear(5, 3, dtype=torch.float64)
    data = (inputs[:64], target[:64]), (inputs[64:], target[64:])
    history = Trainer(model, None, *data, config, tmp_path / "run", reporter=Silent()).fit()
    losses = history.column("validation_loss")
    assert losses[4] > 1e-2
    assert history.column("train_loss")[5] < history.column("train_loss")[4], "L-BFGS goes on from there"
    assert history.best_loss < 1e-28
    assert history.column("optimiser") == ["adam"] * 5 + ["lbfgs"] * (len(losses) - 5)


def test_best_weights_are_those_of_the_smallest_validation_loss(tmp_path: Path):
    inputs, target = tiny_data()
    noise = torch.randn(30, 2, generator=torch.Generator().manual_seed(8))
    model = TinyModel()
    # A few noisy samples are learnt by heart, and the validation loss grows again.
    config = training_config({"epochs": 60, "learning_rate": 0.05, "tensorboard": False, "device": "cpu"})
    validation = (inputs[30:], target[30:])
    trainer = Trainer(model, None, (inputs[:12], target[:12] + 3 * noise[:12]), validation, config, tmp_path, reporter=Silent())
    history = trainer.fit()
    losses = history.column("validation_loss")
    assert history.best_loss == min(losses) < losses[-1]
    assert history.best_epoch == losses.index(min(losses)) + 1 < len(losses)
    with torch.no_grad():
        model.eval()
        assert float(mean_square(model, validation)) == pytest.approx(min(losses), rel=1e-6)
        about = load_weights(tmp_path / "best.safetensors", model)
        assert about == {"epoch": history.best_epoch, "loss": history.best_loss}
        assert float(mean_square(model, validation)) == pytest.approx(min(losses), rel=1e-6)
        assert load_weights(tmp_path / "last.safetensors", model) == {"epoch": 60}
        assert float(mean_square(model, validation)) == pytest.approx(losses[-1], rel=1e-6)
    assert load_history(tmp_path / "history.csv") == history.epochs


class Scripted(nn.Module):
    """Its loss in the n-th epoch is what a list says, when it is evaluated."""

    def __init__(self, losses: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.losses, self.evaluations = losses, 0

    def loss(self, model: nn.Module, batch: Tensor) -> Tensor:
        if self.training:
            return self.weight * 1.0
        self.evaluations += 1
        return torch.tensor(self.losses[self.evaluations - 1])


def scripted(tmp_path: Path, losses: list[float], **settings: Any) -> Any:
    model = Scripted(losses)
    config = training_config({"epochs": len(losses), "tensorboard": False, "device": "cpu", "learning_rate": 1.0, **settings})
    data = torch.zeros(4, 1)
    return Trainer(model, model.loss, data, data, config, tmp_path / "run", reporter=Silent()).fit()


def test_early_stopping(tmp_path: Path):
    history = scripted(tmp_path, [9.0, 8.0, 8.5, 8.2, 7.0, 7.5, 7.1, 7.0, 6.0], patience=3)
    assert (history.status, len(history.epochs), history.best_epoch) == ("stopped early", 8, 5)


def test_early_stopping_wants_a_relative_improvement(tmp_path: Path):
    history = scripted(tmp_path, [1.0, 0.5, 0.49, 0.48, 0.1, 0.1], patience=2, min_delta=0.1)
    assert (history.status, len(history.epochs), history.best_epoch) == ("stopped early", 4, 4)


def test_target_loss(tmp_path: Path):
    history = scripted(tmp_path, [1.0, 1e-3, 1e-9, 1e-12], target_loss=1e-8, lbfgs={"epochs": 5})
    assert (history.status, len(history.epochs)) == ("target reached", 3)


def test_observer_ends_a_training(tmp_path: Path):
    model, seen = Scripted([3.0, 2.0, 1.0, 0.5]), []
    config = training_config({"epochs": 4, "tensorboard": False, "device": "cpu"})

    def observe(epoch: int, loss: float) -> bool:
        seen.append((epoch, loss))
        return epoch == 2

    data = torch.zeros(4, 1)
    trainer = Trainer(model, model.loss, data, data, config, tmp_path, observer=observe, reporter=Silent())
    assert trainer.fit().status == "pruned"
    assert seen == [(1, 3.0), (2, 2.0)]


def test_learning_rates(tmp_path: Path):
    flat = [1.0] * 6
    assert scripted(tmp_path / "a", flat, warmup_epochs=4).column("learning_rate") == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    cosine = scripted(tmp_path / "b", flat, schedule="cosine", final_fraction=0.1).column("learning_rate")
    assert cosine == pytest.approx([0.1 + 0.9 * (1 + math.cos(math.pi * epoch / 6)) / 2 for epoch in range(6)])
    plateau = scripted(tmp_path / "c", flat, schedule="plateau", plateau_patience=2, final_fraction=0.3)
    assert plateau.column("learning_rate") == [1.0, 1.0, 1.0, 0.5, 0.5, 0.3]
    steps = scripted(tmp_path / "d", flat, evaluation_every=4)
    assert [loss is not None for loss in steps.column("validation_loss")] == [False, False, False, True, False, True]


def test_seeds_reproduce_and_differ(tmp_path: Path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        tiny_training(tmp_path / name, seed=seed)
    assert results(tmp_path / "a") == results(tmp_path / "b")
    assert results(tmp_path / "a")["best.safetensors"] != results(tmp_path / "c")["best.safetensors"]


def test_random_numbers_of_the_caller_are_left_alone(tmp_path: Path):
    inputs, target = tiny_data()
    config = training_config({"epochs": 1, "tensorboard": False, "device": "cpu"})
    trainer = Trainer(TinyModel(), None, (inputs, target), None, config, tmp_path, reporter=Silent())
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    trainer.fit()
    assert torch.equal(torch.rand(3), expected)


def test_nan_stops_with_one_line_and_keeps_the_best_weights(tmp_path: Path):
    calls = 0

    def failing(model: nn.Module, batch: Any) -> Tensor:
        nonlocal calls
        calls += model.training
        return mean_square(model, batch) * (math.nan if calls == 7 else 1.0)

    with pytest.raises(UnstableRunError) as error:
        tiny_training(tmp_path / "run", loss=failing, checkpoint_every=100, checkpoint_batches=None)
    text = str(error.value)
    assert "epoch 2, batch 3: the loss is nan; lower training.learning_rate (0.02)" in text
    assert "holds the weights of epoch 1" in text
    assert "\n" not in text
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "diverged"
    assert load_weights(tmp_path / "run" / "best.safetensors", TinyModel())["epoch"] == 1


def at_fault(model: nn.Module, batch: Any) -> bool:
    """Whether one sample is among them and the weights have come far enough."""
    inputs, _ = batch
    return bool((inputs[:, 0].real == MARK).any() and model.out.bias.abs().max() > BIAS)


def poisoned(model: nn.Module, batch: Any) -> Tensor:
    """Divided by zero there."""
    return mean_square(model, batch) / (0.0 if at_fault(model, batch) else 1.0)


MARK, BIAS = 7.0, 0.2


def poisoned_trainer(directory: Path, sample: int, **settings: Any) -> tuple[Trainer, tuple[Tensor, Tensor]]:
    inputs, target = tiny_data()
    inputs[sample, 0] = MARK
    torch.manual_seed(3)
    model = TinyModel()
    with torch.no_grad():
        model.out.bias.zero_()
    config = training_config({"batch_size": 5, "tensorboard": False, "device": "cpu", "precision": "float64", **settings})
    train, validation = (inputs[:30], target[:30]), (inputs[30:], target[30:])
    return Trainer(model, poisoned, train, validation, config, directory, reporter=Silent()), train


@pytest.mark.parametrize(
    ("sample", "settings", "data"),
    [
        (17, {"learning_rate": 0.03, "epochs": 30}, "training"),
        (33, {"learning_rate": 0.03, "epochs": 30}, "validation"),
        (17, {"epochs": 0, "lbfgs": {"epochs": 40, "batch_size": 7}}, "training"),
    ],
)
def test_the_batch_that_was_not_finite_is_set_aside_with_its_weights(
    tmp_path: Path, sample: int, settings: dict[str, Any], data: str
):
    trainer, (inputs, _) = poisoned_trainer(tmp_path / "run", sample, **settings)
    if "lbfgs" in settings:
        with torch.no_grad():
            trainer.model.out.bias.fill_(2 * BIAS)
    with pytest.raises(UnstableRunError, match=r"diverged\.pt holds that batch") as error:
        trainer.fit()
    found = torch.load(tmp_path / "run" / "diverged.pt")
    assert f"epoch {found['epoch']}, batch {found['batch']}: the " in str(error.value)
    assert found["data"] == data
    assert "\n" not in str(error.value)
    # Its samples are what they are said to be, and it is not finite with these weights.
    numbers, (seen, _) = found["samples"], found["tensors"]
    first = 30 if data == "validation" else 0
    assert sample - first in numbers.tolist()
    if data == "training":
        assert torch.equal(seen, inputs.to(torch.complex128)[numbers])
    model = TinyModel().double()
    model._apply(lambda tensor: tensor.to(torch.complex128) if tensor.is_complex() else tensor)
    model.load_state_dict(found["weights"])
    assert not poisoned(model, found["tensors"]).isfinite()
    # They are those that the batch met: nothing that was computed with it has entered.
    assert all(tensor.isfinite().all() for tensor in found["weights"].values())


def without_value(model: nn.Module, batch: Any) -> Tensor:
    """The loss is NaN where `poisoned` is infinite, but its gradient is finite, and so are the batches after it."""
    return mean_square(model, batch) + (math.nan if at_fault(model, batch) else 0.0)


@pytest.mark.parametrize("loss", [poisoned, without_value])
def test_the_weights_of_the_bad_batch_are_those_of_a_training_that_ends_before_it(tmp_path: Path, loss: Any):
    """Bit for bit, although losses are looked at only at the end of the epoch."""
    trainer, _ = poisoned_trainer(tmp_path / "run", 17, learning_rate=0.03, epochs=30)
    trainer._passes.loss = loss
    with pytest.raises(UnstableRunError):
        trainer.fit()
    found = torch.load(tmp_path / "run" / "diverged.pt")
    assert found["batch"] > 1, "else nothing is shown"
    states: list[dict[str, Tensor]] = []

    def watched(model: nn.Module, batch: Any) -> Tensor:
        if model.training:
            states.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return mean_square(model, batch)

    other, _ = poisoned_trainer(tmp_path / "other", 17, learning_rate=0.03, epochs=found["epoch"])
    other._passes.loss = watched
    other.fit()
    expected = states[6 * (found["epoch"] - 1) + found["batch"] - 1]
    assert all(torch.equal(expected[name], tensor) for name, tensor in found["weights"].items())


def test_gradient_is_clipped(tmp_path: Path):
    model = nn.Linear(1, 1, bias=False, dtype=torch.complex64)
    with torch.no_grad():
        model.weight.fill_(1.0)
    config = training_config(
        {"epochs": 1, "optimiser": "sgd", "learning_rate": 1.0, "gradient_clip": 0.25, "momentum": 0, "tensorboard": False}
    )
    data = (torch.ones(1, 1, dtype=torch.complex64), torch.zeros(1, 1, dtype=torch.complex64) - 3j)
    history = Trainer(model, None, data, None, config, tmp_path, reporter=Silent()).fit()
    assert history.column("gradient_norm") == pytest.approx([2 * math.sqrt(10)])
    step = 1.0 - complex(load_and_get(tmp_path))
    assert abs(step) == pytest.approx(0.25, rel=1e-5)
    assert step / abs(step) == pytest.approx((1 + 3j) / math.sqrt(10), rel=1e-5)


def load_and_get(directory: Path) -> complex:
    model = nn.Linear(1, 1, bias=False, dtype=torch.complex64)
    load_weights(directory / "last.safetensors", model)
    return complex(model.weight.detach().item())


class Squares(Dataset[Any]):
    def __len__(self) -> int:
        return 10

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        x = np.array([number / 10, 1.0])
        return x, x[:1] * 2 - 1


def test_data_sets_and_tensors_are_the_same(tmp_path: Path):
    config = training_config({"epochs": 3, "batch_size": 4, "loss": "relative", "tensorboard": False, "device": "cpu"})
    numbers = [Squares()[n] for n in range(10)]
    tensors = tuple(torch.from_numpy(np.stack(column)) for column in zip(*numbers, strict=True))
    histories = []
    for name, data in (("set", Squares()), ("tensors", tensors)):
        torch.manual_seed(0)
        histories.append(Trainer(nn.Linear(2, 1), None, data, data, config, tmp_path / name, reporter=Silent()).fit())
    assert histories[0].epochs == histories[1].epochs


def test_loss_may_differentiate_the_model(tmp_path: Path):
    """As a learned action is trained: on forces, by methods that are not `forward`."""

    class Action(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stiffness = nn.Parameter(torch.ones(3, dtype=torch.float64))

        def force(self, x: Tensor) -> Tensor:
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                action = (self.stiffness * x.square()).sum() / 2
                return -torch.autograd.grad(action, x, create_graph=True)[0]

    def loss(model: nn.Module, batch: Any) -> Tensor:
        return (model.force(batch[0]) - batch[1]).square().mean()  # type: ignore[operator]

    x = torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    stiffness = torch.tensor([0.5, 2.0, 7.0], dtype=torch.float64)
    data, model = (x, -stiffness * x), Action()
    config = training_config({"optimiser": "lbfgs", "epochs": 30, "precision": "float64", "tensorboard": False})
    Trainer(model, loss, data, data, config, tmp_path, reporter=Silent()).fit()
    torch.testing.assert_close(model.stiffness.detach(), stiffness, rtol=1e-10, atol=0)


def test_every_epoch_takes_every_sample_once():
    for epoch in range(3):
        batches = batches_of(order_of(23, 7, epoch), 5)
        assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
        assert sorted(torch.cat(batches).tolist()) == list(range(23))
    assert order_of(23, 7, 0).tolist() != order_of(23, 7, 1).tolist() != order_of(23, 8, 1).tolist()


def test_relative_loss_is_one_minus_r_squared():
    from surrogate.training import Relative

    generator = torch.Generator().manual_seed(1)
    target = torch.randn(20, 3, 4, 4, generator=generator) * torch.tensor([1e-3, 1.0, 50.0]).reshape(3, 1, 1) + 7
    output = target + 0.1 * torch.randn(20, 3, 4, 4, generator=generator)
    loss = Relative.to((target, target))(lambda x: output, (target, target))
    axes = (0, 2, 3)
    unexplained = (output - target).square().sum(axes) / (target - target.mean(axes, keepdim=True)).square().sum(axes)
    assert float(loss) == pytest.approx(float(unexplained.mean()), rel=1e-4)


@pytest.mark.parametrize(
    ("data", "loss", "message"),
    [
        ((torch.ones(3, 2), torch.ones(4, 2)), None, r"tensors have \[3, 4\] samples"),
        ((torch.ones(0, 2), torch.ones(0, 2)), None, "holds no samples"),
        ((torch.ones(4, 2), torch.ones(4, 3)), None, r"the model gives \(4, 1\) and the target is \(4, 3\)"),
        ((torch.ones(4, 2), torch.ones(4, 1)), lambda model, batch: model(batch[0]), "must be one real number"),
        (torch.ones(4, 2), None, "a batch must be"),
    ],
)
def test_wrong_data_is_one_line(data: Any, loss: Any, message: str, tmp_path: Path):
    config = training_config({"epochs": 1, "tensorboard": False, "device": "cpu"})
    with pytest.raises(ValueError, match=message):
        Trainer(nn.Linear(2, 1), loss, data, None, config, tmp_path, reporter=Silent()).fit()


def test_run_json_says_what_made_it(tmp_path: Path):
    tiny_training(tmp_path / "run")
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["status"] == "finished"
    assert torch.__version__.startswith(run["versions"]["torch"])  # which goes on with the build: 2.11.0+cu130
    assert training_config(run["config"]["training"]).learning_rate == 0.02
    # Six complex and two real outputs: 2·(4 + 1)·6 + (6 + 1)·2 real numbers.
    assert run["parameters"] == 74
    assert run["samples"] == {"train": 30, "validation": 14}
    assert {"seed", "commit", "machine", "device", "best_loss", "epochs"} <= run.keys()


def test_tensorboard_logs(tmp_path: Path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    history = tiny_training(tmp_path / "run", tensorboard=True)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    logged = [(event.step, event.value) for event in events.Scalars("validation_loss")]
    expected = [(row.epoch, pytest.approx(row.validation_loss, rel=1e-6)) for row in history.epochs]
    assert logged == expected
