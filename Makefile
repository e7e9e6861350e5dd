# Every target sets up what it needs in .venv (the peers of bench and parity in .venv-peers), and skips what is already done.
# make parity PEERS_PYTHON=... takes another interpreter that has what bench/peers/ asks for.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARTIFACTS := tests/bundle tests/exporters tests/exports
ON_JAX := tests/losses tests/layers tests/encoders tests/fusion tests/decoders tests/decoding tests/models tests/training tests/metrics tests/pretrained/test_golden_checkpoints.py tests/pretrained/test_assigning.py

.PHONY: quickstart test test-tensorflow test-artifacts test-documents test-jax parity check bench clean

quickstart: $(VENV)/installed
	$(BIN)/mmzoo quickstart

# Two parts at a time, the longest first: most tests keep one core busy. What a part prints comes when it has ended.
test: $(VENV)/installed-test
	$(MAKE) --no-print-directory --jobs=2 --keep-going $(addprefix whole-,tensorflow artifacts jax documents)

whole-%:
	report=$$(mktemp); trap 'rm -f "$$report"' EXIT; \
	$(MAKE) --no-print-directory test-$* >"$$report" 2>&1; status=$$?; cat "$$report"; exit $$status

test-tensorflow test-artifacts: export TF_NUM_INTRAOP_THREADS = 1

test-tensorflow: $(VENV)/installed-test
	$(BIN)/python -m pytest $(addprefix --ignore=,$(ARTIFACTS) tests/test_documents.py)

test-artifacts: $(VENV)/installed-test
	$(BIN)/python -m pytest $(ARTIFACTS)

test-documents: $(VENV)/installed-test
	$(BIN)/python -m pytest tests/test_documents.py

# Small models are compiled once and run once or twice there: optimizing them saves less than it costs, and many are compiled alike.
test-jax: export KERAS_BACKEND = jax
test-jax: export JAX_DISABLE_MOST_OPTIMIZATIONS = 1
test-jax: export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS = 0
test-jax: export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES = -1
test-jax: $(VENV)/installed-test
	compiled=$$(mktemp -d) && trap 'rm -rf "$$compiled"' EXIT && \
	JAX_COMPILATION_CACHE_DIR="$$compiled" $(BIN)/python -m pytest -m "not once" $(ON_JAX)

# What transformers, open_clip and sentencepiece compute is made first, in a folder that goes again, then compared with.
parity: $(VENV)/installed-test
	peers="$(PEERS_PYTHON)"; peers=$${peers:-$$($(BIN)/python bench/peers/environment.py)} && \
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	"$$peers" tests/parity/make.py "$$folder" && \
	MMZOO_PARITY="$$folder" $(BIN)/python -m pytest tests/parity $(if $(JSON),--json $(JSON))

check: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed-test
	$(BIN)/python bench/quickstart.py --check
	$(BIN)/python bench/photos.py --check $(if $(DATA),--data $(DATA))
	$(BIN)/python bench/export.py --check
	$(BIN)/python bench/faults.py --check
	$(BIN)/python bench/pretrained.py --check
	$(BIN)/python bench/fusion.py --check
	$(BIN)/python bench/pretraining.py --check
	$(BIN)/python bench/captioning.py --check
	$(BIN)/python bench/decoding.py --check
	$(BIN)/python bench/text_to_image.py --check

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mmzoo needs Python 3.11 or later, found " + sys.version)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --disable-pip-version-check --quiet --editable .
	touch $@

$(VENV)/installed-test: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --disable-pip-version-check --quiet --editable '.[test]'
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) .venv-peers build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
