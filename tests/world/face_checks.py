"""What tests of faces compare."""

from __future__ import annotations

from typing import Any

import numpy as np

from world.state import Worlds


def as_bytes(value: Any) -> Any:
    """Everything about a value that could differ: types, shapes and bytes."""
    if isinstance(value, dict):
        return {key: as_bytes(part) for key, part in value.items()}
    if isinstance(value, Worlds):
        return as_bytes(value.arrays())
    if isinstance(value, tuple | list):
        return [as_bytes(part) for part in value]
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    return type(value).__name__, repr(value)
