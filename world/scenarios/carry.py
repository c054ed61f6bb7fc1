"""Scenario `carry`: "carry the box of colour c to side d", known to a blind guide; no builder can do it alone.

Three boxes of different colours stand in rows and columns of their own, so that the way of each to every side is free.
A box has four cells, a pusher moves two: only two that push it in the same step move it. The
first box that reaches a side decides. Without talk no policy wins more than 1 / (3 boxes x 4 sides) of all goals, or
1 / 9 of the trained ones by a policy that knows which goals are never trained on.
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

_SIDES = ("top", "bottom", "left", "right")  # in the order of DIRECTIONS
_SIDE_COLOUR = 5  # of the marks along the sides
_NUM_BOXES = 3
_SIDE_CELLS = 10
_OTHER_SIDE_CELLS = 12  # of rooms never trained in
_FIRST_BOX = 2
_FIRST_AGENT = _FIRST_BOX + _NUM_BOXES
_STRENGTH_CELLS = 2  # that one pusher moves
_SHAPES = np.array([[2, 2]], np.int64)  # rows and columns of a box
_HELD_OUT_SHAPES = np.array([[2, 3], [3, 2]], np.int64)  # of boxes never trained with: two corners are missing
_VIEW_RADIUS_CELLS = 4
_STEP_RC = STEP_RC


@njit(cache=True)
def _put_boxes(state, owner, shapes):
    """Boxes in bands of rows and columns of their own, at least two cells from every side; False if they do not fit."""
    side = len(owner)
    room = side - 4
    owner[:] = 0
    heights = np.empty(_NUM_BOXES, np.int64)
    widths = np.empty(_NUM_BOXES, np.int64)
    for k in range(_NUM_BOXES):
        shape = below(state, len(shapes)) if len(shapes) > 1 else 0
        heights[k], widths[k] = shapes[shape]
    if heights.sum() > room or widths.sum() > room:
        return False
    order = np.arange(_NUM_BOXES)
    for i in range(_NUM_BOXES - 1, 0, -1):
        j = below(state, i + 1)
        order[i], order[j] = order[j], order[i]
    # the rows to spare are dealt out before, between and after the bands; the same of columns, in another order
    tops = np.empty(_NUM_BOXES, np.int64)
    spare, top = room - heights.sum(), 2
    for k in range(_NUM_BOXES):
        gap = below(state, spare + 1)
        spare -= gap
        tops[k] = top + gap
        top = tops[k] + heights[k]
    spare, left = room - widths.sum(), 2
    for i in range(_NUM_BOXES):
        k = order[i]
        gap = below(state, spare + 1)
        spare -= gap
        left += gap
        for row in range(tops[k], tops[k] + heights[k]):
            for col in range(left, left + widths[k]):
                owner[row, col] = _FIRST_BOX + k
        if heights[k] * widths[k] > 4:
            # two opposite corners are missing: a box of four cells in the shape of a step
            first, last = (left, left + widths[k] - 1) if below(state, 2) == 0 else (left + widths[k] - 1, left)
            owner[tops[k], first] = 0
            owner[tops[k] + heights[k] - 1, last] = 0
        left += widths[k]
    return True


@njit(cache=True)
def _draw_kernel(states, meanings, shapes, arc_colours, owner, colour, agent_body, role, goal):
    num_worlds, side, _ = owner.shape
    num_agents = role.shape[1]
    order = np.empty(len(arc_colours), np.int64)
    for b in range(num_worlds):
        state = states[b : b + 1]
        goal[b] = meanings[below(state, len(meanings))]
        guide = below(state, num_agents)
        role[b, guide] = 0
        while not _put_boxes(state, owner[b], shapes):
            pass
        # the goal's colour and two others, in any order among the boxes
        draw_colours(state, order, goal[b, 0], _NUM_BOXES)
        for k in range(_NUM_BOXES):
            colour[b, _FIRST_BOX + k] = arc_colours[order[k]]
        for a in range(num_agents):
            if a == guide:
                continue
            while True:
                row, col = below(state, side), below(state, side)
                if owner[b, row, col] == 0:
                    break
            owner[b, row, col] = _FIRST_AGENT + a
            agent_body[b, a] = _FIRST_AGENT + a


@njit(cache=True)
def _walk_distances(owner, start_row, start_col, me, ignores_agents, distance, queue):
    """Steps from each cell to one cell, for an agent that walks around all else; -1 for no way."""
    height, width = owner.shape
    distance[:] = -1
    distance[start_row, start_col] = 0
    queue[0] = start_row * width + start_col
    head, tail = 0, 1
    while head < tail:
        row, col = queue[head] // width, queue[head] % width
        head += 1
        for step in range(1, 5):
            to_row, to_col = row + _STEP_RC[step, 0], col + _STEP_RC[step, 1]
            if to_row < 0 or to_row >= height or to_col < 0 or to_col >= width or distance[to_row, to_col] >= 0:
                continue
            body = owner[to_row, to_col]
            if body == 0 or body == me or (ignores_agents and body >= _FIRST_AGENT):
                distance[to_row, to_col] = distance[row, col] + 1
                queue[tail] = to_row * width + to_col
                tail += 1


@njit(cache=True)
def _places_to_push(owner, target, direction, places):
    """Cells from which a body is pushed in a direction, (n, 2), free or an agent's; returns n."""
    height, width = owner.shape
    count = 0
    for row in range(height):
        for col in range(width):
            to_row, to_col = row + _STEP_RC[direction, 0], col + _STEP_RC[direction, 1]
            is_inside = 0 <= to_row < height and 0 <= to_col < width
            is_free = owner[row, col] == 0 or owner[row, col] >= _FIRST_AGENT
            if is_free and is_inside and owner[to_row, to_col] == target:
                places[count, 0], places[count, 1] = row, col
                count += 1
    return count


