"""Events of the maps: what is blocked and averaged is the fine lattice; training on turned events; the rival U-Net."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from glasma.errors import ConfigError
from surrogate.errors import LayerError
from surrogate.groups import random_elements
from surrogate.observables.map_events import (
    Collision2D,
    cell_means,
    coarse_solver_maps,
    draw_events,
    evolved_maps,
    initial_fields,
)
from surrogate.observables.map_training import TurnedLoss, relative_errors, samples_of, train_maps
from surrogate.observables.maps import ObservableConfig, ObservableNetwork, check_fields, energy_scale
from surrogate.point_group import point_group, rotate_links, rotate_sites
from surrogate.studies.plain_maps import PlainMapNetwork, gauge_transformed, in_landau_gauge, matched_widths
from surrogate.training import training_config

SMALL = Collision2D(cells=16, g2mu=0.3)
TIMES = (1.0, 2.5)


@pytest.fixture(scope="module")
def events():
    return draw_events(SMALL, TIMES, (1, 2, 3))


@pytest.mark.parametrize("blocking", [1, 2, 3, 4])
def test_cells_keep_the_mean_and_turn_about_their_site(blocking, rng):
    fine = rng.normal(size=(2, 12, 12))
    coarse = cell_means(fine, blocking)
    assert np.allclose(coarse.mean((1, 2)), fine.mean((1, 2)), rtol=1e-12, atol=1e-14)
    for rotation in point_group(2):
        turned = cell_means(rotate_sites(torch.from_numpy(fine), rotation, 0).numpy(), blocking)
        assert np.allclose(turned, rotate_sites(torch.from_numpy(coarse), rotation, 0).numpy(), rtol=1e-12)
    if blocking == 2:
        weights = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])
        assert coarse[0, 1, 2] == pytest.approx((weights * fine[0, 1:4, 3:6]).sum())


def test_events_are_fields_at_the_collision_and_traceless_maps(events):
    check_fields(events.U, events.E_L, "SU(2)")
    assert events.U.shape == (3, 2, 8, 8, 2, 2)
    assert events.maps.shape == (3, 2, 3, 8, 8)
    eps, longitudinal, transverse = events.maps.unbind(2)
    assert torch.allclose(eps, longitudinal + 2 * transverse, rtol=1e-12)
    assert bool((eps > 0).all())


def test_energy_of_coarse_maps_is_that_of_the_fine_run(events):
    fine = initial_fields(SMALL, 2)
    maps = evolved_maps(SMALL, fine.links, fine.longitudinal, SMALL.levels(TIMES))
    # 1/a⁴ grows by 2⁴.
    assert np.allclose(events.maps[1].mean((2, 3)).numpy(), 16 * maps.mean((2, 3)), rtol=1e-12)


def test_early_maps_are_the_energy_scale():
    """τ → 0: ε is ½E_L² + ½B_L², which is the scale but for what blocking loses of smooth fields."""
    smooth = Collision2D(cells=32, g2mu=0.1, ultraviolet=0.5)
    early = draw_events(smooth, (0.05,), (1,))
    assert float(early.maps[0, 0, 0].mean()) == pytest.approx(float(energy_scale(early.U, early.E_L)), rel=0.1)
    assert float(early.maps[0, 0, 1].mean()) == pytest.approx(-float(early.maps[0, 0, 0].mean()), rel=0.02)


def test_coarse_solver_is_the_solver_on_the_coarse_lattice_at_the_same_times(events):
    same = Collision2D(cells=16, g2mu=0.3, blocking=1)
    unblocked = draw_events(same, TIMES, (1,))
    assert torch.allclose(coarse_solver_maps(same, TIMES, unblocked), unblocked.maps, rtol=1e-9)
    coarse = coarse_solver_maps(SMALL, TIMES, events)
    assert 0.01 < float(relative_errors(coarse, events.maps).max()) < 1
    assert SMALL.coarse_times(TIMES) == tuple((n - 0.5) / 16 for n in SMALL.levels(TIMES))


def test_maps_turn_with_the_lattice(events):
    """What the random turns of the training rely on: the coarse solver commutes with rotations and reflections."""
    rotation = point_group(2)[5]
    turned = type(events)(rotate_links(events.U, rotation), rotate_sites(events.E_L, rotation), events.maps)
    found = coarse_solver_maps(SMALL, TIMES, turned)
    assert torch.allclose(found, rotate_sites(coarse_solver_maps(SMALL, TIMES, events), rotation, 0), rtol=1e-8, atol=1e-12)


def test_training_lowers_the_loss_resumes_and_calibrates(events, tmp_path):
    config = ObservableConfig(times=SMALL.coarse_times(TIMES), convolutions=(6, 6), channels=(8,), members=2)
    training = training_config(
        {"epochs": 12, "batch_size": 1, "learning_rate": 0.01, "loss": "relative", "tensorboard": False, "threads": 1}
    )
    results = []
    for _ in range(2):
        torch.manual_seed(3)
        network = ObservableNetwork(config)
        histories = train_maps(network, events[:2], events[2:], training, tmp_path)
        results.append(network.double()(events.U, events.E_L))
    losses = [row.train_loss for row in histories[0].epochs]
    assert losses[-1] < 0.5 * losses[0]
    assert torch.equal(*(found.mean for found in results))
    assert not torch.equal(network.factors, torch.ones(2, 3))
    first, second = (member.head.layers[0].weight for member in network.members)
    assert not torch.equal(first, second)


def test_loss_turns_batches_in_training_only(events):
    samples = samples_of(events)
    loss = TurnedLoss(samples)
    seen = []

    class Recorder(torch.nn.Module):
        def forward(self, U, E_L):
            seen.append(U)
            return torch.zeros(len(U), 6, 8, 8, dtype=torch.float64)

    model = Recorder()
    torch.manual_seed(1)
    values = [float(loss(model, samples)) for _ in range(10)]
    assert len({float(U.real.sum((0, 2, 3, 4, 5))[0]) for U in seen}) > 1
    assert values == pytest.approx([values[0]] * 10)
    model.eval()
    for _ in range(4):
        loss(model, samples)
        assert torch.equal(seen[-1], events.U)


def test_plain_network_is_no_invariant_and_the_landau_gauge_makes_it_one(events, generator):
    plain = PlainMapNetwork(2, 2, 6, 8).double()
    plain.standardise(events)
    seen = (plain.entries(events.U, events.E_L) - plain.mean) / plain.deviation
    assert float(seen.mean((0, 2, 3)).abs().max()) < 1e-12
    moved = gauge_transformed(events, random_elements("SU(2)", (3, 8, 8), generator))
    plain.requires_grad_(False)
    before, after = (plain(found.U, found.E_L) for found in (events, moved))
    assert before.shape == (3, 6, 8, 8)
    assert float((after - before).abs().max()) > 0.1 * float(before.std())
    fixed, again = in_landau_gauge(events), in_landau_gauge(moved)
    assert torch.allclose(plain(fixed.U, fixed.E_L), plain(again.U, again.E_L), atol=1e-4)
    # Translations are a symmetry, up to the steps of the pooling.
    rolled = plain(*(torch.roll(field, 2, -4) for field in (events.U, events.E_L)))
    assert torch.allclose(rolled, torch.roll(before, 2, -2), rtol=1e-9)
    with pytest.raises(LayerError, match="half the resolution needs even sides"):
        plain(events.U[:, :, :7], events.E_L[:, :7])


@pytest.mark.parametrize(("parameters", "colours"), [(12_414, 2), (31_600, 2), (60_000, 3)])
def test_plain_network_has_as_many_parameters(parameters, colours):
    network = PlainMapNetwork(colours, 3, *matched_widths(parameters, colours, 3))
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, rel=0.05)


@pytest.mark.parametrize("times", [(), (0.0, 1.0), (1.0, 0.5), (1.1, 1.11)])
def test_wrong_times_are_named(times):
    with pytest.raises(ConfigError, match=r"times = .*must be positive and rising"):
        SMALL.levels(times)


def test_lattice_that_cannot_be_blocked_is_named():
    with pytest.raises(LayerError, match="blocking by 2 needs sides that are multiples"):
        draw_events(Collision2D(cells=9), (1.0,), (1,))
