"""`glasma plan`: bytes are those of real states, scaling is exact, nothing large is allocated, bad machines are one line."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from itertools import product
from pathlib import Path

import h5py
import pytest

from glasma.collision import Collision
from glasma.config import Config, config_from_dict, load_config
from glasma.derived import Derived
from glasma.evolution.active_region import light_cone
from glasma.memory import Memory, largest_part
from glasma.planning.cost import costs_on, kind_of, run_cost, snapshot_bytes
from glasma.planning.cut import busy_part, cut_for, process_bytes
from glasma.planning.machine import Machine, Throughput, cache_path, load_machine, save_machine, shipped_machine
from glasma.planning.plan import make_plan
from glasma.planning.probe import measure_kind, probe_config
from glasma.planning.surrogate import COST_RATIO, coarse_cost
from glasma.sanity import check_physics
from tests.tiny_run import TINY, assert_refused, finished_run, glasma, write_tiny

RUNS = Path(__file__).parents[1] / "runs"
KINDS = list(product(("SU(2)", "SU(3)"), ("float64", "float32"), ("leapfrog", "semi_implicit", "boost_invariant")))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache directory of the test's own, in which nothing was measured yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache_path()


def derived(name: str, *overrides: str) -> Derived:
    return check_physics(load_config(RUNS / f"{name}.toml", overrides), with_source=False, with_memory=False)


def tiny(*overrides: str) -> Config:
    import tomllib

    from glasma.sections import apply_override

    data = tomllib.loads(TINY)
    for override in overrides:
        apply_override(data, override)
    return config_from_dict(data)


@pytest.mark.parametrize("scheme", ["leapfrog", "semi_implicit", "boost_invariant"])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_bytes_are_those_of_a_real_state(scheme: str, precision: str) -> None:
    config = tiny(f"evolution.scheme={scheme}", f"run.precision={precision}", "output.snapshots=[]")
    fields = Collision(config).fields
    found = Derived(config)
    assert found.field_bytes + found.charge_bytes == pytest.approx(fields.nbytes, rel=0.02)
    momenta_and_links = fields.U.nbytes + fields.E.nbytes + (fields.A.nbytes if scheme == "boost_invariant" else 0)
    assert found.field_bytes == momenta_and_links


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["lattice.group=SU(3)", "lattice.transverse_cells=64"],
        ["nuclei.sheets=4"],
        ["nuclei.gamma=50", "nuclei.correlation_length=0.1 fm"],
    ],
)
def test_start_allocates_what_is_said(overrides: list[str]) -> None:
    """The nuclei, their Wilson lines and the light cone, and at last the state."""
    config = load_config(RUNS / "boost_invariant.toml", ["lattice.transverse_cells=192", "run.threads=1", *overrides])
    Collision(load_config(RUNS / "boost_invariant.toml", ["lattice.transverse_cells=64", *overrides[:1]]))  # loads the kernels
    said = Derived(config).memory.start
    tracemalloc.start()
    try:
        Collision(config)
        _, taken = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.85 * said < taken < 1.03 * said + 2**20


def test_file_sizes_are_those_of_a_real_run() -> None:
    found = Derived(tiny())
    cost = run_cost(found, shipped_machine(), shipped_machine())
    run = finished_run()
    assert (cost.measurements, cost.snapshots) == (11, 3)
    with h5py.File(run / "snapshots.h5") as file:
        sizes: list[int] = []
        file["data/20"].visititems(lambda name, item: sizes.append(item.nbytes) if isinstance(item, h5py.Dataset) else None)
    assert sum(sizes) == snapshot_bytes(found)
    assert cost.files.snapshots == 3 * snapshot_bytes(found)  # compression = 0
    assert cost.files.snapshots == pytest.approx((run / "snapshots.h5").stat().st_size, rel=0.1)
    assert cost.files.checkpoint == pytest.approx((run / "checkpoint.h5").stat().st_size, rel=0.03)
    assert cost.files.history == pytest.approx((run / "history.csv").stat().st_size, rel=0.3)


def planes_of_run(config: Config) -> int:
    collision = Collision(config)
    return sum(sum(z1 - z0 for z0, z1 in collision.scheme.region(collision.fields)) for _ in collision)


@pytest.mark.parametrize("overrides", [[], ["evolution.substeps=4"], ["nuclei.system=single"], ["evolution.region=whole"]])
def test_site_updates_are_not_exceeded_by_the_run(overrides: list[str]) -> None:
    """In strong fields little rounding runs ahead of light; then the plan is above the run, which is above the light cone."""
    config = tiny("output.snapshots=[]", *overrides)
    found = Derived(config)
    planes, expected = planes_of_run(config), found.site_updates() / 64
    assert planes <= 1.02 * expected
    assert planes >= 0.65 * expected


def test_plane_of_a_boost_invariant_run_moves_in_every_step() -> None:
    found = derived("boost_invariant")
    assert found.site_updates() == 256**2 * (found.last_step - found.first_step) > 0
    cost = run_cost(found, shipped_machine(), shipped_machine())
    assert all(seconds > 0 for seconds in cost.phases.values())


def test_site_updates_of_the_quickstart_are_those_of_the_run() -> None:
    config = load_config(RUNS / "quickstart.toml", ["lattice.transverse_cells=8", "evolution.end_time=0.2 fm"])
    assert 64 * planes_of_run(config) == pytest.approx(Derived(config).site_updates(), rel=0.01)


@pytest.mark.parametrize("scheme", ["leapfrog", "semi_implicit"])
@pytest.mark.parametrize("every", [1, 7])
def test_sum_of_regions_is_that_of_its_terms(scheme: str, every: int) -> None:
    """The closed form against the light cone, step by step; the leapfrog's rounding runs a cell a step ahead."""
    found = derived("rapidity_rhic", f"evolution.scheme={scheme}", "lattice.longitudinal_cells=640", "evolution.substeps=2")
    n, steps = found.grid.substeps, found.last_step - found.first_step
    first = int(found.grid.middle - found.start_distance / found.a_z_fm - found.slab_cells / 2)
    slabs = [(first, first + found.slab_cells), (640 - first - found.slab_cells, 640 - first)]
    expected = 0
    for move in range(0, steps, every):
        spread = move // n + (move if scheme == "leapfrog" else 0)
        expected += sum(z1 - z0 for z0, z1 in light_cone(found.grid, slabs, spread * n))
    assert found.active_planes(steps, every) == expected


