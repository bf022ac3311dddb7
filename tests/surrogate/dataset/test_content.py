"""What a data set holds is the engine's run, blocked."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest
import torch

from glasma.collision import Collision as EngineRun
from glasma.config import config_from_dict
from glasma.ensemble import event_seed
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.light_cone import light_cone_fields
from glasma.group import group_named
from glasma.lattice.grid import Grid
from glasma.nuclei.preparation import make_nuclei
from surrogate.actions import FieldStrengthAction
from surrogate.blocking import block_links, block_scalar
from surrogate.dataset.blocked import write_event
from surrogate.dataset.config import RandomFields
from surrogate.dataset.fine_events import Box, Collision, FineEvent, random_links
from surrogate.dataset.loader import Dataset
from surrogate.dataset.plan import Timing
from surrogate.engine_fields import algebra_to_tensor, links_to_tensor
from surrogate.evolution import Frame, Leapfrog
from surrogate.evolution.leapfrog import FieldState
from surrogate.groups import as_group
from tests.states import dagger, random_omega, to_components, to_matrix
from tests.surrogate.dataset.small import blocked_by_hand, box_values, drawn, values

DOUBLE = np.dtype(np.float64)


def engine_run(data: dict, seed: int) -> EngineRun:
    """The run that an event should be, written anew from the sections of the data set."""
    source = data["source"]
    return EngineRun(
        config_from_dict(
            {
                "run": {"name": "x", "seed": seed, "threads": 1},
                "lattice": source["lattice"],
                "nuclei": source["nuclei"],
                "evolution": {**source["evolution"], "scheme": "boost_invariant", "end_time": data["dataset"]["end"]},
            }
        )
    )


@pytest.mark.parametrize(
    ("fine", "coarse", "blocking", "group"), [(4, 4, 2, "SU(2)"), (6, 4, 2, "SU(2)"), (4, 4, 4, "SU(2)"), (4, 4, 2, "SU(3)")]
)
def test_contents_are_those_of_an_independent_run(tmp_path: Path, fine: int, coarse: int, blocking: int, group: str) -> None:
    data = values(blocking=blocking, substeps=coarse)
    data["source"]["evolution"]["substeps"], data["source"]["lattice"]["group"] = fine, group
    data["split"] = [{"name": "train", "events": 2, "seed": 7}]
    dataset = drawn(tmp_path, data)
    run = engine_run(data, event_seed(7, 1))
    matrices, per_step = group_named(group).link_to_matrix, blocking * fine // coarse
    times = dataset.times("train")
    assert times == round(0.3 / (0.1 * blocking / coarse)) + 1
    window = dataset.window("train", 1)
    seen = {}
    while run.fields.step <= (times - 1) * per_step:
        step = run.fields.step
        seen[step - 0.5] = run.measure().components[:, 0]
        if step % per_step == 0:
            n = step // per_step
            expected = blocked_by_hand(np.stack([matrices(U[:, 0]) for U in run.U]), blocking)
            np.testing.assert_allclose(window.U[n], expected, rtol=0, atol=1e-14)
            scalar = to_matrix(run.fields.group, run.fields.A[0, :, 0])[::blocking, ::blocking]
            np.testing.assert_array_equal(window.phi[n], scalar)
        run.step()
    nuclei = light_cone_fields(run.fields.group, make_nuclei(run.derived), (16, 16))
    expected = blocked_by_hand(np.stack([matrices(U) for U in nuclei.links]), blocking)
    np.testing.assert_allclose(window.U[0], expected, rtol=0, atol=1e-14)
    assert not window.phi[0].any()
    longitudinal = blocking**2 * to_matrix(run.fields.group, nuclei.longitudinal)[::blocking, ::blocking]
    np.testing.assert_allclose(window.longitudinal, longitudinal, rtol=1e-14)
    for n, energies in enumerate(dataset.energies("train", 1)):
        middle = (n + 0.5) * per_step
        # A fine half step falls on the coarse one if there is an odd number of them in it.
        around = [seen[middle]] if per_step % 2 else [seen[middle - 0.5], seen[middle + 0.5]]
        np.testing.assert_allclose(energies, blocking**4 * np.mean(around, axis=0), rtol=1e-14)


def written(event: FineEvent, timing: Timing) -> dict[str, np.ndarray]:
    with h5py.File.in_memory() as file:
        write_event(file, event, timing, DOUBLE)
        found: dict[str, np.ndarray] = {}
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
        return found


def smooth(group: ModuleType, seed: int, amplitude: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Links and a longitudinal field on 8²."""
    links = random_links(group, RandomFields(correlation_length=1.5, amplitude=amplitude), (8, 8), seed)
    rng = np.random.default_rng(seed)
    x = 2 * np.pi * np.arange(8) / 8
    waves = np.cos(x[:, None] + rng.uniform(0, 7, group.DIMENSION)[:, None, None]) * np.sin(x)
    return links, amplitude * waves


