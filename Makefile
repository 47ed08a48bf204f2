PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help run test test-deps venv check quick coverage trace bench clean

help:            ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

venv: $(VENV)/.ready   ## the environment alone

$(VENV)/.ready: pyproject.toml
	@echo "Installing into $(VENV): half a minute or so, once."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,dev]'
	@touch $@

run: venv        ## start the demo pump: serial, TCP, MQTT and the control API, all on loopback
	@$(BIN)/pumpsim serve

test: venv       ## the whole suite
	$(BIN)/pytest -n auto

test-deps:       ## install what the suite can use beside Python: mosquitto
	@sh .ci/test-deps

quick: venv      ## the tests that need no broker and no daemon
	$(BIN)/pytest -n auto -q --ignore tests/system

check: venv      ## format, lint, types, import contracts, stale documents, quick tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto -q --ignore tests/system

coverage: venv   ## every branch of firmware and protocol tried, or it fails
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -q tests/firmware & one=$$!; \
	$(BIN)/coverage run -m pytest -q tests/protocol tests/device && wait $$one
	@$(BIN)/coverage combine -q
	$(BIN)/coverage report

trace: venv      ## which requirement is fulfilled where, and which test shows it
	$(BIN)/python tools/trace_matrix.py

bench: venv      ## measure speed against limits measured in the same run
	@for name in pty_echo tcp_echo line_rate mqtt_echo fleet startup plant_steps step_parts virtual_time; do \
		$(BIN)/python -m benchmarks.$$name || exit; echo; \
	done

clean:           ## remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
