"""What a collision looks like against space-time rapidity: ε_loc(τ, η_s) and the transverse energy dE_T/dη_s.

τ = √(t² − z²) and η_s = artanh(z/t), with the origin where and when the centres of the nuclei coincide.

The transverse means of T^{μν} are interpolated from the measurements to the lines of constant τ by cubic polynomials through
the four nearest times and the four nearest planes: an error of fourth order in both spacings, and a point feels nothing further
away than two of them.  Points are left out (NaN) where these are not all in the data, and nearer to a nucleus than a margin:
t − |z| = τ exp(−|η_s|) must exceed it.  With a margin of 3 σ the tails of the nuclei are e⁻⁹ of their peaks.  So a profile
reaches to |η_s| < ln(τ/3σ) and τ cosh η_s < t_end.  What is narrower in η_s than a_z, σ or the time between measurements,
divided by τ exp(−|η_s|), is not resolved.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from scipy.optimize import curve_fit

from glasma.io.history import Profiles
from glasma.observables.landau_frame import longitudinal_frame
from glasma.observables.stress_energy import TENSOR

#: Distance to the nuclei that is left out, in widths σ.
MARGIN = 3.0

_NEEDED = ("T00", "T0z", "Txx", "Tyy", "Tzz")
_STENCIL = 4


@dataclass(frozen=True)
class RapidityProfile:
    """The transverse plane on the line of one τ.

    Attributes
    ----------
    tau : float
        fm/c.
    eta : (n,)
        Space-time rapidity η_s.
    energy_density : (n,)
        ε_loc in GeV/fm³, from the transverse means of T^00, T^0z and T^zz; NaN where the data do not reach.
    flow_rapidity : (n,)
        artanh v_z of the energy flow; η_s for Bjorken flow.
    transverse_energy : (n,)
        dE_T/dη_s = τ ∫ d²x_T (T^xx + T^yy) over the transverse plane of the box, GeV.  It does not depend on the longitudinal
        frame.  It is the transverse energy Σ p_T of massless matter once every particle is where its rapidity takes it,
        y = η_s, as in free streaming at late times; before, Σ p_T is larger by the factor ⟨cosh(y − η_s)⟩.
    """

    tau: float
    eta: np.ndarray
    energy_density: np.ndarray
    flow_rapidity: np.ndarray
    transverse_energy: np.ndarray


def rapidity_profile(profiles: Profiles, tau: float, sigma: float, eta: np.ndarray | None = None) -> RapidityProfile:
    """ε_loc, flow and dE_T/dη_s at one τ.

    Parameters
    ----------
    profiles : Profiles
        Measurements of a collision, `glasma.io.history.load_profiles`.
    tau : float
        fm/c, positive.
    sigma : float
        Width of the nuclei in fm; points within `MARGIN` σ of them are left out.
    eta : (n,), optional
        Space-time rapidities; by default −4 to 4 in steps of 0.02.
    """
    eta = np.linspace(-4, 4, 401) if eta is None else np.asarray(eta, float)
    t, z = tau * np.cosh(eta), tau * np.sinh(eta)
    away = t - np.abs(z) > MARGIN * sigma
    rows = [TENSOR.index(name) for name in _NEEDED]
    tensor = np.full((len(rows), len(eta)), np.nan)
    if away.any() and len(profiles.times) >= _STENCIL:
        means = np.array(profiles.tensor)[:, rows].astype(np.float64)
        tensor[:, away] = _interpolated(means, np.array(profiles.times), profiles.z, t[away], z[away])
    T00, T0z, Txx, Tyy, Tzz = tensor
    energy_density, v_z = longitudinal_frame(T00, T0z, Tzz)
    with np.errstate(divide="ignore", invalid="ignore"):
        flow_rapidity = np.arctanh(v_z)
    transverse_energy = tau * profiles.transverse_length**2 * (Txx + Tyy)
    return RapidityProfile(tau, eta, energy_density, flow_rapidity, transverse_energy)


def _interpolated(values: np.ndarray, times: np.ndarray, planes: np.ndarray, t: np.ndarray, z: np.ndarray) -> np.ndarray:
    """`values` (nt, components, nz) at the points (t, z): (components, n), NaN where a stencil leaves the data."""
    first_t, weight_t, inside_t = _stencil(times, t)
    first_z, weight_z, inside_z = _stencil(planes, z)
    result = np.zeros((values.shape[1], len(t)))
    for i in range(_STENCIL):
        for k in range(_STENCIL):
            result += weight_t[i] * weight_z[k] * values[first_t + i, :, first_z + k].T
    result[:, ~(inside_t & inside_z)] = np.nan
    return result


def _stencil(nodes: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First of the four nodes around each point, Lagrange's weights (4, n), and whether two nodes lie on either side."""
    below = np.searchsorted(nodes, points, side="right") - 1
    first = below - 1
    inside = (first >= 0) & (first + _STENCIL <= len(nodes))
    first = np.clip(first, 0, len(nodes) - _STENCIL)
    near = np.array([nodes[first + i] for i in range(_STENCIL)])
    weights = np.ones_like(near)
    for i in range(_STENCIL):
        for k in range(_STENCIL):
            if k != i:
                weights[i] *= (points - near[k]) / (near[i] - near[k])
    return first, weights, inside


