import numpy as np
import pandas as pd
import pytest

from whyfit.data.design import Design
from whyfit.data.table import read_table
from whyfit.errors import SchemaError
from whyfit.spec import Spec, edited


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    n = 50
    return pd.DataFrame(
        {
            "id": np.arange(1, n + 1),
            "zip": rng.choice([10115, 20095, 80331], n),
            "y": rng.standard_normal(n),
        }
    )


def test_without_new_roles_it_is_the_same_table(frame):
    spec = Spec(target="y")
    table = read_table(frame, spec)
    assert table.under(edited(spec, {"ridge": 1.0})) is table


def test_an_identifier_becomes_numeric_without_reading_again(frame):
    spec = Spec(target="y")
    table = read_table(frame, spec)
    new = edited(spec, {"roles": {"id": "numeric"}})
    other = table.under(new)
    assert other._store is table._store
    assert table.schema["id"].role == "identifier"
    assert other.schema["id"].role == "numeric"
    block = next(iter(Design.of(other, new).rows(other).blocks()))
    np.testing.assert_array_equal(block.X[:, 0], frame["id"])


def test_other_roles_read_the_source_again(frame):
    spec = Spec(target="y")
    new = edited(spec, {"roles": {"zip": "categorical"}})
    other = read_table(frame, spec).under(new)
    assert other.schema["zip"].role == "categorical"
    assert Design.of(other, new).names == Design.of(read_table(frame, new), new).names


def test_a_role_that_cannot_be_honoured_is_refused(frame):
    spec = Spec(target="y")
    with pytest.raises(SchemaError):
        read_table(frame, spec).under(edited(spec, {"roles": {"zip": "datetime"}}))


def test_arrays_keep_their_default_target():
    X, y = np.arange(20.0).reshape(10, 2) ** 2, np.arange(10.0) % 3
    table = read_table((X, y), Spec())
    assert table.under(Spec(target="y", roles={"x1": "categorical"})).schema["y"].n == 10
