"""The leapfrog on the GPU; see `glasma.evolution.leapfrog`."""

from __future__ import annotations

from collections.abc import Sequence

from glasma.cuda.device import array_module, to_device
from glasma.cuda.laboratory import OnGpu
from glasma.evolution.leapfrog import Leapfrog
from glasma.lattice.fields import Fields
from glasma.nuclei.nucleus import Nucleus


class CudaLeapfrog(OnGpu, Leapfrog):
    """The leapfrog on one grid, its fields on the GPU; parameters as for `LaboratoryScheme`.

    Raises
    ------
    ConfigError
        If there is no GPU.
    """

    def initial_state(self, nuclei: Sequence[Nucleus]) -> Fields:
        """Fields and charges of nuclei that do not touch yet, made on the host."""
        array_module()  # an error before the work
        host = Leapfrog(self.grid, self.group, self.dtype, self.workers, self.only_active)
        return to_device(host.initial_state(nuclei))
