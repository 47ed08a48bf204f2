PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
YEARS  ?= 100
MINUTES ?= 10
TARGET ?= frames cbor json mqtt instruments pump_file scenario_file bench_file chaos_file rig_file control_api
PART   ?= 1/1
SAMPLE ?= 400
SEED   ?= 1
SLICE   = $(shell echo $$((0x$$(git rev-parse HEAD 2>/dev/null | cut -c1-7 | grep . || echo 0) % 3 + 1))/3)
PYTEST := pytest --dist worksteal -n
ROOMS  := tests/firmware tests/protocol
MORE    = $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) * 2)')
unexport PYTHONDONTWRITEBYTECODE  # or each of a hundred daemons compiles all it imports

.PHONY: help run test test-deps venv check lint quick coverage trace mutants mutants-slice mutants-full mutmut bench fuzz fuzz-frames soak clean

help:            ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

venv: $(VENV)/.ready   ## the environment alone; what is never imported is never compiled

$(VENV)/.ready: pyproject.toml
	@echo "Installing into $(VENV): half a minute or so, once."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[test,dev]'
	@touch $@

run: venv        ## start the demo pump: serial, TCP, MQTT and the control API, all on loopback
	@$(BIN)/pumpsim serve

test: coverage   ## each test once: the two rooms under coverage, the others, the slow ones, the suite for logic
	$(BIN)/$(PYTEST) auto -m "not slow" $(ROOMS:%=--ignore=%)
	$(BIN)/pytest --dist loadfile -n $(MORE) -m slow  # tests of a file share long runs; many wait for a daemon
	PYTEST_ADDOPTS= $(BIN)/pytest -o addopts=--import-mode=importlib --dist loadfile -n auto --logic pumpsim.firmware:ReferenceLogic  # in its own order, as from any folder

test-deps:       ## install what the suite can use beside Python: mosquitto
	@sh .ci/test-deps

quick: venv      ## the tests that take no second of a core, and start no daemon
	$(BIN)/$(PYTEST) auto -m "not slow"

lint: venv       ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint quick  ## all that, stale documents, quick tests

coverage: venv   ## the quick tests of firmware and protocol, which try every branch of them, or it fails
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m $(PYTEST) auto -m "not slow" $(ROOMS)
	@$(BIN)/coverage combine -q
	$(BIN)/coverage report

trace: venv      ## which requirement is fulfilled where, and which test shows it
	$(BIN)/python tools/trace_matrix.py

mutants: venv    ## each seeded defect must be killed by the tests of its requirement; PART=K/N for a part
	$(BIN)/python -m tools.mutants --part $(PART)

mutants-slice: venv  ## a third of them, another one with each commit: what CI can afford
	$(BIN)/python -m tools.mutants --part $(SLICE)

mutmut: venv     ## generic mutants, a sample of all: SAMPLE=N SEED=N; or each one of ONLY='pumpsim.firmware.ticks.*'
	$(BIN)/python -m tools.generic_mutants $(if $(ONLY),--only $(ONLY),--sample $(SAMPLE) --seed $(SEED))

mutants-full: venv   ## which requirements' tests find which seeded defect; takes hours
	$(BIN)/python -m tools.mutants --full --part $(PART)

bench: venv      ## measure speed against limits measured in the same run
	@for name in pty_echo tcp_echo line_rate mqtt_echo fleet startup plant_steps step_parts virtual_time instrument_sampling stateful_steps; do \
		$(BIN)/python -m benchmarks.$$name || exit; echo; \
	done

fuzz: venv       ## coverage-guided, MINUTES=10 for each TARGET= of tests/fuzz; ends with the first find
	@for target in $(TARGET); do $(BIN)/python -m tests.fuzz $$target --minutes $(MINUTES) || exit; done

fuzz-frames: venv   ## ten million corrupted frames on all cores: none may be accepted
	$(BIN)/python -m tools.fuzz_frames

soak: venv       ## a hundred device-years of ordinary life on all cores; stopped, it goes on from there
	$(BIN)/pumpsim alarms --faults none --life $(YEARS) --keep .soak

clean:           ## remove the environment and every cache
	rm -rf $(VENV) .mutmut .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
