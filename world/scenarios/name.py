"""Scenario `name`: the guide sees one organism and talks; the builder sees nothing and must say what is there.

The pure language game (Lewis 1969; field's standard is the reconstruction game), as pixels in, words out: 4 colours x
4 shapes x 5 rows x 5 columns make 400 meanings, a fifth of which is held out of training.
"""

from __future__ import annotations

import numpy as np

from world.chance import start_states
from world.codes import Role
from world.compiling import njit
from world.engine import Arena, build, law_book
from world.scenarios.base import Attribute, Observation, check_numbers
from world.scenarios.spoken import SpokenScenario, draw_goals
from world.sense import whole_view
from world.state import Worlds, worlds_of

_COLOURS = ("blue", "red", "green", "yellow")  # ARC colours 1 to 4
_SHAPES = {
    "square": ((0, 0), (0, 1), (1, 0), (1, 1)),
    "corner": ((0, 0), (1, 0), (1, 1)),
    "bar": ((0, 0), (0, 1)),
    "post": ((0, 0), (1, 0)),
}
_SHAPE_CELLS = np.full((len(_SHAPES), 4, 2), -1, np.int64)  # row and column of each cell, -1 where there is none
for _index, _cells in enumerate(_SHAPES.values()):
    _SHAPE_CELLS[_index, : len(_cells)] = _cells
_SIDE_CELLS = 6
_ORGANISM = 2  # its body id


@njit(cache=True)
def _paint_kernel(goal, shape_cells, owner, colour):
    """The organism that each goal (B, G) speaks of."""
    for b in range(len(goal)):
        colour[b, _ORGANISM] = goal[b, 0] + 1
        for cell in range(shape_cells.shape[1]):
            d_row, d_col = shape_cells[goal[b, 1], cell]
            if d_row >= 0:
                owner[b, goal[b, 2] + d_row, goal[b, 3] + d_col] = _ORGANISM


class Name(SpokenScenario):
    """See the module's docstring. The answer is what the builder's world model says after it has heard one message."""

    name = "name"
    summary = "the guide sees one organism and talks; the builder sees nothing and must say what is there"
    attributes = (
        Attribute("colour", _COLOURS),
        Attribute("shape", tuple(_SHAPES)),
        Attribute("row", tuple("12345")),
        Attribute("column", tuple("12345")),
    )
    view_shape = (_SIDE_CELLS, _SIDE_CELLS)
    view_is_whole = True
    num_looks = 5
    guide_sees = True

    def is_held_out(self, meanings: np.ndarray) -> np.ndarray:
        # a Latin pattern: every pair of values of two attributes is trained on, in other company
        return meanings.astype(np.int64) @ np.array([1, 2, 1, 3]) % 5 == 0

    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        numbers = check_numbers(numbers)
        meanings = self.meanings(split)
        role = np.full((len(numbers), self.num_agents), Role.BUILDER, np.int8)
        goal = np.zeros((len(numbers), self.num_attributes), np.int16)
        draw_goals(start_states(numbers, self.name, split), meanings, role, goal)
        worlds = worlds_of(self._arena_of(goal), self.num_agents, self.num_attributes)
        worlds.role, worlds.goal = role, goal
        return worlds

    def _arena_of(self, meanings: np.ndarray) -> Arena:
        """The organism of each meaning, alone in its world."""
        grid = np.zeros((len(meanings), _SIDE_CELLS, _SIDE_CELLS), np.uint8)
        colour = np.zeros((len(meanings), _ORGANISM + 1), np.uint8)
        _paint_kernel(np.ascontiguousarray(meanings, np.int16), _SHAPE_CELLS, grid, colour)
        return build(grid, colour, law_book(), agent_body=np.zeros((len(meanings), self.num_agents), np.uint8))

    def picture_of(self, meanings: np.ndarray) -> np.ndarray:
        return self._arena_of(meanings).picture()

    def observe(self, worlds: Worlds) -> Observation:
        is_guide = worlds.role == Role.GUIDE
        view = whole_view(worlds)[:, None] * is_guide[:, :, None, None].astype(np.uint8)
        return Observation(view=view, sees=is_guide, knows=np.zeros_like(is_guide))
