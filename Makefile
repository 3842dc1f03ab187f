# Every command sets up what it needs by itself; a second call finds it done.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
DIST ?= dist
FUZZ_S ?= 60
# Processes that run tests: each of them imports torch, so more than eight would not pay.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(min(os.cpu_count(), 8))')
PARALLEL = --numprocesses $(JOBS) --dist worksteal
# Linked by zig against an old glibc, so that the wheel runs on every Linux that torch runs on.
WHEEL_OPTIONS := $(if $(filter Linux,$(shell uname -s)),--zig --compatibility manylinux2014)
# The oldest torch of pyproject.toml, unless told otherwise, in an environment of its own.
TORCH ?= 2.4
TORCH_VENV = $(VENV)-torch-$(TORCH)
TORCH_TESTS := $(addprefix tests/,fast engine training optimizers integration/test_old_runs.py)
# uv trusts what the system trusts, as pip does. (The second name is that of earlier versions.)
export UV_SYSTEM_CERTS := true
export UV_NATIVE_TLS := true
# Interpreters start in half the time where modules are compiled, and tests start many.
COMPILE = $(BIN)/python -m compileall -qq -j 0
unexport PYTHONDONTWRITEBYTECODE
export VIRTUAL_ENV := $(abspath $(VENV))
export PATH := $(abspath $(BIN)):$(PATH)

RUST_SOURCES := Cargo.toml Cargo.lock rust-toolchain.toml $(shell find rust -name '*.rs' -o -name 'Cargo.toml')

.PHONY: help setup build demo demo-audio test test-long test-fast slow-tests test-cuda test-busy test-torch test-rust sanitize fuzz torture check fmt lint types stubs bench bench-beside wheel doctest docs docs-serve screenshots clean

help:  ## Print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(UV):
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip uv

$(VENV)/.dependencies: pyproject.toml | $(UV)
	$(UV) pip install --quiet --requirements pyproject.toml --extra digits --group test --group check --group bench --group build
	@$(COMPILE) $(VENV)/lib || true  # some packages carry templates of modules
	@touch $@

$(VENV)/.built: $(VENV)/.dependencies $(RUST_SOURCES)
	$(BIN)/maturin develop --release --uv --quiet
	@touch $@

setup: $(VENV)/.built  ## Environment, dependencies and the extension in release mode

build: setup  ## The same as setup

demo: setup  ## Train a small network on handwritten digits, with two seeds
	$(BIN)/autrainer train -cn digits

TONES = results/tones/training/MandarinTones-16k_SmallCNN_AdamW_0.002_32_epoch_25_StepLR_None_1
CLIP = data/mandarin_tones/default/m-a3_liu.wav
demo-audio: setup  ## Learn the tones of spoken Mandarin, and predict those of recordings; CLIP=
	$(BIN)/autrainer fetch -cn tones
	$(BIN)/autrainer preprocess -cn tones
	$(BIN)/autrainer train -cn tones
	$(BIN)/autrainer inference $(TONES) data/mandarin_tones/default results/tones/predictions --list data/mandarin_tones/test.csv
	$(BIN)/autrainer inference $(TONES) $(CLIP) results/tones/clip

test: setup  ## Python tests that cost less than 1.5 s each; JOBS= processes
	$(BIN)/python -m pytest $(PARALLEL) -m 'not long' $(PYTEST)

test-long: setup  ## The others: the wheel, the demos, the tutorials, many processes
	$(BIN)/python -m pytest $(PARALLEL) -m long $(PYTEST)

test-fast: setup  ## Those that cost less than 0.2 s
	$(BIN)/python -m pytest $(PARALLEL) -m 'not slow' $(PYTEST)

slow-tests: setup  ## Measure all tests, and write the lists of those that test and test-fast leave out
	$(BIN)/python -m pytest $(PARALLEL) -p tests.durations $(PYTEST)

test-cuda: setup  ## Tests that need a CUDA device; each skips with a reason where there is none
	$(BIN)/python -m pytest -m cuda $(PYTEST)

test-busy: setup  ## make test RUNS= times in a row while other processes keep every core busy
	$(BIN)/python -m tests.torture.busy --runs $(or $(RUNS),10) $(PARALLEL) -m 'not long' $(PYTEST)

