"""The engine does what was drawn by hand and what plain Python does, in every mirror and under every name."""

from __future__ import annotations

import os
from collections import Counter
from random import Random

import numpy as np
import pytest

from tests.world.arena_checks import is_same, only
from tests.world.drawn_arenas import LAW_GROUPS, draw_acts, draw_arena, draw_crowd, draw_law_book
from tests.world.engine_reference import STEP, Cells, PlainWorld, plain_worlds, reference_tick
from world.codes import MAX_BODIES, OUTSIDE, WALL_BODY, WALL_COLOUR
from world.engine import (
    NUM_ACTS,
    Act,
    Arena,
    Body,
    Eating,
    Law,
    Property,
    build,
    law_book,
    tick,
    views,
)
from world.scatter import Scatter, scatter
from world.testing import check_arena

NUM_TICKS = int(os.environ.get("BOXLINGS_TICKS", "20000"))  # compared with plain Python

STAY, UP, DOWN, LEFT, RIGHT, PULL_UP, PULL_DOWN, PULL_LEFT, PULL_RIGHT = Act


# ---- the kernels and plain Python ----


def described(world: PlainWorld) -> dict[Cells, tuple[int, int, int]]:
    """Colour and nature of each body, by its cells, and its number as far as the laws do not deal out new ones."""
    keeps_numbers = not world.laws[Law.FUSING] and not world.laws[Law.SPLITTING]
    return {
        cells: (world.colour[body], world.flags[body], body if keeps_numbers else 0)
        for body, cells in world.cells.items()
    }


def compare_ticks(arena: Arena, acts: np.ndarray, seen: Counter[str]) -> None:
    """One tick of the arena, and of each of its worlds in plain Python, from one state."""
    expected = plain_worlds(arena)
    tick(arena, acts)
    check_arena(arena)
    for number, (one, other, act) in enumerate(zip(expected, plain_worlds(arena), acts.tolist(), strict=True)):
        reference_tick(one, act)
        where = f"world {number} under {[f'{law.name}={one.laws[law]}' for law in Law if one.laws[law]]}, acts {act}"
        assert described(other) == described(one), where
        assert other.walls == one.walls, where
        assert (other.agent_body, other.agent_cell) == (one.agent_body, one.agent_cell), where
        assert (other.moved, other.eaten_by) == (one.moved, one.eaten_by), where
        seen.update(one.seen)


def test_the_kernels_equal_plain_python_under_all_laws_together_and_alone():
    seen: Counter[str] = Counter()
    compared, seed = 0, 0
    while compared < NUM_TICKS:
        chance = Random(seed)
        seed += 1
        arena = draw_arena(chance, num_worlds=20)
        check_arena(arena)
        for _ in range(6):
            compare_ticks(arena, draw_acts(chance, arena), seen)
            compared += len(arena)
    # what was compared is worth it: every rule was obeyed, and every exception made
    rules = {"barred", "pushed", "pulled", "team", "too heavy", "lost a conflict", "won a conflict", "fell together"}
    rules |= {"spared its kind", "food is not eaten again"}
    rules |= {"agent eaten", "chain of eaters", "tie of eaters"} | {f"eating: {kind.name}" for kind in Eating if kind}
    rules |= {"fused", "grew", "growth contested", "split", "no room to split"}
    rules |= {f"{kind.name}: {holds}" for kind in Property if kind for holds in (True, False)}
    if NUM_TICKS >= 20_000:
        assert rules <= set(seen), f"never seen: {sorted(rules - set(seen))}"
    print(compared, dict(seen.most_common()))


