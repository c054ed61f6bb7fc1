"""Scenario `relay`: a guide sees demonstrations of a law and speaks; a builder sees the test alone, and edits it.

The law, as in ARC (Chollet 2019, https://arxiv.org/abs/1911.01547), moves all objects of a colour by a step and leaves
the others alone. The guide sees two demonstrations, one after the other, and no test. The builder has a canvas, on
which the test's input lies, and no demonstration: so do people hand on ARC tasks in LARC (Acquaviva et al. 2022,
https://arxiv.org/abs/2106.07824). It has a glance at the whole canvas while the guide says its first word, then its
selection goes from object to object in reading order, and its view is centred on the selected one. An act
is an edit: `MOVE` the selected object by a cell, as often as need be, or stay, and so go on to the next. After the
last one, or when its steps are up, the canvas is handed in, and every cell has to be right. Departures from LARC: the
guide may say a word in each step, and the builder cannot choose what to look at.

Canvases are drawn before laws, so that nothing on them tells the law: of the three colours that lie there each is as
often the one that moves, by each step of the split. So a builder that hears nothing wins at most 1 in 3 times the
number of steps that a colour has: of `relay`, whose 6 colours and 8 steps make 48 laws, 1 / 18 of those trained on,
and 1 / 6 of the 12 held out, for who has learned which these are. There is no one to vote with: a silent vote is what
the builder makes of it alone.

`relay:4x4` has as few colours and steps as can be; of colours there are 4 to 8, of steps 4 or 8.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from world.chance import below, start_states
from world.codes import BOXLING_COLOUR, NUM_LOOKS, OUTSIDE, STEP_RC, WALL_BODY, Act, Role
from world.compiling import njit
from world.engine import Arena, build, law_book
from world.scenarios.base import Attribute, Observation, Scenario, check_numbers
from world.scenarios.committee import STEP_NAMES, STEPS
from world.scenarios.told import ARC_COLOURS, COLOURS, draw_colours
from world.splits import TRAIN
from world.state import Worlds, worlds_of

DEFAULT_SIZES = (6, 8)
_STEP_COUNTS = (4, 8)  # a third of them would not be held out of every colour alike
_NUM_OBJECTS, _NUM_PRESENT = 4, 3  # on the canvas, and their colours
_NUM_SHOWN = 2  # objects in a demonstration
_DEMO_CELLS, _CANVAS_CELLS = 5, 8  # sides of the grids
_WIDE = 23  # of the board: before and after of two demonstrations, over input and canvas, over the selection's lane
_HIGH = _DEMO_CELLS + 1 + _CANVAS_CELLS + 1 + 1
_CANVAS_ROW = _DEMO_CELLS + 1
_INPUT_COLUMN, _CANVAS_COLUMN = 2, 13
_SHOWN = 2  # body ids: the objects of demonstrations, grid by grid
_INPUT = _SHOWN + 4 * _NUM_SHOWN
_CANVAS = _INPUT + _NUM_OBJECTS
_SELECTION = _CANVAS + _NUM_OBJECTS  # the builder's body: a mark in the lane, one place further for each object
_VIEW_CELLS = 11


@njit(cache=True)
def _place(state, grid, margin, body):
    """Put a rectangle of up to 2 x 2 cells where all around is free, `margin` cells from the edge; (top, left, ...)."""
    height, width = grid.shape
    for _ in range(40):
        high, wide = 1 + below(state, 2), 1 + below(state, 2)
        top = margin + below(state, height - 2 * margin - high + 1)
        left = margin + below(state, width - 2 * margin - wide + 1)
        around = grid[max(top - 1, 0) : top + high + 1, max(left - 1, 0) : left + wide + 1]
        if (around == 0).all():
            grid[top : top + high, left : left + wide] = body
            return top, left, high, wide
    return -1, -1, 0, 0


@njit(cache=True)
def _draw_canvas(state, grid, order, colours):
    """Four objects in reading order, into grid (8, 8) as 1 to 4; colours (4,) of three kinds, order[:3] the kinds."""
    while True:
        grid[:] = 0
        is_full = True
        for k in range(len(colours)):
            is_full = is_full and _place(state, grid, 1, 1 + k)[0] >= 0
        if is_full:
            break
    names = np.zeros(len(colours) + 1, grid.dtype)
    count = 0
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            if grid[i, j] > 0:
                if names[grid[i, j]] == 0:
                    count += 1
                    names[grid[i, j]] = count
                grid[i, j] = names[grid[i, j]]
    for i in range(len(order)):
        order[i] = i
    for i in range(len(order) - 1):
        j = i + below(state, len(order) - i)
        order[i], order[j] = order[j], order[i]
    colours[:3], colours[3] = order[:3], order[0]
    for i in range(len(colours) - 1):
        j = i + below(state, len(colours) - i)
        colours[i], colours[j] = colours[j], colours[i]


@njit(cache=True)
def _draw_demonstration(state, before, after, first_body, step_row, step_column):
    """The object that moves and one that stays, into before and after (5, 5), which get bodies of their own."""
    while True:
        before[:] = 0
        after[:] = 0
        top, left, high, wide = _place(state, before, 1, first_body)
        row, column, down, across = _place(state, before, 0, first_body + 1)
        if row >= 0:
            break
    top, left = top + step_row, left + step_column
    after[top : top + high, left : left + wide] = first_body + 2
    after[row : row + down, column : column + across] = first_body + 3


@njit(cache=True)
def _draw_kernel(
    canvas_states, law_states, demo_states, steps_of, steps, arc_colours, forced, board, colour, role, goal
):
    order = np.empty(len(steps_of), np.int64)
    colours = np.empty(4, np.int64)
    canvas = np.empty((8, 9), np.uint8)[:, :8]  # laid out as what is cut out of a board
    for b in range(len(board)):
        _draw_canvas(canvas_states[b : b + 1], canvas, order, colours)
        for k in range(4):
            colour[b, _INPUT + k] = colour[b, _CANVAS + k] = arc_colours[colours[k]]
        for i in range(8):
            for j in range(8):
                if canvas[i, j] > 0:
                    board[b, _CANVAS_ROW + i, _INPUT_COLUMN + j] = _INPUT - 1 + canvas[i, j]
                    board[b, _CANVAS_ROW + i, _CANVAS_COLUMN + j] = _CANVAS - 1 + canvas[i, j]
        state = law_states[b : b + 1]
        role[b, below(state, role.shape[1])] = 0
        wanted = order[below(state, 3)]
        step = steps_of[wanted, below(state, steps_of.shape[1])]
        if forced[b, 0] >= 0:
            wanted, step = forced[b, 0], forced[b, 1]
        goal[b, 0], goal[b, 1] = wanted, step
        state = demo_states[b : b + 1]
        for d in range(2):
            first, left, right = _SHOWN + 4 * d, 12 * d, 12 * d + 6
            draw_colours(state, order, wanted, 2)
            colour[b, first] = colour[b, first + 2] = arc_colours[wanted]
            colour[b, first + 1] = colour[b, first + 3] = arc_colours[order[0] + order[1] - wanted]
            _draw_demonstration(
                state, board[b, :5, left : left + 5], board[b, :5, right : right + 5], first, steps[step, 0],
                steps[step, 1],
            )  # fmt: skip


class Relay(Scenario):
    """See the module's docstring."""

    summary = "a guide sees two demonstrations and talks; a builder sees the test alone, and edits it"
    num_agents = 2
    num_steps = 14  # 9 if nothing is done in vain
    view_shape = (_VIEW_CELLS, _VIEW_CELLS)
    num_looks = NUM_LOOKS
    is_decided_by_answers = False
    guide_sees = True
    variants = ("relay:4x4",)
    wrong_canvas_reward = -0.15

    def __init__(self, sizes: tuple[int, int] = DEFAULT_SIZES, name: str = "relay") -> None:
        self.name = name
        num_colours, num_steps = sizes
        self.attributes = (
            Attribute("colour", COLOURS[:num_colours]),
            Attribute("step", STEP_NAMES[:num_steps], is_visible=False),
        )

    def with_argument(self, argument: str) -> Relay:
        colours, _, steps = argument.partition("x")
        is_whole = all(part.isdecimal() and len(part) == 1 for part in (colours, steps))
        if not is_whole or not 4 <= int(colours) <= len(COLOURS) or int(steps) not in _STEP_COUNTS:
            raise ValueError(
                f"scenario {self.kind} takes COLOURSxSTEPS, 4 to {len(COLOURS)} colours and 4 or 8 steps, such as 6x4, "
                f"got {argument!r}"
            )
        return _relay((int(colours), int(steps)))

    def is_held_out(self, meanings: np.ndarray) -> np.ndarray:
        # a Latin pattern: a quarter, and of every colour equally many
        return meanings.astype(np.int64).sum(axis=1) % 4 == 3

    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        return self.under_law(numbers, split, np.array([-1, -1]))

    def under_law(self, numbers: np.ndarray, split: str, law: np.ndarray) -> Worlds:
        """The worlds with these numbers (B,) of a split, if `law`, a colour and a step, (2,) or (B, 2), were theirs.

        The canvas is the same under every law; what a law has no object for it leaves alone. -1: the law is their own.
        """
        numbers = check_numbers(numbers)
        meanings = self.meanings(split).astype(np.int64)
        steps_of = np.array([meanings[meanings[:, 0] == k, 1] for k in range(self.attribute_sizes[0])])
        shape = (len(numbers), self.num_agents)
        role, goal = np.full(shape, Role.BUILDER, np.int8), np.zeros((len(numbers), 2), np.int16)
        board = np.zeros((len(numbers), _HIGH, _WIDE), np.uint8)
        board[:, _DEMO_CELLS:] = board[:, :, _DEMO_CELLS :: _DEMO_CELLS + 1] = WALL_BODY
        for column in (_INPUT_COLUMN, _CANVAS_COLUMN):
            _cut(board, column)[:] = 0
        board[:, -1, _CANVAS_COLUMN : _CANVAS_COLUMN + _CANVAS_CELLS] = 0
        colour = np.zeros((len(numbers), _SELECTION + 1), np.uint8)
        colour[:, _SELECTION] = BOXLING_COLOUR
        states = [start_states(numbers, self.name, split, of) for of in ("canvas", "law", "demonstrations")]
        forced = np.ascontiguousarray(np.broadcast_to(np.asarray(law, np.int64), (len(numbers), 2)))
        _draw_kernel(states[0], states[1], states[2], steps_of, STEPS, ARC_COLOURS, forced, board, colour, role, goal)
        _select(board, np.zeros(len(numbers), np.int64))
        worlds = worlds_of(_arena(board, colour, role), self.num_agents, self.num_attributes)
        worlds.role, worlds.goal = role, goal
        return worlds

    def picture_of(self, meanings: np.ndarray) -> np.ndarray:
        worlds = self.under_law(np.zeros(len(meanings), np.int64), TRAIN, meanings)
        return self.observe(worlds).view[worlds.role == Role.GUIDE]

    def cells_in_view(self, worlds: Worlds) -> np.ndarray:
        shown = _cells_shown(worlds)
        return np.where(shown < 0, -1, shown).reshape(*worlds.role.shape, _VIEW_CELLS**2)

    def observe(self, worlds: Worlds) -> Observation:
        shown = _cells_shown(worlds)
        look = worlds.look.reshape(len(worlds), _HIGH * _WIDE)
        view = look[np.arange(len(worlds))[:, None, None, None], np.maximum(shown, 0)]
        view = np.where(shown >= 0, view, np.where(shown == _BEYOND, OUTSIDE, 0)).astype(np.uint8)
        everybody = np.ones(worlds.role.shape, bool)
        return Observation(view=view, sees=everybody, knows=~everybody)

    def truth(self, worlds: Worlds) -> np.ndarray:
        """What the law makes of the input, in colours (B, 8, 8) uint8."""
        laid = _cut(worlds.owner, _INPUT_COLUMN)
        b, row, column = np.nonzero(laid)
        colour = worlds.colour[b, laid[b, row, column]]
        is_moved = colour == ARC_COLOURS[worlds.goal[b, 0]]
        row, column = (np.array([row, column]) + np.where(is_moved, STEPS[worlds.goal[b, 1]].T, 0)).tolist()
        made = np.zeros(laid.shape, np.uint8)
        made[b, row, column] = colour
        return made

    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        was_over = worlds.is_over.copy()
        worlds.last_action[:] = np.where(was_over[:, None], 0, actions)
        worlds.steps_taken += ~was_over
        is_builder = worlds.role == Role.BUILDER
        act = worlds.last_action[is_builder]
        board = worlds.owner.copy()
        is_moved = _move(board, worlds.num_done, act)
        goes_on = ~was_over & ((worlds.num_done == 0) | (act == Act.STAY))
        worlds.num_done += goes_on
        worlds.last_moved[:] = is_moved[:, None] & is_builder
        changed = np.flatnonzero(is_moved | goes_on)
        _select(board, worlds.num_done)
        worlds.arena.put(changed, _arena(board[changed], worlds.colour[changed], worlds.role[changed]))
        is_in = ~was_over & ((worlds.num_done > _NUM_OBJECTS) | (worlds.steps_taken >= self.num_steps))
        is_right = (_cut(worlds.look, _CANVAS_COLUMN) == self.truth(worlds)).all(axis=(1, 2))
        worlds.is_won |= is_in & is_right
        worlds.is_over |= is_in
        reward = np.where(is_in, np.where(is_right, 1.0, self.wrong_canvas_reward), 0.0).astype(np.float32)
        return np.repeat(reward[:, None], self.num_agents, axis=1)

    def plan(self, worlds: Worlds) -> np.ndarray:
        is_asked = ~worlds.is_over & (worlds.num_done > 0) & (worlds.num_done <= _NUM_OBJECTS)
        place = np.clip(worlds.num_done.astype(np.int64), 1, _NUM_OBJECTS) - 1
        worlds_index = np.arange(len(worlds))
        is_moved = worlds.colour[worlds_index, _CANVAS + place] == ARC_COLOURS[worlds.goal[:, 0]]
        wanted = np.where(is_moved[:, None], STEPS[worlds.goal[:, 1]], 0)
        at_rc = [
            _first_cell(_cut(worlds.owner, column), body + place)
            for column, body in ((_INPUT_COLUMN, _INPUT), (_CANVAS_COLUMN, _CANVAS))
        ]
        left = wanted - (at_rc[1] - at_rc[0])  # (B, 2) rows and columns still to go
        advice = np.zeros(len(worlds), np.uint8)
        for k, (less, more) in enumerate(((Act.UP, Act.DOWN), (Act.LEFT, Act.RIGHT))):
            advice |= np.where(left[:, k] < 0, 1 << less, np.where(left[:, k] > 0, 1 << more, 0)).astype(np.uint8)
        advice[~is_asked | (advice == 0)] = 1 << Act.STAY
        advice[worlds.is_over] = 0
        return np.where(worlds.role == Role.BUILDER, advice[:, None], 0).astype(np.uint8)

    def chance_success(self) -> float:
        return 1 / (_NUM_PRESENT * (len(self.meanings(TRAIN)) // self.attribute_sizes[0]))


_UNSEEN, _BEYOND = -1, -2  # places of a view that show nothing, and what is beyond the canvas


def _place_in_view(first_row: int, first_column: int, side: int, row: int, column: int) -> np.ndarray:
    """The cells of the board (11, 11) that a view shows which has a grid at a row and column."""
    shown = np.full((_VIEW_CELLS, _VIEW_CELLS), _UNSEEN, np.int64)
    rows, columns = np.arange(first_row, first_row + side), np.arange(first_column, first_column + side)
    shown[row : row + side, column : column + side] = rows[:, None] * _WIDE + columns
    return shown


_DEMONSTRATIONS = np.stack([
    # down to the right of each other, as eyes sum up rows and columns
    np.maximum(_place_in_view(0, before, _DEMO_CELLS, 0, 0), _place_in_view(0, after, _DEMO_CELLS, 6, 6))
    for before, after in ((0, 6), (12, 18))
])  # fmt: skip
_GLANCE = _place_in_view(_CANVAS_ROW, _CANVAS_COLUMN, _CANVAS_CELLS, 1, 1)


def _cells_shown(worlds: Worlds) -> np.ndarray:
    """The cell of the board that each place of each view shows, (B, A, 11, 11) int64: _UNSEEN, _BEYOND, or one."""
    place = np.clip(worlds.num_done.astype(np.int64), 1, _NUM_OBJECTS) - 1
    at_rc = _first_cell(_cut(worlds.owner, _CANVAS_COLUMN), _CANVAS + place)
    around = np.arange(_VIEW_CELLS) - _VIEW_CELLS // 2
    rows, columns = (at_rc[:, k, None] + around for k in (0, 1))
    cells = (rows[:, :, None] + _CANVAS_ROW) * _WIDE + columns[:, None] + _CANVAS_COLUMN
    inside = [(axis >= 0) & (axis < _CANVAS_CELLS) for axis in (rows, columns)]
    zoomed = np.where(inside[0][:, :, None] & inside[1][:, None], cells, _BEYOND)
    of_builder = np.where((worlds.num_done == 0)[:, None, None], _GLANCE, zoomed)
    of_guide = _DEMONSTRATIONS[worlds.steps_taken % 2]
    shown = np.where((worlds.role == Role.GUIDE)[:, :, None, None], of_guide[:, None], of_builder[:, None])
    shown[worlds.is_over] = _UNSEEN
    return shown


def _cut(board: np.ndarray, column: int) -> np.ndarray:
    """The grid (B, 8, 8) of boards (B, H, W) that begins at a column: the input, or the canvas."""
    return board[:, _CANVAS_ROW : _CANVAS_ROW + _CANVAS_CELLS, column : column + _CANVAS_CELLS]


def _first_cell(grids: np.ndarray, bodies: np.ndarray) -> np.ndarray:
    """Row and column (B, 2) of the first cell of a body (B,) each in grids (B, h, w)."""
    num_grids, high, wide = grids.shape
    first = (grids == bodies[:, None, None]).reshape(num_grids, high * wide).argmax(axis=1)
    return np.stack(np.divmod(first, wide), axis=1)


def _move(board: np.ndarray, selected: np.ndarray, act: np.ndarray) -> np.ndarray:
    """Move the selected objects (B,), 1 to 4, on the canvases of boards, in place, by acts (B,); which moved, (B,)."""
    is_moved = np.zeros(len(board), bool)
    which = np.flatnonzero((selected > 0) & (selected <= _NUM_OBJECTS) & (act != Act.STAY))
    if len(which) == 0:
        return is_moved
    body = (_CANVAS - 1 + selected[which]).astype(np.uint8)
    grids = np.pad(_cut(board[which], _CANVAS_COLUMN), ((0, 0), (1, 1), (1, 1)), constant_values=WALL_BODY)
    b, row, column = np.nonzero(grids == body[:, None, None])
    step = STEP_RC[act[which[b]]]
    to_row, to_column = row + step[:, 0], column + step[:, 1]
    there = grids[b, to_row, to_column]
    is_barred = np.zeros(len(which), bool)
    is_barred[b[(there != 0) & (there != body[b])]] = True
    goes = ~is_barred[b]
    grids[b[goes], row[goes], column[goes]] = 0
    grids[b[goes], to_row[goes], to_column[goes]] = body[b[goes]]
    rows = slice(_CANVAS_ROW, _CANVAS_ROW + _CANVAS_CELLS)
    board[which, rows, _CANVAS_COLUMN : _CANVAS_COLUMN + _CANVAS_CELLS] = grids[:, 1:-1, 1:-1]
    is_moved[which] = ~is_barred
    return is_moved


def _select(board: np.ndarray, place: np.ndarray) -> None:
    """Put the builder's mark at a place (B,) of the lane, in boards, in place; 0: nothing is selected yet."""
    board[board == _SELECTION] = 0
    board[np.arange(len(board)), -1, _CANVAS_COLUMN + 1 + place] = _SELECTION


def _arena(board: np.ndarray, colour: np.ndarray, role: np.ndarray) -> Arena:
    return build(board, colour, law_book(), agent_body=np.where(role == Role.BUILDER, _SELECTION, 0).astype(np.uint8))


@lru_cache(maxsize=32)
def _relay(sizes: tuple[int, int]) -> Relay:
    return Relay(sizes, "relay" if sizes == DEFAULT_SIZES else f"relay:{sizes[0]}x{sizes[1]}")
