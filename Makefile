# Everything a developer does with this checkout. `make help` lists it; `make check` is what CI runs.
# Paths are relative throughout, so the checkout may lie in a folder whose name has spaces.

ifeq ($(filter else-if,$(.FEATURES)),)
$(error this Makefile needs GNU make 3.81 or newer)
endif

.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-print-directory
# What was compiled is kept, whatever the shell says: without it every process compiles a second long what it loads.
export PYTHONDONTWRITEBYTECODE =
PYTHON ?=
ARGS ?=
BIN := .venv/bin
RESOLVE = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --quiet
OURS := services ocpp_edge stack simulator bench chaos conformance tests deploy examples

# $(call step,name,command) runs a command under a headline and says how long it took.
step = @printf '==> %s\n' '$(1)'; began=$$(date +%s); $(2) && printf '    %s took %ss\n' '$(1)' "$$(($$(date +%s) - began))"

##@ Use

.PHONY: up
up: install protos ## Install what is missing and start the whole system; ARGS="..." is passed to `csms up`
	@$(BIN)/csms up $(ARGS)

.PHONY: install
install: .venv/.installed ## Make or update .venv from requirements.lock

.PHONY: protos
protos: install ## Bring stubs, descriptor set and OpenAPI document up to date with proto/
	@$(BIN)/python -m stack.protos
	@$(MAKE) --silent proto/openapi.json

.PHONY: clean
clean: ## Forget all state: databases, events, keys, logs, caches; refused while the system runs
	@if [ -e .venv/.installed ]; then $(BIN)/python -m stack.cli clean; else rm -rf .csms; fi
	@rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist

.PHONY: distclean
distclean: clean ## Also forget .venv and everything generated from proto/
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m stack.protos --remove; fi
	@rm -rf .venv proto/openapi.json
	@find services ocpp_edge stack simulator bench chaos conformance tests proto -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Develop

.PHONY: check
check: protos ## Everything CI runs, four things at a time; goes on after a failure; ARGS="..." is for every pytest
	@status=0; export HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-ci}; mkdir -p .pytest_cache; rm -f $(FAILED); \
	$(MAKE) --keep-going --jobs=4 $(SYNC) BUSY=yes $(SIDE_BY_SIDE) || status=$$?; \
	$(MAKE) test-measuring || status=$$?; \
	if [ -e $(FAILED) ]; then $(MAKE) test-again || status=$$?; fi; \
	exit $$status

.PHONY: test-fast
test-fast: protos ## What needs no engine, for between two edits: style, types, imports, contracts and unit tests
	@$(MAKE) --keep-going --jobs=2 $(SYNC) test-unit lint

.PHONY: test
test: protos ## All tests, one after the other; ARGS="tests/unit -k session" narrows them
	$(call step,tests,$(BIN)/python -m pytest $(ARGS))

# The same tests in parts for `check`, first those that take longest, of which some wait more than they compute, so that none is
# left to run alone at the end; what measures has the machine to itself. The rest is whatever is in no other part, so that no test
# can be left out.
MEASURING := tests/contract/simulator/test_load.py tests/unit/ocpp_edge/test_costs.py
WITHOUT_ENGINE := tests/unit tests/contract/protos tests/contract/deploy
SIDE_BY_SIDE := test-rest test-faults test-transaction test-system test-services test-bench test-simulator test-unit \
	test-cluster lint
test-unit: TESTS := $(WITHOUT_ENGINE) $(if $(BUSY),$(addprefix --ignore=,$(MEASURING)))
test-faults: TESTS := tests/faults
test-cluster: TESTS := tests/e2e/cluster
test-bench: TESTS := tests/e2e/bench
test-simulator: TESTS := tests/contract/simulator $(addprefix --ignore=,$(MEASURING))
test-system: TESTS := tests/e2e $(addprefix --ignore=,tests/e2e/cluster tests/e2e/bench)
test-measuring: TESTS := $(MEASURING)
test-transaction: TESTS := tests/contract/services/transaction
test-services: TESTS := tests/contract/services --ignore=tests/contract/services/transaction
test-rest: TESTS := tests $(addprefix --ignore=,$(WITHOUT_ENGINE) tests/faults tests/e2e tests/contract/simulator tests/contract/services)
PARTS := $(filter test-%,$(SIDE_BY_SIDE)) test-measuring
.PHONY: $(PARTS) test-again
$(PARTS): test-%: protos
	$(call step,$*,$(BIN)/python -m pytest -o cache_dir=.pytest_cache/$* $(TESTS) $(ARGS) $(UNLESS_BUSY))
