# The two commands of the README; each does all of its own set-up.
#
#   make demo    evolve a population that talks: a few minutes, results in a new folder runs/demo, runs/demo-2, ...
#   make test    lint, format, types and tests

.PHONY: demo test

PYTHON ?= python3
VENV := .venv
INSTALL := $(VENV)/bin/python -m pip install -qq --disable-pip-version-check
DEMO_OPTIONS ?= --seed 1 --generations 30

demo: $(VENV)/installed
	@number=1; out=runs/demo; \
	while [ -e $$out ]; do number=$$((number + 1)); out=runs/demo-$$number; done; \
	$(VENV)/bin/boxlings run guide --out $$out $(DEMO_OPTIONS)

test: $(VENV)/installed-for-tests
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest -n auto --dist loadfile  # a file at a time on each core: what its tests share is made once

# editable, so that what is changed in the sources is what runs; again whenever the list of packages changes
$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV), this takes a minute or two ..." >&2
	$(INSTALL) --editable .
	@touch $@

$(VENV)/installed-for-tests: pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV), this takes a minute or two ..." >&2
	$(INSTALL) --editable ".[dev]"
	@touch $@ $(VENV)/installed

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
