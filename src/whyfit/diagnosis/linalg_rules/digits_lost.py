"""Common solvers lose digits, or whole directions, of this fit without saying so.

What it says

The columns lie so near to one another, or their units so far apart, that a solver many people use returns coefficients
with fewer than six correct digits, or leaves out directions of the data altogether. whyfit's own numbers are certain
to the digits shown in its table; the finding says what other code would make of the same data.

The mathematics

Float64 rounds to u = 1.1·10⁻¹⁶. What a least-squares solver makes of that depends on its road. With X₁ = [1 X] and
κ its condition number, columns in unit lengths:

    inverse       w = (X₁ᵀX₁)⁻¹X₁ᵀy       loses about κ²u
    orthogonal    SVD or QR of X₁          loses about κu, and κ²u where residuals are large
    cut-off       SVD, σ_k ≤ 10⁻⁶ σ₁ = 0   loses the direction v_k, if the data know it or not

scikit-learn's LinearRegression has taken the last road since version 1.9 (its `tol` is the cut-off of SciPy's lstsq).
It looks at raw columns: beside a column with a spread of 10⁷, one with a spread of 1 is left out. A direction that is
left out takes σ_k²(v_kᵀw)² from the explained sum of squares, which is known beforehand from w. NumPy's lstsq cuts at
max(n, p + 1) · 2.2·10⁻¹⁶ only.

whyfit predicts the loss from its own solution, w certified, and then runs the three algorithms on the triangle of
these rows and compares. Digits are counted beside the coefficient or its standard error, whichever is larger: what is
below both harms nobody. Reference: Higham (2002), Accuracy and Stability of Numerical Algorithms, §20.4.

Why it hurts

The numbers look like any others. No solver warns, the fit may even be good; but the coefficients are those of another
model, differ from one library to the next, and change when a unit is changed from metres to kilometres.

Where units and offsets of the table's own columns are all there is to it, this is a note: whyfit scales within, and
its fit is none the worse. It is an error where near-dependent columns make a solver lose one per cent of the variance.

What to do

Standardise the columns before such a solver sees them, which cures what units have done. A polynomial wants more:
powers of a centred and scaled variable, or orthogonal polynomials. Or take the coefficients from whyfit, which carries
powers it forms itself to twice the digits. Never invert XᵀX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from whyfit.data.views import without_columns
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import features_of
from whyfit.diagnosis.finding import Evidence, Severity
from whyfit.diagnosis.measures import Measure
from whyfit.diagnosis.rule import OF_LEAST_SQUARES, Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.trial import RELEVANT_LOSS
from whyfit.diagnosis.words import latex, number, plural
from whyfit.fold import fold
from whyfit.linalg import peers
from whyfit.linalg.peers import Accurate, Answer, FoldTriangles, Seen

#: Fewer correct digits than this are a loss (whyfit's catalogue): results are commonly printed with six.
DIGITS = 6.0
#: The bound for orthogonal methods is this many digits pessimistic or more (measured on the NIST StRD sets).
_SLACK = 3.0
#: A prediction holds if what was observed is no worse than this many digits, or this share of the R² lost.
_DIGITS_OFF, _SHARE_OFF = 1.0, 0.1
#: Columns up to which their SVD takes a fraction of a second; of more than some, three training sets are tried.
_MOST_COLUMNS, _SOME_COLUMNS, _FEW = 250, 60, 3
_U = 2.0**-53
_ABSURD = 1e60  # lengths beyond which what is squared here leaves float64
#: Smallest eigenvalue of the correlation matrix from which moments give the triangle to nine digits.
_APART = 1e-7
#: Errors are told in standard errors from this many on, up to where only digits say more.
_VISIBLE = 0.1


@dataclass(frozen=True, slots=True)
class _Route:
    """One solver, what it is called in a sentence, and in the name of a measure."""

    solver: Callable[[Seen], Answer]
    subject: str
    short: str


_CUT_OFF = _Route(peers.by_cut_off, "scikit-learn's LinearRegression", "LinearRegression")
_SVD = _Route(peers.by_svd, "NumPy's lstsq", "NumPy lstsq")
_INVERSE = _Route(peers.by_inverse, "inverting XᵀX", "inverse of XᵀX")
_ROUTES = (_CUT_OFF, _SVD, _INVERSE)


@dataclass(frozen=True, slots=True)
class _Loss:
    """What one solver returned, beside what was predicted for it."""

    route: _Route
    answer: Answer
    digits: Float[np.ndarray, " p"]
    predicted: float  # digits; of the cut-off the R² lost
    left_out: int = 0  # predicted

    @property
    def worst(self) -> float:
        return float(self.digits.min())

    def holds(self, r2: float) -> bool:
        """Whether the observation is within the prediction."""
        if self.route is _CUT_OFF:
            off = abs(r2 - self.answer.r2 - self.predicted)
            return self.answer.left_out == self.left_out and off <= (
                _SHARE_OFF * self.predicted + 1e-9
            )
        return self.worst >= self.predicted - _DIGITS_OFF


def check(case: Case) -> Iterator[Suspicion]:
    """Certain facts: what the solvers' own arithmetic makes of these data."""
    fit = case.linear
    if case.spec.ridge or not 0 < fit.rank <= _MOST_COLUMNS or fit.df <= 0 or not fit.tss > 0:
        return
    keep = ~fit.dropped
    total = case.moments.total.columns(np.append(keep, True))
    length = np.sqrt(np.diag(total.scatter))
    if not 1 / _ABSURD <= length.min() <= max(length.max(), np.abs(total.mean).max()) <= _ABSURD:
        return
    seen = Seen.from_moments(total, standardised=case.spec.standardise)
    truth = _truth(case)
    if (
        peers.smallest_share(seen, truth) <= 2 * peers.CUT_OFF
        or peers.inverse_digits(seen, truth).min() < DIGITS
        or peers.svd_digits(seen, truth).min() < DIGITS - _SLACK
    ):
        yield Suspicion(lambda: _confirm(case, truth))


