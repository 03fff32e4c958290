# Two commands: `make app` serves the page, `make test` runs every test. Both build .venv first.

VENV   := .venv
PYTHON := $(VENV)/bin/python
PIP    := $(PYTHON) -m pip --disable-pip-version-check
# Newest first; a command counts only if it starts, has the right version and can make an environment.
CANDIDATES := python3.13 python3.12 python3.11 python3
SUITABLE   := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

.PHONY: app test lint clean

app: $(VENV)/app.stamp
	$(PYTHON) -m streamlit run streamlit_app.py

test: $(VENV)/dev.stamp
	$(PYTHON) -m pytest

lint: $(VENV)/dev.stamp
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest -q tests/test_architecture.py

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/app.stamp: requirements.txt | $(PYTHON)
	$(PIP) install -r requirements.txt
	@touch $@

# The tests' environment holds the app's too.
$(VENV)/dev.stamp: requirements.txt requirements-train.txt requirements-dev.txt | $(PYTHON)
	$(PIP) install -r requirements-dev.txt
	@touch $(VENV)/app.stamp $@

$(PYTHON):
	@for python in $(CANDIDATES); do \
	  if $$python -c '$(SUITABLE)' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version)"; exec $$python -m venv --clear $(VENV); \
	  fi; \
	done; \
	echo "captioner needs Python 3.11, 3.12 or 3.13 with its venv module, and found none of: $(CANDIDATES)." >&2; \
	echo "Install one from https://www.python.org/downloads, or on Debian and Ubuntu: apt install python3-venv" >&2; \
	exit 1
