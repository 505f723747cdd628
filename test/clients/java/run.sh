#!/bin/sh
# Makes the client from the document, builds, runs the example, then the tests with the JUnit extension.
# Needs SANDPLANE_URL, SANDPLANE_KEY and SANDPLANE_FULL_KEY; see src/main/java/com/example/Example.java.
set -eu
cd "$(dirname "$0")"
cache=${CLIENT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sandplane/clients/java}
mkdir -p "$cache"

# Another document, generator or setting of it: nothing of what the last one made stays.
made_of=$(cat pom.xml ../../../openapi/openapi-3.0.json | sha256sum)
if [ "$(cat "$cache/made-of" 2>/dev/null || true)" != "$made_of" ]; then
  rm -rf "$cache/target"
  mvn -B -Dbuild.folder="$cache/target" generate-sources >"$cache/generate.log" 2>&1 || { cat "$cache/generate.log"; exit 1; }
  # Those about a download that was tried again are Maven's own.
  if grep '^\[WARNING\]' "$cache/generate.log" | grep -v 'Could not transfer'; then
    echo "the generator warns: remove the cause from the document" >&2
    exit 1
  fi
  echo "$made_of" >"$cache/made-of"
fi
mvn -q -B -Dbuild.folder="$cache/target" test-compile exec:java surefire:test
