"""A model that recalibrates: predictions go through the map of all rows, from memory and from a file."""

import msgspec
import numpy as np
import pytest

from models.houses import case_of, houses, spec_of
from simulated import case_of as arrays_case
from whyfit.errors import ModelFileError
from whyfit.models import TableModel, load_model, save_model
from whyfit.models import file as model_file
from whyfit.models.parts import from_parts, to_parts

TWO = ("platt", "temperature", "beta", "isotonic")
MANY = ("platt", "temperature")
VARIANTS = [("sold", name) for name in TWO] + [("grade", name) for name in MANY]


@pytest.fixture(scope="module")
def made():
    frame = houses()
    cases = {key: case_of(frame, spec_of(key[0], recalibrate=key[1])) for key in VARIANTS}
    plain = {t: TableModel.of(case_of(frame, spec_of(t))) for t in ("sold", "grade")}
    return frame, cases, plain


@pytest.mark.parametrize("key", VARIANTS, ids="-".join)
def test_probabilities_are_the_plain_ones_through_the_map(made, key):
    frame, cases, plain = made
    model, map = TableModel.of(cases[key]), cases[key].recalibration.map
    before, after = plain[key[0]].predict_proba(frame), model.predict_proba(frame)
    if key[0] == "sold":
        np.testing.assert_allclose(after[:, 1], map(before[:, 1]), atol=1e-12)
    else:
        np.testing.assert_allclose(after, map(before), atol=1e-12)
    np.testing.assert_allclose(after.sum(axis=1), 1)
    called = (after[:, 1] >= 0.5).astype(int) if key[0] == "sold" else after.argmax(axis=1)
    np.testing.assert_array_equal(model.predict(frame), model.classes[called])
    np.testing.assert_array_equal(model.law.coef, plain[key[0]].law.coef)


@pytest.mark.parametrize("key", VARIANTS, ids="-".join)
def test_intervals_hold_the_probability_and_mirror(made, key):
    frame, cases, _ = made
    model = TableModel.of(cases[key])
    P, low, high = model.predict_proba(frame, interval=0.9)
    np.testing.assert_allclose(P, model.predict_proba(frame), atol=1e-12)
    assert (low <= P + 1e-12).all()
    assert (high >= P - 1e-12).all()
    if key[0] == "sold":
        np.testing.assert_allclose(low[:, 0], 1 - high[:, 1])
    wider = model.predict_proba(frame, interval=0.99)
    assert (wider.low <= low + 1e-12).all()


def test_the_interval_of_a_stretched_softmax_is_that_of_two_classes(made):
    """Platt's map of two classes as ends mapped, and as a law of its own."""
    frame, cases, plain = made
    model, map = TableModel.of(cases["sold", "platt"]), cases["sold", "platt"].recalibration.map
    low = plain["sold"].predict_proba(frame, interval=0.95).low[:, 1]
    np.testing.assert_allclose(model.predict_proba(frame, interval=0.95).low[:, 1], map(low))


@pytest.mark.parametrize("key", VARIANTS, ids="-".join)
def test_a_saved_model_recalibrates_bitwise_the_same(made, key, tmp_path):
    frame, cases, _ = made
    model = TableModel.of(cases[key])
    save_model(model, tmp_path / "m.whyfit")
    back = load_model(tmp_path / "m.whyfit")
    assert back.spec == model.spec
    for a, b in zip(model.predict_proba(frame, 0.9), back.predict_proba(frame, 0.9), strict=True):
        np.testing.assert_array_equal(a, b)
    ours, theirs = model.predict_table(frame, 0.9), back.predict_table(frame, 0.9)
    assert list(ours) == list(theirs)
    for name, column in ours.items():
        np.testing.assert_array_equal(column, theirs[name])


@pytest.mark.parametrize("name", ["none", "isotonic"])
def test_costs_set_the_threshold_of_predictions(made, name):
    frame, _, _ = made
    case = case_of(frame, spec_of("sold", recalibrate=name, costs=(1.0, 9.0)))
    model = TableModel.of(case)
    p = model.predict_proba(frame)[:, 1]
    np.testing.assert_array_equal(model.predict(frame) == "yes", p >= 0.1)


