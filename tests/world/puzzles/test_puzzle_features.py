"""Features of cells equal what slow and obvious Python finds, whatever they tell; none is read where nothing is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cached_property
from types import ModuleType

import numpy as np
import pytest

from tests.world.drawn_grids import draw_grid
from tests.world.puzzles.plain_puzzles import checked, plain_modules
from tests.world.statics_reference import box, filled, neighbours, regions
from world.puzzles.features import (
    KEYS,
    MAX_CELLS,
    NAMES,
    NONE,
    NUM_FEATURES,
    NUM_SOURCES,
    SOURCES,
    features,
    shape_hash,
)
from world.symmetry import SYMMETRIES, transform

Cell = tuple[int, int]
WAYS = ("edges", "corners", "any colours")
STEPS = {
    "right": (0, 1),
    "below": (1, 0),
    "left": (0, -1),
    "above": (-1, 0),
    "below right": (1, 1),
    "below left": (1, -1),
    "above right": (-1, 1),
    "above left": (-1, -1),
}


def features_of(grid: np.ndarray) -> np.ndarray:
    """All features (NUM_FEATURES, H, W)."""
    height, width = grid.shape
    room = np.full((NUM_FEATURES, MAX_CELLS), 77, np.uint8)
    flat = np.ascontiguousarray(grid).ravel().copy()
    features(flat, height, width, room)
    assert np.array_equal(flat, grid.ravel())
    assert (room[:, grid.size :] == 77).all()
    return room[:, : grid.size].reshape(-1, height, width)


class Seen:
    """A grid as a dictionary of cells, and what stands on it."""

    def __init__(self, grid: np.ndarray) -> None:
        self.rows = grid.tolist()
        self.height, self.width = grid.shape
        self.cells = [(r, c) for r in range(self.height) for c in range(self.width)]
        self.filled = filled(self.rows)
        self.empty = set(self.cells) - set(self.filled)

    def at(self, r: int, c: int) -> int | None:
        return self.rows[r][c] if 0 <= r < self.height and 0 <= c < self.width else None

    def touches_border(self, cells: set[Cell]) -> bool:
        return any(r in (0, self.height - 1) or c in (0, self.width - 1) for r, c in cells)

    def region_of(self, cell: Cell, connectivity: int) -> set[Cell]:
        return next(region for region in self.regions[connectivity] if cell in region)

    @cached_property
    def regions(self) -> dict[int, list[set[Cell]]]:
        return {connectivity: regions(self.empty, connectivity) for connectivity in (4, 8)}

    @cached_property
    def objects(self) -> list[list[set[Cell]]]:
        """In each way to see them, in reading order of their first cells."""
        by_colour = [{cell for cell, seen in self.filled.items() if seen == colour} for colour in range(1, 10)]
        ways = [
            [body for cells in by_colour for body in regions(cells, 4)],
            [body for cells in by_colour for body in regions(cells, 8)],
            regions(set(self.filled), 8),
        ]
        return [sorted(bodies, key=min) for bodies in ways]

    def object_of(self, cell: Cell, way: int) -> set[Cell]:
        return next(body for body in self.objects[way] if cell in body)

    def colours_of(self, body: set[Cell]) -> Counter[int]:
        return Counter(self.filled[cell] for cell in body)

    @cached_property
    def panels(self) -> tuple[dict[int, tuple[int, int]], dict[int, tuple[int, int]]] | None:
        """Of each row and each column in a panel: the number of the panel, the place in it; None if there is none."""
        for colour in range(1, 10):
            found = []
            for lines in (self.rows, [list(column) for column in zip(*self.rows, strict=True)]):
                runs: list[list[int]] = [[]]
                for k, line in enumerate(lines):
                    if set(line) == {colour}:
                        runs.append([])
                    else:
                        runs[-1].append(k)
                found.append([run for run in runs if run])
            down, across = found
            has_line = sum(map(len, down)) < self.height or sum(map(len, across)) < self.width
            if has_line and len(down) * len(across) > 1 and all(len(set(map(len, runs))) == 1 for runs in found):
                by_row, by_column = (
                    {k: (n, i) for n, run in enumerate(runs) for i, k in enumerate(run)} for runs in found
                )
                return by_row, by_column
        return None

    def in_panel(self, r: int, c: int) -> tuple[int, int, int, int] | None:
        """Row and column of the panel, and of the cell in it."""
        if self.panels is None or r not in self.panels[0] or c not in self.panels[1]:
            return None
        (down, y), (across, x) = self.panels[0][r], self.panels[1][c]
        return down, across, y, x

    @cached_property
    def panel_cells(self) -> dict[tuple[int, int], list[int]]:
        found: dict[tuple[int, int], list[int]] = {}
        for r, c in self.cells:
            place = self.in_panel(r, c)
            if place is not None:
                found.setdefault(place[:2], []).append(self.rows[r][c])
        return found


def commonest(colours: Counter[int]) -> int:
    """Of coloured cells; the lower number of equals, 0 if there is none."""
    return min((colour for colour in colours if colour), key=lambda v: (-colours[v], v), default=0)


def rarest(colours: Counter[int]) -> int:
    return min((colour for colour in colours if colour), key=lambda v: (colours[v], v), default=0)


def only(colours: set[int]) -> int:
    """The only colour besides empty: 0 if there is none, NONE if there are several."""
    some = sorted(colours - {0})
    return 0 if not some else (some[0] if len(some) == 1 else NONE)


def first(seen: Seen, r: int, c: int, step: Cell) -> int:
    """The first colour on the way, 0 if there is none."""
    while (colour := seen.at(r := r + step[0], c := c + step[1])) is not None:
        if colour:
            return colour
    return 0


def no(value: int | None) -> int:
    return NONE if value is None else value


def between(seen: Seen, r: int, c: int, one: str, other: str) -> int:
    colour = first(seen, r, c, STEPS[one])
    return colour if colour == first(seen, r, c, STEPS[other]) else 0


def row(seen: Seen, r: int) -> Counter[int]:
    return Counter(seen.rows[r])


def column(seen: Seen, c: int) -> Counter[int]:
    return Counter(line[c] for line in seen.rows)


def number(colours: Counter[int]) -> int:
    return sum(count for colour, count in colours.items() if colour)


def whole(seen: Seen) -> Counter[int]:
    return Counter(seen.filled.values())


def around(seen: Seen, r: int, c: int, connectivity: int = 8) -> list[int]:
    return [seen.rows[y][x] for y, x in neighbours((r, c), connectivity) if seen.at(y, x) is not None]


def touching(seen: Seen, r: int, c: int) -> int:
    if (r, c) not in seen.filled:
        return 0
    body = seen.object_of((r, c), 1)
    return only({seen.filled.get(near, 0) for cell in body for near in neighbours(cell, 8) - body})


def around_hole(seen: Seen, r: int, c: int) -> int:
    if (r, c) in seen.filled:
        return seen.rows[r][c]
    region = seen.region_of((r, c), 4)
    return only({seen.filled.get(near, 0) for cell in region for near in neighbours(cell, 4)})


def smallest_box(seen: Seen, r: int, c: int) -> set[Cell] | None:
    """Of an object by corners whose box is around an empty cell."""
    held = []
    for body in seen.objects[1]:
        top, left, bottom, right = box(body)
        if top <= r <= bottom and left <= c <= right:
            held.append(body)
    return min(held, key=len) if held and (r, c) in seen.empty else None


def box_colour(seen: Seen, r: int, c: int) -> int:
    body = smallest_box(seen, r, c)
    return seen.rows[r][c] if body is None else commonest(seen.colours_of(body))


def is_box(seen: Seen, r: int, c: int) -> int:
    for body in seen.objects[2]:
        top, left, bottom, right = box(body)
        if top <= r <= bottom and left <= c <= right and (r, c) not in body:
            return 2
    return 0 if smallest_box(seen, r, c) is None else 1


def mirrored_in_object(seen: Seen, r: int, c: int, axis: int) -> int:
    if (r, c) not in seen.filled:
        return NONE
    body = seen.object_of((r, c), 1)
    top, left, bottom, right = box(body)
    cell = (r, left + right - c) if axis else (top + bottom - r, c)
    return seen.filled[cell] if cell in body else 0


def of_panel(seen: Seen, r: int, c: int, say: Callable[[int, int, int, int], int], else_: int = NONE) -> int:
    place = seen.in_panel(r, c)
    if place is None:
        return NONE if seen.panels is None else else_
    return say(*place)


def first_panel(seen: Seen, r: int, c: int) -> int:
    def say(down: int, across: int, y: int, x: int) -> int:
        assert seen.panels is not None
        to_r = next(k for k, place in seen.panels[0].items() if place == (0, y))
        to_c = next(k for k, place in seen.panels[1].items() if place == (0, x))
        return seen.rows[to_r][to_c]

    return of_panel(seen, r, c, say, seen.rows[r][c])


def single(seen: Seen) -> int:
    alone = [body for body in seen.objects[1] if len(body) == 1]
    return seen.filled[min(alone[0])] if len(alone) == 1 else 0


def of_region(seen: Seen, r: int, c: int, say: Callable[[set[Cell]], int], connectivity: int = 4) -> int:
    return 0 if (r, c) in seen.filled else say(seen.region_of((r, c), connectivity))


def fills_box(cells: set[Cell]) -> bool:
    top, left, bottom, right = box(cells)
    return len(cells) == (bottom - top + 1) * (right - left + 1)


def is_square(cells: set[Cell]) -> bool:
    top, left, bottom, right = box(cells)
    return fills_box(cells) and bottom - top == right - left


def square_side(seen: Seen, r: int, c: int) -> int:
    side = 0
    while all((y, x) in seen.empty for y in range(r, r + side + 1) for x in range(c, c + side + 1)):
        side += 1
    return side


def distance(seen: Seen, r: int, c: int) -> int:
    nearest = min((max(abs(r - y), abs(c - x)) for y, x in seen.filled), default=254)
    return nearest if nearest < 12 else 254


def nearest_along(seen: Seen, r: int, c: int, ways: list[str]) -> int:
    """Empty cells up to the nearest coloured one on either side; 99 if there is none."""
    counts = [99]
    for way in ways:
        (dr, dc), k = STEPS[way], 1
        while seen.at(r + dr * k, c + dc * k) == 0:
            k += 1
        if seen.at(r + dr * k, c + dc * k) is not None:
            counts.append(k - 1)
    return min(counts)


def rank_in_row(seen: Seen, r: int, c: int) -> int:
    """How many runs of its colour begin to the left."""
    line = [0, *seen.rows[r]]
    colour = seen.rows[r][c]
    return sum(line[x + 1] == colour != line[x] for x in range(c)) if colour else 0


def half(at: int, length: int) -> int:
    return 2 if 2 * at + 1 == length else int(2 * at + 1 < length)


def num_holes(body: set[Cell]) -> int:
    top, left, bottom, right = box(body)
    room = {(r, c) for r in range(top - 1, bottom + 2) for c in range(left - 1, right + 2)} - body
    return len(regions(room, 4)) - 1


def depth(body: set[Cell], r: int, c: int) -> int:
    """How far it goes on in all four directions, up to 6."""
    d = 0
    while d < 6 and {(r + d + 1, c), (r - d - 1, c), (r, c + d + 1), (r, c - d - 1)} <= body:
        d += 1
    return d


def form(body: set[Cell]) -> frozenset[Cell]:
    top, left, _, _ = box(body)
    return frozenset((r - top, c - left) for r, c in body)


def has_mirror(seen: Seen, body: set[Cell], axis: int) -> int:
    top, left, bottom, right = box(body)
    return int(
        all(
            seen.filled[cell] == (seen.filled[to] if (to := images) in body else 0)
            for cell in body
            for images in [(cell[0], left + right - cell[1]) if axis else (top + bottom - cell[0], cell[1])]
        )
    )


Feature = Callable[[Seen, int, int], int]


def _of_object(way: int, say: Callable[[Seen, set[Cell], int, int], int]) -> Feature:
    return lambda g, r, c: min(say(g, g.object_of((r, c), way), r, c), 254) if (r, c) in g.filled else 0


def _per_object(way: int) -> dict[str, Feature]:
    def others(g: Seen) -> list[set[Cell]]:
        return g.objects[way]

    say: dict[str, Callable[[Seen, set[Cell], int, int], int]] = {
        "size": lambda g, b, r, c: len(b),
        "size rank": lambda g, b, r, c: 1 + sum(len(o) > len(b) for o in others(g)),
        "size rank from below": lambda g, b, r, c: 1 + sum(len(o) < len(b) for o in others(g)),
        "touches the border": lambda g, b, r, c: int(g.touches_border(b)),
        "holes": lambda g, b, r, c: num_holes(b),
        "height": lambda g, b, r, c: box(b)[2] - box(b)[0] + 1,
        "width": lambda g, b, r, c: box(b)[3] - box(b)[1] + 1,
        "is a full rectangle": lambda g, b, r, c: fills_box(b) + is_square(b),
        "is symmetric left to right": lambda g, b, r, c: has_mirror(g, b, 1),
        "is symmetric top to bottom": lambda g, b, r, c: has_mirror(g, b, 0),
        "how many have its shape": lambda g, b, r, c: sum(form(o) == form(b) for o in others(g)),
        "size parity": lambda g, b, r, c: len(b) % 2,
        "rank from the left": lambda g, b, r, c: sum(box(o)[1] < box(b)[1] for o in others(g)),
        "rank from above": lambda g, b, r, c: sum(box(o)[0] < box(b)[0] for o in others(g)),
        "row in the object": lambda g, b, r, c: r - box(b)[0],
        "column in the object": lambda g, b, r, c: c - box(b)[1],
        "depth in the object": lambda g, b, r, c: depth(b, r, c),
        "number of colours": lambda g, b, r, c: len(g.colours_of(b)),
        "how many have its colour": lambda g, b, r, c: sum(
            commonest(g.colours_of(o)) == commonest(g.colours_of(b)) for o in others(g)
        ),
    }
    return {f"{name} ({WAYS[way]})": _of_object(way, one) for name, one in say.items()}


OBVIOUS: dict[str, Feature] = {
    "colour": lambda g, r, c: g.rows[r][c],
    "mirrored left to right": lambda g, r, c: g.rows[r][::-1][c],
    "mirrored top to bottom": lambda g, r, c: g.rows[::-1][r][c],
    "turned half round": lambda g, r, c: g.rows[::-1][r][::-1][c],
    "transposed": lambda g, r, c: g.rows[c][r] if g.height == g.width else NONE,
    "transposed the other way": lambda g, r, c: g.rows[::-1][c][::-1][r] if g.height == g.width else NONE,
    **{
        f"first {'to the ' if way in ('right', 'left') else ''}{way}": (lambda g, r, c, s=step: first(g, r, c, s))
        for way, step in STEPS.items()
    },
    **{f"neighbour {way}": (lambda g, r, c, s=step: no(g.at(r + s[0], c + s[1]))) for way, step in STEPS.items()},
    "only colour of the row": lambda g, r, c: only(set(row(g, r))),
    "only colour of the column": lambda g, r, c: only(set(column(g, c))),
    "commonest of the row": lambda g, r, c: commonest(row(g, r)),
    "commonest of the column": lambda g, r, c: commonest(column(g, c)),
    "between two of a colour in the row": lambda g, r, c: between(g, r, c, "right", "left"),
    "between two of a colour in the column": lambda g, r, c: between(g, r, c, "below", "above"),
    "between two of a colour on a diagonal": lambda g, r, c: between(g, r, c, "below right", "above left"),
    "between two of a colour on the other diagonal": lambda g, r, c: between(g, r, c, "below left", "above right"),
    "commonest colour": lambda g, r, c: commonest(whole(g)),
    "rarest colour": lambda g, r, c: rarest(whole(g)),
    "second commonest colour": lambda g, r, c: commonest(
        Counter({colour: n for colour, n in whole(g).items() if colour != commonest(whole(g))})
    ),
    "colour of the largest object": lambda g, r, c: (
        g.filled[min(max(g.objects[1], key=len))] if g.objects[1] else 0
    ),
    "colour of the smallest object": lambda g, r, c: (
        g.filled[min(min(g.objects[1], key=len))] if g.objects[1] else 0
    ),
    "commonest among the neighbours": lambda g, r, c: commonest(Counter(around(g, r, c))),
    "colour that touches the object": touching,
    "colour around the hole": around_hole,
    "commonest of the whole object": lambda g, r, c: (
        commonest(g.colours_of(g.object_of((r, c), 2))) if (r, c) in g.filled else 0
    ),
    "rarest of the whole object": lambda g, r, c: (
        rarest(g.colours_of(g.object_of((r, c), 2))) if (r, c) in g.filled else 0
    ),
    "colour of the box around": box_colour,
    "mirrored in its object left to right": lambda g, r, c: mirrored_in_object(g, r, c, 1),
    "mirrored in its object top to bottom": lambda g, r, c: mirrored_in_object(g, r, c, 0),
    "colour in the first panel": first_panel,
    "commonest of the panel": lambda g, r, c: of_panel(
        g, r, c, lambda a, b, y, x: commonest(Counter(g.panel_cells[a, b])), g.rows[r][c]
    ),
    "only single cell's colour": lambda g, r, c: single(g),
    "is enclosed by edges": lambda g, r, c: of_region(g, r, c, lambda cells: int(not g.touches_border(cells))),
    "is enclosed by corners": lambda g, r, c: of_region(g, r, c, lambda cells: int(not g.touches_border(cells)), 8),
    "size of the empty region": lambda g, r, c: of_region(g, r, c, lambda cells: min(len(cells), 254)),
    "rank of the empty region": lambda g, r, c: of_region(
        g, r, c, lambda cells: 1 + sum(len(other) > len(cells) for other in g.regions[4])
    ),
    "empty region touches the border": lambda g, r, c: of_region(g, r, c, lambda cells: 1 + g.touches_border(cells)),
    "empty region is a rectangle": lambda g, r, c: of_region(g, r, c, lambda cells: 1 + fills_box(cells)),
    "is the empty region a square": lambda g, r, c: of_region(g, r, c, lambda cells: 1 + is_square(cells)),
    "neighbours by edges": lambda g, r, c: sum(v > 0 for v in around(g, r, c, 4)),
    "neighbours by edges and corners": lambda g, r, c: sum(v > 0 for v in around(g, r, c)),
    "neighbours of its colour by edges": lambda g, r, c: sum(v == g.rows[r][c] for v in around(g, r, c, 4)),
    "neighbours of its colour": lambda g, r, c: sum(v == g.rows[r][c] for v in around(g, r, c)),
    "row parity": lambda g, r, c: r % 2,
    "column parity": lambda g, r, c: c % 2,
    "chequered": lambda g, r, c: (r + c) % 2,
    "row mod 3": lambda g, r, c: r % 3,
    "column mod 3": lambda g, r, c: c % 3,
    "diagonal mod 3": lambda g, r, c: (r + c) % 3,
    "other diagonal mod 3": lambda g, r, c: (r - c) % 3,
    "diagonal mod 4": lambda g, r, c: (r + c) % 4,
    "ring": lambda g, r, c: min(r, c, g.height - 1 - r, g.width - 1 - c),
    "row": lambda g, r, c: r,
    "column": lambda g, r, c: c,
    "row from below": lambda g, r, c: g.height - 1 - r,
    "column from the right": lambda g, r, c: g.width - 1 - c,
    "is on the diagonal": lambda g, r, c: int(r == c),
    "is on the other diagonal": lambda g, r, c: int(r == g.width - 1 - c),
    "in the upper half": lambda g, r, c: half(r, g.height),
    "in the left half": lambda g, r, c: half(c, g.width),
    "coloured in the row": lambda g, r, c: number(row(g, r)),
    "coloured in the column": lambda g, r, c: number(column(g, c)),
    "number of objects": lambda g, r, c: min(len(g.objects[1]), 254),
    "panel row": lambda g, r, c: NONE if g.panels is None else g.panels[0].get(r, (NONE, 0))[0],
    "panel column": lambda g, r, c: NONE if g.panels is None else g.panels[1].get(c, (NONE, 0))[0],
    "row in the panel": lambda g, r, c: of_panel(g, r, c, lambda a, b, y, x: y),
    "column in the panel": lambda g, r, c: of_panel(g, r, c, lambda a, b, y, x: x),
    "coloured in the panel": lambda g, r, c: of_panel(
        g, r, c, lambda a, b, y, x: number(Counter(g.panel_cells[a, b]))
    ),
    "rank of the panel by colours": lambda g, r, c: of_panel(
        g, r, c, lambda a, b, y, x: sum(
            number(Counter(cells)) > number(Counter(g.panel_cells[a, b])) for cells in g.panel_cells.values()
        )
    ),
    "is a separator": lambda g, r, c: of_panel(g, r, c, lambda a, b, y, x: 0, 1),
    "empty square's side": square_side,
    "distance to a coloured cell": distance,
    "is the box of an object": is_box,
    "size of the box's object": lambda g, r, c: min(len(smallest_box(g, r, c) or ()), 254),
    "rank of the row by colours": lambda g, r, c: sum(number(row(g, k)) > number(row(g, r)) for k in range(g.height)),
    "rank of the column by colours": lambda g, r, c: sum(
        number(column(g, k)) > number(column(g, c)) for k in range(g.width)
    ),
    "distance to the first on the left or right": lambda g, r, c: nearest_along(g, r, c, ["left", "right"]),
    "distance to the first above or below": lambda g, r, c: nearest_along(g, r, c, ["above", "below"]),
    "rank among equal colours in the row": rank_in_row,
    **_per_object(0), **_per_object(1), **_per_object(2),
}  # fmt: skip
SHAPES = [f"{name} ({way})" for name in ("shape", "shape turned any way") for way in WAYS]
COMPLETED = ["completed by symmetry", "completed by period"]


def drawn_panels(rng: np.random.Generator) -> np.ndarray:
    """A grid cut into panels of equal size."""
    (down, across), (high, wide) = rng.integers(1, 4, 2), rng.integers(1, 4, 2)
    grid = np.where(rng.random((high, wide)) < 0.5, rng.integers(0, 5, (down, across, high, wide)), 0).astype(np.uint8)
    made = np.full((down * (high + 1) - 1, across * (wide + 1) - 1), 5, np.uint8)
    for a, b in np.ndindex(down, across):
        made[a * (high + 1) : a * (high + 1) + high, b * (wide + 1) : b * (wide + 1) + wide] = grid[a, b]
    return made


@pytest.fixture(scope="module")
def drawn() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    grids = [draw_grid(rng, 8) for _ in range(40)] + [drawn_panels(rng) for _ in range(15)]
    shapes = [(1, 1), (1, 2), (2, 1), (1, 40), (40, 1), (14, 15)]
    grids += [np.zeros(shape, np.uint8) for shape in shapes] + [np.full(shape, 4, np.uint8) for shape in shapes]
    grids += [np.where(rng.random(shape) < 0.05, 3, 0).astype(np.uint8) for shape in shapes]
    return grids


def test_features_have_names_of_their_own():
    assert len(NAMES) == len(set(NAMES)) == NUM_FEATURES
    assert NAMES[:NUM_SOURCES] == SOURCES
    assert NAMES[NUM_SOURCES:] == KEYS
    assert set(OBVIOUS) | {*SHAPES, *COMPLETED} == set(NAMES)


@pytest.mark.parametrize("name", OBVIOUS)
def test_a_feature_equals_a_slow_obvious_version(
    name: str, drawn: list[np.ndarray], found: list[np.ndarray], seen: list[Seen]
):
    told = set()
    for grid, made, one in zip(drawn, found, seen, strict=True):
        wanted = np.array([[OBVIOUS[name](one, r, c) for c in range(one.width)] for r in range(one.height)])
        assert np.array_equal(made[NAMES.index(name)], wanted), f"{name} of {grid.tolist()}"
        told |= set(wanted.ravel().tolist())
    assert len(told) > 1


@pytest.fixture(scope="module")
def found(drawn: list[np.ndarray]) -> list[np.ndarray]:
    return [features_of(grid) for grid in drawn]


@pytest.fixture(scope="module")
def seen(drawn: list[np.ndarray]) -> list[Seen]:
    return [Seen(grid) for grid in drawn]


def test_sources_are_colours_or_nothing(found: list[np.ndarray]):
    for made in found:
        sources = made[:NUM_SOURCES]
        assert ((sources <= 9) | (sources == NONE)).all()


@pytest.mark.parametrize("way", range(3))
def test_equal_shapes_have_equal_numbers(way: int, found: list[np.ndarray], seen: list[Seen]):
    num_bodies = num_turned = 0
    for made, one in zip(found, seen, strict=True):
        shape, free = (made[NAMES.index(f"{name} ({WAYS[way]})")] for name in ("shape", "shape turned any way"))
        assert not shape[[r for r, _ in one.empty], [c for _, c in one.empty]].any()
        numbers: dict[frozenset[Cell], set[int]] = {}
        free_numbers: dict[frozenset[frozenset[Cell]], set[int]] = {}
        for body in one.objects[way]:
            picture = np.zeros(np.array(list(form(body))).max(axis=0) + 1, np.uint8)
            picture[tuple(np.array(list(form(body))).T)] = 1
            turned = frozenset(
                frozenset(map(tuple, np.argwhere(transform(picture, name)).tolist())) for name in SYMMETRIES
            )
            numbers.setdefault(form(body), set()).update(int(shape[cell]) for cell in body)
            free_numbers.setdefault(turned, set()).update(int(free[cell]) for cell in body)
            num_bodies += 1
        num_turned += len(numbers) - len(free_numbers)
        assert all(len(values) == 1 for values in (*numbers.values(), *free_numbers.values()))
    assert num_bodies > 100
    assert num_turned > 0 or way == 2


def test_different_small_shapes_have_different_numbers():
    table = np.zeros((16, 2), np.int32)
    table[3:5, 1] = 2  # a box of three by three
    numbers = set()
    for bits in range(512):
        labels = np.array([bits >> k & 1 for k in range(9)], np.int32)
        numbers.add(shape_hash(3, labels, table, 1, 0))
    assert len(numbers) == 512


def test_what_is_completed_keeps_what_was_there(found: list[np.ndarray], drawn: list[np.ndarray]):
    grid = np.array([[1, 2, 3, 2, 1], [4, 5, 6, 5, 4], [7, 8, 9, 0, 0]], np.uint8)
    whole_grid = grid.copy()
    whole_grid[2] = [7, 8, 9, 8, 7]
    assert np.array_equal(features_of(grid)[NAMES.index(COMPLETED[0])], whole_grid)
    tiles = np.tile(np.array([[1, 2], [3, 4]], np.uint8), (3, 3))
    covered = tiles.copy()
    covered[1:3, 1:4] = 0
    assert np.array_equal(features_of(covered)[NAMES.index(COMPLETED[1])], tiles)
    covered[1:3, 1:4] = 8  # a cover of a colour of its own
    assert np.array_equal(features_of(covered)[NAMES.index(COMPLETED[1])], tiles)
    num_completed = 0
    for grid, made in zip(drawn, found, strict=True):
        for name in COMPLETED:
            completed = made[NAMES.index(name)]
            if (completed == NONE).any():
                assert (completed == NONE).all()
                continue
            changed = completed != grid
            assert len({int(v) for v in grid[changed]}) <= 1, "one colour is filled"
            num_completed += 1
    assert num_completed > 10


@pytest.fixture(scope="module")
def plain_features() -> ModuleType:
    return plain_modules("features")[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (5, 7), (1, 93), (93, 1), (2, 100), (100, 2), (9, 100), (30, 30)])
def test_features_stay_within_their_arrays_and_equal_plain_python(plain_features: ModuleType, shape: tuple[int, int]):
    rng = np.random.default_rng(2)
    sparse = np.where(rng.random(shape) < 0.04, rng.integers(1, 4, shape), 0).astype(np.uint8)
    panels = np.where(np.indices(shape).sum(axis=0) % 3, 0, 2).astype(np.uint8)
    panels[1::2] = 5
    for grid in [sparse, panels, np.zeros(shape, np.uint8)] if min(shape) < 9 else [sparse]:
        room = checked(np.zeros((NUM_FEATURES, MAX_CELLS), np.uint8))
        plain_features.features(checked(grid.ravel().copy()), *shape, room)
        assert np.array_equal(np.asarray(room)[:, : grid.size].reshape(-1, *shape), features_of(grid))
