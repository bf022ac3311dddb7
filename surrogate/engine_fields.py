"""Fields of the engine as tensors, and back.

The engine keeps real components in front of the lattice (`glasma.lattice.fields`, `glasma.lattice.milne`), the networks
complex matrices behind it.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from glasma.lattice.fields import Fields
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields, StaticFields
from surrogate.evolution.leapfrog import FieldState


def links_to_tensor(links: np.ndarray, group: ModuleType) -> Tensor:
    """(D, link_reals, *lattice) real → (1, D, *lattice, N, N) complex."""
    matrices = np.stack([group.link_to_matrix(np.ascontiguousarray(link, dtype=np.float64)) for link in links])
    return torch.from_numpy(matrices)[None]


def links_from_tensor(U: Tensor, group: ModuleType) -> np.ndarray:
    """(1, D, *lattice, N, N) complex → (D, link_reals, *lattice) float64."""
    return np.stack([group.link_from_matrix(link.numpy()) for link in U[0].to(torch.complex128).resolve_conj()])


def algebra_to_tensor(components: np.ndarray, group: ModuleType) -> Tensor:
    """(dim_g, *lattice) real → (*lattice, N, N) complex, Σ_a X^a t^a."""
    matrices = np.einsum("a...,aij->...ij", np.asarray(components, dtype=np.float64), group.GENERATORS)
    return torch.from_numpy(np.ascontiguousarray(matrices))


def algebra_from_tensor(X: Tensor, group: ModuleType) -> np.ndarray:
    """(*lattice, N, N) complex → (dim_g, *lattice) float64, X^a = 2 tr t^a X."""
    components: np.ndarray = (
        2 * np.einsum("...ij,aji->a...", X.to(torch.complex128).resolve_conj().numpy(), group.GENERATORS).real
    )
    return components


def state_from_engine(fields: Fields | MilneFields) -> FieldState:
    """Links, momenta and scalar of the engine, in double precision."""
    group = fields.group
    if isinstance(fields, MilneFields):
        U = links_to_tensor(fields.U[:, :, 0], group)
        P = torch.stack([algebra_to_tensor(fields.E[i, :, 0], group) for i in (0, 1)])[None]
        phi, pi = (algebra_to_tensor(X, group)[None] for X in (fields.A[0, :, 0], fields.E[2, :, 0]))
        return FieldState(U, P, phi, pi, fields.step)
    U = links_to_tensor(fields.U, group)
    P = torch.stack([algebra_to_tensor(component, group) for component in fields.E])[None]
    return FieldState(U, P, number=fields.step)


def empty_milne_fields(grid: Grid, group: ModuleType, frame: str = "milne") -> MilneFields:
    """Fields of the engine to write a state of the transverse plane into, "milne" or "static"."""
    kind = StaticFields if frame == "static" else MilneFields
    nx, ny, _ = grid.shape

    def zeros(directions: int, components: int) -> np.ndarray:
        return np.zeros((directions, components, 1, nx, ny))

    return kind(grid, group, zeros(2, group.LINK_REALS), zeros(1, group.DIMENSION), zeros(3, group.DIMENSION))


def state_to_engine(state: FieldState, fields: Fields | MilneFields) -> None:
    """Write a state of one configuration into fields of the engine, at the same place of time."""
    group = fields.group
    links = links_from_tensor(state.U, group)
    if isinstance(fields, MilneFields):
        assert state.phi is not None
        assert state.pi is not None
        fields.U[:, :, 0] = links
        fields.A[0, :, 0] = algebra_from_tensor(state.phi[0], group)
        fields.E[2, :, 0] = algebra_from_tensor(state.pi[0], group)
        for i in (0, 1):
            fields.E[i, :, 0] = algebra_from_tensor(state.P[0, i], group)
    else:
        fields.U[...] = links
        for i in range(3):
            fields.E[i] = algebra_from_tensor(state.P[0, i], group)
    fields.step = state.number
