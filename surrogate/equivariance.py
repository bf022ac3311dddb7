"""Which symmetries a layer or model has, measured: f(g·U, g·W) against g·f(U, W) for random fields and transformations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from surrogate.errors import LayerError
from surrogate.groups import Group, as_group, random_elements
from surrogate.lattice import lattice_dim, transform_links, transform_objects
from surrogate.point_group import Rotation, point_group, rotate_links, rotate_sites

#: Symmetries by name, in the order of the report.
SYMMETRIES = ("gauge", "translation", "rotation", "reflection")


@dataclass(frozen=True)
class Report:
    """Residuals of symmetries: max |f(g·x) − g·f(x)| / max |f(x)| in units of machine epsilon.

    Attributes
    ----------
    residuals : dict
        Name of the symmetry → residual, the worst of the transformations tried.
    variation : float
        max |f(x) − ⟨f⟩| / max |f(x)| over batch and sites: about zero for a module which ignores its input, and
        whose residuals then mean nothing.
    """

    residuals: dict[str, float]
    variation: float

    def holds(self, tolerance: float = 50.0) -> bool:
        """Whether every residual is at most `tolerance` epsilon; false for residuals that are not numbers."""
        return all(residual <= tolerance for residual in self.residuals.values())

    def __str__(self) -> str:
        lines = [f"{name:<12} {residual:10.3g} eps" for name, residual in self.residuals.items()]
        return "\n".join([*lines, f"{'variation':<12} {self.variation:10.3g}"])


def check_equivariance(
    module: nn.Module | Callable[..., Tensor],
    group: Group | str | None = None,
    dimensions: int | None = None,
    *,
    objects: Sequence[int] | None = None,
    output: str | None = None,
    symmetries: Sequence[str] = ("gauge", "translation"),
    lattice: Sequence[int] | None = None,
    batch: int = 2,
    dtype: torch.dtype = torch.complex128,
    device: torch.device | str = "cpu",
    seed: int = 0,
) -> Report:
    """Measure the symmetries of a layer or model on random links and objects.

    Parameters
    ----------
    module : torch module or function
        Called as module(U, *W); its parameters must fit to `dtype` and `device`.
    group, dimensions : optional
        Taken from the module where it has attributes of those names or a `config` with them, as all of this package do.
    objects : sequence of int, optional
        Channels of each W it is called with; () for a model of links alone.  Taken from the module's `object_channels`.
    output : str, optional
        What comes out: "objects" (Ω_x W Ω†_x), "links" (Ω_x U Ω†_{x+μ}), "sites" (an invariant at each site) or
        "invariants" (batch, channels).  Taken from the module's `output_kind`, else from the shape.
    symmetries : sequence of str
        Out of "gauge", "translation", "rotation", "reflection".  Modules whose objects carry directions say how they
        turn by a method `rotate(W, rotation, side)`, side "in" or "out"; other objects are taken as scalars.
    lattice : sequence of int, optional
        Sites along each axis; small, different lengths by default.
    batch : int
        Configurations.
    dtype : torch.dtype
        complex64 or complex128.
    device : optional
        Where to compute.
    seed : int
        Of the random fields.

    Returns
    -------
    Report

    Raises
    ------
    LayerError
        If a name is unknown, or something about the module is neither given nor to be found.
    """
    config = getattr(module, "config", None)
    group = as_group(_found("group", group, module, config))
    D = int(_found("dimensions", dimensions, module, config))
    objects = tuple(_found("objects", objects, module, config, attribute="object_channels", default=()))
    unknown = set(symmetries) - set(SYMMETRIES)
    if unknown:
        raise LayerError(f"symmetries = {sorted(unknown)}: choose out of {', '.join(SYMMETRIES)}")
    sizes = tuple(lattice) if lattice is not None else tuple((4, 3, 5, 3, 4)[axis % 5] for axis in range(D))

    generator = torch.Generator().manual_seed(seed)
    U = random_elements(group, (batch, D, *sizes), generator, dtype, device)
    fields = [_random_objects(group, (batch, channels, *sizes), generator, dtype, device) for channels in objects]
    with torch.no_grad():
        y = module(U, *fields)
        kind = output or getattr(module, "output_kind", None) or _kind_of(y, D)
        scale = float(y.abs().max())
        eps = torch.finfo(dtype).eps

        residuals: dict[str, float] = {}
        for name in symmetries:
            worst = 0.0
            for act in _transformations(name, module, group, D, sizes, batch, generator, dtype, device):
                found = module(act.links(U), *(act.objects(W, "in") for W in fields))
                expected = act.output(y, kind)
                worst = max(worst, _relative(float((found - expected).abs().max()), scale) / eps)
            residuals[name] = worst
        deviation = y - y.mean(dim=[0, *range(2, 2 + D)] if kind != "invariants" else 0, keepdim=True)
        variation = _relative(float(deviation.abs().max()), scale)
    return Report(residuals, variation)


def _relative(value: float, scale: float) -> float:
    """value/scale; 0 if both vanish, infinite where it is not a number."""
    if value == scale == 0:
        return 0.0
    ratio = value / scale if scale else float("nan")
    return ratio if ratio == ratio else float("inf")


def _found(name: str, given: Any, module: object, config: object, attribute: str | None = None, default: Any = None) -> Any:
    for value in (given, getattr(module, attribute or name, None), getattr(config, name, None), default):
        if value is not None:
            return value
    raise LayerError(f"{name}: the module does not say; give it as an argument")


def _random_objects(
    group: Group, shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype, device: torch.device | str
) -> Tensor:
    """Gaussian matrices with the expectation of tr(W W†)/N = 1."""
    W: Tensor = torch.randn(*shape, group.N, group.N, generator=generator, dtype=torch.complex128) / group.N**0.5
    return W.to(device=device, dtype=dtype)


def _kind_of(y: Tensor, D: int) -> str:
    if y.is_complex() and y.ndim == D + 4:
        return "objects"
    if not y.is_complex() and y.ndim == D + 2:
        return "sites"
    if not y.is_complex() and y.ndim == 2:
        return "invariants"
    raise LayerError(f"output of shape {tuple(y.shape)}, {y.dtype}: is neither objects, links, sites nor invariants")


@dataclass(frozen=True)
class _Action:
    """How one transformation acts on links, on objects of the side "in" or "out", and on numbers at sites."""

    links: Callable[[Tensor], Tensor]
    objects: Callable[[Tensor, str], Tensor]
    sites: Callable[[Tensor], Tensor]

    def output(self, y: Tensor, kind: str) -> Tensor:
        """The transformed output."""
        if kind == "links":
            return self.links(y)
        if kind == "objects":
            return self.objects(y, "out")
        if kind == "sites":
            return self.sites(y)
        if kind == "invariants":
            return y
        raise LayerError(f'output = {kind!r}: choose "objects", "links", "sites" or "invariants"')


def _transformations(
    name: str,
    module: object,
    group: Group,
    D: int,
    sizes: tuple[int, ...],
    batch: int,
    generator: torch.Generator,
    dtype: torch.dtype,
    device: torch.device | str,
) -> list[_Action]:
    if name == "gauge":
        Omega = random_elements(group, (batch, *sizes), generator, dtype, device)
        return [
            _Action(
                lambda U: transform_links(U, Omega),
                lambda W, side: transform_objects(W, Omega),
                lambda y: y,
            )
        ]
    if name == "translation":
        steps = [int(torch.randint(1, size, (1,), generator=generator)) if size > 1 else 0 for size in sizes]

        def moved(field: Tensor, trailing: int) -> Tensor:
            dims = [lattice_dim(axis, D) + 2 - trailing for axis in range(D)]
            return torch.roll(field, steps, dims)

        return [_Action(lambda U: moved(U, 2), lambda W, side: moved(W, 2), lambda y: moved(y, 0))]
    wanted = 1 if name == "rotation" else -1
    chosen = [rotation for rotation in point_group(D)[1:] if rotation.determinant == wanted]
    # All of them in 2D; in higher dimensions a dozen of the up to 192.
    picked = torch.randperm(len(chosen), generator=generator)[:12].tolist()
    return [_rotating(chosen[index], module) for index in picked]


def _rotating(rotation: Rotation, module: object) -> _Action:
    turn: Callable[..., Tensor] | None = getattr(module, "rotate", None)

    def objects(W: Tensor, side: str) -> Tensor:
        return rotate_sites(W, rotation) if turn is None else turn(W, rotation, side)

    return _Action(
        lambda U: rotate_links(U, rotation),
        objects,
        lambda y: rotate_sites(y, rotation, trailing=0),
    )
