# What is typed in this folder. `make` alone lists it; `.ci/run` calls `lint` and `test`.
# Needed beforehand: Rust (the version that Cargo.toml names, or a newer one), a C compiler, make. Cargo fetches the rest, and apt-get what
# PARTS and TOOLS name.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup parts demo library install test soak torture kills hostile interleavings ledger year sizes lists scale afar screenshots api pages apart fuzz rtsan tsan bench lint

# Where rustup installs, for a shell that was open before it did.
export PATH := $(PATH):$(HOME)/.cargo/bin

# What retrocall itself is built with, besides Rust, each with its Debian package: sound devices (ALSA). A program, or a file.
PARTS := pkg-config:pkg-config /usr/include/alsa/asoundlib.h:libasound2-dev
# What the tests and `bench` run besides retrocall: the Python client, a reader of WAV files that is not ours, the system calls of a
# running engine, a packer to compare with, two telephones, a sound server and what connects the one to the other, a display and a finger
# on its keyboard, a desktop's bus, what checks units of systemd, a disk that can be frozen, a compiler for C++, the database of a centre, certificates.
TOOLS := python3:python3 mypy:mypy soxi:sox strace:strace flac:flac baresip:baresip-core pulseaudio:pulseaudio pactl:pulseaudio-utils \
  /usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so:libasound2-plugins Xvfb:xvfb xdotool:xdotool dbus-daemon:dbus-daemon \
  systemd-analyze:systemd mkfs.ext4:e2fsprogs fsfreeze:util-linux c++:g++ \
  /usr/lib/postgresql/*/bin/postgres:postgresql /usr/lib/python3*/ensurepip/__init__.py:python3-venv chromium:chromium chromedriver:chromium-driver openssl:openssl
# A server of S3 for the tests, in Python, which pip fetches into target/: moto with what its part for S3 needs, and no other part.
S3 := 'moto[s3]>=5,<6' 'flask>=3,<4' 'flask-cors>=5'
have = $(if $(findstring /,$(1)),$(wildcard $(1)),$(shell command -v $(1)))
MISSING = $(strip $(foreach part,$(1),$(if $(call have,$(firstword $(subst :, ,$(part)))),,$(lastword $(subst :, ,$(part))))))

LOOM := tests/loom/Cargo.toml

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 22

# Installs the Debian packages of $(2), for $(1), that are missing.
define install
	@missing="$(call MISSING,$(2))"; if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	  echo "make $@: $(1) needs $$missing (Debian's names), and there is no apt-get here: install them by other means" >&2; exit 1; \
	fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=; elif command -v sudo >/dev/null; then sudo=sudo; else \
	  echo "make $@: $(1) needs $$missing, and you are neither root nor have sudo: let an administrator run" \
	    "\`apt-get install $$missing\`" >&2; exit 1; \
	fi; \
	echo "make $@: installing $$missing$${sudo:+ (with sudo)}"; \
	$$sudo apt-get update -qq; \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null
endef

setup: parts ## install the Debian packages that building and testing need; and a server of S3 from PyPI; does nothing if they are there
	$(call install,testing,$(TOOLS))
	@[ -x target/moto/bin/moto_server ] || { python3 -m venv target/moto && target/moto/bin/pip install -q $(S3); }

parts:
	$(call install,building,$(PARTS))

# The dev profile, for it is what `test` needs too: everything is compiled once. Our own code is optimised in it, so that it has no
# trouble with a desk of calls; a release build would compile every dependency a second time to show the same. With EVERYTHING each
# crate gets the features that it has in the tests: without it a hundred crates would be compiled for each.
EVERYTHING := --examples
demo: parts ## build, and show the main job: a desk full of calls, what was kept and why, and a proof that nothing else was
	cargo build --locked --bin retrocall $(EVERYTHING)
	@$(or $(CARGO_TARGET_DIR),target)/debug/retrocall demo

