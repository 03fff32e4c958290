# `make app` serves the page, `make test` runs every test, `make quick` those that need no TensorFlow, browser or service.
# Each builds .venv first.

VENV   := .venv
PYTHON := $(VENV)/bin/python
PIP    := $(PYTHON) -m pip --disable-pip-version-check
# A Python is used if it starts, has a supported version and can create environments. The app runs on 3.14, too, but
# TensorFlow 2.21, which the tests need, does not: so 3.14 comes after the versions that run both.
CANDIDATES := python3.13 python3.12 python3.11 python3.14 python3
SUITABLE   := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
TRAINS     := import sys; sys.exit(sys.version_info[:2] > (3, 13))
# The tests of a file run in one process, so that shared fixtures are built once.
# Each process computes in one thread: several of them, each with as many threads as cores, wait for each other.
PYTEST     := OPENBLAS_NUM_THREADS=1 $(PYTHON) -m pytest -n auto --maxprocesses 4 --dist loadfile
SEEDS       = $(shell $(PYTHON) -c "import random; print(*random.sample(range(2**32), 20))")

.PHONY: app test quick fuzz lint bench clean

app: $(VENV)/app.stamp
	$(PYTHON) -m streamlit run streamlit_app.py

test: quick
	$(PYTEST) --slow

quick: $(VENV)/dev.stamp
	$(PYTEST) --quick

# The property tests with new random examples.
fuzz: $(VENV)/dev.stamp
	@for seed in $(SEEDS); do echo "make fuzz SEEDS=$$seed"; \
	  $(PYTEST) -q -m hypothesis --hypothesis-profile fresh --hypothesis-seed $$seed \
	  || { echo "To see it again: make fuzz SEEDS=$$seed" >&2; exit 1; }; done

lint: $(VENV)/dev.stamp
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest -q tests/test_architecture.py

# Ours beside the reference way: four minutes on two idle cores.
bench: $(VENV)/dev.stamp
	$(PYTHON) -m benchmarks

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/app.stamp: requirements.txt | $(PYTHON)
	$(PIP) install -r requirements.txt
	@touch $@

# The environment of the tests includes that of the app.
$(VENV)/dev.stamp: requirements.txt requirements-train.txt requirements-dev.txt | $(PYTHON)
	@$(PYTHON) -c '$(TRAINS)' || { \
	  echo "The tests train, and TensorFlow 2.21 is not there for $$($(PYTHON) --version), which made $(VENV)." >&2; \
	  echo "Install Python 3.11, 3.12 or 3.13, then run: make clean test" >&2; exit 1; }
	$(PIP) install -r requirements-dev.txt
	@touch $(VENV)/app.stamp $@

$(PYTHON):
	@for python in $(CANDIDATES); do \
	  if $$python -c '$(SUITABLE)' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version)"; exec $$python -m venv --clear $(VENV); \
	  fi; \
	done; \
	echo "captioner needs Python 3.11, 3.12, 3.13 or 3.14 with its venv module, and found none of: $(CANDIDATES)." >&2; \
	echo "Install one from https://www.python.org/downloads, or on Debian and Ubuntu: apt install python3-venv" >&2; \
	exit 1
