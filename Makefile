# Nothing but git, make and Python 3.11+ is needed: uv is brought along in .tools/ where it is missing.
.DEFAULT_GOAL := help
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --quiet

.PHONY: help demo test test-long test-collector check build bench docs clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("fleetleak needs Python 3.11 or newer; set PYTHON=/path/to/it" if sys.version_info < (3, 11) else 0)'
	@echo "bringing uv into .tools/ (nothing else is touched)"
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

# The kernels need a C compiler at install time. Where there is none, one comes as a Python package.
ifeq ($(shell command -v $${CC:-cc} 2>/dev/null),)
export CC := $(CURDIR)/.tools/bin/python -m ziglang cc
COMPILER := .tools/ziglang
endif

.tools/ziglang: | .tools/bin/uv
	@echo "no C compiler here: bringing one into .tools/"
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check 'ziglang>=0.14,<1'
	@touch $@

# Syncs once, with progress on the terminal; `uv run` is quiet afterwards.
.venv/.synced: pyproject.toml setup.py $(wildcard processors/kernels/*.[ch]) | $(if $(filter .tools/%,$(UV)),.tools/bin/uv) $(COMPILER)
	@$(UV) sync --reinstall-package fleetleak --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch $@

demo: .venv/.synced ## Find a real leak on this host, through a real Kafka (about two minutes)
	@$(RUN) fleetleak demo $(ARGS)

test: .venv/.synced ## Run the tests, without the long fault campaigns (ARGS="-k name" for some)
	@echo "the tests take about 28 minutes on two busy cores; ARGS=\"-k name\" runs some"
	@$(RUN) pytest $(ARGS)

test-long: .venv/.synced ## Run every fault scenario and mutation, and the campaigns at full size
	@$(RUN) python -m tests.faults.long $(ARGS)

test-collector: .venv/.synced ## Build a real OpenTelemetry Collector with Go (about eight minutes, once), and test with it
	@$(RUN) pytest tests/collector -m collector --timeout=3600 $(ARGS)

check: .venv/.synced ## Lint, format and types
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy

build: .venv/.synced ## Build the wheel, and see that it holds our five packages with the kernels, and nothing else
	@rm -rf dist build && $(UV) build --wheel --quiet
	@$(RUN) python -m zipfile -l dist/*.whl > dist/files
	@awk 'NR > 1 { split($$1, p, "/"); print p[1] }' dist/files | sort -u | tee dist/contents
	@grep -q kernels/_compiled dist/files || { echo "the kernels were not compiled"; false; }
	@test "$$(grep -v dist-info dist/contents | tr '\n' ' ')" = "fleetleak fleetleak_app processors producers sinks "

bench: .venv/.synced ## Run the benchmarks (docs/benchmarks.md)
	@$(RUN) python -m benchmarks.agent
	@$(RUN) python -m benchmarks.models
	@$(RUN) python -m benchmarks.replay
	@$(RUN) python -m benchmarks.ingest
	@$(RUN) python -m benchmarks.pipeline

docs: .venv/.synced ## Write what is generated: settings, metrics, JSON Schemas
	@$(RUN) python -m fleetleak_app.docs

clean: ## Remove what make made here
	@rm -rf .venv .tools dist build *.egg-info processors/kernels/*.so .hypothesis .mypy_cache .pytest_cache .ruff_cache uv.lock
