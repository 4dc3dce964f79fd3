# The parts of working on whiskhub. `make` alone prints them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	command -v $$name >/dev/null && $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
WORKERS ?= 2
PEERS := tests/support/node/node_modules/made tests/support/aio/node_modules/made

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

$(VENV)/made:
	@if [ -z "$(PYTHON)" ]; then echo "whiskhub needs Python 3.11 or newer with venv: install it, or name it with make PYTHON=/path/to/python3"; exit 1; fi
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/made requirements.txt pyproject.toml
	@echo "installing what the hub needs"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@if ! command -v node >/dev/null; then echo "installing Node.js"; $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-node.txt; fi
	@echo "installing the hub"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed $(VENV)/modules requirements-test.txt
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.txt
	@touch $@

$(PEERS): %/node_modules/made: %/package-lock.json
	@if command -v npm >/dev/null; then echo "installing the peers of $*"; cd $* && npm ci --ignore-scripts --silent --no-audit --no-fund; touch node_modules/made; \
	else echo "no npm: tests that need the peers of $* are skipped"; fi

$(VENV)/modules: $(VENV)/installed hub/runtime/modules/requirements.txt hub/runtime/modules/package-lock.json
	@echo "installing what actions may import"
	@if $(BIN)/hub modules >/dev/null; then touch $@; else echo "actions go without; make install tries again"; fi

install: $(VENV)/installed $(VENV)/modules ## set up what the hub needs

install-test: $(VENV)/installed-test $(PEERS) ## set up what the tests need, too

run: install ## start a hub on 127.0.0.1:3233 (ARGS="--port 0" for a free port)
	@exec $(BIN)/hub serve $(ARGS)

test: install-test ## every suite but the slow ones
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow and not fault and not bench" $(ARGS)

e2e: install-test ## the journeys, against started hubs
	@$(BIN)/python -m pytest tests/e2e $(ARGS)

fault: install-test ## kills and cuts, full size
	@$(BIN)/python -m pytest tests/fault -m "" $(ARGS)

bench: install-test ## speed and size, beside a bare echo and the last run
	@$(BIN)/python -m tests.bench $(ARGS)

check: install-test ## lint, format, types, imports
	@$(BIN)/python -m tests.support.check

fix: install-test ## mend what the linter can
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

lock: $(VENV)/made ## write the locks anew from pyproject.toml and the .in files
	@$(BIN)/python -m pip install --quiet uv
	@for part in requirements requirements-test requirements-node hub/runtime/modules/requirements; do \
		source=$$( [ $$part = requirements ] && echo pyproject.toml || echo $$part.in ); \
		$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url --no-annotate --output-file $$part.txt $$source; done
	@if command -v npm >/dev/null; then cd hub/runtime/modules && npm update --package-lock-only --ignore-scripts --silent; fi

.PHONY: help install install-test run test e2e fault bench check fix lock
