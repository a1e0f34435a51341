# make demo   sets everything up and opens the clinic on simulated lamps; without a terminal: one treatment, then the end
# make test   sets everything up and runs all tests
PYTHON ?= python3
BIN := .venv/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test computed real-time long lint docs safety-case mutants screens bench dist clean

demo: .venv/.runtime
	$(BIN)/irctl demo

# What is computed gives way to what runs in real time beside it, and is shown when it has ended. What runs in real time mostly waits, what takes longest begins first;
# browsers come last, which take the cores they need, and with them the tutorial, which has the usual ports to itself.
PYTEST := $(BIN)/python -m pytest --dist loadfile
WAITING := tests/packaging tests/fleet tests/docs tests/service tests/mqtt tests/records/test_processes.py tests/drivers tests/wire tests/simulator
SHOWN := tests/docs/test_tutorial.py tests/browser
test: .venv/.dev
	$(MAKE) --jobs=2 computed real-time

computed:
	@mkdir -p build
	@nice -n 19 $(PYTEST) -n 2 $(addprefix --ignore=,$(WAITING) $(SHOWN)) >build/computed.txt 2>&1; ended=$$?; cat build/computed.txt; exit $$ended

real-time:
	$(PYTEST) -n 3 --no-loadscope-reorder $(WAITING) --ignore=tests/docs/test_tutorial.py
	$(PYTEST) -n 2 $(SHOWN)

# A clinic's day and the death of its process, through the screens, by finger and by keys; pipx; soaks: minutes of real time, too long for every run.
long: .venv/.dev
	IRCTL_LONG=1 $(BIN)/python -m pytest tests/browser/test_clinic_day.py tests/browser/test_clinic_killed.py tests/browser/test_hands.py tests/packaging/test_release.py tests/documents/test_course_papers.py tests/simulation/test_soak.py

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

# A broken link, a page in no table of contents, an unknown language: each is an error. Needs no network.
docs: .venv/.dev
	$(BIN)/python -m sphinx -E -q -W --keep-going -d build/doctrees docs build/docs
	@echo "build/docs/index.html"

safety-case: .venv/.dev
	$(BIN)/python -m irctl_campaign.safety_case

mutants: .venv/.dev
	$(BIN)/python -m tests.mutants

screens: .venv/.dev
	$(BIN)/python -m tests.browser.screens

bench: .venv/.dev
	$(BIN)/python -m benchmarks

# What a workstation is installed from: wheel, sources, exact versions, what is in it, checksums. The same bytes wherever and whenever they are made.
dist: .venv/.dev
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	$(BIN)/python -m release.sbom dist/*.whl constraints.txt > dist/irctl.cdx.json
	cp constraints.txt dist/
	cd dist && sha256sum * > SHA256SUMS

clean:
	rm -rf .venv irctl-demo build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv:
	@$(PYTHON) -c 'import sys; sys.exit("irctl needs Python 3.11 or newer; set PYTHON=/path/to/it") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

.venv/.runtime: pyproject.toml constraints.txt | .venv
	$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch .venv/.runtime $@
