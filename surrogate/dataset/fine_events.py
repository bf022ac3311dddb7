"""Events on the fine lattice in the transverse plane, one step after the other: collisions in proper time, and a static box."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import ModuleType

import numpy as np
import torch

from glasma.evolution.boost_invariant import BoostInvariant
from glasma.evolution.light_cone import light_cone_fields
from glasma.group import group_named
from glasma.lattice.milne import MilneFields
from glasma.lattice.storage import on_host
from glasma.nuclei.preparation import make_nuclei
from glasma.schemes import make_scheme
from surrogate.actions import FieldStrengthAction, forces
from surrogate.dataset.config import RandomFields
from surrogate.dataset.plan import EventPlan
from surrogate.engine_fields import algebra_from_tensor, algebra_to_tensor, links_from_tensor, links_to_tensor
from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import FieldState, Leapfrog
from surrogate.groups import as_group, exponential
from surrogate.lattice import plaquettes

#: The frame of the events of each kind of source.
FRAMES = {"boost_invariant": "milne", "box": "static", "collision": "laboratory"}


class FineEvent(ABC):
    """Fields of one event at the fine time `number`.

    Attributes
    ----------
    group : module
    number : int
        Fine steps since 0.
    longitudinal : (dim_g, nx, ny) float64 or None
        P_η at τ = 0+, where there is one.
    """

    group: ModuleType
    number: int = 0
    longitudinal: np.ndarray | None = None

    @property
    @abstractmethod
    def links(self) -> np.ndarray:
        """(2, link_reals, nx, ny)"""

    @property
    @abstractmethod
    def scalar(self) -> np.ndarray | None:
        """A_η, (dim_g, nx, ny), or None if the event has no scalar."""

    @property
    @abstractmethod
    def momenta(self) -> np.ndarray:
        """(P_x, P_y, P_η), without scalar two, (3 or 2, dim_g, nx, ny), half a step before `number`; at 0 those of 0."""

    @abstractmethod
    def step(self) -> None:
        """number → number + 1"""

    @abstractmethod
    def energies(self) -> np.ndarray:
        """Means of ½E_L², ½E_T², ½B_L², ½B_T² over the lattice half a step before `number` ≥ 1, units 1/(g² a_T⁴), (4,)."""


class Collision(FineEvent):
    """A collision of thin nuclei, from its fields at τ = 0+ on, which may be on a GPU.

    Parameters
    ----------
    scheme : BoostInvariant
    links : (2, link_reals, nx, ny)
    longitudinal : (dim_g, nx, ny)
        P_η
    """

    def __init__(self, scheme: BoostInvariant, links: np.ndarray, longitudinal: np.ndarray) -> None:
        self.group, self._scheme = scheme.group, scheme
        self._start, self.longitudinal = links, longitudinal
        self._fields: MilneFields | None = None

    @property
    def links(self) -> np.ndarray:
        """U_i"""
        return self._start if self._fields is None else on_host(self._fields.U[:, :, 0])

    @property
    def scalar(self) -> np.ndarray:
        """A_η"""
        assert self.longitudinal is not None
        return np.zeros_like(self.longitudinal) if self._fields is None else on_host(self._fields.A[0, :, 0])

    @property
    def momenta(self) -> np.ndarray:
        """(P_x, P_y, P_η)"""
        if self._fields is not None:
            return on_host(self._fields.E[:, :, 0])
        assert self.longitudinal is not None
        zero = np.zeros_like(self.longitudinal)
        return np.stack([zero, zero, self.longitudinal])

    def step(self) -> None:
        """One step of the scheme; the first is that from τ = 0+."""
        if self._fields is None:
            assert self.longitudinal is not None
            self._fields = self._scheme.start(self._start, self.longitudinal)
        else:
            self._scheme.step(self._fields)
        self.number = self._fields.step

    def energies(self) -> np.ndarray:
        """As `BoostInvariant.measure` has them."""
        assert self._fields is not None
        return self._scheme.measure(self._fields).components[:, 0]


class Box(FineEvent):
    """Links at rest in a box that does not expand.

    Parameters
    ----------
    group : module
    links : (2, link_reals, nx, ny)
        At t = 0, where all momenta are zero.
    step : float
        Δt, units a_T.
    """

    def __init__(self, group: ModuleType, links: np.ndarray, step: float) -> None:
        self.group = group
        self._group = as_group(group.NAME)
        action = FieldStrengthAction(self._group, 2, terms=["plaquette"]).requires_grad_(False)
        # The one place where the solver of the box stands: any that has links and momenta at these times will do.
        self._solver = Leapfrog(action, self._group, Frame("static"), step)
        U = links_to_tensor(links, group)
        self._state = FieldState(U, torch.zeros_like(U))

    @property
    def links(self) -> np.ndarray:
        """U_i"""
        return links_from_tensor(self._state.U, self.group)

    @property
    def scalar(self) -> None:
        """None."""
        return None

    @property
    def momenta(self) -> np.ndarray:
        """(P_x, P_y)"""
        return np.stack([algebra_from_tensor(P, self.group) for P in self._state.P[0]])

    def step(self) -> None:
        """One leapfrog step; the first kick from rest is half of one."""
        with torch.no_grad():
            if self.number == 0:
                force = forces(self._solver.action, self._state.U, None, self._group).magnetic
                self._state = self._solver.drift(FieldState(self._state.U, self._solver.size / 2 * force))
            else:
                self._state = self._solver(self._state)
        self.number = self._state.number

    def energies(self) -> np.ndarray:
        """½E_T² = ½ Σ_i P_i² and ½B_L² = 2 Re tr(1 − U_xy), the links taken back by half a step."""
        U, P = self._state.U, self._state.P
        loops = plaquettes(exponential(-self._solver.size / 2 * P, self._group) @ U)
        sites = U.shape[2] * U.shape[3]
        electric = P.abs().square().sum() / sites
        magnetic = 2 * (self._group.N - loops.diagonal(dim1=-2, dim2=-1).sum(-1).real).sum() / sites
        return np.array([0.0, float(electric), float(magnetic), 0.0])


def random_links(group: ModuleType, fields: RandomFields, shape: tuple[int, int], seed: int) -> np.ndarray:
    """exp(i A^a t^a) on both links of every site, A^a Gaussian with the spectrum exp(−k²λ²/2).

    The A of one direction, all its colours and sites together, have the standard deviation `amplitude`.

    Returns
    -------
    (2, link_reals, nx, ny) float64
    """
    rng = np.random.default_rng(seed)
    k = [2 * np.pi * np.fft.fftfreq(n) for n in shape]
    weight = np.exp(-(k[0][:, None] ** 2 + k[1] ** 2) * fields.correlation_length**2 / 4)
    A = np.fft.ifft2(np.fft.fft2(rng.standard_normal((2, group.DIMENSION, *shape))) * weight).real
    A *= fields.amplitude / A.std(axis=(1, 2, 3), keepdims=True)
    U = exponential(torch.stack([algebra_to_tensor(along, group) for along in A])[None], as_group(group.NAME))
    return links_from_tensor(U, group)


def fine_event(event: EventPlan) -> FineEvent:
    """The event at its start.

    Raises
    ------
    ConvergenceError
        If a link of the forward light cone is not found.
    """
    plan = event.plan
    group, grid = group_named(plan.source.lattice.group), plan.grid
    nx, ny, _ = grid.shape
    if plan.source.kind == "box":
        assert plan.source.fields is not None
        return Box(group, random_links(group, plan.source.fields, (nx, ny), event.seed), grid.a_t)
    start = light_cone_fields(group, make_nuclei(event.derived), (nx, ny))
    scheme = make_scheme(event.derived.config, grid, backend=plan.source.backend)
    assert isinstance(scheme, BoostInvariant)
    return Collision(scheme, start.links, start.longitudinal)
