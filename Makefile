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
export VIRTUAL_ENV := $(abspath $(VENV))
export PATH := $(abspath $(BIN)):$(PATH)

RUST_SOURCES := Cargo.toml Cargo.lock rust-toolchain.toml $(shell find rust -name '*.rs' -o -name 'Cargo.toml')

.PHONY: help setup build demo test test-rust check fmt lint types stubs bench wheel docs clean

help:  ## Print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(UV):
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip uv

$(VENV)/.dependencies: pyproject.toml | $(UV)
	$(UV) pip install --quiet --requirements pyproject.toml --extra digits --group test --group check --group bench --group build
	@touch $@

$(VENV)/.built: $(VENV)/.dependencies $(RUST_SOURCES)
	$(BIN)/maturin develop --release --uv --quiet --skip-install-dependencies 2>/dev/null || $(BIN)/maturin develop --release --uv
	@touch $@

setup: $(VENV)/.built  ## Environment, dependencies and the extension in release mode

build: setup  ## The same as setup

clean:  ## Remove the environment and everything built
	rm -rf $(VENV) target dist .pytest_cache .mypy_cache .ruff_cache .hypothesis python/autrainer/_core*.so
