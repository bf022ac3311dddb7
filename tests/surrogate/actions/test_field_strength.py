"""Actions of field strengths: invariance, forces against differences of the potential, and their place beside known actions."""

from __future__ import annotations

import pytest
import torch

from surrogate.actions import FieldStrengthAction, SumOfActions, forces
from surrogate.actions.field_strength import dot, is_of_scalar, term_names
from surrogate.actions.least_squares import term_forces
from surrogate.errors import LayerError
from surrogate.groups import algebra_part, as_group, exponential, random_elements, random_near_unity
from surrogate.lattice import shift, transform_links

GROUPS = ("SU(2)", "SU(3)")


def fields(group: str, D: int, side: int = 4, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor | None]:
    generator = torch.Generator().manual_seed(3)
    lattice = (side,) * D
    U = random_near_unity(group, (batch, D, *lattice), 0.7, generator)
    if D == 3:
        return U, None
    return U, algebra_part(random_elements(group, (batch, *lattice), generator), group)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("D", [2, 3])
def test_every_term_is_gauge_invariant(group: str, D: int) -> None:
    U, phi = fields(group, D)
    Omega = random_elements(group, (2, *U.shape[2:-2]))
    turned = None if phi is None else Omega @ phi @ Omega.mH
    action = FieldStrengthAction(group, D, terms=list(term_names(D)), anisotropy=1.0 if D == 2 else 0.6)
    before, after = action.invariants(U, phi), action.invariants(transform_links(U, Omega), turned)
    assert set(before) == set(action.names)
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=1e-11, atol=1e-10, msg=name)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("D", [2, 3])
def test_forces_are_derivatives(group: str, D: int) -> None:
    U, phi = fields(group, D, batch=1)
    action = FieldStrengthAction(group, D, terms=list(term_names(D)))
    generator = torch.Generator().manual_seed(4)
    H = algebra_part(random_elements(group, U.shape[:-2], generator), as_group(group))
    step = 1e-5
    ahead, behind = (exponential(sign * step * H, group) @ U for sign in (1, -1))
    up, down = action.invariants(ahead, phi), action.invariants(behind, phi)
    for name, part in zip(action.names, term_forces(action, U, phi), strict=True):
        force = part.gradient if is_of_scalar(name) else part.magnetic
        expected = (up[name] - down[name]).sum() / (2 * step)
        torch.testing.assert_close(-dot(force, H).sum(), expected, rtol=1e-6, atol=1e-6, msg=name)
        if is_of_scalar(name):
            K = algebra_part(random_elements(group, phi.shape[:-2], generator), as_group(group))
            along = (action.invariants(U, phi + step * K)[name] - action.invariants(U, phi - step * K)[name]) / (2 * step)
            torch.testing.assert_close(-dot(part.scalar, K).sum(), along.sum(), rtol=1e-6, atol=1e-6, msg=name)


def test_forces_of_the_action_are_those_of_its_terms() -> None:
    U, phi = fields("SU(3)", 2)
    action = FieldStrengthAction("SU(3)", 2)
    with torch.no_grad():
        action.coefficients.copy_(torch.randn(len(action.names), dtype=torch.float64))
    whole = forces(action, U, phi, action.group)
    parts = term_forces(action, U, phi)
    for kind in ("magnetic", "gradient", "scalar"):
        expected = sum(
            c * getattr(part, kind)
            for c, part in zip(action.coefficients.detach(), parts, strict=True)
            if getattr(part, kind) is not None
        )
        torch.testing.assert_close(getattr(whole, kind), expected)


@pytest.mark.parametrize("D", [2, 3])
def test_rotations_and_reflections_leave_the_action(D: int) -> None:
    """The lattice turned by a quarter in the plane x, y, and reflected in x; z stays apart."""
    U, phi = fields("SU(3)", D)
    action = FieldStrengthAction("SU(3)", D, terms=list(term_names(D)))

    def rotated(U: torch.Tensor) -> torch.Tensor:
        # x' = y, y' = −x: the link along x at x' is that along y; the link along y' is the one along x backwards.
        x, y = U[:, 0], U[:, 1]
        swap = lambda X: torch.flip(X.transpose(1, 2), [2])  # noqa: E731
        along_x, back = swap(y), torch.roll(swap(x), -1, 2).mH
        return torch.stack([along_x, back, *[swap(U[:, k]) for k in range(2, D)]], dim=1)

    turned = None if phi is None else torch.flip(phi.transpose(1, 2), [2])
    before, after = action.invariants(U, phi), action.invariants(rotated(U), turned)
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=1e-11, atol=1e-10, msg=name)


