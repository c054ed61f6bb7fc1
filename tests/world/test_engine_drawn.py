"""Ticks drawn by hand: what each law does, in pictures of a few cells."""

from __future__ import annotations

import numpy as np
import pytest

from world.engine import Act, Arena, Body, Eating, Effect, Property, build, law_book, tick
from world.testing import check_arena

STAY, UP, DOWN, LEFT, RIGHT, PULL_UP, PULL_DOWN, PULL_LEFT, PULL_RIGHT = Act
AGENTS = "ABC"


def letters_of(picture: str) -> list[str]:
    return sorted(set("".join(picture.split())) - set(".#"))


def world_of(
    picture: str, *, anchored: str = "", floats: str = "", eats: str = "", grows: str = "", alike: str = "",
    spare: int = 0, **laws: int,
) -> Arena:  # fmt: skip
    """One world from a drawing: A, B, C are agents, other letters bodies, # the walls, . nothing.

    Letters name the bodies of a kind; those in `alike` are of colour 9, all others differ in colour. `spare` bodies
    more can be.
    """
    letters = letters_of(picture)
    number = {".": 0, "#": 1} | {letter: 2 + k for k, letter in enumerate(letters)}
    flags, colour = np.zeros((1, 2 + len(letters) + spare), int), np.zeros((1, 2 + len(letters) + spare), int)
    for k, letter in enumerate(letters):
        colour[0, 2 + k] = 9 if letter in alike else k + 1
        kinds = ((anchored, Body.ANCHORED), (floats, Body.FLOATS), (eats, Body.EATS), (grows, Body.GROWS))
        flags[0, 2 + k] = sum(flag for kind, flag in kinds if letter in kind)
    arena = build(
        np.array([[[number[letter] for letter in line] for line in picture.split()]]),
        colour,
        law_book(**laws),
        flags=flags,
        agent_body=np.array([[number.get(letter, 0) for letter in AGENTS]]),
    )
    check_arena(arena)
    return arena


def play(arena: Arena, acts: dict[str, int]) -> None:
    tick(arena, np.array([[acts.get(letter, STAY) for letter in AGENTS]]))
    check_arena(arena)


def drawing_of(arena: Arena, like: str) -> str:
    letters = ".#" + "".join(letters_of(like))
    return " ".join("".join(letters[body] for body in row) for row in arena.grid()[0])


def number_of(letter: str, picture: str) -> int:
    return 2 + letters_of(picture).index(letter)


