"""1,000 bootstrap replicates of a regression, beside a loop of `numpy.linalg.lstsq`.

The loop draws rows with replacement, copies them and solves; a few of its iterations are timed and scaled to all
replicates, as the table says: it would take minutes. The faster of the two loops is compared with: on busy cores BLAS
loses more than it gains by a second thread. "one step" does not refit (see `score.py`). Apart is the
largest difference of standard errors relative to those of the sandwich (HC0): Monte-Carlo error, 1/√2B = 2 %.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from _harness import REST_SECONDS, finish, heading, pin_allocator
from least_squares import data

TARGET = 30.0
LOOPED = 6  # iterations of the loop that are timed in every round


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="exit 1 if the target is missed")
    options = parser.parse_args()
    pin_allocator()

    from whyfit.data.arrays import ArrayRows
    from whyfit.engines.local import one_blas_thread
    from whyfit.probability.linear import fit_moments, gather
    from whyfit.probability.resampling import (
        DoubleOrNothing,
        Multinomial,
        Poisson,
        one_step,
        replicate_moments,
    )
    from whyfit.probability.residuals import examine

    n, p, B = options.rows, options.columns, options.replicates
    X, y = data(n, p)
    A = np.column_stack([np.ones(n), X])
    rows = ArrayRows(X, y, 1)

    def fitted():
        return fit_moments(gather(rows, 1).total, rows.names, 0.0, rows)

    def loop() -> None:
        rng = np.random.default_rng(0)
        for _ in range(LOOPED):
            drawn = rng.integers(n, size=n)
            np.linalg.lstsq(A[drawn], y[drawn], rcond=None)

    def loop_on_one() -> None:
        with one_blas_thread():
            loop()

    calls = {
        "whyfit, Poisson": lambda: replicate_moments(fitted(), rows, B, Poisson()).coefficients(),
        "whyfit, multinomial": lambda: replicate_moments(
            fitted(), rows, B, Multinomial(n)
        ).coefficients(),
        "whyfit, double or nothing": lambda: replicate_moments(
            fitted(), rows, B, DoubleOrNothing()
        ).coefficients(),
        "whyfit, one step, Poisson": lambda: one_step(fitted(), rows, B),
        f"lstsq loop ({LOOPED} of {B:,}, scaled)": loop,
        "the same, BLAS on one thread": loop_on_one,
    }
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    results = {}
    for _ in range(options.rounds):
        for name, call in calls.items():
            time.sleep(REST_SECONDS)
            start = time.perf_counter()
            results[name] = call()
            taken = time.perf_counter() - start
            seconds[name].append(taken * B / LOOPED if call in (loop, loop_on_one) else taken)
    fit = fitted()
    robust = fit.inference(meat=examine(fit, rows, kinds=("HC0",)).meat("HC0", p)).std_error

    print(f"{B:,} bootstrap replicates, {n:,} rows × {p} columns")
    print(heading("numpy"))
    print(f"\n{'':34}{'seconds':>9}{'loop ÷':>9}{'apart':>9}")
    median = {name: statistics.median(s) for name, s in seconds.items()}
    whole = min(s for name, s in median.items() if not name.startswith("whyfit"))
    for name, s in median.items():
        W = results[name]
        apart = "" if W is None else f"{np.abs(W.std(axis=0, ddof=1) / robust - 1).max():.3f}"
        print(f"{name:34}{s:9.2f}{whole / s:9.1f}{apart:>9}")
    ratio = whole / median["whyfit, Poisson"]
    missed = [] if ratio >= TARGET else [f"{ratio:.1f} × faster than the loop, target {TARGET:g} ×"]
    finish(missed, options.check)


if __name__ == "__main__":
    main()
