#!/usr/bin/env bash
# Installs the programs of others that the tests run against the broker into .peers/, pinned and
# only when something changed. Everything comes from the package registries of Go, Python and Rust,
# the browser from the distribution.
# Each part prints one line; a toolchain that is not there is a warning (with MQ9_REQUIRE_PEERS set, an
# error), a failed install an error.
set -u
cd "$(dirname "$0")/.."
peers="$PWD/.peers"
pins="$PWD/scripts/peers"
mkdir -p "$peers/bin" "$peers/stamps" "$peers/log"
failures=0

say() { printf '%-22s %s\n' "$1" "$2"; }

# part NAME "WHAT IT IS" STAMP COMMAND...: runs the command unless it ran before with this stamp.
part() {
  local name=$1 what=$2 stamp=$3
  shift 3
  if [ "$(cat "$peers/stamps/$name" 2>/dev/null)" = "$stamp" ]; then
    say "$name" "$what (already there)"
  elif "$@" >"$peers/log/$name.log" 2>&1; then
    printf '%s' "$stamp" >"$peers/stamps/$name"
    say "$name" "$what"
  else
    failures=$((failures + 1))
    say "$name" "FAILED, see .peers/log/$name.log; it ends:"
    tail -n 5 "$peers/log/$name.log" >&2
  fi
}

# missing PART "WHAT IS MISSING" "WHAT IS SKIPPED FOR IT"
missing() {
  if [ -n "${MQ9_REQUIRE_PEERS:-}" ]; then
    failures=$((failures + 1))
    say "$1" "MISSING: $2; MQ9_REQUIRE_PEERS asks for it"
  else
    say "$1" "WARNING: $2; tests against $3 are skipped"
  fi
}

pinned() { cat "$@" | cksum | cut -d ' ' -f 1; }

build_go_tools() {
  (cd "$pins" && go build -trimpath -o "$peers/bin/" github.com/nats-io/nats-server/v2 github.com/nats-io/natscli/nats)
}

fetch_go_client() {
  (cd tests && go mod download) && (cd examples/go && go mod download)
}

install_python() {
  rm -rf "$peers/venv"
  "$python" -m venv "$peers/venv" &&
    "$peers/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$pins/requirements.txt"
}

# The release before, beside the venv: a test that wants it puts this folder into PYTHONPATH.
install_older_sdk() {
  rm -rf "$peers/robustmq-0.3.5"
  "$peers/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --target "$peers/robustmq-0.3.5" robustmq==0.3.5
}

if command -v go >/dev/null 2>&1; then
  toolchain=$(go env GOVERSION)
  part go-tools "nats-server 2.15.2 and the nats CLI 0.3.0" \
    "$toolchain-$(pinned "$pins/go.mod" "$pins/go.sum")" build_go_tools
  part go-client "nats.go 1.53.1" "$(pinned tests/go.mod tests/go.sum examples/go/go.mod examples/go/go.sum)" fetch_go_client
else
  missing go-tools "go is not installed" "nats-server, the CLI and nats.go"
fi

python=$(command -v python3 || true)
if [ -n "$python" ] && "$python" -c 'import sys, venv, ensurepip; assert sys.version_info >= (3, 10)' 2>/dev/null; then
  version=$("$python" -c 'import platform; print(platform.python_version())')
  part python "nats-py 2.16.0 with aiohttp and nkeys, robustmq 1.0.0, langchain-mq9 0.3.5" \
    "$version-$(pinned "$pins/requirements.txt")" install_python
  part python-robustmq-0.3.5 "robustmq 0.3.5" "$version-0.3.5" install_older_sdk
else
  missing python "no python3 of at least 3.10 with venv" "nats-py"
fi

# The published Rust client with the program that drives it.
build_rust_sdk() {
  (cd tests/interop/rust && cargo build --release --locked --quiet --target-dir "$peers/rust") &&
    cp "$peers/rust/release/sdk-rust" "$peers/bin/" && rm -rf "$peers/rust"
}

if command -v cargo >/dev/null 2>&1; then
  part rust-sdk "robustmq 1.0.0 for Rust" \
    "$(cargo --version)-$(pinned tests/interop/rust/Cargo.toml tests/interop/rust/Cargo.lock tests/interop/rust/src/main.rs)" build_rust_sdk
else
  missing rust-sdk "cargo is not installed" "the Rust client"
fi

# A terminal that tests can read.
install_tmux() {
  apt-get install -y --no-install-recommends tmux ||
    { apt-get update && apt-get install -y --no-install-recommends tmux; }
}

if command -v tmux >/dev/null 2>&1; then
  say tmux "$(tmux -V) (already there)"
elif command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" -eq 0 ]; then
  part tmux "tmux" tmux install_tmux
else
  missing tmux "no tmux, and no right to install one" "terminals"
fi

# Shells whose completion the tests load.
install_shells() {
  apt-get install -y --no-install-recommends zsh fish ||
    { apt-get update && apt-get install -y --no-install-recommends zsh fish; }
}

if command -v zsh >/dev/null 2>&1 && command -v fish >/dev/null 2>&1; then
  say shells "zsh and fish (already there)"
elif command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" -eq 0 ]; then
  part shells "zsh and fish" shells install_shells
else
  missing shells "no zsh and fish, and no right to install them" "completion"
fi

# A browser: what people have, or the package of Debian and its kin.
install_browser() {
  apt-get install -y --no-install-recommends chromium ||
    { apt-get update && apt-get install -y --no-install-recommends chromium; }
}

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -n "$browser" ]; then
  say chromium "$("$browser" --version 2>/dev/null | head -n 1) (already there)"
elif command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" -eq 0 ]; then
  part chromium "Chromium" chromium install_browser
else
  missing chromium "no Chromium, and no right to install one" "browsers"
fi

# The checker of alert rules, out of the package of Debian and its kin; nothing is installed.
fetch_promtool() {
  local work status
  work=$(mktemp -d) || return 1
  (
    cd "$work" &&
      { apt-get download prometheus || { apt-get update && apt-get download prometheus; }; } &&
      dpkg-deb -x prometheus_*.deb package &&
      cp package/usr/bin/promtool "$peers/bin/promtool"
  )
  status=$?
  rm -rf "$work"
  return $status
}

if command -v promtool >/dev/null 2>&1; then
  say promtool "$(promtool --version 2>/dev/null | head -n 1) (already there)"
elif command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1; then
  part promtool "promtool, of Prometheus" promtool fetch_promtool
else
  missing promtool "no promtool, and no package of it" "the alert rules"
fi

say npm-sdk "@robustmq/sdk is not on the npm registry; tests speak its wire calls instead"

[ "$failures" -eq 0 ]
