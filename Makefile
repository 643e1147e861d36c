# For a fresh machine with Python 3.11 or newer: `make demo`, then `make app` to look at it; `make test`.

PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo

PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
BT := $(VENV)/bin/bt

.PHONY: demo app test lint types lowest docs docs-links dist install-test clean

# Sample counts, the models, the best of them, a forecast of the day after the counts, a few predictions.
demo: $(VENV)/.installed
	@mkdir -p $(DEMO)
	$(BT) data sample -o $(DEMO)/counts.csv.gz
	$(BT) train --no-track --data $(DEMO)/counts.csv.gz --registry $(DEMO)/models
	$(BT) registry best --metric r2 --registry $(DEMO)/models
	$(BT) forecast --model rf --registry $(DEMO)/models --from 2024-12-01
	$(BT) predict --model rf --registry $(DEMO)/models $(DEMO)/counts.csv.gz -o $(DEMO)/predictions.csv
	@echo "The first predictions of $(DEMO)/predictions.csv, in bikes per hour:"
	@head -6 $(DEMO)/predictions.csv

# The app on the models and counts of the demo, at http://127.0.0.1:8501 until Ctrl-C.
app: $(VENV)/.installed-app $(DEMO)/counts.csv.gz
	$(BT) app --registry $(DEMO)/models --data $(DEMO)/counts.csv.gz

$(DEMO)/counts.csv.gz:
	$(MAKE) demo

test: lint types
	$(VENV)/bin/pytest -n auto --dist worksteal

lint: install-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: install-test
	$(VENV)/bin/mypy -p bike_traffic -p tests
	MYPYPATH=benchmarks $(VENV)/bin/mypy benchmarks
	$(VENV)/bin/mypy examples/*/src

# The fast tests with the lowest versions that setup.cfg admits.
lowest:
	$(PYTHON) -m venv --clear $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip --disable-pip-version-check --quiet install uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct \
	  '.[plot,signing]' 'pytest>=8.4'
	$(VENV)-lowest/bin/python -m pytest -q -p no:cacheprovider tests/data tests/evaluation tests/features

# The documentation as a site; a link to a page, a heading or a picture that is not there is an error.
docs: $(VENV)/.installed-docs
	$(VENV)/bin/sphinx-build -q -W --keep-going docs build/site
	@echo "open build/site/index.html"

# Asks the network whether the addresses in it answer.
docs-links: $(VENV)/.installed-docs
	$(VENV)/bin/sphinx-build -q -b linkcheck docs build/links

# The source distribution and the wheel, in dist/; docs/releasing.md says what comes next.
dist: $(VENV)/.installed
	$(PIP) install 'build>=1.2'
	$(VENV)/bin/python -m build --outdir dist .

# Type checkers see an editable install in strict mode only, and new modules after a new install only.
install-test: $(VENV)/.installed-test
	$(PIP) install --no-deps --editable . --config-settings editable_mode=strict

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("bike-traffic needs Python 3.11 or newer; set PYTHON=…") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "Installing bike-traffic and TensorFlow into $(VENV): a few minutes the first time."
	$(PIP) install --editable '.[nn]' --config-settings editable_mode=strict
	@touch $@

$(VENV)/.installed-app: $(VENV)/.installed
	$(PIP) install --editable '.[nn,app]' --config-settings editable_mode=strict
	@touch $@

# Without TensorFlow or any other extra.
$(VENV)/.installed-docs: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable '.[docs]' --config-settings editable_mode=strict
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install --editable '.[nn,mlflow,gcs,s3,signing,tune,dask,app,test]' --config-settings editable_mode=strict
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-lowest $(DEMO) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
