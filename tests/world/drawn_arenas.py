"""Worlds for the engine drawn at random for tests: from one cell to 20 x 20, from empty to crowded, under any law."""

from __future__ import annotations

from random import Random

import numpy as np

from tests.world.engine_reference import Cell, around, shifted
from world.engine import NUM_ACTS, NUM_LAWS, Arena, Body, Eating, Effect, Law, Property, build

MAX_BODIES_DRAWN = 10
MAX_AGENTS_DRAWN = 5

# shapes that chance alone seldom finds: hooks, forks, rings, blocks
SHAPES = [
    [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)],
    [(0, 0), (1, 0), (1, 1), (1, 2), (0, 2)],
    [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (0, 1), (0, 2)],
    [(0, 0), (0, 1), (1, 0), (1, 1)],
    [(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)],
    [(0, 0), (1, 0), (2, 0), (3, 0), (3, 1)],
    [(0, 0), (0, 1), (1, 1), (1, 2)],
]

LAW_GROUPS = ("push", "fall", "eat", "fuse", "grow", "split", "shape")


def draw_law_book(chance: Random, groups: set[str] | None = None) -> list[int]:
    """These laws or, drawn too, one alone, all or any; each with parameters that matter in small worlds."""
    if groups is None:
        alone = {chance.choice(LAW_GROUPS)}
        any_of_them = {group for group in LAW_GROUPS if chance.random() < 0.5}
        groups = chance.choice([alone, alone, set(LAW_GROUPS), any_of_them])
    book = [0] * NUM_LAWS
    if "push" in groups:
        book[Law.STRENGTH] = chance.choice([0, 0, 1, 2, 3, 4, 6, 9])
        book[Law.PULLING] = chance.randrange(2)
    if "fall" in groups:
        book[Law.GRAVITY] = chance.randrange(1, 5)
        book[Law.FALLING] = chance.randrange(2)
    if "eat" in groups:
        book[Law.EATING] = chance.randrange(1, len(Eating))
        book[Law.FOOD_COLOUR] = chance.randrange(1, 11)
        book[Law.KINDNESS] = chance.randrange(2)
    if "fuse" in groups:
        book[Law.FUSING] = 1
    if "grow" in groups:
        book[Law.GROWTH] = chance.randrange(1, 13)
    if "split" in groups:
        book[Law.SPLITTING] = chance.randrange(1, 9)
    if "shape" in groups:
        book[Law.PROPERTY] = chance.randrange(1, len(Property))
        book[Law.THRESHOLD] = chance.choice([0, 1, 1, 1, 2, 3, 4, 6])
        book[Law.EFFECT] = chance.randrange(1, len(Effect))
        book[Law.VALUE] = chance.randrange(1, 11)
    return book


def draw_grid_of_bodies(chance: Random, height: int, width: int) -> list[list[int]]:
    """Walls and up to ten bodies of up to eight cells, more often than not beside each other."""
    cells = [(row, column) for row in range(height) for column in range(width)]
    share_walls = chance.choice([0.0, 0.0, 0.0, 0.05, 0.2])
    free = {cell for cell in cells if share_walls == 0 or chance.random() >= share_walls}
    owner = {cell: 0 if cell in free else 1 for cell in cells}
    max_cells = chance.choice([1, 2, 4, 8, 8])
    share_small = chance.choice([0.0, 0.3, 0.9])
    placed: list[set[Cell]] = []
    for number in range(2, 2 + chance.randint(0, MAX_BODIES_DRAWN)):
        if not free:
            break
        near = placed and chance.random() < 0.5 and sorted(around(chance.choice([placed[0], placed[-1]])) & free)
        start = chance.choice(near or sorted(free))
        if placed and chance.random() < share_small:
            body = {start}
        elif max_cells == 8 and chance.random() < 0.4:
            body = draw_shape(chance, start, free)
        else:
            body = draw_body(chance, start, free, chance.randint(1, max_cells))
        free -= body
        placed.append(body)
        owner.update(dict.fromkeys(body, number))
    return [[owner[row, column] for column in range(width)] for row in range(height)]


def draw_body(chance: Random, start: Cell, free: set[Cell], num_cells: int) -> set[Cell]:
    """Cells that hang together, as many as there is room for."""
    body = {start}
    while len(body) < num_cells and (beside := sorted((around(body) & free) - body)):
        body.add(chance.choice(beside))
    return body


def draw_shape(chance: Random, start: Cell, free: set[Cell]) -> set[Cell]:
    """One of the shapes above, as it is or turned; a single cell where there is no room for it."""
    turns = chance.randrange(4)
    shape = chance.choice(SHAPES)
    for _ in range(turns):
        shape = [(column, -row) for row, column in shape]
    at = chance.choice(shape)
    whole = shifted(shape, (start[0] - at[0], start[1] - at[1]))
    return set(whole) if whole <= free else {start}


