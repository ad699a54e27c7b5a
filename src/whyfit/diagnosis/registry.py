"""All rules, in the order of the catalogue. One rule per file; a code is never reused."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from types import ModuleType

from whyfit.diagnosis import (
    calculus_rules,
    cloud_rules,
    descent_rules,
    linalg_rules,
    probability_rules,
)
from whyfit.diagnosis.rule import Rule
from whyfit.errors import SpecError


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule on a fit, by code."""
    return _rules_in(linalg_rules, calculus_rules, probability_rules)


@cache
def rules_on_clouds() -> tuple[Rule, ...]:
    """Every rule on a cloud of vectors, by code; some share the code of a rule on fits."""
    return _rules_in(cloud_rules)


@cache
def rules_on_descents() -> tuple[Rule, ...]:
    """Every rule on a descent that was taken, by code."""
    return _rules_in(descent_rules)


@cache
def every_rule() -> tuple[Rule, ...]:
    """Every code once, by code: of two rules that share one, that on fits."""
    taken = {r.code for r in all_rules()}
    others = (*rules_on_clouds(), *rules_on_descents())
    return _by_code((*all_rules(), *(r for r in others if r.code not in taken)))


def _rules_in(*packages: ModuleType) -> tuple[Rule, ...]:
    found = []
    for package in packages:
        for module in pkgutil.iter_modules(package.__path__):
            rule = getattr(
                importlib.import_module(f"{package.__name__}.{module.name}"), "RULE", None
            )
            if isinstance(rule, Rule):
                found.append(rule)
    return _by_code(found)


def _by_code(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    order = {"LA": 0, "CA": 1, "PR": 2}
    return tuple(sorted(rules, key=lambda r: (order[r.code[:2]], r.code)))


def chosen(
    select: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    rules: tuple[Rule, ...] | None = None,
) -> tuple[Rule, ...]:
    """Of `rules` (default: those on fits) the ones chosen.

    Their code starts with, or slug equals, an entry of `select` (default all) and none of `ignore`.

    Raises SpecError for an entry that matches no rule of the house.
    """
    rules = all_rules() if rules is None else rules

    def matches(rule: Rule, entry: str) -> bool:
        return rule.code.startswith(entry.upper()) or rule.slug == entry.lower()

    for entry in (*select, *ignore):
        if not any(matches(r, entry) for r in every_rule()):
            raise SpecError(
                f"'{entry}' matches no rule; use a code (LA107), a prefix (LA) or a name"
                " (ill-conditioned); `whyfit rules` lists them."
            )
    return tuple(
        r
        for r in rules
        if (not select or any(matches(r, e) for e in select))
        and not any(matches(r, e) for e in ignore)
    )
