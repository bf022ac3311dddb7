"""The training loop of all networks: `Trainer`, its configuration, losses, files and the search for hyper-parameters."""

from surrogate.training.config import TrainingConfig, load_training, training_config
from surrogate.training.history import Epoch, History
from surrogate.training.losses import Relative, mean_square
from surrogate.training.random_state import seed_everything
from surrogate.training.trainer import Trainer
from surrogate.training.weights import load_weights, read_weights, save_weights

__all__ = [
    "Epoch",
    "History",
    "Relative",
    "Trainer",
    "TrainingConfig",
    "load_training",
    "load_weights",
    "mean_square",
    "read_weights",
    "save_weights",
    "seed_everything",
    "training_config",
]
