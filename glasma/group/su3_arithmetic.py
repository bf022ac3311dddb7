"""SU(3) on tuples of reals, however links are stored.

A link is its matrix as 18 reals, the real block row by row and then the imaginary block.  An algebra element is
X = X^a λ^a/2, kept as its eight components.  Nothing here knows of arrays but `load_algebra` and `store_algebra`;
`glasma.group.su3` and `su3_two_rows` add how links lie in them.
"""

from __future__ import annotations

import numpy as np

from glasma.backend import inline, rows
from glasma.group.su3_exponential import exp, hermitian

__all__ = [
    "COLOURS",
    "DIMENSION",
    "GENERATORS",
    "add",
    "add_scaled",
    "antihermitian",
    "antihermitian_mul_dagger",
    "cross",
    "dagger",
    "distance2",
    "dot",
    "exp",
    "left_gradient",
    "load_algebra",
    "mul",
    "norm2",
    "right_gradient",
    "rotate",
    "rotate_back",
    "scaled",
    "store_algebra",
    "subtract",
    "unitarise",
    "unitarity_defect",
]

COLOURS = 3
DIMENSION = 8

_SQRT3 = 3**0.5
_GELL_MANN = np.zeros((8, 3, 3), complex)
for _a, _i, _j in ((0, 0, 1), (3, 0, 2), (5, 1, 2)):
    _GELL_MANN[_a, _i, _j] = _GELL_MANN[_a, _j, _i] = 1
    _GELL_MANN[_a + 1, _i, _j], _GELL_MANN[_a + 1, _j, _i] = -1j, 1j
_GELL_MANN[2] = np.diag([1, -1, 0])
_GELL_MANN[7] = np.diag([1, 1, -2]) / _SQRT3
GENERATORS = _GELL_MANN / 2


@inline
def load_algebra(F, i, x, y, z):
    """Algebra element i at the site."""
    F = rows(F)
    return (
        F[i, 0, x, y, z],
        F[i, 1, x, y, z],
        F[i, 2, x, y, z],
        F[i, 3, x, y, z],
        F[i, 4, x, y, z],
        F[i, 5, x, y, z],
        F[i, 6, x, y, z],
        F[i, 7, x, y, z],
    )


@inline
def store_algebra(F, i, x, y, z, f):
    F = rows(F)
    F[i, 0, x, y, z] = f[0]
    F[i, 1, x, y, z] = f[1]
    F[i, 2, x, y, z] = f[2]
    F[i, 3, x, y, z] = f[3]
    F[i, 4, x, y, z] = f[4]
    F[i, 5, x, y, z] = f[5]
    F[i, 6, x, y, z] = f[6]
    F[i, 7, x, y, z] = f[7]


@inline
def _dot3(p, q):
    return p[0] * q[0] + p[1] * q[1] + p[2] * q[2]


@inline
def mul(a, b):
    """a b"""
    r0, r1, r2, i0, i1, i2 = a[0:3], a[3:6], a[6:9], a[9:12], a[12:15], a[15:18]
    p0, p1, p2 = (b[0], b[3], b[6]), (b[1], b[4], b[7]), (b[2], b[5], b[8])
    q0, q1, q2 = (b[9], b[12], b[15]), (b[10], b[13], b[16]), (b[11], b[14], b[17])
    return (
        _dot3(r0, p0) - _dot3(i0, q0),
        _dot3(r0, p1) - _dot3(i0, q1),
        _dot3(r0, p2) - _dot3(i0, q2),
        _dot3(r1, p0) - _dot3(i1, q0),
        _dot3(r1, p1) - _dot3(i1, q1),
        _dot3(r1, p2) - _dot3(i1, q2),
        _dot3(r2, p0) - _dot3(i2, q0),
        _dot3(r2, p1) - _dot3(i2, q1),
        _dot3(r2, p2) - _dot3(i2, q2),
        _dot3(r0, q0) + _dot3(i0, p0),
        _dot3(r0, q1) + _dot3(i0, p1),
        _dot3(r0, q2) + _dot3(i0, p2),
        _dot3(r1, q0) + _dot3(i1, p0),
        _dot3(r1, q1) + _dot3(i1, p1),
        _dot3(r1, q2) + _dot3(i1, p2),
        _dot3(r2, q0) + _dot3(i2, p0),
        _dot3(r2, q1) + _dot3(i2, p1),
        _dot3(r2, q2) + _dot3(i2, p2),
    )


