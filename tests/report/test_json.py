"""The public JSON: the keys of the schema, always all of them, and no number that JSON lacks."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import PurePosixPath
from typing import Any, Literal

import msgspec
import numpy as np
import pytest

from whyfit.report.json import encode, plain, to_dict, to_json

from .builders import classification, hostile, regression


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """No field has a default, so each key must be there; no key may be there beside."""


class Evidence(Strict):
    name: str
    value: float | None
    limit: float | None
    predicted: float | None
    low: float | None
    high: float | None
    formula: str
    unit: str


class Trial(Strict):
    measure: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    helped: bool


class Remedy(Strict):
    name: str
    edit: dict[str, Any]
    trial: Trial | None


class Finding(Strict):
    code: str
    rule: str
    pillar: Literal["linear algebra", "calculus", "probability"]
    severity: Literal["error", "warning", "note"]
    subject: list[str]
    message: str
    evidence: list[Evidence]
    prediction: str
    remedy: Remedy | None
    reference: str
    explains: list[str]


class Rows(Strict):
    read: int
    used: int
    dropped: dict[str, int]


class Feature(msgspec.Struct):
    name: str
    kind: str
    columns: list[str]


class Coefficient(Strict):
    name: str
    estimate: float | None
    std_error: float | None
    statistic: float | None
    p_value: float | None
    low: float | None
    high: float | None
    digits: float | None
    std_error_digits: float | None
    ratio: float | None


class Model(msgspec.Struct):
    kind: str
    coefficients: list[Coefficient]


class Score(msgspec.Struct):
    value: float | None
    low: float | None
    high: float | None


class Panel(Strict):
    key: str
    title: str
    lead: str
    grids: list[dict[str, Any]]
    charts: list[dict[str, Any]]
    formulas: list[str]
    remarks: list[str]


class Report(Strict):
    schema: Literal[1]
    whyfit: str
    source: dict[str, Any]
    spec: dict[str, Any]
    task: Literal["regression", "binary", "multiclass"]
    rows: Rows
    features: list[Feature]
    model: Model
    scores: dict[str, dict[str, Score]]
    findings: list[Finding]
    panels: list[Panel]
    notes: list[str]
    python: str
    timings: dict[str, float]


@pytest.mark.parametrize("make", [regression, classification, hostile])
def test_the_bytes_follow_the_schema(make):
    data = to_json(make())
    report = msgspec.json.decode(data, type=Report)
    assert report.findings[0].code == make().findings[0].code
    assert data.endswith(b"}\n")


def test_absent_parts_are_null_not_missing():
    finding = to_dict(regression())["findings"][3]
    assert finding["remedy"] is None
    assert finding["evidence"][0]["limit"] is None
    remedy = to_dict(classification())["findings"][0]["remedy"]
    assert remedy == {"name": "judge by log loss", "edit": {}, "trial": None}


def test_numbers_that_do_not_exist_are_null():
    coefficient = to_dict(classification())["model"]["coefficients"][3]
    assert coefficient["estimate"] is None
    assert set(map(plain, (math.nan, math.inf, -math.inf, np.float64("nan")))) == {None}

    def refuse(name):
        raise AssertionError(name)

    json.loads(to_json(classification()), parse_constant=refuse)


def test_dict_and_bytes_say_the_same_and_numbers_survive():
    document = regression()
    assert json.loads(to_json(document)) == to_dict(document)
    estimate = to_dict(document)["model"]["coefficients"][4]["estimate"]
    assert estimate == document.model.coefficients[4].estimate


def test_figures_are_left_out():
    assert "figures" not in to_dict(regression())


def test_every_other_field_of_the_document_is_there():
    fields = {f.name for f in dataclasses.fields(regression())}
    assert set(to_dict(regression())) == fields - {"figures"}


def test_hostile_strings_come_back_as_they_were():
    document = hostile()
    assert json.loads(to_json(document))["model"]["target"] == document.model.target


def test_a_byte_that_was_no_utf8_is_written_out():
    assert json.loads(encode({"name": "a\udcff"})) == {"name": "a\\udcff"}


def test_numpy_values_become_plain():
    value = {"a": np.int64(3), "b": np.float32(0.5), "c": np.bool_(True), "d": np.arange(2)}
    assert plain(value) == {"a": 3, "b": 0.5, "c": True, "d": [0, 1]}
    assert [type(v) for v in plain(value).values()] == [int, float, bool, list]


def test_a_value_without_a_form_in_json_is_refused():
    with pytest.raises(TypeError, match="PurePosixPath has no form in JSON"):
        plain(PurePosixPath("a"))
