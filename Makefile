# Two commands: `make report` runs the main experiment, `make test` the tests. Both work on a bare machine with
# Python >= 3.11 and make; what they need goes into .venv, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDY ?= digits
PROFILE ?= quick
OUTPUT ?= report
SEED ?= 0
DEVICE ?= cpu
SEEDS ?= 20
STUDIES ?= digits mean-field soft-hard routers ecology trained
EXTRAS := cli,data,fast,report,torch,trace

.PHONY: help report reports seeds test families lowest pythons proofs mutations mutants kernels lint series pages clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,2s/^# //p' Makefile

report: $(VENV)/.report
	$(BIN)/python -m validation run $(STUDY) --profile $(PROFILE) --seed $(SEED) --device $(DEVICE) --output $(OUTPUT)

# The reports kept in validation/reports (README.md there): all run first, so that each is of a clean checkout.
reports: $(VENV)/.report
	set -e; for study in $(STUDIES); do \
	  $(BIN)/python -m validation run $$study --profile $(PROFILE) --seed $(SEED) --output build/reports/$$study; done
	set -e; for study in $(STUDIES); do kept=validation/reports/$$study/$(PROFILE); rm -rf $$kept; mkdir -p $$kept; \
	  cp -r build/reports/$$study/report.md build/reports/$$study/figures $$kept; \
	  gzip -9nc build/reports/$$study/report.json >$$kept/report.json.gz; done

# The table of a study's verdicts by seed, in validation/reports; exit status 1 if a verdict hangs on the seed.
seeds: $(VENV)/.report
	OMP_NUM_THREADS=1 $(BIN)/python -m validation seeds $(STUDY) --seeds $(SEEDS) --profile $(PROFILE) --device $(DEVICE)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

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

# Every declared minimum at once, and Python 3.12 and 3.13 where the machine has them: a share of the tests in which each
# extra does what it is for. torch and what needs it stay out of the other Pythons, for the size of its wheels. Linters
# and the build backend run nothing of the library: no minimum of theirs is tested. Old packages use what their newer
# neighbours have deprecated, so that DeprecationWarning is no error at the minimums.
SHARE := tests/test_cli.py tests/test_lowest.py tests/test_fast.py tests/report/test_document.py tests/test_trace*.py \
  tests/test_responses_softmax.py tests/test_responses_empirical.py tests/test_proofs_certain.py \
  tests/simulation/test_backends.py::TestFilter moecusp/certify moecusp/folds.py moecusp/rates.py moecusp/reduced.py \
  moecusp/responses moecusp/symbolic
WITH_TORCH := tests/test_routing.py tests/test_tensor_transforms.py tests/test_digits.py::TestSetup \
  tests/routing/test_transformers.py tests/routing/test_families.py
RUN := -m pytest -q -p no:cacheprovider -n auto --dist loadfile

lowest: $(VENV)-lowest/.done
	$(VENV)-lowest/bin/python $(RUN) -W ignore::DeprecationWarning $(SHARE) $(WITH_TORCH)

$(VENV)-lowest/.done: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install -q --no-compile -r constraints-lowest.txt -e '.[$(EXTRAS),certify,hf]'
	@touch $@

# Python 3.x: the first that runs of python3.x on PATH (pyenv has names there that run nothing) and pyenv's own.
interpreter = $(shell for each in python3.$(1) $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.$(1).*/bin/python; do \
  $$each -c 'import sys; sys.exit(sys.version_info[:2] != (3, $(1)))' 2>/dev/null && command -v $$each && break; done)

pythons: python-3.12 python-3.13

python-3.%:
	@$(if $(call interpreter,$*),$(MAKE) --no-print-directory run-3.$* PYTHON=$(call interpreter,$*), \
	  echo "Python 3.$*: not found on PATH nor among pyenv's; NOT RUN")

run-3.%: $(VENV)-3.%/.done
	$(VENV)-3.$*/bin/python $(RUN) $(SHARE)
	@echo "$$($(VENV)-3.$*/bin/python -V), from $(PYTHON): passed"

.PRECIOUS: $(VENV)-3.%/.done
$(VENV)-3.%/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install -q --no-compile -c constraints.txt -e '.[certify,cli,fast,report,trace]' \
	  hypothesis pytest pytest-xdist z3-solver
	@touch $@

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
