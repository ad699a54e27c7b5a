"""From a case to its document: numbers that do not exist are unknown, not zero."""

import math

import numpy as np
import pandas as pd

import whyfit
from whyfit.report.summary import certain_digits


def test_a_dropped_column_does_not_take_the_digits_of_the_others():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = X[:, 0] + rng.normal(size=200)
    document = whyfit.fit((np.column_stack([X, X.sum(axis=1)]), y)).document
    digits = {c.name: c.digits for c in document.model.coefficients}
    assert math.isnan(digits["x3"])
    assert certain_digits(document) >= 8


def test_without_a_maximum_nothing_is_certified():
    x = np.linspace(-1, 1, 80)
    document = whyfit.fit((x[:, None], (x > 0).astype(int))).document
    assert all(math.isnan(c.digits) for c in document.model.coefficients)
    assert certain_digits(document) is None
    assert document.model.why == "the likelihood has no maximum, so no digits are certified"


def test_levels_beyond_max_levels_are_not_merged_in_silence():
    rng = np.random.default_rng(0)
    city = [f"c{i:02d}" for i in np.repeat(np.arange(60), 12)]
    y = rng.normal(size=len(city))
    frame = pd.DataFrame({"city": city, "y": y})
    (note,) = (n for n in whyfit.fit(frame, "y", select="PR301").document.notes if "merged" in n)
    assert (
        note
        == "10 of 60 levels of city, 17 % of the rows, are merged into (rare): max_levels is 50."
    )
