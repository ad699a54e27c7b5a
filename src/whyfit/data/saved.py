"""A design as plain values and back, for model files."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from whyfit.data.coding import Coding, DateCoding, LevelCoding, Levels, NumberCoding, TextCoding
from whyfit.data.components import Components
from whyfit.data.layout import FeatureUse
from whyfit.data.projection import Projection
from whyfit.data.target import Target
from whyfit.data.tfidf import TextWeights
from whyfit.spec import Term

if TYPE_CHECKING:
    from whyfit.data.design import Design


def to_plain(design: Design) -> dict[str, Any]:
    """Values that JSON can hold; `schema` and what follows from the rest are left out."""
    kinds = {
        NumberCoding: "number",
        LevelCoding: "level",
        DateCoding: "date",
        TextCoding: "text",
    }
    return {
        "target": dataclasses.asdict(design.target),
        "codings": [{"coding": kinds[type(c)], **dataclasses.asdict(c)} for c in design.codings],
        "terms": [dataclasses.asdict(t) for t in design.terms],
        "names": list(design.names),
        "origin": list(design.origin),
        "kinds": list(design.kinds),
        "features": [[f.name, f.kind, list(f.columns), f.reason] for f in design.features],
        "dropped": dict(design.dropped),
        "n_used": design.n_used,
        "k": design.k,
        "seed": design.seed,
        "missing_tokens": list(design.missing_tokens),
        "drops_missing": design.drops_missing,
        "excluded": sorted(design.excluded),
        "projection": _plain_projection(design.projection),
    }


def from_plain(plain: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the Design that `to_plain` wrote."""
    t = plain["target"]
    return {
        "target": Target(
            t["name"], t["task"], tuple(t["classes"]), tuple(t["numbers"]), t["transform"]
        ),
        "codings": tuple(_coding_of(c) for c in plain["codings"]),
        "terms": tuple(_term_of(v) for v in plain["terms"]),
        "names": tuple(plain["names"]),
        "origin": tuple(plain["origin"]),
        "kinds": tuple(plain["kinds"]),
        "features": tuple(FeatureUse(n, k, tuple(c), r) for n, k, c, r in plain["features"]),
        "dropped": dict(plain["dropped"]),
        "n_used": plain["n_used"],
        "k": plain["k"],
        "seed": plain["seed"],
        "missing_tokens": tuple(plain["missing_tokens"]),
        "drops_missing": plain["drops_missing"],
        "excluded": frozenset(plain["excluded"]),
        "projection": _projection_of(plain.get("projection")),
    }


def _plain_projection(p: Projection | None) -> dict[str, Any] | None:
    if p is None:
        return None
    return {
        "columns": list(p.columns),
        "mean": list(p.mean),
        "weights": [list(r) for r in p.weights],
    }


def _projection_of(plain: dict[str, Any] | None) -> Projection | None:
    if plain is None:
        return None
    weights = tuple(tuple(row) for row in plain["weights"])
    return Projection(tuple(plain["columns"]), tuple(plain["mean"]), weights)


def _term_of(plain: dict[str, Any]) -> Term:
    return Term(plain["kind"], tuple(plain["columns"]), plain["knot"], plain.get("degree"))


def _nan(x: float | None) -> float:
    return math.nan if x is None else x


def _levels_from(plain: dict[str, Any]) -> Levels:
    return Levels(
        plain["reference"], tuple(plain["kept"]), plain["rare"], plain["own"], plain["fill"],
        tuple(plain["merged"]),
    )  # fmt: skip


def _weights_of(plain: dict[str, Any] | None) -> TextWeights | None:
    if plain is None:
        return None
    return TextWeights(
        tuple(plain["names"]), tuple(plain["idf"]), plain["buckets"], tuple(plain["kept"])
    )


def _components_of(plain: dict[str, Any] | None) -> Components | None:
    if plain is None:
        return None
    return Components(tuple(plain["names"]), tuple(tuple(v) for v in plain["vectors"]))


def _coding_of(plain: dict[str, Any]) -> Coding:
    name = plain["name"]
    match plain["coding"]:
        case "number":
            return NumberCoding(
                name, plain["kind"], _nan(plain["fill"]), plain["values"], plain["indicator"],
                dict(plain["truth"]),
            )  # fmt: skip
        case "level":
            return LevelCoding(
                name, _levels_from(plain["levels"]), plain["drop"], plain.get("sparse", False)
            )
        case "date":
            parts = tuple((part, _levels_from(v)) for part, v in plain["parts"])
            return DateCoding(
                name, _nan(plain["fill"]), parts, tuple(plain["formats"]), plain["indicator"]
            )
        case "text":
            return TextCoding(
                name, _nan(plain["characters"]), _nan(plain["words"]), plain["indicator"],
                _weights_of(plain.get("weights")), _components_of(plain.get("components")),
            )  # fmt: skip
    raise KeyError(plain["coding"])
