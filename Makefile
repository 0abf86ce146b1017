# Everything starts here. `make run` needs Python 3.11 or newer, make and git, and nothing else.

PYTHON ?= python3
VAR ?= var
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes

.PHONY: help run test check proof faults bench reset lock venv base dev

help:
	@echo "make run     start everything; PORT=8000 and VAR=var move it"
	@echo "make test    install what is missing and pass the tests"
	@echo "make check   format, lint, types, import contracts, migrations, deployment checks"
	@echo "make proof   the heavy proofs (an hour)    make faults  the fault matrix"
	@echo "make bench   benchmarks                    make reset   forget the local data in VAR"
	@echo "make lock    lock the dependencies again after a change in pyproject.toml"

run: base
	@exec $(BIN)/python manage.py run

# What starts the product or drives a browser is about the whole, brings its own databases and
# keeps both cores busy by itself; all other tests share them between two processes.
WHOLE := processes or browser
HEAVY := proof or faults or bench
PARTS := -n 2 -m "not ($(WHOLE) or $(HEAVY))"

test: check
	$(BIN)/pytest --database=sqlite $(PARTS)
	$(BIN)/pytest --database=postgres $(PARTS) tests/accounts tests/billing tests/generations tests/ops
	$(BIN)/pytest --database=sqlite -m "($(WHOLE)) and not ($(HEAVY))"

# A folder of its own, so that looking at the settings leaves no trace in the data.
check: export VAR := $(CURDIR)/.venv/check
check: dev
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/python requirements/lock.py --check
	$(BIN)/mypy
	$(BIN)/djlint --quiet --lint templates
	$(BIN)/lint-imports --no-cache
	$(BIN)/python manage.py makemigrations --check --dry-run
	env $(DEPLOYED) $(BIN)/python manage.py check --deploy --fail-level WARNING

# What a production environment gives; the values need only look right.
DEPLOYED := DEPLOYED=1 SITE_URL=https://studio.example.com TRUSTED_PROXIES=1 \
  SECRET_KEY=3vY8pQm1Zr6Wk0Xc5Nf9Tb2Hj7Ld4GsAeRuOiKyMxBqVnCwPzJtDh \
  SEALING_KEYS=Jx2Lw9Qe4Rt7Yu1Io6Pa3Sd8Fg5Hj0KlZxCvBnMqWeRtYuIoPaSdFg \
  DATABASE_URL=postgres://studio:studio@localhost/studio REDIS_URL=redis://localhost:6379/0 \
  EMAIL_URL=submission://studio:studio@localhost:587 AWS_STORAGE_BUCKET_NAME=studio \
  AWS_ACCESS_KEY_ID=studio AWS_SECRET_ACCESS_KEY=studio

proof faults bench: dev
	$(BIN)/pytest -m $@ --timeout 3600 -s

# Only what a run has made is removed: its lock is there, and nobody holds it.
reset:
	@$(PYTHON) -c 'import fcntl, shutil, sys; lock = open(sys.argv[1] + "/run.lock"); \
	  fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB); shutil.rmtree(sys.argv[1])' "$(VAR)" \
	  2>/dev/null && echo "$(VAR) is gone." || echo "Nothing to forget in $(VAR), or it is running."

lock: dev
	PATH="$(BIN):$$PATH" $(BIN)/python requirements/lock.py $(if $(UPGRADE),--upgrade)

venv:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version)'
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear .venv

base dev: venv
	@cmp -s requirements/$@.txt .venv/$@.installed || { \
	  echo "Installing requirements/$@.txt into .venv ..." && \
	  $(PIP) -r requirements/$@.txt && cp requirements/$@.txt .venv/$@.installed; }
