"""Energy, pressures and the energy-momentum tensor of boost-invariant fields, for the comoving observer at τ − Δτ/2.

The energy densities are those of links and plaquettes which the scheme conserves,

    ½E_L² = ½P_η²,  ½E_T² = ½(P_x² + P_y²)/τ²,  ½B_L² = 2 Re tr(1 − U_xy),  ½B_T² = ½ Σ_i (D_i A_η)²/τ².

For T^{μν} the fields are brought to the sites: E_i and D_i A_z are means over the two links at a site, B_z that of the four
plaquettes around it.  With E_i = ∂_0 A_i the components A_i are covariant, so that B_x = −D_y A_z, B_y = D_x A_z and
B_z = −F_xy, as in `glasma.observables.stress_energy`.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np

from glasma.backend import Workers, index, inline, kernel, line
from glasma.lattice.energy import COMPONENTS, total_of
from glasma.lattice.milne import MilneFields
from glasma.lattice.milne_midpoint import ComovingPlanes
from glasma.observables.measure import Measurement, of_all_planes
from glasma.observables.stress_energy import TENSOR, stress_kernels


@cache
def milne_at_site(group: ModuleType) -> SimpleNamespace:
    """What is seen at one site of the planes of `ComovingPlanes`, as inlined functions.

    `energies` gives the four densities, `mean_electric` and `mean_gradient` the means of E_i and ±D_i A_z over the links to and
    from a site, `mean_magnetic` B_z.
    """
    load, load_algebra = group.load, group.load_algebra
    dot, add_scaled, rotate, rotate_back = group.dot, group.add_scaled, group.rotate, group.rotate_back
    mul, subtract, norm2 = group.mul, group.subtract, group.norm2
    antihermitian_mul_dagger = group.antihermitian_mul_dagger
    zero, one, two = index(0), index(1), index(2)

    @inline
    def gradient(i, x, y, xn, yn, V, Az, unit):
        """D_i A_z at the link from (x, y) to (xn, yn)."""
        ahead = rotate(load(V, i, zero, x, y), load_algebra(Az, zero, zero, xn, yn))
        return add_scaled(ahead, -unit, load_algebra(Az, zero, zero, x, y))

    @inline
    def strength(x, y, xp, yp, V):
        """[U_xy]_ah"""
        along_x = mul(load(V, zero, zero, x, y), load(V, one, zero, xp, y))
        return antihermitian_mul_dagger(along_x, mul(load(V, one, zero, x, y), load(V, zero, zero, x, yp)))

    @inline
    def energies(x, y, xp, yp, V, Az, E, half):
        unit = half + half
        p, q = load_algebra(E, zero, zero, x, y), load_algebra(E, one, zero, x, y)
        r = load_algebra(E, two, zero, x, y)
        d, e = gradient(zero, x, y, xp, y, V, Az, unit), gradient(one, x, y, x, yp, V, Az, unit)
        along_x = mul(load(V, zero, zero, x, y), load(V, one, zero, xp, y))
        along_y = mul(load(V, one, zero, x, y), load(V, zero, zero, x, yp))
        return (
            half * dot(r, r),
            half * (dot(p, p) + dot(q, q)),
            norm2(subtract(along_x, along_y)),
            half * (dot(d, d) + dot(e, e)),
        )

    @inline
    def mean_electric(i, x, y, xm, ym, V, E, half):
        unit = half + half
        u = load(V, i, zero, xm, ym)
        e = add_scaled(load_algebra(E, i, zero, x, y), unit, rotate_back(u, load_algebra(E, i, zero, xm, ym)))
        return add_scaled(e, half - unit, e)

    @inline
    def mean_gradient(i, sign, x, y, xn, yn, xm, ym, V, Az, half):
        unit = half + half
        d = rotate_back(load(V, i, zero, xm, ym), gradient(i, xm, ym, x, y, V, Az, unit))
        d = add_scaled(d, unit, gradient(i, x, y, xn, yn, V, Az, unit))
        return add_scaled(d, sign * half - unit, d)

    @inline
    def mean_magnetic(x, y, xp, yp, xm, ym, V, half):
        """The mean of −F_xy over the four plaquettes around a site."""
        unit = half + half
        quarter = half * half
        f = strength(x, y, xp, yp, V)
        # the plaquette of x − x − y is carried along y first, so that it shares the last link with that of x − x
        corner = rotate_back(load(V, one, zero, xm, ym), strength(xm, ym, x, y, V))
        left = add_scaled(strength(xm, y, x, yp, V), unit, corner)
        f = add_scaled(f, unit, rotate_back(load(V, zero, zero, xm, y), left))
        f = add_scaled(f, unit, rotate_back(load(V, one, zero, x, ym), strength(x, ym, xp, y, V)))
        return add_scaled(f, -quarter - unit, f)

    return SimpleNamespace(
        energies=energies, mean_electric=mean_electric, mean_gradient=mean_gradient, mean_magnetic=mean_magnetic
    )


@cache
def milne_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `component_energies` and `stress` of one group; plane arguments are slots of `ComovingPlanes`."""
    load_algebra, store_algebra = group.load_algebra, group.store_algebra
    at_site, tensor_line = milne_at_site(group), stress_kernels(group).tensor_line
    energies, mean_electric = at_site.energies, at_site.mean_electric
    mean_gradient, mean_magnetic = at_site.mean_gradient, at_site.mean_magnetic
    zero, one, two = index(0), index(1), index(2)

    @kernel(group.NAME)
    def component_energies(out, h, hp, V, Az, E, half):
        """½E_L², ½E_T², ½B_L², ½B_T² of a plane, (4, ny)."""
        x, xp = index(h), index(hp)
        for k in range(out.shape[1]):
            e = energies(x, index(k + 1), xp, index(k + 2), V, Az, E, half)
            out[0, index(k)], out[1, index(k)], out[2, index(k)], out[3, index(k)] = e[0], e[1], e[2], e[3]

    @line
    def link_means_line(W, i, magnetic, sign, x, xn, xm, up, V, Az, E, half):
        """W[i] ← E_i and W[magnetic] ← sign · D_i A_z, means over the links from and to a site along i."""
        for k in range(W.shape[4]):
            y, yn, ym = index(k + 1), index(k + 1 + up), index(k + 1 - up)
            store_algebra(W, i, zero, zero, index(k), mean_electric(i, x, y, xm, ym, V, E, half))
            d = mean_gradient(i, sign, x, y, xn, yn, xm, ym, V, Az, half)
            store_algebra(W, magnetic, zero, zero, index(k), d)

    @line
    def longitudinal_line(W, x, xp, xm, V, E, half):
        """W[2] ← E_z and W[5] ← B_z."""
        for k in range(W.shape[4]):
            out, y, yp, ym = index(k), index(k + 1), index(k + 2), index(k)
            store_algebra(W, two, zero, zero, out, load_algebra(E, two, zero, x, y))
            store_algebra(W, index(5), zero, zero, out, mean_magnetic(x, y, xp, yp, xm, ym, V, half))

    @kernel(group.NAME)
    def stress(T, W, h, hp, hm, V, Az, E, half):
        """T^{μν} of a plane, (10, 1, ny)."""
        x, xp, xm = index(h), index(hp), index(hm)
        unit = half + half
        link_means_line(W, zero, index(4), unit, x, xp, xm, 0, V, Az, E, half)
        link_means_line(W, one, index(3), -unit, x, x, x, 1, V, Az, E, half)
        longitudinal_line(W, x, xp, xm, V, E, half)
        tensor_line(T, zero, W, 0, T.shape[2], half)

    return SimpleNamespace(component_energies=component_energies, stress=stress)