# The C library. PROFILE=dev is what the tests build; CARGO, LD, OBJCOPY, STRIP and AR can be others.
DESTDIR ?=
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PROFILE ?= release
CARGO ?= cargo
OBJCOPY ?= objcopy
STRIP ?= strip
CAPI := src/wire/capi
BUILT = $(or $(CARGO_TARGET_DIR),target)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
STAGE = $(BUILT)/library
CAPI_VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' $(CAPI)/Cargo.toml)
# Programs that were linked with one run with every other of the same name: src/wire/capi/build.rs.
SONAME := libretrocall.so.0

# What Rust makes has its whole standard library in it, with names that another library in Rust has as well, and the compiler's own notes. Of
# the static one only the functions of the header are left to be seen, and only what they need is left at all.
library:
	$(CARGO) build --locked --profile $(PROFILE) $(if $(filter dev,$(PROFILE)),--workspace --lib $(EVERYTHING),-p retrocall-c)
	@rm -rf $(STAGE) && mkdir -p $(STAGE)
	@sed -n 's/^[a-z].*[ *]\(retrocall_[a-z_]*\)(.*/\1/p' $(CAPI)/retrocall.h | sort -u >$(STAGE)/names
	@$(LD) -r --gc-sections --force-group-allocation $$(sed 's/^/-u /' $(STAGE)/names) -o $(STAGE)/all.o $(BUILT)/libretrocall.a
	@$(OBJCOPY) --strip-unneeded --keep-global-symbols=$(STAGE)/names --remove-section=.llvmbc --remove-section=.llvmcmd \
	  $(STAGE)/all.o $(STAGE)/retrocall.o
	@$(AR) rcs $(STAGE)/libretrocall.a $(STAGE)/retrocall.o
	@$(STRIP) --strip-unneeded -o $(STAGE)/libretrocall.so $(BUILT)/libretrocall.so
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))' \
	  'includedir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR))' '' 'Name: retrocall' \
	  "Description: A softphone's end of retrocall" 'Version: $(CAPI_VERSION)' 'Cflags: -I$${includedir}' \
	  'Libs: -L$${libdir} -lretrocall' 'Libs.private: -lpthread -ldl -lm' >$(STAGE)/retrocall.pc

