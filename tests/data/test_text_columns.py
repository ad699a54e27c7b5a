"""Text columns in a design: terms, components, missing cells, hashing, spilled blocks, saved models, new rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from whyfit.data import documents, store, tfidf
from whyfit.data.design import Design
from whyfit.data.table import read_table
from whyfit.errors import SchemaError, SpecError
from whyfit.spec import Spec

RNG = np.random.default_rng(1)
VOCABULARY = [f"word{i}" for i in range(30)] + ["été", "naïve", "Tokio", "ok"]


def texts(n: int) -> list[str]:
    shares = 1.0 / np.arange(1, len(VOCABULARY) + 1)
    return [
        " ".join(RNG.choice(VOCABULARY, size=RNG.integers(6, 15), p=shares / shares.sum()))
        for _ in range(n)
    ]


TEXTS = texts(400)
LABELS = RNG.integers(0, 2, 400)
FRAME = pl.DataFrame({"note": TEXTS, "x": RNG.normal(size=400), "y": LABELS})


def built(source, **choices) -> tuple[np.ndarray, Design]:
    spec = Spec(target="y", **choices)
    with read_table(source, spec) as table:
        design = Design.of(table, spec)
        X = np.vstack([rows.X for rows in design.rows(table).blocks()])
    return X, design


def scikit(**choices) -> tuple[np.ndarray, list[str]]:
    vectorizer = TfidfVectorizer(**choices)
    made = vectorizer.fit_transform(TEXTS).toarray()
    return made, list(vectorizer.get_feature_names_out())


def test_terms_are_sparse_columns_as_scikit_learn_weighs_them():
    X, design = built(FRAME)
    expected, names = scikit(min_df=10)
    ours = [n.removeprefix("note:") for n in design.names[design.n_dense :]]
    assert sorted(ours) == names
    assert design.names[:3] == ("note characters", "note words", "x")
    assert set(design.kinds[design.n_dense :]) == {"word"}
    assert set(design.origin[design.n_dense :]) == {"note"}
    order = [names.index(t) for t in ours]
    np.testing.assert_allclose(X[:, design.n_dense :], expected[:, order], atol=1e-14)


def test_rows_limit_the_terms_unless_their_number_is_given():
    assert len(built(FRAME.head(200))[1].names) == 3 + 20  # one to ten rows
    assert len(built(FRAME, text_features=7)[1].names) == 3 + 7
    assert len(built(FRAME, rare_level=10_000)[1].names) == 3  # no term is in so many texts


def test_short_texts_stay_counts_unless_declared():
    names = pl.DataFrame({"name": [f"Ada {i} Byron" for i in range(400)], "y": LABELS})
    assert built(names)[1].names == ("name characters", "name words")
    declared = built(names, roles={"name": "text"})[1]
    assert "name:ada" in declared.names
    assert built(FRAME, text="counts")[1].names == ("note characters", "note words", "x")


def test_components_are_the_leading_singular_vectors():
    X, design = built(FRAME, text_components=3)
    expected, _ = scikit(min_df=10)
    theirs = TruncatedSVD(3, algorithm="arpack", random_state=0).fit_transform(expected)
    ours = X[:, [design.names.index(n) for n in design.names if " ~ " in n]]
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-10)
    assert design.names[2].startswith("note ~ ")
    assert len(design.names[2].split(", ")) == 3
    assert ours.mean(axis=0)[0] > 0  # signs make the heaviest term positive
    with pytest.raises(SpecError, match="text_components is 99; expected fewer than the"):
        built(FRAME, text_components=99)


def test_hashing_makes_a_power_of_two_columns():
    X, design = built(FRAME, text="hash", text_features=9, rare_level=1)
    hashed = [n for n in design.names if n.startswith("note:#")]
    assert 1 <= len(hashed) <= 8
    np.testing.assert_allclose(np.linalg.norm(X[:, 3:], axis=1), 1.0)


@pytest.mark.parametrize("hashing", [False, True])
def test_terms_and_letters_survive_on_disk(monkeypatch, hashing: bool):
    if hashing:
        limit = {"hashing": False, "limit": 3}
        monkeypatch.setattr(tfidf.TermCounter.__init__, "__kwdefaults__", limit)
    many = texts(1500)
    frame = pl.DataFrame({"note": many, "y": RNG.integers(0, 2, 1500)})
    expected, kept = built(frame)
    spilled = store.BlockStore.__init__

    def tiny(self, _=None):
        spilled(self, 0)

    monkeypatch.setattr(store.BlockStore, "__init__", tiny)
    X, design = built(frame)
    assert design.names == kept.names
    np.testing.assert_array_equal(X, expected)


def test_batches_do_not_matter(tmp_path: Path, monkeypatch):
    many = texts(3000)
    frame = pl.DataFrame({"note": many, "y": RNG.integers(0, 2, 3000)})
    path = tmp_path / "notes.csv"
    frame.write_csv(path)
    expected, kept = built(path)
    monkeypatch.setattr("whyfit.data.text_source.CHUNK", 1 << 12)
    monkeypatch.setattr("whyfit.data.table.BLOCK", 700)
    monkeypatch.setattr(documents, "_PIECE", 64)
    X, design = built(path)
    assert design.names == kept.names
    np.testing.assert_array_equal(X, expected)


@pytest.mark.parametrize("distinct", [True, False])  # free text, or texts kept as levels
@pytest.mark.parametrize("missing", ["indicator", "impute", "drop"])
def test_missing_texts(distinct: bool, missing: str):
    many = texts(1500) if distinct else TEXTS[:200] * 2
    cells: list[str | None] = [None if i % 7 == 0 else t for i, t in enumerate(many)]
    cells[1] = " NA "
    gone = np.array([c is None or c == " NA " for c in cells])
    frame = pl.DataFrame({"note": cells, "y": RNG.integers(0, 2, len(cells))})
    X, design = built(frame, missing=missing, roles={"note": "text"})
    if missing == "drop":
        assert design.n_used == len(X) == (~gone).sum()
        (made,) = design.read_new(frame)
        assert (np.isnan(made[1]).all(axis=1) == gone).all()
        return
    terms = X[:, [j for j, n in enumerate(design.names) if n.startswith("note:")]]
    assert (terms[gone] == 0).all()
    assert (np.linalg.norm(terms[~gone], axis=1) > 0.99).all()
    assert ("note missing" in design.names) == (missing == "indicator")


@pytest.mark.parametrize(
    "choices", [{}, {"text_components": 2}, {"text": "hash", "text_features": 16, "rare_level": 1}]
)
def test_a_saved_design_reads_new_texts(choices: dict):
    X, design = built(FRAME, **choices)
    again = Design.from_dict(json.loads(json.dumps(design.to_dict())))
    new = pl.DataFrame({"note": [*TEXTS[:5], "never seen before", ""], "x": FRAME["x"][:7]})
    made = np.vstack([x for _, x in again.read_new(new)])
    np.testing.assert_allclose(made[:5], X[:5], atol=1e-14)
    words = [j for j, n in enumerate(design.names) if n.startswith("note:word")]
    assert (made[5:, words] == 0).all()


def test_dropped_columns_cost_nothing():
    X, design = built(FRAME, drop=("note:word0", "note characters"))
    full, all_names = built(FRAME)
    keep = [j for j, n in enumerate(all_names.names) if n in design.names]
    np.testing.assert_array_equal(X, full[:, keep])
    assert "note:word0" not in design.names
    spec = Spec(target="y", drop=("note",))
    with read_table(FRAME, spec) as table:
        assert Design.of(table, spec).names == ("x",)
        assert not table._counted  # its texts were not looked at


def test_more_terms_than_a_design_can_hold():
    many = [" ".join(f"w{i}a{j}" for j in range(12)) for i in range(400)]
    frame = pl.DataFrame({"note": many, "y": LABELS})
    with pytest.raises(SchemaError, match=r"or lower --text-features \(widest: 'note' \(4802\)"):
        built(frame, text_features=5000, rare_level=1)


@pytest.mark.parametrize("field", ["text_features", "text_components"])
def test_numbers_of_columns_are_checked(field: str):
    with pytest.raises(SpecError, match=f"{field} is 0; expected a number of columns ≥ 1"):
        Spec(**{field: 0})
