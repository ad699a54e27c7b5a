"""LA114: standard errors and gains of theory, wording, silence, real files."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import file_case, findings, table_case
from whyfit.diagnosis.nested import expected_gain


def only(found):
    assert len(found) == 1
    return found[0]


def evidence(f, start: str):
    return next(e for e in f.evidence if e.name.startswith(start))


def noise(levels: int, n: int = 3000, seed: int = 0, effect: float = 0.0):
    """A category of equally frequent levels whose effects have standard deviation `effect`."""
    rng = np.random.default_rng(seed)
    level = rng.integers(0, levels, n)
    x = rng.normal(size=n)
    y = x + effect * rng.normal(size=levels)[level] + rng.normal(size=n)
    return {"town": [f"t{v}" for v in level], "x": x, "y": y}


def test_columns_that_buy_nothing_cost_what_theory_says():
    """39 columns without effect among 3,000 rows: R² rises by q σ²/(n var y) = 39/3000/2 = 0.0065 without them."""
    predicted, observed = [], []
    for seed in range(8):
        f = only(findings(table_case(noise(40, seed=seed), "y"), "LA114"))
        change = evidence(f, "change of held-out R²")
        assert change.low < change.predicted < change.high
        predicted.append(change.predicted)
        observed.append(change.value)
    assert np.mean(predicted) == pytest.approx(39 / 3000 / 2, rel=0.3)
    assert np.mean(observed) == pytest.approx(39 / 3000 / 2, rel=0.3)


def test_the_message_names_what_is_spent_and_dropping_is_tried():
    f = only(findings(table_case(noise(40), "y"), "LA114"))
    assert (f.severity, f.subject) == ("note", ("town",))
    assert f.message.startswith("39 columns for 40 levels of town tell next to nothing about y")
    assert f.remedy.edit == {"drop": ["town"]}
    assert f.remedy.trial.difference > 0


def test_levels_that_matter_are_silent():
    assert not findings(table_case(noise(40, effect=0.5), "y"), "LA114")


def test_few_levels_are_silent_whatever_they_tell():
    assert not findings(table_case(noise(6), "y"), "LA114")


def test_the_interval_of_a_rare_level_is_that_of_theory():
    rng = np.random.default_rng(1)
    level = np.array(["a"] * 500 + ["b"] * 490 + ["c"] * 3)
    y = rng.normal(size=993)
    case = table_case({"g": level, "x": rng.normal(size=993), "y": y}, "y", rare_level=2)
    f = only(findings(case, "LA114"))
    width = f.evidence[0]
    assert width.value == pytest.approx(2 * 1.96 * np.sqrt(1 / 3 + 1 / 500), rel=0.08)
    assert width.limit == pytest.approx(2 * y.std(ddof=1))
    assert f.message.startswith("g=c has 3 rows: the interval of c is 2.")
    assert f.remedy.edit == {"rare_level": 4}


def test_merging_two_rare_levels_halves_the_variance():
    rng = np.random.default_rng(2)
    level = np.array(["a"] * 500 + ["b"] * 490 + ["c"] * 3 + ["d"] * 3)
    c = {"g": level, "x": rng.normal(size=996), "y": rng.normal(size=996)}
    f = only(findings(table_case(c, "y", rare_level=2), "LA114"))
    assert f.remedy.trial.helped
    assert f.remedy.trial.after / f.remedy.trial.before < 0.8


def test_rare_levels_of_two_classes_are_judged_on_the_log_odds():
    rng = np.random.default_rng(3)
    level = np.array(["a"] * 900 + ["b"] * 900 + ["c"] * 12 + ["d"] * 12)
    y = rng.random(1824) < 0.3
    y[-24:] = False
    y[[-1, -13]] = True
    case = table_case({"g": level, "x": rng.normal(size=1824), "y": y.astype(int)}, "y")
    f = only(findings(case, "LA114"))
    assert f.evidence[0].limit == pytest.approx(2 * np.pi / np.sqrt(3))
    se = np.sqrt(1 / (12 * (1 / 12) * (11 / 12)) + 1 / (900 * 0.3 * 0.7))
    assert f.evidence[0].value == pytest.approx(2 * 1.96 * se, rel=0.1)
    assert "log odds" in f.message


def test_a_name_in_nearly_every_row_is_lost_in_rare():
    rng = np.random.default_rng(4)
    names = np.array([f"n{v}" for v in rng.integers(0, 300, 900)])
    c = {"name": names, "x": rng.normal(size=900), "y": rng.normal(size=900)}
    f = only(findings(table_case(c, "y", roles={"name": "categorical"}), "LA114"))
    assert "levels of name have too few rows for a column: (rare) holds" in f.message


def test_gain_is_mallows_and_akaike():
    rng = np.random.default_rng(5)
    x, z = rng.normal(size=(2, 200))
    y = x + rng.normal(size=200)
    case = table_case({"x": x, "z": z, "y": y}, "y")
    small = case.rerun({"drop": ["z"]})
    a, b = small.linear, case.linear
    cp = [f.rss + 2 * (f.rank + 1) * b.sigma2 for f in (a, b)]
    assert expected_gain(small, case) == pytest.approx((cp[0] - cp[1]) / b.tss)
    case = table_case({"x": x, "z": z, "y": (y > 0).astype(int)}, "y")
    small = case.rerun({"drop": ["z"]})
    aic = [2 * (c.fit.rank + 1) - 2 * c.fit.log_likelihood for c in (small, case)]
    assert expected_gain(small, case) == pytest.approx(
        (aic[0] - aic[1]) / 2 / -case.fit.null_log_likelihood
    )


def test_degenerate_tables():
    rng = np.random.default_rng(6)
    tiny = {"g": ["a", "b"] * 10, "y": rng.normal(size=20)}
    assert not findings(table_case(tiny, "y", rare_level=1), "LA114")
    three = {"g": list("abc") * 100, "y": list("uvw") * 100}
    assert not findings(table_case(three, "y", task="multiclass"), "LA114")
    numbers = {"x": rng.normal(size=100), "y": rng.normal(size=100)}
    assert not findings(table_case(numbers, "y"), "LA114")
    exact = noise(40)
    exact["y"] = exact["x"]
    findings(table_case(exact, "y"), "LA114")
    assert not findings(table_case(noise(40), "y", ridge=1.0), "LA114")


def test_surnames_tell_nothing_about_leaving_a_bank(shared_data):
    case = file_case(shared_data / "churn_bank" / "churn_bank.csv", "Exited")
    f = only(findings(case, "LA114"))
    assert f.subject == ("Surname",)
    assert "2,932 levels" in f.message
    assert f.remedy.edit == {"drop": ["Surname"]}


@pytest.mark.parametrize(
    ("name", "target"),
    [("titanic", "survived"), ("diamonds", "price"), ("sacramento_houses", "price")],
)
def test_categories_that_matter_are_left_alone(shared_data, name, target):
    assert not findings(file_case(shared_data / name / f"{name}.csv", target), "LA114")


def test_levels_that_have_rows_enough_are_not_called_too_rare():
    rng = np.random.default_rng(4)
    c = {
        "name": np.array([f"n{v}" for v in np.repeat(np.arange(120), 15)]),
        "x": rng.normal(size=1800),
        "y": rng.normal(size=1800),
    }
    f = only(findings(table_case(c, "y", roles={"name": "categorical"}, max_levels=5), "LA114"))
    assert "115 of 120 levels of name are more than max_levels, 5: (rare) holds" in f.message
