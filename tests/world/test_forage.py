"""Scenario forage: good meals win, wrong ones and the hunter lose, and pay is shared or each one's own."""

from __future__ import annotations

import numpy as np
import pytest

from world import scenarios
from world.codes import Act, Role
from world.engine import build
from world.state import Worlds

FORAGE = scenarios.get("forage")
RIVALS = scenarios.get("forage:competitive")
FIRST_FOOD, FIRST_GREY, FIRST_AGENT = 2, 11, 15
GOOD, BAD = 1, 2  # blue and red


def drawn(picture: str, scenario=FORAGE) -> Worlds:  # type: ignore[no-untyped-def]
    """From a drawing: A, B, C foragers, x y z good food, u v w bad, H the hunter, S a stone. Blue is good."""
    lines = picture.split()
    worlds = scenario.generate(np.array([0]), "train")
    guide = int((worlds.role[0] == Role.GUIDE).argmax())
    foragers = [a for a in range(4) if a != guide]
    bodies = {letter: FIRST_FOOD + k for k, letter in enumerate("xyzuvw")} | {".": 0, "H": FIRST_GREY, "S": 12}
    bodies |= {letter: FIRST_AGENT + a for letter, a in zip("ABC", foragers, strict=True)}
    grid = np.array([[[bodies[letter] for letter in line] for line in lines]])
    colour = worlds.colour.copy()
    colour[0, FIRST_FOOD:FIRST_GREY] = [GOOD] * 3 + [BAD] * 6
    present = set(grid.ravel().tolist())
    agent_body = np.zeros((1, 5), np.uint8)
    for a in foragers:
        agent_body[0, a] = FIRST_AGENT + a if FIRST_AGENT + a in present else 0
    agent_body[0, 4] = FIRST_GREY if "H" in picture else 0
    flags = worlds.arena.flags.copy()
    flags[0, FIRST_GREY:FIRST_AGENT] = [4, 1, 1, 1]
    worlds.arena = build(grid, colour, worlds.arena.laws, flags=flags, agent_body=agent_body, margin_cells=4)
    worlds.floor = np.zeros(grid.shape, np.uint8)
    worlds.goal[0] = [0, 0]
    return worlds


def act(worlds: Worlds, *acts: Act, scenario=FORAGE) -> dict[str, float]:  # type: ignore[no-untyped-def]
    """One step of the foragers; what each of A, B, C and the lookout is paid."""
    given = np.zeros((1, 4), np.int8)
    is_forager = worlds.role[0] == Role.BUILDER
    given[0, is_forager] = (*acts, *[Act.STAY] * (3 - len(acts)))
    reward = scenario.advance(worlds, given, None)[0]
    return dict(zip("ABC", reward[is_forager].tolist(), strict=True)) | {"lookout": float(reward[~is_forager][0])}


def test_two_good_meals_win_and_pay_all_alike():
    worlds = drawn("AA.x.y......BB......CC")
    paid = act(worlds, Act.RIGHT)
    assert set(paid.values()) == {0.25}
    assert not worlds.is_over.any()
    assert worlds.arena.size[0].max() == 3  # it has grown
    assert worlds.owner[0, 0, 1:4].tolist() == [worlds.owner[0, 0, 1]] * 3
    paid = act(worlds, Act.RIGHT)
    assert set(paid.values()) == {0.75}
    assert worlds.is_won.all()
    assert set(act(worlds, Act.RIGHT).values()) == {0.0}


def test_a_meal_of_another_colour_loses_and_costs_all():
    worlds = drawn("AA.u.x......BB......CC")
    paid = act(worlds, Act.RIGHT)
    np.testing.assert_allclose(list(paid.values()), -0.3)
    assert worlds.is_over.all()
    assert not worlds.is_won.any()


def test_a_meal_in_the_last_step_decides_nothing_and_a_loss_does():
    for picture, ran_out in (("AA.x.y......BB......CC", True), ("AA.u.y......BB......CC", False)):
        worlds = drawn(picture)
        worlds.steps_taken[:] = FORAGE.num_steps - 1
        paid = act(worlds, Act.RIGHT)
        assert set(paid.values()) != {0.0}
        assert worlds.is_over.all()
        assert not worlds.is_won.any()
        assert FORAGE.ran_out(worlds, np.full((1, 4), 1)).tolist() == [ran_out]


