# The main targets are `make explore`, `make demo` and `make test`. Each first makes .venv; `make help`, or `make`, lists all targets.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help explore demo test test-all lint docs-check bench images web hooks clean
help: ## list all targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# The file .venv/installed is newer than the files that it was installed from, so only a changed pin reinstalls.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "$(PYTHON) cannot make a virtual environment (on Debian: apt-get install python3-venv)"; exit 1; }
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,dev]'
	@touch $@

explore: .venv/installed ## turn a face in the browser, with the pretrained network of the package
	$(BIN)/explore-dcign

demo: .venv/installed ## make a small data set, a small network and demo/report.html (2 to 4 minutes on 2 cores)
	$(BIN)/python -m pipelines.demo --out demo

lint: .venv/installed ## run ruff, mypy, the import contracts and hadolint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint docker/*.Dockerfile

test: lint ## run lint and the tests (about 7 minutes on 2 cores)
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist worksteal

test-all: lint ## run lint and all tests, also the slow ones
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist worksteal -m ''

docs-check: .venv/installed ## run the examples of the documents and of examples/, and check all links
	$(BIN)/python -m pytest -q tests/docs

images: ## build the CPU images and run each read-only, offline, as an arbitrary user (needs docker, or buildah as root)
	docker/check-images

hooks: .venv/installed ## install a git hook that lints before every commit
	$(BIN)/python -m pip install --quiet pre-commit
	$(BIN)/pre-commit install

bench: .venv/installed ## run the benchmarks
	$(BIN)/python benchmarks/render_reference.py
	$(BIN)/python benchmarks/render_throughput.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/shards.py
	$(BIN)/python benchmarks/head_statistics.py
	$(BIN)/python benchmarks/train_step.py
	$(BIN)/python benchmarks/optimizers.py
	$(BIN)/python benchmarks/exactness.py
	$(BIN)/python benchmarks/head_builds.py
	$(BIN)/python benchmarks/head_intersections.py
	$(BIN)/python benchmarks/explorer_latency.py

web: ## install the npm packages of the static site of explore-dcign, once (needs Node.js)
	npm ci --prefix pipelines/explorer/web --ignore-scripts --no-audit --no-fund

clean: ## remove the files that the targets made
	rm -rf .venv demo build dist *.egg-info pipelines/explorer/web/node_modules
