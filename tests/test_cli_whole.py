"""Whole runs of the command as a user makes them: real files, real journey, a process of its own."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """houses.csv: price = 50 + 2·area + noise, rooms nearly a copy of area; new.csv without a price."""
    folder = tmp_path_factory.mktemp("whole")
    rng = np.random.default_rng(3)
    area = rng.uniform(50, 250, 300)
    rooms = area / 25 + rng.normal(0, 0.05, 300)
    price = 50 + 2 * area + rng.normal(0, 10, 300)
    rows = zip(area.round(3), rooms.round(3), price.round(3), strict=True)
    with open(folder / "houses.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["area", "<b>rooms</b>", "price"], *rows])
    with open(folder / "new.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["area", "<b>rooms</b>"], [100, 4], [200, 8]])
    return folder


def whyfit(folder, *args, **environment):
    return subprocess.run(
        [sys.executable, "-m", "whyfit", *args],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100", **environment},
    )


def test_terms_are_written_saved_and_predicted(folder):
    choices = ("--poly", "area=3", "--term", "log(area)", "--term", "`<b>rooms</b>`*area")
    done = whyfit(
        folder, "fit", "houses.csv", "-t", "price", *choices, "--select", "PR301", "--table", "--fix",
        "--save", "bent.whyfit", PYTHONIOENCODING="ascii",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("area^2", "area^3", "log(area)", "<b>rooms</b> x area"):
        assert f"\n{name}  " in done.stdout
    assert "terms = ['area^2', 'area^3', 'log(area)', '<b>rooms</b>*area']" in done.stdout
    assert "Term.of('area^3')" in done.stdout
    _, *code = done.stdout.split("\npython\n")
    scope: dict = {}
    text = code[0].replace("houses.csv", str(folder / "houses.csv"))
    exec("\n".join(line.removeprefix("  ") for line in text.splitlines()), scope)
    asked = whyfit(folder, "predict", "bent.whyfit", "new.csv")
    assert asked.stderr == ""
    told = [float(row["prediction"]) for row in csv.DictReader(asked.stdout.splitlines())]
    again = scope["result"].model.predict(str(folder / "new.csv"))
    np.testing.assert_allclose(told, again, rtol=1e-9)
    np.testing.assert_allclose(told, [250, 450], atol=10)


def test_fit_save_predict(folder):
    done = whyfit(
        folder,
        "fit",
        "houses.csv",
        "-t",
        "price",
        "--save",
        "houses.whyfit",
        "--fail-on",
        "warning",
    )
    assert done.stderr == ""
    assert done.returncode == 1
    assert done.stdout.startswith("houses.csv   300 rows × 2 features → price")
    assert "LA107" in done.stdout
    assert "\x1b" not in done.stdout
    page = (folder / "houses.whyfit.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;rooms&lt;/b&gt;" in page
    assert "<b>rooms</b>" not in page

    done = whyfit(folder, "predict", "houses.whyfit", "new.csv", "--interval", "0.95")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    for row, true in zip(rows, (250, 450), strict=True):
        assert float(row["low"]) < float(row["prediction"]) < float(row["high"])
        assert float(row["prediction"]) == pytest.approx(true, abs=5)


def test_json_and_a_mute_rule(folder):
    args = ("fit", "houses.csv", "-t", "price", "--format", "json", "--select", "LA")
    report = json.loads(whyfit(folder, *args).stdout)
    assert "LA107" in [f["code"] for f in report["findings"]]
    assert report["rows"] == {"read": 300, "used": 300, "dropped": {}}
    report = json.loads(whyfit(folder, *args, "--ignore", "ill-conditioned").stdout)
    assert "LA107" not in [f["code"] for f in report["findings"]]


def test_fix_prints_python_that_runs(folder):
    done = whyfit(folder, "fit", "houses.csv", "-t", "price", "--fix", "--no-html")
    assert done.returncode == 0, done.stderr
    code = "\n".join(line[2:] for line in done.stdout.split("\npython\n")[1].splitlines())
    again = subprocess.run(
        [sys.executable, "-c", code + "\nprint(result.spec.target)"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert again.stdout == "price\n", again.stderr


def test_a_narrow_encoding(folder):
    args = ("fit", "houses.csv", "-t", "price", "--no-html", "--table", "--select", "LA")
    done = whyfit(folder, *args, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "\\u" not in done.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["fit", "nowhere.csv", "-t", "y"], "nowhere.csv"),
        (["fit", "houses.csv", "-t", "prise"], "did you mean 'price'"),
        (["predict", "houses.csv", "new.csv"], "houses.csv"),
    ],
)
def test_wrong_input_is_one_line(folder, args, said):
    done = whyfit(folder, *args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("whyfit: ")
    assert said in done.stderr
