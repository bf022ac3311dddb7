"""Plaquettes at a site: the field strength and the magnetic energy."""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

from glasma.backend import index, inline


@inline
def neighbour(d, x, y, z, xn, yn, zn):
    """The site next to (x, y, z) in direction d, where xn, yn, zn are the neighbouring coordinates."""
    if d == 0:
        return xn, y, z
    if d == 1:
        return x, yn, z
    return x, y, zn


@inline
def wrapped(k, n):
    """k modulo n for −n ≤ k < 2n, as an array index."""
    if k < 0:
        return index(k + n)
    if k >= n:
        return index(k - n)
    return index(k)


@cache
def plaquettes_of(group: ModuleType) -> SimpleNamespace:
    """The plaquette functions of one group."""
    mul, load = group.mul, group.load
    subtract, norm2, antihermitian_mul_dagger = group.subtract, group.norm2, group.antihermitian_mul_dagger
    add_scaled, rotate_back = group.add_scaled, group.rotate_back

    @inline
    def field_strength(U, i, j, x, y, z, xi, yi, zi, xj, yj, zj):
        """[U_{x,ij}]_ah = g a_i a_j F_ij, with the neighbours x + i and x + j of the site."""
        along_i = mul(load(U, i, x, y, z), load(U, j, xi, yi, zi))
        along_j = mul(load(U, j, x, y, z), load(U, i, xj, yj, zj))
        return antihermitian_mul_dagger(along_i, along_j)

    @inline
    def two_re_trace_of_one_minus(U, i, j, x, y, z, xi, yi, zi, xj, yj, zj):
        """2 Re tr(1 − U_{x,ij}), as tr C C† with C = U_i U_j − U_j U_i: no cancellation for weak fields."""
        along_i = mul(load(U, i, x, y, z), load(U, j, xi, yi, zi))
        along_j = mul(load(U, j, x, y, z), load(U, i, xj, yj, zj))
        return norm2(subtract(along_i, along_j))

    @inline
    def add_difference(f, c, here, u, before):
        """f + c (here − u† before u): what one direction adds to a covariant divergence, u being the link to the site."""
        return add_scaled(add_scaled(f, c, here), -c, rotate_back(u, before))

    return SimpleNamespace(
        field_strength=field_strength,
        two_re_trace_of_one_minus=two_re_trace_of_one_minus,
        add_difference=add_difference,
    )
