"""Update rules: against recurrences written out, and theory against what they do."""

from __future__ import annotations

import numpy as np
import pytest

from calculus.problems import linear
from whyfit.calculus.optimizers import (
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
    Rule,
)  # fmt: skip
from whyfit.calculus.walk import Plan, walk
from whyfit.errors import SpecError

LINEAR: tuple[Rule, ...] = (GradientDescent(), Momentum(0.9), Momentum(0.5), Nesterov(0.9))
ALL: tuple[Rule, ...] = (*LINEAR, RMSProp(), Adam(), AdamW())


def names(rule: Rule) -> str:
    return f"{rule.name}-{getattr(rule, 'beta', '')}"


def test_adam_written_out() -> None:
    """Three steps with the formulas of Kingma & Ba, algorithm 1."""
    grads = [np.array([1.0, -2.0]), np.array([0.5, 0.1]), np.array([-3.0, 4.0])]
    w, m, v = np.zeros(2), np.zeros(2), np.zeros(2)
    rule, mine = Adam(), np.zeros(2)
    state = rule.init(mine)
    for t, g in enumerate(grads, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        mine, state = rule.update(state, mine, g, 0.01)
    assert mine == pytest.approx(w, rel=1e-13)


def test_first_step_of_adam_is_the_rate_in_every_coordinate() -> None:
    g = np.array([1e-3, -7.0, 2e5])
    w, _ = Adam().update(Adam().init(g), np.zeros(3), g, 0.01)
    assert w == pytest.approx(-0.01 * np.sign(g), rel=1e-4)


def test_adamw_decays_by_itself() -> None:
    w, zero = np.array([2.0]), np.zeros(1)
    decayed, _ = AdamW(decay=0.5).update(AdamW().init(w), w, zero, 0.1)
    assert decayed == pytest.approx([1.9])


@pytest.mark.parametrize("rule", ALL, ids=names)
def test_an_update_changes_nothing_in_place(rule: Rule) -> None:
    w, g = np.array([1.0, 2.0]), np.array([0.3, -0.1])
    state = rule.init(w)
    first = rule.update(state, w, g, 0.1)[0]
    again = rule.update(state, w, g, 0.1)[0]
    assert (first == again).all()
    assert (w == [1.0, 2.0]).all()
    assert (g == [0.3, -0.1]).all()


@pytest.mark.parametrize("rule", LINEAR, ids=names)
@pytest.mark.parametrize("seed", range(4))
def test_the_limit_is_where_the_loss_turns(rule: Rule, seed: int) -> None:
    """1 % below the limit the loss falls, 1 % above it grows, by the predicted factor within 5 %."""
    quadratic, _ = linear(seed)
    top = quadratic.largest_curvature
    edge = rule.largest_rate(top)
    below = walk(quadratic, Plan(rule, 0.99 * edge, 2000, look=10))
    assert below.losses[-1] - quadratic.minimum < 1e-6 * (below.losses[0] - quadratic.minimum)
    above = walk(quadratic, Plan(rule, 1.01 * edge, 4000))
    assert above.outcome == "diverged"
    excess = above.losses - quadratic.minimum
    late = slice(len(excess) // 2, None)  # the sharpest direction has taken over
    growth = np.exp(np.polyfit(above.at[late], np.log(excess[late]), 1)[0] / 2)
    predicted = rule.contraction(np.array([top]), 1.01 * edge)[0]
    assert growth == pytest.approx(predicted, rel=0.05)
    assert np.log(growth) == pytest.approx(np.log(predicted), rel=0.05)


@pytest.mark.parametrize("rule", [Adam(), Adam(beta1=0.5), RMSProp(alpha=0.9)], ids=names)
def test_adaptive_rules_end_at_their_edge(rule: Rule) -> None:
    """With a constant step the preconditioned sharpness rises to the limit and stays about there.

    The divisor follows the gradient with a lag, so that the sharpness of single steps swings; its median is within
    a factor of two (Cohen et al. 2022, fig. 1).
    """
    quadratic, _ = linear(1, noise=0.0)
    w, rate, seen = np.zeros(quadratic.size), 0.05, []
    state = rule.init(w)
    for t in range(6000):
        w, state = rule.update(state, w, quadratic.gradient(w), rate)
        if t > 3000 and t % 10 == 0:
            D = rule.preconditioner(state)
            assert D is not None
            root = 1 / np.sqrt(D)
            seen.append(np.linalg.eigvalsh(2 * quadratic.A * root * root[:, None])[-1])
        if np.abs(quadratic.gradient(w)).max() < 1e-12:
            break
    if seen:
        assert 0.5 < np.median(seen) / rule.limit(rate) < 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Momentum(1.0), "momentum is 1"),
        (lambda: Nesterov(-0.1), "momentum is -0.1"),
        (lambda: Adam(beta2=1.0), "beta2 is 1"),
        (lambda: Adam(epsilon=0.0), "epsilon is 0"),
        (lambda: RMSProp(alpha=2.0), "alpha is 2"),
        (lambda: AdamW(decay=-1.0), "decay is -1"),
    ],
)
def test_constants_are_checked(make, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        make()
