# Everything runs from here; `make` alone lists the targets.
RAW ?=
OUT ?= data
CONFIG ?=
WORKERS ?=
ARGS ?=
IMAGES ?=
STUDY ?= data/study

PYTHON ?= python3
VENV := .venv
SEAGULL := $(VENV)/bin/seagull
OPTIONS = --out $(OUT) $(if $(RAW),--raw $(RAW)) $(if $(CONFIG),--config $(CONFIG)) \
          $(if $(WORKERS),--workers $(WORKERS)) $(ARGS)
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-seeds test check bench gpu-check torture render masks labels shards build study pretrain finetune evaluate report serve clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables: RAW (folder of RAW files) OUT (default data) CONFIG (demo, paper or a YAML) WORKERS ARGS"

setup: $(STAMP)  ## a .venv with everything; costs nothing the second time
$(STAMP): pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup  ## from nothing to a dataset, a trained compact network and a report, in demo/
	$(SEAGULL) demo-raw demo/raw > /dev/null
	$(SEAGULL) build --raw demo/raw --out demo/data --config demo $(ARGS)
	$(SEAGULL) pretrain --out demo/data
	$(SEAGULL) study --simulate --out demo/data
	$(SEAGULL) finetune --out demo/data
	$(SEAGULL) evaluate --out demo/data > /dev/null
	$(SEAGULL) report --out demo/data

demo-seeds: setup  ## after demo: its network from three seeds, mean and range beside what is wanted
	$(VENV)/bin/python -m training.train.seeds demo/data $(ARGS)

test: setup  ## the test suite
	$(VENV)/bin/python -m pytest $(ARGS)

check: setup  ## all that CI runs: style, types, import table, tests
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest $(ARGS)

bench: setup  ## CPU seconds against peers, in one run
	$(SEAGULL) bench $(ARGS)

gpu-check: setup  ## models and a training step on CUDA against the CPU, where there is one
	$(SEAGULL) gpu-check

torture: setup  ## try what docs/promises.md promises (minutes to an hour; ARGS=--short)
	$(SEAGULL) torture $(ARGS)

render: setup  ## RAW -> a reference and 6 x 20 renderings a scene
	$(SEAGULL) render $(OPTIONS)
masks: setup  ## object and component ROIs
	$(SEAGULL) masks $(OPTIONS)
labels: setup  ## quality, importance and distortion of each ROI in each rendering
	$(SEAGULL) labels $(OPTIONS)
shards: setup  ## WebDataset tars and their Parquet index
	$(SEAGULL) shards $(OPTIONS)
build: setup  ## render, masks, labels and shards in one go
	$(SEAGULL) build $(OPTIONS)
study: setup  ## SEAGULL-3k: plan a study of IMAGES in STUDY, unless it is planned, and serve it (docs/study.md)
	test -e $(STUDY)/private/votes.sqlite || $(SEAGULL) study init $(foreach images,$(IMAGES),--images $(images)) --out $(STUDY) $(ARGS)
	$(SEAGULL) study serve --out $(STUDY)
pretrain: setup  ## train the network on SEAGULL-100w
	$(SEAGULL) pretrain $(OPTIONS)
finetune: setup  ## go on with SEAGULL-3k
	$(SEAGULL) finetune $(OPTIONS)
evaluate: setup  ## scores on the test splits
	$(SEAGULL) evaluate $(OPTIONS)
report: setup  ## one HTML file to look at
	$(SEAGULL) report $(OPTIONS)
serve: setup  ## a local page: ask about regions, explore the dataset
	$(SEAGULL) serve $(OPTIONS)

clean:  ## remove .venv and demo/
	rm -rf $(VENV) demo
