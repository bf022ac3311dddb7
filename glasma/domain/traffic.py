"""How a rank and its neighbours exchange parts of arrays, what it has sent, and how long it has waited."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glasma.domain.messages import Messages, Sizes

#: Makes the `Messages` of a field, by the memory that it is in.
MakeMessages = Callable[[Sizes, np.ndarray], Messages]


@dataclass(frozen=True)
class Parcel:
    """What one message carries.

    Attributes
    ----------
    peer : int
        The rank that it goes to, or comes from.
    tag : int
    values : sequence of arrays
        Parts of a field, which lie one behind the other in the message.
    """

    peer: int
    tag: int
    values: Sequence[np.ndarray]

    @property
    def size(self) -> int:
        """How many numbers."""
        return sum(values.size for values in self.values)

    def pairs(self, message: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The parts of the field, and their places in the message."""
        begin = 0
        for values in self.values:
            yield values, message[begin : begin + values.size].reshape(values.shape)
            begin += values.size


class Traffic:
    """Exchanges parcels with neighbours, counts them, and waits for them.

    Parameters
    ----------
    communicator : of mpi4py
    messages : callable
        ``messages(sizes, field)`` makes the `Messages` of a field, by the memory that it is in.

    Attributes
    ----------
    bytes_sent, exchanges : int
        Since the start, of this rank.
    seconds, processor_seconds : float
        That this rank has waited; MPI keeps the core busy meanwhile.
    """

    def __init__(self, communicator: Any, messages: MakeMessages) -> None:
        self.bytes_sent, self.exchanges = 0, 0
        self.seconds = self.processor_seconds = 0.0
        self._communicator, self._messages = communicator, messages
        self._idle: Messages | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the messages that are kept from one exchange to the next."""
        return 0 if self._idle is None else self._idle.nbytes

    def begin(self, leaving: Sequence[Parcel], coming: Sequence[Parcel]) -> Callable[[], None]:
        """Pack and send; what is returned waits for what comes and unpacks it.  Empty parcels are left out."""
        leaving, coming = ([parcel for parcel in parcels if parcel.size] for parcels in (leaving, coming))
        if not (leaving or coming):
            return lambda: None
        messages = self._take(leaving, coming)
        for parcel, message in zip(leaving, messages.leaving, strict=True):
            for values, stored in parcel.pairs(message):
                stored[...] = values
        sent, received = messages.leave()
        talk = self._communicator
        requests = [talk.Irecv(message, of.peer, of.tag) for of, message in zip(coming, received, strict=True)]
        requests += [talk.Isend(message, of.peer, of.tag) for of, message in zip(leaving, sent, strict=True)]
        self.bytes_sent += sum(message.nbytes for message in sent)

        def arrived() -> None:
            self._wait(requests)
            messages.arrive()
            for parcel, message in zip(coming, messages.coming, strict=True):
                for values, stored in parcel.pairs(message):
                    values[...] = stored
            self._idle = messages

        return arrived

    def _take(self, leaving: Sequence[Parcel], coming: Sequence[Parcel]) -> Messages:
        """Those of the last exchange if they can serve: new ones would be new pages of memory in every step."""
        sizes: Sizes = [parcel.size for parcel in leaving], [parcel.size for parcel in coming]
        field = (*leaving, *coming)[0].values[0]
        messages, self._idle = self._idle, None
        return messages if messages is not None and messages.serve(sizes, field) else self._messages(sizes, field)

    def _wait(self, requests: Sequence[Any]) -> None:
        """Wait until all requests of MPI are done."""
        start, busy = time.perf_counter(), time.process_time()
        for request in requests:
            request.Wait()
        self.seconds += time.perf_counter() - start
        self.processor_seconds += time.process_time() - busy
