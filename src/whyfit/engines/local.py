"""The local engine: one Python thread per core, each with a single-threaded BLAS.

For the skinny blocks of this house (thousands of rows, tens of columns) two threads that each run a
one-thread BLAS beat one call of a two-thread BLAS, and NumPy releases the interpreter lock in both the
BLAS call and the long element-wise loops around it. Results come back in block order.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

A = TypeVar("A")
B = TypeVar("B")


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="whyfit")


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_blas_thread() -> AbstractContextManager[object]:
    """A context in which BLAS runs on the calling thread: handing small matrices to others costs more."""
    return _controller().limit(limits=1, user_api="blas")


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Threads on this machine; at most `threads` + 1 blocks are held at a time."""

    threads: int = field(default_factory=cores)

    def map(self, of: Callable[[B], A], blocks: Iterable[B], /) -> Iterator[A]:
        with one_blas_thread():
            if self.threads == 1:
                yield from map(of, blocks)
                return
            pool, waiting = _pool(self.threads), deque()
            try:
                for block in blocks:
                    waiting.append(pool.submit(of, block))
                    if len(waiting) > self.threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for job in waiting:
                    job.cancel()
