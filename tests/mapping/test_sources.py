"""Clouds from files, arrays and frames: what is a coordinate, what points are called, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from whyfit.errors import (
    InputError,
    NotFiniteError,
    SchemaError,
    ShapeError,
    SourceError,
    SpecError,
)
from whyfit.mapping.choices import MapSpec, with_choices
from whyfit.mapping.cloud import read_cloud

X = np.random.default_rng(0).standard_normal((12, 4))
WORDS = [f"w{i}" for i in range(12)]


def test_npy_with_labels(tmp_path):
    np.save(tmp_path / "v.npy", X.astype(np.float16))
    (tmp_path / "w.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    cloud = read_cloud(tmp_path / "v.npy", MapSpec(labels=tmp_path / "w.txt"))
    np.testing.assert_array_equal(cloud.X, X.astype(np.float16).astype(float))
    assert cloud.labels == tuple(WORDS)
    assert (cloud.kind, cloud.format, cloud.named) == ("vectors", "npy", True)
    assert cloud.axes == ("x1", "x2", "x3", "x4")


@pytest.mark.parametrize("head", ["", "12 4\n"])
def test_text_word_vectors(tmp_path, head):
    lines = [w + " " + " ".join(map(str, row)) for w, row in zip(WORDS, X.tolist(), strict=True)]
    (tmp_path / "v.txt").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    cloud = read_cloud(tmp_path / "v.txt", MapSpec())
    np.testing.assert_allclose(cloud.X, X)
    assert cloud.labels == tuple(WORDS)
    with pytest.raises(SchemaError, match="has no columns, so no 'kind'"):
        read_cloud(tmp_path / "v.txt", MapSpec(colour="kind"))


def test_a_broken_line_of_word_vectors_is_named(tmp_path):
    lines = [w + " " + " ".join(map(str, row)) for w, row in zip(WORDS, X.tolist(), strict=True)]
    lines[7] = "w7 0.5"
    (tmp_path / "v.vec").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match="line 8"):
        read_cloud(tmp_path / "v.vec", MapSpec())


def test_npz_images_are_flattened_and_coloured(tmp_path):
    images = np.arange(10 * 3 * 2, dtype=np.uint8).reshape(10, 3, 2)
    np.savez(tmp_path / "i.npz", images=images, labels=np.arange(10) % 3)
    cloud = read_cloud(tmp_path / "i.npz", MapSpec())
    assert cloud.kind == "images"
    np.testing.assert_array_equal(cloud.X, images.reshape(10, 6))
    assert cloud.axes[3] == "pixel 2,2"
    assert cloud.colour.words[:4] == ("0", "1", "2", "0")
    named = read_cloud(tmp_path / "i.npz", MapSpec(label="labels"))
    assert named.labels[:3] == ("0", "1", "2")
    with pytest.raises(SchemaError, match="no array 'label' with one value per point"):
        read_cloud(tmp_path / "i.npz", MapSpec(label="label"))


def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame({
        "name": [f"n{i}" for i in range(40)],
        "a": rng.normal(100, 5, 40),
        "b": rng.exponential(1e-3, 40),
        "flat": 3.0,
        "group": np.where(np.arange(40) % 2, "odd", "even"),
        "score": rng.normal(size=40),
    })  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "parquet", "frame"])
def test_tables_are_standardised(tmp_path, form):
    frame = table()
    source = tmp_path / f"t.{form}"
    if form == "csv":
        frame.to_csv(source, index=False)
    elif form == "parquet":
        frame.to_parquet(source)
    else:
        source = frame
    cloud = read_cloud(source, MapSpec(label="name", colour="group"))
    assert cloud.axes == ("a", "b", "score")
    np.testing.assert_allclose(cloud.X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(cloud.X.std(axis=0), 1)
    reference = frame[["a", "b", "score"]]
    np.testing.assert_allclose(
        cloud.X, (reference - reference.mean()) / reference.std(ddof=0), rtol=1e-6
    )
    assert cloud.labels[:2] == ("n0", "n1")
    assert cloud.colour.words[:3] == ("even", "odd", "even")
    assert cloud.left_out["constant"] == ("flat",)


def test_a_coloured_number_is_no_coordinate():
    cloud = read_cloud(table(), MapSpec(colour="score", drop=("b",)))
    assert cloud.axes == ("a",)
    np.testing.assert_allclose(cloud.colour.numbers, table()["score"])


def test_gaps_stand_at_the_mean(tmp_path):
    frame = table()
    frame.loc[3, "a"] = np.nan
    frame.to_csv(tmp_path / "g.csv", index=False)
    cloud = read_cloud(tmp_path / "g.csv", MapSpec(label="name"))
    assert cloud.X[3, 0] == 0
    assert cloud.notes == ("1 missing cell in 1 of 3 columns: the column's mean stands there.",)


def test_documents(tmp_path):
    frame = pd.DataFrame({
        "kind": ["a", "b"] * 3,
        "text": ["red apple pie", "green apple", "!!", "red red wine", "blue sky", "apple sky"],
    })  # fmt: skip
    frame.to_csv(tmp_path / "d.csv", index=False)
    cloud = read_cloud(tmp_path / "d.csv", MapSpec(text="text", colour="kind"))
    from sklearn.feature_extraction.text import TfidfVectorizer

    reference = TfidfVectorizer()
    expected = reference.fit_transform(frame["text"]).toarray()
    order = [cloud.axes.index(t) for t in reference.get_feature_names_out()]
    np.testing.assert_allclose(cloud.X.toarray()[:, order], expected, atol=1e-12)
    assert cloud.kind == "documents"
    assert cloud.texts[0] == "red apple pie"
    called = read_cloud(tmp_path / "d.csv", MapSpec(text="text", labels=tuple("abcdef")))
    assert called.labels == tuple("abcdef")
    assert cloud.notes == ("1 document without a word of two letters: near to nothing.",)


@pytest.mark.parametrize(
    ("arrays", "error", "said"),
    [
        ({"a": np.ones(5)}, ShapeError, "expected an array (n, p) of numbers"),
        ({"a": np.ones((2, 3))}, ShapeError, "expected at least 3"),
        ({"a": np.array([[1, 2], [3, np.nan], [5, 6]])}, NotFiniteError, "first in row 2"),
        ({"a": np.full((4, 2), 1e200)}, NotFiniteError, "rescale"),
        ({"a": np.full((4, 2), 1e-200)}, NotFiniteError, "is 1e-200, whose square"),
    ],
)
def test_arrays_that_are_no_cloud(tmp_path, arrays, error, said):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(error) as caught:
        read_cloud(tmp_path / "x.npz", MapSpec())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sparse_npz(tmp_path):
    from scipy import sparse

    thin = sparse.csr_array(np.where(X > 0.5, X, 0.0))
    sparse.save_npz(tmp_path / "s.npz", thin)
    cloud = read_cloud(tmp_path / "s.npz", MapSpec())
    np.testing.assert_array_equal(cloud.X.toarray(), thin.toarray())
    sparse.save_npz(tmp_path / "c.npz", thin.tocsc())
    with pytest.raises(SourceError, match=r"save it with \.tocsr"):
        read_cloud(tmp_path / "c.npz", MapSpec())


def test_a_folder_of_pictures(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    for i in range(6):
        folder = tmp_path / "pics" / ("cat", "dog")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 6), 40 * i, np.uint8)).save(folder / f"p{i}.png")
    cloud = read_cloud(tmp_path / "pics", MapSpec())
    assert cloud.X.shape == (6, 24)
    assert cloud.labels == ("p0", "p2", "p4", "p1", "p3", "p5")
    assert cloud.colour.words == ("cat",) * 3 + ("dog",) * 3
    assert read_cloud(tmp_path / "pics", MapSpec(image_size="3x2")).X.shape == (6, 6)


def test_files_that_are_no_cloud(tmp_path):
    np.save(tmp_path / "v.npy", X)
    (tmp_path / "w.txt").write_text("one\ntwo\n")
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY\x01\x00 broken")
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for spec, path, error, said in (
        (MapSpec(labels=tmp_path / "w.txt"), "v.npy", ShapeError, "2 labels for 12 points"),
        (MapSpec(labels=tmp_path / "x.txt"), "v.npy", SourceError, "did you mean 'w.txt'"),
        (MapSpec(), "v.npz", SourceError, "there is no file"),
        (MapSpec(), "bad.npy", SourceError, "damaged NumPy file"),
        (MapSpec(), "o.npy", SourceError, "Python objects"),
        (MapSpec(text="t"), "v.npy", SchemaError, "leave --text out"),
    ):
        with pytest.raises(error) as caught:
            read_cloud(tmp_path / path, spec)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_unknown_columns_are_named_with_the_nearest(tmp_path):
    table().to_csv(tmp_path / "t.csv", index=False)
    for spec in (MapSpec(label="nane"), MapSpec(drop=("nane",)), MapSpec(text="nane")):
        with pytest.raises(SchemaError, match="has no column 'nane'; did you mean 'name'"):
            read_cloud(tmp_path / "t.csv", spec)


@pytest.mark.parametrize(
    "choices",
    [
        {"metric": "manhattan"}, {"transform": "magic"}, {"k": 0}, {"confidence": 1.5}, {"seed": -1},
        {"labels": ("a",), "label": "b"},
    ],
)  # fmt: skip
def test_choices_that_cannot_be(choices):
    with pytest.raises(SpecError):
        MapSpec(**choices)


def test_choices_by_keyword():
    spec = with_choices(None, ["a", 2], {"near": 17, "project": "a+b", "drop": ["x", "y"]})
    assert spec == MapSpec(labels=("a", "2"), near=("17",), project=("a+b",), drop=("x", "y"))
    with pytest.raises(SpecError, match="'neer' is no choice of a map"):
        with_choices(None, None, {"neer": "a"})


def test_a_first_line_that_promises_more_vectors_is_refused(tmp_path):
    lines = [w + " " + " ".join(map(str, row)) for w, row in zip(WORDS, X.tolist(), strict=True)]
    (tmp_path / "v.txt").write_text("20 4\n" + "\n".join(lines), encoding="utf-8")
    with pytest.raises(SourceError, match="promises 20 vectors in its first line and holds 12;"):
        read_cloud(tmp_path / "v.txt", MapSpec())


def test_what_is_no_numpy_file_is_called_so(tmp_path):
    (tmp_path / "v.npy").write_bytes(b"hello " * 20)
    with pytest.raises(SourceError, match=r"\(it begins like neither .npy nor .npz\)"):
        read_cloud(tmp_path / "v.npy", MapSpec())


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 5)), "array has 0 points; expected at least 3"),
        (np.zeros((1, 5)), "array has 1 point; expected at least 3"),
        (np.zeros((5, 0)), "array has no numeric column"),
        (np.zeros((0, 4, 4)), "array has 0 points"),
    ],
)
def test_empty_arrays_are_refused(array, message):
    with pytest.raises(InputError, match=message):
        read_cloud(array, MapSpec())


def test_one_bad_vector_is_counted_in_the_singular():
    Z = X.copy()
    Z[3, 1] = np.nan
    with pytest.raises(NotFiniteError, match="in 1 vector, first in row 4"):
        read_cloud(Z, MapSpec())


def test_a_point_with_an_empty_label_is_called_by_its_row():
    labels = ("a", "", " ", *WORDS[3:])
    assert read_cloud(X, MapSpec(labels=labels)).labels[:4] == ("a", "row 2", "row 3", "w3")
