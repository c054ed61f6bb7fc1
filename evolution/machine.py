"""Settings of this process that make small tensors fast."""

from __future__ import annotations

import ctypes
import sys

import torch

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def check_device(device: str) -> None:
    """ValueError for a device that this machine does not have."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be cpu here, got cuda: torch finds no CUDA device on this machine")


def prepare(threads: int) -> None:
    """Use so many threads in torch, count tiny numbers as zero, and keep freed memory.

    Without the first, the moments of unused parameters decay into denormal numbers, on which sums are up to forty times
    slower. Without the last, glibc hands every tensor of a few hundred kilobytes back to the system, and a third of the
    time goes into page faults.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    if sys.platform == "linux":
        try:
            mallopt = ctypes.CDLL(None).mallopt
        except (OSError, AttributeError):
            return  # another C library: only slower
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, 64 << 20)