@pytest.mark.parametrize(("name", "dimensions"), [("lecture_headline", 3), ("lecture_lhc", 3), ("boost_invariant", 2)])
@pytest.mark.parametrize("b", [2, 4])
def test_surrogate_scales_exactly(name: str, dimensions: int, b: int) -> None:
    found, machine = derived(name), shipped_machine()
    cost = run_cost(found, machine, machine)
    coarse = coarse_cost(found, cost, machine, b)
    ratio = COST_RATIO[found.config.lattice.group, dimensions]
    assert coarse.field_bytes == cost.field_bytes / b**dimensions
    assert coarse.core_seconds == pytest.approx(cost.plain_seconds * ratio / b ** (dimensions + 1), rel=1e-14)


def test_surrogate_has_the_fields_of_the_coarser_lattice() -> None:
    fine, machine = derived("lecture_headline"), shipped_machine()
    halves = ["lattice.transverse_cells=96", "lattice.longitudinal_cells=1024"]
    coarse = coarse_cost(fine, run_cost(fine, machine, machine), machine, 2)
    assert coarse.field_bytes == derived("lecture_headline", *halves).field_bytes


def test_twice_the_speed_takes_half_the_time() -> None:
    found, reference = derived("lecture_headline"), shipped_machine()
    assert reference.bandwidth_per_core_GB_s is not None
    fast = Machine(
        name="fast", cores_per_node=2, memory_per_node_GiB=100, bandwidth_per_core_GB_s=2 * reference.bandwidth_per_core_GB_s
    )
    one, two = run_cost(found, reference, reference), run_cost(found, fast, reference)
    assert two.phases["evolution"] == pytest.approx(one.phases["evolution"] / 2, rel=1e-12)
    assert two.memory_bytes == one.memory_bytes
    entry = Throughput(group="SU(2)", precision="float32", scheme="leapfrog", step_ns=1.0)
    given = run_cost(found, fast.model_copy(update={"throughput": [entry]}), reference)
    assert given.plain_seconds == pytest.approx(1e-9 * found.site_updates(), rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_package_knows_the_costs_of_every_kind(kind: tuple[str, str, str]) -> None:
    entry = shipped_machine().entry(kind)
    assert entry is not None
    assert None not in entry.model_dump().values()


@pytest.mark.parametrize("name", ["lecture_lhc", "lecture_headline"])
def test_plan_allocates_nothing_of_the_size_of_the_run(name: str) -> None:
    make_plan(derived("quickstart"))  # imports
    tracemalloc.start()
    try:
        plan = make_plan(derived(name))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2e6
    assert plan.cost.memory_bytes > 7e9


def test_collision_at_the_lhc_is_refused_with_the_reason_before_any_work(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        outcome = glasma("run", RUNS / "lecture_lhc.toml", "--out", tmp_path / "out")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert_refused(
        outcome, "lattice.transverse_cells, lattice.longitudinal_cells = 1920, 512000", "GiB of memory", "`glasma plan"
    )
    assert not (tmp_path / "out").exists()
    assert peak < 2e7  # imports, at most


def test_plan_says_that_this_machine_was_not_measured_and_then_uses_the_measurement(cache: Path) -> None:
    outcome = glasma("plan", RUNS / "lecture_headline.toml")
    assert outcome.status == 0
    for words in ("192 × 192 × 2048", "was not measured", "--measure", "core hours", "surrogate, b = 4", "checkpoint.h5"):
        assert words in outcome.out
    entry = Throughput(group="SU(2)", precision="float32", scheme="leapfrog", step_ns=7.5)
    save_machine(cache, Machine(name="here", cores_per_node=3, memory_per_node_GiB=64, throughput=[entry]))
    plan = json.loads(glasma("plan", RUNS / "lecture_headline.toml", "--json").out)
    assert (plan["machine"], plan["rates"]["step_ns"]) == ("here", 7.5)
    assert str(cache) in plan["note"]
    assert plan["wall_seconds"] < plan["core_seconds"]
    # A kind that was not measured falls back to the package.
    assert "was not measured" in json.loads(glasma("plan", RUNS / "lecture_lhc.toml", "--json").out)["note"]


def test_saved_machine_is_read_back(tmp_path: Path) -> None:
    machine = shipped_machine().model_copy(update={"name": 'a "quoted" name'})
    save_machine(tmp_path / "machine.toml", machine)
    assert load_machine(tmp_path / "machine.toml") == machine


GOOD = 'name = "cluster"\ncores_per_node = 48\nmemory_per_node_GiB = 96\nbandwidth_per_core_GB_s = 12\n'
GPU = '[gpu]\nname = "accelerator"\nper_node = 4\nmemory_GiB = 80\nbandwidth_GB_s = 3350\n'
THROUGHPUT = '[[throughput]]\ngroup = "SU(3)"\nprecision = "float64"\nscheme = "leapfrog"\nstep_ns = 100\n'


def test_machine_with_gpus(tmp_path: Path) -> None:
    path = tmp_path / "machine.toml"
    path.write_text(GOOD + THROUGHPUT + GPU)
    plan = json.loads(glasma("plan", RUNS / "lecture_lhc.toml", "--machine", path, "--json").out)
    assert plan["nodes"] > plan["memory_bytes"] / (96 * 2**30)
    assert 0.95 * 96 * 2**30 < plan["node_bytes"] <= 96 * 2**30
    assert plan["gpu_seconds"] == pytest.approx(plan["site_updates"] * 3 * 624 / (3350e9 * 0.5))
    words = glasma("plan", RUNS / "lecture_lhc.toml", "--machine", path).out
    assert "GPU hours" in words
    assert "more than the 960 parts in x: cut along z too (--ranks-along-z)" in " ".join(words.split())


@pytest.mark.parametrize(("memory", "exchange"), [(8, None), (2, None), (2, 20.0), (0.5, None)])
def test_gpus_hold_their_planes_and_two_copies(tmp_path: Path, memory: float, exchange: float | None) -> None:
    """The least number that does, and what they send."""
    path = tmp_path / "machine.toml"
    more = "" if exchange is None else f"exchange_GB_s = {exchange}\n"
    path.write_text(GOOD + GPU.replace("80", str(memory)) + more)
    plan = json.loads(glasma("plan", RUNS / "lecture_headline.toml", "--machine", path, "--json").out)
    whole = Derived(load_config(RUNS / "lecture_headline.toml")).device_bytes

    def largest_part(gpus: int) -> float:
        return whole if gpus == 1 else whole * (-(-192 // gpus) + 2) / 192

    assert plan["gpus"] == next(gpus for gpus in range(1, 97) if largest_part(gpus) <= memory * 2**30)
    assert plan["gpu_bytes"] == int(largest_part(plan["gpus"]))
    words = " ".join(glasma("plan", RUNS / "lecture_headline.toml", "--machine", path).out.split())
    assert ("each sends" in words) == (plan["gpus"] > 1 and exchange is None)
    assert ("messages take" in words) == (exchange is not None)
    if exchange is not None:
        assert plan["gpu_exchange_seconds"] == pytest.approx(plan["steps"] * plan["halo_bytes"] / (exchange * 1e9))


def test_parts_along_z_wait_for_where_most_planes_move() -> None:
    lattice = derived("lecture_lhc")
    nz, steps = lattice.grid.shape[2], lattice.last_step - lattice.first_step
    assert busy_part(lattice, 1) == 1
    # Of so many parts one is full from the beginning: the others are busy as far as the region reaches.
    assert busy_part(lattice, 4000) == pytest.approx(lattice.active_planes(steps) / (nz * steps), rel=0.02)
    # Two nuclei that fly apart from the middle keep both halves alike busy.
    assert busy_part(lattice, 2) == pytest.approx(1, abs=0.001)
    assert busy_part(lattice, 2) > busy_part(lattice, 8) > busy_part(lattice, 4000)


def test_plan_says_what_nodes_exchange_and_how_far_the_lattice_can_be_cut(tmp_path: Path) -> None:
    path = tmp_path / "machine.toml"
    path.write_text(GOOD)
    plan = json.loads(glasma("plan", RUNS / "lecture_lhc.toml", "--machine", path, "--json").out)
    in_x, along_z = plan["parts"]
    assert plan["nodes"] == in_x * along_z
    # Three momenta of eight colours, on the two outermost planes of a node in x; two of them on those along z.
    planes_in_x = 2 * 3 * 8 * 1920 * (512000 - 5) * 8 // along_z
    assert plan["halo_bytes"] == planes_in_x + 2 * 2 * 8 * -(-1920 // in_x) * 1920 * 8
    words = " ".join(glasma("plan", RUNS / "lecture_lhc.toml", "--machine", path).out.split())
    assert f"cut into {in_x} parts in x (at most 960) and {along_z:,} along z (at most 256,000; --ranks-along-z)" in words
    path.write_text(GOOD.replace("96", "0.0001"))
    assert "at most 245,760,000 parts: too few" in " ".join(
        glasma("plan", RUNS / "lecture_lhc.toml", "--machine", path).out.split()
    )
    path.write_text(GOOD.replace("96", "100000"))
    wide = glasma("plan", RUNS / "lecture_lhc.toml", "--machine", path).out
    assert "between nodes" in wide
    assert "parts" not in wide
    assert "between nodes" not in glasma("plan", RUNS / "quickstart.toml", "--machine", path).out


@pytest.mark.parametrize("memory", [0.4, 0.7, 2, 8])
def test_nodes_are_the_fewest_that_hold_their_parts(memory: float) -> None:
    """Against every cut that there is: in x alone if one fits, else the one with the fewest parts."""
    found = derived("lecture_headline", "lattice.transverse_cells=48", "lattice.longitudinal_cells=1024", "run.threads=2")
    rates, shape = costs_on(shipped_machine(), kind_of(found), shipped_machine()).rates, found.grid.shape
    size = int(memory * 2**30)

    def fits(in_x: int, along_z: int) -> bool:
        return process_bytes(Memory(found, largest_part(shape, (in_x, along_z)), 2), rates) <= size

    cut = cut_for(found, rates, 2, size)
    in_x = [count for count in range(1, 25) if fits(count, 1)]
    if in_x:
        assert cut.parts == (in_x[0], 1)
    else:
        every = [x * z for x in range(1, 25) for z in range(2, 513) if fits(x, z)]
        assert cut.nodes == min(every, default=24 * 512)
    assert (cut.node_bytes <= size) == fits(*cut.parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "cores_per_nod = 8\n", ["cores_per_nod = 8: unknown key", "did you mean cores_per_node?"]),
        (GOOD.replace("cores_per_node = 48\n", ""), ["cores_per_node: is missing; set cores_per_node (cores of a node)"]),
        (GOOD.replace("48", "0"), ["cores_per_node = 0", "greater than or equal to 1"]),
        (GOOD.replace("96", '"96 GiB"'), ["memory_per_node_GiB = '96 GiB'", "number"]),
        (GOOD.replace("bandwidth_per_core_GB_s = 12\n", ""), ["says nowhere how fast", "set bandwidth_per_core_GB_s"]),
        (GOOD + 2 * THROUGHPUT, ["two [[throughput]] of SU(3), float64, leapfrog", "remove one"]),
        (GOOD + THROUGHPUT.replace("SU(3)", "SU(4)"), ["throughput.group = 'SU(4)'", "'SU(2)' or 'SU(3)'"]),
        (GOOD + THROUGHPUT.replace("step_ns = 100", ""), ["throughput.step_ns: is missing"]),
        (GOOD + GPU.replace("3350", "-1"), ["gpu.bandwidth_GB_s = -1", "greater than 0"]),
        ("name = ", ["is not valid TOML"]),
    ],
)
def test_wrong_machine_is_one_line(text: str, expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / "machine.toml"
    path.write_text(text)
    assert_refused(glasma("plan", RUNS / "quickstart.toml", "--machine", path), str(path), *expected)


def test_missing_machine_and_damaged_measurement_are_one_line(tmp_path: Path, cache: Path) -> None:
    assert_refused(
        glasma("plan", RUNS / "quickstart.toml", "--machine", tmp_path / "none.toml"), "none.toml", "machine's TOML file"
    )
    cache.parent.mkdir(parents=True)
    cache.write_text("name = 3\n")
    assert_refused(glasma("plan", RUNS / "quickstart.toml"), str(cache), "--measure")
    measure = ["--measure", "--machine", tmp_path / "none.toml"]
    assert_refused(glasma("plan", RUNS / "quickstart.toml", *measure), "leave out --machine or --measure")


def test_probes_are_collisions_that_can_be_run() -> None:
    for kind in KINDS:
        for short in (False, True):
            found = check_physics(probe_config(kind, short))
            assert found.last_step > found.first_step


@pytest.mark.slow
def test_memory_is_that_of_a_run_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Some half a gigabyte, of which half is the process itself; few steps."""
    finished_run()  # so that the process finds its kernels compiled
    overrides = ["lattice.transverse_cells=64", "lattice.longitudinal_cells=400", "evolution.end_time=0.002 fm"]
    overrides += ["output.snapshots=[]", "nuclei.profile_cutoff=3.0", "observables.interval=0.03 fm"]
    config = write_tiny(tmp_path)
    options = [word for override in overrides for word in ("--set", override)]
    command = [sys.executable, "-m", "glasma.cli", "run", str(config), *options, "--out", str(tmp_path / "out"), "--quiet"]
    subprocess.run(command, check=True, capture_output=True)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    plan = make_plan(check_physics(load_config(config, overrides)))
    assert plan.cost.memory_bytes / 2**20 == pytest.approx(record["peak_memory_MiB"], rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["semi_implicit", "boost_invariant"])
def test_a_kind_is_measured_whole(scheme: str) -> None:
    rates = measure_kind(("SU(2)", "float32", scheme))
    assert all(value is not None for _, value in rates)
    assert min(rates.step_ns, rates.measurement_ns or 0, rates.snapshot_ns or 0, rates.checkpoint_ns or 0) > 0
