#!/bin/sh
# Makes the client from the document, checks the program against it, and runs the tests with the fixture and then the program.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
document=$here/../../../openapi/openapi.json
mkdir -p "$CLIENT_CACHE"
cd "$CLIENT_CACHE"

# The lock is copied last: a virtual environment that was cut off is made anew.
if ! cmp -s "$here/requirements.txt" requirements.txt; then
  rm -rf venv generated requirements.txt
  python3 -m venv venv
  venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" .
fi
PATH=$CLIENT_CACHE/venv/bin:$PATH

# Anew when the document, the lock above or this file has changed.
if ! cmp -s "$document" generated/openapi.json || ! cmp -s "$here/run.sh" generated/run.sh; then
  rm -rf generated
  mkdir generated
  openapi-python-client generate --fail-on-warning --meta none --path "$document" --output-path generated/sandplane_api
  cp "$here/run.sh" "$document" generated/
fi

export PYTHONPATH="$CLIENT_CACHE/generated" PYTHONPYCACHEPREFIX="$CLIENT_CACHE/pycache" PYTHONUNBUFFERED=1
export MYPYPATH="$PYTHONPATH"
cd "$here"
mypy --cache-dir "$CLIENT_CACHE/mypy" main.py conftest.py test_config_maps.py
pytest -p no:cacheprovider
python main.py
