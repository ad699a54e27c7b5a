"""Held-out scores of recalibrated probabilities, or at another threshold, in one pass over all rows.

Row i of fold j has the probability π_i of the model of the other folds; it is scored as m_j(π_i), m_j the map learned
from the out-of-fold predictions of the other folds (`recalibration`). Scores and folds are those of the fit without a
map, so that the two are paired.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from whyfit.calculus.logistic import sigmoid_and_loss
from whyfit.data.views import without_columns
from whyfit.fold import Engine, Rows, RowSource, fold, joined
from whyfit.linalg.columns import tiles
from whyfit.probability import multinomial
from whyfit.probability.calibration_maps import EDGE
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.logistic_validation import scores_of, tally_of
from whyfit.probability.multinomial import MultinomialFit
from whyfit.probability.recalibration import Recalibrated
from whyfit.probability.validation import FoldScores


def rescored(
    fit: LogisticFit | MultinomialFit,
    B: np.ndarray,
    rows: RowSource,
    maps: Recalibrated | None,
    threshold: float,
    engine: Engine,
) -> FoldScores:
    """The scores of `logistic_validation` or `multinomial`, of probabilities gone through `maps` if there are any.

    B : the k training coefficients that cross-validation gave. rows : all that are scored.
    """
    source, k = without_columns(rows, fit.dropped), len(B)
    if isinstance(fit, LogisticFit):
        of = _of_two(B, fit.optimum.centre, maps, threshold)
        return scores_of(fold(joined(source.blocks()), of, np.zeros((k, 7)), engine))
    zero = multinomial.Tally.empty(k, len(fit.classes))

    def of_many(block: Rows) -> multinomial.Tally:
        P = multinomial.own_probabilities(B, fit.optimum.centre, block)
        Q = P if maps is None else maps.held_out(P, block.fold)
        return multinomial.Tally.of(block.y, Q, block.fold, k)

    return fold(joined(source.blocks()), of_many, zero, engine).scores


def _of_two(
    B: Float[np.ndarray, "k c"], centre: np.ndarray, maps: Recalibrated | None, threshold: float
):
    def of(rows: Rows) -> Float[np.ndarray, "k 7"]:
        tally = np.zeros((len(B), 7))
        for part, Z in tiles(rows, centre):
            y, label = part.y, part.fold
            pi, loss = sigmoid_and_loss(Z.times(B)[label, np.arange(len(y))], y)
            if maps is not None:
                pi = maps.held_out(pi, label)
                p = np.clip(pi, EDGE, 1 - EDGE)
                loss = -np.where(y == 1, np.log(p), np.log1p(-p))
            tally += tally_of(y, pi, loss, label, threshold, len(B))
        return tally

    return of
