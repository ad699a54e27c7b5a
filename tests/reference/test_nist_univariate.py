"""NIST StRD univariate summaries and analyses of variance: as many digits as the data hold in float64.

A far-off set (NumAcc4: 10⁷ ± 0.1, SmLs09: 10¹² ± 0.4) loses digits when its decimals become float64. What exact
arithmetic reaches from those float64 values is the limit for everyone; it is worked out here beside whyfit's numbers.
"""

from __future__ import annotations

import itertools
import json
from fractions import Fraction

import numpy as np
import pytest

from whyfit.data.arrays import ArrayRows
from whyfit.probability.anova import one_way
from whyfit.probability.linear import gather
from whyfit.probability.serial import autocorrelation

#: digits of mean, standard deviation, lag-1 autocorrelation; exact arithmetic on the float64 data gives no more
UNIVARIATE = {
    "Lew": (15, 14.5, 14.5),
    "Lottery": (15, 14.5, 14.5),
    "Mavro": (15, 13.0, 13.5),
    "Michelso": (15, 13.5, 13.0),
    "NumAcc1": (15, 14.5, 15),
    "NumAcc2": (15, 14.5, 14.5),
    "NumAcc3": (15, 9.4, 12.0),
    "NumAcc4": (15, 8.2, 11.0),
}
#: digits of F
ANOVA = {
    "SiRstvt": 13.0,
    "AtmWtAgt": 10.1,
    "SmLs01t": 15.0,
    "SmLs02t": 15.0,
    "SmLs03t": 15.0,
    "SmLs04t": 10.3,
    "SmLs05t": 10.1,
    "SmLs06t": 10.1,
    "SmLs07t": 4.3,
    "SmLs08t": 4.1,
    "SmLs09t": 4.1,
}


def digits(got: float, certified: float) -> float:
    return float(-np.log10(max(abs(got - certified) / abs(certified), 1e-16)))


def load(folder, kind, name):
    certified = json.loads((folder / "nist_strd/certified.json").read_text())[kind][name]
    table = np.loadtxt(folder / f"nist_strd/csv/{name}.csv", delimiter=",", skiprows=1)
    return table, {k: float(v) for k, v in certified.items()}


@pytest.mark.parametrize("name", UNIVARIATE)
def test_mean_deviation_and_autocorrelation(name, shared_data):
    y, certified = load(shared_data, "univariate", name)
    total = gather(ArrayRows(y[:, None], y, 2), 2).total
    sd = float(np.sqrt(total.scatter[-1, -1] / (total.n - 1)))
    got = (float(total.mean[-1]), sd, autocorrelation(y))
    wanted = (certified["mean"], certified["sd"], certified["autocorr1"])
    for value, reference, least in zip(got, wanted, UNIVARIATE[name], strict=True):
        assert digits(value, reference) >= least
    f = [Fraction(v) for v in y.tolist()]
    mean = sum(f) / len(f)
    square = sum((v - mean) ** 2 for v in f)
    r = sum((a - mean) * (b - mean) for a, b in itertools.pairwise(f)) / square
    assert digits(sd, float(np.sqrt(float(square / (len(f) - 1))))) >= 14
    assert digits(got[2], float(r)) >= 14.5


@pytest.mark.parametrize("name", ANOVA)
def test_analysis_of_variance(name, shared_data):
    table, certified = load(shared_data, "anova", name)
    got = one_way(table[:, 0], table[:, 1])
    assert (got.between_df, got.within_df) == (certified["between_df"], certified["within_df"])
    assert digits(got.f, certified["F"]) >= ANOVA[name]
    assert digits(got.r2, certified["r_squared"]) >= ANOVA[name]
    assert digits(got.residual_sd, certified["residual_sd"]) >= ANOVA[name]
