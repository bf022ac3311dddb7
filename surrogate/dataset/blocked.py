"""One event, blocked: what is written of it, time after time, while it runs.

Coarse momenta live at τ_{n+½}, half a coarse step after the fields of number n.  With an odd number m of fine steps in a coarse
one a fine half step falls there, and the energies are those measured by the scheme; with an even m they are the mean of the
two fine half steps around it, which leaves an error of second order in the fine step, as the scheme itself has.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import h5py
import numpy as np

from glasma.cluster import stop_if_abandoned
from glasma.io.fingerprint import Fingerprint
from surrogate.blocking import block_links
from surrogate.dataset.fine_events import FineEvent
from surrogate.dataset.plan import Timing
from surrogate.engine_fields import links_from_tensor, links_to_tensor


def blocked_links(links: np.ndarray, factor: int, group: ModuleType) -> np.ndarray:
    """(2, link_reals, nx, ny) → (2, link_reals, nx/b, ny/b)"""
    return links_from_tensor(block_links(links_to_tensor(links, group), factor), group)


def blocked_scalar(X: np.ndarray, factor: int, dimension: int = 0) -> np.ndarray:
    """b^dimension X at the coarse sites, (dim_g, nx, ny) → (dim_g, nx/b, ny/b), as `surrogate.blocking.block_scalar`."""
    # Components as they are: by way of matrices they would be rounded.
    return X[:, ::factor, ::factor] * float(factor) ** dimension


def write_event(place: h5py.Group, event: FineEvent, timing: Timing, dtype: np.dtype) -> None:
    """Run an event and write it, see `surrogate.dataset.dataset_file` for what."""
    b, times = timing.blocking, timing.steps + 1
    writers: dict[str, Frames] = {}
    energies = np.empty((timing.steps, 4))
    for n in range(times):
        frames = {"U": blocked_links(event.links, b, event.group)}
        if event.scalar is not None:
            frames["phi"] = blocked_scalar(event.scalar, b)
        for name, frame in frames.items():
            if n == 0:
                writers[name] = Frames(place, name, times, frame.shape, dtype)
            writers[name].append(frame)
        if n == 0 and event.longitudinal is not None:
            store(place, "longitudinal", blocked_scalar(event.longitudinal, b, dimension=2), dtype)
        if n in timing.fine:
            _write_fine(place.create_group(f"fine/{n}"), event, dtype)
        if n < timing.steps:
            energies[n] = b**4 * np.mean(list(_step(event, timing.fine_per_step)), axis=0)
    for writer in writers.values():
        writer.finish()
    store(place, "energies", energies, np.dtype(np.float64))


def _step(event: FineEvent, count: int) -> Iterator[np.ndarray]:
    """A coarse step of `count` fine ones; yields the energies of the fine half steps at, or around, its middle."""
    for done in range(1, count + 1):
        event.step()
        if 2 * abs(done - (count + 1) / 2) <= 1:
            yield event.energies()


def _write_fine(place: h5py.Group, event: FineEvent, dtype: np.dtype) -> None:
    place.attrs["step"] = event.number
    store(place, "U", event.links, dtype)
    store(place, "E", event.momenta, dtype)
    if event.scalar is not None:
        store(place, "A", event.scalar, dtype)


def store(place: h5py.Group, name: str, array: np.ndarray, dtype: np.dtype) -> None:
    """Write an array with its fingerprint."""
    values = np.ascontiguousarray(array, dtype)
    data = place.create_dataset(name, data=values)
    whole = Fingerprint()
    whole.add(values)
    data.attrs["fingerprint"] = np.bytes_(whole.text().encode())


class Frames:
    """An array that is written one time after the other, one chunk each."""

    def __init__(self, place: h5py.Group, name: str, times: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._data = place.create_dataset(name, (times, *shape), dtype, chunks=(1, *shape))
        self._hash, self._done = Fingerprint(), 0

    def append(self, frame: np.ndarray) -> None:
        """The next time; AbandonedError if nobody waits for it any more."""
        stop_if_abandoned()
        values = np.ascontiguousarray(frame, self._data.dtype)
        self._data[self._done] = values
        self._hash.add(values)
        self._done += 1

    def finish(self) -> None:
        """All times are there."""
        self._data.attrs["fingerprint"] = np.bytes_(self._hash.text().encode())
