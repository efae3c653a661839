# The front door. `make help` lists what there is; CMake presets do the work.
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
RELEASE := build/release
PROGRAM := $(RELEASE)/cli/falsetto

.DEFAULT_GOAL := help
.PHONY: help deps configure build demo probe check check-includes install bench fuzz format clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

deps: ## install what is needed on Debian 12 (asks for root through sudo when needed)
	@scripts/install-deps

build: configure ## build everything, optimised
	@cmake --build --preset release -j $(JOBS)

configure: deps
	@cmake --preset release >/dev/null

demo: configure ## make synthetic clips, train a probe on them, judge a held-out forgery, draw its timeline
	@cmake --build --preset release -j $(JOBS) --target falsetto_program puppet
	@scripts/demo $(RELEASE)

check: deps ## every test: optimised, under ASan + UBSan, with the CPU limited to AVX2, and the include rule
	@scripts/check

check-includes: ## who may include whom (docs/architecture.md)
	@scripts/check-includes

probe: build ## train the built-in demonstration probe anew (data/puppet-probe.safetensors)
	@scripts/train-puppet-probe $(RELEASE)

install: build ## install program, library, headers and pkg-config file under PREFIX (/usr/local)
	@cmake --install $(RELEASE) --prefix $(PREFIX)

bench: build ## the project's own benchmarks
	@scripts/bench $(RELEASE)

fuzz: deps ## run every fuzz harness for FUZZ_SECONDS (60) each
	@scripts/fuzz

format: ## clang-format over all sources
	@git ls-files '*.c' '*.h' '*.cpp' | xargs clang-format-14 -i

clean: ## remove build/
	@rm -rf build demo-out
