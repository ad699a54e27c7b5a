"""`Spec.components`: the same fit as scikit-learn's pipeline, predicted, saved, mapped back; every task."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import LogisticRegression as Logistic
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import whyfit
from simulated import source_case
from whyfit.errors import SpecError
from whyfit.models import load_model, save_model
from whyfit.spec import Spec

WORDS = re.findall(
    r"\w+",
    "the rain fell softly over our garden while old trees moved slowly under a grey autumn sky and"
    " nobody came along that narrow path until evening when lights were lit in every window",
)


def frame(n=200, p=8, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) @ rng.normal(size=(3, p)) + 0.1 * rng.normal(size=(n, p)) + 5
    out = pd.DataFrame(X, columns=[f"w{j}" for j in range(p)])
    s = X @ rng.normal(size=p)
    s = (s - s.mean()) / s.std() + 0.7 * rng.normal(size=n)
    return out, {
        "regression": s,
        "binary": np.where(s > 0, "yes", "no"),
        "multiclass": np.digitize(s, [-0.5, 0.5]).astype(str),
    }


def pipeline(last, k=3):
    return make_pipeline(StandardScaler(), PCA(k), last)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_predictions_are_those_of_the_pipeline_and_survive_saving(task, tmp_path):
    X, targets = frame()
    y = targets[task]
    result = whyfit.fit(X.assign(t=y), "t", spec=Spec(components=3))
    model = result.model
    if task == "regression":
        peer = pipeline(LinearRegression()).fit(X, y)
        np.testing.assert_allclose(model.predict(X), peer.predict(X), rtol=1e-9)
        band = model.predict(X, interval=0.9)
        assert ((band.low < y) & (y < band.high)).mean() > 0.8
    else:
        peer = pipeline(Logistic(C=np.inf, tol=1e-10, max_iter=1000)).fit(X, y)
        np.testing.assert_allclose(model.predict_proba(X), peer.predict_proba(X), atol=1e-5)
    save_model(model, tmp_path / "m.whyfit")
    again = load_model(tmp_path / "m.whyfit")
    assert again.design.projection == model.design.projection
    assert (again.predict(X) == model.predict(X)).all()
    assert again.names == ("component 1", "component 2", "component 3")
    assert {f.code for f in result.findings}.isdisjoint({"LA107", "LA109"})


def test_coefficients_of_the_columns():
    X, targets = frame()
    y = targets["regression"]
    model = whyfit.fit(X.assign(t=y), "t", spec=Spec(components=3)).model
    names, coef, error = model.in_columns()
    assert names == tuple(X.columns)
    scaler, pca, line = pipeline(LinearRegression()).fit(X, y).named_steps.values()
    W = pca.components_.T / scaler.scale_[:, None]
    np.testing.assert_allclose(coef, W @ line.coef_, rtol=1e-9)
    T = pca.transform(scaler.transform(X))
    s2 = ((y - line.predict(T)) ** 2).sum() / (len(y) - 4)
    covariance = W @ np.linalg.inv(T.T @ T) @ W.T * s2
    np.testing.assert_allclose(error, np.sqrt(np.diag(covariance)), rtol=1e-8)
    plain = whyfit.fit(X.assign(t=y), "t").model
    assert plain.in_columns()[1] == pytest.approx(plain.law.coef)


def test_an_edit_equals_a_fresh_walk_and_can_be_taken_back():
    X, targets = frame()
    case = source_case(X.assign(t=targets["regression"]), target="t")
    edited = case.rerun({"components": 3})
    fresh = source_case(X.assign(t=targets["regression"]), target="t", components=3)
    assert edited.design.names == fresh.design.names
    np.testing.assert_allclose(edited.linear.coef, fresh.linear.coef, rtol=1e-9)
    np.testing.assert_allclose(edited.scores["r2"], fresh.scores["r2"], rtol=1e-9)
    # small components keep their digits: moments of the scores themselves, not of the columns
    T = edited.design.projection.of_rows(X.to_numpy())
    np.testing.assert_allclose(
        edited.moments.total.scatter[:-1, :-1],
        (T - T.mean(axis=0)).T @ (T - T.mean(axis=0)),
        atol=1e-12 * len(T),
    )
    back = edited.rerun({"components": None})
    assert back.names == case.names
    np.testing.assert_allclose(back.linear.coef, case.linear.coef, rtol=1e-9)
    dropped = edited.rerun({"drop": ["w0"]})
    assert dropped.p == 3
    assert "w0" not in dropped.design.columns


def test_mixed_columns_missing_cells_and_excluded_rows():
    rng = np.random.default_rng(0)
    X, targets = frame()
    X.loc[::7, "w1"] = np.nan
    X["kind"] = rng.choice(["oak", "fir", "elm"], len(X))
    X["same"] = 1.0
    data = X.assign(t=targets["regression"])
    result = whyfit.fit(data, "t", spec=Spec(components=4, exclude_rows=(5, 6)))
    assert result.model.n == 198
    assert np.isfinite(result.model.predict(X)).all()
    new = X.iloc[:3].drop(columns="same")
    np.testing.assert_allclose(result.model.predict(new), result.model.predict(X)[:3])


def test_the_command_line_offers_it(tmp_path):
    from click.testing import CliRunner

    from whyfit.cli import commands

    X, targets = frame()
    X.assign(t=targets["regression"]).to_csv(tmp_path / "x.csv", index=False)
    run = CliRunner().invoke(
        commands,
        ["fit", str(tmp_path / "x.csv"), "--target", "t", "--components", "2", "--format", "json"],
    )
    assert run.exit_code == 0, run.output
    found = json.loads(run.stdout)
    assert found["spec"]["components"] == 2
    names = [c["name"] for c in found["model"]["coefficients"]]
    assert names == ["intercept", "component 1", "component 2"]


def test_refusals():
    X, targets = frame()
    data = X.assign(t=targets["regression"])
    with pytest.raises(SpecError, match="components is 0; expected a number of columns ≥ 1"):
        Spec(components=0)
    with pytest.raises(
        SpecError, match="components is 9 and the 8 columns vary along 8 directions"
    ):
        whyfit.fit(data, "t", spec=Spec(components=9))
    rng = np.random.default_rng(0)
    notes = [" ".join(rng.choice(WORDS, 12)) for _ in range(len(X))]
    with pytest.raises(SpecError, match=r"components needs dense columns and \d+ are sparse"):
        whyfit.fit(data.assign(note=notes), "t", spec=Spec(components=2, roles={"note": "text"}))
