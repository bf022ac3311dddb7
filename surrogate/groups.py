"""The gauge groups U(1), SU(2), SU(3) as matrices in torch: random elements, algebra, exponential, unitarity."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from surrogate.errors import LayerError


@dataclass(frozen=True)
class Group:
    """A gauge group in its fundamental representation.

    Attributes
    ----------
    name : str
        "U(1)", "SU(2)" or "SU(3)".
    N : int
        Rows of its matrices.
    """

    name: str
    N: int

    @property
    def special(self) -> bool:
        """Whether the determinant is one and the algebra traceless."""
        return self.N > 1

    def __str__(self) -> str:
        return self.name


GROUPS = {group.name: group for group in (Group("U(1)", 1), Group("SU(2)", 2), Group("SU(3)", 3))}


def as_group(group: Group | str) -> Group:
    """The group of that name.

    Raises
    ------
    LayerError
        For an unknown name.
    """
    if isinstance(group, Group):
        return group
    if group not in GROUPS:
        raise LayerError(f"group = {group!r}: choose one of {', '.join(repr(name) for name in GROUPS)}")
    return GROUPS[group]


def real_dtype(dtype: torch.dtype) -> torch.dtype:
    """The real type of the same precision as a complex one.

    Raises
    ------
    LayerError
        If the type is not complex64 or complex128.
    """
    types = {torch.complex64: torch.float32, torch.complex128: torch.float64}
    if dtype not in types:
        raise LayerError(f"dtype = {dtype}: links and objects are complex64 or complex128; convert them with .to()")
    return types[dtype]


def unit_matrices(group: Group | str, like: Tensor) -> Tensor:
    """The (N, N) unit matrix in the type and on the device of `like`."""
    return torch.eye(as_group(group).N, dtype=like.dtype, device=like.device)


def random_elements(
    group: Group | str,
    shape: tuple[int, ...],
    generator: torch.Generator | None = None,
    dtype: torch.dtype = torch.complex128,
    device: torch.device | str | None = None,
) -> Tensor:
    """Independent elements of the group, uniform in its Haar measure.

    They are the unitary factor Q of a complex Gaussian matrix with R of positive diagonal (Mezzadri,
    math-ph/0609050), divided by the N-th root of the determinant for SU(N).

    Parameters
    ----------
    group : Group or str
    shape : tuple of int
        Shape before the two matrix axes.
    generator : torch.Generator, optional
        Source of the random numbers; they are drawn on its device.
    dtype : torch.dtype
        complex64 or complex128; drawn in double precision in both cases.
    device : optional
        Where the result lives; the generator's device by default.

    Returns
    -------
    (*shape, N, N) complex
    """
    group = as_group(group)
    real_dtype(dtype)
    source = generator.device if generator is not None else torch.device("cpu")
    gaussian = torch.randn(*shape, group.N, group.N, generator=generator, dtype=torch.complex128, device=source)
    Q, R = torch.linalg.qr(gaussian)
    phases = R.diagonal(dim1=-2, dim2=-1)
    elements = Q * (phases / phases.abs()).unsqueeze(-2)
    if group.special:
        determinant = torch.linalg.det(elements)
        elements = elements * torch.exp(-1j * determinant.angle() / group.N)[..., None, None]
    result: Tensor = elements.to(device=device or source, dtype=dtype)
    return result


def random_near_unity(
    group: Group | str,
    shape: tuple[int, ...],
    width: float,
    generator: torch.Generator | None = None,
    dtype: torch.dtype = torch.complex128,
    device: torch.device | str | None = None,
) -> Tensor:
    """exp(i H) with H Gaussian in the algebra, tr H² of order width² (N² − 1)/2.

    Parameters and result as for `random_elements`.
    """
    group = as_group(group)
    source = generator.device if generator is not None else torch.device("cpu")
    gaussian = torch.randn(*shape, group.N, group.N, generator=generator, dtype=torch.complex128, device=source)
    H = algebra_part(1j * width * gaussian, group)
    return exponential(H, group).to(device=device or source, dtype=dtype)


def unitarity_violation(U: Tensor, group: Group | str) -> float:
    """max |U†U − 1| and, for SU(N), |det U − 1|, over all matrices of (..., N, N)."""
    group = as_group(group)
    U = U.detach()
    violation = (U.mH @ U - unit_matrices(group, U)).abs().max()
    if group.special:
        violation = torch.maximum(violation, (torch.linalg.det(U) - 1).abs().max())
    return float(violation)


def algebra_part(A: Tensor, group: Group | str) -> Tensor:
    """[A]_ah = (A − A†)/2i without its trace: Hermitian, traceless; it transforms as A does.

    In U(1), whose algebra is the trace, it is Im A.

    Parameters
    ----------
    A : (..., N, N) complex

    Returns
    -------
    (..., N, N) complex
    """
    group = as_group(group)
    H = (A - A.mH) / 2j
    if group.special:
        trace = H.diagonal(dim1=-2, dim2=-1).sum(-1) / group.N
        H = H - trace[..., None, None] * unit_matrices(group, H)
    return H


def exponential(H: Tensor, group: Group | str) -> Tensor:
    """exp(i H) for Hermitian H of the algebra: an element of the group, Ω exp(i H) Ω† = exp(i Ω H Ω†).

    In SU(2) exp(i H) = cos h + i H sin(h)/h with h² = tr H²/2.

    Parameters
    ----------
    H : (..., N, N) complex
        Hermitian, traceless for SU(N), as `algebra_part` gives it.

    Returns
    -------
    (..., N, N) complex
    """
    group = as_group(group)
    if group.N == 1:
        return torch.exp(1j * H)
    if group.N == 2:
        h2 = (H.abs() ** 2).sum((-2, -1)) / 2
        small = h2 < 1e-8
        h = torch.where(small, 1.0, h2).sqrt()
        # The series leaves an error of h⁴/120, below rounding where it is used; sqrt has no derivative at 0.
        ratio = torch.where(small, 1 - h2 / 6, torch.sin(h) / h)
        cosine = torch.where(small, 1 - h2 / 2, torch.cos(h))
        return cosine[..., None, None] * unit_matrices(group, H) + 1j * ratio[..., None, None] * H
    result: Tensor = torch.linalg.matrix_exp((1j * H).contiguous())
    return result
