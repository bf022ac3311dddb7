"""Limited-memory BFGS with a strong Wolfe line search, for the last digits of a fit.

Nocedal and Wright, *Numerical Optimization* (2006), algorithms 7.4, 7.5 (two-loop recursion), 3.5 and 3.6 (line search).
Nothing here depends on the scale of the loss: `torch.optim.LBFGS` drops curvature pairs with y·s < 1e-10, and then stalls
where a squared error is still far above rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

#: Sufficient decrease and curvature of the strong Wolfe conditions.
DECREASE, CURVATURE = 1e-4, 0.9


@dataclass
class _Point:
    """The loss along a line: at x + t d, with its slope d·∇f."""

    t: float
    loss: float
    slope: float
    gradient: Tensor


class LBFGS:
    """Minimise a deterministic function of some parameters.

    Parameters
    ----------
    parameters : real or complex; complex ones count as pairs of real ones
    history : pairs (s, y) that are kept
    evaluations : of the function in one line search at most
    """

    def __init__(self, parameters: Iterable[nn.Parameter], history: int, evaluations: int) -> None:
        self._parameters, self._history, self._evaluations = list(parameters), history, evaluations
        self._pairs: list[tuple[Tensor, Tensor]] = []
        self._loss, self._gradient = math.nan, torch.empty(0)

    def step(self, evaluate: Callable[[], float]) -> tuple[float, float, bool]:
        """One iteration.

        Parameters
        ----------
        evaluate : sets the gradients of the parameters and returns the loss

        Returns
        -------
        loss, norm of the gradient, whether the loss decreased
            If it did not, no further decrease can be found within rounding.
        """
        if not len(self._gradient):
            self._loss = evaluate()
            self._gradient = self._flat_gradient()
        start = self._flat()
        while True:
            norm = float(self._gradient.norm())
            if norm == 0 or not math.isfinite(norm) or not math.isfinite(self._loss):
                return self._loss, norm, False
            direction = self._direction()
            # The first step has no curvature to go by; it may be as long as 1 at most.
            first = 1.0 if self._pairs else min(1.0, 1.0 / norm)
            found = self._search(evaluate, start, direction, first)
            if found is not None:
                self._move(start, direction, found.t)
                self._remember(found.t * direction, found.gradient - self._gradient)
                self._loss, self._gradient = found.loss, found.gradient
                return self._loss, float(self._gradient.norm()), True
            self._move(start, direction, 0.0)
            if not self._pairs:
                return self._loss, norm, False
            self._pairs.clear()

    def state_dict(self) -> dict[str, Any]:
        """All that the next iteration depends on but the parameters."""
        return {"pairs": list(self._pairs), "loss": self._loss, "gradient": self._gradient}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        device = self._parameters[0].device
        self._pairs = [(s.to(device), y.to(device)) for s, y in state["pairs"]]
        self._loss, self._gradient = state["loss"], state["gradient"].to(device)

    def _direction(self) -> Tensor:
        """−H ∇f."""
        direction = -self._gradient
        weights = []
        for s, y in reversed(self._pairs):
            weight = s.dot(direction) / y.dot(s)
            weights.append(weight)
            direction = direction - weight * y
        if self._pairs:
            s, y = self._pairs[-1]
            direction = direction * (s.dot(y) / y.dot(y))
        for (s, y), weight in zip(self._pairs, reversed(weights), strict=True):
            direction = direction + (weight - y.dot(direction) / y.dot(s)) * s
        return direction

    def _remember(self, s: Tensor, y: Tensor) -> None:
        if float(s.dot(y)) > torch.finfo(s.dtype).eps * float(s.norm()) * float(y.norm()):
            self._pairs = [*self._pairs, (s, y)][-self._history :]

    def _search(self, evaluate: Callable[[], float], start: Tensor, direction: Tensor, first: float) -> _Point | None:
        """A point that fulfils the strong Wolfe conditions, or the best with a sufficient decrease, or None."""
        zero = _Point(0.0, self._loss, float(direction.dot(self._gradient)), self._gradient)
        if zero.slope >= 0:
            return None
        best: _Point | None = None
        low, high, t = zero, None, first
        for _ in range(self._evaluations):
            self._move(start, direction, t)
            loss = evaluate()
            gradient = self._flat_gradient()
            at = _Point(t, loss, float(direction.dot(gradient)), gradient)
            finite = math.isfinite(at.loss) and math.isfinite(at.slope)
            enough = finite and at.loss <= zero.loss + DECREASE * t * zero.slope and at.loss < zero.loss
            if enough and (best is None or at.loss < best.loss):
                best = at
            if enough and abs(at.slope) <= -CURVATURE * zero.slope:
                return at
            if not enough or at.loss >= low.loss:
                high = at
            else:
                # Past a minimum of the line, seen from `low`: the bracket is between the two.
                if at.slope * ((high.t if high else math.inf) - low.t) >= 0:
                    high = low
                low = at
            t = 2.5 * t if high is None else _between(low, high)
            if t in (low.t, high.t if high else math.inf):
                break
        return best

    def _flat(self) -> Tensor:
        return torch.cat([_real(parameter.detach()).reshape(-1) for parameter in self._parameters])

    def _flat_gradient(self) -> Tensor:
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._parameters]
        return torch.cat([_real(gradient).reshape(-1) for gradient in gradients])

    def _move(self, start: Tensor, direction: Tensor, t: float) -> None:
        values = start + t * direction
        parts = values.split([_real(parameter).numel() for parameter in self._parameters])
        with torch.no_grad():
            for parameter, part in zip(self._parameters, parts, strict=True):
                _real(parameter).copy_(part.view_as(_real(parameter)))


def _real(values: Tensor) -> Tensor:
    return torch.view_as_real(values) if values.is_complex() else values


def _between(low: _Point, high: _Point) -> float:
    """The minimum of the cubic through two points and their slopes, kept away from both (Nocedal and Wright, eq. 3.59)."""
    width = high.t - low.t
    t = low.t + width / 2
    if all(map(math.isfinite, (low.loss, low.slope, high.loss, high.slope))):
        mean = low.slope + high.slope - 3 * (high.loss - low.loss) / width
        root = mean * mean - low.slope * high.slope
        if root >= 0:
            root = math.copysign(math.sqrt(root), width)
            below = high.slope - low.slope + 2 * root
            if below != 0:
                t = high.t - width * (high.slope + root - mean) / below
    near, far = sorted((low.t + width / 10, high.t - width / 10))
    return min(max(t, near), far)