def draw_arena(chance: Random, num_worlds: int, laws: list[int] | None = None) -> Arena:
    """Worlds of one size, each under a law book of its own, or all under this one."""
    longest = chance.choice([3, 5, 7, 10, 10, 14, 20])
    shortest = 1 if chance.random() < 0.3 else (longest + 1) // 2
    height, width = chance.randint(shortest, longest), chance.randint(shortest, longest)
    num_numbers = 2 + MAX_BODIES_DRAWN + chance.choice([0, 0, 5, 30])
    num_agents = chance.randint(0, MAX_AGENTS_DRAWN)
    grid = [draw_grid_of_bodies(chance, height, width) for _ in range(num_worlds)]
    colours = chance.choice([[3], [1, 2], list(range(1, 11))])
    shares = [
        chance.choice([0.0, 0.2]),
        chance.choice([0.0, 0.2]),
        chance.choice([0.2, 0.6]),
        chance.choice([0.2, 0.6]),
    ]
    agents = np.zeros((num_worlds, num_agents), np.uint8)
    for b, rows in enumerate(grid):
        bodies = sorted({body for row in rows for body in row} - {0, 1})
        chance.shuffle(bodies)
        if chance.random() < 0.5:  # small agents among large bodies
            bodies.sort(key=lambda body: sum(row.count(body) for row in rows))
        for a, body in enumerate(bodies[: num_agents if chance.random() < 0.8 else chance.randint(0, num_agents)]):
            agents[b, a] = body
    flags = [
        [
            sum(flag for flag, share in zip(Body, shares, strict=True) if chance.random() < share)
            for _ in range(num_numbers)
        ]
        for _ in range(num_worlds)
    ]
    return build(
        np.array(grid),
        np.array([[chance.choice(colours) for _ in range(num_numbers)] for _ in range(num_worlds)]),
        np.array([laws or draw_law_book(chance) for _ in range(num_worlds)]),
        flags=np.array(flags),
        agent_body=agents,
        margin_cells=chance.randint(1, 3),
    )


def draw_crowd(chance: Random, num_worlds: int) -> Arena:
    """Worlds in which small agents stand on two sides of a few large bodies: teams meet teams."""
    height, width = chance.randint(6, 10), chance.randint(6, 10)
    num_large, num_agents = chance.choice([1, 1, 2]), chance.randint(3, 8)
    grid = np.zeros((num_worlds, height, width), int)
    laws = np.zeros((num_worlds, NUM_LAWS), int)
    for b in range(num_worlds):
        free = {(row, column) for row in range(height) for column in range(width)}
        large: set[Cell] = set()
        sides = [(chance.choice([-1, 1]), 0), (0, chance.choice([-1, 1]))]
        for number in range(2, 2 + num_large + num_agents):
            is_agent = number >= 2 + num_large
            near = sorted(shifted(large, chance.choice(sides)) & free) if is_agent and chance.random() < 0.9 else []
            num_cells = chance.choice([1, 1, 2]) if is_agent else chance.randint(4, 10)
            body = draw_body(chance, chance.choice(near or sorted(free)), free, num_cells)
            free -= body
            large |= set() if is_agent else body
            for cell in body:
                grid[(b, *cell)] = number
        laws[b] = draw_law_book(chance, {"push"} if chance.random() < 0.8 else {"push", "fall"})
        laws[b, Law.STRENGTH] = chance.choice([0, 0, 0, 3])
    agents = np.tile(np.arange(2 + num_large, 2 + num_large + num_agents), (num_worlds, 1))
    return build(grid, np.ones((num_worlds, 2 + num_large + num_agents), int), laws, agent_body=agents)


def draw_acts(chance: Random, arena: Arena) -> np.ndarray:
    """An act for each agent (B, A): one of two for all of a world, or any, or towards a thing."""
    num_worlds, num_agents = arena.agent_body.shape
    ahead = {1: -arena.stride, 2: arena.stride, 3: -1, 4: 1}
    acts = np.zeros((num_worlds, num_agents), np.int8)
    for b in range(num_worlds):
        owner, bodies, cells = arena.owner[b], arena.agent_body[b].tolist(), arena.agent_cell[b].tolist()
        common = [chance.randrange(1, NUM_ACTS) for _ in range(chance.choice([1, 2]))]
        march, aim = chance.choice([(1.0, 0.0), (0.0, 1.0), (0.0, 0.5)])
        for a in range(num_agents):
            things = [act for act, step in ahead.items() if owner[cells[a] + step] not in (0, 1, *bodies)]
            if chance.random() < march:
                acts[b, a] = chance.choice(common)
            elif bodies[a] and things and chance.random() < aim:
                acts[b, a] = chance.choice(things)
            else:
                acts[b, a] = chance.randrange(NUM_ACTS)
    return acts