PUSHES = {
    "an agent steps": ("A..", ".A.", {"A": RIGHT}, {}),
    "the edge bars": ("A..", "A..", {"A": LEFT}, {}),
    "a wall bars": ("A#.", "A#.", {"A": RIGHT}, {}),
    "a wall bars what is pushed": ("AW#.", "AW#.", {"A": RIGHT}, {}),
    "an anchored body bars": ("AWY.", "AWY.", {"A": RIGHT}, {"anchored": "Y"}),
    "an anchored agent stays": ("A..", "A..", {"A": RIGHT}, {"anchored": "A"}),
    "a big body pushes a small one and that a big one": (
        "AZZ... .ZxQQ. ...Q..",
        ".AZZ.. ..ZxQQ ....Q.",
        {"A": RIGHT},
        {},
    ),
    "a far part of the last body bars the first": (
        "AZZ... .ZxQQ. ...Q#.",
        "AZZ... .ZxQQ. ...Q#.",
        {"A": RIGHT},
        {},
    ),
    "what is pushed takes its pusher along in its arms": ("ZAxZ. ZZZZ.", ".ZAxZ .ZZZZ", {"A": RIGHT}, {}),
    "an agent in the arms of what is pushed bars": ("ZABxZ. ZZZZZ.", "ZABxZ. ZZZZZ.", {"B": RIGHT}, {}),
    "bodies that do not touch in the direction of the push stay": ("AWY. .ZZ.", ".AWY .ZZ.", {"A": RIGHT}, {}),
    "the agent behind in a tandem waits": ("AB..", "A.B.", {"A": RIGHT, "B": RIGHT}, {}),
    "two agents of several cells push": ("AAW. AWW. BW..", ".AAW .AWW .BW.", {"A": RIGHT, "B": RIGHT}, {}),
    "a load beyond its strength stops an agent": ("AWW.", "AWW.", {"A": RIGHT}, {"strength": 1}),
    "a load of its strength does not": ("AWW.", ".AWW", {"A": RIGHT}, {"strength": 2}),
    "two agents move what is too heavy for one": ("AW. BW.", ".AW .BW", {"A": RIGHT, "B": RIGHT}, {"strength": 1}),
    "one of the two alone does not": ("AW. BW.", "AW. BW.", {"A": RIGHT}, {"strength": 1}),
    "agents whose loads share a body are a team": ("AWY. .BY.", ".AWY ..BY", {"A": RIGHT, "B": RIGHT}, {"strength": 2}),
    "and fail together": ("AWY. .BY.", "AWY. .BY.", {"A": RIGHT, "B": RIGHT}, {"strength": 1}),
    "even if one of them could": ("AWWY. ..BY.",) * 2 + ({"A": RIGHT, "B": RIGHT}, {"strength": 1}),
    "agents that push one body two ways stay": ("..B. .AW. ....", "..B. .AW. ....", {"A": RIGHT, "B": DOWN}, {}),
    "two equals who want one cell both stay": ("A.B", "A.B", {"A": RIGHT, "B": LEFT}, {}),
    "the heavier of two who want one cell gets it": ("AWW.B", ".AWWB", {"A": RIGHT, "B": LEFT}, {}),
    "a load can want the cell too": ("AW.YB", "AW.YB", {"A": RIGHT, "B": LEFT}, {}),
    "who lost a conflict still wins another": (
        "..B.. ..xyC .A...",
        "..B.. .xyC. .A...",
        {"A": RIGHT, "B": DOWN, "C": LEFT},
        {},
    ),
    "a team fails together in a conflict that concerns one of them": (
        ".CCC. .CCC. A.... AW... BW...",
        "..... .CCC. ACCC. AW... BW...",
        {"A": RIGHT, "B": RIGHT, "C": DOWN},
        {},
    ),
    "nobody steps into a cell that is only being left": ("AB. ...", "A.. .B.", {"A": RIGHT, "B": DOWN}, {}),
    "a pull drags what is behind": ("WA.", ".WA", {"A": PULL_RIGHT}, {"pulling": 1}),
    "and pushes what is ahead": ("WAY.", ".WAY", {"A": PULL_RIGHT}, {"pulling": 1}),
    "without the law of pulling it is a step": ("WA.", "W.A", {"A": PULL_RIGHT}, {}),
    "a step does not drag": ("WA.", "W.A", {"A": RIGHT}, {"pulling": 1}),
    "only what touches the agent is dragged": ("YWA.", "Y.WA", {"A": PULL_RIGHT}, {"pulling": 1}),
    "what is dragged pushes too": ("WY.. WA..", ".WY. .WA.", {"A": PULL_RIGHT}, {"pulling": 1}),
    "what is dragged and meets a wall holds the agent": ("W#.. WA..", "W#.. WA..", {"A": PULL_RIGHT}, {"pulling": 1}),
    "an anchored body is not dragged": ("WA.", "W.A", {"A": PULL_RIGHT}, {"pulling": 1, "anchored": "W"}),
    "an agent is not dragged": ("BA.", "B.A", {"A": PULL_RIGHT}, {"pulling": 1}),
    "what is dragged counts as load": ("WWA.", "WWA.", {"A": PULL_RIGHT}, {"pulling": 1, "strength": 1}),
    "two agents that drag one body are in its way": (
        "WA. WB.",
        "WA. WB.",
        {"A": PULL_RIGHT, "B": PULL_RIGHT},
        {"pulling": 1},
    ),
    "who pushes towards one that drags is barred": ("AWB.", "A.WB", {"A": RIGHT, "B": PULL_RIGHT}, {"pulling": 1}),
}

