"""Steps of programs: every one gives a grid and touches nothing else, and does what its name says, however turned."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from tests.world.drawn_grids import draw_grid
from tests.world.puzzles.plain_puzzles import apply_plainly, plain_modules
from world.puzzles.features import MAX_CELLS, MAX_SIDE
from world.puzzles.kernels import apply
from world.puzzles.operations import NUMBER_OF, OPERATIONS, Operation, apply_program, apply_step
from world.statics import LawDoesNotApply, StaticLaw
from world.symmetry import STEPS, SYMMETRIES, swaps_axes, transform, turn_direction

MARGIN_CELLS = 64
EDGE_SHAPES = [(1, 1), (1, 2), (2, 1), (1, 93), (93, 1), (1, 100), (100, 1), (2, 100), (9, 100), (100, 9), (30, 30)]


def grid_of(picture: str) -> np.ndarray:
    """A grid from a drawing: a word for each row, a digit for each colour, . is empty."""
    return np.array([[int(cell) for cell in line.replace(".", "0")] for line in picture.split()], np.uint8)


def done(kernel: int, a: int, b: int, grid: np.ndarray, before: int = 0) -> np.ndarray | None:
    """What a kernel makes of a grid, in a place that held `before`; checks that it wrote nowhere else."""
    height, width = grid.shape
    room = np.full(MAX_CELLS + 2 * MARGIN_CELLS, before, np.uint8)
    flat = np.ascontiguousarray(grid).ravel().copy()
    size = apply(kernel, a, b, flat, height, width, room[MARGIN_CELLS:-MARGIN_CELLS])
    assert (room[:MARGIN_CELLS] == before).all()
    assert (room[-MARGIN_CELLS:] == before).all()
    assert np.array_equal(flat, grid.ravel())
    if size == 0:
        return None
    high, wide = size // 128, size % 128
    assert 1 <= high <= MAX_SIDE
    assert 1 <= wide <= MAX_SIDE
    assert high * wide <= MAX_CELLS
    return room[MARGIN_CELLS : MARGIN_CELLS + high * wide].reshape(high, wide)


def is_same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def step(name: str, grid: np.ndarray) -> np.ndarray | None:
    made = apply_step(NUMBER_OF[name], [grid])
    return None if made is None else made[0]


@pytest.fixture(scope="module")
def drawn() -> list[np.ndarray]:
    """Grids of all sorts, and noise and blanks at the edges of what there may be."""
    rng = np.random.default_rng(1)
    grids = [draw_grid(rng, 10) for _ in range(40)] + [draw_grid(rng, 30) for _ in range(10)]
    grids.append(grid_of("11511522 115115.2 55555555 11511511 11511511 55555555 11511511 11511511"))
    for shape in EDGE_SHAPES:
        grids.append(np.zeros(shape, np.uint8))
        grids.append(np.full(shape, 7, np.uint8))
        grids.append(np.where(rng.random(shape) < 0.1, rng.integers(1, 10, shape), 0).astype(np.uint8))
        grids.append(rng.integers(0, 10, shape, np.uint8))
        grids.append((np.indices(shape).sum(axis=0) % 2 * 3).astype(np.uint8))
    return grids


def test_steps_have_names_and_codes_of_their_own():
    assert len(OPERATIONS) > 450
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert len({(o.kernel, o.a, o.b) for o in OPERATIONS}) == len(OPERATIONS)
    assert {operation.layer for operation in OPERATIONS} == {"dynamics", "objects", "grid"}
    assert all(len({o.layer for o in OPERATIONS if o.family == f}) == 1 for f in {o.family for o in OPERATIONS})


def test_every_step_gives_a_grid_and_nothing_else(drawn: list[np.ndarray]):
    num_made = np.zeros(len(OPERATIONS), int)
    for grid in drawn:
        for k, o in enumerate(OPERATIONS):
            made, again = done(o.kernel, o.a, o.b, grid, 77), done(o.kernel, o.a, o.b, grid, 201)
            assert is_same(made, again), f"{o.name}: not all cells are written"
            if made is not None:
                assert made.max() <= 9, o.name
                num_made[k] += 1
    assert [OPERATIONS[k].name for k in np.flatnonzero(num_made == 0)] == []


@pytest.fixture(scope="module")
def plain_kernels() -> ModuleType:
    return plain_modules("features", "kernels")[1]


def test_every_step_stays_within_its_arrays_and_equals_plain_python(plain_kernels: ModuleType):
    rng = np.random.default_rng(2)
    grids = [draw_grid(rng, 6) for _ in range(8)] + [np.zeros((1, 1), np.uint8), np.full((4, 4), 3, np.uint8)]
    for grid in grids:
        for o in OPERATIONS:
            made = apply_plainly(plain_kernels, o.kernel, o.a, o.b, grid)
            assert is_same(made, done(o.kernel, o.a, o.b, grid)), f"{o.name} of {grid.tolist()}"


@pytest.mark.parametrize("shape", EDGE_SHAPES)
def test_at_the_edges_of_what_there_may_be_steps_equal_plain_python(plain_kernels: ModuleType, shape: tuple[int, int]):
    rng = np.random.default_rng(3)
    grid = np.zeros(shape, np.uint8)
    for r, c in zip(*(rng.integers(0, side, 5) for side in shape), strict=True):
        grid[r : r + 2, c : c + 3] = rng.integers(1, 4)
    kernels = np.array([operation.kernel for operation in OPERATIONS])
    for kernel in np.unique(kernels):
        same = np.flatnonzero(kernels == kernel)
        for k in rng.choice(same, min(2, len(same)), replace=False):
            o = OPERATIONS[k]
            made = apply_plainly(plain_kernels, o.kernel, o.a, o.b, grid)
            assert is_same(made, done(o.kernel, o.a, o.b, grid)), o.name


def test_an_object_in_the_largest_box_has_its_holes():
    for shape in ((9, 100), (30, 30), (100, 9)):
        ring = np.zeros(shape, np.uint8)
        ring[0] = ring[-1] = ring[:, 0] = ring[:, -1] = 1
        ring[4, 4] = 2
        made = step("keep the with most holes of objects by edges", ring)
        assert is_same(made, np.where(ring == 1, 1, 0))


# ---------------------------------------------------------------- renamed colours


def _names_a_colour(o: Operation) -> bool:
    return (o.kernel in (6, 22) and o.a > 0) or (o.kernel == 13 and o.b % 10 > 0)


# where the number of a colour decides: of those beside an empty cell the highest, of those as frequent in a panel the
# lowest
_DECIDED_BY_NUMBER = {
    "outline by edges",
    "outline by corners",
    "a cell a panel",
    "a cell a full panel",
    "a cell a fullest panel",
}


def _are_told_apart(grid: np.ndarray) -> bool:
    """Whether no two colours are equally frequent, in the grid."""
    counts = np.bincount(grid.ravel(), minlength=10)[1:]
    counts = counts[counts > 0]
    return len(set(counts.tolist())) == len(counts)


def test_a_step_that_names_no_colour_knows_none_by_name():
    rng = np.random.default_rng(4)
    num_compared = 0
    differ: set[str] = set()
    for _ in range(120):
        grid = draw_grid(rng, 9)
        if not _are_told_apart(grid):
            continue
        new = np.concatenate([[0], rng.permutation(np.arange(1, 10))]).astype(np.uint8)
        for o in OPERATIONS:
            if _names_a_colour(o):
                continue
            made, renamed = done(o.kernel, o.a, o.b, grid), done(o.kernel, o.a, o.b, new[grid])
            num_compared += made is not None
            if not is_same(None if made is None else new[made], renamed):
                differ.add(o.name)
    assert num_compared > 5000
    assert differ - _DECIDED_BY_NUMBER == set()
    assert "outline by edges" in differ


# ---------------------------------------------------------------- turned worlds

_DIRECTIONS = ("down", "up", "right", "left")  # of pour and fall
_RAYS = ("right", "down", "left", "up", "down_right", "down_left", "up_right", "up_left")
_SELECTED = {4: "up", 5: "down", 6: "left", 7: "right"}  # topmost, lowest, leftmost, rightmost


def _turned(kernel: int, a: int, b: int, symmetry: str) -> tuple[int, int, int] | None:
    """The step that does in the turned world what this one does; None for one of which we do not know."""
    if kernel in (3, 4, 6, 7, 14, 18, 19, 21, 22, 26, 29):
        return kernel, a, b
    if kernel == 2:
        return (2, b, a) if swaps_axes(symmetry) else (2, a, b)
    if kernel in (8, 9):
        way, selector = divmod(a, 100)
        if selector in (12, 13, 14, 15):  # among equals, the first in reading order
            return None
        if selector in _SELECTED:
            to = turn_direction(_SELECTED[selector], symmetry)
            selector = next(k for k, name in _SELECTED.items() if name == to)
        return kernel, way * 100 + selector, b
    if kernel == 10 and a < 4:
        return kernel, a, b
    if kernel in (12, 13):
        return kernel, _DIRECTIONS.index(turn_direction(_DIRECTIONS[a], symmetry)), b
    if kernel == 15:
        (dr, dc), matrix = (a // 100 - 50, a % 100 - 50), SYMMETRIES[symmetry]
        dr, dc = matrix[0][0] * dr + matrix[0][1] * dc, matrix[1][0] * dr + matrix[1][1] * dc
        return kernel, (dr + 50) * 100 + dc + 50, b
    if kernel == 16:
        return kernel, {0: 1, 1: 0}.get(a, a) if swaps_axes(symmetry) else a, b
    if kernel == 17:
        names = [turn_direction(name, symmetry) for k, name in enumerate(_RAYS) if a >> k & 1]
        return kernel, sum(1 << _RAYS.index(name) for name in names), b
    if kernel == 30:
        return kernel, a, {2: 3, 3: 2}.get(b, b) if swaps_axes(symmetry) else b
    return None


def test_steps_do_the_same_in_turned_worlds():
    rng = np.random.default_rng(5)
    compared: dict[int, int] = {}
    for _ in range(30):
        grid = draw_grid(rng, 8)
        for symmetry in list(SYMMETRIES)[1:]:
            for o in OPERATIONS:
                to = _turned(o.kernel, o.a, o.b, symmetry)
                if to is None:
                    continue
                # where lines of two colours cross, or boxes lie over each other, reading order decides which is seen
                is_painter = o.kernel in (16, 17) or (o.kernel, o.a) == (18, 1)
                before = np.where(grid > 0, 3, 0).astype(np.uint8) if is_painter else grid
                made, turned = done(o.kernel, o.a, o.b, before), done(*to, transform(before, symmetry))
                if made is not None and o.kernel in (14, 30):  # where objects meet, the last one is seen
                    all_moved = done(o.kernel, o.a, 0 if o.kernel == 14 else o.b, before)
                    if all_moved is None or np.count_nonzero(all_moved) < np.count_nonzero(before):
                        continue
                assert is_same(None if made is None else transform(made, symmetry), turned), (
                    f"{o.name}, {symmetry} of {before.tolist()}"
                )
                compared[o.kernel] = compared.get(o.kernel, 0) + (made is not None)
    assert len(compared) == 21
    assert min(compared.values()) > 10


# ---------------------------------------------------------------- static laws that are the same thing


def _law_or_none(grid: np.ndarray, name: str, **parameters: object) -> np.ndarray | None:
    try:
        return StaticLaw.of(name, **parameters).apply(grid)  # type: ignore[arg-type]
    except LawDoesNotApply:
        return None


def _of_one_colour(grid: np.ndarray) -> np.ndarray:
    return np.where(grid > 0, 3, 0).astype(np.uint8)


_TURNED_AS = {
    "turn half round": "turn_around",
    "mirror left to right": "mirror_left_right",
    "mirror top to bottom": "mirror_up_down",
    "transpose": "mirror_diagonal",
    "turn clockwise": "turn_right",
    "turn counter-clockwise": "turn_left",
    "transpose the other way": "mirror_antidiagonal",
}
_Case = tuple[str, Callable[[np.ndarray], np.ndarray], str, dict[str, object]]  # step, which grids, law, parameters
SAME: list[_Case] = [
    *((name, np.asarray, "turn", {"symmetry": law}) for name, law in _TURNED_AS.items()),
    *(
        (f"tile {down} by {across}", np.asarray, "tile", {"times": [down, across]})
        for down, across in ((1, 2), (2, 1), (2, 2), (3, 3), (1, 3), (3, 1), (4, 4), (1, 4), (2, 3), (3, 2))
    ),
    *(
        (f"tile {down} by {across}, turned as {turns}", np.asarray, "tile_mirrored",
         {"times": [down, across], "original": corner})
        for down, across, turns, corner in (
            (1, 2, "0-2", "up_left"), (1, 2, "2-0", "up_right"), (2, 1, "0-3", "up_left"), (2, 1, "3-0", "down_left"),
            (2, 2, "0-2-3-1", "up_left"), (2, 2, "2-0-1-3", "up_right"), (2, 2, "3-1-0-2", "down_left"),
            (2, 2, "1-3-2-0", "down_right"), (3, 1, "0-3-0", "up_left"), (1, 3, "0-2-0", "up_left"),
            (3, 3, "0-2-0-3-1-3-0-2-0", "down_right"),
        )
    ),
    *((f"scale by {k}", np.asarray, "scale", {"times": [k, k]}) for k in (2, 3, 4)),
    ("scale by 1 and 2", np.asarray, "scale", {"times": [1, 2]}),
    ("scale by 2 and 1", np.asarray, "scale", {"times": [2, 1]}),
    ("fill what is enclosed", _of_one_colour, "fill_enclosed", {"colour": 3, "connectivity": 4}),
    ("fill what is enclosed by corners", _of_one_colour, "fill_enclosed", {"colour": 3, "connectivity": 8}),
    ("outline by edges", _of_one_colour, "outline", {"colour": 3, "connectivity": 4}),
    ("outline by corners", _of_one_colour, "outline", {"colour": 3, "connectivity": 8}),
    *(
        (f"rays {name}", _of_one_colour, "rays",
         {"source": 3, "directions": directions, "colour": 3, "only_to_contact": False})
        for name, directions in (
            ("right", ["right"]), ("down", ["down"]), ("left", ["left"]), ("up", ["up"]),
            ("left and right", ["left", "right"]), ("up and down", ["up", "down"]),
            ("along edges", ["up", "down", "left", "right"]),
            ("along diagonals", ["up_left", "up_right", "down_left", "down_right"]),
            ("all ways", ["up", "down", "left", "right", "up_left", "up_right", "down_left", "down_right"]),
        )
    ),
    ("sort rows, emptiest first", np.asarray, "sort_lines", {"fuller": "down"}),
    ("sort rows, fullest first", np.asarray, "sort_lines", {"fuller": "up"}),
    ("sort columns, emptiest first", np.asarray, "sort_lines", {"fuller": "right"}),
    ("sort columns, fullest first", np.asarray, "sort_lines", {"fuller": "left"}),
    ("bars of colours, across", np.asarray, "count_to_bars", {"counted": "cells", "bars": ("right", "up")}),
    ("bars of colours, down", np.asarray, "count_to_bars", {"counted": "cells", "bars": ("down", "left")}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen_as", "law", "parameters"), SAME, ids=[case[0] for case in SAME])
def test_a_step_equals_the_static_law_that_says_the_same(
    name: str, seen_as: Callable[[np.ndarray], np.ndarray], law: str, parameters: dict[str, object]
):
    rng = np.random.default_rng(6)
    num_compared = 0
    for _ in range(100):
        grid = seen_as(draw_grid(rng, 8))
        wanted = _law_or_none(grid, law, **parameters)
        made = step(name, grid)
        if wanted is None:  # a law refuses what has no answer that is the same however turned
            continue
        if made is None:  # a step refuses what changes nothing, or is too large
            assert np.array_equal(wanted, grid) or wanted.size > MAX_CELLS
            continue
        assert np.array_equal(made, wanted), grid.tolist()
        num_compared += 1
    assert num_compared >= 5


@pytest.mark.parametrize("connectivity", [4, 8])
def test_what_is_said_of_the_largest_object_equals_the_static_laws(connectivity: int):
    way = "edges" if connectivity == 4 else "corners"
    rng = np.random.default_rng(7)
    num_compared = 0
    for _ in range(200):
        grid = draw_grid(rng, 8)
        for chosen in ("largest", "smallest"):
            by: dict[str, object] = {"which": ("size_rank", chosen), "connectivity": connectivity}
            steps: list[tuple[str, str, dict[str, object]]] = [
                (f"crop to the {chosen} of objects by {way}", "crop", {"is_alone": False}),
                (f"crop the {chosen} of objects by {way} alone", "crop", {"is_alone": True}),
                (f"keep the {chosen} of objects by {way}", "keep", {}),
                (f"delete the {chosen} of objects by {way}", "delete", {}),
            ]
            for name, law, more in steps:
                made = step(name, grid)
                if made is not None:
                    assert is_same(made, _law_or_none(grid, law, **by, **more))
                    num_compared += 1
    assert num_compared > 200


# ---------------------------------------------------------------- slow and obvious

Cell = tuple[int, int]
Cells = dict[Cell, int]
_SIDES = [(0, 1), (1, 0), (0, -1), (-1, 0)]
_CORNERS = [(1, 1), (1, -1), (-1, 1), (-1, -1)]


def cells_of(grid: np.ndarray) -> Cells:
    """What is coloured."""
    return {(r, c): int(grid[r, c]) for r, c in np.ndindex(grid.shape) if grid[r, c]}


def painted(cells: Cells, shape: tuple[int, ...]) -> np.ndarray:
    grid = np.zeros(shape, np.uint8)
    for cell, colour in cells.items():
        grid[cell] = colour
    return grid


def objects_of(cells: Cells, way: int) -> list[set[Cell]]:
    """Objects by edges (0), by corners (1) or of any colours (2), in reading order."""
    found: list[set[Cell]] = []
    left = set(cells)
    while left:
        body, border = set(), {min(left)}
        while border:
            body |= border
            border = {
                (r + dr, c + dc)
                for r, c in border
                for dr, dc in (_SIDES if way == 0 else _SIDES + _CORNERS)
                if (r + dr, c + dc) in left - body and (way == 2 or cells[r + dr, c + dc] == cells[r, c])
            }
        found.append(body)
        left -= body
    return found


def pour(grid: np.ndarray) -> np.ndarray:
    """Down: each column's cells lie on its floor in their order."""
    columns = []
    for column in grid.T:
        kept = [colour for colour in column if colour]
        columns.append([0] * (len(column) - len(kept)) + kept)
    return np.array(columns, np.uint8).T


