"""Models: scikit-learn estimators, thin shells over the pillars, and the model of a table.

    LinearRegression, Ridge, LogisticRegression     scikit-learn estimators with inference and intervals
    PoissonRegression, GammaRegression              of counts and of amounts, log link
    HuberRegression                                 of targets with outliers
    ElasticNet, Lasso                               with penalties that leave out columns
    BayesianLinearRegression, BayesianLogisticRegression, BayesianPoissonRegression
                                                    with priors and posteriors
    LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis, GaussianNB, ProbabilisticPCA, GaussianMixture
                                                    how rows come about; they sample new ones
    PCA                                             a scikit-learn transformer, one pass, with intervals
    TableModel                                      what `whyfit.fit(...).model` is
    save_model, load_model                          `.whyfit` files
    Interval                                        (prediction, low, high)

Names are looked up when first used, so that predicting with a saved model imports no scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whyfit.models.bayesian_glm import BayesianLogisticRegression, BayesianPoissonRegression
    from whyfit.models.bayesian_model import BayesianLinearRegression
    from whyfit.models.elastic_net_model import ElasticNet, Lasso
    from whyfit.models.file import load_model, save_model
    from whyfit.models.generative_model import (
        GaussianMixture,
        GaussianNB,
        LinearDiscriminantAnalysis,
        ProbabilisticPCA,
        QuadraticDiscriminantAnalysis,
    )
    from whyfit.models.glm_model import GammaRegression, HuberRegression, PoissonRegression
    from whyfit.models.linear_model import LinearRegression, Ridge
    from whyfit.models.logistic_model import LogisticRegression
    from whyfit.models.pca import PCA
    from whyfit.models.table_model import Prediction, TableModel
    from whyfit.probability.predictive import Interval

_HOMES = {
    "GaussianMixture": "whyfit.models.generative_model",
    "GaussianNB": "whyfit.models.generative_model",
    "LinearDiscriminantAnalysis": "whyfit.models.generative_model",
    "ProbabilisticPCA": "whyfit.models.generative_model",
    "QuadraticDiscriminantAnalysis": "whyfit.models.generative_model",
    "BayesianLinearRegression": "whyfit.models.bayesian_model",
    "BayesianLogisticRegression": "whyfit.models.bayesian_glm",
    "BayesianPoissonRegression": "whyfit.models.bayesian_glm",
    "ElasticNet": "whyfit.models.elastic_net_model",
    "GammaRegression": "whyfit.models.glm_model",
    "HuberRegression": "whyfit.models.glm_model",
    "Interval": "whyfit.probability.predictive",
    "Lasso": "whyfit.models.elastic_net_model",
    "LinearRegression": "whyfit.models.linear_model",
    "LogisticRegression": "whyfit.models.logistic_model",
    "PCA": "whyfit.models.pca",
    "PoissonRegression": "whyfit.models.glm_model",
    "Prediction": "whyfit.models.table_model",
    "Ridge": "whyfit.models.linear_model",
    "TableModel": "whyfit.models.table_model",
    "load_model": "whyfit.models.file",
    "save_model": "whyfit.models.file",
}

__all__ = [
    "PCA",
    "BayesianLinearRegression",
    "BayesianLogisticRegression",
    "BayesianPoissonRegression",
    "ElasticNet",
    "GammaRegression",
    "GaussianMixture",
    "GaussianNB",
    "HuberRegression",
    "Interval",
    "Lasso",
    "LinearDiscriminantAnalysis",
    "LinearRegression",
    "LogisticRegression",
    "PoissonRegression",
    "Prediction",
    "ProbabilisticPCA",
    "QuadraticDiscriminantAnalysis",
    "Ridge",
    "TableModel",
    "load_model",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
