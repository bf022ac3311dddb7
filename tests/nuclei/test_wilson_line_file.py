"""Wilson lines from a file: bit for bit behind the nuclei, to rounding inside, and one line for every fault."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.linalg

from glasma.collision import Collision
from glasma.config import load_config
from glasma.derived import Derived
from glasma.evolution.initial_state import initial_state
from glasma.group import su2
from glasma.io.fingerprint import fingerprint
from glasma.nuclei.preparation import make_nuclei
from glasma.nuclei.profile import GaussianProfile
from glasma.nuclei.wilson_line_file import coherent_nucleus, logarithm, read_wilson_lines
from tests.states import dagger, random_omega, unitary
from tests.tiny_run import TINY, assert_refused, glasma

ROOT = Path(__file__).parents[2]
SHAPE = (8, 8)

#: The tiny run with nuclei from a file.
FROM_FILE = re.sub(r"(?m)^(g2mu|infrared_regulator|ultraviolet_cutoff).*\n", "", TINY).replace(
    "[nuclei]\n", '[nuclei]\nsource = "file"\npath = "nuclei.h5"\n'
)


def write(path: Path, **lines: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        for name, V in lines.items():
            file[name] = V
    return path


def smooth_lines(group, rng, strength: float = 0.8) -> np.ndarray:
    """Group elements far from −1."""
    return unitary(group, strength * np.tanh(rng.standard_normal((group.DIMENSION, *SHAPE))))


def test_file_written_with_numpy_alone_gives_the_nuclei_of_the_run_file(tmp_path, monkeypatch):
    """The lines of docs/nuclei.md: full Wilson lines and links behind the nuclei bit for bit, the slab to rounding."""
    monkeypatch.chdir(tmp_path)
    [block] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "nuclei.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(block, {})
    text = (ROOT / "runs" / "quickstart.toml").read_text(encoding="utf-8")
    (tmp_path / "mv.toml").write_text(text, encoding="utf-8")
    text = re.sub(r"(?m)^(g2mu|infrared_regulator|ultraviolet_cutoff).*\n", "", text)
    (tmp_path / "file.toml").write_text(text.replace("[nuclei]", '[nuclei]\nsource = "file"\npath = "nuclei.h5"'))

    states, derived = [], None
    for name in ("mv.toml", "file.toml"):
        derived = Derived(load_config(tmp_path / name, ["lattice.longitudinal_cells=160"]))
        nuclei = make_nuclei(derived)
        states.append((nuclei, initial_state(derived.grid, su2, nuclei)))
    (mv, from_mv), (given, from_file) = states
    for expected, found in zip(mv, given, strict=True):
        behind = -99.0 * found.direction
        np.testing.assert_array_equal(found.wilson_line(behind, 0.0), expected.wilson_line(behind, 0.0))
        assert np.abs(found.wilson_line(behind, 0.0) - np.eye(2)).max() > 0.5
    right, left = from_file.charges
    for planes in (slice(0, right.first), slice(left.first + left.cells, None)):
        np.testing.assert_array_equal(from_file.U[..., planes], from_mv.U[..., planes])
        assert np.abs(from_file.U[:2, 1:, ..., planes]).max() > 0.1
    np.testing.assert_allclose(from_file.U, from_mv.U, rtol=0, atol=1e-13)
    np.testing.assert_allclose(from_file.E, from_mv.E, rtol=0, atol=1e-12)

    # In 2+1D no logarithm is taken: the whole evolution is the same bit for bit.
    boost_invariant = ["evolution.scheme=boost_invariant", "evolution.end_time=0.2 fm"]
    internal, external = (Collision(tmp_path / name, *boost_invariant) for name in ("mv.toml", "file.toml"))
    for _ in zip(internal, external, strict=True):
        for name in ("U", "A", "E"):
            np.testing.assert_array_equal(getattr(external.fields, name), getattr(internal.fields, name))


@pytest.mark.parametrize("direction", [1, -1])
def test_power_of_the_wilson_line_inside_and_itself_behind(group, rng, direction):
    V = smooth_lines(group, rng)
    source = coherent_nucleus(V, GaussianProfile(0.5, 4.0), direction, 3.0)
    assert source.wilson_line(3.0 - 2.5 * direction, 0.0) is V
    ahead = source.wilson_line(3.0 + 2.5 * direction, 0.0)
    np.testing.assert_allclose(ahead, np.broadcast_to(np.eye(group.COLOURS), V.shape), atol=1e-14)
    half = source.wilson_line(3.0, 0.0)
    np.testing.assert_allclose(half @ half, V, atol=1e-13)
    assert np.abs(half - V).max() > 0.1
    before_the_end = source.wilson_line(3.0 - 2.0 * direction * (1 - 1e-12), 0.0)
    np.testing.assert_allclose(before_the_end, V, atol=1e-12)


def test_logarithm_is_hermitian_traceless_and_the_smallest(group, rng):
    """For arbitrary elements, with eigenvalues all around the circle."""
    V = random_omega(group, (12, 12), rng)
    X = logarithm(V)
    np.testing.assert_allclose(X, dagger(X), atol=1e-13)
    np.testing.assert_allclose(np.trace(X, axis1=-2, axis2=-1), 0, atol=1e-13)
    for site in np.ndindex(4, 4):
        np.testing.assert_allclose(scipy.linalg.expm(1j * X[site]), V[site], atol=1e-13)
    phases = np.linalg.eigvalsh(X)
    assert np.all(phases[..., -1] - phases[..., 0] <= 2 * np.pi + 1e-12)


def test_logarithm_of_the_centre_of_the_group(group):
    """Coinciding eigenvalues: 1, and the other elements of the centre, whose logarithm is not unique but traceless."""
    for power in range(group.COLOURS):
        V = np.exp(2j * np.pi * power / group.COLOURS) * np.eye(group.COLOURS)[None, None]
        X = logarithm(V)[0, 0]
        np.testing.assert_allclose(np.trace(X), 0, atol=1e-14)
        np.testing.assert_allclose(scipy.linalg.expm(1j * X), V[0, 0], atol=1e-14)


def test_logarithm_of_small_phases_gives_back_the_potential(group, rng):
    potential = np.einsum("axy,aij->xyij", 0.8 * np.tanh(rng.standard_normal((group.DIMENSION, *SHAPE))), group.GENERATORS)
    V = scipy.linalg.expm(1j * potential)
    np.testing.assert_allclose(logarithm(V), potential, atol=1e-14)


def test_lines_in_the_group_to_rounding_are_read_bit_for_bit(group, rng, tmp_path):
    V, W = smooth_lines(group, rng), smooth_lines(group, rng)
    path = write(tmp_path / "nuclei.h5", A=V, B=W)
    for found, expected in zip(read_wilson_lines(path, 2, SHAPE, group), (V, W), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_lines_off_the_group_by_less_than_the_limit_are_projected(group, rng, tmp_path):
    V = smooth_lines(group, rng)
    stretched = V * (1 + 1e-9 * rng.standard_normal(SHAPE))[..., None, None] * np.exp(1e-9j)
    [found] = read_wilson_lines(write(tmp_path / "nuclei.h5", A=stretched), 1, SHAPE, group)
    np.testing.assert_allclose(found @ dagger(found), np.broadcast_to(np.eye(group.COLOURS), V.shape), atol=1e-14)
    np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-14)
    np.testing.assert_allclose(found, V, atol=1e-12)


def faulty(fault: str, path: Path) -> None:
    """A file with one fault."""
    rng = np.random.default_rng(3)
    V = smooth_lines(su2, rng)
    lines = {"A": V, "B": V.copy()}
    if fault == "not HDF5":
        path.write_text("V = 1")
        return
    if fault == "truncated":
        write(path, **lines)
        path.write_bytes(path.read_bytes()[:3000])
        return
    if fault == "missing":
        return
    if fault == "directory":
        path.mkdir()
        return
    lines["B"] = {
        "no B": None,
        "group": {},
        "too few dimensions": V[0],
        "other lattice": V[:4, :4],
        "other group": np.broadcast_to(np.eye(3) + 0j, (*SHAPE, 3, 3)),
        "not square": V[..., :1],
        "real": V.real,
        "not finite": np.where(np.arange(8)[:, None, None, None] == 3, np.nan, V),
        "not unitary": V * (1 + 1e-6),
        "single precision": V.astype(np.complex64),
        "determinant": V * 1j,
    }[fault]  # type: ignore[assignment]
    with h5py.File(path, "w") as file:
        for name, data in lines.items():
            if isinstance(data, dict):
                file.create_group(name)
            elif data is not None:
                file[name] = data


FAULTS = {
    "missing": ["is missing", "set nuclei.path"],
    "not HDF5": ["is not a whole HDF5 file", "set nuclei.path"],
    "truncated": ["is not a whole HDF5 file", "set nuclei.path"],
    "directory": ["is not a whole HDF5 file", "set nuclei.path"],
    "no B": ["has no dataset B", "left-mover", "(8, 8, 2, 2)"],
    "group": ["has no dataset B", "left-mover"],
    "too few dimensions": ["dataset B has the shape (8, 2, 2)", "must be (8, 8, 2, 2)"],
    "not square": ["dataset B has the shape (8, 8, 2, 1)", "must be (8, 8, 2, 2)"],
    "other lattice": ["dataset B has 4 × 4 sites", "lattice.transverse_cells = 8", "change one"],
    "other group": ["dataset B holds matrices of N_c = 3", "lattice.group = SU(2)", "change one"],
    "real": ["dataset B is of type float64, not complex", "complex128"],
    "not finite": ["dataset B", "not finite"],
    "not unitary": ["dataset B is not unitary", "|V†V − 1| = 2e-06", "project"],
    "single precision": ["dataset B is not unitary", "double precision"],
    "determinant": ["dataset B is not in SU(2)", "|det V − 1| = 2", "determinant"],
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", ["run", "info"])
def test_faulty_file_is_refused(fault, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    faulty(fault, tmp_path / "nuclei.h5")
    (tmp_path / "tiny.toml").write_text(FROM_FILE, encoding="utf-8")
    before = set(tmp_path.iterdir())
    options = ["--out", "out"] if command == "run" else []
    assert_refused(glasma(command, "tiny.toml", *options), str(tmp_path / "nuclei.h5"), *FAULTS[fault])
    assert set(tmp_path.iterdir()) == before


def test_single_nucleus_needs_the_right_mover_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    faulty("no B", tmp_path / "nuclei.h5")
    (tmp_path / "tiny.toml").write_text(FROM_FILE, encoding="utf-8")
    outcome = glasma("run", "tiny.toml", "--set", "nuclei.system=single", "--dry-run", "--set", "output.snapshots=[]")
    assert outcome.status == 0, outcome.err
    assert "Wilson lines" in outcome.out


def test_run_from_a_file_resumes_without_it_and_starts_only_with_the_same(tmp_path, monkeypatch):
    """run.json holds the fingerprints; from a checkpoint the file is not needed, from the start it must be the same."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(4)
    V, W = smooth_lines(su2, rng), smooth_lines(su2, rng)
    write(tmp_path / "nuclei.h5", A=V, B=W)
    (tmp_path / "tiny.toml").write_text(FROM_FILE, encoding="utf-8")
    outcome = glasma("run", "tiny.toml", "--out", "out", "--quiet")
    assert outcome.status == 0, outcome.err
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["source"] == {"A": fingerprint(V), "B": fingerprint(W)}
    assert record["config"]["nuclei"]["path"] == str(tmp_path / "nuclei.h5")
    assert glasma("check", "out").status == 0

    shutil.copytree("out", "fresh")
    (tmp_path / "fresh" / "checkpoint.h5").unlink()
    write(tmp_path / "nuclei.h5", A=V, B=V)
    assert_refused(glasma("resume", "fresh"), str(tmp_path / "nuclei.h5"), "not the file that the run began with")
    (tmp_path / "nuclei.h5").unlink()
    monkeypatch.chdir(ROOT)
    assert_refused(glasma("resume", tmp_path / "fresh"), str(tmp_path / "nuclei.h5"), "is missing")
    outcome = glasma("resume", tmp_path / "out", "--quiet")
    assert outcome.status == 0, outcome.err
