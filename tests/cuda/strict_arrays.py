"""Arrays as strict as CuPy's, in the memory of the host: for tests of what the simulator alone lets pass.

The simulator works on NumPy arrays, so that code which mixes the memories of host and GPU runs there and fails on a GPU.  These
arrays refuse what CuPy's refuse: no conversion to NumPy but by `get`, no arithmetic and no assignment that mixes the two.
"""

from __future__ import annotations

import ctypes
import operator
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import glasma.cuda.device
import glasma.cuda.messages

#: Bytes that each `get` has copied to the host, and each scalar that was asked for.
transfers: list[int] = []

#: Bytes that each message copied to the host has.
planes: list[int] = []


class ndarray:
    """An array of the pretended GPU."""

    __slots__ = ("_values",)

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def get(self) -> np.ndarray:
        """A copy for the host."""
        transfers.append(self._values.nbytes)
        return self._values.copy()

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return apply(getattr(ufunc, method), *inputs, **options)

    def __array_function__(self, function: Callable[..., Any], types: Any, arguments: Any, options: Any) -> Any:
        return apply(function, *arguments, **options)

    def __getattr__(self, name: str) -> Any:
        if name in ("shape", "strides", "dtype", "ndim", "size", "nbytes", "itemsize", "flags"):
            return getattr(self._values, name)
        if name in ("reshape", "astype", "sum", "max", "min", "copy", "fill", "ravel", "transpose", "view"):
            return lambda *arguments, **options: apply(getattr(self._values, name), *arguments, **options)
        raise AttributeError(name)

    @property
    def data(self) -> Any:
        """Where it lies."""
        return SimpleNamespace(ptr=self._values.ctypes.data)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """What mpi4py takes, to give MPI the memory itself."""
        address = self._values.ctypes.data, False
        return {"shape": self.shape, "typestr": self.dtype.str, "data": address, "version": 3}

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, key: Any) -> ndarray:
        found = self._values[key]
        return ndarray(found if isinstance(found, np.ndarray) else np.asarray(found))

    def __setitem__(self, key: Any, value: Any) -> None:
        self._values[key] = here(value)

    def _scalar(self) -> Any:
        transfers.append(self._values.nbytes)
        return self._values.item()

    def __float__(self) -> float:
        return float(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def __bool__(self) -> bool:
        return bool(self._scalar())


def _forward(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda one, other: apply(function, one, other)


for _name in ("add", "sub", "mul", "truediv", "lt", "le", "gt", "ge", "eq", "ne"):
    _function = getattr(operator, f"__{_name}__")
    setattr(ndarray, f"__{_name}__", _forward(_function))
    if _name in ("add", "sub", "mul", "truediv"):
        setattr(ndarray, f"__r{_name}__", lambda self, other, f=_function: apply(f, other, self))


def here(value: Any) -> Any:
    """The values of an array of the pretended GPU, or of several; a scalar as it is."""
    if isinstance(value, tuple | list):
        return type(value)(map(here, value))
    if isinstance(value, ndarray):
        return value._values
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    return value


def apply(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What NumPy's function gives, on the pretended GPU; scalars are arrays without axes, as CuPy's are."""
    found = function(*map(here, arguments), **{name: here(value) for name, value in options.items()})
    return ndarray(np.asarray(found)) if isinstance(found, np.ndarray | np.generic) else found


class Stream:
    """A stream that does at once what it is told; `tests/cuda/test_messages.py` has one that does it late."""

    ptr = 0

    def __init__(self, non_blocking: bool = False) -> None:
        """As CuPy's."""

    def record(self) -> None:
        """An event."""

    def wait_event(self, event: None) -> None:
        """It is over."""

    def synchronize(self) -> None:
        """All is done."""


def _copy(target: int, source: int, count: int, kind: int, stream: int) -> None:
    ctypes.memmove(target, source, count)
    if kind == _TO_HOST:
        planes.append(count)


_TO_HOST, _TO_DEVICE = 2, 1

_CUDA = SimpleNamespace(
    runtime=SimpleNamespace(
        memGetInfo=lambda: (2**40, 2**40),
        getDevice=lambda: 0,
        memcpyAsync=_copy,
        memcpyDeviceToHost=_TO_HOST,
        memcpyHostToDevice=_TO_DEVICE,
    ),
    Stream=Stream,
    get_current_stream=Stream,
    alloc_pinned_memory=bytearray,
)


def pretended_cupy() -> ModuleType:
    """A module in the place of CuPy.  `asked` are the names that were taken from it."""
    module = ModuleType("pretended_cupy")
    module.asked = set()  # type: ignore[attr-defined]

    def take(name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        module.asked.add(name)  # type: ignore[attr-defined]
        if name == "ndarray":
            return ndarray
        if name == "cuda":
            return _CUDA
        if name == "get_default_memory_pool":
            return lambda: SimpleNamespace(free_bytes=lambda: 0)
        if name in ("asarray", "array"):
            return lambda values, *rest, **options: ndarray(
                getattr(np, name)(values._values if isinstance(values, ndarray) else values, *rest, **options)
            )
        return lambda *arguments, **options: apply(getattr(np, name), *arguments, **options)

    module.__getattr__ = take  # type: ignore[method-assign]
    return module


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The engine's GPU on these arrays; what was transferred is in `transfers` and `planes`."""
    return take_place_of_cupy(monkeypatch)


def take_place_of_cupy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Let the engine take these arrays for those of its GPU."""
    module = pretended_cupy()
    argument = glasma.cuda.device._argument
    for name, found in list(sys.modules.items()):
        if name.startswith("glasma.cuda.") and hasattr(found, "array_module"):
            monkeypatch.setattr(found, "array_module", lambda: module)
    monkeypatch.setattr(glasma.cuda.device, "_argument", lambda value: argument(_for_kernel(value)))
    monkeypatch.setattr(ndarray, "__module__", module.__name__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    # Messages go as from a GPU, of which MPI says nothing.
    monkeypatch.setattr(glasma.cuda.messages, "SIMULATES_CUDA", False)
    monkeypatch.setattr(glasma.cuda.messages, "mpi_takes_gpu_memory", lambda: None)
    transfers.clear()
    planes.clear()
    return module


def _for_kernel(value: Any) -> Any:
    """An argument of a kernel; an array of the host would be copied to the GPU and back at every launch."""
    if isinstance(value, np.ndarray):
        raise TypeError("an array of the host is given to a kernel")
    return here(value)
