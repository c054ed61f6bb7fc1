"""Edits of colour grids as tokens: a lossless, canonical code for every pair of grids, and its reader.

A code is a flat array of int16 that turns the grid `before` into the grid `after`. The tokens form one vocabulary of
NUM_TOKENS values in groups (TOKEN_GROUPS): operations, positions, shifts, colours, organisms, symmetries, directions.
It is written phase by phase and ends with END:

    CROP row column height width       1. the picture is this window of `before`, otherwise all of it
    SIZE height width                     the grid that is edited has this size: the picture lies in its upper left
                                          corner, what does not fit is cut, what is new is empty
    GIVE organism organism             2. the cells of the first join the second
    PAINT organism colour                 another colour for all of its cells
    DEL organism                          its cells become empty
    MOVE organism rows columns            down and right if positive
    TURN organism symmetry                within its bounding box, whose upper left corner stays
    COPY organism row column symmetry     turned, with the upper left corner of its bounding box at (row, column)
    RECT row column height width colour 3. fill a rectangle
    RAY row column direction colour       colour a cell and go on over what it was, until something else or the edge
    SET row column colour                 one cell
    SEL row column height width ... END 4. phases 2 and 3 within a rectangle, positions relative to it

Organisms are the 4-connected one-colour components of the picture, numbered from 1 by their first cell in reading
order; from 33 on they have no name and are edited by cells. They are what the picture shows, whatever SIZE does. Where
bodies are known, as in simulated worlds, those take the place of components (`organisms`), each under its own number;
the colours are still those of the grid. COPY may also name 0, the whole picture with its empty cells.

Phase 2 is one change, and its edits may stand in any order. First all GIVEs at once: cells join what the other *was*,
so that if a is given to b and b to c, the cells of a are now b's and those of b are c's; of two claims on one organism
that of the lower number holds. Then organisms named by DEL, MOVE or TURN are lifted, and others recoloured where they
lie. Then those moved or turned are put down by number, turned before they are moved, and after them the copies in the
order of the code; what comes later covers what lies there. A deleted organism is not put down, but may be copied.
Nothing may reach beyond the grid, and PAINT, DEL, MOVE and TURN name an organism once at most.

Phase 3 goes in order, but every RAY looks at the grid as it was before the phase. In phase 4 each SEL sees what those
before it left, numbers the components in it anew, even where bodies are known, and holds no other SEL.

`encode` is canonical: it depends on the pair alone, and writes edits by operation, then by organism or in reading order
(copies by the first cell that each explains; the box that some codes paint first precedes all other rectangles). Of the
codes it finds it keeps the one of fewest bits, and of equal ones the first found; see `code_bits` and
`world.edit_search`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from world import edit_rules
from world.codes import COLOUR_NAMES
from world.edit_rules import (
    ARGUMENTS,
    KINDS,
    MAX_SIDE_CELLS,
    NUM_COLOURS,
    NUM_TOKENS,
    TOKEN_GROUPS,
    UNITS_PER_BIT,
    ZERO_TOKEN,
    Fault,
    Operation,
)
from world.edit_search import MAX_TOKENS, shortest
from world.symmetry import STEPS, SYMMETRIES

__all__ = [
    "ARGUMENTS",
    "NUM_TOKENS",
    "TOKEN_GROUPS",
    "GridEdit",
    "Operation",
    "code_bits",
    "decode",
    "decode_values",
    "describe",
    "encode",
    "join",
    "parse",
]

_PLAIN: list[Literal["C", "W"]] = [
    "C",
    "W",
]  # kernels are compiled for writeable arrays alone, though they write to none of these
_NO_BODIES = np.zeros((1, 1), np.int16)


class GridEdit(NamedTuple):
    """One edit of a code; the arguments are values, not tokens, in the order of ARGUMENTS."""

    operation: Operation
    arguments: tuple[int, ...]


def encode(before: np.ndarray, after: np.ndarray, organisms: np.ndarray | None = None) -> np.ndarray:
    """The canonical code (N,) int16 that leads from `before` to `after`, both (H, W) uint8 of sides 1 to 30.

    `organisms` (H, W) are the bodies of `before`, 0 for none, instead of its components. If the sizes are equal there
    are at most 1 + 4 tokens for each cell that differs. ValueError if an array is none of these.

    >>> before = np.array([[3, 3, 0], [0, 0, 0]], np.uint8)
    >>> describe(encode(before, np.array([[0, 0, 0], [0, 3, 3]], np.uint8)), before)
    ['organism 1 (green) moves 1 down and 1 right']
    """
    before, after = checked_grid(before, "before"), checked_grid(after, "after")
    bodies, is_given = _checked_bodies(before, organisms)
    tokens = np.empty(MAX_TOKENS, np.int16)
    return tokens[: shortest(before, after, bodies, is_given, tokens)].copy()


def decode(before: np.ndarray, tokens: np.ndarray, organisms: np.ndarray | None = None) -> np.ndarray:
    """The grid (H, W) uint8 to which a code leads; see the module's docstring for what each edit does.

    `before` is left as it was. ValueError says at which token a code cannot be read or leaves the grid.
    """
    return _run(before, tokens, organisms)[0]


def decode_values(before: np.ndarray, tokens: np.ndarray, organisms: np.ndarray) -> np.ndarray:
    """As `decode`, for a grid of any values (H, W) uint8, not of colours: where bodies go, for example."""
    before = np.require(before, np.uint8, ("C", "W"))
    bodies, is_given = _checked_bodies(before, organisms)
    return _run_checked(before, bodies, is_given, tokens)[0]


def code_bits(tokens: np.ndarray, before: np.ndarray, organisms: np.ndarray | None = None) -> float:
    """Length of a code in bits, if each of its tokens is one of those that could stand there, all equally likely.

    Who reads a code knows `before`, so an argument costs log2 of its range there: rows and heights log2(H) and columns
    and widths log2(W) of the grid or selection, shifts log2(2 H - 1) and log2(2 W - 1), organisms log2 of how many can
    be named (for COPY one more; bodies count up to the highest number), colours log2(11), symmetries and directions
    3 bits, each side in SIZE log2(30), each operation and END log2(13). To within 1e-3 bits.
    """
    return _run(before, tokens, organisms)[1]


def join(edits: list[GridEdit]) -> np.ndarray:
    """The tokens (N,) int16 of a list of edits, its last END added if it is missing; ValueError if they form no code.

    >>> parse(join([GridEdit(Operation.MOVE, (1, 0, -2))]))[0]
    GridEdit(operation=<Operation.MOVE: 5>, arguments=(1, 0, -2))
    """
    tokens: list[int] = []
    for operation, arguments in edits:
        kinds = ARGUMENTS[operation]
        if len(arguments) != len(kinds):
            raise ValueError(f"{operation.name} needs {len(kinds)} arguments, got {len(arguments)}")
        for kind, value in zip(kinds, arguments, strict=True):
            lowest, highest, _ = KINDS[kind]
            if not lowest <= value <= highest:
                raise ValueError(f"the {kind} of {operation.name} must be in [{lowest}, {highest}], got {value}")
        tokens.append(operation)
        tokens += [int(ZERO_TOKEN[operation, k]) + value for k, value in enumerate(arguments)]
    if not edits or edits[-1].operation != Operation.END or _num_open(edits) > 0:
        tokens.append(Operation.END)
    return _checked_tokens(np.array(tokens))


def _num_open(edits: list[GridEdit]) -> int:
    """Selections that are begun and codes that are not ended; 0 if the list is a whole code."""
    operations = [edit.operation for edit in edits]
    return operations.count(Operation.SEL) + 1 - operations.count(Operation.END)


def parse(tokens: np.ndarray) -> list[GridEdit]:
    """A code as edits, the ENDs of selections and its own included; ValueError says at which token it goes wrong."""
    values = _checked_tokens(tokens).tolist()
    edits = []
    at = 0
    while at < len(values):
        operation = Operation(values[at])
        num_arguments = len(ARGUMENTS[operation])
        arguments = tuple(values[at + 1 + k] - int(ZERO_TOKEN[operation, k]) for k in range(num_arguments))
        edits.append(GridEdit(operation, arguments))
        at += 1 + num_arguments
    return edits


def checked_grid(grid: np.ndarray, name: str) -> np.ndarray:
    """The grid (H, W) as uint8, in one layout; ValueError, which calls it by its name, if it is none."""
    grid = np.asarray(grid)
    if grid.ndim != 2 or not (0 < grid.shape[0] <= MAX_SIDE_CELLS and 0 < grid.shape[1] <= MAX_SIDE_CELLS):
        raise ValueError(f"`{name}` must be a grid with sides of 1 to {MAX_SIDE_CELLS} cells, got shape {grid.shape}")
    if grid.dtype.kind not in "iu":
        raise ValueError(f"`{name}` must hold whole numbers, got {grid.dtype}")
    if grid.dtype != np.uint8:
        # what does not fit into a byte is no colour
        grid = np.where((grid < 0) | (grid >= NUM_COLOURS), NUM_COLOURS, grid)
    grid = np.require(grid, np.uint8, _PLAIN)
    wrong = edit_rules.count_above(grid, NUM_COLOURS - 1)
    if wrong:
        raise ValueError(f"`{name}` must hold colours in [0, {NUM_COLOURS - 1}], but {wrong} cells do not")
    return grid


def _checked_bodies(before: np.ndarray, organisms: np.ndarray | None) -> tuple[np.ndarray, bool]:
    """Bodies (H, W) int16, or one that is not read, and whether there are any."""
    if organisms is None:
        return _NO_BODIES, False
    organisms = np.asarray(organisms)
    if organisms.shape != before.shape or organisms.dtype.kind not in "iu":
        raise ValueError(
            f"`organisms` must be whole numbers of shape {before.shape}, got {organisms.dtype} {organisms.shape}"
        )
    if organisms.min() < 0 or organisms.max() > np.iinfo(np.int16).max:
        raise ValueError(f"`organisms` must be 0 or body numbers, got {organisms.min()} to {organisms.max()}")
    bodies = np.require(organisms, np.int16, _PLAIN)
    mixed = edit_rules.first_mixed_body(before, bodies)
    if mixed:
        raise ValueError(f"each body must have one colour, but body {mixed} has several")
    return bodies, True


def _checked_tokens(tokens: np.ndarray) -> np.ndarray:
    """Tokens (N,) int16 that form a code; whether they stay within a grid is not known yet."""
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or (len(tokens) and tokens.dtype.kind not in "iu"):
        raise ValueError(f"a code must be a flat array of whole numbers, got {tokens.dtype} of shape {tokens.shape}")
    wide = np.require(tokens, np.int64, _PLAIN)
    fault, at, k = edit_rules.check_grammar(wide)
    if fault:
        raise ValueError(_grammar_told(Fault(fault), wide, at, k))
    return wide.astype(np.int16)


def _grammar_told(fault: Fault, tokens: np.ndarray, at: int, k: int) -> str:
    """What is wrong at token `at`, with its argument k."""
    if fault == Fault.NO_END:
        return f"the code must close with END, but stops after token {at - 1}"
    if fault == Fault.NOT_AN_OPERATION:
        return f"token {at} must be an operation (0 to {len(Operation) - 1}), got {tokens[at]}"
    if fault == Fault.AFTER_END:
        return f"the code ends at token {at - 1}, but token {at} ({tokens[at]}) follows"
    operation = Operation(int(tokens[at]))
    kinds = ARGUMENTS[operation]
    if fault == Fault.TOO_SHORT:
        return f"{operation.name} at token {at} needs {len(kinds)} arguments, got {k}"
    if fault == Fault.WRONG_KIND:
        lowest, highest, _ = KINDS[kinds[k]]
        zero = ZERO_TOKEN[operation, k]
        return (
            f"token {at + 1 + k} must be the {kinds[k]} of {operation.name} ({zero + lowest} to {zero + highest}), "
            f"got {tokens[at + 1 + k]}"
        )
    if fault == Fault.IN_SELECTION:
        return f"{operation.name} at token {at} cannot stand in a selection"
    return f"{operation.name} at token {at} comes too late, after an edit of a later phase"


def _run(before: np.ndarray, tokens: np.ndarray, organisms: np.ndarray | None) -> tuple[np.ndarray, float]:
    """The grid to which a code leads, and its bits."""
    before = checked_grid(before, "before")
    bodies, is_given = _checked_bodies(before, organisms)
    return _run_checked(before, bodies, is_given, tokens)


def _run_checked(
    before: np.ndarray, bodies: np.ndarray, is_given: bool, tokens: np.ndarray
) -> tuple[np.ndarray, float]:
    tokens = _checked_tokens(tokens)
    sides = np.zeros(2, np.int64)
    fault, at, value, grid = edit_rules.run(before, bodies, is_given, tokens, sides)
    if fault:
        name = Operation(int(tokens[at])).name
        height, width = sides.tolist()
        if fault == Fault.NO_ORGANISM:
            raise ValueError(f"{name} at token {at} names organism {value}, which is not there")
        if fault == Fault.TWICE:
            raise ValueError(f"{name} at token {at} names organism {value} for the second time")
        raise ValueError(f"{name} at token {at} goes beyond the grid of {height} x {width} cells")
    return grid, value / UNITS_PER_BIT


def describe(
    tokens: np.ndarray,
    before: np.ndarray,
    organisms: np.ndarray | None = None,
    names: Mapping[int, str] | None = None,
) -> list[str]:
    """One readable line for each edit, rows and columns counted from 1; ValueError as by `decode`.

    `names` are those of organisms, outside of selections; others go by number and colour.
    """
    decode(before, tokens, organisms)
    edits = parse(tokens)
    grid = checked_grid(before, "before")
    colours = _organism_colours(grid, organisms)
    lines = []
    indent = ""
    called = dict(names or {})
    for at, (operation, arguments) in enumerate(edits):
        if operation == Operation.CROP:
            row, column, height, width = arguments
            window = np.s_[row : row + height, column : column + width]
            colours = _organism_colours(grid[window], None if organisms is None else np.asarray(organisms)[window])
        elif operation == Operation.SEL:
            row, column, height, width = arguments
            reached = decode(grid, join(edits[:at]), organisms)
            called = {}  # in a selection organisms have numbers of their own
            colours = _organism_colours(reached[row : row + height, column : column + width], None)
        if operation == Operation.END:
            indent = ""
            continue
        lines.append(indent + _line(operation, arguments, colours, called))
        if operation == Operation.SEL:
            indent = "  "
    return lines


def _organism_colours(grid: np.ndarray, organisms: np.ndarray | None) -> dict[int, int]:
    """The colour of each organism that can be named."""
    numbers = edit_rules.number_organisms(np.ascontiguousarray(grid))[0] if organisms is None else np.asarray(organisms)
    return {int(number): int(grid[numbers == number][0]) for number in np.unique(numbers[numbers > 0])}


def _line(operation: Operation, arguments: tuple[int, ...], colours: dict[int, int], called: Mapping[int, str]) -> str:
    """One edit in words."""
    kinds = ARGUMENTS[operation]

    def name(number: int) -> str:
        if number == 0:
            return "the picture"
        if number in called:
            return called[number]
        # a body that this grid does not show has a number but no colour
        return f"organism {number} ({COLOUR_NAMES[colours[number]]})" if number in colours else f"organism {number}"

    values = dict(zip(kinds, arguments, strict=True))
    place = f"row {values.get('row', 0) + 1}, column {values.get('column', 0) + 1}"
    area = f"{values.get('height', 0)} x {values.get('width', 0)} cells"
    colour = COLOUR_NAMES[values.get("colour", 0)]
    symmetry = list(SYMMETRIES)[values.get("symmetry", 0)].replace("_", " ")
    direction = list(STEPS)[values.get("direction", 0)].replace("_", " and ")
    if operation == Operation.MOVE:
        rows, columns = arguments[1:]
        ways = [("down" if rows > 0 else "up", abs(rows)), ("right" if columns > 0 else "left", abs(columns))]
        way = " and ".join(f"{distance} {toward}" for toward, distance in ways if distance)
        return f"{name(arguments[0])} moves {way or 'by nothing'}"
    if operation == Operation.GIVE:
        return f"{name(arguments[0])} joins {name(arguments[1])}"
    return {
        Operation.CROP: f"the picture is {area} from {place}",
        Operation.SIZE: f"the grid becomes {area}",
        Operation.PAINT: f"{name(arguments[0])} turns {colour}",
        Operation.DEL: f"{name(arguments[0])} vanishes",
        Operation.TURN: f"{name(arguments[0])} is turned: {symmetry}",
        Operation.COPY: f"{name(arguments[0])} is copied to {place}"
        + (f": {symmetry}" if values.get("symmetry") else ""),
        Operation.RECT: f"{area} from {place} become {colour}",
        Operation.RAY: f"a ray from {place} goes {direction} in {colour}",
        Operation.SET: f"{place} becomes {colour}",
        Operation.SEL: f"within {area} from {place}:",
    }[operation]
