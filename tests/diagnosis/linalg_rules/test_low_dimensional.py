"""LA109: spectra, a target in small components, classes, odd input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import whyfit
from simulated import case_of, findings, table_case
from whyfit.linalg.rank import effective_rank


def spectra(n=215, p=100, seed=0, noise=0.003):
    """Smooth absorption curves of five substances, and the content of one: like meat under near-infrared light."""
    rng = np.random.default_rng(seed)
    wave = np.linspace(0, 1, p)
    bands = np.array([np.exp(-(((wave - c) / w) ** 2)) for c, w in BANDS])
    content = rng.dirichlet(np.ones(5) * 2, size=n)
    level = rng.normal(3, 0.5, size=(n, 1))  # thickness: the same everywhere
    X = level + content @ bands + noise * rng.normal(size=(n, p))
    return X, 20 + 60 * content[:, 0] + rng.normal(size=n)


BANDS = ((0.15, 0.25), (0.4, 0.2), (0.5, 0.35), (0.75, 0.2), (0.95, 0.3))


def only(found):
    assert len(found) == 1
    return found[0]


def evidence(finding, start):
    return next(e for e in finding.evidence if e.name.startswith(start))


def test_spectra_are_low_dimensional_and_components_lose_nothing():
    X, y = spectra()
    case = case_of(X, y)
    f = only(findings(case, "LA109"))
    assert "of 100 hold" in f.message or "of 100 holds" in f.message
    loss = evidence(f, "held-out R² on")
    assert loss.predicted == 0
    assert loss.low > -0.02
    share = evidence(f, "share of held-out")
    assert share.low >= 0.99
    assert share.limit == 0.99
    k = f.remedy.edit["components"]
    assert 4 <= k <= 12  # five contents that add up to one, and the level
    assert evidence(f, "components that hold").limit == 33
    assert f.remedy.trial.difference > 0  # 100 coefficients from 215 rows are too many
    lam = np.linalg.eigvalsh(np.corrcoef(X.T))
    rank = effective_rank(lam)
    assert evidence(f, "participation").value == pytest.approx(rank.participation)
    assert evidence(f, "entropy").value == pytest.approx(rank.entropy)


def test_the_remedy_is_the_journey_on_components():
    X, y = spectra()
    names = {f"w{850 + 2 * j}": x for j, x in enumerate(X.T)}
    result = whyfit.fit(pd.DataFrame(names | {"fat": y}), "fat", select="LA109")
    f = only(result.findings)
    fixed = result.fix()
    if f.remedy.trial.helped:
        assert fixed.model.names[0] == "component 1"
        assert not fixed.findings
        columns, coef, _ = fixed.model.in_columns()
        assert columns == tuple(names)
        assert np.corrcoef(X @ coef, fixed.model.predict(pd.DataFrame(names)))[0, 1] > 1 - 1e-9
    assert f.severity == ("warning" if evidence(f, "held-out R² on").low > 0.01 else "note")


def test_silent_where_the_target_lives_in_small_components():
    """The share is held, but regression on the third of the components loses: refuted."""
    rng = np.random.default_rng(0)
    X, _ = spectra(400, 30, noise=0.02)
    V = np.linalg.svd((X - X.mean(axis=0)) / X.std(axis=0), full_matrices=False)[2]
    small = ((X - X.mean(axis=0)) / X.std(axis=0)) @ V[-1]
    y = small / small.std() + 0.1 * rng.normal(size=400)
    assert not findings(case_of(X, y), "LA109")


def test_silent_on_few_columns_and_on_a_third_too_many():
    X, y = spectra(300, 5)
    assert not findings(case_of(X, y), "LA109")
    rng = np.random.default_rng(1)
    F = rng.normal(size=(300, 5))
    wide = F @ rng.normal(size=(5, 12)) + 0.01 * rng.normal(size=(300, 12))
    assert not findings(case_of(wide, F[:, 0]), "LA109")  # five of twelve: more than a third


def test_few_rows_do_not_make_a_low_dimension():
    """n rows span n − 1 dimensions of any p: the share counts on rows held out."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(30, 100))
    assert not findings(case_of(X, X[:, 0] + rng.normal(size=30)), "LA109")


def test_more_columns_than_rows():
    X, y = spectra(60, 150)
    f = only(findings(case_of(X, y), "LA109"))
    assert f.remedy.edit["components"] <= 50


def test_copies_belong_to_another_rule():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(100, 2))
    assert not findings(case_of(np.hstack([X] * 4), X[:, 0] + rng.normal(size=100)), "LA109")


@pytest.mark.parametrize("classes", [2, 3])
def test_classes(classes):
    X, y = spectra(400, 40, noise=0.02)
    y = y + 10 * np.random.default_rng(1).normal(size=400)
    label = np.digitize(y, np.quantile(y, np.arange(1, classes) / classes))
    columns = {f"x{j}": x for j, x in enumerate(X.T)}
    case = table_case(columns | {"y": np.array(["a", "b", "c"])[label]}, "y")
    f = only(findings(case, "LA109"))
    assert evidence(f, "held-out skill on").value > -0.01
    assert f.remedy.trial is not None


def test_silent_once_components_are_fitted_and_with_constants():
    X, y = spectra()
    assert not findings(case_of(X, y, components=6), "LA109")
    f = only(findings(case_of(np.c_[X, np.ones((215, 20))], y), "LA109"))
    assert " of 100 hold" in f.message


def test_under_a_penalty_the_fit_compared_is_the_penalised_one():
    X, y = spectra()
    case = case_of(X, y, ridge=1.0)
    for f in findings(case, "LA109"):
        assert evidence(f, "held-out R² on").low > -0.01
