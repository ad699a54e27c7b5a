"""All rules, in the order of the catalogue. One rule per file; a code is never reused."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from whyfit.diagnosis import calculus_rules, linalg_rules, probability_rules
from whyfit.diagnosis.rule import Rule
from whyfit.errors import SpecError


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of the house, by code."""
    found = []
    for package in (linalg_rules, calculus_rules, probability_rules):
        for module in pkgutil.iter_modules(package.__path__):
            rule = getattr(
                importlib.import_module(f"{package.__name__}.{module.name}"), "RULE", None
            )
            if isinstance(rule, Rule):
                found.append(rule)
    order = {"LA": 0, "CA": 1, "PR": 2}
    return tuple(sorted(found, key=lambda r: (order[r.code[:2]], r.code)))


def chosen(select: tuple[str, ...] = (), ignore: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """Rules whose code starts with, or slug equals, an entry of `select` (default all) and none of `ignore`.

    Raises SpecError for an entry that matches no rule.
    """
    rules = all_rules()

    def matches(rule: Rule, entry: str) -> bool:
        return rule.code.startswith(entry.upper()) or rule.slug == entry.lower()

    for entry in (*select, *ignore):
        if not any(matches(r, entry) for r in rules):
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
