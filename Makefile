# Every command of the project. Paths are relative, because make cannot handle a space in one.

VENV := .venv
IN := $(VENV)/bin

# Each candidate is run: a version manager's shim can be on PATH and still not work.
SUITS = -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	"$$python" $(SUITS) && { echo "$$python"; break; }; done)

# uv installs in a tenth of pip's time; without it, pip does the work. Both refuse a file whose hash is not
# in the lock.
INSTALL = install() { \
	uv=$$(command -v uv || echo $(IN)/uv); \
	"$$uv" pip install --quiet --require-hashes --python $(IN)/python "$$@" 2>/dev/null && return; \
	test -x $(IN)/pip || $(IN)/python -m ensurepip >/dev/null || return; \
	$(IN)/python -m pip install --quiet --disable-pip-version-check --require-hashes "$$@"; }; install

RUN := -r requirements.txt -r requirements/local.txt
# The lock files, each based on those before it. requirements/bench.txt is not among them: the tools that the
# benchmarks compare with are installed in an environment of their own.
LOCKS := requirements.txt $(addprefix requirements/,local.txt demo.txt dev.txt fuzz.txt parquet.txt uv.txt)

# Which servers the tests run on: embedded, or containers.
SERVERS ?= embedded
# The backup to write or to read, or the export to load.
FILE ?= repopulse.dump
# How many requests schemathesis sends per call.
EXAMPLES ?= 400
# How long fuzz and chaos run, in seconds, and the seed of chaos (random by default).
SECONDS ?=
SEED ?=
# More arguments for pytest: make test ARGS="-k stats -x"
ARGS ?=
# How tests are run; CI has a way of its own.
PYTEST ?= $(IN)/python -m pytest

# The markers of tests that start the whole product, break it or drive a browser: for `make check`.
SLOW := end_to_end or fault or browser

COMPAT := tests/common tests/migrations tests/api/queries tests/worker/test_collect.py \
	tests/end_to_end/test_contract.py

# What does not depend on the database: other programs before and behind the product.
COMPAT_ONCE := tests/clients tests/compat tests/browser/test_behind_nginx.py \
	tests/end_to_end/test_redis_tls.py

# Where `make up` and `make demo` run, in the words of uv.
PLATFORMS := x86_64-manylinux_2_28 aarch64-manylinux_2_28 x86_64-apple-darwin aarch64-apple-darwin

COMPILE = pip compile --quiet --universal --python-version 3.11 \
	--no-header --no-emit-index-url --no-emit-find-links --generate-hashes

# With it, every process started by a test or a benchmark would compile each module again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up demo backup restore load prune test compat faults chaos bench screenshots lint format types check audit sbom schemathesis \
	fuzz wheels lock parquet migrate clean
# A failed installation must not leave its target behind.
.DELETE_ON_ERROR:

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-12s  %s\n' "$$name" "$$text"; done

up: $(VENV)/run ## Start everything without containers, until Ctrl-C
	@exec $(IN)/python -m local up

demo: $(VENV)/demo ## The same with a simulated GitHub and data of its own
	@exec $(IN)/python -m local demo

backup: $(VENV)/run ## Back up the data of `make up` to a file (FILE=name)
	@exec $(IN)/python -m local backup "$(FILE)"

restore: $(VENV)/run ## Restore the data of `make up` from a file, while stopped (FILE=name)
	@exec $(IN)/python -m local restore "$(FILE)"

load: $(VENV)/run ## Restore an export into the empty data of `make up` (FILE=repopulse.ndjson)
	@exec $(IN)/python -m local load "$(FILE)"

prune: $(VENV)/run ## Remove rows of days to come, which a wrong clock has left in the data of `make up`
	@exec $(IN)/python -m local prune

test: $(VENV)/dev ## Run the quick tests (SERVERS=embedded|containers, ARGS="for pytest")
	@SERVERS=$(SERVERS) exec $(PYTEST) -n logical --maxprocesses 8 --dist worksteal \
		-m "not ($(SLOW))" $(ARGS)

# Where a test starts processes, it waits more than it computes.
compat: $(VENV)/dev $(VENV)/typescript/installed wheels ## Run the product with the servers, proxies and clients of its users
	@for servers in postgres-15 pgbouncer; do \
		SERVERS=$$servers $(PYTEST) -q -n 3 --dist worksteal $(COMPAT) $(ARGS) || exit; \
	done
	@exec $(PYTEST) -q -n 3 --dist worksteal $(COMPAT_ONCE) $(ARGS)

faults: $(VENV)/dev ## Break the running system in twenty ways, at full length
	@FAULTS=full exec $(IN)/python -m pytest --timeout 3600 tests/faults \
		--deselect tests/faults/test_chaos.py $(ARGS)

chaos: $(VENV)/dev ## Break the running system at random (SECONDS=600, SEED=number)
	@CHAOS_SECONDS=$(or $(SECONDS),600) CHAOS_SEED=$(SEED) \
		exec $(IN)/python -m pytest -q -rP tests/faults/test_chaos.py $(ARGS)

bench: $(VENV)/dev ## Measure speed and size, and write docs/benchmarks.md (ONLY="parts")
	@PATH="$(CURDIR)/$(IN):$$PATH" $(MAKE) --silent --no-print-directory \
		VENV=$(VENV)/peers PYTHON=$(IN)/python $(VENV)/peers/bench \
		|| echo "These tools could not be installed; everything else is measured."
	@exec $(IN)/python -m tests.benchmarks $(if $(ONLY),--only $(ONLY))

