"""Plant: a fault that can be put into a table at will, in three strengths, and tables that are healthy.

A rule is judged by what it says of tables whose law is known: one with the fault, where it should speak and name it,
and one without, where it should be silent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy import special

from whyfit.diagnosis.finding import Finding

On = Literal["fit", "cloud", "descent"]
SIZES = (100, 400, 2000)
STRENGTHS = ("weak", "medium", "strong")

#: What a rule promises of healthy tables.
TESTED = "p ≤ 5 %, Holm"
CERTAIN = "certain, no sampling"
LIMIT = "a limit on this table"


@dataclass(frozen=True)
class Made:
    """What a user would bring: (X, y), columns by name with a target "y", a file's text, or the rows of a cloud.

    `choices` are fields of the Spec (of a descent, its options). `subject` is what has to be named, None: anything.
    """

    source: Any
    choices: Mapping[str, Any] = field(default_factory=dict)
    subject: frozenset[str] | None = None


Maker = Callable[[np.random.Generator, int, Any], Made]
Family = Callable[[np.random.Generator, int], Made]


def _anything(finding: Finding) -> bool:
    del finding
    return True


@dataclass(frozen=True)
class Plant:
    """A fault and how it is looked for.

    Attributes
    ----------
    code : of the rule. on : what the rule looks at.
    fault : what is planted, in words. unit : what the strengths are.
    strengths : weak, medium and strong, as words and as `make` takes them.
    make : (rng, n, strength) -> a table of n rows with the fault.
    healthy : families of tables without it, taken in turn.
    guarantee : TESTED, CERTAIN or LIMIT.
    counts : which findings of the rule count as found (or as a false alarm).
    names : the subject has to be named "exactly", "among" others, or at least some
        "of" it and nothing else, or "mostly" of it.
    fewer : {n: replications at most} where a table takes long.
    remark : what a reader should know of the numbers.
    """

    code: str
    fault: str
    strengths: tuple[tuple[str, Any], tuple[str, Any], tuple[str, Any]]
    make: Maker
    healthy: tuple[Family, ...]
    guarantee: str = TESTED
    on: On = "fit"
    counts: Callable[[Finding], bool] = _anything
    names: Literal["exactly", "among", "of", "mostly"] = "exactly"
    fewer: Mapping[int, int] = field(default_factory=dict)
    remark: str = ""

    @property
    def key(self) -> str:
        return self.code if self.on == "fit" else f"{self.code} on {self.on}s"

    def found(self, findings: tuple[Finding, ...], made: Made) -> bool:
        """Whether the rule speaks of what was planted."""
        return any(self.counts(f) and self._names(set(f.subject), made.subject) for f in findings)

    def alarm(self, findings: tuple[Finding, ...]) -> bool:
        return any(self.counts(f) for f in findings)

    def _names(self, said: set[str], wanted: frozenset[str] | None) -> bool:
        if wanted is None:
            return True
        if self.names == "of":
            return bool(said) and said <= wanted
        if self.names == "mostly":
            return 2 * len(said & wanted) > len(said)
        return said >= wanted if self.names == "among" else said == wanted


# -- healthy tables: the law is the model's --------------------------------------------------------


def features(rng: np.random.Generator, n: int, p: int, rho: float = 0.1) -> np.ndarray:
    """Normal columns with correlations `rho`."""
    return np.sqrt(1 - rho) * rng.normal(size=(n, p)) + np.sqrt(rho) * rng.normal(size=(n, 1))


def answer(rng: np.random.Generator, X: np.ndarray, r2: float = 0.5) -> np.ndarray:
    """A linear law of the columns that explains a share `r2`, every column some of it."""
    w = rng.choice([-1, 1], X.shape[1]) * rng.uniform(0.3, 1.0, X.shape[1])
    s = (X - X.mean(axis=0)) / X.std(axis=0) @ w
    return np.sqrt(r2) * s / s.std() + np.sqrt(1 - r2) * rng.normal(size=len(X))


def normal(rng: np.random.Generator, n: int) -> Made:
    X = features(rng, n, 4)
    return Made((X, answer(rng, X)))


def correlated(rng: np.random.Generator, n: int) -> Made:
    X = features(rng, n, 8, 0.5)
    return Made((X, answer(rng, X, 0.7)))


def heavy(rng: np.random.Generator, n: int) -> Made:
    """Columns and errors of Student's t with 5 degrees of freedom."""
    X = rng.standard_t(5, size=(n, 4))
    return Made((X, X @ rng.uniform(0.3, 1, 4) + rng.standard_t(5, size=n)))


def skewed(rng: np.random.Generator, n: int) -> Made:
    """Amounts, yes or no, and a normal column."""
    X = np.column_stack([rng.gamma(2.0, 1.0, n), rng.random(n) < 0.4, rng.normal(size=n)])
    return Made((X, 10 + answer(rng, X)))


def mixed(rng: np.random.Generator, n: int) -> Made:
    """Numbers, a category of three levels and a flag."""
    kind, flag, x = rng.choice(3, n), rng.random(n) < 0.5, rng.normal(size=n)
    y = 1.5 * x + rng.normal(size=3)[kind] + flag + rng.normal(size=n)
    words = np.array(["oak", "fir", "elm"])[kind]
    return Made({"kind": words, "flag": flag, "x": x, "y": y})


def classes(rng: np.random.Generator, n: int) -> Made:
    """Two classes by a logistic law."""
    X = features(rng, n, 4)
    w = rng.normal(size=4)
    eta = 1.5 * X @ w / np.sqrt(w @ w) + rng.uniform(-0.5, 0.5)
    return Made((X, (rng.random(n) < special.expit(eta)).astype(float)))


def three_classes(rng: np.random.Generator, n: int) -> Made:
    X = features(rng, n, 3)
    eta = X @ rng.normal(size=(3, 3)) + rng.gumbel(size=(n, 3))
    return Made((X, np.array(["a", "b", "c"])[eta.argmax(axis=1)]), {"task": "multiclass"})


REGRESSIONS: tuple[Family, ...] = (normal, correlated, heavy, skewed, mixed)
CLASSES: tuple[Family, ...] = (classes, three_classes)
TABLES: tuple[Family, ...] = (*REGRESSIONS, *CLASSES)