def fall(grid: np.ndarray, way: int, fixed: int) -> np.ndarray:
    """Down: all objects that can, together with those on top of them, go one row down, for as long as there are any."""
    cells, height = cells_of(grid), len(grid)
    bodies = objects_of(cells, way)
    while True:
        held = [b for b in bodies if any(r == height - 1 or (fixed and cells[r, c] == fixed) for r, c in b)]
        while True:
            under = set().union(*held)
            more = [b for b in bodies if b not in held and any((r + 1, c) in under for r, c in b)]
            if not more:
                break
            held += more
        loose = [b for b in bodies if b not in held]
        if not loose:
            return painted(cells, grid.shape)
        cells = {
            (r + (body in loose), c): colour for body in bodies for (r, c), colour in cells.items() if (r, c) in body
        }
        bodies = [{(r + 1, c) for r, c in body} if body in loose else body for body in bodies]


def slide(grid: np.ndarray, way: int, vanish: bool) -> np.ndarray | None:
    """Objects that face the largest one's box go straight to it until contact with it, or to the edge."""
    cells = cells_of(grid)
    bodies = objects_of(cells, way)
    by_size = sorted(bodies, key=len, reverse=True)
    if len(bodies) < 2 or len(by_size[0]) == len(by_size[1]):
        return None
    anchor = by_size[0]
    made = {cell: cells[cell] for cell in anchor}
    has_moved = False
    for body in bodies:
        if body is anchor:
            continue
        rows, columns = ({cell[axis] for cell in body} for axis in (0, 1))
        anchor_rows, anchor_columns = ({cell[axis] for cell in anchor} for axis in (0, 1))

        def faces(one: set[int], other: set[int]) -> bool:
            return min(one) <= max(other) and min(other) <= max(one)

        dr = dc = 0
        if faces(columns, anchor_columns) and not faces(rows, anchor_rows):
            dr = 1 if min(anchor_rows) > max(rows) else -1
        elif faces(rows, anchor_rows) and not faces(columns, anchor_columns):
            dc = 1 if min(anchor_columns) > max(columns) else -1
        elif vanish:
            continue
        k = 0
        while (dr or dc) and all(
            0 <= r + dr * (k + 1) < grid.shape[0]
            and 0 <= c + dc * (k + 1) < grid.shape[1]
            and (r + dr * (k + 1), c + dc * (k + 1)) not in anchor
            for r, c in body
        ):
            k += 1
        has_moved |= k > 0
        made |= {(r + dr * k, c + dc * k): cells[r, c] for r, c in body}
    return painted(made, grid.shape) if has_moved else None


