"""What can be seen of the organisms of one grid before it is known what they do: who is in whose way, who may fall.

Organisms are told one after the other. Those that are told lie where they went, the others where they are expected:
where they were, or one step on if somebody who is told pushes them. Nothing here is a law that must hold. It only asks
what a push or a fall would be, as in `world.physics`; `world.edit_coder` counts how often it comes to pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from world.codes import BOXLING_COLOUR, WALL_COLOUR
from world.edit_rules import MAX_ORGANISMS

STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))


class Way(IntEnum):
    """What a step of one organism would meet, organisms that it pushes included."""

    FREE = 0
    PUSHES = 1
    FOLLOWS = 2  # free, because who was there makes that step too
    WALL = 3
    BOXLING = 4
    EDGE = 5

    @property
    def is_open(self) -> bool:
        return self <= Way.FOLLOWS


class Scene:
    """Organisms of a picture (H, W), on a canvas that may have another size.

    `bodies` (H, W) are their numbers, 0 for none; those above MAX_ORGANISMS cannot be named and are only in the way.
    All places are (row, column), all moves rows down and columns right.
    """

    def __init__(self, picture: np.ndarray, bodies: np.ndarray, canvas_shape: tuple[int, int]) -> None:
        height, width = (max(sides) for sides in zip(picture.shape, canvas_shape, strict=True))
        self._stride = width + 2  # the edge is a margin of cells around the grid
        self._size = self._stride * (height + 2)
        self.cells: dict[int, list[int]] = {}
        self.colour: dict[int, int] = {}
        self._was = [-1] * self._size  # the organism in each cell, -1 beyond the edge
        looks = picture.tolist()
        for row, row_of_numbers in enumerate(bodies.tolist()):
            start = (row + 1) * self._stride + 1
            self._was[start : start + width] = row_of_numbers + [0] * (width - len(row_of_numbers))
            for column, n in enumerate(row_of_numbers):
                if 0 < n <= MAX_ORGANISMS:
                    if n not in self.cells:
                        self.cells[n] = []
                        self.colour[n] = looks[row][column]
                    self.cells[n].append(start + column)
        for row in range(len(looks), height):
            start = (row + 1) * self._stride + 1
            self._was[start : start + width] = [0] * width
        self._is = self._was.copy()  # the same, where all are or are expected
        self._shift = dict.fromkeys(self.cells, 0)
        self._is_told: set[int] = set()

    def in_order(self) -> list[int]:
        """Who is told when: those that may act, then from the ground up, so that what somebody rests on is known."""
        actors = [n for n, colour in self.colour.items() if colour == BOXLING_COLOUR]
        others = [n for n, colour in self.colour.items() if colour != BOXLING_COLOUR]
        return sorted(actors) + sorted(others, key=lambda n: (-self.cells[n][-1] // self._stride, n))

    def corner(self, n: int) -> tuple[int, int]:
        """The upper left corner of an organism's bounding box."""
        return self.cells[n][0] // self._stride - 1, min(cell % self._stride for cell in self.cells[n]) - 1

    def expected(self, n: int) -> tuple[int, int]:
        """The step that others push it."""
        return self._move_of(self._shift[n])

    def lift(self, n: int) -> None:
        """Begin to tell of an organism: it is nowhere until it is put down."""
        self._clear(n)
        self._is_told.add(n)

    def _clear(self, n: int) -> None:
        shift = self._shift[n]
        for cell in self.cells[n]:
            if self._is[cell + shift] == n:
                self._is[cell + shift] = 0

    def put(self, n: int, move: tuple[int, int]) -> None:
        """Where it went; if that is a step, what is in its way and not yet told is expected to go along."""
        shift = move[0] * self._stride + move[1]
        if move in STEPS:
            members = self.way(n, move)[1]
            pushed = [m for m in members[1:] if m not in self._is_told]
            for m in pushed:
                self._clear(m)
                self._shift[m] = shift
            for m in pushed:
                self._occupy(m)
        self._shift[n] = shift
        self._occupy(n)

    def _occupy(self, n: int) -> None:
        for cell in self.cells[n]:
            to = cell + self._shift[n]
            if 0 <= to < self._size and self._is[to] >= 0:
                self._is[to] = n

    def way(self, n: int, step: tuple[int, int]) -> tuple[Way, Sequence[int]]:
        """What is met by a step from where all were, and whom it moves, itself first; nobody if it is not open."""
        shift = step[0] * self._stride + step[1]
        members = [n]
        way = Way.FREE
        for member in members:
            for cell in self.cells[member]:
                other = self._was[cell + shift]
                if other < 0:
                    return Way.EDGE, ()
                # what cannot be named gives no hint
                if other == 0 or other in members or other not in self.colour:
                    continue
                if self.colour[other] == WALL_COLOUR:
                    return Way.WALL, ()
                if self.colour[other] == BOXLING_COLOUR:
                    return Way.BOXLING, ()
                if other in self._is_told and way == Way.FREE and self._shift[other] == shift:
                    way = Way.FOLLOWS
                else:
                    way = Way.PUSHES
                members.append(other)
        return way, members

    def fall(self, n: int, move: tuple[int, int]) -> int:
        """How many rows a lifted organism would fall after a move; 0 if there is no room where the move ends."""
        shift = move[0] * self._stride + move[1]
        cells = [cell + shift for cell in self.cells[n]]
        if any(self._is[cell] for cell in cells):
            return 0
        rows = 0
        while not any(self._is[cell + self._stride] for cell in cells):
            cells = [cell + self._stride for cell in cells]
            rows += 1
        return rows

    def neighbours(self, n: int) -> list[int]:
        """Organisms that touch it, in the order of its cells, when all are told."""
        found: list[int] = []
        for cell in self.cells[n]:
            at = cell + self._shift[n]
            for step in (-self._stride, -1, 1, self._stride):
                other = self._is[at + step] if 0 <= at + step < self._size else 0
                if other > 0 and other != n and other in self.colour and other not in found:
                    found.append(other)
        return found

    def _move_of(self, shift: int) -> tuple[int, int]:
        """The move of a step."""
        if shift in (-1, 0, 1):
            return 0, shift
        return shift // self._stride, 0
