"""Nuclei of a coarse lattice are those of the fine one: the same links, at the same time and place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from glasma.config import config_from_dict
from glasma.derived import Derived
from glasma.evolution.leapfrog import Leapfrog
from glasma.group import group_named
from glasma.lattice.grid import Grid
from glasma.nuclei.nucleus import Nucleus
from glasma.nuclei.preparation import make_nuclei
from glasma.nuclei.profile import GaussianProfile
from glasma.nuclei.wilson_lines import CoherentNucleus
from surrogate.collisions import nuclei as module
from surrogate.collisions.nuclei import coarse_grid, coarse_nuclei, fine_nuclei, interpolated, start_overlap
from surrogate.collisions.run import blocked_links
from surrogate.engine_fields import links_to_tensor
from surrogate.errors import LayerError
from tests.states import colliding_nuclei
from tests.surrogate.collisions.small import difference, values

FINE = Grid((8, 8, 104), 0.05, 0.25, 2)


def fine_collision(group: str) -> list[CoherentNucleus]:
    """Two nuclei, 8 cells from their centres to their ends, that stand 20 cells from z = 0: room enough for b = 4."""
    found = colliding_nuclei(FINE, group_named(group), g2mu=1.0)
    return [replace(nucleus, centre=-nucleus.direction * 20 * FINE.a_z) for nucleus in found]


def blocked_start(nuclei: list[CoherentNucleus], group: str, blocking: int, substeps: int) -> np.ndarray:
    """Blocked links of the fine nuclei at the fine step that is the first of the coarse lattice.

    The initial state has the links of one fine step; nuclei that have gone on by the others have those of all.
    """
    ahead = blocking * FINE.substeps // substeps - 1
    moved = [replace(nucleus, centre=nucleus.centre + nucleus.direction * ahead * FINE.a_t) for nucleus in nuclei]
    fields = Leapfrog(FINE, group_named(group)).initial_state(moved)
    return np.asarray(blocked_links(fields, slice(None), blocking))


def coarse_start(nuclei: list[CoherentNucleus], group: str, blocking: int, substeps: int) -> np.ndarray:
    """Links of the initial state of the coarse nuclei."""
    scheme = Leapfrog(coarse_grid(FINE, blocking, substeps), group_named(group))
    fields = scheme.initial_state(coarse_nuclei(nuclei, blocking, FINE.anisotropy))
    return np.asarray(links_to_tensor(fields.U, fields.group))


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize(("blocking", "substeps"), [(2, 2), (2, 4), (4, 2)])
def test_initial_links_are_the_blocked_links_of_the_fine_nuclei(group: str, blocking: int, substeps: int) -> None:
    """All links of the box, through the nuclei, at the first time of the coarse lattice."""
    nuclei = fine_collision(group)
    found = coarse_start(nuclei, group, blocking, substeps)
    expected = blocked_start(nuclei, group, blocking, substeps)
    assert difference(expected, np.eye(expected.shape[-1])) > 0.5
    assert difference(found, expected) < 1e-13


@pytest.mark.parametrize("blocking", [2, 4])
def test_planes_and_times_that_are_not_the_same_are_seen(blocking: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the shift of the middle, or with nuclei of another time, the links are others."""
    nuclei = fine_collision("SU(2)")
    expected = blocked_start(nuclei, "SU(2)", blocking, 2)
    late = [replace(nucleus, centre=nucleus.centre + nucleus.direction * FINE.a_t) for nucleus in nuclei]
    assert difference(coarse_start(late, "SU(2)", blocking, 2), expected) > 0.01
    monkeypatch.setattr(module, "_shift", lambda blocking, anisotropy: 0.0)
    assert difference(coarse_start(nuclei, "SU(2)", blocking, 2), expected) > 0.01


def test_the_charges_of_the_coarse_lattice_fulfil_its_gauss_constraint() -> None:
    for blocking in (2, 4):
        grid = coarse_grid(FINE, blocking, 2)
        scheme = Leapfrog(grid, group_named("SU(2)"))
        fields = scheme.initial_state(coarse_nuclei(fine_collision("SU(2)"), blocking, FINE.anisotropy))
        assert scheme.gauss_residual(fields).max_rel < 1e-14