screenshots: $(VENV)/dev ## Take the screenshots of the pages, in Chromium
	@exec $(IN)/python -m tests.browser.screenshots

lint: $(VENV)/dev ## Check format, code and import rules
	@$(IN)/python -m ruff format --check .
	@$(IN)/python -m ruff check .
	@$(IN)/lint-imports

format: $(VENV)/dev ## Format the code and apply automatic fixes
	@$(IN)/python -m ruff format .
	@$(IN)/python -m ruff check --fix .

types: $(VENV)/dev ## Check the types
	@$(IN)/python -m mypy

check: lint types test ## Run everything that a change must pass
	@# Three processes even on two cores, because these tests mostly wait.
	@SERVERS=$(SERVERS) exec $(PYTEST) -n 3 --dist worksteal -m "$(SLOW)" $(ARGS)

audit: $(VENV)/dev ## Check the locked packages for known vulnerabilities
	@exec $(IN)/python -m tests.security.audit $(LOCKS)

schemathesis: $(VENV)/dev ## Test the API with thousands of requests generated from its schema
	@EXAMPLES=$(EXAMPLES) exec $(IN)/python -m pytest --timeout 3600 -s tests/security/test_openapi.py $(ARGS)

fuzz: $(VENV)/fuzz ## Fuzz the code that reads GitHub's answers (SECONDS=120)
	@exec $(IN)/python -m tests.fuzz --seconds $(or $(SECONDS),120)

sbom: $(VENV)/dev ## List the dependencies as CycloneDX in sbom.json
	@# It warns that a lock has no dependency graph.
	@$(IN)/python -W ignore::UserWarning -m cyclonedx_py requirements requirements.txt \
		--pyproject pyproject.toml --output-reproducible --output-file sbom.json

wheels: $(VENV)/dev ## Check that no package has to be compiled on Linux and macOS, x86-64 and ARM64
	@uv=$$(command -v uv || echo $(IN)/uv); \
	for platform in $(PLATFORMS); do for version in 3.11 3.12 3.13; do \
		"$$uv" pip install --quiet --dry-run --target $(VENV)/wheels --python-platform $$platform \
			--python-version $$version --only-binary :all: --require-hashes \
			$(RUN) -r requirements/demo.txt -r requirements/parquet.txt || exit; \
	done; done

lock: $(VENV)/dev ## Pin the newest versions that requirements/*.in allow, with hashes
	@uv=$$(command -v uv || echo $(IN)/uv); \
	"$$uv" $(COMPILE) --upgrade requirements/runtime.in -o requirements.txt \
	&& for name in local demo dev fuzz parquet uv bench; do \
		"$$uv" $(COMPILE) --upgrade requirements/$$name.in -o requirements/$$name.txt || exit; done

parquet: $(VENV)/parquet ## Install what format=parquet of the export needs

migrate: $(VENV)/run ## Migrate the tables of DATABASE_URL
	@exec $(IN)/python -m migrations

clean: ## Remove generated files; the data in .local stays
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(IN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found: install one," \
		"or name one: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	@"$(PYTHON)" $(SUITS) || { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON) ..."
	@if command -v uv >/dev/null; then "$(PYTHON)" -m venv --clear --without-pip $(VENV); \
	else "$(PYTHON)" -m venv --clear $(VENV) >/dev/null \
		|| { echo "$(PYTHON) cannot create a virtual environment:" \
			"install its venv package (python3-venv), or uv" >&2; exit 1; }; \
		$(IN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
			-r requirements/uv.txt || true; fi

$(VENV)/run: requirements.txt requirements/local.txt | $(IN)/python
	@$(IN)/python -m local.platforms
	@echo "Installing packages ..."
	@$(INSTALL) $(RUN)
	@touch $@

# The simulator needs a GraphQL engine, in the version that the tests use.
$(VENV)/demo: $(VENV)/run requirements/demo.txt
	@$(INSTALL) -r requirements/demo.txt
	@touch $@

$(VENV)/dev: requirements.txt requirements/local.txt requirements/dev.txt | $(IN)/python
	@$(IN)/python -m local.platforms
	@echo "Installing development packages ..."
	@$(INSTALL) $(RUN) -r requirements/dev.txt
	@touch $@

# Installed into another VENV than the others.
$(VENV)/bench: requirements/bench.txt | $(IN)/python
	@echo "Installing the tools to compare with ..."
	@$(INSTALL) -r requirements/bench.txt
	@touch $@

# Without npm the test of the client in TypeScript is skipped.
$(VENV)/typescript/installed: tests/clients/typescript/package.json tests/clients/typescript/package-lock.json | $(IN)/python
	@mkdir -p $(@D)
	@command -v npm >/dev/null || { echo "npm is not installed: the client in TypeScript is not tested"; exit 0; }; \
	echo "Installing the generator of the client in TypeScript ..."; \
	cp tests/clients/typescript/package.json tests/clients/typescript/package-lock.json tests/clients/typescript/.npmrc $(@D) \
	&& cd $(@D) && npm ci --silent --ignore-scripts && touch installed

$(VENV)/parquet: $(VENV)/run requirements/parquet.txt
	@echo "Installing pyarrow ..."
	@$(INSTALL) -r requirements/parquet.txt
	@touch $@

$(VENV)/fuzz: $(VENV)/dev requirements/fuzz.txt
	@echo "Installing the fuzzer ..."
	@$(INSTALL) -r requirements/fuzz.txt
	@touch $@
