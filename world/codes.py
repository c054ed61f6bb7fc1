"""The numbers that worlds are made of: what cells look like, what agents can do, and who they are.

Colours are those of ARC (Chollet 2019, https://arxiv.org/abs/1911.01547): 0 is empty, 1 to 9 are colours. Two looks are
added: that of a boxling, because a scenario may use all nine colours for its boxes and walls, and that of what lies
beyond the edge of the grid.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

EMPTY = 0
WALL_BODY = 1  # body 1 of every world is its walls, which nothing moves
WALL_COLOUR = 5
BOXLING_COLOUR = 10
OUTSIDE = 11  # the look of what is beyond the edge
NUM_LOOKS = 12
MAX_BODIES = 63  # sets of bodies are bit masks in the physics
COLOUR_NAMES = (
    "empty", "blue", "red", "green", "yellow", "grey", "pink", "orange", "sky", "maroon", "boxling",
)  # fmt: skip


class Act(IntEnum):
    """What an agent does with its body in one tick; a pull drags along what is behind."""

    STAY = 0
    UP = 1
    DOWN = 2
    LEFT = 3
    RIGHT = 4
    PULL_UP = 5
    PULL_DOWN = 6
    PULL_LEFT = 7
    PULL_RIGHT = 8


NUM_ACTS = len(Act)
NUM_PLAIN_ACTS = 5  # those without pulls
STEP_RC = np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]], dtype=np.int64)  # row and column change, by Act
DIRECTIONS = ("up", "down", "left", "right")  # Act value minus one


class Role(IntEnum):
    """A guide knows the goal; a builder acts."""

    GUIDE = 0
    BUILDER = 1
