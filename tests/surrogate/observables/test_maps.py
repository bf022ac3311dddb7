"""Observable networks: symmetries at rounding, traceless maps, scales, error bars, files, refusals."""

from __future__ import annotations

import pytest
import torch

from surrogate import load_model, save_model
from surrogate.equivariance import check_equivariance
from surrogate.errors import LayerError
from surrogate.groups import algebra_part, random_elements, random_near_unity
from surrogate.lattice import plaquettes, transform_links, transform_objects
from surrogate.observables.maps import (
    GAUSSIAN,
    MapNetwork,
    ObservableConfig,
    ObservableNetwork,
    calibration,
    coverage,
    energy_scale,
)

SMALL = {"times": (0.5, 2.0), "convolutions": (4, 4), "channels": (5,), "members": 2}


def network_of(group, **values):
    return ObservableNetwork(ObservableConfig(group=group, **{**SMALL, **values})).double().requires_grad_(False)


def fields(group, lattice, generator, batch=2, width=0.3):
    U = random_near_unity(group, (batch, 2, *lattice), width, generator)
    N = U.shape[-1]
    E_L = algebra_part(torch.randn(batch, *lattice, N, N, dtype=torch.complex128, generator=generator), group)
    return U, 0.2 * E_L


@pytest.fixture(params=["SU(2)", "SU(3)"])
def group(request):
    return request.param


def test_maps_and_error_bars_are_gauge_invariant_and_move_with_the_lattice(group, generator):
    network = network_of(group, channels=(5, 3), product_kernel=2, head=(6,))
    U, E_L = fields(group, (5, 6), generator)
    Omega = random_elements(group, (2, 5, 6), generator)
    before = network(U, E_L)
    assert before.mean.shape == before.error.shape == (2, 2, 3, 5, 6)
    after = network(transform_links(U, Omega), transform_objects(E_L[:, None], Omega)[:, 0])
    moved = network(*(torch.roll(field, (2, -1), (-4, -3)) for field in (U, E_L)))
    for one, other, shifted in zip(before, after, moved, strict=True):
        assert float(one.abs().max()) > 1e-3
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)
        assert torch.allclose(torch.roll(one, (2, -1), (-2, -1)), shifted, rtol=1e-10, atol=1e-12)


def test_member_passes_the_harness(group):
    member = MapNetwork(ObservableConfig(group=group, **SMALL)).double()

    def maps(U, W):
        return member(U, algebra_part(W[:, 0], group))

    report = check_equivariance(maps, group, 2, objects=(1,), symmetries=("gauge", "translation"))
    assert report.holds(200)
    assert report.variation > 0.1


def test_trace_of_the_tensor_vanishes_for_any_weights(group, generator):
    maps = network_of(group)(*fields(group, (4, 4), generator)).mean
    eps, longitudinal, transverse = maps.unbind(2)
    assert torch.allclose(eps, longitudinal + 2 * transverse, rtol=1e-13)


def test_energy_scale_is_the_mean_energy_of_the_engine(group, generator):
    """ε of T^{μν} at τ = 0+ but for the means over neighbours: here from the definition, component by component."""
    U, E_L = fields(group, (3, 4), generator)
    N = U.shape[-1]
    electric = (E_L @ E_L).diagonal(dim1=-2, dim2=-1).sum(-1).real
    P = plaquettes(U)[:, 0]
    magnetic = ((P - torch.eye(N)) @ (P - torch.eye(N)).mH).diagonal(dim1=-2, dim2=-1).sum(-1).real
    assert torch.allclose(energy_scale(U, E_L), (electric + magnetic).mean((1, 2)), rtol=1e-12)


def test_weak_fields_scale(generator):
    """Abelian fields s A, s E with s → 0: links 1 + O(s), so that T/ε_0 tends to a limit with s."""
    network = network_of("SU(2)")
    H = algebra_part(torch.randn(1, 2, 4, 4, 2, 2, dtype=torch.complex128, generator=generator), "SU(2)")
    _, E_L = fields("SU(2)", (4, 4), generator, batch=1)
    found = []
    for s in (1e-3, 1e-4):
        U = torch.linalg.matrix_exp(1j * s * H)
        found.append(network(U, s * E_L).mean / energy_scale(U, s * E_L))
    assert torch.allclose(*found, rtol=0, atol=2e-2 * float(found[0].abs().max()))
    assert float((network(U, 2 * s * E_L).mean / energy_scale(U, 2 * s * E_L) - found[1]).abs().max()) > 1e-3


