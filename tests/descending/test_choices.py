"""What cannot be chosen is refused in one line that says what to choose instead."""

from __future__ import annotations

import math

import numpy as np
import pytest

from whyfit.descending.choices import OPTIMIZERS, SCHEDULES, DescendSpec, with_choices
from whyfit.errors import SpecError

FIRST_ORDER = [o for o in OPTIMIZERS if o not in ("newton", "bfgs", "lbfgs", "all")]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
@pytest.mark.parametrize("lr", [0, -0.1, math.nan, math.inf])
def test_every_optimizer_and_schedule_wants_a_step(optimizer, schedule, lr):
    with pytest.raises(SpecError, match=r"learning rate is .*expected a finite number > 0"):
        DescendSpec(optimizer=optimizer, schedule=schedule, lr=lr)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"lr": "0.1"}, "the learning rate is '0.1'; expected a number"),
        ({"lr": True}, "the learning rate is True"),
        ({"batch": 0}, "the batch size is 0; expected at least 1 row"),
        ({"batch": 2.5}, "the batch size is 2.5; expected a whole number"),
        ({"batch": "many"}, "the batch size is 'many'; expected a number of rows, or full"),
        ({"steps": 0}, "steps is 0; expected at least 1"),
        ({"steps": 1.5}, "steps is 1.5; expected a whole number"),
        ({"epochs": "3"}, "epochs is '3'; expected a whole number"),
        ({"schedule_steps": math.nan}, "schedule_steps is nan; expected a whole number"),
        ({"momentum": 1}, r"momentum is 1.*expected a number in \[0, 1\)"),
        ({"momentum": "much"}, "momentum is 'much'; expected a number"),
        ({"beta1": 1.0}, r"beta1 is 1.*expected a number in \[0, 1\)"),
        ({"beta2": math.nan}, "beta2 is nan"),
        ({"alpha": -0.1}, "alpha is -0.1"),
        ({"optimizer": "adamw", "decay": -1}, "decay is -1"),
        ({"schedule": "step", "factor": 1}, "factor is 1"),
        ({"loss": "huber", "delta": 0}, "delta is 0"),
        ({"loss": "quantile", "tau": math.nan}, "tau is nan"),
        ({"optimizer": "amda"}, "did you mean 'adam'"),
        ({"optimizer": "rmsprob"}, "did you mean 'rmsprop'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"loss": "logstic"}, "did you mean 'logistic'"),
        ({"learning_rate": 0.1}, "'learning_rate' is no choice of a descent; did you mean 'lr'"),
        ({"batch_size": 8}, "did you mean 'batch'"),
        ({"weight_decay": 8}, "did you mean 'decay'"),
        ({"shcedule": "cosine"}, "did you mean 'schedule'"),
    ],
)
def test_one_line_says_what_was_seen_and_expected(choices, said):
    with pytest.raises(SpecError, match=said) as caught:
        with_choices(None, choices)
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_numbers():
    made = DescendSpec(lr=np.float32(0.5), steps=np.int64(7), batch=np.int32(4))
    assert (made.lr, made.steps, made.batch) == (0.5, 7, 4)
    assert [type(x) for x in (made.lr, made.steps, made.batch)] == [float, int, int]
