"""What theory has to say of one linear rule on mini-batches of one size: limit, floor and expected path.

With the whole map of second moments where it is small enough (calculus.batch_stability), by its diagonal alone
(calculus.noise) elsewhere and along a falling step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from whyfit.calculus import batch_stability as whole
from whyfit.calculus.noise import BatchNoise, batch_noise, floor_of, mean_square_path
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.optimizers.base import Rule

_WORK = 2e9  # rows × parameters² from which the noise of batches is worked out at most
_FEWEST = 1_000
_HALVINGS = 14


@dataclass(frozen=True)
class BatchTheory:
    """`minimum` is that of `loss`; `batch` rows per step."""

    loss: RowLoss
    minimum: Float[np.ndarray, " c"]
    rule: Rule
    batch: int

    def limit(self, highest: float) -> float:
        """The largest step up to `highest` (the limit on all rows) at which the noise of batches settles."""
        if self._fourth is not None:
            return whole.batch_limit(self._fourth, self.rule, self.batch, highest)
        low, high = 0.0, highest
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            settles = floor_of(self._noise, self.rule, middle, self._rows).settles
            low, high = (middle, high) if settles else (low, middle)
        return low

    def floor(self, rate: float) -> float:
        """Excess loss at which it settles; inf if it does not."""
        if self._fourth is not None:
            return whole.floor(self._fourth, self.rule, rate, self.batch)
        return floor_of(self._noise, self.rule, rate, self._rows).excess

    def path(
        self, away: Float[np.ndarray, " c"], rates: Float[np.ndarray, " t"]
    ) -> Float[np.ndarray, " t+1"]:
        """Expected excess loss before and after every step from w − w* = `away`."""
        if self._fourth is not None and len(rates) and (rates == rates[0]).all():
            return whole.path(
                self._fourth, self.rule, float(rates[0]), self.batch, len(rates), away
            )
        return mean_square_path(self._noise, away, self.rule, rates, self._rows)

    @property
    def _rows(self) -> int:
        return min(self.batch, self._noise.n)

    @cached_property
    def _fourth(self) -> whole.FourthMoments | None:
        size = self.loss.size * self.rule.entry(1.0).size
        if size * (size + 1) // 2 > whole.MOST_ENTRIES:
            return None
        return whole.fourth_moments(self.loss, self.minimum)

    @cached_property
    def _noise(self) -> BatchNoise:
        loss = self.loss
        most = int(max(_WORK / loss.size**2, _FEWEST))
        if loss.n > most:
            some = np.sort(np.random.default_rng(0).choice(loss.n, most, replace=False))
            loss = RowLoss(loss.kind, loss.Z[some], loss.y[some], loss.l2)
        return batch_noise(loss, self.minimum)
