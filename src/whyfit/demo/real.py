"""Two data sets that scikit-learn ships, and what is known of them.

Diabetes: 442 patients, disease progression a year later. Efron, Hastie, Johnstone & Tibshirani
(2004), Annals of Statistics 32, 407-499. Breast cancer: 569 tumours, measured in images of cell
nuclei. Street, Wolberg & Mangasarian (1993), Proc. SPIE 1905, 861-870.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from whyfit.demo.example import Question, Regression, Words
from whyfit.demo.houses import Fault

DIABETES, CANCER = "diabetes.csv", "breast_cancer.csv"
PROGRESSION, DIAGNOSIS = "progression", "diagnosis"
PATIENT = ("age", "bmi", "bp", "s5")
TUMOUR = ("mean radius", "mean texture", "mean smoothness")

DIABETES_KNOWN = (
    Fault(
        "cholesterol in four ways, s4 = s1/s3",
        ("s1", "s2", "s3", "s4"),
        ("LA107", "LA106"),
    ),
)
CANCER_KNOWN = (
    Fault(
        "one size in three ways",
        ("mean radius", "mean perimeter", "mean area"),
        ("LA107", "LA106"),
    ),
    Fault("the diagnoses can be separated", (), ("CA205",)),
)


@dataclass(frozen=True, slots=True)
class Shipped:
    """A table as scikit-learn ships it: columns in order, the target last."""

    names: tuple[str, ...]
    values: np.ndarray
    target: np.ndarray

    def columns(self, names: tuple[str, ...]) -> np.ndarray:
        return self.values[:, [self.names.index(c) for c in names]]


@cache
def diabetes() -> Shipped:
    from sklearn.datasets import load_diabetes

    data: Any = load_diabetes(scaled=False)
    return Shipped(tuple(data["feature_names"]), data["data"], data["target"])


@cache
def cancer() -> Shipped:
    from sklearn.datasets import load_breast_cancer

    data: Any = load_breast_cancer()
    names = tuple(str(c) for c in data["feature_names"])
    kinds = np.asarray(data["target_names"])[data["target"]]
    return Shipped(names, data["data"], kinds)


def diabetes_csv() -> bytes:
    return _csv(diabetes(), PROGRESSION)


def cancer_csv() -> bytes:
    return _csv(cancer(), DIAGNOSIS)


def _csv(data: Shipped, target: str) -> bytes:
    lines = [",".join([*data.names, target])]
    for row, last in zip(data.values.tolist(), data.target.tolist(), strict=True):
        cells = [f"{v:.0f}" if float(v).is_integer() else repr(v) for v in [*row]]
        cells.append(last if isinstance(last, str) else f"{last:g}")
        lines.append(",".join(cells))
    return ("\n".join(lines) + "\n").encode("utf-8")


def patients() -> Regression:
    data = diabetes()
    asks = "How far will the disease of a patient like the first have gone a year later?"
    return Regression(
        Words("patient", "patients", PROGRESSION, asks), PATIENT, data.columns(PATIENT), data.target
    )


def tumours() -> Question:
    data = cancer()
    return Question(
        Words("tumour", "tumours", DIAGNOSIS),
        "A yes-or-no question: is a tumour malignant?",
        f"{len(data.target)} tumours, by their {', '.join(TUMOUR)}.",
        "malignant",
        TUMOUR,
        data.columns(TUMOUR),
        (data.target == "malignant").astype(float),
        "mean radius",
        "one unit more of mean radius",
    )