@inline
def dagger(a):
    """a†"""
    return (
        a[0],
        a[3],
        a[6],
        a[1],
        a[4],
        a[7],
        a[2],
        a[5],
        a[8],
        -a[9],
        -a[12],
        -a[15],
        -a[10],
        -a[13],
        -a[16],
        -a[11],
        -a[14],
        -a[17],
    )


@inline
def add(a, b):
    """a + b, not a group element."""
    return (
        a[0] + b[0],
        a[1] + b[1],
        a[2] + b[2],
        a[3] + b[3],
        a[4] + b[4],
        a[5] + b[5],
        a[6] + b[6],
        a[7] + b[7],
        a[8] + b[8],
        a[9] + b[9],
        a[10] + b[10],
        a[11] + b[11],
        a[12] + b[12],
        a[13] + b[13],
        a[14] + b[14],
        a[15] + b[15],
        a[16] + b[16],
        a[17] + b[17],
    )


@inline
def subtract(a, b):
    """a − b, not a group element."""
    return (
        a[0] - b[0],
        a[1] - b[1],
        a[2] - b[2],
        a[3] - b[3],
        a[4] - b[4],
        a[5] - b[5],
        a[6] - b[6],
        a[7] - b[7],
        a[8] - b[8],
        a[9] - b[9],
        a[10] - b[10],
        a[11] - b[11],
        a[12] - b[12],
        a[13] - b[13],
        a[14] - b[14],
        a[15] - b[15],
        a[16] - b[16],
        a[17] - b[17],
    )


@inline
def norm2(a):
    """tr a a†"""
    return (
        _dot3(a[0:3], a[0:3])
        + _dot3(a[3:6], a[3:6])
        + _dot3(a[6:9], a[6:9])
        + _dot3(a[9:12], a[9:12])
        + _dot3(a[12:15], a[12:15])
        + _dot3(a[15:18], a[15:18])
    )


@inline
def antihermitian(a):
    """[a]_ah = (a − a†)/2i without its trace: components Im tr(2 t^a a)."""
    real = type(a[0])
    return (
        a[10] + a[12],
        a[1] - a[3],
        a[9] - a[13],
        a[11] + a[15],
        a[2] - a[6],
        a[14] + a[16],
        a[5] - a[7],
        real(1 / 3**0.5) * (a[9] + a[13] - real(2) * a[17]),
    )


@inline
def antihermitian_mul_dagger(a, b):
    """[a b†]_ah, from the elements of a b† that it needs."""
    real = type(a[0])
    r0, r1, r2, i0, i1, i2 = a[0:3], a[3:6], a[6:9], a[9:12], a[12:15], a[15:18]
    p0, p1, p2, q0, q1, q2 = b[0:3], b[3:6], b[6:9], b[9:12], b[12:15], b[15:18]
    m00 = _dot3(i0, p0) - _dot3(r0, q0)
    m11 = _dot3(i1, p1) - _dot3(r1, q1)
    m22 = _dot3(i2, p2) - _dot3(r2, q2)
    return (
        _dot3(i0, p1) - _dot3(r0, q1) + _dot3(i1, p0) - _dot3(r1, q0),
        _dot3(r0, p1) + _dot3(i0, q1) - _dot3(r1, p0) - _dot3(i1, q0),
        m00 - m11,
        _dot3(i0, p2) - _dot3(r0, q2) + _dot3(i2, p0) - _dot3(r2, q0),
        _dot3(r0, p2) + _dot3(i0, q2) - _dot3(r2, p0) - _dot3(i2, q0),
        _dot3(i1, p2) - _dot3(r1, q2) + _dot3(i2, p1) - _dot3(r2, q1),
        _dot3(r1, p2) + _dot3(i1, q2) - _dot3(r2, p1) - _dot3(i2, q1),
        real(1 / 3**0.5) * (m00 + m11 - real(2) * m22),
    )


