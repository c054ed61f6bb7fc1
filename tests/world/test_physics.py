"""A push moves all that it touches or nothing, as in plain Python, in every mirror and under every name."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.world.drawn_worlds import draw_actions, draw_worlds
from tests.world.reference_physics import bodies_of, reference_push
from world.physics import push
from world.state import BOXLING_COLOUR, Action, Worlds, check_worlds, empty_worlds

STAY, UP, DOWN, LEFT, RIGHT = Action


def world_of(picture: str, agents: str = "AB", anchored: str = "") -> Worlds:
    """One world from a drawing: a letter for each body, A and B are agents, # the walls, . nothing."""
    lines = picture.split()
    letters = sorted(set("".join(lines)) - set(".#"))
    worlds = empty_worlds(1, len(lines), len(lines[0]), len(letters), len(agents), 1)
    ids = {letter: 2 + k for k, letter in enumerate(letters)} | {"#": 1, ".": 0}
    worlds.owner[0] = [[ids[letter] for letter in line] for line in lines]
    for letter in letters:
        worlds.colour[0, ids[letter]] = BOXLING_COLOUR if letter in agents else 1
        worlds.anchored[0, ids[letter]] = letter in anchored
    for a, letter in enumerate(agents):
        if letter in letters:
            worlds.agent_body[0, a] = ids[letter]
            worlds.position_rc[0, a] = np.argwhere(worlds.owner[0] == ids[letter])[0]
    check_worlds(worlds)
    return worlds


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


def test_the_kernel_equals_plain_python_on_thousands_of_drawn_worlds():
    compared, num_full, num_pushes, num_refused = 0, 0, 0, 0
    for rng, worlds in drawn_batches(160, 20, seed=1):
        num_full += int((worlds.owner > 0).all(axis=(1, 2)).sum())
        for _ in range(3):
            before, actions = worlds.copy(), draw_actions(rng, worlds)
            moved = push(worlds, actions)
            for b in range(len(worlds)):
                owner, directions = reference_push(
                    before.owner[b].tolist(),
                    before.anchored[b].tolist(),
                    before.agent_body[b].tolist(),
                    actions[b].tolist(),
                )
                assert worlds.owner[b].tolist() == owner
                assert dict(enumerate(moved[b].tolist())) == {
                    body: directions.get(body, 0) for body in range(moved.shape[1])
                }
                num_pushes += bool(set(directions) - set(before.agent_body[b].tolist()))
                num_refused += not directions and bool(actions[b].any())
            compared += len(worlds)
            check_worlds(worlds)
    assert compared >= 3 * 2_000
    # the drawn worlds are worth comparing: some are full, things are pushed, and pushes are refused
    assert num_full > 50
    assert num_pushes > 200
    assert num_refused > 200


def test_agents_know_where_they_are_what_they_did_and_whether_it_moved_them():
    for rng, worlds in drawn_batches(64, 5, seed=2):
        before, actions = worlds.copy(), draw_actions(rng, worlds)
        moved = push(worlds, actions)
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
            moved = push(worlds, draw_actions(rng, worlds))
            for b in range(len(worlds)):
                was, now = bodies_of(before.owner[b].tolist()), bodies_of(worlds.owner[b].tolist())
                assert was.keys() == now.keys()
                for body, cells in was.items():
                    step = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)][moved[b, body]]
                    assert now[body] == {(row + step[0], column + step[1]) for row, column in cells}


def test_anchored_bodies_never_move_not_even_boxlings():
    num_anchored_agents = 0
    for rng, worlds in drawn_batches(64, 10, seed=4):
        for _ in range(3):
            before = worlds.copy()
            moved = push(worlds, draw_actions(rng, worlds))
            assert not moved[worlds.anchored].any()
            anchored = np.take_along_axis(worlds.anchored, before.owner.reshape(len(worlds), -1), axis=1)
            stays = (anchored & (before.owner.reshape(len(worlds), -1) > 0)).reshape(worlds.owner.shape)
            np.testing.assert_array_equal(worlds.owner[stays], before.owner[stays])
            num_anchored_agents += int(np.take_along_axis(worlds.anchored, worlds.agent_body, axis=1).sum())
    assert num_anchored_agents > 100


# ---- symmetry ----


def turned(worlds: Worlds, quarter_turns: int, is_mirrored: bool) -> Worlds:
    """The same worlds turned counter-clockwise, then mirrored left to right."""
    other = worlds.copy()
    other.owner = np.rot90(worlds.owner, quarter_turns, axes=(1, 2))
    row, column = worlds.position_rc[..., 0], worlds.position_rc[..., 1]
    height, width = worlds.owner.shape[1:]
    for _ in range(quarter_turns):
        row, column = width - 1 - column, row
        height, width = width, height
    if is_mirrored:
        other.owner = other.owner[:, :, ::-1]
        column = width - 1 - column
    other.owner = other.owner.copy(order="C")
    inside = worlds.agent_body[..., None] > 0
    other.position_rc = np.where(inside, np.stack([row, column], axis=-1), -1).astype(np.int16)
    return other


