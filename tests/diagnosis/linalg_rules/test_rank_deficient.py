"""LA106: what is said, its prediction, and odd input."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, file_case, findings, table_case
from whyfit.diagnosis.linalg_rules.rank_deficient import undetermined

N = 120


def columns(seed: int = 0, **more):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, N))
    return {"x": x, "z": z, **more, "y": x - z + rng.normal(size=N)}


def only(found):
    assert len(found) == 1
    return found[0]


def test_the_relation_is_written_out_and_dropping_changes_no_prediction():
    c = columns()
    c["total"] = c["x"] + 2 * c["z"] - 3
    case = table_case(c, "y")
    f = only(findings(case, "LA106"))
    assert f.message.startswith("total = x + 2 z − 3: ")
    assert (f.severity, set(f.subject)) == ("error", {"total", "x", "z"})
    assert f.explains == ("LA107",)
    assert "in all 120 rows" in f.prediction
    residual = next(e for e in f.evidence if "residual" in e.name)
    assert residual.value <= residual.limit < 1e-8
    rest = case.rerun(f.remedy.edit)
    np.testing.assert_allclose(rest.scores["r2"], case.scores["r2"], atol=1e-9)
    assert (f.remedy.trial.before, f.remedy.trial.after) == (1.0, 0.0)


def test_a_category_written_twice_reads_as_source_columns():
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 3, N)
    c = columns(
        short=np.array(["a", "b", "c"])[kind], long=np.array(["alpha", "beta", "gamma"])[kind]
    )
    f = only(findings(table_case(c, "y"), "LA106"))
    assert set(f.subject) == {"short", "long"}
    assert f.remedy.edit in ({"drop": ["short"]}, {"drop": ["long"]})
    assert f.remedy.trial.helped


def test_a_category_and_its_number():
    rng = np.random.default_rng(2)
    kind = rng.integers(1, 4, N)
    c = columns(grade=kind.astype(float), word=np.array(["", "low", "mid", "top"])[kind])
    f = only(findings(table_case(c, "y"), "LA106"))
    assert set(f.subject) == {"grade", "word"}
    assert f.remedy.edit == {"drop": ["grade"]}
    assert f.message.startswith("grade = ")


def test_gaps_that_come_together_are_a_note():
    rng = np.random.default_rng(3)
    gone = rng.random(N) < 0.3
    c = columns(
        a=np.where(gone, np.nan, rng.normal(size=N)), b=np.where(gone, np.nan, rng.normal(size=N))
    )
    f = only(findings(table_case(c, "y"), "LA106"))
    assert f.severity == "note"
    assert set(f.subject) == {"a", "b"}


def test_many_relations_are_told_in_one_finding():
    c = columns()
    rng = np.random.default_rng(4)
    for i in range(8):
        c[f"m{i}"] = rng.normal(size=N)
        c[f"n{i}"] = 2 * c[f"m{i}"]
    f = only(findings(table_case(c, "y"), "LA106"))
    assert f.message.startswith("8 columns follow exactly from others, e.g. n")
    assert len(f.remedy.edit["drop"]) == 8
    assert f.remedy.trial.after == 0


@pytest.mark.parametrize("y_of", [lambda y: y, lambda y: (y > 0).astype(int)])
def test_constant_columns_and_wide_tables_belong_to_other_rules(y_of):
    rng = np.random.default_rng(5)
    y = y_of(rng.normal(size=30))
    assert not findings(
        case_of(np.column_stack([rng.normal(size=30), np.full(30, 2.0)]), y), "LA106"
    )
    assert not findings(case_of(rng.normal(size=(30, 40)), y), "LA106")


def test_a_penalty_determines_everything():
    c = columns()
    c["copy"] = c["x"]
    assert only(findings(table_case(c, "y"), "LA106")).subject == ("copy", "x")
    case = table_case(c, "y", ridge=1.0)
    assert not findings(case, "LA106")
    assert (undetermined(case) == 0).all()


def test_undetermined_is_columns_minus_rank():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(100, 4))
    case = case_of(np.column_stack([X, X[:, :2] @ [1, 1], 3 * X[:, 3]]), rng.normal(size=100))
    Z = case.sample.X[case.sample.fold != 0]
    slow = Z.shape[1] - np.linalg.matrix_rank(Z - Z.mean(axis=0))
    assert undetermined(case)[0] == slow == 2


def test_titanic(shared_data):
    found = findings(file_case(shared_data / "titanic" / "titanic.csv", "survived"), "LA106")
    subjects = {frozenset(f.subject) for f in found}
    assert {frozenset({"class", "pclass"}), frozenset({"embark_town", "embarked"})} <= subjects
    assert all(f.remedy.trial.helped for f in found)


def test_sum_of_cell_measures(shared_data):
    path = shared_data / "cell_segmentation" / "cell_segmentation.csv"
    case = file_case(path, "class", drop=("case",))
    f = only(findings(case, "LA106"))
    assert "perim_ch_1 = 2 fiber_length_ch_1 + 2 fiber_width_ch_1" in f.message
