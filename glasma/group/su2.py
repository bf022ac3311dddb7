"""SU(2) on tuples of reals.

A link is the unit quaternion (u0, u1, u2, u3), U = u0 + i u_a σ^a.  An algebra element is X = X^a σ^a/2, kept as
its three components.  Nothing here knows of arrays but `load` and `store`.
"""

from __future__ import annotations

import numpy as np

from glasma.backend import inline, rows

NAME = "SU(2)"
COLOURS = 2
DIMENSION = 3
LINK_REALS = 4
IDENTITY = (1.0, 0.0, 0.0, 0.0)

_PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GENERATORS = _PAULI / 2


def link_from_matrix(matrix: np.ndarray) -> np.ndarray:
    """Components (4, ...) of complex matrices (..., 2, 2)."""
    m = matrix
    return np.stack(
        [
            (m[..., 0, 0] + m[..., 1, 1]).real / 2,
            (m[..., 0, 1] + m[..., 1, 0]).imag / 2,
            (m[..., 0, 1] - m[..., 1, 0]).real / 2,
            (m[..., 0, 0] - m[..., 1, 1]).imag / 2,
        ]
    )


def link_to_matrix(link: np.ndarray) -> np.ndarray:
    """Complex matrices (..., 2, 2) of components (4, ...)."""
    return link[0][..., None, None] * np.eye(2) + 1j * np.einsum("a...,aij->...ij", link[1:], _PAULI)


@inline
def load(U, d, x, y, z):
    """Link in direction d at the site."""
    U = rows(U)
    return U[d, 0, x, y, z], U[d, 1, x, y, z], U[d, 2, x, y, z], U[d, 3, x, y, z]


@inline
def store(U, d, x, y, z, u):
    U = rows(U)
    U[d, 0, x, y, z] = u[0]
    U[d, 1, x, y, z] = u[1]
    U[d, 2, x, y, z] = u[2]
    U[d, 3, x, y, z] = u[3]


@inline
def load_algebra(F, i, x, y, z):
    """Algebra element i at the site."""
    F = rows(F)
    return F[i, 0, x, y, z], F[i, 1, x, y, z], F[i, 2, x, y, z]


@inline
def store_algebra(F, i, x, y, z, f):
    F = rows(F)
    F[i, 0, x, y, z] = f[0]
    F[i, 1, x, y, z] = f[1]
    F[i, 2, x, y, z] = f[2]


@inline
def mul(a, b):
    """a b"""
    return (
        a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
        a[0] * b[1] + a[1] * b[0] - a[2] * b[3] + a[3] * b[2],
        a[0] * b[2] + a[2] * b[0] - a[3] * b[1] + a[1] * b[3],
        a[0] * b[3] + a[3] * b[0] - a[1] * b[2] + a[2] * b[1],
    )


@inline
def dagger(a):
    """a†"""
    return a[0], -a[1], -a[2], -a[3]


@inline
def add(a, b):
    """a + b, not a group element."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


@inline
def subtract(a, b):
    """a − b, not a group element."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]


@inline
def norm2(a):
    """tr a a†"""
    two = type(a[0])(2)
    return two * (a[0] * a[0] + a[1] * a[1] + a[2] * a[2] + a[3] * a[3])


@inline
def antihermitian(a):
    """[a]_ah = (a − a†)/2i without its trace: components Im tr(2 t^a a)."""
    two = type(a[0])(2)
    return two * a[1], two * a[2], two * a[3]


@inline
def antihermitian_mul_dagger(a, b):
    """[a b†]_ah"""
    two = type(a[0])(2)
    return (
        two * (a[1] * b[0] - a[0] * b[1] + a[2] * b[3] - a[3] * b[2]),
        two * (a[2] * b[0] - a[0] * b[2] + a[3] * b[1] - a[1] * b[3]),
        two * (a[3] * b[0] - a[0] * b[3] + a[1] * b[2] - a[2] * b[1]),
    )


@inline
def distance2(a):
    """tr (a − 1)(a − 1)†, which is 2 Re tr(1 − a) of a group element: no cancellation next to 1."""
    d = a[0] - type(a[0])(1)
    return type(a[0])(2) * (d * d + a[1] * a[1] + a[2] * a[2] + a[3] * a[3])


