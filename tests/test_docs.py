"""The pages that are written from the code are up to date, and what pages name is there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import click
import pytest

from glasma.cli import cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
named = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_configuration_page_is_written_from_the_schema():
    """Else run `python docs/make_configuration.py`."""
    page = runpy.run_path(str(DOCS / "make_configuration.py"))["page"]()
    assert (DOCS / "configuration.md").read_text(encoding="utf-8") == page


def links(page: Path) -> list[tuple[Path, str]]:
    """Where the links of a page lead within the tree: file and heading."""
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    parts = [target.partition("#") for target in targets if "://" not in target]
    return [((page.parent / file).resolve() if file else page, heading) for file, _, heading in parts]


def headings(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_every_page_can_be_reached_from_the_first():
    reached, waiting = set(), [PAGES[0]]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        waiting += {file for file, _ in links(page) if file.suffix == ".md"} - reached
    assert set(PAGES) <= reached


@named
def test_links_lead_to_files_and_headings(page):
    assert [file for file, _ in links(page) if not file.exists()] == []
    assert [heading for file, heading in links(page) if heading and heading not in headings(file)] == []


@named
def test_paths_of_the_tree_are_there(page):
    """Those without a part to fill in, and not of results."""
    paths = re.findall(r"`((?:glasma|surrogate|tests|benchmarks|runs|docs)/[\w./-]+)`", page.read_text(encoding="utf-8"))
    assert [path for path in paths if not path.startswith("runs/output") and not (ROOT / path).exists()] == []


@named
def test_commands_have_what_is_asked_of_them(page):
    text = page.read_text(encoding="utf-8")
    blocks = [block for language, block in re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL) if language in ("", "sh")]
    lines = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)) + "".join(blocks).splitlines()
    commands = [found[1] for line in lines if (found := re.match(r"(?:[\w$=].* )?glasma ([a-z][^#]*)", line))]
    for words in (command.split() for command in commands):
        command: click.Command = cli
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            assert words[0] in command.commands, words
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        asked = {option for word in words if (option := word.strip("[]()…|").partition("=")[0]).startswith("--")}
        assert asked - {"--help"} <= known, words
