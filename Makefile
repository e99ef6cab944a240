# Two commands: `make report` runs the main experiment, `make test` the tests. Both work on a bare machine with
# Python >= 3.11 and make; what they need goes into .venv, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDY ?= digits
PROFILE ?= quick
OUTPUT ?= report
SEED ?= 0
EXTRAS := cli,data,fast,report,torch,trace

.PHONY: help report test families lowest pythons proofs mutations mutants kernels lint series pages clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,2s/^# //p' Makefile

report: $(VENV)/.report
	$(BIN)/python -m validation run $(STUDY) --profile $(PROFILE) --seed $(SEED) --output $(OUTPUT)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist loadfile

# Every mixture of experts of transformers, recorded and compared with the truth; writes docs/families.md.
families: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.routing.table

# Every proof layer; writes the ledger proofs/README.md (PROOFS=--check compares instead). Without Coq the formal layer
# is shown as not run: apt-get install --no-install-recommends coq libcoq-coquelicot libcoq-interval
proofs: $(VENV)/.test
	$(BIN)/python -m proofs $(PROOFS)

# Negative controls: false variants of every statement, each of which must break its proof.
mutations: $(VENV)/.test
	$(BIN)/python -m proofs --mutations

# Mutation testing (docs/mutation-testing.md); MUTANTS="folds --sample 50" for fewer, "report --sample 50" for an area.
mutants: $(VENV)/.test
	$(BIN)/python -m pip install -q -c constraints.txt --group mutants
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.mutants $(MUTANTS)

# The fused GPU kernel, in the interpreter of triton.
kernels: $(VENV)/.test
	$(BIN)/python -m pip install -q -c constraints.txt --group kernels
	TRITON_INTERPRET=1 $(BIN)/python -m pytest tests/simulation -k "fused or Fused or triton"

# A fast share of the tests with the lowest version of every dependency that pyproject.toml declares, and with the
# newest known ones on other Pythons where the machine has them (there without torch).
SHARE := tests/test_cli.py tests/test_lowest.py tests/test_responses_softmax.py tests/test_responses_empirical.py \
  moecusp/folds.py moecusp/parameters.py moecusp/rates.py moecusp/reduced.py moecusp/responses
PYTHONS ?= $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python $(HOME)/.pyenv/versions/3.13.*/bin/python)

lowest: $(VENV)-lowest/.done
	$(VENV)-lowest/bin/python -m pytest -q $(SHARE) tests/test_routing.py

$(VENV)-lowest/.done: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv --clear $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install -q -c constraints-lowest.txt -e '.[$(EXTRAS),certify]' pytest hypothesis
	@touch $@

pythons:
	@for python in $(PYTHONS); do \
	  at=$(VENV)-$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  [ -e $$at/.done ] && [ ! pyproject.toml -nt $$at/.done ] || { $$python -m venv --clear $$at \
	    && $$at/bin/python -m pip install -q -c constraints.txt -e '.[certify,cli,fast,report]' pytest hypothesis \
	    && touch $$at/.done; } || exit 1; \
	  $$at/bin/python -m pytest -q $(SHARE) || exit 1; \
	done

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

series: $(VENV)/.test
	$(BIN)/python -m proofs.series

# The generated pages docs/notation.md and docs/claims.md.
pages: $(VENV)/.test
	$(BIN)/python -m validation.pages

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "moecusp needs Python >= 3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --upgrade 'pip>=25.1'

$(VENV)/.report: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -c constraints.txt -e '.[$(EXTRAS),hf]' --group test
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-3.* .pytest_cache .mypy_cache .ruff_cache .hypothesis