def test_the_kernels_equal_plain_python_where_teams_of_agents_meet():
    seen: Counter[str] = Counter()
    for seed in range(max(1, NUM_TICKS // 400)):
        chance = Random(seed)
        arena = draw_crowd(chance, num_worlds=20)
        for _ in range(6):
            compare_ticks(arena, draw_acts(chance, arena), seen)
    print(dict(seen.most_common()))
    if NUM_TICKS >= 20_000:
        assert min(seen["team"], seen["a team lost"], seen["won a conflict"], seen["too heavy"]) > 5


@pytest.mark.parametrize("group", LAW_GROUPS)
def test_the_kernels_equal_plain_python_where_there_are_as_many_bodies_as_can_be(group):
    chance = Random(group)
    laws = draw_law_book(chance, {group})
    what = Scatter(12, 13, 31, 5, num_agents=31, anchored_share=0.1, growing_share=0.5, agents_float=False)
    arena = scatter(np.arange(3), what, np.array(laws))
    assert arena.size.shape[1] == MAX_BODIES + 1
    assert (arena.size[:, MAX_BODIES] > 0).any()
    check_arena(arena)
    for _ in range(5):
        compare_ticks(arena, draw_acts(chance, arena), Counter())


def test_the_kernels_equal_plain_python_on_the_largest_grid():
    chance = Random(1)
    rows = np.zeros((1, 64, 64), int)
    rows[0, 10:54, 10:54] = 2
    rows[0, 20:40, 20:40] = 0
    rows[0, 22:30, 22:39] = 3
    rows[0, 0, :] = 4
    laws = law_book(
        growth=4096, eating=Eating.JOIN, gravity=UP, property=Property.HOLES, threshold=1, effect=1, value=7
    )
    flags = np.full((1, 5), Body.GROWS | Body.EATS)
    arena = build(rows, np.full((1, 5), 3), laws, flags=flags, agent_body=np.array([[3]]), margin_cells=16)
    for _ in range(40):
        compare_ticks(arena, draw_acts(chance, arena), Counter())
    assert arena.size.max() > 3_500


# ---- what no law can break ----


def drawn_games(num_arenas: int, seed: int, **laws: int) -> list[tuple[Random, Arena]]:
    """Arenas of ten drawn worlds; laws named here are as given in all of them."""
    games = []
    for number in range(num_arenas):
        chance = Random(1000 * seed + number)
        arena = draw_arena(chance, num_worlds=10)
        for name, value in laws.items():
            arena.laws[:, Law[name.upper()]] = value
        games.append((chance, arena))
    return games


def portrait(arena: Arena) -> np.ndarray:
    """What can be told of each cell without naming bodies: (B, H, W, 3) place of its body among others, colour, flags.

    The place is where, in reading order, the body has its first cell.
    """
    grid = arena.grid()
    first = np.zeros(grid.shape, int)
    for b, rows in enumerate(grid):
        _, at, back = np.unique(rows, return_index=True, return_inverse=True)
        first[b] = at[back.reshape(rows.shape)] * (rows > 0)
    worlds = np.arange(len(arena))[:, None, None]
    return np.stack([first, arena.colour[worlds, grid] * (grid > 1), arena.flags[worlds, grid] * (grid > 1)], axis=-1)


def agent_places(arena: Arena) -> np.ndarray:
    """How many agents see from each cell, (B, H, W)."""
    places = np.zeros((len(arena), arena.owner.shape[1]), np.uint8)
    b, a = np.nonzero(arena.agent_body)
    places[b, arena.agent_cell[b, a]] += 1
    square = places.reshape(len(arena), -1, arena.stride)
    m = arena.margin_cells
    return square[:, m : m + arena.height_cells, m : m + arena.width_cells]


SYMMETRIES = [(quarters, mirrored) for mirrored in (False, True) for quarters in range(4)]


def turned(cells: np.ndarray, quarters: int, mirrored: bool) -> np.ndarray:
    """(B, H, W, ...) turned anticlockwise by so many quarters, then mirrored left to right."""
    cells = np.rot90(cells, quarters, axes=(1, 2))
    return np.ascontiguousarray(cells[:, :, ::-1] if mirrored else cells)


def turned_act(act: int, quarters: int, mirrored: bool) -> int:
    if act == STAY:
        return STAY
    way = (act - 1) % 4 + 1
    compass = np.zeros((1, 3, 3), bool)
    compass[0, 1 + STEP[way][0], 1 + STEP[way][1]] = True
    row, column = np.argwhere(turned(compass, quarters, mirrored)[0])[0] - 1
    return next(other for other, step in STEP.items() if step == (row, column)) + (act - way)


def turned_arena(arena: Arena, quarters: int, mirrored: bool, new_act: np.ndarray) -> Arena:
    laws = arena.laws.copy()
    laws[:, Law.GRAVITY] = new_act[laws[:, Law.GRAVITY]]
    other = build(
        turned(arena.grid(), quarters, mirrored),
        arena.colour,
        laws,
        flags=arena.flags,
        agent_body=arena.agent_body,
        margin_cells=arena.margin_cells,
    )
    # an agent of several cells goes on seeing from the same one of them
    places = np.arange(arena.height_cells * arena.width_cells).reshape(1, arena.height_cells, arena.width_cells)
    numbers = turned(places, quarters, mirrored)
    for b, a in np.argwhere(arena.agent_body > 0):
        row, column = divmod(int(arena.agent_cell[b, a]), arena.stride)
        number = (row - arena.margin_cells) * arena.width_cells + column - arena.margin_cells
        other.agent_cell[b, a] = other.cell(*(int(i) for i in np.argwhere(numbers[0] == number)[0]))
    return other


@pytest.mark.parametrize(("quarters", "mirrored"), SYMMETRIES)
def test_a_turned_world_has_a_turned_future(quarters, mirrored):
    new_act = np.array([turned_act(act, quarters, mirrored) for act in Act])
    assert sorted(new_act) == list(range(NUM_ACTS))
    changed = 0
    for chance, arena in drawn_games(25, seed=2):
        for _ in range(4):
            other, acts, before = (
                turned_arena(arena, quarters, mirrored, new_act),
                draw_acts(chance, arena),
                arena.grid(),
            )
            tick(arena, acts)
            tick(other, new_act[acts])
            changed += (arena.grid() != before).any(axis=(1, 2)).sum()
            back = turned_arena(other, *_undone(quarters, mirrored), np.arange(NUM_ACTS))
            assert np.array_equal(portrait(arena), portrait(back))
            assert np.array_equal(turned(agent_places(arena), quarters, mirrored), agent_places(other))
            assert np.array_equal(new_act[arena.moved], other.moved)
            assert np.array_equal(arena.eaten_by, other.eaten_by)
    assert changed > 200


def _undone(quarters: int, mirrored: bool) -> tuple[int, bool]:
    """The symmetry that takes a turned grid back: a mirrored one is undone by itself."""
    return (quarters, True) if mirrored else (-quarters % 4, False)


def test_the_names_of_colours_do_not_matter():
    for chance, arena in drawn_games(50, seed=3):
        new_name = np.array([0, *chance.sample(range(1, 11), 10)])  # emptiness is no colour
        laws = arena.laws.copy()
        for law in (Law.FOOD_COLOUR, Law.VALUE):
            laws[:, law] = new_name[laws[:, law]]
        other = build(
            arena.grid(), new_name[arena.colour], laws, flags=arena.flags, agent_body=arena.agent_body, margin_cells=2
        )
        for _ in range(4):
            acts = draw_acts(chance, arena)
            tick(arena, acts)
            tick(other, acts)
            assert np.array_equal(arena.grid(), other.grid())
            assert np.array_equal(new_name[arena.colour[:, 2:]], other.colour[:, 2:])
            assert np.array_equal(arena.flags, other.flags)
            assert np.array_equal(arena.moved, other.moved)
            assert np.array_equal(arena.eaten_by, other.eaten_by)


def test_the_numbers_of_bodies_and_agents_do_not_matter():
    num_renumbered = 0
    for chance, arena in drawn_games(80, seed=4):
        num_bodies, num_agents = arena.size.shape[1], arena.agent_body.shape[1]
        new_number = np.array([0, 1, *chance.sample(range(2, num_bodies), num_bodies - 2)])
        old_number, old_agent = np.argsort(new_number), chance.sample(range(num_agents), num_agents)
        for _ in range(4):
            acts = draw_acts(chance, arena)
            other = build(
                new_number[arena.grid()],
                arena.colour[:, old_number],
                arena.laws,
                flags=arena.flags[:, old_number],
                agent_body=new_number[arena.agent_body][:, old_agent],
                margin_cells=arena.margin_cells,
            )
            other.agent_cell[:] = arena.agent_cell[:, old_agent]
            tick(arena, acts)
            tick(other, acts[:, old_agent])
            assert np.array_equal(portrait(arena), portrait(other))
            assert np.array_equal(arena.agent_cell[:, old_agent], other.agent_cell)
            assert np.array_equal(new_number[arena.agent_body][:, old_agent], other.agent_body)
            assert np.array_equal(arena.moved[:, old_number], other.moved)
            assert np.array_equal(new_number[arena.eaten_by[:, old_number]], other.eaten_by)
            num_renumbered += not np.array_equal(new_number[arena.grid()], other.grid())
    assert num_renumbered > 5


def test_cells_come_and_go_only_as_laws_say():
    grown = eaten = kept = 0
    for chance, arena in drawn_games(150, seed=5):
        for _ in range(4):
            sizes = arena.size.astype(int)
            tick(arena, draw_acts(chance, arena))
            gain = arena.size.sum(axis=1) - sizes.sum(axis=1)
            eaten_cells = (sizes * (arena.eaten_by > 0)).sum(axis=1)
            vanished = np.where(arena.laws[:, Law.EATING] == Eating.VANISH, eaten_cells, 0)
            can_grow = arena.laws[:, Law.GROWTH] > 0
            assert (gain[~can_grow] == -vanished[~can_grow]).all()
            assert (gain >= -vanished).all()
            assert not arena.eaten_by[arena.laws[:, Law.EATING] == Eating.NONE].any()
            grown, eaten, kept = grown + (gain > 0).sum(), eaten + (vanished > 0).sum(), kept + (gain == 0).sum()
    assert min(grown, eaten, kept) > 50


def test_what_falls_rests_within_as_many_rounds_as_the_grid_has_rows():
    num_rounds = Counter()
    for _, arena in drawn_games(60, seed=6):
        laws = np.zeros_like(arena.laws)
        laws[:, Law.GRAVITY] = 1 + np.arange(len(laws)) % 4
        arena.laws[:] = laws
        still = np.zeros(arena.agent_body.shape, int)
        slowly = arena.copy()
        slowly.laws[:, Law.FALLING] = 1
        tick(arena, still)
        rounds, rests = 0, False
        while not rests:
            before = slowly.grid()
            tick(slowly, still)
            rests = np.array_equal(slowly.grid(), before)
            rounds += not rests
        assert rounds < max(arena.height_cells, arena.width_cells)
        num_rounds[rounds] += 1
        # one cell a tick comes to the same end as all at once, and there it stays
        assert np.array_equal(slowly.grid(), arena.grid())
        assert np.array_equal(slowly.agent_cell, arena.agent_cell)
        settled = arena.grid()
        tick(arena, still)
        assert np.array_equal(arena.grid(), settled)
    assert len(num_rounds) > 4


def test_a_world_is_the_same_bytes_alone_in_a_batch_and_for_any_number_of_threads():
    for chance, arena in drawn_games(15, seed=7):
        twins = {threads: arena.copy() for threads in (2, 3, 25)}
        alone = [only(arena, b, b + 1) for b in range(len(arena))]
        for _ in range(4):
            acts = draw_acts(chance, arena)
            tick(arena, acts)
            for threads, twin in twins.items():
                tick(twin, acts, num_threads=threads)
                assert is_same(arena, twin)
            for b, single in enumerate(alone):
                tick(single, acts[b : b + 1])
                assert is_same(only(arena, b, b + 1), single)


# ---- what agents see ----


def test_an_agent_sees_the_looks_around_it_and_who_is_outside_sees_nothing():
    num_seen = num_outside = 0
    for chance, arena in drawn_games(20, seed=8):
        tick(arena, draw_acts(chance, arena))
        for radius in range(arena.margin_cells + 1):
            seen = views(arena, radius)
            assert np.array_equal(seen, views(arena, radius, out=np.full_like(seen, 99)))
            for b, world in enumerate(plain_worlds(arena)):
                padded = np.pad(arena.picture()[b], radius, constant_values=OUTSIDE)
                for a, at in enumerate(world.agent_cell):
                    if at is None:
                        assert not seen[b, a].any()
                        num_outside += 1
                    else:
                        around = padded[at[0] : at[0] + 2 * radius + 1, at[1] : at[1] + 2 * radius + 1]
                        assert np.array_equal(seen[b, a], around)
                        num_seen += 1
    assert num_seen > 100
    assert num_outside > 100


# ---- random worlds ----


def test_a_scattered_world_is_the_same_alone_in_a_batch_and_where_an_old_one_was():
    what = Scatter(9, 7, 6, 5, num_agents=3, num_spare_bodies=2, anchored_share=0.2, growing_share=1.0, margin_cells=2)
    laws = law_book(gravity=DOWN, eating=Eating.VANISH, growth=9)
    numbers = np.array([5, 0, 2**40, -3, 5])
    batch = scatter(numbers, what, laws)
    check_arena(batch)
    assert is_same(only(batch, 0, 1), only(batch, 4, 5))
    assert not is_same(only(batch, 0, 1), only(batch, 1, 2))
    old = scatter(np.arange(100, 105), what, law_book(fusing=1))
    for _ in range(3):
        tick(old, np.full(old.agent_body.shape, LEFT))
    assert is_same(scatter(numbers, what, laws, out=old), batch)
    for b, number in enumerate(numbers):
        assert is_same(scatter([number], what, laws), only(batch, b, b + 1))


def test_scattered_worlds_hold_what_was_asked_for():
    what = Scatter(
        14, 15, 6, 5, num_agents=4, num_wall_cells=5, eating_share=1.0, floating_share=0.0, anchored_share=0.25
    )
    arena = scatter(np.arange(400), what, law_book())
    check_arena(arena)
    assert (arena.size[:, 2:] > 0).all()
    assert np.array_equal(arena.agent_body, np.tile([8, 9, 10, 11], (400, 1)))
    assert (arena.size[:, 8:] == 1).all()
    assert set(np.unique(arena.size[:, 2:8])) == {1, 2, 3, 4, 5}
    assert (arena.flags[:, 2:8] & Body.EATS).all()
    assert not (arena.flags[:, 2:8] & (Body.FLOATS | Body.GROWS)).any()
    assert abs((arena.flags[:, 2:8] & Body.ANCHORED).astype(bool).mean() - 0.25) < 0.05
    assert (arena.flags[:, 8:] == Body.FLOATS).all()
    num_walls = (arena.grid() == WALL_BODY).sum(axis=(1, 2))
    assert num_walls.max() == 5
    assert num_walls.min() >= 3
    assert all(len(set(colours)) == 6 and WALL_COLOUR not in colours for colours in arena.colour[:, 2:8].tolist())


def test_bodies_for_which_there_is_no_room_are_left_out():
    arena = scatter(np.arange(50), Scatter(1, 2, 5, 3, num_agents=2, num_wall_cells=1), law_book())
    check_arena(arena)
    assert (arena.grid() == WALL_BODY).any(axis=(1, 2)).all()
    assert (arena.agent_body == 0).any()
    check_arena(scatter(np.arange(5), Scatter(1, 1, 0, num_agents=0, num_wall_cells=0), law_book()))
