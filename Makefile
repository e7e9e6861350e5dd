# Every target sets up what it needs in .venv (the peers of bench and parity in .venv-peers), and skips what is already done.
# make parity PEERS_PYTHON=... takes another interpreter that has what bench/peers/ asks for.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ON_JAX := tests/losses tests/layers tests/encoders tests/fusion tests/decoders tests/decoding tests/models tests/training tests/metrics tests/pretrained/test_golden_checkpoints.py tests/pretrained/test_assigning.py

.PHONY: quickstart test test-documents test-jax parity check bench clean

quickstart: $(VENV)/installed
	$(BIN)/mmzoo quickstart

# Two processes at a time, each with about half of the work: most tests keep one core busy. The second's report comes last.
test: $(VENV)/installed-test
	report=$$(mktemp); \
	$(MAKE) --no-print-directory test-documents test-jax >"$$report" 2>&1 & second=$$!; \
	trap 'rm -f "$$report"' EXIT; trap 'kill $$second 2>/dev/null; exit 130' INT TERM; \
	$(BIN)/python -m pytest --ignore=tests/test_documents.py; tensorflow=$$?; \
	wait $$second; others=$$?; cat "$$report"; \
	test $$tensorflow -eq 0 && test $$others -eq 0

test-documents: $(VENV)/installed-test
	$(BIN)/python -m pytest tests/test_documents.py

# Small models are compiled once and run once or twice there: optimizing them saves less than it costs.
test-jax: $(VENV)/installed-test
	KERAS_BACKEND=jax JAX_DISABLE_MOST_OPTIMIZATIONS=1 $(BIN)/python -m pytest $(ON_JAX)

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
