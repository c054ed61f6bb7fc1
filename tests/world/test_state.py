"""Agents step and push in worlds that are not over, and know what came of it; the laws are tested with the engine."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.world.drawn_worlds import draw_actions, draw_worlds
from world.codes import BOXLING_COLOUR, Act
from world.engine import Body
from world.state import Worlds, build_worlds, move
from world.testing import check_arena

STAY, UP, DOWN, LEFT, RIGHT = list(Act)[:5]


def world_of(picture: str, agents: str = "AB", anchored: str = "") -> Worlds:
    """One world from a drawing: a letter for each body, A and B are agents, # the walls, . nothing."""
    lines = picture.split()
    letters = sorted(set("".join(lines)) - set(".#"))
    ids = {letter: 2 + k for k, letter in enumerate(letters)} | {"#": 1, ".": 0}
    colour = [[0, 0, *(BOXLING_COLOUR if letter in agents else 1 for letter in letters)]]
    flags = [[0, 0, *(Body.ANCHORED if letter in anchored else 0 for letter in letters)]]
    agent_body = [[ids.get(letter, 0) for letter in agents]]
    grid = [[[ids[letter] for letter in line] for line in lines]]
    return build_worlds(*(np.array(values) for values in (grid, colour, agent_body)), flags=np.array(flags))


def drawing_of(worlds: Worlds, like: str) -> str:
    letters = ".#" + "".join(sorted(set(like) - set(".# \n")))
    return " ".join("".join(letters[body] for body in row) for row in worlds.owner[0])


def drawn_batches(num_batches: int, worlds_each: int, seed: int) -> list[tuple[np.random.Generator, Worlds]]:
    """Worlds of all sizes from 1 x 1 to 8 x 8 with 0 to 4 agents, then those where agents often meet."""
    every_size = list(itertools.product(range(1, 9), range(1, 9)))
    batches = []
    for i in range(num_batches):
        rng = np.random.default_rng([seed, i])
        if i < len(every_size):
            size, num_agents = every_size[i], i % 5
        else:
            size, num_agents = tuple(rng.integers(3, 7, 2)), int(rng.integers(2, 5))
        batches.append((rng, draw_worlds(rng, worlds_each, *size, num_agents)))
    return batches


def test_agents_know_where_they_are_what_they_did_and_whether_it_moved_them():
    for rng, worlds in drawn_batches(64, 5, seed=2):
        before, actions = worlds.copy(), draw_actions(rng, worlds)
        moved = move(worlds, actions)
        np.testing.assert_array_equal(worlds.last_action, actions)
        for b, a in np.ndindex(*worlds.agent_body.shape):
            direction = moved[b, worlds.agent_body[b, a]] if worlds.agent_body[b, a] else 0
            step = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)][direction]
            assert worlds.last_moved[b, a] == (direction > 0)
            assert worlds.position_rc[b, a].tolist() == (before.position_rc[b, a] + step).tolist()


def test_no_cell_of_any_body_is_lost_and_shapes_stay_rigid():
    for rng, worlds in drawn_batches(64, 10, seed=3):
        for _ in range(3):
            before = worlds.copy()
            moved = move(worlds, draw_actions(rng, worlds))
            check_arena(worlds.arena)
            for b, body in np.ndindex(*worlds.colour.shape):
                if body > 1:
                    step = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)][moved[b, body]]
                    was, now = (np.argwhere(each.owner[b] == body) for each in (before, worlds))
                    np.testing.assert_array_equal(now, was + np.array(step))


def test_anchored_bodies_never_move_not_even_boxlings():
    num_anchored_agents = 0
    for rng, worlds in drawn_batches(64, 10, seed=4):
        for _ in range(3):
            before = worlds.copy()
            moved = move(worlds, draw_actions(rng, worlds))
            assert not moved[worlds.anchored].any()
            anchored = np.take_along_axis(worlds.anchored, before.owner.reshape(len(worlds), -1), axis=1)
            stays = (anchored & (before.owner.reshape(len(worlds), -1) > 0)).reshape(worlds.owner.shape)
            np.testing.assert_array_equal(worlds.owner[stays], before.owner[stays])
            num_anchored_agents += int(np.take_along_axis(worlds.anchored, worlds.agent_body, axis=1).sum())
    assert num_anchored_agents > 100


# ---- known answers ----


