# Two commands do everything on a fresh machine that has Python 3.11-3.13 and make:
#   make demo    install, then fetch, prepare and train on the built-in sample world
#   make test    the everyday suite
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,13))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test check format bench prove realtime clean

$(INSTALLED): pyproject.toml
	@test -n "$(PYTHON)" || { echo "nndata needs Python 3.11, 3.12 or 3.13"; exit 13; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -e '.[tensorflow,archives,huggingface]' --group dev
	touch $(INSTALLED)

demo: $(INSTALLED)  ## fetch, prepare and train on the sample world, over real HTTP on loopback
	$(BIN)/python -m pipelines.wikipedia train configs/wikipedia/smoke.toml

test: $(INSTALLED)  ## the everyday suite
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

check: $(INSTALLED)  ## style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Each peer by itself: what can't be installed here is left out, and said so. MosaicML streaming asks
# for older packages than others do, so it has a venv of its own, where tests/bench/peers finds it.
$(VENV)/.peers: $(INSTALLED)
	$(BIN)/python -m pip install --quiet -e '.[bench,huggingface]'
	@for peer in array_record grain webdataset "tensorflow-datasets importlib_resources" \
		wikiextractor wikitextparser gensim scikit-learn; do \
		$(BIN)/python -m pip install --quiet $$peer || echo "$$peer: left out"; done
	@$(PYTHON) -m venv .venv-streaming && .venv-streaming/bin/python -m pip install --quiet \
		mosaicml-streaming || { echo "mosaicml-streaming: left out"; rm -rf .venv-streaming; }
	touch $@

bench: $(VENV)/.peers  ## figures, each with its floor and its peers in the same run
	$(BIN)/python -m tests.bench

prove: $(INSTALLED)  ## long proofs: kill matrices, fault schedules, big files
	$(BIN)/python -m pytest -q -m prove

realtime: $(INSTALLED)  ## the few cases that wait for real seconds
	$(BIN)/python -m pytest -q -m realtime

clean:
	rm -rf $(VENV) .venv-streaming demo build dist *.egg-info
