"""Scenario `relay`: a guide sees demonstrations of a law and speaks; a builder sees the test alone, and edits it.

The law, as in ARC (Chollet 2019, https://arxiv.org/abs/1911.01547), moves the object of one colour by a step and leaves
the others alone. The guide sees two demonstrations, one after the other, and no test. The builder has a canvas, on
which the test's input lies, and no demonstration: so do people hand on ARC tasks in LARC (Acquaviva et al. 2022,
https://arxiv.org/abs/2106.07824). While the guide says its first word, it can do nothing. Then an act in a direction
*selects* the next object that lies there, and to stay is to *zoom* in on what is selected; from then on an act is an
*edit*, and moves the object by a cell, and to stay is to hand the canvas in, as it is when the steps are up. Every cell
has to be right. Departure from LARC: the guide may say a word in each step.

Canvases are drawn before laws, so that nothing on them tells the law: of the four objects that lie there each is as
often the one that moves, by each step of the split. So a builder that hears nothing wins at most 1 in 4 times the
number of steps that a colour has: of `relay`, whose 4 colours and 4 steps make 16 laws, 1 / 12 of those trained on,
and 1 / 4 of the 4 held out, for who has learned which these are. There is nobody else to vote with: a silent vote is
what the builder makes of it alone.

`relay:8x8` has as many colours and steps as can be; of colours there are 4 to 8, of steps 4 or 8.
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

DEFAULT_SIZES = (4, 4)
_STEP_COUNTS = (4, 8)  # a third of them would not be held out of every colour alike
_NUM_OBJECTS = 4  # on the canvas, each of a colour of its own
_NUM_SHOWN = 2  # objects in a demonstration
_DEMO_CELLS, _CANVAS_CELLS = 5, 8  # sides of the grids
_WIDE = 23  # of the board: before and after of two demonstrations, over input and canvas, over a lane
_HIGH = _DEMO_CELLS + 1 + _CANVAS_CELLS + 1 + 1
_CANVAS_ROW = _DEMO_CELLS + 1
_INPUT_COLUMN, _CANVAS_COLUMN = 2, 13
_SHOWN = 2  # body ids: the objects of demonstrations, grid by grid
_INPUT = _SHOWN + 4 * _NUM_SHOWN
_CANVAS = _INPUT + _NUM_OBJECTS
_SELECTION = _CANVAS + _NUM_OBJECTS  # the builder's body: a mark in the lane, under what is selected
# `Worlds.num_done`: 0 while the builder listens, then the number of the selected object, beyond all of these once it is
# zoomed in on, and in the end that the canvas is handed in
_ZOOMED, _HANDED_IN = _NUM_OBJECTS, 2 * _NUM_OBJECTS + 1
_VIEW_CELLS = 11
_STEP_RC = STEP_RC


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
def _next_object(at_rc, here, direction):
    """The nearest object in the quarter of the canvas around a direction, from object `here`; that itself for none."""
    found, shortest = here, 1 << 30
    for k in range(len(at_rc)):
        down, across = at_rc[k, 0] - at_rc[here, 0], at_rc[k, 1] - at_rc[here, 1]
        along = down * _STEP_RC[direction, 0] + across * _STEP_RC[direction, 1]
        aside = abs(down * _STEP_RC[direction, 1]) + abs(across * _STEP_RC[direction, 0])
        if along > 0 and along >= aside and along + aside < shortest:
            found, shortest = k, along + aside
    return found


@njit(cache=True)
def _count_jumps(at_rc, target, jumps):
    """Fewest selections from each object to the target, into jumps (4,); 99 where there is no way."""
    jumps[:] = 99
    jumps[target] = 0
    for _ in range(len(jumps) - 1):
        for k in range(len(jumps)):
            for direction in range(1, 5):
                jumps[k] = min(jumps[k], 1 + jumps[_next_object(at_rc, k, direction)])


@njit(cache=True)
def _selected_kernel(at_rc, here, directions, found):
    for b in range(len(here)):
        found[b] = _next_object(at_rc[b], here[b], directions[b])


@njit(cache=True)
def _advice_kernel(at_rc, here, target, advice):
    """Bits of the directions that bring a selection nearer to the target; 0 if it is there."""
    jumps = np.empty(at_rc.shape[1], np.int64)
    for b in range(len(here)):
        _count_jumps(at_rc[b], target[b], jumps)
        for direction in range(1, 5):
            if jumps[_next_object(at_rc[b], here[b], direction)] == jumps[here[b]] - 1:
                advice[b] |= 1 << direction


@njit(cache=True)
def _draw_canvas(state, grid, order):
    """Four objects in reading order, into grid (8, 8) as 1 to 4, all to be reached from the first; colours in order."""
    at_rc = np.empty((4, 2), np.int64)
    jumps = np.empty(4, np.int64)
    while True:
        grid[:] = 0
        is_good = True
        for k in range(4):
            is_good = is_good and _place(state, grid, 1, 5 + k)[0] >= 0
        if not is_good:
            continue
        count = 0
        for i in range(grid.shape[0]):
            for j in range(grid.shape[1]):
                body = grid[i, j]
                if body > 4:
                    at_rc[count] = i, j
                    count += 1
                    for row in range(i, min(i + 2, grid.shape[0])):
                        for column in range(j, min(j + 2, grid.shape[1])):
                            if grid[row, column] == body:
                                grid[row, column] = count
        for k in range(4):
            _count_jumps(at_rc, k, jumps)
            is_good = is_good and jumps[0] < 99
        if is_good:
            break
    for i in range(len(order)):
        order[i] = i
    for i in range(len(order) - 1):
        j = i + below(state, len(order) - i)
        order[i], order[j] = order[j], order[i]


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
    canvas = np.empty((8, 9), np.uint8)[:, :8]  # laid out as what is cut out of a board
    for b in range(len(board)):
        _draw_canvas(canvas_states[b : b + 1], canvas, order)
        for k in range(4):
            colour[b, _INPUT + k] = colour[b, _CANVAS + k] = arc_colours[order[k]]
        for i in range(8):
            for j in range(8):
                if canvas[i, j] > 0:
                    board[b, _CANVAS_ROW + i, _INPUT_COLUMN + j] = _INPUT - 1 + canvas[i, j]
                    board[b, _CANVAS_ROW + i, _CANVAS_COLUMN + j] = _CANVAS - 1 + canvas[i, j]
        state = law_states[b : b + 1]
        role[b, below(state, role.shape[1])] = 0
        wanted = order[below(state, 4)]
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
    num_steps = 14  # 5 to 8 if nothing is done in vain
    view_shape = (_VIEW_CELLS, _VIEW_CELLS)
    num_looks = NUM_LOOKS
    is_decided_by_answers = False
    guide_sees = True
    variants = ("relay:8x8",)
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
        act = worlds.last_action[is_builder].astype(np.int64)
        board, at = worlds.owner.copy(), worlds.num_done.astype(np.int64)
        is_moved = _move(board, at - _ZOOMED, act)
        selected = np.zeros(len(worlds), np.int64)
        _selected_kernel(_places(worlds), np.clip(at, 1, _NUM_OBJECTS) - 1, act, selected)
        is_selecting, is_editing = (at > 0) & (at <= _ZOOMED), (at > _ZOOMED) & (at < _HANDED_IN)
        stays = act == Act.STAY
        at = np.select(
            [was_over, at == 0, is_selecting & stays, is_selecting, is_editing & stays],
            [at, 1, at + _ZOOMED, 1 + selected, _HANDED_IN],
            at,
        )
        worlds.num_done[:] = at
        worlds.last_moved[:] = is_moved[:, None] & is_builder
        _select(board, at)
        changed = np.flatnonzero((board != worlds.owner).any(axis=(1, 2)))
        worlds.arena.put(changed, _arena(board[changed], worlds.colour[changed], worlds.role[changed]))
        is_in = ~was_over & ((at == _HANDED_IN) | (worlds.steps_taken >= self.num_steps))
        is_right = (_cut(worlds.look, _CANVAS_COLUMN) == self.truth(worlds)).all(axis=(1, 2))
        worlds.is_won |= is_in & is_right
        worlds.is_over |= is_in
        reward = np.where(is_in, np.where(is_right, 1.0, self.wrong_canvas_reward), 0.0).astype(np.float32)
        return np.repeat(reward[:, None], self.num_agents, axis=1)

    def plan(self, worlds: Worlds) -> np.ndarray:
        at_rc, here = _places(worlds), _selected(worlds) - 1
        every = np.arange(len(worlds))
        is_target = worlds.colour[:, _CANVAS : _CANVAS + _NUM_OBJECTS] == ARC_COLOURS[worlds.goal[:, :1]]
        target = is_target.argmax(axis=1)
        advice = np.zeros(len(worlds), np.uint8)
        _advice_kernel(at_rc, here, target, advice)
        laid_rc = _first_cells(_cut(worlds.owner, _INPUT_COLUMN), _INPUT)
        left = np.where(is_target.any(axis=1)[:, None], STEPS[worlds.goal[:, 1]], 0) - (at_rc - laid_rc)[every, target]
        edits = np.zeros(len(worlds), np.uint8)
        for k, (less, more) in enumerate(((Act.UP, Act.DOWN), (Act.LEFT, Act.RIGHT))):
            edits |= np.where(left[:, k] < 0, 1 << less, np.where(left[:, k] > 0, 1 << more, 0)).astype(np.uint8)
        is_editing = worlds.num_done > _ZOOMED
        advice = np.where(is_editing, np.where(here == target, edits, 0), advice)
        advice[(worlds.num_done == 0) | (advice == 0)] = 1 << Act.STAY
        advice[worlds.is_over] = 0
        return np.where(worlds.role == Role.BUILDER, advice[:, None], 0).astype(np.uint8)

    def chance_success(self) -> float:
        return 1 / (_NUM_OBJECTS * (len(self.meanings(TRAIN)) // self.attribute_sizes[0]))


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


def _cells_shown(worlds: Worlds) -> np.ndarray:
    """The cell of the board that each place of each view shows, (B, A, 11, 11) int64: _UNSEEN, _BEYOND, or one."""
    here = _selected(worlds)
    every = np.arange(len(worlds))
    at_rc = _places(worlds)[every, here - 1]
    around = np.arange(_VIEW_CELLS) - _VIEW_CELLS // 2
    rows, columns = (at_rc[:, k, None] + around for k in (0, 1))
    inside = [(axis >= 0) & (axis < _CANVAS_CELLS) for axis in (rows, columns)]
    is_inside = inside[0][:, :, None] & inside[1][:, None]
    cells = (rows[:, :, None] + _CANVAS_ROW) * _WIDE + columns[:, None] + _CANVAS_COLUMN
    body = worlds.owner.reshape(len(worlds), _HIGH * _WIDE)[every[:, None, None], np.where(is_inside, cells, 0)]
    is_selected = is_inside & (body == (_CANVAS - 1 + here)[:, None, None])
    zoomed = np.where(is_selected, cells, _UNSEEN)
    of_builder = np.where((worlds.num_done > _ZOOMED)[:, None, None], zoomed, np.where(is_inside, cells, _BEYOND))
    of_guide = _DEMONSTRATIONS[worlds.steps_taken % 2]
    shown = np.where((worlds.role == Role.GUIDE)[:, :, None, None], of_guide[:, None], of_builder[:, None])
    shown[worlds.is_over] = _UNSEEN
    return shown


def _cut(board: np.ndarray, column: int) -> np.ndarray:
    """The grid (B, 8, 8) of boards (B, H, W) that begins at a column: the input, or the canvas."""
    return board[:, _CANVAS_ROW : _CANVAS_ROW + _CANVAS_CELLS, column : column + _CANVAS_CELLS]


def _first_cells(grids: np.ndarray, first_body: int) -> np.ndarray:
    """Rows and columns (B, 4, 2) of the first cells of four bodies in grids (B, h, w)."""
    num_grids, high, wide = grids.shape
    is_body = grids[:, None] == np.arange(first_body, first_body + _NUM_OBJECTS)[:, None, None]
    first = is_body.reshape(num_grids, _NUM_OBJECTS, high * wide).argmax(axis=2)
    return np.stack(np.divmod(first, wide), axis=2)


def _places(worlds: Worlds) -> np.ndarray:
    """Where the objects are on the canvas, (B, 4, 2) rows and columns."""
    return _first_cells(_cut(worlds.owner, _CANVAS_COLUMN), _CANVAS)


def _selected(worlds: Worlds) -> np.ndarray:
    """The numbers (B,) of the selected objects, 1 to 4; while the builder listens it is the first."""
    at = worlds.num_done.astype(np.int64)
    return np.clip(np.where(at > _ZOOMED, at - _ZOOMED, at), 1, _NUM_OBJECTS)


def _move(board: np.ndarray, selected: np.ndarray, act: np.ndarray) -> np.ndarray:
    """Move objects (B,), 1 to 4, on the canvases of boards, in place, by acts (B,); which moved, (B,)."""
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


def _select(board: np.ndarray, at: np.ndarray) -> None:
    """Put the builder's mark into the lane of boards, in place, under what is selected by `Worlds.num_done` (B,)."""
    first = _first_cells(_cut(board, _CANVAS_COLUMN), _CANVAS)
    here = np.clip(np.where(at > _ZOOMED, at - _ZOOMED, at), 1, _NUM_OBJECTS) - 1
    is_known = at < _HANDED_IN  # afterwards it stays where it was
    board[is_known] = np.where(board[is_known] == _SELECTION, 0, board[is_known])
    column = first[np.arange(len(board)), here, 1]
    board[is_known, -1, _CANVAS_COLUMN + column[is_known]] = _SELECTION


def _arena(board: np.ndarray, colour: np.ndarray, role: np.ndarray) -> Arena:
    return build(board, colour, law_book(), agent_body=np.where(role == Role.BUILDER, _SELECTION, 0).astype(np.uint8))


@lru_cache(maxsize=32)
def _relay(sizes: tuple[int, int]) -> Relay:
    return Relay(sizes, "relay" if sizes == DEFAULT_SIZES else f"relay:{sizes[0]}x{sizes[1]}")
