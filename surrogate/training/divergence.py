"""Which batch was the first with a loss or a gradient that is not finite, and the weights that it met."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from surrogate.training.processes import Processes
from surrogate.training.weights import Weights


class Watch:
    """The weights before each batch, as long as all batches were finite; it never waits for the device.

    A look at a loss would wait, so that losses are looked at many batches later, when the weights of that moment are
    overwritten.  Here a copy on the device follows them, and stands still from the first batch on that is not finite.

    Parameters
    ----------
    model : module on the device
    processes : that compute; a batch is finite if it is so in all of them
    """

    def __init__(self, model: nn.Module, processes: Processes) -> None:
        self._model, self._processes = model, processes
        self._finite = torch.ones((), dtype=torch.bool, device=processes.device)
        self._kept: Weights = {}

    @torch.no_grad()
    def before(self) -> None:
        """A batch comes."""
        kept = self._kept
        self._kept = {
            name: torch.where(self._finite, tensor, kept[name]) if name in kept else tensor.detach().clone()
            for name, tensor in self._model.state_dict().items()
        }

    def after(self, loss: Tensor, norm: Tensor) -> None:
        """This process's part of its loss, and the norm of its gradient."""
        bad = 1.0 - (loss.detach().isfinite() & norm.isfinite()).double()
        self._finite = self._finite & (self._processes.add_up(bad) == 0)

    def weights(self) -> Weights:
        """Those that the first batch met that is not finite, else the last batch; on the CPU."""
        return {name: tensor.cpu() for name, tensor in self._kept.items()}
