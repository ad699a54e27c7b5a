"""How often `whyfit descend` is right: steps planted too large, on the edge, well chosen and too small.

Which steps converge is found by a second implementation (`_descent_twin.py`) that takes them: the limit η* is the
largest step that converges in a long run, by bisection; what is best within the budget is the best of a grid. On each
problem every optimizer is then given 3 η*, 1.3 η*, 1.02 η*, 0.98 η*, the best step of the grid, and a hundredth and a
ten-thousandth of η*. A plant counts only where it is what it is meant to be:

    too large   more than 1 % is left, and a smaller step of the grid leaves less than 40 % of that
    edge        the account has to say that the step is on the edge, or blame it as too large, or to be silent where the
                loss is no quadratic and it arrived; of rules that divide, whose η* puts the level they come to rest at
                1 %, to blame it exactly where more than 1 % is left; on batches, where a smaller step is clearly better
    well        nothing is to be found where it arrives; elsewhere no step may be blamed
    too small   the twin is left with more than 1 %, and a larger step of the grid leaves less than 40 % of that

    python benchmarks/descend_planted.py            some twenty minutes
    python benchmarks/descend_planted.py --quick    every third problem
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from _descent_twin import DONE, Task, limit_of, taken
from _harness import finish, heading

#: (optimizer, batch); None: all rows
CONFIGURATIONS = (
    ("gd", None), ("momentum", None), ("nesterov", None), ("rmsprop", None), ("adam", None), ("adamw", None),
    ("sgd", 8), ("sgd", 32), ("sgd", 256), ("momentum", 32), ("nesterov", 32), ("rmsprop", 32), ("adam", 8),
    ("adam", 32), ("adamw", 256),
)  # fmt: skip
ADAPTIVE = ("rmsprop", "adam", "adamw")
PLANTS = {
    "3 ×": 3.0, "1.3 ×": 1.3, "1.02 ×": 1.02, "0.98 ×": 0.98, "well": None, "÷ 100": 0.01, "÷ 10,000": 1e-4,
}  # fmt: skip
STEPS, ADAPTIVE_STEPS, BATCH_STEPS = 300, 2_000, 1_000
_LONG = 3  # times the budget: a long run
_GAIN = 2.5  # times less is left: clearly more than the factor 2 from which the rules speak
_SHARES = np.geomspace(1e-5, 1.5, 18)  # of η*, the grid within which the best is looked for
TARGET = 0.9  # share of plants told right, of each optimizer and kind of plant
PREDICTED = 0.05  # issue 4: growth or contraction on linear-quadratic problems


@dataclass(frozen=True)
class Problem:
    name: str
    kind: str
    X: np.ndarray
    y: np.ndarray
    standardise: bool

    def task(self) -> Task:
        X = (self.X - self.X.mean(axis=0)) / self.X.std(axis=0) if self.standardise else self.X
        Z = np.column_stack([np.ones(len(X)), X])
        return Task(self.kind, Z, self.y.astype(float), self.delta)

    @property
    def delta(self) -> float:
        return float(np.median(np.abs(self.y - np.median(self.y)))) or 1.0


def designed(rng: np.random.Generator, n: int, p: int, condition: float, raw: bool) -> np.ndarray:
    """Columns whose Hessian has about this condition: by correlation, or by spreads and offsets that differ."""
    if raw:
        return rng.normal(size=(n, p)) * np.geomspace(1, condition**-0.5, p) * 2 + 0.3 * rng.normal(
            size=p
        )
    Q = np.linalg.qr(rng.normal(size=(p, p)))[0]
    return rng.normal(size=(n, p)) * np.geomspace(1, condition**-0.5, p) @ Q.T


def simulated(seed: int = 0) -> Iterator[Problem]:
    """Least squares, logistic, Poisson, multinomial and Huber, p 3 to 30, κ 1 to 10⁶."""
    rng = np.random.default_rng(seed)
    for kind, p, condition, raw in (
        ("squared", 3, 1, False), ("squared", 10, 1e2, False), ("squared", 30, 1e4, False), ("squared", 10, 1e6, False),
        ("squared", 3, 1e2, True), ("squared", 10, 1e4, True), ("squared", 30, 1e6, True), ("squared", 5, 10, True),
        ("logistic", 4, 10, True), ("logistic", 10, 1e2, False), ("logistic", 20, 1e3, True),
        ("poisson", 4, 10, True), ("poisson", 8, 50, False),
        ("multinomial", 4, 10, True), ("multinomial", 6, 30, False),
        ("huber", 5, 10, True), ("huber", 12, 1e3, False),
    ):  # fmt: skip
        X = designed(rng, 300, p, condition, raw)
        unit = (X - X.mean(axis=0)) / X.std(axis=0)
        eta = unit @ rng.normal(size=p) / np.sqrt(p)
        match kind:
            case "squared":
                y = 1 + 2 * eta + rng.normal(size=len(X))
            case "huber":
                y = 1 + 2 * eta + rng.standard_t(2, size=len(X))
            case "logistic":
                y = (rng.random(len(X)) < 1 / (1 + np.exp(-1.5 * eta))).astype(int)
            case "poisson":
                y = rng.poisson(np.exp(0.7 * eta))
            case _:
                W = rng.normal(size=(p, 3)) / np.sqrt(p)
                y = np.argmax(1.5 * unit @ W + rng.gumbel(size=(len(X), 3)), axis=1)
        how = f"{'raw' if raw else 'std'} p {p} κ {condition:.0e}"
        yield Problem(f"{kind} {how}", kind, X, y, not raw)


def real(folder: Path) -> Iterator[Problem]:
    """Small tables, where the folder is there: numeric columns without gaps."""
    import polars as pl

    for name, kind, standardise in (
        ("advertising", "squared", False), ("advertising", "squared", True), ("wine_quality_red", "squared", True),
        ("hitters", "squared", True), ("pima_diabetes", "logistic", True), ("haberman", "logistic", False),
        ("nmes1988_visits", "poisson", True), ("glass", "multinomial", True),
    ):  # fmt: skip
        index = json.loads((folder / "index.json").read_text())
        sets = index if isinstance(index, list) else index.get("sets") or index.get("datasets")
        entry = next(e for e in sets if e.get("name", e.get("id")) == name)
        file = folder / name / f"{name}.csv"
        table = pl.read_csv(file, infer_schema_length=None, null_values=["", "NA"])
        target = table[entry["target"]]
        numbers = [c for c in table.columns if c != entry["target"] and table[c].dtype.is_numeric()]
        X = table.select(numbers).to_numpy().astype(float)
        y = (
            target.to_physical().to_numpy()
            if target.dtype.is_numeric()
            else target.cast(pl.Categorical).to_physical().to_numpy()
        )
        keep = np.isfinite(X).all(axis=1) & np.isfinite(y.astype(float))
        X, y = X[keep][:2_000], y[keep][:2_000]
        y = (
            np.unique(y, return_inverse=True)[1]
            if kind in ("logistic", "multinomial")
            else y.astype(float)
        )
        counter = (np.diff(X, axis=0) == 1).all(axis=0)  # whyfit leaves row numbers out
        X = X[:, (X.std(axis=0) > 0) & ~counter]
        yield Problem(f"{name} {'std' if standardise else 'raw'}", kind, X, y, standardise)


def steps_of(optimizer: str, batch: int | None) -> int:
    if batch is not None:
        return BATCH_STEPS
    return ADAPTIVE_STEPS if optimizer in ADAPTIVE else STEPS


def descended(problem: Problem, optimizer: str, batch: int | None, rate: float):
    import whyfit

    task = {"multinomial": "multiclass", "logistic": "binary"}.get(problem.kind, "regression")
    extra = {"delta": problem.delta} if problem.kind == "huber" else {}
    return whyfit.descend(
        (problem.X, problem.y), "y", optimizer=optimizer, lr=float(rate), race=False, loss=problem.kind,
        batch="full" if batch is None else batch, steps=steps_of(optimizer, batch),
        spec=whyfit.Spec(task=task, standardise=problem.standardise), **extra,
    )  # fmt: skip


def judged(
    kind: str,
    optimizer: str,
    batch: int | None,
    plant: str,
    codes: set[str],
    said: str,
    left: float,
    shares: tuple[float, float, float],
) -> bool | None:
    """Whether the plant was told right; None where it is not what it is meant to be.

    `shares`: what the twin is left with, at the planted step and at the best smaller and larger steps of the grid.
    """
    seen, smaller, larger = shares
    blamed = codes & {"CA201", "CA219"}
    match plant:
        case "3 ×" | "1.3 ×":
            if seen <= DONE or left <= DONE or smaller * _GAIN > seen:
                return None
            return bool(blamed) and "CA202" not in codes
        case "1.02 ×" | "0.98 ×":
            if batch is not None and smaller * _GAIN > seen > DONE:
                return None  # noise blurs the edge: only what a smaller step would mend is a fault
            if optimizer in ADAPTIVE:
                return bool(blamed) == (left > DONE) or ("edge" in said and left <= DONE)
            silent = kind != "squared" and left <= DONE and not codes
            return ("edge" in said or bool(blamed) or silent) and "CA202" not in codes
        case "well":
            if seen <= DONE and left <= DONE:
                return not codes
            return not codes & {"CA201", "CA202"}
    if seen <= DONE or larger * _GAIN > seen:
        return None
    return "CA202" in codes and not codes & {"CA201", "CA219"}


def measured(problem: Problem, optimizer: str, batch: int | None) -> Iterator[dict]:
    """A record of every plant."""
    task = problem.task()
    steps = steps_of(optimizer, batch)
    limit = limit_of(task, optimizer, _LONG * steps, batch)
    if not np.isfinite(limit):
        return
    grid = limit * _SHARES
    ends = taken(task, optimizer, grid, steps, batch)[1][-10 if batch else -1 :].mean(axis=0)
    well = float(grid[int(np.argmin(ends))])
    for plant, times in PLANTS.items():
        rate = float(f"{well if times is None else times * limit:.6g}")
        seen = float(
            taken(task, optimizer, np.array([rate]), steps, batch)[1][-10 if batch else -1 :].mean()
        )
        smaller = float(ends[grid < rate / 1.5].min(initial=np.inf))
        larger = float(ends[grid > rate * 1.5].min(initial=np.inf))
        result = descended(problem, optimizer, batch, rate)
        document, case = result.document, result.seen.case
        assert case is not None
        said = " ".join(
            [
                document.verdict,
                *(f.message for f in result.findings),
                *(t.note for t in document.told),
            ]
        )
        codes = {f.code for f in result.findings}
        told = {
            t.what: (t.predicted, t.observed, t.agrees)
            for t in document.told
            if t.predicted and t.observed
        }
        yield {
            "problem": problem.name, "kind": problem.kind, "optimizer": optimizer, "batch": batch, "plant": plant,
            "rate": rate, "limit": limit, "well": well, "seen": seen, "smaller": smaller, "larger": larger,
            "left": case.left, "codes": sorted(codes), "outcome": result.outcome, "verdict": document.verdict,
            "messages": [f.message for f in result.findings], "told": told,
            "right": judged(problem.kind, optimizer, batch, plant, codes, said, case.left, (seen, smaller, larger)),
        }  # fmt: skip


def report(records: list[dict]) -> list[str]:
    """Print the shares and the errors of prediction; what missed its target."""
    missed = []
    counts: dict = defaultdict(lambda: [0, 0])
    for r in records:
        if r["right"] is not None:
            group = r["optimizer"] + (" on batches" if r["batch"] else "")
            for key in ((group, r["plant"]), ("all", r["plant"])):
                counts[key][0] += r["right"]
                counts[key][1] += 1
    groups = [*sorted({g for g, _ in counts} - {"all"}, key=lambda g: ("batches" in g, g)), "all"]
    print(f"\nplants told right\n{'':22}" + "".join(f"{p:>12}" for p in PLANTS))
    for g in groups:
        cells = [counts.get((g, p), (0, 0)) for p in PLANTS]
        print(f"{g:22}" + "".join(f"{f'{a}/{b}':>12}" for a, b in cells))
        missed += [
            f"{g}, {p}: {a} of {b} told right, target {TARGET:.0%}"
            for p, (a, b) in zip(PLANTS, cells, strict=True)
            if b and a < TARGET * b and g != "all"
        ]
    errors: dict = defaultdict(list)
    for r in records:
        if not np.isfinite(r["left"]) and r["outcome"] != "diverged":
            continue
        for what, (predicted, observed, agrees) in r["told"].items():
            if agrees is None or not (0 < predicted < np.inf and 0 < observed < np.inf):
                continue
            group = (
                "batches"
                if r["batch"]
                else "least squares, all rows"
                if r["kind"] == "squared"
                else "other, all rows"
            )
            if r["optimizer"] in ADAPTIVE:
                group += ", adaptive"
            errors[what, group].append((abs(np.log(observed / predicted)), agrees))
    print(
        f"\n{'predicted and observed: |ln ratio|':68}{'n':>6}{'median':>9}{'90 %':>9}{'largest':>9}{'agree':>8}"
    )
    for (what, group), pairs in sorted(errors.items()):
        e = np.array([p[0] for p in pairs])
        agree = float(np.mean([p[1] for p in pairs]))
        print(
            f"{what + ', ' + group:68}{len(e):6}{np.median(e):9.1e}{np.quantile(e, 0.9):9.1e}{e.max():9.1e}{agree:8.1%}"
        )
        if what.startswith("factor") and group == "least squares, all rows":
            worst = float(e.max())
            if worst > np.log1p(PREDICTED):
                missed.append(
                    f"{what}, {group}: off by {np.expm1(worst):.1%}, target {PREDICTED:.0%}"
                )
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="every third problem")
    parser.add_argument("--only", default="", help="problems whose name holds this")
    parser.add_argument("--optimizer", nargs="*", default=[])
    parser.add_argument("--batches", choices=["all", "full", "mini"], default="all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--records", type=Path, help="write every plant to this file, a line of JSON each"
    )
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    folder = Path(
        os.environ.get(
            "WHYFIT_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"
        )
    )
    problems = [*simulated(options.seed), *(real(folder) if folder.is_dir() else ())]
    problems = [p for p in problems[:: 3 if options.quick else 1] if options.only in p.name]
    print(__doc__)
    print(heading("whyfit", "numpy"))
    records = []
    for problem in problems:
        for optimizer, batch in CONFIGURATIONS:
            if options.optimizer and optimizer not in options.optimizer:
                continue
            if options.batches != "all" and (batch is None) != (options.batches == "full"):
                continue
            new = list(measured(problem, optimizer, batch))
            records += new
            wrong = [r["plant"] for r in new if r["right"] is False]
            said = f"wrong: {', '.join(wrong)}" if wrong else "right" if new else "no step arrives"
            print(f"{problem.name:32}{optimizer:10}{batch or 'all':>5}   {said}", flush=True)
            if options.records:
                with options.records.open("a") as file:
                    file.writelines(json.dumps(r, default=float) + "\n" for r in new)
    finish(report(records), options.check)


if __name__ == "__main__":
    main()
