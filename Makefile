# Every target rests on `setup`, which makes .venv from the lock file.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.parley-setup
# Two files of tests at a time: most of them wait for servers. A file's tests stay together, they share what it starts.
JOBS ?= 2
PYTEST := $(BIN)/python -m pytest tests/ -n $(JOBS) --dist loadfile

.PHONY: help setup demo up test check explore coverage bench bench-backtest lock clean prove-month prove-cash prove-scale prove-kills prove-bad-input prove-parity prove-learning
.DEFAULT_GOAL := help

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv from the lock file, hashes checked

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Parley needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make setup PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: setup ## the whole desk on a simulated market, in this terminal
	@$(BIN)/parley demo

up: setup ## paper money on real prices
	@$(BIN)/parley up

test: setup ## everything that proves it
	$(PYTEST)

check: setup ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

explore: setup ## the property tests that need no server, with 2,000 new examples each
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest $$(grep -rlE '^@given' tests | grep -v redis_streams) --timeout 900

coverage: setup ## tests with coverage of the Python code, subprocesses included
	$(BIN)/coverage erase
	COVERAGE_PROCESS_START=pyproject.toml $(PYTEST) --cov --cov-report=term:skip-covered --cov-fail-under=80

bench: setup ## speed, printed and in build/bench.json
	$(BIN)/python -m benchmarks

bench-backtest: setup ## backtests beside vectorbt, backtesting.py and a bare loop
	$(BIN)/python -m benchmarks.backtest

prove-month: setup ## the real BTC month in lock-step, twice
	$(BIN)/python -m benchmarks.prove month

prove-cash: setup ## five pairs that share a cash limit, with gaps, three times
	$(BIN)/python -m benchmarks.prove cash

prove-scale: setup ## one, two and four instances of everything: the same trades
	$(BIN)/python -m benchmarks.prove scale

prove-kills: setup ## SIGKILL of each service at each point of its commits: the same ledger
	$(BIN)/python -m benchmarks.prove_kills

prove-bad-input: setup ## malformed, oversized, forged, from the future: said, buried, and the next good one is handled
	$(BIN)/python -m pytest tests/integration/test_bad_input.py -v

prove-parity: setup ## both engines and the real stack: the same trades and cash
	$(BIN)/python -m benchmarks.prove_parity

prove-learning: setup ## a planted loser falls, a planted winner rises, a coin-flip stays
	$(BIN)/python -m benchmarks.prove_learning --seed 1

lock: setup ## renew requirements.lock from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--extra dev pyproject.toml -o requirements.lock --quiet

clean: ## remove what was built, not the desks
	rm -rf .venv build .mypy_cache .ruff_cache
