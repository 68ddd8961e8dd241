# Two commands on a fresh machine: `make lessons` and `make test`. Each makes .venv when it is missing.
# Without make (Windows, conda, Colab) see "Without make" in README.md.

PYTHON ?= python3
BIN := .venv/bin
# nbgrader calls alembic by name, so the environment's programs come first.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m coursekit

.PHONY: lessons test release doctor clean

lessons: .venv/installed
	$(RUN) run $(LESSON) $(ARGS)

test: .venv/installed
	$(RUN) test $(ARGS)

release: .venv/installed
	$(RUN) release $(ARGS)

doctor: .venv/installed
	$(RUN) doctor

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "coursekit needs Python 3.11, 3.12 or 3.13; $(PYTHON) is %d.%d. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" % v)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable ".[lab,bert,test]" --constraint constraints.txt
	@touch $@

clean:
	rm -rf .venv build
