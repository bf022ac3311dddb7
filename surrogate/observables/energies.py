"""Energy densities of the fine lattice from fields of the coarse one: improved operators, fitted.

A coarse link or plaquette has averaged over the fields inside it, so that the plain operators, ½E² and the plaquette, miss
energy: 10 % and more where the fields vary within a few coarse cells.  Improved ones add the same with neighbours, as
improved actions do,

    ½E_L²:  ½π²,  ½ Σ_k |T_k^n π − π|²
    ½E_T²:  Σ_i ½P_i²/τ²,  ½ Σ_i |T_i^n P_i − P_i|²/τ²,  ½ Σ_{i≠k} |T_k^n P_i − P_i|²/τ²
    ½B_L²:  the terms of V_B,     ½B_T²:  the terms of V_φ, over τ²

with coefficients that are fitted to lattice means of fine runs, relative to each value.  Everything is taken at the time of
the momenta, as in the engine (`glasma.observables.milne_measure`).  ε is the sum, P_L = ½E_T² + ½B_T² − ½E_L² − ½B_L², P_T =
½E_L² + ½B_L².
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from surrogate.actions.field_strength import FieldStrengthAction, ahead, dot
from surrogate.evolution.frames import Frame
from surrogate.evolution.leapfrog import FieldState
from surrogate.groups import Group, exponential

#: Rows of the result.
COMPONENTS = ("E_L", "E_T", "B_L", "B_T")

#: Terms of each component; the first is the plain operator.
TERMS = {
    "E_L": ("pi", "pi_gradient1", "pi_gradient2"),
    "E_T": ("P", "P_along1", "P_across1", "P_along2", "P_across2"),
    "B_L": ("plaquette", "square", "adjacent", "diagonal", "straight2", "straight3"),
    "B_T": ("gradient1", "gradient2", "gradient3", "gradient_diagonal"),
}


class FittedEnergies(nn.Module):
    """Means of ½E_L², ½E_T², ½B_L², ½B_T² as sums of terms; the first term of each is the plain operator.

    Parameters
    ----------
    terms : mapping of str to tuple of str
        The terms of each component.

    Attributes
    ----------
    names : list of str
        All terms.
    weights : (4, terms) Parameter
        One row a component, zero where it has no term; the plain operators to begin with.
    """

    def __init__(self, terms: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__()
        self.terms = dict(terms)
        self.names = list(dict.fromkeys(name for some in terms.values() for name in some))
        weights = torch.zeros(len(COMPONENTS), len(self.names), dtype=torch.float64)
        for row, component in enumerate(COMPONENTS):
            weights[row, self.names.index(terms[component][0])] = 1
        self.weights = nn.Parameter(weights)

    def of(self, invariants: Tensor) -> Tensor:
        """The components, (batch, 4), of the terms, (batch, terms)."""
        return invariants @ self.weights.to(invariants.dtype).mT

    def fit(self, invariants: Sequence[Tensor], energies: Sequence[Tensor], ridge: float = 1e-4) -> list[float]:
        """Set the weights to the least squares fit of energies relative to ε, next to the plain operators.

        Parameters
        ----------
        invariants : sequence of (terms,)
            Of blocked fine states.
        energies : sequence of (4,)
            Means of the fine lattice in units of the coarse one.
        ridge : float

        Returns
        -------
        list of float
            Root mean square error of each component, relative to ε.
        """
        X, Y = torch.stack(list(invariants)).double(), torch.stack(list(energies)).double()
        total = Y.sum(1, keepdim=True)
        X, Y = X / total, Y / total
        errors = []
        with torch.no_grad():
            self.weights.zero_()
            for row, component in enumerate(COMPONENTS):
                columns = [self.names.index(name) for name in self.terms[component]]
                scale = X[:, columns].square().mean(0).sqrt()
                terms = X[:, columns] / scale
                plain = torch.zeros(len(columns), dtype=torch.float64)
                plain[0] = scale[0]
                normal = terms.mT @ terms / len(X) + ridge * torch.eye(len(columns), dtype=torch.float64)
                found = torch.linalg.solve(normal, terms.mT @ Y[:, row] / len(X) + ridge * plain)
                errors.append(float((terms @ found - Y[:, row]).square().mean().sqrt()))
                self.weights[row, columns] = found / scale
        return errors


class EnergyOperators(FittedEnergies):
    """Means of ½E_L², ½E_T², ½B_L², ½B_T² over the transverse plane.

    Parameters
    ----------
    group : Group
    frame : Frame
        Milne or static.
    step : float
        Δt of the states.
    """

    def __init__(self, group: Group, frame: Frame, step: float) -> None:
        super().__init__(TERMS)
        self.group, self.frame, self.size = group, frame, float(step)
        magnetic = [name for name in self.names if name in (*TERMS["B_L"], *TERMS["B_T"])]
        self._action = FieldStrengthAction(group, 2, terms=magnetic)
        self._action.requires_grad_(False)

    def forward(self, state: FieldState) -> Tensor:
        """(batch, 4), units of the lattice's own a_T: 1/(g² a_T⁴)."""
        return self.of(self.invariants(state))

    def invariants(self, state: FieldState) -> Tensor:
        """The terms, lattice means, (batch, terms)."""
        assert state.phi is not None
        assert state.pi is not None
        metric = self.frame.metric((state.number - 0.5) * self.size)
        half = self.size / 2
        U = exponential(-(half / metric) * state.P, self.group) @ state.U
        phi = state.phi - half * metric * state.pi
        sites = U.shape[2:-2].numel()
        found = self._action.invariants(U, phi)
        pi, P = state.pi, state.P / metric
        found["pi"] = dot(pi, pi).flatten(1).sum(1) / 2
        found["P"] = dot(P, P).flatten(1).sum(1) / 2
        for n in (1, 2):
            along: list[Tensor] = []
            across: list[Tensor] = []
            of_pi: list[Tensor] = []
            for k in (0, 1):
                of_pi.append(gradient_square(U, pi, k, n))
                for i in (0, 1):
                    (along if i == k else across).append(gradient_square(U, P[:, i], k, n))
            found[f"pi_gradient{n}"] = torch.stack(of_pi).sum(0)
            found[f"P_along{n}"] = torch.stack(along).sum(0)
            found[f"P_across{n}"] = torch.stack(across).sum(0)
        for name in TERMS["B_T"]:
            found[name] = found[name] / metric**2
        return torch.stack([found[name] for name in self.names], dim=1) / sites


def gradient_square(U: Tensor, X: Tensor, k: int, n: int) -> Tensor:
    """½ Σ |T_k^n X − X|² over the lattice, (batch,)."""
    difference = ahead(U, X, k, n) - X
    return dot(difference, difference).flatten(1).sum(1) / 2
