"""Where the tests of the GPU run: on a GPU if there is one, else in a process of their own on Numba's simulator.

    NUMBA_ENABLE_CUDASIM=1 python -m pytest tests/cuda

`test_on_the_simulator.py` starts such processes.
"""

from __future__ import annotations

from glasma.backend import SIMULATES_CUDA
from glasma.cuda.device import array_module
from glasma.errors import ConfigError


def _has_gpu() -> bool:
    try:
        return not SIMULATES_CUDA and array_module() is not None
    except ConfigError:
        return False


HAS_GPU = _has_gpu()

#: Files whose tests launch kernels.
LAUNCHING = ["test_kernels.py", "test_runs.py", "test_files.py", "test_ranks.py", "test_datasets.py"]

collect_ignore = [] if HAS_GPU or SIMULATES_CUDA else LAUNCHING
if SIMULATES_CUDA or HAS_GPU:
    collect_ignore += ["test_on_the_simulator.py"]
if not SIMULATES_CUDA:
    collect_ignore += ["test_transfers.py"]
if SIMULATES_CUDA:
    collect_ignore += ["test_ptx.py", "test_errors.py"]
