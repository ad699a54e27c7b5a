"""Scores of predictions, each with an interval and against the predictor that knows nothing.

from whyfit.probability import scores
scores.auc(y, p)                      # Score(value, low, high, trivial, gain, gain_low, gain_high, ...)
"""

from whyfit.probability.scores.confusion import Confusion, Share
from whyfit.probability.scores.costs import (
    CostThreshold,
    DecisionCurve,
    decision_curve,
    threshold_by_cost,
)
from whyfit.probability.scores.proper import (
    Decomposition,
    brier,
    brier_decomposition,
    log_loss,
)
from whyfit.probability.scores.ranking import (
    Curve,
    Difference,
    auc,
    auc_difference,
    average_precision,
)
from whyfit.probability.scores.regression import (
    crps_ensemble,
    crps_normal,
    mae,
    pinball,
    r2,
    rmse,
)
from whyfit.probability.scores.score import Mean, Score, mean_of

__all__ = [
    "Confusion", "CostThreshold", "Curve", "DecisionCurve", "Decomposition", "Difference", "Mean", "Score", "Share",
    "auc", "auc_difference", "average_precision", "brier", "brier_decomposition", "crps_ensemble", "crps_normal",
    "decision_curve", "log_loss", "mae", "mean_of", "pinball", "r2", "rmse", "threshold_by_cost",
]  # fmt: skip
