"""Which body each cell belongs to from one grid to the next, from the first bodies and the edits alone.

Bodies keep their numbers when they move. Whoever reads edits can follow them, so a recording need not tell them.
"""

from __future__ import annotations

import itertools

import numpy as np

from world.codec import GridEdit, Operation
from world.codes import BOXLING_COLOUR

_SIDES = ((-1, 0), (0, -1), (0, 1), (1, 0))


def follow(bodies: np.ndarray, before: np.ndarray, edits: list[GridEdit], after: np.ndarray) -> np.ndarray:
    """The bodies (H, W) int16 of `after`, to which `edits` lead from `before` with its `bodies`; 0 for empty cells.

    Moved bodies are where they went, and those that joined another bear its number. What edits of cells have coloured
    otherwise is lost to its body. Coloured cells of no body join a body of their colour that they touch, the one of
    lowest number, or else are a new body, under the lowest number that is free; boxlings join nobody. So does a body
    that was painted and now touches one of that colour.

    >>> before, bodies = np.array([[3, 3, 0, 0]], np.uint8), np.array([[9, 9, 0, 0]], np.int16)
    >>> edits = [GridEdit(Operation.MOVE, (9, 0, 1)), GridEdit(Operation.SET, (0, 3, 3))]
    >>> follow(bodies, before, edits, np.array([[0, 3, 3, 3]], np.uint8))
    array([[0, 9, 9, 9]], dtype=int16)
    """
    if edits and edits[0].operation == Operation.CROP:
        row, column, height, width = edits[0].arguments
        bodies, before = (grid[row : row + height, column : column + width] for grid in (bodies, before))
    cells = _cells_of(bodies)
    looks: list[list[int]] = before.tolist()
    colour = {n: looks[places[0][0]][places[0][1]] for n, places in cells.items()}
    rows, columns = (min(sides) for sides in zip(after.shape, bodies.shape, strict=True))
    built = np.zeros(after.shape, np.int16)
    built[:rows, :columns] = bodies[:rows, :columns]
    owner: list[list[int]] = [numbers.tolist() for numbers in built]
    moves, others = _moves_of(edits)
    for n in moves:
        for row, column in cells.get(n, ()):
            if row < rows and column < columns:
                owner[row][column] = 0
    for n, move in sorted(moves.items()):
        for row, column in cells.get(n, ()):
            to_row, to_column = row + move[0], column + move[1]
            if 0 <= to_row < after.shape[0] and 0 <= to_column < after.shape[1]:
                owner[to_row][to_column] = n
    if others or built.shape != before.shape:
        _settle(owner, colour, others, after.tolist())
    return np.array(owner, np.int16)


def _cells_of(bodies: np.ndarray) -> dict[int, list[tuple[int, int]]]:
    cells: dict[int, list[tuple[int, int]]] = {}
    for row, numbers in enumerate(bodies.tolist()):
        for column, n in enumerate(numbers):
            if n:
                cells.setdefault(n, []).append((row, column))
    return cells


def _moves_of(edits: list[GridEdit]) -> tuple[dict[int, tuple[int, ...]], list[GridEdit]]:
    """Rows and columns by which bodies move; and the edits that are no moves, as far as they name these bodies."""
    moves: dict[int, tuple[int, ...]] = {}
    others: list[GridEdit] = []
    for edit in edits:
        if edit.operation == Operation.MOVE:
            moves[edit.arguments[0]] = edit.arguments[1:]
        elif edit.operation != Operation.END:
            others.append(edit)
        if edit.operation == Operation.SEL:
            # what follows names other organisms
            break
    return moves, others


def _settle(owner: list[list[int]], colour: dict[int, int], edits: list[GridEdit], looks: list[list[int]]) -> None:
    """Give cells to bodies of the colour that they show."""
    joins = {edit.arguments[0]: edit.arguments[1] for edit in edits if edit.operation == Operation.GIVE}
    painted = [(edit.arguments[0], edit.arguments[1]) for edit in edits if edit.operation == Operation.PAINT]
    colour.update(painted)
    for numbers in owner:
        for column, n in enumerate(numbers):
            numbers[column] = joins.get(n, n)
    loose = {}  # in reading order
    for row, numbers in enumerate(owner):
        for column, n in enumerate(numbers):
            if n and colour.get(n) != looks[row][column]:
                numbers[column] = n = 0
            if n == 0 and looks[row][column]:
                loose[row, column] = looks[row][column]
    while loose:
        (row, column), look = next(iter(loose.items()))
        group, touched = [(row, column)], set()
        del loose[row, column]
        for row, column in group:
            for place, n in _around(owner, row, column):
                if loose.get(place) == look:
                    del loose[place]
                    group.append(place)
                elif n and looks[place[0]][place[1]] == look:
                    touched.add(n)
        number = _heir(touched, look, owner)
        for row, column in group:
            owner[row][column] = number
    for n, look in painted:
        mine = [(row, column) for row, numbers in enumerate(owner) for column, m in enumerate(numbers) if m == n]
        # the number may be that of a new body by now
        if look == BOXLING_COLOUR or any(looks[row][column] != look for row, column in mine):
            continue
        around = itertools.chain(*(_around(owner, row, column) for row, column in mine))
        touched = {m for (row, column), m in around if m not in (0, n) and looks[row][column] == look}
        if touched:
            for row, column in mine:
                owner[row][column] = min(touched)


def _heir(touched: set[int], look: int, owner: list[list[int]]) -> int:
    """Whose cells of no body become."""
    if touched and look != BOXLING_COLOUR:
        return min(touched)
    taken = set(itertools.chain(*owner))
    return next(number for number in itertools.count(1) if number not in taken)


def _around(owner: list[list[int]], row: int, column: int) -> list[tuple[tuple[int, int], int]]:
    """The cells at the four sides that are in the grid, and whose they are."""
    places = ((row + rows, column + columns) for rows, columns in _SIDES)
    return [((at, to), owner[at][to]) for at, to in places if 0 <= at < len(owner) and 0 <= to < len(owner[0])]
