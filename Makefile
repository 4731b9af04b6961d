# The words people type in this field. Each is a line or two over `tabi`.
#   make demo            the main road, from nothing
#   make test            everything that must hold
#   make train-full DS=adult
DS     ?= breast_cancer
EXTRAS ?= [train]
PYTHON ?= python3
PORT   ?= 8000
# an image is known by the commit that it was made from, and never by a word that moves
COMMIT := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
IMAGE  ?= tabi:$(COMMIT)
# mounted: models come from a volume or from S3; baked: store/models lies in the image
MODELS ?= mounted

# an environment that forbids bytecode would compile every import again in every process
unexport PYTHONDONTWRITEBYTECODE
export PYTHONUNBUFFERED = 1

BIN  := .venv/bin
TABI := $(BIN)/tabi
SET  := $(or $(patsubst [%],%,$(subst all,train,$(EXTRAS))),serve)
ENVIRONMENT := $(PYTHON) scripts/environment.py
PIN := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url

.PHONY: init envinfo demo train-fast train-full check report api api-bg docker-build docker-run test test-system lint format bench bench-training types lock \
        env-train env-dev

init:
	@$(ENVIRONMENT) $(SET)

env-train:
	@$(ENVIRONMENT) --at-least train

env-dev:
	@$(ENVIRONMENT) --at-least dev

demo: env-train
	@$(TABI) demo

envinfo:
	@test -x $(TABI) || $(ENVIRONMENT) $(SET)
	@$(TABI) envinfo

train-fast: env-train
	@$(TABI) train $(DS) --mode fast

train-full: env-train
	@$(TABI) train $(DS) --mode full

check: env-train
	@$(TABI) check

report: env-train
	@$(TABI) report

api:
	@test -x $(TABI) || $(ENVIRONMENT) serve
	@$(TABI) serve $(DS) --port $(PORT)

api-bg:
	@test -x $(TABI) || $(ENVIRONMENT) serve
	@mkdir -p logs
	@$(TABI) serve $(DS) --check
	@nohup $(TABI) serve $(DS) --port $(PORT) >logs/api.log 2>&1 & echo $$! >logs/api.pid
	@echo "serving $(DS) on port $(PORT); log in logs/api.log; stop it with: kill \$$(cat logs/api.pid)"

docker-build:
	docker build --build-arg REVISION=$(COMMIT) --build-arg MODELS=$(MODELS) --tag $(IMAGE) .

docker-run:
	docker run --rm --read-only --publish $(PORT):8000 --volume $(CURDIR)/store:/app/store:ro \
		$(IMAGE) serve $(DS) --host 0.0.0.0

lint: env-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: env-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist loadgroup tests
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# from a bare clone, and every shell block of the README
test-system: env-dev
	$(BIN)/python -m pytest tests/system -m system -s

bench: env-dev
	$(BIN)/python -m benchmarks.serving

bench-training: env-dev
	$(BIN)/python -m benchmarks.training

# the TypeScript types of a released model's server, checked in under clients/
types: env-dev
	@$(BIN)/python scripts/typescript_types.py $(DS)

# after a change of dependencies: pin them again, by version and hash only; a package has one version in all sets
lock: env-dev
	@$(PIN) pyproject.toml --extra dev -o locks/dev.txt
	@$(PIN) pyproject.toml --extra train --extra ops -c locks/dev.txt -o locks/train.txt
	@$(PIN) pyproject.toml -c locks/dev.txt -o locks/serve.txt
	@$(PIN) pyproject.toml --extra verify --extra s3 -c locks/dev.txt -o locks/image.txt
	@$(PIN) locks/build.in -c locks/dev.txt -o locks/build.txt
