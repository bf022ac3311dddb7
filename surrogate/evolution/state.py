"""The fields of one time level: their gauge transformation, Gauss constraint, batches, and the check of their shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from surrogate.errors import LayerError
from surrogate.evolution.frames import Frame
from surrogate.groups import GROUPS, Group, as_group
from surrogate.lattice import check_links, shift, transform_links, transform_objects


@dataclass(frozen=True, eq=False)
class FieldState:
    """Fields of one time level.

    Attributes
    ----------
    U : (batch, D, *lattice, N, N) complex
        Links at t = number · Δt.
    P : (batch, D, *lattice, N, N) complex
        Momenta at t − Δt/2, Hermitian and traceless.
    phi, pi : (batch, *lattice, N, N) complex or None
        Adjoint scalar at t and its momentum at t − Δt/2.
    number : int
        The time level.
    """

    U: Tensor
    P: Tensor
    phi: Tensor | None = None
    pi: Tensor | None = None
    number: int = 0

    @property
    def dimensions(self) -> int:
        """D."""
        return self.U.shape[1]

    @property
    def group(self) -> Group:
        """The group, by the size of its matrices."""
        N = self.U.shape[-1]
        for group in GROUPS.values():
            if group.N == N:
                return group
        raise LayerError(f"links are {N} × {N} matrices: {', '.join(GROUPS)} have 1 × 1 to 3 × 3")

    @property
    def lattice(self) -> tuple[int, ...]:
        """Sites along each axis."""
        return tuple(self.U.shape[2:-2])

    def __len__(self) -> int:
        """Configurations in the batch."""
        return self.U.shape[0]

    def __getitem__(self, index: int | slice | Sequence[int] | Tensor) -> FieldState:
        """Some configurations of the batch; a single one is a batch of one."""
        if isinstance(index, int):
            if not -len(self) <= index < len(self):
                raise IndexError(f"index = {index}: the batch has {len(self)} configurations")
            index = slice(index, index + 1 or None)
        return self.each(lambda field: field[index])

    def each(self, change: Callable[[Tensor], Tensor]) -> FieldState:
        """The state with `change` done to each of its tensors, batch first."""
        phi, pi = (None if field is None else change(field) for field in (self.phi, self.pi))
        return FieldState(change(self.U), change(self.P), phi, pi, self.number)

    def to(self, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> FieldState:
        """The state in another precision, or on another device."""
        return self.each(lambda field: field.to(dtype=dtype or field.dtype, device=device))

    def transformed(self, Omega: Tensor) -> FieldState:
        """The same state in another gauge: U → Ω_x U Ω†_{x+i}, and X → Ω_x X Ω†_x for P, φ, π.

        Parameters
        ----------
        Omega : (batch, *lattice, N, N) complex
            Group elements.
        """
        phi, pi = (None if X is None else Omega @ X @ Omega.mH for X in (self.phi, self.pi))
        return replace(self, U=transform_links(self.U, Omega), P=transform_objects(self.P, Omega), phi=phi, pi=pi)

    def gauss(self, frame: Frame) -> Tensor:
        """Σ_i (P_i − U†_i P_i U_i |_{x−i})/a_i² − φ × π with f × g = −i [f, g]: the charge density ρ, (batch, *lattice, N, N).

        The momenta are those of t − ½, links and scalar those of t; the drift from t − ½ to t conserves both products.
        """
        D = self.dimensions
        behind = (shift(self.U[:, i].mH @ self.P[:, i] @ self.U[:, i], i, -1, D) for i in range(D))
        terms = [(self.P[:, i] - X) / a2 for i, (X, a2) in enumerate(zip(behind, frame.squared_spacings(), strict=True))]
        if self.phi is not None and self.pi is not None:
            terms.append(1j * (self.phi @ self.pi - self.pi @ self.phi))
        return torch.stack(terms).sum(0)

    def check(self, group: Group | str, frame: Frame) -> None:
        """Refuse fields that do not fit each other, the group or the frame.

        Raises
        ------
        LayerError
        """
        group = as_group(group)
        check_links(self.U, group, frame.dimensions)
        site = (self.U.shape[0], *self.U.shape[2:])
        expected = {"P": tuple(self.U.shape), "phi": site, "pi": site}
        for name, shape in expected.items():
            field = getattr(self, name)
            if name != "P" and (field is None) == frame.has_scalar:
                needs = f"needs {shape} beside these links" if frame.has_scalar else "has none: give None"
                found = "None" if field is None else f"a field of shape {tuple(field.shape)}"
                raise LayerError(f"{name} = {found}: the {frame.name} frame {needs}")
            if field is not None and tuple(field.shape) != shape:
                raise LayerError(f"{name} of shape {tuple(field.shape)}: needs {shape} beside links of {tuple(self.U.shape)}")
            if field is not None and field.dtype != self.U.dtype:
                raise LayerError(f"{name} is {field.dtype} and links U are {self.U.dtype}: convert the state with .to()")


def joined(states: Sequence[FieldState]) -> FieldState:
    """One batch of several, all of the same lattice, frame and time level.

    Raises
    ------
    LayerError
        If there are none, or they are not alike.
    """
    if not states:
        raise LayerError("states = []: at least one is needed to make a batch")
    first = states[0]
    for state in states[1:]:
        found, expected = ((s.number, s.lattice, s.phi is None, s.U.dtype) for s in (state, first))
        if found != expected:
            raise LayerError(
                f"states differ: (number, lattice, no scalar, dtype) is {found} in one and {expected} in the first"
            )

    def field(name: str) -> Tensor:
        return torch.cat([getattr(state, name) for state in states])

    phi, pi = (field("phi"), field("pi")) if first.phi is not None else (None, None)
    return FieldState(field("U"), field("P"), phi, pi, first.number)
