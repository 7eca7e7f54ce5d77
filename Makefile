# `make help` lists what there is. Every target sets up what it needs.

# The Python to build the environment from, else one is found: `make setup PYTHON=python3.12`.
PYTHON ?=

ifeq ($(OS),Windows_NT)
  BIN := .venv/Scripts
else
  BIN := .venv/bin
endif
# The page of `dvc plots`, with the scripts that draw, so that no network is needed.
PAGE := .dvc/plots/offline.html

# The stages run `python`: this project's, whatever environment is active around make.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHON
export PYTHONNOUSERSITE := 1
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH VIRTUAL_ENV CONDA_PREFIX
# Where it is set, as in many containers, each process would compile TensorFlow's Python anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*## .*/\1/p' Makefile)

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/make \1|\2/' | while IFS='|' read -r a b; do printf '%-20s %s\n' "$$a" "$$b"; done

setup: dev $(PAGE)  ## make the virtual environment .venv with the locked packages
	@grep -qs offline.html .dvc/config.local || python -m gate.report.page

.PHONY: run dev
run:
	@tools/setup.sh
dev: run
	@tools/setup.sh dev

$(PAGE): $(wildcard gate/report/page.py gate/report/templates/*) | run
	@python -m gate.report.page

data: run  ## download the images and divide them
	@python -m dvc repro preprocess

repro: run $(PAGE)  ## run the experiment: whatever is not up to date, both trainings side by side
	@python -m stages

watch: run  ## follow a running make repro or make study: a page on this machine
	@python -m watch

evaluate: run  ## what MODEL=models/dropout.keras does on the test images, or on IMAGE=digit.png
	@python -m stages.evaluate "$(or $(MODEL),models/dropout.keras)" $(if $(IMAGE),--image "$(IMAGE)")

experiments: run  ## a table of what `dvc exp run` tried: rate, epochs, accuracy on test images
	@python -m dvc exp show --no-pager --drop '^(?!.*(Experiment|dropout_rate|epochs|test_accuracy))'

study: run  ## train what is new in study/params.yaml, over seeds, rates and sizes; hours
	@python -m study

seeds: setup  ## train params.yaml with N=5 more seeds: how much another seed changes
	@$(BIN)/python -m study --seeds $(or $(N),5)

explore: run  ## write explore/index.html: what Dropout does, to see and to try, from the committed runs
	@python -m explore

gate: run  ## is the workspace worse than BASE=revision (else a base is chosen) by more than noise?
	@python -m gate check $(if $(BASE),--base "$(BASE)")

report: run  ## write report/: the workspace against BASE=revision, with curves, in one HTML file
	@python -m gate report $(if $(BASE),--base "$(BASE)") $(if $(FILES),--files-of-commits "$(FILES)")

bench: run  ## compare with a plain Keras script, in turn, on an idle machine; hours
	@python -m bench

# Four also on two cores: as fast on an idle machine (195 s, 189 s with two), faster on a busy one (222 s,
# 364 s). In the order of the folders: by number of tests, the longest, which are few, would come last.
TESTS := python -m pytest --numprocesses=4 --dist=loadfile --no-loadscope-reorder

test: dev  ## run the tests
	@$(TESTS)

test-setup: dev  ## run the tests of set-up that take minutes
	@$(TESTS) -m slow --dist=load

# What runs in pytest's own processes takes up to 1.6 times as long under it: not a part of `test`.
coverage: dev  ## run the tests and say which lines none of them reaches
	@$(TESTS) --cov --cov-report=term

lint: dev  ## check format, style and types
	@python -m ruff format --check .
	@python -m ruff check .
	@python -m mypy
	@zizmor --offline --quiet .github/workflows

format: dev  ## format the code and mend what ruff can
	@python -m ruff format .
	@python -m ruff check --fix .

smoke: dev  ## run the committed pipeline for one epoch in a temporary clone, from the download on
	@python -m tests.smoke

verify: run  ## prove the committed results: rerun them from nothing in a temporary clone, compare
	@python -m verify

audit: dev  ## look for known vulnerabilities in the pinned packages (needs the internet)
	@python -m pip_audit --require-hashes --disable-pip --requirement requirements.txt

lock: dev  ## write requirements.txt from pyproject.toml
	@python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --group dev --custom-compile-command "make lock" pyproject.toml --output-file requirements.txt
