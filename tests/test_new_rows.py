"""`--new` from the command line to JSON: rows to come beside the training rows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import whyfit
from whyfit.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new")
    rng = np.random.default_rng(0)

    def table(n, shift):
        age = rng.normal(40 + shift, 8, n)
        cost = (age**2 / 20 + rng.normal(0, 8, n)).round(2)
        return pd.DataFrame({"age": age.round(2), "town": rng.choice(["A", "B"], n), "cost": cost})

    table(600, 0).to_csv(folder / "train.csv", index=False)
    table(300, 12).to_csv(folder / "later.csv", index=False)
    table(300, 0).to_csv(folder / "alike.csv", index=False)
    table(300, 12).drop(columns="cost").to_csv(folder / "bare.csv", index=False)
    return folder


def run(capsys, *arguments):
    status = main([*map(str, arguments)])
    out = capsys.readouterr()
    return status, out.out, out.err


@pytest.mark.parametrize("name", ["later", "bare"])
def test_shifted_rows_are_found_and_shown(folder, capsys, name):
    status, out, _ = run(
        capsys, "fit", folder / "train.csv", "-t", "cost", "--new", folder / f"{name}.csv",
        "--select", "PR314", "--show", "shift", "--no-html",
    )  # fmt: skip
    assert status == 0
    assert "PR314 warning shifted-data" in out
    assert "age: mean" in out
    assert "Are new rows like the training rows?" in out
    assert ("new rows, observed" in out) == (name == "later")
    assert max(map(len, out.splitlines())) <= 120


def test_rows_that_are_alike_are_said_to_be(folder, capsys):
    _, out, _ = run(
        capsys, "fit", folder / "train.csv", "-t", "cost", "--new", folder / "alike.csv",
        "--select", "PR314", "--show", "shift", "--no-html",
    )  # fmt: skip
    assert "shifted-data" not in out
    assert "cannot be told from the training rows" in out


def test_json_and_page_hold_the_panel(folder, tmp_path):
    result = whyfit.fit(folder / "train.csv", "cost", new=str(folder / "later.csv"), select="PR314")
    document = json.loads(result.to_json())
    (panel,) = [p for p in document["panels"] if p["key"] == "shift"]
    assert panel["grids"][0]["rows"][0][0] == "age"
    result.save(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Are new rows like the training rows?" in page
    assert result.fix().spec == result.spec  # nothing a Spec could mend


def test_a_file_without_a_column_is_refused(folder, capsys):
    pd.DataFrame({"age": [1.0]}).to_csv(folder / "narrow.csv", index=False)
    status, _, err = run(
        capsys,
        "fit",
        folder / "train.csv",
        "-t",
        "cost",
        "--new",
        folder / "narrow.csv",
        "--no-html",
    )
    assert status == 2
    assert "'town'" in err
    assert len(err.strip().splitlines()) == 1
