"""Texts and images through the command line: fitted, saved, predicted, refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from whyfit.cli import main

RNG = np.random.default_rng(5)
PLAIN = "the meeting is at noon and we will talk about plans for the house".split()  # noqa: SIM905
LOUD = ["free", "prize", "claim", "now"]


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    path = tmp_path / "messages.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["text", "kind"])
        for i in range(600):
            words = list(RNG.choice(PLAIN, 9))
            if i % 3 == 0 or RNG.random() < 0.05:
                words[RNG.integers(9)] = RNG.choice(LOUD)
            out.writerow([" ".join(words), "spam" if i % 3 == 0 else "ham"])
    return path


def run(capsys, *args: object) -> tuple[int, str, str]:
    status = main([str(a) for a in args])
    done = capsys.readouterr()
    return status, done.out, done.err


def fitted(capsys, path: Path, *args: object) -> dict:
    status, out, err = run(capsys, "fit", path, "--format", "json", "--select", "CA205", *args)
    assert (status, err) == (0, "")
    return json.loads(out)


def test_words_tell_what_lengths_do_not(messages, capsys, tmp_path):
    lengths = fitted(capsys, messages, "-t", "kind", "--text", "counts")
    words = fitted(capsys, messages, "-t", "kind", "--ridge", 1, "--save", tmp_path / "m.whyfit")
    brier = [doc["scores"]["held_out"]["brier"]["value"] for doc in (lengths, words)]
    assert brier[1] < 0.3 * brier[0]
    names = [c["name"] for c in words["model"]["coefficients"]]
    assert {"text:free", "text:prize", "text:claim", "text:now", "text words"} <= set(names)
    new = tmp_path / "new.csv"
    new.write_text('text\n"Claim your FREE prize"\n"a meeting at noon"\n', encoding="utf-8")
    status, out, err = run(capsys, "predict", tmp_path / "m.whyfit", new)
    assert (status, err) == (0, "")
    assert [row["prediction"] for row in csv.DictReader(out.splitlines())] == ["spam", "ham"]


def test_components_and_their_number(messages, capsys):
    document = fitted(capsys, messages, "-t", "kind", "--text-components", 2)
    names = [c["name"] for c in document["model"]["coefficients"]]
    assert len([n for n in names if n.startswith("text ~ ")]) == 2
    assert document["spec"]["text_components"] == 2
    status, _, err = run(capsys, "fit", messages, "-t", "kind", "--text-components", 200)
    assert status == 2
    assert err.startswith("whyfit: text_components is 200; expected fewer than the ")
    assert err.count("\n") == 1


def test_images_are_fitted_and_predicted(capsys, tmp_path):
    bright = RNG.integers(0, 100, (90, 6, 6), dtype=np.uint8)
    bright[::2, :3] += 60
    np.savez(tmp_path / "set.npz", images=bright, labels=np.arange(90) % 2)
    document = fitted(
        capsys, tmp_path / "set.npz", "-t", "labels", "--image-size", "2x2", "--ridge", 1,
        "--save", tmp_path / "i.whyfit",
    )  # fmt: skip
    assert document["spec"]["image_size"] == [2, 2]
    assert {c["name"] for c in document["model"]["coefficients"]} >= {"pixel 1,1", "pixel 2,2"}
    np.savez(tmp_path / "new.npz", anything=bright[:4])
    status, out, _ = run(capsys, "predict", tmp_path / "i.whyfit", tmp_path / "new.npz")
    assert status == 0
    assert [row["prediction"] for row in csv.DictReader(out.splitlines())] == ["0", "1"] * 2


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("set.npz", "2by2", "the image size is '2by2'; expected width x height, e.g. 28x28."),
        ("cut.npz", "2x2", "cut.npz is a truncated or damaged NumPy file"),
        ("empty", "2x2", "is a folder without images"),
    ],
)
def test_refusals_are_one_line(capsys, tmp_path, name, size, said):
    np.savez(tmp_path / "set.npz", images=np.zeros((9, 4, 4)), labels=np.arange(9) % 2)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "set.npz").read_bytes()[:300])
    (tmp_path / "empty").mkdir()
    status, out, err = run(
        capsys, "fit", tmp_path / name, "-t", "labels", "--image-size", size, "--no-html"
    )
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
