"""What remedies for dependent errors are judged by: reported standard errors against a bootstrap that keeps dependence.

For each of k training sets (all but one fold of whole groups, or one block of rows) of at most ROWS rows, coefficients
are fitted to bootstrap samples of whole groups, or of blocks of l rows that follow each other, and the measure is the
mean of |log(reported standard error/standard deviation over the samples)|. Blocks have the length that is best for the
mean of an AR(1), l = (√6 r/(1 − r²))^{2/3} n^{1/3}.

References: Field & Welsh (2007), J. R. Stat. Soc. B 69, 369-390; Künsch (1989), Annals of Statistics 17, 1217-1241;
Politis & White (2004), Econometric Reviews 23, 53-70 for the length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from whyfit.data.arrays import ArrayRows
from whyfit.data.assignment import folds_of_blocks, folds_of_groups
from whyfit.diagnosis.dependent_groups import GroupLook
from whyfit.diagnosis.dependent_orders import OrderLook
from whyfit.diagnosis.measures import Measure
from whyfit.linalg.moments import Moments
from whyfit.probability import logistic
from whyfit.probability.cosines import ewc_meat
from whyfit.probability.few_clusters import cr2_meat
from whyfit.probability.linear import fit_moments
from whyfit.probability.score_sandwich import clustered, newey_west

if TYPE_CHECKING:
    from whyfit.diagnosis.case import Case

ROWS, CLASSIFIED_ROWS = 1_000, 600
COLUMNS, CLASSIFIED_COLUMNS = 30, 8
REPLICATES = 60
STEPS = 8  # Newton's, of a sample of two classes
SEPARATED = (
    15.0  # log odds per standard deviation that such a sample reaches only if it has no maximum
)
_NUDGE = 1e-10  # of a level that no row drawn has: coefficient 0
_NAME = "log error of the standard errors (against the bootstrap)"

Resample = Callable[[np.random.Generator], Int[np.ndarray, " m"]]


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of a training set, their groups (None: they are in order), and a bootstrap sample of them."""

    X: Float[np.ndarray, "m p"]
    y: Float[np.ndarray, " m"]
    label: Int[np.ndarray, " m"] | None
    resample: Resample


def distance_in_groups(case: Case, look: GroupLook) -> Measure:
    """By group: `look.label` belongs to the rows of `case.sample`."""
    s, rng = case.sample, case.rng("PR306")
    size = np.bincount(look.label)
    order = rng.permutation(np.flatnonzero(size))
    chosen = order[: max(int(np.searchsorted(np.cumsum(size[order]), _rows(case))), case.k)]
    rows = np.flatnonzero(np.isin(look.label, chosen))
    label = np.unique(look.label[rows], return_inverse=True)[1].ravel()
    G = int(label.max(initial=-1)) + 1
    if case.k > G:
        return _none(case.k)
    fold = folds_of_groups(label, case.k, case.spec.seed)

    def part(j: int) -> _Part:
        mine = rows[fold != j]
        code = np.unique(label[fold != j], return_inverse=True)[1].ravel()
        places = np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])

        def resample(rng: np.random.Generator) -> np.ndarray:
            return np.concatenate([places[g] for g in rng.integers(len(places), size=len(places))])

        return _Part(s.X[mine], s.y[mine], code, resample)

    return _measure(case, part)


