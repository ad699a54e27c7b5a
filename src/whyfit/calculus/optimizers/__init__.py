"""Optimizers as pure update rules: a state, a gradient and a step size in, new parameters and state out."""

from whyfit.calculus.optimizers.adam import Adam, AdamW
from whyfit.calculus.optimizers.base import Rule
from whyfit.calculus.optimizers.descent import SGD, GradientDescent, Momentum, Nesterov
from whyfit.calculus.optimizers.rmsprop import RMSProp

__all__ = ["SGD", "Adam", "AdamW", "GradientDescent", "Momentum", "Nesterov", "RMSProp", "Rule"]
