# Cordon. `make demo` shows the whole journey; `make test` proves it. Both install what they need into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS := $(shell nproc 2>/dev/null || echo 2)
# llama.cpp is compiled for this machine; its multimodal part is not used. A package build sets other flags.
export CMAKE_ARGS ?= -DLLAVA_BUILD=OFF
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(JOBS)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help venv demo test check bench deb lock clean

help: ## say what can be done
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

venv: $(VENV)/run.stamp ## install Cordon into .venv

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Cordon needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Cordon into $(VENV). The first time this compiles llama.cpp: about 5 minutes on two cores."
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/test.stamp: requirements/test.txt $(VENV)/run.stamp
	@echo "Installing what the tests need."
	@$(PIP) install --require-hashes -r requirements/test.txt
	@touch $@

tests/browser/node_modules/.package-lock.json: tests/browser/package-lock.json
	@echo "Installing what the browser tests need (Chromium and Firefox themselves come from Debian)."
	@cd tests/browser && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

demo: venv ## the whole journey of a prompt, on the bundled models
	@$(BIN)/cordon demo

test: check tests/browser/node_modules/.package-lock.json ## everything that is asserted
	@$(BIN)/python -m pytest

check: $(VENV)/test.stamp ## lint, types, architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# benchmarks/pii.py is not among them: it needs a labelled set of your own. See benchmarks/README.md.
BENCHES := access audit redaction pii_speed pii_soak leaks engine service peers
bench: $(VENV)/test.stamp ## one table per benchmark
	@for b in $(BENCHES); do echo "== benchmarks/$$b.py"; $(BIN)/python -m benchmarks.$$b; done

# SOURCE_DATE_EPOCH decides the times in the package; two builds from the same commit have the same bytes.
deb: ## the Debian package, into dist/ (compiles llama.cpp for any x86-64 computer the first time)
	@PYTHON=$(PYTHON) debian/wheels.sh build/wheels
	@$(PYTHON) debian/build.py --wheels build/wheels --out dist

lock: ## make the hash-locked requirements anew
	@$(PIP) install pip-tools
	@$(BIN)/pip-compile --generate-hashes --no-emit-options --no-emit-index-url --no-emit-trusted-host \
	  --no-emit-find-links --strip-extras --allow-unsafe -o requirements/run.txt pyproject.toml
	@$(BIN)/pip-compile --generate-hashes --no-emit-options --no-emit-index-url --no-emit-trusted-host \
	  --no-emit-find-links --strip-extras --allow-unsafe --extra test -c requirements/run.txt \
	  -o requirements/test.txt pyproject.toml

clean: ## remove what was built
	rm -rf $(VENV) build dist
