"""Links of SU(3) stored as two rows are those stored as a whole, to rounding, through a collision in every scheme."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glasma.collision import Collision
from glasma.group import group_named
from tests.tiny_run import assert_refused, differences, glasma, write_tiny

SU3 = 'lattice.group="SU(3)"'
TWO_ROWS = "run.links=two_rows"
KINDS = {
    "leapfrog": [],
    "semi_implicit": ["evolution.scheme=semi_implicit", "nuclei.width=0.02 fm", "lattice.longitudinal_length=1.2 fm"],
    "boost_invariant": ["evolution.scheme=boost_invariant", "evolution.end_time=0.9 fm"],
}


def links(collision: Collision, directions: int) -> np.ndarray:
    return np.stack([collision.scheme.group.link_to_matrix(collision.U[d]) for d in range(directions)])


@pytest.mark.parametrize(
    "scheme",
    [
        "leapfrog",
        pytest.param("semi_implicit", marks=pytest.mark.slow),
        pytest.param("boost_invariant", marks=pytest.mark.slow),
    ],
)
def test_two_rows_evolve_as_the_whole_links(tmp_path: Path, scheme: str):
    path = write_tiny(tmp_path)
    whole = Collision(path, SU3, *KINDS[scheme])
    two_rows = Collision(path, SU3, TWO_ROWS, *KINDS[scheme])
    assert two_rows.U.shape[1] == 12
    assert whole.U.shape[1] == 18
    directions = whole.U.shape[0]
    # The iteration of semi_implicit ends within its tolerance, where the two may differ by a sweep.
    tolerance = 1e-9 if scheme == "semi_implicit" else 1e-12
    for _ in range(min(50, whole.derived.last_step - whole.fields.step)):
        whole.step()
        two_rows.step()
    difference = np.abs(links(whole, directions) - links(two_rows, directions)).max()
    assert 0 < difference < tolerance
    assert np.abs(whole.E - two_rows.E).max() < tolerance * max(1, np.abs(whole.E).max())
    assert two_rows.gauss_violation() < (1e-9 if scheme == "semi_implicit" else 1e-12)
    assert two_rows.unitarity_violation() < 1e-14
    assert two_rows.energy() == pytest.approx(whole.energy(), rel=1e-11 if scheme != "semi_implicit" else 1e-8)
    np.testing.assert_allclose(
        two_rows.stress_tensor(), whole.stress_tensor(), atol=1e2 * tolerance * np.abs(whole.stress_tensor()).max()
    )


def test_a_run_of_two_rows_resumes_checks_and_reports(tmp_path: Path):
    path = write_tiny(tmp_path)
    chosen = ("--set", SU3, "--set", TWO_ROWS, "--quiet")
    for name in ("one", "other"):
        assert glasma("run", path, "--out", tmp_path / name, *chosen).status == 0
    assert differences(tmp_path / "one", tmp_path / "other") == []
    assert glasma("check", tmp_path / "one").status == 0
    (tmp_path / "other" / "report.html").unlink()
    resumed = glasma("resume", tmp_path / "other", "--quiet")
    assert resumed.status == 0, resumed.err
    assert differences(tmp_path / "one", tmp_path / "other") == []


def test_two_rows_are_for_three_colours(tmp_path: Path):
    assert_refused(glasma("run", write_tiny(tmp_path), "--set", TWO_ROWS), "run.links", "two_rows", "SU(3)")


def test_two_rows_need_less_memory(tmp_path: Path):
    path = write_tiny(tmp_path)
    whole, two_rows = Collision(path, SU3).derived, Collision(path, SU3, TWO_ROWS).derived
    assert (two_rows.field_bytes, whole.field_bytes) == (480 * two_rows.grid.sites, 624 * whole.grid.sites)
    assert group_named("SU(3)", "two_rows") is two_rows.group
