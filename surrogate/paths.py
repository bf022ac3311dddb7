"""Lattice paths as words of links: products, parallel transport and traced loops without any matrices.

A path is a string. A small letter is a link forwards along its axis, a capital one the same link backwards,
axes in the order "xyzt": U_{x,0} is "x", U†_{x-0,0} is "X", and the plaquette U_{x,01} is "xyXY". Since U U† = 1, a step
back and forth cancels; words without such pairs are *reduced*, and stand one to one for the products of links that are
equal whatever the links are: they are the elements of a free group. (The product of matrices at a lattice site is read
from left to right; where the path starts is left open, so that words which differ by a translation are the same.)
"""

from __future__ import annotations

from itertools import combinations
from math import gcd

#: Letters of the links along each axis; the capital is the link backwards.
AXES = "xyzt"


def backward(path: str) -> str:
    """The path from its end to its beginning, the Hermitian conjugate of the product of its links."""
    return path[::-1].swapcase()


def joined(first: str, second: str) -> str:
    """Reduced product of two reduced paths."""
    cancelled = 0
    for a, b in zip(reversed(first), second, strict=False):
        if a != b.swapcase():
            break
        cancelled += 1
    return first[: len(first) - cancelled] + second[cancelled:]


def reduced(path: str) -> str:
    """The path without steps back and forth: U U† = 1.

    Raises
    ------
    ValueError
        If a letter is not one of the links of `AXES`.
    """
    unknown = set(path.lower()) - set(AXES)
    if unknown:
        raise ValueError(
            f"path {path!r}: {min(unknown)!r} is no link; write links forwards as {AXES}, backwards as {AXES.upper()}"
        )
    result = ""
    for link in path:
        result = joined(result, link)
    return result


def transported(path: str, axis: str, distance: int) -> str:
    """Parallel transport U_{x,kμ} W_{x+kμ} U†_{x,kμ} of a loop from k sites along `axis`; backwards where k < 0."""
    line = axis * distance if distance >= 0 else axis.upper() * -distance
    return joined(joined(line, path), backward(line))


def traced(path: str) -> str:
    """The loop that the trace of a closed reduced path sees, as the least of its cyclic shifts.

    The trace is cyclic, so links that cancel across the ends go too and the starting point is lost. The orientation is kept:
    Tr W and Tr W† = (Tr W)* are two loops.
    """
    ends = 0
    while 2 * ends + 1 < len(path) and path[ends] == path[-1 - ends].swapcase():
        ends += 1
    loop = path[ends : len(path) - ends]
    return min((loop[shift:] + loop[:shift] for shift in range(len(loop))), default="")


def is_closed(path: str) -> bool:
    """Whether the path ends where it begins."""
    return all(path.count(axis) == path.count(axis.upper()) for axis in AXES)


def rectangle(m: int, n: int) -> str:
    """The m × n Wilson loop: m links along the first axis, n along the second."""
    return "x" * m + "y" * n + "X" * m + "Y" * n


def plaquettes(dimensions: int) -> frozenset[str]:
    """All plaquettes U_{x,μν} with μ < ν, which an L-CNN gets as its first W.

    Raises
    ------
    ValueError
        If the lattice has not two to four axes.
    """
    if not 2 <= dimensions <= len(AXES):
        raise ValueError(f"dimensions = {dimensions}: the lattice must have 2 to {len(AXES)} axes")
    return frozenset(a + b + a.upper() + b.upper() for a, b in combinations(AXES[:dimensions], 2))


def number_of_traced_loops(length: int, dimensions: int = 2) -> int:
    """How many traced Wilson loops of `length` links there are, up to translations.

    These are the cyclic words without backtracking, not even across the ends, that return to their start. A rotation of
    a word by k of its n letters leaves it as it is when it is the (n/d)-th power of a word of length d = gcd(n, k); so, by
    Burnside's lemma, the number of cyclic words is Σ_k c(gcd(n, k)) / n, where c(d) counts the words of length d.

    Parameters
    ----------
    length : int
        Number of links n.
    dimensions : int
        Number of lattice axes D.

    Raises
    ------
    ValueError
        If the length is negative.
    """
    if length < 0:
        raise ValueError(f"length = {length}: a loop has no negative number of links")
    if length == 0:
        return 1
    words = _closed_words(length, dimensions)
    return sum(words[gcd(length, shift)] for shift in range(1, length + 1)) // length


def _closed_words(longest: int, dimensions: int) -> list[int]:
    """Number of closed words of each length 0 … `longest` that do not backtrack, the last letter and the first included."""
    links = [(axis, sign) for axis in range(dimensions) for sign in (1, -1)]
    origin = (0,) * dimensions
    # All first letters give equal counts: take the link forwards along the first axis.
    walks = {((1, *origin[1:]), (0, 1)): 1}
    counts = [1, 0]
    for _ in range(2, longest + 1):
        longer: dict[tuple[tuple[int, ...], tuple[int, int]], int] = {}
        for (position, (last_axis, last_sign)), number in walks.items():
            for axis, sign in links:
                if (axis, sign) != (last_axis, -last_sign):
                    site = (*position[:axis], position[axis] + sign, *position[axis + 1 :])
                    longer[site, (axis, sign)] = longer.get((site, (axis, sign)), 0) + number
        walks = longer
        returned = sum(number for (site, last), number in walks.items() if site == origin and last != (0, -1))
        counts.append(2 * dimensions * returned)
    return counts
