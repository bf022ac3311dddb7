"""Improved lattice actions: gauge-invariant sums of pairs of field strengths with a few coefficients.

With the plaquette P_ij(x) = U_i(x) U_j(x+i) U†_i(x+j) U†_j(x), s = 2 Re tr(1 − P) and F = [P]_ah, F^a = Im tr(2 t^a P), the
four plaquettes of a plane that touch the site z, all from i to j, are brought to z along an edge of their own,

    F_{++}(z) = F(z),   F_{−+}(z) = U†_i(z−i) F(z−i) U_i(z−i),   F_{+−}(z) = U†_j(z−j) F(z−j) U_j(z−j),
    F_{−−}(z) = U†_j(z−j) F_{−+}(z−j) U_j(z−j),

and (T_k X)(z) = U_k(z) X(z+k) U†_k(z) brings an object from the site ahead.  With A·B = Σ_a A^a B^a, f × g = −i[f, g]

    V_B = Σ_z Σ_{i<j} [ plaquette s + square s² + cube s³
        + Σ_{k∈{i,j}} ( adjacent F·T_k F + action_adjacent s(z) s(z+k) + rectangle 2 Re tr(1 − R_k) )
        + diagonal (F_{++}·F_{−−} + F_{+−}·F_{−+}) + action_diagonal (s(z) s(z+i+j) + s(z+i) s(z+j))
        + Σ_{k∈{i,j}} Σ_{n=2…4} straight_n ½ Σ_{b=±} F_{−b}·T_k^{n−1} F_{+b}           (the first sign along k)
        + Σ_{k∉{i,j}} Σ_{n=1…4} across_n ¼ Σ_{ab} F_{ab}·T_k^n F_{ab} ],

where R_k is the loop of 2 × 1 links, long along k; and for an adjoint scalar φ

    V_φ = Σ_z [ Σ_k Σ_{n=1…4} gradient_n ½ |T_k^n φ − φ|² + gradient_diagonal ¼ Σ_routes |T φ − φ|²
        + commutator ⅛ Σ_{ab} |F_{ab} × φ|² ],

with both shortest routes to each of (1, ±1).  The Wilson action is plaquette = gradient_1 = 1; the tree-level improved action
of Symanzik is plaquette = 5/3, rectangle = −1/12, gradient_1 = 4/3, gradient_2 = −1/12 (Lüscher, Weisz, CMP 97 (1985) 59).
In SU(2) the rectangle is not a term of its own: 2 Re tr(1 − R) = s + s' + F·F' − s s'/4 for the two plaquettes in it.

On an anisotropic lattice in three dimensions planes are of the class "xy" or "z" (those that hold z), directions of the class
"t" or "z", each with coefficients of its own, and a plane has the weight 1/(a_i² a_j²).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from numbers import Real
from typing import Any, Self

import numpy as np

from glasma.errors import ConfigError

#: Largest distance of two field strengths along a straight line.
REACH = 4


def _check_finite(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value):
            raise ConfigError(f"coefficient {name} = {value!r}: must be a finite number")


def _check_known(given: Mapping[str, Any], known: Iterable[str]) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            raise ConfigError(f"coefficient {name!r} = {given[name]!r}: is not known; these are: {', '.join(names)}")


@dataclass(frozen=True)
class TransverseAction:
    """V_B and V_φ of the transverse plane, with the coefficients of the terms above.

    Raises
    ------
    ConfigError
        If a coefficient is not a finite number.
    """

    plaquette: float = 0.0
    square: float = 0.0
    cube: float = 0.0
    adjacent: float = 0.0
    action_adjacent: float = 0.0
    diagonal: float = 0.0
    action_diagonal: float = 0.0
    rectangle: float = 0.0
    straight2: float = 0.0
    straight3: float = 0.0
    straight4: float = 0.0
    gradient1: float = 0.0
    gradient2: float = 0.0
    gradient3: float = 0.0
    gradient4: float = 0.0
    gradient_diagonal: float = 0.0
    commutator: float = 0.0

    def __post_init__(self) -> None:
        _check_finite(asdict(self))

    @classmethod
    def wilson(cls) -> Self:
        """The action of `glasma.evolution.boost_invariant.BoostInvariant`."""
        return cls(plaquette=1.0, gradient1=1.0)

    @classmethod
    def symanzik(cls) -> Self:
        """No errors of order a² at tree level."""
        return cls(plaquette=5 / 3, rectangle=-1 / 12, gradient1=4 / 3, gradient2=-1 / 12)

    @classmethod
    def from_dict(cls, coefficients: Mapping[str, float]) -> Self:
        """Coefficients by their names; those that are not given are zero.

        Raises
        ------
        ConfigError
            For an unknown name, or a value that is not a finite number.
        """
        _check_known(coefficients, [entry.name for entry in fields(cls)])
        return cls(**coefficients)

    def to_dict(self) -> dict[str, float]:
        """All coefficients by their names."""
        return asdict(self)

    @property
    def gradients(self) -> tuple[float, ...]:
        """gradient_n for n = 1 … REACH."""
        return self.gradient1, self.gradient2, self.gradient3, self.gradient4

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The one plane, of the axes 1 and 2 of the arrays."""
        along = Along(*(getattr(self, term) for term in _DIRECTED))
        return (Plane((1, 2), 1.0, **{term: getattr(self, term) for term in _LOCAL}, first=along, second=along),)


