# `make help` lists what there is. Every target sets up what it needs.

# The Python to build the environment from; `make setup PYTHON=python3.12` chooses another.
PYTHON ?= python3

ifeq ($(OS),Windows_NT)
  BIN := .venv/Scripts
else
  BIN := .venv/bin
endif
READY := .venv/ready
# The page of `dvc plots`, with the scripts that draw, so that no network is needed.
PAGE := .dvc/plots/offline.html

# The stages run `python`: this project's, whatever environment is active around make.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONNOUSERSITE := 1
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV

# A clone that was moved, or whose Python is gone, has an environment that does not start.
ifneq ($(wildcard $(READY)),)
  ifneq ($(shell "$(BIN)/python" -c "print(1)" 2>&1),1)
    $(shell rm -f $(READY))
  endif
endif

.DEFAULT_GOAL := help
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*## .*/\1/p' Makefile)

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/make \1|\2/' | while IFS='|' read -r a b; do printf '%-20s %s\n' "$$a" "$$b"; done

setup: $(READY) $(PAGE)  ## make the virtual environment .venv with the pinned packages
	@grep -qs offline.html .dvc/config.local || python -m gate.report.page

# Not with --no-compile, 40 s faster: where PYTHONDONTWRITEBYTECODE is set, as in many containers,
# each process would compile TensorFlow anew.
$(READY): requirements.txt
	@"$(PYTHON)" -c "import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 14) else 'make setup: expected Python 3.11, 3.12 or 3.13; found %d.%d; name one: make setup PYTHON=python3.12' % v[:2])"
	"$(PYTHON)" -m venv --clear .venv
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-binary antlr4-python3-runtime --requirement requirements.txt
	@touch $(READY)

$(PAGE): $(READY) $(wildcard gate/report/page.py gate/report/templates/*)
	@python -m gate.report.page

data: $(READY)  ## download the images and divide them
	@python -m dvc repro preprocess

repro: $(READY) $(PAGE)  ## run the experiment: whatever is not up to date, both trainings side by side
	@python -m stages

study: $(READY)  ## train what is new in study/params.yaml, over seeds, rates and sizes; hours
	@python -m dvc repro study/dvc.yaml
	@python -m study.pages

gate: $(READY)  ## is the workspace worse than BASE=revision (else a base is chosen) by more than noise?
	@python -m gate check $(if $(BASE),--base "$(BASE)")

gate-calibrate: $(READY)  ## measure the gate's error rates on the study's runs
	@python -m gate calibrate

report: $(READY)  ## write report/: the workspace against BASE=revision, with curves, in one HTML file
	@python -m gate report $(if $(BASE),--base "$(BASE)") $(if $(FILES),--files-of-commits "$(FILES)")

bench: $(READY)  ## compare with a plain Keras script, in turn, on an idle machine; hours
	@python -m bench

TESTS := python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile

test: $(READY)  ## run the tests
	@$(TESTS)

# What runs in pytest's own processes takes up to 1.6 times as long under it: not a part of `test`.
coverage: $(READY)  ## run the tests and say which lines none of them reaches
	@$(TESTS) --cov --cov-report=term

lint: $(READY)  ## check format, style and types
	@python -m ruff format --check .
	@python -m ruff check .
	@python -m mypy

format: $(READY)  ## format the code and mend what ruff can
	@python -m ruff format .
	@python -m ruff check --fix .

smoke: $(READY)  ## run the committed pipeline for one epoch in a temporary clone, from the download on
	@python -m tests.smoke

verify: $(READY)  ## prove the committed results: rerun them from nothing in a temporary clone, compare
	@python -m verify

audit: $(READY)  ## look for known vulnerabilities in the pinned packages (needs the internet)
	@python -m pip_audit --require-hashes --disable-pip --requirement requirements.txt

lock: $(READY)  ## write requirements.txt from pyproject.toml
	@python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --group dev --custom-compile-command "make lock" pyproject.toml --output-file requirements.txt
