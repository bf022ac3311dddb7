"""The boost-invariant leapfrog on the GPU; see `glasma.evolution.boost_invariant`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
from numba import cuda

from glasma.backend import index
from glasma.cuda import milne
from glasma.cuda.device import array_module, copies, launch, to_device
from glasma.cuda.gauss import unitarity_violation
from glasma.evolution.boost_invariant import BoostInvariant, Drift
from glasma.evolution.boost_invariant_kernels import boost_invariant_updates
from glasma.lattice.gauge import GaussResidual
from glasma.lattice.milne import MilneFields, StaticFields
from glasma.lattice.plaquettes import wrapped
from glasma.lattice.storage import on_host
from glasma.nuclei.nucleus import Nucleus
from glasma.observables.measure import Measurement


@cache
def boost_invariant_kernels(group: ModuleType) -> SimpleNamespace:
    """The kernels `kick` and `drift` of one group."""
    load, store, mul, exp, unitarise = group.load, group.store, group.mul, group.exp, group.unitarise
    load_algebra, store_algebra, add_scaled, dot = group.load_algebra, group.store_algebra, group.add_scaled, group.dot
    rotate_back, updates = group.rotate_back, boost_invariant_updates(group)
    strength, gradient = updates.strength, updates.gradient
    kicked_x, kicked_y, kicked_eta = updates.kicked_x, updates.kicked_y, updates.kicked_eta
    zero, one, two = index(0), index(1), index(2)

    @cuda.jit
    def kick(
        x0, U, A, E, work, c_force, c_cross, c_divergence, before_t, after_t, before_l, after_l, potential, scalar
    ):  # fmt: skip
        """The momenta at the planes of `work`, from x0 on.

        work ← the weights · (P_T² before, P_T² after, P_η² before, P_η² after, ½B_L², D²) of the site.
        """
        k, i = cuda.grid(2)
        nx, ny = U.shape[3], U.shape[4]
        if i >= work.shape[0] or k >= ny:
            return
        x, xp, xm = index(x0 + i), wrapped(x0 + i + 1, nx), wrapped(x0 + i - 1, nx)
        y, yp, ym = index(k), wrapped(k + 1, ny), wrapped(k - 1, ny)
        # links along x and y at the site, at the one before along x and at the one below along y
        u, v = load(U, zero, zero, x, y), load(U, one, zero, x, y)
        u_before, v_before = load(U, zero, zero, xm, y), load(U, one, zero, xm, y)
        u_below, v_below = load(U, zero, zero, x, ym), load(U, one, zero, x, ym)
        f, action = strength(u, v, load(U, zero, zero, x, yp), load(U, one, zero, xp, y))
        f_before = rotate_back(u_before, strength(u_before, v_before, load(U, zero, zero, xm, yp), v)[0])
        f_below = rotate_back(v_below, strength(u_below, v_below, u, load(U, one, zero, xp, ym))[0])
        a = load_algebra(A, zero, zero, x, y)
        d, e = gradient(u, load_algebra(A, zero, zero, xp, y), a), gradient(v, load_algebra(A, zero, zero, x, yp), a)
        d_before = rotate_back(u_before, gradient(u_before, a, load_algebra(A, zero, zero, xm, y)))
        e_below = rotate_back(v_below, gradient(v_below, a, load_algebra(A, zero, zero, x, ym)))

        p, q = load_algebra(E, zero, zero, x, y), load_algebra(E, one, zero, x, y)
        r = load_algebra(E, two, zero, x, y)
        done = potential * action + scalar * (dot(d, d) + dot(e, e))
        done += before_t * (dot(p, p) + dot(q, q)) + before_l * dot(r, r)
        p = kicked_x(p, f, f_below, d, a, c_force, c_cross)
        q = kicked_y(q, f, f_before, e, a, c_force, c_cross)
        r = kicked_eta(r, d, d_before, e, e_below, c_divergence)
        store_algebra(E, zero, zero, x, y, p)
        store_algebra(E, one, zero, x, y, q)
        store_algebra(E, two, zero, x, y, r)
        work[index(i), y] = done + after_t * (dot(p, p) + dot(q, q)) + after_l * dot(r, r)

    @cuda.jit
    def drift(x0, x1, U, A, E, c_links, c_scalar, renew):
        """U_i ← exp(i c_links P_i) U_i, A ← A + c_scalar P_η for x0 ≤ x < x1; `renew` brings U back into the group."""
        k, i = cuda.grid(2)
        if i >= x1 - x0 or k >= U.shape[4]:
            return
        x, y = index(x0 + i), index(k)
        for d in range(2):
            u = mul(exp(c_links, load_algebra(E, index(d), zero, x, y)), load(U, index(d), zero, x, y))
            if renew:
                u = unitarise(u)
            store(U, index(d), zero, x, y, u)
        a = add_scaled(load_algebra(A, zero, zero, x, y), c_scalar, load_algebra(E, two, zero, x, y))
        store_algebra(A, zero, zero, x, y, a)

    return SimpleNamespace(kick=kick, drift=drift)


class CudaBoostInvariant(BoostInvariant):
    """The boost-invariant leapfrog on one grid, its fields on the GPU; parameters as for `BoostInvariant`.

    Raises
    ------
    ValueError
        As `BoostInvariant`.
    ConfigError
        If there is no GPU.
    """

    @property
    def _host(self) -> BoostInvariant:
        """The scheme that makes the initial state."""
        array_module()  # an error before the work
        return BoostInvariant(self.grid, self.group, self.dtype, self.workers, "milne" if self._expands else "static")

    def initial_state(self, nuclei: Sequence[Nucleus]) -> MilneFields:
        """As of `BoostInvariant`, made on the host."""
        host = self._host
        fields = host.initial_state(nuclei)
        self.preparation = host.preparation
        return to_device(fields)

    def start(self, links: np.ndarray, longitudinal: np.ndarray) -> MilneFields:
        """As of `BoostInvariant`, made on the host."""
        return to_device(self._host.start(links, longitudinal))

    def start_static(self, links: np.ndarray, scalar: np.ndarray, momenta: np.ndarray) -> StaticFields:
        """As of `BoostInvariant`, made on the host."""
        return cast(StaticFields, to_device(self._host.start_static(links, scalar, momenta)))

    def _kick_with(
        self,
        fields: MilneFields,
        scalar: Any,
        coefficients: tuple[np.floating, np.floating, np.floating],
        factors: np.ndarray,
        drift: Drift | None,
    ) -> float:
        nx, ny, _ = self.grid.shape
        own = self.workers.own(nx)
        work = array_module().empty((len(own), ny), self.dtype)
        arguments = own.start, fields.U, scalar, fields.E, work, *coefficients, *factors
        launch(boost_invariant_kernels(self.group).kick, work.shape, *arguments)
        by_plane = np.zeros(nx)
        by_plane[own.start : own.stop] = on_host(work.sum(axis=1, dtype=np.float64))
        return float(self.workers.sum(by_plane))

    def _finish_drift(self, fields: MilneFields, drift: Drift) -> None:
        own = self.workers.own(self.grid.shape[0])
        self._drift_planes(fields, drift, own.start, own.stop)

    def _drift_copies(self, fields: MilneFields, drift: Drift) -> None:
        for x0, x1 in copies(self.workers, self.grid.shape[0]):
            self._drift_planes(fields, drift, x0, x1)

    def _drift_planes(self, fields: MilneFields, drift: Drift, x0: int, x1: int) -> None:
        kernel = boost_invariant_kernels(self.group).drift
        launch(kernel, (x1 - x0, self.grid.shape[1]), x0, x1, fields.U, fields.A, fields.E, *drift)

    def gauss_residual(self, fields: MilneFields) -> GaussResidual:
        """Violation of the Gauss constraint, relative to its largest term."""
        return milne.gauss_residual(fields, self.workers)

    def energy(self, fields: MilneFields) -> float:
        """H = dE/dη = τ ∫ ε at τ − Δτ/2, units 1/(g² a_T)."""
        return milne.field_energy(fields, self.workers)

    def measure(self, fields: MilneFields) -> Measurement:
        """Energy densities and T^{μν} of the comoving observer at τ − Δτ/2."""
        return milne.measure(fields, self.workers)

    def stress_tensor(self, fields: MilneFields, x0: int = 0, x1: int | None = None) -> np.ndarray:
        """T^{μν} of planes x0 ≤ x < x1 in the memory of the host, (10, x1 − x0, ny, 1), at τ − Δτ/2."""
        return milne.stress_tensor(fields, x0, x1)

    def unitarity_violation(self, fields: MilneFields) -> float:
        """Largest |U†U − 1| over all links."""
        return unitarity_violation(fields.group, fields.U, self.workers)
