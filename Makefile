# Everything a person types. Nothing here needs root, a running service or more than Python 3.11+ and make.
PYTHON ?= python3
N ?= 200
ARGS ?=
PLATFORM = .venv/bin/python -m lending.management.platform
MANAGE = $(PLATFORM) exec .venv/bin/python manage.py

.DEFAULT_GOAL := help
.PHONY: help setup modelling run test check bench demo clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -e 's/:.*## /\t/' | expand -t 10
	@echo 'variables: PORT (8000) SANDBOX_PORT (8100) DATABASE_URL REDIS_URL PYTHON (python3)'

setup: ## the environment, skipped when nothing changed
	@$(PYTHON) lending/management/setup.py

modelling: ## what builds scorecards from data, 800 MB, where set-up could not or was told not to (MODELLING=no)
	@$(PYTHON) lending/management/setup.py --modelling

run: setup ## the whole platform with a batch of real applicants, until Ctrl-C
	@exec $(PLATFORM) run $(ARGS)

test: setup ## the whole suite; ARGS='-k name' for a part of it
	@exec $(PLATFORM) test -n 3 --dist worksteal -q $(ARGS)

check: setup ## format, lint, types, import contracts, migrations, API schema, state diagram
	@exec .venv/bin/python -m lending.management.check

bench: setup ## benchmarks, each beside its peer
	@exec $(MANAGE) bench $(ARGS)

demo: setup ## send N applicants into the running platform
	@exec $(MANAGE) demo --count $(N) $(ARGS)

clean: ## stop what is left, remove the environment and all data
	@if [ -x .venv/bin/python ]; then for dir in .run .run/test; do if [ -d $$dir ]; then $(PLATFORM) --dir $$dir discard; fi; done; fi
	@rm -rf .run .venv contracts/fonts/node_modules risk/editor/node_modules risk/static/risk/editor .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
