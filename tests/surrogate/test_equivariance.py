"""Every layer and a deep model have their symmetries to rounding, and what is broken is found out."""

from __future__ import annotations

import pytest
import torch

from surrogate import LCB, LCNN, LAct, LayerError, LBilin, LConv, LExp, Plaq, Poly, Trace, check_equivariance
from surrogate.lattice import shift

LAYERS = {
    "Plaq": lambda g, D: Plaq(g, D),
    "Poly": lambda g, D: Poly(g, D),
    "LConv": lambda g, D: LConv(g, D, 2, 3, kernel_size=3),
    "LConv dilated": lambda g, D: LConv(g, D, 2, 3, dilation=2, complex_weights=True),
    "LBilin": lambda g, D: LBilin(g, D, 2, 3, 4),
    "LCB": lambda g, D: LCB(g, D, 2, 3),
    "LCB complex": lambda g, D: LCB(g, D, 2, 3, complex_weights=True),
    "LCB one side": lambda g, D: LCB(g, D, 2, 2, dagger="left", unit="right", orientations="forward"),
    "LAct": lambda g, D: LAct(g, D, 3),
    "LAct mixing": lambda g, D: LAct(g, D, 3, "silu", mix=True),
    "LExp": lambda g, D: LExp(g, D, 2, gain=1.0),
    "Trace": lambda g, D: Trace(g, D, 2),
    "deep LCNN": lambda g, D: LCNN(
        group=g, dimensions=D, channels=(3,) * 8, polyakov=True, activation="tanh", mix_invariants=True, head=(5,), outputs=2
    ),
    "pooled LCNN": lambda g, D: LCNN(group=g, dimensions=D, channels=(2,), pooled=True),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("dtype", [torch.complex128, torch.complex64])
def test_gauge_and_translation(layer, gauge_group, dimensions, dtype):
    report = check_equivariance(LAYERS[layer](gauge_group, dimensions), dtype=dtype)
    assert list(report.residuals) == ["gauge", "translation"]
    assert report.holds(50), report
    assert report.variation > 1e-3


class WrongDagger(LConv):
    """Transports with U W U instead of U W U†."""

    def forward(self, U, W):
        link = U[:, :1]
        return link @ shift(W, 0, 1, self.dimensions) @ link


class WrongIndex(LConv):
    """Takes W one site too far."""

    def forward(self, U, W):
        link = U[:, :1]
        return link @ shift(W, 0, 2, self.dimensions) @ link.mH


class WrongAxis(LConv):
    """Transports along axis 0 with the link of axis 1."""

    def forward(self, U, W):
        link = U[:, 1:2]
        return link @ shift(W, 0, 1, self.dimensions) @ link.mH


class FixedSite(LConv):
    """Gauge covariant, but one site is special."""

    def forward(self, U, W):
        mask = torch.ones(W.shape[2:-2], dtype=W.dtype)
        mask[(0,) * mask.ndim] = 2
        return mask[..., None, None] * W


@pytest.mark.parametrize("broken", [WrongDagger, WrongIndex, WrongAxis])
@pytest.mark.parametrize("group", ["SU(2)", "SU(3)"])
def test_a_broken_convolution_is_not_gauge_equivariant(broken, group):
    report = check_equivariance(broken(group, 2, 2, 2))
    assert report.residuals["gauge"] > 1e10
    assert not report.holds()


def test_a_special_site_breaks_translations_alone():
    report = check_equivariance(FixedSite("SU(2)", 2, 2, 2))
    assert report.residuals["translation"] > 1e10
    assert report.residuals["gauge"] < 50


def test_rotations_tell_apart_what_is_invariant():
    def mean_plaquette(U):
        return Trace("SU(2)", 3, 3, "real")(U, Plaq("SU(2)", 3)(U)).mean(dim=(1, 2, 3, 4)).unsqueeze(1)

    def one_plane(U):
        return Trace("SU(2)", 3, 3, "real")(U, Plaq("SU(2)", 3)(U))[:, :1].mean(dim=(2, 3, 4))

    symmetries = ("gauge", "translation", "rotation", "reflection")
    assert check_equivariance(mean_plaquette, "SU(2)", 3, symmetries=symmetries).holds()
    report = check_equivariance(one_plane, "SU(2)", 3, symmetries=symmetries)
    assert report.residuals["gauge"] < 50
    assert report.residuals["rotation"] > 1e10


def test_a_module_that_ignores_its_input_is_recognised():
    report = check_equivariance(lambda U: torch.ones(len(U), 1, *U.shape[2:-2]), "SU(2)", 2)
    assert report.variation == 0


def test_not_a_number_does_not_hold():
    report = check_equivariance(lambda U: U.real.sum((-1, -2))[:, :1] * float("nan"), "SU(2)", 2)
    assert not report.holds()


def test_what_cannot_be_found_is_asked_for():
    with pytest.raises(LayerError, match="group: the module does not say"):
        check_equivariance(lambda U: U)
    with pytest.raises(LayerError, match="symmetries"):
        check_equivariance(Plaq("SU(2)", 2), symmetries=["boost"])
    with pytest.raises(LayerError, match="output of shape"):
        check_equivariance(lambda U: U.sum(1), "SU(2)", 2)
