"""Actions of pairs of field strengths: a dozen coefficients that make a coarse lattice follow a fine one.

With the plaquette P_ij(x) based at x, s = 2 Re tr(1 − P) and F = [P]_ah = F^a t^a, A·B = Σ_a A^a B^a, the four plaquettes of
a plane that touch the site z are brought to it along an edge of their own, F_{++}, F_{−+}, F_{+−}, F_{−−}; T_k^n brings an
object from n sites ahead along k back to z.  Per plane (i, j) and site

    V_B = plaquette s + square s² + cube s³
        + Σ_{k∈(i,j)} ( adjacent F·T_k F + action_adjacent s s_{+k} + rectangle 2 Re tr(1 − R_k) )
        + diagonal (F_{++}·F_{−−} + F_{+−}·F_{−+}) + action_diagonal (s_{++} s_{−−} + s_{+−} s_{−+})
        + Σ_{k∈(i,j)} Σ_{n=2,3,4} straight{n} ½ Σ_{rows b} F_{−b}·T_k^{n−1} F_{+b}
        + Σ_{k∉(i,j)} Σ_{n=1…4} across{n} ¼ Σ_{ab} F_{ab}·T_k^n F_{ab}

(the first sign along k), and for the adjoint scalar of the boost-invariant frame

    V_φ = Σ_k Σ_{n=1…4} gradient{n} ½ |T_k^n φ − φ|² + gradient_diagonal ¼ Σ_routes |T_{x,±y} φ − φ|²
        + commutator ⅛ Σ_ab |F_ab × φ|²,

with both shortest routes to each of (1, ±1), R_k the loop of 2 × 1 links, long along k, and f × g = −i [f, g].  The Wilson
action is plaquette = gradient1 = 1.  The pairs are traced Wilson loops of two plaquettes that a straight line joins, up to
terms in s; the form is that of an L-Conv, an L-Bilin and a Trace.

On an anisotropic lattice in three dimensions planes are of the class "xy" or "z" (those that hold z), directions k of the
class "t" or "z", and every coefficient exists for each; s and F·F carry the weight 1/(a_i² a_j²) of the plane.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from surrogate.actions.action import Action, Potential
from surrogate.errors import LayerError
from surrogate.groups import Group, algebra_part, as_group
from surrogate.lattice import planes, plaquettes, shift

#: Largest distance of two field strengths along a straight line.
REACH = 4


class FieldStrengthAction(Action):
    """The action above, with its coefficients as parameters.

    Parameters
    ----------
    group : Group or str
        "SU(2)" or "SU(3)".
    dimensions : int
        2, with a scalar if one is given to `forward`, or 3.
    terms : iterable of str, optional
        The terms that it has; `fitted_terms` by default.
    anisotropy : float
        a_z/a_T of the third direction.
    reach : int
        Largest n, for the default of `terms`.

    Attributes
    ----------
    names : list of str
        Of the terms, in the order of `coefficients`.
    coefficients : (terms,) real Parameter
        Those of the Wilson action to begin with.

    Raises
    ------
    LayerError
        For an unknown term, or another group or dimension.
    """

    def __init__(
        self,
        group: Group | str,
        dimensions: int = 2,
        terms: list[str] | None = None,
        anisotropy: float = 1.0,
        reach: int = REACH,
    ) -> None:
        super().__init__()
        self.group, self.dimensions, self.anisotropy = as_group(group), dimensions, float(anisotropy)
        if not self.group.special:
            raise LayerError(f"group = {self.group}: field strength actions are for SU(2) and SU(3)")
        if dimensions not in (2, 3):
            raise LayerError(f"dimensions = {dimensions}: field strength actions are for 2 or 3")
        known = list(term_names(dimensions, REACH))
        self.names = list(terms) if terms is not None else fitted_terms(dimensions, reach)
        for name in self.names:
            if name not in known:
                raise LayerError(f"term {name!r}: known are {', '.join(known)}")
        wilson = [1.0 if is_wilson(name) else 0.0 for name in self.names]
        self.coefficients = nn.Parameter(torch.tensor(wilson, dtype=torch.float64))

    @classmethod
    def wilson(cls, group: Group | str) -> FieldStrengthAction:
        """The action of the solver in two dimensions."""
        return cls(group, 2, terms=["plaquette", "gradient1"])

    @classmethod
    def symanzik(cls, group: Group | str) -> FieldStrengthAction:
        """The tree-level improved action in two dimensions: no errors of order a² (Lüscher, Weisz, CMP 97 (1985) 59)."""
        action = cls(group, 2, terms=["plaquette", "rectangle", "gradient1", "gradient2"])
        action.set_values({"plaquette": 5 / 3, "rectangle": -1 / 12, "gradient1": 4 / 3, "gradient2": -1 / 12})
        return action

    def values(self) -> dict[str, float]:
        """The coefficients by their names."""
        return dict(zip(self.names, self.coefficients.tolist(), strict=True))

    def set_values(self, values: Mapping[str, float]) -> None:
        """Set coefficients by their names; those that are not given become zero.

        Raises
        ------
        LayerError
            If a name is not one of `names`.
        """
        for name in values:
            if name not in self.names:
                raise LayerError(f"term {name!r}: this action has {', '.join(self.names)}")
        with torch.no_grad():
            new = [float(values.get(name, 0.0)) for name in self.names]
            self.coefficients.copy_(torch.tensor(new, dtype=self.coefficients.dtype))

    def forward(self, U: Tensor, phi: Tensor | None = None) -> Potential:
        """V_B and V_φ, (batch,) each."""
        found = self.invariants(U, phi)
        magnetic, gradient = U.new_zeros(U.shape[0]).real, None
        for name, coefficient in zip(self.names, self.coefficients, strict=True):
            if name not in found:
                continue
            if is_of_scalar(name):
                gradient = coefficient * found[name] + (0 if gradient is None else gradient)
            else:
                magnetic = magnetic + coefficient * found[name]
        if phi is not None and gradient is None:
            gradient = torch.zeros_like(magnetic)
        return Potential(magnetic, gradient)

    def invariants(self, U: Tensor, phi: Tensor | None = None) -> dict[str, Tensor]:
        """The terms without their coefficients, each summed over the lattice, (batch,)."""
        return {name: density.flatten(1).sum(1) for name, density in self.densities(U, phi).items()}

    def densities(self, U: Tensor, phi: Tensor | None = None) -> dict[str, Tensor]:
        """The terms without their coefficients at the sites on which they are based, (batch, *lattice)."""
        wanted = set(self.names)
        result: dict[str, Tensor] = {}

        def add(name: str, density: Any) -> None:
            if name in wanted:
                found = density()
                result[name] = result[name] + found if name in result else found

        D = self.dimensions
        spacings = [1.0, 1.0, self.anisotropy][:D]
        loops = plaquettes(U)
        for number, (i, j) in enumerate(planes(D)):
            P = loops[:, number]
            weight = 1 / (spacings[i] * spacings[j]) ** 2
            leaves = Leaves(U, P, i, j, self.group)
            _plane_terms(add, U, leaves, weight, D)
        if phi is not None:
            _scalar_terms(add, U, phi, Leaves(U, loops[:, 0], 0, 1, self.group))
        return result


class Leaves:
    """The four plaquettes of a plane at a site, F by their signs along (i, j), (batch, *lattice, N, N) each."""

    def __init__(self, U: Tensor, P: Tensor, i: int, j: int, group: Group) -> None:
        D = U.shape[1]
        self.axes = i, j
        self.s = 2 * (P.shape[-1] - P.diagonal(dim1=-2, dim2=-1).sum(-1).real)
        F = algebra_part(P, group)
        left = _brought(U, F, i)
        self.F = {
            (1, 1): F,
            (-1, 1): left,
            (1, -1): _brought(U, F, j),
            (-1, -1): _brought(U, left, j),
        }
        self._D = D

    def at(self, k: int, sign: int, row: int) -> Tensor:
        """F on the side `sign` along k and in the row `row` along the other axis."""
        return self.F[(sign, row) if k == self.axes[0] else (row, sign)]


def dot(A: Tensor, B: Tensor) -> Tensor:
    """A·B = Σ_a A^a B^a = 2 tr A B for Hermitian A, B of the algebra."""
    return 2 * (A * B.mT).sum((-2, -1)).real


def ahead(U: Tensor, X: Tensor, axis: int, steps: int = 1) -> Tensor:
    """T^n X, X (batch, *lattice, N, N) brought from `steps` sites ahead to the site."""
    D = U.shape[1]
    link = U[:, axis]
    for _ in range(steps):
        X = link @ shift(X, axis, 1, D) @ link.mH
    return X


def _brought(U: Tensor, X: Tensor, axis: int) -> Tensor:
    """X from one site behind."""
    link = U[:, axis]
    return shift(link.mH @ X @ link, axis, -1, U.shape[1])


def _plane_terms(add: Any, U: Tensor, leaves: Leaves, weight: float, D: int) -> None:
    i, j = leaves.axes
    s, F = leaves.s, leaves.F
    plane = _plane_class(i, j, D)
    add(f"plaquette{plane}", lambda: weight * s)
    add(f"square{plane}", lambda: weight * s**2)
    add(f"cube{plane}", lambda: weight * s**3)
    for k in (i, j):
        kind = plane + _direction_class(k, D)
        add(f"adjacent{kind}", lambda k=k: weight * dot(F[1, 1], ahead(U, F[1, 1], k)))
        add(f"action_adjacent{kind}", lambda k=k: weight * s * _site_shift(s, k, 1, D))
        add(f"rectangle{kind}", lambda k=k: weight * _rectangle(U, k, j if k == i else i))
    add(f"diagonal{plane}", lambda: weight * (dot(F[1, 1], F[-1, -1]) + dot(F[1, -1], F[-1, 1])))
    add(
        f"action_diagonal{plane}",
        lambda: (
            weight * (s * _site_shift(_site_shift(s, i, 1, D), j, 1, D) + _site_shift(s, i, 1, D) * _site_shift(s, j, 1, D))
        ),
    )
    for k in (i, j):
        kind = plane + _direction_class(k, D)
        far = {row: leaves.at(k, 1, row) for row in (1, -1)}
        for n in range(2, REACH + 1):
            far = {row: ahead(U, X, k) for row, X in far.items()}
            add(
                f"straight{n}{kind}",
                lambda k=k, far=far: weight / 2 * sum(dot(leaves.at(k, -1, row), X) for row, X in far.items()),
            )
    for k in set(range(D)) - {i, j}:
        kind = plane + _direction_class(k, D)
        beyond = dict(F)
        for n in range(1, REACH + 1):
            beyond = {signs: ahead(U, X, k) for signs, X in beyond.items()}
            add(
                f"across{n}{kind}",
                lambda beyond=beyond: weight / 4 * sum(dot(F[signs], X) for signs, X in beyond.items()),
            )


def _rectangle(U: Tensor, k: int, other: int) -> Tensor:
    """2 Re tr(1 − R) of the loop of two links along k and one along the other axis."""
    D = U.shape[1]
    line = U[:, k] @ shift(U[:, k], k, 1, D)
    side = U[:, other]
    R = line @ shift(side, k, 2, D) @ (side @ shift(line, other, 1, D)).mH
    return 2 * (U.shape[-1] - R.diagonal(dim1=-2, dim2=-1).sum(-1).real)


def _scalar_terms(add: Any, U: Tensor, phi: Tensor, leaves: Leaves) -> None:
    def square(X: Tensor) -> Tensor:
        return dot(X, X)

    for k in (0, 1):
        X = phi
        for n in range(1, REACH + 1):
            X = ahead(U, X, k)
            add(f"gradient{n}", lambda X=X: square(X - phi) / 2)
    x, y = 0, 1
    ahead_x, ahead_y = ahead(U, phi, x), ahead(U, phi, y)
    # The neighbours at (1, 1) and (1, −1), by both shortest routes.
    routes = [
        ahead(U, ahead_y, x),
        ahead(U, ahead_x, y),
        ahead(U, _brought(U, phi, y), x),
        _brought(U, ahead_x, y),
    ]
    add("gradient_diagonal", lambda: sum(square(X - phi) for X in routes) / 4)
    add(
        "commutator",
        lambda: sum(square(-1j * (F @ phi - phi @ F)) for F in leaves.F.values()) / 8,
    )


def _site_shift(s: Tensor, axis: int, steps: int, D: int) -> Tensor:
    return torch.roll(s, -steps, axis - D)


def _plane_class(i: int, j: int, D: int) -> str:
    return "" if D == 2 else (".z" if 2 in (i, j) else ".xy")


def _direction_class(k: int, D: int) -> str:
    return "" if D == 2 else ("z" if k == 2 else "t")


def term_names(dimensions: int, reach: int = REACH) -> Iterator[str]:
    """All terms up to the distance `reach`, in a fixed order."""
    if dimensions == 2:
        yield from ("plaquette", "square", "cube", "adjacent", "action_adjacent", "rectangle", "diagonal", "action_diagonal")
        yield from (f"straight{n}" for n in range(2, reach + 1))
        yield from (f"gradient{n}" for n in range(1, reach + 1))
        yield from ("gradient_diagonal", "commutator")
        return
    for plane, directions, normal in ((".xy", ("t",), "z"), (".z", ("t", "z"), "t")):
        yield from (f"{name}{plane}" for name in ("plaquette", "square", "cube", "diagonal", "action_diagonal"))
        for direction in directions:
            yield from (f"{name}{plane}{direction}" for name in ("adjacent", "action_adjacent", "rectangle"))
            yield from (f"straight{n}{plane}{direction}" for n in range(2, reach + 1))
        yield from (f"across{n}{plane}{normal}" for n in range(1, reach + 1))


def fitted_terms(dimensions: int, reach: int = REACH) -> list[str]:
    """The terms that a fit has by default.

    Not the rectangles, which in SU(2) are sums of others, nor cubes and products of s: they gain 1 % in the fields that they
    are fitted to, and in stronger ones a potential that bends down can run away.
    """
    left_out = ("rectangle", "cube", "action_")
    return [name for name in term_names(dimensions, reach) if not name.startswith(left_out)]


def is_of_scalar(name: str) -> bool:
    """Whether a term belongs to V_φ."""
    return name.startswith("gradient") or name == "commutator"


def is_wilson(name: str) -> bool:
    """Whether a term is in the Wilson action."""
    return name.partition(".")[0] in ("plaquette", "gradient1")
