"""What a rank has sent to its neighbours, and how long it has waited for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any


class Traffic:
    """Counts the exchanges of a rank with its neighbours, and waits for them.

    Attributes
    ----------
    bytes_sent, exchanges : int
        Since the start, of this rank.
    seconds, processor_seconds : float
        That this rank has waited; MPI keeps the core busy meanwhile.
    """

    def __init__(self) -> None:
        self.bytes_sent, self.exchanges = 0, 0
        self.seconds = self.processor_seconds = 0.0

    def wait(self, requests: Sequence[Any]) -> None:
        """Wait until all requests of MPI are done."""
        start, busy = time.perf_counter(), time.process_time()
        for request in requests:
            request.Wait()
        self.seconds += time.perf_counter() - start
        self.processor_seconds += time.process_time() - busy
