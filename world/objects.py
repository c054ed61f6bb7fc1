"""Objects of a colour grid: connected cells of one colour, and the properties by which a law can choose among them.

Colour grids are those of ARC (Chollet 2019, https://arxiv.org/abs/1911.01547). Nothing here depends on the order in
which cells are read: objects are numbered in that order, but no property of an object looks at its number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from world.compiling import njit
from world.symmetry import STEPS

NEIGHBOUR_STEPS = np.array(list(STEPS.values()), np.int64)  # (8, 2): neighbours by sides, then by corners
_SIZE, _TOP, _LEFT, _BOTTOM, _RIGHT = range(5)


@njit(cache=True)
def label(keys, connectivity):
    """Number the connected regions of equal non-zero keys (H, W): labels (H, W) int16 from 1 on, and how many."""
    height, width = keys.shape
    labels = np.zeros((height, width), np.int16)
    stack = np.empty(height * width, np.int32)
    num_regions = 0
    for start in range(height * width):
        key = keys[start // width, start % width]
        if key == 0 or labels[start // width, start % width] != 0:
            continue
        num_regions += 1
        labels[start // width, start % width] = num_regions
        stack[0] = start
        num_waiting = 1
        while num_waiting > 0:
            num_waiting -= 1
            at_row, at_col = stack[num_waiting] // width, stack[num_waiting] % width
            for k in range(connectivity):
                row, col = at_row + NEIGHBOUR_STEPS[k, 0], at_col + NEIGHBOUR_STEPS[k, 1]
                if row < 0 or row >= height or col < 0 or col >= width:
                    continue
                if keys[row, col] == key and labels[row, col] == 0:
                    labels[row, col] = num_regions
                    stack[num_waiting] = row * width + col
                    num_waiting += 1
    return labels, num_regions


@njit(cache=True)
def enclosed_cells(is_open, connectivity):
    """Which open cells (H, W) no path over open cells joins to the border: (H, W) bool."""
    height, width = is_open.shape
    labels, num_regions = label(is_open, connectivity)
    is_enclosed = np.ones(num_regions + 1, np.bool_)
    is_enclosed[0] = False
    for row in range(height):
        is_enclosed[labels[row, 0]] = False
        is_enclosed[labels[row, width - 1]] = False
    for col in range(width):
        is_enclosed[labels[0, col]] = False
        is_enclosed[labels[height - 1, col]] = False
    enclosed = np.empty((height, width), np.bool_)
    for row in range(height):
        for col in range(width):
            enclosed[row, col] = is_enclosed[labels[row, col]]
    return enclosed


@njit(cache=True)
def _measure(grid, labels, num_objects):
    """Colour (N,) and size, top, left, bottom, right (N, 5) of each object; the ends are the last row and column."""
    colour = np.zeros(num_objects, np.uint8)
    table = np.zeros((num_objects, 5), np.int32)
    table[:, _TOP] = labels.shape[0]
    table[:, _LEFT] = labels.shape[1]
    for row in range(labels.shape[0]):
        for col in range(labels.shape[1]):
            n = labels[row, col] - 1
            if n < 0:
                continue
            colour[n] = grid[row, col]
            table[n, _SIZE] += 1
            table[n, _TOP] = min(table[n, _TOP], row)
            table[n, _LEFT] = min(table[n, _LEFT], col)
            table[n, _BOTTOM] = max(table[n, _BOTTOM], row)
            table[n, _RIGHT] = max(table[n, _RIGHT], col)
    return colour, table


@njit(cache=True)
def _num_holes(labels, table, connectivity):
    """Regions of other cells that each object encloses, (N,)."""
    counts = np.empty(len(table), np.int32)
    for n in range(len(table)):
        top, left = table[n, _TOP], table[n, _LEFT]
        height, width = table[n, _BOTTOM] - top + 1, table[n, _RIGHT] - left + 1
        if height < 3 or width < 3:
            counts[n] = 0
            continue
        # one more row and column on each side, so that all that lies outside is one region
        is_other = np.ones((height + 2, width + 2), np.uint8)
        for row in range(height):
            for col in range(width):
                if labels[top + row, left + col] == n + 1:
                    is_other[row + 1, col + 1] = 0
        counts[n] = label(is_other, connectivity)[1] - 1
    return counts


@njit(cache=True)
def _has_mirror(labels, table):
    """Whether each object is its own mirror image, left-right or up-down: (N,) bool."""
    has_mirror = np.empty(len(table), np.bool_)
    for n in range(len(table)):
        top, left, bottom, right = table[n, _TOP], table[n, _LEFT], table[n, _BOTTOM], table[n, _RIGHT]
        left_right, up_down = True, True
        for row in range(top, bottom + 1):
            for col in range(left, right + 1):
                is_in = labels[row, col] == n + 1
                left_right = left_right and is_in == (labels[row, left + right - col] == n + 1)
                up_down = up_down and is_in == (labels[top + bottom - row, col] == n + 1)
        has_mirror[n] = left_right or up_down
    return has_mirror


@njit(cache=True)
def have_same_shape(labels, table, n, m):
    """Whether two objects are the same cells, one moved to the other; colours do not matter."""
    height, width = table[n, _BOTTOM] - table[n, _TOP], table[n, _RIGHT] - table[n, _LEFT]
    if table[n, _SIZE] != table[m, _SIZE]:
        return False
    if height != table[m, _BOTTOM] - table[m, _TOP] or width != table[m, _RIGHT] - table[m, _LEFT]:
        return False
    for row in range(height + 1):
        for col in range(width + 1):
            is_in_n = labels[table[n, _TOP] + row, table[n, _LEFT] + col] == n + 1
            if is_in_n != (labels[table[m, _TOP] + row, table[m, _LEFT] + col] == m + 1):
                return False
    return True


@njit(cache=True)
def _has_unique_shape(labels, table):
    """Whether no other object has the same shape: (N,) bool."""
    is_unique = np.ones(len(table), np.bool_)
    for n in range(len(table)):
        for m in range(len(table)):
            if n != m and have_same_shape(labels, table, n, m):
                is_unique[n] = False
                break
    return is_unique


@dataclass(frozen=True, eq=False)
class Objects:
    """The N objects of a grid (H, W)."""

    labels: np.ndarray  # (H, W) int16: object n is where this is n + 1; 0 is empty
    colour: np.ndarray  # (N,) uint8
    table: np.ndarray  # (N, 5) int32: size in cells; first and last row and column
    connectivity: int  # 4 joins by sides, 8 by corners too

    def __len__(self) -> int:
        return len(self.colour)

    @property
    def size(self) -> np.ndarray:
        """Cells of each object, (N,)."""
        return self.table[:, _SIZE]

    @property
    def top(self) -> np.ndarray:
        """First row of each object, (N,)."""
        return self.table[:, _TOP]

    @property
    def left(self) -> np.ndarray:
        """First column of each object, (N,)."""
        return self.table[:, _LEFT]

    @property
    def height(self) -> np.ndarray:
        """Rows of each object, (N,)."""
        return self.table[:, _BOTTOM] - self.table[:, _TOP] + 1

    @property
    def width(self) -> np.ndarray:
        """Columns of each object, (N,)."""
        return self.table[:, _RIGHT] - self.table[:, _LEFT] + 1

    @property
    def num_holes(self) -> np.ndarray:
        """Holes of each object, (N,): what corners let through is no hole of an object joined by sides only."""
        return _num_holes(self.labels, self.table, 12 - self.connectivity)

    @property
    def has_mirror(self) -> np.ndarray:
        """Whether each object is its own mirror image, left-right or up-down, (N,) bool."""
        return _has_mirror(self.labels, self.table)

    @property
    def is_rectangle(self) -> np.ndarray:
        """Whether each object fills its bounding box, (N,) bool."""
        return self.size == self.height * self.width

    @property
    def touches_border(self) -> np.ndarray:
        """Whether each object has a cell at the border of the grid, (N,) bool."""
        _, top, left, bottom, right = self.table.T
        height, width = self.labels.shape
        return (top == 0) | (left == 0) | (bottom == height - 1) | (right == width - 1)

    @property
    def has_unique_shape(self) -> np.ndarray:
        """Whether no other object has the same shape, whatever its colour and place, (N,) bool; turned ones differ."""
        return _has_unique_shape(self.labels, self.table)

    def box(self, n: int) -> tuple[slice, slice]:
        """The rows and columns of the bounding box of object n."""
        _, top, left, bottom, right = self.table[n].tolist()
        return slice(top, bottom + 1), slice(left, right + 1)

    def mask(self, n: int) -> np.ndarray:
        """The cells of object n in its bounding box, bool."""
        return self.labels[self.box(n)] == n + 1


def find_objects(grid: np.ndarray, connectivity: int) -> Objects:
    """The objects of a colour grid (H, W): cells of one colour joined by sides (4), or by sides or corners (8)."""
    labels, num_objects = label(grid, connectivity)
    colour, table = _measure(grid, labels, num_objects)
    return Objects(labels, colour, table, connectivity)


def _has_size_rank(objects: Objects, rank: str) -> np.ndarray:
    if not len(objects):
        return np.zeros(0, bool)
    return objects.size == (objects.size.max() if rank == "largest" else objects.size.min())


# a property of objects and a value, to which of them have it
PROPERTIES: dict[str, Callable[[Objects, Any], np.ndarray]] = {
    "size": lambda objects, cells: objects.size == cells,
    "size_at_least": lambda objects, cells: objects.size >= cells,
    "size_rank": _has_size_rank,
    "holes": lambda objects, count: objects.num_holes == count,
    "symmetric": lambda objects, answer: objects.has_mirror == answer,
    "rectangle": lambda objects, answer: objects.is_rectangle == answer,
    "touches_border": lambda objects, answer: objects.touches_border == answer,
    "unique_shape": lambda objects, answer: objects.has_unique_shape == answer,
    "colour": lambda objects, colour: objects.colour == colour,
    "height": lambda objects, rows: objects.height == rows,
    "width": lambda objects, columns: objects.width == columns,
}


def select(objects: Objects, which: tuple[str, Any]) -> np.ndarray:
    """Which objects have a property, (N,) bool; `which` is a name of PROPERTIES and a value.

    >>> grid = np.array([[3, 3, 0], [0, 0, 3]], np.uint8)
    >>> select(find_objects(grid, 4), ("size_rank", "largest")).tolist()
    [True, False]
    """
    name, value = which
    return PROPERTIES[name](objects, value)
