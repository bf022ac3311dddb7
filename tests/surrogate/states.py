"""States for the tests of blocking and upscaling: random ones, and Abelian waves whose fine and coarse fields are known."""

from __future__ import annotations

import torch

from surrogate.evolution import FieldState, Frame
from surrogate.groups import algebra_part, exponential, random_elements, random_near_unity

#: The frames with an anisotropy of the laboratory that is not one.
FRAMES = {"laboratory": Frame("laboratory", 0.5), "milne": Frame("milne"), "static": Frame("static")}
FIELDS = ("U", "P", "phi", "pi")


def algebra(group: str, shape: tuple[int, ...], generator: torch.Generator | None = None) -> torch.Tensor:
    """Hermitian and traceless, of order one."""
    return algebra_part(1j * torch.randn(*shape, *[int(group[-2])] * 2, generator=generator, dtype=torch.complex128), group)


def random_state(
    group: str,
    frame: Frame,
    lattice: tuple[int, ...] | int = 4,
    generator: torch.Generator | None = None,
    batch: int = 1,
    width: float | None = None,
) -> FieldState:
    """Links uniform in the group, or near 1; everything else of order one."""
    D = frame.dimensions
    lattice = (lattice,) * D if isinstance(lattice, int) else lattice[:D]
    shape = (batch, D, *lattice)
    U = random_elements(group, shape, generator) if width is None else random_near_unity(group, shape, width, generator)
    phi, pi = (algebra(group, (batch, *lattice), generator) if frame.has_scalar else None for _ in range(2))
    return FieldState(U, algebra(group, shape, generator), phi, pi, 5)


def abelian_state(frame: Frame, lattice: tuple[int, ...] | int = 4, generator: torch.Generator | None = None) -> FieldState:
    """The same, of the third colour of SU(2) alone; the links are anywhere on its circle."""
    state = random_state("SU(2)", frame, lattice, generator)
    diagonal = torch.eye(2, dtype=torch.complex128)
    return FieldState(
        exponential(2 * algebra("SU(2)", tuple(state.U.shape[:-2]), generator) * diagonal, "SU(2)"),
        state.P * diagonal,
        None if state.phi is None else state.phi * diagonal,
        None if state.pi is None else state.pi * diagonal,
    )


def plane_wave(frame: Frame, side: int, wave: tuple[int, ...]) -> FieldState:
    """An Abelian wave: links and momenta are exact integrals along the link, scalars the values at the sites.

    The wave number is 2π wave/side; what goes along it is part of it.
    """
    D = frame.dimensions
    k = [2 * torch.pi * n / side for n in wave[:D]]
    sites = torch.meshgrid(*[torch.arange(side, dtype=torch.float64)] * D, indexing="ij")
    phase = torch.stack([k_i * x for k_i, x in zip(k, sites, strict=True)]).sum(0)
    sigma = torch.diag(torch.tensor([0.5, -0.5], dtype=torch.complex128))

    def along(i: int, start: float) -> torch.Tensor:
        """∫ cos(k·x + start) from x to x + i."""
        if k[i] == 0:
            return torch.cos(phase + start)
        return (torch.sin(phase + k[i] + start) - torch.sin(phase + start)) / k[i]

    def matrices(field: torch.Tensor) -> torch.Tensor:
        return field[..., None, None] * sigma

    A = torch.stack([matrices(0.3 * (i + 1) * along(i, 0.4 * i)) for i in range(D)])[None]
    P = torch.stack([matrices(0.2 * (2 - i) * along(i, 1 + 0.7 * i)) for i in range(D)])[None]
    phi, pi = (matrices(torch.cos(phase + start))[None] if frame.has_scalar else None for start in (0.2, 1.1))
    return FieldState(exponential(A, "SU(2)"), P, phi, pi)


def difference(found: FieldState, expected: FieldState) -> float:
    """The largest deviation of any field."""
    pairs = [(getattr(found, name), getattr(expected, name)) for name in FIELDS]
    assert all((a is None) == (b is None) for a, b in pairs)
    return max(float((a - b).abs().max()) for a, b in pairs if a is not None)


def at_coarse_sites(Omega: torch.Tensor, factor: int = 2) -> torch.Tensor:
    """Every b-th site of (batch, *lattice, N, N)."""
    return Omega[(slice(None), *(slice(None, None, factor),) * (Omega.ndim - 3))]


def over_cells(Omega: torch.Tensor) -> torch.Tensor:
    """The transformation of a coarse site at all fine sites of its cell."""
    for axis in range(1, Omega.ndim - 2):
        Omega = Omega.repeat_interleave(2, dim=axis)
    return Omega
