"""Scenario `guide`: "push the box of colour c in direction d", known to a blind guide, done by builders who see.

Four boxes of different colours, each of one or two cells, lie apart from each other, from the walls and from the edge,
so that every box can be pushed in every direction by every builder: nothing in the world betrays the goal. The first
push decides, and a wrong one loses. Without talk no policy wins more than 1 / (4 boxes x 4 directions) of all goals, or
1 / 12 of the trained ones by a policy that knows which goals are never trained on.
"""

from __future__ import annotations

import numpy as np

from world.chance import below, start_states
from world.codes import DIRECTIONS, STEP_RC
from world.compiling import njit
from world.engine import law_book
from world.scenarios.base import Attribute, check_numbers
from world.scenarios.told import ARC_COLOURS, COLOURS, ToldScenario, draw_colours
from world.splits import FAMILIES, PARAMETERS
from world.state import Worlds, move

_SIDE_CELLS = 8
_NUM_BOXES = 4
_NUM_WALL_CELLS = 3
_OTHER_WALL_CELLS = (0, 6, 8)  # of rooms never trained in
_SHAPES = np.array([[0, 0], [0, 1], [1, 0]], np.int64)  # rows and columns of a box beyond the first
_HELD_OUT_SHAPES = np.array([[1, 1], [0, 2], [2, 0]], np.int64)  # of boxes never trained with
_FIRST_BOX = 2  # body ids: 1 walls, 2 to 5 boxes, then the agents
_FIRST_AGENT = _FIRST_BOX + _NUM_BOXES
_VIEW_RADIUS_CELLS = 3
_STEP_RC = STEP_RC


@njit(cache=True)
def _is_free_around(owner, row, col):
    """Whether a cell and its eight neighbours hold nothing; cells beyond the edge count as taken."""
    height, width = owner.shape
    for i in range(row - 1, row + 2):
        for j in range(col - 1, col + 2):
            if i < 0 or i >= height or j < 0 or j >= width or owner[i, j] != 0:
                return False
    return True


@njit(cache=True)
def _place(state, owner, extra_rows, extra_cols, body):
    """Put a body of (1 + extra_rows) x (1 + extra_cols) cells where all around is free; False if no place was found."""
    height, width = owner.shape
    for _ in range(40):
        row = below(state, height - 2 - extra_rows) + 1
        col = below(state, width - 2 - extra_cols) + 1
        if _is_free_around(owner, row, col) and _is_free_around(owner, row + extra_rows, col + extra_cols):
            owner[row : row + extra_rows + 1, col : col + extra_cols + 1] = body
            return True
    return False


