"""A CSV larger than the address-space limit is read in blocks, and gives the same numbers."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from whyfit.data.table import read_table
from whyfit.errors import SourceError
from whyfit.spec import Spec

CODE = """
import resource, sys
limit = int(sys.argv[2]) << 20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
import numpy as np
from whyfit.data.table import read_table
from whyfit.data.design import Design
from whyfit.spec import Spec
spec = Spec(target="y")
with read_table(sys.argv[1], spec) as table:
    design = Design.of(table, spec)
    sums = np.zeros(len(design.names))
    for _ in range(2):
        for rows in design.rows(table).blocks():
            sums += rows.X.sum(axis=0)
    print(table.n, table._store.spilled > 0, *(f"{s:.17g}" for s in sums))
"""
COPIES, LIMIT_MB = 16, 600


@pytest.mark.skipif(sys.platform != "linux", reason="address-space limits are tested on Linux")
def test_a_file_larger_than_the_limit(tmp_path):
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(20_000, 20)), 3)
    # Leading zeros make the text large without making the numbers many.
    rows = "".join(",".join(f"{v:0=+100.3f}" for v in row) + "\n" for row in X).encode()
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.write((",".join([f"x{j}" for j in range(19)] + ["y"]) + "\n").encode())
        for _ in range(COPIES):
            file.write(rows)
    assert path.stat().st_size > LIMIT_MB << 20
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(path), str(LIMIT_MB)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    n, _, *sums = done.stdout.split()
    assert int(n) == COPIES * 20_000
    np.testing.assert_allclose(
        [float(s) for s in sums], 2 * COPIES * X[:, :19].sum(axis=0), rtol=1e-9, atol=1e-6
    )


def test_running_out_of_memory_is_an_input_error(monkeypatch):
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("whyfit.data.store.BlockStore.append", full)
    frame = pl.DataFrame({"x": [1.5, 2, 4], "y": [1.0, 3, 2]})
    with pytest.raises(SourceError, match="memory does not suffice to read the table"):
        read_table(frame, Spec(target="y"))
