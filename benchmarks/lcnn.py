"""Time and memory of the fused L-CNN layer, forward and backward, beside a plain einsum version and a public code.

    python benchmarks/lcnn.py [--lge-cnn DIR] [--threads 2] [--quick] [--json FILE]

12 → 12 channels, kernel 2 with forward transports, daggers and the unit matrix on both sides, complex64.  The columns are
µs per site for forward + backward (best of the repetitions), the same in CPU time of all threads, which other work on the
machine disturbs less, and the memory that the process takes beyond its inputs at the peak.  Every row is measured in a
process of its own.  With `--lge-cnn DIR`, a checkout of gitlab.com/openpixi/lge-cnn, or if `lge_cnn` can be imported, its
LConvBilin layer is measured on the same inputs with the same weights, and has to compute the same.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch

from glasma.io.provenance import commit, installed, machine, versions
from surrogate.groups import random_elements
from surrogate.lattice import plaquettes
from surrogate.layers import LCB
from surrogate.layers.plain import plain_bilinear, plain_transport
from surrogate.layers.weights import as_weight

CHANNELS = 12
CASES = {
    "SU(2) 64² × 4": ("SU(2)", (64, 64), 4),
    "SU(3) 8⁴": ("SU(3)", (8, 8, 8, 8), 1),
}
QUICK = {
    "SU(2) 16² × 4": ("SU(2)", (16, 16), 4),
    "SU(3) 4⁴": ("SU(3)", (4, 4, 4, 4), 1),
}
#: "ours, real" is that of SU(2) in quaternions.
LAYERS = ("ours", "ours, real", "einsum", "lge-cnn")


def fields(group: str, lattice: tuple[int, ...], batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Links, and objects that are products of plaquettes: real multiples of group elements in SU(2)."""
    generator = torch.Generator().manual_seed(1)
    U = random_elements(group, (batch, len(lattice), *lattice), generator, torch.complex64)
    loops = plaquettes(U)
    W = torch.cat([loops] * CHANNELS, dim=1)[:, :CHANNELS]
    W = W @ torch.roll(W, 1, dims=1) * torch.linspace(0.5, 1.5, CHANNELS).view(-1, *[1] * (len(lattice) + 2))
    return U, W.contiguous()


class Einsum(torch.nn.Module):
    """The layer by two einsums over all channels."""

    def __init__(self, layer: LCB) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, U, W):
        layer = self.layer
        weight = as_weight(layer.weight, layer.complex_weights, W.dtype)
        return plain_bilinear(W, plain_transport(U, W, layer.offsets), weight, layer.left, layer.right)


class LgeCnn(torch.nn.Module):
    """LConvBilin of lge-cnn: (batch, sites, links and objects, N, N, 2) real."""

    def __init__(self, layer: LCB, lattice: tuple[int, ...]) -> None:
        super().__init__()
        peer = importlib.import_module("lge_cnn.nn.layers")
        self.D = len(lattice)
        self.inner = peer.LConvBilin(list(lattice), 2, 1, CHANNELS, CHANNELS, layer.group.N, use_symmetric=False)
        with torch.no_grad():
            self.inner.weight.copy_(layer.weight)

    def pack(self, U, W):
        joined = torch.cat([U, W], dim=1).flatten(2, -3)
        return torch.view_as_real(joined).transpose(1, 2).contiguous()

    def forward(self, x):
        return self.inner(x)

    def unpack(self, y, shape):
        return torch.view_as_complex(y[:, :, self.D :].transpose(1, 2).contiguous()).view(shape)


