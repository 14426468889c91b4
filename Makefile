# Two commands on a fresh machine: `make run` and `make test`. Needed: Python 3.11, make, a package index.
PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
STAMP := .venv/.up-to-date
UV := env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never $(BIN)/uv
FUZZED = $(shell grep -rl --include="test_*.py" AFTERCARE_DOSE tests | grep -v tests/chaos)
CODE := workflows activities starter worker.py tests bench

.PHONY: help install run demo test test-browser check format fuzz lives chaos bench history clean
.DEFAULT_GOAL := help

help:  ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

install: $(STAMP)  ## The environment in .venv, from the lock file; nothing is done when it is up to date

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Aftercare needs Python 3.11 or newer. Name one: make $(or $(MAKECMDGOALS),install) PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/uv || { \
		echo "Making the environment in .venv: the first time it takes a while …" && \
		$(PYTHON) -m venv --clear .venv && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check uv; }
	@$(UV) sync --frozen --inexact --quiet
	@touch $@

run: install  ## Everything on this machine: Temporal, worker, web, CRM; ARGS="--port 8080"
	@$(BIN)/aftercare up $(ARGS)

demo: install  ## The same with a handful of customers, a day in two seconds, in a directory of its own
	@$(BIN)/aftercare up --demo $(ARGS)

test: install  ## The tests, offline, in a few minutes
	@$(BIN)/pytest -q $(ARGS)

test-browser: install  ## The console in a real Chromium, which must be installed
	@$(BIN)/pytest -q tests/browser $(ARGS)

check: install  ## Lint, format, types, and who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports

format: install  ## Mend what lint and format can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

fuzz: install  ## The property tests of `make test`, with twenty times as many cases
	@AFTERCARE_DOSE=20 $(BIN)/pytest -q --timeout=7200 $(FUZZED) $(ARGS)

lives: install  ## The laws over five hundred random lives, all SOPs on: six to a town, half an hour
	@AFTERCARE_DOSE=84 $(BIN)/pytest -q --timeout=7200 tests/laws $(ARGS)

chaos: install  ## The large dose of kill -9 and SIGSTOP, with providers that fail meanwhile
	@AFTERCARE_DOSE=20 $(BIN)/pytest -q --timeout=7200 tests/chaos $(ARGS)

bench: install  ## What a follow-up costs, beside bare Temporal workflows; a quarter of an hour
	@$(BIN)/python -m bench $(ARGS)

history: install  ## Keeps a life's history, to be replayed from now on; NAME=…
	@$(BIN)/python -m tests.histories.record $(NAME)

clean:  ## Removes the environment and the caches, never the data
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
