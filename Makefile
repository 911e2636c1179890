# Everything that is done to this project by name. `make` lists it.
PYTHON := .venv/bin/python
READY := .venv/ready
# Half as many again as there are cores: a test in three waits for a server, a browser or a time limit.
WORKERS := $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))
SHELL_SCRIPTS := scripts/setup .ci/run .ci/starter

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench dist lock clean browser postgresql tools torture

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(READY)  ## one release on real data, up to the human gate; DECIDE=approve|reject|page plays on to the end
	DECIDE="$(DECIDE)" $(PYTHON) scripts/demo.py

test: $(READY) browser postgresql tools  ## the whole test suite, with branch coverage
	$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term

torture: $(READY) browser postgresql tools  ## crashes, lost replies, races, states and attacks at full size: an hour or more
	TORTURE=1 $(PYTHON) -m pytest tests/torture -n 2 --dist worksteal -p no:cacheprovider
	TORTURE=1 $(PYTHON) -m pytest tests/gitlab_ci -p no:cacheprovider

lint: $(READY)  ## ruff, mypy strict, codespell, shellcheck
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	git ls-files -z | xargs -0 .venv/bin/codespell
	.venv/bin/shellcheck $(SHELL_SCRIPTS)

bench: $(READY)  ## what each part costs, printed as ratios within one run
	@for script in tests/bench/*.py; do echo "== $$script"; PYTHONPATH=tests $(PYTHON) "$$script" || exit; done

dist: $(READY)  ## both wheels and sdists, in dist/
	rm -rf dist *.egg-info distributions/*/*.egg-info distributions/*/build
	$(PYTHON) -m build --no-isolation --outdir dist .
	$(PYTHON) -m build --no-isolation --outdir dist distributions/ml-release

lock: $(READY)  ## resolve the dependencies anew: pyproject.toml and requirements/dev.in to hash-locked *.txt
	scripts/setup lock

clean:  ## remove what the targets made, .venv too
	rm -rf .venv build dist .coverage* htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info distributions/*/*.egg-info distributions/*/build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

browser postgresql tools: $(READY)
	@scripts/setup $@

# Filled anew when a lock, the project's metadata or the way to fill it changes.
$(READY): requirements/dev.txt pyproject.toml scripts/setup
	scripts/setup venv
	@touch $@