@inline
def distance2(a):
    """tr (a − 1)(a − 1)†, which is 2 Re tr(1 − a) of a group element: no cancellation next to 1."""
    one = type(a[0])(1)
    d = (a[0] - one, a[1], a[2], a[3], a[4] - one, a[5], a[6], a[7], a[8] - one)
    return (
        _dot3(d[0:3], d[0:3])
        + _dot3(d[3:6], d[3:6])
        + _dot3(d[6:9], d[6:9])
        + _dot3(a[9:12], a[9:12])
        + _dot3(a[12:15], a[12:15])
        + _dot3(a[15:18], a[15:18])
    )


@inline
def _plus_i_times(h, s, w):
    """h + i s w^a t^a as 18 reals."""
    m = hermitian(s, w)
    return (
        h - m[9],
        -m[10],
        -m[11],
        -m[12],
        h - m[13],
        -m[14],
        -m[15],
        -m[16],
        h - m[17],
        m[0],
        m[1],
        m[2],
        m[3],
        m[4],
        m[5],
        m[6],
        m[7],
        m[8],
    )


@inline
def left_gradient(a, h, w):
    """The derivative of 2h Re tr(1 − a) + w·[a]_ah along a → exp(iε) a: components Im tr(2 t^a a (h + iw))."""
    return antihermitian_mul_dagger(a, _plus_i_times(h, type(a[0])(-1), w))


@inline
def right_gradient(a, h, w):
    """The derivative of 2h Re tr(1 − a) + w·[a]_ah along a → a exp(iε): components Im tr(2 t^a (h + iw) a)."""
    return antihermitian_mul_dagger(_plus_i_times(h, type(a[0])(1), w), dagger(a))


@inline
def rotate_back(u, f):
    """u† f u: algebra element at the start of the link brought to its end."""
    real = type(u[0])
    two = real(2)
    h = hermitian(real(1), f)
    h0, h1, h2, g0, g1, g2 = h[0:3], h[3:6], h[6:9], h[9:12], h[12:15], h[15:18]
    # columns of u, and of f u but its last: (u† f u)_{i2} is ((f u)_i)† u_2
    r0, r1, r2 = (u[0], u[3], u[6]), (u[1], u[4], u[7]), (u[2], u[5], u[8])
    i0, i1, i2 = (u[9], u[12], u[15]), (u[10], u[13], u[16]), (u[11], u[14], u[17])
    p0 = _dot3(h0, r0) - _dot3(g0, i0), _dot3(h1, r0) - _dot3(g1, i0), _dot3(h2, r0) - _dot3(g2, i0)
    q0 = _dot3(h0, i0) + _dot3(g0, r0), _dot3(h1, i0) + _dot3(g1, r0), _dot3(h2, i0) + _dot3(g2, r0)
    p1 = _dot3(h0, r1) - _dot3(g0, i1), _dot3(h1, r1) - _dot3(g1, i1), _dot3(h2, r1) - _dot3(g2, i1)
    q1 = _dot3(h0, i1) + _dot3(g0, r1), _dot3(h1, i1) + _dot3(g1, r1), _dot3(h2, i1) + _dot3(g2, r1)
    d0 = _dot3(r0, p0) + _dot3(i0, q0)
    d1 = _dot3(r1, p1) + _dot3(i1, q1)
    return (
        two * (_dot3(r0, p1) + _dot3(i0, q1)),
        two * (_dot3(i0, p1) - _dot3(r0, q1)),
        d0 - d1,
        two * (_dot3(p0, r2) + _dot3(q0, i2)),
        two * (_dot3(q0, r2) - _dot3(p0, i2)),
        two * (_dot3(p1, r2) + _dot3(q1, i2)),
        two * (_dot3(q1, r2) - _dot3(p1, i2)),
        real(3**0.5) * (d0 + d1),
    )


@inline
def rotate(u, f):
    """u f u†: algebra element at the end of the link brought to its start."""
    return rotate_back(dagger(u), f)


