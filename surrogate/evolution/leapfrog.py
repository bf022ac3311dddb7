"""The leapfrog with any gauge-invariant potential: for all weights equivariant, reversible, symplectic, Gauss to rounding.

    P(t + ½) = P(t − ½) − Δt ∇V(t),   U(t + 1) = exp(i Δt P(t + ½)) U(t),

with the factors of the frame (`surrogate.evolution.frames`).  Each half is a gauge-invariant Hamiltonian's exact flow, hence
conserves its Noether charge, the Gauss constraint.  With the Wilson action it is the engine's scheme
(`glasma.evolution.leapfrog`, `glasma.evolution.boost_invariant`) step for step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from surrogate.actions.action import Action
from surrogate.actions.forces import forces
from surrogate.evolution.frames import Frame
from surrogate.evolution.state import FieldState
from surrogate.groups import Group, algebra_part, exponential

__all__ = ["FieldState", "Leapfrog"]


class Leapfrog(torch.nn.Module):
    """Steps of a state in a frame.

    Parameters
    ----------
    action : Action
    group : Group
    frame : Frame
    step : float
        Δt, units of the lattice's own a_T.
    """

    def __init__(self, action: Action, group: Group, frame: Frame, step: float) -> None:
        super().__init__()
        self.action, self.group, self.frame, self.size = action, group, frame, float(step)

    def kick(self, state: FieldState, current: Tensor | None = None) -> FieldState:
        """P(t − ½) → P(t + ½); `current` (as P) is subtracted with Δt."""
        time = state.number * self.size
        metric = self.frame.metric(time)
        found = forces(self.action, state.U, state.phi, self.group, create_graph=torch.is_grad_enabled())
        weights = state.U.real.new_tensor(self.frame.squared_spacings()).view(-1, *[1] * (state.U.ndim - 2))
        P = state.P + (self.size * metric) * (weights * found.magnetic)
        if current is not None:
            P = P - self.size * current
        if found.gradient is None or state.pi is None or found.scalar is None:
            return replace(state, P=P)
        return replace(
            state,
            P=P + (self.size / metric) * found.gradient,
            pi=state.pi + (self.size / metric) * found.scalar,
        )

    def drift(self, state: FieldState) -> FieldState:
        """U(t) → U(t + 1) with P(t + ½)."""
        metric = self.frame.metric((state.number + 0.5) * self.size)
        U = exponential((self.size / metric) * state.P, self.group) @ state.U
        phi = None
        if state.phi is not None and state.pi is not None:
            phi = state.phi + (self.size * metric) * state.pi
        return replace(state, U=U, phi=phi, number=state.number + 1)

    def forward(self, state: FieldState) -> FieldState:
        """One step."""
        return self.drift(self.kick(state))

    def run(self, state: FieldState, steps: int, checkpointing: bool = False) -> Iterator[FieldState]:
        """The states after each of `steps` steps; with `checkpointing` their graphs are made again in the backward pass."""
        for _ in range(steps):
            state = self._checkpointed(state) if checkpointing and torch.is_grad_enabled() else self(state)
            yield state

    def _checkpointed(self, state: FieldState) -> FieldState:
        def step(U: Tensor, P: Tensor, phi: Tensor | None, pi: Tensor | None) -> tuple[Tensor | None, ...]:
            new = self(FieldState(U, P, phi, pi, state.number))
            return new.U, new.P, new.phi, new.pi

        U, P, phi, pi = checkpoint(step, state.U, state.P, state.phi, state.pi, use_reentrant=False)
        return FieldState(U, P, phi, pi, state.number + 1)

    def start(self, U: Tensor, longitudinal: Tensor) -> FieldState:
        """Fields at Δτ and momenta at Δτ/2 from U_i and π = E_L at τ = 0+, where P_i = φ = 0 (Milne frame).

        The Taylor series of the solution, P_i = −(τ²/2) ∇_i V_B and φ = (τ²/2) π: the kick has the singular coefficient 1/τ.
        """
        half = self.size / 2
        found = forces(self.action, U, longitudinal, self.group, create_graph=torch.is_grad_enabled())
        assert found.scalar is not None
        P = (half**2 / 2) * found.magnetic
        pi = longitudinal + (half**2 / 4) * found.scalar
        return self.drift(FieldState(U, P, torch.zeros_like(pi), pi, 0))

    def synchronous(self, state: FieldState) -> FieldState:
        """The same state with its momenta at t instead of t − ½: half a kick ahead."""
        return self._half_kick(state, 0.5)

    def staggered(self, state: FieldState) -> FieldState:
        """A state whose momenta are those of t, with them at t − ½: half a kick back."""
        return self._half_kick(state, -0.5)

    def _half_kick(self, state: FieldState, part: float) -> FieldState:
        kicked = self.kick(state)
        pi = None
        if state.pi is not None and kicked.pi is not None:
            pi = state.pi + part * (kicked.pi - state.pi)
        return replace(state, P=state.P + part * (kicked.P - state.P), pi=pi)

    def gauss(self, state: FieldState) -> Tensor:
        """Σ_i (P_i − U†_i P_i U_i |_{x−i})/a_i² − φ × π, (batch, *lattice, N, N), at t − ½."""
        return algebra_part(1j * state.gauss(self.frame), self.group)
