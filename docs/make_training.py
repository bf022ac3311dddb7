"""Write docs/training.md with the tables of its keys from the schema, so that they stand in one place.

python docs/make_training.py
"""

from __future__ import annotations

import runpy
from pathlib import Path

from surrogate.training.config import LBFGSPhase, TrainingConfig
from surrogate.training.search import Search

_PAGE = """# Training

Every network of `surrogate/` is trained by one loop, `surrogate.training.Trainer`. It knows nothing of gauge theory: it
takes a PyTorch module, a loss and data. This page is written by `python docs/make_training.py` from the schema in
`surrogate/training/config.py`.

```python
from surrogate.training import Trainer, load_training, seed_everything

config = load_training("study.toml")  # reads the section [training]
seed_everything(config.seed)  # for the initial weights
trainer = Trainer(make_model(), None, (links, loops), (test_links, test_loops), config, "output/study")
history = trainer.fit(resume=True)  # the model then holds the best weights
```

Data are a tensor, a tuple of tensors whose first axis counts samples (a batch is then the tuple of its samples), or a
map-style `Dataset`. The loss is the one that `loss` names, or any function `loss(model, batch)` that gives the **mean
over the samples of the batch**. The order of the samples is a function of `seed` and the epoch. Evaluations run under
`torch.no_grad`: a loss that differentiates the model there has to enable gradients itself.

## [training]

{training}
### [training.lbfgs]

First-order optimisers stall orders of magnitude above rounding. With `lbfgs.epochs` a second phase follows: L-BFGS with
a line search on all training data, from the best weights of the first phase. It ends by itself when rounding allows no
further decrease; `precision = "float64"` gives it room. It has no use for random layers such as dropout. With
`optimiser = "lbfgs"` the first phase is of this kind.

{lbfgs}
## Files

| file | content |
|---|---|
| `run.json` | status, configuration, seed, versions, commit, machine, sizes, best epoch and loss |
| `history.csv` | a row an epoch: optimiser, losses, learning rate, norm of the gradient |
| `timing.csv` | seconds of each epoch |
| `best.safetensors` | the weights with the smallest validation loss; `load_weights(path, model)` puts them into a model |
| `last.safetensors` | the weights of the last checkpoint |
| `checkpoint.pt` | all that the training goes on from |
| `diverged.pt` | only if a loss or a gradient was not finite: the batch, and the weights that it met |
| `tensorboard/` | logs for `tensorboard --logdir DIRECTORY`, if the package is installed |

`best.safetensors`, `last.safetensors` and the checkpoint are replaced together at each checkpoint. The status is
`running`, `finished`, `stopped early`, `target reached`, `pruned`, `diverged` or `interrupted`. Without validation
data, the best epoch is that of the smallest training loss. Complex weights are stored as pairs of real numbers.

## Interruptions

`fit(resume=True)` goes on from the last checkpoint, within an epoch too (`checkpoint_batches`), or starts if there is
none; `fit()` refuses a directory that holds a training. The configuration must be the same, but for `device`,
`threads`, `data_on_device`, `tensorboard` and the `checkpoint_` keys. On one machine's CPU, with the same number of
threads and processes, weights and `history.csv` are then those of an undisturbed training byte for byte, wherever it
was killed (`tests/surrogate/training/test_resume.py`).

## Losses that are not finite

A loss or a gradient that is not finite, NaN or infinite, ends the training with one line and the status `diverged`; the
best weights so far are kept. The batch at fault is set aside, with the weights as they were before it:

```python
import torch

found = torch.load("output/study/diverged.pt")
model.load_state_dict(found["weights"])
loss(model, found["tensors"])  # is not finite again, but for what is random in the loss
```

| entry | content |
|---|---|
| `data` | `"training"` or `"validation"` |
| `epoch`, `batch` | counted from 1 |
| `loss`, `gradient_norm` | as they were found; the norm is 0 in evaluations |
| `samples` | the numbers of its samples in the data, counted from 0 |
| `tensors` | the batch as the loss got it, in the precision of the training, on the CPU |
| `weights` | parameters and buffers; in an L-BFGS iteration or an evaluation those with which it began |

Finding it costs a copy of the weights on the device and no waiting for it. A batch of other things than tensors, tuples
and dictionaries needs `torch.load(…, weights_only=False)`. L-BFGS and evaluations look for the batch by a second pass
over their data; where that is finite, as it can be with random losses, no file is written.

## Many processes and GPUs

```
torchrun --nproc-per-node 4 study.py
```

trains one model with four processes: on GPUs, each takes the one of its local rank (NCCL), else the CPU (gloo).
`batch_size` counts the samples of all of them, so the result is that of one process up to rounding. Only the first
writes files. The gradients are summed by the trainer and not by `DistributedDataParallel`: a loss may call any method
of a model, and differentiate it more than once. The order of samples does not depend on the number of processes; random
numbers in layers do.

## Search for hyper-parameters

`pip install "glasma[tune]"` brings Optuna. The section `[search]` of a TOML file says what is searched:

```toml
[search]
trials = 40

[search.space]
training.learning_rate = {{ low = 1e-4, high = 1e-1, log = true }}
model.channels = {{ choices = [4, 8, 16] }}
model.layers = {{ low = 1, high = 4 }}
```

```python
from surrogate.training.search import search, search_config

found = search(make_trainer, configuration, *search_config(configuration.pop("search")), "output/search")
```

`make_trainer(configuration, directory)` gives a `Trainer` for the plain values of a configuration; what `search.space`
names is replaced in them. Trainings that are worse than the others at the same epoch are cut short. The directory gets
`study.db` (SQLite, for Optuna and its dashboard), `search.json` with all trials and the best configuration, and a
directory for each trial. The same call goes on after an interruption, and the training that was interrupted goes on
from its checkpoint. `found.config` is the best configuration, `found.directory` that of its training. One process
searches at a time.

An entry of `search.space` has `low` and `high` (integers are drawn if both are integers; `log = true` draws evenly in
the logarithm), or `choices`.

{search}"""


def page() -> str:
    """The whole page."""
    table = runpy.run_path(str(Path(__file__).with_name("make_configuration.py")))["table"]
    sections = {"training": TrainingConfig, "lbfgs": LBFGSPhase, "search": Search}
    return _PAGE.format(**{name: table(section) for name, section in sections.items()})


if __name__ == "__main__":
    Path(__file__).with_name("training.md").write_text(page(), encoding="utf-8")