# What failed while four parts shared two processors may have been too slow, no more: it is run once more, alone, and has to
# pass then. What the auditor of the chaos run finds is found for good.
FAILED := .pytest_cache/failed-beside-others
# A part in which ARGS choose no test has nothing against it.
test-%: UNLESS_BUSY = || { code=$$?; $(UNLESS_NONE) $(if $(BUSY),{ [ $$code -eq 1 ] && echo $* >>$(FAILED); },exit $$code); }
test-faults: UNLESS_BUSY = || { code=$$?; $(UNLESS_NONE) exit $$code; }
UNLESS_NONE = $(if $(ARGS),[ $$code -eq 5 ] ||)
test-again:
	@status=0; sort -u $(FAILED) >$(FAILED).now; for part in $$(cat $(FAILED).now); do \
		echo "==> again, alone: what failed in $$part"; \
		$(BIN)/python -m pytest -o cache_dir=.pytest_cache/$$part --last-failed --last-failed-no-failures=none || status=$$?; \
	done; exit $$status
# The output of each comes as a whole when it ends; makes before 4.0 mix it.
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: lint lint-style lint-types lint-imports lint-contracts
lint: lint-style lint-types lint-imports lint-contracts ## Style, types, who may import whom, rules of the contracts
lint-style: install
	$(call step,style,$(BIN)/ruff check $(OURS) && $(BIN)/ruff format --check $(OURS))
lint-types: protos
	$(call step,types,$(BIN)/mypy)
lint-imports: protos
	$(call step,imports,$(BIN)/lint-imports --no-logo)
lint-contracts: install
	$(call step,contracts,$(BIN)/python -m stack.contract_checks)

.PHONY: format
format: install ## Format Python and protos, and mend what ruff can mend
	@$(BIN)/ruff format $(OURS)
	@$(BIN)/ruff check --fix $(OURS)
	@$(BIN)/buf format proto --write

.PHONY: docs
docs: protos ## Write the pages of docs/ that are generated from contracts and code
	@$(BIN)/python -m stack.permissions >docs/permissions.md.new
	@mv docs/permissions.md.new docs/permissions.md
	@$(BIN)/python -m stack.metrics_page >docs/metrics.md.new
	@mv docs/metrics.md.new docs/metrics.md
	@$(BIN)/python -m stack.events_page >docs/events.md.new
	@mv docs/events.md.new docs/events.md
	@$(BIN)/python -m stack.settings_page >docs/settings.md.new
	@mv docs/settings.md.new docs/settings.md
	@$(BIN)/python -m stack.quirks_page >docs/quirks.md.new
	@mv docs/quirks.md.new docs/quirks.md
	@$(BIN)/python -m stack.coverage_page >docs/ocpp-coverage.md.new
	@mv docs/ocpp-coverage.md.new docs/ocpp-coverage.md
	@$(BIN)/python -m conformance.page >docs/conformance.md.new
	@mv docs/conformance.md.new docs/conformance.md

.PHONY: field-cases
field-cases: protos ## Run the tests of inputs from the field and write docs/field-cases.md
	@$(BIN)/python -m tests.field_cases

.PHONY: conformance
conformance: protos ## Try a system of its own by the public test cases for a CSMS, and write docs/conformance.md
	@$(BIN)/python -m tests.conformance

.PHONY: fuzz
fuzz: protos .venv/fuzz-tools/bin/schemathesis ## Send a whole system what its OpenAPI document allows and forbids, for 5 minutes; ARGS="--seconds 60"
	@$(BIN)/python -m tests.fuzz.rest $(ARGS)

.PHONY: reliability
reliability: protos ## Break the system for twice ten minutes and put the reports into docs/reliability.md
	@$(BIN)/csms chaos --minutes 10 --seed 1 --report-dir .csms-chaos/1
	@$(BIN)/csms chaos --minutes 10 --seed 2 --report-dir .csms-chaos/2
	@$(BIN)/python -m chaos.page docs/reliability.md .csms-chaos/1 .csms-chaos/2

.PHONY: lock
lock: install ## Choose package versions anew for every platform: both requirements.lock
	@$(RESOLVE) --all-extras --upgrade --output-file requirements.lock
	@$(RESOLVE) --extra build --extra simulator --constraint requirements.lock --upgrade \
		--output-file deploy/requirements.lock

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

# The stamp is older than what it was made from, or the checkout has moved: then install again.
.venv/.installed: requirements.lock pyproject.toml stack/install.sh
	@PYTHON='$(PYTHON)' sh stack/install.sh
ifneq ($(shell cat .venv/.checkout 2>/dev/null),$(CURDIR))
.venv/.installed: moved
.PHONY: moved
moved:
endif

proto/openapi.json: proto/csms.binpb stack/openapi.py stack/openapi_schemas.py stack/openapi_bounds.py stack/descriptors.py pyproject.toml
	@$(BIN)/python -m stack.openapi >$@.new
	@mv $@.new $@

# Thirty packages that only this needs, so they live apart.
.venv/fuzz-tools/bin/schemathesis: .venv/.installed
	@$(BIN)/python -m venv --clear .venv/fuzz-tools
	@.venv/fuzz-tools/bin/python -m pip install --quiet --disable-pip-version-check 'schemathesis==4.32.5'
