#!/bin/sh
# Makes or updates .venv: the locked packages, checked by hash, and this checkout as an editable package.
# Says in one line what is missing when it cannot. `PYTHON` names the interpreter to build on.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONHOME PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_USER=0

fail() {
    printf 'install: %s\n' "$1" >&2
    exit 1
}

suitable() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        suitable "$PYTHON" || fail "PYTHON=$PYTHON is not Python 3.11 or newer"
        printf '%s' "$PYTHON"
        return
    fi
    for candidate in python3.11 python3.12 python3.13 python3; do
        if suitable "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
    done
    fail "no Python 3.11 or newer on the PATH; install one, or name it: make PYTHON=/path/to/python3"
}

make_environment() {
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"
    echo "install: making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

# Scripts in a virtual environment name its place, so one that was moved is made anew.
here=$(pwd -P)
if ! suitable .venv/bin/python || [ "$(cat .venv/.checkout 2>/dev/null || echo "$here")" != "$here" ]; then
    make_environment
fi
rm -f .venv/.installed
echo "$here" >.venv/.checkout

echo "install: installing the packages of requirements.lock"
.venv/bin/python -m pip install --quiet --require-hashes --requirement requirements.lock ||
    fail "the locked packages could not be installed (see above)"
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable . ||
    fail "this checkout could not be installed into .venv (see above)"
touch .venv/.installed
