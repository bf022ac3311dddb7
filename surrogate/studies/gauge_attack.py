"""The adversarial attack of arXiv:2012.12901: gauge transformations that change a network's prediction of an invariant."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from surrogate.groups import GROUPS, algebra_part, exponential, random_elements
from surrogate.lattice import transform_links


@dataclass(frozen=True)
class Attack:
    """Root mean square change of the predictions, in units of the standard deviation of what is predicted.

    Attributes
    ----------
    random : under a random gauge transformation
    chosen : under the one that gradient ascent from there has found
    """

    random: float
    chosen: float


def attack(network: nn.Module, links: Tensor, spread: float, seed: int, steps: int = 30, rate: float = 0.1) -> Attack:
    """Look for Ω_x = exp(iθ_x) Ω⁰_x that changes the predictions most, by Adam on θ from a random Ω⁰.

    Parameters
    ----------
    network : U (batch, D, *lattice, N, N) → real predictions that should be invariant
    links : (batch, D, *lattice, N, N)
    spread : standard deviation of what is predicted
    seed : of Ω⁰
    steps, rate : of Adam
    """
    group = next(group for group in GROUPS.values() if links.shape[-1] == group.N)
    generator = torch.Generator(links.device).manual_seed(seed)
    start = random_elements(group, (links.shape[0], *links.shape[2:-2]), generator, links.dtype)
    with torch.no_grad():
        before = network(links)
    wanted = [parameter.requires_grad for parameter in network.parameters()]
    network.requires_grad_(False)

    def change(theta: Tensor) -> Tensor:
        Omega = exponential(algebra_part(torch.view_as_complex(theta), group), group) @ start
        return (network(transform_links(links, Omega)) - before).square().mean().sqrt() / spread

    theta = torch.zeros_like(torch.view_as_real(start), requires_grad=True)
    optimiser = torch.optim.Adam([theta], lr=rate, maximize=True)
    with torch.no_grad():
        random = largest = float(change(theta))
    for _ in range(steps):
        optimiser.zero_grad()
        size = change(theta)
        largest = max(largest, float(size.detach()))
        size.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    for parameter, want in zip(network.parameters(), wanted, strict=True):
        parameter.requires_grad_(want)
    return Attack(random, largest)
