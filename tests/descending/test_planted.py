"""Planted step sizes are diagnosed for every optimizer, and their remedies help."""

from __future__ import annotations

import numpy as np
import pytest

import whyfit
from descending.tables import table

CLOSED = ("gd", "momentum", "nesterov")
ADAPTIVE = ("rmsprop", "adam", "adamw")


def descend(kind: str, optimizer: str, lr: float | None = None, seed: int = 0, **choices):
    spec = choices.pop("spec", whyfit.Spec(task="multiclass" if kind == "multinomial" else "auto"))
    X, y = table(kind, seed)
    return whyfit.descend((X, y), "y", optimizer=optimizer, lr=lr, race=False, loss=kind, spec=spec,
                          **choices)  # fmt: skip


def codes(result) -> set[str]:
    return {f.code for f in result.findings}


def helped(result) -> bool:
    return all(f.remedy and f.remedy.trial and f.remedy.trial.helped for f in result.findings)


@pytest.mark.parametrize("optimizer", CLOSED)
@pytest.mark.parametrize("seed", range(2))
def test_of_all_rows_on_a_quadratic(optimizer, seed):
    limit = descend("squared", optimizer, 1e-3, seed).seen.case.limit
    for share in (2.0, 1.03):
        large = descend("squared", optimizer, limit * share, seed)
        assert large.outcome == "diverged"
        assert codes(large) == {"CA201"}
        assert helped(large)
        growth = large.document.told[0]
        assert growth.agrees, growth
    assert descend("squared", optimizer, 0.5 * limit, seed).outcome == "done"
    assert not descend("squared", optimizer, 0.5 * limit, seed).findings
    small = descend("squared", optimizer, 1e-5 * limit, seed)
    assert small.outcome == "step too small"
    assert codes(small) == {"CA202"}
    assert helped(small)


@pytest.mark.parametrize("optimizer", CLOSED)
def test_of_all_rows_on_a_likelihood(optimizer):
    limit = descend("logistic", optimizer, 1e-3).seen.case.limit
    large = descend("logistic", optimizer, 1.5 * limit)
    assert large.outcome in ("bounces", "diverged")
    assert codes(large) == {"CA201"}
    assert helped(large)
    assert descend("logistic", optimizer, 0.4 * limit).outcome == "done"
    small = descend("logistic", optimizer, 1e-4 * limit)
    assert codes(small) == {"CA202"}
    assert helped(small)
    left = next(t for t in small.document.told if t.what == "share of the excess loss left")
    assert left.agrees, left


@pytest.mark.parametrize("optimizer", ADAPTIVE)
@pytest.mark.parametrize("kind", ["squared", "logistic"])
def test_of_rules_that_divide(optimizer, kind):
    large = descend(kind, optimizer, 500.0 if optimizer.startswith("adam") else 5.0, steps=400)
    assert "CA201" in codes(large) or large.outcome in ("done", "not arrived")
    if optimizer == "rmsprop":
        assert codes(large) == {"CA201"}
        assert helped(large)
    assert descend(kind, optimizer, 0.05, steps=400).outcome == "done"
    small = descend(kind, optimizer, 1e-5, steps=400)
    assert codes(small) == {"CA202"}
    assert helped(small)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
def test_of_small_batches(optimizer):
    limit = descend("squared", optimizer, 1e-3, batch=4, steps=5).seen.case.batch_limit
    assert limit is not None
    large = descend("squared", optimizer, 4 * limit, batch=4, steps=1000)
    assert large.outcome in ("diverged", "noise floor", "bounces")
    assert codes(large) == {"CA201"}
    assert helped(large)
    noisy = descend("squared", optimizer, 0.5 * limit, batch=4, steps=1000)
    assert noisy.outcome == "noise floor"
    assert codes(noisy) == {"CA219"}
    assert helped(noisy)
    floor = next(t for t in noisy.document.told if t.what.startswith("noise floor"))
    assert floor.agrees, floor
    small = descend("squared", optimizer, 1e-5 * limit, batch=4, steps=200)
    assert codes(small) == {"CA202"}


