"""What follows from the configuration of a data set: times, seeds, and what is refused before any work is done."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np

from glasma.config import Config, config_from_dict
from glasma.derived import Derived
from glasma.ensemble import event_seed
from glasma.errors import ConfigError
from glasma.lattice.grid import Grid
from glasma.sanity import check_physics
from surrogate.collisions.box import check_coarse_box
from surrogate.collisions.slab import Slab
from surrogate.dataset.config import SCHEMES, Blocks, DatasetConfig, Source, Split

#: Relative error within which a time counts as a multiple of a step.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Timing:
    """The coarse times in units of fine steps.

    Attributes
    ----------
    blocking : int
        b
    fine_per_step : int
        m, fine steps in Δτ_c.
    steps : int
        Coarse steps; fields are stored at steps + 1 times.
    fine : tuple of int
        Numbers of the coarse times at which the fine state is stored.
    first : int
        Number of the first time that is stored: 0, or of a collision in 3+1D the first at which the nuclei have left the slab.
    """

    blocking: int
    fine_per_step: int
    steps: int
    fine: tuple[int, ...] = ()
    first: int = 0


@dataclass(frozen=True)
class SplitPlan:
    """One split.

    Attributes
    ----------
    split : Split
    source : Source
        With what the split replaces.
    blocks : Blocks
    """

    split: Split
    source: Source
    blocks: Blocks

    @cached_property
    def seeds(self) -> list[int]:
        """Of the events."""
        return [event_seed(self.split.seed, number) for number in range(self.split.events)]

    @cached_property
    def grid(self) -> Grid:
        """Of the fine lattice; its a_t is the fine step."""
        if self.source.kind == "collision":
            return Derived(self.engine_config(0)).grid
        n, length = self.source.lattice.transverse_cells, self.source.lattice.transverse_length
        return Grid((n, n, 1), length / n, 1.0, self.source.evolution.substeps or 8)

    @property
    def start_time(self) -> float:
        """t at the number 0 of a collision in 3+1D, fm; the nuclei meet at t = 0."""
        return Derived(self.engine_config(0)).start_time

    @cached_property
    def timing(self) -> Timing:
        """The coarse times.

        Raises
        ------
        ConfigError
            If a coarse step is no whole number of fine ones, or the lattice no whole number of blocks.
        """
        b, n, fine = self.blocks.blocking, self.blocks.substeps, self.grid.substeps
        lattice = self.source.lattice
        for name, cells in (("transverse_cells", lattice.transverse_cells), ("longitudinal_cells", lattice.longitudinal_cells)):
            if cells is not None and cells % b:
                raise ConfigError(f"source.lattice.{name} = {cells}: must be a multiple of dataset.blocking = {b}")
        if b * fine % n:
            fitting = next(s for s in range(fine + 1, fine + n + 1) if b * s % n == 0)
            spacing = "a_z" if self.source.kind == "collision" else "a_T"
            raise ConfigError(
                f"dataset.substeps = {n}: Δτ_c = {b} {spacing}/{n} is no whole number of fine steps {spacing}/{fine}; set "
                f"source.evolution.substeps = {fitting}, or another dataset.substeps"
            )
        step = b * self.grid.a_z * self.grid.spacing_fm / n
        if self.source.kind == "collision":
            return self._after_collision(b * fine // n, step)
        steps = round(self.blocks.end / step)
        if steps < 2:
            raise ConfigError(
                f"dataset.end = {self.blocks.end:g} fm: holds fewer than two steps of Δτ_c = {step:.4g} fm; use at least "
                f"{2 * step:.4g} fm"
            )
        numbers = {self._number(time, step, steps) for time in self.blocks.fine_times}
        return Timing(b, b * fine // n, steps, tuple(sorted(numbers)))

    def _after_collision(self, fine_per_step: int, step: float) -> Timing:
        """From when the nuclei have left the slab to the end."""
        blocks = self.blocks
        if blocks.fine_times:
            raise ConfigError('dataset.fine_times: has no meaning with source.kind = "collision"; remove it')
        derived = Derived(self.engine_config(0))
        slab = Slab.at_midrapidity(self.grid, blocks.blocking)
        begins = derived.half_length + slab.reach_fm(self.grid) + 2 * blocks.blocking * derived.a_z_fm
        first = ceil((begins - derived.start_time) / step)
        steps = round((blocks.end - derived.start_time) / step) - first
        if steps < 2:
            raise ConfigError(
                f"dataset.end = {blocks.end:g} fm: the nuclei leave the planes around z = 0 at {begins:.4g} fm; use at least "
                f"{begins + 3 * step:.4g} fm"
            )
        end = derived.start_time + (first + steps) * step
        check_coarse_box(derived, blocks.blocking, blocks.substeps, end, "source.", "dataset.end")
        return Timing(blocks.blocking, fine_per_step, steps, first=first)

    @staticmethod
    def _number(time: float, step: float, steps: int) -> int:
        number = min(max(round(time / step), 0), steps)
        if abs(time - number * step) > _ROUNDING * max(time, step):
            raise ConfigError(
                f"dataset.fine_times = {time:g} fm: is no time of the coarse lattice, multiples of Δτ_c = {step:.6g} fm up to "
                f"{steps * step:.6g} fm; the nearest is {number * step:.6g} fm"
            )
        return number

    def engine_config(self, seed: int) -> Config:
        """The run of the engine that an event is, apart from its files (not of a box)."""
        assert self.source.nuclei is not None
        sections = self.source.model_dump(mode="json", exclude_none=True)
        return config_from_dict(
            {
                "run": {
                    "name": self.blocks.name,
                    "seed": seed,
                    "threads": 1,
                    "precision": self.source.precision,
                    "backend": self.source.backend,
                },
                **{name: sections[name] for name in ("lattice", "nuclei", "evolution")},
                "observables": {"interval": sections["evolution"]["end_time"]},
            }
        )

    def check(self) -> None:
        """Refuse what cannot be drawn.

        Raises
        ------
        ConfigError
        FileError
            If the nuclei come from a file that cannot be used.
        """
        source, name = self.source, self.split.name
        scheme = SCHEMES[source.kind]
        if source.evolution.scheme != scheme:
            raise ConfigError(
                f'source.evolution.scheme = "{source.evolution.scheme}": must be "{scheme}" with source.kind = "{source.kind}"'
            )
        needed, other = ("fields", "nuclei") if source.kind == "box" else ("nuclei", "fields")
        if getattr(source, needed) is None:
            raise ConfigError(f'source.{needed}: is missing; source.kind = "{source.kind}" needs the section [source.{needed}]')
        if getattr(source, other) is not None:
            raise ConfigError(f'source.{other}: has no meaning with source.kind = "{source.kind}"; remove it')
        if source.kind == "box" and source.backend != "cpu":
            raise ConfigError(f'source.backend = "{source.backend}": a box is drawn on the CPU; remove it')
        if source.kind == "collision":
            self._check_collision()
        elif self.grid.substeps < 2:
            raise ConfigError("source.evolution.substeps = 1: Δτ = a_T is beyond the bound a_T/√2 of stability; use at least 2")
        if source.nuclei is not None:
            if source.nuclei.source == "file":
                raise ConfigError('source.nuclei.source = "file": has no randomness, all events would be the same; use "mv"')
            try:
                check_physics(self.engine_config(self.seeds[0]))
            except ConfigError as error:
                raise ConfigError(f"source.{error} (in the split {name!r})") from None
        _ = self.timing

    def _check_collision(self) -> None:
        """Coherent nuclei, two of them, in a box along z."""
        lattice, nuclei = self.source.lattice, self.source.nuclei
        assert nuclei is not None
        for name in ("longitudinal_cells", "longitudinal_length"):
            if getattr(lattice, name) is None:
                raise ConfigError(f'source.lattice.{name}: is missing; source.kind = "collision" needs it')
        if nuclei.system != "collision":
            raise ConfigError(f'source.nuclei.system = "{nuclei.system}": must be "collision"')
        if nuclei.sheets > 1 or nuclei.correlation_length is not None:
            name = "sheets" if nuclei.sheets > 1 else "correlation_length"
            raise ConfigError(
                f"source.nuclei.{name} = {getattr(nuclei, name):g}: collisions on a coarse lattice have coherent nuclei; "
                "remove it"
            )

    @property
    def physics(self) -> str:
        """All that the fields of an event follow from, but its seed."""
        source = self.source.model_dump_json(exclude={"evolution": {"end_time"}, "backend": True})
        return f"{source} {self.blocks.blocking}"


@dataclass(frozen=True)
class EventPlan:
    """One event."""

    plan: SplitPlan
    number: int

    @property
    def seed(self) -> int:
        """Of its random numbers."""
        return self.plan.seeds[self.number]

    @property
    def derived(self) -> Derived:
        """The engine run that it is."""
        return Derived(self.plan.engine_config(self.seed))

    @property
    def path(self) -> str:
        """Where it is in the file."""
        return f"{self.plan.split.name}/{self.number:04d}"

    def __str__(self) -> str:
        return f"event {self.path} (seed {self.seed})"


def make_plan(config: DatasetConfig) -> list[SplitPlan]:
    """The splits of a data set, checked.

    Raises
    ------
    ConfigError
        With one line; among others if two splits share an event.
    FileError
        If nuclei come from a file that cannot be used.
    """
    plans = [SplitPlan(split, config.source_of(split), config.dataset) for split in config.split]
    for plan in plans[1:]:
        if plan.source.kind != plans[0].source.kind:
            raise ConfigError(f'split "{plan.split.name}": kind = "{plan.source.kind}": must be the same in all splits')
    for plan in plans:
        plan.check()
    group = plans[0].source.lattice.group
    for plan in plans[1:]:
        if plan.source.lattice.group != group:
            raise ConfigError(
                f'split "{plan.split.name}": lattice.group = "{plan.source.lattice.group}": must be {group} in all splits'
            )
        if abs(plan.grid.anisotropy - plans[0].grid.anisotropy) > 1e-9:
            raise ConfigError(
                f'split "{plan.split.name}": a_z/a_T = {plan.grid.anisotropy:.6g}: must be {plans[0].grid.anisotropy:.6g} '
                "in all splits"
            )
    _check_disjoint(plans)
    return plans


def _check_disjoint(plans: list[SplitPlan]) -> None:
    """No two splits have the same name, or an event in common; the random numbers of training are in no other split at all.

    Elsewhere a seed may come back with other physics: the same charges in a stronger collision, say, for comparison.
    """
    for number, plan in enumerate(plans):
        for earlier in plans[:number]:
            name, other = plan.split.name, earlier.split.name
            if name == other:
                raise ConfigError(f'split.name = "{name}": there are two of that name; rename one')
            shared = np.intersect1d(plan.seeds, earlier.seeds).size
            if shared and (plan.physics == earlier.physics or "train" in (name, other)):
                raise ConfigError(
                    f'split "{name}": seed = {plan.split.seed}: {shared} of its events have the random numbers of "{other}"; '
                    "give it another seed"
                )
