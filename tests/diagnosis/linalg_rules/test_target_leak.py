"""LA113: which disguise, in which words, and what is left without it."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, file_case, findings, table_case

N = 300


def columns(seed: int = 0, **more):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, N))
    y = np.exp(1 + 0.4 * x + 0.2 * z + 0.4 * rng.normal(size=N))
    return {"x": x, "z": z, **{k: f(y, rng) for k, f in more.items()}, "y": y}


def only(found):
    assert len(found) == 1
    return found[0]


def test_a_logarithm_is_named_as_such():
    case = table_case(columns(ly=lambda y, _: np.log(y)), "y")
    f = only(findings(case, "LA113"))
    assert (f.severity, f.subject) == ("error", ("ly",))
    assert f.message == "ly = log(y): R² 1 from ly alone (limit 0.99)"
    assert f.remedy.edit == {"drop": ["ly"]}
    assert f.remedy.trial.helped
    assert f.remedy.trial.after < f.remedy.trial.before


def test_the_score_without_it_is_predicted():
    case = table_case(columns(copy=lambda y, _: 3 * y + 1), "y")
    f = only(findings(case, "LA113"))
    after = next(e for e in f.evidence if e.name.endswith("without it"))
    assert after.predicted == pytest.approx(after.value, abs=0.15)
    before = next(e for e in f.evidence if e.name.endswith("with it"))
    assert before.value > 0.999 > after.value
    assert f.prediction.startswith("predicted held-out R² 0.")


def test_a_total_and_its_parts():
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(size=(3, N))
    f = only(findings(table_case({"a": a, "b": b, "c": c, "y": a - b}, "y"), "LA113"))
    assert set(f.subject) == {"a", "b"}
    assert f.message.startswith("y = a − b: R² 1 from ")
    assert f.remedy.edit == {"drop": ["a", "b"]}
    assert f.remedy.trial.after == 0


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda a, b: 7 * a * b, "y ∝ a × b"),
        (lambda a, b: b / a, "y ∝ b / a"),
        (lambda a, b: 1 / (a * b), "y ∝ 1/(a × b)"),
    ],
)
def test_products_and_ratios(make, text):
    rng = np.random.default_rng(2)
    a, b = np.exp(rng.normal(size=(2, N)))
    table = {"a": a, "b": b, "c": rng.normal(size=N), "y": make(a, b)}
    assert only(findings(table_case(table, "y"), "LA113")).message.startswith(text)


def test_levels_that_determine_a_number():
    rng = np.random.default_rng(3)
    level = rng.integers(0, 4, N)
    y = np.array([1.0, 5.0, 2.0, 9.0])[level] + 0.02 * rng.normal(size=N)
    table = {"level": np.array(list("abcd"))[level], "x": rng.normal(size=N), "y": y}
    f = only(findings(table_case(table, "y"), "LA113"))
    assert f.subject == ("level",)
    assert "the levels of level determine y" in f.message


@pytest.mark.parametrize("classes", ["ab", "abc"])
def test_another_spelling_of_the_class(classes):
    rng = np.random.default_rng(4)
    code = rng.integers(0, len(classes), 600)
    table = {
        "x": rng.normal(size=600) + code,
        "said": np.array(["one", "two", "three"])[code],
        "y": np.array(list(classes))[code],
    }
    f = only(findings(table_case(table, "y"), "LA113"))
    assert f.subject == ("said",)
    assert f.message == "said alone tells the class of y: 0 errors in 600 rows held out"
    assert f.prediction.endswith("at most 6 errors in 600   observed 0")


def test_a_number_that_separates_the_classes():
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 1000)
    X = np.column_stack([rng.normal(size=1000), y + 0.1 * rng.normal(size=1000)])
    f = only(findings(case_of(X, y), "LA113"))
    assert f.subject == ("x2",)
    assert "AUC " in f.message
    assert "CA205" in f.explains


def test_the_weaker_sign_is_a_warning():
    """A late reading with 1.3 % noise, beside features that say half of it on their own."""
    rng = np.random.default_rng(6)
    X = rng.normal(size=(2000, 3))
    y = X.sum(axis=1) / np.sqrt(3) + rng.normal(size=2000)
    late = y + np.sqrt(0.013 * y.var()) * rng.normal(size=2000)
    f = only(findings(case_of(np.column_stack([X, late]), y), "LA113"))
    assert (f.severity, f.subject) == ("warning", ("x4",))
    assert "× larger" in f.message


def test_an_only_feature_must_be_exact():
    rng = np.random.default_rng(7)
    x = rng.uniform(1, 9, N)
    assert not findings(case_of(x[:, None], x + 0.001 * rng.normal(size=N)), "LA113")
    assert only(findings(case_of(x[:, None], x + 70), "LA113")).message.startswith("y ≈ x1 + 70: ")
    f = only(findings(case_of(x[:, None], 1.8 * x + 32), "LA113"))
    assert f.message == "y ≈ 1.8 x1 + 32: R² 1 from x1 alone (limit 0.99)"
    assert "no other feature" in f.prediction
    assert f.remedy is None


def test_odd_tables():
    rng = np.random.default_rng(8)
    assert not findings(case_of(rng.normal(size=(4, 2)), rng.normal(size=4)), "LA113")
    assert not findings(case_of(rng.normal(size=(12, 30)), rng.normal(size=12)), "LA113")
    X = np.column_stack([np.ones(50), rng.normal(size=50)])
    assert not findings(case_of(X, rng.normal(size=50)), "LA113")
    X = rng.normal(size=(50, 3))
    X[::7, 1] = np.nan
    assert not findings(case_of(X, rng.normal(size=50)), "LA113")


def test_two_leaks_are_dropped_together():
    """With one of them left in place the score would stay, and the trial would say that nothing helped."""
    case = table_case(columns(a=lambda y, _: 2 * y, b=lambda y, _: np.log(y)), "y")
    found = findings(case, "LA113")
    assert {f.subject for f in found} == {("a",), ("b",)}
    for f in found:
        assert set(f.remedy.edit["drop"]) == {"a", "b"}
        assert f.remedy.trial.helped
        assert "without them" in f.prediction


def test_the_target_itself_beside_its_logarithm():
    case = table_case(columns(late=lambda y, _: y.copy()), "y", target_transform="log")
    f = only(findings(case, "LA113"))
    assert f.message.startswith("y ∝ late or a power of it: ")
    assert f.remedy.trial.helped


def test_a_log_target_is_called_by_its_name():
    case = table_case(columns(ly=lambda y, _: np.log(y)), "y", target_transform="log")
    assert only(findings(case, "LA113")).message.startswith("log(y) = ly: ")


@pytest.mark.parametrize(
    ("folder", "file", "target", "leak"),
    [
        ("wooldridge_hprice1", "wooldridge_hprice1.csv", "price", "lprice"),
        ("titanic", "titanic.csv", "survived", "alive"),
    ],
)
def test_known_leaks(shared_data, folder, file, target, leak):
    f = only(findings(file_case(shared_data / folder / file, target), "LA113"))
    assert (f.severity, f.subject) == ("error", (leak,))
    assert f.remedy.trial.helped


@pytest.mark.parametrize(
    ("folder", "file", "target"),
    [
        ("power_plant", "power_plant.csv", "PE"),
        ("diamonds", "diamonds.csv", "price"),
        ("wdbc", "wdbc.csv", "diagnosis"),
        ("student_mat", "student_mat.csv", "G3"),
        ("cps1985_wages", "cps1985_wages.csv", "wage"),
        ("fishcatch", "fishcatch.csv", "class"),
    ],
)
def test_strong_but_honest_features(shared_data, folder, file, target):
    assert not findings(file_case(shared_data / folder / file, target), "LA113")