install: library ## the C library: header, libraries and retrocall.pc, under PREFIX (/usr/local), within DESTDIR if it is set
	install -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 $(CAPI)/retrocall.h $(DESTDIR)$(INCLUDEDIR)
	install -m 644 $(STAGE)/libretrocall.a $(DESTDIR)$(LIBDIR)
	install -m 755 $(STAGE)/libretrocall.so $(DESTDIR)$(LIBDIR)/libretrocall.so.$(CAPI_VERSION)
	ln -sf libretrocall.so.$(CAPI_VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libretrocall.so
	install -m 644 $(STAGE)/retrocall.pc $(DESTDIR)$(LIBDIR)/pkgconfig

# What leaks on purpose comes first, so that the program that is left behind can't.
test: setup ## every test: unit, end to end, the examples in the documentation, the loom models of the ring
	cargo test --locked --features retrocall/planted-leaks --test prove leaks
	cargo test --locked
	cargo test --locked --release --manifest-path $(LOOM)
	@[ "$$(id -u)" = 0 ] || echo "make test: passed, but you are not root: what needs a small disk, another user or strace on an engine was SKIPPED"

soak: parts ## a hundred thousand calls, after which the engine must be what it was before them
	RETROCALL_SOAK_CALLS=100000 cargo test --locked --release --test soak -- --nocapture

# The dev profile, as `test`: what is killed is the engine that was tested.
torture: parts ## three hundred times kill -9 under fifty live calls, a hundred of phones and engine, power cuts at every step: what was pressed is there, nothing else
	RETROCALL_STATES=$${RETROCALL_STATES:-25} cargo test --locked --test commit power
	cargo test --locked --test torture -- --ignored --nocapture hundreds
	RETROCALL_KILLS=$${RETROCALL_KILLS:-100} cargo test --locked --test shared -- --nocapture each_pressed_call

kills: parts ## a hundred times kill -9 in the middle of a sweep, a backup, a restore, an export, an erasure: nothing that should exist is gone, nothing reported deleted exists
	RETROCALL_KILLS=$${RETROCALL_KILLS:-100} cargo test --locked --test backup --test rights -- --nocapture killed

hostile: setup ## five sites, two processes of a centre, a database and a bucket, over ways that cut, delay, swallow and repeat, with a hundred times kill -9: all is there once, the dead stay dead
	RETROCALL_KILLS=$${RETROCALL_KILLS:-100} cargo test --locked --test centre -- --nocapture over_bad_ways

interleavings: parts ## a hundred thousand calls with frames, controls and the commit on three threads: file and ring equal the model, sample by sample
	RETROCALL_INTERLEAVINGS=$${RETROCALL_INTERLEAVINGS:-100000} cargo test --locked --test interleavings -- --nocapture

ledger: parts ## two million rows of the ledger, verified: how long that takes
	RETROCALL_CALLS=$${RETROCALL_CALLS:-30000} cargo test --locked --release -p retrocall-ledger --lib -- --nocapture whatever_its_size

year: parts ## a year of fifty agents with forty calls a day, judged day by day by a checker of its own: not one recording too many or too few
	RETROCALL_YEAR_CALLS=$${RETROCALL_YEAR_CALLS:-2000} RETROCALL_YEAR_DAYS=$${RETROCALL_YEAR_DAYS:-425} \
	  cargo test --locked --release -p retrocall-records --test year -- --nocapture in_a_year

sizes: setup ## two million rows of the ledger and lists of 150,000 recordings, at home and on a server, then a million recordings that are due at once: how long that takes
	RETROCALL_SIZES_CALLS=$${RETROCALL_SIZES_CALLS:-900000} RETROCALL_SIZES_KEPT_ONE_IN=6 RETROCALL_SIZES_DUE_ON_SERVER=20000 \
	  cargo test --locked --release -p retrocall-records --test sizes -- --nocapture
	RETROCALL_SIZES_CALLS=$${RETROCALL_SIZES_CALLS:-1000000} RETROCALL_SIZES_KEPT_ONE_IN=1 RETROCALL_SIZES_DUE_ON_SERVER=0 \
	  cargo test --locked --release -p retrocall-records --test sizes -- --nocapture

lists: setup ## a hundred thousand recordings, and fifty people at once who ask for every list, at home and on a server: how long they wait
	RETROCALL_LISTS_RECORDINGS=$${RETROCALL_LISTS_RECORDINGS:-100000} cargo test --locked --release --test lists -- --nocapture

scale: setup ## what one recording costs those who deliver it, and what a site costs that has nothing to say: the units of docs/scale.md
	RETROCALL_SCALE=$${RETROCALL_SCALE:-30} cargo test --locked --release --test centre -- --nocapture is_measured

afar: setup ## a thousand sites with a socket to one centre: how long a press from afar takes among them
	RETROCALL_SITES=$${RETROCALL_SITES:-1000} cargo test --locked --test afar -- --nocapture however_many_sites

SCREENSHOTS ?= target/screenshots
screenshots: setup ## pictures of every page, 1280 and 390 pixels wide, light and dark, in SCREENSHOTS (target/screenshots)
	RETROCALL_PICTURES=$(SCREENSHOTS) cargo test --locked --test browser -- --ignored pictures

api: setup ## schemathesis tries the OpenAPI document against the server, in the name of each role; pip fetches it into target/
	@[ -x target/schemathesis/bin/schemathesis ] || { python3 -m venv target/schemathesis && target/schemathesis/bin/pip install -q 'schemathesis>=4,<5'; }
	PATH="$$PWD/target/schemathesis/bin:$$PATH" cargo test --locked --test pages -- --ignored --nocapture schemathesis

pages: setup ## a recording of two hours in a browser: how long a person waits
	cargo test --locked --release --test browser -- --ignored --nocapture two_hours

apart: parts ## live calls beside pages that are absent, flooded, frozen and killed, ten turns of each: what a press and a commit take, as ratios
	RETROCALL_APART_ROUNDS=$${RETROCALL_APART_ROUNDS:-10} cargo test --locked --test pages -- --nocapture flooded

# A package of its own, so that the product depends on no rival. `make bench BENCH="--quick --only push"` measures less.
RIVALS := benches/rivals/Cargo.toml

bench: setup ## how fast it is, side by side with rivals, under ten minutes; BENCH="--quick --html bench.html" passes flags
	@cargo build --locked --release --manifest-path $(RIVALS)
	@$${CARGO_TARGET_DIR:-benches/rivals/target}/release/retrocall-rivals bench $(BENCH)

lint: parts ## formatting, clippy, documentation: a warning is an error
	cargo fmt --all --check
	cargo fmt --check --manifest-path $(LOOM)
	cargo fmt --check --manifest-path $(RIVALS)
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked -p retrocall-c -p retrocall-softphone -- -D warnings
	@# Each by itself: what a crate has only because another one asks for it is missing here.
	for crate in words shared core client file; do cargo check --locked -p retrocall-$$crate; done
	@for package in $(RIVALS) $(LOOM) $(FUZZ)/Cargo.toml tests/tsan/Cargo.toml; do \
	  cargo metadata --locked --format-version 1 --manifest-path $$package >/dev/null; done
	@# The targets of the fuzzer compile; the fuzzer itself, which is C++, is not needed to see that.
	@# In the same folder as all else, so that what both need is checked once.
	CUSTOM_LIBFUZZER_PATH=./none.a cargo check --locked --manifest-path $(FUZZ)/Cargo.toml \
	  --target-dir $(or $(CARGO_TARGET_DIR),target)
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --lib $(EVERYTHING)
	bash -n .ci/run

# The sanitizers and the fuzzer are unstable flags of the stable compiler: it takes them with RUSTC_BOOTSTRAP=1.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

# Seeds and finds are in the repository and replayed by `test`; what the fuzzer grows from them stays in `target`.
FUZZ_TARGETS := audiosocket frames shared requests settings wav recovery ring client
FUZZ_SECONDS ?= 60
FUZZ := tests/fuzz

fuzz: ## fuzz everything that reads bytes from outside, FUZZ_SECONDS (60) each; a find is kept in tests/fuzz/finds
	@command -v cargo-fuzz >/dev/null || { echo "make fuzz: needs cargo-fuzz: run \`cargo install --locked cargo-fuzz\`" >&2; exit 1; }
	RUSTC_BOOTSTRAP=1 cargo fuzz build --fuzz-dir $(FUZZ)
	@cd $(FUZZ); failed=; for target in $(FUZZ_TARGETS); do \
	  mkdir -p target/corpus/$$target finds/$$target; log=target/$$target.log; \
	  if ! target/$(HOST)/release/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 \
	    -artifact_prefix=finds/$$target/ target/corpus/$$target corpus/$$target finds/$$target >$$log 2>&1; then \
	    failed="$$failed $$target"; tail -n 40 $$log >&2; \
	  fi; \
	  echo "$$target: $$(sed -n 's/^stat::number_of_executed_units: *//p' $$log) executions"; \
	done; \
	if [ -n "$$failed" ]; then echo "make fuzz: found something in$$failed: the input is in $(FUZZ)/finds" >&2; exit 1; fi

# Our own crates alone are built again, with the wrapper of the compiler: what blocks in others is seen where they call the system.
rtsan: parts ## RealtimeSanitizer on the path of a frame: no lock, no allocation, no call of the system
	RUSTC_WORKSPACE_WRAPPER=$(CURDIR)/tests/rtsan/rustc cargo test --locked -p retrocall -p retrocall-words -p retrocall-core \
	  -p retrocall-intake --lib --test realtime --test ring_model --test rtsan -- --skip cli::

tsan: ## ThreadSanitizer on the ring: writers, readers, masks, wipes at once
	RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" \
	  cargo run --locked --release --target $(HOST) --manifest-path tests/tsan/Cargo.toml
