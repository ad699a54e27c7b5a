"""Where a rule that divides by the root of a running mean square comes to rest at a constant step.

D² is the running mean of g², and g shrinks with the distance to the minimum, so that the preconditioned curvature rises
until something stops it. Two things can:

All rows     the edge of stability. Let z be the distance in the direction that flips from step to step. At the edge
             D = |Hz| and ηD⁻¹Hz/K = z with K = η·limit(η), 2 of RMSProp and (2 + 2β₁)/(1 − β₁) of Adam, hence

                 z_i = ± η/K in every parameter,    L − L* = ½ (η/K)² σᵀHσ,    σ = sign(Hσ),

             a cycle of signs; of several the largest σᵀHσ is the one that is left (σ is then the sharpest direction of
             D⁻¹H). Away from a quadratic the loss is taken at w* ± ησ/K. Adam gets there once its memory 1/(1 − β₂) has
             passed, and in bursts: the level is the mean over them.
Batches      the noise of the gradients. D² = E g² then is q Σ_ii and more, and the rule a linear one on D^−½HD^−½ with
             the floor of calculus.noise. D and the floor depend on each other and are iterated until both stay. Where
             they do not settle D has risen to the edge, and the larger of the two levels holds.

References: Cohen et al. (2022), arXiv 2207.14484, §3 (the edge); Bernstein et al. (2018), ICML (signs); Mandt,
Hoffman & Blei (2017), JMLR 18(134), §3 and §6.1 (floors with preconditioning).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float

from whyfit.calculus.noise import BatchNoise, NoiseFloor, batch_noise, drawn_share, settled
from whyfit.calculus.objective import Objective, RowLoss
from whyfit.calculus.optimizers.base import Rule

#: Rows the noise of batches is worked out from, in every round of the iteration: so many, or as many as have so many
#: products of two parameters.
MOST_ROWS, MOST_VALUES, FEWEST_ROWS = 20_000, 5e7, 1_000
#: Parameters beyond which the iteration, an eigen-solve a round, takes too long.
MOST_PARAMETERS = 150
_ROUNDS = 60
_STAYS = 1e-3  # relative change of D at which it has settled
_RISE = 1.3  # of D, in a round in which nothing settles
_STARTS = 8  # of the search for signs, beside the sharpest directions


@dataclass(frozen=True)
class AdaptiveFloor:
    """Of `rule` about the `minimum` of `loss`; `batch` rows a step, None for all."""

    loss: Objective
    minimum: Float[np.ndarray, " c"]
    H: Float[np.ndarray, "c c"]
    rule: Rule
    batch: int | None = None
    memory: dict[float, float] = field(default_factory=dict, compare=False)

    def level(self, rate: float) -> float | None:
        """Excess loss at which it comes to rest; None where nothing is known (batches of several η a row)."""
        if self.batch is None or (isinstance(self.loss, RowLoss) and self.batch >= self.loss.n):
            return self.at_edge(rate)
        if self._rows is None:
            return None
        if rate not in self.memory:
            noise, found = self._of_noise(rate)
            self.memory[rate] = noise if found else max(noise, self.at_edge(rate))
        return self.memory[rate]

    def held_by(self, D: Float[np.ndarray, " c"], rate: float) -> float | None:
        """As `level` on batches, but with the D that the rule has at present: before its memory has passed."""
        if self._rows is None or self.batch is None:
            return None
        floor, _ = self._given(self._rows, D, rate)
        return floor.excess if floor.settles else None

    def at_edge(self, rate: float) -> float:
        """½ (η/K)² σᵀHσ, or the mean excess loss at w* ± ησ/K where the loss is no quadratic."""
        step = self.signs / self.rule.limit(rate)
        least = self.loss.loss(self.minimum)
        both = [self.loss.loss(self.minimum + s * step) - least for s in (1.0, -1.0)]
        return max(float(np.mean(both)), 0.0)

    @cached_property
    def signs(self) -> Float[np.ndarray, " c"]:
        """σ with the largest σᵀHσ found; 0 where nothing bends."""
        return largest_cycle(self.H)

    @cached_property
    def _rows(self) -> RowLoss | None:
        loss = self.loss
        if not isinstance(loss, RowLoss) or loss.several or loss.size > MOST_PARAMETERS:
            return None
        most = min(MOST_ROWS, max(int(MOST_VALUES / loss.size**2), FEWEST_ROWS))
        if loss.n <= most:
            return loss
        some = np.sort(np.random.default_rng(0).choice(loss.n, most, replace=False))
        return RowLoss(loss.kind, loss.Z[some], loss.y[some], loss.l2)

    def _of_noise(self, rate: float) -> tuple[float, bool]:
        """The floor that the noise of batches makes for itself, and whether it was found."""
        rows, batch = self._rows, self.batch
        assert isinstance(self.loss, RowLoss)
        assert rows is not None
        assert batch is not None
        q = drawn_share(batch, self.loss.n)
        slope = rows.kind.slope(rows.Z @ self.minimum, rows.y)
        source = slope**2 @ rows.Z**2 / rows.n
        if rows.l2 is not None:
            source = source - (rows.l2 * self.minimum) ** 2
        source = q * np.maximum(source, np.finfo(float).tiny)
        D, excess = np.sqrt(source), 0.0
        for _ in range(_ROUNDS):
            floor, seen = self._given(rows, D, rate)
            if not floor.settles:
                D = D * _RISE
                continue
            excess, C = floor.excess, floor.spread
            more = seen.V**2 @ (seen.lam**2 * C * (1 - q) + q * seen.fourth @ C)
            new = np.sqrt(source + D * np.maximum(more, 0.0))
            if np.abs(np.log(new / D)).max() < _STAYS:
                return excess, True
            D = np.sqrt(D * new)
        return excess, False

    def _given(
        self, rows: RowLoss, D: Float[np.ndarray, " c"], rate: float
    ) -> tuple[NoiseFloor, BatchNoise]:
        """The floor of the linear rule on D^−½HD^−½, and what it was worked out from."""
        assert self.batch is not None
        assert isinstance(self.loss, RowLoss)
        root = np.sqrt(D)
        l2 = None if rows.l2 is None else rows.l2 / D
        seen = batch_noise(RowLoss(rows.kind, rows.Z / root, rows.y, l2), self.minimum * root)
        return settled(seen, self.rule, rate, drawn_share(self.batch, self.loss.n)), seen


def largest_cycle(H: Float[np.ndarray, "c c"]) -> Float[np.ndarray, " c"]:
    """σ ∈ {±1}ᶜ with a large σᵀHσ: single flips uphill from the signs of the sharpest directions and random ones.

    Parameters without curvature get 0. The maximum itself is NP-hard; every σ returned satisfies σ = sign(Hσ).
    """
    c = len(H)
    _, V = np.linalg.eigh(H)
    rng = np.random.default_rng(0)
    starts = [np.where(v >= 0, 1.0, -1.0) for v in V[:, -min(3, c) :].T]
    starts += [np.where(rng.random(c) < 0.5, 1.0, -1.0) for _ in range(_STARTS)]
    best, most = np.zeros(c), -np.inf
    own = np.diag(H)
    for s in starts:
        pull = H @ s
        for _ in range(50 * c):
            gain = s * (pull - own * s)  # of keeping a sign; below 0 it is better turned
            worst = int(np.argmin(gain))
            if gain[worst] >= 0:
                break
            s[worst] = -s[worst]
            pull = pull + 2 * s[worst] * H[:, worst]
        value = float(s @ H @ s)
        if value > most:
            best, most = s, value
    return np.where(own > 0, best, 0.0)
