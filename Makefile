# Needs Python 3.11 or newer, make, git, and Go (to build livekit-server, once, where no release can be fetched).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV ?= $(BIN)/uv

.PHONY: demo test lint bench lock clean

demo: $(VENV)/.runtime  ## twenty real dispatch trials on a private livekit-server
	$(BIN)/lkdiag dispatch-trial --local --count 20

test: $(VENV)/.dev  ## every test, those on a real livekit-server among them
	$(BIN)/python -m pytest

lint: $(VENV)/.dev  ## style, types, and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## what lkdiag costs: ratios to the bare loop, the server's floor and a bare program
	$(BIN)/python -m benchmarks

lock: $(VENV)/.dev  ## resolve the dependencies anew, and write them down with their hashes
	$(UV) pip compile -q --universal --generate-hashes --upgrade --no-header --no-emit-index-url \
		--group dev pyproject.toml -o requirements-dev.txt
	$(UV) pip compile -q --universal --generate-hashes --no-header --no-emit-index-url \
		-c requirements-dev.txt --group build pyproject.toml -o requirements.txt

clean:  ## remove what the targets above made, but not the cached livekit-server
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/.runtime: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@
