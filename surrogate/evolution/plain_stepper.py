"""The rival of learned actions: a U-Net that is told the numbers in the fields and says what Wilson's forces miss.

    surrogate.evolution.plain_stepper:PlainStepper

is its Python path.  It is made as such networks are: nothing ties it to the gauge symmetry, neither to the Gauss constraint.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from surrogate.actions.field_strength import FieldStrengthAction
from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import FieldState, Leapfrog
from surrogate.groups import algebra_part, as_group
from surrogate.plain_networks import UNet


class PlainStepper(UNet):
    """A step of the leapfrog with Wilson's action and forces of a U-Net in addition, which are zero to begin with.

    Parameters
    ----------
    group, frame, step
        Of the data set.
    width, deep : int
        Channels at full and at half resolution.

    Notes
    -----
    It sees real and imaginary parts of U − 1, P, φ and π, each field over its root mean square, and gives −∇V of the links and
    of φ in units of the root mean square of U − 1 and of φ.
    """

    def __init__(self, group: str, frame: str, step: float, width: int = 16, deep: int = 24) -> None:
        N = as_group(group).N
        # Six matrices (U and P of two directions, φ, π) and three forces of 2 N² real numbers each.
        super().__init__(12 * N**2, 6 * N**2, width, deep)
        self._group, self._frame, self._step = as_group(group), Frame(frame), step
        torch.nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        torch.nn.init.zeros_(self.head.bias)

    def forward(self, U: Tensor, P: Tensor, phi: Tensor, pi: Tensor, tau: float) -> tuple[Tensor, ...]:
        """The fields one step later, see `surrogate.evolution.own`."""
        wilson = FieldStrengthAction.wilson(self._group)
        leapfrog = Leapfrog(wilson, self._group, self._frame, self._step)
        state = leapfrog.kick(FieldState(U, P, phi, pi, round(tau / self._step)))
        forces = self._forces(U, P, phi, pi)
        assert state.pi is not None
        # With the factors of the frame, as the forces of a potential.
        metric = self._frame.metric(tau)
        more_P, more_pi = (self._step * metric) * forces[:, :2], (self._step / metric) * forces[:, 2]
        new = replace(state, P=state.P + more_P, pi=state.pi + more_pi)
        new = leapfrog.drift(new)
        assert new.phi is not None
        assert new.pi is not None
        return new.U, new.P, new.phi, new.pi

    def _forces(self, U: Tensor, P: Tensor, phi: Tensor, pi: Tensor) -> Tensor:
        """Hermitian, traceless, (batch, 3, nx, ny, N, N): of the two links and of φ."""
        A = U - torch.eye(U.shape[-1], dtype=U.dtype, device=U.device)
        sizes = [_size(X) for X in (A, P, phi[:, None], pi[:, None])]
        fields = [X / size for X, size in zip((A, P, phi[:, None], pi[:, None]), sizes, strict=True)]
        matrices = torch.cat(fields, dim=1)
        seen = torch.view_as_real(matrices.movedim((2, 3), (-2, -1)).contiguous()).movedim(-1, 4).flatten(1, 4)
        N = U.shape[-1]
        parts = self.maps(seen).unflatten(1, (3, N, N, 2))
        found = torch.view_as_complex(parts.movedim((-2, -1), (2, 3)).contiguous())
        units = torch.cat([sizes[0], sizes[0], sizes[2]], dim=1)
        return units * algebra_part(1j * found, self._group)


def _size(X: Tensor) -> Tensor:
    """Root mean square of each configuration, (batch, 1, …); one where a field vanishes."""
    size = X.abs().square().flatten(1).mean(1).sqrt()
    return torch.where(size > 0, size, 1.0).view(-1, *[1] * (X.ndim - 1))
