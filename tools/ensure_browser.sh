#!/bin/sh
# Makes sure that a Chromium is there for the browser tests. Installs the system package if it is missing
# and that is permitted. Prints the reason on stdout (and stderr) when there is none, nothing otherwise.
set -eu
. "$(dirname "$0")/apt.sh"

found() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        # Ubuntu's chromium-browser may be a stub that only points to a snap, so it must answer.
        if command -v "$name" >/dev/null 2>&1 && "$name" --version >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

# A failed try is remembered for as long as the environment lives: one slow mirror, one wait.
memory=.venv/.no-browser
found && { rm -f "$memory"; exit 0; }
if [ ! -f "$memory" ]; then
    echo "whyfit set-up: no Chromium found; trying to install the system package chromium" >&2
    if reason=$(apt_install chromium fonts-dejavu-core) && found; then exit 0; fi
    echo "no Chromium, and the package chromium could not be installed: ${reason:-it does not start}" >"$memory"
fi
echo "whyfit set-up: $(cat "$memory"); the browser tests will be skipped" >&2
cat "$memory"
