"""How objects are written in real numbers, so that their products are products of real matrices.

A representation keeps the real components of W in front of the channels, (batch, *lattice, components, channels): weights
act on the last axis and links on the one before it, both as matrix products without any copy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from surrogate.errors import LayerError
from surrogate.groups import Group
from surrogate.layers.sides import Side


@dataclass(frozen=True)
class Operands:
    """What `contraction.contract` takes."""

    rows: Tensor
    mats: Tensor
    lefts: Tensor
    plan: list[int]


class Representation(ABC):
    """Real components of matrices W, on which multiplication and links act linearly."""

    @abstractmethod
    def encode(self, W: Tensor) -> Tensor:
        """(batch, channels, *lattice, N, N) complex → (batch, *lattice, components, channels) real."""

    @abstractmethod
    def adjoint(self, link: Tensor) -> Tensor:
        """W → U W U† as a matrix: links (..., N, N) complex → (..., components, components) real, orthogonal."""

    @abstractmethod
    def operands(self, W: Tensor, T: Tensor, weight: Tensor, left: Side, right: Side) -> Operands:
        """Operands of Σ_jk α_ijk A_j B_k for encoded W and T, with A and B the channels of the two sides."""

    @abstractmethod
    def decode(self, Y: Tensor, batch: int, lattice: tuple[int, ...]) -> Tensor:
        """The contraction (outputs, sites, rows, n_out) real → (batch, n_out, *lattice, N, N) complex."""


@dataclass(frozen=True)
class Matrices(Representation):
    """Any complex N × N matrix: component (part, column, row), part 0 real and 1 imaginary."""

    N: int

    def encode(self, W: Tensor) -> Tensor:
        """All 2 N² real numbers."""
        batch, channels, *lattice, N, _ = W.shape
        # conj() and mH are lazy; view_as_real needs them done.
        parts = torch.view_as_real(W.resolve_conj()).reshape(batch, channels, -1, N, N, 2)
        return parts.permute(0, 2, 5, 4, 3, 1).reshape(batch, *lattice, 2 * N * N, channels)

    def to_matrices(self, components: Tensor) -> Tensor:
        """The inverse of `encode`."""
        batch, *lattice, _, channels = components.shape
        W = components.reshape(batch, -1, 2, self.N, self.N, channels).permute(0, 5, 1, 4, 3, 2)
        return torch.view_as_complex(W.contiguous()).view(batch, channels, *lattice, self.N, self.N)

    def adjoint(self, link: Tensor) -> Tensor:
        """(U W U†)_{b'c'} = U_{b'b} W_{bc} U*_{c'c}."""
        pairs = link.conj()[..., :, None, :, None] * link[..., None, :, None, :]
        pairs = pairs.reshape(*link.shape[:-2], self.N**2, self.N**2)
        top = torch.cat([pairs.real, -pairs.imag], dim=-1)
        return torch.cat([top, torch.cat([pairs.imag, pairs.real], dim=-1)], dim=-2)

    def operands(self, W: Tensor, T: Tensor, weight: Tensor, left: Side, right: Side) -> Operands:
        """B with its parts and columns apart, and the real matrices of A and iA to multiply them with."""
        N = self.N
        B = self._extend(T, right)
        # (site, row, column, j); A multiplies the real part of X, and iA its imaginary part.
        real, imaginary = self._extend(W, left).permute(0, 2, 3, 1, 4).unbind(0)
        by_real = torch.stack([real, imaginary], dim=2)
        by_imaginary = torch.stack([-imaginary, real], dim=2)
        lefts = torch.stack([by_real, by_imaginary]).view(2, -1, 2 * N, N * left.channels)
        if weight.is_complex():
            # Both parts of B contribute to each part of X.
            rows = torch.cat([B[0], B[1]], dim=-1)
            turned = weight.permute(2, 1, 0)
            real_part, imaginary_part = [turned.real, -turned.imag], [turned.imag, turned.real]
            mats = torch.stack([torch.cat(real_part), torch.cat(imaginary_part)])
            terms = [(column, part, part, column) for part in range(2) for column in range(N)]
        else:
            rows = B.flatten(0, 1)
            mats = weight.permute(2, 1, 0).unsqueeze(0)
            terms = [(part * N + column, 0, part, column) for part in range(2) for column in range(N)]
        return Operands(rows.contiguous(), mats.contiguous(), lefts, [number for term in terms for number in term])

    def decode(self, Y: Tensor, batch: int, lattice: tuple[int, ...]) -> Tensor:
        """The output columns, with (row, part) in each."""
        N, n_out = self.N, Y.shape[-1]
        Y = Y.view(N, batch, -1, N, 2, n_out).permute(1, 5, 2, 3, 0, 4)
        return torch.view_as_complex(Y.contiguous()).view(batch, n_out, *lattice, N, N)

    def _extend(self, W: Tensor, side: Side) -> Tensor:
        """(part, column, site, row, channel) with the channels of the side."""
        N = self.N
        W = W.reshape(-1, 2, N, N, side.objects)
        channels = [W.permute(1, 2, 0, 3, 4)]
        if side.dagger:
            sign = torch.tensor([1, -1], dtype=W.dtype, device=W.device).view(2, 1, 1, 1, 1)
            channels.append(W.permute(1, 3, 0, 2, 4) * sign)
        if side.unit:
            unit = torch.zeros(2, N, 1, N, 1, dtype=W.dtype, device=W.device)
            unit[0, :, 0, :, 0] = torch.eye(N)
            channels.append(unit.expand(2, N, W.shape[0], N, 1))
        return torch.cat(channels, dim=-1)


@dataclass(frozen=True)
class Quaternions(Representation):
    """Real multiples of SU(2) matrices, q_0 + i q·σ: component (q_0, q_1, q_2, q_3).

    Closed under products, daggers, transports and real weights.  What another 2 × 2 matrix has beyond it, is dropped;
    that is equivariant too: q·σ turns as a vector.
    """

    def encode(self, W: Tensor) -> Tensor:
        """The four real numbers."""
        W = W.movedim(1, -3)
        a, b, c, d = W[..., 0, 0], W[..., 0, 1], W[..., 1, 0], W[..., 1, 1]
        q = [a.real + d.real, b.imag + c.imag, b.real - c.real, a.imag - d.imag]
        return torch.stack(q, dim=-2) / 2

    def adjoint(self, link: Tensor) -> Tensor:
        """1 on q_0 and the rotation (u_0² − u²) q + 2 u (u·q) − 2 u_0 u × q."""
        u = self.encode(link.unsqueeze(1)).squeeze(-1)
        u0, v = u[..., 0], u[..., 1:]
        zero = torch.zeros_like(u0)
        cross = torch.stack([zero, -v[..., 2], v[..., 1], v[..., 2], zero, -v[..., 0], -v[..., 1], v[..., 0], zero], dim=-1)
        cross = cross.view(*v.shape, 3)
        unit = torch.eye(3, dtype=u.dtype, device=u.device)
        diagonal = (u0.square() - v.square().sum(-1))[..., None, None] * unit
        rotation = diagonal + 2 * v[..., :, None] * v[..., None, :] - 2 * u0[..., None, None] * cross
        norm = u.square().sum(-1)[..., None, None]
        above = torch.cat([norm, torch.zeros_like(v).unsqueeze(-2)], dim=-1)
        return torch.cat([above, torch.cat([torch.zeros_like(v).unsqueeze(-1), rotation], dim=-1)], dim=-2)

    def operands(self, W: Tensor, T: Tensor, weight: Tensor, left: Side, right: Side) -> Operands:
        """The dagger turns the sign of q_1, q_2, q_3: on the right it is part of the weights."""
        T = T.reshape(-1, 4, right.objects)
        alpha = weight.permute(2, 1, 0)
        plain = alpha[: right.objects]
        turned = alpha[right.objects : 2 * right.objects] if right.dagger else torch.zeros_like(plain)
        mats = torch.stack([plain + turned, plain - turned])
        planes = T.movedim(1, 0)
        if right.unit:
            unit = torch.zeros(4, 1, 1, dtype=T.dtype, device=T.device)
            unit[0] = 1
            planes = torch.cat([planes, unit.expand(4, T.shape[0], 1)], dim=-1)
            bias = torch.stack([alpha[-1:], torch.zeros_like(alpha[-1:])])
            mats = torch.cat([mats, bias], dim=1)
        rows = planes.unsqueeze(2).contiguous()
        lefts = self._multiplication(self._extend(W, left))
        terms = [(m, min(m, 1), m, 0) for m in range(4)]
        return Operands(rows, mats.contiguous(), lefts, [number for term in terms for number in term])

    def decode(self, Y: Tensor, batch: int, lattice: tuple[int, ...]) -> Tensor:
        """q_0 + i q·σ."""
        n_out = Y.shape[-1]
        q0, q1, q2, q3 = Y.view(batch, -1, 4, n_out).permute(2, 0, 3, 1)
        W = torch.stack([q0, q3, q2, q1, -q2, q1, q0, -q3], dim=-1)
        return torch.view_as_complex(W.view(*W.shape[:-1], 4, 2)).view(batch, n_out, *lattice, 2, 2)

    @staticmethod
    def _extend(W: Tensor, side: Side) -> Tensor:
        W = W.reshape(-1, 4, side.objects)
        channels = [W]
        if side.dagger:
            channels.append(W * torch.tensor([1, -1, -1, -1], dtype=W.dtype, device=W.device).view(4, 1))
        if side.unit:
            unit = torch.tensor([1, 0, 0, 0], dtype=W.dtype, device=W.device).view(4, 1)
            channels.append(unit.expand(W.shape[0], 4, 1))
        return torch.cat(channels, dim=-1)

    @staticmethod
    def _multiplication(q: Tensor) -> Tensor:
        """(site, 4, j) → (component of p, site, component of q p, j): q p = q_0 p_0 − q·p + i (q_0 p + p_0 q − q × p)·σ."""
        a, b, c, d = q.unbind(1)
        by = [[a, b, c, d], [-b, a, -d, c], [-c, d, a, -b], [-d, -c, b, a]]
        return torch.stack([torch.stack(column, dim=1) for column in by])


def representation(group: Group, quaternions: bool, complex_weights: bool) -> Representation:
    """The one to compute with.

    Raises
    ------
    LayerError
        If quaternions are asked for in another group than SU(2), or with complex weights.
    """
    if not quaternions:
        return Matrices(group.N)
    if group.N != 2 or complex_weights:
        raise LayerError(
            f"quaternions = True: only in SU(2) with real weights, not in {group} with complex_weights = {complex_weights}"
        )
    return Quaternions()