@dataclass(frozen=True)
class Along:
    """The coefficients of the pairs of one plane whose plaquettes lie along one of its axes."""

    adjacent: float = 0.0
    action_adjacent: float = 0.0
    rectangle: float = 0.0
    straight2: float = 0.0
    straight3: float = 0.0
    straight4: float = 0.0

    @property
    def straight(self) -> tuple[float, ...]:
        """adjacent and straight_n, which are one series: n = 1 … REACH."""
        return self.adjacent, self.straight2, self.straight3, self.straight4


@dataclass(frozen=True)
class Plane:
    """All terms of one plane of the lattice.

    Attributes
    ----------
    axes : (i, j)
        Axes of the arrays.
    weight : float
        1/(a_i² a_j²), a factor of all terms.
    first, second : Along
        Pairs along i and along j.
    across : tuple of float
        across_n for n = 1 … REACH.
    """

    axes: tuple[int, int]
    weight: float
    plaquette: float = 0.0
    square: float = 0.0
    cube: float = 0.0
    diagonal: float = 0.0
    action_diagonal: float = 0.0
    first: Along = Along()
    second: Along = Along()
    across: tuple[float, ...] = (0.0,) * REACH


#: Terms of a class of planes, and those which it has for each class of directions in the plane.
_LOCAL = ("plaquette", "square", "cube", "diagonal", "action_diagonal")
_DIRECTED = tuple(entry.name for entry in fields(Along))


@dataclass(frozen=True)
class LaboratoryAction:
    """V_B in three dimensions.

    Parameters
    ----------
    coefficients : mapping of str to float
        Names are those of the terms with the class of the plane, ``plaquette.xy``, ``square.z``; for pairs in the plane with
        that of the direction too, ``adjacent.xyt``, ``straight2.zt``, ``rectangle.zz``; ``across1.xyz`` are pairs of xy planes
        along z, ``across1.zt`` pairs of planes with z along the other transverse direction.  Those not given are zero.

    Raises
    ------
    ConfigError
        For an unknown name, or a value that is not a finite number.
    """

    coefficients: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_known(self.coefficients, self.names())
        _check_finite(self.coefficients)
        # A copy of its own, complete and in a fixed order.
        object.__setattr__(self, "coefficients", {name: float(self.coefficients.get(name, 0.0)) for name in self.names()})

    @staticmethod
    def names() -> Iterator[str]:
        """All terms."""
        for plane, directions, normal in (("xy", "t", "z"), ("z", "tz", "t")):
            yield from (f"{term}.{plane}" for term in _LOCAL)
            yield from (f"{term}.{plane}{direction}" for direction in directions for term in _DIRECTED)
            yield from (f"across{n}.{plane}{normal}" for n in range(1, REACH + 1))

    @classmethod
    def wilson(cls) -> Self:
        """The action of `glasma.evolution.leapfrog.Leapfrog`."""
        return cls({"plaquette.xy": 1.0, "plaquette.z": 1.0})

    @classmethod
    def symanzik(cls) -> Self:
        """No errors of order a_i² at tree level, whatever the anisotropy."""
        rectangles = {f"rectangle.{name}": -1 / 12 for name in ("xyt", "zt", "zz")}
        return cls({"plaquette.xy": 5 / 3, "plaquette.z": 5 / 3, **rectangles})

    @classmethod
    def from_dict(cls, coefficients: Mapping[str, float]) -> Self:
        """The same as the constructor."""
        return cls(coefficients)

    def to_dict(self) -> dict[str, float]:
        """All coefficients by their names."""
        return dict(self.coefficients)

    def planes(self, spacings: tuple[float, float, float]) -> tuple[Plane, ...]:
        """The planes xy, xz, yz of a lattice with these spacings."""
        return tuple(self._plane(axes, spacings) for axes in ((0, 1), (0, 2), (1, 2)))

    def _plane(self, axes: tuple[int, int], spacings: tuple[float, float, float]) -> Plane:
        of = "xy" if axes == (0, 1) else "z"
        first, second = (
            Along(*(self.coefficients[f"{term}.{of}{'z' if axis == 2 else 't'}"] for term in _DIRECTED)) for axis in axes
        )
        normal = "z" if of == "xy" else "t"
        return Plane(
            axes,
            (spacings[axes[0]] * spacings[axes[1]]) ** -2,
            **{term: self.coefficients[f"{term}.{of}"] for term in _LOCAL},
            first=first,
            second=second,
            across=tuple(self.coefficients[f"across{n}.{of}{normal}"] for n in range(1, REACH + 1)),
        )


