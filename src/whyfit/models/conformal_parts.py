"""Conformal scores as the arrays of a model file, and back, checked by name, dtype and shape.

Names begin with "conformal"; a file without them, such as any written before there were conformal intervals, has no
scores. Scales are stored by their place in `SCALES`.
"""

from __future__ import annotations

import numpy as np

from whyfit.errors import ModelFileError
from whyfit.probability.conformal_scores import (
    SCALES,
    ClassScores,
    Conformal,
    HeldOutScores,
    LeaveOneOut,
    OrderStatistics,
)
from whyfit.probability.spread_model import LogSpread

PREFIX = "conformal "
_SCALARS = ("centre", "low", "high")


def to_arrays(made: Conformal | ClassScores | None) -> dict[str, np.ndarray]:
    """Arrays by name; none of None."""
    out: dict[str, np.ndarray] = {}
    if isinstance(made, ClassScores):
        out["rows of classes"] = np.array([q.n for q in made.classes])
        out["kept of classes"] = np.array([len(q.ranks) for q in made.classes])
        out["ranks"] = np.concatenate([q.ranks for q in made.classes])
        out["scores"] = np.concatenate([q.values for q in made.classes])
    elif isinstance(made, LeaveOneOut):
        out["scale"] = np.array(SCALES.index(made.scale))
        out["mean"], out["signed"], out["rows"] = made.mean, made.signed, made.rows
    elif isinstance(made, HeldOutScores):
        out["scale"] = np.array(SCALES.index(made.scale))
        out["n"] = np.array(made.n)
        out["ranks"], out["scores"] = made.scores.ranks, made.scores.values
        if made.spread is not None:
            out["spread mean"], out["spread coef"] = made.spread.mean, made.spread.coef
            out["spread"] = np.array([getattr(made.spread, name) for name in _SCALARS])
    return {PREFIX + name: array for name, array in out.items()}


def apart(arrays: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Arrays of the model, and those of its scores."""
    mine = {k: v for k, v in arrays.items() if k.startswith(PREFIX)}
    return {k: v for k, v in arrays.items() if k not in mine}, mine


def from_arrays(
    arrays: dict[str, np.ndarray], p: int, classes: int, name: str
) -> Conformal | ClassScores | None:
    """The inverse of `to_arrays` for a model of p columns; ModelFileError, naming the file, if it is none."""
    if not arrays:
        return None
    try:
        made = _made({k.removeprefix(PREFIX): v for k, v in arrays.items()}, p, classes)
    except (LookupError, ValueError, TypeError) as error:
        what = " ".join(str(error).split())[:120]
        raise ModelFileError(
            f"{name} holds conformal scores this whyfit cannot read ({what}); save it again."
        ) from None
    return made


def _made(a: dict[str, np.ndarray], p: int, classes: int) -> Conformal | ClassScores:
    def taken(name: str, dtype: type, *shape: int | None) -> np.ndarray:
        array = a.pop(name)
        fits = array.ndim == len(shape) and all(
            want in (None, got) for want, got in zip(shape, array.shape, strict=True)
        )
        if array.dtype != dtype or not fits:
            raise ValueError(f"'{name}' is {array.dtype} of shape {array.shape}")
        return array

    if "rows of classes" in a:
        n, kept = (taken(f"{what} of classes", np.int64, classes) for what in ("rows", "kept"))
        ranks = taken("ranks", np.int64, int(kept.sum()) if (kept >= 0).all() else -1)
        values = taken("scores", np.float64, len(ranks))
        at = np.cumsum(kept)[:-1]
        parts = zip(n, np.split(ranks, at), np.split(values, at), strict=True)
        made: Conformal | ClassScores = ClassScores(tuple(_ordered(*part) for part in parts))
    elif "signed" in a:
        scale, signed = SCALES[int(taken("scale", np.int64))], taken("signed", np.float64, None)
        rows = taken("rows", np.float64, p + 1, len(signed))
        made = LeaveOneOut(scale, taken("mean", np.float64, p), signed, rows)
    else:
        scale, n = SCALES[int(taken("scale", np.int64))], int(taken("n", np.int64))
        ranks = taken("ranks", np.int64, None)
        scores = _ordered(n, ranks, taken("scores", np.float64, len(ranks)))
        spread = None
        if "spread" in a:
            mean, coef = (taken(f"spread {what}", np.float64, p) for what in ("mean", "coef"))
            spread = LogSpread(mean, coef, *map(float, taken("spread", np.float64, len(_SCALARS))))
        made = HeldOutScores(scale, scores, spread)
    if a:
        raise ValueError(f"'{min(a)}' is of unknown use")
    return made


def _ordered(n: int, ranks: np.ndarray, values: np.ndarray) -> OrderStatistics:
    """Order statistics whose ranks rise within 1, ..., n and whose values do not fall."""
    ends = len(ranks) == 0 or (ranks[0] >= 1 and ranks[-1] <= n)
    if n < 0 or not ends or (np.diff(ranks) <= 0).any() or not (np.diff(values) >= 0).all():
        raise ValueError("ranks or scores are not in order")
    return OrderStatistics(int(n), ranks, values)
