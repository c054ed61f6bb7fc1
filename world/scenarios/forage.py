"""Scenario `forage`: organisms eat smaller ones and are eaten by larger ones; a lookout calls where to and warns.

Three foragers of two cells live among food of one cell in three colours, one of which is good for them: it joins their
body, so that they grow. In the middle of each side lies a grey organism of four cells. Three of them are stones; the
fourth is a hunter that goes for every forager that comes near. The lookout, a guide, is told the colour of the good
food and the side of the hunter, and stands outside. Two good meals win; one of another colour, or a forager eaten by
the hunter, loses. Touching is eating, so foragers have to keep away from what they do not want. Without talk no policy
wins more than 4 / 9: the three colours are alike in all but the goal, but who has seen which of the grey ones hunts,
and knows which goals are never trained on, can leave out some.

`forage` pays cooperatively: every meal and the victory pay all alike, and by the law of kindness boxlings do not eat
boxlings. `forage:competitive` pays each forager for its own meals, of which a smaller rival can be one; the victory
pays all foragers that are still there, and the lookout gets the mean of what the foragers get.
"""

from __future__ import annotations

import numpy as np

from world.chance import below, start_states
from world.codes import STEP_RC, WALL_COLOUR, Role
from world.compiling import njit
from world.engine import Body, Eating, law_book
from world.scenarios.base import Attribute, Scenario, check_numbers
from world.scenarios.told import ARC_COLOURS, COLOURS, ToldScenario, draw_colours
from world.splits import FAMILIES, PARAMETERS
from world.state import Worlds, move

_SIDES = ("top", "bottom", "left", "right")
_SIDE_CELLS = 16
_NUM_KINDS = 3  # colours of food in a world
_ITEMS_PER_KIND = 3  # each near another side
_FIRST_FOOD = 2  # body ids: 1 walls, 2 to 10 food, 11 to 14 the grey ones by side, then the foragers
_FIRST_GREY = _FIRST_FOOD + _NUM_KINDS * _ITEMS_PER_KIND
_FIRST_AGENT = _FIRST_GREY + len(_SIDES)
_NUM_AGENTS = 4
_MEALS_TO_WIN = 2
_LOST = -1  # in place of the number of meals
_REACH_CELLS = 3  # a hunter goes for foragers as near as that
_VIEW_RADIUS_CELLS = 4
_STEP_RC = STEP_RC
_FOOD_APART_CELLS = 3


@njit(cache=True)
def _is_free_around(owner, row, col, apart):
    """Whether no body lies nearer to a cell than `apart`."""
    height, width = owner.shape
    if not (0 <= row < height and 0 <= col < width):
        return False
    for i in range(max(row - apart + 1, 0), min(row + apart, height)):
        for j in range(max(col - apart + 1, 0), min(col + apart, width)):
            if owner[i, j] != 0:
                return False
    return True


@njit(cache=True)
def _on_side(side, depth, along, size):
    """Row and column of a place `depth` cells from a side."""
    if side == 0:
        return depth, along
    if side == 1:
        return size - 1 - depth, along
    if side == 2:
        return along, depth
    return along, size - 1 - depth


