# Set-up, then one word each: demo, test, lint, bench, serve, docs. Everything lives in .venv; the system's Python is never touched.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint bench serve docs clean
.DEFAULT_GOAL := test

# `make demo` builds a small monitored site and answers three questions about it.
# `make demo DATA=readings.csv` imports that file instead; `make demo SERVE=1` goes on to serve the result.
demo: .venv/ready
	$(BIN)/python -m tseng.demo --data demo-data $(if $(DATA),--file "$(DATA)")
	$(if $(SERVE),$(BIN)/tseng serve --data demo-data)

# One process for each core; the tests of one file stay together and share its servers and stores.
test: .venv/ready
	$(BIN)/pytest -n auto --dist loadfile

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# SHORT=1 runs each comparison on less data; the full run writes the table of benchmarks/README.md.
bench: .venv/ready
	$(if $(SHORT),BENCH_SHORT=1) $(BIN)/pytest benchmarks --benchmark-only --benchmark-disable-gc --benchmark-json .benchmarks.json
	$(if $(SHORT),,$(BIN)/python -m benchmarks.report .benchmarks.json)

# docs/metrics.md is written from the catalogue; a test holds the two together.
docs: .venv/ready
	$(BIN)/python -m tseng_units.metrics_page docs/metrics.md

serve: .venv/ready
	$(BIN)/tseng serve

# A bare Debian or Ubuntu has Python without the part that makes venvs: it is installed there if we may.
.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tseng needs Python 3.11 or newer; say which with PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { \
	  echo "installing python3-venv (once)"; \
	  $$(test "$$(id -u)" = 0 || echo sudo) apt-get update -qq && \
	  $$(test "$$(id -u)" = 0 || echo sudo) apt-get install -y -qq python3-venv >/dev/null && \
	  $(PYTHON) -m venv --clear .venv; } || { echo "making .venv failed: install python3-venv, then try again"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv demo-data dist .mypy_cache .ruff_cache .benchmarks.json .hypothesis
