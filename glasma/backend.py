"""Where loops compile and run: Numba on the CPU, one thread pool, kernels cached on disk.

Three decorators make every compiled function of the package:

``inline``
    a scalar function of tuples and array elements (a group product, an exponential).  LLVM inlines it by
    force, which removes the tuples and lets the loop around it use vector instructions.  Numba's CUDA target
    compiles the same function for the threads of a GPU, and its simulator calls it as it stands.
``line``
    the loop over one line of the lattice, which vectorises; inlined into the kernels that use it.
``kernel``
    a loop nest over a range of the lattice.  It releases the interpreter lock, so that `Workers` runs one
    kernel on several ranges at once, and promises the compiler that its arrays do not overlap.

Array indices inside kernels are unsigned (`index`): a signed index may be negative, and the wrap-around that
NumPy's semantics then demand keeps the loop from vectorising.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite.binding as llvm
import numba
import numpy as np
from numba.core import cgutils
from numba.core.caching import FunctionCache
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, register_jitable

from glasma.io.provenance import hash_of_sources

_FAST: dict[str, Any] = {"fastmath": True, "error_model": "numpy"}

# A line of SU(3) links writes 18 separate streams; LLVM vectorises a loop only if it may check at run time, once
# per line, that they do not overlap.  Its default of 8 such checks is too few.
llvm.set_option("glasma", "-runtime-memory-check-threshold=512")
llvm.set_option("glasma", "-vectorize-memory-check-threshold=512")

#: Whether what a kernel gives at a site does not depend on where along z its loops begin and end, not even by rounding.
#: The sites that are left over when a line is cut into vectors come one by one, and would round differently; with masks they
#: are a vector too.  AVX-512 has them at no cost; elsewhere only ranks along z take them, whose copies must not drift apart.
PLACES_ROUND_ALIKE = False


def let_places_round_alike() -> None:
    """Let kernels that are compiled from now on give the same bits at a site wherever along z their loops begin and end."""
    global PLACES_ROUND_ALIKE
    if not PLACES_ROUND_ALIKE:
        llvm.set_option("glasma", "-prefer-predicate-over-epilogue=predicate-dont-vectorize")
        PLACES_ROUND_ALIKE = True


if "+avx512vl" in (getattr(numba.config, "CPU_FEATURES", None) or llvm.get_host_cpu_features().flatten()):
    let_places_round_alike()

#: The unsigned integer type of array indices in kernels.
index = np.uintp

#: Packages whose sources kernels are made of.
_WITH_KERNELS = ("group", "lattice", "nuclei", "evolution", "observables", "euclidean")

#: Whether Numba simulates a GPU (NUMBA_ENABLE_CUDASIM=1).
SIMULATES_CUDA = bool(getattr(numba.config, "ENABLE_CUDASIM", 0))


def inline(function: Callable[..., Any]) -> Any:
    """Compile a scalar function that is inlined by force."""
    if not SIMULATES_CUDA:
        return numba.njit(forceinline=True, **_FAST)(function)
    # The threads of the simulator are Python: they need the function itself, and the kernels of the CPU a compiled one.
    function.py_func = function  # type: ignore[attr-defined]
    return register_jitable(forceinline=True, **_FAST)(function)


@cache
def _source_digest() -> str:
    """Hash of every source file of the package: a cached kernel is valid for exactly this code."""
    here = Path(__file__)
    return hash_of_sources([here, *(path for path in here.parent.rglob("*.py") if path.parent.name in _WITH_KERNELS)])


class _KernelCache(FunctionCache):
    """Numba's disk cache with a key that sees the group and all sources.

    Numba keys a closure by the pickled functions that it closes over, which differ in every process, and does
    not notice an edit in another file; so its own key would never hit here, or hit what is stale.
    """

    def __init__(self, function: Callable[..., Any], tag: str) -> None:
        super().__init__(function)
        self._tag = tag

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        # `inline` is another where a GPU is simulated
        return sig, codegen.magic_tuple(), (self._tag, _source_digest(), SIMULATES_CUDA, PLACES_ROUND_ALIKE)


def _no_alias(flags: Any) -> Any:
    flags.noalias = True
    return flags


def _only_inside(flags: Any) -> Any:
    flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    return _no_alias(flags)


def line(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a loop over one line of the lattice, for use in kernels; its arrays do not overlap.

    It is inlined by force.  As a function of its own it would have two copies in the process that compiles a kernel, its own
    and the kernel's, but one where the kernel comes from the disk; the copies round differently, and results would depend on
    whether a process found its kernels compiled.
    """
    dispatcher = numba.njit(forceinline=True, **_FAST)(function)
    dispatcher._compiler._customize_flags = _only_inside
    return dispatcher


