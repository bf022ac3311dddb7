"""Landau gauge on periodic lattices, for networks that have no gauge symmetry of their own.

The gauge is a maximum over Ω of

    F = Σ_{x,i} Re tr(Ω_x U_{x,i} Ω†_{x+i}) / (N D V) ≤ 1,

where the divergence D_x = Σ_i ([U_{x,i}]_ah − [U_{x−i,i}]_ah) vanishes.  In the transverse plane of a boost-invariant
collision it is the transverse Coulomb gauge.  The ascent is Fourier accelerated (Davies et al., PRD 37 (1988) 1581): Ω =
exp(iα ∇⁻²D) is for weak fields and α = 1 the solution itself.  In strong ones the directions are conjugated (Polak and
Ribière), α is the zero of the secant of dF/dα, and a step that lowers F is not taken.

In rough fields F has many maxima, the Gribov copies, and which one is found depends on where the ascent begins: a
configuration and a gauge transformation of it need not come to the same links.  What a maximum leaves free, one Ω for the
whole lattice, `colour_frame` fixes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from glasma.errors import ConvergenceError
from surrogate.errors import LayerError
from surrogate.groups import Group, algebra_part, as_group, exponential, real_dtype, unit_matrices
from surrogate.lattice import check_links, check_unitary, shift, transform_links
from surrogate.layers.base import positive

#: Bounds of the step α; 1 solves weak fields.
_LARGEST_STEP, _SMALLEST_STEP = 4.0, 1e-3
#: α after a step that would have lowered F, relative to that step.
_SLOWER = 0.25


@dataclass(frozen=True)
class GaugeFixing:
    """Links in the Landau gauge, and how they came there.

    Attributes
    ----------
    U : (batch, D, *lattice, N, N) complex
    Omega : (batch, *lattice, N, N) complex
        The transformation from the given links to these.
    functional : (batch,) real
        F.
    divergence : (batch,) real
        Root mean square of tr D_x² over the sites.
    iterations : int
        Steps of the slowest configuration.
    """

    U: Tensor
    Omega: Tensor
    functional: Tensor
    divergence: Tensor
    iterations: int


def gauge_functional(U: Tensor) -> Tensor:
    """F, (batch,); 1 for links that are 1."""
    return U.diagonal(dim1=-2, dim2=-1).real.flatten(1).mean(1)


def divergence(U: Tensor) -> Tensor:
    """D_x = Σ_i ([U_{x,i}]_ah − [U_{x−i,i}]_ah), hermitian and traceless, (batch, *lattice, N, N).

    The gradient of F is −D_x; its sum over the lattice vanishes.
    """
    D = U.shape[1]
    A = algebra_part(U, _group(U))
    total = torch.zeros_like(A[:, 0])
    for i in range(D):
        total = total + A[:, i] - shift(A[:, i], i, -1, D)
    return total


def landau_gauge(U: Tensor, tolerance: float = 1e-8, iterations: int = 2000) -> GaugeFixing:
    """Bring links to the Landau gauge.

    Parameters
    ----------
    U : (batch, D, *lattice, N, N) complex
        SU(N) links.
    tolerance : float
        Of the root mean square of tr D_x², in each configuration.
    iterations : int
        Steps at most.

    Raises
    ------
    LayerError
        On links of another shape, of U(1), or outside of the group.
    ConvergenceError
        If a configuration needs more steps.
    """
    positive("iterations", iterations)
    group, dimensions = _group(U), U.shape[1]
    check_links(U, group, dimensions)
    check_unitary(U, group)
    if not group.special:
        raise LayerError("links of U(1): this Landau gauge is that of SU(N); give links with N ≥ 2")
    inverse, axes = _inverse_laplacian(U), tuple(range(1, 1 + dimensions))

    def along(size: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        turn = exponential(_wide(size, direction) * direction, group)
        return turn, transform_links(fixed, turn)

    fixed, functional, defect = U, gauge_functional(U), divergence(U)
    Omega = unit_matrices(group, U).expand_as(defect)
    direction, before = torch.zeros_like(defect), torch.ones_like(functional)
    alpha, old = torch.ones_like(functional), torch.zeros_like(defect)
    for step in range(iterations + 1):
        size = _inner(defect, defect).sqrt()
        moving = size > tolerance
        if not bool(moving.any()) or step == iterations:
            break
        theta = torch.fft.ifftn(torch.fft.fftn(defect, dim=axes) * inverse, dim=axes)
        theta = (theta + theta.mH) / 2
        now = -_inner(theta, defect)
        conjugation = ((now + _inner(theta, old)) / before).clamp(min=0)
        direction = theta + _wide(conjugation, theta) * direction
        slope = -_inner(direction, defect)
        # F would not rise: begin anew with the gradient.
        direction = torch.where(_wide(slope > 0, theta), direction, theta)
        slope = -_inner(direction, defect)
        # The secant of dF/dα between 0 and the α of before.
        curvature = slope + _inner(direction, divergence(along(alpha, direction)[1]))
        best = torch.where(curvature > slope / 4, alpha * slope / curvature, 4 * alpha).clamp(max=_LARGEST_STEP)
        turn, tried = along(best, direction)
        reached = gauge_functional(tried)
        # Near the maximum F changes by less than its rounding.
        better = moving & (reached >= functional - 16 * torch.finfo(functional.dtype).eps)
        wide = _wide(better, Omega)
        Omega = torch.where(wide, turn @ Omega, Omega)
        fixed = torch.where(wide.unsqueeze(1), tried, fixed)
        functional = torch.where(better, reached, functional)
        old, before = torch.where(wide, defect, 0), torch.where(better, now, 1.0)
        defect = torch.where(wide, divergence(fixed), defect)
        direction = torch.where(wide, direction, 0)
        alpha = torch.where(better, best, (best * _SLOWER).clamp(min=_SMALLEST_STEP))
    if bool(moving.any()):
        raise ConvergenceError(
            f"Landau gauge: |D| is {float(size.max()):.1e} after {iterations} iterations, above {tolerance:.1e}, in "
            f"{int(moving.sum())} of {len(U)} configurations; allow more iterations or a larger tolerance"
        )
    return GaugeFixing(fixed, Omega, functional, size, step)


def colour_frame(E_L: Tensor) -> Tensor:
    """The one Ω for the whole lattice that a maximum of F leaves free, chosen by the longitudinal field.

    It makes Σ_x tr(E²) E diagonal, with falling eigenvalues, and the elements (i, i+1) of Σ_x (tr E²)² E positive.  Fields that
    differ by a global transformation become the same.

    Parameters
    ----------
    E_L : (batch, *lattice, N, N) complex
        Hermitian, traceless.

    Returns
    -------
    (batch, N, N) complex
        Of SU(N); E_L → Ω E_L Ω†.
    """
    sites = tuple(range(1, E_L.ndim - 2))
    weight = E_L.abs().square().sum((-2, -1), keepdim=True)
    first, second = (weight * E_L).mean(sites), (weight.square() * E_L).mean(sites)
    vectors = torch.linalg.eigh(first).eigenvectors.flip(-1)
    turned = vectors.mH @ second @ vectors
    # Ω† = vectors · diag(e^{iφ}) makes the element e^{−iφ_i} M_{i,i+1} e^{iφ_{i+1}}.
    angles = torch.diagonal(turned, offset=1, dim1=-2, dim2=-1).angle()
    phases = torch.cat([torch.zeros_like(angles[..., :1]), -angles.cumsum(-1)], dim=-1)
    vectors = vectors * torch.polar(torch.ones_like(phases), phases).unsqueeze(-2)
    determinant = torch.linalg.det(vectors).angle() / E_L.shape[-1]
    return (vectors * torch.polar(torch.ones_like(determinant), -determinant)[..., None, None]).mH


def _group(U: Tensor) -> Group:
    return as_group("U(1)" if U.shape[-1] == 1 else f"SU({U.shape[-1]})")


def _inverse_laplacian(U: Tensor) -> Tensor:
    """−1/p² with p² = Σ_i 4 sin²(p_i/2), and zero at p = 0, (*lattice, 1, 1)."""
    total = torch.zeros((), dtype=real_dtype(U.dtype), device=U.device)
    lattice = U.shape[2:-2]
    for axis, side in enumerate(lattice):
        momenta = 2 * torch.sin(torch.pi * torch.fft.fftfreq(side, dtype=total.dtype, device=U.device))
        total = total + momenta.square().view(-1, *[1] * (len(lattice) - axis - 1))
    total[(0,) * len(lattice)] = torch.inf
    return -1 / total[..., None, None]


def _inner(X: Tensor, Y: Tensor) -> Tensor:
    """Mean of tr X Y over the sites for hermitian X and Y, (batch,)."""
    return (X * Y.conj()).sum((-2, -1)).real.flatten(1).mean(1)


def _wide(values: Tensor, field: Tensor) -> Tensor:
    """Numbers of the batch with the axes of a field."""
    return values.view(-1, *[1] * (field.ndim - 1))
