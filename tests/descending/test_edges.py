"""Steps on the edge and far beyond it; where rules that divide come to rest; steps of no size at all."""

from __future__ import annotations

import math

import numpy as np
import pytest

import whyfit
from descending.tables import table

FIRST_ORDER = ("gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
ADAPTIVE = ("rmsprop", "adam", "adamw")


def descend(kind: str, optimizer: str, lr: float | None = None, seed: int = 0, **choices):
    spec = whyfit.Spec(task="multiclass" if kind == "multinomial" else "auto")
    return whyfit.descend(
        table(kind, seed),
        "y",
        optimizer=optimizer,
        lr=lr,
        race=False,
        loss=kind,
        spec=spec,
        **choices,
    )


def codes(result) -> set[str]:
    return {f.code for f in result.findings}


def row(result, start: str):
    return next(t for t in result.document.told if t.what.startswith(start))


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "nesterov"])
def test_just_below_the_limit_is_told(optimizer):
    limit = descend("squared", optimizer, 1e-3, steps=5).seen.case.limit
    below = descend("squared", optimizer, 0.98 * limit)
    assert below.outcome == "done"
    assert not below.findings
    assert "on the edge: the step is 98 % of its limit" in below.document.verdict
    assert row(below, "step: limit of stability").note == "stable, on the edge"
    assert "edge" not in descend("squared", optimizer, 0.5 * limit).document.verdict


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_just_below_the_limit_on_batches_is_blamed(optimizer):
    limit = descend("squared", optimizer, 1e-3, batch=4, steps=5).seen.case.batch_limit
    result = descend("squared", optimizer, 0.97 * limit, batch=4, steps=600)
    assert codes(result) == {"CA201"}
    assert "the limit of batches of 4" in result.findings[0].message


@pytest.mark.parametrize("optimizer", ADAPTIVE)
def test_rules_that_divide_hover_where_theory_says(optimizer):
    rate = 0.4 if optimizer == "rmsprop" else 7.6  # limits of 2/η and 38/η
    large = descend("squared", optimizer, rate, steps=4_000)
    assert large.outcome == "oscillates"
    assert codes(large) == {"CA201"}
    (found,) = large.findings
    assert found.remedy.trial.helped
    left = next(e for e in found.evidence if e.name.startswith("share"))
    assert left.predicted / 3 < left.value < left.predicted * 3
    assert "edge of stability" in found.message
    assert row(large, "level at the edge").agrees


@pytest.mark.parametrize("optimizer", ADAPTIVE)
def test_noise_floors_of_rules_that_divide(optimizer):
    noisy = descend("squared", optimizer, 0.1, batch=8, steps=800)
    assert noisy.outcome == "noise floor"
    assert codes(noisy) == {"CA219"}
    assert row(noisy, "noise floor").agrees
    assert noisy.findings[0].remedy.trial.helped


def test_a_crawl_at_the_edge_is_no_bouncing():
    """Fast parameters of RMSProp hover at their edge while slow ones have hardly left: the step is too small."""
    small = descend("squared", "rmsprop", 1e-5, steps=2_000)
    assert codes(small) == {"CA202"}
    case = small.seen.case
    went = np.abs(case.end).max()
    assert 0.5 * case.reach < went <= case.reach * 1.001


@pytest.mark.parametrize("kind", ["squared", "logistic"])
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_steps_of_no_size_are_too_small(optimizer, kind):
    result = descend(kind, optimizer, 1e-300, steps=50)
    assert result.outcome == "step too small"
    assert "CA202" in codes(result) <= {"CA202", "CA203"}


@pytest.mark.parametrize("kind", ["squared", "poisson"])
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_overflow_is_a_step_too_large(optimizer, kind):
    result = descend(kind, optimizer, 1e300, steps=50)
    assert result.outcome == "diverged"
    (found,) = result.findings
    assert (found.code, found.severity) == ("CA201", "error")
    assert found.remedy.trial.helped
    assert math.isfinite(found.remedy.trial.before)
    assert result.to_json()


def test_momentum_is_thrown_into_a_cycle_below_its_limit():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 4)) * [2.0, 1.2, 0.8, 0.5]
    y = (rng.random(300) < 1 / (1 + np.exp(-X @ [1.0, -1.0, 1.0, 0.5]))).astype(int)
    limit = whyfit.descend((X, y), "y", optimizer="momentum", lr=1e-3, race=False).seen.case.limit
    result = whyfit.descend(
        (X, y), "y", optimizer="momentum", lr=0.9 * limit, race=False, steps=300
    )
    assert result.outcome == "bounces"
    assert codes(result) == {"CA201"}
    assert "circles it" in result.findings[0].message
    assert result.findings[0].remedy.trial.helped


def test_steps_without_theory_are_told_by_trial():
    """Several η a row: no limit on batches is known, yet a smaller step was run and leaves less."""
    result = descend("multinomial", "momentum", 0.6, batch=8, steps=500)
    assert result.seen.case.batch_limit is None
    assert codes(result) & {"CA201", "CA219"}
    assert "CA202" not in codes(result)


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adam"])
def test_steps_are_judged_by_trial_where_there_is_no_minimum(optimizer):
    X, _ = table("logistic", n=200)
    y = (X[:, 0] > X[:, 0].mean()).astype(int)
    small = whyfit.descend((X, y), "y", optimizer=optimizer, lr=1e-4, race=False)
    assert small.outcome == "no minimum"
    assert codes(small) == {"CA202"}
    assert small.findings[0].remedy.trial.helped
    better = whyfit.descend((X, y), "y", optimizer=optimizer, race=False)
    assert better.outcome == "no minimum"
    assert not better.findings


def test_a_model_of_the_start_is_not_told_of_a_loss_that_bounces():
    limit = descend("logistic", "gd", 1e-3, steps=5).seen.case.limit
    result = descend("logistic", "gd", 1.4 * limit, steps=300)
    assert result.outcome in ("bounces", "diverged")
    assert result.seen.case.told is None
    assert all(t.agrees is not False for t in result.document.told)
