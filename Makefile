# Each target sets up what it needs in .venv. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
STAMP_DEV := $(VENV)/.stamp-dev
STAMP_JAX := $(VENV)/.stamp-jax
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
# The value of a variable, quoted as one shell word; without $(value), make would expand $$ in it.
QUOTED = $(if $(value $(1)),'$(subst ','\'',$(value $(1)))')
OPTIONS = $(if $(value CONFIG),-c $(call QUOTED,CONFIG)) $(ARGS)
unexport SOURCE RUN RUNS CONFIG

.DEFAULT_GOAL := help
.PHONY: help setup data cv tune report compare ensemble runs submit submissions doctor test test-slow test-jax test-wheel test-kaggle lint bench clean

help: ## List the targets
	@echo "make TARGET [CONFIG=name] [ARGS='more options']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Install kit into .venv; PYTHON=python3.12 chooses the Python
	@echo "Ready: $(BIN)/kit --help"

data: $(STAMP) ## Fetch the competition's files; SOURCE=kaggle, sample, a folder or a zip
	@$(BIN)/kit data fetch $(if $(value SOURCE),--source $(call QUOTED,SOURCE)) $(OPTIONS)

cv: $(STAMP) ## Train a cross-validated ensemble, report, write submission.csv
	@$(BIN)/kit cv $(OPTIONS)

tune: $(STAMP) ## Search for a better configuration and confirm it; CONFIG=quick takes 4 minutes
	@$(BIN)/kit tune $(OPTIONS)

report: $(STAMP) ## Show a run's report; RUN=name, else the newest
	@$(BIN)/kit report $(call QUOTED,RUN) $(ARGS)

compare: $(STAMP) ## Compare runs on the same rows; RUNS="name name"
	@$(BIN)/kit compare $(foreach run,$(value RUNS),'$(subst ','\'',$(run))') $(ARGS)

ensemble: $(STAMP) ## Combine the columns of several runs; RUNS="name name"
	@$(BIN)/kit ensemble $(foreach run,$(value RUNS),'$(subst ','\'',$(run))') $(ARGS)

runs: $(STAMP) ## List the runs
	@$(BIN)/kit runs $(ARGS)

submit: $(STAMP) ## Send a run to Kaggle and wait for its score; RUN=name, else the newest
	@$(BIN)/kit submit $(call QUOTED,RUN) $(OPTIONS)

submissions: $(STAMP) ## Show every submission: OOF score against leaderboard score
	@$(BIN)/kit submissions $(ARGS)

doctor: $(STAMP) ## Show what this machine offers and what is missing
	@$(BIN)/kit doctor $(ARGS)

test: $(STAMP_DEV) ## Run the fast tests
	@$(BIN)/pytest -m "not slow" $(ARGS)

test-slow: $(STAMP_DEV) ## Run the slow tests
	@$(BIN)/pytest -m slow $(ARGS)

# A network compiles for minutes on two busy cores.
test-jax: $(STAMP_JAX) ## Install JAX for the CPU and run its tests
	@$(BIN)/pytest -m jax --timeout=900 $(ARGS)

test-wheel: ## Install the wheel into a fresh environment and train with it
	@PYTHON="$(PYTHON)" .ci/wheel

test-kaggle: ## Install kit beside the packages of Kaggle's image, and run the fast tests
	@PYTHON="$(PYTHON)" .ci/kaggle-image

lint: $(STAMP_DEV) ## Check style, types and the import contract
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(STAMP_DEV) ## Measure speed against plain scripts (10 minutes); ARGS=--quick is a short run
	@$(BIN)/python -m tests.benchmarks $(ARGS)

clean: ## Remove .venv and caches; data, runs and submissions stay
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find kit tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A missing stamp means that an installation was interrupted: --clear restarts it.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	  echo 'kit needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is not. Choose one: make PYTHON=python3.12 setup' >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: sudo apt install python3-venv' >&2; exit 2; }
	@echo 'Setting up $(VENV) (once, about two minutes) ...' >&2
	@test -f $@ || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $@
	@$(INSTALL) -e .
	@touch $@

$(STAMP_DEV): $(STAMP)
	@echo 'Installing what tests and lint need ...' >&2
	@$(INSTALL) -e '.[dev]'
	@touch $@

$(STAMP_JAX): $(STAMP_DEV)
	@echo 'Installing JAX ...' >&2
	@$(INSTALL) -e '.[dev,jax]'
	@touch $@
