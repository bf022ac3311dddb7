"""The page that is written from the code is up to date."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def test_dataset_page_is_written_from_the_schema():
    """Else run `python docs/make_dataset.py`."""
    page = runpy.run_path(str(DOCS / "make_dataset.py"))["page"]()
    assert (DOCS / "dataset.md").read_text(encoding="utf-8") == page
