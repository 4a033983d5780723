# make demo: from a fresh checkout to tagged articles.  make test: lint, types, import contracts and tests.
PYTHON ?= python3
BIN := .venv/bin
CHAMPION := models:/foreign-affairs-tagger@champion

.PHONY: demo test check test-slow screenshots bench bench-speed bench-growth bench-tag bench-ray bench-encoders bench-folds bench-news bench-pages bench-wrapping encoder-mpnet clean

demo: .venv/installed
	$(BIN)/demarche train configs/news.yaml
	$(BIN)/demarche tag seeds/new_articles --model $(CHAMPION) --out build/tags.csv
	@echo
	@echo "The tags are in build/tags.csv: one row per passage and topic, with its stance."
	@echo "To see the run in MLflow: $(BIN)/demarche ui --open (without a browser here, it prints the link)"

test: .venv/installed-dev
	$(MAKE) --no-print-directory check

check:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto --dist loadgroup

test-slow: .venv/installed-dev
	$(BIN)/python -m pytest -m slow

screenshots: .venv/installed
	@command -v chromedriver >/dev/null || { echo "make screenshots needs Chromium and its driver: apt-get install chromium chromium-driver"; exit 2; }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[offline,screenshots]'
	$(BIN)/python -m benchmarks.screenshots $(if $(DATA),--data $(DATA))

bench: .venv/installed
	@test -n "$(DATA)" || { echo "make bench DATA=FOLDER: DATA must name the folder of the data sets"; exit 2; }
	$(BIN)/python -m benchmarks.bench $(DATA) $(SETS)

bench-speed: .venv/installed
	@test -n "$(DATA)" || { echo "make bench-speed DATA=FOLDER: DATA must name the folder of the data sets"; exit 2; }
	$(BIN)/python -m benchmarks.speed $(DATA)

bench-growth: .venv/installed
	$(BIN)/python -m benchmarks.growth

bench-tag: .venv/installed-dev
	@test -n "$(DATA)" || { echo "make bench-tag DATA=FOLDER: DATA must name the folder of the data sets"; exit 2; }
	$(BIN)/python -m benchmarks.tag_stream
	$(BIN)/python -m benchmarks.tag_encoder $(DATA)

bench-ray: .venv/installed-dev
	$(BIN)/python -m benchmarks.tag_ray

bench-encoders: .venv/installed
	@test -n "$(DATA)" || { echo "make bench-encoders DATA=FOLDER: DATA must name the folder of the data sets"; exit 2; }
	$(BIN)/python -m benchmarks.encoders $(DATA)

bench-news: .venv/installed
	@test -n "$(DATA)" || { echo "make bench-news DATA=FOLDER: DATA must name the folder of the data sets"; exit 2; }
	$(MAKE) --no-print-directory encoder-mpnet
	$(BIN)/python -m benchmarks.news $(DATA) --curve --parts

bench-pages: .venv/installed
	@test -n "$(DATA)" || { echo "make bench-pages DATA=FOLDER: DATA must name the folder of the data sets"; exit 2; }
	$(BIN)/python -m benchmarks.pages $(DATA) $(ARGS)

encoder-mpnet: .venv/installed
	$(BIN)/python -m benchmarks.mpnet

bench-wrapping: .venv/installed
	@test -n "$(DATA)" || { echo "make bench-wrapping DATA=FOLDER: DATA must name the folder of the data sets"; exit 2; }
	$(BIN)/python -m benchmarks.wrapping $(DATA)

bench-folds: .venv/installed
	$(BIN)/python -m benchmarks.folds

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[offline]'
	@touch $@

.venv/installed-dev: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,offline]'
	@touch $@ .venv/installed

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
