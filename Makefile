# Two commands matter: `make train` and `make test`. The rest is listed by `make help`.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := pyproject.toml setup.py constraints.txt
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help train test check lint types format bench wheel clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  ARGS='model=lightgbm' adds overrides to make train; PYTHON=python3.12 chooses another Python"

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: marketlab needs Python 3.11 or newer; run make PYTHON=/path/to/python"; exit 2; }
	$(PYTHON) -m venv .venv

.venv/base: .venv/pyvenv.cfg $(SOURCES)
	@echo "Installing marketlab into .venv (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/all: .venv/pyvenv.cfg $(SOURCES)
	@echo "Installing marketlab with every extra into .venv (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	@touch .venv/base $@

train: .venv/base ## install, train the default experiment and print what it is worth
	@$(BIN)/python scripts/train.py $(ARGS)

test: .venv/all ## install every extra, then ruff, mypy and the whole suite
	@$(MAKE) --no-print-directory lint types check

lint: .venv/all ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/all ## mypy, strict on the package
	@mkdir -p .types && ln -sfn ../src .types/marketlab
	$(BIN)/mypy -p marketlab

check: .venv/all ## the test suite alone; make check ARGS='-k splits' for a part
	$(BIN)/python -m pytest -n 2 $(ARGS)

format: .venv/all ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/all ## every program in benchmarks/, each ending in a line of JSON
	@for program in benchmarks/*.py; do echo "== $$program"; $(BIN)/python $$program || exit 1; done

wheel: .venv/all ## build the wheel into dist/
	$(BIN)/python -m build --wheel

clean: ## remove the environment and the caches; runs and snapshots stay
	rm -rf .venv .types .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