def join(grid: np.ndarray, ways: list[Cell]) -> np.ndarray | None:
    """Between two cells of a colour, with only empty cells between them, a line; later lines lie over earlier ones."""
    cells = cells_of(grid)
    made = dict(cells)
    for (r, c), colour in cells.items():
        for dr, dc in ways:
            line = []
            y, x = r + dr, c + dc
            while 0 <= y < grid.shape[0] and 0 <= x < grid.shape[1] and (y, x) not in cells:
                line.append((y, x))
                y, x = y + dr, x + dc
            if line and cells.get((y, x)) == colour:
                made |= dict.fromkeys(line, colour)
    return painted(made, grid.shape) if made != cells else None


def rays(grid: np.ndarray, ways: list[Cell], past_others: bool) -> np.ndarray | None:
    """From each cell, to the edge or to contact; what an earlier ray coloured stays."""
    cells = cells_of(grid)
    made = dict(cells)
    for (r, c), colour in cells.items():
        for dr, dc in ways:
            y, x = r + dr, c + dc
            while 0 <= y < grid.shape[0] and 0 <= x < grid.shape[1] and (past_others or (y, x) not in cells):
                made.setdefault((y, x), colour)
                y, x = y + dr, x + dc
    return painted(made, grid.shape) if made != cells else None


