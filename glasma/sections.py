"""Sections of a TOML file as pydantic models, and what a user reads when one does not fit: one line."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from glasma.errors import ConfigError, FileError


class Section(BaseModel):
    """A section: unknown keys are refused, values do not change, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Section)


def read_toml(path: str | Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """The plain values of a TOML file, with what `--set` replaces in them.

    Raises
    ------
    FileError
        If the file cannot be read.
    ConfigError
        If it is not valid TOML, or an override has another form.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}); give the path of a run's TOML file") from None
    except UnicodeDecodeError:
        raise FileError(f"{path}: is not a text file; give the path of a run's TOML file") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from None
    for override in overrides:
        apply_override(data, override)
    return data


def apply_override(data: dict[str, Any], override: str) -> None:
    """Replace a value as `--set section.key=value` asks; the value is written as in TOML, quotes may be left out.

    Raises
    ------
    ConfigError
        If it has another form.
    """
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(f"--set {override}: needs the form section.key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    for part in parts[:-1]:
        data = data.setdefault(part, {})
        if not isinstance(data, dict):
            raise ConfigError(f"--set {override}: {part} is not a section; the form is section.key=value")
    data[parts[-1]] = value


def checked(model: type[Model], data: dict[str, Any]) -> Model:
    """Check plain values against a schema.

    Raises
    ------
    ConfigError
        With one line that names the first field at fault, its value and the remedy.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_one_line(model, error, data)) from None


def _one_line(model: type[BaseModel], error: ValidationError, data: Any) -> str:
    first = error.errors()[0]
    location = tuple(part for part in first["loc"] if isinstance(part, str))
    name = ".".join(location)
    kind, context = first["type"], first.get("ctx", {})
    value = _written(data, first["loc"])
    if kind == "extra_forbidden":
        known = list(_section_of(model, location[:-1]).model_fields)
        near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.4)
        advice = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        return f"{name} = {value!r}: unknown key; {advice}"
    if kind == "missing":
        return f"{name}: is missing; {_describe(model, location)}"
    if kind == "value_error":
        return f"{name} = {value!r}: {context['error']}"
    if kind == "literal_error":
        return f"{name} = {value!r}: must be one of {context['expected']}"
    if kind in ("model_type", "model_attributes_type"):
        return f"{name or 'the configuration'} = {value!r}: must be a section with keys, not a value"
    message = first["msg"].removeprefix("Input ")
    return f"{name} = {value!r}: {message}{_hint(model, location)}"


def _written(data: Any, location: tuple[int | str, ...]) -> Any:
    """What the file says at a location, before units are read; None if it says nothing."""
    for part in location:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _section_of(model: type[BaseModel], location: tuple[str, ...]) -> type[BaseModel]:
    for part in location:
        model = section_type(model.model_fields[part].annotation)
    return model


def section_type(annotation: Any) -> type[BaseModel]:
    """The section that a field holds, be it optional or one of a list; KeyError if it holds none."""
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    raise KeyError(annotation)


def _description(model: type[BaseModel], location: tuple[str, ...]) -> str | None:
    return _section_of(model, location[:-1]).model_fields[location[-1]].description


def _describe(model: type[BaseModel], location: tuple[str, ...]) -> str:
    description = _description(model, location)
    meaning = f" ({description})" if description else ""
    if len(location) > 1:
        return f"set {location[-1]} in [{location[-2]}]{meaning}"
    try:
        section_type(model.model_fields[location[0]].annotation)
    except KeyError:
        return f"set {location[0]}{meaning}"
    return f"add the section [{location[0]}]"


def _hint(model: type[BaseModel], location: tuple[str, ...]) -> str:
    try:
        description = _description(model, location)
    except (KeyError, IndexError):
        return ""
    return f" ({description})" if description else ""
