# Each target sets up what it needs in .venv. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
STAMP_DEV := $(VENV)/.stamp-dev
STAMP_JAX := $(VENV)/.stamp-jax
STAMP_AUDIT := $(VENV)/.stamp-audit
COMMA := ,
# The value of a variable, quoted as one shell word; without $(value), make would expand $$ in it.
QUOTED = $(if $(value $(1)),'$(subst ','\'',$(value $(1)))')
OPTIONS = $(if $(value CONFIG),-c $(call QUOTED,CONFIG)) $(ARGS)
unexport SOURCE RUN RUNS FILES CONFIG ARGS
# After an interrupt, make ends by SIGINT too, where it does not ignore SIGINT: "Error 130" would be noise.
# Without the pause, make may report that it has no child processes.
INTERRUPTIBLE = @trap caught=1 INT; $(1); code=$$?; \
  test $$code = 130 && kill -INT $$$$ && test "$$caught" && kill -INT $$PPID && sleep 0.2 && code=0; exit $$code
# KIT_CALLER: messages name commands as `make ...`.
KIT = $(call INTERRUPTIBLE,KIT_CALLER=make $(BIN)/kit $(1))
INSTALL = $(call INTERRUPTIBLE,$(BIN)/python tools/install.py $(BIN)/python -c constraints.txt $(1))

TARGETS := help setup init data cv tune report compare ensemble predict runs configs submit submissions doctor test test-slow test-jax test-wheel test-kaggle lint audit bench clean
.DEFAULT_GOAL := help
.PHONY: $(TARGETS)

# Which targets take a variable of the command line; tools/check_make.py reads these lines too.
TAKES_ARGS := init data cv tune report compare ensemble predict runs configs submit submissions doctor test test-slow test-jax bench
TAKES_CONFIG := data cv tune configs submit doctor
TAKES_RUN := report predict submit
TAKES_RUNS := compare ensemble
TAKES_FILES := predict
TAKES_SOURCE := init data
# Variables of the shell and of other programs, for any target.
OTHERS := VENV SHELL MAKE% HOME PATH TMPDIR CC CFLAGS CXX CXXFLAGS CPPFLAGS LDFLAGS NO_COLOR FORCE_COLOR BROWSER DISPLAY \
  PIP_% KAGGLE_% KERAS_% CUDA_% TF_% XLA_% PYTHON% %_PROXY %_proxy

# A word that no target takes is reported before anything is installed or trained.
GIVEN := $(foreach _given,$(.VARIABLES),$(if $(findstring command,$(origin $(_given))),$(_given)))
GIVEN := $(sort $(filter-out $(OTHERS),$(GIVEN)))
DOUBTFUL := $(filter-out $(TARGETS) $(STAMP) $(STAMP_DEV) $(STAMP_JAX) $(STAMP_AUDIT),$(MAKECMDGOALS)) \
  $(foreach _given,$(GIVEN),$(if $(filter $(TAKES_$(_given)),$(MAKECMDGOALS)),,$(_given))) \
  $(foreach _given,$(filter-out ARGS,$(GIVEN)),$(if $(value $(_given)),,$(_given))) \
  $(if $(wildcard $(STAMP)),,$(GIVEN))
ifneq ($(strip $(DOUBTFUL)),)
  WORDS := $(foreach _goal,$(value MAKECMDGOALS),'$(subst ','\'',$(_goal))') \
    $(foreach _given,$(GIVEN),'$(subst ','\'',$(_given))='$(call QUOTED,$(_given)))
  ifneq ($(shell $(PYTHON) tools/check_make.py $(WORDS)),)
    $(error nothing was started)
  endif
endif

help: ## List the targets
	@echo "make TARGET [CONFIG=name] [ARGS='more options']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Install kit into .venv; PYTHON=python3.12 chooses the Python
	@echo "Ready: $(BIN)/kit --help"

init: $(STAMP) ## Write a configuration for a competition's files; SOURCE=a zip or a folder, else data/
	$(call KIT,init $(call QUOTED,SOURCE) $(ARGS))

data: $(STAMP) ## Fetch the competition's files; SOURCE=kaggle, sample, a folder or a zip
	$(call KIT,data fetch $(if $(value SOURCE),--source $(call QUOTED,SOURCE)) $(OPTIONS))

cv: $(STAMP) ## Train a cross-validated ensemble, report, write submission.csv
	$(call KIT,cv $(OPTIONS))

tune: $(STAMP) ## Search for a better configuration and confirm it; CONFIG=quick takes 4 minutes
	$(call KIT,tune $(OPTIONS))

report: $(STAMP) ## Show a run's report; RUN=name, else the newest
	$(call KIT,report $(call QUOTED,RUN) $(ARGS))

compare: $(STAMP) ## Compare runs on the same rows; RUNS="name name"
	$(call KIT,compare $(foreach run,$(value RUNS),'$(subst ','\'',$(run))') $(ARGS))

ensemble: $(STAMP) ## Combine the columns of several runs; RUNS="name name"
	$(call KIT,ensemble $(foreach run,$(value RUNS),'$(subst ','\'',$(run))') $(ARGS))

predict: $(STAMP) ## Predict new images with a run's networks; RUN=name FILES="photo.png folder"
	$(call KIT,predict $(call QUOTED,RUN) $(foreach file,$(value FILES),'$(subst ','\'',$(file))') $(ARGS))

runs: $(STAMP) ## List the runs
	$(call KIT,runs $(ARGS))

configs: $(STAMP) ## List the configurations, or the keys of one: CONFIG=name
	$(call KIT,configs $(call QUOTED,CONFIG) $(ARGS))

submit: $(STAMP) ## Send a run to Kaggle and wait for its score; RUN=name, else the newest
	$(call KIT,submit $(call QUOTED,RUN) $(OPTIONS))

submissions: $(STAMP) ## Show every submission: OOF score against leaderboard score
	$(call KIT,submissions $(ARGS))

doctor: $(STAMP) ## Show what this machine offers and what is missing
	$(call KIT,doctor $(OPTIONS))

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

audit: $(STAMP_AUDIT) ## Look for known vulnerabilities of the pinned packages; needs the network
	@$(BIN)/python tools/audit.py

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
	@echo 'Setting up $(VENV) once: about 85 packages, 0.6 GB to download, 2.6 GB on disk ...' >&2
	$(call INTERRUPTIBLE,test -f $@ || $(PYTHON) tools/install.py --venv $(VENV))
	@rm -f $@
	$(call INSTALL,-e .)
	@touch $@

$(STAMP_DEV): $(STAMP)
	@echo 'Installing what tests and lint need ...' >&2
	$(call INSTALL,-e '.[dev]')
	@touch $@

$(STAMP_JAX): $(STAMP_DEV)
	@echo 'Installing JAX ...' >&2
	$(call INSTALL,-e '.[dev$(COMMA)jax]')
	@touch $@

$(STAMP_AUDIT): $(STAMP)
	@echo 'Installing pip-audit ...' >&2
	$(call INSTALL,-e '.[audit]')
	@touch $@