test-torch: setup  ## Tests of what depends on torch with another version of it: TORCH=2.4
	$(UV) venv --quiet --allow-existing --python $(BIN)/python $(TORCH_VENV)
	$(UV) pip install --quiet --python $(TORCH_VENV) 'torch==$(TORCH).*' --requirements pyproject.toml --extra digits --group test
	echo '$(abspath python)' > $$($(TORCH_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/autrainer.pth
	$(TORCH_VENV)/bin/python -m pytest $(PARALLEL) $(TORCH_TESTS) $(PYTEST)

test-rust:  ## Rust tests
	cargo test --workspace --quiet

# Both ask the compiler for what it gives nightly builds alone unless it is told to.
sanitize:  ## Rust tests of the core under AddressSanitizer; Linux and macOS
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test --package autrainer-core --quiet --lib --tests \
		--target $$(rustc --version --verbose | sed -n 's/^host: //p') --target-dir target/sanitize

fuzz:  ## Random bytes for the decoders, FUZZ_S seconds each; needs cargo-fuzz
	for target in npy audio image; do \
		mkdir -p fuzz/corpus/$$target; \
		(cd fuzz && RUSTC_BOOTSTRAP=1 cargo fuzz run $$target corpus/$$target seeds/$$target -- \
			-max_total_time=$(FUZZ_S) -max_len=4096 -malloc_limit_mb=64 -timeout=10); \
	done

check: lint types stubs doctest docs test-rust test test-long  ## What CI runs: linters, types, stubs, all tests

fmt: setup  ## Format everything
	$(BIN)/ruff check --quiet --fix .
	$(BIN)/ruff format --quiet .
	cargo fmt

lint: setup  ## Formatters and linters, changing nothing
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	cargo fmt --check
	cargo clippy --workspace --all-targets --quiet -- --deny warnings

types: setup  ## mypy --strict
	$(BIN)/mypy

stubs: setup  ## The stubs of the extension against the extension
	$(BIN)/python -m mypy.stubtest autrainer._core --mypy-config-file pyproject.toml

torture: setup  ## Kill and stop runs, kill inference and preprocess, fail every call, damage every file, draw new examples; KILLS=, SIGNALS= of a kind, SEED=
	$(BIN)/python -m tests.torture.kills --kills $(or $(KILLS),200) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.torture.command_kills --kills $(or $(KILLS),200) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.torture.ranks --kills $(or $(KILLS),200) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.torture.signals --signals $(or $(SIGNALS),60) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.torture.faults
	$(BIN)/python -m tests.torture.damage $(if $(SEED),--seed $(SEED))
	HYPOTHESIS_PROFILE=torture CONFIG_EXAMPLES=1000 $(BIN)/python -m pytest $(PARALLEL) -o timeout=1800 -o faulthandler_timeout=0 -m hypothesis

bench: setup  ## Benchmarks, ours beside what a user would pick instead
	$(BIN)/python -m pytest benches/python --benchmark-only --benchmark-columns=median,min,rounds --benchmark-sort=name -q -o timeout=600 -o faulthandler_timeout=0 $(PYTEST)

bench-beside: setup  ## Benchmarks beside those of an earlier commit, in turns; COMMIT=, BENCH='training -k ours'
	$(BIN)/python -m benches.beside $(COMMIT) $(BENCH)

wheel: $(VENV)/.dependencies  ## A wheel in dist/, for every CPython from 3.10 on
	$(UV) pip install --quiet --group wheel
	$(BIN)/maturin build --release $(WHEEL_OPTIONS) --out $(DIST)

doctest: setup  ## Run the examples in docstrings
	$(BIN)/python -m pytest --quiet --doctest-modules python/autrainer

docs: setup  ## The documentation, in site/; a broken link is an error
	$(UV) pip install --quiet --group docs
	$(BIN)/python -m docs.scripts.pages
	$(BIN)/zensical build --strict
	$(BIN)/python -m docs.scripts.network site

screenshots: setup  ## Take the pictures of the documentation anew; needs chromium
	$(BIN)/python -m docs.scripts.screenshots

docs-serve: setup  ## Show the documentation, and go on with what is edited
	$(UV) pip install --quiet --group docs
	$(BIN)/python -m docs.scripts.pages
	$(BIN)/zensical serve

clean:  ## Remove the environment and everything built
	rm -rf $(VENV) $(VENV)-torch-* target dist site .cache docs/generated .pytest_cache .mypy_cache .ruff_cache .hypothesis python/autrainer/_core*.so