@njit(cache=True, nogil=True)
def _plan_kernel(owner, colour, agent_body, position_rc, goal_colour, goal, is_over, plan):
    num_worlds, height, width = owner.shape
    num_agents = agent_body.shape[1]
    distance = np.empty((height, width), np.int64)
    queue = np.empty(height * width, np.int64)
    places = np.empty((height * width, 2), np.int64)
    steps = np.empty((num_agents, height * width), np.int64)
    builders = np.empty(num_agents, np.int64)
    goes_to = np.empty(num_agents, np.int64)
    for b in range(num_worlds):
        if is_over[b]:
            continue
        target, direction = 0, goal[b, 1] + 1
        for box in range(_FIRST_BOX, _FIRST_AGENT):
            if colour[b, box] == goal_colour[b]:
                target = box
        num_places = _places_to_push(owner[b], target, direction, places)
        num_builders = 0
        for a in range(num_agents):
            if agent_body[b, a]:
                builders[num_builders] = a
                num_builders += 1
        if num_places < num_builders or num_builders != 2:
            continue
        for k in range(num_builders):
            a = builders[k]
            row, col = position_rc[b, a]
            _walk_distances(owner[b], row, col, agent_body[b, a], True, distance, queue)
            for n in range(num_places):
                steps[k, n] = distance[places[n, 0], places[n, 1]]
        # who goes where: the latest arrival as early as can be, then all in all
        best, goes_to[0], goes_to[1] = 10**9, 0, 1
        for m in range(num_places):
            for n in range(num_places):
                if m != n and steps[0, m] >= 0 and steps[1, n] >= 0:
                    cost = 1000 * max(steps[0, m], steps[1, n]) + steps[0, m] + steps[1, n]
                    if cost < best:
                        best, goes_to[0], goes_to[1] = cost, m, n
        if best == 10**9:
            continue
        if best == 0:
            for k in range(num_builders):
                plan[b, builders[k]] = 1 << direction
            continue
        taken_row, taken_col = -1, -1
        for k in range(num_builders):
            a = builders[k]
            if steps[k, goes_to[k]] == 0:
                plan[b, a] = 1  # is there, and waits for the other
                continue
            row, col = position_rc[b, a]
            to_row, to_col = places[goes_to[k]]
            _walk_distances(owner[b], to_row, to_col, agent_body[b, a], False, distance, queue)
            if distance[row, col] < 0:  # the other bars the way: it will not stand there for ever
                _walk_distances(owner[b], to_row, to_col, agent_body[b, a], True, distance, queue)
            for step in range(1, 5):
                on_row, on_col = row + _STEP_RC[step, 0], col + _STEP_RC[step, 1]
                if on_row < 0 or on_row >= height or on_col < 0 or on_col >= width:
                    continue
                # two that enter one cell at once would bar each other for ever: one gives way
                is_taken = on_row == taken_row and on_col == taken_col
                if distance[on_row, on_col] == distance[row, col] - 1 and not is_taken:
                    plan[b, a] |= 1 << step
            if plan[b, a] == 0:
                plan[b, a] = 1
            for step in range(1, 5):
                if k == 0 and plan[b, a] == 1 << step:
                    taken_row, taken_col = row + _STEP_RC[step, 0], col + _STEP_RC[step, 1]


