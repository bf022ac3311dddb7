"""What a coarse run of an event of a data set needs, and its error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from glasma.derived import Derived
from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid
from glasma.nuclei.preparation import make_nuclei
from glasma.nuclei.wilson_lines import CoherentNucleus
from surrogate.collisions.nuclei import coarse_grid, coarse_nuclei
from surrogate.collisions.run import run_collision
from surrogate.collisions.slab import Slab, inner
from surrogate.dataset.loader import Dataset
from surrogate.groups import algebra_part, as_group
from surrogate.lattice import planes, plaquettes


@dataclass(frozen=True)
class CoarseCollision:
    """An event of a data set of collisions, on the coarse lattice.

    Attributes
    ----------
    grid, fine : Grid
    nuclei : list of CoherentNucleus
        On the coarse lattice.
    slab : Slab
    first, last : int
        Numbers of the first and the last stored time.
    start : float
        t at the number 0, units of the coarse a_T; the nuclei meet at t = 0.
    """

    grid: Grid
    fine: Grid
    nuclei: list[CoherentNucleus]
    slab: Slab
    first: int
    last: int
    start: float

    def fields(self, scheme: Leapfrog) -> Iterator[Fields]:
        """The states of a scheme from its initial state to the last time, the same object after every step."""
        yield from run_collision(scheme, self.nuclei, self.last)


def coarse_collision(dataset: Dataset, split: str, event: int) -> CoarseCollision:
    """An event on the lattice of the surrogates."""
    derived = Derived(dataset.engine_config(split, event))
    grid = coarse_grid(derived.grid, dataset.blocking, dataset.content.substeps)
    nuclei = coarse_nuclei(make_nuclei(derived), dataset.blocking, grid.anisotropy)
    first = dataset.content.splits[split].first
    slab = Slab.at_midrapidity(derived.grid, dataset.blocking)
    last, start = first + dataset.times(split) - 1, derived.start_time / grid.spacing_fm
    return CoarseCollision(grid, derived.grid, nuclei, slab, first, last, start)


def strength_error(U: Tensor, truth: Tensor, anisotropy: float) -> float:
    """|B − B*|/|B*| at mid-rapidity, of links (1, 3, nx, ny, planes, N, N)."""
    found, true = magnetic_field(U, anisotropy), magnetic_field(truth.to(U.dtype), anisotropy)
    return float(((found - true).abs().square().sum() / true.abs().square().sum()).sqrt())


def magnetic_field(U: Tensor, anisotropy: float) -> Tensor:
    """±B_k, [U_ij]_ah/(a_i a_j), of links (1, 3, nx, ny, planes, N, N) but without their first and last plane."""
    F = algebra_part(plaquettes(U), as_group(f"SU({U.shape[-1]})"))[..., inner(U.shape[4]), :, :]
    spacings = 1.0, 1.0, anisotropy
    areas = U.real.new_tensor([spacings[i] * spacings[j] for i, j in planes(3)])
    result: Tensor = F / areas.view(-1, *[1] * (F.ndim - 2))
    return result
