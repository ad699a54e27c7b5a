# whyfit: set-up, demo, tests, benchmarks. `make help` lists the targets.
# Needs Python ≥ 3.11 with venv, git and make. Everything else is installed into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check -c constraints.txt
# Two workers, or one on a single core; PYTEST_ARGS="-k name" narrows a run.
WORKERS     ?= $(shell n=$$(nproc 2>/dev/null || echo 1); [ $$n -lt 2 ] && echo 0 || echo 2)
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench docs power clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

demo: $(VENV)/.installed ## install whyfit and run it on the house-price example
	@$(BIN)/whyfit demo

test: lint $(VENV)/.tested ## lint, type check, check the layers, run the whole suite
	@WHYFIT_NO_BROWSER="$$(sh tools/ensure_browser.sh)" \
	  $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope $(PYTEST_ARGS)

lint: $(VENV)/.tested ## ruff, basedpyright, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports --no-cache --no-logo

bench: $(VENV)/.benched ## run every benchmark beside its peers
	@set -e; for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script; done

docs: $(VENV)/.installed ## write docs/rules from the docstrings of the rules
	@$(BIN)/python tools/rule_pages.py

power: $(VENV)/.tested ## simulate every rule: false alarms and power, docs/power.md (an hour on one core)
	@OMP_NUM_THREADS=1 $(BIN)/python tools/power_page.py --jobs $$(nproc 2>/dev/null || echo 1)

clean: ## remove the virtual environment and all caches
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is newer than what it was installed from, so nothing is installed twice.
$(VENV)/bin/python:
	@sh tools/make_venv.sh "$(PYTHON)" $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(PIP) -e '.[test]'
	@touch $@

$(VENV)/.benched: $(VENV)/.installed
	$(PIP) -e '.[bench]'
	@touch $@
