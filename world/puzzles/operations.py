"""The steps of programs, with their parameters set: `OPERATIONS` names each, with its family and layer.

The number of a step is its place there. The order is part of no contract: programs are stored by their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from world.puzzles.features import MAX_CELLS, SIDE
from world.puzzles.kernels import BOARDS, apply


@dataclass(frozen=True)
class Operation:
    """One step: the kernel's number, its two parameters, its name, and the family that it belongs to."""

    kernel: int
    a: int
    b: int
    name: str
    family: str
    layer: str  # dynamics, objects or grid


_TURNS = (
    "turn half round",
    "mirror left to right",
    "mirror top to bottom",
    "transpose",
    "turn clockwise",
    "turn counter-clockwise",
    "transpose the other way",
)
_WAYS = ("objects by edges", "objects by corners", "objects of any colours")
_CHOSEN = (
    "largest", "smallest", "largest in its box", "smallest in its box", "topmost", "lowest", "leftmost", "rightmost",
    "most colourful",
    "least colourful", "with most holes", "with fewest holes", "of the commonest shape", "of the rarest shape",
    "of the commonest colour",
    "of the rarest colour", "most symmetric", "unsymmetric", "densest", "sparsest", "with most other cells", "only",
)  # fmt: skip
_DOWN = ("down", "up", "to the right", "to the left")


