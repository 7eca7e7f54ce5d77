# `make help` lists the targets. Each one installs what it needs first.

# The Python to build the environment from; by default one is found: `make setup PYTHON=python3.12`.
PYTHON ?=

# Recipes name the interpreter: Apple's make 3.81 searches a command with its own PATH. The stages
# run `python`, which is this one whatever environment is active.
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# No variable of Python's changes or stops a training: warnings as errors, for one, would do.
KEPT := PYTHON PYTHONIOENCODING PYTHONUTF8 PYTHONUNBUFFERED PYTHONPYCACHEPREFIX
unexport $(filter-out $(KEPT),$(filter PYTHON%,$(.VARIABLES))) VIRTUAL_ENV CONDA_PREFIX
export PYTHON
export PYTHONNOUSERSITE := 1

# The page of `dvc plots`, with the scripts that draw, so that no network is needed.
PAGE := .dvc/plots/offline.html

.DEFAULT_GOAL := help
.PHONY: help setup data repro watch evaluate experiments study explore new gate report bench test \
  test-slow coverage lint format smoke verify mutate audit lock packages seeds address

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(PAGE)  ## install the locked packages into .venv, as every target does
	@grep -qs offline.html .dvc/config.local || $(BIN)/python -m gate.report.page

packages:
	@tools/setup.sh

$(PAGE): $(wildcard gate/report/page.py gate/report/templates/*) | packages
	@echo "setup: writing the page of dvc plots: seconds"
	@$(BIN)/python -m gate.report.page

data: setup  ## download the images and split them
	@$(BIN)/python -m dvc repro preprocess

repro: setup  ## run every stage that is out of date; the two trainings run in parallel
	@$(BIN)/python -m stages

watch: setup  ## follow a running `make repro`: a page with its curves
	@$(BIN)/python -m stages.watch

evaluate: setup  ## evaluate MODEL=models/dropout.keras on the test images, or on IMAGE=digit.png
	@$(BIN)/python -m stages.evaluate "$(or $(MODEL),models/dropout.keras)" $(if $(IMAGE),--image "$(IMAGE)")

experiments: setup  ## list what `dvc exp run` tried: rate, epochs, accuracy on test images
	@$(BIN)/python -m stages.experiments

study: setup  ## train what is new in study/params.yaml, over seeds, rates and sizes: hours
	@$(BIN)/python -m study

seeds: setup  ## train params.yaml with N=5 more seeds: how much another seed changes
	@$(BIN)/python -m study --seeds $(or $(N),5)

explore: setup  ## write explore/index.html from the committed runs: what Dropout does, to try
	@$(BIN)/python -m explore $(if $(ADDRESS),--address "$(ADDRESS)")

gate: setup  ## fail if a metric got worse than at BASE by more than noise (default: where the branch left main)
	@$(BIN)/python -m gate check $(if $(BASE),--base "$(BASE)")

report: setup  ## write report/index.html: the verdict of the gate against BASE, with curves
	@$(BIN)/python -m gate report $(if $(BASE),--base "$(BASE)") $(if $(FILES),--files-of-commits "$(FILES)")

address:  ## write the address of this clone's remote (origin, on GitHub) for OWNER/NAME in the pages
	@name=$$(git remote get-url origin | sed -nE 's#/+$$##; s#\.git$$##; s#.*github\.com(:[0-9]+/|[:/]+)([^/]+/[^/]+)$$#\2#p'); \
	if [ -z "$$name" ]; then echo "address: expected a remote origin on github.com; found none; add it" >&2; exit 1; fi; \
	git grep -lI OWNER/NAME -- '*.md' '*.ipynb' | while read -r file; do \
		sed "s#OWNER/NAME#$$name#g" "$$file" > "$$file.new" && cat "$$file.new" > "$$file" && rm "$$file.new"; \
	done

new: setup  ## make it a repository for another question: NAME="batch normalisation" FROM=plain TO=batch_norm
	@$(BIN)/python -m tools.new "$(NAME)" "$(FROM)" "$(TO)"

bench: setup  ## compare with a plain Keras script, in turns, on an idle machine: hours
	@$(BIN)/python -m tools.bench

# Four processes on two cores, too: as fast on an idle machine (195 s, 189 s with two), faster on a
# busy one (222 s, 364 s). In the order of the folders: by number of tests, the longest would be last.
TESTS := $(BIN)/python -m pytest --numprocesses=4 --dist=loadfile --no-loadscope-reorder

test: setup  ## run the tests, except the slow ones
	@$(TESTS)

test-slow: setup  ## run the slow tests, of set-up, docs/remotes.md, the README, `make new`: minutes
	@$(TESTS) -m slow --dist=load

# Takes up to 1.6 times as long as `test`.
coverage: setup  ## run the tests and list the lines that none of them reaches
	@$(TESTS) --cov --cov-report=term

lint: setup  ## check format, style, types, and that the locked packages fit together
	@$(BIN)/uv pip check --quiet --python $(BIN)/python
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m mypy
	@$(BIN)/zizmor --offline --quiet .github/workflows gate/action.yml

format: setup  ## format the code and fix what ruff can
	@$(BIN)/python -m ruff format .
	@$(BIN)/python -m ruff check --fix .

smoke: setup  ## run the committed pipeline for one epoch in a temporary clone, download included
	@$(BIN)/python -m tools.smoke

verify: setup  ## run the committed pipeline in a temporary clone and compare the results
	@$(BIN)/python -m tools.verify

# The tool is not locked: it is no part of the project, and CI does not run it.
mutate: setup  ## change the code of MUTANTS='experiment.metrics*' bit by bit; list what no test notices
	@$(BIN)/uv run --no-project --with mutmut==3.8.1 mutmut run $(if $(MUTANTS),"$(MUTANTS)")
	@$(BIN)/uv run --no-project --with mutmut==3.8.1 mutmut results

audit: setup  ## look for known vulnerabilities in the locked packages (needs the internet)
	@$(BIN)/python -m pip_audit --require-hashes --disable-pip --requirement requirements.txt

lock: setup  ## write requirements.txt from pyproject.toml
	@$(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --extra dev --custom-compile-command "make lock" pyproject.toml --output-file requirements.txt
	@echo setuptools | $(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --constraint requirements.txt --custom-compile-command "make lock" gate/pyproject.toml - --output-file gate/requirements.txt
