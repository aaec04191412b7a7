# Everything runs in .venv, which `make setup` builds from requirements.lock (hashes, no URLs).
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 3000
MONTHS ?= 1
SBOM ?= sbom.cdx.json
AUDITED ?= requirements.lock
STAMP := .venv/.complete
BENCH := .venv/.bench
AUDIT := .venv/.audit

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-server ui test test-thorough check bench bench-quick sbom audit lock clean

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Build .venv from the lock file; other targets do this when it is missing.

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	    { echo "error: Python 3.11 to 3.13 is needed, $$($(PYTHON) --version 2>&1) found; run make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || \
	    { echo "error: $(PYTHON) cannot make virtual environments; on Debian install python3-venv" >&2; exit 2; }
	@# pip compiles on one core (43 of 112 s). Compiled it must be, here: with PYTHONDONTWRITEBYTECODE, which images like
	@# to set, every process would compile all that it imports.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@$(BIN)/python -m compileall -qq -j0 .venv/lib || true  # a template that is no Python is no harm
	@touch $@

demo: $(STAMP)  ## Boot a database, replay real activity, purge it through Dagster, say what happened.
	@$(BIN)/python -m jobs.demo --months $(MONTHS) $(if $(FLIGHTS),--flights $(FLIGHTS))

demo-server: $(STAMP)  ## Start the demo's database again, until Ctrl-C.
	@$(BIN)/threadline-ops demo serve

ui: $(STAMP)  ## Serve the demo's database and runs in Dagster's web UI on 127.0.0.1.
	@$(BIN)/threadline-ops demo exec -- $(BIN)/dagster dev --workspace workspace.yaml --host 127.0.0.1 --port $(PORT)

test: $(STAMP)  ## Run the suite.
	@$(BIN)/python -m pytest -n 2 --dist worksteal --backlog-check=docs/adoption-pilot-backlog.md

test-thorough: $(STAMP)  ## Run what CI adds: operations through PgBouncer, kills at every step, thousands of mutations.
	@$(BIN)/python -m pytest -n 2 --dist worksteal --extent=thorough

check: $(STAMP)  ## Lint, check formatting, types and layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python -m pip check

$(BENCH): requirements-bench.lock $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-bench.lock
	@touch $@

bench: $(BENCH)  ## Measure against peers and limits, at full size; writes docs/performance.md.
	@$(BIN)/python -m benchmarks

bench-quick: $(BENCH)  ## The same at a tenth of the size, in about three minutes.
	@$(BIN)/python -m benchmarks --quick

sbom: $(STAMP)  ## Write the bill of materials of the lock file (CycloneDX), offline.
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o $(SBOM)

$(AUDIT): $(STAMP)
	$(BIN)/python -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1

# Strict, because without an answer about a package pip-audit says "No known vulnerabilities found" and ends with 0.
audit: $(AUDIT)  ## Ask for advisories about every package of the lock file; fails where nobody answers.
	@$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --requirement $(AUDITED) --progress-spinner off || \
	    { echo "error: NOT AUDITED, or vulnerable: the lines above say which; no answer is no clearance" >&2; exit 1; }

LOCK := $(BIN)/uv pip compile --quiet pyproject.toml --all-extras --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade

lock: $(STAMP)  ## Resolve the dependencies again.
	$(LOCK) -o requirements.lock
	$(LOCK) --group bench --constraints requirements.lock -o requirements-bench.lock

clean:  ## Remove .venv and everything the demo left.
	rm -rf .venv .demo