def test_a_threshold_that_is_given_wins_over_the_costs(made):
    frame, _, _ = made
    model = TableModel.of(case_of(frame, spec_of("sold", costs=(1.0, 9.0), threshold=0.6)))
    p = model.predict_proba(frame)[:, 1]
    np.testing.assert_array_equal(model.predict(frame) == "yes", p >= 0.6)


def test_a_file_from_before_there_were_maps_still_loads(made):
    _, _, plain = made
    fields, arrays = to_parts(plain["sold"])
    for gone in ("recalibrate", "costs", "intervals", "groups", "order", "blocked"):
        del fields["spec"][gone]
    header, payload = model_file.decode(model_file.encode("TableModel", fields, arrays), "m.whyfit")
    back = from_parts(header.fields, payload, "m.whyfit")
    assert back.recalibration is None
    frame = houses(20, 1)
    np.testing.assert_array_equal(back.predict_proba(frame), plain["sold"].predict_proba(frame))


def forged(model, change):
    fields, arrays = to_parts(model)
    fields = msgspec.json.decode(msgspec.json.encode(fields))
    change(fields, arrays)
    with pytest.raises(ModelFileError) as caught:
        from_parts(fields, arrays, "m.whyfit")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_maps_that_do_not_fit_the_spec_are_refused(made):
    _, cases, plain = made
    model = TableModel.of(cases["sold", "isotonic"])
    said = forged(model, lambda _, a: a.pop("recalibration"))
    assert said == "m.whyfit holds no map where its recalibration is 'isotonic'; save it again."
    said = forged(plain["sold"], lambda _, a: a.update(recalibration=np.ones((1, 3))))
    assert "holds a map where its recalibration is 'none'" in said
    said = forged(model, lambda _, a: a.update(recalibration=a["recalibration"][:, ::-1]))
    assert "knots must rise" in said
    said = forged(model, lambda f, _: f["spec"].update(recalibrate="platt"))
    assert "has not the shape" in said
    many = TableModel.of(cases["grade", "platt"])
    said = forged(many, lambda f, _: f["spec"].update(recalibrate="beta"))
    assert "beta calibration is a map of two classes" in said


def test_a_row_without_a_prediction_has_none_after_the_map_either(made):
    frame, _, _ = made
    spec = spec_of("sold", recalibrate="isotonic", missing="drop")
    model = TableModel.of(case_of(frame, spec))
    table = model.predict_rows(frame, 0.9)
    lost = frame["age"].isna().to_numpy()
    for name in ("probability", "low", "high"):
        np.testing.assert_array_equal(np.isnan(table.columns[name]), lost)


@pytest.mark.parametrize("name", ["platt", "isotonic"])
def test_the_held_out_loss_is_that_of_new_rows(name):
    """Cross-fitting may be pessimistic, as its models and maps know a tenth less; it flatters nothing.

    Measured in 60 tables: 0.012 ± 0.005 too high with Platt's map, 0.014 ± 0.005 with isotonic regression (0.006 ±
    0.007 without a map); learned and judged on the same rows isotonic regression is 0.04 too low.
    """
    gap, flattered = [], []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(5300, 20))
        y = (rng.random(5300) < np.clip(1 / (1 + np.exp(-3 * X[:, 0])), 0.1, 0.9)).astype(float)
        case = arrays_case(X[:300], y[:300], recalibrate=name)
        told = TableModel.of(case).predict_proba(X[300:])[:, 1]
        new = np.mean(-np.log(np.where(y[300:] == 1, told, 1 - told)))
        gap.append(case.scores["log_loss"].mean() - new)
        seen = case.recalibration.map(case.out_of_fold)
        flattered.append(np.mean(-np.log(np.where(case.sample.y == 1, seen, 1 - seen))) - new)
    error = np.std(gap) / 4
    assert -3 * error < np.mean(gap) < 0.03 + 3 * error
    assert np.mean(flattered) < np.mean(gap)
