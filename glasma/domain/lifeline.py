"""A ring of connections that break when a rank dies, for launchers that leave the others waiting for it.

`srun` without `--kill-on-bad-exit` does, and the message that a dead rank does not send is waited for until the time of the job
is over.  So each rank keeps a connection of TCP to the next one; nothing is sent over it until the run is done.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import psutil

from glasma.domain.ranks import Ranks

#: Seconds for a connection to be made, on one address.
_PATIENCE = 2.0

#: Seconds that are left to the launcher, which may be ending all ranks already.
_LEAVE = 1.0

_HELLO, _DONE = b"+", b"."

#: A machine that lost its power closes no connection: one that has not answered for about two minutes is taken for dead.
_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


class Lifeline:
    """Calls `died` in a thread of its own when a neighbour in the ring ends before it was done.

    Where the machines do not reach each other by TCP there is no line, and the launcher alone ends what is left.

    Parameters
    ----------
    ranks : Ranks
        Every rank makes a line at the same time.
    died : function
    """

    def __init__(self, ranks: Ranks, died: Callable[[], None]) -> None:
        self._died, self._done = died, threading.Event()
        secret, size = ranks.broadcast(secrets.token_bytes(16)), ranks.size
        with ExitStack() as stack:
            server = _listen()
            port = 0 if server is None else stack.enter_context(server).getsockname()[1]
            everyone = ranks.of_each((_addresses(), port))
            next_rank = (ranks.rank + 1) % size
            following = _connect(*everyone[next_rank], _token(secret, next_rank))
            reached = ranks.of_each(following is not None)
            previous = _accept(server, _token(secret, ranks.rank)) if server and reached[ranks.rank - 1] else None
            # Two machines may have the same address in networks of their own: only an answer says who was reached.
            if following is not None and not _says(following, _HELLO):
                following = None
        self._neighbours = [neighbour for neighbour in (following, previous) if neighbour is not None]
        for neighbour in self._neighbours:
            _keep(neighbour)
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def close(self) -> None:
        """This rank is done: its end is no death."""
        self._done.set()
        for neighbour in self._neighbours:
            with suppress(OSError):
                neighbour.sendall(_DONE)
                neighbour.shutdown(socket.SHUT_WR)

    @contextmanager
    def by_signal(self) -> Iterator[None]:
        """While what is done lets no other thread run, the end of a neighbour ends this process too, without a word.

        The kernel sends it SIGKILL.  What waits for messages of a dead rank would not end otherwise.  Only Linux can do that.
        """
        if not hasattr(fcntl, "F_SETSIG"):
            yield
            return
        with selectors.DefaultSelector() as selector:
            for neighbour in self._neighbours:
                _signal(neighbour, os.O_ASYNC)
                selector.register(neighbour, selectors.EVENT_READ)
            try:
                if self._neighbours and selector.select(0):
                    self._done.wait()  # it has died before: the thread will end this process
                yield
            finally:
                for neighbour in self._neighbours:
                    _signal(neighbour, 0)

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            for neighbour in self._neighbours:
                selector.register(neighbour, selectors.EVENT_READ, neighbour)
            while selector.get_map():
                for key, _ in selector.select():
                    neighbour = key.data
                    selector.unregister(neighbour)
                    if not _says(neighbour, _DONE):
                        time.sleep(_LEAVE)
                        if not self._done.is_set():
                            self._died()
                        return


def _addresses() -> list[str]:
    """Where other machines may find this one; the loopback, for ranks of the same machine, comes last."""
    found = [(address.family, address.address) for card in psutil.net_if_addrs().values() for address in card]
    return sorted((text for family, text in found if family == socket.AF_INET), key=lambda text: text.startswith("127."))


def _token(secret: bytes, rank: int) -> bytes:
    """What is said to a rank, and to no other."""
    return secret + rank.to_bytes(4, "big")


def _listen() -> socket.socket | None:
    with suppress(OSError):
        return socket.create_server(("", 0))
    return None


def _connect(addresses: list[str], port: int, token: bytes) -> socket.socket | None:
    """A connection to whoever listens there, which is told the token."""
    for address in addresses if port else []:
        with suppress(OSError):
            connection = socket.create_connection((address, port), timeout=_PATIENCE)
            connection.sendall(token)
            return connection
    return None


def _accept(server: socket.socket, token: bytes) -> socket.socket | None:
    """The connection that brings the token, and is answered."""
    server.settimeout(_PATIENCE)
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            connection.settimeout(_PATIENCE)
            with suppress(OSError):
                if secrets.compare_digest(connection.recv(len(token), socket.MSG_WAITALL), token):
                    connection.sendall(_HELLO)
                    return connection
            connection.close()
    return None


def _says(neighbour: socket.socket, word: bytes) -> bool:
    """Whether the next byte of a neighbour is this; not if its connection has ended."""
    try:
        return neighbour.recv(1) == word
    except OSError:
        return False


def _signal(connection: socket.socket, flag: int) -> None:
    """Have this process killed when something comes or the connection ends, or no longer (0)."""
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(connection, fcntl.F_SETFL, fcntl.fcntl(connection, fcntl.F_GETFL) & ~os.O_ASYNC | flag)


def _keep(connection: socket.socket) -> None:
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _ALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
