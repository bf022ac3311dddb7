"""Tied weights make layers and networks equivariant under rotations and reflections, and untied ones are not."""

from __future__ import annotations

import pytest
import torch

from surrogate import LCNN, LayerError, PlaqLeaves, TiedLCB, check_equivariance
from surrogate.layers.tied import labels, leaf_labels
from surrogate.point_group import Rotation, generators, point_group

ALL = ("gauge", "translation", "rotation", "reflection")


@pytest.mark.parametrize("D", [2, 3])
def test_leaves_turn_with_the_lattice(gauge_group, D):
    assert check_equivariance(PlaqLeaves(gauge_group, D), symmetries=ALL).holds()


@pytest.mark.parametrize("options", [{}, {"complex_weights": True}, {"dagger": "none", "unit": "right"}, {"kernel_size": 3}])
@pytest.mark.parametrize("D", [2, 3])
def test_tied_layers_have_all_symmetries(D, options):
    ranks = [(leaf_labels(D), labels(D, 1, 1)), (labels(D, 2, 1), labels(D, 1, 1)), (labels(D, 1, 1), labels(D, 2, 0))]
    for labels_in, labels_out in ranks:
        layer = TiedLCB("SU(2)", D, labels_in, labels_out, **options)
        torch.nn.init.normal_(layer.weight)
        report = check_equivariance(layer, symmetries=ALL)
        assert report.holds(), report
        assert report.variation > 0.1


def test_tied_network_has_all_symmetries_and_an_untied_one_has_not(gauge_group, dimensions):
    tied = LCNN(group=gauge_group, dimensions=dimensions, channels=(1, 2), tied=True, activation="tanh", head=(3,))
    report = check_equivariance(tied, symmetries=ALL, batch=1)
    assert report.holds(), report
    untied = LCNN(group=gauge_group, dimensions=dimensions, channels=(1, 2))
    assert check_equivariance(untied, symmetries=("rotation",), batch=1).residuals["rotation"] > 1e10


def test_one_wrong_orbit_is_found():
    layer = TiedLCB("SU(2)", 2, leaf_labels(2), labels(2, 1, 1))
    layer.orbit[5] = (layer.orbit[5] + 1) % len(layer.weight)
    assert check_equivariance(layer, symmetries=("rotation", "reflection")).residuals["reflection"] > 1e10


def test_group_of_the_square_and_its_generators():
    group = point_group(2)
    assert (len(group), sum(R.determinant for R in group)) == (8, 0)
    assert group[0] == Rotation((0, 1), (1, 1))
    assert set(generators(2)) <= set(group)
    assert len(point_group(4)) == 384


def test_labels_out_of_a_group_are_refused():
    with pytest.raises(LayerError, match="labels: a rotation takes an object out of the list"):
        TiedLCB("SU(2)", 2, leaf_labels(2), labels(2, 1, 1)[:2])
    with pytest.raises(LayerError, match="tied = True: not with polyakov"):
        LCNN(tied=True, polyakov=True)
