"""Steps on the GPUs of the ranks that run this: `mpirun -n N python -m tests.cuda.on_ranks OUT.npz PZ MEMORY CASE ...`.

PZ of the N ranks share the planes along z; MEMORY is `strict` for arrays that refuse what CuPy's refuse, else `plain`.
What every case gives at the end, put together from all ranks, goes into OUT.npz; `evolved` gives the same of one process, on
its GPU or on the CPU.  The CPU takes all to the step where the GPU begins.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.cuda.boost_invariant import CudaBoostInvariant
from glasma.cuda.device import to_device, to_host
from glasma.cuda.leapfrog import CudaLeapfrog
from glasma.cuda.messages import messages_of_run
from glasma.cuda.semi_implicit import CudaSemiImplicit
from glasma.domain.ranks import Ranks, world
from glasma.domain.slab import Slab
from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.leapfrog import Leapfrog
from glasma.evolution.semi_implicit import SemiImplicit
from glasma.group import group_named
from glasma.lattice.charges import Charges
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from glasma.lattice.storage import on_host
from tests.cuda.strict_arrays import planes, take_place_of_cupy, transfers
from tests.states import colliding_nuclei

SCHEMES = {
    "leapfrog": (Leapfrog, CudaLeapfrog),
    "semi_implicit": (SemiImplicit, CudaSemiImplicit),
    "boost_invariant": (BoostInvariant, CudaBoostInvariant),
}


@dataclass(frozen=True)
class Case:
    """A run whose steps from `first` to `last` are those of the GPU; the nuclei have met at both."""

    scheme: str
    group: str
    grid: Grid
    first: int
    last: int
    width: float = 1.0


_NARROW, _THIN, _LONG, _PLANE = (4, 3, 24), (4, 2, 24), (4, 4, 60), (5, 4, 1)


def _case(scheme: str, group: str, shape: tuple[int, int, int], first: int, last: int, width: float = 1.0) -> Case:
    grid = Grid(shape, substeps=4) if shape[2] == 1 else Grid(shape, anisotropy=0.25, substeps=2)
    return Case(scheme, group, grid, first, last, width)


CASES = {
    "leapfrog": _case("leapfrog", "SU(2)", _THIN, 8, 10, 0.6),
    "leapfrog SU(3)": _case("leapfrog", "SU(3)", _THIN, 8, 9, 0.6),
    "leapfrog two rows": _case("leapfrog", "SU(3), two rows", _THIN, 8, 9, 0.6),
    "semi_implicit": _case("semi_implicit", "SU(2)", _THIN, 8, 9, 0.6),
    "boost_invariant": _case("boost_invariant", "SU(2)", _PLANE, 0, 8),
    "boost_invariant SU(3)": _case("boost_invariant", "SU(3)", _PLANE, 0, 2),
}

#: Whole collisions, which take minutes on the simulator.
LONG_CASES = {
    "collision": _case("leapfrog", "SU(2)", _LONG, 0, 50),
    "collision SU(3)": _case("leapfrog", "SU(3)", _LONG, 10, 20),
    "collision two rows": _case("leapfrog", "SU(3), two rows", _LONG, 10, 16),
    "collision semi_implicit": _case("semi_implicit", "SU(2)", _NARROW, 5, 11, 0.6),
    "collision semi_implicit SU(3)": _case("semi_implicit", "SU(3)", _THIN, 9, 11, 0.6),
    "collision boost_invariant": _case("boost_invariant", "SU(2)", _PLANE, 0, 50),
}


def part(fields: Any, slab: Slab) -> Any:
    """The planes of a rank."""
    along_z = slab.planes_along_z if slab.parts[1] > 1 else slice(None)
    U, E = (array.take(slab.planes, axis=slab.axis)[..., along_z] for array in (fields.U, fields.E))
    if isinstance(fields, MilneFields):
        return replace(fields, grid=slab.grid, U=U, E=E, A=fields.A.take(slab.planes, axis=slab.axis))
    before, charges = slab.grid.first_plane, []
    for c in fields.charges:
        q = c.q.take(slab.planes, axis=2)
        for slot in range(c.slots):
            cells = np.arange(c.cells) + c.first_cell(slot)
            # What other ranks along z hold is nothing to this one until they hand it over.
            own = slice(along_z.start + slab.below, along_z.stop - slab.above) if slab.parts[1] > 1 else slice(0, 2**30)
            q[slot][..., (cells < own.start) | (cells >= own.stop)] = np.nan
        charges.append(Charges(q, c.first - before, c.direction, c.moves))
    region = [(z0 - before, z1 - before) for z0, z1 in fields.region]
    return replace(fields, grid=slab.grid, U=U, E=E, charges=tuple(charges), region=region)


def evolved(case: Case, ranks: Ranks, on_gpu: bool = True, traffic: list[int] | None = None) -> dict[str, np.ndarray]:
    """Fields, charges, T^{μν} and measurements of a case after its last step, of all planes.

    `traffic` gains the largest transfer to the host in the steps, and the bytes of planes that were copied there and sent.
    """
    group, (of_host, of_gpu) = group_named(case.group), SCHEMES[case.scheme]
    # The solution of an implicit step is the same to rounding only if its residual is.
    options = {"tolerance": 1e-13} if case.scheme == "semi_implicit" else {}
    scheme: Any = of_host(case.grid, group, **options)
    fields = scheme.initial_state(colliding_nuclei(case.grid, group, width=case.width))
    for _ in range(case.first):
        scheme.step(fields)
    workers, grid, slab = Workers(), case.grid, None
    if ranks.size > 1:
        slab = Slab(case.grid, ranks)
        workers, grid, fields = slab.workers(1, messages_of_run()), slab.grid, part(fields, slab)
    if on_gpu:
        scheme, fields = of_gpu(grid, group, workers=workers, **options), to_device(fields)
    transfers.clear()
    for _ in range(case.first, case.last):
        scheme.step(fields)
    if traffic is not None:
        sent = workers.halo.bytes_sent + workers.halo_along_z.bytes_sent
        traffic += [max(transfers, default=0), sum(planes), sent]
    gauss, seen = scheme.gauss_residual(fields), scheme.measure(fields)
    numbers = [gauss.scale, scheme.energy(fields), fields.work, scheme.iterations]
    views = seen.components, seen.tensor, seen.side_view, seen.front_view
    small = [gauss.max_rel, gauss.rms_rel, scheme.unitarity_violation(fields)]
    inner = slab.inner if slab else slice(0, grid.shape[0])
    tensor = np.zeros((len(seen.tensor), *grid.shape))
    tensor[:, inner] = scheme.stress_tensor(fields, inner.start, inner.stop)
    columns = []
    for charges in getattr(fields, "charges", ()):
        cells = [charges.first_cell(slot) for slot in range(charges.slots)]
        columns.append(slab.columns_of_all(charges.q, cells) if slab else charges.q)
    fields = to_host(fields) if on_gpu else fields
    axis = 3 if isinstance(fields, MilneFields) else 2
    arrays = {"U": (fields.U, axis), "E": (fields.E, axis)}
    if isinstance(fields, MilneFields):
        arrays["A"] = fields.A, axis
    arrays["T"] = tensor, 1
    whole = {name: workers.along_z(workers.whole(np.moveaxis(array, x, 0))) for name, (array, x) in arrays.items()}
    for number, q in enumerate(columns):
        whole[f"q{number}"] = workers.whole(np.moveaxis(on_host(q), 2, 0))
    region = np.array(getattr(fields, "region", [])) + grid.first_plane
    seen_by_all = np.concatenate([numbers, *(view.ravel() for view in views)])
    return {**whole, "region": region, "small": np.array(small), "seen": seen_by_all}


def main() -> None:
    """Evolve some cases."""
    out, along_z, memory, *names = sys.argv[1:]
    ranks, found = world(), {}
    ranks.along_z = int(along_z)
    if memory == "strict":
        take_place_of_cupy(pytest.MonkeyPatch())
    for name in names:
        case, traffic = (CASES | LONG_CASES)[name], list[int]()
        found |= {f"{name}/{key}": array for key, array in evolved(case, ranks, traffic=traffic).items()}
        found[f"{name}/traffic"] = np.array(ranks.of_each(traffic))
    if ranks.is_first:
        np.savez(out, **found)


if __name__ == "__main__":
    main()
