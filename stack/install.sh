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

# What pip was told about where packages come from, in its files or by PIP_*: one setting of it, or nothing.
told_to_pip() {
    for where in :env: install global; do
        value=$(printf '%s\n' "$pip_settings" | sed -n "s/^$where\.$1='\(.*\)'\$/\1/p")
        if [ -n "$value" ]; then
            printf '%s' "$value"
            return
        fi
    done
}

# uv chooses among all the files of an index in seconds where pip takes half a minute. It comes by pip, out of the lock.
install_by_uv() {
    sed -n '/^uv==/,/[^\]$/p' requirements.lock >.venv/uv.lock
    pip_settings=$(.venv/bin/python -m pip config list) &&
        .venv/bin/python -m pip install --quiet --require-hashes --requirement .venv/uv.lock || return 1
    for pair in UV_DEFAULT_INDEX=index-url UV_INDEX=extra-index-url UV_FIND_LINKS=find-links UV_NO_INDEX=no-index \
        SSL_CERT_FILE=cert ALL_PROXY=proxy; do
        value=$(told_to_pip "${pair#*=}")
        [ -z "$value" ] || export "${pair%%=*}=$value"
    done
    # Hashes say which file is meant, whichever index has it.
    export UV_INDEX_STRATEGY=unsafe-best-match UV_LINK_MODE=copy
    .venv/bin/uv pip install --quiet --no-config --python .venv/bin/python --require-hashes --requirement requirements.lock
}

echo "install: installing the packages of requirements.lock"
# Where there is no uv for the machine, or what pip was told is nothing to it, pip does it all and says what is wrong.
install_by_uv 2>.venv/uv.log ||
    .venv/bin/python -m pip install --quiet --require-hashes --requirement requirements.lock ||
    fail "the locked packages could not be installed (see above)"
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable . ||
    fail "this checkout could not be installed into .venv (see above)"
touch .venv/.installed
