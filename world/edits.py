"""Edits: the difference between two states of a world as tokens, so that a recording is a start and a stream of edits.

A token stream is a flat array of int16. Each edit is an operation and its arguments:

    MOVE body rows columns      the whole body, down and right if positive
    PAINT body colour
    SET row column body         one cell, for whatever the others do not cover; body 0 empties it

Lossless for every pair of states of one size: `apply(before, encode(before, after))` has the same cells and colours.
Canonical: by operation, then by body or in reading order.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from world.state import BOXLING_COLOUR, Worlds

COLOUR_NAMES = (
    "empty", "blue", "red", "green", "yellow", "grey", "pink", "orange", "sky", "maroon", "boxling",
)  # fmt: skip


class Edit(IntEnum):
    """Operations; the number of arguments of each is in NUM_ARGUMENTS."""

    MOVE = 1
    PAINT = 2
    SET = 3


NUM_ARGUMENTS = {Edit.MOVE: 3, Edit.PAINT: 2, Edit.SET: 3}


def encode(before: Worlds, after: Worlds) -> list[np.ndarray]:
    """What changed in each of B worlds: B token streams (int16)."""
    if before.owner.shape != after.owner.shape or before.colour.shape != after.colour.shape:
        raise ValueError(
            f"edits need two states of one size, got cells {before.owner.shape} and {after.owner.shape}, "
            f"bodies {before.colour.shape} and {after.colour.shape}"
        )
    return [_encode_one(before.owner[b], after.owner[b], before.colour[b], after.colour[b]) for b in range(len(before))]


def _encode_one(
    old_owner: np.ndarray, new_owner: np.ndarray, old_colour: np.ndarray, new_colour: np.ndarray
) -> np.ndarray:
    tokens: list[int] = []
    built = old_owner.copy()
    if not np.array_equal(old_owner, new_owner):
        shifts = {}
        for body in np.unique(old_owner[old_owner != new_owner]):
            was, now = np.argwhere(old_owner == body), np.argwhere(new_owner == body)
            if body and len(was) == len(now) and len(np.unique(now - was, axis=0)) == 1:
                shifts[int(body)] = (int(now[0, 0] - was[0, 0]), int(now[0, 1] - was[0, 1]))
        built = _move(old_owner, shifts)
        for body, shift in shifts.items():
            tokens += [Edit.MOVE, body, *shift]
    for body in np.flatnonzero(old_colour != new_colour):
        tokens += [Edit.PAINT, int(body), int(new_colour[body])]
    for row, column in np.argwhere(built != new_owner):
        tokens += [Edit.SET, int(row), int(column), int(new_owner[row, column])]
    return np.array(tokens, np.int16)


def _move(owner: np.ndarray, shifts: dict[int, tuple[int, int]]) -> np.ndarray:
    """All shifts at once: bodies are lifted before any is put down."""
    moved = owner.copy()
    moved[np.isin(owner, list(shifts))] = 0
    for body, shift in shifts.items():
        rows, columns = np.nonzero(owner == body)
        moved[rows + shift[0], columns + shift[1]] = body
    return moved


def parse(tokens: np.ndarray) -> list[tuple[Edit, tuple[int, ...]]]:
    """A token stream as operations with arguments; ValueError says at which token it goes wrong."""
    edits = []
    at = 0
    values = [int(token) for token in tokens]
    while at < len(values):
        if values[at] not in NUM_ARGUMENTS:
            raise ValueError(f"edit token {at} must be an operation (1 to {len(Edit)}), got {values[at]}")
        edit = Edit(values[at])
        arguments = tuple(values[at + 1 : at + 1 + NUM_ARGUMENTS[edit]])
        if len(arguments) < NUM_ARGUMENTS[edit]:
            raise ValueError(f"{edit.name} at token {at} needs {NUM_ARGUMENTS[edit]} arguments, got {len(arguments)}")
        edits.append((edit, arguments))
        at += 1 + len(arguments)
    return edits


def apply(state: Worlds, edits: list) -> Worlds:
    """The states after these edits, one token stream for each world; `state` is left as it was."""
    if len(edits) != len(state):
        raise ValueError(f"expected one stream of edits for each of {len(state)} worlds, got {len(edits)}")
    after = state.copy()
    for b, tokens in enumerate(edits):
        operations = parse(tokens)
        _check(operations, after.owner[b], after.colour.shape[1])
        shifts = {arguments[0]: (arguments[1], arguments[2]) for edit, arguments in operations if edit == Edit.MOVE}
        after.owner[b] = _move(after.owner[b], shifts)
        for edit, arguments in operations:
            if edit == Edit.PAINT:
                after.colour[b, arguments[0]] = arguments[1]
            elif edit == Edit.SET:
                after.owner[b, arguments[0], arguments[1]] = arguments[2]
        for a, body in enumerate(after.agent_body[b]):
            cells = np.argwhere(after.owner[b] == body)
            after.position_rc[b, a] = cells[0] if body and len(cells) else -1
    return after


def _check(operations: list[tuple[Edit, tuple[int, ...]]], owner: np.ndarray, num_bodies: int) -> None:
    """Refuse edits that point outside the world whose cells are `owner` (H, W)."""
    height, width = owner.shape
    for edit, arguments in operations:
        body = arguments[2] if edit == Edit.SET else arguments[0]
        lowest = 1 if edit == Edit.MOVE else 0  # emptiness does not move
        if not lowest <= body < num_bodies:
            raise ValueError(f"{edit.name} must name a body in [{lowest}, {num_bodies - 1}], got {body}")
        if edit == Edit.MOVE:
            cells = np.argwhere(owner == body) + arguments[1:]
            if ((cells < 0) | (cells >= (height, width))).any():
                raise ValueError(
                    f"MOVE must keep body {body} within {height} x {width} cells, got a move by {arguments[1:]}"
                )
        elif edit == Edit.PAINT and not 0 <= arguments[1] <= BOXLING_COLOUR:
            raise ValueError(f"PAINT must name a colour in [0, {BOXLING_COLOUR}], got {arguments[1]}")
        elif edit == Edit.SET and not (0 <= arguments[0] < height and 0 <= arguments[1] < width):
            raise ValueError(f"SET must name a cell of {height} x {width}, got {arguments[:2]}")


def describe(tokens: np.ndarray, colours: np.ndarray) -> list[str]:
    """One readable line for each edit; `colours` (K,) are those of the world's bodies."""
    lines = []
    for edit, arguments in parse(tokens):
        if edit == Edit.MOVE:
            rows, columns = arguments[1:]
            ways = [("down" if rows > 0 else "up", abs(rows)), ("right" if columns > 0 else "left", abs(columns))]
            way = " and ".join(f"{distance} {name}" for name, distance in ways if distance)
            lines.append(f"{_name(arguments[0], colours)} moves {way}")
        elif edit == Edit.PAINT:
            lines.append(f"{_name(arguments[0], colours)} turns {COLOUR_NAMES[arguments[1]]}")
        else:
            row, column, body = arguments
            lines.append(f"row {row + 1}, column {column + 1} becomes {_name(body, colours) if body else 'empty'}")
    return lines


def _name(body: int, colours: np.ndarray) -> str:
    colour = COLOUR_NAMES[int(colours[body])]
    return "the walls" if body == 1 else colour if colour == "boxling" else f"{colour} box"
