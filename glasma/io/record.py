"""The JSON file that says what a directory of results holds: `run.json`, `ensemble.json` and their like."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from glasma.errors import FileError
from glasma.io.atomic import write_text


def write_record(path: Path, kind: str, data: dict[str, Any]) -> None:
    """Replace the file; `kind` is what it says of itself, with a version, such as "glasma run 1"."""
    write_text(path, json.dumps({"format": kind, **data}, indent=2) + "\n")


def read_record(path: Path, kind: str, remedy: str, content: Iterable[str] = ()) -> dict[str, Any]:
    """The content of a file of a kind.

    Raises
    ------
    FileError
        If it is not there, is of another kind or lacks something of `content`; its line ends with `remedy`.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read ({error}); {remedy}") from None
    if not isinstance(data, dict) or data.get("format") != kind:
        raise FileError(f"{path}: is not the {path.name} of a {kind.rpartition(' ')[0]}; {remedy}")
    if missing := [name for name in content if name not in data]:
        raise FileError(f"{path}: lacks {', '.join(missing)}; {remedy}")
    return data