def turned_actions(quarter_turns: int, is_mirrored: bool) -> np.ndarray:
    """The action that each of the five becomes."""
    became = np.arange(5)
    for _ in range(quarter_turns):
        became = np.array([STAY, LEFT, RIGHT, DOWN, UP])[became]  # up becomes left, and so on
    return np.array([STAY, UP, DOWN, RIGHT, LEFT])[became] if is_mirrored else became


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("quarter_turns", range(4))
def test_a_turned_or_mirrored_world_has_a_turned_or_mirrored_future(quarter_turns: int, is_mirrored: bool):
    became = turned_actions(quarter_turns, is_mirrored)
    for rng, worlds in drawn_batches(64, 6, seed=5):
        actions = draw_actions(rng, worlds)
        there = turned(worlds, quarter_turns, is_mirrored)
        check_worlds(there)
        moved_there = push(there, became[actions])
        moved = push(worlds, actions)
        back = turned(worlds, quarter_turns, is_mirrored)
        np.testing.assert_array_equal(there.owner, back.owner)
        np.testing.assert_array_equal(there.position_rc, back.position_rc)
        np.testing.assert_array_equal(there.last_moved, back.last_moved)
        np.testing.assert_array_equal(moved_there, became[moved])


def test_renaming_bodies_and_agents_changes_nothing():
    for rng, worlds in drawn_batches(64, 6, seed=6):
        num_bodies, num_agents = worlds.colour.shape[1], worlds.agent_body.shape[1]
        new_name = np.concatenate([[0], 1 + rng.permutation(num_bodies - 1)])
        order = rng.permutation(num_agents)
        renamed = worlds.copy()
        renamed.owner = new_name[worlds.owner].astype(np.int16)
        renamed.colour[:, new_name], renamed.anchored[:, new_name] = worlds.colour, worlds.anchored
        renamed.agent_body = new_name[worlds.agent_body[:, order]].astype(np.int16)
        renamed.position_rc = worlds.position_rc[:, order]
        actions = draw_actions(rng, worlds)
        moved_renamed = push(renamed, actions[:, order])
        moved = push(worlds, actions)
        np.testing.assert_array_equal(renamed.owner, new_name[worlds.owner])
        np.testing.assert_array_equal(moved_renamed[:, new_name], moved)
        np.testing.assert_array_equal(renamed.last_moved, worlds.last_moved[:, order])


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
    push(worlds, np.array([acts]))
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
    push(worlds, np.array([acts]))
    assert drawing_of(worlds, before) == after


def test_an_anchored_box_bars_the_way_and_agents_outside_move_nothing():
    worlds = world_of("Aa.", anchored="a")  # agent B stands outside the grid
    moved = push(worlds, np.array([[RIGHT, LEFT]]))
    assert drawing_of(worlds, "Aa.") == "Aa."
    assert not moved.any()
    assert worlds.position_rc[0, 1].tolist() == [-1, -1]


def test_worlds_that_are_over_stand_still():
    worlds = world_of("A.")
    worlds.is_over[:] = True
    worlds.last_moved[:] = True
    before = worlds.owner.copy()
    moved = push(worlds, np.array([[RIGHT, STAY]]))
    np.testing.assert_array_equal(worlds.owner, before)
    assert not moved.any()
    assert not worlds.last_moved.any()
    assert worlds.last_action.tolist() == [[STAY, STAY]]


def test_no_worlds_and_no_agents_are_no_trouble():
    rng = np.random.default_rng(0)
    for num_worlds, num_agents in ((0, 2), (3, 0)):
        worlds = draw_worlds(rng, num_worlds, 3, 3, num_agents)
        before = worlds.owner.copy()
        assert not push(worlds, np.zeros((num_worlds, num_agents), np.int8)).any()
        np.testing.assert_array_equal(worlds.owner, before)


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        (np.array([[1]]), r"shape \(1, 2\), got \(1, 1\)"),
        (np.array([[5, 0]]), r"in \[0, 4\], got 5"),
        (np.array([[0, -1]]), r"in \[0, 4\], got -1"),
        (np.array([[300, 0]]), r"in \[0, 4\], got 300"),
        (np.array([[1.5, 0.0]]), "whole numbers"),
        (np.array([[np.nan, 0.0]]), "whole numbers"),
    ],
)
def test_acts_that_there_are_not_are_refused_and_change_nothing(actions: np.ndarray, told: str):
    worlds = world_of("A.B.")
    before = worlds.copy()
    with pytest.raises(ValueError, match=told):
        push(worlds, actions)
    np.testing.assert_array_equal(worlds.owner, before.owner)
    np.testing.assert_array_equal(worlds.last_action, before.last_action)
