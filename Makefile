# Everything a contributor runs. `make` alone lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

install: $(STAMP) ## the project and its tools in .venv, every package by hash

$(STAMP): requirements-dev.lock pyproject.toml scripts/make-venv.sh
	scripts/make-venv.sh $(PYTHON)
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

servers: ## the servers and tools that tests and benchmarks run against (apt, npm); only what is missing
	scripts/install-servers.sh test bench

demo: $(STAMP) ## a simulated Exchange with forty people, a task archiving them, the console in front; Ctrl-C ends it
	@MAILKEEP_HOME="$${MAILKEEP_HOME:-$(CURDIR)/.demo}" exec $(BIN)/mailkeep demo

test: $(STAMP) ## install what is missing, then every test
	scripts/install-servers.sh test
	$(BIN)/python -m pytest

check: $(STAMP) ## linters, types, floors, documents; touches nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_docs.py

format: $(STAMP) ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP) ## write docs/cli.md anew from the commands themselves
	$(BIN)/python -m mailkeep.cli.reference > docs/cli.md

bench: $(STAMP) ## measure against mbsync, restic and borg; prints a table and writes docs/performance.md
	scripts/install-servers.sh bench
	$(BIN)/python -m bench

screenshots: $(STAMP) ## take the pictures in docs/screenshots anew
	scripts/install-servers.sh test
	$(BIN)/python scripts/screenshots.py

lock: .cache/uv/bin/uv ## write both lock files anew, with the newest versions that pyproject.toml allows
	.cache/uv/bin/uv pip compile --quiet --upgrade --generate-hashes pyproject.toml -o requirements.lock
	.cache/uv/bin/uv pip compile --quiet --upgrade --generate-hashes --group dev pyproject.toml -o requirements-dev.lock

.cache/uv/bin/uv: $(STAMP)
	$(BIN)/python -m venv .cache/uv
	.cache/uv/bin/pip install --quiet uv

clean: ## remove what `make` made, but not .demo
	rm -rf .venv .cache build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help install servers demo test check format docs bench screenshots lock clean
