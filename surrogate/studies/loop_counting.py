"""How many traced Wilson loops the L-CNNs of the literature can see: the published table, recomputed.

A layer L-CB multiplies W by parallel-transported W (L-Conv, then L-Bilin), so it turns a set of loops into a set of
products. Following these products symbolically (`surrogate.paths`) gives every loop that some choice of weights can bring to
the trace: the *reach* of an architecture, however many channels it has. Published for the architectures S, M and L in 1+1D by
M. Favoni, A. Ipp, D. I. Müller, D. Schuh, Phys. Rev. Lett. 128 (2022) 032003, arXiv:2012.12901.

The conventions under which every published number comes out:

- Loops are counted up to translations, starting point and steps back and forth; Tr W and Tr W† are two loops (in SU(2) they
  have the same value), and Tr 1 is one of length 0.
- The input is the plaquette U_{x,01} alone; W† and the unit matrix are channels of both factors of every product.
- The second factor is transported over the distances 1 … K − 1, from ahead only, as in an early version of the authors' code.
  Products of two loops at the same site are left out, so that a layer of kernel size 1 only repeats its input. The authors'
  later code has them and reaches more loops; the table ends with the totals of such layers.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from glasma.io.atomic import write_text
from glasma.io.provenance import commit, versions
from surrogate.paths import AXES, backward, joined, number_of_traced_loops, plaquettes, rectangle, traced, transported


@dataclass(frozen=True)
class BilinearRule:
    """What the two factors of a layer W_x W'_x are chosen from; the defaults are those of the published table.

    Attributes
    ----------
    conjugates : bool
        W† stands beside W in both factors.
    unit : bool
        The unit matrix is a channel of both factors: the layer keeps what it got, and has a bias.
    same_site : bool
        The second factor also holds W_x itself, the transport over no distance.
    both_orientations : bool
        Loops are transported from behind too, not only from sites ahead.
    """

    conjugates: bool = True
    unit: bool = True
    same_site: bool = False
    both_orientations: bool = False


PUBLISHED_RULE = BilinearRule()


@dataclass(frozen=True)
class Architecture:
    """Layers L-CB of given kernel sizes, for the regression of W^(m×n); with the published numbers of its loops."""

    task: tuple[int, int]
    size: str
    kernel_sizes: tuple[int, ...]
    published_total: int
    published_longest: int

    @property
    def name(self) -> str:
        """As in the table: "1×2 M"."""
        return f"{self.task[0]}×{self.task[1]} {self.size}"


ARCHITECTURES = (
    Architecture((1, 1), "S", (1,), 3, 4),
    Architecture((1, 2), "S", (2,), 11, 8),
    Architecture((1, 2), "M", (3,), 19, 10),
    Architecture((1, 2), "L", (4,), 27, 12),
    Architecture((2, 2), "S", (2, 2), 621, 22),
    Architecture((2, 2), "M", (3, 3), 4985, 28),
    Architecture((2, 2), "L", (4, 4), 16725, 34),
)

#: The published row "length, all loops": loops of 0, 2, 4, … links.
PUBLISHED_ALL_LOOPS = (1, 0, 2, 4, 28, 152, 1010, 6772, 47646, 343168, 2529890, 18982172)


def bilinear_layer(
    loops: Iterable[str], kernel_size: int, dimensions: int = 2, rule: BilinearRule = PUBLISHED_RULE
) -> frozenset[str]:
    """All untraced loops W_x · U_{x,kμ} W_{x+kμ} U†_{x,kμ} that one layer L-CB makes of `loops`.

    Parameters
    ----------
    loops : iterable of str
        Reduced closed paths, the input channels.
    kernel_size : int
        K: transports over the distances 1 … K − 1 along each axis.
    dimensions : int
        Number of lattice axes.
    rule : BilinearRule
        What the factors are chosen from.

    Raises
    ------
    ValueError
        If the kernel size is below 1.
    """
    if kernel_size < 1:
        raise ValueError(f"kernel_size = {kernel_size}: must be at least 1")
    local = set(loops)
    if rule.conjugates:
        local |= {backward(loop) for loop in local}
    distances = list(range(1, kernel_size))
    if rule.both_orientations:
        distances += [-k for k in distances]
    moved = {transported(loop, axis, k) for loop in local for axis in AXES[:dimensions] for k in distances}
    if rule.same_site:
        moved |= local
    if rule.unit:
        local.add("")
        moved.add("")
    return frozenset(joined(first, second) for first in local for second in moved)


def reach(kernel_sizes: Sequence[int], dimensions: int = 2, rule: BilinearRule = PUBLISHED_RULE) -> frozenset[str]:
    """Traced loops that layers L-CB of the given kernel sizes, then a trace, make of the plaquettes."""
    loops = plaquettes(dimensions)
    for kernel_size in kernel_sizes:
        loops = bilinear_layer(loops, kernel_size, dimensions, rule)
    return frozenset(traced(loop) for loop in loops)


@dataclass(frozen=True)
class Count:
    """The loops in the reach of one architecture."""

    architecture: Architecture
    by_length: Mapping[int, int]
    reaches_task: bool
    total_with_same_site: int

    @property
    def total(self) -> int:
        """Number of loops of all lengths."""
        return sum(self.by_length.values())

    @property
    def longest(self) -> int:
        """Length of the longest loop."""
        return max(self.by_length)


def count(architecture: Architecture) -> Count:
    """Count the loops in the reach of an architecture in 1+1D."""
    loops = reach(architecture.kernel_sizes)
    return Count(
        architecture,
        Counter(len(loop) for loop in loops),
        traced(rectangle(*architecture.task)) in loops,
        len(reach(architecture.kernel_sizes, rule=BilinearRule(same_site=True))),
    )


@dataclass(frozen=True)
class LoopTable:
    """The whole table: all loops of each length, and those in the reach of each architecture."""

    all_loops: Mapping[int, int]
    counts: tuple[Count, ...]

    def entries(self) -> list[tuple[str, str, int, int | None]]:
        """Every number as (column, row, ours, published or None where nothing is published)."""
        published = dict(zip(range(0, 2 * len(PUBLISHED_ALL_LOOPS), 2), PUBLISHED_ALL_LOOPS, strict=True))
        result = [("all loops", f"length {n}", number, published.get(n)) for n, number in self.all_loops.items()]
        for each in self.counts:
            name = each.architecture.name
            result += [(name, f"length {n}", each.by_length.get(n, 0), None) for n in self.all_loops if n <= each.longest]
            result.append((name, "total", each.total, each.architecture.published_total))
            result.append((name, "longest", each.longest, each.architecture.published_longest))
            result.append((name, "total with same-site products", each.total_with_same_site, None))
        return result

    def differences(self) -> list[str]:
        """One line for each number that is not the published one."""
        return [
            f"{column}, {row}: {ours}, published {published}"
            for column, row, ours, published in self.entries()
            if published is not None and ours != published
        ]

    def text(self) -> str:
        """The table as it is read: a row for each length, then totals with the published ones below."""
        head = ["length", "all loops", "published", *(each.architecture.name for each in self.counts)]
        kernels = ["", "", "kernels", *(",".join(map(str, each.architecture.kernel_sizes)) for each in self.counts)]
        published = [f"{number:,}" for number in PUBLISHED_ALL_LOOPS]
        rows = [head, kernels]
        for index, (length, number) in enumerate(self.all_loops.items()):
            beside = published[index] if index < len(published) else ""
            cells = (f"{each.by_length.get(length, 0):,}" if length <= each.longest else "" for each in self.counts)
            rows.append([str(length), f"{number:,}", beside, *cells])
        rows += [
            ["total", "", "", *(f"{each.total:,}" for each in self.counts)],
            ["", "", "published", *(f"{each.architecture.published_total:,}" for each in self.counts)],
            ["longest", "", "", *(f"{each.longest}" for each in self.counts)],
            ["", "", "published", *(f"{each.architecture.published_longest}" for each in self.counts)],
            ["task", "", "in reach", *("yes" if each.reaches_task else "no" for each in self.counts)],
            ["total", "", "same site", *(f"{each.total_with_same_site:,}" for each in self.counts)],
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)

    def write_csv(self, path: Path) -> None:
        """Write every number with the published one beside it; the first line says what made the file.

        Raises
        ------
        FileError
            If the file cannot be written.
        """
        file = io.StringIO()
        made_by = versions()
        file.write(f"# glasma {made_by['glasma']}, commit {commit()}, Python {made_by['python']}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("column", "row", "loops", "published"))
        writer.writerows(self.entries())
        write_text(path, file.getvalue())


def loop_table() -> LoopTable:
    """Count everything: all loops up to the longest that an architecture reaches, and every architecture's own."""
    counts = tuple(count(architecture) for architecture in ARCHITECTURES)
    longest = max(each.longest for each in counts)
    return LoopTable({length: number_of_traced_loops(length) for length in range(0, longest + 1, 2)}, counts)
