# vnroute: everything a person does with a checkout. `make` alone tells what there is.
#
#   PYTHON=python3.12 make venv     another interpreter (3.11 to 3.13)
#   VNROUTE_BUILD=debug make test   another build of the extensions (see setup.py)
#   make test TESTS=tests/matcher PYTEST_ARGS="-x -k prefix"

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PEERS_VENV := .venv-peers
VNROUTE_BUILD ?= release
export VNROUTE_BUILD

TESTS ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
SOAK_SECONDS ?= 60

# What is set up leaves a stamp, so that a second run costs nothing.
STAMPS := $(VENV)/.stamps
VENV_DONE := $(STAMPS)/venv
DEV_DONE := $(STAMPS)/dev
BENCH_DONE := $(STAMPS)/bench
PEERS_DONE := $(PEERS_VENV)/.done
# Named for the build, so that changing VNROUTE_BUILD builds anew.
BUILT := $(STAMPS)/built-$(VNROUTE_BUILD)

EXT_SOURCES := $(shell find vnroute -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.h' -o -name '*.c') setup.py

PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check
say = @printf '\033[1m==>\033[0m %s\n' "$(1)"

.PHONY: help
help:  ## show this list
	@echo "vnroute: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: $(BUILT)  ## set up, then run the demo: routes, a server and simulated calls
	@$(BIN)/vnroute demo

.PHONY: venv
venv: $(VENV_DONE) $(BUILT)  ## set up .venv with vnroute and python-ESL

.PHONY: build
build: $(BUILT)  ## build the extensions in place

.PHONY: test
test: $(BUILT) $(DEV_DONE)  ## run the tests (TESTS=path, PYTEST_ARGS=...)
	@$(BIN)/python -m pytest $(PYTEST_ARGS) $(TESTS)

.PHONY: lint
lint: $(BUILT) $(DEV_DONE)  ## format check, lint, types
	$(call say,ruff format --check)
	@$(BIN)/ruff format --check .
	$(call say,ruff check)
	@$(BIN)/ruff check .
	$(call say,mypy)
	@$(BIN)/mypy

.PHONY: format
format: $(DEV_DONE)  ## let ruff put the code in form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: bench
bench: $(BUILT) $(BENCH_DONE) $(PEERS_DONE)  ## measure vnroute beside its peers, print one table
	@$(BIN)/python -m bench.table $(BENCH_ARGS)

.PHONY: soak
soak: $(BUILT) $(BENCH_DONE)  ## calls for SOAK_SECONDS, watching memory and handles
	@$(BIN)/python -m bench.soak --seconds $(SOAK_SECONDS) $(BENCH_ARGS)

.PHONY: wheel
wheel: $(VENV_DONE)  ## dist/*.whl
	$(call say,building the wheel)
	@$(BIN)/python -m pip --quiet wheel --no-deps --no-build-isolation --wheel-dir dist .
	@ls -l dist/*.whl

.PHONY: sdist
sdist: $(VENV_DONE)  ## dist/*.tar.gz
	$(call say,building the source archive)
	@$(BIN)/python setup.py --quiet sdist --dist-dir dist
	@ls -l dist/*.tar.gz

.PHONY: clean
clean:  ## remove what was built (.venv stays; remove it by hand to start afresh)
	@rm -rf build dist vnroute.egg-info .pytest_cache .mypy_cache .ruff_cache .benchmarks
	@find vnroute -name '*.so' -delete
	@for pyx in $$(find vnroute -name '*.pyx'); do rm -f "$${pyx%.pyx}.c"; done
	@find vnroute tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
	@rm -f $(STAMPS)/built-*

# ---------------------------------------------------------------------------------------------

# python-ESL 1.4.18 is a C++ module through SWIG whose own build files are of 2016: told of SWIG's
# options by a file (its setup.py knows no newer way), and built in this environment, where swig,
# setuptools and wheel already are, it builds with today's tools. "import ESL" is the proof; if
# either fails, so does the set-up.
$(VENV_DONE): pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "no Python 3 found; name one with PYTHON=..." >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	    echo "$(PYTHON) is $$($(PYTHON) -V 2>&1); vnroute needs 3.11 to 3.13: name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, os, sysconfig as s, sys; sys.exit(not os.path.exists(s.get_path("include") + "/Python.h"))' 2>/dev/null || { \
	    echo "$(PYTHON) lacks venv or its C headers; on Debian: apt-get install python3-venv python3-dev" >&2; exit 1; }
	@command -v gcc >/dev/null && command -v g++ >/dev/null || { \
	    echo "a C and a C++ compiler are needed; on Debian: apt-get install gcc g++" >&2; exit 1; }
	$(call say,creating $(VENV) with $(PYTHON))
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(call say,installing the build tools)
	@$(PIP) install --upgrade pip 'setuptools>=80' wheel swig 'Cython>=3.1,<4'
	@if $(BIN)/python -W ignore -c 'import ESL' 2>/dev/null; then :; else \
	    printf '\033[1m==>\033[0m %s\n' "building python-ESL (C++, by SWIG)"; \
	    cfg=$$(mktemp); trap 'rm -f "$$cfg"' EXIT; \
	    printf '[build_ext]\nswig_opts = -c++ -DMULTIPLICITY -threads -I.\n' >"$$cfg"; \
	    PATH="$$PWD/$(BIN):$$PATH" DIST_EXTRA_CONFIG="$$cfg" $(BIN)/python -m pip --quiet \
	        --disable-pip-version-check install --no-build-isolation --no-deps python-ESL==1.4.18 \
	    && $(BIN)/python -W ignore -c 'import ESL' \
	    || { echo "python-ESL could not be built; vnroute's control connection needs it" >&2; exit 1; }; \
	fi
	$(call say,installing what vnroute needs)
	@$(BIN)/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; print(*p["dependencies"], *(r for e in ("loadtest", "postgres") for r in p["optional-dependencies"][e]), sep="\n")' >$(VENV)/needs.txt
	@$(PIP) install --requirement $(VENV)/needs.txt
	@mkdir -p $(STAMPS) && rm -f $(STAMPS)/built-* && touch $@

# The first build installs the package itself, editable and without extensions (that build would
# be thrown away); then, and later, only what changed is built in place. Builds of two modes differ
# in flags, which the build tools do not look at: another mode builds all anew.
$(BUILT): $(EXT_SOURCES) | $(VENV_DONE)
	$(call say,building vnroute ($(VNROUTE_BUILD)))
	@$(BIN)/python -c 'import importlib.metadata as m; m.distribution("vnroute")' 2>/dev/null && [ -e $(STAMPS)/installed ] && [ ! $(STAMPS)/installed -ot pyproject.toml ] || { \
	    VNROUTE_BUILD=none $(PIP) install --no-build-isolation --no-deps --editable . && touch $(STAMPS)/installed; }
	@force=; for other in $(STAMPS)/built-*; do \
	    if [ -e "$$other" ] && [ "$$other" != $@ ]; then force=--force; rm -f "$$other"; fi; done; \
	    $(BIN)/python setup.py --quiet build_ext --inplace $$force
	@touch $@

$(DEV_DONE): pyproject.toml | $(VENV_DONE)
	$(call say,installing what the tests and linters need)
	@$(BIN)/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; print(*(r for r in p["dev"] if not r.startswith("vnroute[")), *p["dips"], *p["otel"], *p["parquet"], sep="\n")' >$(VENV)/needs-dev.txt
	@$(PIP) install --requirement $(VENV)/needs-dev.txt
	@touch $@

$(BENCH_DONE): pyproject.toml | $(VENV_DONE)
	$(call say,installing what the benchmarks need)
	@$(BIN)/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; print(*p["bench"], sep="\n")' >$(VENV)/needs-bench.txt
	@while read -r need; do \
	    $(PIP) install "$$need" || echo "    $$need does not install here: its row is left out"; \
	done <$(VENV)/needs-bench.txt
	@touch $@

# The peers that serve calls: an environment of their own, since genesis holds rich and uvicorn back.
$(PEERS_DONE): bench/peers/requirements.txt | $(VENV_DONE)
	$(call say,installing the peers that serve calls)
	@[ -x $(PEERS_VENV)/bin/python ] || $(BIN)/python -m venv $(PEERS_VENV)
	@grep -v '^#' bench/peers/requirements.txt | while read -r need; do \
	    $(PEERS_VENV)/bin/python -m pip --quiet --quiet --disable-pip-version-check install "$$need" \
	        || echo "    $$need does not install here: its row is left out"; \
	done
	@touch $@
