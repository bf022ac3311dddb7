"""The deliberate errors of tests/mutations.py must still fit the sources, else they prove nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

import glasma
from tests.mutations import MUTATIONS


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_mutated_text_stands_once_in_the_sources(mutation):
    source = (Path(glasma.__file__).parent / mutation.file).read_text(encoding="utf-8")
    assert source.count(mutation.old) == 1
