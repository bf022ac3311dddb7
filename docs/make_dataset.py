"""Write docs/dataset.md with the tables of its keys from the schema, so that they stand in one place.

python docs/make_dataset.py
"""

from __future__ import annotations

import runpy
from pathlib import Path

from surrogate.dataset.config import Blocks, RandomFields, Source, Split

_PAGE = """# Data sets for surrogates

```
glasma dataset runs/surrogate_mv_su2_dataset.toml --processes 2
```

runs events of the solver on a fine lattice, boost-invariant or in 3+1D, blocks their fields to one that is b times coarser, at
the times of a coarse leapfrog, and writes them into one HDF5 file (`--out`, by default `runs/output/<name>.h5`).
This page is written by `python docs/make_dataset.py` from the schema in `surrogate/dataset/config.py`.

```python
from surrogate.dataset import Dataset, WindowSamples

data = Dataset("runs/output/surrogate_mv_su2.h5", group="SU(2)", frame="milne", blocking=2)
window = data.window("train", event=0, first=0, length=9)  # a surrogate.actions.least_squares.Window
energies = data.energies("train", event=0)  # (times − 1, 4) of the fine lattice
for window in WindowSamples(data, "train", length=9, gauge_seed=1).shuffled(seed=1, epoch=0):
    ...
```

`fit_coefficients(action, WindowSamples(data, "train", length=9).shuffled(1), data.frame, data.step)` fits an action
to it.

## What is in the file

A coarse site is the fine site at b X; blocked links are the products of b links along an axis, A_η is taken as it
is and E_L = P_η times b² (`surrogate/blocking.py`). So a gauge transformation Ω of the fine lattice is one by Ω at
the coarse sites, to rounding. Everything is in units of the coarse spacing b a_T, with the conventions of the
engine (`glasma/lattice/milne.py`).

| path | what it is |
|---|---|
| `/<split>/<event>/U` | (times, 2, link_reals, nx/b, ny/b): links at τ_n = n Δτ_c; n = 0 is τ = 0+ |
| `…/phi` | (times, dim_g, nx/b, ny/b): A_η at τ_n, zero at n = 0; a box has none |
| `…/longitudinal` | (dim_g, nx/b, ny/b): P_η at τ = 0+, times b²; a box has none |
| `…/energies` | (times − 1, 4) float64: ½E_L², ½E_T², ½B_L², ½B_T² at τ_{{n+½}}, means of the fine lattice times b⁴ |
| `…/fine/<n>/U`, `A`, `E` | the whole fine state at τ_n, of the times in `fine_times`; momenta half a fine step before |

With `kind = "collision"` the events are collisions in 3+1D with colour charges, and the file has of each the planes of
mid-rapidity, |z| < b a_T/2 and one more on each side, from when the nuclei have left them: `U` (times, 3, link_reals,
nx/b, ny/b, planes), `energies` as above, means of these planes, and `front_view`, T^00 at z = 0 at the end. Times are
multiples of a_t = b a_z/n since the start of the run, and n = `dataset.substeps`. Coarse runs start from the nuclei,
which follow from the configuration and the seed of an event (`surrogate.collisions.event.coarse_collision`).

Momenta are not stored: those with which the coarse leapfrog takes one time to the next are
`surrogate.evolution.momenta_between`. They, and the energies, belong to the coarse half steps. With an odd number
of fine steps in Δτ_c a fine half step falls there; with an even number the energies are the mean of the two fine
half steps around it, an error of second order in the fine step.

Attributes hold the whole configuration as JSON, group, frame, blocking, substeps, versions and commit; those of a
split the spacings in fm; those of an event its seed and the configuration of its run, which
`glasma.config.config_from_dict` reads. Every array has a fingerprint (`surrogate.dataset.dataset_file.altered`).

## Events

Event k of a split has the seed that event k of `glasma ensemble` has with `run.seed` = the seed of the split. No
two splits may share an event, and none may have the random numbers of the split `train`, whatever else is changed
in it; two test sets may have the same with other physics, for comparison.

An interrupted or killed drawing keeps its finished events in `<file>.events`, and the same command goes on; the
file is then the same byte for byte, and it does not depend on `--processes` or `--scheduler`. A file is replaced only with
`--overwrite`, and only by a whole one.

## Windows and gauges

`Dataset` reads what is asked for and nothing else. `WindowSamples` is a map-style data set of PyTorch: each sample
is a window of one event. With `gauge_seed` every sample comes in a gauge of its own, the same at all its times; it
follows from the seed, the epoch and the number of the sample. A `DataLoader` takes it with `batch_size=None`, or
`collate_fn=list` (windows of one batch may begin at different times).

## [dataset]

{dataset}
## [source]

{source}
[source.lattice], [source.nuclei] and [source.evolution] are those of a run, see [configuration](configuration.md);
`evolution.scheme` is `"boost_invariant"` by default, and `evolution.end_time` is set to `dataset.end`. A box takes the
lattice and `evolution.substeps` from them; its spacing in fm is only a unit.

### [source.fields]

{fields}
## [[split]]

{split}"""


def page() -> str:
    """The whole page."""
    table = runpy.run_path(str(Path(__file__).with_name("make_configuration.py")))["table"]
    sections = {"dataset": Blocks, "source": Source, "fields": RandomFields, "split": Split}
    return _PAGE.format(**{name: table(section) for name, section in sections.items()})


if __name__ == "__main__":
    Path(__file__).with_name("dataset.md").write_text(page(), encoding="utf-8")
