# Every command of the project. Paths are relative, since make cannot cope with a space in one.

VENV := .venv
IN := $(VENV)/bin

# A version manager's stand-in may lie on PATH and yet not run, so each candidate has to.
SUITS = -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	"$$python" $(SUITS) && { echo "$$python"; break; }; done)

# Installs in a tenth of pip's time. Where it is not to be had, pip does the work.
UV := uv==0.13.9
INSTALL = install() { \
	uv=$$(command -v uv || echo $(IN)/uv); \
	"$$uv" pip install --quiet --python $(IN)/python "$$@" 2>/dev/null && return; \
	test -x $(IN)/pip || $(IN)/python -m ensurepip >/dev/null || return; \
	$(IN)/python -m pip install --quiet --disable-pip-version-check "$$@"; }; install

RUN := -r requirements.txt -r requirements/local.txt
DEV := $(RUN) -r requirements/dev.txt

# Which servers the tests run on: embedded, or containers.
SERVERS ?= embedded
# More arguments for pytest: make test ARGS="-k stats -x"
ARGS ?=

COMPILE = pip compile --quiet --universal --python-version 3.11 \
	--no-header --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help up demo test lint format types check lock migrate clean
# A set of packages whose installation failed must not look installed.
.DELETE_ON_ERROR:

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-8s  %s\n' "$$name" "$$text"; done

up: $(VENV)/run ## Start everything here, without containers, until Ctrl-C
	@exec $(IN)/python -m common.local up

demo: $(VENV)/demo ## The same beside a simulated GitHub, with data of its own
	@exec $(IN)/python -m common.local demo

test: $(VENV)/dev ## Run the tests (SERVERS=embedded|containers, ARGS="for pytest")
	@SERVERS=$(SERVERS) exec $(IN)/python -m pytest $(ARGS)

lint: $(VENV)/dev ## Check format, code and who imports whom
	@$(IN)/python -m ruff format --check .
	@$(IN)/python -m ruff check .
	@$(IN)/lint-imports

format: $(VENV)/dev ## Format the code and repair what can be repaired
	@$(IN)/python -m ruff format .
	@$(IN)/python -m ruff check --fix .

types: $(VENV)/dev ## Check the types
	@$(IN)/python -m mypy

check: lint types test ## Everything that a change has to pass

lock: $(VENV)/dev ## Pin the newest versions that requirements/*.in allow
	@uv=$$(command -v uv || echo $(IN)/uv); \
	"$$uv" $(COMPILE) --upgrade requirements/runtime.in -o requirements.txt \
	&& "$$uv" $(COMPILE) --upgrade requirements/local.in -o requirements/local.txt \
	&& "$$uv" $(COMPILE) --upgrade requirements/dev.in -o requirements/dev.txt

migrate: $(VENV)/run ## Bring the tables of DATABASE_URL up to date
	@exec $(IN)/python -m migrations

clean: ## Remove what can be made again; the data in .local stays
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(IN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 runs here: install one," \
		"or name it: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	@"$(PYTHON)" $(SUITS) || { echo "$(PYTHON) is no Python 3.11, 3.12 or 3.13" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON) ..."
	@if command -v uv >/dev/null; then "$(PYTHON)" -m venv --clear --without-pip $(VENV); \
	else "$(PYTHON)" -m venv --clear $(VENV) >/dev/null \
		|| { echo "$(PYTHON) cannot make a virtual environment:" \
			"install its venv package (python3-venv), or uv" >&2; exit 1; }; \
		$(IN)/python -m pip install --quiet --disable-pip-version-check $(UV) || true; fi

$(VENV)/run: requirements.txt requirements/local.txt | $(IN)/python
	@echo "Installing what it needs ..."
	@$(INSTALL) $(RUN)
	@touch $@

# The simulator alone needs more: a GraphQL engine, in the version that the tests use.
$(VENV)/demo: $(VENV)/run requirements/dev.txt
	@$(INSTALL) -c requirements/dev.txt graphql-core
	@touch $@

$(VENV)/dev: requirements.txt requirements/local.txt requirements/dev.txt | $(IN)/python
	@echo "Installing what development needs ..."
	@$(INSTALL) $(DEV)
	@touch $@
