"""How long `whyfit --help` takes, beside an interpreter that does nothing."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from _harness import finish, heading, timed

TARGET = 0.3  # seconds
RUNS = 10


def wall(*command: str):
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL).returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if the target is missed")
    options = parser.parse_args()
    print(__doc__)
    print(heading("whyfit", "click"))
    command = str(Path(sys.executable).with_name("whyfit"))
    calls = {
        "python -c pass": wall(sys.executable, "-c", "pass"),
        "whyfit --help": wall(command, "--help"),
    }
    timed(calls, 2)  # byte-code and page cache
    seconds, _ = timed(calls, RUNS)
    for name, s in seconds.items():
        print(f"{name:20}{s:8.3f} s, median of {RUNS}")
    ours = seconds["whyfit --help"]
    finish([f"{ours:.3f} s, target {TARGET} s"] if ours > TARGET else [], options.check)


if __name__ == "__main__":
    main()
