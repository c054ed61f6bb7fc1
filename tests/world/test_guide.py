"""Scenario guide: the search wins, the world betrays nothing, and the first push decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from world import scenarios
from world.codes import DIRECTIONS, STEP_RC, Role
from world.engine import build
from world.state import Worlds

GUIDE = scenarios.get("guide")
BOXES = (2, 3, 4, 5)  # their body ids
ARC_COLOURS = (1, 2, 3, 4, 6, 7, 8, 9)


def advised(plan: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the advised acts for each agent, drawn evenly; to stay where nothing is advised."""
    bits = (plan[..., None] >> np.arange(5)) & 1
    return (bits * (rng.random(bits.shape) + 1e-6)).argmax(axis=-1).astype(np.int8)


def follow_the_search(worlds: Worlds, aim: np.ndarray, rng: np.random.Generator) -> None:
    """Let all builders push the box and direction in `aim` (B, 2), whatever the goal is."""
    aimed = worlds.copy()
    for _ in range(GUIDE.num_steps):
        aimed.arena, aimed.is_over = worlds.arena, worlds.is_over
        aimed.goal = aim.astype(np.int16)
        GUIDE.advance(worlds, advised(GUIDE.plan(aimed), rng), None)


def without(worlds: Worlds, agent: int) -> Worlds:
    """The same worlds, but for the body of an agent."""
    body = worlds.agent_body[:, agent]
    grid = np.where((worlds.owner == body[:, None, None]) & (body > 0)[:, None, None], 0, worlds.owner)
    agent_body = worlds.agent_body.copy()
    agent_body[:, agent] = 0
    return replace(worlds, arena=build(grid, worlds.colour, worlds.arena.laws, agent_body=agent_body))


def box_of(worlds: Worlds, colours: np.ndarray) -> np.ndarray:
    """The body id of the box with each goal colour (B,), 0 where there is none."""
    wanted = np.array(ARC_COLOURS)[colours]
    is_it = worlds.colour[:, BOXES[0] : BOXES[-1] + 1] == wanted[:, None]
    return np.where(is_it.any(axis=1), is_it.argmax(axis=1) + BOXES[0], 0)


@pytest.mark.parametrize("split", GUIDE.splits)
def test_who_follows_the_search_wins_nearly_always(split: str):
    worlds = GUIDE.generate(np.arange(2_000), split)
    follow_the_search(worlds, worlds.goal, np.random.default_rng(0))
    assert worlds.is_won.mean() >= 0.99


def test_every_world_has_four_boxes_of_different_colours_and_one_is_the_goal():
    worlds = GUIDE.generate(np.arange(2_000), "train")
    colours = np.sort(worlds.colour[:, BOXES[0] : BOXES[-1] + 1], axis=1)
    assert (np.diff(colours, axis=1) > 0).all()
    assert np.isin(colours, ARC_COLOURS).all()
    assert (box_of(worlds, worlds.goal[:, 0]) > 0).all()
    for body in BOXES:
        assert np.isin((worlds.owner == body).sum(axis=(1, 2)), (1, 2)).all()


def test_every_builder_can_push_every_box_in_every_direction():
    """So that nothing in the world betrays the goal: walk there and push, in every world, for every wish."""
    worlds = GUIDE.generate(np.arange(150), "train")
    rng = np.random.default_rng(1)
    num_pushes = 0
    for agent in range(GUIDE.num_agents):
        alone = worlds.take(np.flatnonzero(worlds.role[:, agent] == Role.BUILDER))
        for other in range(GUIDE.num_agents):
            if other != agent:  # its companion is not there to bar the way
                alone = without(alone, other)
        for box in BOXES:
            for direction in range(len(DIRECTIONS)):
                tried = alone.copy()
                colour = np.searchsorted(ARC_COLOURS, tried.colour[:, box])
                tried.goal = np.stack([colour, np.full(len(tried), direction)], axis=1).astype(np.int16)
                cells_before = [np.argwhere(tried.owner[b] == box) for b in range(len(tried))]
                for _ in range(4 * GUIDE.num_steps):  # far longer than the game lasts
                    tried.steps_taken[:] = 0
                    GUIDE.advance(tried, advised(GUIDE.plan(tried), rng), None)
                assert tried.is_won.all()
                for b, cells in enumerate(cells_before):
                    np.testing.assert_array_equal(np.argwhere(tried.owner[b] == box), cells + STEP_RC[direction + 1])
                num_pushes += len(tried)
    assert num_pushes == 2 * len(worlds) * 16