def collision(group: ModuleType, substeps: int, links: np.ndarray, longitudinal: np.ndarray) -> Collision:
    return Collision(BoostInvariant(Grid((8, 8, 1), substeps=substeps), group), links, longitudinal)


def test_energies_are_of_second_order_at_the_coarse_half_steps(group: ModuleType) -> None:
    start = smooth(group, 1)
    # Δτ_c = ½: the exact values come from fine steps so small that what is left does not count.
    found = {s: written(collision(group, s, *start), Timing(2, s // 2, 3))["energies"] for s in (4, 8, 64)}
    errors = [np.abs(found[s] - found[64]).max() for s in (4, 8)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)


def rotated(group: ModuleType, X: np.ndarray, omega: np.ndarray) -> np.ndarray:
    return to_components(group, omega @ to_matrix(group, X) @ dagger(omega))


def moved(group: ModuleType, links: np.ndarray, omega: np.ndarray) -> np.ndarray:
    matrices = [omega @ group.link_to_matrix(link) @ np.roll(dagger(omega), -1, axis=i) for i, link in enumerate(links)]
    return np.stack([group.link_from_matrix(matrix) for matrix in matrices])


@pytest.mark.parametrize("blocking", [2, 4])
def test_gauge_transformed_event_is_stored_transformed_at_the_coarse_sites(
    group: ModuleType, blocking: int, rng: np.random.Generator
) -> None:
    links, longitudinal = smooth(group, 2)
    omega, timing = random_omega(group, (8, 8), rng), Timing(blocking, 4, 3)
    plain = written(collision(group, 4, links, longitudinal), timing)
    other = written(collision(group, 4, moved(group, links, omega), rotated(group, longitudinal, omega)), timing)
    coarse = omega[::blocking, ::blocking]
    for n in range(4):
        np.testing.assert_allclose(other["U"][n], moved(group, plain["U"][n], coarse), rtol=0, atol=1e-13)
        np.testing.assert_allclose(other["phi"][n], rotated(group, plain["phi"][n], coarse), rtol=0, atol=1e-13)
    np.testing.assert_allclose(other["longitudinal"], rotated(group, plain["longitudinal"], coarse), rtol=0, atol=1e-13)
    np.testing.assert_allclose(other["energies"], plain["energies"], rtol=1e-12, atol=1e-14)


def test_the_same_for_a_box(group: ModuleType, rng: np.random.Generator) -> None:
    links, _ = smooth(group, 3)
    omega, timing = random_omega(group, (8, 8), rng), Timing(2, 2, 2)
    plain = written(Box(group, links, 0.25), timing)
    other = written(Box(group, moved(group, links, omega), 0.25), timing)
    for n in range(3):
        expected = moved(group, plain["U"][n], omega[::2, ::2])
        np.testing.assert_allclose(other["U"][n], expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(other["energies"], plain["energies"], rtol=1e-12)


def wilson(dataset: Dataset, split: str) -> Leapfrog:
    action = FieldStrengthAction(dataset.group, terms=["plaquette", "gradient1"]).requires_grad_(False)
    return Leapfrog(action, dataset.group, dataset.frame, dataset.fine_step(split))


def test_fine_states_go_on_to_the_fields_of_later_times(tmp_path: Path) -> None:
    """From a stored fine state the fine scheme comes to the stored coarse fields, and so do the fields of τ = 0+."""
    dataset = drawn(tmp_path, values(fine_times=["0 fm", "0.1 fm"]))
    solver, window = wilson(dataset, "train"), dataset.window("train", 1)
    start, later = dataset.fine_state("train", 1, 0), dataset.fine_state("train", 1, 2)
    assert (start.number, later.number) == (0, 4)
    assert not start.P.any()
    assert start.pi is not None
    torch.testing.assert_close(4 * start.pi[0, ::2, ::2], window.longitudinal, rtol=0, atol=1e-14)
    with torch.no_grad():
        for state in (solver.start(start.U, start.pi), later):
            steps = 12 - state.number
            *_, end = solver.run(state, steps)
            torch.testing.assert_close(block_links(end.U), window.U[6:7], rtol=0, atol=1e-12)
            torch.testing.assert_close(block_scalar(end.phi), window.phi[6:7], rtol=0, atol=1e-12)


def test_box_starts_at_rest_with_the_amplitude_asked_for_and_keeps_gauss_and_energy(tmp_path: Path) -> None:
    dataset = drawn(tmp_path, box_values(end="0.6 fm", fine_times=["0 fm", "0.6 fm"]))
    assert dataset.frame.name == "static"
    window = dataset.window("test", 0)
    assert window.phi is None
    assert window.longitudinal is None
    start, end = dataset.fine_state("test", 0, 0), dataset.fine_state("test", 0, 12)
    assert not start.P.any()
    solver = wilson(dataset, "test")
    assert float(solver.gauss(end).abs().max()) < 1e-13 * float(end.P.abs().max()) * 10
    assert float(end.P.abs().max()) > 0.1
    energies = dataset.energies("test", 0)
    assert not energies[:, [0, 3]].any()
    total = energies.sum(1)
    assert float((total / total[0] - 1).abs().max()) < 0.02
    assert float(energies[-1, 1] / total[-1]) > 0.2  # at rest no more
    with torch.no_grad():
        *_, last = solver.run(end, 1)
    torch.testing.assert_close(block_links(end.U), window.U[-1:], rtol=0, atol=1e-14)
    assert last.number == 25


def test_box_from_rest_is_its_own_mirror_image_in_time(group: ModuleType) -> None:
    """P(+½) = −P(−½): the whole kick at t = 0 takes the reversed momenta of the first half step to them."""
    links, _ = smooth(group, 4)
    box = Box(group, links, 0.25)
    box.step()
    P = torch.stack([algebra_to_tensor(component, group) for component in box.momenta])[None]
    action = FieldStrengthAction(group.NAME, terms=["plaquette"]).requires_grad_(False)
    with torch.no_grad():
        kicked = Leapfrog(action, as_group(group.NAME), Frame("static"), 0.25).kick(
            FieldState(links_to_tensor(links, group), -P)
        )
    assert float(P.abs().max()) > 0.01
    torch.testing.assert_close(kicked.P, P, rtol=0, atol=1e-14)


def test_random_fields_have_their_amplitude_and_correlation(group: ModuleType) -> None:
    """A small amplitude, so that the logarithm of a link is its algebra part; correlation exp(−r²/(2λ²)) of the spectrum."""
    links = random_links(group, RandomFields(correlation_length=3.0, amplitude=0.01), (96, 96), 5)
    matrices = links_to_tensor(links, group)[0].numpy()
    A = np.stack([to_components(group, (U - dagger(U)) / 2j) for U in matrices])
    assert A.std(axis=(1, 2, 3)) == pytest.approx(0.01, rel=1e-3)
    correlation = np.mean(A * np.roll(A, -3, axis=2)) / np.mean(A * A)
    assert correlation == pytest.approx(np.exp(-0.5), abs=0.05)


def test_precision_is_that_of_the_file(tmp_path: Path) -> None:
    double = drawn(tmp_path, values()).window("test", 0, 1, 3)
    single = drawn(tmp_path, values(precision="float32"), "single.h5").window("test", 0, 1, 3)
    assert (double.U.dtype, single.U.dtype) == (torch.complex128, torch.complex64)
    torch.testing.assert_close(single.U.to(torch.complex128), double.U, rtol=0, atol=1e-7)
    assert not torch.equal(single.U.to(torch.complex128), double.U)
