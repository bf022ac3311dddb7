"""The TOML file of a data set, checked before any work is done.  Every default is stated here and nowhere else.

[source] has the sections of an engine run, [source.lattice], [source.nuclei] and [source.evolution] (`glasma.config`), or
names a file that has them; [[split]] says which events are drawn from it, and what is other than in [source].
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from glasma.config import Evolution, Lattice, Length, Nuclei
from glasma.errors import ConfigError
from glasma.sections import Section, apply_override, checked, read_toml


class Blocks(Section):
    """What is stored of each event, and when."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="letters, digits, dots, dashes; names the file")
    blocking: int = Field(default=2, ge=2, le=16, description="b, the coarse spacing in units of the fine one")
    substeps: int = Field(
        default=4,
        ge=1,
        le=64,
        description="n in Δτ_c = b a_T/n, in 3+1D b a_z/n, the time between stored fields: a whole number of fine steps",
    )
    end: Length = Field(
        gt=0, description="the last time that is stored is the nearest multiple of Δτ_c; in 3+1D since the collision"
    )
    precision: Literal["float64", "float32"] = Field(default="float64", description="of what is stored")
    fine_times: list[Length] = Field(
        default_factory=list, description="times, multiples of Δτ_c, of which the whole fine state is stored too"
    )


class RandomFields(Section):
    """Initial fields of the box: U = exp(i A^a t^a), A Gaussian with the spectrum exp(−k²λ²/2), at rest."""

    correlation_length: float = Field(ge=0, description="λ in fine spacings")
    amplitude: float = Field(gt=0, description="standard deviation of A^a, units 1/(g a_T)")


#: The scheme of the engine with which the events of each kind of source run.
SCHEMES = {"boost_invariant": "boost_invariant", "box": "boost_invariant", "collision": "leapfrog"}


class Source(Section):
    """Where fine events come from: collisions in 2+1D or in 3+1D, or random fields in a box that does not expand."""

    kind: Literal["boost_invariant", "box", "collision"] = Field(
        default="boost_invariant",
        description="boost_invariant (2+1D) and collision (3+1D) need [source.nuclei], box needs [source.fields]",
    )
    config: str | None = Field(
        default=None,
        min_length=1,
        description="TOML file of a run, relative to this file; its sections are taken, keys given here replace its own",
    )
    precision: Literal["float64", "float32"] = Field(default="float64", description="of the fine runs")
    backend: Literal["cpu", "cuda"] = Field(
        default="cpu", description="where the fine runs are computed, each on a GPU with cuda (gpu.md); a box on the CPU only"
    )
    lattice: Lattice
    evolution: Evolution
    nuclei: Nuclei | None = None
    fields: RandomFields | None = None


class Split(Section):
    """Events that belong together: a training set, or one of several test sets."""

    name: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", description='"train", "validation", "test" or any other name of a test'
    )
    events: int = Field(ge=1, description="how many")
    seed: int = Field(ge=0, description="event k has the seed that event k of an ensemble with this run.seed has")
    set: list[str] = Field(
        default_factory=list,
        description='what is other than in [source], such as ["nuclei.g2mu=1 GeV"]; keys without "source."',
    )


class DatasetConfig(Section):
    """A complete data set."""

    dataset: Blocks
    source: Source
    split: list[Split] = Field(min_length=1)

    def as_dict(self) -> dict[str, Any]:
        """Plain values with units, from which it can be made again."""
        return self.model_dump(mode="json", exclude_none=True)

    def source_of(self, split: Split) -> Source:
        """[source] with what a split replaces in it.

        Raises
        ------
        ConfigError
            If that does not fit the schema.
        """
        data = self.source.model_dump(mode="json", exclude_none=True)
        try:
            for override in split.set:
                apply_override(data, override)
            return checked(Source, data)
        except ConfigError as error:
            raise ConfigError(f'split "{split.name}": {str(error).removeprefix("--set ")}') from None


def load_dataset_config(path: str | Path, overrides: Iterable[str] = ()) -> DatasetConfig:
    """Read and check a TOML file.

    Parameters
    ----------
    path : path of the file
    overrides : strings "section.key=value"
        Replace what the file says.

    Raises
    ------
    FileError
        If the file, or that of `source.config`, cannot be read.
    ConfigError
        With one line that names the first field at fault, its value and the remedy.
    """
    data = read_toml(path, overrides)
    return dataset_config(data, Path(path).parent)


def dataset_config(data: dict[str, Any], directory: Path | None = None) -> DatasetConfig:
    """Check plain values; `source.config` is relative to `directory`, by default the working directory."""
    source = data.get("source")
    if isinstance(source, dict):
        data = {**data, "source": _with_defaults(source, data.get("dataset"), directory or Path())}
    return checked(DatasetConfig, data)


def _with_defaults(source: dict[str, Any], blocks: Any, directory: Path) -> dict[str, Any]:
    """The source with the sections of the run that it names, and the keys of [evolution] that it has no need of."""
    source = dict(source)
    if isinstance(source.get("config"), str):
        run = read_toml(directory / source.pop("config"))
        for name in ("lattice", "nuclei", "evolution"):
            if isinstance(run.get(name), dict) and isinstance(source.get(name, {}), dict):
                source[name] = {**run[name], **source.get(name, {})}
        precision = run["run"].get("precision") if isinstance(run.get("run"), dict) else None
        if precision is not None:
            source.setdefault("precision", precision)
    evolution = source.get("evolution", {})
    if isinstance(evolution, dict):
        end = blocks.get("end") if isinstance(blocks, dict) else None
        # The events run as long as the data set needs them.
        scheme = SCHEMES.get(str(source.get("kind", "boost_invariant")), "boost_invariant")
        source["evolution"] = {"scheme": scheme, **evolution} | ({} if end is None else {"end_time": end})
    return source
