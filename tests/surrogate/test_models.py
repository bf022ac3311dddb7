"""Models from configurations: the size of W through depth, checkpointing, compilation, errors."""

from __future__ import annotations

import pytest
import torch

from surrogate import LCNN, LayerError, LCNNConfig
from surrogate.groups import random_elements, random_near_unity
from surrogate.models import rms


@pytest.mark.parametrize("field", ["rough", "smooth"])
def test_objects_stay_of_order_one_through_eight_layers(gauge_group, dimensions, field, generator):
    shape = (2, dimensions, *(3,) * dimensions)
    U = (
        random_elements(gauge_group, shape, generator)
        if field == "rough"
        else random_near_unity(gauge_group, shape, 0.1, generator)
    )
    for seed in range(5):
        torch.manual_seed(seed)
        model = LCNN(group=gauge_group, dimensions=dimensions, channels=(6,) * 8)
        W = model.objects(U)
        for block in model.blocks:
            W = block(U, W)
            assert 1 / 4 < rms(W) < 4


def test_calibration_makes_objects_of_size_one(generator):
    U = random_elements("SU(3)", (2, 2, 4, 4), generator)
    model = LCNN(group="SU(3)", channels=(3, 5, 4), activation="relu", unit="none")
    model.calibrate(U)
    W = model.objects(U)
    for block in model.blocks:
        W = block(U, W)
        assert rms(W) == pytest.approx(1.0, rel=1e-5)


def test_output_shapes(generator):
    U = random_elements("SU(2)", (3, 2, 4, 5), generator)
    assert LCNN(outputs=2)(U).shape == (3, 2, 4, 5)
    pooled = LCNN(outputs=2, pooled=True, head=(4,))
    assert pooled(U).shape == (3, 2)
    # The same model on another lattice.
    assert pooled(random_elements("SU(2)", (1, 2, 6, 3), generator)).shape == (1, 2)


def test_checkpointing_changes_nothing(generator):
    U = random_elements("SU(3)", (2, 2, 3, 4), generator).requires_grad_()
    model = LCNN(group="SU(3)", channels=(3, 3), activation="tanh").double()
    frugal = LCNN(group="SU(3)", channels=(3, 3), activation="tanh", checkpointing=True).double()
    frugal.load_state_dict(model.state_dict())
    gradients = []
    for network in (model, frugal):
        y = network(U)
        gradients.append([y, *torch.autograd.grad(y.square().sum(), [U, *network.parameters()])])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_force_of_a_learned_potential_can_be_trained(generator):
    """Second derivatives: the weights' gradient of a loss on the gradient by the links, against finite differences."""
    U = random_elements("SU(2)", (1, 2, 3, 3), generator).requires_grad_()
    model = LCNN(channels=(2,), outputs=1).double()
    model.plaq.check_group = False

    def loss():
        (force,) = torch.autograd.grad(model(U).sum(), U, create_graph=True)
        return force.abs().square().sum()

    weight = model.blocks[0].lcb.weight
    (found,) = torch.autograd.grad(loss(), weight)
    with torch.no_grad():
        direction = torch.randn_like(weight)
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            weight.add_(direction, alpha=sign * 1e-5)
        values.append(loss())
        with torch.no_grad():
            weight.add_(direction, alpha=-sign * 1e-5)
    expected = (values[0] - values[1]) / 2e-5
    assert (found * direction).sum().item() == pytest.approx(expected.item(), rel=1e-6)


def test_representation_shows_in_and_out():
    text = repr(LCNN(group="SU(2)", dimensions=3, channels=(4, 6), polyakov=True))
    for part in ("U → 3", "6 → 4", "4 → 6", "Trace(SU(2), D = 3, 6 → 6)"):
        assert part in text


def test_configuration_round_trip():
    config = LCNNConfig(group="SU(3)", dimensions=4, channels=(12, 24, 24), kernel_sizes=(2, 2, 1))
    assert LCNNConfig.from_dict(config.to_dict()) == config
    with pytest.raises(LayerError, match="width: is not a key of an L-CNN; known are"):
        LCNNConfig.from_dict({"width": 3})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"channels": ()}, "channels"),
        ({"kernel_sizes": (2,)}, "kernel_sizes = \\(2,\\): give one number, or one for each of the 2 layers"),
        ({"group": "SU(9)"}, "group"),
        ({"dimensions": 1}, "dimensions = 1"),
        ({"head_activation": "step"}, "activation"),
        ({"channels": (0,)}, "n_out = 0"),
    ],
)
def test_impossible_configurations_are_named(values, message):
    with pytest.raises(LayerError, match=message):
        LCNN(**values)


@pytest.mark.slow
def test_compiled_model_computes_the_same(generator):
    U = random_elements("SU(3)", (2, 2, 4, 4), generator, torch.complex64)
    model = LCNN(group="SU(3)", channels=(3, 3), activation="tanh", head=(4,))
    results = []
    for network in (model, torch.compile(model)):
        model.zero_grad()
        y = network(U)
        y.square().sum().backward()
        results.append([y.detach(), *(p.grad.clone() for p in model.parameters())])
    for expected, found in zip(*results, strict=True):
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5)