def eat(grid: np.ndarray, grow: bool) -> np.ndarray | None:
    """Who touches one larger neighbour than itself, larger than all its others, is eaten by it, at once with all."""
    cells = cells_of(grid)
    bodies = objects_of(cells, 0)
    eater: dict[int, int] = {}
    for k, body in enumerate(bodies):
        around = {(r + dr, c + dc) for r, c in body for dr, dc in _SIDES}
        near = [m for m, other in enumerate(bodies) if m != k and other & around and len(other) > len(body)]
        most = [m for m in near if len(bodies[m]) == max(len(bodies[n]) for n in near)]
        if len(most) == 1:
            eater[k] = most[0]
    if not eater:
        return None
    made: Cells = {}
    for k, body in enumerate(bodies):
        last = k
        while last in eater:
            last = eater[last]
        if last == k or grow:
            made |= dict.fromkeys(body, cells[min(bodies[last])])
    return painted(made, grid.shape)


def _turned_down(law: Callable[[np.ndarray], np.ndarray], direction: str) -> Callable[[np.ndarray], np.ndarray]:
    """A law that goes down, for another direction."""
    to = next(name for name in SYMMETRIES if turn_direction(direction, name) == "down")
    back = next(name for name in SYMMETRIES if SYMMETRIES[name] == tuple(zip(*SYMMETRIES[to], strict=True)))
    return lambda grid: transform(law(transform(grid, to)), back)


