"""TensorBoard logs, if the package is there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from surrogate.training.history import Epoch


class TensorBoard:
    """One point an epoch for each number of the history.

    Parameters
    ----------
    directory : of the log
    wanted : False writes nothing
    epoch : what an earlier run logged after this epoch is hidden
    """

    def __init__(self, directory: Path, wanted: bool, epoch: int) -> None:
        self._writer: Any = None
        if wanted and importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(directory), purge_step=epoch + 1 if epoch else None)

    def append(self, epoch: Epoch) -> None:
        """Log an epoch."""
        if self._writer is None:
            return
        for name in ("train_loss", "validation_loss", "learning_rate", "gradient_norm"):
            value = getattr(epoch, name)
            if value is not None:
                self._writer.add_scalar(name, value, epoch.epoch)

    def close(self) -> None:
        """Write what is held."""
        if self._writer is not None:
            self._writer.close()
