"""Settings of this process that make small tensors fast."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def check_device(device: str) -> None:
    """ValueError for a device that this machine does not have."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be cpu here, got cuda: torch finds no CUDA device on this machine")


Share = Callable[[Callable[[int, int], None], int], None]

_num_threads = 1


def num_threads() -> int:
    """How many threads work at once in this process, as `prepare` was told; results do not hang on it."""
    return _num_threads


def alone(work: Callable[[int, int], None], count: int) -> None:
    """All of the work at once, by one."""
    work(0, count)


@contextmanager
def crew() -> Iterator[Share]:
    """Gives `share(work, n)`, which calls work(first, last) so that [0, n) is covered, by all threads at once."""
    if _num_threads == 1:
        yield alone
        return
    with ThreadPoolExecutor(_num_threads, initializer=_prepare_thread) as pool:

        def share(work: Callable[[int, int], None], count: int) -> None:
            bounds = np.linspace(0, count, min(_num_threads, count) + 1).astype(int)
            list(pool.map(work, bounds[:-1], bounds[1:]))

        yield share


def _prepare_thread() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # a setting of each thread


def prepare(threads: int = 0) -> None:
    """Use so many threads (0: one a core), count tiny numbers as zero, and keep freed memory.

    torch itself gets one: threads of its own wait for each other in every small operation, and on a busy machine that
    costs more than they bring. Work is shared by genomes instead, see `crew`.

    Without the second, the moments of unused parameters decay into denormal numbers, on which sums are up to forty
    times slower. Without the last, glibc hands every tensor of a few hundred kilobytes back to the system, and a third
    of the time goes into page faults.
    """
    global _num_threads
    _num_threads = threads or len(
        os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    _prepare_thread()
    if sys.platform == "linux":
        try:
            mallopt = ctypes.CDLL(None).mallopt
        except (OSError, AttributeError):
            return  # another C library: only slower
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, 64 << 20)
