"""States: gauge transformations, the Gauss constraint of the engine's fields, batches, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from glasma.evolution.boost_invariant import BoostInvariant
from glasma.lattice.fields import Fields
from glasma.lattice.gauge import covariant_divergence, gauge_transform
from glasma.lattice.grid import Grid
from glasma.lattice.milne import MilneFields
from glasma.lattice.storage import field_array
from surrogate.engine_fields import algebra_to_tensor, state_from_engine, state_to_engine
from surrogate.errors import LayerError
from surrogate.evolution import FieldState, Frame, joined
from surrogate.groups import random_elements
from tests.states import random_omega, rough_fields
from tests.surrogate.states import FRAMES, difference, random_state


def rough_milne(group, dtype=np.float64) -> MilneFields:
    """Everything drawn independently at every site."""
    rng, shape = np.random.default_rng(3), (4, 6)
    fields = MilneFields(
        Grid((*shape, 1), substeps=4),
        group,
        field_array((2, group.LINK_REALS, 1, *shape), dtype),
        rng.standard_normal((1, group.DIMENSION, 1, *shape)).astype(dtype),
        rng.standard_normal((3, group.DIMENSION, 1, *shape)).astype(dtype),
        step=7,
    )
    for i in range(2):
        fields.U[i, :, 0] = group.link_from_matrix(random_omega(group, shape, rng))
    return fields


def engine_fields(group, frame) -> Fields | MilneFields:
    return rough_milne(group) if frame == "milne" else rough_fields(Grid((4, 6, 10), anisotropy=0.5), group)


@pytest.mark.parametrize("frame", ["laboratory", "milne"])
def test_to_the_engine_and_back(group, frame):
    fields = engine_fields(group, frame)
    other = fields.copy()
    for name in ("U", "E", "A"):
        if hasattr(other, name):
            getattr(other, name)[...] = 0
    state = state_from_engine(fields)
    state.check(group.NAME, FRAMES[frame])
    state_to_engine(state, other)
    for name in ("U", "E", "A"):
        if hasattr(other, name):
            assert np.abs(getattr(other, name) - getattr(fields, name)).max() < 1e-15 * 4
    assert (other.step, state.number) == (fields.step, fields.step)


def test_single_precision_to_the_engine_and_back(group):
    fields = rough_milne(group, np.float32)
    other = fields.copy()
    other.U[...] = other.E[...] = other.A[...] = 0
    state_to_engine(state_from_engine(fields).to(torch.complex64), other)
    for name in ("U", "E", "A"):
        assert np.abs(getattr(other, name) - getattr(fields, name)).max() < 1e-6


def test_a_gauge_transformation_is_that_of_the_engine(group, rng):
    fields = rough_fields(Grid((4, 6, 10)), group)
    omega = random_omega(group, fields.grid.shape, rng)
    expected = state_from_engine(gauge_transform(fields, omega))
    assert difference(state_from_engine(fields).transformed(torch.from_numpy(omega)[None]), expected) < 1e-13


def test_the_constraint_of_the_laboratory_is_that_of_the_engine(group):
    fields = rough_fields(Grid((4, 6, 10), anisotropy=0.5), group)
    found = state_from_engine(fields).gauss(Frame("laboratory", 0.5))
    for x in range(4):
        # The engine's box has no plane before the first.
        expected = algebra_to_tensor(covariant_divergence(fields, x, 1, 10)[..., 1:], group)
        assert (found[0, x, :, 1:] - expected).abs().max() < 1e-13 * expected.abs().max()


def test_the_constraint_of_a_boost_invariant_run_holds(group):
    scheme = BoostInvariant(Grid((8, 8, 1), substeps=4), group)
    rng = np.random.default_rng(2)
    links = np.stack([group.link_from_matrix(random_omega(group, (8, 8), rng)) for _ in range(2)])
    fields = scheme.start(links, rng.standard_normal((group.DIMENSION, 8, 8)))
    for _ in range(10):
        scheme.step(fields)
    state = state_from_engine(fields)
    assert state.gauss(Frame("milne")).abs().max() < 1e-12 * state.P.abs().max()
    assert replace(state, pi=1.01 * state.pi).gauss(Frame("milne")).abs().max() > 1e-5 * state.P.abs().max()


@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
@pytest.mark.parametrize("frame", FRAMES)
def test_gauge_transformations(group, frame, generator):
    state = random_state(group, FRAMES[frame], (4, 3, 5), generator, batch=2)
    first, second = (random_elements(group, (2, *state.lattice), generator) for _ in range(2))
    turned = state.transformed(first)
    assert difference(turned.transformed(second), state.transformed(second @ first)) < 1e-13
    expected = first @ state.gauss(FRAMES[frame]) @ first.mH
    assert (turned.gauss(FRAMES[frame]) - expected).abs().max() < 1e-13 * expected.abs().max()


@pytest.mark.parametrize("frame", FRAMES)
def test_batches(frame, generator):
    states = [random_state("SU(2)", FRAMES[frame], (4, 3, 5), generator, batch) for batch in (1, 3, 2)]
    batch = joined(states)
    assert len(batch) == 6
    assert batch.number == 5
    assert difference(batch[0], states[0]) == difference(batch[1:4], states[1]) == difference(batch[-2:], states[2]) == 0
    assert difference(batch[-1], states[2][1]) == difference(batch[[5, 0]][1], states[0]) == 0
    assert [len(one) for one in batch] == [1] * 6
    assert difference(batch.to(torch.complex64).to(torch.complex128), batch) < 1e-6


def test_what_does_not_fit_is_refused(generator):
    milne, laboratory = FRAMES["milne"], FRAMES["laboratory"]
    state = random_state("SU(2)", milne, 4, generator)
    state.check("SU(2)", milne)
    with pytest.raises(LayerError, match=r"links of shape .*SU\(3\) in D = 2 needs"):
        state.check("SU(3)", milne)
    with pytest.raises(LayerError, match=r"phi = None: the milne frame needs \(1, 4, 4, 2, 2\)"):
        replace(state, phi=None).check("SU(2)", milne)
    with pytest.raises(LayerError, match=r"P of shape \(1, 2, 4, 3, 2, 2\): needs \(1, 2, 4, 4, 2, 2\)"):
        replace(state, P=state.P[:, :, :, 1:]).check("SU(2)", milne)
    with pytest.raises(LayerError, match=r"pi is torch\.complex64 and links U are torch\.complex128"):
        replace(state, pi=state.pi.to(torch.complex64)).check("SU(2)", milne)
    box = random_state("SU(2)", laboratory, 4, generator)
    with pytest.raises(LayerError, match="the laboratory frame has none: give None"):
        replace(box, phi=box.P[:, 0]).check("SU(2)", laboratory)
    with pytest.raises(LayerError, match="links are 4 × 4 matrices"):
        FieldState(torch.zeros(1, 2, 2, 2, 4, 4), torch.zeros(1, 2, 2, 2, 4, 4)).group  # noqa: B018
    with pytest.raises(LayerError, match=r"states = \[\]"):
        joined([])
    with pytest.raises(LayerError, match="states differ"):
        joined([state, replace(state, number=6)])
