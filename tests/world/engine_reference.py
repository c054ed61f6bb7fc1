"""One tick of one world in plain Python: a body is a set of cells, and each phase says what its rule says.

Slow, and obvious. Written from the docstrings of world.engine, not from its kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from world.engine import Act, Arena, Body, Eating, Effect, Law, Property

Cell = tuple[int, int]  # row, column; those beyond the edge belong to the walls
Cells = frozenset[Cell]

WALLS = 1
UP, DOWN, LEFT, RIGHT = (-1, 0), (1, 0), (0, -1), (0, 1)
STEP = {int(Act.UP): UP, int(Act.DOWN): DOWN, int(Act.LEFT): LEFT, int(Act.RIGHT): RIGHT}
ANCHORED, FLOATS, EATS, GROWS = (int(flag) for flag in Body)


@dataclass
class PlainWorld:
    """One world; a body that is not in `cells` is not there."""

    height: int
    width: int
    walls: Cells  # with a ring of them beyond the edge
    cells: dict[int, Cells]  # of each body
    colour: dict[int, int]
    flags: dict[int, int]
    agent_body: list[int]  # 0 for an agent that is outside, or was eaten
    agent_cell: list[Cell | None]
    laws: list[int]
    numbers: range  # that bodies can have
    moved: dict[int, int] = field(default_factory=dict)  # direction of each body that was pushed
    eaten_by: dict[int, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)  # what happened, for tests that ask whether it ever does

    def agents(self) -> set[int]:
        return {body for body in self.agent_body if body}

    def bodies_at(self) -> dict[Cell, int]:
        """The body in each cell that is not empty."""
        at = dict.fromkeys(self.walls, WALLS)
        for body, cells in self.cells.items():
            at.update(dict.fromkeys(cells, body))
        return at

    def is_anchored(self, body: int) -> bool:
        return body == WALLS or bool(self.flags[body] & ANCHORED)


def shifted(cells: Iterable[Cell], step: Cell) -> Cells:
    down, right = step
    return frozenset([(row + down, column + right) for row, column in cells])


def around(cells: Iterable[Cell]) -> set[Cell]:
    """All neighbours of the cells, some of which may be among them."""
    return {
        beside
        for row, column in cells
        for beside in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    }


def pieces(cells: Iterable[Cell]) -> Iterator[Cells]:
    """The parts of a set of cells that hang together."""
    left = set(cells)
    while left:
        piece: set[Cell] = set()
        fresh = {left.pop()}
        while fresh:
            piece |= fresh
            fresh = around(fresh) & left
            left -= fresh
        yield frozenset(piece)


def reference_tick(world: PlainWorld, acts: list[int]) -> None:
    """One tick, in place."""
    laws = world.laws
    world.moved, world.eaten_by = {}, {}
    push(world, acts)
    if laws[Law.GRAVITY]:
        while fall_one_cell(world) and laws[Law.FALLING] == 0:
            pass
    if laws[Law.EATING]:
        eat(world)
    if laws[Law.FUSING]:
        fuse(world)
    if laws[Law.GROWTH]:
        grow(world)
    if laws[Law.SPLITTING]:
        split(world)
    if laws[Law.PROPERTY] and laws[Law.EFFECT]:
        obey_shape_law(world)


# ---- acts and pushes ----


@dataclass
class Team:
    """Agents that act in one direction on the same things, and all the bodies that this would move."""

    direction: int
    agents: list[int]
    bodies: set[int]


def moved_set(
    world: PlainWorld, at: dict[Cell, int], agents: set[int], actor: int, step: Cell, pulls: bool
) -> set[int]:
    """The least set with the actor, what it pulls and all that is in the way of the set; empty if something bars it."""
    members = {actor}
    if pulls:
        behind = {at.get(cell, 0) for cell in shifted(world.cells[actor], (-step[0], -step[1]))} - {0, actor}
        members |= {body for body in behind if body not in agents and not world.is_anchored(body)}
        if len(members) > 1:
            world.seen.add("pulled")
    while True:
        if any(world.is_anchored(body) for body in members) or members & agents != {actor}:
            return set()
        in_the_way = {at[cell] for body in members for cell in shifted(world.cells[body], step) if cell in at} - members
        if not in_the_way:
            return members
        members |= in_the_way


def push(world: PlainWorld, acts: list[int]) -> None:
    """Agents step, push and pull: teams are formed, then those that are too weak fail, then those that conflict."""
    at, agents = world.bodies_at(), world.agents()
    teams: list[Team] = []
    for agent, act in enumerate(acts):
        actor = world.agent_body[agent]
        if act == Act.STAY or not actor:
            continue
        is_pull = act >= Act.PULL_UP
        direction = act - 4 if is_pull else act
        bodies = moved_set(world, at, agents, actor, STEP[direction], is_pull and world.laws[Law.PULLING] == 1)
        if not bodies:
            world.seen.add("barred")
            continue
        joined = [team for team in teams if team.direction == direction and team.bodies & bodies]
        teams = [team for team in teams if team not in joined]
        members = [agent] + [other for team in joined for other in team.agents]
        teams.append(Team(direction, members, bodies.union(*(team.bodies for team in joined))))

    def cells_of(bodies: set[int]) -> set[Cell]:
        return {cell for body in bodies for cell in world.cells[body]}

    def weight_of(bodies: set[int]) -> int:
        return len(cells_of(bodies))

    def conflict(one: Team, other: Team) -> bool:
        return bool(
            one.bodies & other.bodies
            or shifted(cells_of(one.bodies), STEP[one.direction])
            & shifted(cells_of(other.bodies), STEP[other.direction])
        )

    strength = world.laws[Law.STRENGTH]
    able = [team for team in teams if not strength or weight_of(team.bodies - agents) <= strength * len(team.agents)]
    world.seen |= {"too heavy"} if len(able) < len(teams) else set()
    winners = []
    for team in able:
        rivals = [other for other in able if other is not team and conflict(team, other)]
        if all(weight_of(rival.bodies) < weight_of(team.bodies) for rival in rivals):
            winners.append(team)
            world.seen |= {"won a conflict"} if rivals else set()
        else:
            world.seen.add("lost a conflict" if len(team.agents) == 1 else "a team lost")
    for team in winners:
        world.seen |= {"pushed"} if len(team.bodies) > len(team.agents) else set()
        world.seen |= {"team"} if len(team.agents) > 1 else set()
        for body in team.bodies:
            world.cells[body] = shifted(world.cells[body], STEP[team.direction])
            world.moved[body] = team.direction
        for agent in team.agents:
            world.agent_cell[agent] = moved_cell(world.agent_cell[agent], STEP[team.direction])


def moved_cell(cell: Cell | None, step: Cell) -> Cell:
    assert cell is not None
    return cell[0] + step[0], cell[1] + step[1]


# ---- falls ----


def fall_one_cell(world: PlainWorld) -> bool:
    """The greatest set in which nobody rests on anything outside the set drops one cell; whether it has a member."""
    at, step = world.bodies_at(), STEP[world.laws[Law.GRAVITY]]
    falling = {body for body in world.cells if not world.flags[body] & (ANCHORED | FLOATS)}
    rests_on = {body: {at[cell] for cell in shifted(world.cells[body], step) if cell in at} for body in falling}
    while True:
        still = {body for body in falling if rests_on[body] <= falling}
        if still == falling:
            break
        falling = still
    for body in falling:
        world.cells[body] = shifted(world.cells[body], step)
        if rests_on[body] - {body}:
            world.seen.add("fell together")
    for agent, body in enumerate(world.agent_body):
        if body in falling:
            world.agent_cell[agent] = moved_cell(world.agent_cell[agent], step)
    return bool(falling)


# ---- eating ----


def eat(world: PlainWorld) -> None:
    """Each body goes to the largest of those that touch it, are larger and have an appetite, if there is one such.

    Under the law of kindness its own colour does not count, and what is food already goes to nobody.
    """
    at = world.bodies_at()
    for prey, cells in world.cells.items():
        if world.is_anchored(prey):
            continue
        is_food = world.laws[Law.EATING] == Eating.FOOD and world.colour[prey] == world.laws[Law.FOOD_COLOUR]
        if is_food and not world.flags[prey] & EATS:
            world.seen.add("food is not eaten again")
            continue
        touching = {at[cell] for cell in around(cells) if cell in at} - {prey, WALLS}
        eaters = [b for b in touching if world.flags[b] & EATS and len(world.cells[b]) > len(cells)]
        if world.laws[Law.KINDNESS]:
            if any(world.colour[b] == world.colour[prey] for b in eaters):
                world.seen.add("spared its kind")
            eaters = [b for b in eaters if world.colour[b] != world.colour[prey]]
        largest = max((len(world.cells[eater]) for eater in eaters), default=0)
        eaters = [eater for eater in eaters if len(world.cells[eater]) == largest]
        if len(eaters) == 1:
            world.eaten_by[prey] = eaters[0]
        elif eaters:
            world.seen.add("tie of eaters")
    for agent, body in enumerate(world.agent_body):
        if body in world.eaten_by:
            world.agent_body[agent], world.agent_cell[agent] = 0, None
            world.seen.add("agent eaten")
    kind = world.laws[Law.EATING]
    before = dict(world.cells)
    for prey, eater in world.eaten_by.items():
        if eater in world.eaten_by:
            world.seen.add("chain of eaters")
        world.seen.add(f"eating: {Eating(kind).name}")
        if kind == Eating.FOOD:
            world.colour[prey] = world.laws[Law.FOOD_COLOUR]
            world.flags[prey] &= ~EATS
            continue
        del world.cells[prey]
        if kind == Eating.JOIN:
            while eater in world.eaten_by:
                eater = world.eaten_by[eater]
            world.cells[eater] |= before[prey]


# ---- fusing, growth, splitting ----


def fuse(world: PlainWorld) -> None:
    """Bodies of one colour that touch, directly or through others of it, become one; agents do not."""
    before = dict(world.cells)
    things = set(before) - world.agents()
    for colour in {world.colour[body] for body in things}:
        alike = {body for body in things if world.colour[body] == colour}
        for piece in pieces(cell for body in alike for cell in before[body]):
            parts = [body for body in alike if before[body] <= piece]
            if len(parts) > 1:
                world.seen.add("fused")
            flags = 0
            for body in parts:
                flags |= world.flags[body]
                del world.cells[body]
            world.cells[min(parts)] = piece
            world.flags[min(parts)] = flags


def grow(world: PlainWorld) -> None:
    """A growing body of fewer cells than the limit takes all empty cells that it touches, if no other would take them.

    It may come to have more cells than the limit: no cell is better than another.
    """
    at = world.bodies_at()
    limit = world.laws[Law.GROWTH]
    growing = [b for b, cells in world.cells.items() if world.flags[b] & GROWS and len(cells) < limit]
    wanted = {body: {cell for cell in around(world.cells[body]) if cell not in at} for body in growing}
    for body in growing:
        others = set().union(*(wanted[other] for other in growing if other != body))
        world.cells[body] |= wanted[body] - others
        world.seen |= {"grew"} if wanted[body] - others else set()
        world.seen |= {"growth contested"} if wanted[body] & others else set()


def split(world: PlainWorld) -> None:
    """Bodies of more cells than the limit fall apart into single cells: all of them or, for want of numbers, none."""
    agents = world.agents()
    large = [
        body
        for body, cells in world.cells.items()
        if len(cells) > world.laws[Law.SPLITTING] and body not in agents and not world.is_anchored(body)
    ]
    free = [body for body in world.numbers if body not in world.cells]
    if sum(len(world.cells[body]) - 1 for body in large) > len(free):
        world.seen.add("no room to split")
        return
    for body in large:
        first, *others = sorted(world.cells[body])
        world.cells[body] = frozenset([first])
        for cell in others:
            number = free.pop()
            world.cells[number] = frozenset([cell])
            world.colour[number], world.flags[number] = world.colour[body], world.flags[body]
        world.seen.add("split")


# ---- shape laws ----


def box(cells: Cells) -> tuple[int, int, int, int]:
    """First and last row, first and last column."""
    rows, columns = [row for row, _ in cells], [column for _, column in cells]
    return min(rows), max(rows), min(columns), max(columns)


def num_holes(cells: Cells) -> int:
    """Regions that only these cells enclose: all that is not outside them, in a box with a rim around it."""
    top, bottom, left, right = box(cells)
    rimmed = {(row, column) for row in range(top - 1, bottom + 2) for column in range(left - 1, right + 2)}
    return len(list(pieces(rimmed - cells))) - 1


TURNS_AND_MIRRORS: list[Callable[[int, int], Cell]] = [
    lambda row, column: (row, -column),
    lambda row, column: (-row, column),
    lambda row, column: (-row, -column),
    lambda row, column: (column, row),
    lambda row, column: (-column, row),
    lambda row, column: (column, -row),
    lambda row, column: (-column, -row),
]


def in_the_corner(cells: Cells) -> Cells:
    top, _, left, _ = box(cells)
    return shifted(cells, (-top, -left))


def is_symmetric(cells: Cells) -> bool:
    shape = in_the_corner(cells)
    return any(in_the_corner(frozenset(turn(*cell) for cell in cells)) == shape for turn in TURNS_AND_MIRRORS)


def amount_of(property_: int, world: PlainWorld, cells: Cells) -> int:
    top, bottom, left, right = box(cells)
    if property_ == Property.SIZE:
        return len(cells)
    if property_ == Property.HOLES:
        return num_holes(cells)
    if property_ == Property.SYMMETRY:
        return is_symmetric(cells)
    if property_ == Property.RECTANGLE:
        return len(cells) == (bottom - top + 1) * (right - left + 1)
    return top == 0 or left == 0 or bottom == world.height - 1 or right == world.width - 1


EFFECT_FLAG = {int(Effect.ANCHORED): ANCHORED, int(Effect.FLOATS): FLOATS, int(Effect.EATS): EATS}


def obey_shape_law(world: PlainWorld) -> None:
    """Bodies with enough of the property get the colour, or alone have the flag; agents are left as they are."""
    property_, effect = world.laws[Law.PROPERTY], world.laws[Law.EFFECT]
    for body in set(world.cells) - world.agents():
        amount = amount_of(property_, world, world.cells[body])
        has_enough = amount >= world.laws[Law.THRESHOLD]
        world.seen.add(f"{Property(property_).name}: {has_enough}")
        if effect == Effect.COLOUR:
            if has_enough:
                world.colour[body] = world.laws[Law.VALUE]
        elif has_enough:
            world.flags[body] |= EFFECT_FLAG[effect]
        else:
            world.flags[body] &= ~EFFECT_FLAG[effect]


# ---- from the arrays of the engine ----

_RINGS: dict[tuple[int, int], Cells] = {}


def ring_beyond(height: int, width: int) -> Cells:
    """The cells next to the grid."""
    if (height, width) not in _RINGS:
        grid = {(row, column) for row in range(height) for column in range(width)}
        _RINGS[height, width] = frozenset(around(grid) - grid)
    return _RINGS[height, width]


def plain_worlds(arena: Arena) -> list[PlainWorld]:
    """What is in the arena, world by world."""
    height, width, margin, stride = arena.height_cells, arena.width_cells, arena.margin_cells, arena.stride
    inside = [
        ((row + margin) * stride + column + margin, (row, column)) for row in range(height) for column in range(width)
    ]
    worlds = []
    for b in range(len(arena)):
        owner = arena.owner[b].tolist()
        cells: dict[int, list[Cell]] = {}
        for number, cell in inside:
            if owner[number]:
                cells.setdefault(owner[number], []).append(cell)
        walls = ring_beyond(height, width).union(cells.pop(WALLS, []))
        worlds.append(
            PlainWorld(
                height,
                width,
                walls,
                {body: frozenset(its) for body, its in cells.items()},
                dict(enumerate(arena.colour[b].tolist())),
                dict(enumerate(arena.flags[b].tolist())),
                arena.agent_body[b].tolist(),
                [
                    (number // stride - margin, number % stride - margin) if number >= 0 else None
                    for number in arena.agent_cell[b].tolist()
                ],
                arena.laws[b].tolist(),
                range(2, arena.first_cell.shape[1]),
                {body: way for body, way in enumerate(arena.moved[b].tolist()) if way},
                {body: eater for body, eater in enumerate(arena.eaten_by[b].tolist()) if eater},
            )
        )
    return worlds
