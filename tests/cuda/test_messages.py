"""The order in which messages are packed, copied, sent and unpacked, on a GPU that works as late as it may.

Each stream of `LazyGpu` keeps what it was told and does it only when somebody waits for it, so that whatever does not wait
reads what was there before.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from glasma.cuda import messages
from glasma.cuda.messages import SWITCH, DirectMessages, StagedMessages, mpi_takes_gpu_memory, sends_from_gpu
from glasma.domain.along_z import HaloAlongZ
from glasma.domain.halo import Halo
from glasma.domain.messages import Messages
from glasma.errors import ConfigError
from tests.domain.test_halo import Request

SHAPE, AXIS = (3, 3, 6, 5, 24), 2


class Stream:
    def __init__(self, non_blocking: bool = False) -> None:
        self.todo: list[Callable[[], None]] = []
        self.done = 0
        self.ptr = self

    def until(self, position: int) -> None:
        while self.done < position:
            self.todo[self.done]()
            self.done += 1

    def synchronize(self) -> None:
        self.until(len(self.todo))

    def record(self) -> tuple[Stream, int]:
        return self, len(self.todo)

    def wait_event(self, event: tuple[Stream, int]) -> None:
        self.todo.append(lambda: event[0].until(event[1]))


class LazyArray:
    """An array of the GPU; `values` is what its memory holds now."""

    now = Stream()

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.dtype, self.size, self.shape = values, values.dtype, values.size, values.shape
        self.nbytes, self.data = values.nbytes, SimpleNamespace(ptr=values.ctypes.data)

    def __getitem__(self, key: Any) -> LazyArray:
        return LazyArray(self.values[key])

    def __setitem__(self, key: Any, other: LazyArray | float) -> None:
        def assign() -> None:
            self.values[key] = other.values if isinstance(other, LazyArray) else other

        self.now.todo.append(assign)

    def reshape(self, shape: tuple[int, ...]) -> LazyArray:
        return LazyArray(self.values.reshape(shape))


class LazyGpu:
    """What `glasma.cuda.messages` takes of CuPy."""

    ndarray = LazyArray

    def __init__(self) -> None:
        LazyArray.now = Stream()
        runtime = SimpleNamespace(
            getDevice=lambda: id(self), memcpyAsync=self._copy, memcpyDeviceToHost=2, memcpyHostToDevice=1
        )
        self.cuda = SimpleNamespace(
            runtime=runtime, Stream=Stream, get_current_stream=lambda: LazyArray.now, alloc_pinned_memory=bytearray
        )

    def empty(self, size: int, dtype: np.dtype) -> LazyArray:
        return LazyArray(np.full(size, np.nan, dtype))

    def _copy(self, target: int, source: int, count: int, kind: int, stream: Stream) -> None:
        stream.todo.append(lambda: ctypes.memmove(target, source, count))


def memory_of(buffer: Any) -> np.ndarray:
    return buffer.values if isinstance(buffer, LazyArray) else buffer


class Loop:
    """As of `tests.domain.test_halo`, for memory of either kind: MPI reads and writes it without asking the GPU."""

    def __init__(self) -> None:
        self.sent: dict[int, np.ndarray] = {}
        self.kinds: set[type] = set()

    def Irecv(self, buffer: Any, source: int, tag: int) -> Request:
        self.kinds.add(type(buffer))
        memory_of(buffer)[...] = np.nan  # whatever was there is lost from now on
        return Request(lambda: np.copyto(memory_of(buffer), self.sent[tag]))

    def Isend(self, buffer: Any, target: int, tag: int) -> Request:
        self.sent[tag] = memory_of(buffer).copy()
        return Request()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> LazyGpu:
    lazy = LazyGpu()
    monkeypatch.setattr(messages, "SIMULATES_CUDA", False)
    monkeypatch.setattr(messages, "array_module", lambda: lazy)
    return lazy


KINDS = pytest.mark.parametrize(("kind", "sent"), [(StagedMessages, np.ndarray), (DirectMessages, LazyArray)])


@KINDS
def test_messages_wait_for_the_gpu_and_the_gpu_for_them(gpu: LazyGpu, kind: type[Messages], sent: type) -> None:
    rng, loop = np.random.default_rng(3), Loop()
    field = LazyArray(rng.standard_normal(SHAPE))
    halo = Halo(SimpleNamespace(communicator=loop, rank=0, size=1), AXIS, kind)
    expected = field.values.copy()
    for region in ([(9, 12)], [(8, 13)], [(3, 6), (9, 12)], [(3, 20)]):  # smaller, larger, and of the same size
        kicked = rng.standard_normal((3, 3, 4, 5, 24))
        field[:, :, 1:-1] = LazyArray(kicked)
        arrived = halo.exchange(field, region)
        field[:, :, 1:-1] = 7.0  # the own planes are worked on while messages travel
        arrived()
        expected[:, :, 1:-1] = 7.0
        for z0, z1 in region:
            expected[:, :, 0, :, z0 - 1 : z1] = kicked[:, :, -1, :, z0 - 1 : z1]
            expected[:, :, -1, :, z0 - 1 : z1] = kicked[:, :, 0, :, z0 - 1 : z1]
    LazyArray.now.synchronize()
    np.testing.assert_array_equal(field.values, expected)
    assert loop.kinds == {sent}


@KINDS
def test_messages_along_z_wait_where_nothing_leaves_too(gpu: LazyGpu, kind: type[Messages], sent: type) -> None:
    """Between its neighbours a rank has planes 1 … 8; all is brought back to it as if lattice and ranks were periodic."""
    rng, loop = np.random.default_rng(4), Loop()
    field = LazyArray(rng.standard_normal((3, 3, 4, 5, 10)))
    halo = HaloAlongZ(SimpleNamespace(communicator=loop), (1, 3), (0, 1), slice(0, 4), slice(1, 9), kind)
    expected, everywhere, behind = field.values.copy(), [(-5, 20)], [(9, 12)]
    found, wanted = [], []
    for region in (everywhere, behind, behind, everywhere):
        kicked = rng.standard_normal((3, 3, 4, 5, 8))
        field[..., 1:9] = LazyArray(kicked)
        arrived = halo.exchange(field, region)
        field[..., 1:9] = 7.0
        arrived()
        if region == everywhere:  # where nothing leaves, what left last comes again
            last = kicked
            expected[:2, ..., 0] = last[:2, ..., -1]
        expected[:2, ..., 9] = last[:2, ..., 0]
        expected[..., 1:9] = 7.0
        found.append(LazyArray(np.zeros(field.shape)))
        found[-1][...] = field
        wanted.append(expected.copy())
    LazyArray.now.synchronize()
    np.testing.assert_array_equal([array.values for array in found], wanted)
    assert loop.kinds == {sent}


def test_fields_of_the_host_are_sent_as_they_are(gpu: LazyGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "sends_from_gpu", lambda: True)
    make = messages.messages_of_run()
    assert type(make(([4], [4]), np.zeros(4))) is Messages
    assert type(make(([4], [4]), LazyArray(np.zeros(4)))) is DirectMessages
    monkeypatch.setattr(messages, "sends_from_gpu", lambda: False)
    assert type(messages.messages_of_run()(([4], [4]), LazyArray(np.zeros(4)))) is StagedMessages


def test_memory_of_the_gpu_is_sent_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "SIMULATES_CUDA", False)
    monkeypatch.delenv(SWITCH, raising=False)
    for answer in (True, False, None):
        monkeypatch.setattr(messages, "mpi_takes_gpu_memory", lambda answer=answer: answer)
        monkeypatch.setenv(SWITCH, "0")
        assert not sends_from_gpu()
        monkeypatch.setenv(SWITCH, "1")
        if answer is False:
            with pytest.raises(ConfigError, match=f"{SWITCH} = 1: this MPI says that it takes no memory of a GPU"):
                sends_from_gpu()
        else:
            assert sends_from_gpu()
    monkeypatch.setenv(SWITCH, "yes")
    with pytest.raises(ConfigError, match=f"{SWITCH} = 'yes': must be 0 or 1"):
        sends_from_gpu()
    monkeypatch.delenv(SWITCH)
    assert not sends_from_gpu()


def test_an_mpi_is_asked_what_it_takes() -> None:
    pytest.importorskip("mpi4py.MPI")
    assert mpi_takes_gpu_memory() in (True, False, None)


class OfAnotherMemory:
    """What mpi4py sees of an array of CuPy: its interface; the memory is the host's here."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        address = self.values.ctypes.data, False
        return {"shape": self.values.shape, "typestr": self.values.dtype.str, "data": address, "version": 3}


def test_mpi_is_given_the_memory_and_not_a_copy() -> None:
    MPI = pytest.importorskip("mpi4py.MPI")
    sent, received = OfAnotherMemory(np.arange(5, dtype=np.float32)), OfAnotherMemory(np.zeros(5, np.float32))
    talk = MPI.COMM_SELF
    for request in (talk.Irecv(received, 0, 1), talk.Isend(sent, 0, 1)):
        request.Wait()
    assert np.array_equal(received.values, sent.values)
