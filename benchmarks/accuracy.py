"""Correct digits on the certified data sets of NIST (StRD), whyfit beside its peers.

The linear sets: the worst coefficient and the worst standard error. Peers receive what their users give them: columns
of powers in float64. whyfit is measured on those too, and once more forming the powers itself (`Spec` terms). Then
means, standard deviations and autocorrelations, and F of the analyses of variance. Digits are −log₁₀ of the relative
error (absolute where the certified value is 0), 15 at most: the certified values have no more.

The sets are read from nist_strd/ in the folder WHYFIT_SHARED_DATA names.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from _harness import finish, heading

HEADLINE = "Correct digits on the certified data sets of NIST (StRD), whyfit beside its peers."
FOLDER = Path(
    os.environ.get("WHYFIT_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)
MOST = 15.0
OURS, TERMS = "whyfit", "whyfit, Spec terms"

#: Digits that estimates and standard errors must have, from float64 columns and from terms.
TARGETS = {
    OURS: dict.fromkeys(("Norris", "Pontius", "NoInt1", "NoInt2", "Longley", "Wampler2"), 13.0)
    | dict.fromkeys(("Wampler1", "Wampler3", "Wampler4", "Wampler5"), 14.0)
    | {"Filip": 7.5},
    TERMS: {"Pontius": 13.0, "Filip": 13.0, "Wampler2": 13.0}
    | dict.fromkeys(("Wampler1", "Wampler3", "Wampler4", "Wampler5"), 14.0),
}

#: Coefficients (intercept first) and their standard errors; None: the contender gives none.
Answer = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class Problem:
    """One linear set: columns with their powers in float64, and where it came from."""

    name: str
    X: np.ndarray
    y: np.ndarray
    intercept: bool
    degree: int  # 1: the columns of the file as they are
    path: Path
    beta: np.ndarray
    error: np.ndarray

    @property
    def design(self) -> np.ndarray:
        """With a column of ones if there is an intercept."""
        return np.column_stack([np.ones(len(self.y)), self.X]) if self.intercept else self.X


def digits(got: np.ndarray | float, certified: np.ndarray | float) -> float:
    got, certified = np.atleast_1d(got), np.atleast_1d(certified)
    with np.errstate(invalid="ignore"):
        error = np.abs(got - certified) / np.where(certified == 0, 1.0, np.abs(certified))
    error = np.where(np.isfinite(error), error, 1.0)
    return float(np.clip(-np.log10(np.maximum(error, 1e-99)), 0.0, MOST).min()) + 0.0


def linear_sets(certified: Mapping) -> list[Problem]:
    problems = []
    for name, known in certified["linear"].items():
        path = FOLDER / f"nist_strd/csv/{name}.csv"
        table = np.loadtxt(path, delimiter=",", skiprows=1)
        y, X, degree = table[:, 0], table[:, 1:], known["degree_poly"]
        if degree > 1:
            X = np.column_stack([X[:, 0] ** d for d in range(1, degree + 1)])
        values = known["params"].values()
        beta = np.array([float(v["estimate"]) for v in values])
        error = np.array([float(v["std_error"]) for v in values])
        problems.append(Problem(name, X, y, known["intercept"], degree, path, beta, error))
    return problems


def ours(p: Problem) -> Answer:
    from whyfit.models import LinearRegression

    model = LinearRegression(fit_intercept=p.intercept).fit(p.X, p.y)
    coef = np.r_[model.intercept_, model.coef_] if p.intercept else model.coef_
    return coef, np.asarray(model.inference_.std_error)[-len(coef) :]


def ours_with_terms(p: Problem) -> Answer | None:
    if p.degree == 1:
        return None
    import whyfit
    from whyfit.spec import Spec
    from whyfit.term import polynomial

    spec = Spec(target="y", terms=polynomial("x", p.degree), roles={"x": "numeric"})
    table = whyfit.fit(p.path, spec=spec, select="PR301").document.model.coefficients
    return np.array([c.estimate for c in table]), np.array([c.std_error for c in table])


def numpy_lstsq(p: Problem) -> Answer:
    return np.linalg.lstsq(p.design, p.y)[0], None


def scikit_learn(p: Problem) -> Answer:
    from sklearn.linear_model import LinearRegression

    model = LinearRegression(fit_intercept=p.intercept).fit(p.X, p.y)
    return (np.r_[model.intercept_, model.coef_] if p.intercept else model.coef_), None


def statsmodels(method: Literal["pinv", "qr"]) -> Callable[[Problem], Answer]:
    def fit(p: Problem) -> Answer:
        import statsmodels.api as sm

        result = sm.OLS(p.y, p.design).fit(method=method)
        return result.params, result.bse

    return fit


def glum(p: Problem) -> Answer:
    from glum import GeneralizedLinearRegressor

    model = GeneralizedLinearRegressor(family="normal", alpha=0, fit_intercept=p.intercept)
    model.fit(p.X, p.y)
    return (np.r_[model.intercept_, model.coef_] if p.intercept else model.coef_), None


def normal_equations(p: Problem) -> Answer:
    X, y = p.design, p.y
    inverse = np.linalg.inv(X.T @ X)
    w = inverse @ (X.T @ y)
    sigma2 = ((y - X @ w) ** 2).sum() / (len(y) - len(w))
    return w, np.sqrt(sigma2 * np.diag(inverse))


CONTENDERS: dict[str, Callable[[Problem], Answer | None]] = {
    OURS: ours,
    TERMS: ours_with_terms,
    "numpy lstsq": numpy_lstsq,
    "scikit-learn LinearRegression": scikit_learn,
    "statsmodels OLS, pinv": statsmodels("pinv"),
    "statsmodels OLS, QR": statsmodels("qr"),
    "glum": glum,
    "inv(X'X) X'y": normal_equations,
}


def answer(contender: str, problem: Problem) -> tuple[float | None, float | None]:
    """Digits of the estimates and of the standard errors; None where there are none."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = CONTENDERS[contender](problem)
    except (np.linalg.LinAlgError, ValueError):
        return 0.0, None  # gave up: no digit is right
    if found is None:
        return None, None
    w, error = found
    return digits(w, problem.beta), None if error is None else digits(error, problem.error)


