"""The ring of connections that tells of a dead rank: of every death, and of nothing else."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Queue
from typing import Any

import pytest

import glasma.domain.lifeline as lifeline
from glasma.domain.lifeline import Lifeline
from glasma.domain.ranks import Ranks


class ThreadRanks(Ranks):
    """Threads of this process in the place of ranks."""

    def __init__(self, rank: int, size: int, board: list[Any], barrier: threading.Barrier) -> None:
        self.rank, self.size, self._board, self._barrier = rank, size, board, barrier

    def of_each(self, value: Any) -> list[Any]:
        self._board[self.rank] = value
        self._barrier.wait()
        found = list(self._board)
        self._barrier.wait()
        return found

    def broadcast(self, value: Any) -> Any:
        return self.of_each(value)[0]


def ring(size: int, died: Callable[[int], None]) -> list[Lifeline]:
    board, barrier = [None] * size, threading.Barrier(size)
    with ThreadPoolExecutor(size) as pool:
        made = pool.map(lambda rank: Lifeline(ThreadRanks(rank, size, board, barrier), lambda: died(rank)), range(size))
        return list(made)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifeline, "_LEAVE", 0.05)


def all_ended() -> None:
    watchers = [thread for thread in threading.enumerate() if thread.name == "lifeline"]
    for thread in watchers:
        thread.join(timeout=5)
    assert not any(thread.is_alive() for thread in watchers)


def end(line: Lifeline) -> None:
    """What the system does with the connections of a process that dies."""
    for neighbour in line._neighbours:
        with suppress(OSError):  # the other one was faster
            neighbour.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("victim", [0, 1])
def test_both_neighbours_are_told_of_a_death(size: int, victim: int) -> None:
    told: Queue[int] = Queue()
    lines = ring(size, told.put)
    end(lines[victim])
    # The victim, still a thread of this process, sees its connections end too.
    assert {told.get(timeout=5) for _ in range(min(3, size))} == {(victim - 1) % size, victim, (victim + 1) % size}
    assert told.empty()
    for line in lines:
        end(line)
    all_ended()


#: A rank whose neighbour is the parent; it waits without letting another thread run, as long as it may.
WAITING = """\
import ctypes, os, socket, sys, threading
from glasma.domain.lifeline import Lifeline
line = Lifeline.__new__(Lifeline)
line._done, line._neighbours = threading.Event(), [socket.socket(fileno=int(sys.argv[1]))]
line._done.wait = lambda: os._exit(7)
if sys.argv[2] == "late":
    sys.stdin.readline()
with line.by_signal():
    print("waits", flush=True)
    if sys.argv[2] == "hears":
        ctypes.PyDLL(None).sleep(20)
if sys.argv[2] == "after":
    print("goes on", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(("when", "status"), [("hears", -signal.SIGKILL), ("after", 0), ("late", 7)])
def test_what_lets_no_thread_run_is_ended_by_the_kernel(when: str, status: int) -> None:
    """A death in the middle ends the process; one afterwards is left to the thread, and one before is waited for."""
    here, there = socket.socketpair()
    command = [sys.executable, "-c", WAITING, str(there.fileno()), when]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=[there.fileno()])
    assert process.stdout is not None
    there.close()
    if when != "late":
        assert process.stdout.readline() == "waits\n"
    if when == "after":
        assert process.stdout.readline() == "goes on\n"
    here.close()
    began = time.monotonic()
    process.communicate("\n")
    assert process.returncode == status
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_ranks_that_are_done_are_not_dead(order: list[int]) -> None:
    told: list[int] = []
    lines = ring(3, told.append)
    for rank in order:
        lines[rank].close()
        lines[rank].close()  # twice is once
    all_ended()
    assert not told


def test_a_stranger_is_not_taken_for_the_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that reached another machine than it meant has no line; those that met have."""
    connect = lifeline._connect
    strangers: list[socket.socket] = []

    def misled(addresses: list[str], port: int, token: bytes) -> socket.socket | None:
        if token.endswith(b"\1"):
            strangers.append(connect(addresses, port, bytes(20)))  # no rank of this run
            return strangers[-1]
        return connect(addresses, port, token)

    monkeypatch.setattr(lifeline, "_connect", misled)
    monkeypatch.setattr(lifeline, "_PATIENCE", 0.3)
    told: list[int] = []
    lines = ring(3, told.append)
    assert [len(line._neighbours) for line in lines] == [1, 1, 2]
    for line in lines:
        line.close()
    all_ended()
    assert not told


def test_without_sockets_there_is_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **options: object) -> socket.socket:
        raise OSError("not permitted")

    monkeypatch.setattr(socket, "create_server", refused)
    told: list[int] = []
    lines = ring(2, told.append)
    assert not any(line._neighbours for line in lines)
    for line in lines:
        line.close()
    assert not told
