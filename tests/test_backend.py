"""Kernels on disk: each process gets those of its own group."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: Divergence and energy of a state of some groups, from kernels that are compiled or loaded from disk, to the last bit.
DIVERGENCES = """
import sys
import numpy as np
from glasma.backend import Workers
from glasma.group import group_named
from glasma.lattice.energy import field_energy
from glasma.lattice.fields import vacuum
from glasma.lattice.gauge import covariant_divergence
from glasma.lattice.grid import Grid
for name in sys.argv[1:]:
    fields = vacuum(Grid((4, 4, 16)), group_named(name))
    fields.E[:] = np.arange(16.0)
    rough = vacuum(fields.grid, fields.group)
    rough.E[:] = np.random.default_rng(1).standard_normal(rough.E.shape)
    bits = float(np.sum(covariant_divergence(rough, 1, 2, 14))).hex(), field_energy(rough, Workers(), [(3, 13)]).hex()
    print(name, np.unique(covariant_divergence(fields, 1, 2, 14)[..., 2:14].round(12)), *bits)
"""


def test_kernels_of_two_groups_cached_by_two_processes_do_not_mix(tmp_path: Path) -> None:
    """Both processes number their kernels alike; a third one that loads both must not confuse them, nor round differently."""

    def process(*groups: str) -> list[str]:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        command = [sys.executable, "-c", DIVERGENCES, *groups]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()

    [small], [large] = process("SU(2)"), process("SU(3)")
    assert small.startswith("SU(2) [1.]")
    assert large.startswith("SU(3) [1.]")
    assert process("SU(2)", "SU(3)") == [small, large]
    assert process("SU(3)", "SU(2)") == [large, small]