class Carry(ToldScenario):
    """See the module's docstring."""

    name = "carry"
    summary = "a blind guide knows which heavy box belongs to which side; two builders must push together"
    attributes = (Attribute("colour", COLOURS), Attribute("side", _SIDES, is_visible=False))
    num_agents = 3
    num_steps = 40
    view_radius_cells = _VIEW_RADIUS_CELLS
    wrong_side_reward = -0.15

    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        numbers = check_numbers(numbers)
        meanings = self.meanings(split)
        side = _OTHER_SIDE_CELLS if split in (PARAMETERS, FAMILIES) else _SIDE_CELLS
        draft = self.draft(len(numbers), side, _FIRST_AGENT)
        shapes = _HELD_OUT_SHAPES if split == FAMILIES else _SHAPES
        _draw_kernel(
            start_states(numbers, self.name, split), meanings, shapes, ARC_COLOURS, draft.grid, draft.colour,
            draft.agent_body, draft.role, draft.goal,
        )  # fmt: skip
        worlds = self.finished(draft, law_book(strength=_STRENGTH_CELLS))
        for edge in (np.s_[:, 0], np.s_[:, -1], np.s_[:, :, 0], np.s_[:, :, -1]):
            worlds.floor[edge] = _SIDE_COLOUR
        return worlds

    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        was_over = worlds.is_over.copy()
        move(worlds, actions)
        edges = (worlds.owner[:, 0], worlds.owner[:, -1], worlds.owner[:, :, 0], worlds.owner[:, :, -1])
        is_box = [(edge >= _FIRST_BOX) & (edge < _FIRST_AGENT) for edge in edges]
        box_at = np.stack([np.where(is_it, edge, 0).max(axis=1) for is_it, edge in zip(is_box, edges, strict=True)], 1)
        is_decided = (box_at > 0).any(axis=1) & ~was_over
        goal_colour = ARC_COLOURS[worlds.goal[:, 0]]
        colour_at = np.where(box_at > 0, np.take_along_axis(worlds.colour, box_at.astype(np.int64), axis=1), 0)
        wanted = np.where(np.arange(len(DIRECTIONS)) == worlds.goal[:, 1:], goal_colour[:, None], 0)
        is_right = (colour_at == wanted).all(axis=1)
        worlds.steps_taken += ~was_over
        worlds.is_won |= is_decided & is_right
        worlds.is_over |= is_decided | (worlds.steps_taken >= self.num_steps)
        reward = np.where(is_decided, np.where(is_right, 1.0, self.wrong_side_reward), 0.0).astype(np.float32)
        return np.repeat(reward[:, None], self.num_agents, axis=1)

    def plan(self, worlds: Worlds) -> np.ndarray:
        plan = np.zeros(worlds.role.shape, np.uint8)
        _plan_kernel(
            worlds.owner, worlds.colour, worlds.agent_body, worlds.position_rc, ARC_COLOURS[worlds.goal[:, 0]],
            worlds.goal, worlds.is_over, plan,
        )  # fmt: skip
        return plan

    def chance_success(self) -> float:
        # knowing which goals are trained on, 9 of the 12 ends at hand are left to guess among
        return 1 / (_NUM_BOXES * len(_SIDES) * 3 // 4)
