"""Counts that vary more than a Poisson law allows: whose standard errors then to believe.

φ = mean of (y − μ)²/μ over held-out rows is 1 for Poisson counts; its standard errors are too small by √φ. The robust
ones (HC0) are judged by a bootstrap: mean |log(reported/bootstrap)| of the slopes, one value per training set.

Reference: McCullagh & Nelder (1989), Generalized Linear Models, §6.2.3; Cameron & Trivedi (1990), J. Econometrics 46.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.losses_compared import BOOTSTRAP_COLUMNS, BOOTSTRAP_ROWS, bootstrap_steps
from whyfit.diagnosis.measures import Measure
from whyfit.diagnosis.rule import Confirmed, Proposal, Suspicion
from whyfit.diagnosis.words import between
from whyfit.probability.glm import GLMFit
from whyfit.probability.logistic import unit_inverse
from whyfit.probability.validation import Estimate, over_folds

#: Standard errors that are too small by 22 %, intervals of 95 % that hold 89 %.
LIMIT = 1.5
#: With fewer rows per coefficient held-out errors are larger than those of the law.
ROWS_PER_COEFFICIENT = 10
_REPLICATES = 60  # per training set: a standard deviation to 9 %


def suspicions(case: Case, finding: Callable[..., Any]) -> Iterator[Suspicion]:
    """One test, of φ ≤ LIMIT over folds."""
    fit = case.fit
    few = case.n < ROWS_PER_COEFFICIENT * (fit.rank + 1)
    if not isinstance(fit, GLMFit) or not fit.converged or few:
        return
    s = case.sample
    with np.errstate(divide="ignore", invalid="ignore"):
        each = (s.y - case.held_out) ** 2 / case.held_out
    rows = np.bincount(s.fold, minlength=case.k)
    phi = np.bincount(s.fold, each, minlength=case.k) / np.maximum(rows, 1)
    seen = over_folds(np.where(rows > 0, phi, np.nan), case.spec.confidence)
    yield Suspicion(lambda: _confirm(case, fit, seen, finding), seen.p_above(LIMIT))


def _confirm(case: Case, fit: GLMFit, seen: Estimate, finding: Callable[..., Any]) -> Confirmed:
    target, phi = case.spec.target, fit.dispersion
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt(np.diag(fit.robust_covariance) / np.diag(fit.covariance))[1:]
    ratio = ratio[np.isfinite(ratio)]
    observed = float(np.median(ratio)) if ratio.size else float("nan")
    message = (
        f"{target} varies {phi:.2g} × as much as a Poisson count (limit {LIMIT:g}): its standard errors are"
        f" {np.sqrt(phi):.2g} × too small"
    )
    evidence = (
        Evidence("dispersion", phi, limit=LIMIT, predicted=1.0, formula=r"\chi^2_P/(n - p - 1)"),
        Evidence(
            "dispersion of held-out rows", seen.value, limit=LIMIT, low=seen.low, high=seen.high,
            formula=r"\overline{(y - \hat\mu)^2/\hat\mu}",
        ),
        Evidence(
            "robust over classic standard error (median)", observed, predicted=float(np.sqrt(phi)),
            formula=rf"\sqrt{{\hat\varphi}} = {np.sqrt(phi):.3g}", unit="×",
        ),
    )  # fmt: skip
    name = "robust standard errors (HC0)"
    return Confirmed(
        finding(
            "warning",
            (target,),
            message,
            evidence=evidence,
            prediction=(
                f"predicted robust errors {np.sqrt(phi):.2f} × the classic ones"
                f"   observed {observed:.2f} × (median); held-out dispersion {seen.value:.2f}"
                f" {between(seen.low, seen.high, 2)}"
            ),
        ),
        (Proposal(name, {"covariance": "HC0"}, _distance_to_bootstrap(case, fit)),),
    )


def _distance_to_bootstrap(control: Case, fit: GLMFit) -> Measure:
    """Mean |log(reported se / bootstrap spread)| of the slopes of each training set of a subsample."""
    s = control.sample
    step = -(-len(s.y) // BOOTSTRAP_ROWS)
    X, y, label = s.X[::step], s.y[::step], s.fold[::step]
    varies = ~fit.dropped
    for j in range(control.k):  # a rare level may be absent from some training set
        varies &= X[label != j].std(axis=0) > 0
    live = np.flatnonzero(varies)[:BOOTSTRAP_COLUMNS]
    mu = fit.predict(X)
    Z = np.column_stack([np.ones(len(y)), X[:, live] - X[:, live].mean(axis=0)])

    @cache
    def training(j: int) -> tuple[Float[np.ndarray, " c"], ...] | None:
        """Classic and robust standard errors of the slopes, and their bootstrap spread."""
        keep = label != j
        if not live.size or keep.sum() <= 3 * live.size:
            return None
        D, m, e = Z[keep], mu[keep], y[keep] - mu[keep]
        inverse = unit_inverse((D * m[:, None]).T @ D)
        robust = inverse @ ((D * (e * e)[:, None]).T @ D) @ inverse
        rng = np.random.default_rng([control.spec.seed, j])
        spread = bootstrap_steps(D, e, m, rng, _REPLICATES).std(axis=0, ddof=1)
        return np.sqrt(np.diag(inverse))[1:], np.sqrt(np.diag(robust))[1:], spread[1:]

    def of(case: Case) -> np.ndarray:
        out = np.full(control.k, np.nan)
        for j in range(control.k):
            if (known := training(j)) is None:
                continue
            reported = known[0] if case.spec.covariance == "classic" else known[1]
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = np.abs(np.log(reported / known[2]))
            if np.isfinite(distance).any():
                out[j] = float(np.mean(distance[np.isfinite(distance)]))
        return out

    return Measure("log error of the standard errors (against the bootstrap)", of, "lower")
