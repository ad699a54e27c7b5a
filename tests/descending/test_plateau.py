"""CA208 on whole descents: planted plateaux and a saddle, the ways out that were run, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest

import whyfit
from calculus.brier_problems import four_clusters, saddle_of
from descending.tables import csv, table
from whyfit import cli
from whyfit.calculus.losses import Brier, SoftmaxBrier
from whyfit.calculus.objective import RowLoss
from whyfit.calculus.problem import Problem
from whyfit.descending.choices import DescendSpec
from whyfit.diagnosis.descent_escapes import accuracy, escapes, saturated, within_reach
from whyfit.errors import NotFiniteError, SpecError, TargetError

OF_ALL_KINDS = (
    "gd",
    "sgd",
    "momentum",
    "nesterov",
    "rmsprop",
    "adam",
    "adamw",
    "newton",
    "bfgs",
    "lbfgs",
)


def descend(X, y, **choices):
    choices = {"loss": "brier", "race": False, "standardise": True, **choices}
    return whyfit.descend((X, y), "y", **choices)


def codes(result) -> list[str]:
    return [f.code for f in result.findings]


@pytest.mark.parametrize("optimizer", OF_ALL_KINDS)
def test_a_start_near_zero_is_no_plateau(optimizer):
    for start in ("zero", "random:0.5"):
        how = {"steps": 300} if optimizer == "sgd" else {}
        result = descend(
            *table("logistic", 1), optimizer=optimizer, start=start, select="CA208", **how
        )
        assert "CA208" not in codes(result)
        assert result.outcome not in ("plateau", "saddle", "local minimum")
        assert result.seen.case.left < 0.05


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adam", "lbfgs"])
def test_a_saturated_start_is_found_and_left(optimizer):
    lr = None if optimizer == "lbfgs" else 0.1
    result = descend(*table("logistic", 2), optimizer=optimizer, start="random:80", lr=lr)
    assert result.outcome == "plateau"
    assert codes(result) == ["CA208"]
    (finding,) = result.findings
    assert finding.severity == "error"  # worse than a constant
    assert finding.remedy.trial.helped
    assert "within reach" in finding.message
    assert "predicted" in finding.prediction
    assert "observed" in finding.prediction
    assert result.document.better[0].observed < 0.1
    assert result.document.verdict.startswith("stuck on a plateau")


def test_one_step_that_is_far_too_large_ends_on_a_plateau():
    X, y = table("logistic", 3)
    result = descend(X, y, lr=3000.0)
    assert result.outcome == "plateau"
    assert codes(result) == ["CA208"]
    tried = {b.what for b in result.document.better}
    assert {"another step", "minimise the log-loss"} <= tried
    limit = next(t for t in result.document.told if t.what.startswith("step: limit"))
    assert limit.note == "beyond it"


def test_classes_of_three_have_plateaux_too():
    X, y = table("multinomial", 0)
    spec = whyfit.Spec(task="multiclass", standardise=True)
    result = whyfit.descend(
        (X, y), "y", loss="brier", race=False, spec=spec, start="random:60", lr=1.0
    )
    assert result.outcome == "plateau"
    assert codes(result) == ["CA208"]
    assert result.findings[0].remedy.trial.helped


def test_the_saddle_is_named_by_its_columns():
    Z, y = four_clusters()
    w = saddle_of(RowLoss(Brier(), Z, y))
    result = descend(Z[:, 1:], y, start=w, lr=1.0, steps=50)
    assert result.outcome == "saddle"
    assert "start=(-0.8" in result.document.python
    (finding,) = result.findings
    assert finding.code == "CA208"
    assert {"x1", "x2"} <= set(finding.subject)
    along = next(t for t in result.document.told if "λ_min" in t.what)
    assert along.agrees
    assert along.observed < 0


def test_a_deeper_valley_makes_a_bowl_a_local_minimum():
    Z, y = four_clusters()
    case = descend(Z[:, 1:], y).seen.case
    assert case.outcome == "done"
    assert case.left == pytest.approx(0, abs=1e-6)
    deep = np.array([-20.0, 20.0, 20.0])
    knows = case.__class__(
        case.problem.knowing(deep), case.plan, case.walk, case.names, case.schedule
    )
    assert knows.outcome == "local minimum"


@pytest.mark.parametrize(
    ("kind", "loss"), [("logistic", Brier()), ("multinomial", SoftmaxBrier(3))]
)
def test_the_level_in_reach_is_that_of_least_squares_on_indicators(kind, loss):
    X, y = table(kind, 4)
    problem = Problem.of_rows(loss, X, y.astype(float))
    Z = np.column_stack([np.ones(len(y)), X])
    Y = (y[:, None] == np.arange(loss.outputs)).astype(float) if loss.outputs > 1 else y[:, None]
    residual = Y - Z @ np.linalg.lstsq(Z, Y)[0]
    assert within_reach(problem) == pytest.approx((residual**2).sum(axis=1).mean(), rel=1e-9)
    # and it is about right: the score at the minimum
    assert within_reach(problem) == pytest.approx(problem.least, rel=0.1)
    assert within_reach(Problem.of_rows(loss, X, y.astype(float), ridge=50.0)) > within_reach(
        problem
    )


def test_ways_out_are_judged_by_the_loss_that_was_asked_for():
    X, y = table("logistic", 5)
    case = descend(X, y, start="random:80", lr=0.1).seen.case
    tried = escapes(case)
    assert escapes(case) is tried
    assert tried[0].left <= min(e.left for e in tried) + 0.01
    for e in tried:
        where = case.problem.on("standardise" in e.edit or case.problem.standardised)
        loss = where.objective.loss(e.taken.w)
        assert e.left == pytest.approx(max(loss - case.least, 0) / case.first, rel=1e-9)
        eta = where.objective.Z @ e.taken.w
        assert e.accuracy == pytest.approx(np.mean((eta >= 0) == y))
    zero = next(e for e in tried if e.edit == {"start": "zero"})
    again = descend(X, y, lr=0.1)
    assert zero.left * case.first == pytest.approx(
        again.seen.case.left * again.seen.case.first, rel=1e-6
    )
    assert saturated(case.problem, case.end) > 0.9
    assert accuracy(case.problem, case.problem.minimum) > accuracy(case.problem, case.end)


def test_the_log_loss_leaves_from_where_the_brier_loss_stands():
    X, y = table("logistic", 6)
    stands = descend(X, y, start="random:80", lr=1.0, steps=2000)
    assert stands.outcome == "plateau"
    leaves = descend(X, y, start="random:80", loss="logistic", lr=1.0, steps=2000)
    assert leaves.outcome == "done"


def test_theory_of_minima_is_not_told_away_from_one():
    result = descend(*table("logistic", 2), start="random:80", lr=0.1)
    said = " ".join(t.what for t in result.document.told)
    assert "½gᵀH⁻¹g" not in said
    assert "share of the excess loss left" not in said
    assert not result.seen.case.bowl or result.seen.case.told is None
    done = descend(*table("logistic", 2), lr=2.0)
    assert done.seen.case.bowl


def test_separable_classes_have_no_minimum_and_a_plateau_all_the_same():
    X, _ = table("logistic", 7)
    y = (X[:, 0] > X[:, 0].mean()).astype(int)
    walks = descend(X, y, lr=5.0)
    assert walks.outcome == "no minimum"
    assert "falls for ever" in " ".join(walks.document.notes)
    stands = descend(X, y, start="random:80", lr=0.1)
    assert stands.outcome == "plateau"
    assert codes(stands) == ["CA208"]


def test_the_reference_is_said_to_be_found_and_not_known():
    result = descend(*table("logistic", 1))
    assert "the lowest point found" in " ".join(result.document.notes)
    assert "start='random:2'" in descend(*table("logistic", 1), start="random:2").document.python


def test_a_random_start_is_the_seeds():
    how = DescendSpec(start="random:3")
    assert how.start_of(4, 1) == pytest.approx(how.start_of(4, 1))
    assert not np.allclose(how.start_of(4, 1), how.start_of(4, 2))
    assert how.start_of(100_000, 0).std() == pytest.approx(3, rel=0.01)
    assert DescendSpec().start_of(4, 0) is None


@pytest.mark.parametrize(
    "start", ["rand", "random", "random:0", "random:-1", "random:inf", "random:x", "one", ""]
)
def test_a_start_that_is_none_is_refused(start):
    with pytest.raises(SpecError, match="expected zero, or random:SCALE"):
        DescendSpec(start=start)


def test_numbers_that_are_no_start_are_refused():
    with pytest.raises(SpecError, match="not finite"):
        DescendSpec(start=(1.0, np.nan))
    with pytest.raises(SpecError, match="start holds 2 numbers; expected 5"):
        descend(*table("logistic", 1), start=(1.0, 2.0))
    with pytest.raises(NotFiniteError, match="start nearer to zero"):
        descend(*table("squared", 1), loss="squared", start="random:1e200", lr=0.1)


def test_the_brier_loss_is_of_classes():
    with pytest.raises(
        TargetError, match="needs classes and 'y' holds numbers; try --loss squared"
    ):
        descend(*table("squared", 1))
    with pytest.raises(SpecError, match="belongs to `whyfit descend`"):
        whyfit.Spec(loss="brier")


@pytest.mark.parametrize("kind", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adam"])
def test_convex_losses_arrive_from_elsewhere(kind, optimizer):
    result = descend(*table(kind, 1), loss=kind, optimizer=optimizer, start="random:1")
    assert "CA208" not in codes(result)
    assert result.seen.case.stuck is None
    assert result.seen.case.left < 0.05
    for told in result.document.told:
        if told.what == "share of the excess loss left" and kind == "squared":
            assert told.agrees is not False, told


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    csv(tmp_path / "two.csv", "logistic", n=150, p=2)
    csv(tmp_path / "many.csv", "squared", n=50)
    return tmp_path


def test_as_typed_with_a_page_beside(here, capsys):
    typed = ["descend", "two.csv", "--target", "y", "--loss", "brier", "--start", "random:50"]
    assert cli.main([*typed, "--lr", "0.1", "--standardise", "--fail-on", "error"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "CA208 error" in out
    assert "stuck on a plateau" in out
    assert "minimise the log-loss" in out
    last = next(line for line in out.splitlines() if line.startswith("gradient descent   "))
    assert "left after" in last  # the race begins where the descent does
    page = (here / "two.descend.html").read_text(encoding="utf-8")
    assert "plateau-or-saddle" in page
    assert cli.main(["rule", "CA208"]) == 0
    assert "Why it hurts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("descend two.csv --loss brier --start rand", "expected zero, or random:SCALE"),
        ("descend two.csv --loss brier --start random:-2", "the start is 'random:-2'"),
        ("descend many.csv --loss brier", "the brier loss needs classes"),
        ("fit two.csv --loss brier", "belongs to `whyfit descend`"),
        ("fit two.csv --loss brie", "is not one of"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_cannot_be_done_is_told_in_one_line(capsys, typed, said):
    assert cli.main([*typed.split(), "--target", "y", "--no-html"]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
    assert "internal fault" not in err
    assert len([line for line in err.splitlines() if line.startswith(("whyfit:", "Error:"))]) == 1
