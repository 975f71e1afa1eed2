# Everything a contributor types. `make help` lists it; CONTRIBUTING.md explains it. The work is done by CMake and Ninja.
#
#   JOBS=4            compile this many files at once (default: what Ninja thinks right)
#   NO_DEPS=1         do not look for Debian packages; you have installed what is needed some other way
#   SINCE=main        make lint: only files that differ from that commit
#   PREFIX, DESTDIR   make install: where to (default /usr/local)

SHELL := /bin/bash
PREFIX ?= /usr/local
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)
# What one clone has compiled another one need not.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
deps = $(if $(NO_DEPS),true,packaging/deps.sh)
build = cmake --build --preset
.DEFAULT_GOAL := release

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

release: ## build/release/notaus and notaus-gate (what plain `make` does)
	@$(deps) build
	@cmake/configure release
	@$(build) release --target programs

demo: release ## build, then replay the incident Notaus exists for
	@build/release/notaus demo

check: dev ## the tests of every day: under 2 minutes after the build
	@tests/run.sh check

test: dev ## everything CI runs: check, the long tests, unit tests under ASan+UBSan and TSan, the gate under TSan
	@cmake/configure asan && $(build) asan --target units
	@cmake/configure tsan && $(build) tsan --target units programs
	@tests/run.sh check long asan tsan

soak: dev ## tests for nights
	@tests/run.sh soak

bench: ## measure; results with machine and commit go to bench/results/
	@$(deps) build bench
	@cmake --preset release >/dev/null  # again: it may have been configured before there was anything to compare with
	@$(build) release
	@bench/run.py build/release

fmt: ## format all C++
	@$(deps) fmt
	@git ls-files -co --exclude-standard '*.cc' '*.h' '*.hpp' | xargs clang-format-19 -i

lint: dev ## clang-tidy and the format of all C++, or of what differs from SINCE
	@$(deps) fmt
	@tests/lint.sh $(SINCE)

install: release ## to $(DESTDIR)$(PREFIX): both programs, the headers, the guard library for find_package(notaus)
	@$(build) release
	@DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(PREFIX)

clean: ## forget all builds
	@rm -rf build

dev:
	@$(deps) build test
	@cmake/configure dev
	@$(build) dev

.PHONY: help release demo check test soak bench fmt lint install clean dev