def test_without_talk_the_side_of_the_hunter_tells_something_about_the_good_food():
    """The best guess of who knows the hunter's side, and which goals are never trained on."""
    worlds = FORAGE.generate(np.arange(20_000), "train")
    kinds = worlds.colour[:, FIRST_FOOD:FIRST_GREY:3]
    colour = np.searchsorted([1, 2, 3, 4, 6, 7, 8, 9], kinds)
    can_be = colour % 4 != worlds.goal[:, 1:]
    expected = (1 / can_be.sum(axis=1)).mean()
    assert abs(expected - FORAGE.chance_success()) < 0.005


def test_a_stone_does_nothing_and_a_hunter_goes_for_who_comes_near():
    far = drawn("HH...AA..BB.CC HH............")
    act(far)
    assert not far.is_over.any()
    assert far.owner[0, 0].tolist()[:2] == [FIRST_GREY] * 2  # four cells away: out of reach
    act(far, Act.LEFT)
    act(far, Act.STAY)
    act(far, Act.STAY)
    assert far.is_over.all()
    assert not far.is_won.any()
    stone = drawn("SSAA..BB..CC SS..........")
    act(stone)
    assert not stone.is_over.any()


def test_what_is_larger_has_to_be_grown_into():
    worlds = drawn("xx.AA.y.........BB...CC")
    act(worlds, Act.LEFT)
    assert worlds.num_done.tolist() == [0]  # two cells do not eat two
    worlds = drawn("xx.AA.y.........BB...CC")
    act(worlds, Act.STAY)
    act(worlds, Act.RIGHT)
    assert worlds.num_done.tolist() == [1]


def test_rivals_are_paid_for_their_own_meals_and_the_grown_eat_the_small():
    worlds = drawn("AA.x..BB......CC", RIVALS)
    paid = act(worlds, Act.RIGHT, Act.STAY, Act.STAY, scenario=RIVALS)
    assert paid == {"A": 0.25, "B": 0.0, "C": 0.0, "lookout": pytest.approx(0.25 / 3)}
    act(worlds, Act.RIGHT, scenario=RIVALS)
    paid = act(worlds, Act.STAY, Act.LEFT, scenario=RIVALS)
    assert paid["A"] == 0.25
    assert paid["B"] == pytest.approx(-0.3)
    assert (worlds.agent_body > 0).sum() == 2
    assert not worlds.is_over.any()
    kind = drawn("AA.x..BB......CC")
    act(kind, Act.RIGHT)
    act(kind, Act.RIGHT)
    act(kind, Act.STAY, Act.LEFT)
    assert (kind.agent_body > 0).sum() == 3  # by the law of kindness


def test_both_ways_to_pay_have_the_same_worlds_but_for_their_laws():
    one, other = (scenario.generate(np.arange(50), "train") for scenario in (FORAGE, RIVALS))
    np.testing.assert_array_equal(one.owner, other.owner)
    np.testing.assert_array_equal(one.goal, other.goal)
    assert (one.arena.laws != other.arena.laws).any()


@pytest.mark.parametrize("split", FORAGE.splits)
def test_every_world_has_three_kinds_of_food_near_three_sides_each_and_one_hunter(split: str):
    worlds = FORAGE.generate(np.arange(300), split)
    food = worlds.colour[:, FIRST_FOOD:FIRST_GREY].reshape(len(worlds), 3, 3)
    assert (food == food[..., :1]).all()
    assert (np.sort(food[..., 0], axis=1)[:, 1:] > np.sort(food[..., 0], axis=1)[:, :-1]).all()
    assert (worlds.colour[:, FIRST_GREY:FIRST_AGENT] == 5).all()
    hunter = worlds.arena.agent_body[:, -1]
    np.testing.assert_array_equal(hunter, FIRST_GREY + worlds.goal[:, 1])
    eats = (worlds.arena.flags & 4 > 0)[:, FIRST_GREY:FIRST_AGENT]
    np.testing.assert_array_equal(eats.argmax(axis=1), worlds.goal[:, 1])
    assert (eats.sum(axis=1) == 1).all()
    for _ in range(3):  # nobody is near enough to eat or to be hunted before it has moved
        FORAGE.advance(worlds, np.zeros(worlds.role.shape, np.int8), None)
    assert not worlds.is_over.any()
    assert not worlds.num_done.any()


def test_stones_and_hunters_look_alike():
    worlds = FORAGE.generate(np.arange(200), "train")
    view = FORAGE.observe(worlds).view
    other = worlds.copy()
    other.goal[:, 1] = (worlds.goal[:, 1] + 1) % 4
    np.testing.assert_array_equal(FORAGE.observe(other).view, view)
    assert (worlds.owner[:, 0, 7] == FIRST_GREY).all()
    assert (worlds.look[:, [0, -1], 7] == 5).all()
