"""Energy densities of the fine lattice at mid-rapidity, from the fields of a coarse one in 3+1D.

As `surrogate.observables.energies`, with planes of a slab in place of a transverse plane:

    ½E_L²:  ½E_z²/a_z² and its transverse differences      ½E_T²:  Σ_i ½E_i² and theirs
    ½B_L²:  the terms of the planes xy                     ½B_T²:  those of the planes that hold z, pairs along x and y
"""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.actions.field_strength import FieldStrengthAction, dot
from surrogate.collisions.slab import inner
from surrogate.groups import Group, exponential
from surrogate.observables.energies import FittedEnergies, gradient_square

#: Terms of each component; the first is the plain operator.
TERMS = {
    "E_L": ("E_z", "E_z_gradient1", "E_z_gradient2"),
    "E_T": ("E_t", "E_t_along1", "E_t_across1", "E_t_along2", "E_t_across2"),
    "B_L": ("plaquette.xy", "square.xy", "adjacent.xyt", "diagonal.xy", "straight2.xyt", "straight3.xyt"),
    "B_T": ("plaquette.z", "adjacent.zt", "straight2.zt", "across1.zt", "across2.zt"),
}


class SlabEnergies(FittedEnergies):
    """Means of ½E_L², ½E_T², ½B_L², ½B_T² over the planes of a slab.

    Parameters
    ----------
    group : Group
    anisotropy : float
        a_z/a_T
    step : float
        a_t
    """

    def __init__(self, group: Group, anisotropy: float, step: float) -> None:
        super().__init__(TERMS)
        self.group, self.anisotropy, self.step = group, float(anisotropy), float(step)
        magnetic = [name for name in self.names if name in (*TERMS["B_L"], *TERMS["B_T"])]
        self._action = FieldStrengthAction(group, 3, terms=magnetic, anisotropy=anisotropy)
        self._action.requires_grad_(False)

    def forward(self, U: Tensor, E: Tensor) -> Tensor:
        """(batch, 4), units of the lattice's own a_T: 1/(g² a_T⁴)."""
        return self.of(self.invariants(U, E))

    def invariants(self, U: Tensor, E: Tensor) -> Tensor:
        """The terms, means over the slab at the time of E, (batch, terms).

        Parameters
        ----------
        U, E : (batch, 3, nx, ny, planes, N, N) complex
            Links at t and E_i = g a_i E_i at t − ½ on the stored planes, one more on each side than those that count.
        """
        U = exponential(-self.step / 2 * E, self.group) @ U
        of, planes = inner(U.shape[4]), U.shape[4] - 2
        sites = U.shape[2] * U.shape[3] * planes
        found = {name: density[..., of].flatten(1).sum(1) for name, density in self._action.densities(U).items()}
        E_t, E_z = E[:, :2, :, :, of], E[:, 2, :, :, of] / self.anisotropy
        links = U[:, :, :, :, of]
        found["E_z"] = dot(E_z, E_z).flatten(1).sum(1) / 2
        found["E_t"] = dot(E_t, E_t).flatten(1).sum(1) / 2
        for n in (1, 2):
            found[f"E_z_gradient{n}"] = torch.stack([gradient_square(links, E_z, k, n) for k in (0, 1)]).sum(0)
            for kind, same in (("along", True), ("across", False)):
                squares = [gradient_square(links, E_t[:, i], k, n) for i in (0, 1) for k in (0, 1) if (i == k) == same]
                found[f"E_t_{kind}{n}"] = torch.stack(squares).sum(0)
        return torch.stack([found[name] for name in self.names], dim=1) / sites
