"""A TableModel as plain fields and arrays, and back.

Whatever is read is checked before it is believed: fields by type, arrays by name, shape and dtype.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import msgspec
import numpy as np

from whyfit.data.design import Design
from whyfit.errors import ModelFileError
from whyfit.models import conformal_parts, recalibration_parts
from whyfit.models.table_model import TableModel
from whyfit.probability.inference import Inference
from whyfit.probability.predictive import GLMLaw, Law, LinearLaw, LogisticLaw, MultinomialLaw
from whyfit.spec import Spec

_LAWS: dict[str, type[Law]] = {
    "linear": LinearLaw,
    "logistic": LogisticLaw,
    "multinomial": MultinomialLaw,
    "poisson": GLMLaw,
    "gamma": GLMLaw,
    "huber": GLMLaw,
}
_FAMILIES = ("poisson", "gamma", "huber")
#: What a design of the wrong shape may raise on its way back from plain values.
_UNREADABLE = (
    LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
_TABLE = ("estimate", "std_error", "statistic", "p_value", "low", "high", "digits")


def to_parts(model: TableModel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Plain fields and arrays, for `models.file`."""
    if isinstance(model.law, GLMLaw):
        law = model.law.family
    else:
        law = next(name for name, kind in _LAWS.items() if isinstance(model.law, kind))
    table = model.inference
    fields = {
        "spec": dataclasses.asdict(model.spec),
        "design": model.design.to_dict(),
        "law": law,
        "log": isinstance(model.law, LinearLaw | GLMLaw) and model.law.log,
        "n": model.n,
        "coefficients": list(table.names),
        "covariance": table.covariance,
    }
    arrays = {
        f.name: np.asarray(getattr(model.law, f.name), dtype=np.float64)
        for f in dataclasses.fields(model.law)
        if f.name not in ("log", "family")
    }
    arrays["table"] = np.stack([getattr(table, name) for name in _TABLE])
    arrays["df and level"] = np.array([table.df, table.level])
    arrays |= recalibration_parts.to_arrays(model.recalibration)
    return fields, arrays | conformal_parts.to_arrays(model.conformal)


def from_parts(fields: dict[str, Any], arrays: dict[str, np.ndarray], name: str) -> TableModel:
    """The inverse of `to_parts`; ModelFileError, naming the file `name`, if it is none."""
    try:
        plain = msgspec.convert(fields, _Fields)
        spec = msgspec.convert(plain.spec, Spec)
        design = _design_of(plain)
        again = msgspec.json.encode([dataclasses.asdict(spec), design.to_dict()])
        known = _within([plain.spec, plain.design], msgspec.json.decode(again))
    except _UNREADABLE as error:
        what = " ".join(str(error).split())[:120] or type(error).__name__
        raise ModelFileError(
            f"{name} is no model this whyfit can read ({what}); save it again."
        ) from None
    if not known:
        raise ModelFileError(f"{name} holds fields that this whyfit does not know; update it.")
    arrays, more = conformal_parts.apart(arrays)
    arrays, numbers = recalibration_parts.apart(arrays)
    law, table = _law_of(plain, arrays, len(design.names), len(design.classes), name)
    conformal = conformal_parts.from_arrays(more, len(design.names), len(design.classes), name)
    recalibration = recalibration_parts.from_array(spec, design, numbers, name)
    return TableModel(spec, design, law, table, plain.n, conformal, recalibration)


_TASKS = {"linear": "regression", "logistic": "binary", "multinomial": "multiclass"}
_TASKS |= dict.fromkeys(_FAMILIES, "regression")


def _design_of(plain: _Fields) -> Design:
    """The design, its parts of the types they declare; many kinds of error if it is none."""
    design = Design.from_dict(plain.design)
    for part in (design.target, *design.codings, *design.terms):
        msgspec.convert(dataclasses.asdict(part), type(part))
    for names in (design.names, design.origin, design.kinds, design.missing_tokens):
        msgspec.convert(names, tuple[str, ...])
    msgspec.convert([design.k, design.seed, design.n_used, *design.excluded], list[int])
    _ = design.sources  # looks every column up
    if design.task != _TASKS[plain.law]:
        raise ValueError(f"a {plain.law} law and a {design.task} design")
    return design


class _Fields(msgspec.Struct, forbid_unknown_fields=True):
    """The plain part of a saved TableModel."""

    spec: dict[str, Any]
    design: dict[str, Any]
    law: Literal["linear", "logistic", "multinomial", "poisson", "gamma", "huber"]
    log: bool
    n: int
    coefficients: tuple[str, ...]
    covariance: str


def _law_of(
    plain: _Fields, arrays: dict[str, np.ndarray], p: int, classes: int, name: str
) -> tuple[Law, Inference]:
    """Law and table of coefficients, once every array has the shape it must have."""
    c, a = p + 1, max(classes - 1, 1)
    shapes: dict[str, tuple[int, ...]] = {
        "linear": {
            "mean": (p,), "centre": (), "coef": (p,), "covariance": (c, c), "sigma2": (), "df": (),
        },
        "logistic": {
            "mean": (p,), "centre": (), "coef": (p,), "covariance": (c, c), "threshold": (),
        },
        "multinomial": {
            "mean": (p,), "centre": (a,), "coef": (a, p), "covariance": (a * c, a * c),
        },
    }.get(plain.law) or {
        "mean": (p,), "centre": (), "coef": (p,), "covariance": (c, c), "dispersion": (),
    }  # fmt: skip
    shapes = shapes | {"table": (len(_TABLE), len(plain.coefficients)), "df and level": (2,)}
    for key, shape in shapes.items():
        found = arrays.get(key)
        if found is None or found.shape != shape or found.dtype != np.float64:
            seen = "is missing" if found is None else f"is {found.dtype} of shape {found.shape}"
            raise ModelFileError(
                f"{name} is no model this whyfit can read: its array '{key}' {seen}; "
                f"expected float64 of shape {shape}."
            )
    if surplus := sorted(set(arrays) - set(shapes)):
        raise ModelFileError(f"{name} holds an array '{surplus[0]}' of unknown use; update whyfit.")
    parts: dict[str, Any] = {
        key: float(arrays[key]) if shape == () else arrays[key]
        for key, shape in shapes.items()
        if key not in ("table", "df and level")
    }
    if plain.law == "linear" or plain.law in _FAMILIES:
        parts["log"] = plain.log
    if plain.law in _FAMILIES:
        parts["family"] = plain.law
    df, level = map(float, arrays["df and level"])
    table = Inference(
        plain.coefficients, *arrays["table"], df=df, level=level, covariance=plain.covariance
    )
    return _LAWS[plain.law](**parts), table


def _within(part: Any, whole: Any) -> bool:
    """Whether everything in `part` is in `whole`; a dict may have gained keys since it was saved."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(k in whole and _within(v, whole[k]) for k, v in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(_within, part, whole))
    return type(part) is type(whole) and part == whole
