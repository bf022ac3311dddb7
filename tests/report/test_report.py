"""The report: one page that needs nothing else, with figures, film, checks and configuration."""

from __future__ import annotations

import base64
import html.parser
import re
import shutil
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import glasma.report.html
from glasma.io.history import load_history, load_profiles
from glasma.io.run_directory import RunDirectory
from glasma.report import write_report
from tests.tiny_run import finished_run


class Page(html.parser.HTMLParser):
    """References and images of a page; fails on tags that do not match."""

    VOID = ("meta", "img", "br", "link", "hr", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        self.references += [value or "" for name, value in attributes if name in ("src", "href", "data", "srcset")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text() -> str:
    return (finished_run() / "report.html").read_text(encoding="utf-8")


def test_page_is_well_formed(text: str) -> None:
    page = Page(text)
    assert page.open == []
    assert {"html", "title", "table", "img"} <= set(page.tags)


def test_page_refers_to_nothing_outside_itself(text: str) -> None:
    page = Page(text)
    assert page.references
    assert all(reference.startswith("data:image/") for reference in page.references)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "@import" not in text
    assert "url(" not in text


def test_every_image_can_be_decoded(text: str) -> None:
    kinds = []
    for kind, data in re.findall(r'src="data:image/(\w+);base64,([^"]+)"', text):
        image = Image.open(BytesIO(base64.b64decode(data)))
        image.load()
        assert min(image.size) > 100
        kinds.append(kind)
    assert kinds[0] == "webp"
    assert kinds.count("png") >= 6


def test_film_has_a_frame_for_every_measurement() -> None:
    with Image.open(finished_run() / "collision.webp") as film:
        assert film.n_frames == len(load_history(finished_run() / "history.csv").rows)


def test_page_holds_checks_seed_commit_and_configuration(text: str) -> None:
    assert "All checks, recomputed from the stored fields, are within their tolerances." in text
    assert text.count("✓ holds") == 3 * 4 + 3
    assert "✗ fails" not in text
    for word in ("tiny", "seed 5", "SU(2)", "2.0 GeV", "0.0125 fm", "numpy", "glasma check"):
        assert word in text


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    finished_run()  # which has its pictures
    monkeypatch.setattr(glasma.report.html, "_figures", lambda *results: [])
    monkeypatch.setattr(glasma.report.html, "write_animation", lambda path, profiles: path.write_bytes(b"film"))


def test_page_says_so_when_a_check_fails(tmp_path: Path, without_pictures: None) -> None:
    shutil.copytree(finished_run(), tmp_path / "out")
    with h5py.File(tmp_path / "out" / "checkpoint.h5", "a") as file:
        file["U"][0, 0, 3, 3, 60] += 1e-6
    write_report(RunDirectory.open(tmp_path / "out"))
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert re.search(r"[123] of the checks below fail\.", text)
    assert "✗ fails" in text


def test_name_of_a_machine_cannot_bring_markup_into_the_page(tmp_path: Path, without_pictures: None) -> None:
    shutil.copytree(finished_run(), tmp_path / "out")
    record = tmp_path / "out" / "run.json"
    record.write_text(record.read_text().replace('"processor": "', '"processor": "<script>alert(1)</script><b>'))
    write_report(RunDirectory.open(tmp_path / "out"))
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>" not in text


def test_profiles_agree_with_the_history() -> None:
    history, profiles = load_history(finished_run() / "history.csv"), load_profiles(finished_run() / "profiles.h5")
    assert profiles.steps == list(history.column("step"))
    np.testing.assert_array_equal(profiles.times, history.column("t_fm"))
    middle = np.array(profiles.tensor)[:, 0, 63:65].mean(axis=1)
    np.testing.assert_allclose(middle[2:], history.column("eps_mid")[2:], rtol=1e-6)