@inline
def unitarise(a):
    """The unitary matrix next to a, which is unitary up to rounding: a (3 − a†a)/2, one Newton step.

    The determinant stays 1 to the rounding of the exponentials and needs no step of its own.
    """
    real = type(a[0])
    m = mul(a, mul(dagger(a), a))
    u, v = real(1.5), real(0.5)
    return (
        u * a[0] - v * m[0],
        u * a[1] - v * m[1],
        u * a[2] - v * m[2],
        u * a[3] - v * m[3],
        u * a[4] - v * m[4],
        u * a[5] - v * m[5],
        u * a[6] - v * m[6],
        u * a[7] - v * m[7],
        u * a[8] - v * m[8],
        u * a[9] - v * m[9],
        u * a[10] - v * m[10],
        u * a[11] - v * m[11],
        u * a[12] - v * m[12],
        u * a[13] - v * m[13],
        u * a[14] - v * m[14],
        u * a[15] - v * m[15],
        u * a[16] - v * m[16],
        u * a[17] - v * m[17],
    )


@inline
def unitarity_defect(a):
    """Frobenius norm of U†U − 1."""
    one = type(a[0])(1)
    m = mul(dagger(a), a)
    diagonal = (m[0] - one) ** 2 + (m[4] - one) ** 2 + (m[8] - one) ** 2
    upper = m[1] ** 2 + m[2] ** 2 + m[5] ** 2 + m[10] ** 2 + m[11] ** 2 + m[14] ** 2
    return (diagonal + (upper + upper)) ** 0.5


@inline
def dot(f, g):
    """f^a g^a"""
    return _dot3(f[0:3], g[0:3]) + _dot3(f[3:6], g[3:6]) + f[6] * g[6] + f[7] * g[7]


@inline
def scaled(s, f):
    """s f for an algebra element."""
    return s * f[0], s * f[1], s * f[2], s * f[3], s * f[4], s * f[5], s * f[6], s * f[7]


@inline
def add_scaled(f, s, g):
    """f + s g for algebra elements."""
    return (
        f[0] + s * g[0],
        f[1] + s * g[1],
        f[2] + s * g[2],
        f[3] + s * g[3],
        f[4] + s * g[4],
        f[5] + s * g[5],
        f[6] + s * g[6],
        f[7] + s * g[7],
    )


@inline
def cross(f, g):
    """f × g = −i[f, g]: components f^{abc} f^b g^c."""
    real = type(f[0])
    half, root = real(0.5), real(0.75**0.5)
    f01, f02, f12 = f[0] * g[1] - f[1] * g[0], f[0] * g[2] - f[2] * g[0], f[1] * g[2] - f[2] * g[1]
    f34, f56 = f[3] * g[4] - f[4] * g[3], f[5] * g[6] - f[6] * g[5]
    return (
        f12 + half * ((f[3] * g[6] - f[6] * g[3]) - (f[4] * g[5] - f[5] * g[4])),
        -f02 + half * ((f[3] * g[5] - f[5] * g[3]) + (f[4] * g[6] - f[6] * g[4])),
        f01 + half * (f34 - f56),
        half * (-(f[0] * g[6] - f[6] * g[0]) - (f[1] * g[5] - f[5] * g[1]) - (f[2] * g[4] - f[4] * g[2]))
        + root * (f[4] * g[7] - f[7] * g[4]),
        half * ((f[0] * g[5] - f[5] * g[0]) - (f[1] * g[6] - f[6] * g[1]) + (f[2] * g[3] - f[3] * g[2]))
        - root * (f[3] * g[7] - f[7] * g[3]),
        half * (-(f[0] * g[4] - f[4] * g[0]) + (f[1] * g[3] - f[3] * g[1]) + (f[2] * g[6] - f[6] * g[2]))
        + root * (f[6] * g[7] - f[7] * g[6]),
        half * ((f[0] * g[3] - f[3] * g[0]) + (f[1] * g[4] - f[4] * g[1]) - (f[2] * g[5] - f[5] * g[2]))
        - root * (f[5] * g[7] - f[7] * g[5]),
        root * (f34 + f56),
    )
