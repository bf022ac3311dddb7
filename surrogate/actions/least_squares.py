"""Fit of the coefficients of a field strength action to accelerations: linear least squares, no iteration.

Links and scalar at three consecutive times of the coarse lattice, blocked from a fine run, determine the momenta at the two
half steps between them (`surrogate.evolution.momenta`), and so what the kick of the leapfrog has to do,

    (P(t + ½) − P(t − ½))/Δt = − Σ_n c_n ∇V_n(t),

for every link and colour; likewise for the scalar.  Since the times are those of the coarse leapfrog, its error in Δt is
fitted away together with that in the spacing.  Both sides have the weight of the kinetic energy, P²/(2τ) and τ π²/2, and all
times count the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from surrogate.actions.field_strength import FieldStrengthAction, is_of_scalar
from surrogate.actions.forces import Forces, link_gradient
from surrogate.errors import LayerError
from surrogate.evolution.frames import Frame
from surrogate.evolution.momenta import momenta_between
from surrogate.groups import Group, algebra_part


@dataclass(frozen=True)
class Window:
    """Links and scalar at consecutive times of a coarse lattice.

    Attributes
    ----------
    U : (times, D, *lattice, N, N) complex
    phi : (times, *lattice, N, N) complex or None
    first : int
        Number of the first time, t = first · Δt; 0 is τ = 0+ in the Milne frame.
    longitudinal : (*lattice, N, N) complex, optional
        π at τ = 0+; a window with first = 0 in the Milne frame needs it.
    moves : (*lattice) bool, optional
        Sites that count; all by default.  Those where charges are do not.
    """

    U: Tensor
    phi: Tensor | None = None
    first: int = 0
    longitudinal: Tensor | None = None
    moves: Tensor | None = None


@dataclass(frozen=True)
class Fit:
    """What a fit found.

    Attributes
    ----------
    residual : float
        Root mean square of what is left over, relative to the accelerations.
    times : int
        Number of times that were fitted.
    """

    residual: float
    times: int


def fit_coefficients(
    action: FieldStrengthAction, windows: Iterable[Window], frame: Frame, step: float, ridge: float = 1e-11
) -> Fit:
    """Set the coefficients of `action` to those that fit the accelerations of all windows best.

    A coefficient whose term exerts no force in any window stays as it is.

    Parameters
    ----------
    action : FieldStrengthAction
    windows : iterable of Window
    frame : Frame
    step : float
        Δt between the times, units of the coarse a_T: the step that the evolution will take.
    ridge : float
        Relative to the mean square of each term; it settles terms that are nearly the same.

    Raises
    ------
    LayerError
        If no window has an inner time.
    """
    count = len(action.names)
    normal = torch.zeros(count, count, dtype=torch.float64)
    right = torch.zeros(count, dtype=torch.float64)
    times = 0
    for window in windows:
        for terms, target in _equations(action, window, frame, step):
            scale = target.square().sum()
            normal += (terms @ terms.mT / scale).to(normal)
            right += (terms @ target / scale).to(right)
            times += 1
    if not times:
        raise LayerError("no time to fit: a window has at least three consecutive times, or two from τ = 0+ on")
    size = normal.diagonal().sqrt()
    silent = size == 0
    size = torch.where(silent, 1.0, size)
    scaled = normal / size / size[:, None]
    solution = torch.linalg.solve(scaled + ridge * torch.eye(count, dtype=torch.float64), right / size) / size
    with torch.no_grad():
        action.coefficients.copy_(torch.where(silent.to(action.coefficients.device), action.coefficients, solution))
    left = float(times - 2 * solution @ right + solution @ normal @ solution)
    return Fit((max(left, 0.0) / times) ** 0.5, times)


def _equations(action: FieldStrengthAction, window: Window, frame: Frame, step: float) -> Iterable[tuple[Tensor, Tensor]]:
    """(terms, numbers) and (numbers) of each time with a known acceleration."""
    group, U, phi = action.group, window.U, window.phi
    of_scalar: Tensor | None
    half = [frame.metric((window.first + n + 0.5) * step) for n in range(len(U) - 1)]
    P = [momenta_between(U[n], U[n + 1], step, half[n], group) for n in range(len(U) - 1)]
    pi = None if phi is None else [(phi[n + 1] - phi[n]) / (step * half[n]) for n in range(len(U) - 1)]
    keep = _kept(window, U)
    spacings = U.real.new_tensor(frame.squared_spacings()).view(-1, *[1] * (U.ndim - 2))
    for n in range(len(U) - 1):
        metric = frame.metric((window.first + n) * step)
        if metric == 0:
            # The first half step from τ = 0+, see `Leapfrog.start`.
            if phi is None or pi is None or window.longitudinal is None:
                continue
            metric = step / 2
            scalar: Tensor | None = window.longitudinal
            links, of_scalar = P[0], pi[0] - window.longitudinal
            by_magnetic, by_gradient, by_scalar = metric**2 / 2, 0.0, metric**2 / 4
        elif n == 0:
            continue
        else:
            links = (P[n] - P[n - 1]) / step
            scalar = None if phi is None else phi[n]
            of_scalar = None if pi is None else (pi[n] - pi[n - 1]) / step
            by_magnetic, by_gradient, by_scalar = metric, 1 / metric, 1 / metric
        weights = metric**-0.5, metric**0.5
        rows = []
        for part in term_forces(action, U[n : n + 1], None if scalar is None else scalar[None]):
            force = by_magnetic * spacings * part.magnetic[0]
            if part.gradient is not None:
                force = force + by_gradient * part.gradient[0]
            row = [weights[0] * _numbers(force[keep])]
            if of_scalar is not None:
                push = torch.zeros_like(of_scalar) if part.scalar is None else by_scalar * part.scalar[0]
                row.append(weights[1] * _numbers(push))
            rows.append(torch.cat(row))
        target = [weights[0] * _numbers(links[keep])]
        if of_scalar is not None:
            target.append(weights[1] * _numbers(of_scalar))
        yield torch.stack(rows), torch.cat(target)


def _kept(window: Window, U: Tensor) -> Tensor:
    D = U.shape[1]
    lattice = U.shape[2:-2]
    moves = torch.ones(lattice, dtype=torch.bool) if window.moves is None else window.moves
    return moves.to(U.device).expand(D, *lattice)


def _numbers(X: Tensor) -> Tensor:
    return torch.view_as_real(X.resolve_conj().contiguous()).flatten()


def term_forces(action: FieldStrengthAction, U: Tensor, phi: Tensor | None) -> list[Forces]:
    """The forces of each term with coefficient 1, in the order of `action.names`."""
    group: Group = action.group
    with torch.enable_grad():
        links = U.detach().requires_grad_()
        scalar = None if phi is None else phi.detach().requires_grad_()
        found = action.invariants(links, scalar)
        result = []
        for name in action.names:
            if name not in found:
                zero = torch.zeros_like(U)
                result.append(Forces(zero, None, None))
            elif is_of_scalar(name):
                assert scalar is not None
                along, push = torch.autograd.grad(found[name].sum(), [links, scalar], retain_graph=True, materialize_grads=True)
                result.append(
                    Forces(
                        torch.zeros_like(U), -link_gradient(along, links, group).detach(), -algebra_part(1j * push, group) / 2
                    )
                )
            else:
                (along,) = torch.autograd.grad(found[name].sum(), [links], retain_graph=True)
                result.append(Forces(-link_gradient(along, links, group).detach(), None, None))
    return result