def _book() -> list[Operation]:
    book: list[Operation] = []

    def add(kernel: int, a: int, b: int, name: str, family: str, layer: str) -> None:
        book.append(Operation(kernel, a, b, name, family, layer))

    for s, name in enumerate(_TURNS, 1):
        add(0, s, 0, name, "turn", "grid")
    for k, board in enumerate(BOARDS):
        plain = not board[2:].any()
        add(
            1,
            k,
            0,
            f"tile {board[0]} by {board[1]}"
            + ("" if plain else f", turned as {'-'.join(map(str, board[2 : 2 + board[0] * board[1]]))}"),
            "tile" if plain else "mirror",
            "grid",
        )
    for k in (2, 3, 4):
        add(2, k, k, f"scale by {k}", "scale", "grid")
    add(2, 1, 2, "scale by 1 and 2", "scale", "grid")
    add(2, 2, 1, "scale by 2 and 1", "scale", "grid")
    add(3, 0, 0, "shrink blocks to cells", "shrink", "grid")
    for k, name in enumerate(("that repeat", "that are empty", "of one colour")):
        add(4, k, 0, f"drop lines {name}", "drop lines", "grid")
    for across in (0, 1):
        for number in (2, 3, 4):
            for which in range(number):
                add(
                    5,
                    across * 100 + number,
                    which,
                    f"part {which + 1} of {number} {'across' if across else 'down'}",
                    "part",
                    "grid",
                )
    for b, name in enumerate(("", ", without its rim")):
        add(6, 0, b, f"crop what is coloured{name}", "crop", "grid")
        for colour in range(1, 10):
            add(6, colour, b, f"crop the box of colour {colour}{name}", "crop", "grid")
        for k, word in enumerate(("commonest", "rarest")):
            add(7, k, b, f"crop the box of the {word} colour{name}", "crop", "grid")
    for way, seen in enumerate(_WAYS):
        for k, chosen in enumerate(_CHOSEN):
            if k in (8, 9, 20) and way < 2:
                continue
            add(8, way * 100 + k, 0, f"crop to the {chosen} of {seen}", "crop an object", "objects")
            if k < 20 or k == 21:
                add(8, way * 100 + k, 1, f"crop the {chosen} of {seen} alone", "crop an object", "objects")
            if k < 20:
                add(9, way * 100 + k, 0, f"keep the {chosen} of {seen}", "keep", "objects")
                add(9, way * 100 + k, 1, f"delete the {chosen} of {seen}", "delete", "objects")
    for k, name in enumerate(("fullest panel", "emptiest panel", "panel unlike the others", "most colourful panel")):
        add(10, k, 0, f"the {name}", "panel", "objects")
    for k, name in enumerate(("a cell a panel", "a cell a full panel", "a cell a fullest panel"), 4):
        add(10, k, 0, name, "panels to cells", "objects")
    for row, col in ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (2, 2)):
        add(11, row, col, f"the panel in row {row + 1}, column {col + 1}", "part", "grid")
    for k, name in enumerate(_DOWN):
        add(12, k, 0, f"cells fall {name}", "pour", "dynamics")
    for way in (0, 1, 2):
        for k, name in enumerate(_DOWN):
            add(13, k, way * 10, f"{_WAYS[way]} fall {name}", "fall", "dynamics")
    for k in range(4):
        for fixed in (5, 8):
            add(13, k, fixed, f"objects by edges fall {_DOWN[k]}, colour {fixed} stays", "fall", "dynamics")
    for way in (0, 1, 2):
        for b in (0, 1):
            add(
                14, way, b, f"{_WAYS[way]} slide to the largest" + (", others vanish" if b else ""), "slide", "dynamics"
            )
    for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (0, 2), (2, 0), (0, 3), (3, 0), (0, -2), (-2, 0)):
        for b in (0, 1):
            add(
                15,
                (dr + 50) * 100 + dc + 50,
                b,
                f"shift by {dr} down, {dc} right" + (", around the edge" if b else ""),
                "shift",
                "grid",
            )
    for k, name in enumerate(("in rows", "in columns", "in rows and columns", "on diagonals", "any way")):
        add(16, k, 0, f"join cells of a colour {name}", "join", "grid")
    for bits, name in (
        (1, "right"),
        (2, "down"),
        (4, "left"),
        (8, "up"),
        (5, "left and right"),
        (10, "up and down"),
        (15, "along edges"),
        (240, "along diagonals"),
        (255, "all ways"),
        (144, "down right and up left"),
        (96, "down left and up right"),
    ):
        for b in (0, 1):
            add(17, bits, b, f"rays {name}" + (", past others" if b else ""), "rays", "grid")
    for k, name in enumerate(("fill what is enclosed", "fill boxes of objects", "fill what is enclosed by corners")):
        add(18, k, 0, name, "fill", "grid")
    for a in (0, 1):
        add(19, a, 0, f"outline by {'corners' if a else 'edges'}", "outline", "objects")
    for k, name in enumerate(
        (
            "coloured cell",
            "empty cell",
            "cell of the commonest colour",
            "cell of the rarest colour",
            "coloured cell, of its colour",
        )
    ):
        add(20, k, 0, f"a copy for each {name}", "fractal", "grid")
    for k, name in ((0, "commonest"), (1, "rarest"), (2, "commonest of all")):
        add(21, k, 0, f"swap empty and the {name} colour", "swap", "grid")
    for colour in range(1, 10):
        add(22, colour, 0, f"only colour {colour}", "only", "objects")
        add(22, colour, 1, f"without colour {colour}", "only", "objects")
    for k, name in enumerate(("commonest", "rarest")):
        add(22, 0, 2 * k, f"only the {name} colour", "only", "objects")
        add(22, 0, 2 * k + 1, f"without the {name} colour", "only", "objects")
    for k, name in enumerate(
        ("rows, emptiest first", "rows, fullest first", "columns, emptiest first", "columns, fullest first")
    ):
        add(23, k, 0, f"sort {name}", "sort", "objects")
    for k, name in enumerate(
        (
            "colours by number, down",
            "colours by number, across",
            "bars of colours, across",
            "bars of colours, down",
            "the commonest colour",
            "the rarest colour",
            "a cell an object",
            "a cell an object of the commonest colour",
            "colours from above",
            "colours from the left",
        )
    ):
        add(24, k, 0, name, "count", "objects")
    for k, name in enumerate(("colours", "coloured cells", "cells of the commonest colour", "objects")):
        add(25, k, 0, f"scale by the number of {name}", "scale", "grid")
    for k, name in enumerate(
        ("without its rim", "with an empty rim", "with a rim of its edge", "with a rim of the commonest colour")
    ):
        add(26, k, 0, name, "rim", "grid")
    for k, name in enumerate(
        (
            "complete by symmetry",
            "complete by period",
            "complete by symmetry what is hidden",
            "complete by period what is hidden",
            "what is hidden, by symmetry",
            "what is hidden, by period",
        )
    ):
        add(27, k, 0, name, "complete", "grid")
    for k, name in enumerate(
        ("the tile", "on by half its height", "on by half its width", "on by its height", "on by its width")
    ):
        add(28, k, 0, name, "repeat", "grid")
    for k, name in enumerate(("the larger eat the smaller", "the larger eat the smaller and grow")):
        add(29, k, 0, name, "eat", "dynamics")
    for way in (1, 2):
        for s in (1, 2, 3):
            add(30, way, s, f"{_TURNS[s - 1]} each of {_WAYS[way]}", "turn objects", "objects")
    return book


OPERATIONS: tuple[Operation, ...] = tuple(_book())
CODES = np.array([(o.kernel, o.a, o.b) for o in OPERATIONS], np.int64)
NUMBER_OF = {operation.name: number for number, operation in enumerate(OPERATIONS)}


def apply_step(step: int, grids: Sequence[np.ndarray]) -> list[np.ndarray] | None:
    """What step number `step` makes of each grid (H, W) uint8, or None if there is one to which it does not apply."""
    kernel, a, b = CODES[step]
    out = np.empty(MAX_CELLS, np.uint8)
    made = []
    for grid in grids:
        size = apply(kernel, a, b, np.ascontiguousarray(grid).ravel(), grid.shape[0], grid.shape[1], out)
        if size == 0:
            return None
        high, wide = size // SIDE, size % SIDE
        made.append(out[: high * wide].reshape(high, wide).copy())
    return made


def apply_program(steps: Sequence[int], grids: Sequence[np.ndarray]) -> list[np.ndarray] | None:
    """The same of steps one after the other."""
    made: list[np.ndarray] | None = list(grids)
    for step in steps:
        if made is None:
            break
        made = apply_step(step, made)
    return made
