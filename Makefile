# `make run` and `make test` are all a newcomer needs; both set up what they need on their own.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080
ROLE ?= viewer
DEMO_DAYS ?= 7
SCHEDULE ?= morning
SOURCES := shared functions local tests benchmarks scripts
export PYTHONPATH := .

.PHONY: help run token demo summary test check lint types layers unit infra image lock bench eval smoke servers clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

# The stamp's name carries the pins, so that a changed pin installs again and an unchanged one costs nothing.
STAMP := $(VENV)/.ready-$(shell cat requirements.txt requirements-dev.txt | cksum | cut -d' ' -f1)
$(STAMP):
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed as '$(PYTHON)': install it, or say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "'$(PYTHON)' is older than Python 3.11: say make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt 2> >(grep -v 'is ignored: it is neither a file' >&2)
	@rm -f $(VENV)/.ready-* && touch $(STAMP)

run: $(STAMP) ## Start everything on this machine with demo data: gateway on http://127.0.0.1:8080 (PORT=, DEMO_DAYS=)
	@DEMO_DAYS=$(DEMO_DAYS) exec $(BIN)/python -m local.run --port $(PORT)

token: $(STAMP) ## Print a token for the local gateway (ROLE=viewer|analyst|admin|scheduler|metrics)
	@$(BIN)/python -m local.tokens --role $(ROLE)

demo: $(STAMP) ## Write the demo data anew into .local/data
	@$(BIN)/python -m local.demo --out .local/data --days $(DEMO_DAYS)

summary: $(STAMP) ## Ask the running gateway for a scheduled summary now (SCHEDULE=morning)
	@$(BIN)/python -m local.scheduler --once $(SCHEDULE) --port $(PORT)

test: $(STAMP) check servers ## Everything: checks, unit tests, contract tests, real servers, the whole system
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile tests

check: $(STAMP) lint types layers unit infra image ## The checks that need no server: under a minute

lint: $(STAMP)
	@$(BIN)/ruff check --quiet $(wildcard $(SOURCES))
	@$(BIN)/ruff format --quiet --check $(wildcard $(SOURCES))

types: $(STAMP)
	@$(BIN)/mypy --no-error-summary shared functions local tests

layers: $(STAMP)
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

unit: $(STAMP)
	@$(BIN)/python -m pytest -q tests/house

# The planted mistakes and what wants a server are left to `make test`. One process: two would set up twice.
infra: $(STAMP) ## Terraform offline: fmt, validate, test, policy
	@$(BIN)/python -m tests.infra.offline
	@$(BIN)/python -m pytest -q $(addprefix tests/infra/test_,terraform.py policy.py table.py provider.py)

image: $(STAMP) ## Start each function as its container would, without Docker; cloudbuild.yaml by its schema
	@$(BIN)/python -m pytest -q tests/image tests/build/test_cloudbuild.py

servers: $(STAMP) ## Find or install the servers that tests need (Debian packages, when root)
	@$(BIN)/python scripts/servers.py

smoke: ## Ask a deployed service whether it answers as its contract says (URL=, TOKEN=, ROLE=)
	@test -n "$(URL)" -a -n "$$TOKEN" || { echo "Say where and as whom: make smoke URL=https://… TOKEN=… (ROLE=viewer)"; exit 2; }
	@python3 tests/smoke/smoke.py --url "$(URL)" --role $(ROLE)

bench: $(STAMP) ## Measure: ratios in one run, written to benchmarks/results
	@for file in benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

eval: $(STAMP) ## Measure what summaries hold and what attacks on them get, without a model; fails below its bounds
	@$(BIN)/python benchmarks/eval_summary.py

lock: $(STAMP) ## Pin requirements*.in anew, with hashes
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-annotate --no-header --python-version 3.11 --universal requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-annotate --no-header --python-version 3.11 --universal -c requirements.txt requirements-dev.in -o requirements-dev.txt

clean: ## Remove the demo data and everything else that make made, but for the virtual environment
	@rm -rf .local .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
