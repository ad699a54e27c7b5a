"""The Document as JSON: the public schema, one key per field, nothing left out when absent.

A number that does not exist (NaN, infinity) is null. `figures` are not part of the schema. Additive
changes only; `schema` rises when a key changes its meaning.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from whyfit.report.document import Document

#: Order of the keys; every field of Document but the figures.
KEYS = (
    "schema", "whyfit", "source", "spec", "task", "rows", "features", "model", "scores",
    "findings", "panels", "notes", "python", "timings",
)  # fmt: skip


def to_dict(document: Document) -> dict[str, Any]:
    """The document as dicts, lists, strings, numbers, booleans and None, in the order of `KEYS`."""
    return {key: plain(getattr(document, key)) for key in KEYS}


def to_json(document: Document) -> bytes:
    """UTF-8 JSON, indented, ending in a newline."""
    return encode(to_dict(document))


def encode(value: Any) -> bytes:
    """Any value `plain` understands as indented UTF-8 JSON ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(plain(value)), indent=2) + b"\n"


def plain(value: Any) -> Any:
    """`value` in the types JSON has. Raises TypeError for a value that has no such form."""
    match value:
        case None | bool():
            return value
        case str():
            # a lone surrogate (a byte that was no valid UTF-8) has no UTF-8 form of its own
            return value.encode("utf-8", "backslashreplace").decode()
        case np.bool_():
            return bool(value)
        case numbers.Integral():
            return int(value)
        case numbers.Real():
            number = float(value)
            return number if math.isfinite(number) else None
        case Mapping():
            return {str(plain(k)): plain(v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(v) for v in value]
        case np.ndarray():
            return plain(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no form in JSON.")
