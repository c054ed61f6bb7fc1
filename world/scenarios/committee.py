"""Scenario `committee`: one agent has seen what a law paints, another where it moves, and a third must obey the law.

A law paints the object of a grid and moves it by a step, as in ARC (Chollet 2019, https://arxiv.org/abs/1911.01547).
What is known of it is dealt out by its factors: the guide has seen a grid before and after the painting, the agent next
to it (the witness) one before and after the moving, and the next one (the solver) sees a new grid, and must make of it
what the law makes. Its answer, a law, is laid over its grid, and all of the grid must be right. So nobody's knowledge
tells the answer before it is pooled, as in hidden profiles (Stasser and Titus 1985,
https://doi.org/10.1037/0022-3514.48.6.1467). Departures: nobody knows what another one knows too, and only one decides.

Worlds of one number are alike but for what their laws make of them: what the solver sees comes with every law, what the
guide sees with every step, and what the witness sees with every colour. So no solver that hears nothing wins more than
1 in the number of laws that there are: of `committee`, whose 4 colours and 4 steps make 16 laws, 1 / 12 of those
trained on, and 1 / 4 of the 4 held out, for who has learned which these are. To vote by what they saw, without a word,
would help the others no further than `Committee.silent_vote`. One who hears the guide alone wins 1 / 3 of the trained
ones, and that is all that measures of first words can find, which know of no other speaker.

`committee:8x8` has as many colours and steps as can be; of both there are 4 to 8.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from world.chance import below, start_states
from world.codes import DIRECTIONS, STEP_RC, WALL_BODY, Role
from world.compiling import njit
from world.engine import Arena, build, law_book
from world.scenarios.base import Attribute, Observation, check_numbers
from world.scenarios.spoken import SpokenScenario, draw_goals
from world.scenarios.told import ARC_COLOURS, COLOURS
from world.sense import whole_view
from world.splits import TRAIN
from world.state import Worlds, worlds_of

DEFAULT_SIZES = (4, 4)
_LEAST_VALUES, _MOST_VALUES = 4, 8  # with fewer, what is held out would be more than a third or miss a value
STEPS = np.concatenate([STEP_RC[1:], [[-1, -1], [-1, 1], [1, -1], [1, 1]]])  # rows and columns, by value
STEP_NAMES = (*DIRECTIONS, "up left", "up right", "down left", "down right")
# rows and columns of four cells each, some of them twice: a square, a corner, a bar and a post
_SHAPES = np.array([
    [[0, 0], [0, 1], [1, 0], [1, 1]], [[0, 0], [1, 0], [1, 1], [1, 1]],
    [[0, 0], [0, 0], [0, 1], [0, 1]], [[0, 0], [0, 0], [1, 0], [1, 0]],
])  # fmt: skip
_PANEL_CELLS = 5  # side of a grid; on the board walls lie between them
_PITCH_CELLS = _PANEL_CELLS + 1  # from one grid to the next
_MIDDLE = 2  # row and column at which the objects of demonstrations begin; there is room for every step
PAINTED, MOVED, SOLVED = 0, 1, 2  # rows of grids on the board: seen by the guide, the witness, the solver
_BEFORE, _AFTER = 2, 3  # body ids in the first row of grids; two more for each row after that
_OUTPUT = _AFTER + 2 * SOLVED  # not there until the solver has answered


@njit(cache=True)
def _draw_scenes(states, num_colours, num_shapes, scene):
    """What is alike in all worlds of a number, into scene (B, 3, 4): shape, colour, row and column by row of grids."""
    for b in range(len(states)):
        state = states[b : b + 1]
        for k in range(3):
            scene[b, k, 0] = below(state, num_shapes)
            scene[b, k, 1] = below(state, num_colours - 1 if k == PAINTED else num_colours)
            scene[b, k, 2] = 1 + below(state, 2) if k == SOLVED else _MIDDLE
            scene[b, k, 3] = 1 + below(state, 2) if k == SOLVED else _MIDDLE


@njit(cache=True)
def _draw_some(states, laws, drawn):
    """Different ones of the laws (N, 2) for each world, into drawn (B, M, 2)."""
    order = np.empty(len(laws), np.int64)
    for b in range(len(states)):
        state = states[b : b + 1]
        for i in range(len(laws)):
            order[i] = i
        for i in range(drawn.shape[1]):
            j = i + below(state, len(laws) - i)
            order[i], order[j] = order[j], order[i]
            drawn[b, i] = laws[order[i]]


class Committee(SpokenScenario):
    """See the module's docstring. The answer is what the solver's world model says after it has heard both others."""

    summary = "one has seen what a law paints, one where it moves; the third hears them and must obey it"
    num_agents = 3
    # Before, and down to the right of it after: eyes sum up rows and columns, and with both grids side by side the
    # witnesses of one seed in three took up for down.
    view_shape = (2 * _PANEL_CELLS, 2 * _PANEL_CELLS)
    num_looks = 10
    guide_sees = True
    variants = ("committee:8x8",)

    def __init__(self, sizes: tuple[int, int] = DEFAULT_SIZES, name: str = "committee") -> None:
        self.name = name
        num_colours, num_steps = sizes
        self.attributes = (
            Attribute("colour", COLOURS[:num_colours], is_visible=False),
            Attribute("step", STEP_NAMES[:num_steps], is_visible=False),
        )
        self.num_choices = len(self.meanings(TRAIN))

    def with_argument(self, argument: str) -> Committee:
        parts = argument.split("x")
        is_whole = len(parts) == 2 and all(part.isdecimal() and len(part) == 1 for part in parts)
        sizes = tuple(map(int, parts)) if is_whole else (0, 0)
        if not all(_LEAST_VALUES <= size <= _MOST_VALUES for size in sizes):
            raise ValueError(
                f"scenario {self.kind} takes COLOURSxSTEPS, {_LEAST_VALUES} to {_MOST_VALUES} each, such as 4x8, "
                f"got {argument!r}"
            )
        return _committee((sizes[0], sizes[1]))

    def is_held_out(self, meanings: np.ndarray) -> np.ndarray:
        # a Latin pattern: a quarter, and of every colour and of every step some
        return meanings.astype(np.int64).sum(axis=1) % 4 == 3

    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        numbers = check_numbers(numbers)
        meanings = self.meanings(split)
        role = np.full((len(numbers), self.num_agents), Role.BUILDER, np.int8)
        goal = np.zeros((len(numbers), self.num_attributes), np.int16)
        draw_goals(start_states(numbers, self.name, split, "law"), meanings, role, goal)
        return self._worlds_of(numbers, split, role, goal)

    def under_law(self, numbers: np.ndarray, split: str, law: np.ndarray) -> Worlds:
        """The worlds with these numbers (B,) of a split, if `law` (2,), a colour and a step, were the law of all."""
        worlds = self.generate(numbers, split)
        goal = np.broadcast_to(np.asarray(law, np.int16), worlds.goal.shape).copy()
        return self._worlds_of(check_numbers(numbers), split, worlds.role, goal)

    def _worlds_of(self, numbers: np.ndarray, split: str, role: np.ndarray, goal: np.ndarray) -> Worlds:
        """Worlds at their start, with these roles (B, A) and laws (B, 2)."""
        num_worlds, num_colours = len(numbers), self.attribute_sizes[0]
        scene = np.zeros((num_worlds, 3, 4), np.int64)
        _draw_scenes(start_states(numbers, self.name, split, "scene"), num_colours, len(_SHAPES), scene)
        # what is painted had another colour before
        scene[:, PAINTED, 1] = (goal[:, 0] + 1 + scene[:, PAINTED, 1]) % num_colours
        after = scene.copy()
        after[:, PAINTED, 1] = goal[:, 0]
        after[:, MOVED, 2:] += STEPS[goal[:, 1]]
        board = np.zeros((num_worlds, 3 * _PITCH_CELLS - 1, 2 * _PITCH_CELLS - 1), np.uint8)
        board[:, _PANEL_CELLS::_PITCH_CELLS] = WALL_BODY
        board[:, :, _PANEL_CELLS] = WALL_BODY
        colour = np.zeros((num_worlds, _OUTPUT + 1), np.uint8)
        for k in (PAINTED, MOVED, SOLVED):
            _lay(board, colour, _BEFORE + 2 * k, scene[:, k], k, 0)
            if k != SOLVED:
                _lay(board, colour, _AFTER + 2 * k, after[:, k], k, 1)
        worlds = worlds_of(_arena(board, colour), self.num_agents, self.num_attributes)
        worlds.role, worlds.goal = role, goal
        worlds.choices = self.candidates(goal, numbers, split)
        return worlds

    def candidates(self, goals: np.ndarray, numbers: np.ndarray, split: str) -> np.ndarray:
        """The laws in play, the same for all goals (N, 2): those of the split, then trained ones, each once."""
        # With all laws in play boxlings learned that some never come, and named 0.99 of the trained ones and 0.16 of
        # those held out. What is not in play has not to be ruled out, so that nothing is learned about it.
        trained, of_split = self.meanings(TRAIN), self.meanings(split)
        choices = np.zeros((len(goals), self.num_choices, self.num_attributes), np.int16)
        choices[:, : len(of_split)] = of_split
        states = start_states(check_numbers(numbers), self.name, split, "in play")
        _draw_some(states, trained, choices[:, len(of_split) :])
        return choices

    def observe(self, worlds: Worlds) -> Observation:
        guide = (worlds.role == Role.GUIDE).argmax(axis=1)[:, None]
        seen = (np.arange(self.num_agents) - guide) % self.num_agents  # (B, A): a row of grids
        board = whole_view(worlds)
        pairs = np.zeros((len(worlds), 3, *self.view_shape), np.uint8)
        for k in (PAINTED, MOVED, SOLVED):
            for place in (0, 1):
                at = slice(place * _PANEL_CELLS, (place + 1) * _PANEL_CELLS)
                pairs[:, k, at, at] = _panel(board, k, place)
        view = pairs[np.arange(len(worlds))[:, None], seen]
        everybody = np.ones(worlds.role.shape, bool)
        return Observation(view=view, sees=everybody, knows=~everybody)

    def outputs(self, worlds: Worlds, laws: np.ndarray) -> np.ndarray:
        """What a law (B, 2) each, a colour and a step, makes of the solvers' grids: colours (B, 5, 5) uint8."""
        board, colour = self._obeyed(worlds, laws)
        bodies = _panel(board, SOLVED, 1)
        return np.where(bodies > 0, colour[np.arange(len(board))[:, None, None], bodies], 0)

    def _obeyed(self, worlds: Worlds, laws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boards (B, H, W) of bodies and their colours (B, K), with what these laws make of the solvers' grids."""
        board, colour = worlds.owner.copy(), worlds.colour.copy()
        board[board == _OUTPUT] = 0
        is_object = board == _BEFORE + 2 * SOLVED
        b, row, column = np.nonzero(is_object)
        step = STEPS[laws[b, 1]]
        board[b, row + step[:, 0], column + step[:, 1] + _PITCH_CELLS] = _OUTPUT
        colour[:, _OUTPUT] = ARC_COLOURS[laws[:, 0]]
        return board, colour

    def solver(self, worlds: Worlds) -> np.ndarray:
        """Which agent answers, (B, A) bool: the second after the guide."""
        return np.roll(worlds.role == Role.GUIDE, SOLVED, axis=1)

    def is_right(self, worlds: Worlds, answers: np.ndarray) -> np.ndarray:
        """Whether the whole grid is right that comes of each agent's answer, (B, A) bool; only the solver is asked."""
        is_solver = self.solver(worlds)
        made = self.outputs(worlds, answers[is_solver])
        is_whole = (made == self.outputs(worlds, worlds.goal)).all(axis=(1, 2))
        return is_whole[:, None] | ~is_solver

    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        was_over = worlds.is_over.copy()
        reward = super().advance(worlds, actions, answers)
        ends = np.flatnonzero(worlds.is_over & ~was_over)
        if len(ends) and answers is not None:
            ended = worlds.take(ends)
            board, colour = self._obeyed(ended, answers[ends][self.solver(ended)])
            worlds.arena.put(ends, _arena(board, colour))
        return reward

    def picture_of(self, meanings: np.ndarray) -> np.ndarray:
        numbers = np.zeros(len(meanings), np.int64)
        role = np.tile(np.array([Role.GUIDE, Role.BUILDER, Role.BUILDER], np.int8), (len(meanings), 1))
        worlds = self._worlds_of(numbers, TRAIN, role, np.asarray(meanings, np.int16))
        return self.observe(worlds).view[:, 0]

    def silent_vote(self) -> float:
        """As in every scenario: here in which the grid is right that the two who saw a demonstration vote for.

        Each votes for a grid by a law that is trained on and agrees with what it saw; between two grids chance decides.
        So the vote is as often right as its voters are on average, whatever they agreed on before.
        """
        meanings = self.meanings(TRAIN)
        by_one = [len(np.unique(column)) / len(meanings) for column in meanings.T]
        return float(np.mean(by_one))


def _lay(board: np.ndarray, colour: np.ndarray, body: int, thing: np.ndarray, row_of_grids: int, place: int) -> None:
    """Put a thing (B, 4), its shape, colour, row and column, into the boards (B, H, W), before or after a wall."""
    cells = thing[:, None, 2:] + _SHAPES[thing[:, 0]]  # (B, 4, 2)
    worlds = np.arange(len(board))[:, None]
    board[worlds, cells[..., 0] + row_of_grids * _PITCH_CELLS, cells[..., 1] + place * _PITCH_CELLS] = body
    colour[:, body] = ARC_COLOURS[thing[:, 1]]


def _panel(board: np.ndarray, row_of_grids: int, place: int) -> np.ndarray:
    """One grid (B, 5, 5) of the boards (B, H, W), before or after a wall."""
    first_row, first_column = row_of_grids * _PITCH_CELLS, place * _PITCH_CELLS
    return board[:, first_row : first_row + _PANEL_CELLS, first_column : first_column + _PANEL_CELLS]


def _arena(board: np.ndarray, colour: np.ndarray) -> Arena:
    return build(board, colour, law_book(), agent_body=np.zeros((len(board), Committee.num_agents), np.uint8))


@lru_cache(maxsize=32)
def _committee(sizes: tuple[int, int]) -> Committee:
    return Committee(sizes, "committee" if sizes == DEFAULT_SIZES else f"committee:{sizes[0]}x{sizes[1]}")
