"""TableModel: predictions of raw tables, their intervals, and what is said about odd cells."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from models.houses import case_of, houses, spec_of
from whyfit.errors import SchemaError, ShapeError, SpecError
from whyfit.models import Interval, TableModel, load_model, save_model
from whyfit.report import predictions
from whyfit.spec import Spec

VARIANTS = ("value", "price", "sold", "grade", "robust", "ridge", "dropped rows")


def design_matrix(case):
    rows = list(case.rows.blocks())
    return np.vstack([b.X for b in rows]), np.concatenate([b.y for b in rows])


@pytest.mark.parametrize(("kind", "ends"), [("mean", "mean_ci"), ("new", "obs_ci")])
@pytest.mark.parametrize("covariance", ["classic", "HC3"])
def test_intervals_are_those_of_statsmodels_on_the_design(covariance, kind, ends):
    frame = houses()
    case = case_of(frame, spec_of("value", covariance=covariance))
    X, y = design_matrix(case)
    peer = sm.OLS(y, sm.add_constant(X)).fit()
    if covariance != "classic":
        peer = peer.get_robustcov_results(covariance)
    wanted = peer.get_prediction(sm.add_constant(X)).summary_frame(0.1)
    found = TableModel.of(case).predict(frame, interval=0.9, kind=kind)
    np.testing.assert_allclose(found.prediction, wanted["mean"], rtol=1e-9)
    np.testing.assert_allclose(found.low, wanted[f"{ends}_lower"], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.high, wanted[f"{ends}_upper"], rtol=1e-8, atol=1e-10)


def test_probabilities_are_those_of_statsmodels_on_the_design():
    frame = houses()
    case = case_of(frame, spec_of("sold"))
    X, y = design_matrix(case)
    peer = sm.GLM(y, sm.add_constant(X), family=sm.families.Binomial()).fit(tol=1e-14)
    wanted = peer.get_prediction(sm.add_constant(X)).summary_frame(0.1)
    table = TableModel.of(case).predict_table(frame, interval=0.9)
    np.testing.assert_allclose(table["probability"], wanted["mean"], rtol=1e-8)
    np.testing.assert_allclose(table["low"], wanted["mean_ci_lower"], rtol=1e-7)
    np.testing.assert_allclose(table["high"], wanted["mean_ci_upper"], rtol=1e-7)


def test_a_log_target_is_predicted_in_its_own_units(models):
    model, frame = models["price"], houses()
    eta = np.log(model.predict(frame))
    sigma2 = model.law.sigma2
    np.testing.assert_allclose(
        model.predict(frame, kind="mean"), np.exp(eta + sigma2 / 2), rtol=1e-12
    )
    new = model.predict(frame, interval=0.8, kind="new")
    np.testing.assert_array_equal(new.prediction, model.predict(frame))
    np.testing.assert_allclose(new.prediction, np.sqrt(new.low * new.high), rtol=1e-12)
    covered = (new.low <= frame.price) & (frame.price <= new.high)
    assert 0.72 < covered.mean() < 0.88
    mean = model.predict(frame, interval=0.8, kind="mean")
    assert (mean.high / mean.low < new.high / new.low).all()


def test_the_interval_for_the_mean_of_a_log_target_covers_as_promised():
    """Lognormal rows whose mean at x is known: 400 data sets, nominal 90 %, binomial ± 3.5 se."""
    from whyfit.probability.linear import fit_arrays
    from whyfit.probability.predictive import LinearLaw

    rng = np.random.default_rng(11)
    sigma, hits, runs = 0.8, 0, 400
    x0, truth = np.array([[1.5]]), np.exp(0.5 + 0.7 * 1.5 + sigma**2 / 2)
    for _ in range(runs):
        X = rng.normal(size=(40, 1))
        law = LinearLaw.of(
            fit_arrays(X, 0.5 + 0.7 * X[:, 0] + sigma * rng.normal(size=40)).fit, log=True
        )
        _, low, high = law.interval(x0, 0.9, "mean")
        hits += bool(low[0] <= truth <= high[0])
    assert abs(hits / runs - 0.9) < 3.5 * np.sqrt(0.9 * 0.1 / runs)


def test_columns_of_the_table_of_predictions(models):
    frame = houses(20, seed=1)
    assert list(models["value"].predict_table(frame)) == ["row", "prediction"]
    table = models["value"].predict_table(frame, interval=0.9)
    assert list(table) == ["row", "prediction", "low", "high"]
    np.testing.assert_array_equal(table["row"], np.arange(20))
    assert list(models["sold"].predict_table(frame)) == ["row", "prediction", "probability"]
    table = models["sold"].predict_table(frame, interval=0.9)
    assert list(table) == ["row", "prediction", "probability", "low", "high"]
    assert set(table["prediction"]) <= {"yes", "no"}
    np.testing.assert_array_equal(table["prediction"] == "yes", table["probability"] >= 0.5)
    table = models["grade"].predict_table(frame, interval=0.9)
    assert list(table)[2:5] == ["probability low", "low low", "high low"]
    P = np.column_stack([table[f"probability {c}"] for c in ("low", "mid", "top")])
    np.testing.assert_array_equal(P, models["grade"].predict_proba(frame))
    np.testing.assert_array_equal(
        table["prediction"], np.array(["low", "mid", "top"])[P.argmax(axis=1)]
    )
    assert predictions.to_csv(table).count(b"\n") == 21
    assert predictions.to_json(models["sold"].predict_table(frame)).startswith(b"[")


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_path_a_frame_and_an_array_say_the_same(models, variant, tmp_path):
    model, frame = models[variant], houses(30, seed=2).drop(columns=["value"])
    frame["built"] = frame["built"].astype(str)
    path = tmp_path / "new.csv"
    frame.to_csv(path, index=False, float_format="%.17g")
    by_name = model.predict_table(frame)
    by_path = model.predict_table(path)
    features = [f.name for f in model.design.features]
    wide = frame.reindex(columns=features).astype(object)
    by_order = model.predict_table(wide.to_numpy())
    needed = model.predict_table(frame[list(model.design.sources)].astype(object).to_numpy())
    for other in (by_path, by_order, needed):
        for name, values in by_name.items():
            if values.dtype == float:
                np.testing.assert_allclose(other[name], values, rtol=1e-12)
            else:
                assert other[name].tolist() == values.tolist()


def test_odd_cells_are_counted(models):
    frame = houses(30, seed=2)
    frame["area"] = frame["area"].astype(object)
    frame.loc[0, "city"], frame.loc[1, "city"], frame.loc[2, "area"] = "Düren", None, "big"
    frame["age"] = 5.0
    made = models["value"].predict_rows(frame)
    assert np.isfinite(made.columns["prediction"]).all()
    text = "\n".join(made.notes)
    assert "'city': 1 cell of a level not seen in training, taken for 'Aachen'." in text
    assert "'area': 1 cell could not be read, taken for missing." in text
    assert "'city': 1 cell missing, filled as in training." in text
    assert models["value"].predict_rows(houses(5, seed=3).assign(age=1.0)).notes == ()
    assert models["value"].predict_table(frame).keys() == made.columns.keys()


def test_rows_that_the_fit_would_have_left_out_have_no_prediction(models):
    frame = houses(30, seed=4)
    frame["age"] = np.where(np.arange(30) < 3, np.nan, 7.0)
    model = models["dropped rows"]
    made = model.predict_rows(frame, interval=0.9)
    assert made.columns["prediction"].tolist()[:3] == [None] * 3
    assert np.isnan(made.columns["low"][:3]).all()
    assert np.isfinite(made.columns["probability"][3:]).all()
    assert "rows without a prediction, for a cell they lack: 3." in made.notes
    assert model.predict(frame).tolist() == made.columns["prediction"].tolist()
    rest = made.columns["probability"][3:] >= 0.3
    np.testing.assert_array_equal(made.columns["prediction"][3:] == "yes", rest)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([0, 1], [0, 1]),
        ([2.5, 3.5], [2.5, 3.5]),
        ([False, True], [False, True]),
        (["a", "b"], ["a", "b"]),
    ],
    ids=str,
)
def test_class_labels_are_the_target_s_own_values(values, wanted):
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    y = np.array(values)[(x + rng.logistic(size=200) > 0).astype(int)]
    case = case_of(pd.DataFrame({"x": x, "y": y}), Spec(target="y"))
    model = TableModel.of(case)
    assert model.classes.tolist() == wanted
    found = model.predict(pd.DataFrame({"x": x}))
    assert (found == y).mean() > 0.6
    assert type(found.tolist()[0]) is type(wanted[0])


def test_what_cannot_be_predicted_is_said(models):
    frame, model = houses(9), models["value"]
    with pytest.raises(SchemaError, match="lacks 1 column the model needs: 'area'"):
        model.predict(frame.drop(columns="area"))
    with pytest.raises(ShapeError, match="the array has 2 columns; expected the 8 feature columns"):
        model.predict(np.ones((3, 2)))
    with pytest.raises(SpecError, match="interval is 95"):
        model.predict_table(frame, interval=95)
    with pytest.raises(SpecError, match="kind is 'both'"):
        model.predict(frame, kind="both")
    with pytest.raises(SpecError, match="'value' is a number and has no classes"):
        model.predict_proba(frame)
    with pytest.raises(SpecError, match="a class has no interval"):
        models["sold"].predict(frame, interval=0.9)


def test_no_rows_give_no_predictions(models):
    frame = houses(5)[:0]
    for name in ("value", "sold", "grade"):
        table = models[name].predict_table(frame, interval=0.9)
        assert {len(v) for v in table.values()} == {0}


def test_the_summary_is_the_table_of_coefficients(models):
    model = models["robust"]
    summary = model.summary()
    assert summary["model"] == "least squares"
    assert summary["covariance"] == "HC3"
    rows = {row["name"]: row for row in summary["coefficients"]}
    assert set(rows) == {"intercept", *model.names}
    case = case_of(houses(), spec_of("value", covariance="HC3"))
    X, y = design_matrix(case)
    peer = sm.OLS(y, sm.add_constant(X)).fit().get_robustcov_results("HC3")
    np.testing.assert_allclose([r["std_error"] for r in rows.values()], peer.bse, rtol=1e-8)
    assert repr(model) == "<whyfit model: least squares of value, 240 rows>"


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_saved_model_predicts_bitwise_the_same(models, variant, tmp_path):
    model, frame, path = models[variant], houses(50, seed=5), tmp_path / "m.whyfit"
    save_model(model, path)
    back = load_model(path)
    for interval, kind in ((None, "new"), (0.9, "new"), (0.9, "mean")):
        one = model.predict_rows(frame, interval, kind)
        other = back.predict_rows(frame, interval, kind)
        assert one.notes == other.notes
        assert list(one.columns) == list(other.columns)
        for name, values in one.columns.items():
            if values.dtype == object:
                assert values.tolist() == other.columns[name].tolist()
            else:
                assert values.tobytes() == other.columns[name].tobytes()
    assert repr(back.summary()) == repr(model.summary())
    assert back.spec == model.spec
    if variant in ("sold", "grade"):
        interval = back.predict_proba(frame, interval=0.9)
        assert isinstance(interval, Interval)
        np.testing.assert_array_equal(interval.prediction, model.predict_proba(frame))


def test_predicting_with_a_saved_model_imports_no_scikit_learn(models, tmp_path):
    save_model(models["value"], tmp_path / "m.whyfit")
    houses(5).to_csv(tmp_path / "new.csv", index=False)
    code = (
        "import sys, whyfit.models\n"
        "assert not {'sklearn', 'numpy'} & set(sys.modules), 'imported at once'\n"
        "model = whyfit.models.load_model('m.whyfit')\n"
        "assert len(model.predict('new.csv')) == 5\n"
        "assert 'sklearn' not in sys.modules\n"
        "assert 'LinearRegression' in dir(whyfit.models)\n"
        "whyfit.models.LinearRegression()\n"
        "assert 'sklearn' in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_name_the_room_does_not_have():
    import whyfit.models

    with pytest.raises(AttributeError, match="no attribute 'Oracle'"):
        _ = whyfit.models.Oracle  # pyright: ignore[reportAttributeAccessIssue]
