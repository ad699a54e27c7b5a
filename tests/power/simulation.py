"""How often a rule speaks: on healthy tables, and on tables with its fault.

A cell is (rule, healthy or strength, rows). Replication r of a cell has a generator of its own, seeded by the cell's
name and r, so that any cell can be drawn again alone. One rule is asked at a time: what it confirmed within its own
budget of 5 %; no remedy is tried.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

import whyfit
from power.plants import PLANTS, SIZES, STRENGTHS, Made, Plant
from whyfit.data.table import Table, read_table
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.cloud import CloudCase
from whyfit.diagnosis.diagnose import standing
from whyfit.diagnosis.finding import Finding
from whyfit.diagnosis.registry import all_rules, rules_on_clouds, rules_on_descents
from whyfit.diagnosis.rule import Rule
from whyfit.engines.local import one_blas_thread
from whyfit.spec import Spec

SEED = 20_240
#: A replication of the page's own cells, or one that no page has seen.
PAGE, FRESH = 0, 1
HEALTHY = "healthy"
STATES = (HEALTHY, *STRENGTHS)
CELLS = tuple((state, n) for state in STATES for n in SIZES)

REGISTRIES = {"fit": all_rules, "cloud": rules_on_clouds, "descent": rules_on_descents}


def registered() -> dict[str, Rule]:
    """Every rule by its key on the page, in the order of the page."""
    return {
        rule.code if on == "fit" else f"{rule.code} on {on}s": rule
        for on, rules in REGISTRIES.items()
        for rule in rules()
    }


def planted() -> dict[str, Plant]:
    return {plant.key: plant for plant in PLANTS}


def spoken(made: Made, on: str, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    """What `rules` confirm of what a user would bring."""
    if on == "cloud":
        n, p = made.source.shape
        labels, axes = tuple(f"p{i + 1}" for i in range(n)), tuple(f"x{j + 1}" for j in range(p))
        case: Any = CloudCase(made.source, "cosine", labels=labels, axes=axes, **made.choices)
    elif on == "descent":
        select = [rule.code for rule in rules]
        return whyfit.descend(made.source, "y", race=False, select=select, **made.choices).findings
    else:
        spec = Spec(**{"target": "y", **made.choices})
        case = Case.of(_table(made.source, spec), spec)
    with one_blas_thread():
        return tuple(confirmed.finding for confirmed in standing(case, rules))


def _table(source: Any, spec: Spec) -> Table:
    if isinstance(source, str):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.csv"
            path.write_text(source, encoding="utf-8")
            return read_table(path, spec)
    return read_table(pd.DataFrame(source) if isinstance(source, Mapping) else source, spec)


def stream(key: str, state: str, n: int, r: int, which: int = PAGE) -> np.random.Generator:
    """The generator of replication r of a cell."""
    name = zlib.crc32(f"{key}, {state}".encode())
    return np.random.default_rng([SEED, which, name, n, r])


def made(plant: Plant, state: str, n: int, r: int, which: int = PAGE) -> Made:
    rng = stream(plant.key, state, n, r, which)
    if state == HEALTHY:
        return plant.healthy[r % len(plant.healthy)](rng, n)
    return plant.make(rng, n, plant.strengths[STRENGTHS.index(state)][1])


def hits(plant: Plant, state: str, n: int, runs: int, which: int = PAGE) -> int:
    """In how many of `runs` replications the rule speaks (of the fault, where there is one)."""
    rule = registered()[plant.key]
    total = 0
    for r in range(runs):
        table = made(plant, state, n, r, which)
        said = spoken(table, plant.on, [rule])
        total += plant.alarm(said) if state == HEALTHY else plant.found(said, table)
    return total


def clopper_pearson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a share from k of n (Clopper & Pearson 1934): cover at least `level`."""
    a = (1 - level) / 2
    low = special.betaincinv(k, n - k + 1, a) if k else 0.0
    high = special.betaincinv(k + 1, n - k, 1 - a) if k < n else 1.0
    return float(low), float(high)


def agree(k: int, n: int, j: int, m: int, level: float = 0.002) -> bool:
    """Whether k of n and j of m can be of one rate: the hypergeometric law of j given k + j (Fisher 1934)."""
    total, some = n + m, k + j
    x = np.arange(max(0, some - n), min(m, some) + 1)
    log = special.gammaln
    chances = (
        log(m + 1) - log(x + 1) - log(m - x + 1)
        + log(n + 1) - log(some - x + 1) - log(n - some + x + 1)
        - log(total + 1) + log(some + 1) + log(total - some + 1)
    )  # fmt: skip
    p = np.exp(chances)
    return float(p[p <= p[x == j][0] * (1 + 1e-9)].sum()) > level
