"""Chains are a function of the seed alone; links stay in the group; reflections keep the action; wrong input."""

from __future__ import annotations

import numpy as np
import pytest

from glasma.backend import Workers
from glasma.errors import ConfigError
from glasma.euclidean.heat_bath import HeatBath
from glasma.euclidean.observables import plaquette
from glasma.euclidean.random_numbers import stream, streams, uniform
from glasma.group import su2
from tests.states import dagger

SHAPES = [(4, 6), (4, 2, 6), (4, 2, 2, 4)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("chains", [1, 11])
def test_links_are_the_same_bit_for_bit_for_any_number_of_threads(group, shape, chains):
    one, three = (HeatBath(group, shape, 2.5, 7, 1, chains, workers=Workers(threads)) for threads in (1, 3))
    for chain in (one, three):
        chain.sweep(2)
    np.testing.assert_array_equal(one.links, three.links)
    np.testing.assert_array_equal(one.plaquettes(), three.plaquettes())


def test_links_follow_from_the_seed(group):
    chains = [HeatBath(group, (4, 4), 2.5, seed) for seed in (7, 7, 8)]
    for chain in chains:
        chain.sweep(3)
    first, again, other = (chain.links for chain in chains)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.5


def test_chains_differ_and_do_not_depend_on_how_sweeps_are_counted(group):
    at_once, one_by_one = (HeatBath(group, (4, 4), 2.5, 7, chains=9) for _ in range(2))
    at_once.sweep(4)
    for _ in range(4):
        one_by_one.sweep()
    np.testing.assert_array_equal(at_once.links, one_by_one.links)
    assert at_once.sweeps == one_by_one.sweeps == 4
    assert len(np.unique(at_once.plaquettes())) == 9


@pytest.mark.parametrize("shape", SHAPES)
def test_links_stay_in_the_group(group, shape):
    chain = HeatBath(group, shape, 2.5, 7, overrelaxation=3)
    chain.sweep(100)
    U = chain.links
    assert U.shape == (1, len(shape), *shape, group.COLOURS, group.COLOURS)
    np.testing.assert_allclose(U @ dagger(U), np.broadcast_to(np.eye(group.COLOURS), U.shape), atol=1e-15)
    np.testing.assert_allclose(np.linalg.det(U), 1, atol=2e-15)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("chains", [1, 8])
def test_reflections_keep_the_action_and_move_the_links(group, shape, chains):
    chain = HeatBath(group, shape, 2.5, 7, chains=chains)
    chain.sweep(2)
    before, action = chain.links, chain.plaquettes()
    chain.overrelax()
    np.testing.assert_allclose(chain.plaquettes(), action, rtol=0, atol=2e-14)
    assert np.abs(chain.links - before).max() > 0.5


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("chains", [1, 8])
def test_plaquette_of_the_chains_is_that_of_their_links(group, shape, chains):
    chain = HeatBath(group, shape, 2.5, 7, chains=chains)
    chain.sweep(2)
    np.testing.assert_allclose(chain.plaquettes(), plaquette(chain.links), atol=1e-14)


def test_chain_goes_on_from_its_links_as_if_it_had_not_stopped(group):
    whole, first, second = (HeatBath(group, (4, 4), 2.5, 7, chains=5) for _ in range(3))
    whole.sweep(5)
    first.sweep(2)
    second.go_on(first.links, first.sweeps)
    second.sweep(3)
    np.testing.assert_array_equal(second.links, whole.links)


def test_cold_start_is_the_unit_and_hot_start_is_uniform(group):
    cold = HeatBath(group, (4, 4), 2.0, 7, start="cold")
    np.testing.assert_array_equal(cold.links, np.broadcast_to(np.eye(group.COLOURS), cold.links.shape))
    links = HeatBath(group, (8, 8), 2.0, 7, chains=64).links
    # Haar measure: ⟨U⟩ = 0, ⟨|tr U|²⟩ = 1, ⟨|tr U|⁴⟩ = 2 (3 for SU(2), whose trace is real: ⟨tr⁴⟩ = 2)
    trace = np.abs(np.trace(links, axis1=-2, axis2=-1)) ** 2
    count = trace.size
    assert np.abs(links.mean(axis=(0, 1, 2, 3))).max() < 5 / np.sqrt(count)
    assert abs(trace.mean() - 1) < 5 * trace.std() / np.sqrt(count)
    assert abs((trace**2).mean() - 2) < 5 * (trace**2).std() / np.sqrt(count)


def test_draws_are_uniform_and_streams_independent():
    keys = streams(3, np.arange(1000))
    draws = np.array([[uniform(key, np.uint64(n)) for n in range(50)] for key in keys])
    assert len(np.unique(draws)) == draws.size
    assert draws.min() > 0
    assert draws.max() <= 1
    counts = np.histogram(draws, 100, (0, 1))[0]
    chi2 = ((counts - 500) ** 2 / 500).sum()
    assert 50 < chi2 < 160
    correlation = np.corrcoef(np.concatenate([draws.T, np.roll(draws, 1, axis=0).T])) - np.eye(100)
    assert np.abs(correlation).max() < 0.17
    assert stream(np.uint64(3), np.uint64(5)) == keys[5]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": (8,)}, "shape = 8: needs two, three or four sides"),
        ({"shape": (2, 2, 2, 2, 2)}, "shape = 2x2x2x2x2: needs two, three or four"),
        ({"shape": (8, 7)}, "shape = 8x7: every side must be even"),
        ({"shape": (8, 0)}, "shape = 8x0: every side must be even and positive"),
        ({"beta": -1.0}, "beta = -1.0: must be finite and not negative"),
        ({"beta": float("nan")}, "beta = nan"),
        ({"seed": -1}, "seed = -1: must be from 0"),
        ({"seed": 2**64}, "seed = 18446744073709551616"),
        ({"overrelaxation": -1}, "overrelaxation = -1"),
        ({"chains": 0}, "chains = 0: at least one"),
        ({"start": "warm"}, "start = 'warm': must be 'hot' or 'cold'"),
    ],
)
def test_wrong_arguments_are_refused(change, words):
    with pytest.raises(ConfigError, match=words):
        HeatBath(**{"group": su2, "shape": (4, 4), "beta": 2.0, "seed": 1, **change})


def test_links_of_other_chains_are_refused():
    chain = HeatBath(su2, (4, 4), 2.0, 1)
    with pytest.raises(ValueError, match="need"):
        chain.go_on(np.zeros((2, 2, 4, 4, 2, 2)), 1)
    with pytest.raises(ValueError, match="finite"):
        chain.go_on(np.full((1, 2, 4, 4, 2, 2), np.nan), 1)