FALLS = {
    "a body falls to the floor": ("W. .. ..", ".. .. W.", {}, {"gravity": DOWN}),
    "in any direction": ("..W .Y.", "W.. Y..", {}, {"gravity": LEFT}),
    "by one cell, where that is the law": ("W. .. ..", ".. W. ..", {}, {"gravity": DOWN, "falling": 1}),
    "bodies come to rest on each other and on walls": ("WW. Y.Z ... #..", "... WW. Y.. #.Z", {}, {"gravity": DOWN}),
    "what floats, and what is anchored, stays and holds": (
        "PQ WY .. ..",
        "PQ WY .. ..",
        {},
        {"gravity": DOWN, "floats": "W", "anchored": "Y"},
    ),
    "one cell that is held holds the whole body": ("WWW #.. ...", "WWW #.. ...", {}, {"gravity": DOWN}),
    "interlocked bodies fall together": ("WW. WYY WW. ... ...", "... ... WW. WYY WW.", {}, {"gravity": DOWN}),
    "unless one of them is held": ("WW. WYY WW. ...", "WW. WYY WW. ...", {}, {"gravity": DOWN, "floats": "W"}),
    "what is pushed from its ledge falls in the same tick": (
        "AW. ##. ...",
        ".A. ##. ..W",
        {"A": RIGHT},
        {"gravity": DOWN, "floats": "A"},
    ),
    "agents fall too": ("A. ..", ".. .A", {"A": RIGHT}, {"gravity": DOWN}),
}

FOOD = {"eating": Eating.FOOD, "food_colour": 8}
MEALS = {
    "the larger eats the smaller, which vanishes": ("WWY", "WW.", {}, {"eating": Eating.VANISH, "eats": "W"}),
    "or joins it": ("WWY", "WWW", {}, {"eating": Eating.JOIN, "eats": "W"}),
    "or lies there as food": ("WWY", "WWY", {}, {"eats": "W"} | FOOD),
    "not without appetite": ("WWY", "WWY", {}, {"eating": Eating.VANISH}),
    "not one of its own size": ("WY", "WY", {}, {"eating": Eating.VANISH, "eats": "WY"}),
    "not a larger one": ("WYY", "WYY", {}, {"eating": Eating.VANISH, "eats": "W"}),
    "not what is anchored": ("WWY", "WWY", {}, {"eating": Eating.VANISH, "eats": "W", "anchored": "Y"}),
    "not across a corner": ("WW. ..Y", "WW. ..Y", {}, {"eating": Eating.VANISH, "eats": "W"}),
    "in a chain all vanish but the first": ("WWWYYZ", "WWW...", {}, {"eating": Eating.VANISH, "eats": "WY"}),
    "in a chain all join the first": ("WWWYYZ", "WWWWWW", {}, {"eating": Eating.JOIN, "eats": "WY"}),
    "two largest eaters leave the prey to nobody": ("WWPYY", "WWPYY", {}, {"eating": Eating.JOIN, "eats": "WY"}),
    "a larger third one gets it": (
        "WWPYY .ZZZ.",
        "WWZYY .ZZZ.",
        {},
        {"eating": Eating.JOIN, "eats": "WYZ", "anchored": "WY"},
    ),
    "the largest gets it, and other eaters nothing": ("WWPYYY", "WWYYYY", {}, {"eating": Eating.JOIN, "eats": "WY"}),
    "one who is larger but has no appetite does not count": (
        "WWPYY",
        "WWWYY",
        {},
        {"eating": Eating.JOIN, "eats": "W"},
    ),
    "what falls beside an eater is eaten in the same tick": (
        "..Y WW.",
        "... WW.",
        {},
        {"eating": Eating.VANISH, "eats": "W", "gravity": DOWN},
    ),
}

