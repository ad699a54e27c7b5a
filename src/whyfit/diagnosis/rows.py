"""Rows as a finding speaks of them, and the fit in the form in which rows can be left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.measures import Measure
from whyfit.diagnosis.words import listed
from whyfit.errors import InputError
from whyfit.probability.influence import Fitted
from whyfit.probability.validation import training_coefficients


def fitted(case: Case, live: np.ndarray) -> tuple[Fitted, Int[np.ndarray, " s"]]:
    """The fit with its candidate rows (all, or the most influential of a large table) and their row numbers."""
    fit = case.linear
    source = case.sample if case.sample.share == 1.0 else case.residuals.top
    X = np.ones((len(source.y), live.size + 1))
    X[:, 1:] = source.X[:, live] - fit.mean[live]
    V = np.zeros((live.size + 1, live.size + 1))
    V[0, 0] = 1 / fit.n
    V[1:, 1:] = fit.V[1:, 1:][np.ix_(live, live)]
    beta = np.concatenate([[fit.mean[-1]], fit.coef[live]])
    return Fitted.of(beta, V, fit.rss, fit.df, X, source.y), source.index


#: The update formula is exact; a refit may differ by rounding only.
_AGREE = 1e-6


def refitted_without(
    case: Case, rows: Sequence[int], name: str, predicted: float, std_error: float
) -> float | None:
    """The coefficient of `name` refitted without `rows`; None where it is not what the update formula predicted."""
    try:
        refit = case.rerun({"exclude_rows": tuple(rows)})
    except InputError:
        return None
    if name not in refit.names:
        return None
    observed = float(refit.linear.coef[refit.names.index(name)])
    close = abs(observed - predicted) <= _AGREE * (abs(predicted) + std_error)
    return observed if close else None


def spans(rows: Sequence[int]) -> str:
    """ "3, 15–20 and 31", counted from 1."""
    runs: list[list[int]] = []
    for r in rows:
        if runs and r == runs[-1][1] + 1:
            runs[-1][1] = r
        else:
            runs.append([r, r])
    return listed([f"{a + 1}" if a == b else f"{a + 1}–{b + 1}" for a, b in runs], 6)


def typical_error(control: Case) -> Measure:
    """Median absolute held-out error per fold, over the rows of the control, left-out ones too."""
    sample = control.sample

    def of(case: Case) -> np.ndarray:
        out = np.full(control.k, np.nan)
        if case.k != control.k:
            return out
        if case.names == control.names:
            B, fold = training_coefficients(case.moments, case.spec.ridge), sample.fold
            e = sample.y - B[fold, 0] - np.einsum("ij,ij->i", sample.X, B[fold, 1:])
        else:  # other columns of the same rows
            fold, e = case.sample.fold, case.sample.y - case.held_out
        for j in range(control.k):
            if (mine := fold == j).any():
                out[j] = np.median(np.abs(e[mine]))
        return out

    return Measure("median held-out error", of, "lower")
