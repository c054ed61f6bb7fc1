"""What is no world, no act and no law book is refused with a sentence, and nothing that is let in breaks anything."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.world.arena_checks import is_same
from tests.world.drawn_arenas import draw_acts, draw_grid_of_bodies, draw_law_book
from world.codes import MAX_BODIES
from world.engine import MAX_AGENTS, NUM_LAWS, Eating, build, check_laws, law_book, tick, views
from world.pairs import LawPairs
from world.render import picture
from world.scatter import Scatter, scatter
from world.stream import Stream
from world.testing import check_arena

NUM_FUZZED = int(os.environ.get("BOXLINGS_FUZZ", "400"))

GRID = np.array([[[0, 2, 2], [3, 1, 0]], [[2, 0, 0], [2, 0, 3]]])
COLOUR = np.array([[0, 0, 4, 10], [0, 0, 1, 2]])
LAWS = law_book()


def built(**changes: Any):
    given = {"grid": GRID, "colour": COLOUR, "laws": LAWS, "agent_body": np.array([[3, 0], [2, 3]])} | changes
    return build(given.pop("grid"), given.pop("colour"), given.pop("laws"), **given)


def with_entry(array: np.ndarray, where: tuple[int, ...], value: int) -> np.ndarray:
    changed = array.astype(np.int64)
    changed[where] = value
    return changed


REFUSED_BY_BUILD = [
    ({"grid": GRID[0]}, r"grid must be whole numbers \(worlds, rows, columns\), got int64 of shape \(2, 3\)"),
    ({"grid": GRID.astype(float)}, r"grid must be whole numbers \(worlds, rows, columns\), got float64"),
    ({"grid": GRID.astype("m8[s]")}, r"grid must be whole numbers \(worlds, rows, columns\), got timedelta64"),
    ({"grid": np.zeros((2, 0, 3), int)}, r"grid sides must be in \[1, 64\] cells, got 0 x 3"),
    ({"grid": np.zeros((2, 3, 65), int)}, r"grid sides must be in \[1, 64\] cells, got 3 x 65"),
    ({"grid": with_entry(GRID, (1, 0, 2), 4)}, r"grid\[1, 0, 2\] must be in \[0, 3\], got 4"),
    ({"grid": with_entry(GRID, (0, 1, 1), -1)}, r"grid\[0, 1, 1\] must be in \[0, 3\], got -1"),
    ({"grid": with_entry(GRID, (1, 1, 2), 2)}, r"body 2 of world 1 must be in one piece, got several"),
    ({"margin_cells": 0}, r"margin_cells must be a whole number in \[1, 16\], got 0"),
    ({"margin_cells": 17}, r"margin_cells must be a whole number in \[1, 16\], got 17"),
    ({"colour": COLOUR[0]}, r"colour must have shape \(2, any\), got \(4,\)"),
    ({"colour": COLOUR[:1]}, r"colour must have shape \(2, any\), got \(1, 4\)"),
    ({"colour": COLOUR / 2}, r"colour must be whole numbers, got float64"),
    ({"colour": with_entry(COLOUR, (1, 2), 11)}, r"colour\[1, 2\] must be in \[0, 10\], got 11"),
    ({"colour": COLOUR[:, :1]}, r"colour must be of 2 to 64 bodies, got 1"),
    ({"colour": np.zeros((2, 65), int)}, r"colour must be of 2 to 64 bodies, got 65"),
    ({"flags": np.zeros((2, 3), int)}, r"flags must have shape \(2, 4\), got \(2, 3\)"),
    ({"flags": with_entry(COLOUR, (0, 3), 16)}, r"flags\[0, 3\] must be in \[0, 15\], got 16"),
    ({"flags": np.full((2, 4), "1")}, r"flags must be whole numbers, got <U1"),
    ({"agent_body": np.zeros((3, 1), int)}, r"agent_body must have shape \(2, any\), got \(3, 1\)"),
    ({"agent_body": np.array([[0], [4]])}, r"agent_body\[1, 0\] must be in \[0, 3\], got 4"),
    ({"agent_body": np.zeros((2, 63), int)}, r"a world has at most 62 agents, got 63"),
    (
        {"agent_body": np.array([[0, 1], [0, 0]])},
        r"agent 1 of world 0 must have a body of its own in the grid, got none",
    ),
    (
        {"agent_body": np.array([[0, 0], [2, 2]])},
        r"agent 1 of world 1 must have a body of its own in the grid, got none",
    ),
    (
        {"colour": np.ones((2, 5), int), "agent_body": np.array([[4], [0]])},
        r"agent 0 of world 0 must have a body of its",
    ),
    ({"laws": LAWS[:-1]}, r"laws must have shape \(2, 14\) or \(14,\), got \(13,\)"),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED_BY_BUILD)
def test_build_refuses_what_is_no_world(changes, sentence):
    check_arena(built())
    with pytest.raises(ValueError, match=sentence):
        built(**changes)


def test_build_takes_the_largest_of_everything():
    assert (MAX_AGENTS, MAX_BODIES) == (62, 63)
    grid = np.zeros((1, 64, 64), np.uint64)
    grid[0, ::2, 0] = np.arange(2, 34)
    grid[0, :60:2, 63] = np.arange(34, 64)
    agents = np.arange(2, 64)[None]
    arena = build(grid, np.full((1, 64), 10), LAWS, flags=np.full((1, 64), 15), agent_body=agents, margin_cells=16)
    tick(arena, np.full((1, 62), 4))
    check_arena(arena)
    empty = build(np.zeros((0, 5, 5), int), np.zeros((0, 2), int), np.zeros((0, NUM_LAWS), int))
    tick(empty, np.zeros((0, 0)), num_threads=2)
    assert views(empty, 1).shape == (0, 0, 3, 3)


def test_build_copies_what_it_is_given():
    laws, colour, flags, agents = (
        np.tile(LAWS, (2, 1)),
        COLOUR.astype(np.uint8),
        COLOUR.astype(np.uint8),
        np.array([[3], [2]]),
    )
    kept = [array.copy() for array in (laws, colour, flags, agents)]
    arena = build(GRID, colour, laws, flags=flags, agent_body=agents)
    for array in (arena.laws, arena.colour, arena.flags, arena.agent_body):
        array[:] = 1
    assert all(np.array_equal(one, other) for one, other in zip((laws, colour, flags, agents), kept, strict=True))


@pytest.mark.parametrize(
    ("laws", "sentence"),
    [
        (np.zeros((3, NUM_LAWS), int), r"laws must have shape \(2, 14\) or \(14,\), got \(3, 14\)"),
        (np.zeros(NUM_LAWS), r"laws must be whole numbers, got float64"),
        (with_entry(LAWS, (0,), 4097), r"law STRENGTH must be in \[0, 4096\], got 4097"),
        (with_entry(LAWS, (2,), 5), r"law GRAVITY must be in \[0, 4\], got 5"),
        (with_entry(np.zeros((2, NUM_LAWS)), (1, 12), -1), r"law VALUE must be in \[0, 10\], got -1"),
        (with_entry(np.zeros((2, NUM_LAWS)), (1, 4), 2**40), r"law EATING must be in \[0, 3\], got 1099511627776"),
    ],
)
def test_check_laws_refuses_what_is_no_law_book(laws, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_laws(laws, 2)


def test_every_law_has_a_highest_value():
    whole = law_book(food_colour=1, property=1, effect=1, value=1)  # so that each law is at home in the book
    for law, high in enumerate([4096, 1, 4, 1, 3, 10, 1, 4096, 4096, 5, 4096, 4, 10, 1]):
        assert check_laws(with_entry(whole, (law,), high), 3)[2, law] == high
        with pytest.raises(ValueError, match=r"must be in \[0, "):
            check_laws(with_entry(whole, (law,), high + 1), 3)


@pytest.mark.parametrize(
    ("laws", "sentence"),
    [
        ({"magnetism": 1}, r"unknown law magnetism; there are strength, pulling, gravity, falling, eating, "),
        ({"strength": 70_000}, r"law STRENGTH must be in \[0, 4096\], got 70000"),
        ({"splitting": -1}, r"law SPLITTING must be in \[0, 4096\], got -1"),
        ({"growth": 1.5}, r"laws must be whole numbers, got float64"),
        ({"growth": None}, r"laws must be whole numbers, got object"),
    ],
)
def test_law_book_refuses_what_is_no_law(laws, sentence):
    with pytest.raises(ValueError, match=sentence):
        law_book(**laws)


@pytest.mark.parametrize(
    ("acts", "threads", "sentence"),
    [
        (np.zeros((2, 3), int), 1, r"acts must have shape \(2, 2\), got \(2, 3\)"),
        (np.zeros((2, 2)), 1, r"acts must be whole numbers, got float64"),
        (np.array([[0, 0], [9, 0]]), 1, r"acts\[1, 0\] must be in \[0, 8\], got 9"),
        (np.array([[0, -1], [0, 0]]), 1, r"acts\[0, 1\] must be in \[0, 8\], got -1"),
        (np.zeros((2, 2), int), 0, r"num_threads must be a whole number >= 1, got 0"),
    ],
)
def test_tick_refuses_what_is_no_act_and_leaves_the_worlds_as_they_are(acts, threads, sentence):
    arena = built()
    before = arena.copy()
    with pytest.raises(ValueError, match=sentence):
        tick(arena, acts, num_threads=threads)
    assert is_same(arena, before)


def test_views_refuse_more_than_the_margin_and_arrays_that_do_not_fit():
    arena = built(margin_cells=2)
    for radius in (-1, 3):
        with pytest.raises(ValueError, match=rf"radius_cells must be in \[0, 2\], the arena's margin, got {radius}"):
            views(arena, radius)
    with pytest.raises(
        ValueError,
        match=r"out must be .* of shape \(2, 2, 3, 3\), got uint8 of shape \(2, 2, 5, 5\)",
    ):
        views(arena, 1, out=np.zeros((2, 2, 5, 5), np.uint8))
    with pytest.raises(
        ValueError,
        match=r"out must be .* of shape \(2, 2, 3, 3\), got int64 of shape",
    ):
        views(arena, 1, out=np.zeros((2, 2, 3, 3), np.int64))


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ({"height_cells": 0}, r"height_cells must be a whole number in \[1, 64\], got 0"),
        ({"width_cells": 65}, r"width_cells must be a whole number in \[1, 64\], got 65"),
        ({"num_bodies": -1}, r"num_bodies must be a whole number in \[0, 63\], got -1"),
        ({"num_agents": 63}, r"num_agents must be a whole number in \[0, 62\], got 63"),
        ({"max_body_cells": 0}, r"max_body_cells must be a whole number in \[1, 64\], got 0"),
        ({"num_wall_cells": -1}, r"num_wall_cells must be a whole number in \[0, 4096\], got -1"),
        ({"num_spare_bodies": 64}, r"num_spare_bodies must be a whole number in \[0, 63\], got 64"),
        ({"margin_cells": 0}, r"margin_cells must be a whole number in \[1, 16\], got 0"),
        ({"margin_cells": 17}, r"margin_cells must be a whole number in \[1, 16\], got 17"),
        ({"eating_share": 1.1}, r"eating_share must be in \[0, 1\], got 1.1"),
        ({"floating_share": -0.1}, r"floating_share must be in \[0, 1\], got -0.1"),
        ({"anchored_share": float("nan")}, r"anchored_share must be in \[0, 1\], got nan"),
        ({"growing_share": 2}, r"growing_share must be in \[0, 1\], got 2"),
        ({"num_bodies": 2.5}, r"num_bodies must be a whole number in"),
        (
            {"num_bodies": 50, "num_agents": 10, "num_spare_bodies": 3},
            r"a world has at most 62 bodies, agents included, got 63",
        ),
    ],
)
def test_scatter_refuses_what_is_nonsense(what, sentence):
    with pytest.raises(ValueError, match=sentence):
        Scatter(**what)


def test_scatter_refuses_numbers_that_are_none_and_arenas_that_do_not_fit():
    what = Scatter(8, 8)
    with pytest.raises(ValueError, match=r"numbers must be whole numbers \(worlds,\), got float64 of shape \(1,\)"):
        scatter(np.array([0.5]), what, LAWS)
    with pytest.raises(ValueError, match=r"numbers must be whole numbers \(worlds,\), got int64 of shape \(1, 2\)"):
        scatter(np.array([[1, 2]]), what, LAWS)
    old = scatter(np.arange(3), what, LAWS)
    before = old.copy()
    with pytest.raises(ValueError, match=r"out must be of .* \(2, 8, 8, 3, 12, 4\), got \(3, 8, 8, 3, 12, 4\)"):
        scatter(np.arange(2), what, LAWS, out=old)
    for other in (
        Scatter(8, 9),
        Scatter(9, 8),
        Scatter(8, 8, 9),
        Scatter(8, 8, 7, num_agents=5),
        Scatter(8, 8, margin_cells=2),
    ):
        with pytest.raises(ValueError, match="out must be of"):
            scatter(np.arange(3), other, LAWS, out=old)
    with pytest.raises(ValueError, match="law STRENGTH must be in"):
        scatter(np.arange(3), what, with_entry(LAWS, (0,), -1), out=old)
    assert is_same(old, before)


# ---- nonsense by chance ----

STRANGE_NUMBERS = [-1, -(2**40), 2, 3, 9, 10, 11, 15, 16, 62, 63, 64, 65, 255, 256, 258, 4097, 2**15, 2**31, 2**40]
STRANGE_TYPES = [np.int8, np.uint64, np.float32, bool, complex, object, "U3", "M8[s]", "m8[s]", [("a", int)]]


def spoilt(chance: Random, array: np.ndarray) -> Any:
    """The array with a fault of some kind, which may be none for its reader."""
    kind = chance.randrange(7)
    if kind == 0 and array.size:
        changed = array.astype(np.int64)
        changed[tuple(chance.randrange(side) for side in array.shape)] = chance.choice(STRANGE_NUMBERS)
        return changed
    if kind == 1:
        return array.astype(chance.choice(STRANGE_TYPES))
    if kind == 2:
        axis = chance.randrange(array.ndim)
        return np.repeat(array, chance.choice([0, 2, 30]), axis=axis)
    if kind == 3:
        return chance.choice([array[None], array.ravel(), array.T, array[:-1], array[..., :-1], array[..., ::-1]])
    if kind == 4:
        return chance.choice([None, 3, "walls", [[1], [1, 2]], [], np.nan, np.zeros((0, 0, 0), int)])
    if kind == 5:
        return array.tolist()
    return np.array([chance.choice(STRANGE_NUMBERS) for _ in range(array.size)]).reshape(array.shape)


def accepted(make: Callable[..., Any], *values: Any, **named: Any) -> Any:
    """What is made of these values, or None if a ValueError refuses them; any other error is a fault."""
    try:
        return make(*values, **named)
    except ValueError:
        return None


def drawn_agents(chance: Random, rows: list[list[int]]) -> list[int]:
    """Two agents, in bodies of the world or outside."""
    bodies = {body for row in rows for body in row} - {0, 1}
    return chance.sample([*sorted(bodies), 0, 0], 2)


def fuzz_arena(chance: Random) -> Any:
    """An arena of drawn worlds, one or two of whose arrays may be spoilt; None if it was refused."""
    height, width, num_worlds = chance.randint(1, 6), chance.randint(1, 6), chance.randint(0, 3)
    rows = [draw_grid_of_bodies(chance, height, width) for _ in range(num_worlds)]
    given = {
        "grid": np.array(rows, int).reshape(num_worlds, height, width),
        "colour": np.array([[chance.randrange(11) for _ in range(12)] for _ in range(num_worlds)]).reshape(-1, 12),
        "laws": np.array([draw_law_book(chance) for _ in range(num_worlds)]).reshape(-1, NUM_LAWS),
        "flags": np.array([[chance.randrange(16) for _ in range(12)] for _ in range(num_worlds)]).reshape(-1, 12),
        "agent_body": np.array([drawn_agents(chance, world) for world in rows]).reshape(-1, 2),
    }
    for name in chance.sample(list(given), chance.choice([0, 1, 1, 2])):
        given[name] = spoilt(chance, given[name])
    margin = chance.choice([1, 2, 3, 16]) if chance.random() < 0.9 else chance.choice([0, -1, 17, 10**9])
    return accepted(
        build,
        *(given[name] for name in ("grid", "colour", "laws")),
        flags=given["flags"],
        agent_body=given["agent_body"],
        margin_cells=margin,
    )


def test_nonsense_is_refused_or_harmless():
    outcomes: Counter[str] = Counter()
    for seed in range(NUM_FUZZED):
        chance = Random(seed)
        arena = fuzz_arena(chance)
        if arena is None:
            outcomes["refused"] += 1
            continue
        check_arena(arena)
        outcomes["built"] += 1
        for _ in range(3):
            acts = draw_acts(chance, arena)
            if chance.random() < 0.3:
                acts = spoilt(chance, acts)
            before = arena.copy()
            # a tick returns nothing, so that acts were taken shows in what follows
            accepted(tick, arena, acts, num_threads=chance.choice([1, 1, 1, 2, 0, -1]))
            outcomes["changed"] += not is_same(arena, before)
            check_arena(arena)
            seen = accepted(views, arena, chance.choice([0, 1, 2, 3, 4, 16, -1]))
            assert seen is None or seen.max(initial=0) <= 11
    assert min(outcomes["refused"], outcomes["built"], outcomes["changed"]) > NUM_FUZZED / 20
    print(dict(outcomes))


def test_random_worlds_of_any_kind_are_refused_or_sound():
    outcomes: Counter[str] = Counter()
    for seed in range(NUM_FUZZED):
        chance = Random(-1 - seed)
        what = accepted(
            Scatter,
            chance.choice([1, 2, 5, 9, 20, 64, 65, 0]),
            chance.choice([1, 2, 5, 9, 20, 64, 3.0]),
            chance.choice([0, 1, 3, 9, 40, 62, 63]),
            chance.choice([1, 2, 4, 9, 64]),
            num_agents=chance.choice([0, 1, 3, 20, 62, 63]),
            num_wall_cells=chance.choice([0, 3, 20, 400, 4096]),
            growing_share=chance.choice([0.0, 0.5, 1.0]),
            anchored_share=chance.choice([0, 0.1]),
            agents_float=chance.random() < 0.5,
            num_spare_bodies=chance.choice([0, 0, 5, 60, -1]),
            margin_cells=chance.choice([1, 2, 3, 16, 0, 17]),
        )
        laws = np.array(draw_law_book(chance))
        laws = spoilt(chance, laws) if chance.random() < 0.2 else laws
        numbers = np.array([chance.randrange(-(2**63), 2**63) for _ in range(chance.randrange(3))], np.int64)
        numbers = spoilt(chance, numbers) if chance.random() < 0.2 else numbers
        arena = accepted(scatter, numbers, what, laws) if what is not None else None
        outcomes["refused"] += arena is None
        if arena is None:
            continue
        check_arena(arena)
        tick(arena, draw_acts(chance, arena))
        check_arena(arena)
        outcomes["made"] += 1
    assert min(outcomes["refused"], outcomes["made"]) > NUM_FUZZED / 20
    print(dict(outcomes))


def test_views_are_written_into_whole_arrays_only():
    arena = scatter(np.arange(2), Scatter(num_agents=1), law_book())
    buffer = np.zeros((3, 1, 7, 8), np.uint8)
    read_only = np.zeros((2, 1, 7, 7), np.uint8)
    read_only.flags.writeable = False
    for out in (buffer[:2, ..., :7], np.zeros((3, 1, 7, 7), np.uint8)[:2][::-1], read_only):
        with pytest.raises(
            ValueError, match=r"out must be a C-contiguous, writable uint8 array of shape \(2, 1, 7, 7\)"
        ):
            views(arena, 3, out=out)


def test_what_is_taken_shares_nothing_with_what_it_is_taken_from():
    arena = scatter(np.arange(4), Scatter(), law_book())
    before = arena.copy()
    for indices in (slice(0, 4, 2), np.array([0, 2]), np.array([True, False, True, False])):
        taken = arena.take(indices)
        np.testing.assert_array_equal(views(taken, 3), views(arena, 3)[::2])
        tick(taken, np.ones((2, 4), int))
        assert is_same(arena, before)


@pytest.mark.parametrize(
    ("laws", "told"),
    [
        ({"eating": Eating.FOOD}, r"food needs a FOOD_COLOUR in \[1, 10\], got 0"),
        ({"property": 1, "effect": 1}, r"the effect COLOUR needs a VALUE in \[1, 10\], got 0"),
        ({"property": 1}, "a shape law needs both a PROPERTY and an EFFECT, got only one of them"),
        ({"effect": 2}, "a shape law needs both a PROPERTY and an EFFECT, got only one of them"),
    ],
)
def test_laws_that_would_make_nothing_or_what_nobody_sees_are_refused(laws: dict[str, int], told: str):
    with pytest.raises(ValueError, match=told):
        law_book(**laws)


def test_a_body_that_nobody_sees_is_refused():
    with pytest.raises(ValueError, match=r"colour\[0, 3\] must be in \[1, 10\] for a body that is there, got 0"):
        build(np.array([[[2, 3]]]), np.array([[0, 0, 1, 0]]), law_book())
    build(np.array([[[2, 0]]]), np.array([[0, 0, 1, 0]]), law_book())


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Stream(2.5, Scatter(), law_book()), "num_worlds must be a whole number >= 1, got 2.5"),
        (lambda: Stream(2, Scatter(), law_book(), num_steps=True), "num_steps must be a whole number >= 1, got True"),
        (lambda: Stream(2, Scatter(), law_book(), num_threads=0), "num_threads must be a whole number >= 1, got 0"),
        (lambda: Scatter(height_cells=True), r"height_cells must be a whole number in \[1, 64\], got True"),
        (lambda: Scatter(eating_share="x"), r"eating_share must be in \[0, 1\], got 'x'"),
        (lambda: picture(scatter(np.arange(1), Scatter(), law_book()), 0, 24.0), "cell_pixels must be a whole number"),
        (lambda: LawPairs()(1.5), "number must be a whole number"),
        (lambda: LawPairs()(-1), "number must be a whole number"),
    ],
)
def test_numbers_that_are_not_whole_are_refused(make, told: str):  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=told):
        make()
