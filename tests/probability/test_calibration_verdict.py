import numpy as np
import pytest
from scipy import stats

from whyfit.errors import SpecError
from whyfit.probability.calibration_verdict import meaning


def asked(share, n, at=0.9):
    hits = round(share * n)
    return meaning(np.repeat([1.0, 0.0], [hits, n - hits]), np.full(n, at), at)


def test_the_three_answers():
    assert asked(0.9, 2000).answer == "yes"
    assert asked(0.75, 2000).answer == "no"
    assert asked(0.99, 2000).answer == "no"
    assert asked(0.9, 20).answer == "cannot tell"
    assert asked(0.86, 1000).answer == "cannot tell"


def test_wrong_answers_are_rare():
    rng, runs = np.random.default_rng(0), 1500
    for truth in (0.85, 0.95):  # at the edge of the tolerance either answer is wrong at most 2.5 %
        answers = [meaning(rng.random(400) < truth, np.full(400, 0.9)).answer for _ in range(runs)]
        for wrong in ("yes", "no"):
            assert answers.count(wrong) <= stats.binom.ppf(0.999, runs, 0.036)


def test_the_rows_it_asks_for_settle_it():
    few = asked(0.9, 50)
    assert few.answer == "cannot tell"
    assert asked(0.9, 3 * few.rows_needed).answer == "yes"
    assert few.rows_needed == 328
    assert "about 330 such rows" in few.sentence


def test_a_row_or_two_refute_nothing():
    """Wilson's interval of no success in one row ends at 0.79, but one row of ten told 0.9 goes that way."""
    assert meaning([0.0], [0.93]).answer == "cannot tell"
    assert meaning([0.0] * 3, [0.88, 0.9, 0.9]).answer == "no"  # (1 − 0.84)³ is 0.4 %
    assert meaning([1.0], [0.06], at=0.05).answer == "cannot tell"
    assert "1 row told" in meaning([0.0], [0.93]).sentence


def test_only_rows_near_count_and_none_is_an_answer_too():
    y = np.r_[np.ones(900), np.zeros(100), np.zeros(500)]
    p = np.r_[np.full(1000, 0.91), np.full(500, 0.3)]
    got = meaning(y, p)
    assert (got.rows, got.answer, got.forecast) == (1000, "yes", pytest.approx(0.91))
    none = meaning([0, 1], [0.1, 0.2])
    assert (none.answer, none.rows) == ("cannot tell", 0)
    assert "no row" in none.sentence
    assert meaning([1.0], [1.0], at=1.0).answer == "cannot tell"


def test_refusals():
    with pytest.raises(SpecError, match="tolerance"):
        meaning([1], [0.9], tolerance=0)
    with pytest.raises(SpecError, match="at is 90"):
        meaning([1], [0.9], at=90)
