"""The elastic net and the lasso as scikit-learn estimators: coordinate descent on moments.

    min (1/2n) ‖y − β₀ − Xw‖²/s_y² + α ρ ‖w̃‖₁ + ½ α (1 − ρ) ‖w̃‖²,     w̃_j = s_j w_j / s_y

s are standard deviations: α is scikit-learn's on standardised columns and target. After one pass over the rows all
penalties and all folds are worked out in p dimensions.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from whyfit.calculus.penalties import ElasticNet as Penalty
from whyfit.data.arrays import ArrayRows
from whyfit.data.folds import fold_count
from whyfit.engines.local import one_blas_thread
from whyfit.errors import SpecError
from whyfit.models.summary import check_confidence, column_names
from whyfit.probability import elastic_net, linear
from whyfit.probability.inference import Inference

FOLDS = 10


class ElasticNet(RegressorMixin, BaseEstimator):
    """Least squares with a penalty that leaves out columns.

    Parameters
    ----------
    alpha : penalty ≥ 0; "cv" for the one of least held-out error over 10 folds, "simplest" for the largest that is not
        worse than it (paired over folds).
    l1_ratio : ρ in [0, 1]: 1 is the lasso; "cv" and "simplest" need ρ > 0.
    confidence : level of the intervals in `inference_`.

    Attributes
    ----------
    coef_ : (p,), units of y per unit of the column, many of them 0. intercept_ : float. alpha_ : the penalty used.
    kept_ : coefficients that are not 0. r2_ : of the training rows. gap_ : how far the minimum may be missed, in
        units of var(y)/2. path_ : ElasticNetPath of "cv" and "simplest", else None.
    inference_ : of the de-sparsified estimate, which is least squares; None with fewer rows than columns + 2. Errors
        that take the selected columns for given would be too small.

    Raises
    ------
    SpecError : a parameter is out of range.

    References
    ----------
    Zou & Hastie (2005); Friedman, Hastie & Tibshirani (2010); van de Geer et al. (2014), see probability.elastic_net.
    """

    n_features_in_: int

    def __init__(
        self,
        alpha: float | Literal["cv", "simplest"] = "cv",
        l1_ratio: float = 0.5,
        confidence: float = 0.95,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.confidence = confidence

    def fit(self, X: Any, y: Any) -> ElasticNet:
        """Fit X, (n, p), to y, (n,)."""
        check_confidence(self.confidence)
        wanted = self.alpha
        if isinstance(wanted, str) and wanted not in ("cv", "simplest"):
            raise SpecError(f"alpha is {wanted!r}; expected a penalty ≥ 0, 'cv' or 'simplest'.")
        Penalty(0.0 if isinstance(wanted, str) else float(wanted), float(self.l1_ratio))
        X, y = validate_data(self, X, y, y_numeric=True, dtype=np.float64)
        y = np.asarray(y, dtype=np.float64)
        rows = ArrayRows(X, y, fold_count(len(y), FOLDS), 0, column_names(self))
        with one_blas_thread():
            self._learn(rows)
        return self

    def _learn(self, rows: ArrayRows) -> None:
        moments = linear.gather(rows, rows.k)
        ratio, path, alpha = float(self.l1_ratio), None, self.alpha
        if isinstance(alpha, str):
            if (n := moments.total.n) < 4:
                raise SpecError(
                    f"n_samples = {n}, too few to choose a penalty by held-out rows; set alpha to a number."
                )
            path = elastic_net.validated_path(moments, ratio)
            alpha = path.penalties[path.best if alpha == "cv" else path.simplest]
        fit = elastic_net.fit_moments(moments.total, Penalty(float(alpha), ratio))
        self.coef_, self.intercept_ = fit.coef, fit.intercept
        self.alpha_, self.path_ = float(alpha), path
        self.kept_, self.r2_, self.gap_ = fit.kept, fit.r2, fit.gap
        self.converged_ = fit.converged
        self.inference_: Inference | None = None
        if moments.total.n > len(fit.coef) + 1:
            whole = linear.fit_moments(moments.total, rows.names, 0.0, rows)
            self.inference_ = whole.inference(self.confidence)

    def predict(self, X: Any) -> Float[np.ndarray, " m"]:
        """ŷ of each row of X, (m, p)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return self.intercept_ + X @ self.coef_


class Lasso(ElasticNet):
    """The elastic net with ρ = 1: only ‖w̃‖₁ is penalised. Parameters and attributes as ElasticNet."""

    def __init__(
        self, alpha: float | Literal["cv", "simplest"] = "cv", confidence: float = 0.95
    ) -> None:
        self.alpha = alpha
        self.confidence = confidence

    @property
    def l1_ratio(self) -> float:
        return 1.0
