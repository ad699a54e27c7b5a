"""Losses as small objects: what is minimised, its derivatives, and the link to the mean."""

from whyfit.calculus.losses.base import Loss
from whyfit.calculus.losses.brier import Brier, SoftmaxBrier
from whyfit.calculus.losses.gamma import Gamma
from whyfit.calculus.losses.hinge import Hinge
from whyfit.calculus.losses.huber import Huber
from whyfit.calculus.losses.logistic import Logistic
from whyfit.calculus.losses.multinomial import Multinomial
from whyfit.calculus.losses.poisson import Poisson
from whyfit.calculus.losses.quantile import Quantile
from whyfit.calculus.losses.squared import Squared

__all__ = [
    "Brier",
    "Gamma",
    "Hinge",
    "Huber",
    "Logistic",
    "Loss",
    "Multinomial",
    "Poisson",
    "Quantile",
    "SoftmaxBrier",
    "Squared",
]
