"""The loops that L-CNNs reach: every published number, and the same numbers from matrices, which know no words."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import surrogate.studies.loop_counting as loop_counting
from surrogate.paths import AXES, backward, number_of_traced_loops, rectangle, traced
from surrogate.studies.loop_counting import ARCHITECTURES, PUBLISHED_ALL_LOOPS, BilinearRule, LoopTable, bilinear_layer, reach
from tests.tiny_run import glasma as command

_BY_NAME = {each.name: each for each in ARCHITECTURES}


@cache
def _table() -> LoopTable:
    return loop_counting.loop_table()


def test_row_of_all_loops_is_the_published_one() -> None:
    assert [number_of_traced_loops(n) for n in range(0, 23, 2)] == [
        1, 0, 2, 4, 28, 152, 1_010, 6_772, 47_646, 343_168, 2_529_890, 18_982_172,
    ]  # fmt: skip
    assert all(number_of_traced_loops(n) == 0 for n in range(1, 23, 2))


def test_totals_and_longest_loops_are_the_published_ones() -> None:
    assert [each.total for each in _table().counts] == [3, 11, 19, 27, 621, 4_985, 16_725]
    assert [each.longest for each in _table().counts] == [4, 8, 10, 12, 22, 28, 34]
    assert _table().differences() == []


def test_each_architecture_reaches_the_loop_that_it_is_trained_for() -> None:
    assert all(each.reaches_task for each in _table().counts)
    assert traced(rectangle(2, 2)) not in reach((2,))


def test_one_layer_makes_the_loops_that_one_finds_by_hand() -> None:
    one_way = {
        "xyXY",  # the plaquette P
        *(rectangle(2, 1), rectangle(1, 2)),  # P times its neighbour ahead along either axis
        *("yXYxyxYX", "xyXyxYXY"),  # P times that neighbour turned around: eights, the common link walked twice
    }
    by_hand = {"", *one_way, *map(backward, one_way)}
    assert reach((2,)) == {traced(loop) for loop in by_hand}


def _distinct(matrices: np.ndarray) -> np.ndarray:
    """One of each matrix, up to rounding."""
    _, first = np.unique(np.round(matrices, 8).reshape(len(matrices), -1) + 0.0, axis=0, return_index=True)
    return matrices[first]


def _number_of_traces(kernel_sizes: tuple[int, ...], rule: BilinearRule) -> int:
    """Distinct traces when the layers multiply matrices.

    The links are equal everywhere, U_{x,μ} = A_μ with random A_μ in U(3): loops that differ by a translation are then
    equal, all others have traces of their own.
    """
    random = np.random.default_rng(5)
    links = np.linalg.qr(random.normal(size=(2, 3, 3)) + 1j * random.normal(size=(2, 3, 3)))[0]
    a, b = links
    loops = (a @ b @ a.conj().T @ b.conj().T)[None]
    unit = np.eye(3)[None]
    for kernel_size in kernel_sizes:
        if rule.conjugates:
            loops = _distinct(np.concatenate((loops, loops.conj().swapaxes(1, 2))))
        lines = [np.linalg.matrix_power(link, k) for link in links for k in range(1, kernel_size)]
        if rule.both_orientations:
            lines += [line.conj().T for line in lines]
        moved = [unit[: rule.unit], loops[: len(loops) * rule.same_site], *(line @ loops @ line.conj().T for line in lines)]
        factors = np.concatenate((unit[: rule.unit], loops))
        loops = _distinct((factors[:, None] @ _distinct(np.concatenate(moved))).reshape(-1, 3, 3))
    return len(np.unique(np.round(np.trace(loops, axis1=1, axis2=2), 7) + 0.0))


@pytest.mark.parametrize("name", list(_BY_NAME))
def test_matrices_have_as_many_traces(name: str) -> None:
    assert _number_of_traces(_BY_NAME[name].kernel_sizes, BilinearRule()) == _BY_NAME[name].published_total


@pytest.mark.parametrize("name", list(_BY_NAME))
def test_loops_come_in_both_orientations(name: str) -> None:
    loops = reach(_BY_NAME[name].kernel_sizes)
    assert {traced(backward(loop)) for loop in loops} == loops


@pytest.mark.parametrize("name", ["1×2 S", "1×2 L", "2×2 S", "2×2 M"])
def test_exchange_of_the_axes_changes_nothing(name: str) -> None:
    loops = reach(_BY_NAME[name].kernel_sizes)
    assert {traced(loop.translate(str.maketrans("xyXY", "yxYX"))) for loop in loops} == loops


@pytest.mark.parametrize(
    "rule",
    [
        BilinearRule(conjugates=False),
        BilinearRule(unit=False),
        BilinearRule(same_site=True),
        BilinearRule(both_orientations=True),
    ],
)
def test_another_rule_gives_other_totals(rule: BilinearRule) -> None:
    total = len(reach((2, 2), rule=rule))
    assert total != _BY_NAME["2×2 S"].published_total
    assert total == _number_of_traces((2, 2), rule)


def test_loops_from_behind_are_those_ahead_after_one_layer() -> None:
    # Tr W_x U†_{x-μ} W_{x-μ} U_{x-μ} = Tr W_{x-μ} U_{x-μ} W_x U†_{x-μ}: the same loop, a site further.
    assert reach((3,), rule=BilinearRule(both_orientations=True)) == reach((3,))


def test_more_dimensions_have_more_loops() -> None:
    # 1; n plaquettes and their conjugates; a product for each choice of two of these 2n and one of D directions.
    for dimensions, n in ((2, 1), (3, 3), (4, 6)):
        made = bilinear_layer(loop_counting.plaquettes(dimensions), 2, dimensions)
        assert len(made) == (1 + 2 * n) * (1 + 2 * n * len(AXES[:dimensions]))


def test_wrong_kernel_size_is_refused() -> None:
    with pytest.raises(ValueError, match="kernel_size = 0: must be at least 1"):
        reach((2, 0))


def test_command_prints_the_table_and_writes_it(tmp_path: Path) -> None:
    outcome = command("study", "loop-counting", "--out", tmp_path / "loops.csv")
    assert outcome.status == 0
    assert outcome.err == ""
    assert "621  4,985  16,725" in outcome.out
    assert outcome.out.endswith(f"table: {tmp_path}/loops.csv\nevery published number is reproduced\n")
    first, *lines = (tmp_path / "loops.csv").read_text(encoding="utf-8").splitlines()
    assert first.startswith("# glasma ")
    rows = {(row["column"], row["row"]): row for row in csv.DictReader(lines)}
    assert rows["2×2 L", "total"]["loops"] == rows["2×2 L", "total"]["published"] == "16725"
    assert rows["all loops", "length 22"]["published"] == str(PUBLISHED_ALL_LOOPS[-1])
    assert sum(int(rows["2×2 S", f"length {n}"]["loops"]) for n in range(0, 23, 2)) == 621


def test_command_fails_where_a_number_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(ARCHITECTURES[1], published_total=13)
    monkeypatch.setattr(loop_counting, "ARCHITECTURES", (ARCHITECTURES[0], wrong))
    outcome = command("study", "loop-counting")
    assert outcome.status == 1
    assert outcome.out.endswith("1×2 S, total: 11, published 13\n")


def test_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    outcome = command("study", "loop-counting", "--out", tmp_path / "missing" / "loops.csv")
    assert outcome.status == 2
    assert outcome.err.count("\n") == 1
    assert "loops.csv: cannot be written" in outcome.err
