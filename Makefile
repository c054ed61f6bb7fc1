# The two commands of the README; each does all of its own set-up.
#
#   make demo    evolve a population that talks: a few minutes, results in a new folder runs/demo, runs/demo-2, ...
#   make test    lint, format, types, the site and tests, some of them in a real browser
#
# and `make docs`, which builds the documentation into site/.

.PHONY: demo test docs browser

PYTHON ?= python3
VENV := .venv
INSTALL := $(VENV)/bin/python -m pip install -qq --disable-pip-version-check
DEMO_OPTIONS ?= --seed 1 --generations 30

demo: $(VENV)/installed
	@number=1; out=runs/demo; \
	while [ -e $$out ]; do number=$$((number + 1)); out=runs/demo-$$number; done; \
	$(VENV)/bin/boxlings run guide --out $$out $(DEMO_OPTIONS)

test: $(VENV)/installed-for-tests browser
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
# a file at a time on each core, so that what its tests share is made once; in the order of tests/conftest.py
# one more than there are cores, as some of them wait
	$(VENV)/bin/pytest -n $$($(VENV)/bin/python -c 'import os; print(1 + os.cpu_count())') --dist loadfile --no-loadscope-reorder

docs: $(VENV)/installed-for-tests
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet
	@echo "open site/index.html"

# for the tests of pages: Chromium, if the system has none; where it cannot be had these tests are skipped, but not on CI
browser: $(VENV)/installed-for-tests
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		if command -v $$name >/dev/null; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing chromium, for the tests of pages ..." >&2; \
		apt-get update -qq >&2; DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium >&2; \
	else \
		$(VENV)/bin/playwright install chromium >&2; \
	fi || echo "no browser could be installed: tests of pages will be skipped" >&2

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
