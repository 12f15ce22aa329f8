# Everything here needs Python 3.11+ and make; the first run fetches the locked tools from PyPI into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.locked
EXTRAS := $(VENV)/.extras
LEDGER := $(BIN)/ledger
PYTEST := $(BIN)/python -m pytest --dist loadscope --no-loadscope-reorder --durations 20 --durations-min 2
# Of `make serve`; not the shell's own PORT, which is somebody else's. The console has the next one that is free.
PORT := 4566

# Where it is set, each of the many processes of a test run would compile AWS's libraries anew.
unexport PYTHONDONTWRITEBYTECODE

# Runs a command until Ctrl-C, which is its end and no error. While Python starts it would answer with a traceback: so it
# runs in the background, where a Ctrl-C does not reach it, and is sent a SIGTERM (143: before it could say anything).
# A wait that the signal ended has not told how the command did; the one behind the loop has, or 127 if nothing is new.
# Who reads no further (141, as in `make demo | head -2`) has ended it, too.
# The moment at the end is for make, which is at a loss where a command has ended before it heard of the Ctrl-C itself.
until_ctrl_c = trap 's=1; kill "$$p" 2>/dev/null' INT; $(1) & p=$$!; [ -z "$$s" ] || kill "$$p"; \
  while wait "$$p" 2>/dev/null; code=$$?; kill -0 "$$p" 2>/dev/null; do :; done; \
  wait "$$p" 2>/dev/null; last=$$?; [ $$last -eq 127 ] || code=$$last; \
  [ $$code -ne 143 ] || echo "Stopped before it had started." >&2; [ -z "$$s" ] || sleep 0.2; \
  case $$code in 143 | 141 | 130 | 0) ;; *) exit $$code ;; esac

# What drives the stack, or streams, through the embedded AWS.
REAL := $(addprefix tests/local/,test_ledger.py test_least_privilege.py test_operator_roles.py test_engine_streams.py)

.DEFAULT_GOAL := help
.PHONY: help setup extras demo demo-regions serve test test-slow test-real test-long mutants bench bench-peers dynamodb-local aws-cli lint fuzz-api scan types unit format lock clean

help: ## list the targets
	@if [ -t 1 ]; then columns=80; else columns=0; fi; \
	if [ -t 1 ] && [ -z "$$NO_COLOR" ] && [ "$${TERM:-dumb}" != dumb ]; then on='\033[36m' off='\033[0m'; fi; \
	awk -F ':.*## ' -v on="$$on" -v off="$$off" -v columns=$$columns '/^[a-z-]+:.*## / { \
	  line = sprintf("  %s%-15s%s", on, $$1, off); used = 17; many = split($$2, words, " "); \
	  for (n = 1; n <= many; n++) { used += 1 + length(words[n]); \
	    if (columns && used >= columns) { print line; line = sprintf("%17s", ""); used = 18 + length(words[n]) } \
	    line = line " " words[n] } \
	  print line }' $(MAKEFILE_LIST)

setup: $(STAMP) $(LEDGER) ## make .venv from requirements.lock, with the command `ledger` in it

$(STAMP): requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "error: there is no program $(PYTHON): name a Python 3.11 or newer, as in make demo PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else "Python 3.11 or newer is needed; this is %d.%d (name another one, as in make demo PYTHON=python3.12)" % v[:2])'
	@$(PYTHON) -m local.install $(VENV) requirements.lock --fetch 120 --need 520 $(if $(filter setup,$(MAKECMDGOALS)),--then "make demo")
	@touch $@

extras: $(EXTRAS) ## add what only Parquet and the tests in a browser need (110 MB to fetch, 360 MB on disk)

$(EXTRAS): extras.lock $(STAMP)
	@$(BIN)/python -m local.install $(VENV) extras.lock --add --fetch 110 --need 360
	@touch $@

$(LEDGER): | $(STAMP)
	@ln -sf ../../cli/ledger $@

demo: $(STAMP) $(LEDGER) ## run the whole story on the embedded AWS and check every result
	@$(call until_ctrl_c,$(BIN)/python -m local demo)

demo-regions: $(STAMP) $(LEDGER) ## lose one of two Regions, go on in the other, settle what both wrote
	@$(call until_ctrl_c,$(BIN)/python -m local demo --regions)

serve: $(STAMP) $(LEDGER) ## start the embedded AWS on port 4566, or PORT=4666, with the stack deployed
	@$(call until_ctrl_c,$(BIN)/python -m local serve --port $(PORT) --outputs out.json)

# Style and types begin together and have one core each; the tests follow when the first is through, unless it failed.
test: $(STAMP) ## style, import rules, types, and all tests but the slow ones
	@$(MAKE) --no-print-directory -j 2 lint types unit

# Three for two processors: many a test waits, for a process to start or for a queue to be empty, and another one can run.
test-slow: $(STAMP) ## the tests that start the whole ledger or a browser, walk a document, or take seconds
	@$(PYTEST) -n 3 -m slow

test-real: $(STAMP) ## the deployed stack's tests on Amazon's own DynamoDB engine (needs Java 17 and `make dynamodb-local`)
	@$(BIN)/python -m pytest -n 2 --dist loadscope --real $(REAL)

test-long: $(STAMP) ## random schedules and fuzzing for longer than the ordinary run
	@FAULTS_STEPS=10000 LEDGER_LONG=1 $(BIN)/python -m pytest -n 2 --dist loadscope tests/console tests/faults tests/fuzz tests/handlers tests/contract/test_transfer_races.py tests/local/test_long_stream.py tests/local/test_two_regions.py tests/local/test_data_kills.py tests/local/test_deployer_policy.py tests/local/test_deployer_statements.py tests/docs/test_runbook_walk.py

mutants: $(STAMP) ## plant defects one by one and see that the tests catch each
	@$(BIN)/python -m tests.mutants

bench: $(STAMP) ## measure, beside the recipe and its peers, and write docs/performance.md (under 15 minutes)
	@$(BIN)/python -m bench

bench-peers: $(STAMP) ## fetch the peers that the benchmark compares with (pyeventsourcing; Castore needs npm)
	@$(BIN)/python -m bench.peers

dynamodb-local: $(STAMP) ## fetch Amazon's own DynamoDB engine for the contract tests (needs Java 17 and Maven)
	@$(BIN)/python -m local.engine.dynamodb_local

aws-cli: $(STAMP) ## fetch version 1 of the AWS CLI, for the tests that type in what the documents print
	@$(BIN)/python -m tests.docs.aws_cli

lint: $(STAMP) ## style and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

fuzz-api: $(STAMP) ## have schemathesis send the API what its document allows and forbids; the first run fetches it
	@$(BIN)/python -m tests.http_api.fuzz

scan: $(STAMP) ## have checkov, cfn-lint, our policy pack, cdk-nag (npm) and actionlint (Go) look; the first run fetches them
	@$(BIN)/python -m tests.infrastructure.scan

types: $(STAMP) ## strict type check
	@$(BIN)/mypy

unit: $(STAMP) ## all tests but the slow ones
	@$(PYTEST) -n 2 -m "not slow"

format: $(STAMP) ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(STAMP) ## re-resolve the lock files after an edit of pyproject.toml or handlers/requirements.in
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade pyproject.toml --group dev -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade -c requirements.lock --group extras -o extras.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade handlers/requirements.in -o handlers/requirements.txt

clean: ## remove everything that was built or fetched
	@rm -rf $(VENV) .build .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache out.json
