import numpy as np
import pytest
from scipy import special

from simulated import findings_in, linear_data
from whyfit.diagnosis.probability_rules.miscalibrated import promised


def mislabelled(rng, n, share=0.08, strength=6.0):
    """A steep logistic law of which a share of the labels is wrong, whatever the features."""
    X = rng.normal(size=(n, 3))
    p = np.clip(special.expit(strength * X[:, 0]), share, 1 - share)
    return X, (rng.random(n) < p).astype(float)


def test_what_pooling_promises_is_what_the_map_saves():
    (found,) = findings_in("PR308", mislabelled(np.random.default_rng(0), 4000))
    saving = found.evidence[0]
    assert saving.predicted == pytest.approx(saving.value, rel=0.15)
    assert saving.low > 0
    assert found.severity == "warning"
    assert "where they say" in found.message
    assert found.remedy is not None
    assert found.remedy.edit == {}
    assert found.remedy.trial is not None
    assert found.remedy.trial.helped
    assert found.remedy.trial.difference == pytest.approx(saving.value)


def test_too_many_features_make_probabilities_too_extreme():
    data = linear_data(np.random.default_rng(1), 300, 60, 0.2, binary=True)
    (found,) = findings_in("PR308", data)
    assert "too extreme" in found.message
    assert found.evidence[1].value < 0.6  # the slope of the log odds
    assert found.remedy is not None
    assert found.remedy.name.startswith("recalibrate: logit q =")


def test_a_map_that_no_one_needs_promises_nothing():
    rng = np.random.default_rng(2)
    got = []
    for _ in range(40):
        p = rng.random(300)
        got.append(promised((rng.random(300) < p).astype(float), p, rng))
    assert abs(np.mean(got)) < 4 * np.std(got) / np.sqrt(40)


def test_other_tasks_few_rows_and_separated_classes_are_left_alone():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 2))
    assert findings_in("PR308", (X, rng.normal(size=200))) == ()
    assert findings_in("PR308", (X, (X[:, 0] > 0).astype(float))) == ()
    rare = np.zeros(200)
    rare[:8] = 1
    assert findings_in("PR308", (X, rng.permutation(rare))) == ()
