# The two commands: `make demo` and `make test`. Everything else is for people who change Safehold.
UV_VERSION := 0.13.9
BOOT := .run/boot
UV := $(BOOT)/bin/uv
export UV_PYTHON_DOWNLOADS := never
# The machine's own certificates, as pip uses them: networks with a proxy of their own need that.
export UV_SYSTEM_CERTS := true
# Only what is given to make counts: some shells export a HOST of their own.
DEMO_HOST := $(if $(filter command line,$(origin HOST)),$(HOST),microblog)
DEMO_EXIT := $(if $(filter command line,$(origin EXIT)),--exit)
RUN := $(UV) run --frozen --no-sync

.PHONY: demo test lint types contracts migrations policy check slow bench clean

.run/ready: pyproject.toml uv.lock
	@mkdir -p .run
	@test -x $(UV) || (python3 -m venv $(BOOT) && $(BOOT)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION))
	$(UV) sync --frozen --quiet
	@touch $@

demo: .run/ready
	$(RUN) safehold demo --host $(DEMO_HOST) $(DEMO_EXIT)

test: .run/ready
	$(RUN) python -m tests.run

lint: .run/ready
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: .run/ready
	$(RUN) mypy

contracts: .run/ready
	$(RUN) lint-imports

migrations: .run/ready
	$(RUN) python -m tests.migrations_check

policy: .run/ready
	$(RUN) safehold policy check

check: lint types contracts migrations policy

slow: .run/ready
	$(RUN) python -m pytest -m slow

bench: .run/ready
	$(RUN) safehold bench

clean:
	rm -rf .run .venv
