"""Who takes which GPU, on machines that are made up."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from glasma import doctor
from glasma.cluster import number_of_process, workers
from glasma.cuda import devices, messages
from glasma.cuda.devices import GpusOfRanks, check_processes
from glasma.cuda.messages import SWITCH
from glasma.domain.ranks import Ranks
from glasma.errors import ConfigError
from glasma.schemes import take_gpu
from tests.clusters import scheduler

GIB = 2**30


class Rank(Ranks):
    """One of many on one machine, which do as it does one after the other; `said` is what those before it have said."""

    def __init__(self, rank: int, size: int, said: list[list[Any]]) -> None:
        self.rank = self.rank_on_node = rank
        self.size = self.on_node = size
        self._said, self._times = said, 0

    def of_each(self, value: Any) -> list[Any]:
        while len(self._said) <= self._times:
            self._said.append([None] * self.size)
        self._said[self._times][self.rank] = value
        self._times += 1
        return self._said[self._times - 1]


class Machine:
    """Its GPUs as processes see them: the current one, and which are visible to a rank."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, visible: list[list[str]]) -> None:
        self.visible, self.rank, self.current = visible, 0, 0
        monkeypatch.setattr(devices, "array_module", lambda: None)
        monkeypatch.setattr(devices, "device_name", lambda: "H100")
        monkeypatch.setattr(devices, "count", lambda: len(self.visible[self.rank]))
        monkeypatch.setattr(devices, "use", lambda number: setattr(self, "current", number))
        monkeypatch.setattr(devices, "_identity", lambda: self.visible[self.rank][self.current])

    def taken(self) -> list[GpusOfRanks]:
        """What each rank knows; they speak twice, for only the last has heard all the first time."""
        said: list[list[Any]] = []
        for _ in range(2):
            found = []
            for rank in range(len(self.visible)):
                self.rank = rank
                found.append(GpusOfRanks(Rank(rank, len(self.visible), said)))
        return found


def identities(gpus: GpusOfRanks) -> list[str]:
    return [gpu.identity for gpu in gpus.of_each]


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ([["a", "b", "c", "d"]] * 4, ["a", "b", "c", "d"]),
        ([["a", "b"]] * 4, ["a", "b", "a", "b"]),
        ([["a"], ["b"], ["c"]], ["a", "b", "c"]),  # each rank sees one, as its launcher says
        ([["a", "b", "c", "d"]] * 2, ["a", "b"]),
    ],
    ids=["as many", "too few", "one visible to each", "too many"],
)
def test_ranks_of_a_machine_take_its_gpus_in_turn(monkeypatch, visible, expected):
    gpus = Machine(monkeypatch, visible).taken()[0]
    assert identities(gpus) == expected
    shared = len(set(expected)) < len(expected)
    assert len(gpus.lines()) == (2 if shared else 0)
    for line in gpus.lines():
        assert "2 ranks share one GPU (H100, " in line
        assert "--gpus-per-task=1" in line


@pytest.mark.parametrize(("answer", "switch", "said"), [(True, "0", 1), (True, "1", 0), (False, "0", 0), (None, "0", 0)])
def test_a_shorter_way_of_messages_is_told(monkeypatch, answer, switch, said):
    for module in (devices, messages):
        monkeypatch.setattr(module, "mpi_takes_gpu_memory", lambda: answer)
    monkeypatch.setenv(SWITCH, switch)
    lines = Machine(monkeypatch, [["a"], ["b"]]).taken()[0].lines()
    assert len(lines) == said
    assert all(f"{SWITCH}=1" in line for line in lines)


def test_a_single_process_keeps_the_gpu_that_is_current(monkeypatch):
    machine = Machine(monkeypatch, [["a", "b"]])
    machine.current = 1
    assert identities(GpusOfRanks(Ranks())) == ["b"]


def test_a_rank_without_gpu_ends_all(monkeypatch):
    machine = Machine(monkeypatch, [["a"], []])

    def missing() -> None:
        if machine.rank == 1:
            raise ConfigError('run.backend = "cuda": no NVIDIA GPU answers')

    monkeypatch.setattr(devices, "array_module", missing)
    with pytest.raises(ConfigError, match=r"rank 1: run\.backend"):
        machine.taken()


