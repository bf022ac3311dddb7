"""Machines: cores, memory, bandwidth and what the solver's work costs there, from a TOML file, a measurement or the package."""

from __future__ import annotations

import json
import os
import re
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from glasma.errors import ConfigError, FileError
from glasma.io.atomic import write_text
from glasma.io.provenance import machine as this_machine
from glasma.sections import Section, checked, read_toml

#: Group, precision and scheme: what the cost of a site depends on.
Kind = tuple[str, str, str]


class Throughput(Section):
    """What the work of one group, precision and scheme costs on one core; what is left out scales with the step."""

    group: Literal["SU(2)", "SU(3)"] = Field(description="the gauge group")
    precision: Literal["float64", "float32"] = Field(description="of the fields")
    scheme: Literal["leapfrog", "semi_implicit", "boost_invariant"] = Field(description="the evolution scheme")
    step_ns: float = Field(gt=0, description="ns per site that moves and step, all iterations of an implicit one included")
    charges_ns: float | None = Field(default=None, ge=0, description="ns per site of a nucleus' slab and step")
    start_ns: float | None = Field(default=None, ge=0, description="ns per site of a nucleus' slab, to make the initial state")
    measurement_ns: float | None = Field(default=None, ge=0, description="ns per site that moves and measurement")
    snapshot_ns: float | None = Field(default=None, ge=0, description="ns per byte of a snapshot before gzip")
    checkpoint_ns: float | None = Field(default=None, ge=0, description="ns per byte of a checkpoint")
    check_ns: float | None = Field(default=None, ge=0, description="ns per byte of a snapshot, to check it for the report")
    process_s: float | None = Field(default=None, ge=0, description="s of imports, kernels from the disk and figures")
    frame_s: float | None = Field(default=None, ge=0, description="s of one frame of the film")
    process_MiB: float | None = Field(default=None, ge=0, description="memory of the process besides the arrays of a run")
    report_MiB: float | None = Field(default=None, ge=0, description="the same while it draws the report")

    @property
    def kind(self) -> Kind:
        """Group, precision and scheme."""
        return self.group, self.precision, self.scheme


class Gpu(Section):
    """The GPUs of a node; their time is a bound from their bandwidth, not a measurement."""

    name: str = Field(description="what they are called")
    per_node: int = Field(ge=1, description="how many a node has")
    memory_GiB: float = Field(gt=0, description="of one")
    bandwidth_GB_s: float = Field(gt=0, description="of one")
    efficiency: float = Field(default=0.5, gt=0, le=1, description="part of the bandwidth that a step is expected to reach")
    exchange_GB_s: float | None = Field(
        default=None, gt=0, description="that one sends to its neighbours, by way of the host unless MPI is CUDA-aware"
    )


class Machine(Section):
    """A machine of equal nodes; give the bandwidth of a core, or the throughput of the kinds of runs, or both."""

    name: str = Field(min_length=1, description="what it is called")
    cores_per_node: int = Field(ge=1, description="cores of a node")
    memory_per_node_GiB: float = Field(gt=0, description="memory of a node")
    bandwidth_per_core_GB_s: float | None = Field(default=None, gt=0, description="copy bandwidth (triad) of one core alone")
    bandwidth_per_node_GB_s: float | None = Field(default=None, gt=0, description="copy bandwidth of all cores of a node")
    throughput: list[Throughput] = Field(default_factory=list, description="what the work costs, one entry a kind")
    gpu: Gpu | None = Field(default=None, description="the GPUs of a node")

    @model_validator(mode="after")
    def _says_how_fast(self) -> Machine:
        if not self.throughput and self.bandwidth_per_core_GB_s is None:
            raise ValueError("says nowhere how fast it is; set bandwidth_per_core_GB_s or add a [[throughput]] with step_ns")
        kinds = [entry.kind for entry in self.throughput]
        for kind in kinds:
            if kinds.count(kind) > 1:
                raise ValueError(f"has two [[throughput]] of {', '.join(kind)}; remove one")
        return self

    def entry(self, kind: Kind) -> Throughput | None:
        """The throughput of a kind, if it is given."""
        return next((entry for entry in self.throughput if entry.kind == kind), None)


def load_machine(path: str | Path) -> Machine:
    """Read and check a machine file.

    Raises
    ------
    FileError
        If it cannot be read.
    ConfigError
        If it is not valid TOML or does not fit the schema; the line names the file.
    """
    try:
        data = read_toml(path)
    except FileError as error:
        raise FileError(str(error).replace("a run's TOML file", "a machine's TOML file")) from None
    try:
        return checked(Machine, data)
    except ConfigError as error:
        what = str(error)
        if ": says nowhere" in what or ": has two" in what:  # of the whole file, not of a key
            what = what.partition(": ")[2]
        raise ConfigError(f"{path}: {what}") from None


def shipped_machine() -> Machine:
    """The machine on which the costs that come with the package were measured."""
    with as_file(files("glasma.planning") / "reference.toml") as path:
        return load_machine(path)


def cache_path() -> Path:
    """Where the measurement of this machine is kept; machines that share a home have files of their own."""
    here = this_machine()
    name = re.sub(r"[^a-z0-9]+", "-", f"{here['processor']} {here['cores']}".lower()).strip("-")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glasma" / f"machine-{name}.toml"


def measured_machine() -> Machine | None:
    """This machine as it was measured, or None if it was not.

    Raises
    ------
    ConfigError
        If the file of the measurement is damaged.
    """
    path = cache_path()
    if not path.exists():
        return None
    try:
        return load_machine(path)
    except ConfigError as error:
        raise ConfigError(f"{error}; `glasma plan CONFIG --measure` measures this machine again") from None


def save_machine(path: Path, machine: Machine) -> None:
    """Write a machine file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, toml_of(machine))


def toml_of(machine: Machine) -> str:
    """A machine as the text of its file."""
    values = machine.model_dump(exclude_none=True)
    tables = [("[[throughput]]", entry) for entry in values.pop("throughput")]
    if "gpu" in values:
        tables.append(("[gpu]", values.pop("gpu")))
    return _lines(values) + "".join(f"\n{head}\n{_lines(entry)}" for head, entry in tables)


def _lines(values: dict[str, Any]) -> str:
    # JSON writes strings and numbers as TOML does.
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
