"""Documents for the tests of the report room: a realistic regression, a classification, a hostile one."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any

from whyfit.diagnosis.finding import Evidence, Finding, Remedy, Trial
from whyfit.report.document import (
    Coefficient,
    Document,
    Feature,
    Figures,
    Model,
    Rows,
    Score,
    Source,
)
from whyfit.report.panel import Chart, Grid, Interval, Panel, Series
from whyfit.spec import Spec

NAN = math.nan

ILL = Finding(
    code="LA107",
    rule="ill-conditioned",
    pillar="linear algebra",
    severity="error",
    subject=("total_rooms", "total_bedrooms", "households"),
    message="condition index 41 (limit 30): total_bedrooms ≈ 0.17 total_rooms + 0.05 households",
    evidence=(
        Evidence(
            "condition index",
            41.2,
            limit=30.0,
            formula=r"\eta = \frac{\sigma_1}{\sigma_9} = \frac{2.31}{0.0561} = 41.2",
        ),
        Evidence(
            "variance inflation of total_rooms", 33.6, limit=10.0, low=31.9, high=35.4, unit="×"
        ),
        Evidence("standard error inflation", 5.7, predicted=5.8, low=5.5, high=5.9, unit="×"),
    ),
    prediction=("predicted se(total_rooms) 5.8 × wider than if uncorrelated observed 5.7 ×"),
    remedy=Remedy(
        "ridge, λ = 12 by evidence",
        {"ridge": 12.0},
        Trial("held-out R²", 0.6402, 0.6406, 0.0004, -0.0006, 0.0014, False),
    ),
    reference="Belsley, Kuh & Welsch (1980), Regression Diagnostics, ch. 3.",
)
LEAK = Finding(
    code="LA113",
    rule="target-leak",
    pillar="linear algebra",
    severity="error",
    subject=("log_value",),
    message="exp(log_value) alone reproduces median_house_value: R² 0.9998 (limit 0.99)",
    evidence=(Evidence("R² of exp(log_value) alone", 0.9998, limit=0.99, low=0.9997, high=0.9999),),
    prediction="predicted held-out R² falls back to that of the other columns observed 0.64",
    remedy=Remedy(
        "drop log_value",
        {"drop": ["log_value"]},
        Trial("held-out RMSE", 1640.0, 68810.0, -67170.0, -67900.0, -66400.0, False),
    ),
    reference="Kaufman et al. (2012), ACM TKDD 6(4), 15.",
    explains=("PR304",),
)
HETERO = Finding(
    code="PR304",
    rule="heteroscedastic",
    pillar="probability",
    severity="warning",
    subject=("median_income",),
    message="residuals spread 2.6 × wider in the top tenth of predictions than in the lowest",
    evidence=(
        Evidence(
            "ratio of predicted spread, top to bottom tenth",
            2.61,
            limit=2.0,
            low=2.44,
            high=2.78,
            formula=r"\frac{\hat\sigma(\hat y_{0.9})}{\hat\sigma(\hat y_{0.1})} = \frac{91\,400}{35\,000}",
            unit="×",
        ),
    ),
    prediction="predicted 95 % intervals cover 88 % in the top tenth observed 87.4 %",
    remedy=Remedy(
        "fit log(median_house_value)",
        {"target_transform": "log"},
        Trial("held-out log likelihood per row", -12.561, -12.402, 0.159, 0.141, 0.177, True),
    ),
    reference="Breusch & Pagan (1979), Econometrica 47(5), 1287-1294.",
)
MISSING = Finding(
    code="LA102",
    rule="missing-values",
    pillar="linear algebra",
    severity="note",
    subject=("total_bedrooms",),
    message="207 of 20,640 rows (1.0 %) have no total_bedrooms; the mean stands in, with an indicator",
    evidence=(Evidence("share missing", 0.01003, unit="of the rows"),),
)

NAMES = (
    "longitude", "latitude", "housing_median_age", "total_rooms", "total_bedrooms", "population",
    "households", "median_income", "ocean_proximity",
)  # fmt: skip

_COEFFICIENTS = (
    ("(intercept)", -2264839.2, 88027.1, 11.3),
    ("longitude", -26788.93, 1019.41, 11.6),
    ("latitude", -25471.7, 1004.84, 11.6),
    ("housing_median_age", 1072.52, 43.8864, 13.1),
    ("total_rooms", -6.193433, 0.791332, 11.9),
    ("total_bedrooms", 100.5563, 6.86809, 11.2),
    ("population", -37.96907, 1.07647, 13.0),
    ("households", 49.61727, 7.4515, 11.4),
    ("median_income", 39259.57, 338.073, 13.3),
    ("ocean_proximity=INLAND", -39284.3, 1744.37, 12.2),
    ("ocean_proximity=ISLAND", 152901.5, 30741.8, 12.9),
    ("ocean_proximity=NEAR BAY", -3954.31, 1913.36, 12.3),
    ("ocean_proximity=NEAR OCEAN", 4278.14, 1569.54, 12.6),
)


def coefficient(name: str, estimate: float, se: float, digits: float) -> Coefficient:
    t = estimate / se
    p = math.erfc(abs(t) / math.sqrt(2))
    return Coefficient(name, estimate, se, t, p, estimate - 1.96 * se, estimate + 1.96 * se, digits)


def figures(n: int = 400) -> Figures:
    rng = random.Random(7)
    fitted, residual, observed = [], [], []
    for _ in range(n):
        f = 60000 + 380000 * rng.betavariate(2, 4)
        r = rng.gauss(0, 0.12 * f + 22000)
        fitted.append(f)
        residual.append(r)
        observed.append(f + r)
    singular = (2.31, 1.42, 1.21, 1.05, 1.0, 0.98, 0.91, 0.62, 0.41, 0.3, 0.121, 0.0561)
    exponents = (-2, -1, 0, 1, 2, 3, 4)
    path = [(10.0**k, 0.6406 - 0.012 * max(0.0, k - 1.5) ** 2) for k in exponents]
    path.insert(0, (0.0, 0.6402))
    return Figures(tuple(fitted), tuple(residual), singular, tuple(observed), tuple(path))


def panel(name: str = "Learning curve") -> Panel:
    """One of every mark, a grid with every kind of cell, a formula."""
    n = (100.0, 200.0, 400.0, 800.0)
    error = (2.0, 1.5, 1.2, 1.1)
    wide = {"low": tuple(e - 0.1 for e in error), "high": tuple(e + 0.1 for e in error)}
    chart = Chart(
        name, "Where the curve is flat, more rows do not help.", "Held-out error from 2 down to 1.1.",
        "rows", name,
        (
            Series(name, "points", n, error, **wide),
            Series("law", "line", n, error),
            Series("95 % band", "band", n, **wide),
        ),
        log_x=True, log_y=True, level=1.0,
    )  # fmt: skip
    roc = Chart(
        "ROC", "The further above the dashed line, the better.", "From (0, 0) to (1, 1).", "false", "true",
        (Series("ROC", "steps", (0.0, 0.2, 1.0), (0.0, 0.7, 1.0)),), diagonal=True,
    )  # fmt: skip
    grid = Grid(
        name,
        ("size", "error", "interval", "what"),
        ((100, 2.0, Interval(2.0, 1.9, 2.1), name), (20640, float("nan"), Interval(1.1, 1.0, 1.2), None)),
    )  # fmt: skip
    return Panel(
        "learning", name, f"{name}: twice the rows would save 0.1.", (grid,), (chart, roc),
        (r"\mathrm{err}(n) = 1 + 100 n^{-1}",), (name,),
    )  # fmt: skip


def regression(**changes: Any) -> Document:
    """California housing in the shape of the design's example."""
    document = Document(
        source=Source("california_housing.csv", "csv", 1_423_529, {"delimiter": ",", "encoding": "utf-8"}),
        spec=dataclasses.asdict(Spec(target="median_house_value", drop=("block",))),
        task="regression",
        rows=Rows(20640, 20640),
        features=tuple(
            Feature(
                n,
                "categorical" if n == "ocean_proximity" else "numeric",
                tuple(c[0] for c in _COEFFICIENTS if c[0].split("=")[0] == n),
                missing=207 if n == "total_bedrooms" else 0,
            )
            for n in NAMES
        ),
        model=Model(
            kind="least squares",
            coefficients=tuple(coefficient(*c) for c in _COEFFICIENTS),
            target="median_house_value",
            solver="Cholesky of the scaled Gram matrix",
            sigma=68661.2,
            r2=0.6454,
            f_statistic=3112.4,
            f_df=(12.0, 20627.0),
            f_p_value=0.0,
            condition_number=41.2,
            condition_indices=(1.0, 1.63, 1.91, 2.2, 2.31, 2.36, 2.54, 3.73, 5.63, 7.7, 19.1, 41.2),
            vif={
                "longitude": 17.9, "latitude": 19.9, "housing_median_age": 1.32,
                "total_rooms": 12.7, "total_bedrooms": 36.1, "population": 6.5,
                "households": 35.3, "median_income": 1.79,
            },
        ),
        scores={
            "held_out": {
                "r2": Score(0.6402, 0.6301, 0.6503, (0.63, 0.65, 0.64, 0.62, 0.66, 0.64, 0.65, 0.63, 0.64, 0.64)),
                "rmse": Score(68810.0, 67600.0, 70020.0),
            },
            "training": {"r2": Score(0.6454), "rmse": Score(68640.0)},
            "constant": {"r2": Score(-0.0004), "rmse": Score(115395.0)},
        },
        findings=(ILL, LEAK, HETERO, MISSING),
        timings={"total": 0.62, "read": 0.11, "fit": 0.2, "trials": 0.31},
        whyfit="0.1.0",
        python='import whyfit\n\nresult = whyfit.fit("california_housing.csv", target="median_house_value")',
        figures=figures(),
        panels=(panel(),),
    )  # fmt: skip
    return dataclasses.replace(document, **changes)