class _Planes:
    """Energies and tensor plane by plane, with a workspace of its own (one object per thread)."""

    def __init__(self, fields: MilneFields) -> None:
        ny = fields.grid.shape[1]
        self._kernels, self._half = milne_kernels(fields.group), fields.dtype.type(0.5)
        self._held = ComovingPlanes(fields)
        self._lines = np.zeros((6, fields.group.DIMENSION, 1, 1, ny), fields.dtype)
        self.energies = np.empty((len(COMPONENTS), ny), fields.dtype)
        self.tensor = np.empty((len(TENSOR), 1, ny), fields.dtype)

    def component_energies(self, x: int) -> np.ndarray:
        """½E_L², ½E_T², ½B_L², ½B_T² at the plane x, (4, ny)."""
        held = self._held
        held.move_to(x)
        self._kernels.component_energies(
            self.energies, held.slot(x), held.slot(x + 1), held.V, held.Az, held.E, self._half
        )  # fmt: skip
        return self.energies

    def stress(self, x: int) -> np.ndarray:
        """T^{μν} at the plane x, (10, ny)."""
        held = self._held
        held.move_to(x)
        slots = (held.slot(n) for n in (x, x + 1, x - 1))
        self._kernels.stress(self.tensor, self._lines, *slots, held.V, held.Az, held.E, self._half)
        return self.tensor[:, 0]


def field_energy(fields: MilneFields, workers: Workers) -> float:
    """dE/dη = τ ∫ ε at τ − Δτ/2, units 1/(g² a_T)."""

    def planes(x0: int, x1: int) -> list[float]:
        held = _Planes(fields)
        return [float(held.component_energies(x).sum(dtype=np.float64)) for x in range(x0, x1)]

    parts = workers.over_planes(fields.grid.shape[0], planes)
    return fields.tau_of_momenta * total_of(parts, fields.grid.shape[0], workers)


def measure(fields: MilneFields, workers: Workers) -> Measurement:
    """Energy densities and T^{μν} in the transverse mean, and T^00 in the plane and along y = ny/2, units 1/(g² a_T⁴)."""
    nx, ny, _ = fields.grid.shape
    components, tensor = np.zeros((nx, len(COMPONENTS), 1)), np.zeros((nx, len(TENSOR), 1))
    side_view, front_view = np.zeros((nx, 1), np.float32), np.zeros((nx, ny), np.float32)

    def planes(x0: int, x1: int) -> None:
        held = _Planes(fields)
        for x in range(x0, x1):
            components[x, :, 0] = held.component_energies(x).sum(axis=1, dtype=np.float64)
            T = held.stress(x)
            tensor[x, :, 0] = T.sum(axis=1, dtype=np.float64)
            side_view[x, 0], front_view[x] = T[0, ny // 2], T[0]

    workers.over_planes(nx, planes)
    return of_all_planes(components, tensor, side_view, front_view, workers)


def stress_tensor(fields: MilneFields, workers: Workers, x0: int = 0, x1: int | None = None) -> np.ndarray:
    """T^{μν} at the sites of planes x0 ≤ x < x1, (10, x1 − x0, ny, 1), units 1/(g² a_T⁴)."""
    nx, ny, _ = fields.grid.shape
    count = (nx if x1 is None else x1) - x0
    T = np.zeros((len(TENSOR), count, ny, 1), fields.dtype)

    def planes(first: int, last: int) -> None:
        held = _Planes(fields)
        for k in range(first, last):
            T[:, k, :, 0] = held.stress(x0 + k)

    workers.over_some(count, planes)
    return T
