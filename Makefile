# `make demo` and `make test` do all set-up themselves; stamps make a second run start at once. CONTRIBUTING.md says more.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Some images forbid it, and then each of the two hundred processes of a test run compiles all that it loads.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= $(shell scripts/find-python.sh)
# Not from the environment: some shells export HOST as the machine's name.
HOST = 127.0.0.1
PORT ?= 8000
SAMPLE := .cache/sample/bigbuckbunny.mp4
INPUT ?= $(SAMPLE)
TESTS ?= tests
# Browsers that play and namespaces take the whole machine; what mostly waits runs beside each other, pages that only talk or are looked at too.
TALK := $(addprefix tests/e2e/test_,accessibility.py chat.py chat_history.py files.py hostile_chat.py moderation.py)
# SRT loses what a busy machine brings too late.
LIVE := tests/integration/test_media_srt.py
TESTS_ALONE := $(filter tests/e2e% tests/network%,$(TESTS)) $(if $(filter tests,$(TESTS)),$(LIVE) tests/e2e tests/network $(addprefix --ignore=,$(TALK)))
TESTS_TOGETHER := $(filter-out tests tests/e2e% tests/network%,$(TESTS)) $(if $(filter tests,$(TESTS)),$(TALK) tests/elements tests/integration tests/unit --ignore=$(LIVE))
# All unit tests together also show what of the cores none of them reaches.
MEASURED := $(filter tests tests/unit,$(TESTS))