def classification(**changes: Any) -> Document:
    """Titanic as a logistic regression, with rows and columns left out and a remark."""
    findings = (
        Finding(
            code="PR309",
            rule="imbalanced-classes",
            pillar="probability",
            severity="note",
            subject=("survived",),
            message="accuracy misleads: always answering no is right for 61.6 % of the rows",
            evidence=(
                Evidence("share of the smaller class", 0.384, limit=0.4, unit="of the rows"),
            ),
            prediction="predicted accuracy of the constant predictor 0.616 observed 0.616",
            remedy=Remedy("judge by log loss", {}),
        ),
    )
    document = Document(
        source=Source("titanic.csv", "csv", 61194),
        spec=dataclasses.asdict(Spec(target="survived")),
        task="binary",
        rows=Rows(891, 889, {"target missing": 2}),
        features=(
            Feature("age", "numeric", ("age", "age missing"), missing=177),
            Feature("sex", "categorical", ("sex=male",)),
            Feature("ticket", "identifier", (), reason="identifier: 681 values in 891 rows"),
            Feature("name", "text", (), reason="text"),
        ),
        model=Model(
            kind="logistic",
            coefficients=(
                coefficient("(intercept)", 1.34, 0.234, 9.2),
                coefficient("age", -0.0054, 0.0063, 9.0),
                coefficient("sex=male", -2.47, 0.178, 9.1),
                Coefficient("age missing", NAN, NAN, NAN, NAN, NAN, NAN, NAN),
            ),
            target="survived",
            classes=("0", "1"),
            log_likelihood=-449.97,
            why="age missing repeats another column and was left out of the solution",
        ),
        scores={
            "held_out": {
                "log_loss": Score(0.512, 0.487, 0.537, (0.5, 0.52, 0.51, 0.49, 0.54)),
                "accuracy": Score(0.787, 0.760, 0.814),
            },
            "constant": {"log_loss": Score(0.666), "accuracy": Score(0.616)},
            "training": {"log_loss": Score(0.505)},
        },
        findings=findings,
        timings={"read": 0.004, "fit": 0.021},
        whyfit="0.1.0",
        notes=("fare is skewed; its largest value is 16 × the median",),
        python='import whyfit\n\nwhyfit.fit("titanic.csv", target="survived")',
        figures=Figures(
            fitted=(0.1, 0.2, 0.9, 0.7, 0.4, 0.6, 0.35, 0.8),
            residual=(-0.1, 0.8, 0.1, 0.3, -0.4, -0.6, -0.35, 0.2),
            observed=(0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0),
            singular_values=(1.3, 1.0, 0.4, 0.0),
        ),
    )
    return dataclasses.replace(document, **changes)