def references() -> dict[int, Callable[[Operation], Callable[[np.ndarray], np.ndarray | None]]]:
    """By kernel: from a step to what it does, slowly."""
    joins = {0: [(0, 1)], 1: [(1, 0)], 2: [(0, 1), (1, 0)], 3: [(1, 1), (1, -1)]}
    joins[4] = joins[2] + joins[3]
    return {
        12: lambda o: _turned_down(pour, _DIRECTIONS[o.a]),
        13: lambda o: _turned_down(lambda grid: fall(grid, o.b // 10, o.b % 10), _DIRECTIONS[o.a]),
        14: lambda o: lambda grid: slide(grid, o.a, o.b == 1),
        16: lambda o: lambda grid: join(grid, joins[o.a]),
        17: lambda o: lambda grid: rays(grid, [STEPS[n] for k, n in enumerate(_RAYS) if o.a >> k & 1], o.b == 1),
        29: lambda o: lambda grid: eat(grid, o.a == 1),
    }


@pytest.mark.parametrize("kernel", references())
def test_what_moves_and_grows_equals_a_slow_obvious_version(kernel: int):
    rng = np.random.default_rng(8)
    num_compared = 0
    for _ in range(40):
        grid = draw_grid(rng, 8)
        for o in OPERATIONS:
            if o.kernel == kernel:
                made = done(o.kernel, o.a, o.b, grid)
                assert is_same(made, references()[kernel](o)(grid)), f"{o.name} of {grid.tolist()}"
                num_compared += made is not None
    assert num_compared >= 20


@pytest.mark.parametrize("name", [o.name for o in OPERATIONS if o.kernel in (12, 13)])
def test_what_falls_is_neither_lost_nor_made(name: str):
    rng = np.random.default_rng(9)
    for _ in range(30):
        grid = draw_grid(rng, 10)
        made = step(name, grid)
        assert made is not None
        assert np.array_equal(np.bincount(made.ravel(), minlength=10), np.bincount(grid.ravel(), minlength=10))
        again = step(name, made)
        assert again is not None
        if "objects" not in name:
            assert np.array_equal(again, made)


def test_a_program_stops_where_a_step_does_not_apply():
    grid = grid_of("1. .2")
    steps = [NUMBER_OF[name] for name in ("mirror left to right", "scale by 2")]
    made = apply_program(steps, [grid, grid.T])
    assert made is not None
    assert made[0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 0, 0], [2, 2, 0, 0]]
    assert grid.tolist() == [[1, 0], [0, 2]]
    assert apply_program([*steps, NUMBER_OF["crop the box of colour 5"]], [grid]) is None
    assert apply_program([NUMBER_OF["crop the box of colour 1"]], [grid, np.zeros((2, 2), np.uint8)]) is None
