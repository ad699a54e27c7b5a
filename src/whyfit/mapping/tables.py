"""Clouds from tables: numeric columns given unit variance, or the TF-IDF vectors of a column of documents."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np
import polars as pl

from whyfit.data.opening import open_source, unique_names
from whyfit.data.plan import forced, present_cells
from whyfit.data.schema import Column
from whyfit.data.table import Table, read_columns
from whyfit.data.tfidf import fit_texts
from whyfit.diagnosis.words import plural
from whyfit.errors import SchemaError, SourceError
from whyfit.mapping.choices import MapSpec
from whyfit.mapping.cloud import Cloud, Colour, row_names
from whyfit.spec import MISSING_TOKENS, Spec

#: Terms a document's vector has at most: those in most documents.
TERMS = 50_000
_AXES = ("numeric", "boolean")


def numbers(source: Any, spec: MapSpec) -> Cloud:
    """Every numeric and boolean column, minus its mean, over its standard deviation; a gap is the mean."""
    _check_names(source, [*spec.drop, *filter(None, (spec.label, spec.colour))])
    roles: dict[str, Any] = {}
    if spec.label is not None:
        roles[spec.label] = "skip"
    table = read_columns(source, Spec(roles=roles))
    with table:
        used = [
            c
            for c in table.schema.columns
            if c.role in _AXES and c.name not in (*spec.drop, spec.label, spec.colour)
        ]
        if not used:
            raise SchemaError(f"{table.name} has no numeric column; name a --text column, perhaps.")
        raw = np.empty((table.n, len(used)))
        shade = np.empty(table.n)
        for block in table.blocks():
            rows = slice(block.start, block.start + block.n)
            for j, column in enumerate(used):
                raw[rows, j] = block.data[column.name]
            if spec.colour is not None and spec.colour in block.data:
                shade[rows] = block.data[spec.colour]
    X, flat, notes = _standardised(raw, used)
    colour = None
    if spec.colour is not None:
        colour = _colour(source, table.schema[spec.colour], shade)
    labels = None if spec.label is None else _cells(source, spec.label)
    return Cloud(
        table.name, table.format, "table", X, labels or row_names(table.n), labels is not None,
        tuple(c.name for c, f in zip(used, flat, strict=True) if not f),
        colour, True, _left_out(table, used, flat, spec), notes, table.bytes,
    )  # fmt: skip


def _standardised(
    raw: np.ndarray, used: list[Column]
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    gaps = np.isnan(raw)
    with np.errstate(invalid="ignore"):
        present = np.maximum((~gaps).sum(axis=0), 1)
        mean = np.where(gaps, 0.0, raw).sum(axis=0) / present
        X = np.where(gaps, 0.0, raw - mean)
    size = np.abs(X).max(axis=0, initial=0.0)
    scaled = X / np.where(size > 0, size, 1.0)
    sd = np.sqrt((scaled**2).mean(axis=0))
    flat = np.asarray(size <= 64 * np.finfo(float).eps * np.abs(mean))
    X = scaled[:, ~flat] / sd[~flat]
    notes = ()
    if missing := int(gaps.sum()):
        where = int(np.count_nonzero(gaps.any(axis=0)))
        notes = (
            f"{plural(missing, 'missing cell')} in {where} of {plural(len(used), 'column')}: the column's mean "
            "stands there.",
        )
    return X, flat, notes


def _left_out(
    table: Table, used: list[Column], flat: np.ndarray, spec: MapSpec
) -> dict[str, tuple[str, ...]]:
    out: dict[str, list[str]] = {}
    for c in table.schema.columns:
        if c.name == spec.label:
            out.setdefault("labels", []).append(c.name)
        elif c.name == spec.colour:
            out.setdefault("colour", []).append(c.name)
        elif c.name in spec.drop:
            out.setdefault("dropped", []).append(c.name)
        elif c.role not in _AXES:
            out.setdefault(c.role, []).append(c.name)
    for c, f in zip(used, flat, strict=True):
        if f:
            out.setdefault("constant", []).append(c.name)
    return {why: tuple(names) for why, names in out.items()}


def _colour(source: Any, column: Column, shade: np.ndarray) -> Colour:
    if column.role in ("numeric", "boolean", "datetime", "constant") and column.levels == ():
        return Colour.of(column.name, shade)
    if column.role == "categorical":
        levels = np.array([*column.levels, ""], dtype=object)
        return Colour(column.name, tuple(levels[shade.astype(int)]))
    return Colour(column.name, _cells(source, column.name))


def documents(source: Any, spec: MapSpec) -> Cloud:
    """TF-IDF vectors of the column `spec.text`; every document a row of length one."""
    assert spec.text is not None
    texts = _cells(source, spec.text)
    weights = fit_texts(lambda: [texts], width=TERMS)
    if not weights.width:
        raise SchemaError(
            f"'{spec.text}' holds no words of two letters or more; name another column."
        )
    X = weights.transform(texts)
    opened = open_source(source)
    labels = None if spec.label is None else _cells(source, spec.label)
    colour = None
    if spec.colour is not None:
        cells = _cells(source, spec.colour)
        colour = Colour.of(spec.colour, _numbers(cells))
    empty = int(np.count_nonzero(np.diff(X.indptr) == 0))
    notes = ()
    if empty:
        notes = (f"{plural(empty, 'document')} without a word of two letters: near to nothing.",)
    return Cloud(
        opened.name, opened.format, "documents", X, labels or row_names(len(texts)),
        labels is not None, weights.names, colour, notes=notes, size=opened.size(), texts=texts,
    )  # fmt: skip


def _numbers(cells: tuple[str, ...]) -> list[Any]:
    try:
        return [float(c) if c else float("nan") for c in cells]
    except ValueError:
        return list(cells)


def _check_names(source: Any, names: list[str]) -> None:
    opened = open_source(source)
    header, _ = unique_names(opened.header, "", opened.name)
    for name in names:
        if name not in header:
            raise _unknown(name, header, opened.name)


def _unknown(name: str, header: list[str], where: str) -> SchemaError:
    near = difflib.get_close_matches(name, header, 1, 0.5)
    hint = f"; did you mean '{near[0]}'?" if near else f"; columns: {', '.join(header[:8])}."
    return SchemaError(f"{where} has no column '{name}'{hint}")


def _cells(source: Any, name: str) -> tuple[str, ...]:
    """Every cell of a column as it is written; an empty one is ""."""
    opened = open_source(source)
    names, _ = unique_names(opened.header, "", opened.name)
    if name not in names:
        raise _unknown(name, names, opened.name)
    at = names.index(name)
    sample = opened.sample()
    if not sample or sample[0].is_empty():
        raise SourceError(f"{opened.name} has a header and no rows; expected rows of data.")
    plans = opened.plans(sample, MISSING_TOKENS)
    for i, (plan, cells) in enumerate(zip(plans, sample, strict=True)):
        if cells.dtype == pl.String:
            cells = present_cells(cells, MISSING_TOKENS)
        plans[i] = forced("text" if i == at else "skip", plan, cells, names[i])
    out: list[str] = []
    for columns in opened.batches(plans, None):
        out += columns[at].cast(pl.String).fill_null("").to_list()
    return tuple(out)
