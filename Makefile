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
# the same commit gives the same image, the time in it included
MADE := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
IMAGE  ?= tabi:$(COMMIT)
TRAIN_IMAGE ?= tabi-train:$(COMMIT)
# mounted: models come from a volume or from S3; baked: store/models lies in the image
MODELS ?= mounted
# where it is deployed to: local, compose, ecs, kubernetes
TARGET ?= local
DEPLOY_ENV ?= dev
REASON ?= make $(MAKECMDGOALS)

# an environment that forbids bytecode would compile every import again in every process
unexport PYTHONDONTWRITEBYTECODE
export PYTHONUNBUFFERED = 1

BIN  := .venv/bin
TABI := $(BIN)/tabi
SET  := $(or $(patsubst [%],%,$(subst all,train,$(EXTRAS))),serve)
ENVIRONMENT := $(PYTHON) scripts/environment.py
PIN := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url

.PHONY: init envinfo demo train-fast train-full release check report api api-bg docker-build docker-build-train docker-run docker-smoke docker-push up-compose down-compose sbom \
        store-push store-verify deploy rollback test coverage test-system infra-test infra-cycle lint format bench bench-training load types lock \
        slo alerts-test \
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

release: env-train
	@$(TABI) release $(DS)

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
	docker build --build-arg SOURCE_DATE_EPOCH=$(MADE) --build-arg REVISION=$(COMMIT) --build-arg MODELS=$(MODELS) \
		--tag $(IMAGE) .

docker-run:
	docker run --rm --read-only --publish $(PORT):8000 --volume $(CURDIR)/store:/app/store:ro \
		$(IMAGE) serve $(DS) --host 0.0.0.0

# everything on one machine; images by id, passwords made once in infra/compose/secrets
COMPOSE := docker compose --file infra/compose/compose.yaml
SECRETS := $(abspath $(or $(TABI_SECRETS),infra/compose/secrets))
IDS = TABI_SECRETS=$(SECRETS) TABI_IMAGE=$$(docker image inspect --format '{{.Id}}' $(IMAGE)) \
	TABI_TRAIN_IMAGE=$$(docker image inspect --format '{{.Id}}' $(TRAIN_IMAGE))

docker-build-train:
	docker build --file Dockerfile.train --build-arg REVISION=$(COMMIT) --tag $(TRAIN_IMAGE) .

up-compose: docker-build docker-build-train
	@$(PYTHON) scripts/compose_secrets.py $(SECRETS)
	$(IDS) $(COMPOSE) up --detach --wait

down-compose:
	$(IDS) $(COMPOSE) --profile '*' down

# the main road's last mile: the image answers as the command line does, on a read-only root, and stops clean
docker-smoke: env-train
	@$(TABI) train $(DS) --mode fast
	@$(TABI) release $(DS)
	@$(BIN)/python scripts/docker_smoke.py $(IMAGE) $(DS)

# REPOSITORY=HOST/NAME; the digest that the registry gave is written to build/image.txt, and as evidence
docker-push:
	@$(or $(wildcard $(BIN)/python),$(PYTHON)) scripts/docker_push.py $(IMAGE) $(REPOSITORY)

# what the lock puts into the image, as CycloneDX; the base image's own packages are not in it
sbom:
	@$(PYTHON) scripts/tool.py cyclonedx
	@mkdir -p build
	@PYTHONWARNINGS=ignore .tools/cyclonedx/bin/cyclonedx-py requirements locks/image.txt --pyproject pyproject.toml --output-reproducible \
		--output-file build/sbom.cdx.json

# PLACE=s3://BUCKET/PREFIX or a folder
store-push: env-train
	@$(TABI) store push $(DS) $(PLACE)

store-verify: env-train
	@TABI_STORE=$(or $(PLACE),$(TABI_STORE)) $(TABI) store verify

# IMAGE_REF=REPOSITORY@sha256:…, where the target runs an image; DEPLOY_ENV=prod
deploy: env-train
	@$(TABI) deploy $(DS) --target $(TARGET) --env $(DEPLOY_ENV) $(if $(IMAGE_REF),--image $(IMAGE_REF)) --reason "$(REASON)"

rollback: env-train
	@$(TABI) rollback $(DS) --target $(TARGET) --env $(DEPLOY_ENV) --reason "$(REASON)"

lint: env-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: env-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/python scripts/tests.py unit

# the same tests, and how much of the code they reach
coverage: lint
	$(BIN)/python scripts/tests.py coverage

# from a bare clone, and every shell block of the README
test-system: env-dev
	$(BIN)/python scripts/tests.py system

# what delivers: workflows, images, compose, Kubernetes, Terraform, load tests
INFRA := workflows image compose compose_tracking delivery ecs kubernetes kubernetes_deploy terraform load alerts
infra-test: env-dev
	$(BIN)/python -m pytest tests/infra $(INFRA:%=tests/system/test_%.py) -m "system or not system" -s

# all layers of Terraform applied, planned again and destroyed against moto; leaves evidence for tabi dod
infra-cycle: env-dev
	$(BIN)/python -m scripts.infra cycle

# k6 with the thresholds of slo.yaml, against one and two workers, and reloads under load; writes docs/evidence/load.*
load: env-dev
	@$(PYTHON) scripts/tool.py k6
	@$(BIN)/python -m loadtest.run $(DS)

# everything that follows from slo.yaml: rules, routing, dashboards, alarms of the cloud, tables
slo: env-dev
	@$(BIN)/python -m scripts.observability

# the same rules with short windows: real alerts reach a webhook and end, their cause is found, dashboards are answered
alerts-test: env-dev
	@$(BIN)/python -m scripts.observability.drill $(DS)

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
	@$(PIN) pyproject.toml --extra train --extra ops --extra monitor --extra experiments -c locks/dev.txt -o locks/train.txt
	@$(PIN) pyproject.toml -c locks/dev.txt -o locks/serve.txt
	@$(PIN) pyproject.toml --extra verify --extra s3 -c locks/dev.txt -o locks/image.txt
	@$(PIN) locks/build.in -c locks/dev.txt -o locks/build.txt
	@for tool in locks/tools/*.in; do $(PIN) $$tool -o $${tool%.in}.txt; done
