"""The eight symmetries of a square, and what they do to grids and to directions.

A symmetry is named by what it does to a picture. Its matrix takes a step (rows, columns) to the turned step, so that a
law that goes up in a world goes right in the same world turned to the right.
"""

from __future__ import annotations

import numpy as np

Matrix = tuple[tuple[int, int], tuple[int, int]]

SYMMETRIES: dict[str, Matrix] = {
    "identity": ((1, 0), (0, 1)),
    "turn_right": ((0, 1), (-1, 0)),
    "turn_around": ((-1, 0), (0, -1)),
    "turn_left": ((0, -1), (1, 0)),
    "mirror_left_right": ((1, 0), (0, -1)),
    "mirror_up_down": ((-1, 0), (0, 1)),
    "mirror_diagonal": ((0, 1), (1, 0)),  # the diagonal from the upper left stays
    "mirror_antidiagonal": ((0, -1), (-1, 0)),
}

STEPS: dict[str, tuple[int, int]] = {  # (rows, columns); the first four go straight
    "up": (-1, 0),
    "down": (1, 0),
    "left": (0, -1),
    "right": (0, 1),
    "up_left": (-1, -1),
    "up_right": (-1, 1),
    "down_left": (1, -1),
    "down_right": (1, 1),
}

_NAME_OF_MATRIX = {matrix: name for name, matrix in SYMMETRIES.items()}
_NAME_OF_STEP = {step: name for name, step in STEPS.items()}


def swaps_axes(symmetry: str) -> bool:
    """Whether rows become columns."""
    return SYMMETRIES[symmetry][0][0] == 0


def compose(second: str, first: str) -> str:
    """The symmetry that does `first`, then `second`.

    >>> compose("turn_right", "mirror_left_right")
    'mirror_antidiagonal'
    """
    (a, b), (c, d) = SYMMETRIES[second]
    (e, f), (g, h) = SYMMETRIES[first]
    return _NAME_OF_MATRIX[(a * e + b * g, a * f + b * h), (c * e + d * g, c * f + d * h)]


def inverse(symmetry: str) -> str:
    """The symmetry that undoes this one.

    >>> inverse("turn_right")
    'turn_left'
    """
    (a, b), (c, d) = SYMMETRIES[symmetry]
    return _NAME_OF_MATRIX[(a, c), (b, d)]


def turn_direction(direction: str, symmetry: str) -> str:
    """Where a direction of STEPS points in the turned picture.

    >>> turn_direction("up", "turn_right")
    'right'
    """
    (a, b), (c, d) = SYMMETRIES[symmetry]
    rows, columns = STEPS[direction]
    return _NAME_OF_STEP[a * rows + b * columns, c * rows + d * columns]


def transform(grid: np.ndarray, symmetry: str) -> np.ndarray:
    """The turned or mirrored picture of a grid (H, W): a view, (W, H) if the axes are swapped.

    >>> transform(np.array([[1, 2], [3, 4]]), "turn_right").tolist()
    [[3, 1], [4, 2]]
    """
    (a, b), (c, d) = SYMMETRIES[symmetry]
    return (grid if a else grid.T)[:: a + b, :: c + d]
