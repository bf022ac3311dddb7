"""Python paths: what they name, what their classes are told, and the line that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from glasma.errors import ConfigError
from surrogate.python_path import is_python_path, made, named
from tests.surrogate import own_models

FACTS = {"group": "SU(3)", "frame": "static", "blocking": 2, "substeps": 4, "step": 0.25}
HERE = "tests.surrogate.own_models"


def test_modules_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert named(f"{HERE}:Plaquettes") is own_models.Plaquettes
    for name, value in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(
            "from dataclasses import dataclass\nimport torch\n"
            f"class Mine(torch.nn.Module):\n    value = {value}\n@dataclass\nclass Some:\n    x: int = 1\n"
        )
    monkeypatch.chdir(tmp_path)
    assert named("one/mine.py:Mine").value == 1
    assert named(f"{tmp_path}/two/mine.py:Mine").value == 2
    # A module of the working directory, which is not in the search path of an installed command.
    (tmp_path / "only_here_8f3.py").write_text("from one.mine import Mine\n")
    monkeypatch.setattr("sys.path", [entry for entry in __import__("sys").path if entry not in ("", str(tmp_path))])
    assert named("only_here_8f3:Mine").value == 1


def test_a_class_is_told_the_facts_that_it_asks_for() -> None:
    assert made(f"{HERE}:Told", FACTS, {"depth": 7}).told == ("SU(3)", 0.25, 7)
    assert made(f"{HERE}:everything", FACTS, {"depth": 7}).told == {**FACTS, "depth": 7}


def test_what_has_the_form_of_a_python_path() -> None:
    for text in ("a.b:C", "x/y.py:make", "C:/z.py:f"):
        assert is_python_path(text)
    for text in ("a.safetensors", "upscaler", ":C", "a:", "a:b.c", "C:/models/a.safetensors"):
        assert not is_python_path(text)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gan", "has to be package.module:Name or path/to/file.py:Name"),
        ("nowhere.at_all:Net", "cannot be imported (ModuleNotFoundError: No module named 'nowhere')"),
        ("none.py:Net", "cannot be imported (FileNotFoundError: there is no such file)"),
        ("broken.py:Net", "cannot be imported (ZeroDivisionError: division by zero)"),
        (f"{HERE}:Plaquette", f"{HERE} has no Plaquette; it has Plaquettes, Told, everything"),
        (f"{HERE}:NotAModule", "the class NotAModule is no torch.nn.Module"),
        (f"{HERE}:NUMBER", "NUMBER, a int, is no torch.nn.Module"),
        ("subprocess:Popen", "the class Popen is no torch.nn.Module"),
        ("os:abort", "abort, a builtin_function_or_method, is no torch.nn.Module"),
        (f"{HERE}:gives_a_dict", "gives a dict, no torch.nn.Module"),
        (f"{HERE}:Fails", "called with nothing it fails (RuntimeError: no weights here)"),
    ],
)
def test_wrong_paths_give_one_line(path: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as error:
        made(path, FACTS, {})
    assert message in str(error.value)
    assert f"Python path {path!r}: " in str(error.value)
    assert "\n" not in str(error.value)


def test_arguments_that_do_not_fit_give_one_line() -> None:
    with pytest.raises(ConfigError, match=r"called with beta, width it fails \(TypeError: .*unexpected keyword .* 'width'"):
        made(f"{HERE}:Plaquettes", FACTS, {"beta": 1.0, "width": 3})
    with pytest.raises(ConfigError, match="group follows from the data set; leave it out"):
        made(f"{HERE}:Told", FACTS, {"group": "SU(2)"})
