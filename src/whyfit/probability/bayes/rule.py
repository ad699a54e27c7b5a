"""Bayes' rule as a table: hypotheses, prior, likelihood, posterior.

    P(H_i | D) = P(D | H_i) P(H_i) / Σ_j P(D | H_j) P(H_j)

Everything is kept as logarithms, so that a likelihood of e^−5000 is as good as one of 0.3. What was posterior is the
prior of the next observation: `PosteriorTable.update` gives the same table whatever order independent data come in.

Degenerate input: a prior need not sum to one (it is divided by its sum); a hypothesis of prior 0 stays at 0 whatever is
seen (Cromwell's rule); data that no hypothesis of positive prior allows are a SpecError, for the rule divides by 0.

References: Jaynes (2003), Probability Theory, ch. 4; Kass & Raftery (1995), JASA 90, 773-795 (Bayes factors in words).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from whyfit.errors import ShapeError, SpecError

#: Kass & Raftery (1995), §3.2: twice the log of the Bayes factor, and what it is called.
GRADES = (
    (2.0, "not worth more than a bare mention"),
    (6.0, "positive"),
    (10.0, "strong"),
    (np.inf, "very strong"),
)


@dataclass(frozen=True)
class PosteriorTable:
    """One row per hypothesis.

    Attributes
    ----------
    names : of the hypotheses.
    prior, likelihood, posterior : (k,); `likelihood` is of everything seen since `prior`, up to a constant where
        log-likelihoods were given up to one.
    log_evidence : log Σ_j P(D | H_j) P(H_j) of everything seen.
    """

    names: tuple[str, ...]
    log_prior: Float[np.ndarray, " k"]
    log_likelihood: Float[np.ndarray, " k"]
    history: tuple[Float[np.ndarray, " k"], ...] = field(default=())

    @property
    def prior(self) -> Float[np.ndarray, " k"]:
        return np.exp(self.log_prior)

    @property
    def likelihood(self) -> Float[np.ndarray, " k"]:
        return np.exp(self.log_likelihood)

    @property
    def log_evidence(self) -> float:
        return float(np.logaddexp.reduce(self.log_prior + self.log_likelihood))

    @property
    def log_posterior(self) -> Float[np.ndarray, " k"]:
        return self.log_prior + self.log_likelihood - self.log_evidence

    @property
    def posterior(self) -> Float[np.ndarray, " k"]:
        p = np.exp(self.log_posterior)
        return p / p.sum()

    def update(self, likelihood: Sequence[float] | np.ndarray) -> PosteriorTable:
        """The table after one more observation, independent of the earlier ones given the hypothesis.

        Parameters
        ----------
        likelihood : (k,) P(observation | H_i), or (s, k) of s observations.

        Raises
        ------
        ShapeError : not one value per hypothesis. SpecError : a value is negative or not finite, or no hypothesis
        is left.
        """
        L = np.atleast_2d(np.asarray(likelihood, dtype=np.float64))
        if not (L >= 0).all() or not np.isfinite(L).all():
            raise SpecError(
                "a likelihood is negative or not finite; expected P(data | hypothesis)."
            )
        with np.errstate(divide="ignore"):
            return self.update_log(np.log(L))

    def update_log(self, log_likelihood: Sequence[float] | np.ndarray) -> PosteriorTable:
        """`update` by log-likelihoods; −inf is "impossible"."""
        L = np.atleast_2d(np.asarray(log_likelihood, dtype=np.float64))
        k = len(self.names)
        if L.ndim != 2 or L.shape[1] != k:
            raise ShapeError(
                f"the likelihood has shape {L.shape}; expected {k} values, one a hypothesis."
            )
        if np.isnan(L).any() or np.isposinf(L).any():
            raise SpecError("a log-likelihood is NaN or infinite; expected finite numbers or −inf.")
        total, history = self.log_likelihood.copy(), list(self.history)
        for row in L:
            total = total + row
            after = self.log_prior + total
            if after.max() == -np.inf:
                raise SpecError(
                    "every hypothesis with a positive prior is impossible given the data; "
                    "add the one that was left out."
                )
            history.append(np.exp(after - np.logaddexp.reduce(after)))
        return replace(self, log_likelihood=total, history=tuple(history))

    def odds(self, a: str, b: str) -> float:
        """Posterior odds of hypothesis `a` against `b`."""
        i, j = self._place(a), self._place(b)
        with np.errstate(over="ignore"):
            return float(np.exp(self.log_posterior[i] - self.log_posterior[j]))

    def log_bayes_factor(self, a: str, b: str) -> float:
        """log P(D | a)/P(D | b): what the data alone say."""
        return float(self.log_likelihood[self._place(a)] - self.log_likelihood[self._place(b)])

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise SpecError(
                f"'{name}' is no hypothesis here; expected one of {', '.join(self.names)}."
            )
        return self.names.index(name)

    def rows(self) -> list[dict[str, float | str]]:
        """The table as plain rows: hypothesis, prior, likelihood, joint, posterior."""
        joint = np.exp(self.log_prior + self.log_likelihood)
        columns = zip(self.names, self.prior, self.likelihood, joint, self.posterior, strict=True)
        names = ("hypothesis", "prior", "likelihood", "joint", "posterior")
        return [
            {n: v if isinstance(v, str) else float(v) for n, v in zip(names, row, strict=True)}
            for row in columns
        ]

    def __str__(self) -> str:
        width = max(10, *(len(n) for n in self.names))
        head = f"{'hypothesis':<{width}} {'prior':>9} {'likelihood':>11} {'posterior':>9}"
        lines = [
            f"{n:<{width}} {p:>9.4f} {v:>11.4g} {q:>9.4f}"
            for n, p, v, q in zip(
                self.names, self.prior, self.likelihood, self.posterior, strict=True
            )
        ]
        return "\n".join([head, *lines])


def prior_table(
    prior: Sequence[float] | dict[str, float], names: Sequence[str] = ()
) -> PosteriorTable:
    """A table before anything is seen: the posterior is the prior.

    Parameters
    ----------
    prior : (k,) weights ≥ 0, or {hypothesis: weight}; divided by their sum.
    names : of the hypotheses; H1, H2, … by default.

    Raises
    ------
    SpecError : a weight is negative or not finite, all are 0, or a name comes twice. ShapeError : not as many names
    as weights, or none at all.

    Examples
    --------
    >>> table = prior_table({"ill": 0.01, "well": 0.99}).update([0.9, 0.05])
    >>> table.posterior.round(3).tolist()
    [0.154, 0.846]
    """
    if isinstance(prior, dict):
        names, prior = tuple(prior), list(prior.values())
    w = np.asarray(prior, dtype=np.float64)
    names = tuple(map(str, names)) or tuple(f"H{i + 1}" for i in range(w.size))
    if w.ndim != 1 or not w.size or len(names) != w.size:
        raise ShapeError(
            f"the prior has shape {w.shape} and there are {len(names)} names; expected as many."
        )
    if not (w >= 0).all() or not np.isfinite(w).all() or not w.sum() > 0:
        raise SpecError(
            "the prior holds a negative or infinite weight, or zeros only; expected weights ≥ 0."
        )
    if len(set(names)) < len(names):
        raise SpecError("two hypotheses have one name; expected different ones.")
    with np.errstate(divide="ignore"):
        return PosteriorTable(names, np.log(w / w.sum()), np.zeros(w.size))


def bayes_rule(
    prior: Sequence[float] | dict[str, float],
    likelihood: Sequence[float] | np.ndarray,
    names: Sequence[str] = (),
) -> PosteriorTable:
    """Prior times likelihood over their sum: `prior_table(prior, names).update(likelihood)`."""
    return prior_table(prior, names).update(likelihood)


def grade(log_bayes_factor: float) -> str:
    """Kass and Raftery's words for a Bayes factor, whichever way it points."""
    size = 2 * abs(log_bayes_factor)
    return next(word for limit, word in GRADES if size <= limit)
