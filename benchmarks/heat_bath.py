"""Speed, autocorrelation, thermalisation and plaquettes of the heat bath (docs/euclidean.md).

python benchmarks/heat_bath.py speed | autocorrelation | thermalisation | plaquettes | large
"""

from __future__ import annotations

import argparse
import time
from types import ModuleType

import numpy as np
from scipy.special import iv

from glasma.euclidean import HeatBath, autocorrelation_time, mean_and_error, polyakov_loops, wilson_loops
from glasma.group import su2, su3


def speed() -> None:
    """Nanoseconds per link of a heat bath and of a sweep of reflections, one thread; the best of five."""
    for group, shape, beta in (
        (su2, (8, 8), 2.0),
        (su2, (64, 64), 2.0),
        (su3, (8, 8), 6.0),
        (su2, (8, 8, 8, 8), 2.3),
        (su3, (8, 8, 8, 8), 6.0),
    ):
        for chains in (1, 16):
            heat_bath = HeatBath(group, shape, beta, 1, overrelaxation=0, chains=chains)
            heat_bath.sweep(5)
            heat_bath.overrelax()
            links = chains * len(shape) * heat_bath.lattice.sites
            sweeps = max(1, 400_000 // links)
            heat = _best(lambda heat_bath=heat_bath, sweeps=sweeps: heat_bath.sweep(sweeps))
            reflect = _best(lambda heat_bath=heat_bath, sweeps=sweeps: [heat_bath.overrelax() for _ in range(sweeps)])
            name = f"{group.NAME} {'x'.join(map(str, shape))}, {chains} chains"
            per_link = 1e9 / (links * sweeps)
            print(f"{name:30} heat bath {heat * per_link:6.0f} ns, reflection {reflect * per_link:6.0f} ns a link", flush=True)


def _best(work) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def autocorrelation(group: ModuleType = su2, side: int = 8) -> None:
    """Integrated autocorrelation times in sweeps: plaquette, W^(4×4), Polyakov loop of SU(2) on 8 × 8."""
    print("beta  reflections  plaquette  W44  Polyakov loop (½: independent)")
    for beta in (0.5, 1, 2, 3, 4, 6, 8, 10, 16):
        for reflections in (0, 1, 2, 4):
            heat_bath = HeatBath(group, (side, side), beta, 1, reflections, chains=32)
            heat_bath.sweep(300)
            series: list[list[np.ndarray]] = [[], [], []]
            for _ in range(400):
                heat_bath.sweep()
                links = heat_bath.links
                series[0].append(heat_bath.plaquettes())
                series[1].append(wilson_loops(links, size=(4, 4)).mean(axis=(1, 2)))
                series[2].append(polyakov_loops(links, 0).real.mean(axis=1))
            times = [autocorrelation_time(np.array(values)) for values in series]
            print(f"{beta:4g}  {reflections:11d}  {times[0]:9.2f}  {times[1]:4.2f}  {times[2]:6.2f}", flush=True)


def thermalisation() -> None:
    """Mean plaquette of 8 chains after so many sweeps from a hot and a cold start, one sweep of reflections in each."""
    marks = (0, 1, 2, 5, 10, 20, 40, 80)
    print("sweeps", *marks)
    for group, shape, beta in ((su2, (8, 8), 2.0), (su2, (64, 64), 8.0), (su2, (8,) * 4, 2.3), (su3, (8,) * 4, 6.0)):
        for start in ("hot", "cold"):
            heat_bath = HeatBath(group, shape, beta, 1, chains=8, start=start)
            means = []
            for mark in marks:
                heat_bath.sweep(mark - heat_bath.sweeps)
                means.append(f"{heat_bath.plaquettes().mean():.4f}")
            print(group.NAME, "x".join(map(str, shape)), f"beta {beta:g} {start:4}", *means, flush=True)


def plaquettes() -> None:
    """Mean plaquettes with their standard errors, and the exact value of the infinite plane or the literature's."""
    for beta in (1.0, 2.0, 4.0):
        _print_plaquette(su2, (8, 8), beta, f"exact {iv(2, beta) / iv(1, beta):.6f}", 128, 400)
    for beta in (3.0, 6.0, 9.0):
        h = 1e-5
        exact = (np.log(_su3_integral(beta + h)) - np.log(_su3_integral(beta - h))) / (2 * h)
        _print_plaquette(su3, (8, 8), beta, f"exact {exact:.6f}", 64, 200)
    for start in ("hot", "cold"):
        _print_plaquette(su3, (8, 8, 8, 8), 6.0, "large lattices 0.5937", 8, 120, start)


def large() -> None:
    """SU(3) at β = 6.0 on 12⁴."""
    _print_plaquette(su3, (12, 12, 12, 12), 6.0, "large lattices 0.5937", 8, 80)


def _su3_integral(beta: float) -> float:
    """∫ dU exp(β/3 Re tr U) over SU(3)."""
    orders = np.arange(3)[None] - np.arange(3)[:, None]
    return float(sum(np.linalg.det(iv(orders + n, beta / 3)) for n in range(-20, 21)))


def _print_plaquette(
    group: ModuleType, shape: tuple[int, ...], beta: float, known: str, chains: int, sweeps: int, start: str = "hot"
) -> None:
    heat_bath = HeatBath(group, shape, beta, 5, overrelaxation=2, chains=chains, start=start)
    heat_bath.sweep(60)
    series = np.empty((sweeps, chains))
    for row in series:
        heat_bath.sweep()
        row[:] = heat_bath.plaquettes()
    mean, error = mean_and_error(series)
    name = f"{group.NAME} {'x'.join(map(str, shape))} beta {beta:g} {start}"
    print(f"{name:30} {mean:.6f} ± {error:.6f}, {known}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"speed": speed, "autocorrelation": autocorrelation, "thermalisation": thermalisation}
    parts |= {"plaquettes": plaquettes, "large": large}
    parser.add_argument("part", choices=parts)
    parts[parser.parse_args().part]()
