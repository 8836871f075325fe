# tlbench: `make help` lists what there is. Needs python3 (3.10 or newer), pip and make; everything goes into .venv.
PYTHON ?= python3
VENV   := .venv
UV     := .uv/bin/uv
PY     := $(VENV)/bin/python
EXTRAS := efficientnet,export,mlflow,pandas,segmentation,tune,wandb
READY  := $(VENV)/.ready
# A process for each core, up to four: each takes up to 2 GB.
PYTEST := $(PY) -m pytest -n logical --maxprocesses 4 --dist worksteal
# Containers often set this; every command would then compile all of torch's modules again, for 15 s.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup quickstart test test-fast test-all lint type promises keys docs bench tensorboard constraints wheel

help:  ## this list
	@grep -E '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/:.*  ## /\t/' | expand -t 14

setup: $(READY)  ## install tlbench and its tools into .venv

# uv is put aside first, so that a machine without python3-venv works too.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "tlbench needs Python 3.10 or newer, $$($(PYTHON) -V) found: make setup PYTHON=python3.12"; exit 2; }
	@[ -x $(UV) ] || $(PYTHON) -m pip install --quiet --disable-pip-version-check --target .uv uv
	$(UV) venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	$(UV) pip install --quiet --python $(PY) --constraints constraints.txt --editable '.[$(EXTRAS)]' --group dev
	@$(PY) -c 'import tlbench.runs.run'  # does it start? The first command then finds the modules compiled, too
	@touch $@

quickstart: $(READY)  ## pretrained against scratch on the embedded digits, 3 seeds each
	$(PY) -m tlbench.train -m +experiment=quickstart

test: $(READY)  ## all tests but the slow ones
	$(PYTEST)

# Real networks are built in tests of the rooms that are left out; `--fast` skips a test that comes to train, to export,
# to start a process or to be a whole command, which composes with Hydra (tests/conftest.py).
test-fast: $(READY)  ## unit tests that neither train nor start processes, in under 2 minutes
	$(PYTEST) --fast --ignore=tests/unit/networks --ignore=tests/unit/sources \
	  -r fE tests/unit

test-all: $(READY)  ## all tests, the slow ones too
	$(PYTEST) -m ''

lint: $(READY)  ## ruff: errors and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

type: $(READY)  ## mypy --strict
	$(PY) -m mypy

promises: $(READY)  ## write docs/promises.md from tests/promises.md and the marks on the tests
	$(PY) -m tests.promises

keys: $(READY)  ## write docs/keys.md, every key with what it takes, from the schema and conf/
	$(PY) docs/make_keys.py

docs: $(READY)  ## build the documentation's site into site/
	$(UV) pip install --quiet --python $(PY) --constraints constraints.txt --group docs
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet

bench: $(READY)  ## speed as ratios against bare PyTorch (benchmarks/README.md)
	$(PY) -m benchmarks.throughput
	$(PY) -m benchmarks.adaptation

tensorboard: $(READY)  ## the curves of all runs under outputs/, at http://localhost:6006
	$(PY) -m tensorboard.main --logdir outputs

constraints: $(READY)  ## renew constraints.txt from pyproject.toml
	$(UV) pip compile --quiet --universal --python-version 3.10 --upgrade --no-annotate --no-emit-index-url \
	  --all-extras --group dev --group docs pyproject.toml --output-file constraints.txt --custom-compile-command 'make constraints'

wheel: $(READY)  ## a wheel in dist/, with conf/ inside as tlbench/conf
	PATH="$(CURDIR)/.uv/bin:$$PATH" $(PY) -m build --wheel --installer uv --outdir dist .
