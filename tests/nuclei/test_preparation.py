"""The nuclei of a configuration: streams of the seed, sheets, correlation length."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from glasma.config import config_from_dict
from glasma.derived import Derived
from glasma.group import group_named
from glasma.nuclei.incoherent import IncoherentNucleus
from glasma.nuclei.mv import color_charges
from glasma.nuclei.poisson import solve_poisson
from glasma.nuclei.preparation import make_nuclei
from glasma.nuclei.sheets import SheetNucleus
from glasma.nuclei.wilson_lines import CoherentNucleus
from glasma.sanity import check_physics
from glasma.summary import summary
from glasma.units import HBARC
from tests.states import to_matrix
from tests.tiny_run import TINY

KINDS = {"coherent": {}, "sheets": {"sheets": 3}, "incoherent": {"correlation_length": "0.02 fm"}}


def derived(kind: str = "coherent", group: str = "SU(2)", seed: int = 5, **nuclei: object) -> Derived:
    """The tiny run with nuclei three times as thick."""
    data = tomllib.loads(TINY)
    data["run"]["seed"], data["lattice"]["group"] = seed, group
    data["lattice"].update(longitudinal_cells=320, longitudinal_length="2 fm")
    data["nuclei"].update(width="0.0375 fm", **KINDS[kind], **nuclei)
    return check_physics(config_from_dict(data))


def behind(nucleus) -> np.ndarray:
    return nucleus.wilson_line(-1e3 * nucleus.direction, 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_single_nucleus_is_the_right_mover_of_the_collision(kind):
    right, left = make_nuclei(derived(kind))
    [alone] = make_nuclei(derived(kind, system="single"))
    expected = {"coherent": CoherentNucleus, "sheets": SheetNucleus, "incoherent": IncoherentNucleus}[kind]
    assert type(right) is type(left) is type(alone) is expected
    # Slices end at lattice sites, which lie elsewhere within the single nucleus.
    np.testing.assert_allclose(behind(alone), behind(right), rtol=0, atol=0.01 if kind == "incoherent" else 0)
    assert np.abs(behind(left) - behind(right)).max() > 0.1
    assert (right.direction, left.direction) == (1, -1)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_nuclei_other_seed_other_nuclei(kind):
    first, again, other = (behind(make_nuclei(derived(kind, seed=seed))[1]) for seed in (5, 5, 6))
    np.testing.assert_array_equal(again, first)
    assert np.abs(other - first).max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_nuclei_start_apart_and_mirrored(kind):
    run = derived(kind)
    right, left = make_nuclei(run)
    np.testing.assert_allclose(left.extent, (-right.extent[1], -right.extent[0]), atol=1e-13)
    assert right.extent[1] <= -2 * run.grid.a_z < 2 * run.grid.a_z <= left.extent[0]


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_sheets_are_drawn_one_after_the_other_from_the_stream_of_the_nucleus(group):
    run = derived("sheets", group)
    a, algebra = run.grid.spacing_fm / HBARC, group_named(group)
    for nucleus, stream in zip(make_nuclei(run), np.random.SeedSequence(5).spawn(2), strict=True):
        rng = np.random.default_rng(stream)
        for potential in nucleus.potentials:
            rho = color_charges((8, 8), algebra.DIMENSION, 2 * a / np.sqrt(3), rng)
            expected = to_matrix(algebra, solve_poisson(rho, 0.4 * a, 8 * a))
            np.testing.assert_allclose(potential, expected, atol=1e-14)


def test_independent_sheets_of_a_correlation_length_are_drawn_from_children_of_the_stream():
    run = derived("incoherent")
    a = run.grid.spacing_fm / HBARC
    right, _ = make_nuclei(run)
    children = np.random.SeedSequence(5).spawn(2)[0].spawn(7)
    for m, child in zip((0, -1, 1, -2, 2, -3, 3), children, strict=True):
        rho = color_charges((8, 8), 3, 2 * a, np.random.default_rng(child))
        np.testing.assert_allclose(right.sheet(m), solve_poisson(rho, 0.4 * a, 8 * a), atol=1e-14)


def test_lattice_along_the_beam_does_not_change_the_random_field():
    """A finer a_z resolves the same nucleus: its full Wilson line changes with a_z², not at random."""
    full = []
    for cells in (320, 640):
        data = derived("incoherent", system="single").config.as_dict()
        data["lattice"]["longitudinal_cells"] = cells
        full.append(behind(make_nuclei(Derived(config_from_dict(data)))[0]))
    change = np.abs(full[1] - full[0]).max()
    assert 0 < change < 0.01
    assert np.abs(full[1] - np.eye(2)).max() > 0.5


@pytest.mark.parametrize(
    ("kind", "words"),
    [("coherent", "coherent"), ("sheets", "3 independent sheets"), ("incoherent", "correlation length 0.02 fm")],
)
def test_summary_says_what_the_nuclei_are_made_of(kind, words):
    assert words in summary(derived(kind))["colour along the beam"]


def test_summary_of_nuclei_from_a_file_names_it_and_no_charges():
    data = derived().config.as_dict()
    for key in ("g2mu", "infrared_regulator", "ultraviolet_cutoff"):
        del data["nuclei"][key]
    data["nuclei"].update(source="file", path="/some/where.h5")
    rows = summary(Derived(config_from_dict(data)))
    assert rows["Wilson lines"] == f"from {Path('/some/where.h5')}"
    assert not {"g²μ", "m, Λ"} & rows.keys()
