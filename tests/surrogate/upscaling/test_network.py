"""The network upscaler: exact for any weights, its baseline without them, trainable beyond it, kept in files."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogate import load_model, save_model
from surrogate.blocking import block
from surrogate.errors import LayerError
from surrogate.groups import random_elements, unitarity_violation
from surrogate.lattice import plaquettes
from surrogate.upscaling import NetworkUpscaler, geodesic, to_cell_gauge
from tests.surrogate.states import FIELDS, FRAMES, at_coarse_sites, difference, over_cells, random_state

GROUPS = ("SU(2)", "SU(3)")


def network(group, frame, seed=1, size=0.3, **options) -> NetworkUpscaler:
    """With random corrections."""
    torch.manual_seed(seed)
    model = NetworkUpscaler(group=group, frame=frame, channels=(3, 2), radius=1, **options)
    with torch.no_grad():
        model.corrections.normal_(0.0, size)
        model.sizes.copy_(torch.tensor([0.7, 0.5, 2.0, 3.0]))
        if model.baseline is not None:
            model.baseline.loops.normal_(0.0, 0.1)
    return model


@settings(max_examples=24, deadline=None, derandomize=True)
@given(
    st.sampled_from(GROUPS),
    st.sampled_from(list(FRAMES)),
    st.sampled_from([("linear", "site"), ("even", "site"), ("linear", "average"), ("fitted", "site")]),
    st.sampled_from([None, "tanh"]),
    st.lists(st.integers(1, 3), min_size=3, max_size=3),
    st.integers(0, 2**31),
)
def test_for_any_weights_blocking_undoes_it_in_any_gauge(group, frame, kind, activation, sides, seed):
    baseline, scalars = kind
    model = network(group, frame, seed, baseline=baseline, scalars=scalars, activation=activation)
    frame = FRAMES[frame]
    generator = torch.Generator().manual_seed(seed)
    state = random_state(group, frame, tuple(sides), generator, batch=2)
    with torch.no_grad():
        fine = model(state)
        assert unitarity_violation(fine.U, group) < 1e-12
        assert difference(block(fine, frame, scalars=scalars), state) < 1e-12
        Omega = random_elements(group, (2, *state.lattice), generator)
        assert difference(model(state.transformed(Omega)), fine.transformed(over_cells(Omega))) < 1e-10
        moved = geodesic(state, frame, scalars=scalars)
        assert difference(moved, fine) > 1e-3


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("frame", FRAMES)
def test_invariants_of_the_fine_lattice_do_not_see_the_fine_gauge(group, frame, generator):
    """A gauge transformation at every fine site, then blocking and upscaling: the same plaquettes."""
    model, frame = network(group, frame), FRAMES[frame]
    state = random_state(group, frame, 4, generator)
    Omega = random_elements(group, (1, *state.lattice), generator)
    with torch.no_grad():
        first, second = (model(block(one, frame)) for one in (state, state.transformed(Omega)))
    assert difference(second, first.transformed(over_cells(at_coarse_sites(Omega)))) < 1e-11
    traces = [plaquettes(fine.U).diagonal(dim1=-2, dim2=-1).sum(-1) for fine in (first, second)]
    assert (traces[0] - traces[1]).abs().max() < 1e-11


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("baseline", ["linear", "even"])
def test_without_corrections_it_is_the_baseline(group, frame, baseline, generator):
    state = random_state(group, FRAMES[frame], 3, generator)
    model = NetworkUpscaler(group=group, frame=frame, baseline=baseline)
    assert difference(model(state).each(torch.Tensor.detach), geodesic(state, FRAMES[frame], baseline)) == 0


@pytest.mark.parametrize("frame", FRAMES)
def test_all_fields_are_corrected_and_translations_kept(frame, generator):
    """Every free field moves; the coarse lattice has no special site."""
    model = network("SU(2)", frame)
    state = random_state("SU(2)", FRAMES[frame], 4, generator)
    with torch.no_grad():
        fine, baseline = model(state), geodesic(state, FRAMES[frame])
        for name in FIELDS:
            if getattr(fine, name) is not None:
                change = (getattr(fine, name) - getattr(baseline, name)).abs().flatten(1).max()
                assert change > 1e-3

        def rolled(one, steps):
            return one.each(lambda X: torch.roll(X, steps, X.ndim - 3))

        assert difference(model(rolled(state, 1)), rolled(fine, 2)) < 1e-13


def test_training_goes_beyond_the_baseline(generator):
    """Supervised by the true fine fields in the gauge of the cells; the error of its training data falls."""
    frame = FRAMES["milne"]
    state = random_state("SU(2)", frame, 4, generator, width=0.3)
    truth, coarse = to_cell_gauge(state), block(state, frame)
    torch.manual_seed(2)
    model = NetworkUpscaler(group="SU(2)", frame="milne", channels=(6,))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.03)

    def loss():
        fine = model(coarse)
        return sum((getattr(fine, name) - getattr(truth, name)).abs().square().mean() for name in FIELDS)

    start = float(loss().detach())
    for _ in range(40):
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()
    assert float(loss().detach()) < 0.7 * start
    with torch.no_grad():
        assert difference(block(model(coarse), frame), coarse) < 1e-12


@pytest.mark.parametrize("frame", FRAMES)
def test_calibrated_networks_scale_with_the_fields(frame, generator):
    """P, φ, π in other units: the same links, and fine P, φ, π in these units."""

    def scaled(one):
        return replace(one, P=7 * one.P, **({"phi": 3 * one.phi, "pi": 5 * one.pi} if one.phi is not None else {}))

    state = random_state("SU(2)", FRAMES[frame], 3, generator)
    model, other = network("SU(2)", frame), network("SU(2)", frame)
    model.calibrate(state)
    other.calibrate(scaled(state))
    with torch.no_grad():
        fine, found = model(state), other(scaled(state))
    assert difference(found, scaled(fine)) < 1e-12


def test_files(tmp_path, generator):
    model = network("SU(2)", "static", baseline="fitted", activation="tanh")
    save_model(model, tmp_path / "upscaler.safetensors", metrics={"error": 0.1})
    again = load_model(tmp_path / "upscaler.safetensors")
    state = random_state("SU(2)", FRAMES["static"], 3, generator)
    with torch.no_grad():
        assert difference(again(state), model(state)) == 0
    assert again.card["architecture"] == "NetworkUpscaler"
    assert again.config == model.config


def test_impossible_configurations_are_refused(generator):
    with pytest.raises(LayerError, match="radii: is not a key of a network upscaler"):
        NetworkUpscaler(radii=2)
    with pytest.raises(LayerError, match="baseline = 'cubic': choose one of"):
        NetworkUpscaler(baseline="cubic")
    with pytest.raises(LayerError, match="scalars = 'average'"):
        NetworkUpscaler(baseline="fitted", scalars="average")
    with pytest.raises(LayerError, match=r"channels = \(\)"):
        NetworkUpscaler(channels=())
    state = replace(random_state("SU(2)", FRAMES["milne"], 3, generator), phi=None)
    with pytest.raises(LayerError, match="phi = None: the milne frame needs"):
        NetworkUpscaler()(state)