def distance_in_order(case: Case, look: OrderLook) -> Measure:
    """In order, of the first rows of the stretch."""
    stretch, n = look.stretch, min(len(look.e), _rows(case))
    if stretch.joined is not None:  # the first stretch alone
        cut = np.flatnonzero(~stretch.joined)
        n = min(n, int(cut[0]) + 1 if cut.size else n)
    fold = folds_of_blocks(None, n, case.k)
    r = min(max(look.serial.r, 0.05), 0.95)
    length = max(int((6**0.5 * r / (1 - r * r)) ** (2 / 3) * n ** (1 / 3)), 2)

    def part(j: int) -> _Part:
        mine = np.flatnonzero(fold != j)
        m = mine.size
        blocks = -(-m // length)

        def resample(rng: np.random.Generator) -> np.ndarray:
            start = rng.integers(m, size=blocks)
            return ((start[:, None] + np.arange(length)) % m).ravel()[:m]

        return _Part(stretch.X[mine], stretch.y[mine], None, resample)

    return _measure(case, part)


def _measure(control: Case, part: Callable[[int], _Part]) -> Measure:
    if control.loss not in ("squared", "log-loss"):
        return _none(control.k)

    @cache
    def training(j: int) -> tuple[dict[str, np.ndarray], np.ndarray] | None:
        """Standard errors by kind, and the spread of the bootstrap, of training set j."""
        p = part(j)
        most = COLUMNS if control.task == "regression" else CLASSIFIED_COLUMNS
        live = np.flatnonzero(~control.fit.dropped & (p.X.std(axis=0) > _NUDGE))[:most]
        if not live.size or len(p.y) <= 3 * (live.size + 1) or not np.ptp(p.y):
            return None
        X = np.ascontiguousarray(p.X[:, live])
        rng = np.random.default_rng([control.spec.seed, j])
        return _reported(control.task, X, p), _spread(control.task, X, p, rng)

    def of(case: Case) -> Float[np.ndarray, " k"]:
        out = np.full(control.k, np.nan)
        kind = case.spec.covariance if case.spec.covariance in ("cluster", "HAC") else "classic"
        for j in range(control.k):
            if (known := training(j)) is None:
                continue
            errors, spread = known
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = np.abs(np.log(errors.get(kind, errors["classic"]) / spread))
            if np.isfinite(distance).any():
                out[j] = float(distance[np.isfinite(distance)].mean())
        return out

    return Measure(_NAME, of, "lower")


def _rows(case: Case) -> int:
    return ROWS if case.task == "regression" else CLASSIFIED_ROWS


def _none(k: int) -> Measure:
    return Measure(_NAME, lambda _: np.full(k, np.nan), "lower")


def _reported(task: str, X: np.ndarray, p: _Part) -> dict[str, np.ndarray]:
    rows = ArrayRows(X, p.y, 2)
    if task == "regression":
        fit = fit_moments(Moments.of(np.column_stack([X, p.y])), rows.names)
        meat = ewc_meat(fit, rows) if p.label is None else cr2_meat(fit, rows, p.label)
        robust = meat.inference(fit)
        plain = fit.inference()
    else:
        fit = logistic.fit_arrays(X, p.y).fit
        made = newey_west(fit, rows) if p.label is None else clustered(fit, rows, p.label)
        robust, plain = made.inference(fit), fit.inference()
    return {
        "classic": plain.std_error,
        "HAC" if p.label is None else "cluster": robust.std_error,
    }


def _spread(task: str, X: np.ndarray, p: _Part, rng: np.random.Generator) -> np.ndarray:
    """Standard deviations over bootstrap samples, all of them refitted at once."""
    m = len(X)
    W = np.array([np.bincount(p.resample(rng), minlength=m) for _ in range(REPLICATES)], float)
    centre, scale = X.mean(axis=0), X.std(axis=0)
    A = np.column_stack([np.ones(m), (X - centre) / scale])
    c = A.shape[1]
    outer = (A[:, :, None] * A[:, None, :]).reshape(m, -1)
    nudge = _NUDGE * m * np.eye(c)
    w = np.zeros((REPLICATES, c))
    for _ in range(1 if task == "regression" else STEPS):
        eta = w @ A.T
        mean = eta if task == "regression" else special.expit(eta)
        curvature = W if task == "regression" else W * mean * (1 - mean)
        H = (curvature @ outer).reshape(-1, c, c) + nudge
        w = w + np.linalg.solve(H, (W * (p.y - mean) @ A)[..., None])[..., 0]
    settled = np.abs(w).max(axis=1) < SEPARATED if task != "regression" else np.ones(len(w), bool)
    if settled.sum() < REPLICATES / 2:
        return np.full(c, np.nan)
    w = w[settled]
    w[:, 1:] /= scale
    w[:, 0] -= w[:, 1:] @ centre
    return np.std(w, axis=0, ddof=1)