def kernel(tag: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a loop nest; `tag` names what its closure holds (the gauge group).  Kernels do not call each other."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        # Kernels of one factory differ by their closure alone.  Numba tells their machine code apart by a running number, which
        # starts anew in every process: two cached kernels may share it, and one is then called in the place of the other.
        function.__qualname__ += "".join(filter(str.isalnum, tag))
        dispatcher = numba.njit(nogil=True, **_FAST)(function)
        dispatcher._compiler._customize_flags = _no_alias
        dispatcher._cache = _KernelCache(dispatcher.py_func, tag)
        return dispatcher

    return decorate


def promised_strides(elements: dict[int, int]) -> Any:
    """A function for kernels: the same array, with the promise that neighbours along axis a are elements[a] elements apart."""

    def promise(typingctx: Any, array: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            view = cgutils.create_struct_proxy(array)(context, builder, value=arguments[0])
            strides = cgutils.unpack_tuple(builder, view.strides)
            size, integer = context.get_abi_sizeof(context.get_data_type(array.dtype)), strides[0].type
            for axis, count in elements.items():
                strides[axis] = integer(count * size)
            view.strides = cgutils.pack_array(builder, strides)
            return impl_ret_borrowed(context, builder, signature.return_type, view._getvalue())

        return array(array), lower

    return intrinsic(promise)


@inline
def _as_it_is(array: Any) -> Any:
    return array


#: The same array, with the promise that its last axis is contiguous; without it the loop over z would not vectorise.
rows = _as_it_is if SIMULATES_CUDA else promised_strides({-1: 1})

T = TypeVar("T")


class Workers:
    """A few threads that run kernels on contiguous ranges of lattice planes.

    All planes of the lattice are in this process; `glasma.domain.slab.SlabWorkers` is for one that holds a part of them, in x
    and along z, and on either side a copy of a plane of its neighbour.  Then an array with one entry a plane is that of the
    planes held, and intervals of z, whose places are counted from the first plane held, may lie outside.

    Parameters
    ----------
    threads : int
        How many ranges run at once.  Results do not depend on it: sums are taken plane by plane.
    """

    def __init__(self, threads: int = 1) -> None:
        if threads < 1:
            raise ValueError(f"threads = {threads}: at least one is needed")
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def planes_of_all(self, count: int) -> int:
        """Planes of the whole lattice, of which `count` are held here."""
        return count

    def own(self, count: int) -> range:
        """Of the `count` planes held, those that this process evolves; the others are copies."""
        return range(count)

    def ranges(self, count: int) -> list[tuple[int, int]]:
        """The own ones of `count` planes cut into one contiguous range per thread."""
        own = self.own(count)
        return [(own.start + a, own.start + b) for a, b in self._cut(len(own))]

    def _cut(self, count: int) -> list[tuple[int, int]]:
        parts = min(self.threads, count)
        return [(count * i // parts, count * (i + 1) // parts) for i in range(parts)]

    def over_planes(self, count: int, task: Callable[[int, int], T]) -> list[T]:
        """Run ``task(first, last)`` on each range of own planes; the results come in the order of the ranges."""
        return self.each(self.ranges(count), lambda bounds: task(*bounds))

    def over_some(self, count: int, task: Callable[[int, int], T]) -> list[T]:
        """Run ``task(first, last)`` on ranges of `count` planes that were chosen from the own ones."""
        return self.each(self._cut(count), lambda bounds: task(*bounds))

    def each(self, items: Sequence[Any] | Iterable[Any], task: Callable[[Any], T]) -> list[T]:
        """Run ``task(item)`` for every item, in order of the items in the result."""
        if self._pool is None:
            return [task(item) for item in items]
        return list(self._pool.map(task, items))

    def held(self, whole: np.ndarray, axis: int = 0) -> np.ndarray:
        """The planes held, of an array of all planes along an axis."""
        return whole

    def whole(self, by_plane: np.ndarray) -> np.ndarray:
        """An array of all planes, (nx, ...), from that of the planes held."""
        return by_plane

    def sum(self, by_plane: np.ndarray) -> np.ndarray:
        """The sum over all planes, taken in one order however they are held, of an array with one entry a plane held."""
        return by_plane.sum(axis=0)

    def largest(self, values: np.ndarray | float) -> np.ndarray:
        """The largest of what each process has, element by element; NaN if any is."""
        return np.asarray(values)

    def exchange(
        self, field: np.ndarray, region: Sequence[tuple[int, int]] | None = None, in_x: int | None = None
    ) -> Callable[[], None]:
        """Begin to renew the copies of the neighbours' planes of a field, over intervals of its last axis or all of it.

        What is returned waits until they are there; until then they are what they were.  `in_x` is how many directions of the
        field are wanted of the neighbours in x, if not all; of those along z the transverse ones are.
        """
        return _nothing

    def over_copies(self, count: int, task: Callable[[int, int], Any]) -> None:
        """Run ``task(first, last)`` on the copies of the neighbours' planes in x."""

    def moving(self, region: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Of the intervals of z that move, what kernels are run on here, which move the longitudinal links before it too.

        An interval z0 = z1 is that of the longitudinal links before z0 alone.
        """
        return list(region)

    def own_along_z(self, intervals: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """The parts of intervals of z that are in own planes."""
        return list(intervals)

    def copies_along_z(self, region: Sequence[tuple[int, int]]) -> list[int]:
        """The copies of the neighbours' planes along z that move."""
        return []

    def over_copies_along_z(
        self, count: int, region: Sequence[tuple[int, int]], task: Callable[[int, int, int, int], Any]
    ) -> None:
        """Run ``task(x0, x1, z, z + 1)`` on the copies of planes along z that move, for all of the `count` planes held in x."""

    def along_z(self, values: np.ndarray) -> np.ndarray:
        """An array whose last axis is all planes along z, from that of the planes held."""
        return values

    def filled(self, values: np.ndarray) -> np.ndarray:
        """An array of which the ranks along z have each written entries of their own and left zero at the others."""
        return values

    def take_over_charges(self, fields: Any) -> None:
        """Let the columns of charges that are about to cross between two ranks be on both."""


def _nothing() -> None:
    """There is no neighbour to wait for."""
