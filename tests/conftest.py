"""Shared by all tests: where the real data lie; property tests without a clock and from fixed seeds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A deadline is a timing: it fails on a busy machine and says nothing of the code.
# Fixed seeds: what passed here passes there; WHYFIT_EXPLORE=1 lets the examples vary from run to run.
settings.register_profile("house", deadline=None, derandomize="WHYFIT_EXPLORE" not in os.environ)
settings.load_profile("house")

_DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data sets; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("WHYFIT_SHARED_DATA", _DEFAULT))
    if not (folder / "index.json").exists():
        pytest.skip(f"no real data at {folder}; set WHYFIT_SHARED_DATA to run this test")
    return folder
