"""An evolution that a user wrote: a potential for the leapfrog, or a network that makes the steps itself.

=============  ===================================================  ==================================================
protocol       forward                                              what follows
=============  ===================================================  ==================================================
a potential    (U, phi) → (V_B, V_φ), real, (batch,) each           the leapfrog: reversible, and if V is gauge
                                                                    invariant equivariant, Gauss to rounding
a stepper      (U, P, phi, pi, tau) → (U, P, phi, pi)               only what it has itself
=============  ===================================================  ==================================================

U are the links (batch, 2, nx, ny, N, N) of a coarse time, φ (batch, nx, ny, N, N) the scalar of that time, P and π, of the
same shapes, the momenta half a step before; a stepper gives all of them one step Δτ later.  τ is the time of the links in
units of the coarse a_T.  Conventions are those of `surrogate.evolution.frames`.  Which protocol it is follows from the number
of arguments of `forward`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from surrogate.actions.action import Action, Potential
from surrogate.actions.field_strength import FieldStrengthAction
from surrogate.errors import LayerError
from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import FieldState, Leapfrog
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.groups import as_group
from surrogate.observables.energies import EnergyOperators
from surrogate.plain_config import PlainConfig
from surrogate.python_path import made
from surrogate.training.batches import cast

#: How many arguments `forward` has.
_POTENTIAL, _STEPPER = 2, 5


@dataclass(frozen=True)
class OwnConfig(PlainConfig):
    """Where a user's own evolution is, and the data set that it is for.

    Attributes
    ----------
    path : str
        `package.module:Name` or `path/to/file.py:Name`.
    arguments : dict
        Keywords of the user's class.
    group, frame, blocking, substeps
        As of `EvolutionConfig`.
    seed : int
        Of the weights that it is made with.
    """

    KIND: ClassVar[str] = "an evolution of one's own"

    path: str
    arguments: dict[str, Any] = field(default_factory=dict)
    group: str = "SU(2)"
    frame: str = "milne"
    blocking: int = 2
    substeps: int = 4
    seed: int = 1

    @property
    def dimensions(self) -> int:
        """D."""
        return Frame(self.frame).dimensions

    @property
    def step(self) -> float:
        """Δt, units of the coarse a_T."""
        return 1 / self.substeps

    @property
    def facts(self) -> dict[str, Any]:
        """What the user's class may ask for: group, frame, blocking, substeps, step."""
        return {
            "group": self.group, "frame": self.frame, "blocking": self.blocking, "substeps": self.substeps, "step": self.step,
        }  # fmt: skip


