"""Settings of this process that make small tensors fast."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import torch

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def check_device(device: str) -> None:
    """ValueError for a device that this machine does not have."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be cpu here, got cuda: torch finds no CUDA device on this machine")


Share = Callable[[Callable[[int, int], None], int], None]

_num_threads = 1
_pool: tuple[int, ThreadPoolExecutor] | None = None  # the other threads, and for how many in all


def num_threads() -> int:
    """How many threads work at once in this process, as `prepare` was told; results do not hang on it."""
    return _num_threads


def alone(work: Callable[[int, int], None], count: int) -> None:
    """All of the work at once, by one."""
    work(0, count)


def share(work: Callable[[int, int], None], count: int) -> None:
    """Call work(first, last) so that [0, count) is covered, by all threads at once, this one among them.

    What goes wrong is raised when all have come to an end.
    """
    bounds = np.linspace(0, count, min(_num_threads, count) + 1).astype(int).tolist()
    if len(bounds) <= 2:
        work(0, count)
        return
    others = [_helpers().submit(work, *bounds[k : k + 2]) for k in range(1, len(bounds) - 1)]
    try:
        work(*bounds[:2])
    finally:
        wait(others)
    for other in others:
        other.result()


def _helpers() -> ThreadPoolExecutor:
    """The other threads, which stay: new ones would have to warm up each time."""
    global _pool
    if _pool is None or _pool[0] != _num_threads:
        if _pool is not None:
            _pool[1].shutdown(wait=False)
        _pool = _num_threads, ThreadPoolExecutor(_num_threads - 1, initializer=_prepare_thread)
    return _pool[1]


def _forget_helpers() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):  # threads do not go along into a forked process
    os.register_at_fork(after_in_child=_forget_helpers)


def _prepare_thread() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # a setting of each thread


def prepare(threads: int = 0) -> None:
    """Use so many threads (0: one a core), count tiny numbers as zero, and keep freed memory.

    torch itself gets one: threads of its own wait for each other in every small operation, and on a busy machine that
    costs more than they bring. Work is shared by genomes instead, see `share`.

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