CHANGES = {
    "bodies of one colour that touch fuse": ("WYZ", "WWZ", {}, {"fusing": 1, "alike": "WY"}),
    "and through others of it": ("UZ VW", "UZ UU", {}, {"fusing": 1, "alike": "UVW"}),
    "not across a corner": ("W. .Y", "W. .Y", {}, {"fusing": 1, "alike": "WY"}),
    "not agents": ("WAY", "WAY", {}, {"fusing": 1, "alike": "WAY"}),
    "a body grows into every empty cell that it touches": (
        "..... ..W.. .....",
        "..W.. .WWW. ..W..",
        {},
        {"growth": 2, "grows": "W"},
    ),
    "a cell that two would take stays empty": ("W.Y ...", "W.Y W.Y", {}, {"growth": 9, "grows": "WY"}),
    "one that only one of them would take does not": ("W..Y", "WWYY", {}, {"growth": 9, "grows": "WY"}),
    "bodies of as many cells as the limit neither grow nor contest": (
        "WW.Y.",
        "WWYYY",
        {},
        {"growth": 2, "grows": "WY"},
    ),
    "nobody grows who does not": ("W.", "W.", {}, {"growth": 9}),
    "a split that lacks room for all does not happen": ("WW.YYY", "WW.YYY", {}, {"splitting": 1, "spare": 2}),
    "agents and anchored bodies do not split": ("AA.YYY",) * 2 + ({}, {"splitting": 1, "spare": 9, "anchored": "Y"}),
}


@pytest.mark.parametrize(
    ("before", "after", "acts", "how"),
    [pytest.param(*case, id=name) for cases in (PUSHES, FALLS, MEALS, CHANGES) for name, case in cases.items()],
)
def test_a_tick_is_as_drawn(before, after, acts, how):
    arena = world_of(before, **how)
    play(arena, acts)
    assert drawing_of(arena, before) == after


def test_food_lies_there_in_its_colour_and_without_appetite():
    picture = "WWWYYZ"
    arena = world_of(picture, eats="WYZ", grows="Y", eating=Eating.FOOD, food_colour=8)
    play(arena, {})
    assert arena.picture()[0].tolist() == [[1, 1, 1, 8, 8, 8]]
    assert arena.flags[0, 2:].tolist() == [Body.EATS, Body.GROWS, 0]
    x, y, z = (number_of(letter, picture) for letter in "WYZ")
    assert arena.eaten_by[0].tolist() == [0, 0, 0, x, y]
    play(arena, {})
    # Y has no appetite now, so Z is nobody's, and Y is food, which nobody eats again
    assert arena.eaten_by[0, [x, y, z]].tolist() == [0, 0, 0]


@pytest.mark.parametrize("eating", [kind for kind in Eating if kind])
def test_an_agent_that_is_eaten_is_gone_whatever_becomes_of_its_body(eating):
    arena = world_of("WWA.", eats="W", eating=eating, food_colour=8)
    play(arena, {})
    assert arena.agent_body[0].tolist() == [0, 0, 0]
    assert arena.agent_cell[0].tolist() == [-1, -1, -1]
    play(arena, {"A": RIGHT})
    assert drawing_of(arena, "WWA.") == {Eating.VANISH: "WW..", Eating.JOIN: "WWW.", Eating.FOOD: "WWA."}[eating]


def test_an_agent_that_eats_grows_and_goes_on_seeing_from_the_same_cell():
    arena = world_of("AAW. ....", eats="A", eating=Eating.JOIN)
    play(arena, {})
    assert drawing_of(arena, "AAW.") == "AAA. ...."
    assert arena.agent_cell[0, 0] == arena.cell(0, 0)
    play(arena, {"A": DOWN})
    assert drawing_of(arena, "AAW.") == ".... AAA."
    assert arena.agent_cell[0, 0] == arena.cell(1, 0)


