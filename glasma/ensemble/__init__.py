"""Many events of one configuration, and their averages."""

from glasma.ensemble.run import event_seed, resume_ensemble, run_ensemble

__all__ = ["event_seed", "resume_ensemble", "run_ensemble"]
