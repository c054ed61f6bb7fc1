"""Checks of what a caller gives, each with one sentence that says what was expected and what came."""

from __future__ import annotations

import numpy as np


def whole_number(name: str, value: int, low: int = 0, high: int | None = None) -> int:
    """The value of an option; ValueError unless it is a whole number in [low, high].

    >>> whole_number("num_steps", 3, 1)
    3
    """
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or value < low or (high is not None and value > high):
        limits = f">= {low}" if high is None else f"in [{low}, {high}]"
        raise ValueError(f"{name} must be a whole number {limits}, got {value!r}")
    return int(value)