BIN := .venv/bin
STAMPS := .venv/stamps
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
NPM := npm --prefix web --no-update-notifier
PAGES := signaling/pages/braidcast.js
PLAYERS := tests/players/node_modules/.package-lock.json
WEB_SOURCES := $(shell find web/src web/public web/*.json web/*.config.ts 2>/dev/null)

##@ Use
.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { print substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: setup $(if $(filter $(SAMPLE),$(INPUT)),$(SAMPLE)) ## A room with a looping real video; INPUT=my.mp4 HOST=0.0.0.0 PORT=9000
	@exec $(BIN)/braidcast demo "$(INPUT)" --host "$(HOST)" --port "$(PORT)"

.PHONY: setup
setup: $(STAMPS)/runtime $(PAGES) ## The virtual environment, locked dependencies and the web pages

.PHONY: build
build: $(STAMPS)/dependencies $(PAGES) ## The wheel, with the pages inside, in dist/
	@rm -rf dist
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

##@ Develop
.PHONY: test
test: setup-dev ## Everything that a change must pass
	@$(MAKE) --no-print-directory --jobs 2 --output-sync lint-python lint-web schema-check test-web
	@$(MAKE) --no-print-directory test-python TEST_ALL=$(TEST_ALL)

# Two at a time, for much of it is waiting for registries.
.PHONY: setup-dev
setup-dev:
	@$(MAKE) --no-print-directory --silent --jobs 2 $(STAMPS)/dev $(PAGES) $(PLAYERS) $(SAMPLE)

.PHONY: test-all
test-all: TEST_ALL := yes
test-all: export HYPOTHESIS_PROFILE ?= thorough
test-all: test ## The same with more examples, and soaks and clusters

.PHONY: test-python
test-python: $(STAMPS)/dev $(PAGES) $(SAMPLE) test-programs $(PLAYERS) ## pytest; TESTS=tests/unit/peer for a part
	@$(if $(MEASURED),$(BIN)/coverage erase)
	@$(if $(strip $(TESTS_TOGETHER)),$(BIN)/python scripts/run_tests.py $(if $(TEST_ALL),,-m "not slow") \
		$(if $(MEASURED),-p tests.core_coverage) --numprocesses 3 --dist loadfile --no-loadscope-reorder $(TESTS_TOGETHER))
	@$(if $(MEASURED),$(BIN)/coverage combine --quiet && $(BIN)/coverage report)
	@$(if $(strip $(TESTS_ALONE)),$(BIN)/python scripts/run_tests.py $(if $(TEST_ALL),,-m "not slow") $(TESTS_ALONE))

.PHONY: coverage
coverage: ## The unit tests, and that they reach every branch of the cores
	@$(MAKE) --no-print-directory test-python TESTS=tests/unit

.PHONY: test-web
test-web: $(PAGES) ## vitest and the size budget of /braidcast.js
	@$(NPM) run --silent test
	@$(NPM) run --silent size

.PHONY: lint lint-python lint-web
lint: lint-python lint-web ## Formatting, lint rules and types of both languages

lint-python: $(STAMPS)/dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

lint-web: web/node_modules/.package-lock.json
	@$(NPM) run --silent lint
	@$(NPM) run --silent typecheck

.PHONY: schema
schema: $(STAMPS)/runtime web/node_modules/.package-lock.json ## The signaling messages' JSON schema and TypeScript types
	@$(BIN)/python -m signaling.schema
	@$(NPM) run --silent types

.PHONY: schema-check
schema-check: $(STAMPS)/runtime web/node_modules/.package-lock.json
	@$(BIN)/python -m signaling.schema --check
	@$(NPM) run --silent types:check

.PHONY: format
format: $(STAMPS)/dev web/node_modules/.package-lock.json ## Put both languages into shape
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .
	@$(NPM) run --silent format

.PHONY: bench
bench: $(STAMPS)/dev $(PAGES) $(SAMPLE) test-programs bench-modules ## The measurements that the README quotes, half an hour
	@exec $(BIN)/python -m bench

.PHONY: bench-modules
bench-modules: bench/p2p_media_loader/node_modules/.package-lock.json

.PHONY: bench-large
bench-large: $(STAMPS)/dev ## Ten thousand simulated viewers for a minute; three hours and 6 GB by what a thousand take
	@exec $(BIN)/braidcast simulate --viewers 10000 --seconds 60 --uplink lognormal:2x --churn 60s

.PHONY: lock
lock: ## Resolve dependencies again; LOCK=--upgrade for the newest
	@scripts/lock.sh "$(PYTHON)" $(LOCK)
	@$(NPM) install --package-lock-only --ignore-scripts
	@npm --prefix bench/p2p_media_loader --no-update-notifier install --package-lock-only --ignore-scripts
	@npm --prefix tests/players --no-update-notifier install --package-lock-only --ignore-scripts

.PHONY: clean
clean: ## Remove everything that make made
	@rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis dist signaling/pages web/node_modules bench/p2p_media_loader/node_modules tests/players/node_modules
	@find bench peer scripts signaling tests -name __pycache__ -prune -exec rm -r {} +

.PHONY: sample
sample: $(SAMPLE) ## The sample video

.PHONY: pages
pages: $(PAGES) ## The web pages

.PHONY: test-programs
test-programs:
	@scripts/system-packages.sh -- chromium ffmpeg mpv $(if $(TEST_ALL),nginx caddy)
	@[ "$$(id -u)" -ne 0 ] || scripts/system-packages.sh -- ip tc nft iptables ethtool gcc $(if $(TEST_ALL),turnserver) \
	  || echo 'Going on: what needs them will be skipped.'

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo 'Please install Python 3.11, 3.12 or 3.13, then run make again.' >&2; exit 1; }
	@scripts/system-packages.sh "$(PYTHON)" --
	@"$(PYTHON)" -m venv .venv

$(STAMPS)/dependencies: .venv/bin/python requirements.lock requirements-build.lock
	@echo 'Installing the Python dependencies.'
	@$(PIP) --require-hashes -r requirements.lock -r requirements-build.lock
	@mkdir -p $(STAMPS) && touch $@

# The package itself is installed in place, so only a change of its commands needs this again.
$(STAMPS)/runtime: $(STAMPS)/dependencies pyproject.toml
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/dev: $(STAMPS)/runtime requirements-dev.lock
	@echo 'Installing the tools for development.'
	@$(PIP) --require-hashes -r requirements-dev.lock
	@mkdir -p $(STAMPS) && touch $@

web/node_modules/.package-lock.json: web/package-lock.json web/package.json web/.npmrc
	@scripts/check-node.sh
	@echo 'Installing the npm dependencies.'
	@$(NPM) ci --silent
	@touch $@

# Its optional native modules do not build everywhere and are not used.
bench/p2p_media_loader/node_modules/.package-lock.json: bench/p2p_media_loader/package-lock.json bench/p2p_media_loader/package.json
	@scripts/check-node.sh
	@echo 'Installing p2p-media-loader, to compare with.'
	@npm --prefix bench/p2p_media_loader --no-update-notifier ci --ignore-scripts --silent
	@touch $@

$(PLAYERS): tests/players/package-lock.json tests/players/package.json
	@scripts/check-node.sh
	@echo 'Installing Shaka Player, which the tests let play.'
	@npm --prefix tests/players --no-update-notifier ci --ignore-scripts --silent
	@touch $@

$(PAGES): web/node_modules/.package-lock.json $(WEB_SOURCES)
	@echo 'Building the web pages.'
	@$(NPM) run --silent build

$(SAMPLE): scripts/sample.lock scripts/sample_video.py | $(STAMPS)/dependencies
	@$(BIN)/python scripts/sample_video.py $@
