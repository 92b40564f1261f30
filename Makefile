# Needs Python 3.11 or newer, make, git, and Go (to build livekit-server, once, where no release can be fetched).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV ?= $(BIN)/uv

AT_A_TIME := $(shell expr 2 \* `getconf _NPROCESSORS_ONLN`)

.PHONY: demo test test-fast test-server lint docs bench lock clean

demo: $(VENV)/.runtime  ## twenty real dispatch trials on a private livekit-server
	$(BIN)/lkdiag dispatch-trial --local --count 20

test: test-fast test-server  ## every test, those on a real livekit-server among them

test-fast: $(VENV)/.dev  ## every test without a livekit-server, one at a time for each core
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not server"

test-server: $(VENV)/.dev  ## those on a real livekit-server; they mostly wait: two at a time for each core, then some alone
	$(BIN)/python -m pytest -n $(AT_A_TIME) --dist loadgroup -m "server and not alone"
	$(BIN)/python -m pytest -m "server and alone"

lint: $(VENV)/.dev  ## style, types, and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev  ## the documentation as a site in site/; a broken link fails
	$(BIN)/zensical build --strict --clean

bench: $(VENV)/.dev  ## what lkdiag costs: ratios to the bare loop, the server's floor and a bare program
	$(BIN)/python -m benchmarks

lock: $(VENV)/.dev  ## resolve the dependencies anew, and write them down with their hashes
	$(UV) pip compile -q --universal --generate-hashes --upgrade --no-header --no-emit-index-url \
		--group dev pyproject.toml -o requirements-dev.txt
	$(UV) pip compile -q --universal --generate-hashes --no-header --no-emit-index-url \
		-c requirements-dev.txt --group build pyproject.toml -o requirements.txt

clean:  ## remove what the targets above made, but not the cached livekit-server
	rm -rf $(VENV) site .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/.runtime: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@
