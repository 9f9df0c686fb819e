# The commands a person types.  `make help` lists them.

PYTHON ?= python3
export PYTHON
BIN := .venv/bin
PY := $(BIN)/python
CATALOGUE := translations/zh/LC_MESSAGES/messages

.DEFAULT_GOAL := help
.PHONY: help install run demo test bench check format i18n migration lock clean app-environment environment

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

install: environment ## fill .venv with everything that running, checking and testing needs

run: app-environment ## set up what is missing, then serve: pages and scheduler
	@$(PY) run.py

demo: app-environment ## throw the data away and start again with fresh demo data
	@$(PY) run.py demo

test: environment ## run the tests; T="tests/test_x.py -k word" chooses some
	@$(PY) -m tools.test $(T)

bench: environment ## measure the pages on a million rows into bench/report.md; takes a while
	@$(PY) -m bench

check: environment ## run the static checks alone
	@$(PY) -m tools.check

format: environment ## mend what ruff can mend, and the form of the code
	@$(PY) -m ruff check --fix --exit-zero --quiet .
	@$(PY) -m ruff format .

i18n: environment ## gather the texts of the pages and bring the Chinese catalogue up to date
	@$(PY) -m tools.catalogue update

migration: app-environment ## write a migration for changed models; M="what changes"
	@test -n "$(M)" || { echo 'qifu: say what changes: make migration M="add a phone to organizations"'; exit 1; }
	@mkdir -p var
	@$(BIN)/flask --app app db upgrade
	@$(BIN)/flask --app app db migrate -m "$(M)"

lock: ## pin requirements/*.in anew, with hashes; UPGRADE=1 takes newer releases
	@tools/lock.sh

clean: ## remove .venv and what the tools cached; data and uploads stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

app-environment:
	@tools/environment.sh app
	@$(PY) -m tools.catalogue compile

environment:
	@tools/environment.sh dev
	@$(PY) -m tools.catalogue compile
