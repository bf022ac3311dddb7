"""The schema of a configuration: defaults, units, overrides, the way back to plain values, suggestions for typos."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasma.config import Config, config_from_dict, load_config
from glasma.errors import ConfigError, FileError
from glasma.units import HBARC, NUCLEON_MASS, energy_gev, length_fm
from tests.tiny_run import TINY, write_tiny

FIELDS = [(section, key) for section, field in Config.model_fields.items() for key in field.annotation.model_fields]


def tiny(**sections: dict[str, object]) -> dict[str, dict[str, object]]:
    """The tiny configuration as plain values, with keys of sections replaced."""
    data = tomllib.loads(TINY)
    for section, keys in sections.items():
        data.setdefault(section, {}).update(keys)
    return data


def complaint_of(task: Callable[[], object]) -> str | None:
    """What a ConfigError says; None if there is none."""
    try:
        task()
    except ConfigError as error:
        return str(error)
    return None


def test_defaults_fill_what_the_file_leaves_out() -> None:
    config = config_from_dict(
        {
            "run": {"name": "least", "seed": 1},
            "lattice": {
                "transverse_cells": 8,
                "transverse_length": "1 fm",
                "longitudinal_cells": 64,
                "longitudinal_length": "1 fm",
            },
            "nuclei": {"g2mu": "1 GeV"},
            "evolution": {"end_time": "0.1 fm"},
        }
    )
    assert (config.run.precision, config.run.threads) == ("float64", 0)
    assert config.lattice.group == "SU(2)"
    assert (config.nuclei.system, config.nuclei.source, config.nuclei.coupling) == ("collision", "mv", 2.0)
    assert (config.nuclei.infrared_regulator, config.nuclei.ultraviolet_cutoff) == (0.2, 10.0)
    assert (config.nuclei.sheets, config.nuclei.correlation_length, config.nuclei.path) == (1, None, None)
    assert (config.nuclei.radius, config.nuclei.profile_cutoff) == (7.0, 6.0)
    assert (config.evolution.scheme, config.substeps, config.evolution.region) == ("leapfrog", 2, "active")
    assert config.observables.interval == 0.02
    assert (config.output.snapshots, config.output.snapshot_fields, config.output.snapshot_tensor) == ([], True, True)
    assert (config.output.checkpoint_interval, config.output.checkpoint_minutes) == (None, 10.0)
    assert config.tolerances.energy_balance == 0.02


@pytest.mark.parametrize(("section", "key"), FIELDS)
def test_every_key_has_a_description_or_a_default_or_a_name_that_says_all(section: str, key: str) -> None:
    field = Config.model_fields[section].annotation.model_fields[key]
    speaking = {"name", "transverse_length", "longitudinal_length"}
    assert field.description or not field.is_required() or key in speaking


@pytest.mark.parametrize("section", Config.model_fields)
def test_every_section_is_described(section: str) -> None:
    assert Config.model_fields[section].annotation.__doc__


@pytest.mark.parametrize(("section", "key"), FIELDS)
def test_every_key_is_in_the_documentation(section: str, key: str) -> None:
    page = Path(__file__).parent.parent / "docs" / "configuration.md"
    if not page.exists():
        pytest.skip("no documentation beside the tests")
    assert f"`{key}`" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "fm"),
    [("2.5 fm", 2.5), ("2.5fm", 2.5), (" -1e-1  fm ", -0.1), ("1 GeV^-1", HBARC), ("+.5 fm", 0.5), ("3e2 fm", 300.0)],
)
def test_lengths_are_read_in_fm(text: str, fm: float) -> None:
    assert length_fm(text) == pytest.approx(fm, rel=1e-15)


@pytest.mark.parametrize(("text", "gev"), [("0.2 GeV", 0.2), ("200 MeV", 0.2), ("1 fm^-1", HBARC), ("1e3 MeV", 1.0)])
def test_energies_are_read_in_gev(text: str, gev: float) -> None:
    assert energy_gev(text) == pytest.approx(gev, rel=1e-15)


@pytest.mark.parametrize(
    "text", ["", "fm", "1", "1 fm 2", "one fm", "1,5 fm", "0x10 fm", "nan fm", "inf fm", "1 Fm", None, 1.0, True]
)
def test_what_is_no_length_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match=r'such as "0\.5 fm"'):
        length_fm(text)


def test_units_convert_to_the_same_configuration() -> None:
    assert config_from_dict(tiny(nuclei={"g2mu": "2000 MeV"})) == config_from_dict(tiny(nuclei={"g2mu": "2 GeV"}))


def test_width_follows_from_the_energy() -> None:
    data = tiny(nuclei={"sqrt_s_nn": "200 GeV", "radius": "7 fm"})
    del data["nuclei"]["width"]
    nuclei = config_from_dict(data).nuclei
    assert nuclei.lorentz_factor == pytest.approx(100 / NUCLEON_MASS)
    assert nuclei.sigma == pytest.approx(3.5 / (100 / NUCLEON_MASS))


def test_lorentz_factor_follows_from_the_width() -> None:
    nuclei = config_from_dict(tiny()).nuclei
    assert nuclei.sigma == 0.0125
    assert nuclei.lorentz_factor == pytest.approx(7.0 / 0.025)


def test_path_of_the_wilson_lines_is_kept_with_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = config_from_dict(tiny(nuclei={"source": "file", "path": "lines/nuclei.h5"}))
    assert config.nuclei.path == str(tmp_path / "lines" / "nuclei.h5")
    monkeypatch.chdir(tmp_path.parent)
    assert config_from_dict(config.as_dict()) == config


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 1e-4)])
def test_tolerances_follow_the_precision_unless_given(precision: str, tolerance: float) -> None:
    config = config_from_dict(tiny(run={"precision": precision}))
    assert (config.gauss_tolerance, config.unitarity_tolerance) == (tolerance, tolerance)
    given_ones = config_from_dict(tiny(run={"precision": precision}, tolerances={"gauss": 1e-7, "unitarity": 1e-6}))
    assert (given_ones.gauss_tolerance, given_ones.unitarity_tolerance) == (1e-7, 1e-6)


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("run.seed=7", "run", "seed", 7),
        (" run.seed = 7", "run", "seed", 7),
        ("lattice.group=SU(3)", "lattice", "group", "SU(3)"),
        ('lattice.group="SU(3)"', "lattice", "group", "SU(3)"),
        ("nuclei.g2mu=500 MeV", "nuclei", "g2mu", 0.5),
        ("observables.interval=0.05 fm", "observables", "interval", 0.05),
        ("output.snapshot_tensor=false", "output", "snapshot_tensor", False),
        ('output.snapshots=["0.1 fm", "0.05 fm"]', "output", "snapshots", [0.1, 0.05]),
    ],
)
def test_overrides_replace_keys(override: str, section: str, key: str, value: object, tmp_path: Path) -> None:
    config = load_config(write_tiny(tmp_path), [override])
    assert getattr(getattr(config, section), key) == value


def test_the_last_override_of_a_key_counts(tmp_path: Path) -> None:
    assert load_config(write_tiny(tmp_path), ["run.seed=7", "run.seed=8"]).run.seed == 8


def test_configuration_cannot_be_changed_by_accident() -> None:
    config = config_from_dict(tiny())
    with pytest.raises(ValueError, match="frozen"):
        config.run.seed = 8  # type: ignore[misc]


def quantities(unit: str, least: float) -> st.SearchStrategy[str]:
    numbers = st.floats(least, 1e6, allow_nan=False)
    return numbers.map(lambda number: f"{number!r} {unit}")


lengths = st.one_of(quantities("fm", 1e-6), quantities("GeV^-1", 1e-6))
energies = st.one_of(quantities("GeV", 1e-6), quantities("MeV", 1e-6), quantities("fm^-1", 1e-6))
configurations = st.fixed_dictionaries(
    {
        "run": st.fixed_dictionaries(
            {"name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True), "seed": st.integers(0, 2**80)},
            optional={"threads": st.integers(0, 512), "precision": st.sampled_from(["float64", "float32"])},
        ),
        "lattice": st.fixed_dictionaries(
            {
                "transverse_cells": st.integers(4, 4096),
                "transverse_length": lengths,
                "longitudinal_cells": st.integers(16, 10**6),
                "longitudinal_length": lengths,
            },
            optional={"group": st.sampled_from(["SU(2)", "SU(3)"])},
        ),
        "nuclei": st.fixed_dictionaries(
            {"g2mu": energies},
            optional={
                "system": st.sampled_from(["collision", "single"]),
                "coupling": st.floats(1e-3, 10),
                "infrared_regulator": energies,
                "ultraviolet_cutoff": energies,
                "sqrt_s_nn": energies,
                "gamma": st.floats(1.001, 1e5),
                "radius": lengths,
                "width": lengths,
                "separation": lengths,
                "profile_cutoff": st.floats(3, 9),
                "sheets": st.integers(1, 1000),
                "correlation_length": lengths,
                "source": st.sampled_from(["mv", "file"]),
                "path": st.sampled_from(["nuclei.h5", "../a b/ä.h5", "/x/y.h5"]),
            },
        ),
        "evolution": st.fixed_dictionaries({"end_time": lengths}, optional={"substeps": st.integers(1, 64)}),
    },
    optional={
        "output": st.fixed_dictionaries(
            {"snapshots": st.lists(lengths, max_size=4)},
            optional={"checkpoint_interval": lengths, "compression": st.integers(0, 9), "snapshot_fields": st.booleans()},
        ),
        "tolerances": st.fixed_dictionaries({}, optional={"gauss": st.floats(1e-16, 1), "energy_balance": st.floats(1e-9, 1)}),
    },
)


@settings(deadline=None)
@given(configurations)
def test_plain_values_and_back_give_the_same_configuration(data: dict[str, object]) -> None:
    config = config_from_dict(data)
    through_json = json.loads(json.dumps(config.as_dict()))
    # In GeV^-1, MeV and fm^-1 the number changes once, when it is read; from then on it stays, to the last bit.
    assert config_from_dict(through_json) == config
    assert config_from_dict(through_json).as_dict() == config.as_dict()


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_for_an_override_gives_a_configuration_or_one_line(text: str) -> None:
    path = Path(__file__).parent.parent / "runs" / "quickstart.toml"
    complaint = complaint_of(lambda: load_config(path, [text]))
    assert complaint is None or complaint.strip()


@settings(deadline=None)
@given(
    st.sampled_from(FIELDS), st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()))
)
def test_any_value_for_any_key_gives_a_configuration_or_an_error_that_names_the_key(
    field: tuple[str, str], value: object
) -> None:
    section, key = field
    complaint = complaint_of(lambda: config_from_dict(tiny(**{section: {key: value}})))
    assert complaint is None or complaint.startswith(f"{section}.{key} = ")


@pytest.mark.parametrize(("section", "key"), FIELDS)
def test_a_dropped_letter_is_answered_with_the_right_name(section: str, key: str) -> None:
    data = tiny()
    data.setdefault(section, {})[key[:-2] + key[-1]] = "?"
    with pytest.raises(ConfigError, match=rf"{section}\.{key[:-2]}{key[-1]} = .*did you mean {key}\?"):
        config_from_dict(data)


def test_the_missing_key_is_named_with_its_meaning() -> None:
    data = tiny()
    del data["lattice"]["transverse_cells"]
    with pytest.raises(ConfigError, match=r"lattice\.transverse_cells: is missing.*\[lattice\].*sites along x"):
        config_from_dict(data)


def test_a_configuration_that_is_no_table_is_refused() -> None:
    with pytest.raises(ConfigError, match="section"):
        config_from_dict("run")  # type: ignore[arg-type]


def test_errors_of_files_and_of_content_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError):
        load_config(write_tiny(tmp_path, seed='"x"'))
