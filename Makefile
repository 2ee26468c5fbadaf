# 两条命令：make demo 演示主流程，make test 跑全部测试。Two commands set everything up: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint soak bench clean

demo: $(READY)
	$(BIN)/guantong demo

test: $(READY) lint
	# In this order: long ones begin early, but not all stories at once, which would starve each other.
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder \
		tests/e2e/test_e2e_chaos.py tests/contract tests/connectors tests/e2e tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

soak: $(READY)
	$(BIN)/pytest -m soak --timeout=0 -o addopts= tests

bench: $(READY)
	$(BIN)/python -m bench

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and '需要 Python 3.11 或更新 (Python 3.11 or newer is needed)')"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

clean:
	rm -rf $(VENV) .guantong .mypy_cache .ruff_cache .pytest_cache .hypothesis
