# make run    JupyterLab on notebooks/, with the iris pipelines served
# make test   every test
# make check  style, types, import rules
# make faults kills, full disks, damage, crash storms, two servers: in their long form, with counts
# make hostile  made-up requests and values: many more than in make test, and other ones each time
# make oldest  a part of the tests, with the oldest Python and releases that setup.py allows
# make bench  speed, beside floors; PEERS=1 adds other people's programs, ARGS names suites
# make labextension  the bundle of the JupyterLab extension, from its sources; needs Node
# Each of them makes .venv and installs what it needs first.

# Where Python keeps no byte code, each of the many processes of the tests compiles the package again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

# Jupyter refuses to run as root unless told; in a container there often is no other user.
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: run test check faults hostile oldest bench labextension labextension-test clean

run: .venv/lab.done
	$(BIN)/python -m jupyter_chariots.examples notebooks $(ROOT) $(ARGS)

# jlpm and jupyter-builder come with JupyterLab
LABEXTENSION := cd labextension && PATH="$(CURDIR)/$(BIN):$$PATH" jlpm

# A part of the tests each, module by module; who is done first takes over from the others. Much of
# the time is waiting, so two cores have enough for three.
test: .venv/test.done labextension-test
	$(BIN)/python -m pytest --numprocesses=3 --dist=worksteal $(ARGS)

check: .venv/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -p no:randomly tests/test_imports.py

faults: .venv/test.done
	$(BIN)/python -m pytest --long --timeout=3600 $(or $(ARGS),tests/faults)

bench: .venv/test.done
	PEERS=$(PEERS) $(BIN)/python -m benchmarks $(ARGS)

labextension: .venv/node.done
	$(LABEXTENSION) build

HOSTILE := $(addprefix tests/,server/test_made_up_requests.py server/test_names.py \
	op_store/test_histories.py versioning/test_version.py workers/test_values.py)
EXAMPLES ?= 300
hostile: .venv/test.done
	HOSTILE_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest --timeout=7200 $(HOSTILE) $(ARGS)

# Old releases warn of what is long past: here no warning is an error.
OLDEST ?= python3.10
oldest: .venv-oldest/done
	JUPYTER_PLATFORM_DIRS=1 .venv-oldest/bin/python -m pytest -o filterwarnings=default \
		--ignore=$(HOSTILE) $(or $(ARGS),tests/versioning tests/op_store tests/pipelines \
		tests/widgets tests/client tests/server)

UV := .venv-oldest/bin/uv pip install --quiet --python .venv-oldest/bin/python
.venv-oldest/done: setup.py
	$(OLDEST) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet uv
	$(UV) --resolution lowest-direct --editable ".[sklearn,arrow]"
	$(UV) hypothesis jsonschema openapi-spec-validator polars pytest "pytest-jupyter[server]" \
		pytest-randomly pytest-timeout pyyaml
	touch $@

# The TypeScript sources: types, unit tests, and that the committed bundle is what they give.
labextension-test: .venv/test.done
	@if command -v node > /dev/null; \
	then $(MAKE) --no-print-directory .venv/node.done && $(LABEXTENSION) verify; \
	else echo "There is no Node: the tests of the TypeScript sources are left out."; fi

.venv/node.done: .venv/test.done labextension/package.json labextension/yarn.lock
	$(LABEXTENSION) install --immutable
	touch $@

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/%.done: .venv/bin/python setup.py pyproject.toml
	PYTHONWARNINGS="ignore:Editable installation" \
		$(BIN)/python -m pip install --quiet --editable ".[$*]"
	touch $@

clean:
	rm -rf .venv .venv-oldest build dist *.egg-info labextension/node_modules labextension/lib
