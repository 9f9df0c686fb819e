#!/bin/sh
# Compiles requirements/*.in into pins with hashes: no index, no address, for every platform.
set -eu

cd "$(dirname "$0")/../requirements"
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/python" -m pip install --quiet --disable-pip-version-check uv

compile() {
    "$room/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        ${UPGRADE:+--upgrade} "$@" >/dev/null
}
compile app.in --output-file app.txt
compile dev.in --constraint app.txt --output-file dev.txt
echo "Pinned $(grep -c == app.txt) packages to run, $(grep -c == dev.txt) to test."
