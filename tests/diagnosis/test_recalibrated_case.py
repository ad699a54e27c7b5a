"""`Spec.recalibrate` in a case: scores are those of mapped held-out predictions, by maps that did not see the row."""

import numpy as np
import pytest
from scipy import special
from sklearn.metrics import brier_score_loss, log_loss

from simulated import case_of
from whyfit.errors import SpecError
from whyfit.probability.recalibration import OF_MANY, OF_TWO


def steep(n=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    p = np.clip(special.expit(6 * X[:, 0]), 0.1, 0.9)
    return X, (rng.random(n) < p).astype(float)


def three(n=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = np.argmax(3 * X + rng.gumbel(size=(n, 3)), axis=1)
    return X, np.where(rng.random(n) < 0.2, rng.integers(0, 3, n), y)


@pytest.mark.parametrize("name", OF_TWO)
def test_scores_are_those_of_the_mapped_rows(name):
    case = case_of(*steep(), recalibrate=name)
    y, q, fold = case.sample.y, case.held_out, case.sample.fold
    for j in range(case.k):
        mine = fold == j
        rest = OF_TWO[name](y[~mine], np.clip(case.out_of_fold[~mine], 1e-12, 1 - 1e-12))
        np.testing.assert_allclose(q[mine], rest(case.out_of_fold[mine]), atol=1e-12)
        assert case.scores["log_loss"][j] == pytest.approx(log_loss(y[mine], q[mine]), rel=1e-9)
        assert case.scores["brier"][j] == pytest.approx(brier_score_loss(y[mine], q[mine]))
        assert case.scores["accuracy"][j] == pytest.approx(np.mean((q[mine] >= 0.5) == y[mine]))


@pytest.mark.parametrize("name", OF_MANY)
def test_of_several_classes_too(name):
    case = case_of(*three(), task="multiclass", recalibrate=name)
    y, Q, fold = case.sample.y.astype(int), case.held_out, case.sample.fold
    np.testing.assert_allclose(Q.sum(axis=1), 1)
    for j in range(case.k):
        mine = fold == j
        expected = log_loss(y[mine], Q[mine], labels=[0, 1, 2])
        assert case.scores["log_loss"][j] == pytest.approx(expected, rel=1e-9)


def test_a_rerun_keeps_the_fit_and_maps_anew():
    case = case_of(*steep())
    before = case.scores["log_loss"], case.out_of_fold
    mapped = case.rerun({"recalibrate": "isotonic"})
    assert mapped.fit is case.fit
    assert mapped.out_of_fold is before[1]
    assert mapped.scores["log_loss"].mean() < before[0].mean() - 0.02
    back = mapped.rerun({"recalibrate": "none"})
    assert back.fit is case.fit
    np.testing.assert_array_equal(back.scores["log_loss"], before[0])
    assert back.recalibration is None
    np.testing.assert_array_equal(back.held_out, case.out_of_fold)


def test_another_threshold_needs_no_fit_and_scores_as_if_it_had_been_chosen():
    X, y = steep()
    case = case_of(X, y)
    half = case.scores
    moved = case.rerun({"threshold": 0.3})
    assert moved.fit is case.fit
    anew = case_of(X, y, threshold=0.3).scores
    assert set(moved.scores) == set(anew)
    for name, values in anew.items():
        np.testing.assert_allclose(moved.scores[name], values, rtol=1e-12)
    assert not np.allclose(moved.scores["recall"], half["recall"])
    np.testing.assert_array_equal(moved.rerun({"threshold": 0.5}).scores["recall"], half["recall"])
    by_cost = moved.rerun({"threshold": None, "costs": (3.0, 7.0)})
    np.testing.assert_allclose(by_cost.scores["recall"], anew["recall"])


def test_components_stay_projected_in_a_rerun():
    case = case_of(*steep(), components=2)
    assert case.scores["log_loss"].shape == (case.k,)
    mapped = case.rerun({"recalibrate": "platt"})
    assert mapped.p == 2
    assert mapped.scores["log_loss"].mean() == pytest.approx(
        case.scores["log_loss"].mean(), abs=0.02
    )


def test_left_out_rows_are_scored_but_teach_no_map():
    X, y = steep()
    out = tuple(range(0, 600, 7))
    turned = y.copy()
    turned[list(out)] = 1 - y[list(out)]
    maps = [case_of(X, v, exclude_rows=out, recalibrate="platt").recalibration for v in (y, turned)]
    assert maps[0].map == maps[1].map


def test_the_threshold_of_costs_is_one_of_mapped_probabilities():
    X, y = steep()
    case = case_of(X, y, recalibrate="platt", costs=(1.0, 3.0))
    q, fold = case.held_out, case.sample.fold
    for j in range(case.k):
        mine = fold == j
        called = q[mine] >= 0.25
        assert case.scores["false_positives"][j] == np.mean(called & (y[mine] == 0))
        assert case.scores["false_negatives"][j] == np.mean(~called & (y[mine] == 1))


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"recalibrate": "beta"}, "beta calibration is a map of two classes, and 'y' has 3"),
        ({"costs": (1.0, 2.0)}, "the target 'y' has 3 classes"),
    ],
)
def test_what_several_classes_have_no_use_for(choice, said):
    with pytest.raises(SpecError, match=said):
        case_of(*three(), task="multiclass", **choice)
    case = case_of(*three(), task="multiclass")
    with pytest.raises(SpecError, match=said):
        case.rerun(choice)


@pytest.mark.parametrize("choice", [{"recalibrate": "platt"}, {"costs": (1.0, 2.0)}])
def test_a_number_has_neither(choice):
    X, _ = steep()
    with pytest.raises(SpecError, match="the target 'y' is a number"):
        case_of(X, X[:, 0], **choice)


@pytest.mark.parametrize("name", OF_TWO)
def test_few_rows_and_separated_classes(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    for y in ((X[:, 0] > 0).astype(float), (np.arange(40) == 3).astype(float)):
        case = case_of(X, y, recalibrate=name)
        assert np.isfinite(case.held_out).all()
        assert np.isfinite(case.scores["log_loss"]).all()
    tiny = case_of(X[:4], np.array([0.0, 1, 1, 0]), recalibrate=name)
    assert np.isfinite(tiny.held_out).all()


def test_threshold_and_costs_are_checked():
    from whyfit.spec import Spec

    assert Spec().called_from == 0.5
    assert Spec(costs=(1.0, 4.0)).called_from == pytest.approx(0.2)
    assert Spec(costs=(1.0, 4.0), threshold=0.3).called_from == 0.3
    for wrong in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(SpecError, match="threshold is"):
            Spec(threshold=wrong)
