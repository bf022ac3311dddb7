"""Wilson lines of a nucleus whose colour changes along its thickness, with a correlation length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import ceil, floor, sqrt
from types import ModuleType

import numpy as np

from glasma.nuclei.ordered_product import identity, times_exponential
from glasma.nuclei.profile import GaussianProfile

#: Independent sheets stand ξ/3 apart: their sum has the Gaussian correlation up to 2 exp(−π² 3²/2) = 10⁻¹⁹.
SHEETS_PER_LENGTH = 3
#: A sheet is felt up to 6 ξ from its place: exp(−6²) = 2·10⁻¹⁶.
REACH = 6
#: Slices per correlation length at least.
SLICES_PER_LENGTH = 4
#: Slices whose Wilson lines are kept at once, besides one of each block.
_BLOCK = 16
#: What rounding may put a site beside the end of a slice, in slices.
_ROUNDING = 1e-6


def stored_planes(profile: GaussianProfile, correlation_length: float, step: float) -> tuple[int, int]:
    """How many planes of potentials and of links a nucleus keeps at most, besides what it returns; parameters as below."""
    thickness = _thickness(correlation_length, step)
    slices, reach = 2 * profile.half_length / thickness, 2 * (profile.half_length + REACH * correlation_length)
    sheets = min(_sheets_kept(correlation_length, thickness), floor(reach * SHEETS_PER_LENGTH / correlation_length) + 1)
    return sheets, ceil(slices / _BLOCK) + min(_BLOCK, ceil(slices)) + 1


def _thickness(correlation_length: float, step: float) -> float:
    """Thickness of a slice."""
    return step / max(1, ceil(SLICES_PER_LENGTH * step / correlation_length - _ROUNDING))


def _sheets_kept(correlation_length: float, thickness: float) -> int:
    """How many sheets are kept at once: those that the slices of a block need."""
    return 2 * REACH * SHEETS_PER_LENGTH + ceil(_BLOCK * thickness * SHEETS_PER_LENGTH / correlation_length) + 2


@dataclass(frozen=True)
class IncoherentNucleus:
    """A nucleus with ⟨ρ^a(x^-, x_T) ρ^b(y^-, y_T)⟩ ∝ δ^{ab} δ(x_T − y_T) √(f(x^-) f(y^-)) exp(−(x^- − y^-)²/2ξ²).

    f is the profile; the charge of the whole thickness has the variance (g²μ)² of a single sheet (a form of the model in
    Ipp et al., "Energy-momentum tensor of the dilute (3+1)D Glasma", 2024; compare Schlichting, Singh, PRD 103 (2021)
    014003).  The potential is

        gφ(x^-) = C √f(x^-) Σ_m exp(−(x^- − mξ/3)²/ξ²) gφ_m,   m = …, −1, 0, 1, …,

    with independent sheets φ_m: a function of x^- that does not know of the lattice.  It is cut into slices of constant
    charge, and V is the ordered product of their exponentials, the front first.  For ξ → ∞ this is the coherent nucleus with
    the profile √f, normalised: a Gaussian of width √2 σ.

    Parameters
    ----------
    group : module of glasma.group
    sheet : function of m
        gφ_m, (dim_g, nx, ny): the same at every call.
    correlation_length : float
        ξ, units a_T.
    profile : GaussianProfile
    direction : +1 or −1
    centre : float
        z of its centre at t = 0, units a_T.
    step : float
        The time step, units a_T.  A slice is as thick, or a whole fraction of it if ξ demands.
    site : float
        z of any lattice site.  Slices end there at t = 0, so that V at every site and time step is one of whole slices: the
        nucleus moves over the lattice without the least change.
    """

    group: ModuleType
    sheet: Callable[[int], np.ndarray]
    correlation_length: float
    profile: GaussianProfile
    direction: int
    centre: float
    step: float
    site: float = 0.0
    _starts: list[np.ndarray] = field(default_factory=list, init=False, repr=False)
    _block: dict[int, list[np.ndarray]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def thickness(self) -> float:
        """Thickness of a slice, units a_T."""
        return _thickness(self.correlation_length, self.step)

    @cached_property
    def edges(self) -> np.ndarray:
        """Depths behind the centre at which slices begin and end, from the front to the back, all within the profile."""
        h, half = self.thickness, self.profile.half_length
        site = self.direction * (self.centre - self.site)
        first, last = ceil((-half - site) / h - _ROUNDING), floor((half - site) / h + _ROUNDING)
        return site + h * np.arange(first, last + 1)

    @property
    def extent(self) -> tuple[float, float]:
        """Where the charges begin and end at t = 0."""
        front, back = (self.centre - self.direction * float(depth) for depth in self.edges[[0, -1]])
        return min(front, back), max(front, back)

    @cached_property
    def sheets(self) -> np.ndarray:
        """m of the sheets that are felt anywhere in the nucleus."""
        spacing = self.correlation_length / SHEETS_PER_LENGTH
        reach = REACH * self.correlation_length
        return np.arange(ceil((self.edges[0] - reach) / spacing), floor((self.edges[-1] + reach) / spacing) + 1)

    @cached_property
    def weights(self) -> np.ndarray:
        """Part of each sheet in the charge of each slice, (slices, sheets); the sums of the columns have the square 1."""
        root = GaussianProfile(sqrt(2) * self.profile.width, self.profile.cutoff / sqrt(2))
        inside = np.diff([root.behind(depth) for depth in self.edges])
        middles = (self.edges[1:] + self.edges[:-1]) / 2
        distance = np.abs(middles[:, None] / self.correlation_length - self.sheets / SHEETS_PER_LENGTH)
        weights = inside[:, None] * np.where(distance <= REACH, np.exp(-(distance**2)), 0)
        return weights / np.sqrt(np.sum(weights.sum(axis=0) ** 2))

    def potential(self, number: int) -> np.ndarray:
        """∫ gφ dx^- over one slice, counted from the front: (dim_g, nx, ny)."""
        (felt,) = np.nonzero(self.weights[number])
        total = self.weights[number, felt[0]] * self._sheet(int(self.sheets[felt[0]]))
        for column in felt[1:]:
            total += self.weights[number, column] * self._sheet(int(self.sheets[column]))
        return total

    @cached_property
    def _sheet(self) -> Callable[[int], np.ndarray]:
        """`sheet`, kept as long as the slices of a block need it."""
        return lru_cache(_sheets_kept(self.correlation_length, self.thickness))(self.sheet)

    def wilson_line(self, z: float, t: float) -> np.ndarray:
        """V at (t, z), (nx, ny, N_c, N_c); within a slice its charge counts in proportion."""
        depth = self.direction * (self.centre - z) + t
        passed = min(max((depth - self.edges[0]) / self.thickness, 0.0), len(self.edges) - 1.0)
        whole = round(passed) if abs(passed - round(passed)) < _ROUNDING else floor(passed)
        V = self._product(whole)
        if passed - whole > _ROUNDING:
            V = times_exponential(self.group, V, self.potential(whole), passed - whole)
        return self.group.link_to_matrix(V)

    def _product(self, slices: int) -> np.ndarray:
        """The ordered product of the first slices as links (reals, nx, ny), always built from the front.

        All of them would fill the memory: kept are those of one block, and of the first slice of every block before it.
        """
        block, place = divmod(slices, _BLOCK)
        if block not in self._block:
            start = self._start(block)
            self._block.clear()
            self._block[block] = [start]
        return self._through(block, place)[place]

    def _through(self, block: int, place: int) -> list[np.ndarray]:
        """The products within the block that is kept, at least up to `place`."""
        lines = self._block[block]
        while len(lines) <= place:
            number = block * _BLOCK + len(lines) - 1
            lines.append(times_exponential(self.group, lines[-1], self.potential(number), 1.0))
        return lines

    def _start(self, block: int) -> np.ndarray:
        """The ordered product of all slices before a block."""
        if not self._starts:
            self._starts.append(identity(self.group, self._sheet(0).shape[1:]))
        while len(self._starts) <= block:
            before = len(self._starts) - 1
            if before not in self._block:
                self._block.clear()
                self._block[before] = [self._starts[before]]
            self._starts.append(self._through(before, _BLOCK)[_BLOCK])
        return self._starts[block]
