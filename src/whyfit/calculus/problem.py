"""One loss on one table in two coordinates: the columns as they are, and standardised.

    raw    η = β₀ + xᵀw                unit   η = b₀ + ((x − μ)/s)ᵀb,     w = b/s,  β₀ = b₀ − μᵀw

Both have the same values, so the minimum and everything that does not depend on coordinates (loss, Newton's
decrement) is found where it is easy, on standardised columns, and carried over. What an optimizer suffers does depend
on them: H_raw = T H_unit Tᵀ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from whyfit.calculus.blunt import Blunt
from whyfit.calculus.descent import Quadratic
from whyfit.calculus.local_minimum import lowest
from whyfit.calculus.losses import (
    Hinge,
    Huber,
    Logistic,
    Loss,
    Multinomial,
    Quantile,
    Squared,
)
from whyfit.calculus.minimum import Minimum, minimise, quadratic_minimum
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.stability import live_excess
from whyfit.linalg.conditioning import live_columns
from whyfit.linalg.moments import Moments

Descended = Quadratic | RowLoss

_LITTLE = 1e-4
_NO_MORE = 1e-7  # of the loss, below which a step towards a minimum that does not exist gains nothing that counts
_NEARLY = 0.1  # of what the columns gain over a constant
_LOWER = 1e-6  # of the loss: a point lower by so much is no rounding
_BLUNT = 1.06  # Silverman's rule, in units of a standard deviation times n^−1/5


@dataclass(frozen=True)
class Problem:
    """`mean`, `sd` (p) of the columns; a column has `kind.outputs` parameters: 1, or the number of classes.

    `live` numbers the columns that vary, among those of the design; the others take no part. `start` (c) is where
    descents begin, the same numbers in either coordinates, as a script would draw them; None is 0.
    """

    raw: Descended
    unit: Descended
    mean: Float[np.ndarray, " p"]
    sd: Float[np.ndarray, " p"]
    live: np.ndarray
    n: int
    kind: Loss
    standardised: bool = False
    moments: Moments | None = None
    ridge: float = 0.0
    start: Float[np.ndarray, " c"] | None = None

    @classmethod
    def of_moments(cls, moments: Moments, ridge: float = 0.0, standardise: bool = False) -> Problem:
        """Least squares from moments of [X y]; loss (1/n)Σ(y − ŷ)² + (λ/n)‖s ∘ w‖²."""
        live = np.flatnonzero(live_columns(moments))
        d = np.sqrt(np.diag(moments.scatter)[live] / moments.n)
        made = []
        for unit in (False, True):
            loss = Quadratic.with_intercept(moments, unit)
            extra = ridge / moments.n * (np.ones(live.size) if unit else d**2)
            A = loss.A + np.diag(np.concatenate([[0.0], extra])) if ridge else loss.A
            made.append(Quadratic(A, loss.g, loss.c))
        return cls(
            made[0], made[1], moments.mean[live], d, live, moments.n, Squared(),
            standardised=standardise,
        )  # fmt: skip

    @classmethod
    def of_rows(
        cls,
        kind: Loss,
        X: Float[np.ndarray, "n p"],
        y: Float[np.ndarray, " n"],
        ridge: float = 0.0,
        standardise: bool = False,
    ) -> Problem:
        """Any loss over rows. Raises what `kind.check` raises."""
        kind.check(y)
        n = len(y)
        mean, spread = X.mean(axis=0), X.std(axis=0)
        live = np.flatnonzero(
            spread > 64 * np.finfo(float).eps * np.abs(X).max(axis=0, initial=0.0)
        )
        mean, sd = mean[live], spread[live]
        raw, unit = np.ones((n, live.size + 1)), np.ones((n, live.size + 1))
        raw[:, 1:] = X[:, live]
        unit[:, 1:] = (raw[:, 1:] - mean) / sd
        if isinstance(kind, Hinge | Quantile):
            kind = Blunt(kind, _width(kind, unit, y))
        weight = (2 if isinstance(kind, Squared | Huber) else 1) * ridge / n
        made = []
        for Z, d in ((raw, sd), (unit, np.ones(live.size))):
            l2 = np.concatenate([[0.0], weight * d**2]).repeat(kind.outputs) if ridge else None
            made.append(RowLoss(kind, Z, y, l2))
        moments = Moments.of(np.column_stack([X, y])) if isinstance(kind, Squared) else None
        return cls(
            made[0], made[1], mean, sd, live, n, kind, standardise, moments, ridge
        )  # fmt: skip

    @cached_property
    def condensed(self) -> Problem:
        """The same on moments, where it is a quadratic: a step on all rows then costs p² whatever n."""
        if self.moments is None:
            return self
        made = Problem.of_moments(self.moments, self.ridge, self.standardised)
        return replace(made, start=self.start)

    @property
    def objective(self) -> Descended:
        """What is descended on."""
        return self.unit if self.standardised else self.raw

    @property
    def quadratic(self) -> bool:
        return isinstance(self.kind, Squared)

    @property
    def smooth(self) -> bool:
        return self.kind.smooth

    def on(self, standardised: bool) -> Problem:
        """The same in the other coordinates."""
        return self._with_minimum(replace(self, standardised=standardised))

    def starting(self, start: Float[np.ndarray, " c"] | None) -> Problem:
        """The same, descended on from elsewhere."""
        return self._with_minimum(replace(self, start=start))

    def knowing(self, w: Float[np.ndarray, " c"]) -> Problem:
        """The same; of a loss that is not convex, with the minimum below w as `lowest` where that is lower."""
        b = w if self.standardised else self.to_unit(w)
        low = self.lowest
        if self.kind.convex or not self.unit.loss(b) < low.loss * (1 - _LOWER):
            return self
        found = lowest(self.unit, (b,), self._moved)
        made = replace(self)
        made.__dict__["lowest"] = replace(found, exists=found.exists and low.exists)
        return made

    def _with_minimum(self, made: Problem) -> Problem:
        made.__dict__["lowest"] = self.lowest  # the same
        return made

    @property
    def begin(self) -> Float[np.ndarray, " c"]:
        """`start` as numbers."""
        return np.zeros(self.objective.size) if self.start is None else self.start

    @cached_property
    def log_loss(self) -> Problem:
        """Of a loss of classes: the log-loss, which is convex, on the same rows and from the same start."""
        kind = Multinomial(self.kind.outputs) if self.kind.outputs > 1 else Logistic()
        raw, unit = (
            RowLoss(kind, loss.Z, loss.y, loss.l2)
            for loss in (self.raw, self.unit)
            if isinstance(loss, RowLoss)
        )
        return replace(self, raw=raw, unit=unit, kind=kind)

    @cached_property
    def lowest(self) -> Minimum:
        """The minimum, in unit coordinates; of a loss that is not convex the lowest point that was found.

        There the loss is walked down from the minimum of the log-loss and from the best constant. It has no minimum
        where the log-loss has none: along a direction that separates the classes it falls too.
        """
        if isinstance(self.unit, Quadratic):
            return quadratic_minimum(self.unit)
        if not self.kind.convex:
            convex = self.log_loss.lowest
            exists = convex.exists or self.unit.l2 is not None
            starts = (convex.w, self._constant())
            if not exists:  # each step for ever gains a fixed share of what is left
                return replace(lowest(self.unit, starts, self._moved, _NO_MORE), exists=False)
            return lowest(self.unit, starts, self._moved)
        start = self._constant()
        unbounded = isinstance(self.kind, Logistic | Multinomial) and self.unit.l2 is None
        return minimise(self.unit, start, 0.0 if unbounded else None)

    def _constant(self) -> Float[np.ndarray, " c"]:
        """The best constant predictor, in unit coordinates; classes that do not occur stay at 0."""
        assert isinstance(self.unit, RowLoss)
        start = np.zeros((self.mean.size + 1, self.kind.outputs))
        known = np.asarray(self.kind.constant(self.unit.y), dtype=float)
        start[0] = np.where(np.isfinite(known), known, 0.0)
        return start.ravel()

    def _moved(self, step: Float[np.ndarray, " c"]) -> float:
        """The largest change of a row's η; a shift of all classes is none."""
        assert isinstance(self.unit, RowLoss)
        change = self.unit.Z @ self.unit.shaped(step)
        if self.unit.several:
            change = change - change.mean(axis=1, keepdims=True)
        return float(np.abs(change).max(initial=0.0))

    @cached_property
    def low_points(self) -> tuple[Float[np.ndarray, " c"], ...]:
        """In unit coordinates: the minimum, the best constant, and zero.

        Where there is no minimum the shortest way out to a loss nearly as low stands for it.
        """
        w, loss = self.lowest.w, self.lowest.loss
        enough = loss + _NEARLY * max(self.constant_loss - loss, 0.0)
        while not self.lowest.exists and np.abs(w).max() > 1 and self.unit.loss(w / 2) <= enough:
            w = w / 2
        return w, self._constant(), np.zeros(self.unit.size)

    @cached_property
    def minimum(self) -> Float[np.ndarray, " c"]:
        """The minimum in the coordinates descended in."""
        return self.lowest.w if self.standardised else self.to_raw(self.lowest.w)

    @property
    def least(self) -> float:
        """The minimum, or what the loss falls to where it has none: 0 once next to nothing is left of it."""
        low = self.lowest
        little = _LITTLE * self.objective.loss(np.zeros(self.objective.size))
        return low.loss if low.exists or low.loss > little else 0.0

    @cached_property
    def constant_loss(self) -> float:
        """What is left to a model that has a constant only."""
        return self.unit.loss(self._constant())

    @cached_property
    def start_loss(self) -> float:
        return self.objective.loss(self.begin)

    def to_raw(self, b: Float[np.ndarray, " c"]) -> Float[np.ndarray, " c"]:
        B = b.reshape(-1, self.kind.outputs)
        W = B.copy()
        W[1:] = B[1:] / self.sd[:, None]
        W[0] = B[0] - self.mean @ W[1:]
        return W.ravel()

    def to_unit(self, w: Float[np.ndarray, " c"]) -> Float[np.ndarray, " c"]:
        W = w.reshape(-1, self.kind.outputs)
        B = W.copy()
        B[1:] = W[1:] * self.sd[:, None]
        B[0] = W[0] + self.mean @ W[1:]
        return B.ravel()

    def left_at(self, w: Float[np.ndarray, " c"]) -> float:
        """½ gᵀH⁺g at w, by Newton's decrement on standardised columns: what is certified to be left to gain."""
        b = w if self.standardised else self.to_unit(w)
        if not np.isfinite(b).all():
            return np.inf
        with np.errstate(over="ignore", invalid="ignore"):
            g, H = self.unit.gradient(b), self.unit.hessian(b)
        if not (np.isfinite(g).all() and np.isfinite(H).all()):
            return np.inf
        return live_excess(g, H)[0]


def _width(
    kind: Hinge | Quantile, Z: Float[np.ndarray, "n c"], y: Float[np.ndarray, " n"]
) -> float:
    """Silverman's half width about the kink; of hinge, on the scale of the margin."""
    if isinstance(kind, Hinge):
        return float(_BLUNT * len(y) ** -0.2)
    residual = y - Z @ np.linalg.lstsq(Z, y, rcond=None)[0]
    scale = float(np.median(np.abs(residual - np.median(residual)))) / 0.6745
    scale = scale or float(residual.std()) or 1.0
    return _BLUNT * scale * float(len(y)) ** -0.2