@pytest.mark.parametrize(("visible", "factor"), [([["a", "b"]] * 2, 1), ([["a"]] * 2, 2)], ids=["own", "shared"])
def test_ranks_that_share_a_gpu_share_its_memory(monkeypatch, visible, factor):
    asked: list[int] = []
    monkeypatch.setattr(devices, "require_memory", asked.append)
    for gpus in Machine(monkeypatch, visible).taken():
        gpus._ranks = SimpleNamespace(rank=gpus._ranks.rank, size=2, of_each=lambda value: [value, value])
        gpus.require(3 * GIB)
    assert asked == [factor * 3 * GIB] * 2


def test_doctor_names_every_gpu(monkeypatch):
    gpus = [SimpleNamespace(name=name, compute_capability=(9, 0), uuid=f"GPU-{name}") for name in ("H100", "H200")]
    monkeypatch.setattr(doctor, "cuda", SimpleNamespace(is_available=lambda: True, gpus=gpus))
    assert doctor._cuda_devices() == {
        "CUDA device 0": "H100, compute capability 9.0, GPU-H100",
        "CUDA device 1": "H200, compute capability 9.0, GPU-H200",
    }
    monkeypatch.setattr(doctor, "cuda", SimpleNamespace(is_available=lambda: False))
    assert doctor._cuda_devices() == {"CUDA device": "none found"}


class Cupy:
    """GPUs of some sizes in GiB."""

    def __init__(self, *sizes: int) -> None:
        self._sizes = sizes
        self.cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceProperties=self._properties))

    def _properties(self, number: int) -> dict[str, int]:
        return {"totalGlobalMem": self._sizes[number] * GIB}


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(devices, "SIMULATES_CUDA", False)
    monkeypatch.setattr(devices, "array_module", lambda: Cupy(80, 40))
    monkeypatch.setattr(devices, "count", lambda: 2)


@pytest.mark.usefixtures("two_gpus")
def test_processes_that_do_not_fit_into_the_smallest_gpu_are_refused():
    assert check_processes("--jobs", 2, 40 * GIB) == 2
    assert check_processes("--jobs", 4, 20 * GIB) == 2
    with pytest.raises(ConfigError, match=r"--jobs 3: 2 on one GPU need 60 GiB and it has 40 GiB .*; use at most --jobs 2$"):
        check_processes("--jobs", 3, 30 * GIB)
    with pytest.raises(ConfigError, match=r"--jobs 1: 1 on one GPU need 41 GiB .*; use fewer cells"):
        check_processes("--jobs", 1, 41 * GIB)


def test_processes_of_this_machine_take_its_gpus_in_turn(monkeypatch, tmp_path):
    """Each worker has a number of its own, which decides; one elsewhere keeps the GPU that its environment gives it."""
    tasks = [(tmp_path / f"{number}",) for number in range(6)]
    numbers: dict[int, int] = {}
    with workers(tmp_path, 3) as cluster:
        cluster.run(number_when_others_have_come, tasks[:3], lambda _: None, numbers.__setitem__)
    assert sorted(numbers.values()) == [0, 1, 2]

    used: list[int] = []
    monkeypatch.setattr(devices, "array_module", lambda: None)
    monkeypatch.setattr(devices, "count", lambda: 2)
    monkeypatch.setattr(devices, "use", used.append)
    for number in [*numbers.values(), None]:
        monkeypatch.setattr("glasma.schemes.number_of_process", lambda number=number: number)
        take_gpu("cuda")
        take_gpu("cpu")
    assert sorted(used) == [0, 0, 1]


def number_when_others_have_come(path: Path) -> int | None:
    """The number of the process, given back when three tasks have come to one each."""
    path.touch()
    while not all((path.parent / str(number)).exists() for number in range(3)):
        time.sleep(0.01)
    return number_of_process()


def test_workers_of_a_scheduler_have_no_number(tmp_path):
    found: dict[int, int | None] = {}
    with scheduler(tmp_path) as address, workers(tmp_path, scheduler=address) as cluster:
        cluster.run(number_of_process, [()], lambda _: None, found.__setitem__)
    assert found == {0: None}
