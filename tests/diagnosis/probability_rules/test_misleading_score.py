import numpy as np
import pytest
from scipy import special

from simulated import case_of, findings, findings_in, linear_data, source_case
from whyfit.diagnosis.misleading import Probabilities, blind, praised, trimmed


def uneven(rng, n, base, strength):
    X = rng.normal(size=(n, 4))
    p = special.expit(special.logit(base) + strength * X[:, 0])
    return X, (rng.random(n) < p).astype(float)


def test_accuracy_that_hides_a_signal_is_named_and_predicted():
    (found,) = findings_in("PR310", uneven(np.random.default_rng(0), 5000, 0.25, 0.5))
    assert found.severity == "note"
    assert found.subject == ("y",)
    accuracy = found.evidence[0]
    assert accuracy.predicted == pytest.approx(accuracy.value, abs=0.02)
    assert accuracy.limit == pytest.approx(accuracy.value, abs=0.01)
    assert found.remedy is not None
    assert set(found.remedy.edit) == {"threshold"}
    assert found.remedy.trial is not None
    assert found.remedy.trial.helped


@pytest.mark.parametrize("choice", [{"costs": (1.0, 3.0)}, {"threshold": 0.25}])
def test_who_chose_a_threshold_does_not_look_at_accuracy(choice):
    data = uneven(np.random.default_rng(0), 5000, 0.25, 0.5)
    assert findings_in("PR310", data, **choice) == ()


def test_a_rare_class_is_left_to_the_rule_on_it():
    data = uneven(np.random.default_rng(0), 5000, 0.1, 0.7)
    assert [f.code for f in findings(source_case(data), "PR309", "PR310")] == ["PR309"]


def test_r2_of_a_linear_law_without_its_farthest_rows():
    """The prediction is the observation where the law is normal."""
    rng = np.random.default_rng(1)
    n, r = 200_000, 0.6
    x = rng.normal(size=n)
    y = np.sqrt(r) * x + np.sqrt(1 - r) * rng.normal(size=n)
    found = trimmed(y, np.sqrt(r) * x)
    assert found is not None
    assert found.whole == pytest.approx(r, abs=0.01)
    assert found.rest == pytest.approx(found.predicted, abs=0.005)
    assert found.rest < found.whole
    assert found.p_value == pytest.approx(1)


def test_the_few_rows_are_as_many_as_are_said():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1000, 3)), rng.normal(size=1000)
    X[:6, 0] = y[:6] = 30.0
    (found,) = findings_in("PR310", (X, y))
    assert "rests on 10 of 1,000 rows" in found.message
    whole, rest, held, miss = found.evidence
    assert rest.value < rest.limit < whole.value
    assert held.value == pytest.approx(6 * 900 / (6 * 900 + 1000), abs=0.05)
    assert miss.value == pytest.approx(miss.limit, rel=0.2)  # no better than the median


def test_the_gap_of_a_training_score_is_the_one_theory_gives():
    (found,) = findings_in("PR310", linear_data(np.random.default_rng(3), 200, 100, 0.3))
    gap = found.evidence[2]
    assert gap.predicted == pytest.approx(gap.value, rel=0.5)
    assert found.remedy is not None
    assert set(found.remedy.edit) == {"ridge"}


def test_overfit_and_no_signal_speak_for_the_training_score():
    wide = source_case(linear_data(np.random.default_rng(3), 200, 100, 0.3))
    assert "PR310" not in [f.code for f in findings(wide, "PR302", "PR310")]
    noise = source_case(linear_data(np.random.default_rng(0), 120, 40, 0.0))
    assert [f.code for f in findings(noise, "PR310")] == ["PR310"]
    assert [f.code for f in findings(noise, "PR301", "PR310")] == ["PR301"]


def test_several_classes_that_rank_well_and_cost_too_much():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 40))
    y = np.argmax(2 * X[:, :3] + rng.gumbel(size=(200, 3)), axis=1)
    (found,) = findings_in("PR310", (X, y), task="multiclass")
    assert "times the log loss" in found.message
    assert found.remedy is not None
    assert found.remedy.edit == {"recalibrate": "temperature"}
    assert found.remedy.trial is not None
    assert found.remedy.trial.helped


def test_p_values_are_those_of_a_conjunction():
    rng = np.random.default_rng(5)
    y = (rng.random(4000) < 0.3).astype(float)

    def of(p):
        case = case_of(rng.normal(size=(4000, 1)), y)
        case.__dict__["held_out"] = p
        return Probabilities.of(case)

    knows = of(np.clip(0.3 + 0.15 * (y - 0.3) + 0.05 * rng.normal(size=4000), 0.01, 0.49))
    nothing = of(np.full(4000, 0.3))
    assert blind(knows) < 1e-3  # never past 1/2, and yet it tells the rows apart
    assert blind(nothing) > 0.5
    assert praised(nothing) > 0.5
    assert praised(knows) > 0.5
    sure = of(
        np.where(y == 1, 0.999999, 0.000001) + 0.999998 * (rng.random(4000) < 0.1) * (1 - 2 * y)
    )
    assert blind(sure) > 0.5


def test_degenerate_tables_are_left_alone():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    assert findings_in("PR310", (X[:5], np.arange(5.0))) == ()
    assert findings_in("PR310", (X, X[:, 0])) == ()  # an exact fit
    assert findings_in("PR310", (X, (X[:, 0] > 0).astype(float))) == ()  # separated
    assert findings_in("PR310", (rng.normal(size=(30, 40)), rng.normal(size=30))) == ()  # p ≥ n
    assert trimmed(np.ones(200), np.ones(200)) is None