@njit(cache=True)
def _is_connected(owner):
    """Whether every empty cell can be walked to from every other."""
    height, width = owner.shape
    stack = np.empty(height * width, np.int64)
    seen = np.zeros(height * width, np.bool_)
    size, total, reached = 0, 0, 0
    for cell in range(height * width):
        if owner[cell // width, cell % width] == 0:
            total += 1
            if size == 0:
                stack[0], size = cell, 1
                seen[cell] = True
    while size > 0:
        size -= 1
        cell = stack[size]
        reached += 1
        for direction in range(1, 5):
            row, col = cell // width + _STEP_RC[direction, 0], cell % width + _STEP_RC[direction, 1]
            if 0 <= row < height and 0 <= col < width and owner[row, col] == 0 and not seen[row * width + col]:
                seen[row * width + col] = True
                stack[size] = row * width + col
                size += 1
    return reached == total


@njit(cache=True)
def _fill_world(state, owner, num_boxes, num_wall_cells, shapes):
    """Boxes and walls of one world; False if this draw did not work out."""
    owner[:] = 0
    for box in range(num_boxes):
        shape = below(state, len(shapes))
        if not _place(state, owner, shapes[shape, 0], shapes[shape, 1], 2 + box):
            return False
    height, width = owner.shape
    for _ in range(num_wall_cells):
        for _ in range(40):
            row, col = below(state, height), below(state, width)
            # a wall touches no box, so that it hinders no push
            is_clear = True
            for i in range(max(row - 1, 0), min(row + 2, height)):
                for j in range(max(col - 1, 0), min(col + 2, width)):
                    is_clear = is_clear and owner[i, j] <= 1
            if is_clear:
                owner[row, col] = 1
                break
    return _is_connected(owner)


@njit(cache=True)
def _draw_kernel(states, meanings, wall_counts, shapes, arc_colours, owner, colour, agent_body, role, goal):
    num_worlds, height, width = owner.shape
    num_agents = role.shape[1]
    order = np.empty(len(arc_colours), np.int64)
    for b in range(num_worlds):
        state = states[b : b + 1]
        goal[b] = meanings[below(state, len(meanings))]
        guide = below(state, num_agents)
        role[b, guide] = 0
        num_wall_cells = wall_counts[below(state, len(wall_counts)) if len(wall_counts) > 1 else 0]
        while not _fill_world(state, owner[b], 4, num_wall_cells, shapes):
            pass
        # the goal's colour and three others, in any order among the boxes
        draw_colours(state, order, goal[b, 0], 4)
        for box in range(4):
            colour[b, 2 + box] = arc_colours[order[box]]
        for a in range(num_agents):
            if a == guide:
                continue
            while True:
                row, col = below(state, height), below(state, width)
                if owner[b, row, col] == 0:
                    break
            owner[b, row, col] = 6 + a
            agent_body[b, a] = 6 + a


@njit(cache=True)
def _walk_distances(owner, target, direction, me, ignores_agents, until_row, until_col, distance, queue):
    """Steps from each free cell to the nearest one from which `target` is pushed in `direction`; -1 for no way.

    Of cells further away than `until_row`, `until_col` some are left at -1.
    """
    height, width = owner.shape
    d_row, d_col = _STEP_RC[direction, 0], _STEP_RC[direction, 1]
    distance[:] = -1
    head, tail = 0, 0
    for row in range(height):
        for col in range(width):
            if owner[row, col] != target:
                continue
            from_row, from_col = row - d_row, col - d_col
            if from_row < 0 or from_row >= height or from_col < 0 or from_col >= width:
                continue
            body = owner[from_row, from_col]
            if body == 0 or body == me or (ignores_agents and body >= 6):
                distance[from_row, from_col] = 0
                queue[tail] = from_row * width + from_col
                tail += 1
    while head < tail and distance[until_row, until_col] < 0:
        cell = queue[head]
        head += 1
        row, col = cell // width, cell % width
        for step in range(1, 5):
            to_row, to_col = row + _STEP_RC[step, 0], col + _STEP_RC[step, 1]
            if to_row < 0 or to_row >= height or to_col < 0 or to_col >= width or distance[to_row, to_col] >= 0:
                continue
            body = owner[to_row, to_col]
            if body == 0 or body == me or (ignores_agents and body >= 6):
                distance[to_row, to_col] = distance[row, col] + 1
                queue[tail] = to_row * width + to_col
                tail += 1


@njit(cache=True, nogil=True)
def _plan_kernel(owner, colour, agent_body, position_rc, goal_colour, goal, is_over, plan):
    num_worlds, height, width = owner.shape
    distance = np.empty((height, width), np.int64)
    queue = np.empty(height * width, np.int64)
    is_wanted = np.zeros((height, width), np.bool_)  # cells that an earlier agent is advised to enter
    for b in range(num_worlds):
        if is_over[b]:
            continue
        is_wanted[:] = False
        target = 0
        for box in range(2, 6):
            if colour[b, box] == goal_colour[b]:
                target = box
        for a in range(agent_body.shape[1]):
            if agent_body[b, a] == 0:
                continue
            row, col = position_rc[b, a]
            _walk_distances(owner[b], target, goal[b, 1] + 1, agent_body[b, a], False, row, col, distance, queue)
            if distance[row, col] < 0:  # another boxling bars the way: it will not stand there for ever
                _walk_distances(owner[b], target, goal[b, 1] + 1, agent_body[b, a], True, row, col, distance, queue)
            here = distance[row, col]
            if here == 0:
                plan[b, a] = 1 << (goal[b, 1] + 1)
                continue
            for step in range(1, 5):
                to_row, to_col = row + _STEP_RC[step, 0], col + _STEP_RC[step, 1]
                if to_row < 0 or to_row >= height or to_col < 0 or to_col >= width:
                    continue
                # two that enter one cell at once would bar each other for ever: one gives way
                if distance[to_row, to_col] == here - 1 and not is_wanted[to_row, to_col]:
                    plan[b, a] |= 1 << step
            if plan[b, a] == 0:
                plan[b, a] = 1
                continue
            for step in range(4, 0, -1):
                if plan[b, a] & (1 << step):
                    is_wanted[row + _STEP_RC[step, 0], col + _STEP_RC[step, 1]] = True
                    break


class Guide(ToldScenario):
    """See the module's docstring."""

    name = "guide"
    summary = "a blind guide knows which box to push where; builders see the world, hear, walk and push"
    attributes = (Attribute("colour", COLOURS), Attribute("direction", DIRECTIONS, is_visible=False))
    num_agents = 3
    num_steps = 20
    view_radius_cells = _VIEW_RADIUS_CELLS
    wrong_push_reward = -0.15  # in the trial runs the price of a wrong push mattered as much as the network

    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        numbers = check_numbers(numbers)
        meanings = self.meanings(split)
        draft = self.draft(len(numbers), _SIDE_CELLS, _FIRST_AGENT)
        # walls are the parameter, shapes the family
        num_walls = np.array(_OTHER_WALL_CELLS if split == PARAMETERS else (_NUM_WALL_CELLS,), np.int64)
        shapes = _HELD_OUT_SHAPES if split == FAMILIES else _SHAPES
        _draw_kernel(
            start_states(numbers, self.name, split), meanings, num_walls, shapes, ARC_COLOURS, draft.grid, draft.colour,
            draft.agent_body, draft.role, draft.goal,
        )  # fmt: skip
        return self.finished(draft, law_book())

    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        was_over = worlds.is_over.copy()
        moved = move(worlds, actions)
        boxes = moved[:, _FIRST_BOX:_FIRST_AGENT]
        is_target = worlds.colour[:, _FIRST_BOX:_FIRST_AGENT] == ARC_COLOURS[worlds.goal[:, 0]][:, None]
        is_decided = (boxes > 0).any(axis=1)
        is_right = (boxes == np.where(is_target, worlds.goal[:, 1:] + 1, 0)).all(axis=1)
        worlds.steps_taken += ~was_over
        worlds.is_won |= is_decided & is_right
        worlds.is_over |= is_decided | (worlds.steps_taken >= self.num_steps)
        reward = np.where(is_decided, np.where(is_right, 1.0, self.wrong_push_reward), 0.0).astype(np.float32)
        return np.repeat(reward[:, None], self.num_agents, axis=1)

    def plan(self, worlds: Worlds) -> np.ndarray:
        plan = np.zeros(worlds.role.shape, np.uint8)
        goal_colour = ARC_COLOURS[worlds.goal[:, 0]]
        _plan_kernel(
            worlds.owner,
            worlds.colour,
            worlds.agent_body,
            worlds.position_rc,
            goal_colour,
            worlds.goal,
            worlds.is_over,
            plan,
        )
        return plan

    def chance_success(self) -> float:
        # knowing which goals are trained on, 12 of the 16 pushes at hand are left to guess among
        return 1 / (_NUM_BOXES * len(DIRECTIONS) * 3 // 4)
