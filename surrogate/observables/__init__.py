"""What a coarse lattice says of the fine one: energy densities by fitted operators."""

from surrogate.observables.energies import COMPONENTS, EnergyOperators

__all__ = ["COMPONENTS", "EnergyOperators"]
