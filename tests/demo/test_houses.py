"""The law and its file: the same bytes everywhere, and the law is what was written."""

from __future__ import annotations

import csv
import hashlib
import io
import re

import numpy as np
import pytest

from whyfit.demo import houses
from whyfit.probability.linear import fit_arrays
from whyfit.spec import Spec

#: Of the file as first published; a change of the law changes it, a change of libraries must not.
SHA256 = "0277aa22659ac044ae76507806a68459ab38bac05ba797169ccd77fe5ae98fad"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(houses.to_csv().decode("utf-8"))))


def column(name: str) -> np.ndarray:
    return np.array([float(h[name]) for h in houses.houses()])


def test_bytes_are_the_same_everywhere():
    data = houses.to_csv()
    assert data == houses.to_csv()
    assert hashlib.sha256(data).hexdigest() == SHA256


def test_size_and_columns_are_those_of_a_listing(rows):
    assert len(rows) == houses.ROWS
    assert set(rows[0]) == {
        "listing_id", "description", "sqft", "living_area_m2", "bedrooms", "bathrooms", "location",
        "age", "lot_size_m2", "garage", "heating", "listed", "agent_commission", "price",
    }  # fmt: skip


def test_first_row_is_the_house_of_the_example(rows):
    assert tuple(float(rows[0][c]) for c in houses.CORE) == houses.FIRST
    assert "" not in rows[0].values()


def test_law_is_recovered_when_leak_and_copy_are_left_out():
    """Each planted coefficient within 3.5 standard errors; robust ones, since ε is uneven."""
    h = houses.houses()
    names = (*houses.LAW, "garage", *houses.HEATING, "bathrooms")
    X = np.column_stack(
        [
            *(column(c) for c in houses.LAW),
            [x["garage"] == "yes" for x in h],
            *([x["heating"] == level for x in h] for level in houses.HEATING),
            column("bathrooms"),
        ]
    ).astype(float)
    truth = [*houses.LAW.values(), houses.GARAGE, *houses.HEATING.values(), 0.0]
    y = column("price")
    A = np.column_stack([np.ones(len(y)), X])
    fit = fit_arrays(X, y, names=names).fit
    e = y - fit.predict(X)
    bread = np.linalg.inv(A.T @ A)
    robust = np.sqrt(np.diag(bread @ (A.T * e**2) @ A @ bread))[1:]
    assert np.all(np.abs(fit.coef - truth) < 3.5 * robust)
    assert abs(fit.intercept - houses.BASE) < 4 * 5_000


def test_noise_is_nine_per_cent_of_the_price_of_the_law():
    h = houses.houses()
    means = np.array(
        [
            houses.BASE
            + sum(w * float(x[c]) for c, w in houses.LAW.items())
            + houses.GARAGE * (x["garage"] == "yes")
            + houses.HEATING.get(str(x["heating"]), 0.0)
            for x in h
        ]
    )
    share = column("price") / means - 1
    # sd of an sd over n rows: s/√(2n)
    assert abs(share.std() - houses.NOISE) < 3 * houses.NOISE / np.sqrt(2 * len(h))
    assert houses.noise_size() == pytest.approx(houses.NOISE * np.sqrt(np.mean(means**2)))


def test_expectation_of_the_first_house_is_the_law_averaged():
    others = (
        houses.LAW["lot_size_m2"] * column("lot_size_m2").mean()
        + houses.GARAGE * np.mean([x["garage"] == "yes" for x in houses.houses()])
        + np.mean([houses.HEATING.get(str(x["heating"]), 0.0) for x in houses.houses()])
    )
    core = houses.BASE + sum(
        houses.LAW[c] * v for c, v in zip(houses.CORE, houses.FIRST, strict=True)
    )
    assert houses.expected_first() == pytest.approx(350_000, abs=50)
    assert houses.expected_first() == pytest.approx(core + others, abs=1_000)


def test_law_in_words_is_the_law_in_numbers():
    said = " ".join(houses.LAW_LINES).replace(",", "").replace("− ", "−").replace("+ ", "+")
    assert said.startswith(f"price = {houses.BASE:.0f} ")
    for name, w in houses.LAW.items():
        sign = "−" if w < 0 else r"\+"
        assert re.search(rf"{sign}{abs(w):.0f}·{name}\b", said), name
    assert f"+{houses.GARAGE:.0f}·[garage = yes]" in said
    for level, w in houses.HEATING.items():
        assert f"{'−' if w < 0 else '+'}{abs(w):.0f}·[heating = {level}]" in said
    assert f"{houses.NOISE:.0%}".replace("%", " %") in houses.NOISE_LINE


def test_faults_are_in_the_file(rows):
    price = column("price")
    commission = column("agent_commission")
    assert np.corrcoef(price, commission)[0, 1] ** 2 > 0.99
    copy = column("living_area_m2") / (houses.M2_PER_SQFT * column("sqft")) - 1
    assert 0.5 * houses.MEASURED < copy.std() < 1.5 * houses.MEASURED
    lots = [r["lot_size_m2"] for r in rows]
    assert lots.count("call agent") >= 3
    assert lots.count("NA") >= 10
    assert lots.count("") >= 10
    assert [r["bathrooms"] for r in rows].count("") >= 20
    assert len({r["listing_id"] for r in rows}) == len(rows)
    district = [r["heating"] for r in rows].count("district")
    assert 0 < district < Spec().rare_level  # so it is merged


def test_every_fault_sits_in_columns_of_the_file(rows):
    for fault in houses.PLANTED:
        assert set(fault.columns) <= set(rows[0])
        assert fault.codes