def measure(which: str, group: str, lattice: tuple[int, ...], batch: int, repetitions: int) -> dict[str, float]:
    """Seconds and bytes of one layer, and a checksum of what it computes."""
    torch.manual_seed(3)
    layer = LCB(
        group, len(lattice), CHANNELS, CHANNELS, kernel_size=2, orientations="forward", quaternions=which == "ours, real"
    )

    def prepared(U, W):
        if which == "lge-cnn":
            peer = LgeCnn(layer, lattice if U.shape[2] == lattice[0] else U.shape[2:-2])
            x = peer.pack(U, W).requires_grad_()
            return peer, (x,), lambda y: peer.unpack(y, W.shape)
        module = Einsum(layer) if which == "einsum" else layer
        return module, (U, W.requires_grad_()), lambda y: y

    def once(module, inputs):
        y = module(*inputs)
        # The links are part of the output of lge-cnn: the sum of squares is over all of it.
        (y.real.square().sum() + y.imag.square().sum() if y.is_complex() else y.square().sum()).backward()
        return y.detach()

    # What the libraries allocate once is not counted.
    module, inputs, _ = prepared(*fields(group, (2,) * len(lattice), 1))
    once(module, inputs)
    module, inputs, unpack = prepared(*fields(group, lattice, batch))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    y = once(module, inputs)
    extra = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    norm = float(unpack(y).abs().square().mean())
    best = cpu = float("inf")
    for _ in range(repetitions):
        start, cpu_start = time.perf_counter(), time.process_time()
        once(module, inputs)
        best = min(best, time.perf_counter() - start)
        cpu = min(cpu, time.process_time() - cpu_start)
    sites = batch * torch.Size(lattice).numel()
    return {"us_per_site": 1e6 * best / sites, "cpu_us_per_site": 1e6 * cpu / sites, "extra_bytes": extra, "norm": norm}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lge-cnn", type=Path, help="checkout of lge-cnn")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small lattices")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    cases = {**CASES, **QUICK}
    if options.one:
        torch.set_num_threads(options.threads)
        if options.lge_cnn:
            sys.path.insert(0, str(options.lge_cnn))
        print(json.dumps(measure(options.one[0], *cases[options.one[1]], options.repetitions)))
        return

    rows = []
    print(f"{options.threads} threads, torch {torch.__version__}")
    print(f"{'case':<16}{'layer':<12}{'µs/site':>10}{'CPU µs':>10}{'extra MB':>10}{'time ×':>9}{'memory ×':>10}")
    for case in QUICK if options.quick else CASES:
        ours = None
        for which in LAYERS:
            if which == "ours, real" and not case.startswith("SU(2)"):
                continue
            if which == "lge-cnn" and not options.lge_cnn and importlib.util.find_spec("lge_cnn") is None:
                print(f"{case:<16}{which:<12}   not found: give its checkout as --lge-cnn DIR")
                continue
            row = {"case": case, "layer": which, **_in_process(which, case, options)}
            ours = ours or row
            if abs(row["norm"] / ours["norm"] - 1) > 1e-4:
                raise SystemExit(f"{case}: {which} computes something else than ours ({row['norm']} and {ours['norm']})")
            time_ratio, memory_ratio = (row[key] / ours[key] for key in ("us_per_site", "extra_bytes"))
            microseconds = f"{row['us_per_site']:>10.1f}{row['cpu_us_per_site']:>10.1f}"
            megabytes = f"{row['extra_bytes'] / 1e6:>10.0f}"
            print(f"{case:<16}{which:<12}{microseconds}{megabytes}{time_ratio:>9.1f}{memory_ratio:>10.1f}", flush=True)
            rows.append(row)
    if options.json:
        about = {"machine": machine(), "versions": {**versions(), "torch": installed("torch")}, "commit": commit()}
        options.json.write_text(
            json.dumps({**about, "threads": options.threads, "rows": rows}, indent=2) + "\n", encoding="utf-8"
        )


def _in_process(which: str, case: str, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", which, case]
    command += ["--threads", str(options.threads), "--repetitions", str(options.repetitions)]
    command += ["--lge-cnn", str(options.lge_cnn)] if options.lge_cnn else []
    # The number of threads is set by --threads.
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{case}, {which}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
