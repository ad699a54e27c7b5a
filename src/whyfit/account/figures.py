"""Points of the figures that every report has."""

from __future__ import annotations

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.probability.validation import PATH, cross_validate_path, over_folds
from whyfit.report.document import Figures

FIGURE_POINTS = 1_500  # enough to see a shape, few enough for a page of a few hundred kB
#: The ridge path is drawn up to this many columns: it takes the eigenvalues of every training set, p³ each.
PATH_COLUMNS = 2_000


def figures_of(case: Case) -> Figures:
    s = case.sample
    pick = np.sort(case.rng("figures").permutation(len(s.y))[:FIGURE_POINTS])
    predicted = case.held_out
    path: tuple[tuple[float, float], ...] = ()
    if predicted.ndim == 2:  # multiclass: the probability given to the class that came true
        predicted = predicted[np.arange(len(s.y)), s.y.astype(int)]
        observed = np.ones(len(s.y))
    else:
        observed = s.y
    if case.loss == "squared" and case.p <= PATH_COLUMNS:
        ridges = tuple(case.n * r for r in PATH)
        scores = cross_validate_path(case.moments, ridges, case.excluded)
        path = tuple((r, over_folds(v["r2"]).value) for r, v in zip(ridges, scores, strict=True))
    return Figures(
        fitted=tuple(map(float, predicted[pick])),
        residual=tuple(map(float, (observed - predicted)[pick])),
        singular_values=tuple(map(float, case.linear.conditioning.singular_values)),
        observed=tuple(map(float, observed[pick])),
        ridge_path=path,
    )
