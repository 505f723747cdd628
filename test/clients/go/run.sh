#!/bin/sh
# Makes the client from the document, builds, runs the example, then the tests with the helper.
# Needs SANDPLANE_URL, SANDPLANE_KEY and SANDPLANE_FULL_KEY; see main.go.
set -eu
cd "$(dirname "$0")"
cache=${CLIENT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sandplane/clients/go}
mkdir -p "$cache"

# Each time: Go keeps the compiled generator in a cache of its own, so it is a second. All it says is a warning.
go generate ./... >"$cache/generate.log" 2>&1 || { cat "$cache/generate.log"; exit 1; }
if grep -v '^go: downloading ' "$cache/generate.log"; then
  echo "the generator warns: remove the cause from the document" >&2
  exit 1
fi
go vet ./...
go build -buildvcs=false -o "$cache/example" .
"$cache/example"
go test -count=1 ./...
