"""Texts as vectors: agreement with scikit-learn, hashing, and hard input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from whyfit.data import tfidf
from whyfit.data.bags import Ragged, bag_matrix, letters_of, texts_of
from whyfit.data.tfidf import Documents, TermCounter, fit_texts, weights_of

WORDS = st.sampled_from(
    ["the", "fee", "été", "ГОД", "価格", "x", "42", "a_b", "don't", "fée", "the_the"]
)
DOCUMENTS = st.lists(st.lists(WORDS, max_size=8).map(" ".join), min_size=1, max_size=12)
REVIEWS = [
    "A very, very slow film.",
    "Slow food is good food; good, good food!",
    "",
    "The film was good.",
    "?!",
    "FILM film Film",
]


@settings(deadline=None, max_examples=40, derandomize=True)
@given(DOCUMENTS)
def test_equals_scikit_learn(texts: list[str]) -> None:
    weights = fit_texts(lambda: [texts[:3], texts[3:]], width=10**6)
    theirs = TfidfVectorizer()
    try:
        expected = theirs.fit_transform(texts).toarray()
    except ValueError:  # no term at all
        assert weights.width == 0
        return
    assert set(weights.names) == set(theirs.vocabulary_)
    order = [theirs.vocabulary_[t] for t in weights.names]
    np.testing.assert_allclose(weights.transform(texts).toarray(), expected[:, order], atol=1e-15)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(DOCUMENTS, st.integers(1, 4), st.booleans(), st.booleans())
def test_counted_bags_give_the_rows_of_the_texts(
    texts: list[str], width: int, hashing: bool, hashed: bool
) -> None:
    counter = TermCounter(hashing=hashed)
    bags = Ragged.join([counter.add(texts[:2]), counter.add(texts[2:])])
    weights = weights_of(counter.terms(), width=width, hashing=hashing)
    terms = counter.terms()
    documents = Documents(bag_matrix(bags, terms.width), terms)
    rows = weights.rows(documents).toarray()
    np.testing.assert_array_equal(rows, weights.transform(texts).toarray())
    some = np.arange(len(texts)) % 2 == 0
    np.testing.assert_array_equal(weights.rows(documents[some]).toarray(), rows[some])
    again = Documents(bag_matrix(bags.rows(1, len(texts)), terms.width), terms)
    np.testing.assert_array_equal(weights.rows(again).toarray(), rows[1:])


def test_keeps_the_terms_of_most_documents() -> None:
    weights = fit_texts(lambda: [REVIEWS], width=2)
    assert weights.names == ("film", "good")  # in 3 documents and in 2, "slow" comes later
    assert fit_texts(lambda: [REVIEWS], least=3).names == ("film",)
    assert fit_texts(lambda: [REVIEWS], least=4).names == ()


def test_rows_have_unit_length_or_are_zero() -> None:
    rows = fit_texts(lambda: [REVIEWS]).transform([*REVIEWS, "nothing known here"])
    lengths = np.sqrt((rows.toarray() ** 2).sum(axis=1))
    np.testing.assert_allclose(lengths, [1, 1, 0, 1, 0, 1, 0])


def test_no_column_is_a_matrix_without_columns() -> None:
    weights = fit_texts(lambda: [["", "?"], []])
    assert weights.transform(["", "word"]).shape == (2, 0)


def test_a_large_vocabulary_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tfidf.TermCounter.__init__, "__kwdefaults__", {"hashing": False, "limit": 3}
    )
    weights = fit_texts(lambda: [REVIEWS[:2], REVIEWS[2:]])
    assert weights.buckets == tfidf.BUCKETS
    assert weights.names[:2] == ("film", "good")  # named by their most frequent term
    theirs = HashingVectorizer(n_features=tfidf.BUCKETS, norm=None, alternate_sign=False)
    counts = theirs.transform(REVIEWS)[:, list(weights.kept)].toarray()
    expected = counts * weights.idf
    expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-300)
    np.testing.assert_allclose(weights.transform(REVIEWS).toarray(), expected, atol=1e-15)


def test_hashing_asked_for_takes_a_power_of_two() -> None:
    counter = TermCounter()
    counter.add(REVIEWS)
    weights = weights_of(counter.terms(), width=5, hashing=True)
    assert weights.buckets == 4
    assert set(weights.names) <= {"#0", "#1", "#2", "#3"}


def test_terms_that_share_a_bucket_share_a_column() -> None:
    """With V terms in B buckets, one is alone with probability (1 − 1/B)^(V−1) (module docstring)."""
    V, B = 4096, 4096
    buckets = tfidf.buckets_of([f"w{i}" for i in range(V)], B)
    alone = (np.bincount(buckets, minlength=B)[buckets] == 1).mean()
    predicted = (1 - 1 / B) ** (V - 1)  # 0.368
    assert abs(alone - predicted) < 4 * np.sqrt(2 * predicted * (1 - predicted) / V)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.lists(st.text(), max_size=6))
def test_texts_survive_as_letters(texts: list[str]) -> None:
    letters, lengths = letters_of(texts)
    assert texts_of(letters, lengths.astype(int)) == texts
