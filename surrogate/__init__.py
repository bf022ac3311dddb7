"""Gauge-equivariant networks and surrogates of the solver, in PyTorch."""
