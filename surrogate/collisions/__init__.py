"""Collisions in 3+1D on a coarse lattice: the nuclei, the surrogate, and what is looked at between the nuclei."""
