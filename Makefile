# SPDX-License-Identifier: Apache-2.0
# Builds, tests and shows cqrsd. `make help` lists the targets.
#
# VARIANT=release|asan|tsan|clang|fuzz picks the compiler flags and the folder that is built in.
# Sources are found by looking: *.c in base/ pg/ catalog/ read/ write/ router/ http/ cmd/ and in the
# folders of these, two levels.

VERSION := 0.1.0
VARIANT ?= release

FOLDERS := base pg catalog read write router http cmd
MODULES := libmicrohttpd libpq ck libsystemd libcrypto zlib libcurl

PYTHON ?= /usr/bin/python3
# PG_BINDIR=folder names the PostgreSQL binaries; without it the newest of the machine are found.

# Where `make install` puts things, below DESTDIR.
PREFIX     ?= /usr/local
BINDIR     := $(PREFIX)/bin
MANDIR     := $(PREFIX)/share/man
LICENSEDIR := $(PREFIX)/share/doc/cqrsd
UNITDIR    ?= $(PREFIX)/lib/systemd/system

# What each goal needs, as groups of deploy/install-packages.
packages_demo         := cluster demo
packages_test         := cluster test chaos
packages_chaos        := cluster test chaos
packages_hostile      := cluster test hostile
packages_tenants      := cluster test
packages_rolling      := cluster test
packages_chaos-pairs  := cluster test
packages_chaos-cut-off := cluster test
packages_chaos-strong := cluster test
packages_patroni      := cluster test patroni
packages_samples      := cluster demo samples
packages_clients      := cluster clients
packages_calls        := cluster test
packages_fuzz         := test
packages_chaos-jobs    := cluster test chaos
packages_chaos-controls := cluster test chaos
packages_bench        := cluster bench peers
packages_overload     := cluster
packages_recovery     := cluster
packages_bench-jobs    := cluster bench peers
packages_bench-instructions := bench
install_packages = deploy/install-packages build $(packages_$@)

# A line per step; V=1 shows whole commands.
V ?=
quiet = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

UNIT     ?= test_*
SCENARIO ?= tests/scenario tests/guarantees
# So many processes share the files of scenarios, each with a cluster of its own; 0: pytest alone.
WORKERS  ?= $(if $(filter tests/scenario,$(SCENARIO)),2,0)
# The unit tests of what threads share: the ones worth running under ThreadSanitizer.
THREADED := test_gcra* test_loop* test_mailbox* test_metrics* test_monitor* test_high_water* \
            test_repeats* test_audit* test_sessions* test_snapshot* test_statement* test_loss_notices* \
            test_key_store_threads* test_jwks_fetch* test_failures* test_acceptor* \
            test_job_occupancy* test_stripes* test_tag_set* test_feed_desk* test_cache_threads* \
            test_cache_reuse_threads*

