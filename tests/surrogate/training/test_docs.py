"""The page about training is written from the schema."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def test_training_page_is_up_to_date():
    """Else run `python docs/make_training.py`."""
    page = runpy.run_path(str(DOCS / "make_training.py"))["page"]()
    assert (DOCS / "training.md").read_text(encoding="utf-8") == page
