"""The SU(2) subgroups of SU(N), for Monte Carlo updates, and the projection that keeps links in the group.

N. Cabibbo, E. Marinari, Phys. Lett. B 119 (1982) 387: an element r of the subgroup acts on rows i and j of a link.  It is a
quaternion r0 + i r_a σ^a, as a link of SU(2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from glasma.backend import inline
from glasma.group import su2

# mypy: allow-untyped-defs, allow-incomplete-defs


class Subgroup(NamedTuple):
    """One SU(2) in SU(N)."""

    #: project(m) → q with Re tr(r m) = Re tr(r q) + const for every r of the subgroup, on matrices m of N × N
    project: Callable[..., Any]
    #: act(r, m) → r m
    act: Callable[..., Any]


@inline
def _itself(m):
    return m


@inline
def _su2_special_unitary(a):
    s = type(a[0])(1) / (a[0] * a[0] + a[1] * a[1] + a[2] * a[2] + a[3] * a[3]) ** 0.5
    return s * a[0], s * a[1], s * a[2], s * a[3]


@inline
def _unit_row(r0, r1, r2, i0, i1, i2):
    s = type(r0)(1) / (r0 * r0 + r1 * r1 + r2 * r2 + i0 * i0 + i1 * i1 + i2 * i2) ** 0.5
    return s * r0, s * r1, s * r2, s * i0, s * i1, s * i2


@inline
def _su3_special_unitary(a):
    p = _unit_row(a[0], a[1], a[2], a[9], a[10], a[11])
    q = a[3], a[4], a[5], a[12], a[13], a[14]
    re = p[0] * q[0] + p[1] * q[1] + p[2] * q[2] + p[3] * q[3] + p[4] * q[4] + p[5] * q[5]
    im = p[0] * q[3] + p[1] * q[4] + p[2] * q[5] - p[3] * q[0] - p[4] * q[1] - p[5] * q[2]
    q = _unit_row(
        q[0] - re * p[0] + im * p[3],
        q[1] - re * p[1] + im * p[4],
        q[2] - re * p[2] + im * p[5],
        q[3] - re * p[3] - im * p[0],
        q[4] - re * p[4] - im * p[1],
        q[5] - re * p[5] - im * p[2],
    )
    return (
        p[0], p[1], p[2], q[0], q[1], q[2],
        p[1] * q[2] - p[4] * q[5] - p[2] * q[1] + p[5] * q[4],
        p[2] * q[0] - p[5] * q[3] - p[0] * q[2] + p[3] * q[5],
        p[0] * q[1] - p[3] * q[4] - p[1] * q[0] + p[4] * q[3],
        p[3], p[4], p[5], q[3], q[4], q[5],
        p[2] * q[4] + p[5] * q[1] - p[1] * q[5] - p[4] * q[2],
        p[0] * q[5] + p[3] * q[2] - p[2] * q[3] - p[5] * q[0],
        p[1] * q[3] + p[4] * q[0] - p[0] * q[4] - p[3] * q[1],
    )  # fmt: skip


def special_unitary_of(group: ModuleType) -> Callable[..., Any]:
    """The inlined function which maps a matrix to the group element next to it up to rounding, determinant included."""
    return _su2_special_unitary if group is su2 else _su3_special_unitary


@cache
def subgroups_of(group: ModuleType) -> tuple[Subgroup, ...]:
    """SU(2) subgroups that generate the whole group, as inlined functions."""
    if group is su2:
        return (Subgroup(_itself, su2.mul),)
    return tuple(_su3_subgroup(i, j) for i, j in ((0, 1), (0, 2), (1, 2)))


def _su3_subgroup(i: int, j: int) -> Subgroup:
    ii, ij, ji, jj = 4 * i, 3 * i + j, 3 * j + i, 4 * j
    im_ii, im_ij, im_ji, im_jj = 9 + ii, 9 + ij, 9 + ji, 9 + jj

    @inline
    def project(m):
        half = type(m[0])(0.5)
        return (
            half * (m[ii] + m[jj]),
            half * (m[im_ij] + m[im_ji]),
            half * (m[ij] - m[ji]),
            half * (m[im_ii] - m[im_jj]),
        )

    @inline
    def rows_mul(r, a0, a1, a2, b0, b1, b2, c0, c1, c2, d0, d1, d2):
        """Rows a + ib and c + id times r = ((r0 + i r3, r2 + i r1), (−r2 + i r1, r0 − i r3))."""
        return (
            r[0] * a0 - r[3] * b0 + r[2] * c0 - r[1] * d0,
            r[0] * a1 - r[3] * b1 + r[2] * c1 - r[1] * d1,
            r[0] * a2 - r[3] * b2 + r[2] * c2 - r[1] * d2,
            r[0] * b0 + r[3] * a0 + r[2] * d0 + r[1] * c0,
            r[0] * b1 + r[3] * a1 + r[2] * d1 + r[1] * c1,
            r[0] * b2 + r[3] * a2 + r[2] * d2 + r[1] * c2,
            r[0] * c0 + r[3] * d0 - r[2] * a0 - r[1] * b0,
            r[0] * c1 + r[3] * d1 - r[2] * a1 - r[1] * b1,
            r[0] * c2 + r[3] * d2 - r[2] * a2 - r[1] * b2,
            r[0] * d0 - r[3] * c0 - r[2] * b0 + r[1] * a0,
            r[0] * d1 - r[3] * c1 - r[2] * b1 + r[1] * a1,
            r[0] * d2 - r[3] * c2 - r[2] * b2 + r[1] * a2,
        )

    if (i, j) == (0, 1):

        @inline
        def act(r, m):
            n = rows_mul(r, m[0], m[1], m[2], m[9], m[10], m[11], m[3], m[4], m[5], m[12], m[13], m[14])
            return (
                n[0], n[1], n[2], n[6], n[7], n[8], m[6], m[7], m[8],
                n[3], n[4], n[5], n[9], n[10], n[11], m[15], m[16], m[17],
            )  # fmt: skip

    elif (i, j) == (0, 2):

        @inline
        def act(r, m):
            n = rows_mul(r, m[0], m[1], m[2], m[9], m[10], m[11], m[6], m[7], m[8], m[15], m[16], m[17])
            return (
                n[0], n[1], n[2], m[3], m[4], m[5], n[6], n[7], n[8],
                n[3], n[4], n[5], m[12], m[13], m[14], n[9], n[10], n[11],
            )  # fmt: skip

    else:

        @inline
        def act(r, m):
            n = rows_mul(r, m[3], m[4], m[5], m[12], m[13], m[14], m[6], m[7], m[8], m[15], m[16], m[17])
            return (
                m[0], m[1], m[2], n[0], n[1], n[2], n[6], n[7], n[8],
                m[9], m[10], m[11], n[3], n[4], n[5], n[9], n[10], n[11],
            )  # fmt: skip

    return Subgroup(project, act)
