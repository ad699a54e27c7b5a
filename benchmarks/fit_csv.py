"""From a CSV file to a whole diagnosis: `whyfit fit` beside polars parsing the same file.

The file is 1,000,000 rows × 20 columns (about 400 MB) of well-specified data, written once under
benchmarks/data. Each round parses it with polars in a process of its own, then runs
`whyfit fit FILE --target y --no-html --format json`. Two ratios are printed: against polars' parse
alone, which binds, and against its whole process, start-up included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from _harness import finish, heading

TIMES_PARSE = 4.0
MEMORY = 1024.0  # MB
FOLDER = Path(__file__).parent / "data"
PARSE = """
import sys, time, polars
start = time.perf_counter()
polars.scan_csv(sys.argv[1]).collect()
print(time.perf_counter() - start)
"""


def write(path: Path, rows: int, columns: int) -> None:
    """y = 3 + Xw + ε with normal ε of one variance; columns correlated at 0.3.

    The file appears whole or not at all.
    """
    import polars as pl

    rng = np.random.default_rng(20260103)
    w = rng.normal(size=columns)
    names = [f"x{j}" for j in range(1, columns + 1)]
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        for start in range(0, rows, 100_000):
            m = min(100_000, rows - start)
            X = rng.normal(size=(m, columns)) + 0.65 * rng.normal(size=(m, 1))
            y = 3 + X @ w + 2 * rng.normal(size=m)
            frame = pl.DataFrame(X, schema=names).with_columns(y=y)
            frame.write_csv(file, include_header=start == 0)
    beside.replace(path)


def child(*command: str) -> tuple[float, float, str]:
    """Wall seconds, peak resident MB and standard output of a process."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        actions = [(os.POSIX_SPAWN_DUP2, out.fileno(), 1)]
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - start
        out.seek(0)
        text = out.read().decode()
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command[:3])} failed with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss / 1024, text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    options = parser.parse_args()

    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"well_specified_{options.rows}x{options.columns}.csv"
    if not path.exists():
        write(path, options.rows, options.columns)
    path.read_bytes()  # into the page cache, for both

    print(__doc__.splitlines()[0])
    print(heading("whyfit", "polars", "numpy"))
    print(
        f"{path.stat().st_size / 1e6:.0f} MB, {options.rows:,} rows × {options.columns} columns\n"
    )
    ours = (str(Path(sys.executable).with_name("whyfit")), "fit", str(path), "--target", "y")
    parse, process, peer_memory, fit, memory, out = [], [], [], [], [], ""
    for _ in range(options.rounds):
        seconds, peak, text = child(sys.executable, "-c", PARSE, str(path))
        parse.append(float(text))
        process.append(seconds)
        peer_memory.append(peak)
        seconds, peak, out = child(*ours, "--no-html", "--format", "json")
        fit.append(seconds)
        memory.append(peak)

    parse_s, process_s, fit_s = map(statistics.median, (parse, process, fit))
    print(f"{'':28}{'seconds':>9}{'peak MB':>9}")
    print(f"{'polars parse alone':28}{parse_s:9.2f}{max(peer_memory):9.0f}")
    print(f"{'polars parse, process':28}{process_s:9.2f}")
    print(f"{'whyfit fit, process':28}{fit_s:9.2f}{max(memory):9.0f}")
    print(f"\nwhyfit ÷ parse alone {fit_s / parse_s:.2f}, ÷ process {fit_s / process_s:.2f}")
    result = json.loads(out)
    timings = ", ".join(f"{k} {v:.2f}" for k, v in result["timings"].items())
    print(f"whyfit's own timings of the last round, seconds: {timings}")
    print("findings:", ", ".join(f["code"] for f in result["findings"]) or "none")

    missed = []
    if fit_s / parse_s > TIMES_PARSE:
        missed.append(f"{fit_s / parse_s:.2f} × the time of polars, target ≤ {TIMES_PARSE:g} ×")
    if max(memory) > MEMORY:
        missed.append(f"{max(memory):.0f} MB resident, target < {MEMORY:g} MB")
    finish(missed, options.check)


if __name__ == "__main__":
    main()
