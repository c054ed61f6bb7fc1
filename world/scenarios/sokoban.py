"""Scenario `sokoban`: one pusher, boxes, and as many goals; nobody is told anything, and nobody talks.

Sokoban (Imabayashi 1981) is a special case of the laws: a pusher of strength 1 and boxes of one cell, so that one box
moves and two in a row do not. A box turns green on a goal; when all boxes are on goals, the world is won.

Worlds are drawn by playing backwards from the solved position: a room is dug by a random walk, and boxes are pulled off
their goals. `sokoban:FILE` plays the levels of a file instead, see `world.levels`: world number n is level n of its
split, counted around. About a fifth of the levels is held out, by a hash of what they look like; of few levels at least
one is on either side, and of a single one nothing is held out. The scenario's full name ends with a hash of the levels,
`sokoban:FILE#0123456789ab`, so that a run does not go on when its file has changed.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from pathlib import Path

import numpy as np

from world.chance import below, start_states
from world.codes import BOXLING_COLOUR, NUM_LOOKS, STEP_RC
from world.compiling import njit
from world.engine import build, law_book
from world.levels import Level, read_levels
from world.scenarios.base import Attribute, Observation, Scenario, check_numbers
from world.sense import egocentric_view
from world.splits import COMPOSITIONS, FAMILIES, PARAMETERS, SPLITS, TRAIN, rank
from world.state import Worlds, move, worlds_of

GOAL_COLOUR, BOX_COLOUR, HOME_COLOUR = 2, 4, 3  # of the marks, of boxes, and of boxes on a mark
ON_GOAL_COLOUR = 7  # as which the pusher sees itself on a mark
_SIDE_CELLS = 8
_NUM_BOXES, _OTHER_NUM_BOXES = 2, 3  # trained, and held out
_FIRST_BOX = 2
_FEWEST_STEPS, _MOST_STEPS = 4, 24  # of the shortest solution
_HELD_OUT_SHARE = 0.2  # of the ways in which two goals can lie to each other, and of the levels of a file
_HASH_DIGITS = 12
_MAX_STATES = 2**21  # of a level that the search looks through
_MAX_KEPT_BYTES = 2**27  # of solutions
_VIEW_RADIUS_CELLS = 5
_STEP_RC = STEP_RC
_FAR = np.int16(32767)


def _held_out_offsets() -> np.ndarray:
    """Whether goals that lie so many rows and columns apart are kept out of training, (side, 2 side - 1) bool."""
    offsets = np.zeros((_SIDE_CELLS, 2 * _SIDE_CELLS - 1), np.bool_)
    for rows in range(_SIDE_CELLS):
        for cols in range(-_SIDE_CELLS + 1, _SIDE_CELLS):
            offsets[rows, cols + _SIDE_CELLS - 1] = rank("sokoban", "goals", rows, cols) < _HELD_OUT_SHARE
    return offsets


_IS_HELD_OUT_OFFSET = _held_out_offsets()


@njit(cache=True)
def _dig(state, is_wall, num_cells):
    """A room of at least so many cells, dug by a random walk that now and then turns; the edge stays wall."""
    side = len(is_wall)
    is_wall[:] = True
    row, col = 1 + below(state, side - 2), 1 + below(state, side - 2)
    count, way = 0, 1 + below(state, 4)
    while count < num_cells:
        if is_wall[row, col]:
            is_wall[row, col] = False
            count += 1
        if below(state, 3) == 0:
            way = 1 + below(state, 4)
        to_row, to_col = row + _STEP_RC[way, 0], col + _STEP_RC[way, 1]
        if 0 < to_row < side - 1 and 0 < to_col < side - 1:
            row, col = to_row, to_col
        else:
            way = 1 + below(state, 4)


@njit(cache=True)
def _play_backwards(state, is_wall, box_at, num_boxes, start, num_moves):
    """Walk at random from `start` and pull boxes along; where the player ends."""
    row, col = start
    for _ in range(num_moves):
        way = 1 + below(state, 4)
        d_row, d_col = _STEP_RC[way, 0], _STEP_RC[way, 1]
        to_row, to_col = row + d_row, col + d_col
        is_free = not is_wall[to_row, to_col]
        behind = -1
        for k in range(num_boxes):
            if box_at[k, 0] == to_row and box_at[k, 1] == to_col:
                is_free = False
            if box_at[k, 0] == row - d_row and box_at[k, 1] == col - d_col:
                behind = k
        if not is_free:
            continue
        if behind >= 0 and below(state, 4) > 0:
            box_at[behind, 0], box_at[behind, 1] = row, col
        row, col = to_row, to_col
    return row, col


@njit(cache=True)
def _rank_of(places, num_boxes, player, num_cells):
    """The number of a state: boxes in ascending order, then the player. `places` is sorted on the way."""
    for i in range(1, num_boxes):
        k = i
        while k > 0 and places[k - 1] > places[k]:
            places[k - 1], places[k] = places[k], places[k - 1]
            k -= 1
    number = np.int64(0)
    for k in range(num_boxes):
        number = number * num_cells + places[k]
    return number * num_cells + player


@njit(cache=True)
def _is_floor(cell_of, row, col):
    return 0 <= row < cell_of.shape[0] and 0 <= col < cell_of.shape[1] and cell_of[row, col] >= 0


@njit(cache=True)
def solve(is_wall, is_goal):
    """Steps to the solution from every state of a room, int16, by a search backwards from all solved ones.

    States are numbered by `_rank_of`, with cells that are no walls numbered in reading order; 32767 for no way.
    """
    height, width = is_wall.shape
    cell_of = np.full((height, width), -1, np.int64)
    rows = np.empty(height * width, np.int64)
    cols = np.empty(height * width, np.int64)
    num_cells, num_boxes = 0, 0
    goals = np.empty(height * width, np.int64)
    for row in range(height):
        for col in range(width):
            if not is_wall[row, col]:
                cell_of[row, col] = num_cells
                rows[num_cells], cols[num_cells] = row, col
                if is_goal[row, col]:
                    goals[num_boxes] = num_cells
                    num_boxes += 1
                num_cells += 1
    steps = np.full(num_cells ** (num_boxes + 1), _FAR, np.int16)
    queue = np.empty(len(steps), np.int64)
    places = np.empty(num_boxes, np.int64)
    moved = np.empty(num_boxes, np.int64)
    head, tail = 0, 0
    for player in range(num_cells):
        is_on_box = False
        for k in range(num_boxes):
            places[k] = goals[k]
            is_on_box = is_on_box or goals[k] == player
        if not is_on_box:
            number = _rank_of(places, num_boxes, player, num_cells)
            steps[number] = 0
            queue[tail] = number
            tail += 1
    while head < tail:
        number = queue[head]
        head += 1
        rest = number
        player = rest % num_cells
        rest //= num_cells
        for k in range(num_boxes - 1, -1, -1):
            places[k] = rest % num_cells
            rest //= num_cells
        for way in range(1, 5):
            d_row, d_col = _STEP_RC[way, 0], _STEP_RC[way, 1]
            from_row, from_col = rows[player] - d_row, cols[player] - d_col
            if not _is_floor(cell_of, from_row, from_col):
                continue
            came_from = cell_of[from_row, from_col]
            ahead_row, ahead_col = rows[player] + d_row, cols[player] + d_col
            is_barred, pushed = False, -1
            for k in range(num_boxes):
                is_barred = is_barred or places[k] == came_from
                if rows[places[k]] == ahead_row and cols[places[k]] == ahead_col:
                    pushed = k
            if is_barred:
                continue
            # either the player only stepped here, or it pushed here what now lies ahead
            for is_push in range(2 if pushed >= 0 else 1):
                for k in range(num_boxes):
                    moved[k] = places[k]
                if is_push:
                    moved[pushed] = player
                before = _rank_of(moved, num_boxes, came_from, num_cells)
                if steps[before] == _FAR:
                    steps[before] = steps[number] + 1
                    queue[tail] = before
                    tail += 1
    return steps


@njit(cache=True)
def _steps_to_solve(steps, is_wall, num_cells, cell_of, box_at, row, col):
    places = np.empty(len(box_at), np.int64)
    for k in range(len(box_at)):
        places[k] = cell_of[box_at[k, 0], box_at[k, 1]]
    return steps[_rank_of(places, len(box_at), cell_of[row, col], num_cells)]


@njit(cache=True)
def _number_cells(is_wall, cell_of):
    num_cells = 0
    for row in range(is_wall.shape[0]):
        for col in range(is_wall.shape[1]):
            cell_of[row, col] = -1
            if not is_wall[row, col]:
                cell_of[row, col] = num_cells
                num_cells += 1
    return num_cells


@njit(cache=True)
def _advice(steps, is_wall, box_at, row, col):
    """Bits of the acts on a shortest way to the solution; 0 if there is none, or if it is solved."""
    cell_of = np.empty(is_wall.shape, np.int64)
    num_cells = _number_cells(is_wall, cell_of)
    here = _steps_to_solve(steps, is_wall, num_cells, cell_of, box_at, row, col)
    if here == _FAR or here == 0:
        return 0
    bits = 0
    there = box_at.copy()
    for way in range(1, 5):
        to_row, to_col = row + _STEP_RC[way, 0], col + _STEP_RC[way, 1]
        if not _is_floor(cell_of, to_row, to_col):
            continue
        there[:] = box_at
        is_barred = False
        for k in range(len(box_at)):
            if box_at[k, 0] == to_row and box_at[k, 1] == to_col:
                there[k, 0], there[k, 1] = to_row + _STEP_RC[way, 0], to_col + _STEP_RC[way, 1]
                is_barred = not _is_floor(cell_of, there[k, 0], there[k, 1])
                for o in range(len(box_at)):
                    is_barred = is_barred or (box_at[o, 0] == there[k, 0] and box_at[o, 1] == there[k, 1])
        if not is_barred and _steps_to_solve(steps, is_wall, num_cells, cell_of, there, to_row, to_col) == here - 1:
            bits |= 1 << way
    return bits


@njit(cache=True)
def _draw_kernel(states, num_boxes, is_open_room, wants_held_out, is_held_out_offset, is_wall, is_goal, box_at, player):
    side = is_wall.shape[1]
    cell_of = np.empty((side, side), np.int64)
    for b in range(len(states)):
        state = states[b : b + 1]
        while True:
            num_floor = (side - 2) * (side - 2) if is_open_room else 16 + below(state, 7)
            _dig(state, is_wall[b], num_floor)
            num_cells = _number_cells(is_wall[b], cell_of)
            is_goal[b] = False
            k = 0
            while k < num_boxes:
                row, col = below(state, side), below(state, side)
                if not is_wall[b, row, col] and not is_goal[b, row, col]:
                    is_goal[b, row, col] = True
                    box_at[b, k, 0], box_at[b, k, 1] = row, col
                    k += 1
            # from the first in reading order to the second
            is_first = box_at[b, 0, 0] * side + box_at[b, 0, 1] < box_at[b, 1, 0] * side + box_at[b, 1, 1]
            first, second = (0, 1) if is_first else (1, 0)
            rows = box_at[b, second, 0] - box_at[b, first, 0]
            cols = box_at[b, second, 1] - box_at[b, first, 1]
            if is_held_out_offset[rows, cols + side - 1] != wants_held_out:
                continue
            while True:
                row, col = below(state, side), below(state, side)
                if not is_wall[b, row, col] and not is_goal[b, row, col]:
                    break
            row, col = _play_backwards(state, is_wall[b], box_at[b], num_boxes, (row, col), 120)
            is_home = False
            for k in range(num_boxes):
                is_home = is_home or is_goal[b, box_at[b, k, 0], box_at[b, k, 1]]
            if is_home:
                continue
            if num_boxes == 2:
                steps = solve(is_wall[b], is_goal[b])
                here = _steps_to_solve(steps, is_wall[b], num_cells, cell_of, box_at[b], row, col)
                if here < _FEWEST_STEPS or here > _MOST_STEPS:
                    continue
            player[b, 0], player[b, 1] = row, col
            break


class Sokoban(Scenario):
    """See the module's docstring."""

    name = "sokoban"
    summary = "one pusher brings every box onto a goal; its own rooms, or the levels of a file (sokoban:FILE)"
    attributes = (Attribute("task", ("every box on a goal",)),)
    variants = ("sokoban:FILE",)
    num_agents = 1
    num_steps = 40
    view_shape = (2 * _VIEW_RADIUS_CELLS + 1, 2 * _VIEW_RADIUS_CELLS + 1)
    num_looks = NUM_LOOKS
    is_decided_by_answers = False
    guide_sees = False
    has_guide = False
    splits: tuple[str, ...] = SPLITS
    home_reward = 0.1  # of a box that comes onto a goal, and what it costs to push it off

    def __init__(self, levels: list[Level] | None = None, name: str = "sokoban") -> None:
        self.name = name
        self._solutions: OrderedDict[bytes, np.ndarray | None] = OrderedDict()  # those asked for last
        self._kept_bytes = 0
        self.levels: dict[str, list[Level]] = {}
        if levels is None:
            return
        self.num_steps = 120  # as is usual with Boxoban
        self.summary = "one pusher brings every box onto a goal, in the levels of a file"
        ranks = [rank("sokoban", "level", level.name) for level in levels]
        bar = min(max(_HELD_OUT_SHARE, float(np.nextafter(min(ranks), 1))), max(ranks))
        self.levels[TRAIN] = [level for level, its_rank in zip(levels, ranks, strict=True) if its_rank >= bar]
        held_out = [level for level, its_rank in zip(levels, ranks, strict=True) if its_rank < bar]
        if held_out:
            self.levels[COMPOSITIONS] = held_out
        self.splits = tuple(self.levels)
        sides = np.array([level.is_wall.shape for level in levels]).max(axis=0)
        self.side_cells = (int(sides[0]), int(sides[1]))
        self.max_boxes = max(int(level.is_box.sum()) for level in levels)

    def with_argument(self, argument: str) -> Scenario:
        file, mark, wanted = argument.rpartition("#")
        if not mark or len(wanted) != _HASH_DIGITS:
            file, wanted = argument, ""
        if not file:
            raise ValueError("sokoban: must be followed by a level file, got nothing")
        path = Path(file).resolve()
        levels = read_levels(path)
        digest = hashlib.sha256("\n\n".join(level.name for level in levels).encode()).hexdigest()[:_HASH_DIGITS]
        if wanted and wanted != digest:
            raise ValueError(f"the levels of {path} have changed: expected those with the hash {wanted}, got {digest}")
        return Sokoban(levels, f"sokoban:{path}#{digest}")

    def is_held_out(self, meanings: np.ndarray) -> np.ndarray:
        return np.zeros(len(meanings), bool)  # there is one task; what is held out are arrangements

    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        numbers = check_numbers(numbers)
        self.check_split(split)
        if self.levels:
            return self._from_levels(numbers, split)
        num_worlds = len(numbers)
        num_boxes = _OTHER_NUM_BOXES if split == PARAMETERS else _NUM_BOXES
        is_wall = np.zeros((num_worlds, _SIDE_CELLS, _SIDE_CELLS), np.bool_)
        is_goal = np.zeros_like(is_wall)
        box_at = np.zeros((num_worlds, num_boxes, 2), np.int64)
        player = np.zeros((num_worlds, 2), np.int64)
        _draw_kernel(
            start_states(numbers, self.name, split), num_boxes, split == FAMILIES, split == COMPOSITIONS,
            _IS_HELD_OUT_OFFSET, is_wall, is_goal, box_at, player,
        )  # fmt: skip
        return self._worlds(is_wall, is_goal, box_at, player)

    def _from_levels(self, numbers: np.ndarray, split: str) -> Worlds:
        levels = self.levels[split]
        height, width = self.side_cells
        is_wall = np.ones((len(numbers), height, width), np.bool_)
        is_goal = np.zeros_like(is_wall)
        box_at = np.full((len(numbers), self.max_boxes, 2), -1, np.int64)
        player = np.zeros((len(numbers), 2), np.int64)
        for b, number in enumerate(numbers):
            level = levels[int(number) % len(levels)]
            window = np.s_[b, : level.is_wall.shape[0], : level.is_wall.shape[1]]
            is_wall[window], is_goal[window] = level.is_wall, level.is_goal
            boxes = np.argwhere(level.is_box)
            box_at[b, : len(boxes)] = boxes
            player[b] = level.player_rc
        return self._worlds(is_wall, is_goal, box_at, player)

    def _worlds(self, is_wall: np.ndarray, is_goal: np.ndarray, box_at: np.ndarray, player: np.ndarray) -> Worlds:
        num_worlds, num_boxes = box_at.shape[:2]
        every = np.arange(num_worlds)
        grid = is_wall.astype(np.uint8)
        for k in range(num_boxes):
            there = box_at[:, k, 0] >= 0
            grid[every[there], box_at[there, k, 0], box_at[there, k, 1]] = _FIRST_BOX + k
        pusher = _FIRST_BOX + num_boxes
        grid[every, player[:, 0], player[:, 1]] = pusher
        colour = np.full((num_worlds, pusher + 1), BOX_COLOUR, np.uint8)
        colour[:, pusher] = BOXLING_COLOUR
        agent_body = np.full((num_worlds, 1), pusher, np.uint8)
        arena = build(grid, colour, law_book(strength=1), agent_body=agent_body, margin_cells=_VIEW_RADIUS_CELLS)
        worlds = worlds_of(arena, self.num_agents, self.num_attributes)
        worlds.floor[is_goal] = GOAL_COLOUR
        worlds.num_done = self._come_home(worlds).astype(np.int16)
        return worlds

    def _come_home(self, worlds: Worlds) -> np.ndarray:
        """Colour boxes by whether they are on a goal; returns how many are, (B,)."""
        arena = worlds.arena
        m = arena.margin_cells
        cells = arena.first_cell[:, _FIRST_BOX:-1].astype(np.int64)
        is_there = cells >= 0
        rows, cols = cells // arena.stride - m, cells % arena.stride - m
        b = np.arange(len(worlds))[:, None]
        is_home = is_there & (worlds.floor[b, np.where(is_there, rows, 0), np.where(is_there, cols, 0)] > 0)
        colour = np.where(is_home, HOME_COLOUR, BOX_COLOUR).astype(np.uint8)
        arena.colour[:, _FIRST_BOX:-1] = colour
        where_b, where_k = np.nonzero(is_there)
        arena.look[where_b, cells[where_b, where_k]] = colour[where_b, where_k]
        return is_home.sum(axis=1)

    def observe(self, worlds: Worlds) -> Observation:
        every = np.ones(worlds.role.shape, bool)
        view = egocentric_view(worlds, _VIEW_RADIUS_CELLS)
        rows, cols = worlds.position_rc[:, 0].T
        stands_on_goal = (worlds.floor[np.arange(len(worlds)), rows, cols] > 0) & ~worlds.is_over
        view[stands_on_goal, 0, _VIEW_RADIUS_CELLS, _VIEW_RADIUS_CELLS] = ON_GOAL_COLOUR
        return Observation(view=view, sees=every, knows=~every)

    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        was_over = worlds.is_over.copy()
        move(worlds, actions)
        num_home = self._come_home(worlds)
        num_goals = (worlds.floor > 0).sum(axis=(1, 2))
        change = num_home - worlds.num_done
        is_won = (num_home == num_goals) & ~was_over
        worlds.num_done = num_home.astype(np.int16)
        worlds.steps_taken += ~was_over
        worlds.is_won |= is_won
        worlds.is_over |= is_won | (worlds.steps_taken >= self.num_steps)
        reward = self.home_reward * change + is_won * (1 - self.home_reward * num_goals)
        return reward.astype(np.float32)[:, None]

    def ran_out(self, worlds: Worlds, reward: np.ndarray) -> np.ndarray:
        return worlds.is_over & ~worlds.is_won

    def plan(self, worlds: Worlds) -> np.ndarray:
        plan = np.zeros(worlds.role.shape, np.uint8)
        arena = worlds.arena
        is_wall, is_goal = worlds.owner == 1, worlds.floor > 0
        cells = arena.first_cell[:, _FIRST_BOX:-1].astype(np.int64)
        position_rc = worlds.position_rc
        for b in np.flatnonzero(~worlds.is_over):
            steps = self._solution(is_wall[b], is_goal[b])
            if steps is None:
                continue
            boxes = cells[b, cells[b] >= 0]
            box_at = np.stack([boxes // arena.stride, boxes % arena.stride], axis=1) - arena.margin_cells
            row, col = (int(place) for place in position_rc[b, 0])
            plan[b, 0] = _advice(steps, is_wall[b], box_at, row, col)
        return plan

    def _solution(self, is_wall: np.ndarray, is_goal: np.ndarray) -> np.ndarray | None:
        """`solve`, kept for the rooms asked for last; None for rooms too large to look through."""
        key = is_wall.tobytes() + is_goal.tobytes()
        if key in self._solutions:
            self._solutions.move_to_end(key)
        else:
            # cells that are walled off all around count too, so the bound is a generous one
            num_states = int((~is_wall).sum()) ** (int(is_goal.sum()) + 1)
            solution = solve(is_wall, is_goal) if num_states <= _MAX_STATES else None
            self._solutions[key] = solution
            self._kept_bytes += 0 if solution is None else solution.nbytes
            while self._kept_bytes > _MAX_KEPT_BYTES and len(self._solutions) > 1:
                oldest = self._solutions.popitem(last=False)[1]
                self._kept_bytes -= 0 if oldest is None else oldest.nbytes
        return self._solutions[key]

    def chance_success(self) -> float:
        return 1.0  # there is nothing to talk about