def _truth(case: Case) -> Accurate:
    """The fit itself, kept columns only."""
    fit, keep = case.linear, ~case.linear.dropped
    V = fit.V[np.ix_(np.append(True, keep), np.append(True, keep))]
    se = np.sqrt(fit.sigma2) * np.sqrt(np.diag(V)[1:])
    length = fit.solution.scale[keep]
    return Accurate(fit.coef[keep], se, length, V, fit.intercept, fit.rss, fit.tss)


@dataclass(frozen=True, slots=True)
class _Data:
    """What a solver would be given: all rows, or those of a training set, as they are or standardised."""

    case: Case
    keep: Bool[np.ndarray, " p"]
    triangles: FoldTriangles | None  # None: moments say it as well

    @classmethod
    def of(cls, case: Case, keep: Bool[np.ndarray, " p"]) -> _Data:
        """With a pass over the rows only if the columns, in unit lengths, are near to one another."""
        C = case.linear.correlation[:-1, :-1][np.ix_(keep, keep)]
        if np.linalg.eigvalsh(C)[0] >= _APART:
            return cls(case, keep, None)
        rows, shift = without_columns(case.rows, ~keep), cls._mean(case, keep)
        zero = FoldTriangles.empty(int(keep.sum()), case.k)
        of = peers.triangles_of(shift, case.k)
        return cls(case, keep, fold(rows.blocks(), of, zero, case.engine))

    @staticmethod
    def _mean(case: Case, keep: np.ndarray) -> Float[np.ndarray, " q"]:
        return case.moments.total.mean[np.append(keep, True)]

    def seen(self, standardised: bool, without: int | None = None) -> Seen:
        if self.triangles is not None:
            out = () if without is None else (without,)
            shift = self._mean(self.case, self.keep)
            return Seen.of(self.triangles.without(*out), shift, standardised=standardised)
        moments = self.case.moments
        some = moments.total if without is None else moments.without(without)
        columns = some.columns(np.append(self.keep, True))
        return Seen.from_moments(columns, standardised=standardised)


def _confirm(case: Case, truth: Accurate) -> Confirmed | None:
    fit, keep = case.linear, ~case.linear.dropped
    data = _Data.of(case, keep)
    seen = data.seen(case.spec.standardise)
    sure = fit.solution.digits[keep] >= DIGITS  # what whyfit does not know itself it cannot judge
    if not sure.any():
        return None
    losses = [_loss(route, seen, truth, sure) for route in _ROUTES]
    true = [loss for loss in losses if loss.worst < DIGITS and loss.holds(fit.r2)]
    if not true:
        return None
    gap = [fit.r2 - loss.answer.r2 if loss.route is not _INVERSE else 0.0 for loss in true]
    worst = true[
        int(
            np.argmax(
                [(g >= RELEVANT_LOSS) * (1 + g) - x.worst for g, x in zip(gap, true, strict=True)]
            )
        )
    ]
    columns = np.flatnonzero(keep)
    severity: Severity = "error" if max(gap) >= RELEVANT_LOSS else "warning"
    if _by_units(case, columns, data, truth):
        severity = "note"
    hit = columns[worst.digits < DIGITS]
    others = [_short(loss) for loss in true if loss is not worst]
    return Confirmed(
        RULE.finding(
            severity,
            features_of(case, hit),
            ("on standardised columns " if case.spec.standardise else "")
            + "; ".join([_sentence(case, worst, truth, columns), *others]),
            evidence=_evidence(case, losses, seen, truth),
            prediction=_prediction(case, worst, seen, truth),
        ),
        () if case.spec.standardise else (
            Proposal("standardise the columns", {"standardise": True}, _measure(worst.route, data)),
        ),
    )  # fmt: skip


def _by_units(case: Case, columns: np.ndarray, data: _Data, truth: Accurate) -> bool:
    """Whether units and offsets of the table's own columns are all there is to it: standardised, no solver loses."""
    if any(case.design.kinds[j] == "term" for j in columns):
        return False  # powers go together, and whoever forms them meets this
    seen = data.seen(standardised=True)
    return all(route.solver(seen).digits(truth).min() >= DIGITS for route in _ROUTES)


