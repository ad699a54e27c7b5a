"""--recalibrate, --costs, --threshold and --show performance, calibration, as a user types them."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
from scipy import special

from whyfit import cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """loans.csv: whether a loan fell due, of a law that no logistic curve has; kinds.csv; prices.csv."""
    folder = tmp_path_factory.mktemp("scores")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2500, 2)).round(4)
    due = np.where(rng.random(2500) < np.clip(special.expit(6 * x[:, 0]), 0.1, 0.9), "due", "paid")
    kind = np.array(["a", "b", "c"])[
        np.argmax(x[:, :1] * [0, 1, 2] + rng.gumbel(size=(2500, 3)), 1)
    ]
    price = (x @ [2, 1] + rng.normal(size=2500)).round(4)
    for name, column, values in (
        ("loans", "loan", due),
        ("kinds", "kind", kind),
        ("prices", "price", price),
    ):
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(
                [["x1", "x2", column], *np.column_stack([x, values]).tolist()]
            )
    return folder


@pytest.fixture
def run(folder, capsys):
    """What a fit of a file in the folder prints; exit status must be 0."""

    def told(name, *args):
        assert cli.main(["fit", str(folder / name), "--no-html", *args]) == 0
        return capsys.readouterr().out

    return told


def test_the_panels_are_shown_by_name(run):
    said = run("loans.csv", "-t", "loan", "--select", "PR301", "--show", "performance,calibration")
    assert "Held out, the probabilities save" in said
    assert "Is a 0.9 meaningful?" in said
    for name in ("AUC", "average precision", "Brier score", "Matthews' correlation"):
        assert re.search(rf"^{name}\s+0\.\d", said, re.MULTILINE)


def test_fix_recalibrates_and_the_python_says_so(run):
    said = run("loans.csv", "-t", "loan", "--select", "PR308", "--fix")
    assert "recalibrate = 'isotonic'" in said
    assert "recalibrate='isotonic'," in said
    assert "probabilities go through isotonic regression" in said


def test_recalibration_saves_log_loss_held_out(run):
    loss = {}
    for name in ("none", "isotonic"):
        said = run("loans.csv", "-t", "loan", "--select", "PR301", "--recalibrate", name,
                   "--format", "json")  # fmt: skip
        document = json.loads(said)
        assert document["spec"]["recalibrate"] == name
        loss[name] = document["scores"]["held_out"]["log_loss"]["value"]
        keys = [panel["key"] for panel in document["panels"]]
        assert keys[:2] == ["performance", "calibration"]
    assert loss["isotonic"] < loss["none"] - 0.02


def test_the_saved_model_predicts_mapped_probabilities(folder, run, tmp_path):
    told = {}
    for name in ("none", "isotonic"):
        model, out = tmp_path / f"{name}.whyfit", tmp_path / f"{name}.csv"
        run("loans.csv", "-t", "loan", "--select", "PR301", "--recalibrate", name,
            "--costs", "1:3", "--save", str(model))  # fmt: skip
        assert cli.main(["predict", str(model), str(folder / "loans.csv"), "-o", str(out)]) == 0
        with open(out, encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        told[name] = np.array([float(r["probability"]) for r in rows])
        calls = np.array([r["prediction"] for r in rows])
        np.testing.assert_array_equal(calls == "paid", told[name] >= 0.25)
    assert len(np.unique(told["isotonic"].round(9))) < len(np.unique(told["none"].round(9)))


def test_costs_are_shown_and_noted(run):
    said = run("loans.csv", "-t", "loan", "--select", "PR301", "--costs", "1:3",
               "--show", "performance")  # fmt: skip
    assert "Cost per row at 1 for a false positive and 3 for a false negative." in said
    assert "paid from 0.25 on" in said
    joined = " ".join(said.split())
    assert (
        "rows are called “paid” from probability 0.25 on, as costs of 1 and 3 ask (costs)" in joined
    )


def test_a_threshold_wins_over_costs_and_both_are_said(run):
    said = run("loans.csv", "-t", "loan", "--select", "PR301", "--costs", "1:3",
               "--threshold", "0.6", "--show", "performance")  # fmt: skip
    joined = " ".join(said.split())
    assert "from probability 0.6 on (threshold), though costs of 1 and 3 ask for 0.25" in joined
    assert "the threshold 0.6 that was given is used all the same" in joined


def test_several_classes_by_temperature(run):
    said = run("kinds.csv", "-t", "kind", "--select", "PR301", "--recalibrate", "temperature",
               "--show", "performance,calibration")  # fmt: skip
    assert "macro AUC, each against the rest" in said
    assert "How often the class called is the right one" in said
    assert "Probabilities have gone through temperature scaling" in " ".join(said.split())


def test_a_regression_has_scores_and_no_calibration(folder, run, capsys):
    said = run("prices.csv", "-t", "price", "--select", "PR301", "--show", "performance")
    assert re.search(r"^CRPS\s+0\.\d", said, re.MULTILINE)
    asked = ["fit", str(folder / "prices.csv"), "-t", "price", "--no-html", "--show", "calibration"]
    assert cli.main(asked) == 2
    assert "calibration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("prices.csv", "-t", "price", "--recalibrate", "platt"), "the target 'price' is a number"),
        (("prices.csv", "-t", "price", "--costs", "1:2"), "the target 'price' is a number"),
        (("kinds.csv", "-t", "kind", "--recalibrate", "isotonic"), "recalibrate by platt or temperature"),
        (("kinds.csv", "-t", "kind", "--costs", "1:2"), "'kind' has 3 classes"),
        (("loans.csv", "-t", "loan", "--threshold", "1.5"), "threshold is 1.5"),
        (("loans.csv", "-t", "loan", "--costs", "0:2"), "expected two positive numbers"),
        (("loans.csv", "-t", "loan", "--costs", "five"), "is not of the form"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_in_a_line(folder, capsys, args, said):
    name, *rest = args
    assert cli.main(["fit", str(folder / name), "--no-html", *rest]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
