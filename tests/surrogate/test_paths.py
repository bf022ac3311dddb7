"""Paths as words: they multiply, cancel and close as products of links do, and there are as many as by brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surrogate.paths import (
    backward,
    is_closed,
    joined,
    number_of_traced_loops,
    plaquettes,
    rectangle,
    reduced,
    traced,
    transported,
)

_WORDS = st.text(alphabet="xyzXYZ", max_size=16)


def _links(seed: int = 3, sides: tuple[int, int, int] = (3, 4, 5)) -> np.ndarray:
    """Random unitary links U[axis, x, y, z] on a periodic lattice."""
    random = np.random.default_rng(seed)
    matrices = random.normal(size=(3, *sides, 3, 3)) + 1j * random.normal(size=(3, *sides, 3, 3))
    return np.linalg.qr(matrices)[0]


_U = _links()


def _walk(path: str, site: tuple[int, ...] = (0, 0, 0)) -> tuple[np.ndarray, tuple[int, ...]]:
    """The product of the links along a path from `site`, and where it ends: the definition, link by link."""
    sides = _U.shape[1:4]
    result = np.eye(3, dtype=complex)
    for link in path:
        axis = "xyz".index(link.lower())
        step = np.eye(3, dtype=int)[axis] * (1 if link.islower() else -1)
        after = tuple((np.array(site) + step) % sides)
        result = result @ (_U[axis][site] if link.islower() else _U[axis][after].conj().T)
        site = after
    return result, site


@given(_WORDS)
def test_reduced_path_has_the_same_product_and_end(word: str) -> None:
    matrix, end = _walk(word)
    shorter, same_end = _walk(reduced(word))
    assert same_end == end
    assert np.allclose(shorter, matrix, atol=1e-12)
    assert not any(a == b.swapcase() for a, b in zip(reduced(word), reduced(word)[1:], strict=False))


@given(_WORDS, _WORDS)
def test_joined_paths_multiply(first: str, second: str) -> None:
    first, second = reduced(first), reduced(second)
    left, middle = _walk(first)
    right, _ = _walk(second, middle)
    assert np.allclose(_walk(joined(first, second))[0], left @ right, atol=1e-12)
    assert joined(first, second) == reduced(first + second)


@given(_WORDS)
def test_backward_path_is_the_hermitian_conjugate(word: str) -> None:
    matrix, end = _walk(word)
    assert np.allclose(_walk(backward(word), end)[0], matrix.conj().T, atol=1e-12)
    assert joined(reduced(word), backward(reduced(word))) == ""


@pytest.mark.parametrize("distance", [-2, -1, 0, 1, 3])
def test_transport_is_that_of_a_convolution(distance: int) -> None:
    loop = "xyXY"
    line, away = _walk("y" * distance if distance > 0 else "Y" * -distance)
    expected = line @ _walk(loop, away)[0] @ line.conj().T
    assert np.allclose(_walk(transported(loop, "y", distance))[0], expected, atol=1e-12)


@given(_WORDS, st.integers(0, 20), _WORDS)
def test_traced_loop_forgets_start_and_tail(word: str, shift: int, tail: str) -> None:
    loop = reduced(word + "X" * (word.count("x") - word.count("X")) + "x" * (word.count("X") - word.count("x")))
    loop = traced(loop)
    turned = loop[shift % (len(loop) or 1) :] + loop[: shift % (len(loop) or 1)]
    assert traced(reduced(tail + turned + backward(tail))) == loop


def test_traced_loop_keeps_the_trace_and_the_orientation() -> None:
    tailed = "xy" + rectangle(2, 1) + "YX"
    short = traced(tailed)
    matrix, end = _walk(tailed)
    assert end == (0, 0, 0)
    assert len(short) == 6
    traces = {np.round(np.trace(_walk(short, site)[0]), 10) for site in np.ndindex(_U.shape[1:4])}
    assert np.round(np.trace(matrix), 10) in traces
    assert traced(backward(short)) != short


def test_plaquettes_are_those_of_all_pairs_of_axes() -> None:
    assert plaquettes(2) == {"xyXY"}
    assert len(plaquettes(4)) == 6
    assert all(is_closed(loop) for loop in plaquettes(4))


@pytest.mark.parametrize(("dimensions", "longest"), [(2, 10), (3, 6)])
def test_number_of_loops_is_that_of_brute_force(dimensions: int, longest: int) -> None:
    letters = "xyz"[:dimensions] + "XYZ"[:dimensions]
    for length in range(longest + 1):
        words = ("".join(word) for word in product(letters, repeat=length))
        loops = {traced(reduced(word)) for word in words if is_closed(word)}
        assert number_of_traced_loops(length, dimensions) == sum(len(loop) == length for loop in loops)


def test_shortest_loops_are_plaquettes_in_both_orientations() -> None:
    assert [number_of_traced_loops(4, dimensions) for dimensions in (2, 3, 4)] == [2, 6, 12]


def test_a_rectangle_is_a_closed_loop_of_its_perimeter() -> None:
    assert is_closed(rectangle(3, 2))
    assert len(traced(rectangle(3, 2))) == 10


def test_wrong_paths_are_refused() -> None:
    with pytest.raises(ValueError, match="'q' is no link; write links forwards as xyzt"):
        reduced("xqXQ")
    with pytest.raises(ValueError, match="dimensions = 5: the lattice must have 2 to 4 axes"):
        plaquettes(5)
    with pytest.raises(ValueError, match="length = -2"):
        number_of_traced_loops(-2)
