"""False alarms of overfitting on correctly specified linear models: PR302 beside skore's check SKD001.

python benchmarks/overfitting_alarms.py [--runs 50]

Every table is a linear law of all its columns with normal errors, fitted by least squares: nothing is wrong with any of
them. skore (pip install skore; left out where it is absent) is given a training half of 75 % and the rest to test, as
its guide does; whyfit the whole table.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

import whyfit

TABLES = ((100, 4, 0.5), (100, 8, 0.5), (150, 15, 0.7), (300, 20, 0.5), (1000, 20, 0.3))


def table(rng: np.random.Generator, n: int, p: int, r2: float) -> tuple[np.ndarray, np.ndarray]:
    """n rows, p columns that all matter, population R² `r2`."""
    X = rng.normal(size=(n, p))
    w = rng.choice([-1, 1], p) * rng.uniform(0.3, 1.0, p)
    return X, np.sqrt(r2) * X @ w / np.sqrt(w @ w) + np.sqrt(1 - r2) * rng.normal(size=n)


def ours(X: np.ndarray, y: np.ndarray) -> bool:
    return bool(whyfit.fit((X, y), select="PR302").findings)


def theirs(X: np.ndarray, y: np.ndarray, seed: int) -> bool:
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import train_test_split
    from skore import EstimatorReport

    a, b, c, d = train_test_split(X, y, random_state=seed)
    report = EstimatorReport(LinearRegression(), X_train=a, X_test=b, y_train=c, y_test=d)
    others = [text.split(" ")[0] for text in report.checks.available()[1:]]
    frame = report.checks.summarize(ignore=others).frame()
    return bool(((frame["code"] == "SKD001") & (frame["section"] == "issue")).any())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    runs = parser.parse_args().runs
    try:
        import skore

        peer = f"skore {skore.__version__}"
    except ImportError:
        peer = ""
    print(f"{'table':>22}  {'whyfit PR302':>12}  {peer or 'skore is not installed':>14}")
    for n, p, r2 in TABLES:
        mine = others = 0
        for seed in range(runs):
            X, y = table(np.random.default_rng([n, p, seed]), n, p, r2)
            mine += ours(X, y)
            if peer:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    others += theirs(X, y, seed)
        share = f"{100 * others / runs:.0f} %" if peer else "–"
        print(f"{n:>6,} × {p:<3} R² {r2:<8}  {100 * mine / runs:>10.0f} %  {share:>14}", flush=True)


if __name__ == "__main__":
    main()
