# Two commands do all the set-up: `make demo` and `make test`.
SHELL := /bin/bash
PY := .venv/bin/python
PYTEST := $(PY) -m pytest

.PHONY: help demo run test quick lint format bench lock clean

help: ## what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/installed ## install if need be, start everything on this machine, print the address
	@.venv/bin/shedwatch demo $(ARGS)

run: .venv/installed ## the service with the configuration CONFIG (default shedwatch.yaml)
	@.venv/bin/shedwatch run -c $(or $(CONFIG),shedwatch.yaml)

test: .venv/installed-dev ## install what it needs, run all tests
	@tools/install-servers
	$(PYTEST) -n 2 --dist loadgroup -m "not alone" $(ARGS)
	$(PYTEST) -m alone $(ARGS)

quick: .venv/installed-dev ## the tests to run all the time: no servers, under a minute
	$(PYTEST) -n 2 -m "not servers and not slow and not footage" $(ARGS)

lint: .venv/installed-dev ## formatter, linter, types, layers
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports

format: .venv/installed-dev ## let ruff mend what it can
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: .venv/installed ## the benchmarks
	@for name in ingest store vision alerts api; do .venv/bin/shedwatch bench $$name || exit 1; done

lock: ## resolve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --upgrade -q -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --upgrade -q -c requirements.lock -o requirements-dev.lock

.venv/installed: requirements.lock pyproject.toml
	@tools/install runtime

.venv/installed-dev: requirements-dev.lock pyproject.toml
	@tools/install dev

clean: ## remove what was installed and built, not the data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
