"""Scenario carry: nobody moves a box alone, two do, and the first box at a side decides."""

from __future__ import annotations

import numpy as np
import pytest

from world import scenarios
from world.codes import Act, Role
from world.engine import build
from world.state import Worlds

CARRY = scenarios.get("carry")
BOXES = (2, 3, 4)
FIRST_AGENT = 5
SIDES = ("top", "bottom", "left", "right")


def drawn(picture: str, goal: tuple[int, int] = (0, 0)) -> Worlds:
    """A world from a drawing: b, r and g are boxes (blue, red, green), A and B the builders."""
    lines = picture.split()
    worlds = CARRY.generate(np.array([0]), "train")
    guide = int((worlds.role[0] == Role.GUIDE).argmax())
    bodies = dict(zip("brg", BOXES, strict=True)) | {".": 0}
    bodies |= {letter: FIRST_AGENT + a for letter, a in zip("AB", (a for a in range(3) if a != guide), strict=True)}
    grid = np.array([[[bodies[letter] for letter in line] for line in lines]])
    colour = worlds.colour.copy()
    colour[0, list(BOXES)] = [1, 2, 3]
    worlds.arena = build(grid, colour, worlds.arena.laws, agent_body=worlds.arena.agent_body, margin_cells=4)
    worlds.floor = np.zeros(grid.shape, np.uint8)
    worlds.goal[0] = goal
    return worlds


def act(worlds: Worlds, first: Act, second: Act) -> np.ndarray:
    """One step of both builders; the rewards (A,)."""
    acts = np.zeros((1, 3), np.int8)
    acts[0, worlds.role[0] == Role.BUILDER] = first, second
    return CARRY.advance(worlds, acts, None)[0]


ROOM = """
    ......
    .rr...
    .rr...
    .A.bb.
    .B.bb.
    ......
"""


def test_one_builder_moves_no_box_and_two_in_two_steps_move_none():
    worlds = drawn(ROOM)
    before = worlds.owner.copy()
    act(worlds, Act.UP, Act.STAY)
    np.testing.assert_array_equal(worlds.owner, before)
    act(worlds, Act.RIGHT, Act.RIGHT)  # up to the blue box
    beside = worlds.owner.copy()
    for first, second in ((Act.RIGHT, Act.STAY), (Act.STAY, Act.RIGHT), (Act.RIGHT, Act.LEFT)):
        tried = worlds.copy()
        act(tried, first, second)
        np.testing.assert_array_equal(tried.owner == 2, beside == 2)


def test_two_that_push_in_one_step_move_it_and_the_side_decides():
    for goal, is_won, paid in (((0, 3), True, 1.0), ((0, 1), False, -0.15), ((1, 3), False, -0.15)):
        worlds = drawn(ROOM, goal)
        act(worlds, Act.RIGHT, Act.RIGHT)
        assert not worlds.is_over.any()
        reward = act(worlds, Act.RIGHT, Act.RIGHT)
        assert (worlds.owner[0, 3:5, 4:6] == 2).all()
        assert worlds.is_over.all()
        assert worlds.is_won.tolist() == [is_won]
        np.testing.assert_allclose(reward, paid)
        after = worlds.owner.copy()
        assert not act(worlds, Act.LEFT, Act.LEFT).any()  # too late
        np.testing.assert_array_equal(worlds.owner, after)


@pytest.mark.parametrize("split", CARRY.splits)
def test_every_box_has_a_free_way_to_every_side_and_is_too_heavy_for_one(split: str):
    worlds = CARRY.generate(np.arange(300), split)
    goal_colour = np.array([1, 2, 3, 4, 6, 7, 8, 9])[worlds.goal[:, 0]]
    assert (worlds.colour[:, 2:FIRST_AGENT] == goal_colour[:, None]).sum(axis=1).tolist() == [1] * len(worlds)
    assert (worlds.arena.size[:, 2:FIRST_AGENT] == 4).all()
    for owner in worlds.owner:
        rows = [set(np.nonzero(owner == box)[0].tolist()) for box in BOXES]
        cols = [set(np.nonzero(owner == box)[1].tolist()) for box in BOXES]
        for bands in (rows, cols):
            assert sum(map(len, bands)) == len(set.union(*bands))  # nobody stands in another one's way
            assert min(map(min, bands)) >= 2
            assert max(map(max, bands)) <= len(owner) - 3
    assert (worlds.floor[:, 0] > 0).all()
    assert not worlds.floor[:, 1:-1, 1:-1].any()


def test_a_wrong_wish_wins_nothing_and_any_wish_can_be_fulfilled():
    """So that nothing betrays the goal: for every box and side the search gets it there, whatever the goal is."""
    rng = np.random.default_rng(0)
    worlds = CARRY.generate(np.arange(60), "train")
    for box in BOXES:
        for side in range(len(SIDES)):
            tried, aimed = worlds.copy(), worlds.copy()
            colour = np.searchsorted([1, 2, 3, 4, 6, 7, 8, 9], worlds.colour[:, box])
            aimed.goal = np.stack([colour, np.full(len(worlds), side)], axis=1).astype(np.int16)
            is_goal = (aimed.goal == worlds.goal).all(axis=1)
            for _ in range(CARRY.num_steps):
                aimed.arena, aimed.is_over = tried.arena, tried.is_over
                bits = (CARRY.plan(aimed)[..., None] >> np.arange(5)) & 1
                acts = (bits * (rng.random(bits.shape) + 1e-6)).argmax(axis=-1).astype(np.int8)
                CARRY.advance(tried, acts, None)
            np.testing.assert_array_equal(tried.is_won, is_goal)
            assert (tried.steps_taken < CARRY.num_steps).all()
