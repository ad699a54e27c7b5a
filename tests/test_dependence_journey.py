"""Groups, order and blocks from the command line to the saved model: folds, standard errors, notes, Python."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import whyfit
from simulated import table_case
from whyfit.cli import main
from whyfit.data.arrays import ArrayRows
from whyfit.data.in_order import InOrder
from whyfit.models.file import load_model
from whyfit.probability.cosines import ewc_meat
from whyfit.probability.linear import fit_arrays
from whyfit.spec import Spec

sm = pytest.importorskip("statsmodels.api")
N, G = 400, 40


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    g = rng.permutation(np.repeat(np.arange(G), N // G))
    x = rng.normal(size=G)[g] + 0.3 * rng.normal(size=N)
    common = rng.normal(size=G)[g]
    y = x + common + rng.normal(size=N)
    return pd.DataFrame(
        {
            "x": x,
            "z": rng.normal(size=N),
            "who": [f"p{i}" for i in g],
            "when": rng.normal(size=N).round(6),
            "y": y,
            "late": np.where(y > 0, "yes", "no"),
            "kind": np.where(y > 1, "a", np.where(y < -1, "b", "c")),
            "visits": rng.poisson(np.exp(0.3 * x + 0.7 * common)),
        }
    )


def fitted(table, target: str, **choices):
    others = [c for c in ("y", "late", "kind", "visits") if c != target]
    return whyfit.fit(table.drop(columns=others), target, spec=Spec(**choices))


def errors(result) -> np.ndarray:
    return np.array([c.std_error for c in result.document.model.coefficients])


@pytest.mark.parametrize("order", [None, "when"])
@pytest.mark.parametrize("target", ["y", "visits"])
def test_errors_of_neighbours_take_rows_in_order(table, order, target):
    loss = "poisson" if target == "visits" else "auto"
    result = fitted(table, target, covariance="HAC", order=order, groups="who", loss=loss)
    rows = table.sort_values(order) if order else table
    X, y = rows[["x", "z", "when"]].to_numpy(), rows[target].to_numpy(dtype=float)
    if target == "y":
        ours = ArrayRows(X, y, 2)
        theirs = ewc_meat(fit_arrays(X, y).fit, ours).inference(fit_arrays(X, y).fit).std_error
    else:
        lag = int(result.document.model.covariance.removeprefix("HAC(").removesuffix(")"))
        model = sm.GLM(y, sm.add_constant(X), sm.families.Poisson())
        kwds = {"maxlags": lag, "use_correction": False}
        theirs = model.fit(cov_type="HAC", cov_kwds=kwds).bse
    np.testing.assert_allclose(errors(result), theirs, rtol=1e-6)
    said = "in order of when" if order else "in the order of the file"
    assert any("between neighbours" in note and said in note for note in result.document.notes)


@pytest.mark.parametrize(
    ("target", "choices"),
    [("y", {}), ("late", {}), ("kind", {}), ("visits", {"loss": "poisson"}), ("y", {"ridge": 5.0})],
)
def test_clustered_errors_reach_the_model_and_its_file(table, target, choices, tmp_path):
    plain = fitted(table, target, groups="who", **choices)
    result = fitted(table, target, groups="who", covariance="cluster", **choices)
    coefficients = result.document.model.coefficients
    assert [c.estimate for c in coefficients] == [
        c.estimate for c in plain.document.model.coefficients
    ]
    growth = errors(result) / errors(plain)
    assert growth[1] > 1.2 * growth[2]  # x is nearly constant within groups, z is not
    assert any("within 40 groups of who" in note for note in result.document.notes)
    result.save(tmp_path / "m.whyfit")
    loaded = load_model(tmp_path / "m.whyfit")
    np.testing.assert_allclose(loaded.inference.std_error, errors(result))
    new = table.drop(columns=["who"]).head(5)  # the groups are not needed to predict
    wide, narrow = (m.predict_table(new, 0.95, "mean") for m in (loaded, plain.model))
    low, high = (next(k for k in wide if k.startswith(end)) for end in ("low", "high"))
    assert (wide[high] - wide[low] > 1.02 * (narrow[high] - narrow[low])).all()


def test_heteroscedastic_errors_of_two_classes(table):
    result = fitted(table, "late", covariance="HC3")
    assert result.document.model.covariance == "HC0"
    assert any(
        note.startswith("standard errors are HC0, not HC3") for note in result.document.notes
    )


def test_ordered_rows_are_the_same_rows_whatever_fits_in_memory(table, monkeypatch):
    case = table_case(table[["x", "z", "when", "y"]], "y")
    rank = np.argsort(np.argsort(table["when"].to_numpy()))
    whole = np.concatenate([b.y for b in InOrder(case.rows, rank).blocks()])
    np.testing.assert_array_equal(whole, table.sort_values("when")["y"])
    monkeypatch.setattr("whyfit.data.in_order.ORDERED_BYTES", 3_000)
    parts = [b.y for b in InOrder(case.rows, rank).blocks()]
    assert len(parts) > 5
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.fixture
def file(table, tmp_path):
    path = tmp_path / "visits.csv"
    table.drop(columns=["late", "kind", "visits"]).to_csv(path, index=False)
    return path


@pytest.fixture
def run(capsys):
    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(a) for a in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_command_line_holds_groups_out(run, file, tmp_path):
    code, out, err = run("fit", file, "-t", "y", "--groups", "who", "--robust", "cluster", "--format", "json",
               "--no-html", "--save", tmp_path / "m.whyfit")  # fmt: skip
    assert code == 0, err
    document = json.loads(out)
    assert document["spec"]["groups"] == "who"
    assert "rows of one who held out together: 40 groups of 10 rows." in document["notes"]
    assert (
        document["scores"]["held_out"]["r2"]["value"]
        < document["scores"]["training"]["r2"]["value"]
    )
    (who,) = [f for f in document["features"] if f["name"] == "who"]
    assert who["columns"] == []
    assert run("predict", tmp_path / "m.whyfit", file)[0] == 0


def test_the_command_line_holds_blocks_out(run, file):
    code, out, err = run("fit", file, "-t", "y", "--blocked", "--order", "when", "--robust", "HAC", "--drop", "who",
               "--format", "json", "--no-html")  # fmt: skip
    assert code == 0, err
    notes = json.loads(out)["notes"]
    assert "10 blocks of rows that follow each other in order of when held out in turn." in notes


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--groups", "wo"], "did you mean 'who'?"),
        (["--groups", "y"], "is the target itself"),
        (["--robust", "cluster"], "need groups"),
        (["--order", "who", "--blocked"], "expected a column of numbers or dates"),
        (["--blocked", "--groups", "who"], "two ways to hold rows out"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(run, file, options, said):
    code, _, err = run("fit", file, "-t", "y", "--no-html", *options)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_python_says_the_same(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    spec = Spec(groups="who", covariance="cluster")
    result = whyfit.fit(file, "y", spec=spec)
    names: dict[str, object] = {}
    exec(result.python, names)
    again = names["result"]
    np.testing.assert_array_equal(errors(again), errors(result))
