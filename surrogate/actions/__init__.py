"""Lattice actions whose coefficients are learned: gauge-invariant potentials V[U, φ] and their forces."""

from surrogate.actions.action import Action, SumOfActions
from surrogate.actions.field_strength import FieldStrengthAction
from surrogate.actions.forces import forces

__all__ = ["Action", "FieldStrengthAction", "SumOfActions", "forces"]