def test_moved_tells_who_was_pushed_or_pulled_and_not_who_fell():
    picture = "WA.Y .... ...."
    arena = world_of(picture, pulling=1, gravity=DOWN)
    play(arena, {"A": PULL_RIGHT})
    assert drawing_of(arena, picture) == ".... .... .WAY"
    assert [int(arena.moved[0, number_of(letter, picture)]) for letter in "AWY"] == [RIGHT, RIGHT, 0]
    play(arena, {})
    assert not arena.moved.any()


def test_with_room_for_all_large_bodies_fall_apart_into_single_cells():
    arena = world_of("WW.YYY Z.....", splitting=1, spare=3, grows="Y")
    before = arena.picture()
    play(arena, {})
    assert np.array_equal(arena.picture(), before)
    assert arena.size[0, 2:].tolist() == [1] * 6
    assert sorted(arena.flags[0, 2:].tolist()) == [0] * 3 + [Body.GROWS] * 3
    sized = world_of("WW.YYY", splitting=2, spare=4)
    play(sized, {})
    assert sorted(sized.size[0].tolist(), reverse=True) == [2, 1, 1, 1, 0, 0, 0, 0]


def test_what_fuses_has_all_that_any_of_it_is_by_nature():
    arena = world_of("WYZ.", alike="WYZ", anchored="Z", eats="W", floats="A", fusing=1)
    play(arena, {})
    assert arena.flags[0, 2:].tolist()[0] == Body.ANCHORED | Body.EATS
    assert arena.size[0].tolist() == [0, 0, 3, 0, 0]


SHAPES = [
    (Property.SIZE, 3, "WW. YYY ... VVV V..", "YV"),
    (Property.HOLES, 1, "WWW.VVV WZW.V.Y WWW.VVV", "W"),
    (Property.HOLES, 1, "W.W WWW ...", ""),
    # two holes that touch at a corner are two, and one of two cells is one
    (Property.HOLES, 2, "WWW..YYYY W.WW.Y..Y WW.W.YYYY .WWW.....", "W"),
    (Property.SYMMETRY, 1, "WW.YY. W...YY ..V... VVV.ZZ VUUU.Z UU...Z", "VWY"),
    (Property.SYMMETRY, 1, "W.YY..V.... WWY.V.VVVVV W...VVV....", "WY"),
    (Property.RECTANGLE, 1, "WWY VYY VZZ .ZZ", "WVZ"),
    (Property.RECTANGLE, 1, "WWW W.W WWW", ""),
    (Property.BORDER, 1, "....V .WWYY .W.Z. .....", "YV"),
]


@pytest.mark.parametrize(("property_", "threshold", "picture", "holders"), SHAPES)
def test_a_shape_law_finds_the_bodies_that_have_enough_of_the_property(property_, threshold, picture, holders):
    painted = world_of(picture, property=property_, threshold=threshold, effect=Effect.COLOUR, value=9)
    play(painted, {})
    letters = letters_of(picture)
    assert [letter for k, letter in enumerate(letters) if painted.colour[0, 2 + k] == 9] == sorted(holders)
    effects = {Effect.ANCHORED: Body.ANCHORED, Effect.FLOATS: Body.FLOATS, Effect.EATS: Body.EATS}
    for effect, flag in effects.items():
        arena = world_of(
            picture, property=property_, threshold=threshold, effect=effect, grows="W",
            anchored="WV", floats="WV", eats="WV",
        )  # fmt: skip
        before = arena.flags[0].copy()
        play(arena, {})
        assert [letter for k, letter in enumerate(letters) if arena.flags[0, 2 + k] & flag] == sorted(holders)
        assert ((arena.flags[0] & ~flag) == (before & ~flag)).all()


def test_shape_laws_leave_agents_as_they_are():
    arena = world_of("AW", anchored="", property=Property.SIZE, threshold=1, effect=Effect.ANCHORED)
    play(arena, {})
    assert arena.flags[0, 2:].tolist() == [0, Body.ANCHORED]
    arena = world_of("AW", property=Property.SIZE, threshold=1, effect=Effect.COLOUR, value=7)
    play(arena, {})
    assert arena.picture()[0].tolist() == [[1, 7]]
