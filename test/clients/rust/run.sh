#!/bin/sh
# Generates the client from the document (build.rs), builds, and runs the program.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache="${CLIENT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sandplane/clients/rust}"
program="$cache/program"

# Built from a copy, as a user has it, with the document beside build.rs. What is the same stays as it is: cargo goes by
# times, which say nothing when several checkouts share the cache.
mkdir -p "$program/src"
for file in Cargo.toml Cargo.lock build.rs src/main.rs; do
  cmp -s "$here/$file" "$program/$file" || cp "$here/$file" "$program/$file"
done
document="$here/../../../openapi/openapi-3.0.json"
cmp -s "$document" "$program/openapi-3.0.json" || cp "$document" "$program/openapi-3.0.json"

CARGO_TARGET_DIR="$cache/target" exec cargo run --locked --manifest-path "$program/Cargo.toml"
