"""The exponential of SU(3) on tuples of reals."""

from __future__ import annotations

from math import factorial

from glasma.backend import inline

#: i^k/k! for even k, i^(k−1)/k! for odd k.
_TAYLOR = tuple((-1) ** (k // 2) / factorial(k) for k in range(21))


@inline
def hermitian(s, f):
    """s f^a t^a as 18 reals."""
    real = type(f[0])
    h = real(0.5) * s
    e = real(0.5 / 3**0.5) * s * f[7]
    zero = real(0)
    a, b, c, d, p, q, r = h * f[0], h * f[1], h * f[3], h * f[4], h * f[5], h * f[6], h * f[2]
    return (e + r, a, c, a, e - r, p, c, p, -(e + e), zero, -b, -d, b, zero, -q, d, q, zero)


@inline
def _add3(a, s, b):
    return a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]


@inline
def _two_orders(weight_odd, weight_even, p, d, c, odd, even):
    """Add two orders of Σ_k (i^k/k!) c_{k+j}, j = −1, 0, 1, to its parts of odd and of even k; c = (c_{k−1}, c_k, c_{k+1})."""
    real = type(p)
    odd = _add3(odd, real(weight_odd), c)
    c = c[1], c[2], p * c[1] + d * c[0]
    even = _add3(even, real(weight_even), c)
    return (c[1], c[2], p * c[1] + d * c[0]), odd, even


@inline
def _mirrored(re, im, x, y):
    """Element (i, j) of q1 X + q2 Y, and (j, i), for Hermitian X and Y of elements x and y at (i, j); q1 = re[0] + i im[0]."""
    rr, ri = re[0] * x[0] + re[1] * y[0], re[0] * x[1] + re[1] * y[1]
    ir, ii = im[0] * x[0] + im[1] * y[0], im[0] * x[1] + im[1] * y[1]
    return (rr - ii, ir + ri), (rr + ii, ir - ri)


@inline
def exp(s, f):
    """exp(iX) of X = s f^a t^a, to rounding for |s f| ≤ 3.

    Cayley and Hamilton, X³ = p X + d with p = tr X²/2 and d = det X, reduce the powers to X^k = d c_{k−1} + c_{k+1} X + c_k X²
    with c_{k+3} = p c_{k+1} + d c_k, and so the Taylor series to q0 + q1 X + q2 X²: no branch and no division
    (Morningstar, Peardon, PRD 69 (2004) 054501, section III, has the closed form).
    """
    real = type(f[0])
    one, zero = real(1), real(0)
    # X = [[a, u, v], [u*, b, w], [v*, w*, e]], and X² likewise with a2 and so on
    x = hermitian(s, f)
    a, b, e, u, v, w = x[0], x[4], x[8], (x[1], x[10]), (x[2], x[11]), (x[5], x[14])
    uu, vv, ww = u[0] * u[0] + u[1] * u[1], v[0] * v[0] + v[1] * v[1], w[0] * w[0] + w[1] * w[1]
    a2, b2, e2 = a * a + uu + vv, b * b + uu + ww, e * e + vv + ww
    u2 = v[0] * w[0] + v[1] * w[1] - e * u[0], v[1] * w[0] - v[0] * w[1] - e * u[1]
    v2 = u[0] * w[0] - u[1] * w[1] - b * v[0], u[0] * w[1] + u[1] * w[0] - b * v[1]
    w2 = u[0] * v[0] + u[1] * v[1] - a * w[0], u[0] * v[1] - u[1] * v[0] - a * w[1]
    p = real(0.5) * (a2 + b2 + e2)
    # det X = tr X³/3
    d = real(1 / 3) * (a * a2 + b * b2 + e * e2)
    d += real(2 / 3) * (u[0] * u2[0] + u[1] * u2[1] + v[0] * v2[0] + v[1] * v2[1] + w[0] * w2[0] + w[1] * w2[1])

    c, odd, even = (zero, zero, one), (zero, zero, zero), (zero, zero, zero)
    c, odd, even = _two_orders(_TAYLOR[1], _TAYLOR[2], p, d, c, odd, even)
    c, odd, even = _two_orders(_TAYLOR[3], _TAYLOR[4], p, d, c, odd, even)
    c, odd, even = _two_orders(_TAYLOR[5], _TAYLOR[6], p, d, c, odd, even)
    c, odd, even = _two_orders(_TAYLOR[7], _TAYLOR[8], p, d, c, odd, even)
    c, odd, even = _two_orders(_TAYLOR[9], _TAYLOR[10], p, d, c, odd, even)
    c, odd, even = _two_orders(_TAYLOR[11], _TAYLOR[12], p, d, c, odd, even)
    c, odd, even = _two_orders(_TAYLOR[13], _TAYLOR[14], p, d, c, odd, even)
    c, odd, even = _two_orders(_TAYLOR[15], _TAYLOR[16], p, d, c, odd, even)
    c, odd, even = _two_orders(_TAYLOR[17], _TAYLOR[18], p, d, c, odd, even)
    c, odd, even = _two_orders(_TAYLOR[19], _TAYLOR[20], p, d, c, odd, even)
    re, im = (even[2], even[1]), (odd[2], odd[1])
    re0, im0 = one + d * even[0], d * odd[0]
    u, u_ = _mirrored(re, im, u, u2)
    v, v_ = _mirrored(re, im, v, v2)
    w, w_ = _mirrored(re, im, w, w2)
    a, a2 = re0 + re[0] * a + re[1] * a2, im0 + im[0] * a + im[1] * a2
    b, b2 = re0 + re[0] * b + re[1] * b2, im0 + im[0] * b + im[1] * b2
    e, e2 = re0 + re[0] * e + re[1] * e2, im0 + im[0] * e + im[1] * e2
    return (a, u[0], v[0], u_[0], b, w[0], v_[0], w_[0], e, a2, u[1], v[1], u_[1], b2, w[1], v_[1], w_[1], e2)