def reach(profiles: Profiles, tau: float, sigma: float) -> float:
    """The largest |η_s| up to which a profile at τ has values on both sides, 0 if none."""
    profile = rapidity_profile(profiles, tau, sigma)
    missing = np.abs(profile.eta[~np.isfinite(profile.energy_density)])
    step = profile.eta[1] - profile.eta[0]
    return max(0.0, float(missing.min(initial=4 + step) - step))


@dataclass(frozen=True)
class GaussianFit:
    """A exp(−(η_s − η_0)²/(2 σ_η²)) fitted to a profile by least squares.

    Attributes
    ----------
    amplitude, centre, width : float
        A, η_0, σ_η.
    width_error : float
        Standard error of σ_η from the scatter of the points around the curve, taken as independent.  It measures how Gaussian
        the profile is; events scatter too, which one event does not show.
    window : (float, float)
        Range of η_s that was fitted.
    """

    amplitude: float
    centre: float
    width: float
    width_error: float
    window: tuple[float, float]

    def __call__(self, eta: np.ndarray) -> np.ndarray:
        """The curve."""
        return self.amplitude * np.exp(-((eta - self.centre) ** 2) / (2 * self.width**2))


def gaussian_fit(eta: np.ndarray, values: np.ndarray) -> GaussianFit | None:
    """Fit a Gaussian to all points with finite values.

    Returns
    -------
    GaussianFit or None
        None if fewer than six points are left or they do not fix a width: a profile that rises to its ends, or is so flat that
        the width exceeds ten times the window.
    """
    held = np.isfinite(values)
    x, y = np.asarray(eta)[held], np.asarray(values)[held]
    if len(x) < 6 or not y.max() > 0:
        return None
    scale, length = float(y.max()), float(x[-1] - x[0])

    def curve(points: np.ndarray, amplitude: float, centre: float, curvature: float) -> np.ndarray:
        # In 1/σ² a flat profile is no infinity, and one that rises outwards has a fit too, with a negative value.
        return amplitude * np.exp(-curvature * (points - centre) ** 2 / 2)

    def slopes(points: np.ndarray, amplitude: float, centre: float, curvature: float) -> np.ndarray:
        # Given, because finite differences around a centre of almost 0 vanish.
        distance, bell = points - centre, curve(points, 1.0, centre, curvature)
        return bell[:, None] * np.stack([np.ones_like(bell), amplitude * curvature * distance, -amplitude * distance**2 / 2], 1)

    try:
        best, covariance = curve_fit(curve, x, y / scale, p0=(1.0, float(x.mean()), 1.0), jac=slopes)
    except RuntimeError:
        return None
    amplitude, centre, curvature = best
    if curvature * (10 * length) ** 2 < 1:
        return None
    width = curvature**-0.5
    error = 0.5 * width / curvature * sqrt(covariance[2, 2])
    return GaussianFit(scale * float(amplitude), float(centre), float(width), float(error), (float(x[0]), float(x[-1])))


def landau_width(lorentz_factor: float) -> float:
    """σ_η of Landau's hydrodynamic model, σ_η² = ln γ = ln(√s_NN/2 m_N), to compare with (arXiv:1703.00017 does).

    >>> round(landau_width(200 / (2 * 0.938)), 2)
    2.16
    """
    return sqrt(log(lorentz_factor))