def show(title: str, columns: list[str], rows: Mapping[str, list[float | None]]) -> None:
    width = max(9, *(len(c) + 1 for c in columns))
    print(f"\n{title}\n{'':30}" + "".join(f"{c:>{width}}" for c in columns))
    for name, values in rows.items():
        cells = ("–" if v is None else f"{v:.1f}" for v in values)
        print(f"{name:30}" + "".join(f"{c:>{width}}" for c in cells))


def linear(certified: Mapping) -> list[str]:
    problems = linear_sets(certified)
    found = {c: [answer(c, p) for p in problems] for c in CONTENDERS}
    names = [p.name for p in problems]
    show("worst coefficient", names, {c: [a for a, _ in v] for c, v in found.items()})
    with_errors = {c: [b for _, b in v] for c, v in found.items() if any(b for _, b in v)}
    show("worst standard error", names, with_errors)
    missed = []
    for contender, targets in TARGETS.items():
        for problem, pair in zip(problems, found[contender], strict=True):
            least = targets.get(problem.name)
            for what, value in zip(("estimates", "standard errors"), pair, strict=True):
                if least is not None and (value is None or value < least):
                    missed.append(f"{contender}, {problem.name}: {what} {value}, target {least}")
    return missed


def univariate(certified: Mapping) -> None:
    from statsmodels.tsa.stattools import acf

    from whyfit.data.arrays import ArrayRows
    from whyfit.probability.linear import gather
    from whyfit.probability.serial import autocorrelation

    sets = certified["univariate"]
    rows: dict[str, list[float | None]] = {}
    for name, known in sets.items():
        y = np.loadtxt(FOLDER / f"nist_strd/csv/{name}.csv", skiprows=1)
        total = gather(ArrayRows(y[:, None], y, 2), 2).total
        sd = np.sqrt(total.scatter[-1, -1] / (total.n - 1))
        n, textbook = y.size, (y @ y - y.sum() ** 2 / y.size) / (y.size - 1)
        values = {
            f"{OURS}: mean": (total.mean[-1], "mean"),
            f"{OURS}: standard deviation": (sd, "sd"),
            f"{OURS}: autocorrelation": (autocorrelation(y), "autocorr1"),
            "numpy: mean": (y.mean(), "mean"),
            "numpy: standard deviation": (y.std(ddof=1), "sd"),
            "Σy² − (Σy)²/n: s. deviation": (np.sqrt(max(textbook, 0.0)), "sd"),
            "statsmodels: autocorrelation": (acf(y, nlags=1)[1] if n > 1 else np.nan, "autocorr1"),
        }
        for label, (value, key) in values.items():
            rows.setdefault(label, []).append(digits(float(value), float(known[key])))
    show("univariate summaries", list(sets), rows)


def anova(certified: Mapping) -> None:
    import statsmodels.api as sm
    from scipy.stats import f_oneway

    from whyfit.probability.anova import one_way
    from whyfit.probability.linear import fit_arrays

    sets = certified["anova"]
    rows: dict[str, list[float | None]] = {}
    for name, known in sets.items():
        label, y = np.loadtxt(
            FOLDER / f"nist_strd/csv/{name}.csv", delimiter=",", skiprows=1, unpack=True
        )
        coded = (label[:, None] == np.unique(label)[1:]).astype(float)
        values = {
            OURS: one_way(label, y).f,
            f"{OURS} regression": fit_arrays(coded, y).fit.f_test()[0],
            "scipy f_oneway": f_oneway(*(y[label == g] for g in np.unique(label))).statistic,
            "statsmodels OLS": sm.OLS(y, sm.add_constant(coded)).fit().fvalue,
        }
        for contender, f in values.items():
            rows.setdefault(contender, []).append(digits(float(f), float(known["F"])))
    show("analysis of variance: F", list(sets), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=HEADLINE)
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    options = parser.parse_args()
    path = FOLDER / "nist_strd" / "certified.json"
    if not path.exists():
        message = (
            f"{path} is not there; set WHYFIT_SHARED_DATA to the folder that holds nist_strd/."
        )
        if options.check:
            raise SystemExit(message)
        print(message)
        return
    certified = json.loads(path.read_text())
    print(HEADLINE)
    print(heading("numpy", "scipy", "scikit-learn", "statsmodels", "glum"))
    missed = linear(certified)
    univariate(certified)
    anova(certified)
    finish(missed, options.check)


if __name__ == "__main__":
    main()