@inline
def left_gradient(a, h, w):
    """The derivative of 2h Re tr(1 − a) + w·[a]_ah along a → exp(iε) a: components Im tr(2 t^a a (h + iw))."""
    s = h + h
    return (
        s * a[1] + a[0] * w[0] - (a[2] * w[2] - a[3] * w[1]),
        s * a[2] + a[0] * w[1] - (a[3] * w[0] - a[1] * w[2]),
        s * a[3] + a[0] * w[2] - (a[1] * w[1] - a[2] * w[0]),
    )


@inline
def right_gradient(a, h, w):
    """The derivative of 2h Re tr(1 − a) + w·[a]_ah along a → a exp(iε): components Im tr(2 t^a (h + iw) a)."""
    s = h + h
    return (
        s * a[1] + a[0] * w[0] + (a[2] * w[2] - a[3] * w[1]),
        s * a[2] + a[0] * w[1] + (a[3] * w[0] - a[1] * w[2]),
        s * a[3] + a[0] * w[2] + (a[1] * w[1] - a[2] * w[0]),
    )


@inline
def rotate(u, f):
    """u f u†: algebra element at the end of the link brought to its start."""
    two = type(u[0])(2)
    # f + 2 u0 (f × u) + 2 u × (u × f), with the sign of the cross product that U = u0 + i u·σ implies
    t0 = two * (u[3] * f[1] - u[2] * f[2])
    t1 = two * (u[1] * f[2] - u[3] * f[0])
    t2 = two * (u[2] * f[0] - u[1] * f[1])
    return (
        f[0] + u[0] * t0 + (u[3] * t1 - u[2] * t2),
        f[1] + u[0] * t1 + (u[1] * t2 - u[3] * t0),
        f[2] + u[0] * t2 + (u[2] * t0 - u[1] * t1),
    )


@inline
def rotate_back(u, f):
    """u† f u: algebra element at the start of the link brought to its end."""
    return rotate(dagger(u), f)


@inline
def exp(s, f):
    """exp(i s f^a t^a), to rounding for |s f| ≤ 3.

    cos r and sin(r)/r of r = |s f|/2 are polynomials in r², so that there is no branch and no division.
    """
    real = type(f[0])
    h = real(0.5) * s
    x1, x2, x3 = h * f[0], h * f[1], h * f[2]
    q = x1 * x1 + x2 * x2 + x3 * x3
    one = real(1)
    c = one - q * real(1 / 380)
    c = one - q * real(1 / 306) * c
    c = one - q * real(1 / 240) * c
    c = one - q * real(1 / 182) * c
    c = one - q * real(1 / 132) * c
    c = one - q * real(1 / 90) * c
    c = one - q * real(1 / 56) * c
    c = one - q * real(1 / 30) * c
    c = one - q * real(1 / 12) * c
    c = one - q * real(1 / 2) * c
    d = one - q * real(1 / 420)
    d = one - q * real(1 / 342) * d
    d = one - q * real(1 / 272) * d
    d = one - q * real(1 / 210) * d
    d = one - q * real(1 / 156) * d
    d = one - q * real(1 / 110) * d
    d = one - q * real(1 / 72) * d
    d = one - q * real(1 / 42) * d
    d = one - q * real(1 / 20) * d
    d = one - q * real(1 / 6) * d
    return c, d * x1, d * x2, d * x3


@inline
def unitarise(a):
    """The group element next to a, which is a group element up to rounding (one Newton step)."""
    real = type(a[0])
    s = real(1.5) - real(0.5) * (a[0] * a[0] + a[1] * a[1] + a[2] * a[2] + a[3] * a[3])
    return s * a[0], s * a[1], s * a[2], s * a[3]


@inline
def unitarity_defect(a):
    """| |u|² − 1 |, which is |U†U − 1| of any matrix of the form u0 + i u·σ."""
    return abs(a[0] * a[0] + a[1] * a[1] + a[2] * a[2] + a[3] * a[3] - type(a[0])(1))


@inline
def dot(f, g):
    """f^a g^a"""
    return f[0] * g[0] + f[1] * g[1] + f[2] * g[2]


@inline
def scaled(s, f):
    """s f for an algebra element."""
    return s * f[0], s * f[1], s * f[2]


@inline
def add_scaled(f, s, g):
    """f + s g for algebra elements."""
    return f[0] + s * g[0], f[1] + s * g[1], f[2] + s * g[2]


@inline
def cross(f, g):
    """f × g = −i[f, g]: components f^{abc} f^b g^c."""
    return f[1] * g[2] - f[2] * g[1], f[2] * g[0] - f[0] * g[2], f[0] * g[1] - f[1] * g[0]