def test_plain_coefficients_are_the_wilson_action() -> None:
    U, phi = fields("SU(3)", 2)
    potential = FieldStrengthAction("SU(3)", 2)(U, phi)
    P = U[:, 0] @ shift(U[:, 1], 0, 1, 2) @ shift(U[:, 0], 1, 1, 2).mH @ U[:, 1].mH
    trace = P.diagonal(dim1=-2, dim2=-1).sum(-1).real
    torch.testing.assert_close(potential.magnetic, (2 * (3 - trace)).flatten(1).sum(1))
    gradient = sum(dot(d, d).flatten(1).sum(1) / 2 for d in (U[:, i] @ shift(phi, i, 1, 2) @ U[:, i].mH - phi for i in (0, 1)))
    torch.testing.assert_close(potential.gradient, gradient)


def test_a_rectangle_in_su2_is_a_sum_of_other_terms() -> None:
    """2 Re tr(1 − R) = s + s' + F·F' − s s'/4 for the two plaquettes in it."""
    U, _ = fields("SU(2)", 2)
    names = ["plaquette", "adjacent", "action_adjacent", "rectangle"]
    found = FieldStrengthAction("SU(2)", 2, terms=names).invariants(U)
    expected = 4 * found["plaquette"] + found["adjacent"] - found["action_adjacent"] / 4
    torch.testing.assert_close(found["rectangle"], expected)


def test_symanzik_has_no_error_of_second_order() -> None:
    """Frequencies of weak transverse waves and of the scalar against k², at two momenta."""
    sigma = torch.tensor([[0.5, 0], [0, -0.5]], dtype=torch.complex128)
    errors = {}
    for name, action in (("wilson", FieldStrengthAction("SU(2)", 2)), ("symanzik", FieldStrengthAction.symanzik("SU(2)"))):
        for n in (8, 16):
            k = 2 * torch.pi / n
            wave = 1e-4 * torch.sin(k * torch.arange(n, dtype=torch.float64))[None, :, None, None, None] * sigma
            wave = wave.expand(1, n, n, 2, 2)
            U = exponential(torch.stack([torch.zeros_like(wave), wave], dim=1), "SU(2)")
            found = forces(action, U, wave.clone(), action.group)
            for kind, force in (("links", found.magnetic[:, 1]), ("scalar", found.scalar)):
                squared = -(dot(force, wave).sum() / dot(wave, wave).sum())
                errors[name, kind, n] = abs(float(squared) / k**2 - 1)
    for kind in ("links", "scalar"):
        assert 3.7 < errors["wilson", kind, 8] / errors["wilson", kind, 16] < 4.3
        assert 14 < errors["symanzik", kind, 8] / errors["symanzik", kind, 16] < 18


def test_sums_of_actions_add_up() -> None:
    U, phi = fields("SU(2)", 2)
    one, two = FieldStrengthAction("SU(2)", 2), FieldStrengthAction("SU(2)", 2, terms=["square", "commutator"])
    two.set_values({"square": 0.3, "commutator": -0.2})
    total = SumOfActions(one, two)(U, phi)
    torch.testing.assert_close(total.magnetic, one(U, phi).magnetic + two(U, phi).magnetic)
    torch.testing.assert_close(total.gradient, one(U, phi).gradient + two(U, phi).gradient)


def test_wrong_terms_are_refused() -> None:
    with pytest.raises(LayerError, match="term 'straight9': known are plaquette"):
        FieldStrengthAction("SU(2)", 2, terms=["straight9"])
    with pytest.raises(LayerError, match="for 2 or 3"):
        FieldStrengthAction("SU(2)", 4)
    with pytest.raises(LayerError, match="this action has plaquette"):
        FieldStrengthAction("SU(2)", 2, terms=["plaquette"]).set_values({"cube": 1.0})
    assert len(list(term_names(3))) > len(list(term_names(2)))
