"""The local engine: order, laziness, errors, and one BLAS thread each."""

import threading

import pytest

from whyfit.engines.local import LocalEngine
from whyfit.fold import fold


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_results_come_in_block_order(threads):
    assert list(LocalEngine(threads).map(lambda b: b * b, range(20))) == [b * b for b in range(20)]
    assert fold(range(20), str, "", LocalEngine(threads)) == "".join(map(str, range(20)))


@pytest.mark.parametrize("threads", [1, 2])
def test_no_more_blocks_are_held_than_threads_need(threads):
    asked = []

    def blocks():
        for i in range(10):
            asked.append(i)
            yield i

    results = LocalEngine(threads).map(lambda b: b, blocks())
    next(iter(results))
    assert len(asked) <= threads + 1


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_a_block_reaches_the_caller(threads):
    def broken(b):
        raise ValueError(f"block {b}")

    with pytest.raises(ValueError, match="block 0"):
        list(LocalEngine(threads).map(broken, range(3)))


def test_two_threads_work_at_the_same_time():
    both = threading.Barrier(2, timeout=10)
    assert list(LocalEngine(2).map(lambda _: both.wait() >= 0, range(2))) == [True, True]