@pytest.mark.parametrize(
    ("before", "acts", "after"),
    [
        ("Aab.", [RIGHT], ".Aab"),  # a chain moves as one
        ("Aab#", [RIGHT], "Aab#"),  # or not at all, before a wall
        ("Aab", [RIGHT], "Aab"),  # or the edge
        ("Aa. .ab", [RIGHT], "Aa. .ab"),  # one cell of a shape bars its whole
        ("Aa.. .ab.", [RIGHT], ".Aa. ..ab"),  # and takes along what touches any cell of it
        ("aA. b..", [RIGHT], "a.A b.."),  # nothing is pulled
        ("A.. abb", [RIGHT], ".A. abb"),  # what lies beside is left alone
    ],
)
def test_a_push_moves_the_whole_chain_or_nothing(before: str, acts: list[int], after: str):
    worlds = world_of(before, agents="A")
    move(worlds, np.array([acts]))
    assert drawing_of(worlds, before) == after


@pytest.mark.parametrize(
    ("before", "acts", "after"),
    [
        ("A.B", [RIGHT, LEFT], "A.B"),  # two that enter one cell both stay
        ("AB.", [RIGHT, RIGHT], "A.B"),  # who stands in the way at the start bars the way
        ("AB", [RIGHT, LEFT], "AB"),  # nobody changes places
        ("ABa.", [RIGHT, STAY], "ABa."),  # nobody is pushed
        ("Aa.B", [RIGHT, LEFT], ".AaB"),  # the heavier of two that contradict each other goes on
        ("Aa.bB", [RIGHT, LEFT], "Aa.bB"),  # equals both stay
        ("Aa. Ba.", [RIGHT, RIGHT], ".Aa .Ba"),  # two push one body together
        (".B. Aa. ...", [RIGHT, DOWN], ".B. Aa. ..."),  # but not in two directions
    ],
)
def test_two_that_act_at_once_get_the_known_answer(before: str, acts: list[int], after: str):
    worlds = world_of(before)
    move(worlds, np.array([acts]))
    assert drawing_of(worlds, before) == after


def test_an_anchored_box_bars_the_way_and_agents_outside_move_nothing():
    worlds = world_of("Aa.", anchored="a")  # agent B stands outside the grid
    moved = move(worlds, np.array([[RIGHT, LEFT]]))
    assert drawing_of(worlds, "Aa.") == "Aa."
    assert not moved.any()
    assert worlds.position_rc[0, 1].tolist() == [-1, -1]


def test_worlds_that_are_over_stand_still():
    worlds = world_of("A.")
    worlds.is_over[:] = True
    worlds.last_moved[:] = True
    before = worlds.owner.copy()
    moved = move(worlds, np.array([[RIGHT, STAY]]))
    np.testing.assert_array_equal(worlds.owner, before)
    assert not moved.any()
    assert not worlds.last_moved.any()
    assert worlds.last_action.tolist() == [[STAY, STAY]]


def test_no_worlds_and_no_agents_are_no_trouble():
    rng = np.random.default_rng(0)
    for num_worlds, num_agents in ((0, 2), (3, 0)):
        worlds = draw_worlds(rng, num_worlds, 3, 3, num_agents)
        before = worlds.owner.copy()
        assert not move(worlds, np.zeros((num_worlds, num_agents), np.int8)).any()
        np.testing.assert_array_equal(worlds.owner, before)


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        (np.array([[1]]), r"shape \(1, 2\), got \(1, 1\)"),
        (np.array([[9, 0]]), r"in \[0, 8\], got 9"),
        (np.array([[0, -1]]), r"in \[0, 8\], got -1"),
        (np.array([[300, 0]]), r"in \[0, 8\], got 300"),
        (np.array([[1.5, 0.0]]), "whole numbers"),
        (np.array([[np.nan, 0.0]]), "whole numbers"),
    ],
)
def test_acts_that_there_are_not_are_refused_and_change_nothing(actions: np.ndarray, told: str):
    worlds = world_of("A.B.")
    before = worlds.copy()
    with pytest.raises(ValueError, match=told):
        move(worlds, actions)
    np.testing.assert_array_equal(worlds.owner, before.owner)
    np.testing.assert_array_equal(worlds.last_action, before.last_action)


def test_what_is_taken_from_worlds_shares_nothing_with_them():
    worlds = draw_worlds(np.random.default_rng(1), 4, 5, 5, 2)
    before = worlds.copy()
    taken = worlds.take(slice(0, 4, 2))
    taken.is_over[:] = True
    taken.goal[:] = 7
    move(worlds.take(slice(1, 3)), np.ones((2, 2), int))
    for name, values in worlds.arrays().items():
        np.testing.assert_array_equal(values, before.arrays()[name])
    assert len(taken) == 2
