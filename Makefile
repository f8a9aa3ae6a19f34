# c10m: `make` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

MODULES     := . bench tests/browser tests/netstack
MAINS       := server client tuning
GOPEERS     := rawepoll gonet nbio netpoll gorilla coder gws gonetclient
COMMIT      := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
DATE        := $(shell git log -1 --format=%cs 2>/dev/null)
GOBUILD     := go build -trimpath -ldflags '-X "main.linked=$(COMMIT) $(DATE)"'
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
PREFIX      ?= /usr/local
TESTTIME    ?= 18m
FUZZTIME    ?= 20s

# of `make run` and `make bench`
export CONNS PROTO PORTS ENGINE

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# host says in one line what this machine lacks.
.PHONY: host
host:
	@command -v go >/dev/null || { echo 'c10m needs Go 1.26 or later: https://go.dev/dl/' >&2; exit 1; }
	@[[ $$(go env GOOS) == linux ]] || { echo "c10m runs on Linux only, not on $$(go env GOOS)" >&2; exit 1; }

.PHONY: build
build: host ## build bin/server, bin/client and bin/tuning
	@mkdir -p bin
	@for m in $(MAINS); do echo "build bin/$$m"; $(GOBUILD) -o bin/$$m ./$$m; done

.PHONY: man
man: build ## write the man pages into out/man
	@mkdir -p out/man
	@for m in $(MAINS); do bin/$$m man >out/man/c10m-$$m.1; done; ls out/man/*.1

.PHONY: install
install: build ## install as c10m-server, c10m-client, c10m-tuning; PREFIX=/usr/local
	@install -d $(DESTDIR)$(PREFIX)/bin
	@for m in $(MAINS); do install -m 755 bin/$$m $(DESTDIR)$(PREFIX)/bin/c10m-$$m; done; ls $(DESTDIR)$(PREFIX)/bin/c10m-*

.PHONY: dist
dist: build ## tarballs, .deb and .rpm for amd64 and arm64, in out/dist
	@scripts/dist.sh

.PHONY: peers
peers: host ## build the harness, the servers and the yardsticks that we compare with
	@mkdir -p bin
	cc -O2 -Wall -Wextra -o bin/floor bench/peers/floor/floor.c
	cc -O2 -Wall -Wextra -pthread -o bin/packets bench/peers/packets/packets.c
	cd bench; $(GOBUILD) -o ../bin/bench .; for p in $(GOPEERS); do $(GOBUILD) -o ../bin/$$p ./peers/$$p; done

.PHONY: run
run: build ## run the main job on this machine; CONNS=N|auto PORTS=200 PROTO=tcp|ws|tcp,ws ENGINE=gnet|epoll
	@scripts/run.sh

.PHONY: bench
bench: build peers ## repeat the measurements of RESULTS.md
	@scripts/bench.sh

.PHONY: profile
profile: build peers ## where the processors' time goes in a setup (root, perf)
	@scripts/profile.sh

.PHONY: compare
compare: build peers ## compare servers and clients (some 15 minutes); writes out/compare
	@scripts/install-peers.sh
	@bin/bench run $(COMPARE_FLAGS)

.PHONY: results
results: peers ## write the generated parts of RESULTS.md and docs/plots from results/
	@bin/bench results

.PHONY: screenshots
screenshots: build ## make the README's pictures of the live page and the report anew
	@scripts/install-deps.sh
	@scripts/screenshots.sh

.PHONY: fleet
fleet: build ## three agents beside one client, and what a hundred take the hub (root)
	@scripts/fleet.sh

.PHONY: labs
labs: build ## run every lab once: churn, relay, workers, peak, stress, echo, soak
	@scripts/labs.sh

# Nothing to install and no root; tests that need it are skipped and say so. The
# programs as processes (tests/) and the comparison (bench/) are for make test. The
# tests wait more than they compute: four packages at a time.
.PHONY: check
check: host ## format, vet and unit tests: a minute and a half, no root, nothing to install
	@bad=$$(gofmt -l .); [[ -z $$bad ]] || { echo "not formatted (gofmt -w): $$bad" >&2; exit 1; }
	@go vet ./...
	@go test -short -p 4 ./internal/... ./server ./client ./tuning

# Not from the cache: the tests talk to the kernel, and it may have changed.
.PHONY: test
test: host ## install what the tests need and run them all
	@scripts/install-deps.sh
	@for m in $(MODULES); do echo "test $$m"; (cd $$m && go test -count=1 -timeout $(TESTTIME) ./...); done

# The programs as processes run over the default engine only: twice as slow as
# without the detector, over both they would take half an hour. The engines' own
# tests run over both.
.PHONY: race
race: export C10M_ENGINE = gnet
race: host ## run the tests and the shorter faults under the race detector
	@scripts/install-deps.sh
	@for m in $(MODULES); do echo "race $$m"; \
	  (cd $$m && go test -race -short -tags chaos -count=1 -timeout $(TESTTIME) ./...); done

# The build tag keeps these tests out of ./...; C10M_CHAOS_LONG=1 lets every
# fault last as long as RELIABILITY.md says.
.PHONY: chaos
chaos: host ## break things on purpose: faults, hostile peers, lost networks
	@scripts/install-deps.sh
	go test -tags chaos -count=1 -timeout $(TESTTIME) ./tests/chaos

.PHONY: lint
lint: host ## check format, vet, staticcheck, arm64, and what other systems are told
	@echo 'lint gofmt'; bad=$$(gofmt -l .); [[ -z $$bad ]] || { echo "not formatted (gofmt -w): $$bad" >&2; exit 1; }
	@for f in .ci/run scripts/*.sh; do echo "lint $$f"; bash -n $$f; done
	@for m in $(MODULES); do cd $(CURDIR)/$$m; \
	  echo "lint $$m: go vet"; go vet -tags chaos ./...; \
	  echo "lint $$m: staticcheck"; go run $(STATICCHECK) -tags chaos ./...; \
	  echo "lint $$m: arm64"; GOARCH=arm64 go vet ./...; GOARCH=arm64 go build -o /dev/null ./...; \
	done
	@for m in $(MAINS); do echo "lint $$m: not on Linux"; \
	  said=$$(GOOS=darwin go build -o /dev/null ./$$m 2>&1 || true); \
	  [[ $$said == *c10m_runs_on_Linux_only* && $$said != *$$'\n'* ]] || \
	    { echo "GOOS=darwin go build ./$$m: want one line with c10m_runs_on_Linux_only, have: $$said" >&2; exit 1; }; \
	done

.PHONY: fuzz
fuzz: host ## run every fuzz target for FUZZTIME=20s
	@for m in $(MODULES); do scripts/fuzz.sh $$m $(FUZZTIME); done

.PHONY: clean
clean: ## remove what was built and written
	rm -rf bin out
