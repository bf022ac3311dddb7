"""The compiled scheme of a trained action beside torch."""

from __future__ import annotations

import pytest
import torch

from surrogate.errors import LayerError
from surrogate.evolution.compiled import compiled_run, compiled_scheme
from surrogate.evolution.leapfrog import FieldState
from surrogate.evolution.surrogate import EvolutionSurrogate
from surrogate.groups import algebra_part, as_group, random_elements, random_near_unity

TERMS = ("plaquette", "square", "cube", "adjacent", "action_adjacent", "rectangle", "diagonal", "action_diagonal")
TERMS += ("straight2", "straight3", "straight4", "gradient1", "gradient2", "gradient3", "gradient4", "gradient_diagonal")
TERMS += ("commutator",)


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize("frame", ["milne", "static"])
def test_compiled_and_torch_take_the_same_steps(group: str, frame: str) -> None:
    surrogate = EvolutionSurrogate(group=group, frame=frame, substeps=8, terms=TERMS)
    with torch.no_grad():
        surrogate.pairs.coefficients.add_(0.01 * torch.randn(len(TERMS), dtype=torch.float64))
    U = random_near_unity(group, (1, 2, 8, 8), 0.4)
    longitudinal = 0.4 * algebra_part(random_elements(group, (1, 8, 8)), as_group(group))
    momenta = 0.4 * algebra_part(random_elements(group, (1, 2, 8, 8)), as_group(group))
    with torch.no_grad():
        first = surrogate.start(U, longitudinal) if frame == "milne" else FieldState(U, momenta, longitudinal, longitudinal, 3)
        states = list(surrogate.run(first, 50))
    compiled = list(compiled_run(surrogate, first, 50))
    assert len(compiled) == len(states)
    for name in ("U", "P", "phi", "pi"):
        for mine, other in zip(states[::7], compiled[::7], strict=True):
            assert (getattr(mine, name) - getattr(other, name)).abs().max() < 1e-12, name
    assert (states[-1].U - U).abs().max() > 0.01


def test_a_network_is_not_compiled() -> None:
    surrogate = EvolutionSurrogate(network={"channels": [2]})
    with pytest.raises(LayerError, match="use torch"):
        compiled_scheme(surrogate, (8, 8))
