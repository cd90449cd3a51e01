# The project's commands. `make help` lists them.
#
#   make run ARGS="serve --port 0"       options for app.py, pytest or the benchmarks
#   make run PYTHON=/path/to/python3     another Python than the first of these that is new enough
PYTHON ?= python3.13 python3.12 python3.11 python3
ARGS ?=

BIN := .venv/bin

# Images of containers set it; every process would compile each module anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test install dev check format bench soak pictures wheel package lock clean FORCE

# Shell words that put the first fitting Python into $$python.
find_python = for python in $(PYTHON) ""; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; done; \
	test "$$python" || { echo "Cannot set up: none of $(PYTHON) is Python 3.11 or newer;" \
	"install one, or name it: make $(or $(MAKECMDGOALS),run) PYTHON=/path/to/python3" >&2; exit 4; }

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' $(MAKEFILE_LIST) | while read -r name does; do \
		printf '  make %-8s %s\n' "$$name" "$$does"; done

run: install ## set up what is missing, then start app.py (ARGS="serve --port 0")
	@exec $(BIN)/python app.py $(ARGS)

test: dev ## the same set-up with test tools, then the whole test suite, on each processor (ARGS="-k name", ARGS="-n 0")
	@exec $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile $(ARGS)

install: .venv/run.stamp ## the set-up alone: .venv, locked packages, front-end assets, the guide
	@$(BIN)/python packaging/assets.py
	@$(BIN)/python packaging/guide/build.py

dev: .venv/dev.stamp ## the set-up with test and lint tools
	@$(BIN)/python packaging/assets.py --dev
	@$(BIN)/python packaging/guide/build.py

check: dev ## lint, format, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python packaging/npm.py run --silent check

format: dev ## mend what the linter and the formatter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

client: install ## the typed Python client, in dist/client
	@$(BIN)/python packaging/make_client.py

bench: dev ## the benchmarks, side by side with their peers
	$(BIN)/python tests/bench/run.py $(ARGS)

soak: dev ## the promises that take longer to show than the suite allows
	@exec $(BIN)/python -m pytest -m soak -o timeout=3600 $(ARGS)

pictures: dev ## the pictures of the documentation, in docs/img
	@$(BIN)/python -m tests.docs.pictures

wheel: install build/venv/package.stamp ## dist/*.whl for pip and pipx, with assets and migrations
	@build/venv/bin/hatchling build --target wheel --directory dist

package: dev wheel ## wheel, self-contained build and .deb in dist/, each installed and tried out
	@build/venv/bin/pyinstaller --noconfirm --log-level ERROR --distpath build/selfcontained --workpath build/pyinstaller \
		packaging/selfcontained/gateway.spec
	@$(BIN)/python packaging/linux/deb.py build/selfcontained/user-api-gateway
	@exec $(BIN)/python -m pytest -m package -o timeout=1800 tests/packages $(ARGS)

lock: ## renew requirements/ from pyproject.toml (ARGS=--upgrade for new versions)
	@$(find_python); exec bash packaging/lock.sh "$$python" $(ARGS)

clean: ## remove what set-up and checks made; data directories stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache node_modules static/vendor guide build dist

.venv/run.stamp .venv/dev.stamp: .venv/%.stamp: requirements/%.txt requirements/build.txt packaging/bootstrap.py
	@$(find_python); exec "$$python" packaging/bootstrap.py $*

build/venv/package.stamp: requirements/package.txt requirements/build.txt packaging/bootstrap.py
	@$(find_python); exec "$$python" packaging/bootstrap.py package

# When the Python it was made with is gone, .venv/bin/python points nowhere and the stamps mean nothing.
ifeq ($(realpath $(BIN)/python),)
.venv/run.stamp .venv/dev.stamp: FORCE
endif
