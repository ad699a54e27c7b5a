"""What all benchmarks share: peers side by side in one run, interleaved, medians, and memory.

Time. Every contender runs once per round, in turn, so that a slow spell of the machine hits all
alike; the median over rounds is printed with the ratio to whyfit's. The process is started again
with the C allocator told to keep freed memory (`MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_`):
otherwise whoever allocates most also pays for page faults, which differ between operating systems.

Memory. Each contender runs alone in a fresh process with the default allocator. It first solves a
small problem, so that libraries and thread pools are loaded; then the peak of the resident set
is reset (Linux: `/proc/self/clear_refs`), and what counts is the peak during the run beyond what
was resident before it, data included.

Processor. Some systems set `OPENBLAS_CORETYPE`; it changes which BLAS kernels run. All contenders
of a run share one environment, and the heading prints the kernels: compare only within a run.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_MMAP_THRESHOLD_": str(1 << 40)}
WARM_ROWS = 5_000
REST_SECONDS = 0.3  # thread pools of the contender before go to sleep: they spin for a while
SLOW_SECONDS = 4.0  # a contender slower than this runs in at most SLOW_ROUNDS rounds
SLOW_ROUNDS = 3
OURS = "whyfit"

#: (rows, columns) -> {contender: a call that fits and returns the coefficients, intercept first}
Problem = Callable[[int, int], Mapping[str, Callable[[], np.ndarray]]]


def pin_allocator() -> None:
    """Start this script again under ALLOCATOR, unless it already runs under it."""
    if any(os.environ.get(k) != v for k, v in ALLOCATOR.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ALLOCATOR})


def heading(*packages: str) -> str:
    """One line: processor kernels, cores, versions."""
    from importlib.metadata import version

    from threadpoolctl import threadpool_info

    kernels = {i["architecture"] for i in threadpool_info() if i["user_api"] == "blas"}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = ", ".join(f"{p} {version(p)}" for p in packages)
    return (
        f"{platform.machine()}, {cores} cores, BLAS kernels {'/'.join(sorted(kernels))}, "
        f"Python {platform.python_version()}, {names}"
    )


def timed(calls: Mapping[str, Callable[[], np.ndarray]], rounds: int):
    """Median seconds and the last result of every contender, over interleaved rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    results: dict[str, np.ndarray] = {}
    for _ in range(rounds):
        for name, call in calls.items():
            past = seconds[name]
            if len(past) >= SLOW_ROUNDS and statistics.median(past) > SLOW_SECONDS:
                continue
            time.sleep(REST_SECONDS)
            start = time.perf_counter()
            results[name] = np.asarray(call())
            past.append(time.perf_counter() - start)
    return {name: statistics.median(s) for name, s in seconds.items()}, results


def resident(field: str) -> float:
    """MB of `VmRSS` or `VmHWM` of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"this system does not report {field}")


def memory_of(problem: Problem, name: str, rows: int, columns: int) -> float:
    """Peak MB beyond what is resident before the run. For a process of its own."""
    problem(WARM_ROWS, columns)[name]()
    call = problem(rows, columns)[name]
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    call()
    return max(0.0, resident("VmHWM") - before)


def measured_memory(name: str, rows: int, columns: int) -> float | None:
    """`memory_of` in a fresh process of the running script; None where the system cannot tell."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        return None
    environment = {k: v for k, v in os.environ.items() if k not in ALLOCATOR}
    arguments = ["--memory-of", name, "--rows", str(rows), "--columns", str(columns)]
    done = subprocess.run(
        [sys.executable, sys.argv[0], *arguments],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout.split()[-1])


def compare(
    description: str,
    problem: Problem,
    packages: tuple[str, ...],
    rows: int | tuple[int, ...],
    columns: tuple[int, ...],
    speed_targets: Mapping[int, Mapping[str, float]],
    memory_targets: Mapping[int, float],
    note: Callable[[int, int], str] | None = None,
) -> None:
    """The command line of a benchmark of arrays: measure, print a table, check the targets.

    `speed_targets[p][peer]` is how many times faster than `peer` whyfit has to be at p columns;
    `memory_targets[p]` the MB it may take beyond the data. They bind at the default numbers of rows. `note` tells more
    of whyfit's run at some size, in one line under the table.
    """
    several = (rows,) if isinstance(rows, int) else rows
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rows", type=int, nargs="+", default=list(several))
    parser.add_argument("--columns", type=int, nargs="+", default=list(columns))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(memory_of(problem, options.memory_of, options.rows[0], options.columns[0]))
        return
    pin_allocator()

    print(description)
    print(heading(*packages))
    missed: list[str] = []
    for n, p in itertools.product(options.rows, options.columns):
        for call in problem(WARM_ROWS, p).values():
            call()
        calls = problem(n, p)
        seconds, results = timed(calls, options.rounds)
        memory = {name: measured_memory(name, n, p) for name in seconds}
        ours, reference = seconds[OURS], results[OURS]
        print(f"\n{n:,} rows × {p} columns")
        print(f"{'':32}{'seconds':>9}{'÷ whyfit':>10}{'target':>9}{'MB extra':>10}{'apart':>9}")
        for name, s in seconds.items():
            target = speed_targets.get(p, {}).get(name)
            apart = np.max(np.abs(results[name] - reference) / (1 + np.abs(reference)))
            extra = memory[name]
            print(
                f"{name:32}{s:9.3f}{s / ours:10.2f}{f'≥ {target:g}' if target else '':>9}"
                f"{'?' if extra is None else f'{extra:.0f}':>10}"
                f"{'' if name == OURS else f'{apart:.0e}':>9}"
            )
            if target and s / ours < target:
                missed.append(
                    f"{n:,} × {p}: {s / ours:.2f} × faster than {name}, target {target:g} ×"
                )
        if note is not None:
            print(note(n, p))
        limit, extra = memory_targets.get(p), memory[OURS]
        if limit is not None and extra is not None and extra > limit:
            missed.append(f"{n:,} × {p}: {extra:.0f} MB beyond the data, target {limit:g} MB")
    finish(missed, options.check)


def finish(missed: list[str], check: bool) -> None:
    """Print the verdict; exit 1 if something was missed and that was asked for."""
    print()
    print("\n".join(f"missed: {m}" for m in missed) or "all targets met")
    if missed and check:
        raise SystemExit(1)
