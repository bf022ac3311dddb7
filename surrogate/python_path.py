"""Models that a user names by a Python path: `package.module:Name` or `path/to/file.py:Name`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from glasma.errors import ConfigError


def is_python_path(text: str) -> bool:
    """Whether a text has the form of one: something, a colon, a Python name."""
    place, _, name = text.rpartition(":")
    return bool(place) and name.isidentifier()


def named(path: str) -> Callable[..., nn.Module]:
    """The class or function of a Python path.

    A module is looked for where Python looks, and in the working directory; a file relative to that.

    Raises
    ------
    ConfigError
        If it cannot be imported, or is neither a subclass of `torch.nn.Module` nor a function.
    """
    if not is_python_path(path):
        raise ConfigError(f"Python path {path!r}: has to be package.module:Name or path/to/file.py:Name")
    place, _, name = path.rpartition(":")
    try:
        module = _of_file(Path(place)) if place.endswith(".py") else _of_package(place)
    except Exception as error:
        raise ConfigError(f"Python path {path!r}: cannot be imported ({_said(error)}); mend it, or name another") from None
    found: Any = getattr(module, name, None)
    if found is None:
        near = ", ".join(key for key, value in vars(module).items() if _is_fit(value) and value.__module__ == module.__name__)
        raise ConfigError(f"Python path {path!r}: {place} has no {name}; it has {near or 'no class of a torch module'}")
    if not _is_fit(found):
        what = f"the class {name}" if inspect.isclass(found) else f"{name}, a {type(found).__name__},"
        raise ConfigError(f"Python path {path!r}: {what} is no torch.nn.Module; name a subclass or a function that makes one")
    return found


def made(path: str, facts: dict[str, Any], arguments: dict[str, Any]) -> nn.Module:
    """The module that the class or function of a Python path makes.

    Parameters
    ----------
    path : str
    facts : dict
        Of these it is given those that it has parameters for, all if it takes any keyword (**).
    arguments : dict
        Given as they are.

    Raises
    ------
    ConfigError
        As `named`, and if the call fails or gives something else.
    """
    function = named(path)
    for key in arguments:
        if key in facts:
            raise ConfigError(f"Python path {path!r}: {key} follows from the data set; leave it out of the arguments")
    # A class without an __init__ seems to take any keyword, and takes none.
    bare = inspect.isclass(function) and function.__init__ is nn.Module.__init__
    parameters = {} if bare else dict(inspect.signature(function).parameters)
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    given = {key: value for key, value in facts.items() if takes_all or key in parameters}
    try:
        module = function(**given, **arguments)
    except Exception as error:
        raise ConfigError(
            f"Python path {path!r}: called with {', '.join({**given, **arguments}) or 'nothing'} it fails ({_said(error)})"
        ) from error
    if not isinstance(module, nn.Module):
        raise ConfigError(f"Python path {path!r}: gives a {type(module).__name__}, no torch.nn.Module; let it return one")
    return module


def _is_fit(found: Any) -> bool:
    """A subclass of Module, or a function in Python: a model file names what is called, which is not to be just anything."""
    return issubclass(found, nn.Module) if inspect.isclass(found) else inspect.isfunction(found)


def _of_package(name: str) -> ModuleType:
    here = str(Path.cwd())
    # A script that pip installed does not look for modules where it is started.
    sys.path.append(here)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(here)


def _of_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise FileNotFoundError("there is no such file")
    # Files of the same name are different modules; dataclasses look for theirs in sys.modules.
    name = f"{file.stem}_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]}"
    specification = importlib.util.spec_from_file_location(name, file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
