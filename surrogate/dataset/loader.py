"""A data set as tensors: windows of blocked fields, energies, and fine states, read when they are asked for."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from glasma.config import Config, config_from_dict
from glasma.group import group_named
from surrogate.actions.least_squares import Window
from surrogate.collisions.slab import moves
from surrogate.dataset.dataset_file import Content, SplitContent, event_name, read_content, reading_dataset, text_attribute
from surrogate.engine_fields import algebra_to_tensor, links_to_tensor
from surrogate.errors import LayerError
from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import FieldState
from surrogate.groups import Group, as_group


class Dataset:
    """A file of `glasma dataset`.

    The file is open only while something is read: an object may be copied to other processes.

    Parameters
    ----------
    path : path of the file
    group, frame, blocking : optional
        What is expected of it, such as "SU(2)", "milne", 2.

    Attributes
    ----------
    content : Content
        What the file says of itself.
    group : Group
    frame : Frame
    blocking : int
        b
    step : float
        Δτ_c in units of the coarse spacing.

    Raises
    ------
    FileError
        If the file is missing, damaged or something else.
    LayerError
        If it is not what was expected.

    Examples
    --------
    >>> data = Dataset("runs/output/mv.h5", group="SU(2)")  # doctest: +SKIP
    >>> window = data.window("train", 0, first=0, length=9)  # doctest: +SKIP
    """

    def __init__(
        self, path: str | Path, group: Group | str | None = None, frame: str | None = None, blocking: int | None = None
    ) -> None:
        self.path = Path(path)
        self.content: Content = read_content(path)
        expected = {"group": None if group is None else str(group), "frame": frame, "blocking": blocking}
        for name, value in expected.items():
            found = getattr(self.content, name)
            if value is not None and value != found:
                raise LayerError(f"{path}: {name} is {found}, not {value}; open another file or draw one with `glasma dataset`")
        anisotropy = next(iter(self.content.splits.values())).anisotropy
        self.group, self.frame = as_group(self.content.group), Frame(self.content.frame, anisotropy)
        self.blocking, self.step = self.content.blocking, anisotropy / self.content.substeps

    @property
    def splits(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.content.splits)

    def events(self, split: str) -> int:
        """Number of events of a split."""
        return self._split(split).events

    def times(self, split: str) -> int:
        """Number of times of its events, the first of them 0."""
        return self._split(split).times

    def lattice(self, split: str) -> tuple[int, int]:
        """Coarse sites along x and y."""
        return self._split(split).lattice

    def fine_step(self, split: str) -> float:
        """The step of the fine run, units of the fine a_T."""
        return self.frame.anisotropy / self._split(split).fine_substeps

    def window(
        self, split: str, event: int, first: int = 0, length: int | None = None, dtype: torch.dtype | None = None
    ) -> Window:
        """Fields at the stored times first ≤ n < first + length, by default all from `first` on.

        Parameters
        ----------
        dtype : complex64 or complex128, optional
            By default that of the stored precision.

        Raises
        ------
        LayerError
            If the file has no such split, event or times.
        """
        self._check_event(split, event)
        times = self.times(split)
        last = times if length is None else first + length
        if not 0 <= first < last <= times:
            raise LayerError(f"times {first} to {last - 1}: the events of the split {split!r} have those from 0 to {times - 1}")
        dtype = dtype or self.dtype
        with reading_dataset(self.path) as file:
            stored = file[split][event_name(event)]
            links = stored["U"][first:last]
            scalar = stored["phi"][first:last] if "phi" in stored else None
            start = stored["longitudinal"][()] if first == 0 and "longitudinal" in stored else None
        slab = self.frame.name == "laboratory"
        U = torch.cat([links_to_tensor(time, self._engine_group) for time in links])
        phi = None if scalar is None else torch.stack([self._algebra(time) for time in scalar])
        longitudinal = None if start is None else self._algebra(start)
        return Window(
            U.to(dtype),
            None if phi is None else phi.to(dtype),
            self._split(split).first + first,
            None if longitudinal is None else longitudinal.to(dtype),
            moves(U.shape[2:-2]) if slab else None,
        )

    def energies(self, split: str, event: int, first: int = 0, length: int | None = None) -> Tensor:
        """Of the fine lattice in coarse units, half a step after each time but the last of a window, (length − 1, 4) float64.

        Row n has ½E_L², ½E_T², ½B_L², ½B_T² at τ_{first+n+½}, where the momenta are that the leapfrog takes from the fields of
        first + n to the next.
        """
        self._check_event(split, event)
        rows = self.times(split) - 1
        last = rows if length is None else first + length - 1
        if not 0 <= first <= last <= rows:
            raise LayerError(f"times {first} to {last}: the events of the split {split!r} have those from 0 to {rows}")
        with reading_dataset(self.path) as file:
            return torch.from_numpy(file[split][event_name(event)]["energies"][first:last])

    def fine_state(self, split: str, event: int, index: int) -> FieldState:
        """The whole fine state at the coarse time `index`, complex128; its number counts fine steps.

        At index = 0 the momenta are those of τ = 0+ (P_i = 0, π = E_L), else those half a fine step before.

        Raises
        ------
        LayerError
            If the file has no such split or event, or no fine state of that time.
        """
        self._check_event(split, event)
        known = self._split(split).fine
        if index not in known:
            has = ", ".join(map(str, known)) or "none"
            raise LayerError(f"fine state of time {index}: the split {split!r} has {has}; see dataset.fine_times")
        with reading_dataset(self.path) as file:
            stored = file[split][event_name(event)][f"fine/{index}"]
            links, momenta = stored["U"][()], stored["E"][()]
            scalar = stored["A"][()] if "A" in stored else None
            number = int(stored.attrs["step"])
        P = torch.stack([self._algebra(momenta[i]) for i in (0, 1)])[None]
        phi, pi = None, None
        if scalar is not None:
            phi, pi = self._algebra(scalar)[None], self._algebra(momenta[2])[None]
        return FieldState(links_to_tensor(links, self._engine_group), P, phi, pi, number)

    def engine_config(self, split: str, event: int) -> Config:
        """The run of the engine that an event is, a collision in 2+1D or 3+1D.

        Raises
        ------
        LayerError
            If the file has no such split or event, or its events are no collisions.
        """
        self._check_event(split, event)
        if self.frame.name == "static":
            raise LayerError(f"{self.path}: its events are boxes, no runs of the engine")
        with reading_dataset(self.path) as file:
            return config_from_dict(json.loads(text_attribute(file[split][event_name(event)], "config")))

    def front_view(self, split: str, event: int) -> np.ndarray:
        """T^00 at z = 0 at the end of a collision in 3+1D, (nx/b, ny/b), see `surrogate.dataset.dataset_file`."""
        self._check_event(split, event)
        with reading_dataset(self.path) as file:
            view: np.ndarray = file[split][event_name(event)]["front_view"][()]
        return view

    @property
    def _engine_group(self) -> ModuleType:
        return group_named(self.content.group)

    @property
    def dtype(self) -> torch.dtype:
        """The complex type of the stored precision."""
        return torch.complex64 if self.content.precision == "float32" else torch.complex128

    def _algebra(self, components: np.ndarray) -> Tensor:
        return algebra_to_tensor(components, self._engine_group)

    def _split(self, name: str) -> SplitContent:
        if name not in self.content.splits:
            raise LayerError(f"split {name!r}: {self.path} has {', '.join(self.splits)}")
        return self.content.splits[name]

    def _check_event(self, split: str, event: int) -> None:
        events = self.events(split)
        if not 0 <= event < events:
            raise LayerError(f"event {event}: the split {split!r} has those from 0 to {events - 1}")
