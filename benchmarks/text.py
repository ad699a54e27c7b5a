"""100,000 documents of 60 words and a target of two classes: the whole process, its time and its peak memory.

`whyfit fit` reads the file, weighs 1,000 terms, fits, cross-validates in 10 folds, examines the fit and tries remedies.
Beside it scikit-learn reads the same file and cross-validates `TfidfVectorizer(max_features=1000)` with
`LogisticRegression(C=inf)` in 10 folds, the vectorizer inside them; it has no inference and no findings.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from _harness import finish, heading

LIMIT = 2048  # MB of resident memory, the whole process
DOCUMENTS, WORDS, VOCABULARY = 100_000, 60, 60_000
PEER = """
import sys
import numpy as np
import polars as pl
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
table = pl.read_csv(sys.argv[1])
model = make_pipeline(TfidfVectorizer(max_features=1000), LogisticRegression(C=np.inf, max_iter=1000))
folds = KFold(10, shuffle=True, random_state=0)
print(cross_val_score(model, table["text"].to_list(), table["y"].to_numpy(), cv=folds, scoring="neg_log_loss"))
"""


def write(path: Path, documents: int) -> None:
    """Words by Zipf's law; forty common ones make the class likelier."""
    rng = np.random.default_rng(20260105)
    words = np.array([f"w{np.base_repr(i, 36).lower()}" for i in range(VOCABULARY)])
    share = 1.0 / np.arange(1, VOCABULARY + 1) ** 1.05
    share /= share.sum()
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["text", "y"])
        for start in range(0, documents, 1000):
            ids = rng.choice(VOCABULARY, size=(min(1000, documents - start), WORDS), p=share)
            score = (ids < 40).sum(axis=1) + 2 * rng.standard_normal(len(ids))
            score += rng.integers(-3, 4, VOCABULARY)[ids[:, 0]]
            for row, yes in zip(ids, score > np.median(score), strict=True):
                out.writerow([" ".join(words[row]), "yes" if yes else "no"])


def run(*command: str) -> tuple[float, float, str]:
    """Seconds, peak MB and standard output of a process of its own."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=told)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{command[0]} ended with status {status}")
        told.seek(0)
        return time.perf_counter() - start, usage.ru_maxrss / 1024, told.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--check", action="store_true", help="exit 1 if the target is missed")
    options = parser.parse_args()
    print(__doc__)
    print(heading("whyfit", "scikit-learn", "numpy"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "documents.csv")
        write(path, options.documents)
        whyfit = str(Path(sys.executable).with_name("whyfit"))
        ours = run(whyfit, "fit", str(path), "--target", "y", "--no-html")
        theirs = run(sys.executable, "-c", PEER, str(path))
    print(f"{'':28}{'seconds':>9}{'peak MB':>9}")
    for name, (seconds, peak, _) in (("whyfit fit", ours), ("scikit-learn, validation", theirs)):
        print(f"{name:28}{seconds:9.1f}{peak:9.0f}")
    print(f"\n{ours[2].splitlines()[1]}\nscikit-learn's {theirs[2].strip()}")
    peak = ours[1]
    finish([f"{peak:.0f} MB, limit {LIMIT} MB"] if peak > LIMIT else [], options.check)


if __name__ == "__main__":
    main()
