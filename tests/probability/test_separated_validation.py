"""Where a fit separates its rows, held-out scores must not know them: pure noise stays noise."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.data.arrays import ArrayRows
from whyfit.probability import logistic, logistic_validation, multinomial


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_noise_that_is_separated_is_not_predicted(classes: int, seed: int) -> None:
    """60 columns of noise separate 60 rows whatever their classes; out of fold the classes are guessed."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(60, 60)), np.arange(60.0) % classes
    rows = ArrayRows(X, rng.permutation(y), 10)
    at = (rows, 60, X.mean(axis=0), X.std(axis=0))
    if classes == 2:
        fit = logistic.fit_rows(*at)
        scores, _ = logistic_validation.cross_validate(fit, rows, 10)
    else:
        many = multinomial.fit_rows(*at, classes=tuple("abcde"[:classes]))
        assert not many.converged
        scores, _ = multinomial.cross_validate(many, rows, 10)
    # 60 guesses: 4 standard deviations above the chance of 1/C
    chance = 1 / classes
    assert np.nanmean(scores["accuracy"]) < chance + 4 * np.sqrt(chance * (1 - chance) / 60)
