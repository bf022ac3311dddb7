"""The compiled loops of the heat bath: staples, the SU(2) heat bath, over-relaxation and the mean plaquette.

Links are U[direction, real, block, site, lane].  A lane is one Markov chain; the chains of a block are updated side by side,
and the loops over them vectorise.  Sites are ordered even first, so that a range of them has one parity: then no link of the
range is in the staples of another.  `forward[d, site]` and `backward[d, site]` are its neighbours.
"""

from __future__ import annotations

from functools import cache
from math import cos, expm1, log, log1p, pi, sin, sqrt
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import index, inline, kernel, line, promised_strides
from glasma.euclidean.random_numbers import stream, uniform
from glasma.group import su2
from glasma.group.subgroups import Subgroup, special_unitary_of, subgroups_of

# mypy: allow-untyped-defs, allow-incomplete-defs

#: Where the proposals of Creutz and of Kennedy and Pendleton are accepted equally often.
_CREUTZ_BELOW = 1.7
_TINY = 1e-12
_ZERO, _ONE, _TWO, _THREE, _FOUR = (np.uint64(n) for n in range(5))

_quaternion_mul, _quaternion_dagger = su2.mul, su2.dagger


@inline
def _cosine(a, key, n):
    """w0 in [−1, 1] of density √(1 − w0²) exp(a w0), a > 0, from draw n on, and the next draw.

    M. Creutz, PRD 21 (1980) 2308, for small a; A. D. Kennedy, B. J. Pendleton, Phys. Lett. B 156 (1985) 393, else.
    """
    if a < _CREUTZ_BELOW:
        width = expm1(2.0 * a)
        while True:
            w0 = log1p(uniform(key, n) * width) / a - 1.0
            r = uniform(key, n + _ONE)
            n += _TWO
            if r * r <= 1.0 - w0 * w0:
                return w0, n
    while True:
        c = cos(2.0 * pi * uniform(key, n))
        delta = -(log(uniform(key, n + _ONE)) + c * c * log(uniform(key, n + _TWO))) / a
        r = uniform(key, n + _THREE)
        n += _FOUR
        if r * r <= 1.0 - 0.5 * delta:
            return 1.0 - delta, n


@inline
def _unit_quaternion(q):
    """q/|q| and |q|; the unit if q vanishes."""
    k = sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
    if k < _TINY:
        return (1.0, 0.0, 0.0, 0.0), 0.0
    s = 1.0 / k
    return (s * q[0], s * q[1], s * q[2], s * q[3]), k


@inline
def _heat(q, strength, key, n):
    """r of density exp(strength/2 Re tr(r q)) in SU(2), and the next draw: r q/|q| is distributed about the unit."""
    direction, k = _unit_quaternion(q)
    w0, n = _cosine(max(strength * k, _TINY), key, n)
    length = sqrt(max(1.0 - w0 * w0, 0.0))
    z = 2.0 * uniform(key, n) - 1.0
    phi = 2.0 * pi * uniform(key, n + _ONE)
    across = length * sqrt(max(1.0 - z * z, 0.0))
    w = w0, across * cos(phi), across * sin(phi), length * z
    return _quaternion_mul(w, _quaternion_dagger(direction)), n + _TWO


@inline
def _reflection(q, strength, key, n):
    """r with Re tr(r q) = Re tr q as far from the unit as there is: q†q†/|q|² (M. Creutz, PRD 36 (1987) 515)."""
    inverse = _quaternion_dagger(_unit_quaternion(q)[0])
    return _quaternion_mul(inverse, inverse), n


def _in_each(subgroups: tuple[Subgroup, ...], choose):
    """The function which applies `choose` in one subgroup after the other; m is the link u times its staples."""
    if not subgroups:

        @inline
        def done(u, m, strength, key, n):
            return u

        return done
    (project, act), following = subgroups[0], _in_each(subgroups[1:], choose)

    @inline
    def update(u, m, strength, key, n):
        r, n = choose(project(m), strength, key, n)
        return following(act(r, u), act(r, m), strength, key, n)

    return update


def packed_links(group: ModuleType, lanes: int, directions: int, blocks: int, sites: int) -> np.ndarray:
    """Memory for links of the kernels; the components of a link lie next to each other.

    A staple reads many links: were each component a lattice of its own, as in the real-time solver, each number would come from
    another page of memory.
    """
    return np.empty((blocks, sites, directions, group.LINK_REALS, lanes)).transpose(2, 3, 0, 1, 4)