# One make builds with every core unless told otherwise.
ifeq ($(MAKELEVEL),0)
ifeq ($(filter -j% --jobs%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
endif
MAKEFLAGS += --no-print-directory --no-builtin-rules

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all bench-programs bench-instructions demo test unit scenario tidy asan tsan tsan-unit \
        chaos chaos-jobs bench-jobs chaos-pairs chaos-cut-off chaos-strong chaos-controls fuzz fuzz-programs hostile tenants lookups rolling patroni samples clients calls bench \
        overload recovery clang-tidy format clean install uninstall debian-12 debian-13 \
        help FORCE

# --- variants ------------------------------------------------------------------------------------

# Builds without one guard each (base/control.h tells what each leaves out): a name a line.
CONTROLS := \
            no-proof \
            no-floor \
            no-timelines \
            no-lives \
            no-commit \
            no-hold \
            no-pressure \
            no-claims \
            no-revocation \
            no-closed \
            any-flight \
            no-index \
            old-index \
            old-carried \
            no-witnesses \
            no-job-lock \
            no-job-frame \
            no-job-begun \
            no-job-holders \
            no-job-life \
            feed-xmax \
            feed-no-gaps \
            feed-no-floor \
            feed-no-shape \
            feed-unwatched \
            feed-undecoded \
            feed-old-slot \
            no-schedule-lock \
            warm-without-rest \
            warm-no-room \
            warm-no-pace \
            warm-no-version \
            no-cache-section \
            cache-no-fence \
            cache-no-doubt \
            cache-any \
            cache-loose-bound \
            no-renewal \
            any-restart \
            cache-of-all \
            cache-not-asked \
            cache-no-refreshes \
            cache-no-groups \
            cache-no-schema

ifeq ($(VARIANT),release)
  BUILD    := build
  COMPILER := gcc
  OPTIMISE := -O2 -D_FORTIFY_SOURCE=2
else ifeq ($(VARIANT),clang)
  BUILD    := build/clang
  COMPILER := clang
  OPTIMISE := -O2 -D_FORTIFY_SOURCE=2
else ifeq ($(VARIANT),asan)
  BUILD    := build/asan
  COMPILER := gcc
  SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
else ifeq ($(VARIANT),tsan)
  BUILD    := build/tsan
  COMPILER := gcc
  SANITIZE := -fsanitize=thread
else ifeq ($(VARIANT),fuzz)
  BUILD    := build/fuzz
  COMPILER := clang
  SANITIZE := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
else ifneq ($(filter $(CONTROLS),$(VARIANT)),)
  # Control builds: base/control.h tells what each leaves out.
  BUILD    := build/$(VARIANT)
  COMPILER := gcc
  OPTIMISE := -O2 -D_FORTIFY_SOURCE=2 -DCONTROL_$(shell echo $(VARIANT) | tr a-z- A-Z_)
else
  $(error VARIANT=$(VARIANT): choose release, asan, tsan, clang, fuzz, or a control build)
endif

# What a sanitizer inserts hides from the compiler which values are possible: two warnings err.
# Both are gcc's: clang does not know them, and gcc takes any -Wno-… that it does not know.
ifdef SANITIZE
  OPTIMISE := -O1 -fno-omit-frame-pointer -Wno-unknown-warning-option \
              -Wno-maybe-uninitialized -Wno-format-truncation
  # Server processes write their reports here; a file in it fails the run.
  export SANITIZER_LOG_DIR := $(abspath $(BUILD)/reports)
  SANITIZED := tests/sanitized $(VARIANT)
endif

ifeq ($(origin CC),default)
  CC := $(COMPILER)
endif
ifeq ($(VARIANT)-$(origin CC),clang-environment)
  CC := $(COMPILER)
endif

GEN := $(BUILD)/gen
LIB := $(BUILD)/libcqrsd.a

# In a checkout a warning is an error with the compilers that CI has; another compiler knows other
# warnings, which end no build elsewhere. WERROR=1 or WERROR= decides it.
ifeq ($(origin WERROR),undefined)
  WERROR := $(and $(wildcard .git),$(filter gcc-12 clang-14,$(COMPILER)-$(firstword \
            $(subst ., ,$(shell $(CC) -dumpversion 2>/dev/null)))))
endif

WARNINGS := -Wall -Wextra $(if $(WERROR),-Werror) -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wvla -Wundef

# What makes an error in memory harder to exploit. Sanitizers look for the same by other means.
ifndef SANITIZE
  HARDEN  := -fPIE -fstack-protector-strong -fstack-clash-protection -fno-plt
ifneq ($(filter x86_64-% i%86-%,$(shell $(CC) -dumpmachine 2>/dev/null)),)
  HARDEN  += -fcf-protection
endif
  LDFLAGS += -pie -Wl,-z,relro,-z,now,-z,noexecstack
endif

# Assertions stay on in every build: NDEBUG is never defined. No path of this folder gets into the
# program: the same source makes the same bytes anywhere.
CPPFLAGS += -I. -I$(BUILD) -D_GNU_SOURCE
CFLAGS   += -std=gnu11 -g -ffile-prefix-map=$(CURDIR)=. $(OPTIMISE) $(SANITIZE) -pthread $(HARDEN) \
            $(WARNINGS)
LDFLAGS  += -pthread $(SANITIZE)

# --- what is built from what ---------------------------------------------------------------------

SOURCES     := $(foreach folder,$(FOLDERS),$(wildcard $(folder)/*.c $(folder)/*/*.c))
LIB_SOURCES := $(filter-out cmd/main.c,$(SOURCES))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o) $(GEN)/migrations.o $(GEN)/docs_files.o \
               $(GEN)/parts_files.o
MIGRATIONS  := $(sort $(wildcard migrations/*.sql))
DOCS_FILES  := $(sort $(wildcard http/docs_page/*.*))
PARTS_FILES := $(sort $(wildcard catalog/openapi/parts/*.json))

UNIT_SOURCES := $(sort $(foreach name,$(UNIT),$(wildcard tests/unit/$(name).c)))
UNIT_TESTS   := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/unit/%)

all: $(BUILD)/cqrsd ## build cqrsd (build/cqrsd)

# Made on the first run: installs what the goals need and the machine lacks, all at once, then remembers what pkg-config says.
ifneq ($(filter-out clean help tidy format uninstall,$(or $(MAKECMDGOALS),all)),)
include build/packages.mk
endif

build/packages.mk: Makefile deploy/install-packages
	@deploy/install-packages build $(foreach goal,$(MAKECMDGOALS),$(packages_$(goal)))
	@mkdir -p $(@D)
	@cflags=$$(pkg-config --cflags $(MODULES)) && libs=$$(pkg-config --libs $(MODULES)) && \
	printf 'LIB_CFLAGS := %s\nLIBS := %s -lm\n' "$$cflags" "$$libs" >$@

# A stamp is a file that changes only when its text does, so that what depends on it is remade
# when the flags, the list of sources or the revision changed, and not otherwise.
define stamp
@mkdir -p $(@D)
@printf '%s\n' $(1) | cmp -s - $@ || printf '%s\n' $(1) >$@
endef

$(GEN)/flags: FORCE
	$(call stamp,'$(CC) $(CPPFLAGS) $(CFLAGS) $(LIB_CFLAGS) $(UNIT_CFLAGS)')

$(GEN)/members: FORCE
	$(call stamp,'$(LIB_OBJECTS)')

$(GEN)/migrations.list: FORCE
	$(call stamp,'$(MIGRATIONS)')

$(GEN)/docs_files.list: FORCE
	$(call stamp,'$(DOCS_FILES)')

$(GEN)/parts_files.list: FORCE
	$(call stamp,'$(PARTS_FILES)')

# The one file that changes with every commit. Only cmd/version.c includes it: "gen/revision.h".
# A tree without .git says so, unless REVISION= names the revision. Where git refuses to tell, as it
# does to root in the folder of another user (`sudo make install`), what was built last stands.
$(GEN)/revision.h: FORCE
	$(call stamp,'#define CQRSD_VERSION "$(VERSION)"' '#define CQRSD_REVISION "$(call revision)"')

revision = $(or $(REVISION),$(shell [ ! -e .git ] || git describe --always --dirty --abbrev=12 \
           --exclude '*' 2>/dev/null || \
           sed -n 's/.*CQRSD_REVISION "\(.*\)"/\1/p' $@ 2>/dev/null),unknown)

$(BUILD)/cmd/version.o: $(GEN)/revision.h

$(GEN)/migrations.c: migrations/embed base/c-literal $(MIGRATIONS) $(GEN)/migrations.list
	$(call quiet,GEN,$@)migrations/embed $(MIGRATIONS) >$@

$(GEN)/docs_files.c: base/embed base/c-literal $(DOCS_FILES) $(GEN)/docs_files.list
	$(call quiet,GEN,$@)base/embed http/docs_files.h docs_files $(DOCS_FILES) >$@

$(GEN)/parts_files.c: base/embed base/c-literal $(PARTS_FILES) $(GEN)/parts_files.list
	$(call quiet,GEN,$@)base/embed catalog/openapi/parts_files.h parts_files $(PARTS_FILES) >$@

$(GEN)/%.o: $(GEN)/%.c $(GEN)/flags
	$(call quiet,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.c $(GEN)/flags
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(LIB_OBJECTS) $(GEN)/members
	@rm -f $@
	$(call quiet,AR,$@)$(AR) rcs $@ $(LIB_OBJECTS)

$(BUILD)/cqrsd: $(BUILD)/cmd/main.o $(LIB)
	$(call quiet,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# --- what is installed ---------------------------------------------------------------------------

# The manual page, whose list of options is made from the table; the unit, with the place of the
# program.
$(BUILD)/cqrsd.1: deploy/man base/options.def cmd/verbs.def Makefile
	@mkdir -p $(@D)
	$(call quiet,GEN,$@)deploy/man '$(VERSION)' >$@

install: $(BUILD)/cqrsd $(BUILD)/cqrsd.1 ## program, manual page, unit: PREFIX=/usr/local DESTDIR=
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(UNITDIR) \
	    $(DESTDIR)$(LICENSEDIR)
	install -m 755 $(BUILD)/cqrsd $(DESTDIR)$(BINDIR)/cqrsd
	install -m 644 $(BUILD)/cqrsd.1 $(DESTDIR)$(MANDIR)/man1/cqrsd.1
	install -m 644 LICENSE $(DESTDIR)$(LICENSEDIR)/copyright
	sed 's|/usr/local/bin/|$(BINDIR)/|' deploy/cqrsd.service >$(DESTDIR)$(UNITDIR)/cqrsd.service
	chmod 644 $(DESTDIR)$(UNITDIR)/cqrsd.service

uninstall: ## removes what `make install` with the same PREFIX and DESTDIR put there
	rm -f $(DESTDIR)$(BINDIR)/cqrsd $(DESTDIR)$(MANDIR)/man1/cqrsd.1 \
	    $(DESTDIR)$(UNITDIR)/cqrsd.service $(DESTDIR)$(LICENSEDIR)/copyright
	[ ! -d $(DESTDIR)$(LICENSEDIR) ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(LICENSEDIR)

# --- what measures it (bench/) -------------------------------------------------------------------

# Programs, each from one file of its name; the other files of bench/ are what they share.
BENCH_PROGRAMS := loadgen direct replay
BENCH_SOURCES  := $(filter-out $(BENCH_PROGRAMS:%=bench/%.c) bench/replay_callers.c,\
                  $(wildcard bench/*.c))
BENCH_LIB      := $(BUILD)/libbench.a

$(BENCH_LIB): $(BENCH_SOURCES:%.c=$(BUILD)/%.o)
	@rm -f $@
	$(call quiet,AR,$@)$(AR) rcs $@ $^

$(BENCH_PROGRAMS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/bench/%.o $(BENCH_LIB) $(LIB)
	$(call quiet,LINK,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

# The fake libpq comes before the libraries, so that it takes the place of the real one.
$(BUILD)/replay: $(BUILD)/bench/replay.o $(BUILD)/bench/replay_callers.o \
	$(BUILD)/unit/jwt_story.o $(BUILD)/unit/key_story.o $(BUILD)/unit/fake_libpq.o $(BUILD)/unit/fake_libpq_result.o \
	$(BUILD)/unit/fake_libpq_server.o

bench-programs: $(BENCH_PROGRAMS:%=$(BUILD)/%) ## build/loadgen and the other programs of bench/

# --- what feeds it anything (tests/fuzz/) ---------------------------------------------------------

FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))

$(FUZZERS): $(BUILD)/%: $(BUILD)/tests/fuzz/%.o $(LIB)
	$(call quiet,LINK,$@)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(LIB) $(LIBS)

$(BUILD)/fuzz_connection: $(BUILD)/unit/library_clock.o
$(BUILD)/fuzz_jwt: $(BUILD)/unit/jwt_story.o
$(BUILD)/fuzz_head: $(BUILD)/tests/fuzz/head_lines.o
$(BUILD)/fuzz_principal: $(BUILD)/tests/fuzz/head_lines.o $(BUILD)/tests/fuzz/shown.o \
	$(BUILD)/unit/jwt_story.o $(BUILD)/unit/key_story.o $(BUILD)/unit/library_clock.o

# --- tests ---------------------------------------------------------------------------------------

# Every test takes `void **state`, few need it. cmocka.h leaves these includes to whoever includes it.
UNIT_CFLAGS := -Itests/unit -Wno-unused-parameter \
               -include stdarg.h -include stddef.h -include stdint.h -include setjmp.h

$(BUILD)/unit/%.o: tests/unit/%.c $(GEN)/flags
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) $(UNIT_CFLAGS) $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

# Helpers come before the archive and the libraries, so that what they define wins.
$(BUILD)/unit/%: $(BUILD)/unit/%.o $(LIB)
	$(call quiet,LINK,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LIBS) -lcmocka

# A test names its helpers in its first lines: /* links: fake_libpq.c bench/histogram.c */
ifneq ($(UNIT_SOURCES),)
UNIT_LINKS := $(shell awk 'FNR <= 10 && $$1 == "/*" && $$2 == "links:" { \
    test = FILENAME; sub(/.*\//, "", test); sub(/\.c$$/, "", test); \
    for (i = 3; i < NF; i++) { sub(/\.c$$/, "", $$i); \
        print test ":" ($$i ~ /\// ? "" : "unit/") $$i } }' $(UNIT_SOURCES))
$(foreach link,$(UNIT_LINKS),$(eval $(BUILD)/unit/$(subst :,: $(BUILD)/,$(link)).o))
endif

.SECONDARY:

demo: ## a throwaway cluster with the shop example, until Ctrl-C
	@$(install_packages)
	@$(MAKE) all
	@examples/shop/demo

test: ## everything: unit tests (also under ASan+UBSan), tidy, scenarios
	@$(install_packages)
	@$(MAKE) all
	@$(MAKE) unit
	@$(MAKE) VARIANT=asan unit
	@$(MAKE) tidy
	@$(MAKE) scenario

unit: $(UNIT_TESTS) ## unit tests; UNIT=test_arena picks some, VARIANT=asan the build
	@$(SANITIZED) tests/run-unit $(UNIT_TESTS)

scenario: $(BUILD)/cqrsd $(BUILD)/loadgen ## tests against real PostgreSQL; SCENARIO=file picks some, WORKERS=2
	@CQRSD=$(abspath $(BUILD)/cqrsd) LOADGEN=$(abspath $(BUILD)/loadgen) \
	    $(SANITIZED) $(PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile $(SCENARIO)

asan: ## unit tests and scenarios under AddressSanitizer and UBSan
	@$(MAKE) VARIANT=asan unit
	@$(MAKE) VARIANT=asan scenario

tsan: tsan-unit ## what threads share, and the scenarios, under ThreadSanitizer
	@$(MAKE) VARIANT=tsan scenario

tsan-unit: ## only the unit tests of what threads share, under ThreadSanitizer
	@$(MAKE) VARIANT=tsan UNIT='$(THREADED)' unit

tidy: ## style as a test: tests/tidy and its own test; do docs and tables agree
	@$(PYTHON) tests/tidy
	@$(PYTHON) -m pytest -q tests/tidy_selftest.py tests/docs_test.py

chaos: ## sessions, faults and a checker: SEEDS=25 SECONDS=60, one table at the end
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/guarantees/chaos --seeds $(or $(SEEDS),25) \
	    --seconds $(or $(SECONDS),60) --markdown build/chaos.md --json build/chaos.json

hostile: ## slow clients by slowhttptest, 10,000 at a time: SECONDS=30, one table
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/hostile/run --seconds $(or $(SECONDS),30) \
	    --connections $(or $(CONNECTIONS),10000)

tenants: ## two tenants, 1,000,000 mixed calls: no row of the other; ARGS='--calls 20000 --cache'
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/tenants/run $(ARGS)

lookups: ## mixed calls as @lookups and of one key each, the answers compared; CALLS=100000
	@LOOKUP_CALLS=$(or $(CALLS),100000) $(MAKE) scenario \
	    SCENARIO='tests/scenario/test_lookups.py -k mixed'

rolling: ## 20 rolling restarts behind HAProxy, 50,000 requests; ARGS='--restarts 6'
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/rolling/run $(ARGS)

patroni: ## three nodes under Patroni: switchover, a lost leader, back to the lower timeline
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/patroni/run $(ARGS)

clients: ## TypeScript made from the document of the shop, compiled and run: ARGS='--only lint'
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/clients/run $(ARGS)

samples: ## Chinook, Sakila and Northwind out over HTTP and in again; ARGS='--only chinook'
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/samples/run $(ARGS)

debian-12 debian-13: ## both commands of the README in a fresh Debian, as root: ARGS='make test'
	@tests/on-debian $(subst debian-,,$@) $(ARGS)

calls: ## calls made from /openapi.json, each reply compared with it: CALLS=100000 SEED=1 ARGS=
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/calls/run --calls $(or $(CALLS),100000) \
	    --seed $(or $(SEED),1) $(ARGS)

fuzz: ## libFuzzer over heads, callers, types, catalogs, JWTs and connections: SECONDS=600 for each
	@$(install_packages)
	@$(MAKE) VARIANT=fuzz fuzz-programs
	@tests/fuzz/run --seconds $(or $(SECONDS),60) $(TARGETS)

fuzz-programs: $(FUZZERS)

chaos-jobs: ## jobs under kills and promotions: each effect once, or told: SEEDS=3 SECONDS=40 ARGS=
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/guarantees/jobs --seeds $(or $(SEEDS),3) \
	    --seconds $(or $(SECONDS),40) $(ARGS)

chaos-pairs: ## 20,000 writes read at once behind a proxy, over 1 to 3 instances; ARGS='--pairs 2000'
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/guarantees/pairs $(ARGS)

chaos-cut-off: ## a primary is cut off together with cqrsd, 20 times: is a confirmed answer stale? ARGS=
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/guarantees/cut_off $(ARGS)

chaos-strong: ## 200,000 strong reads from replicas beside writers, twice: is one too old? ARGS='--reads 20000'
	@$(install_packages)
	@$(MAKE) all
	@CQRSD=$(abspath $(BUILD)/cqrsd) tests/guarantees/strong $(ARGS)

chaos-controls: ## builds without a guard each: the checker must notice within three seeds
	@$(install_packages)
	@tests/guarantees/controls $(ARGS)

bench: ## side by side with what one would use instead; ARGS='--only reads --runs 3'
	@$(install_packages)
	@$(MAKE) all bench-programs
	@bench/run $(ARGS)

bench-jobs: ## jobs: accepting, draining, beside commands, under kills, and peers; ARGS='--only drain'
	@$(install_packages)
	@$(MAKE) all bench-programs
	@bench/jobs $(ARGS)

overload: ## more load than the database can bear, beside a control: ARGS='--scenario tenant'
	@$(install_packages)
	@$(MAKE) all bench-programs
	@bench/overload $(ARGS)

recovery: ## how soon all is as before after a node was slow, frozen or full of errors
	@$(install_packages)
	@$(MAKE) all bench-programs
	@bench/recovery $(ARGS)

bench-instructions: ## instructions per request on a fixed replay, against what is committed; ARGS='--only hit-1'
	@$(install_packages)
	@$(MAKE) $(BUILD)/replay
	@REPLAY=$(abspath $(BUILD)/replay) bench/instructions $(ARGS)

# --- the rest ------------------------------------------------------------------------------------

clang-tidy: $(GEN)/revision.h $(GEN)/migrations.c $(GEN)/docs_files.c $(GEN)/parts_files.c ## clang-tidy over all sources (slow, advice only)
	clang-tidy --quiet $(SOURCES) -- $(CPPFLAGS) -std=gnu11 $(LIB_CFLAGS)

format: ## clang-format all C files in place
	clang-format -i $(foreach folder,$(FOLDERS) bench tests/unit,$(wildcard $(folder)/*.[ch] \
	    $(folder)/*/*.[ch]))

clean: ## remove what was built (.run/ stays)
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)
