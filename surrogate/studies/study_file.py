"""The section [study] of a TOML file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from glasma.sections import apply_override, read_toml


def study_values(path: Path | None, quick: Mapping[str, Any] | None, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """The plain values of a file, or none; `quick` replaces what it has of [study], `overrides` any key.

    Raises
    ------
    FileError
        If the file cannot be read.
    ConfigError
        If it is not valid TOML, or an override has another form.
    """
    data = read_toml(path) if path is not None else {}
    if quick is not None:
        data["study"] = {**data.get("study", {}), **quick}
    for override in overrides:
        apply_override(data, override)
    return data
