"""A small table with every kind of column and of target."""

import numpy as np
import pandas as pd

from whyfit.data.table import read_table
from whyfit.diagnosis.case import Case
from whyfit.spec import Spec

TARGETS = ("value", "price", "sold", "grade")


def houses(n: int = 240, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "area": rng.normal(100, 20, n),
            "age": rng.gamma(2.0, 10.0, n),
            "city": rng.choice(["Aachen", "Bonn", "Celle"], n, p=[0.5, 0.3, 0.2]),
            "built": pd.date_range("2001-01-01", periods=n, freq="D"),
            "garden": rng.random(n) < 0.4,
        }
    )
    frame.loc[frame.index % 12 == 7, "age"] = np.nan
    eta = frame.area / 20 + (frame.city == "Bonn") - frame.age.fillna(20.0) / 15 - 3
    frame["value"] = eta + rng.normal(size=n)
    frame["price"] = np.exp(frame.value / 3)
    frame["sold"] = np.where(eta + rng.logistic(size=n) > 0, "yes", "no")
    frame["grade"] = np.array(["low", "mid", "top"])[np.digitize(frame.value, [0.0, 2.0])]
    return frame


def spec_of(target: str, **choices) -> Spec:
    if target == "price":
        choices.setdefault("target_transform", "log")
    return Spec(target=target, drop=tuple(t for t in TARGETS if t != target), **choices)


def case_of(source, spec: Spec) -> Case:
    return Case.of(read_table(source, spec), spec)
