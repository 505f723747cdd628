#!/bin/sh
# Makes the types of the API from the document, checks the program against them, and runs it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
document=$here/../../../openapi/openapi.json
mkdir -p "$CLIENT_CACHE"
cd "$CLIENT_CACHE"

# Where the packages are, as Node looks for them beside the program.
cp "$here/main.ts" "$here/tsconfig.json" .
if ! cmp -s "$here/package-lock.json" package-lock.json || [ ! -e node_modules/.package-lock.json ]; then
  cp "$here/package.json" "$here/package-lock.json" .
  npm ci --no-audit --no-fund --loglevel=error
  rm -rf generated
fi

# Anew when the document, the lock above or this file has changed.
if ! cmp -s "$document" generated/openapi.json || ! cmp -s "$here/run.sh" generated/run.sh; then
  rm -rf generated
  # What has a default may be left out of a request.
  npx openapi-typescript "$document" --default-non-nullable=false --output generated/sandplane.d.ts
  cp "$here/run.sh" "$document" generated/
fi

npx tsc
node main.ts
