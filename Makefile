# Every command of the course. `make` alone lists them.
PYTHON ?= python3
ARGS ?=
PORT ?= 8000

# The GPU build of Paddle where a GPU answers, the CPU build elsewhere.
GPU := $(shell nvidia-smi >/dev/null 2>&1 && echo -gpu)
REQUIREMENTS := requirements$(GPU).txt
READY := .venv/.installed$(GPU)
BIN := .venv/bin
PAGE := book/_build/html/index.html

.PHONY: help book test notebooks sync serve lint bundle address clean
.DEFAULT_GOAL := help

help: ## list these commands
	@echo "Image Segmentation with PaddlePaddle: commands"
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) \
	  | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

# The two checks end with one sentence, before anything is made.
$(READY): requirements.txt requirements-gpu.txt requirements-common.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "No $(PYTHON) found: install Python 3.10 to 3.13, or name one: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "Python 3.10 to 3.13 is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1); name another: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) lacks its venv module: install it (on Debian and Ubuntu: apt install python3-venv)"; exit 1; }
	@test -x $(BIN)/python || { echo "Making the virtual environment .venv ..."; $(PYTHON) -m venv .venv; }
	@echo "Installing $(REQUIREMENTS) into .venv (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	@touch $@

book: $(READY) ## build the site from the stored outputs
	@test -e book/notebooks/. || { \
	  echo "book/notebooks is no link to ../notebooks: clone again with 'git clone -c core.symlinks=true'"; exit 1; }
	@echo "Building the site ..."
	@$(BIN)/jupyter-book build -W --keep-going book/ $(ARGS)
	@echo
	@echo "The site is built. Open $(PAGE)"

test: $(READY) ## run every test, and every lesson's cells against their stored outputs
	@echo "Running all tests (ARGS=... goes to pytest) ..."
	@$(BIN)/python -m pytest --nbval $(ARGS)

notebooks: $(READY) ## execute the lessons and save their outputs (ARGS="01 03" for some)
	@$(BIN)/python tools/notebooks.py run $(ARGS)

sync: $(READY) ## put the set-up cell of tools/setup_cell.py into every lesson
	@$(BIN)/python tools/notebooks.py sync

serve: book ## show the site at http://127.0.0.1:8000 (PORT=... for another)
	@echo "Serving http://127.0.0.1:$(PORT) to this machine only; Ctrl-C stops it."
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory book/_build/html $(PORT)

lint: $(READY) ## check the style of code and notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

bundle: $(READY) ## pack segcore as one file, for hosts that do not reach the repository
	@mkdir -p dist
	@rm -f dist/segcore-*.whl
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	@echo "Upload this file beside a lesson:" dist/segcore-*.whl

address: $(READY) ## set the repository's address everywhere (URL=https://...)
	@$(BIN)/python tools/address.py "$(URL)"

clean: ## remove what was built; .venv stays
	@rm -rf book/_build build dist .pytest_cache .ruff_cache .hypothesis
