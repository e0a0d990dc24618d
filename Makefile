# Two commands set everything up: `make run` (the quick start) and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One thread per test process: the processes share the cores already.
PYTEST := OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal
# Images of containers often set it: each worker and each process that a test starts would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-thorough test-all test-faults reliability soak lint types bench vectors kernels figures docs sbom clean

run: $(VENV)/.run
	$(BIN)/cipherward run

test: $(VENV)/.dev
	$(PYTEST) -m "not slow and not thorough"

# More cases of what `make test` tries: further seeds, places of a fault, schemes, kinds of file.
test-thorough: $(VENV)/.dev
	$(PYTEST) -m "thorough and not slow"

# Its properties are tried on new examples each time; the others try the same ones.
test-all: $(VENV)/.dev
	$(PYTEST) --hypothesis-profile=searching -m "not faults"

# Every cell of the fault matrix; the table in docs/reliability.md is written from it.
test-faults: $(VENV)/.dev
	rm -rf build/faults
	FAULTS_STOP_SECONDS=30 FAULTS_RESULTS=build/faults $(PYTEST) tests/faults
	$(MAKE) reliability

reliability: $(VENV)/.dev
	$(BIN)/python -m tests.faults.table build/faults docs/reliability.md

soak: $(VENV)/.dev
	$(BIN)/python benchmarks/soak.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/secure_sum.py
	$(BIN)/python benchmarks/study.py
	$(BIN)/python benchmarks/peers/compare.py

vectors: $(VENV)/.dev
	$(BIN)/python -m vectors.make

kernels: $(VENV)/.dev
	$(BIN)/python -m kernels.make

figures: $(VENV)/.dev
	$(BIN)/python docs/figures/make.py

docs: $(VENV)/.docs
	$(BIN)/python -m tests.docs.site build/site

# With each release: what is in it, beside it.
sbom: $(VENV)/.dev
	$(BIN)/python deploy/sbom.py build/sbom.cdx.json

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV): some hundred MB are downloaded, which takes a minute or more."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[ckks,dev]"
	touch $@ $(VENV)/.run

$(VENV)/.docs: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) build dist src/*.egg-info
