"""Configurations of models: frozen dataclasses that come from plain values, as TOML, JSON and model cards have them."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, ClassVar, Self

from surrogate.errors import LayerError


class PlainConfig:
    """Base of dataclasses whose lists are tuples."""

    #: What it configures, for messages: "an L-CNN".
    KIND: ClassVar[str]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The configuration of plain values.

        Raises
        ------
        LayerError
            For an unknown key.
        """
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        for key in values:
            if key not in known:
                raise LayerError(f"{key}: is not a key of {cls.KIND}; known are {', '.join(sorted(known))}")
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})

    def to_dict(self) -> dict[str, Any]:
        """Plain values from which `from_dict` makes the same."""
        values: dict[str, Any] = asdict(self)  # type: ignore[call-overload]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
