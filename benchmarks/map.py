"""A map of 3,000 × 300 embeddings: the whole process of `whyfit map`, beside scikit-learn doing part of it.

scikit-learn's script loads the file, projects it with PCA(2) and finds the ten nearest neighbours by cosine in full
space and by distance in the plane; it has no intervals, hubs, findings, page or picture.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from _harness import finish, heading, timed

TARGET = 2.0  # seconds
RUNS = 5
POINTS, DIMENSIONS = 3_000, 300
PEER = """
import sys
import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
X = np.load(sys.argv[1]).astype(np.float64)
plane = PCA(2).fit_transform(X)
true = NearestNeighbors(n_neighbors=11, metric="cosine").fit(X).kneighbors(X)[1]
flat = NearestNeighbors(n_neighbors=11).fit(plane).kneighbors(plane)[1]
print(np.mean([len(set(a[1:]) & set(b[1:])) for a, b in zip(true, flat)]) / 10)
"""


def embeddings() -> np.ndarray:
    """Words in camps of uneven size with a common mean and a falling spectrum."""
    rng = np.random.default_rng(20260104)
    camps = rng.standard_normal((60, DIMENSIONS))
    member = rng.zipf(1.3, POINTS) % 60
    spread = np.geomspace(2, 0.3, DIMENSIONS)
    X = 0.5 * camps[member] + rng.standard_normal((POINTS, DIMENSIONS)) * spread
    return (X + 0.8).astype(np.float32)


def wall(*command: str):
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL).returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if the target is missed")
    options = parser.parse_args()
    print(__doc__)
    print(heading("whyfit", "scikit-learn", "numpy"))
    with tempfile.TemporaryDirectory() as folder:
        vectors, words = Path(folder, "vectors.npy"), Path(folder, "words.txt")
        np.save(vectors, embeddings())
        words.write_text("\n".join(f"word{i}" for i in range(POINTS)), encoding="utf-8")
        command = str(Path(sys.executable).with_name("whyfit"))
        page = str(Path(folder, "map.html"))
        calls = {
            "whyfit map, with page": wall(
                command, "map", str(vectors), "--labels", str(words), "--near", "word7", "--html", page
            ),
            "scikit-learn, in part": wall(sys.executable, "-c", PEER, str(vectors)),
        }  # fmt: skip
        timed(calls, 1)  # byte-code and page cache
        seconds, _ = timed(calls, RUNS)
    for name, s in seconds.items():
        print(f"{name:24}{s:8.2f} s, median of {RUNS}")
    ours = seconds["whyfit map, with page"]
    finish([f"{ours:.2f} s, target {TARGET} s"] if ours > TARGET else [], options.check)


if __name__ == "__main__":
    main()
