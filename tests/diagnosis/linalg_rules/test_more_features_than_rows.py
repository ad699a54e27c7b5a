"""LA110: the R² of noise, the evidence's penalty, odd input."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, findings, table_case
from whyfit.diagnosis.linalg_rules.more_features_than_rows import noise_r2


def data(n: int, p: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, X[:, 0] + X[:, 1] + rng.normal(size=n)


def only(found):
    assert len(found) == 1
    return found[0]


def test_noise_reaches_p_over_n_minus_one():
    C = np.corrcoef(data(100, 30)[0].T)
    assert noise_r2(C, 100) == pytest.approx(30 / 99)
    assert noise_r2(C, 100, ridge=50.0) < 30 / 99
    assert noise_r2(np.corrcoef(data(20, 30)[0].T), 20) == pytest.approx(1.0)


def test_shuffled_targets_agree_with_the_prediction():
    f = only(findings(case_of(*data(60, 20)), "LA110"))
    r2 = next(e for e in f.evidence if e.name == "training R² of pure noise")
    assert r2.predicted == pytest.approx(20 / 59)
    assert r2.value == pytest.approx(r2.predicted, abs=0.03)
    assert f.message == (
        "20 coefficients and 60 rows, 3.0 rows per coefficient (limit 5, 10 advised):"
        " pure noise would reach training R² 0.34"
    )
    assert (f.severity, f.subject) == ("warning", ())
    assert f.remedy.edit.keys() == {"ridge"}


def test_more_columns_than_rows_is_an_error_and_a_penalty_helps():
    f = only(findings(case_of(*data(100, 99)), "LA110"))
    assert f.severity == "error"
    assert "any target, even noise, is fitted without error" in f.message
    assert set(f.explains) >= {"LA106"}
    assert f.remedy.trial.helped


def test_it_silences_the_rank_loss_it_causes():
    found = findings(case_of(*data(40, 60)), "LA110", "LA106")
    assert [f.code for f in found] == ["LA110"]


def test_under_a_penalty_effective_coefficients_count():
    X, y = data(40, 60)
    assert not findings(case_of(X, y, ridge=1e4), "LA110")
    f = only(findings(case_of(X, y, ridge=0.5), "LA110"))
    assert "effective coefficients" in f.message


def test_constant_columns_and_copies_are_not_counted():
    X, y = data(60, 6)
    assert not findings(case_of(np.hstack([X, X, X]), y), "LA110")
    assert not findings(case_of(np.column_stack([X, np.ones((60, 20))]), y), "LA110")


@pytest.mark.parametrize("classes", [2, 3])
def test_classes(classes):
    X, y = data(60, 20)
    label = np.digitize(y, np.quantile(y, np.arange(1, classes) / classes))
    words = np.array(["a", "b", "c"])[label]
    columns = {f"x{j}": x for j, x in enumerate(X.T)}
    assert only(findings(table_case(columns | {"y": words}, "y"), "LA110")).severity == "warning"
