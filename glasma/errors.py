"""Errors that a user can mend: one line each, with what is wrong and what to do."""

from __future__ import annotations


class GlasmaError(Exception):
    """Base of all errors that the command line prints as one line and answers with exit status 2."""


class ConfigError(GlasmaError):
    """A configuration that cannot be run: names the field, its value and the remedy."""


class FileError(GlasmaError):
    """A file or directory that cannot be used: names the path and the remedy."""


class UnstableRunError(GlasmaError):
    """A run that left its tolerances: names the step, the quantity and the last good checkpoint."""


class ConvergenceError(GlasmaError):
    """An equation whose solution was not found: names the place, the residual and the remedy."""
