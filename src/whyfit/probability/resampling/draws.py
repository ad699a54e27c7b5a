"""How often every row is drawn: weights of bootstrap replicates, a chunk of rows at a time.

    Poisson        W_i ~ Poisson(1), independent: sample sizes vary by √n, everything else as multinomial
    Multinomial    n draws out of n rows with replacement: Efron's bootstrap, exactly
    DoubleOrNothing  W_i = 0 or 2 with probability 1/2: mean 1, variance 1, third moment 0 instead of 1
    Clusters       G draws out of G clusters, whole: rows of one cluster depend on each other
    Blocks         ⌈n/l⌉ circular blocks of l rows in a row: rows near each other in time do

Weights of CHUNK rows and SLAB replicates come from a generator keyed by (seed, slab, chunk). They depend neither on
the blocks the rows arrive in, nor on threads, nor on how many replicates are wanted besides.

References: Efron (1979), Annals of Statistics 7, 1-26; Chamandy et al. (2012), Estimating uncertainty for massive
data streams; Owen & Eckles (2012), Annals of Applied Statistics 6, 895-927; Field & Welsh (2007), J. R. Stat.
Soc. B 69, 369-390 for clusters; Politis & Romano (1992) for circular blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Protocol

import numpy as np
from jaxtyping import Float, Float32, Int, Shaped

from whyfit.errors import ShapeError, SpecError
from whyfit.fold import Rows
from whyfit.probability.bootstrap import poisson_table

CHUNK = 2048  # rows; a power of two, so that 11 random bits choose one without bias
SLAB = 512  # replicates


@dataclass(frozen=True, slots=True)
class Chunk:
    """CHUNK rows in a row (the last: what is left), the `number`-th of the table."""

    number: int
    rows: Rows

    @property
    def start(self) -> int:
        """Position of its first row among the rows used."""
        return self.number * CHUNK


class Draw(Protocol):
    """Weights of replicates slab·SLAB … of the rows of a chunk; mean 1, variance about 1."""

    def weights(self, chunk: Chunk, slab: int) -> Float32[np.ndarray, "s m"]: ...


def chunks(blocks: Iterable[Rows]) -> Iterator[Chunk]:
    """The rows, cut at multiples of CHUNK wherever the blocks end; views where a block allows."""
    waiting: list[Rows] = []
    held = number = 0
    for block in blocks:
        start, m = 0, len(block.y)
        while start < m:
            part = block.take(slice(start, min(m, start + CHUNK - held)))
            waiting.append(part)
            held += len(part.y)
            start += len(part.y)
            if held == CHUNK:
                yield Chunk(number, _joined(waiting))
                waiting, held, number = [], 0, number + 1
    if held:
        yield Chunk(number, _joined(waiting))


def _joined(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    join = np.concatenate
    return Rows(
        join([b.X for b in parts]), join([b.y for b in parts]),
        join([b.index for b in parts]), join([b.fold for b in parts]),
    )  # fmt: skip


def _bits(seed: int, *key: int) -> np.random.SFC64:
    return np.random.SFC64([seed, *key])


def _words(bits: np.random.SFC64, shape: tuple[int, int]) -> np.ndarray:
    """Random 16-bit words; four from every 64-bit one."""
    return bits.random_raw(shape[0] * shape[1] // 4).view(np.uint16).reshape(shape)


_table = cache(poisson_table)


@dataclass(frozen=True, slots=True)
class Poisson:
    """Independent Poisson(1) weights, by table look-up of 16-bit words."""

    seed: int = 0

    def weights(self, chunk: Chunk, slab: int) -> Float32[np.ndarray, "s m"]:
        words = _words(_bits(self.seed, slab, chunk.number), (SLAB, CHUNK))
        return _table()[words[:, : len(chunk.rows.y)]].astype(np.float32)


@dataclass(frozen=True, slots=True)
class DoubleOrNothing:
    """Weights 0 or 2, by one random bit each: the cheapest draw. Skewness is not carried over."""

    seed: int = 0

    def weights(self, chunk: Chunk, slab: int) -> Float32[np.ndarray, "s m"]:
        bits = _bits(self.seed, slab, chunk.number).random_raw(SLAB * CHUNK // 64)
        twice = np.unpackbits(bits.view(np.uint8)).reshape(SLAB, CHUNK)[:, : len(chunk.rows.y)]
        return 2.0 * twice.astype(np.float32)


@dataclass(frozen=True)
class Multinomial:
    """n draws out of n rows: first how many fall into every chunk, then which rows of it."""

    n: int
    seed: int = 0

    @cached_property
    def _cache(self) -> dict[int, Int[np.ndarray, "s k"]]:
        return {}

    def _sizes(self, slab: int) -> Int[np.ndarray, "s k"]:
        known = self._cache.get(slab)
        if known is None:
            count = -(-self.n // CHUNK)
            share = np.full(count, CHUNK / self.n)
            share[-1] = 1 - share[:-1].sum()
            rng = np.random.Generator(_bits(self.seed, slab, count, 1))
            known = self._cache[slab] = rng.multinomial(self.n, share, size=SLAB)
        return known

    def weights(self, chunk: Chunk, slab: int) -> Float32[np.ndarray, "s m"]:
        m, k = len(chunk.rows.y), self._sizes(slab)[:, chunk.number]
        bits, total = _bits(self.seed, slab, chunk.number), int(k.sum())
        if m == CHUNK:
            which = bits.random_raw(-(-total // 4)).view(np.uint16)[:total] & np.uint16(CHUNK - 1)
        else:
            which = np.random.Generator(bits).integers(m, size=total, dtype=np.uint16)
        cell = np.repeat(np.arange(SLAB) * m, k) + which
        return np.bincount(cell, minlength=SLAB * m).reshape(SLAB, m).astype(np.float32)


@dataclass(frozen=True)
class Clusters:
    """Whole clusters, G out of G. `code` holds the cluster 0 … G − 1 of every *source* row (see `clusters`)."""

    code: Int[np.ndarray, " n"]
    count: int
    seed: int = 0

    @cached_property
    def _cache(self) -> dict[int, Float32[np.ndarray, "s g"]]:
        return {}

    def weights(self, chunk: Chunk, slab: int) -> Float32[np.ndarray, "s m"]:
        W = self._cache.get(slab)
        if W is None:
            rng = np.random.Generator(_bits(self.seed, slab))
            which = rng.integers(self.count, size=(SLAB, self.count))
            which += np.arange(SLAB)[:, None] * self.count
            W = np.bincount(which.ravel(), minlength=SLAB * self.count).astype(np.float32)
            W = self._cache[slab] = W.reshape(SLAB, self.count)
        return np.take(W, self.code[chunk.rows.index], axis=1)


def clusters(label: Shaped[np.ndarray, " n"], seed: int = 0) -> Clusters:
    """Draw clusters of rows with one label; `label` has one value per source row.

    Raises ShapeError with fewer than two clusters.
    """
    values, code = np.unique(np.asarray(label), return_inverse=True)
    if len(values) < 2:
        raise ShapeError(f"there are {len(values)} clusters; expected at least 2, better 30.")
    return Clusters(code.ravel(), len(values), seed)


@dataclass(frozen=True)
class Blocks:
    """Circular blocks of `length` rows in the order of the table, ⌈n/length⌉ of them.

    Raises SpecError unless 1 ≤ length ≤ n.
    """

    n: int
    length: int
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.length <= self.n:
            raise SpecError(
                f"blocks of {self.length} rows of {self.n}; expected a length from 1 to the number of rows."
            )

    @cached_property
    def _cache(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        return {}

    def _starts(self, slab: int) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"]]:
        """First rows of all blocks of the slab, rising, and the replicate of each."""
        known = self._cache.get(slab)
        if known is None:
            rng, k = (
                np.random.Generator(_bits(self.seed, slab, self.length)),
                -(-self.n // self.length),
            )
            first = rng.integers(self.n, size=SLAB * k)
            order = np.argsort(first, kind="stable")
            known = self._cache[slab] = (first[order], order // k)
        return known

    def weights(self, chunk: Chunk, slab: int) -> Float32[np.ndarray, "s m"]:
        m, length = len(chunk.rows.y), self.length
        start, replicate = self._starts(slab)
        step = np.zeros(SLAB * (m + 1), dtype=np.int64)
        for wrap in (0, self.n):  # a block that runs past the end goes on at the beginning
            zero = wrap + chunk.start
            i, j = np.searchsorted(start, (zero - length + 1, zero + m))
            if i == j:
                continue
            at, row = start[i:j] - zero, replicate[i:j] * (m + 1)
            step += np.bincount(row + np.maximum(at, 0), minlength=step.size)
            step -= np.bincount(row + np.minimum(at + length, m), minlength=step.size)
        return np.cumsum(step.reshape(SLAB, m + 1), axis=1)[:, :m].astype(np.float32)


def block_length(n: int, autocorrelation: float) -> int:
    """Length of circular blocks for the mean of an AR(1) series with this autocorrelation, about n^(1/3).

    l = (2ρ/(1 − ρ²))^(2/3) (3n/2)^(1/3), at least 1 and at most n/2.

    Reference: Politis & White (2004), Econometric Reviews 23, 53-70.
    """
    rho = min(abs(autocorrelation), 0.99)
    best = (2 * rho / (1 - rho * rho)) ** (2 / 3) * (1.5 * n) ** (1 / 3)
    return int(np.clip(np.ceil(best), 1, max(1, n // 2)))


def all_weights(
    draw: Draw, rows: Iterable[Rows], B: int
) -> Float[np.ndarray, "B n"]:  # for tests, small tables and what is no function of moments
    """All weights of B replicates at once: B × n numbers."""
    parts = list(chunks(rows))
    slabs = range(-(-B // SLAB))
    return np.vstack([np.hstack([draw.weights(c, s) for c in parts]) for s in slabs])[:B].astype(
        float
    )
