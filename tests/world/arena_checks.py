"""When two arenas are the same, and a part of one."""

from __future__ import annotations

import numpy as np

from world.engine import Arena


def arrays_of(arena: Arena) -> list[np.ndarray]:
    return [value for value in vars(arena).values() if isinstance(value, np.ndarray)]


def is_same(one: Arena, other: Arena) -> bool:
    """Whether two arenas are the same in every byte."""
    pairs = zip(arrays_of(one), arrays_of(other), strict=True)
    return all(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)


def only(arena: Arena, low: int, high: int) -> Arena:
    """Some of the worlds, copied."""
    return Arena(
        arena.height_cells,
        arena.width_cells,
        arena.margin_cells,
        *(array[low:high].copy() for array in arrays_of(arena)),
    )
