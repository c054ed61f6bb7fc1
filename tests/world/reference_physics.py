"""The rule of a push in plain Python: sets of cells, no compiled code. Slow, and obvious.

Written from the docstring of world.physics, not from its kernel.
"""

from __future__ import annotations

STEPS = {0: (0, 0), 1: (-1, 0), 2: (1, 0), 3: (0, -1), 4: (0, 1)}  # stay, up, down, left, right

Grid = list[list[int]]
Cell = tuple[int, int]


def bodies_of(owner: Grid) -> dict[int, set[Cell]]:
    """The cells of each body."""
    bodies: dict[int, set[Cell]] = {}
    for row, line in enumerate(owner):
        for column, body in enumerate(line):
            if body:
                bodies.setdefault(body, set()).add((row, column))
    return bodies


def shifted(cells: set[Cell], action: int) -> set[Cell]:
    d_row, d_column = STEPS[action]
    return {(row + d_row, column + d_column) for row, column in cells}


def moved_set(
    owner: Grid,
    bodies: dict[int, set[Cell]],
    anchored: list[bool],
    boxlings: set[int],
    actor: int,
    action: int,
) -> set[int]:
    """The least set of bodies with the actor and all that is in its way; empty if something bars that way."""
    height, width = len(owner), len(owner[0])
    members = {actor}
    while True:
        if any(anchored[body] for body in members):
            return set()
        if members & (boxlings - {actor}):
            return set()
        entered = set().union(*(shifted(bodies[body], action) for body in members))
        if any(not (0 <= row < height and 0 <= column < width) for row, column in entered):
            return set()
        in_the_way = {owner[row][column] for row, column in entered} - {0} - members
        if not in_the_way:
            return members
        members |= in_the_way


def reference_push(
    owner: Grid, anchored: list[bool], agent_body: list[int], actions: list[int]
) -> tuple[Grid, dict[int, int]]:
    """The cells after one step of one world, and the direction in which each body that moved has moved."""
    bodies = bodies_of(owner)
    boxlings = {body for body in agent_body if body}
    acts = []  # (bodies that move, direction)
    for body, action in zip(agent_body, actions, strict=True):
        if body and action:
            members = moved_set(owner, bodies, anchored, boxlings, body, action)
            if members:
                acts.append((members, action))

    def weight(act: tuple[set[int], int]) -> int:
        return sum(len(bodies[body]) for body in act[0])

    def contradict(one: tuple[set[int], int], other: tuple[set[int], int]) -> bool:
        for body in one[0]:
            for another in other[0]:
                if body == another and one[1] != other[1]:
                    return True  # one body cannot move in two directions
                if body != another and shifted(bodies[body], one[1]) & shifted(bodies[another], other[1]):
                    return True  # two bodies cannot fill one cell
        return False

    directions: dict[int, int] = {}
    for act in acts:
        rivals = [other for other in acts if other is not act and contradict(act, other)]
        if all(weight(rival) < weight(act) for rival in rivals):
            directions |= dict.fromkeys(act[0], act[1])
    after = [[0] * len(line) for line in owner]
    for body, cells in bodies.items():
        for row, column in shifted(cells, directions.get(body, 0)):
            assert after[row][column] == 0, "two bodies in one cell"
            after[row][column] = body
    return after, directions
