import numpy as np
import pandas as pd

from simulated import findings_in, source_case


def _frame(n=60, **columns):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(n)
    return pd.DataFrame({"x": x, **columns, "y": x + rng.standard_normal(n)})


def test_columns_that_vary_are_silent():
    assert findings_in("LA103", _frame(z=np.tile([0.0, 1.0, 2.0], 20)), target="y") == ()


def test_one_constant_column_is_named_with_its_value():
    (found,) = findings_in("LA103", _frame(c=np.full(60, 7.0)), target="y")
    assert (found.severity, found.subject) == ("note", ("c",))
    assert found.message == "c says nothing: every present cell is 7 (60 rows); left out"
    assert found.prediction.startswith("predicted the fit is unchanged without it")
    assert found.remedy is None


def test_several_share_one_note_and_empty_ones_are_told_apart():
    (found,) = findings_in("LA103", _frame(c=1.0, d="same", e=[None] * 60), target="y")
    assert set(found.subject) == {"c", "d", "e"}
    assert found.message.startswith("3 columns never vary and are left out: c, d and e")
    assert found.message.endswith("; without any value: e")


def test_constant_where_present_keeps_its_gaps():
    rng = np.random.default_rng(1)
    gone = rng.random(60) < 0.5
    (found,) = findings_in("LA103", _frame(c=np.where(gone, np.nan, 1.0)), target="y")
    assert found.subject == ("c",)
    assert "its gaps stay in the fit as a 0/1 column" in found.message
    assert found.remedy is not None
    assert found.remedy.edit == {"drop": ["c"]}


def test_variation_lost_beside_the_mean_is_found():
    rng = np.random.default_rng(2)
    c = 1e15 + 4.0 * rng.integers(0, 2, 60)  # some units in the last place of 1e15
    (found,) = findings_in("LA103", _frame(c=c), target="y")
    assert found.subject == ("c",)
    assert "less than float64 can tell apart" in found.message


def test_a_dropped_column_is_not_mentioned():
    assert findings_in("LA103", _frame(c=np.full(60, 7.0)), target="y", drop=("c",)) == ()


def test_ionosphere(shared_data):
    (found,) = findings_in("LA103", shared_data / "ionosphere" / "ionosphere.csv", target="class")
    assert found.subject == ("x2",)


def test_a_derived_column_that_does_not_vary_is_said_to_be_the_same():
    texts = [f"a b c d e {i}" for i in range(60)]  # six words each
    texts[3] = None
    (found,) = findings_in("LA103", _frame(t=texts), target="y")
    assert found.subject == ("t",)
    assert found.message == "t words is the same in every row that is fitted"


def test_the_fit_is_the_same_with_and_without_it():
    """Its coefficient is free and its centred column 0: every other number stays as it is, to the last digit."""
    with_it, without = (source_case(f, target="y") for f in (_frame(c=np.full(60, 7.0)), _frame()))
    np.testing.assert_array_equal(with_it.linear.coef, without.linear.coef)
    np.testing.assert_array_equal(with_it.linear.V, without.linear.V)
    np.testing.assert_array_equal(with_it.scores["r2"], without.scores["r2"])
    (found,) = findings_in("LA103", _frame(c=np.full(60, 7.0)), target="y")
    assert found.prediction.startswith("predicted the fit is unchanged without it   observed ")