class OwnEvolution(nn.Module):
    """A user's own module with all that training and comparison need of an evolution.

    Parameters
    ----------
    config : OwnConfig

    Attributes
    ----------
    energies : EnergyOperators
        Of the fine lattice; plain ones until they are fitted.
    module : torch.nn.Module
        The user's, in double precision until it is trained in another.
    is_potential : bool
    card : dict
        What `load_model` found beside the weights.

    Raises
    ------
    ConfigError
        If the Python path gives no module.
    LayerError
        If its `forward` fits neither protocol, or, when it is called, gives something else.
    """

    def __init__(self, config: OwnConfig | None = None, **values: Any) -> None:
        super().__init__()
        self.config = config = config or OwnConfig.from_dict(values)
        self.card: dict[str, Any] = {}
        group, self.frame = as_group(config.group), Frame(config.frame)
        if not self.frame.has_scalar:
            raise LayerError(f"frame = {config.frame!r}: an evolution of one's own in the transverse plane is milne or static")
        self.energies = EnergyOperators(group, self.frame, config.step)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.module = made(config.path, config.facts, config.arguments)
        self._apply(lambda tensor: cast(tensor, tensor.device, torch.float64))
        self.is_potential = _arguments_of(self.module, config.path) == _POTENTIAL

    @property
    def leapfrog(self) -> Leapfrog:
        """The leapfrog with the potential, or with Wilson's action beside a stepper."""
        group = as_group(self.config.group)
        action = _OwnAction(self.module, self.config.path) if self.is_potential else FieldStrengthAction.wilson(group)
        return Leapfrog(action, group, self.frame, self.config.step)

    def start(self, U: Tensor, longitudinal: Tensor) -> FieldState:
        """The state after the first step from links and E_L at τ = 0+, where a stepper cannot be called: 1/τ is singular."""
        inner = self._inside(FieldState(U, torch.zeros_like(U), longitudinal, longitudinal))
        assert inner.phi is not None
        return self.leapfrog.start(inner.U, inner.phi).to(U.dtype)

    def run(self, state: FieldState, steps: int, checkpointing: bool = False) -> Iterator[FieldState]:
        """The states after each of `steps` steps; with `checkpointing` their graphs are made again in the backward pass."""
        dtype = state.U.dtype
        inner = self._inside(state)
        if self.is_potential:
            yield from (new.to(dtype) for new in self.leapfrog.run(inner, steps, checkpointing))
            return
        for _ in range(steps):
            inner = self._stepped(inner, checkpointing and torch.is_grad_enabled())
            yield inner.to(dtype)

    def forward(self, state: FieldState) -> FieldState:
        """One step."""
        return next(self.run(state, 1))

    def _inside(self, state: FieldState) -> FieldState:
        """The state in the precision of the weights."""
        return state.to(self.energies.weights.dtype.to_complex())

    def _stepped(self, state: FieldState, checkpointing: bool) -> FieldState:
        if state.phi is None or state.pi is None:
            raise LayerError(f"{self.config.path}: a state without φ and π; give zeros")
        fields = {"U": state.U, "P": state.P, "phi": state.phi, "pi": state.pi}
        tau = state.number * self.config.step
        arguments = (*fields.values(), tau)
        new = checkpoint(self.module, *arguments, use_reentrant=False) if checkpointing else self.module(*arguments)
        if not isinstance(new, tuple | list) or len(new) != len(fields):
            raise LayerError(f"{self.config.path}: forward gives {_described(new)}; a stepper gives U, P, phi, pi")
        for (name, old), tensor in zip(fields.items(), new, strict=True):
            if not isinstance(tensor, Tensor) or tensor.shape != old.shape or tensor.dtype != old.dtype:
                raise LayerError(f"{self.config.path}: forward gives {name} as {_described(tensor)}, not {_described(old)}")
        U, P, phi, pi = new
        return FieldState(U, P, phi, pi, state.number + 1)


#: What evolves a coarse lattice.
Evolution = EvolutionSurrogate | OwnEvolution


class _OwnAction(Action):
    """A user's potential, what it gives checked."""

    def __init__(self, module: nn.Module, path: str) -> None:
        super().__init__()
        self.module, self._path = module, path

    def forward(self, U: Tensor, phi: Tensor | None = None) -> Potential:
        """V_B and V_φ."""
        found = self.module(U, phi)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise LayerError(f"{self._path}: forward gives {_described(found)}; a potential gives V_B, V_φ of shape (batch,)")
        parts = []
        for name, value in zip(("V_B", "V_φ"), found, strict=True):
            if not isinstance(value, Tensor) or value.shape != U.shape[:1] or value.is_complex():
                raise LayerError(f"{self._path}: forward gives {name} as {_described(value)}; needs real of shape {(len(U),)}")
            # What does not depend on the fields has no force, but a graph.
            parts.append(value if value.requires_grad else value + 0 * U.real.flatten(1).sum(1))
        return Potential(*parts)


def _arguments_of(module: nn.Module, path: str) -> int:
    if isinstance(module, Action):
        return _POTENTIAL
    parameters = inspect.signature(module.forward).parameters.values()
    count = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    if count not in (_POTENTIAL, _STEPPER):
        raise LayerError(
            f"{path}: forward({', '.join(map(str, parameters))}); needs forward(U, phi) → V_B, V_φ, "
            "or forward(U, P, phi, pi, tau) → U, P, phi, pi"
        )
    return count


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        return f"{len(value)} things"
    return "None" if value is None else f"a {type(value).__name__}"
