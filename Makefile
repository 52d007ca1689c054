# All set-up happens in .venv; a fresh clone needs Python 3.11 or later, pip and make.
PYTHON ?= python3
# More arguments for pytest, e.g. make test ARGS="tests/gaussian -x".
ARGS ?=
WORKERS ?= 2

BIN := .venv/bin
BUILD := .build
SITE := $(CURDIR)/$(BUILD)/site

# beartype.beartype, taking an int for a float as mypy does, and anything for Self: jaxtyping hands it methods one by
# one, where Self means nothing.
HINTS := {beartype.typing.Self: object} | {float: float | int}
CHECKER := beartype.beartype(conf=beartype.BeartypeConf(hint_overrides=beartype.FrozenDict($(HINTS))))
# The tests run against the built wheel, with every annotated shape checked. One thread for each worker:
# the operations of the tests are small, more threads only get in each other's way.
TEST = OMP_NUM_THREADS=1 PYTHONPATH="$(SITE)" MTS3_TEST_SITE="$(SITE)" $(BIN)/pytest --import-mode=importlib \
	'--jaxtyping-packages=mbrl_mts3,$(CHECKER)' -n $(WORKERS)

.DEFAULT_GOAL := help
.PHONY: help venv demo site test test-slow bench docs dist lint style types format clean

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

venv: .venv/.installed ## Create .venv with the project and its tools, at the versions of constraints.txt

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make venv PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --constraint constraints.txt --editable '.[dev,export,docs,hub]'
	@touch $@

demo: venv ## Collect, train, evaluate and plan on a maze; leaves runs/demo/report.html
	$(BIN)/mts3-demo

site: venv
	@rm -rf $(BUILD)/site $(BUILD)/dist && mkdir -p $(BUILD)
	$(BIN)/python -m build --no-isolation --outdir $(BUILD)/dist . > $(BUILD)/build.log 2>&1 || { cat $(BUILD)/build.log; exit 1; }
	$(BIN)/pip install --quiet --no-index --no-deps --target $(BUILD)/site $(BUILD)/dist/*.whl

test: site ## Test the built wheel
	$(TEST) -m "not slow" $(ARGS)

test-slow: site ## Run the tests that take minutes
	$(TEST) -m slow $(ARGS)

bench: venv ## Measure speed and memory; writes tests/performance/results.json
	$(BIN)/python tests/performance/bench.py $(ARGS)

docs: site ## Build the documentation site into .build/docs; warnings are errors
	NO_MKDOCS_2_WARNING=1 PYTHONPATH="$(SITE)" $(BIN)/mkdocs build --strict --quiet --config-file docs/site/mkdocs.yml --site-dir "$(CURDIR)/$(BUILD)/docs"

dist: venv ## Build wheel and sdist into .build/dist and check what a package index would refuse
	rm -rf $(BUILD)/dist
	$(BIN)/pip install --quiet --constraint constraints.txt '.[release]'
	$(BIN)/pip install --quiet --no-deps --editable .
	$(BIN)/python -m build --no-isolation --outdir $(BUILD)/dist .
	$(BIN)/python -m twine check --strict $(BUILD)/dist/*

lint: style types ## Check format, style and types

style: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# Run outside the root, where the folders envs, agents, configs and scripts lie inside the package.
types: site
	cd $(BUILD) && MYPYPATH=site "$(CURDIR)/$(BIN)/mypy" --config-file "$(CURDIR)/pyproject.toml" -p mbrl_mts3

format: venv ## Format the code and repair what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what was built and cached; .venv and runs stay
	rm -rf $(BUILD) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
