"""A DescendDocument as JSON: one key per field, null for a number that does not exist, additive changes only."""

from __future__ import annotations

from typing import Any

from whyfit.report.descend_document import KEYS, DescendDocument
from whyfit.report.json import encode, plain


def to_dict(document: DescendDocument) -> dict[str, Any]:
    """The document in the types JSON has, in the order of `KEYS`."""
    return {key: plain(getattr(document, key)) for key in KEYS}


def to_json(document: DescendDocument) -> bytes:
    """UTF-8 JSON, indented, ending in a newline."""
    return encode(to_dict(document))