def test_an_ill_conditioned_table_is_not_blamed_on_the_step():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) * [1, 100, 0.01]
    y = X @ [1.0, 0.01, 100.0] + rng.normal(size=400)
    limit = whyfit.descend((X, y), "y", lr=1e-9, race=False, steps=2).seen.case.limit
    result = whyfit.descend((X, y), "y", lr=0.9 * limit, race=False)
    assert result.outcome == "ill-conditioned"
    assert codes(result) == {"CA203"}
    assert helped(result)
    assert result.findings[0].remedy.edit["standardise"] is True
    better = result.document.better[-1]
    assert better.what == "standardised columns"
    assert better.observed == pytest.approx(better.predicted, rel=0.05)


def test_too_few_steps_are_called_that():
    result = descend("squared", "lbfgs", steps=1)
    assert codes(result) == {"CA204"}
    certified = result.document.told[-1]
    assert certified.agrees
    assert certified.predicted == pytest.approx(certified.observed, rel=1e-6)


@pytest.mark.parametrize("kind", ["poisson", "gamma", "huber", "quantile", "hinge", "multinomial"])
def test_every_loss_tells_large_from_small(kind):
    large = descend(kind, "gd", 100.0)
    assert large.outcome == "diverged"
    assert codes(large) == {"CA201"}
    assert descend(kind, "gd").outcome == "done"  # the recommended step
    small = descend(kind, "gd", 1e-5)
    assert codes(small) == {"CA202"}
    assert descend(kind, "lbfgs").outcome == "done"


@pytest.mark.parametrize("optimizer", ["newton", "bfgs", "lbfgs"])
@pytest.mark.parametrize("kind", ["squared", "logistic", "poisson"])
def test_second_order_methods_arrive(optimizer, kind):
    result = descend(kind, optimizer)
    assert result.outcome == "done"
    assert not result.findings


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "warmup", "1/t", "plateau"])
def test_schedules_are_predicted_along_the_way(schedule):
    result = descend("squared", "momentum", 0.02, schedule=schedule)
    assert result.seen.case.walk.steps == 100
    left = [t for t in result.document.told if t.what == "share of the excess loss left"]
    if schedule != "plateau":  # it depends on what happened
        assert left[0].agrees, left


def test_separable_classes_have_no_minimum():
    X, _ = table("logistic")
    y = (X[:, 0] > X[:, 0].mean()).astype(int)
    result = whyfit.descend((X, y), "y", lr=0.1)
    assert result.outcome == "no minimum"
    assert "separable" in " ".join(result.document.notes)
    assert result.document.run.least_loss is None
    assert not result.race
    penalised = whyfit.descend((X, y), "y", spec=whyfit.Spec(ridge=1.0), lr=0.1, race=False)
    assert penalised.outcome != "no minimum"


def test_columns_that_repeat_each_other_are_walked_on_all_the_same():
    X, y = table("squared")
    X = np.column_stack([X, X[:, 0] + X[:, 1]])
    for optimizer in ("gd", "newton", "lbfgs"):
        assert whyfit.descend((X, y), "y", optimizer=optimizer, race=False).outcome == "done"


def test_a_race_orders_by_epochs_and_predicts_steps():
    result = whyfit.descend(table("squared"), "y", optimizer="all")
    race = result.race
    arrived = [e for e in race if e.epochs is not None]
    assert [e.epochs for e in arrived] == sorted(e.epochs for e in arrived)
    assert result.outcome == ""
    assert result.document.run is None
    assert {"Newton", "BFGS", "L-BFGS", "Adam", "RMSProp"} <= {e.name for e in race}
    newton = next(e for e in race if e.name == "Newton")
    assert newton.steps == 1
    for e in arrived:
        if e.predicted is not None:
            assert abs(e.predicted - e.steps) <= max(1, 0.05 * e.steps), e