EVIL = "</script><script>alert(1)</script>"
EVIL_NAME = "a\nb\x1b[31m\u202e\u2028" + EVIL


def hostile() -> Document:
    """Every string a user controls tries to break out: of HTML, of a script, of the terminal."""
    base = regression()
    bad = Finding(
        code="LA107",
        rule="ill-conditioned",
        pillar="linear algebra",
        severity="error",
        subject=(EVIL_NAME, '"><img src=x onerror=alert(1)>'),
        message=f"{EVIL_NAME} ≈ 2 {EVIL}",
        evidence=(Evidence(EVIL_NAME, 1.0, formula=rf"\text{{{EVIL}}} = 1", unit=EVIL),),
        prediction=f"predicted {EVIL} observed {EVIL}",
        remedy=Remedy(f"drop {EVIL_NAME}", {"drop": [EVIL_NAME]}),
        reference=EVIL,
    )
    return dataclasses.replace(
        base,
        source=Source(EVIL_NAME, "csv"),
        spec={**base.spec, "target": EVIL_NAME, "roles": {EVIL_NAME: "numeric"}},
        rows=Rows(10, 9, {EVIL_NAME: 1}),
        features=(
            Feature(EVIL_NAME, "numeric", (EVIL_NAME,)),
            Feature(EVIL, "text", (), reason=EVIL),
        ),
        model=dataclasses.replace(
            base.model,
            target=EVIL_NAME,
            why=EVIL,
            coefficients=(
                coefficient(EVIL_NAME, 1.0, 0.5, 9.0),
                coefficient("${7*7}{{7*7}}", 2, 1, 9),
            ),
            vif={EVIL_NAME: 3.0},
        ),
        findings=(bad,),
        notes=(EVIL_NAME,),
        panels=(panel(EVIL_NAME),),
        python=f"import whyfit\n# {EVIL}",
    )
