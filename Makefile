# Two commands set everything up: `make run` (the quick start) and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One thread per test process: the processes share the cores already.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

.PHONY: run test test-all lint types bench vectors figures clean

run: $(VENV)/.run
	$(BIN)/cipherward run

test: $(VENV)/.dev
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.dev
	$(PYTEST)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/secure_sum.py
	$(BIN)/python benchmarks/study.py

vectors: $(VENV)/.dev
	$(BIN)/python -m vectors.make

figures: $(VENV)/.dev
	$(BIN)/python docs/figures/make.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[ckks,dev]"
	touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) build dist src/*.egg-info
