"""Solver and surrogate side by side: `glasma compare`."""
