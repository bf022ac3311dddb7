"""The rapidity profile in the report: drawn where the data reach, a sentence where they do not."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from glasma.observables.rapidity import MARGIN
from glasma.report.dipole_plots import dipoles
from glasma.report.rapidity_plots import rapidity, telling_proper_times
from tests.observables.test_rapidity import SIGMA, expanding, free_streaming, gaussian_matter


def labels(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_profile_that_reaches_furthest_is_among_those_drawn():
    profiles = expanding(free_streaming)
    best = sqrt(2 * MARGIN * SIGMA * 1.0 - (MARGIN * SIGMA) ** 2)
    assert telling_proper_times(profiles, SIGMA) == pytest.approx([best / 1.6, best, 1.6 * best])


def test_widths_and_the_landau_model_are_in_the_legend():
    _, figure = rapidity(expanding(gaussian_matter, 0.005), SIGMA, 106.5)
    assert figure is not None
    shown = labels(figure)
    assert len(shown) == 4
    assert all(r"\sigma_\eta = 1.30" in text for text in shown[:3]), shown
    assert "Landau model" in shown[3]
    assert "2.16" in shown[3]


def test_flat_profiles_and_unknown_energy_have_no_widths():
    _, figure = rapidity(expanding(lambda tau, eta: (1 + 0 * tau, 0 * tau)), SIGMA, None)
    assert figure is not None
    assert not any("sigma" in text or "Landau" in text for text in labels(figure))


@pytest.mark.parametrize("end", [0.05, 0.1])
def test_short_run_is_told_how_long_it_has_to_be(end):
    """At the end time that it names, the profile reaches the least rapidity that is drawn."""
    text, figure = rapidity(expanding(free_streaming, 0.005, end), SIGMA, 100.0)
    assert figure is None
    assert "end time of at least 0.11 fm/c" in text
    _, figure = rapidity(expanding(free_streaming, 0.002, 0.12), SIGMA, 100.0)
    assert figure is not None


class _Sheet:
    """A nucleus whose Wilson line is given."""

    extent = (-1.0, 1.0)

    def __init__(self, direction: int, V: np.ndarray) -> None:
        self.direction, self.V = direction, V

    def wilson_line(self, z: float, t: float) -> np.ndarray:
        behind = z < self.extent[0] if self.direction > 0 else z > self.extent[1]
        return self.V if behind else np.broadcast_to(np.eye(2), self.V.shape)


def test_saturation_scale_is_in_the_legend_or_said_to_be_unknown():
    """tr V†(x)V(x + r)/2 of rotations about one axis by an angle k x is cos(k r_x)."""
    angle = 2 * np.pi * np.arange(32)[:, None] / 32 + np.zeros(16)
    V = np.zeros((32, 16, 2, 2), complex)
    V[..., 0, 0], V[..., 1, 1] = np.exp(1j * angle), np.exp(-1j * angle)
    _, figure = dipoles([_Sheet(1, V), _Sheet(-1, V**0 * np.eye(2))], 0.1, 1.0)
    first, second = labels(figure)
    assert first.startswith("right-mover")
    assert "GeV" in first
    assert second.startswith("left-mover")
    assert "unknown" in second
