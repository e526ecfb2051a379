# Every target makes the virtual environment it needs; Python 3.11 or newer is all that must be there
# (PYTHON=… names one; else the distribution's, else the first on PATH).
#   make demo    a whole mail server on this computer, with two people and sample mail
#   make test    all tests, with real mail programs
#   make check   format, lint, types, floors, standards index, tests: what must pass before a commit
#   make format  put the code into the house's format
#   make soak    the long runs: 100 rounds of kill -9, renewals under load, a million queued
#                messages, power cuts
#   make bench   beside Dovecot and Postfix (MAILBENCH names the benchmark's folder)
#   make bench-exchange   mail between domains, beside Postfix (the same)

PYTHON ?=
BIN := .venv/bin
JOBS ?= 2
PYTEST_ARGS ?=

.PHONY: demo test check format lint types floors standards bench bench-exchange soak clean

demo: .venv/runtime
	$(BIN)/mailclad demo $(DEMO_ARGS)

test: .venv/dev
	tools/interop-programs
	tools/foreign-mtas
	tools/sslyze-venv
	$(BIN)/pytest -n $(JOBS) --dist loadgroup $(PYTEST_ARGS)

check: lint types floors standards test

format: .venv/dev
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

lint: .venv/dev
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .

types: .venv/dev
	$(BIN)/mypy

floors: .venv/dev
	PYTHONPATH=src $(BIN)/lint-imports --no-cache

standards: .venv/dev
	$(BIN)/python tools/rfc_index.py

soak: .venv/dev
	MAILCLAD_KILL_ROUNDS=100 MAILCLAD_CRASH_ROUNDS=100 \
		MAILCLAD_RENEWAL_CONNECTIONS=200 MAILCLAD_RENEWALS=10 \
		$(BIN)/pytest -p no:randomly --timeout 7200 tests/faults $(PYTEST_ARGS)
	PYTHONPATH=src:. $(BIN)/python -m tests.faults.long_queue
	PYTHONPATH=src:. $(BIN)/python -m tests.faults.power_cut 20
	PYTHONPATH=src:. $(BIN)/python -m tests.faults.power_cut_server 20

bench: .venv/runtime
	$(BIN)/python tools/bench.py $(BENCH_ARGS)

bench-exchange: .venv/dev
	$(BIN)/python tools/bench_exchange.py $(BENCH_ARGS)

.venv/runtime: pyproject.toml tools/make-venv
	PYTHON=$(PYTHON) tools/make-venv
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/dev: .venv/runtime
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
