#!/bin/sh
# Generates the client from the document (build.rs), builds, and runs the program. What is made goes into CLIENT_CACHE;
# cargo makes it anew when the document, the generator's version or the program changed.
set -eu
cd "$(dirname "$0")"
cache="${CLIENT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sandplane/clients/rust}"
CARGO_TARGET_DIR="$cache/target" exec cargo run --locked
