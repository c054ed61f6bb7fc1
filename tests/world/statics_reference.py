"""The static laws in plain Python: dictionaries of cells, no arrays, no compiled code. Slow, and obvious.

Written from the sentences and docstrings of world.statics, not from its code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import chain, pairwise
from typing import Any

Grid = list[list[int]]
Cell = tuple[int, int]

SIDES = [(-1, 0), (1, 0), (0, -1), (0, 1)]
CORNERS = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
STEP_OF = dict(
    zip(["up", "down", "left", "right", "up_left", "up_right", "down_left", "down_right"], SIDES + CORNERS, strict=True)
)


class Undefined(Exception):  # noqa: N818
    """The law does not apply."""


def filled(grid: Grid) -> dict[Cell, int]:
    return {(r, c): colour for r, line in enumerate(grid) for c, colour in enumerate(line) if colour}


def painted(grid: Grid, colours: dict[Cell, int]) -> Grid:
    return [[colours.get((r, c), old) for c, old in enumerate(line)] for r, line in enumerate(grid)]


def neighbours(cell: Cell, connectivity: int) -> set[Cell]:
    return {(cell[0] + r, cell[1] + c) for r, c in (SIDES + CORNERS)[:connectivity]}


def regions(cells: set[Cell], connectivity: int) -> list[set[Cell]]:
    """Connected sets of cells."""
    left, found = set(cells), []
    while left:
        region, border = set(), {min(left)}
        while border:
            region |= border
            border = {n for cell in border for n in neighbours(cell, connectivity)} & left - region
        found.append(region)
        left -= region
    return found


def box(cells: set[Cell]) -> tuple[int, int, int, int]:
    """First row, first column, last row, last column."""
    rows, columns = [r for r, _ in cells], [c for _, c in cells]
    return min(rows), min(columns), max(rows), max(columns)


def place(cell: Cell, height: int, width: int, symmetry: str) -> Cell:
    """Where a cell of a height x width picture goes."""
    r, c = cell
    up, back = height - 1 - r, width - 1 - c
    return {
        "identity": (r, c),
        "turn_right": (c, up),
        "turn_around": (up, back),
        "turn_left": (back, r),
        "mirror_left_right": (r, back),
        "mirror_up_down": (up, c),
        "mirror_diagonal": (c, r),
        "mirror_antidiagonal": (back, up),
    }[symmetry]


def turn(grid: Grid, symmetry: str) -> Grid:
    height, width = len(grid), len(grid[0])
    moved = {
        place((r, c), height, width, symmetry): colour for r, line in enumerate(grid) for c, colour in enumerate(line)
    }
    rows, columns = (max(axis) + 1 for axis in zip(*moved, strict=True))
    return [[moved[r, c] for c in range(columns)] for r in range(rows)]


def tile(grid: Grid, times: tuple[int, int]) -> Grid:
    return [line * times[1] for line in grid] * times[0]


def scale(grid: Grid, times: tuple[int, int]) -> Grid:
    return [[colour for colour in line for _ in range(times[1])] for line in grid for _ in range(times[0])]


def tile_mirrored(grid: Grid, times: tuple[int, int], original: str) -> Grid:
    across = []
    for line in grid:
        parts = [line[::-1] if k % 2 else line for k in range(times[1])]
        across.append([*chain.from_iterable(parts if original.endswith("left") else parts[::-1])])
    stacks = [across[::-1] if k % 2 else across for k in range(times[0])]
    return [*chain.from_iterable(stacks if original.startswith("up") else stacks[::-1])]


def complete_symmetry(grid: Grid, mirrors: tuple[str, ...], about: str) -> Grid:
    there = filled(grid)
    if about == "box" and not there:
        raise Undefined
    top, left, bottom, right = box(set(there)) if about == "box" else (0, 0, len(grid) - 1, len(grid[0]) - 1)
    height, width = bottom - top + 1, right - left + 1
    if height != width and any("diagonal" in name or name in ("turn_left", "turn_right") for name in mirrors):
        raise Undefined
    colours = {}
    for r in range(height):
        for c in range(width):
            images = [place((r, c), height, width, name) for name in mirrors]
            wanted = {there[top + y, left + x] for y, x in images if (top + y, left + x) in there}
            if len(wanted) == 1 and (top + r, left + c) not in there:
                colours[top + r, left + c] = wanted.pop()
    return painted(grid, colours)


def halves(grid: Grid, axis: str, has_separator: bool) -> tuple[Grid, Grid]:
    if axis == "up_down":
        one, other = halves(turn(grid, "mirror_diagonal"), "left_right", has_separator)
        return turn(one, "mirror_diagonal"), turn(other, "mirror_diagonal")
    width = len(grid[0])
    if width < 2 or width % 2 != (1 if has_separator else 0):
        raise Undefined
    half = width // 2
    if has_separator:
        line = {row[half] for row in grid}
        if len(line) > 1 or 0 in line:
            raise Undefined
    return [row[:half] for row in grid], [row[-half:] for row in grid]


def combine_halves(grid: Grid, operation: str, axis: str, has_separator: bool, colour: int) -> Grid:
    one, other = halves(grid, axis, has_separator)
    needed = {"and": {2}, "or": {1, 2}, "xor": {1}}[operation]
    return [
        [colour if (a > 0) + (b > 0) in needed else 0 for a, b in zip(*lines, strict=True)]
        for lines in zip(one, other, strict=True)
    ]


def lay_over(grid: Grid, first: str, has_separator: bool) -> Grid:
    one, other = halves(grid, "left_right" if first in ("left", "right") else "up_down", has_separator)
    over, under = (one, other) if first in ("left", "up") else (other, one)
    return [[a or b for a, b in zip(*lines, strict=True)] for lines in zip(over, under, strict=True)]


def copies(grid: Grid, pattern: dict[Cell, int], shifts: list[Cell], can_paint: Callable[[Cell], bool]) -> Grid:
    wanted: dict[Cell, set[int]] = {}
    for down, across in shifts:
        for (r, c), colour in pattern.items():
            wanted.setdefault((r + down, c + across), set()).add(colour)
    return painted(grid, {cell: min(some) for cell, some in wanted.items() if len(some) == 1 and can_paint(cell)})


def repeat(grid: Grid, direction: str, gap: int) -> Grid:
    pattern = filled(grid)
    if not pattern:
        raise Undefined
    top, left, bottom, right = box(set(pattern))
    down, across = STEP_OF[direction]
    period = ((bottom - top + 1 + gap) * down, (right - left + 1 + gap) * across)
    return copies(grid, pattern, [(k * period[0], k * period[1]) for k in range(1, 40)], lambda cell: True)


def stamp(grid: Grid, marker: int, anchor: str) -> Grid:
    there = filled(grid)
    markers = {cell for cell, colour in there.items() if colour == marker}
    if anchor == "middle":
        sites = markers
        pattern = set(there) - markers
        if not pattern:
            raise Undefined
        top, left, bottom, right = box(pattern)
        if (top + bottom) % 2 or (left + right) % 2:
            raise Undefined
        at = ((top + bottom) // 2, (left + right) // 2)
    else:
        groups = regions(set(there), 8)
        sites = {cell for group in groups if len(group) == 1 for cell in group & markers}
        patterns = [group for group in groups if len(group) > 1 and len(group & markers) == 1]
        if len(patterns) != 1:
            raise Undefined
        pattern = patterns[0]
        at = min(pattern & markers)
    if not sites:
        raise Undefined
    shifts = [(r - at[0], c - at[1]) for r, c in sites]
    return copies(grid, {c: there[c] for c in pattern}, shifts, lambda cell: cell not in there or cell in sites)


def fill_enclosed(grid: Grid, colour: int, connectivity: int) -> Grid:
    height, width = len(grid), len(grid[0])
    empty = {(r, c) for r in range(height) for c in range(width) if not grid[r][c]}
    shut_in = [
        region
        for region in regions(empty, connectivity)
        if all(0 < r < height - 1 and 0 < c < width - 1 for r, c in region)
    ]
    return painted(grid, {cell: colour for region in shut_in for cell in region})


def outline(grid: Grid, colour: int, connectivity: int) -> Grid:
    there = filled(grid)
    rim = {n for cell in there for n in neighbours(cell, connectivity)} - set(there)
    return painted(grid, dict.fromkeys(rim, colour))


def hollow(grid: Grid, connectivity: int) -> Grid:
    there = filled(grid)
    inside = {
        cell: 0 for cell, colour in there.items() if all(there.get(n) == colour for n in neighbours(cell, connectivity))
    }
    return painted(grid, inside)


def rays(grid: Grid, source: int, directions: tuple[str, ...], colour: int, only_to_contact: bool) -> Grid:
    there = filled(grid)
    sources = [cell for cell in there if there[cell] == source]
    if not sources:
        raise Undefined
    drawn: dict[Cell, int] = {}
    for r, c in sources:
        for down, across in (STEP_OF[direction] for direction in directions):
            path = [(r + k * down, c + k * across) for k in range(1, 31)]
            on_grid = [cell for cell in path if 0 <= cell[0] < len(grid) and 0 <= cell[1] < len(grid[0])]
            hits = [k for k, cell in enumerate(on_grid) if cell in there]
            if hits:
                drawn |= dict.fromkeys(on_grid[: hits[0]], colour)
            elif not only_to_contact:
                drawn |= dict.fromkeys(on_grid, colour)
    return painted(grid, drawn)


def objects_of(grid: Grid, connectivity: int) -> list[set[Cell]]:
    there = filled(grid)
    return [
        region
        for colour in range(1, 10)
        for region in regions({cell for cell in there if there[cell] == colour}, connectivity)
    ]


def shape(cells: set[Cell]) -> set[Cell]:
    top, left, _, _ = box(cells)
    return {(r - top, c - left) for r, c in cells}


def has(property_name: str, value: Any, one: set[Cell], every: list[set[Cell]], grid: Grid, connectivity: int) -> bool:
    """Whether an object has a property."""
    top, left, bottom, right = box(one)
    height, width = bottom - top + 1, right - left + 1
    around = {(r, c) for r in range(top - 1, bottom + 2) for c in range(left - 1, right + 2)}
    sizes = [len(other) for other in every]
    answers: dict[str, Callable[[], Any]] = {
        "size": lambda: len(one) == value,
        "size_at_least": lambda: len(one) >= value,
        "size_rank": lambda: len(one) == (max(sizes) if value == "largest" else min(sizes)),
        "holes": lambda: len(regions(around - one, 8 if connectivity == 4 else 4)) - 1 == value,
        "symmetric": lambda: (
            value
            == any(
                {place(cell, height, width, mirror) for cell in shape(one)} == shape(one)
                for mirror in ("mirror_left_right", "mirror_up_down")
            )
        ),
        "rectangle": lambda: value == (len(one) == height * width),
        "touches_border": lambda: value == any(r in (0, len(grid) - 1) or c in (0, len(grid[0]) - 1) for r, c in one),
        "unique_shape": lambda: value == ([shape(other) for other in every].count(shape(one)) == 1),
        "colour": lambda: grid[top][min(c for r, c in one if r == top)] == value,
        "height": lambda: height == value,
        "width": lambda: width == value,
    }
    return bool(answers[property_name]())


def chosen(grid: Grid, which: tuple[str, Any], connectivity: int) -> list[set[Cell]]:
    every = objects_of(grid, connectivity)
    return [one for one in every if has(*which, one, every, grid, connectivity)]


def keep(grid: Grid, which: tuple[str, Any], connectivity: int) -> Grid:
    kept = set().union(*chosen(grid, which, connectivity))
    return painted(grid, dict.fromkeys(set(filled(grid)) - kept, 0))


def delete(grid: Grid, which: tuple[str, Any], connectivity: int) -> Grid:
    return recolour(grid, which, 0, connectivity)


def recolour(grid: Grid, which: tuple[str, Any], colour: int, connectivity: int) -> Grid:
    return painted(grid, {cell: colour for one in chosen(grid, which, connectivity) for cell in one})


def crop(grid: Grid, which: tuple[str, Any], is_alone: bool, connectivity: int) -> Grid:
    found = chosen(grid, which, connectivity)
    if len(found) != 1:
        raise Undefined
    top, left, bottom, right = box(found[0])
    return [
        [grid[r][c] if (r, c) in found[0] or not is_alone else 0 for c in range(left, right + 1)]
        for r in range(top, bottom + 1)
    ]


def sort_lines(grid: Grid, fuller: str) -> Grid:
    if fuller in ("left", "right"):
        turned = sort_lines(turn(grid, "mirror_diagonal"), {"left": "up", "right": "down"}[fuller])
        return turn(turned, "mirror_diagonal")
    by_count: dict[int, Grid] = {}
    for line in grid:
        by_count.setdefault(sum(colour > 0 for colour in line), []).append(line)
    if any(line != lines[0] for lines in by_count.values() for line in lines):
        raise Undefined
    return [line for count in sorted(by_count, reverse=fuller == "up") for line in by_count[count]]


def sort_objects(grid: Grid, larger: str, connectivity: int) -> Grid:
    if larger in ("up", "down"):
        turned = turn(grid, "mirror_diagonal")
        result = sort_objects(turned, {"up": "left", "down": "right"}[larger], connectivity)
        return turn(result, "mirror_diagonal")
    every = objects_of(grid, connectivity)
    if len(every) < 2:
        raise Undefined
    by_place = sorted((box(one)[1], box(one)[3]) for one in every)
    gaps = [second[0] - first[1] - 1 for first, second in pairwise(by_place)]
    if min(gaps) < 0:
        raise Undefined
    looks = []  # size, then the picture: colours by row, and by column from the first one
    for one in every:
        _, left, _, right = box(one)
        picture = sorted((r, c - left, grid[r][c]) for r, c in one)
        looks.append((len(one), right - left + 1, picture))
    if any(a[0] == b[0] and a != b for a in looks for b in looks):
        raise Undefined
    looks.sort(key=lambda look: look[0], reverse=larger == "left")
    result = [[0] * len(line) for line in grid]
    at = by_place[0][0]
    for (_, width, picture), gap in zip(looks, [*gaps, 0], strict=True):
        for r, c, colour in picture:
            result[r][at + c] = colour
        at += width + gap
    return result


def count_to_bars(grid: Grid, counted: str, bars: tuple[str, str]) -> Grid:
    there = filled(grid)
    if counted == "cells":
        counts = Counter(there.values())
    else:
        every = objects_of(grid, 4 if counted == "objects_by_sides" else 8)
        counts = Counter(there[min(one)] for one in every)
    if not counts or len(set(counts.values())) < len(counts):
        raise Undefined
    grow, longest_at = bars
    longest_first = [[colour] * count for colour, count in counts.most_common()]
    length = len(longest_first[0])
    lines = [bar + [0] * (length - len(bar)) for bar in longest_first]
    if grow in ("left", "up"):
        lines = [line[::-1] for line in lines]
    if longest_at in ("down", "right"):
        lines = lines[::-1]
    return lines if grow in ("left", "right") else turn(lines, "mirror_diagonal")


LAWS: dict[str, Callable[..., Grid]] = {
    function.__name__: function
    for function in (
        turn, tile, tile_mirrored, scale, complete_symmetry, combine_halves, lay_over, repeat, stamp, fill_enclosed,
        outline, hollow, rays, keep, delete, recolour, crop, sort_lines, sort_objects, count_to_bars,
    )
}  # fmt: skip


def reference_apply(name: str, values: tuple[Any, ...], grid: Grid) -> Grid | None:
    """What a law makes of a grid, or None if it does not apply."""
    try:
        result = LAWS[name](grid, *values)
    except Undefined:
        return None
    return result if max(len(result), len(result[0])) <= 30 else None