@pytest.mark.parametrize("blocking", [2, 4])
def test_a_potential_of_long_waves_is_found_again(blocking: int) -> None:
    """Wave numbers below π/(b a_T) survive, in both directions; positions and widths come back too."""
    fine = fine_collision("SU(3)")
    known = [replace(nucleus, potential=long_waves(nucleus.potential, blocking)) for nucleus in fine]
    back = fine_nuclei(coarse_nuclei(known, blocking, 0.25), blocking, 0.25)
    for found, expected in zip(back, known, strict=True):
        assert difference(found.potential, expected.potential) < 1e-14 * abs(expected.potential).max() * 10
        assert found.profile.width == pytest.approx(expected.profile.width, rel=1e-14)
        assert found.centre == pytest.approx(expected.centre, rel=1e-13)
        assert (found.direction, found.profile.cutoff) == (expected.direction, expected.profile.cutoff)


@pytest.mark.parametrize("shape", [(8, 8), (6, 5), (3, 2), (1, 4)])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_interpolation_goes_through_what_is_known(shape: tuple[int, int], factor: int, rng: np.random.Generator) -> None:
    """Any potential, of even and odd sides; it stays hermitian."""
    matrix = rng.normal(size=(*shape, 3, 3)) + 1j * rng.normal(size=(*shape, 3, 3))
    potential = matrix + matrix.conj().swapaxes(-1, -2)
    found = interpolated(potential, factor)
    assert found.shape == (factor * shape[0], factor * shape[1], 3, 3)
    assert difference(found[::factor, ::factor], potential) < 1e-13
    assert difference(found, found.conj().swapaxes(-1, -2)) < 1e-13


def test_short_waves_are_lost() -> None:
    (fine, _) = fine_collision("SU(2)")
    (back,) = fine_nuclei(coarse_nuclei([fine], 2, 0.25), 2, 0.25)
    assert difference(back.potential[::2, ::2], fine.potential[::2, ::2]) < 1e-14
    assert difference(back.potential, fine.potential) > 0.01


@pytest.mark.parametrize("kind", ["sheets", "correlation_length", "file"])
def test_nuclei_without_one_potential_are_refused(kind: str) -> None:
    if kind == "file":
        (nucleus, _) = fine_collision("SU(2)")
        refused: list[Nucleus] = [replace(nucleus, full=nucleus.wilson_line(nucleus.centre, 0.0))]
    else:
        value = {"sheets": 2, "correlation_length": "0.03 fm"}[kind]
        refused = make_nuclei(Derived(config_from_dict(run_values(**{kind: value}))))
    with pytest.raises(LayerError, match="need coherent nuclei with a potential: one sheet, no correlation length, no file"):
        coarse_nuclei(refused, 2, 0.25)


def test_lattices_that_are_no_whole_number_of_blocks_are_refused() -> None:
    with pytest.raises(LayerError, match=r"lattice \(8, 8, 104\): blocking by 5 needs sides that are multiples of it"):
        coarse_grid(FINE, 5, 2)


def test_overlap_at_the_start_is_that_which_violates_the_gauss_constraint() -> None:
    """Nuclei that touch on the coarse lattice have charges that count twice; a little further apart they have not."""
    residuals, overlaps = [], []
    grid = replace(FINE, shape=(8, 8, 100))
    profile, b = GaussianProfile(3 * grid.a_z, 3.0), 4
    for distance in (9 + 2, 9 + 2.5 * b):
        nuclei = [
            replace(nucleus, profile=profile, centre=-nucleus.direction * distance * grid.a_z)
            for nucleus in colliding_nuclei(grid, group_named("SU(2)"), g2mu=1.0)
        ]
        scheme = Leapfrog(coarse_grid(grid, b, 2), group_named("SU(2)"))
        fields = scheme.initial_state(coarse_nuclei(nuclei, b, grid.anisotropy))
        residuals.append(scheme.gauss_residual(fields).max_rel)
        overlaps.append(start_overlap(grid, b, 2, profile, distance * grid.a_z * grid.spacing_fm))
    assert residuals[1] < 1e-13 < 1e-5 < residuals[0]
    assert overlaps[1] == 0 < 1e-5 < overlaps[0]


def long_waves(potential: np.ndarray, blocking: int) -> np.ndarray:
    """Without wave numbers from π/(b a_T) on."""
    spectrum = np.fft.fft2(potential, axes=(0, 1))
    numbers = [np.abs(np.fft.fftfreq(n)) * 2 * blocking < 1 - 1e-9 for n in potential.shape[:2]]
    return np.fft.ifft2(spectrum * (numbers[0][:, None] & numbers[1])[..., None, None], axes=(0, 1))


def run_values(**nuclei: Any) -> dict[str, Any]:
    """The run of an event of the small data set, with other nuclei."""
    source = values()["source"]
    return {
        "run": {"name": "run", "seed": 1},
        "lattice": source["lattice"],
        "nuclei": {**source["nuclei"], **nuclei},
        "evolution": {"scheme": "leapfrog", "substeps": 2, "end_time": "0.45 fm"},
    }
