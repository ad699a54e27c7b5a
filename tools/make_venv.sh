#!/bin/sh
# make_venv.sh PYTHON DIR: a virtual environment in DIR made by PYTHON, or one line that says why not.
set -eu
python=$1
venv=$2
say() { echo "whyfit set-up: $*" >&2; }
. "$(dirname "$0")/apt.sh"

if ! command -v "$python" >/dev/null 2>&1; then
    say "'$python' was not found; install Python 3.11 or later, or name it: make PYTHON=python3.12 ..."
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "$("$python" --version 2>&1) is too old; whyfit needs 3.11 or later: make PYTHON=python3.12 ..."
    exit 1
fi
# Debian splits ensurepip from Python; without it `python -m venv` fails half-way.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
    say "$python has no venv module; installing the system package $package"
    if ! reason=$(apt_install "$package"); then
        say "$package could not be installed ($reason); install it and run make again"
        exit 1
    fi
fi
if ! "$python" -m venv "$venv"; then
    rm -rf "$venv" # a half-made one would pass for whole the next time
    say "'$python -m venv $venv' failed; see the message above"
    exit 1
fi
