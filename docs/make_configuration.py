"""Write docs/configuration.md from the schema, so that keys, defaults and meanings stand in one place.

python docs/make_configuration.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from glasma.config import Config
from glasma.planning.machine import Gpu, Machine, Throughput
from glasma.units import energy_gev, length_fm

_HEAD = """# Configuration

A run is one TOML file. Quantities with a dimension are strings with a unit: lengths and times in `fm` or `GeV^-1`, energies in
`GeV`, `MeV` or `fm^-1` (natural units, c = 1). Any key can be replaced on the command line: `--set nuclei.g2mu="1 GeV"`.
This page is written by `python docs/make_configuration.py` from the schema in `glasma/config.py`.
"""

_MACHINE = """
## Machine files

`glasma plan CONFIG --machine FILE` reads another TOML file, of a machine ([scaling](scaling.md)); its schema is in
`glasma/planning/machine.py`. Keys outside of all sections:

{machine}
One `[[throughput]]` for each kind of run:

{throughput}
`[gpu]`, if there are any:

{gpu}"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for name, field in Config.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)
        assert issubclass(section, BaseModel)
        parts.append(f"\n## [{name}]\n\n{section.__doc__}\n\n{table(section)}")
    parts.append(_MACHINE.format(machine=table(Machine), throughput=table(Throughput), gpu=table(Gpu)))
    return "".join(parts)


def table(section: type[BaseModel]) -> str:
    """The keys of a section, without those that are sections themselves."""
    fields = section.model_fields.items()
    rows = (_row(key, entry) for key, entry in fields if not _is_section(entry))
    return "| key | value | default | meaning |\n|---|---|---|---|\n" + "".join(rows)


def _is_section(field: FieldInfo) -> bool:
    parts = (field.annotation, *get_args(field.annotation))
    return any(isinstance(part, type) and issubclass(part, BaseModel) for part in parts)


def _row(key: str, field: FieldInfo) -> str:
    return f"| `{key}` | {_kind(field)} | {_default(field)} | {field.description or ''} |\n"


def _unit(field: FieldInfo) -> str | None:
    parsers = [getattr(item, "func", None) for item in field.metadata]
    text = f"{field.annotation} {parsers}"
    if length_fm in parsers or "length_fm" in text:
        return "fm"
    return "GeV" if energy_gev in parsers or "energy_gev" in text else None


def _kind(field: FieldInfo) -> str:
    unit = _unit(field)
    names = {"fm": "length or time", "GeV": "energy"}
    if get_origin(field.annotation) is list:
        return f"list of {names.get(unit or '', 'value')}s"
    if unit:
        return names[unit]
    choices = [value for value in get_args(field.annotation) if isinstance(value, str)]
    if choices:
        return " or ".join(f'`"{value}"`' for value in choices)
    annotation = [part for part in get_args(field.annotation) if part is not type(None)] or [field.annotation]
    return {int: "integer", float: "number", str: "text", bool: "true or false"}.get(annotation[0], str(annotation[0]))


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    unit = _unit(field)
    return f'`"{value:g} {unit}"`' if unit and isinstance(value, float) else f"`{value!r}`".replace("'", '"')


if __name__ == "__main__":
    Path(__file__).with_name("configuration.md").write_text(page(), encoding="utf-8")