def _loss(route: _Route, seen: Seen, truth: Accurate, sure: np.ndarray) -> _Loss:
    answer = route.solver(seen)
    digits = np.where(sure, answer.digits(truth), np.inf)
    if route is _CUT_OFF:
        left_out, share = peers.cut_off_loss(seen, truth)
        return _Loss(route, answer, digits, share, left_out)
    told = peers.svd_digits if route is _SVD else peers.inverse_digits
    return _Loss(route, answer, digits, float(told(seen, truth)[sure].min()))


def _sentence(case: Case, loss: _Loss, truth: Accurate, columns: np.ndarray) -> str:
    j = int(np.argmin(loss.digits))
    name = case.names[columns[j]]
    if loss.answer.left_out:
        of = len(columns) + (loss.route is _SVD)  # it sees the column of ones as well
        what = f"{loss.route.subject} would leave out {loss.answer.left_out} of {plural(of, 'direction')}"
        if case.linear.r2 - loss.answer.r2 >= RELEVANT_LOSS:
            return f"{what}: R² {_r2(loss.answer.r2, 3)} instead of {_r2(case.linear.r2, 3)}"
        off = abs(loss.answer.w[j] - truth.w[j]) / truth.se[j] if truth.se[j] > 0 else np.inf
        if _VISIBLE <= off <= 1 / _VISIBLE**2:
            return f"{what}: the coefficient of {name} {number(off, 2)} standard errors off"
        return f"{what}: {_correct(loss.worst)} of {name}"
    return f"{loss.route.subject} would leave {_correct(loss.worst)} of {name}"


def _correct(digits: float) -> str:
    whole = int(digits)
    return "no correct digit" if whole == 0 else plural(whole, "correct digit")


def _short(loss: _Loss) -> str:
    return f"{loss.route.subject} {_correct(loss.worst)}"


def _prediction(case: Case, loss: _Loss, seen: Seen, truth: Accurate) -> str:
    if loss.route is _CUT_OFF:
        r2 = case.linear.r2
        return (
            f"predicted {plural(loss.left_out, 'direction')} below 1e−6 σ₁ and R² {_r2(r2 - loss.predicted)}"
            f"   observed {loss.answer.left_out} and {_r2(loss.answer.r2)}"
        )
    kappa = peers.scaled_condition(seen, truth)
    how = f"κ = {number(kappa, 2)}"
    return f"predicted {loss.predicted:.1f} digits or more ({how})   observed {loss.worst:.1f}"


def _r2(x: float, digits: int = 4) -> str:
    """As many digits of R² as tell it from 1."""
    return number(x, digits) if not 1 - 10**-digits < x < 1 else f"1 − {number(1 - x, 2)}"


def _evidence(case: Case, losses: list[_Loss], seen: Seen, truth: Accurate) -> tuple[Evidence, ...]:
    kappa, share = peers.scaled_condition(seen, truth), peers.smallest_share(seen, truth)
    out = [
        Evidence(
            "smallest ÷ largest singular value of the columns", share, limit=peers.CUT_OFF,
            formula=rf"\sigma_p/\sigma_1 = {latex(share)}",
        ),
        Evidence(
            "condition number of [1 X], unit lengths", kappa,
            formula=rf"\kappa^2 u = {latex(kappa**2 * _U)}",
        ),
        Evidence("R² of the fit", case.linear.r2),
    ]  # fmt: skip
    for loss in losses[:2]:
        told = case.linear.r2 - loss.predicted if loss.route is _CUT_OFF else None
        known = loss.left_out if loss.route is _CUT_OFF else None
        out += [
            Evidence(f"R² of {loss.route.short}", loss.answer.r2, predicted=told),
            Evidence(
                f"directions left out by {loss.route.short}", loss.answer.left_out,
                limit=0, predicted=known,
            ),
        ]  # fmt: skip
    for loss in losses:
        told = None if loss.route is _CUT_OFF else loss.predicted
        out.append(
            Evidence(
                f"correct digits, {loss.route.short}", loss.worst, limit=DIGITS, predicted=told,
                formula="" if told is None else rf"\ge {told:.1f} \text{{ predicted}}",
            )
        )  # fmt: skip
    certain = float(case.linear.solution.digits[~case.linear.dropped].min())
    return (*out, Evidence("digits certain, whyfit", certain))


def _measure(route: _Route, data: _Data) -> Measure:
    """Correct digits of one solver, per training set; `data` are those of a case and of the same standardised."""

    def of(case: Case) -> Float[np.ndarray, " k"]:
        out = np.full(case.k, np.nan)
        for j in range(min(case.k, _FEW) if data.keep.sum() > _SOME_COLUMNS else case.k):
            seen = data.seen(case.spec.standardise, without=j)
            if seen.n > data.keep.sum() + 1:
                out[j] = route.solver(seen).digits(peers.accurate(seen)).min()
        return out

    return Measure(f"correct digits, {route.short}", of)


RULE = Rule(
    "LA112",
    "digits-lost",
    "linear algebra",
    "error",
    check,
    __doc__ or "",
    reference="Higham (2002), Accuracy and Stability of Numerical Algorithms, §20.4.",
    tasks=("regression",),
    losses=OF_LEAST_SQUARES,
)
