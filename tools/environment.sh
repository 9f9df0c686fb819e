#!/bin/sh
# Fills .venv with the pinned packages: `app` (to run) or `dev` (to check and test as well).
# Does nothing when they are there already.  Every fault is one line.
set -eu

cd "$(dirname "$0")/.."
wanted=$1
python=${PYTHON:-python3}
pins=requirements/$wanted.txt
log=.venv/install.log

fail() {
    echo "qifu: $*" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    fail "$python is missing.  On Debian, as root: apt-get install -y make git python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version 2>&1) is too old; Python 3.11 or later is needed (make PYTHON=/path/to/python3)."

# A changed list, another Python or a moved folder asks for a new installation.
stamp() {
    cksum <"requirements/$1.txt"
    "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
    pwd
}
is_filled() {
    [ -x .venv/bin/python ] && [ "$(stamp "$1")" = "$(cat ".venv/installed-$1" 2>/dev/null)" ]
}

# Whoever tests also runs: the longer list holds the shorter one.
if is_filled "$wanted" || { [ "$wanted" = app ] && is_filled dev; }; then
    exit 0
fi

"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "Python's venv is missing.  On Debian, as root: apt-get install -y python3-venv"

[ ! -L .venv ] || fail ".venv is a link and does not match $pins; take the link away and start again."

echo "Installing the packages of $pins into .venv (once; one to three minutes) …"
rm -f .venv/installed-*
if [ "$(cat .venv/made-by 2>/dev/null)" != "$("$python" -c 'import sys; print(sys.version)') $PWD" ]; then
    "$python" -m venv --clear .venv || fail "the environment .venv could not be made (see above)."
    echo "$("$python" -c 'import sys; print(sys.version)') $PWD" >.venv/made-by
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --only-binary :all: --requirement "$pins" >"$log" 2>&1 ||
    fail "packages could not be installed: $(grep '^ERROR' "$log" | tail -n 1) (all of it: $log)"
stamp "$wanted" >".venv/installed-$wanted"
