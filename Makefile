# Three commands on a fresh machine with python3, gcc and git:
#   make demo             runs a collision and says where its report is
#   make demo-surrogate   compares solver and surrogate on new events and says where the page is
#   make test             runs the tests
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# The PyTorch that the tests run with; networks work with 2.11 and later.
TORCH  ?= torch==2.13.0

.PHONY: demo demo-surrogate headline test test-slow lint benchmark results results-quick studies clean

demo: $(VENV)/.installed
	$(BIN)/glasma run runs/quickstart.toml --out runs/output/quickstart --overwrite

# Solver and surrogate on events that the surrogate has not seen, with the models of runs/models.
demo-surrogate: $(VENV)/.installed-surrogate
	$(BIN)/glasma dataset runs/surrogate_mv_su2_dataset.toml --processes 2
	$(BIN)/glasma dataset runs/surrogate_collision_su2_dataset.toml --processes 2
	$(BIN)/glasma compare runs/surrogate_collision_su2_compare.toml --set compare.events=1
	$(BIN)/glasma compare runs/surrogate_mv_su2_compare.toml

test: $(VENV)/.installed-dev lint
	$(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow -n auto --dist loadfile

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The published figures of docs/results.md; results-quick takes small versions of them.
results: $(VENV)/.installed
	$(BIN)/python benchmarks/published/single_nucleus.py --figure docs/figures/single_nucleus.png
	$(BIN)/python benchmarks/published/thin_nuclei.py --figure docs/figures/thin_nuclei.png
	$(BIN)/python benchmarks/published/rapidity.py --figure docs/figures/rapidity.png
	$(BIN)/python benchmarks/published/boost_invariant.py --figure docs/figures/boost_invariant.png

results-quick: $(VENV)/.installed
	$(BIN)/python benchmarks/published/single_nucleus.py --quick --figure runs/output/figures/single_nucleus.png
	$(BIN)/python benchmarks/published/thin_nuclei.py --quick --figure runs/output/figures/thin_nuclei.png
	$(BIN)/python benchmarks/published/rapidity.py --quick --figure runs/output/figures/rapidity.png
	$(BIN)/python benchmarks/published/boost_invariant.py --quick --figure runs/output/figures/boost_invariant.png

# The published collision in 3+1D: half an hour on 2 cores, 7 GiB of memory, 28 GiB of disk while it writes.  Interrupted, it
# goes on from its last checkpoint.
HEADLINE := runs/output/lecture_headline
headline: $(VENV)/.installed
	if [ -e $(HEADLINE)/run.json ]; then $(BIN)/glasma resume $(HEADLINE); \
	else $(BIN)/glasma run runs/lecture_headline.toml --out $(HEADLINE); fi

# The published studies of networks, small versions of them.
studies: $(VENV)/.installed-dev
	$(BIN)/glasma study loop-counting
	$(BIN)/glasma study wilson-loops --quick
	$(BIN)/glasma study topological-charge

benchmark: $(VENV)/.installed
	$(BIN)/python benchmarks/solver.py
	$(BIN)/python benchmarks/boost_invariant.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-surrogate: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH) -e ".[surrogate]"
	touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH) -e ".[dev]"
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) runs/output
