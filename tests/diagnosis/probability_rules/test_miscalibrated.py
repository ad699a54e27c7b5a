import numpy as np
import pytest
from scipy import special

from simulated import findings, findings_in, linear_data, source_case
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
    assert found.remedy.edit == {"recalibrate": "isotonic"}
    assert found.remedy.trial is not None
    assert found.remedy.trial.helped
    # means over rows and over folds of the same saving
    assert found.remedy.trial.difference == pytest.approx(saving.value, rel=0.1)


def test_the_remedy_removes_the_finding():
    case = source_case(mislabelled(np.random.default_rng(0), 3000))
    (found,) = findings(case, "PR308")
    assert found.remedy is not None
    assert findings(case.rerun(found.remedy.edit), "PR308") == ()


def test_too_many_features_make_probabilities_too_extreme():
    data = linear_data(np.random.default_rng(1), 300, 60, 0.2, binary=True)
    (found,) = findings_in("PR308", data)
    assert "too extreme" in found.message
    assert found.evidence[1].value < 0.6  # the slope of the log odds
    assert found.remedy is not None
    assert found.remedy.name.startswith("recalibrate: logit q =")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_of_too_many_features_the_penalty_is_the_cause_that_speaks(seed):
    data = linear_data(np.random.default_rng(seed), 300, 60, 0.2, binary=True)
    case = source_case(data)
    assert [f.code for f in findings(case, "PR308")] == ["PR308"]
    (found,) = findings(case, "PR302", "PR308")
    assert found.code == "PR302"
    assert "PR308" in found.explains
    assert findings(case.rerun(found.remedy.edit), "PR308") == ()


def test_of_wrong_labels_the_map_is_the_cause_that_speaks():
    rng = np.random.default_rng(1)
    X, y = mislabelled(rng, 1500)
    case = source_case((np.column_stack([X, rng.normal(size=(1500, 60))]), y))
    (found,) = findings(case, "PR302", "PR308")
    assert found.code == "PR308"
    assert "PR302" in found.explains


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
