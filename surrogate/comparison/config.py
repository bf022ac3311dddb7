"""What `glasma compare` reads: one TOML file, checked before any work is done."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field

from glasma.sections import Section, checked, read_toml


class Compare(Section):
    """What is laid side by side."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="names the output directory")
    dataset: str = Field(min_length=1, description="the HDF5 file of `glasma dataset`; relative to the working directory")
    splits: list[str] = Field(default_factory=lambda: ["test"], min_length=1, description="the splits whose events are run")
    events: int = Field(default=0, ge=0, description="events of each split at most; 0 takes all")
    evolution: str = Field(min_length=1, description="model file of the evolution surrogate")
    upscaler: str | list[str] | None = Field(
        default=None,
        description="model file of an upscaler or a network upscaler, for b > 2 one for each factor 2, that of the coarsest "
        "lattice first; needed for the floor and the fine maps",
    )
    others: list[str] = Field(
        default_factory=list, description="further schemes: model files of evolutions, or Python paths of models of one's own"
    )
    threads: int = Field(default=0, ge=0, description="CPU threads; 0 takes all cores")


class CompareFile(Section):
    """A complete comparison."""

    compare: Compare

    def as_dict(self) -> dict[str, Any]:
        """Plain values, from which it can be made again."""
        return self.model_dump(mode="json", exclude_none=True)


def load_compare_file(path: str | Path, overrides: Iterable[str] = ()) -> CompareFile:
    """Read and check a TOML file.

    Raises
    ------
    FileError
        If the file cannot be read.
    ConfigError
        If it is not valid TOML or does not fit the schema.
    """
    return checked(CompareFile, read_toml(path, overrides))
