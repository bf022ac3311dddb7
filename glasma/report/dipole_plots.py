"""The dipole correlator of the nuclei for the report."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from glasma.errors import ConfigError
from glasma.nuclei.nucleus import Nucleus
from glasma.observables.dipole import LEVEL, dipole, wilson_line_behind
from glasma.report.style import new_figure
from glasma.units import HBARC


def dipoles(nuclei: Sequence[Nucleus], spacing_fm: float, g2mu: float | None) -> tuple[str, Figure]:
    """C(r) of each nucleus, with Q_s where it is known.

    Parameters
    ----------
    nuclei : sequence of Nucleus
    spacing_fm : float
        a_T in fm.
    g2mu : float
        g²μ in GeV, where the nuclei have one.
    """
    figure = new_figure(6.4, 3.4)
    axes = figure.subplots()
    for nucleus, colour in zip(nuclei, ("#c1272d", "#1f4e9c"), strict=False):
        name = "right-mover" if nucleus.direction > 0 else "left-mover"
        correlator = dipole(wilson_line_behind(nucleus))
        try:
            scale = correlator.saturation_scale * HBARC / spacing_fm
            label = rf"{name}: $Q_s = {scale:.2f}$ GeV" + (rf" $= {scale / g2mu:.2f}\,g^2\mu$" if g2mu else "")
            axes.plot([2**0.5 * HBARC / scale], [LEVEL], "o", color=colour, ms=5)
        except ConfigError:
            label = rf"{name}: $C > e^{{-1/2}}$ up to half the box, $Q_s$ unknown"
        axes.plot(correlator.r * spacing_fm, correlator.C, color=colour, label=label)
    axes.axhline(LEVEL, color="0.75", lw=0.8, zorder=0)
    axes.axhline(0, color="0.75", lw=0.8, zorder=0)
    axes.set(xlabel="r  [fm]", ylabel=r"$C(r) = \langle \mathrm{Re\,tr}\,V^\dagger(x)V(x+r)\rangle/N_c$", xlim=(0, None))
    axes.legend(fontsize=9)
    text = (
        "Correlator of the Wilson lines through each nucleus, averaged over positions and directions. Q_s = √2/r where it has "
        "fallen to exp(−½), here in one event and one patch. Beyond r = 1/m it hardly falls further."
    )
    return text, figure
