"""What the worked example walks along: a few columns of a table as X and y, and one row of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from whyfit.demo import houses


@dataclass(frozen=True, slots=True)
class Words:
    """How the rows are spoken of; `asks` is the question that a prediction answers."""

    row: str
    rows: str
    target: str
    asks: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Regression:
    """X (n, p), y (n,) and the first row, which is followed.

    Attributes
    ----------
    truth : coefficients of the law that wrote the table; empty if nobody knows it.
    expected : what the law expects of rows like the first, averaged over all other columns.
    idle : columns without effect in the law, each tested beside the columns of X.
    """

    words: Words
    names: tuple[str, ...]
    X: Float[np.ndarray, "n p"]
    y: Float[np.ndarray, " n"]
    truth: Mapping[str, float] = field(default_factory=dict)
    expected: float | None = None
    idle: Mapping[str, Float[np.ndarray, " n"]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """A yes-or-no question about the rows of X; y is 1 for yes.

    `per` names the column whose odds ratio is told, `one_more` one unit of it in words.
    """

    words: Words
    title: str
    says: str
    yes: str
    names: tuple[str, ...]
    X: Float[np.ndarray, "n p"]
    y: Float[np.ndarray, " n"]
    per: str
    one_more: str


def house_regression() -> Regression:
    """The four core columns of the houses, bathrooms beside them, and the law."""
    rows = houses.houses()

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in rows])

    return Regression(
        Words("house", "houses", "price", "What is a house like the first worth?", "$"),
        houses.CORE,
        np.column_stack([column(c) for c in houses.CORE]),
        column(houses.TARGET),
        {c: houses.LAW[c] for c in houses.CORE},
        houses.expected_first(),
        {"bathrooms": column("bathrooms")},
    )


def house_question(houses_: Regression) -> Question:
    """ "Above market?": whether the price is above the median."""
    market = float(np.median(houses_.y))
    return Question(
        houses_.words,
        'The same houses, "above market?"',
        f'"Above market" says that a price is above the median, ${market:,.0f}: yes or no.',
        "above market",
        houses_.names,
        houses_.X,
        (houses_.y > market).astype(float),
        "location",
        "one more point of location",
    )
