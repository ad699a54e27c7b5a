"""Standard errors of the least-squares estimator that allow for groups and neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.data.arrays import ArrayRows
from whyfit.errors import ShapeError, SpecError
from whyfit.models import LinearRegression
from whyfit.probability.cosines import ewc_meat
from whyfit.probability.few_clusters import cr2_meat
from whyfit.probability.linear import fit_arrays

RNG = np.random.default_rng(0)
LABEL = np.repeat(np.arange(30), 8)
X = np.column_stack([RNG.normal(size=30)[LABEL], RNG.normal(size=240)])
Y = X @ [1.0, 2.0] + RNG.normal(size=30)[LABEL] + RNG.normal(size=240)


@pytest.mark.parametrize("kind", ["cluster", "HAC"])
def test_they_are_those_of_the_pillar(kind):
    model = LinearRegression(covariance=kind).fit(X, Y, groups=LABEL if kind == "cluster" else None)
    fit, rows = fit_arrays(X, Y).fit, ArrayRows(X, Y, 2)
    table = (cr2_meat(fit, rows, LABEL) if kind == "cluster" else ewc_meat(fit, rows)).inference(
        fit
    )
    np.testing.assert_allclose(model.inference_.std_error, table.std_error, rtol=1e-9)
    np.testing.assert_allclose(model.inference_.low, table.low, rtol=1e-9)
    assert model.inference_.covariance == table.covariance
    np.testing.assert_allclose(np.sqrt(np.diag(model.covariance_)), table.std_error, rtol=1e-9)


def test_a_column_that_is_constant_in_groups_suffers_and_predictions_with_it():
    plain = LinearRegression().fit(X, Y)
    model = LinearRegression(covariance="cluster").fit(X, Y, groups=[f"g{i}" for i in LABEL])
    ratio = model.std_error_ / plain.std_error_
    assert ratio[0] > 1.5 > ratio[1]
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    wide, narrow = (m.predict(X[:3], interval=0.95, kind="mean") for m in (model, plain))
    assert (wide.high - wide.low > narrow.high - narrow.low).all()
    assert model.summary()["covariance"] == "CR2"


def test_labels_that_are_not_used_change_nothing():
    a = LinearRegression(covariance="HC3").fit(X, Y)
    b = LinearRegression(covariance="HC3").fit(X, Y, groups=LABEL)
    np.testing.assert_array_equal(a.std_error_, b.std_error_)


@pytest.mark.parametrize(
    ("covariance", "groups", "error", "said"),
    [
        ("cluster", None, SpecError, "needs groups"),
        ("cluster", LABEL[:5], ShapeError, r"shape \(5,\); expected one label for each of the 240"),
        ("cluster", np.zeros(240), ShapeError, "1 clusters; expected at least 2"),
        ("HC9", None, SpecError, "expected one of classic"),
    ],
)
def test_messages(covariance, groups, error, said):
    with pytest.raises(error, match=said):
        LinearRegression(covariance=covariance).fit(X, Y, groups=groups)