def test_output_depends_on_fields_within_reach_only(generator):
    network = network_of("SU(2)", convolutions=(3, 3), kernel_sizes=(3, 2))
    reach = network.config.reach
    assert reach == 3
    U, E_L = fields("SU(2)", (16, 3), generator, batch=1)
    # The scale of the event knows all sites: compare in units of it.
    maps = []
    for change in (0.0, 0.5):
        changed = E_L.clone()
        changed[:, 0] *= 1 + change
        member = network.members[0]
        W = member.objects(U, changed) * energy_scale(U, changed).sqrt().view(-1, 1, 1, 1, 1, 1)
        for layer in member.layers:
            W = layer(U, W)
        maps.append(member.trace(U, W))
    difference = (maps[1] - maps[0]).abs().amax((0, 1, 3))
    assert float(difference[reach + 1 : -reach - 1].max()) < 1e-14
    assert float(difference[[reach, -reach]].min()) > 1e-6


def test_calibration_on_synthetic_errors(generator):
    """Gaussian errors of a known size: the factor is their size over the spread, and the parts are the Gaussian's."""
    shape = (6, 2, 3, 40, 40)
    truth = torch.randn(shape, dtype=torch.float64, generator=generator)
    spread = torch.rand(shape, dtype=torch.float64, generator=generator) + 0.5
    wanted = torch.tensor([[0.5, 1.0, 2.0], [4.0, 0.1, 7.0]], dtype=torch.float64)
    sizes = wanted.view(1, 2, 3, 1, 1)
    mean = truth + sizes * spread * torch.randn(shape, dtype=torch.float64, generator=generator)
    factors = calibration(mean, spread, truth)
    assert torch.allclose(factors, wanted, rtol=0.05)
    after = coverage(mean, spread * factors.view(1, 2, 3, 1, 1), truth)
    for part, expected in zip(after, GAUSSIAN, strict=True):
        assert torch.allclose(part, torch.full((2, 3), expected, dtype=torch.float64), atol=0.01)
    before = coverage(mean, spread, truth)[0]
    assert bool((before[wanted > 1] < 0.5).all())
    with pytest.raises(LayerError, match="agree exactly"):
        calibration(mean, torch.zeros_like(spread), truth)


def test_calibrate_covers_its_events(generator):
    network = network_of("SU(2)")
    U, E_L = fields("SU(2)", (8, 8), generator, batch=3)
    truth = network(U, E_L).mean + 0.1 * torch.randn(3, 2, 3, 8, 8, dtype=torch.float64, generator=generator)
    network.calibrate(U, E_L, truth)
    found = network(U, E_L)
    assert torch.allclose(coverage(*found, truth)[0], torch.full((2, 3), GAUSSIAN[0], dtype=torch.float64), atol=0.01)


def test_file_keeps_weights_factors_and_times(group, tmp_path, generator):
    network = network_of(group)
    U, E_L = fields(group, (4, 4), generator)
    network.calibrate(U, E_L, network(U, E_L).mean + 0.1)
    path = save_model(network, tmp_path / "maps.safetensors", {"g2mu": 0.2})
    loaded = load_model(path)
    assert isinstance(loaded, ObservableNetwork)
    # Without gradients the contraction takes the sites in other chunks.
    loaded.requires_grad_(False)
    assert loaded.config == network.config
    assert loaded.card["training_data"] == {"g2mu": 0.2}
    for found, expected in zip(loaded(U, E_L), network(U, E_L), strict=True):
        assert torch.equal(found, expected)


def test_wrong_fields_are_refused(generator):
    network = network_of("SU(2)")
    U, E_L = fields("SU(2)", (4, 4), generator)
    for field, message in [
        (E_L[:, :3], "E_L of shape \\(2, 3, 4, 2, 2\\)"),
        (E_L.to(torch.complex64), "complex64"),
        (1j * E_L, "E_L is not in the algebra of SU\\(2\\).*hermitian and traceless"),
        (E_L + torch.eye(2), "not in the algebra"),
    ]:
        with pytest.raises(LayerError, match=message):
            network(U, field)
    with pytest.raises(LayerError, match="links are not in SU\\(2\\)"):
        network(1.01 * U, E_L)
    with pytest.raises(LayerError, match="links of shape"):
        network(U[:, :1], E_L)
    with pytest.raises(LayerError, match="give fields with energy"):
        network(torch.eye(2, dtype=torch.complex128).expand_as(U), 0 * E_L)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"members": 1}, "members = 1: an error bar needs at least 2"),
        ({"channels": ()}, "at least one L-CB"),
        ({"times": (-1.0,)}, "times = \\(-1.0,\\)"),
        ({"times": (6.0,)}, "signals travel up to τ = 6 a_T and the layers reach 4 \\+ 1 sites"),
        ({"kernel_sizes": (2,)}, "kernel_sizes = \\(2,\\)"),
        ({"group": "SU(4)"}, "group = 'SU\\(4\\)'"),
    ],
)
def test_impossible_configurations_are_named(values, message):
    with pytest.raises(LayerError, match=message):
        ObservableNetwork(ObservableConfig(**{**SMALL, **values}))


def test_configuration_round_trip():
    config = ObservableConfig(**SMALL)
    assert ObservableConfig.from_dict(config.to_dict()) == config
    with pytest.raises(LayerError, match="width: is not a key of an observable network"):
        ObservableConfig.from_dict({"width": 3})