def test_nothing_about_the_box_of_the_goal_stands_out():
    """Which of the four boxes, of which size, how near to the builders: as for the other boxes."""
    worlds = GUIDE.generate(np.arange(20_000), "train")
    target = box_of(worlds, worlds.goal[:, 0])
    shares = np.bincount(target, minlength=6)[2:] / len(worlds)
    assert abs(shares - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / len(worlds))
    cells = np.stack([(worlds.owner == body).sum(axis=(1, 2)) for body in BOXES], axis=1)
    of_target = np.take_along_axis(cells, (target - BOXES[0])[:, None], axis=1).mean()
    assert abs(of_target - cells.mean()) < 4 * cells.std() / np.sqrt(len(worlds))
    builder = worlds.position_rc[np.arange(len(worlds)), (worlds.role == Role.BUILDER).argmax(axis=1)]
    distances = []
    for body in BOXES:
        is_body = worlds.owner == body
        middle = np.stack([is_body.argmax(axis=1).max(axis=1), is_body.argmax(axis=2).max(axis=1)], axis=1)
        distances.append(np.abs(middle - builder).sum(axis=1))
    distance = np.stack(distances, axis=1)
    to_target = np.take_along_axis(distance, (target - BOXES[0])[:, None], axis=1).mean()
    assert abs(to_target - distance.mean()) < 4 * distance.std() / np.sqrt(len(worlds))


@pytest.mark.parametrize("knows_the_split", [False, True])
def test_silent_policies_win_by_chance_only(knows_the_split: bool):
    """Any box in any direction wins 1/16; to leave out what is never trained on wins 1/12."""
    worlds = GUIDE.generate(np.arange(8_000), "train")
    rng = np.random.default_rng(2)
    box = rng.integers(BOXES[0], BOXES[-1] + 1, len(worlds))
    colour = np.searchsorted(ARC_COLOURS, worlds.colour[np.arange(len(worlds)), box])
    aim = np.stack([colour, rng.integers(0, 4, len(worlds))], axis=1)
    if knows_the_split:
        while (never := GUIDE.is_held_out(aim)).any():
            aim[never, 1] = rng.integers(0, 4, never.sum())
    follow_the_search(worlds, aim, rng)
    expected = GUIDE.chance_success() if knows_the_split else 1 / 16
    tolerance = 4 * np.sqrt(expected * (1 - expected) / len(worlds)) + 0.01 * expected  # a few are never pushed
    assert abs(worlds.is_won.mean() - expected) < tolerance


def test_the_first_push_decides_and_a_wrong_one_loses():
    worlds = GUIDE.generate(np.arange(500), "train")
    rng = np.random.default_rng(3)
    wrong = worlds.goal.copy()
    wrong[:, 1] = (wrong[:, 1] + 1 + rng.integers(0, 3, len(worlds))) % 4  # the right box, a wrong way
    follow_the_search(worlds, wrong, rng)
    is_pushed = worlds.steps_taken < GUIDE.num_steps
    assert is_pushed.mean() > 0.95
    assert worlds.is_over.all()
    assert not worlds.is_won.any()
    before = worlds.owner.copy()
    reward = GUIDE.advance(worlds, advised(GUIDE.plan(worlds), rng), None)  # too late to mend it
    assert not reward.any()
    assert not worlds.is_won.any()
    np.testing.assert_array_equal(worlds.owner, before)


def test_the_right_push_of_one_builder_pays_all_and_a_wrong_one_costs_all():
    for turn, paid in ((0, 1.0), (1, GUIDE.wrong_push_reward)):
        worlds = GUIDE.generate(np.arange(200), "train")
        rng = np.random.default_rng(4)
        aimed = worlds.copy()
        aimed.goal[:, 1] = (worlds.goal[:, 1] + turn) % 4
        total = np.zeros(worlds.role.shape)
        for _ in range(GUIDE.num_steps):
            aimed.arena, aimed.is_over = worlds.arena, worlds.is_over
            total += GUIDE.advance(worlds, advised(GUIDE.plan(aimed), rng), None)
        is_pushed = worlds.is_won if turn == 0 else worlds.steps_taken < GUIDE.num_steps
        assert is_pushed.mean() > 0.95
        np.testing.assert_allclose(total[is_pushed], paid)


def test_a_world_without_a_push_is_lost_when_time_is_up_and_costs_nothing():
    worlds = GUIDE.generate(np.arange(20), "train")
    for step in range(GUIDE.num_steps):
        assert not worlds.is_over.any(), step
        reward = GUIDE.advance(worlds, np.zeros(worlds.role.shape, np.int8), None)
        assert not reward.any()
    assert worlds.is_over.all()
    assert not worlds.is_won.any()


def test_a_push_of_the_right_box_together_with_another_one_is_wrong():
    worlds = GUIDE.generate(np.array([0]), "train")
    guide = int((worlds.role[0] == Role.GUIDE).argmax())
    one, two = (a for a in range(3) if a != guide)
    worlds.goal[0] = [0, 3]  # blue, right
    grid = np.zeros_like(worlds.owner)
    grid[0, 1, 1:3] = worlds.agent_body[0, one], 2  # before each builder a box, blue and red
    grid[0, 3, 1:3] = worlds.agent_body[0, two], 3
    colour = worlds.colour.copy()
    colour[0, 2:6] = [1, 2, 3, 4]
    worlds.arena = build(grid, colour, worlds.arena.laws, agent_body=worlds.agent_body)
    acts = np.zeros((1, 3), np.int8)
    acts[0, one] = 4
    both = acts.copy()
    both[0, two] = 4
    right, wrong = worlds.copy(), worlds.copy()
    GUIDE.advance(right, acts, None)
    GUIDE.advance(wrong, both, None)
    assert right.is_won.tolist() == [True]
    assert wrong.is_over.tolist() == [True]
    assert wrong.is_won.tolist() == [False]
