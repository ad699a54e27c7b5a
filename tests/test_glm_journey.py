"""Tables under Poisson, gamma and Huber loss: the whole road, from the file to the saved model and back."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import whyfit
from whyfit.cli import main
from whyfit.diagnosis.registry import all_rules
from whyfit.errors import InputError, SpecError, TargetError
from whyfit.models.table_model import load_model
from whyfit.report import html, text
from whyfit.spec import Spec

LOSSES = ("poisson", "gamma", "huber")


def _table(n: int = 600, phi: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """Policies with a category, a gap, and targets for each loss."""
    rng = np.random.default_rng(seed)
    age, power = rng.uniform(18, 80, n), rng.normal(90, 20, n)
    region = rng.choice(["north", "south", "west"], n)
    eta = 0.8 - 0.02 * (age - 45) + 0.01 * (power - 90) + 0.5 * (region == "south")
    mu = np.exp(eta)
    claims = rng.poisson(mu) if phi == 1 else rng.negative_binomial(mu / (phi - 1), 1 / phi)
    frame = pd.DataFrame(
        {
            "age": age.round(1),
            "power": power.round(1),
            "region": region,
            "claims": claims,
            "cost": rng.gamma(2.0, 100 * mu / 2.0).round(2) + 0.01,
            "delay": (10 + 3 * eta + rng.standard_t(2, n)).round(3),
        }
    )
    frame.loc[::37, "power"] = np.nan
    return frame


TARGETS = {"poisson": "claims", "gamma": "cost", "huber": "delay"}


def _of(frame: pd.DataFrame, loss: str) -> pd.DataFrame:
    """Features and the one target of this loss."""
    return frame.drop(columns=[t for f, t in TARGETS.items() if f != loss])


@pytest.fixture(scope="module", params=LOSSES)
def journey(request):
    frame = _of(_table(), request.param)
    spec = Spec(target=TARGETS[request.param], loss=request.param)
    return frame, whyfit.fit(frame, spec=spec)


def test_the_table_is_that_of_statsmodels():
    import statsmodels.api as sm

    frame = _table().dropna()[["age", "power", "claims"]]
    result = whyfit.fit(frame, spec=Spec(target="claims", loss="poisson"), select=["CA207"])
    X = sm.add_constant(frame[["age", "power"]])
    peer = sm.GLM(frame["claims"], X, family=sm.families.Poisson()).fit()
    model = result.document.model
    np.testing.assert_allclose([c.estimate for c in model.coefficients], peer.params, rtol=1e-7)
    np.testing.assert_allclose([c.std_error for c in model.coefficients], peer.bse, rtol=1e-6)
    np.testing.assert_allclose([c.ratio for c in model.coefficients], np.exp(peer.params))
    assert model.deviance == pytest.approx(peer.deviance)
    assert model.null_deviance == pytest.approx(peer.null_deviance)
    assert model.dispersion == pytest.approx(peer.pearson_chi2 / peer.df_resid)
    robust = sm.GLM(frame["claims"], X, family=sm.families.Poisson()).fit(cov_type="HC0")
    table = whyfit.fit(
        frame, spec=Spec(target="claims", loss="poisson", covariance="HC0"), select=["CA207"]
    ).document.model
    np.testing.assert_allclose([c.std_error for c in table.coefficients], robust.bse, rtol=1e-6)
    assert table.covariance == "HC0"


def test_every_report_names_the_loss(journey):
    _, result = journey
    document, loss = result.document, result.spec.loss
    name = {"poisson": "Poisson, log link", "gamma": "gamma, log link", "huber": "Huber"}[loss]
    assert document.model.kind == name == result.model.kind
    assert document.task == "regression"
    assert name in text.render(document, 100, False)
    shown = text.render_coefficients(document, 120, False)
    assert ("ratio" in shown) == (loss != "huber")
    page = html.render(document)
    assert name in page
    assert f"loss={loss!r}" in result.python
    plain = json.loads(result.to_json())
    assert plain["model"]["loss"] == loss == plain["spec"]["loss"]
    held_out = plain["scores"]["held_out"]
    assert {"r2", "rmse", "mae", "log_score"} <= set(held_out)
    assert ("deviance_explained" in held_out) == (loss != "huber")
    assert any("not looked for under" in note for note in document.notes)


def test_the_python_makes_the_same_fit(journey):
    frame, result = journey
    scope: dict = {"data": frame}
    exec(result.python, scope)
    # NaN, where a number does not exist, equals itself in no other way
    assert repr(scope["result"].document.model) == repr(result.document.model)


def test_a_saved_model_predicts_the_same(journey, tmp_path):
    frame, result = journey
    path = result.save(tmp_path / "m.whyfit")
    back = load_model(path)
    assert back.spec == result.spec
    for interval, kind in ((None, "new"), (0.9, "new"), (0.9, "mean")):
        one = result.model.predict_table(frame, interval, kind)
        other = back.predict_table(frame, interval, kind)
        assert list(one) == list(other)
        for column in one:
            np.testing.assert_array_equal(one[column], other[column])


def test_predictions_are_those_of_the_formula(journey):
    frame, result = journey
    fit, case = result.case.fit, result.case
    X = np.concatenate([b.X for b in case.rows.blocks()])
    mean = result.model.predict(frame)
    np.testing.assert_allclose(mean, fit.predict(X), rtol=1e-10)
    ends = result.model.predict(frame, interval=0.95, kind="mean")
    np.testing.assert_allclose(ends.low, fit.predict_interval(X, 0.95)[1], rtol=1e-8)
    np.testing.assert_allclose(ends.high, fit.predict_interval(X, 0.95)[2], rtol=1e-8)


def test_intervals_of_new_rows_hold_their_level(journey):
    frame, result = journey
    new = _of(_table(4000, seed=1), result.spec.loss)
    y = new[result.spec.target].to_numpy()
    made = result.model.predict(new, interval=0.9, kind="new")
    inside = np.mean((y >= made.low) & (y <= made.high))
    # counts are whole: their intervals hold at least the level
    assert 0.86 < inside < (0.99 if result.spec.loss == "poisson" else 0.94)
    if result.spec.loss == "poisson":
        assert (made.low == np.round(made.low)).all()
        low = stats.poisson(made.prediction).ppf(0.05)
        assert np.mean(np.abs(made.low - low) <= 1) == 1
    assert len(frame) < len(new)


def test_dispersed_counts_have_wider_intervals():
    frame, new = _of(_table(phi=4.0), "poisson"), _of(_table(4000, 4.0, seed=1), "poisson")
    result = whyfit.fit(frame, spec=Spec(target="claims", loss="poisson"), select=["CA207"])
    made = result.model.predict(new, interval=0.9, kind="new")
    y = new["claims"].to_numpy()
    assert 0.87 < np.mean((y >= made.low) & (y <= made.high)) < 0.98
    assert result.findings[0].remedy.edit == {"covariance": "HC0"}


def test_fixing_planted_counts_ends_with_poisson_loss():
    result = whyfit.fit(_of(_table(2000, 3.0), "poisson"), spec=Spec(target="claims")).fix()
    assert result.spec.loss == "poisson"
    assert result.spec.covariance == "HC0"
    assert result.spec.target_transform == "identity"
    assert not [f for f in result.findings if f.code == "CA207"]


def test_fixing_heavy_tails_ends_with_hubers_loss():
    result = whyfit.fit(_of(_table(2000), "huber"), spec=Spec(target="delay")).fix()
    assert result.spec.loss == "huber"


def test_the_command_line(tmp_path, capsys):
    frame = _of(_table(), "poisson")
    source, model = tmp_path / "claims.csv", tmp_path / "claims.whyfit"
    frame.to_csv(source, index=False)
    asked = ["fit", str(source), "-t", "claims", "--loss", "poisson", "--robust", "HC0", "--table"]
    assert main([*asked, "--no-html", "--save", str(model)]) == 0
    out = capsys.readouterr().out
    assert "Poisson, log link" in out
    assert "HC0 standard errors" in out
    assert main(["predict", str(model), str(source), "--interval", "0.9"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("row,prediction,low,high\n")
    assert "quantiles of the" in said.err
    assert main(["predict", str(model), str(source), "--interval", "0.9", "--kind", "mean"]) == 0
    assert "quantiles" not in capsys.readouterr().err


# -- every rule under every loss ---------------------------------------------------------------------


def test_rules_that_judge_least_squares_are_named():
    skipped = {r.code for r in all_rules() if "poisson" not in r.losses}
    assert skipped >= {"LA111", "LA112", "CA206", "PR302", "PR304", "PR307"}


@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("nmes1988_visits/nmes1988_visits.csv", "visits"),
        ("hitters/hitters.csv", "Salary"),
        ("forest_fires/forest_fires.csv", "area"),
    ],
)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("choices", [{}, {"ridge": 10.0, "group_copies": True}])
def test_every_rule_survives_real_tables(shared_data, file, target, loss, choices):
    spec = Spec(target=target, loss=loss, **choices)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if loss == "gamma" and target != "Salary":
            with pytest.raises(TargetError, match="expects amounts > 0"):
                whyfit.fit(shared_data / file, spec=spec)
            return
        result = whyfit.fit(shared_data / file, spec=spec)
        html.render(result.document)
    assert result.document.model.converged


@pytest.mark.parametrize("loss", LOSSES)
def test_faulty_tables(loss):
    """Copies, constants, a leak, an identifier, a rare level, wild rows, gaps."""
    frame = _of(_table(300), loss)
    target = TARGETS[loss]
    frame["copy"], frame["constant"] = frame["age"], 1.0
    noise = np.random.default_rng(3).normal(0, 0.05 * frame[target].std(), len(frame))
    frame["leak"] = frame[target] * 2 + noise
    frame["id"] = np.arange(1, len(frame) + 1)
    frame["kind"] = ["a"] * 297 + ["b"] * 3
    frame.loc[5, "age"] = 1e5
    frame = pd.concat([frame, frame[:40]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = whyfit.fit(frame, spec=Spec(target=target, loss=loss))
        html.render(result.document)
    assert {"LA102", "LA113"} <= {f.code for f in result.findings}
    assert result.fix().document.model.coefficients


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n", [5, 8, 15])
def test_tiny_tables(loss, n):
    frame = _of(_table(40), loss)[:n]
    spec = Spec(target=TARGETS[loss], loss=loss)
    if loss == "huber" and n < 15:  # as many coefficients as rows, or nearly
        with pytest.raises(TargetError, match="leave out columns"):
            whyfit.fit(frame, spec=spec)
        return
    html.render(whyfit.fit(frame, spec=spec).document)


def test_a_target_that_is_given_away_has_no_scale_for_huber():
    frame = _of(_table(200), "huber")
    frame["leak"] = 2 * frame["delay"] + 1
    with pytest.raises(TargetError, match="fitted exactly"):
        whyfit.fit(frame, spec=Spec(target="delay", loss="huber"))


def test_a_target_with_one_value_in_most_rows_has_no_scale_for_huber():
    rng = np.random.default_rng(0)
    x = rng.normal(size=3000)
    frame = pd.DataFrame({"x": x, "claims": (x > 1.5) * rng.integers(5, 9, 3000)})
    with pytest.raises(TargetError, match="share one value"):
        whyfit.fit(frame, spec=Spec(target="claims", loss="huber"))


def test_one_positive_count():
    frame = _of(_table(100), "poisson")
    frame["claims"] = 0
    frame.loc[17, "claims"] = 3
    result = whyfit.fit(frame, spec=Spec(target="claims", loss="poisson"))
    html.render(result.document)
    assert result.model.predict(frame).sum() == pytest.approx(3, rel=1e-3)


# -- what is refused ---------------------------------------------------------------------------------


def test_refusals_are_one_line():
    frame = _of(_table(100), "poisson")
    frame["zero"] = 0
    with pytest.raises(InputError, match=r"constant|one value|mean"):
        whyfit.fit(frame, spec=Spec(target="zero", loss="poisson"))
    frame["claims"] = frame["claims"] - 1
    with pytest.raises(TargetError, match=r"the target is -1 in row \d+; a poisson regression"):
        whyfit.fit(frame, spec=Spec(target="claims", loss="poisson"))
    with pytest.raises(TargetError, match="holds words"):
        whyfit.fit(frame, spec=Spec(target="region", loss="poisson"))
    with pytest.raises(SpecError, match="the loss poisson is one of regressions"):
        Spec(target="y", task="binary", loss="poisson")
    with pytest.raises(SpecError, match="log link of its own"):
        Spec(target="y", target_transform="log", loss="gamma")
    with pytest.raises(SpecError, match="expected auto, squared"):
        Spec(target="y", loss="tweedie")  # pyright: ignore[reportArgumentType]


def test_a_loss_makes_few_values_a_regression():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    y = (rng.random(300) < 0.1).astype(int)
    frame = pd.DataFrame({"x": x, "y": y})
    assert whyfit.fit(frame, spec=Spec(target="y")).case.task == "binary"
    assert whyfit.fit(frame, spec=Spec(target="y", loss="poisson")).case.task == "regression"


def test_huber_of_a_logarithm_predicts_the_median():
    frame = _of(_table(500), "gamma")
    spec = Spec(target="cost", loss="huber", target_transform="log")
    result = whyfit.fit(frame, spec=spec, select=["CA207"])
    made = result.model.predict(frame, interval=0.9)
    assert (made.low > 0).all()
    assert np.mean(frame["cost"] > made.prediction) == pytest.approx(0.5, abs=0.06)
    assert np.isfinite(result.case.scores["log_score"]).all()