@cache
def heat_bath_kernels(group: ModuleType, lanes: int) -> SimpleNamespace:
    """The kernels `heat_bath`, `overrelaxation` and `plaquettes` of one group, for blocks of so many chains."""
    load, store, mul, dagger = group.load, group.store, group.mul, group.dagger
    add, subtract, norm2 = group.add, group.subtract, group.norm2
    special_unitary = special_unitary_of(group)
    heat_link = _in_each(subgroups_of(group), _heat)
    reflect_link = _in_each(subgroups_of(group), _reflection)
    zero, one = index(0), index(1)
    c = 0.5 / group.COLOURS
    # The compiler then knows how far apart components are: to find out at run time that they do not overlap would take longer
    # than the loop over a few lanes.
    packed = promised_strides({0: group.LINK_REALS * lanes, 1: lanes, 4: 1})
    tag = f"{group.NAME}, {lanes}"

    @inline
    def two_staples(U, d, e, b, s, sd, se, sm, smd, z):
        """The two staples of the link d at site s in the plane (d, e): tr(U A) is the sum of its plaquettes.

        sd, se, sm, smd are the sites s + d, s + e, s − e, s − e + d.
        """
        above = mul(load(U, e, b, sd, z), dagger(mul(load(U, e, b, s, z), load(U, d, b, se, z))))
        below = mul(dagger(mul(load(U, d, b, sm, z), load(U, e, b, smd, z))), load(U, e, b, sm, z))
        return add(above, below)

    @line
    def staples(A, U, d, b, s, forward, backward):
        """A ← the links d at site s times the sum of their 2(D − 1) staples."""
        first = one if d == zero else zero
        for axis in range(U.shape[0]):
            e = index(axis)
            if e == d:
                continue
            sd, se, sm = forward[d, s], forward[e, s], backward[e, s]
            smd = forward[d, sm]
            if e == first:
                for k in range(lanes):
                    z = index(k)
                    store(A, zero, zero, zero, z, two_staples(U, d, e, b, s, sd, se, sm, smd, z))
            else:
                for k in range(lanes):
                    z = index(k)
                    sum_ = add(load(A, zero, zero, zero, z), two_staples(U, d, e, b, s, sd, se, sm, smd, z))
                    store(A, zero, zero, zero, z, sum_)
        for k in range(lanes):
            z = index(k)
            store(A, zero, zero, zero, z, mul(load(U, d, b, s, z), load(A, zero, zero, zero, z)))

    @kernel(tag)
    def heat_bath(s0, s1, b0, b1, d, U, A, forward, backward, strength, keys):
        """New links d at the sites s0 ≤ s < s1, all of one parity, of the blocks b0 ≤ b < b1.

        The density is exp(strength/2 Re tr(U A)); keys[b, lane] names the streams of this sweep; A is a workspace.
        """
        d, U, A = index(d), packed(U), packed(A)
        for block in range(b0, b1):
            for site in range(s0, s1):
                b, s = index(block), index(site)
                staples(A, U, d, b, s, forward, backward)
                link = np.uint64(d * index(U.shape[3]) + s)
                for k in range(lanes):
                    z = index(k)
                    u, m = load(U, d, b, s, z), load(A, zero, zero, zero, z)
                    u = heat_link(u, m, strength, stream(keys[b, z], link), _ZERO)
                    store(U, d, b, s, z, special_unitary(u))

    @kernel(tag)
    def overrelaxation(s0, s1, b0, b1, d, U, A, forward, backward):
        """Links d at these sites reflected at their staples: the action stays as it is; arguments as for `heat_bath`."""
        d, U, A = index(d), packed(U), packed(A)
        for block in range(b0, b1):
            for site in range(s0, s1):
                b, s = index(block), index(site)
                staples(A, U, d, b, s, forward, backward)
                for k in range(lanes):
                    z = index(k)
                    u, m = load(U, d, b, s, z), load(A, zero, zero, zero, z)
                    store(U, d, b, s, z, special_unitary(reflect_link(u, m, 1.0, _ZERO, _ZERO)))

    @kernel(tag)
    def plaquettes(b0, b1, U, sums, forward):
        """sums[b, lane] ← Σ (1 − Re tr U_p/N) over all plaquettes."""
        U = packed(U)
        for block in range(b0, b1):
            for k in range(lanes):
                sums[block, k] = 0.0
            for site in range(U.shape[3]):
                b, s = index(block), index(site)
                for i in range(U.shape[0]):
                    for j in range(i + 1, U.shape[0]):
                        d, e = index(i), index(j)
                        sd, se = forward[d, s], forward[e, s]
                        for k in range(lanes):
                            z = index(k)
                            d_first = mul(load(U, d, b, s, z), load(U, e, b, sd, z))
                            e_first = mul(load(U, e, b, s, z), load(U, d, b, se, z))
                            sums[b, z] += c * norm2(subtract(d_first, e_first))

    return SimpleNamespace(heat_bath=heat_bath, overrelaxation=overrelaxation, plaquettes=plaquettes)
