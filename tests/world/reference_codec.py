"""The decoder of `world.codec` again, in plain Python after its docstring; None stands for what it refuses."""

from __future__ import annotations

import itertools

import numpy as np

from world.codec import GridEdit, Operation
from world.symmetry import STEPS, SYMMETRIES, transform

Cells = list[tuple[int, int]]
OBJECTS = (Operation.GIVE, Operation.PAINT, Operation.DEL, Operation.MOVE, Operation.TURN, Operation.COPY)
DRAWING = (Operation.RECT, Operation.RAY, Operation.SET)


def components(grid: np.ndarray) -> dict[int, Cells]:
    """Cells of the organisms that can be named."""
    numbered: dict[int, Cells] = {}
    seen: set[tuple[int, int]] = set()
    for start in np.argwhere(grid).tolist():
        waiting, cells = [tuple(start)], []
        while waiting:
            row, column = waiting.pop()
            inside = 0 <= row < grid.shape[0] and 0 <= column < grid.shape[1]
            if (row, column) in seen or not inside or grid[row, column] != grid[tuple(start)]:
                continue
            seen.add((row, column))
            cells.append((row, column))
            waiting += [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        if cells:
            numbered[len(numbered) + 1] = sorted(cells)
    return {n: cells for n, cells in numbered.items() if n <= 32}


def bodies(owner: np.ndarray, highest: int) -> dict[int, Cells]:
    """Cells of the bodies that can be named, those without a cell included."""
    return {n: [(int(r), int(c)) for r, c in np.argwhere(owner == n)] for n in range(1, min(highest, 32) + 1)}


def _without_selections(before: np.ndarray, edits: list[GridEdit], organisms: np.ndarray | None) -> np.ndarray | None:
    """The grid after a code or the inside of a selection."""
    edits = list(edits)
    picture, owner = before, organisms
    if edits[0].operation == Operation.CROP:
        row, column, height, width = edits.pop(0).arguments
        picture = before[row : row + height, column : column + width]
        if picture.shape != (height, width):
            return None
        owner = None if owner is None else owner[row : row + height, column : column + width]
    canvas = picture.copy()
    if edits[0].operation == Operation.SIZE:
        canvas = np.zeros(edits.pop(0).arguments, np.uint8)
        rows, columns = np.minimum(canvas.shape, picture.shape)
        canvas[:rows, :columns] = picture[:rows, :columns]
    named = components(picture) if owner is None or organisms is None else bodies(owner, int(organisms.max()))
    return canvas if _block(picture, named, canvas, edits) else None


def reference_decode(
    before: np.ndarray, edits: list[GridEdit], organisms: np.ndarray | None = None
) -> np.ndarray | None:
    """The grid after a code that can be read; None if it leaves the grid or names what is not there."""
    selections = [at for at, edit in enumerate(edits) if edit.operation == Operation.SEL]
    end = GridEdit(Operation.END, ())
    grid = _without_selections(before, [*edits[: (selections or [len(edits) - 1])[0]], end], organisms)
    for at, stop in itertools.pairwise([*selections, len(edits) - 1]):
        if grid is None:
            return None
        row, column, height, width = edits[at].arguments
        selected = grid[row : row + height, column : column + width]
        if selected.shape != (height, width):
            return None
        edited = _without_selections(selected.copy(), edits[at + 1 : stop], None)
        if edited is None:
            return None
        grid[row : row + height, column : column + width] = edited
    return grid


def _block(picture: np.ndarray, named: dict[int, Cells], canvas: np.ndarray, edits: list[GridEdit]) -> bool:
    """Take objects and drawing off the list and do them on the canvas; False if they cannot be done."""
    objects: list[GridEdit] = []
    while edits[0].operation in OBJECTS:
        objects.append(edits.pop(0))
    if not _objects(picture, named, canvas, objects):
        return False
    snapshot = canvas.copy()
    while edits[0].operation in DRAWING:
        operation, (row, column, *others) = edits.pop(0)
        if row >= canvas.shape[0] or column >= canvas.shape[1]:
            return False
        if operation == Operation.SET:
            canvas[row, column] = others[0]
        elif operation == Operation.RECT:
            area = canvas[row : row + others[0], column : column + others[1]]
            if area.shape != tuple(others[:2]):
                return False
            area[:] = others[2]
        else:
            rows, columns = list(STEPS.values())[others[0]]
            ground = snapshot[row, column]
            while 0 <= row < canvas.shape[0] and 0 <= column < canvas.shape[1] and snapshot[row, column] == ground:
                canvas[row, column] = others[1]
                row, column = row + rows, column + columns
    return True


def _objects(picture: np.ndarray, named: dict[int, Cells], canvas: np.ndarray, edits: list[GridEdit]) -> bool:
    for operation, arguments in edits:
        names = arguments[: 2 if operation == Operation.GIVE else 1]
        if any(name not in named and not (name == 0 and operation == Operation.COPY) for name in names):
            return False
    for operation in (Operation.PAINT, Operation.DEL, Operation.MOVE, Operation.TURN):
        named_by_it = [edit.arguments[0] for edit in edits if edit.operation == operation]
        if len(named_by_it) > len(set(named_by_it)):
            return False
    colour = {n: int(picture[cells[0]]) for n, cells in named.items() if cells}
    joins: dict[int, int] = {}
    for operation, arguments in edits:
        if operation == Operation.GIVE:
            joins[arguments[0]] = min(arguments[1], joins.get(arguments[0], 99))
        elif operation == Operation.PAINT:
            colour[arguments[0]] = arguments[1]
    cells_of: dict[int, Cells] = {n: [] for n in named}
    for n, cells in named.items():
        cells_of[joins.get(n, n)] += cells
    moves = {edit.arguments[0]: edit.arguments[1:] for edit in edits if edit.operation == Operation.MOVE}
    turns = {edit.arguments[0]: edit.arguments[1] for edit in edits if edit.operation == Operation.TURN}
    gone = {edit.arguments[0] for edit in edits if edit.operation == Operation.DEL}
    for n, cells in cells_of.items():
        for row, column in cells:
            if row < canvas.shape[0] and column < canvas.shape[1]:
                canvas[row, column] = 0 if n in gone | set(moves) | set(turns) else colour.get(n, 0)
    for n in sorted((set(moves) | set(turns)) - gone):
        if cells_of[n]:
            shape, top, left = _shape(cells_of[n])
            rows, columns = moves.get(n, (0, 0))
            if not _put(shape, turns.get(n, 0), top + rows, left + columns, colour.get(n, 0), canvas):
                return False
    for operation, arguments in edits:
        if operation != Operation.COPY:
            continue
        n, row, column, symmetry = arguments
        if n == 0:
            turned = transform(picture, list(SYMMETRIES)[symmetry])
            area = canvas[row : row + turned.shape[0], column : column + turned.shape[1]]
            if area.shape != turned.shape:
                return False
            area[:] = turned
        elif cells_of[n] and not _put(_shape(cells_of[n])[0], symmetry, row, column, colour.get(n, 0), canvas):
            return False
    return True


def _shape(cells: Cells) -> tuple[np.ndarray, int, int]:
    """A mask of the bounding box, and its upper left corner."""
    rows, columns = np.array(cells).T
    mask = np.zeros((np.ptp(rows) + 1, np.ptp(columns) + 1), bool)
    mask[rows - rows.min(), columns - columns.min()] = True
    return mask, int(rows.min()), int(columns.min())


def _put(mask: np.ndarray, symmetry: int, top: int, left: int, colour: int, canvas: np.ndarray) -> bool:
    turned = transform(mask, list(SYMMETRIES)[symmetry])
    if top < 0 or left < 0:
        return False
    area = canvas[top : top + turned.shape[0], left : left + turned.shape[1]]
    if area.shape != turned.shape:
        return False
    area[turned] = colour
    return True