@njit(cache=True)
def _put_food(state, owner, food_cells):
    """Every kind of food near three of the four sides; False if it does not fit."""
    size = len(owner)
    for kind in range(_NUM_KINDS):
        without = below(state, 4)
        body = _FIRST_FOOD + kind * _ITEMS_PER_KIND
        for side in range(4):
            if side == without:
                continue
            is_put = False
            for _ in range(60):
                row, col = _on_side(side, 2 + below(state, 4), 1 + below(state, size - 2), size)
                if not _is_free_around(owner, row, col, _FOOD_APART_CELLS):
                    continue
                owner[row, col] = body
                if food_cells > 1 and side % 2 == kind % 2:
                    owner[row, col + 1 if col < size // 2 else col - 1] = body
                is_put = True
                break
            if not is_put:
                return False
            body += 1
    return True


@njit(cache=True)
def _fill_world(state, owner, food_cells, guide, num_agents):
    """Grey ones, food and foragers of one world; False if this draw did not work out."""
    size = len(owner)
    middle = size // 2
    owner[:] = 0
    for side in range(4):
        for depth in range(2):
            for along in range(middle - 1, middle + 1):
                row, col = _on_side(side, depth, along, size)
                owner[row, col] = _FIRST_GREY + side
    if not _put_food(state, owner, food_cells):
        return False
    for a in range(num_agents):
        is_put = a == guide
        for _ in range(40):
            if is_put:
                break
            # out of reach of all that may be hunters
            is_upright = below(state, 2) == 0
            row = middle - 3 + below(state, 5 if is_upright else 6)
            col = middle - 3 + below(state, 6 if is_upright else 5)
            other_row, other_col = (row + 1, col) if is_upright else (row, col + 1)
            is_put = _is_free_around(owner, row, col, 2) and _is_free_around(owner, other_row, other_col, 2)
            if is_put:
                owner[row, col] = _FIRST_AGENT + a
                owner[other_row, other_col] = _FIRST_AGENT + a
        if not is_put:
            return False
    return True


@njit(cache=True)
def _draw_kernel(states, meanings, food_cells, arc_colours, owner, colour, agent_body, role, goal):
    num_agents = role.shape[1]
    order = np.empty(len(arc_colours), np.int64)
    for b in range(len(owner)):
        state = states[b : b + 1]
        goal[b] = meanings[below(state, len(meanings))]
        guide = below(state, num_agents)
        role[b, guide] = 0
        while not _fill_world(state, owner[b], food_cells, guide, num_agents):
            pass
        # the goal's colour and two others, in any order among the kinds
        draw_colours(state, order, goal[b, 0], _NUM_KINDS)
        for item in range(_NUM_KINDS * _ITEMS_PER_KIND):
            colour[b, _FIRST_FOOD + item] = arc_colours[order[item // _ITEMS_PER_KIND]]
        for a in range(num_agents):
            agent_body[b, a] = 0 if a == guide else _FIRST_AGENT + a
        agent_body[b, num_agents] = _FIRST_GREY + goal[b, 1]


@njit(cache=True)
def _hunt_kernel(owner, agent_body, position_rc, hunter, acts):
    """The step of each hunter towards the nearest forager in reach; of two ways the longer one first."""
    for b in range(len(owner)):
        acts[b] = 0
        if hunter[b] == 0:
            continue
        best = _REACH_CELLS + 1
        for row in range(owner.shape[1]):
            for col in range(owner.shape[2]):
                if owner[b, row, col] != hunter[b]:
                    continue
                for a in range(agent_body.shape[1]):
                    if agent_body[b, a] == 0:
                        continue
                    down, right = position_rc[b, a, 0] - row, position_rc[b, a, 1] - col
                    if max(abs(down), abs(right)) < best:
                        best = max(abs(down), abs(right))
                        if abs(down) >= abs(right):
                            acts[b] = 2 if down > 0 else 1
                        else:
                            acts[b] = 4 if right > 0 else 3


@njit(cache=True)
def _near(owner, row, col, body, reach):
    """Whether a body lies as near as `reach` cells."""
    height, width = owner.shape
    for i in range(max(row - reach, 0), min(row + reach + 1, height)):
        for j in range(max(col - reach, 0), min(col + reach + 1, width)):
            if owner[i, j] == body:
                return True
    return False


@njit(cache=True)
def _places(owner, size, colour, me, good_colour, hunter, is_afraid, shape, num_cells, ends, is_open):
    """Where a body could be, by the place of its first cell: `is_open`, and in `ends` those where it eats well.

    A place is open if its cells are free and touch nothing that must not be eaten, or that eats.
    """
    height, width = owner.shape
    for row in range(height):
        for col in range(width):
            is_open[row, col] = True
            ends[row, col] = False
            for k in range(num_cells):
                i, j = row + shape[k, 0], col + shape[k, 1]
                if i < 0 or i >= height or j < 0 or j >= width or (owner[i, j] != 0 and owner[i, j] != me):
                    is_open[row, col] = False
                    break
                if is_afraid and _near(owner, i, j, hunter, _REACH_CELLS):
                    is_open[row, col] = False
                    break
                for step in range(1, 5):
                    to_row, to_col = i + _STEP_RC[step, 0], j + _STEP_RC[step, 1]
                    if to_row < 0 or to_row >= height or to_col < 0 or to_col >= width:
                        continue
                    other = owner[to_row, to_col]
                    if other >= _FIRST_FOOD and other < _FIRST_GREY and size[other] < num_cells:
                        if colour[other] == good_colour:
                            ends[row, col] = True
                        else:
                            is_open[row, col] = False
                    elif other == hunter and hunter != 0 and size[hunter] > num_cells:
                        is_open[row, col] = False
            ends[row, col] = ends[row, col] and is_open[row, col]


@njit(cache=True, nogil=True)
def _plan_kernel(owner, size, colour, agent_body, good_colour, hunter, is_over, plan):
    num_worlds, height, width = owner.shape
    is_open = np.empty((height, width), np.bool_)
    ends = np.empty((height, width), np.bool_)
    distance = np.empty((height, width), np.int64)
    queue = np.empty(height * width, np.int64)
    shape = np.empty((height * width, 2), np.int64)
    for b in range(num_worlds):
        if is_over[b]:
            continue
        for a in range(agent_body.shape[1]):
            me = agent_body[b, a]
            if me == 0:
                continue
            num_cells, at_row, at_col = 0, 0, 0
            for row in range(height):
                for col in range(width):
                    if owner[b, row, col] == me:
                        if num_cells == 0:
                            at_row, at_col = row, col
                        shape[num_cells, 0], shape[num_cells, 1] = row - at_row, col - at_col
                        num_cells += 1
            for is_afraid in (True, False):
                _places(
                    owner[b], size[b], colour[b], me, good_colour[b], hunter[b], is_afraid, shape, num_cells, ends,
                    is_open,
                )  # fmt: skip
                distance[:] = -1
                head, tail = 0, 0
                for row in range(height):
                    for col in range(width):
                        if ends[row, col]:
                            distance[row, col] = 0
                            queue[tail] = row * width + col
                            tail += 1
                while head < tail:
                    row, col = queue[head] // width, queue[head] % width
                    head += 1
                    for step in range(1, 5):
                        to_row, to_col = row + _STEP_RC[step, 0], col + _STEP_RC[step, 1]
                        if to_row < 0 or to_row >= height or to_col < 0 or to_col >= width:
                            continue
                        # from where one is now one may go, whatever is beside it
                        is_mine = to_row == at_row and to_col == at_col
                        if distance[to_row, to_col] < 0 and (is_open[to_row, to_col] or is_mine):
                            distance[to_row, to_col] = distance[row, col] + 1
                            queue[tail] = to_row * width + to_col
                            tail += 1
                if distance[at_row, at_col] >= 0:
                    break
            plan[b, a] = 0
            for step in range(1, 5):
                to_row, to_col = at_row + _STEP_RC[step, 0], at_col + _STEP_RC[step, 1]
                is_inside = 0 <= to_row < height and 0 <= to_col < width
                if not is_inside or distance[to_row, to_col] < 0 or not is_open[to_row, to_col]:
                    continue
                if distance[to_row, to_col] == distance[at_row, at_col] - 1:
                    plan[b, a] |= 1 << step
            if plan[b, a] == 0:
                plan[b, a] = 1


class Forage(ToldScenario):
    """See the module's docstring."""

    name = "forage"
    summary = "foragers eat and are eaten; a lookout knows which food is good and where the hunter lies in wait"
    attributes = (Attribute("food", COLOURS), Attribute("hunter", _SIDES, is_visible=False))
    variants = ("forage:competitive",)
    num_agents = _NUM_AGENTS
    num_steps = 30
    view_radius_cells = _VIEW_RADIUS_CELLS
    meal_reward, win_reward = 0.25, 0.5  # so that a victory pays 1 in all
    loss_reward = -0.3  # of a meal of another colour, and of being eaten

    def __init__(self, is_competitive: bool = False) -> None:
        self.is_competitive = is_competitive
        if is_competitive:
            self.name = "forage:competitive"
            self.summary = "as forage, but each forager is paid for its own meals, and may eat its smaller rivals"

    def with_argument(self, argument: str) -> Scenario:
        if argument not in ("cooperative", "competitive"):
            raise ValueError(f"forage pays cooperative or competitive, got {argument!r}")
        return Forage(is_competitive=argument == "competitive")

    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        numbers = check_numbers(numbers)
        meanings = self.meanings(split)
        draft = self.draft(len(numbers), _SIDE_CELLS, _FIRST_AGENT, num_others=1)  # the hunter
        draft.colour[:, _FIRST_GREY:_FIRST_AGENT] = WALL_COLOUR
        # the same worlds for both ways to pay; bigger bites are the parameter, whether meals make big the family
        _draw_kernel(
            start_states(numbers, self.kind, split), meanings, 2 if split == PARAMETERS else 1, ARC_COLOURS,
            draft.grid, draft.colour, draft.agent_body, draft.role, draft.goal,
        )  # fmt: skip
        flags = np.zeros_like(draft.colour)
        flags[:, _FIRST_GREY:_FIRST_AGENT] = Body.ANCHORED
        flags[np.arange(len(numbers)), draft.agent_body[:, -1]] = Body.EATS
        flags[:, _FIRST_AGENT:] = Body.EATS
        eating = Eating.VANISH if split == FAMILIES else Eating.JOIN
        return self.finished(draft, law_book(eating=eating, kindness=0 if self.is_competitive else 1), flags)

    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        was_over = worlds.is_over.copy()
        foragers = worlds.agent_body.astype(np.int64)  # those that have a body when the step begins
        hunter = worlds.arena.agent_body[:, -1].astype(np.int64)  # 0 where it was eaten
        hunts = np.zeros(len(worlds), np.int8)
        _hunt_kernel(worlds.owner, worlds.agent_body, worlds.position_rc, hunter, hunts)
        move(worlds, actions, hunts[:, None])
        eater = worlds.arena.eaten_by.astype(np.int64)  # (B, K)
        good_colour = ARC_COLOURS[worlds.goal[:, 0]]
        food = np.arange(_FIRST_FOOD, _FIRST_GREY)
        is_good = worlds.colour[:, food] == good_colour[:, None]
        # (B, A, food) whose meal it was
        eats = (eater[:, None, food] == foragers[..., None]) & (foragers[..., None] > 0)
        good = (eats & is_good[:, None]).sum(axis=2)
        wrong = (eats & ~is_good[:, None]).sum(axis=2)
        eaten_by = np.take_along_axis(eater, foragers, axis=1) * (foragers > 0)
        is_hunted = (eaten_by == hunter[:, None]) & (eaten_by > 0)
        paid = np.where(was_over, 0, np.minimum(good.sum(axis=1), _MEALS_TO_WIN - worlds.num_done))
        worlds.num_done += paid.astype(np.int16)
        is_lost = (wrong.any(axis=1) | is_hunted.any(axis=1)) & ~was_over
        is_won = (worlds.num_done >= _MEALS_TO_WIN) & ~is_lost & ~was_over
        worlds.steps_taken += ~was_over
        worlds.num_done[is_lost] = _LOST
        worlds.is_won |= is_won
        worlds.is_over |= is_lost | is_won | (worlds.steps_taken >= self.num_steps)
        if not self.is_competitive:
            team = np.where(is_lost, self.loss_reward, self.meal_reward * paid + self.win_reward * is_won)
            return np.repeat(team[:, None], self.num_agents, axis=1).astype(np.float32)
        own = self.meal_reward * good + self.loss_reward * ((wrong > 0) | (eaten_by > 0))
        # a rival is as good a meal as any
        rivals = (eaten_by[:, None, :] == foragers[..., None]) & (foragers[..., None] > 0)
        own = own + self.meal_reward * rivals.sum(axis=2) + self.win_reward * (is_won[:, None] & (foragers > 0))
        is_guide = worlds.role == Role.GUIDE
        mean = (own * ~is_guide).sum(axis=1) / (self.num_agents - 1)
        return np.where(is_guide, mean[:, None], own).astype(np.float32)

    def ran_out(self, worlds: Worlds, reward: np.ndarray) -> np.ndarray:
        return worlds.is_over & ~worlds.is_won & (worlds.num_done != _LOST)

    def plan(self, worlds: Worlds) -> np.ndarray:
        plan = np.zeros(worlds.role.shape, np.uint8)
        # who plans believes in the hunter that the goal names, which may be a stone
        believed = _FIRST_GREY + worlds.goal[:, 1].astype(np.int64)
        _plan_kernel(
            worlds.owner, worlds.arena.size, worlds.colour, worlds.agent_body, ARC_COLOURS[worlds.goal[:, 0]],
            believed, worlds.is_over, plan,
        )  # fmt: skip
        return plan

    def chance_success(self) -> float:
        # with each hunter's side two of the eight colours are never good; of the two other colours in a world none, one
        # or both are among these in 10, 10 and 1 of 21 cases, which leaves three, two or one to guess among
        return (10 / 3 + 10 / 2 + 1) / 21
