# make demo: train baselines, measure the gap, write the leaderboard page.  make test: lint, types, tests.  make quick: tests of a minute.  make site: the published leaderboard, in site.  make docs: the documentation.  make wheel: what is published, in dist.  make versions: lowest and newest dependencies on each Python.  make clients: a program with each library.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
RESULTS := experiments/results/quick

.PHONY: demo test quick lint tables site docs wheel versions clients
.DELETE_ON_ERROR:

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,render,notebook,ray,server,docs,dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/safegrid bench experiments/suites/quick.toml --results $(RESULTS)
	rm -rf demo
	$(BIN)/safegrid leaderboard submit $(RESULTS) --board demo/board
	$(BIN)/safegrid leaderboard verify --board demo/board
	$(BIN)/safegrid leaderboard build --board demo/board --out demo/leaderboard
	$(BIN)/safegrid report $(RESULTS) --out demo/report

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

quick: $(STAMP)
	$(BIN)/pytest -q -n auto -m "not slow"

test: lint
	$(BIN)/pytest -n auto
	NUMBA_BOUNDSCHECK=1 $(BIN)/pytest -q -n auto -m fast
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -q -n auto -m fast -W ignore::RuntimeWarning

tables: $(STAMP)
	$(BIN)/python experiments/pictures.py
	$(BIN)/python experiments/tables.py

site: $(STAMP)
	$(BIN)/safegrid leaderboard build --board submissions --out site
	$(BIN)/safegrid leaderboard export site/runs.csv --board submissions
	$(BIN)/safegrid leaderboard export site/runs.parquet --board submissions

docs: $(STAMP)
	$(BIN)/sphinx-build -W --keep-going -q docs build/docs
	@echo wrote build/docs/index.html

wheel: $(STAMP)
	rm -rf dist
	$(BIN)/python -m build --outdir dist

versions:
	$(PYTHON) tests/versions.py

clients: $(STAMP)
	$(BIN)/python experiments/clients.py
	$(BIN)/python experiments/tables.py