def largest_frequency(planes: tuple[Plane, ...], spacings: tuple[float, ...], gradients: tuple[float, ...] = ()) -> float:
    """ω of the fastest wave of weak fields, units 1/a_T: the leapfrog is stable for steps below 2/ω.

    For weak fields V_B = ½ Σ F(−k) K(k) F(k), so that ω² = K Σ_i 4 sin²(k_i/2)/a_i² in a plane; in three dimensions, where K
    differs from plane to plane, this with the largest K is a bound.

    Parameters
    ----------
    spacings : tuple of float
        Of the axes of the arrays; the axis 0 does not exist if there is a scalar.
    gradients : tuple of float
        gradient_n, and gradient_diagonal as the last.

    Raises
    ------
    ConfigError
        If V is negative for some wave, which then grows without bound.
    """
    angles = np.linspace(0, np.pi, 33)
    k = np.meshgrid(*[angles if axis or not gradients else angles[:1] for axis in range(3)], indexing="ij")
    squares = [4 * np.sin(angle / 2) ** 2 / a**2 for angle, a in zip(k, spacings, strict=True)]
    momentum = sum(squares, np.zeros_like(k[0]))
    moving = momentum > 0
    frequencies = []
    for plane in planes:
        K = _response(plane, k)
        if np.min(K[moving], initial=0.0) < 0:
            raise ConfigError(
                f"an action with V < 0 for weak fields of the plane {plane.axes}: its coefficients do not give waves"
            )
        frequencies.append(K * momentum)
    if gradients:
        *straight, diagonal = gradients
        scalar = sum(
            (g * 4 * np.sin(n * angle / 2) ** 2 for n, g in enumerate(straight, 1) for angle in k[1:]), np.zeros_like(momentum)
        )
        scalar = scalar + 4 * diagonal * (1 - np.cos(k[1]) * np.cos(k[2]))
        if np.min(scalar) < -1e-12:
            raise ConfigError("V < 0 for a weak scalar: the coefficients of gradients do not give waves; change them")
        frequencies.append(scalar)
    return float(np.max(frequencies)) ** 0.5


def _response(plane: Plane, k: Sequence[np.ndarray]) -> np.ndarray:
    """K(k) of one plane: 1 for the Wilson action."""
    i, j = plane.axes
    K = np.full_like(k[0], plane.plaquette) + 4 * plane.diagonal * np.cos(k[i]) * np.cos(k[j])
    for axis, along in ((i, plane.first), (j, plane.second)):
        K = K + along.rectangle * (2 + 2 * np.cos(k[axis]))
        K = K + sum(2 * c * np.cos(n * k[axis]) for n, c in enumerate(along.straight, 1))
    normal = 3 - i - j
    return K + sum(2 * c * np.cos(n * k[normal]) for n, c in enumerate(plane.across, 1))
