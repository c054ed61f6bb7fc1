"""What each edit of `world.codec` does to a colour grid: the tokens, their grammar, their cost, and the machine itself.

The idea of edits that name objects is that of delta codes and of object-wise rewriting in ARC solvers (Chollet 2019,
https://arxiv.org/abs/1911.01547); the operations, their order and the cost model are ours. `world.codec` says in words
what is computed here.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from world.codes import BOXLING_COLOUR
from world.compiling import njit
from world.objects import label
from world.symmetry import STEPS, SYMMETRIES

MAX_SIDE_CELLS = 30
MAX_ORGANISMS = 32  # those that can be named
NUM_COLOURS = BOXLING_COLOUR + 1


class Operation(IntEnum):
    """Operations, which are the first tokens, in the order in which they stand in a code."""

    CROP = 0
    SIZE = 1
    GIVE = 2
    PAINT = 3
    DEL = 4
    MOVE = 5
    TURN = 6
    COPY = 7
    RECT = 8
    RAY = 9
    SET = 10
    SEL = 11
    END = 12


NUM_OPERATIONS = len(Operation)
CROP, SIZE, GIVE, PAINT, DEL, MOVE, TURN, COPY, RECT, RAY, SET, SEL, END = (int(operation) for operation in Operation)

# each kind of argument: its lowest and highest value, and the group of tokens that stand for it
KINDS: dict[str, tuple[int, int, str]] = {
    "row": (0, MAX_SIDE_CELLS - 1, "position"),
    "column": (0, MAX_SIDE_CELLS - 1, "position"),
    "height": (1, MAX_SIDE_CELLS, "position"),
    "width": (1, MAX_SIDE_CELLS, "position"),
    "rows": (1 - MAX_SIDE_CELLS, MAX_SIDE_CELLS - 1, "shift"),
    "columns": (1 - MAX_SIDE_CELLS, MAX_SIDE_CELLS - 1, "shift"),
    "colour": (0, NUM_COLOURS - 1, "colour"),
    "organism": (1, MAX_ORGANISMS, "organism"),
    "organism or picture": (0, MAX_ORGANISMS, "organism"),
    "symmetry": (0, len(SYMMETRIES) - 1, "symmetry"),
    "direction": (0, len(STEPS) - 1, "direction"),
}

ARGUMENTS: dict[Operation, tuple[str, ...]] = {
    Operation.CROP: ("row", "column", "height", "width"),
    Operation.SIZE: ("height", "width"),
    Operation.GIVE: ("organism", "organism"),
    Operation.PAINT: ("organism", "colour"),
    Operation.DEL: ("organism",),
    Operation.MOVE: ("organism", "rows", "columns"),
    Operation.TURN: ("organism", "symmetry"),
    Operation.COPY: ("organism or picture", "row", "column", "symmetry"),
    Operation.RECT: ("row", "column", "height", "width", "colour"),
    Operation.RAY: ("row", "column", "direction", "colour"),
    Operation.SET: ("row", "column", "colour"),
    Operation.SEL: ("row", "column", "height", "width"),
    Operation.END: (),
}


def _groups() -> dict[str, range]:
    """The tokens of each group, one group after the other; heights share the tokens of rows."""
    groups = {"operation": range(NUM_OPERATIONS)}
    end = NUM_OPERATIONS
    for lowest, highest, group in KINDS.values():
        if group not in groups:
            # a picture's number is one more than those of organisms
            size = MAX_ORGANISMS + 1 if group == "organism" else highest - lowest + 1
            groups[group] = range(end, end + size)
            end += size
    return groups


TOKEN_GROUPS = _groups()
NUM_TOKENS = TOKEN_GROUPS["direction"].stop
_MAX_ARGUMENTS = max(len(kinds) for kinds in ARGUMENTS.values())


def _argument_table() -> tuple[np.ndarray, np.ndarray]:
    """For each operation and argument: token of value 0, and lowest and highest token (13, 5) and (13, 5, 2)."""
    zero = np.zeros((NUM_OPERATIONS, _MAX_ARGUMENTS), np.int64)
    reach = np.zeros((NUM_OPERATIONS, _MAX_ARGUMENTS, 2), np.int64)
    for operation, kinds in ARGUMENTS.items():
        for k, kind in enumerate(kinds):
            lowest, highest, group = KINDS[kind]
            # heights share the tokens of rows; an organism's number 0 is left to the picture
            zero[operation, k] = TOKEN_GROUPS[group].start - (0 if group == "organism" else lowest)
            reach[operation, k] = zero[operation, k] + lowest, zero[operation, k] + highest
    return zero, reach


NUM_ARGUMENTS = np.array([len(ARGUMENTS[operation]) for operation in Operation], np.int64)
ZERO_TOKEN, _TOKEN_REACH = _argument_table()
# operations of one phase may stand in any order, a later phase never before an earlier one
_PHASES = ((CROP,), (SIZE,), (GIVE, PAINT, DEL, MOVE, TURN, COPY), (RECT, RAY, SET), (SEL,), (END,))
_PHASE = np.array([number for number, operations in enumerate(_PHASES) for _ in operations], np.int64)
_PHASE_OBJECTS, _PHASE_DRAW, _PHASE_SEL = 2, 3, 4

UNITS_PER_BIT = 2**16  # costs are whole numbers, so that equal codes compare equal on every machine
_LOG2_UNITS = np.array(
    [0] + [round(float(np.log2(n)) * UNITS_PER_BIT) for n in range(1, 2 * MAX_SIDE_CELLS + 1)], np.int64
)
TURNS = np.array([[*first, *second] for first, second in SYMMETRIES.values()], np.int64)  # (8, 4) matrices
_RAY_STEPS = np.array(list(STEPS.values()), np.int64)


class Fault(IntEnum):
    """Why a token stream is refused."""

    NONE = 0
    NOT_AN_OPERATION = 1
    TOO_SHORT = 2
    WRONG_KIND = 3
    TOO_LATE = 4
    IN_SELECTION = 5
    NO_END = 6
    AFTER_END = 7
    NO_ORGANISM = 8
    TWICE = 9
    OUTSIDE = 10


_NONE, _NOT_AN_OPERATION, _TOO_SHORT, _WRONG_KIND, _TOO_LATE, _IN_SELECTION, _NO_END, _AFTER_END = map(
    int, list(Fault)[:8]
)
_NO_ORGANISM, _TWICE, _OUTSIDE = map(int, list(Fault)[8:])


@njit(cache=True)
def check_grammar(tokens):
    """Whether tokens (N,) can be read: a Fault, the token it is at, and for arguments which one it is."""
    num_tokens = len(tokens)
    at, phase, is_in_selection = 0, 0, False
    while at < num_tokens:
        operation = tokens[at]
        if operation < 0 or operation >= NUM_OPERATIONS:
            return _NOT_AN_OPERATION, at, 0
        if operation == END:
            if is_in_selection:
                is_in_selection, phase = False, _PHASE_SEL
                at += 1
                continue
            if at + 1 < num_tokens:
                return _AFTER_END, at + 1, 0
            return _NONE, at, 0
        if is_in_selection and (operation == SEL or _PHASE[operation] < _PHASE_OBJECTS):
            return _IN_SELECTION, at, 0
        # there is one CROP and one SIZE at most
        if _PHASE[operation] < phase or (_PHASE[operation] == phase == 1) or (operation == CROP and at > 0):
            return _TOO_LATE, at, 0
        phase = _PHASE[operation]
        for k in range(NUM_ARGUMENTS[operation]):
            if at + 1 + k >= num_tokens:
                return _TOO_SHORT, at, k
            token = tokens[at + 1 + k]
            if token < _TOKEN_REACH[operation, k, 0] or token > _TOKEN_REACH[operation, k, 1]:
                return _WRONG_KIND, at, k
        if operation == SEL:
            is_in_selection, phase = True, _PHASE_OBJECTS
        at += 1 + NUM_ARGUMENTS[operation]
    return _NO_END, num_tokens, 0


@njit("void(int64[::1], int64, int64, int64, int64, int64)", cache=True)
def fill_costs(costs, from_height, from_width, height, width, num_organisms):
    """Cost of each operation with its arguments, (13,) in 2^-16 bits.

    `from_` is the grid that CROP cuts or that organisms come from, the other the grid that is edited.
    """
    row, col = _LOG2_UNITS[height], _LOG2_UNITS[width]
    organism = _LOG2_UNITS[num_organisms]
    colour, eight = _LOG2_UNITS[NUM_COLOURS], _LOG2_UNITS[8]
    shift = _LOG2_UNITS[from_height + height - 1] + _LOG2_UNITS[from_width + width - 1]
    for k in range(NUM_OPERATIONS):
        costs[k] = _LOG2_UNITS[NUM_OPERATIONS]
    costs[CROP] += 2 * (_LOG2_UNITS[from_height] + _LOG2_UNITS[from_width])
    costs[SIZE] += 2 * _LOG2_UNITS[MAX_SIDE_CELLS]
    costs[GIVE] += 2 * organism
    costs[PAINT] += organism + colour
    costs[DEL] += organism
    costs[MOVE] += organism + shift
    costs[TURN] += organism + eight
    costs[COPY] += _LOG2_UNITS[num_organisms + 1] + row + col + eight
    costs[RECT] += 2 * (row + col) + colour
    costs[RAY] += row + col + eight + colour
    costs[SET] += row + col + colour
    costs[SEL] += 2 * (row + col)


@njit("UniTuple(int64, 2)(int64, int64, int64, int64, int64)", cache=True)
def turned(row, col, height, width, symmetry):
    """Where a cell of a box of height x width lies in the turned box."""
    a, b, c, d = TURNS[symmetry, 0], TURNS[symmetry, 1], TURNS[symmetry, 2], TURNS[symmetry, 3]
    to_row = a * row + b * col
    to_col = c * row + d * col
    if a + b < 0:
        to_row += (height if a != 0 else width) - 1
    if c + d < 0:
        to_col += (height if c != 0 else width) - 1
    return to_row, to_col


@njit(cache=True)
def number_organisms(grid):
    """Numbers of the organisms of a grid (H, W), int16, 0 for what cannot be named; and how many can be."""
    numbers, num_organisms = label(grid, 4)
    return _nameable(numbers, num_organisms)


@njit(cache=True)
def _nameable(numbers, num_organisms):
    if num_organisms <= MAX_ORGANISMS:
        return numbers, num_organisms
    for row in range(numbers.shape[0]):
        for col in range(numbers.shape[1]):
            if numbers[row, col] > MAX_ORGANISMS:
                numbers[row, col] = 0
    return numbers, MAX_ORGANISMS


@njit(
    [
        "uint8[:, ::1](uint8[:, ::1], int64, int64, int64, int64)",
        "int16[:, ::1](int16[:, ::1], int64, int64, int64, int64)",
    ],
    cache=True,
)
def window_of(grid, top, left, height, width):
    """A rectangle of a grid, copied."""
    window = np.empty((height, width), grid.dtype)
    for row in range(height):
        for col in range(width):
            window[row, col] = grid[top + row, left + col]
    return window


@njit("Tuple((int16[:, ::1], int64))(uint8[:, ::1], int16[:, ::1], boolean, int64, int64)", cache=True)
def organisms_of(picture, given, is_given, row, col):
    """Numbers and count of the organisms of a picture, which was cut from `given` bodies at (row, col) if there are."""
    if not is_given:
        return number_organisms(picture)
    numbers = window_of(given, row, col, picture.shape[0], picture.shape[1])
    return _nameable(numbers, max(np.int64(given.max()), 0))


@njit(cache=True)
def count_above(grid, limit):
    """How many cells of a grid hold more than `limit`; many times faster than NumPy on small grids."""
    count = 0
    for row in range(grid.shape[0]):
        for col in range(grid.shape[1]):
            count += grid[row, col] > limit
    return count


@njit(cache=True)
def first_mixed_body(grid, bodies):
    """The first body in reading order with cells of two colours; 0 if there is none."""
    colour = np.full(np.int64(bodies.max()) + 1, -1, np.int16)
    for row in range(grid.shape[0]):
        for col in range(grid.shape[1]):
            body = bodies[row, col]
            if body > 0 and colour[body] < 0:
                colour[body] = grid[row, col]
            elif body > 0 and colour[body] != grid[row, col]:
                return np.int64(body)
    return 0


@njit(cache=True)
def list_cells(numbers, num_organisms, start, cells, box):
    """Cells of organism i, as row * width + column in reading order, are cells[start[i] : start[i + 1]].

    `box` (33, 4) becomes top, left, height and width of each, all 0 if it has no cells.
    """
    height, width = numbers.shape
    for n in range(len(start)):
        start[n] = 0
    for n in range(len(box)):
        box[n, 0], box[n, 1], box[n, 2], box[n, 3] = 0, 0, 0, 0
    for row in range(height):
        for col in range(width):
            n = numbers[row, col]
            if n == 0:
                continue
            if start[n + 1] == 0:
                box[n, 0], box[n, 1] = row, col
                box[n, 3] = 1
            elif col < box[n, 1]:
                box[n, 3] += box[n, 1] - col
                box[n, 1] = col
            elif col >= box[n, 1] + box[n, 3]:
                box[n, 3] = col - box[n, 1] + 1
            box[n, 2] = row - box[n, 0] + 1
            start[n + 1] += 1
    for n in range(1, len(start)):
        start[n] += start[n - 1]
    filled = start.copy()
    for row in range(height):
        for col in range(width):
            n = numbers[row, col]
            if n > 0:
                cells[filled[n]] = row * width + col
                filled[n] += 1


# columns of the fates of organisms (33, 9): what all edits together do to each
INTO, INK, IS_GONE, IS_MOVED, ROWS, COLUMNS, IS_TURNED, SYMMETRY, LAST_AT = range(9)


@njit(cache=True)
def no_fates():
    """Fates (33, 9) under which nothing happens."""
    fates = np.zeros((MAX_ORGANISMS + 1, 9), np.int64)
    for n in range(MAX_ORGANISMS + 1):
        fates[n, INK] = -1
    return fates


@njit(cache=True)
def _put(picture_width, cells, start, box, n, top, left, symmetry, ink, canvas):
    """Put organism n down, its turned box at (top, left); False, and nothing is written, if it does not fit."""
    if start[n] == start[n + 1]:
        return True
    last_row, last_col = turned_sides(box[n, 2], box[n, 3], symmetry)
    if top < 0 or left < 0 or top + last_row > canvas.shape[0] or left + last_col > canvas.shape[1]:
        return False
    for k in range(start[n], start[n + 1]):
        row, col = cells[k] // picture_width - box[n, 0], cells[k] % picture_width - box[n, 1]
        row, col = turned(row, col, box[n, 2], box[n, 3], symmetry)
        canvas[top + row, left + col] = ink
    return True


@njit("UniTuple(int64, 2)(int64, int64, int64)", cache=True)
def turned_sides(height, width, symmetry):
    """Height and width of a turned box."""
    if TURNS[symmetry, 0] == 0:
        return width, height
    return height, width


@njit("boolean(uint8[:, ::1], int64, int64, int64, uint8[:, ::1])", cache=True)
def put_picture(picture, top, left, symmetry, canvas):
    """Put the turned picture, empty cells and all, at (top, left); False, and nothing written, if it does not fit."""
    height, width = turned_sides(picture.shape[0], picture.shape[1], symmetry)
    if top < 0 or left < 0 or top + height > canvas.shape[0] or left + width > canvas.shape[1]:
        return False
    for row in range(picture.shape[0]):
        for col in range(picture.shape[1]):
            to_row, to_col = turned(row, col, picture.shape[0], picture.shape[1], symmetry)
            canvas[top + to_row, left + to_col] = picture[row, col]
    return True


@njit("int64(uint8[:, ::1], int16[:, ::1], int64, int64[:, ::1], int64[:, ::1], int64, uint8[:, ::1])", cache=True)
def put_objects(picture, numbers, num_organisms, fates, copies, num_copies, canvas):
    """Do all edits of organisms at once, on `canvas`; the token of the edit that leaves the grid, or -1.

    `copies` (C, 5) are organism, row, column, symmetry and token; the first `num_copies` are read.
    """
    picture_height, picture_width = picture.shape
    height, width = canvas.shape
    start = np.empty(MAX_ORGANISMS + 2, np.int64)
    cells = np.empty(picture_height * picture_width, np.int64)
    box = np.empty((MAX_ORGANISMS + 1, 4), np.int64)
    list_cells(numbers, num_organisms, start, cells, box)
    ink = np.zeros(MAX_ORGANISMS + 1, np.int64)
    is_any_given = False
    for n in range(1, num_organisms + 1):
        if fates[n, INK] >= 0:
            ink[n] = fates[n, INK]
        elif start[n + 1] > start[n]:
            cell = cells[start[n]]
            ink[n] = picture[cell // picture_width, cell % picture_width]
        is_any_given = is_any_given or fates[n, INTO] > 0
    if is_any_given:
        joined = numbers.copy()
        for row in range(picture_height):
            for col in range(picture_width):
                n = numbers[row, col]
                if fates[n, INTO] > 0:
                    joined[row, col] = fates[n, INTO]
        list_cells(joined, num_organisms, start, cells, box)
    for n in range(1, num_organisms + 1):
        is_lifted = fates[n, IS_GONE] + fates[n, IS_MOVED] + fates[n, IS_TURNED] > 0
        if not is_lifted and fates[n, INK] < 0 and not is_any_given:
            continue
        for k in range(start[n], start[n + 1]):
            row, col = cells[k] // picture_width, cells[k] % picture_width
            if row < height and col < width:
                canvas[row, col] = 0 if is_lifted else ink[n]
    for n in range(1, num_organisms + 1):
        if fates[n, IS_GONE] > 0 or fates[n, IS_MOVED] + fates[n, IS_TURNED] == 0:
            continue
        top, left = box[n, 0] + fates[n, ROWS], box[n, 1] + fates[n, COLUMNS]
        if not _put(picture_width, cells, start, box, n, top, left, fates[n, SYMMETRY], ink[n], canvas):
            return fates[n, LAST_AT]
    for k in range(num_copies):
        n, top, left, symmetry = copies[k, 0], copies[k, 1], copies[k, 2], copies[k, 3]
        if n == 0:
            if not put_picture(picture, top, left, symmetry, canvas):
                return copies[k, 4]
        elif not _put(picture_width, cells, start, box, n, top, left, symmetry, ink[n], canvas):
            return copies[k, 4]
    return -1


@njit("int64(int16[::1], int64, int64)", cache=True)
def argument(tokens, at, k):
    """Value of argument k of the operation at token `at`."""
    return np.int64(tokens[at + 1 + k]) - ZERO_TOKEN[tokens[at], k]


@njit(cache=True)
def run_block(picture, numbers, num_organisms, canvas, tokens, at, costs):
    """Objects, then drawing, on `canvas`, until SEL or END: Fault, token, and the units of all edits."""
    height, width = canvas.shape
    units = 0
    fates = no_fates()
    copies = np.empty((len(tokens) // 5 + 1, 5), np.int64)
    num_copies = 0
    is_any = False
    while _PHASE[tokens[at]] == _PHASE_OBJECTS:
        operation, n = tokens[at], argument(tokens, at, 0)
        units += costs[operation]
        is_any = True
        if n > num_organisms:
            return _NO_ORGANISM, at, n
        if operation == GIVE:
            other = argument(tokens, at, 1)
            if other > num_organisms:
                return _NO_ORGANISM, at, other
            if fates[n, INTO] == 0 or other < fates[n, INTO]:
                fates[n, INTO] = other
        elif operation == PAINT:
            if fates[n, INK] >= 0:
                return _TWICE, at, n
            fates[n, INK] = argument(tokens, at, 1)
        elif operation == DEL:
            if fates[n, IS_GONE] > 0:
                return _TWICE, at, n
            fates[n, IS_GONE] = 1
        elif operation == MOVE:
            if fates[n, IS_MOVED] > 0:
                return _TWICE, at, n
            fates[n, IS_MOVED] = 1
            fates[n, ROWS], fates[n, COLUMNS] = argument(tokens, at, 1), argument(tokens, at, 2)
            fates[n, LAST_AT] = at
        elif operation == TURN:
            if fates[n, IS_TURNED] > 0:
                return _TWICE, at, n
            fates[n, IS_TURNED] = 1
            fates[n, SYMMETRY] = argument(tokens, at, 1)
            fates[n, LAST_AT] = at
        else:
            for k in range(4):
                copies[num_copies, k] = argument(tokens, at, k)
            copies[num_copies, 4] = at
            num_copies += 1
        at += 1 + NUM_ARGUMENTS[operation]
    if is_any:
        outside = put_objects(picture, numbers, num_organisms, fates, copies, num_copies, canvas)
        if outside >= 0:
            return _OUTSIDE, outside, 0
    if _PHASE[tokens[at]] == _PHASE_DRAW:
        snapshot = canvas.copy()
        while _PHASE[tokens[at]] == _PHASE_DRAW:
            operation = tokens[at]
            units += costs[operation]
            row, col = argument(tokens, at, 0), argument(tokens, at, 1)
            colour = argument(tokens, at, NUM_ARGUMENTS[operation] - 1)
            if row >= height or col >= width:
                return _OUTSIDE, at, 0
            if operation == RECT:
                to_row, to_col = row + argument(tokens, at, 2), col + argument(tokens, at, 3)
                if to_row > height or to_col > width:
                    return _OUTSIDE, at, 0
                for i in range(row, to_row):
                    for j in range(col, to_col):
                        canvas[i, j] = colour
            elif operation == SET:
                canvas[row, col] = colour
            else:
                ray(snapshot, row, col, argument(tokens, at, 2), colour, canvas)
            at += 1 + NUM_ARGUMENTS[operation]
    return _NONE, at, units


@njit(cache=True)
def ray(snapshot, row, col, direction, colour, canvas):
    """Colour a cell and go on as long as the snapshot shows what it shows there."""
    d_row, d_col = _RAY_STEPS[direction, 0], _RAY_STEPS[direction, 1]
    ground = snapshot[row, col]
    while 0 <= row < snapshot.shape[0] and 0 <= col < snapshot.shape[1] and snapshot[row, col] == ground:
        canvas[row, col] = colour
        row += d_row
        col += d_col


@njit(cache=True)
def run(before, given, is_given, tokens, sides):
    """Decode tokens that passed `check_grammar`: Fault, token, units or what is wrong, and the grid.

    `sides` becomes the height and width of the grid that the edit at fault had to keep within.
    """
    costs = np.empty(NUM_OPERATIONS, np.int64)
    at, units, top, left = 0, 0, 0, 0
    picture = before.copy()
    sides[0], sides[1] = before.shape[0], before.shape[1]
    fill_costs(costs, before.shape[0], before.shape[1], before.shape[0], before.shape[1], 0)
    if tokens[at] == CROP:
        top, left = argument(tokens, at, 0), argument(tokens, at, 1)
        height, width = argument(tokens, at, 2), argument(tokens, at, 3)
        if top + height > before.shape[0] or left + width > before.shape[1]:
            return _OUTSIDE, at, 0, picture
        picture = window_of(before, top, left, height, width)
        units += costs[CROP]
        at += 5
    canvas = picture.copy()
    if tokens[at] == SIZE:
        height, width = argument(tokens, at, 0), argument(tokens, at, 1)
        canvas = resized(picture, height, width)
        units += costs[SIZE]
        at += 3
    sides[0], sides[1] = canvas.shape[0], canvas.shape[1]
    numbers, num_organisms = organisms_of(picture, given, is_given, top, left)
    fill_costs(costs, picture.shape[0], picture.shape[1], canvas.shape[0], canvas.shape[1], num_organisms)
    fault, at, value = run_block(picture, numbers, num_organisms, canvas, tokens, at, costs)
    if fault != _NONE:
        return fault, at, value, canvas
    units += value
    select_costs = np.empty(NUM_OPERATIONS, np.int64)
    while tokens[at] == SEL:
        top, left = argument(tokens, at, 0), argument(tokens, at, 1)
        height, width = argument(tokens, at, 2), argument(tokens, at, 3)
        if top + height > canvas.shape[0] or left + width > canvas.shape[1]:
            return _OUTSIDE, at, 0, canvas
        selected = window_of(canvas, top, left, height, width)
        edited = selected.copy()
        numbers, num_organisms = number_organisms(selected)
        fill_costs(select_costs, height, width, height, width, num_organisms)
        fault, at, value = run_block(selected, numbers, num_organisms, edited, tokens, at + 5, select_costs)
        if fault != _NONE:
            sides[0], sides[1] = height, width
            return fault, at, value, canvas
        put_picture(edited, top, left, 0, canvas)
        units += costs[SEL] + value + costs[END]
        at += 1
    return _NONE, at, units + costs[END], canvas


@njit(cache=True)
def resized(picture, height, width):
    """The picture in the upper left corner of height x width cells; what does not fit is cut, what is new is empty."""
    canvas = np.zeros((height, width), np.uint8)
    for row in range(min(height, picture.shape[0])):
        for col in range(min(width, picture.shape[1])):
            canvas[row, col] = picture[row, col]
    return canvas
