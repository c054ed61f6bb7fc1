"""A canvas of colour grids: acts that edit what is selected, select within it, or release it.

To select a rectangle or an organism is an act of its own (zoom): what is seen and edited next is that crop, with a
coarse view of the whole beside it, and whether a part is right is the same selection, compared. The edits are those of
`world.codec`, done by its machine: an edit of a crop is that edit within `SEL ... END`, so that a history of acts is a
stream of codes.

Letters: B grids of H x W cells (1 to 30 a side, each of its own size), R regions. A rectangle is four whole numbers:
row, column, height, width. Colours are 0 to 10 as in the codec, 0 is empty.

An *act* is six whole numbers: an operation, and its arguments as values (not tokens); those that the operation does not
have are not read. Operations are numbered as in the codec, whose SEL and END are SELECT and RELEASE.

    GIVE, PAINT, DEL, MOVE, TURN, COPY    edits of the organisms of the crop, and
    RECT, RAY, SET                        of its cells, as within SEL ... END; arguments are those of the codec
    SIZE height width                     the whole grid has this size; then all of it is selected
    CROP row column height width          this window of what is selected becomes the whole grid; all of it is selected
    SELECT row column height width        select a rectangle of what is selected
    SELECT_ORGANISM organism              select the bounding box of an organism of the crop
    RELEASE                               select the whole grid
    STAY                                  nothing

All places are relative to what is selected, so that selections nest, and organisms are the components of the crop
alone, numbered anew in it. A release leads to the whole grid at once: what is selected is then all that there is to
know about the past, and one SELECT leads from the whole to any level between.

An act that cannot be done changes nothing: it names an organism that is not there, or reaches beyond the crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from world.codec import checked_grid
from world.codes import OUTSIDE
from world.compiling import njit
from world.edit_rules import (
    ARGUMENTS,
    CROP,
    END,
    GIVE,
    KINDS,
    MAX_SIDE_CELLS,
    NUM_ARGUMENTS,
    NUM_COLOURS,
    NUM_OPERATIONS,
    RECT,
    SEL,
    ZERO_TOKEN,
    Fault,
    Operation,
    number_organisms,
    put_picture,
    resized,
    run_block,
    window_of,
)


class Act(IntEnum):
    """Operations of acts; the module's docstring says what each does."""

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
    SELECT = 11
    RELEASE = 12
    SELECT_ORGANISM = 13
    STAY = 14


ACT_ARGUMENTS: dict[Act, tuple[str, ...]] = {  # kinds of KINDS
    **{Act(operation): ARGUMENTS[operation] for operation in Operation},
    Act.SELECT_ORGANISM: ARGUMENTS[Operation.DEL],
    Act.STAY: (),
}
ACT_LENGTH = 1 + max(len(kinds) for kinds in ACT_ARGUMENTS.values())


def _reach_table() -> np.ndarray:
    """Lowest and highest value of each number of an act, (operations, 6, 2); what is not read may be anything."""
    reach = np.zeros((len(Act), ACT_LENGTH, 2), np.int64)
    reach[:] = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    for act, kinds in ACT_ARGUMENTS.items():
        for k, kind in enumerate(kinds):
            reach[act, 1 + k] = KINDS[kind][:2]
    return reach


ACT_REACH = _reach_table()
_SELECT, _RELEASE, _SELECT_ORGANISM, _NUM_ACTS = SEL, END, int(Act.SELECT_ORGANISM), len(Act)
_NO_FAULT = int(Fault.NONE)
_MAX_CODE_TOKENS = 5 + ACT_LENGTH + 2  # SEL with its rectangle, the edit, END twice


def act_of(operation: Act, *arguments: int) -> np.ndarray:
    """One act (6,) int64, filled up with zeros.

    >>> act_of(Act.SELECT, 1, 0, 2, 2).tolist()
    [11, 1, 0, 2, 2, 0]
    """
    kinds = ACT_ARGUMENTS[operation]
    if len(arguments) != len(kinds):
        raise ValueError(f"{operation.name} needs {len(kinds)} arguments, got {len(arguments)}")
    act = np.zeros(ACT_LENGTH, np.int64)
    act[0] = operation
    act[1 : 1 + len(arguments)] = arguments
    return act


class Canvas:
    """B grids, and what is selected in each; the arrays are those on which acts work.

    >>> canvas = Canvas([np.array([[3, 0, 0], [0, 5, 5]], np.uint8)])
    >>> canvas.act(act_of(Act.SELECT_ORGANISM, 2)[None]).tolist(), canvas.selected.tolist()
    ([True], [[1, 1, 1, 2]])
    >>> canvas.act(act_of(Act.PAINT, 1, 8)[None]).tolist(), canvas.grid(0).tolist()
    ([True], [[3, 0, 0], [0, 8, 8]])
    """

    cells: np.ndarray  # (B, 30, 30) uint8: each grid in the upper left corner, 0 beyond it
    sides: np.ndarray  # (B, 2) int64: height and width
    selected: np.ndarray  # (B, 4) int64: rectangle of the whole grid

    def __init__(self, grids: Sequence[np.ndarray] | np.ndarray) -> None:
        """A canvas of grids (H, W), copied, each selected as a whole; ValueError if one is no colour grid."""
        num_grids = len(grids)
        self.cells = np.zeros((num_grids, MAX_SIDE_CELLS, MAX_SIDE_CELLS), np.uint8)
        self.sides = np.zeros((num_grids, 2), np.int64)
        self.selected = np.zeros((num_grids, 4), np.int64)
        self._codes = np.full((num_grids, _MAX_CODE_TOKENS), END, np.int16)  # of the last act
        self._num_tokens = np.ones(num_grids, np.int64)
        self.put(np.arange(num_grids), grids)

    def __len__(self) -> int:
        return len(self.cells)

    def put(self, places: np.ndarray, grids: Sequence[np.ndarray] | np.ndarray) -> None:
        """Other grids in these places (m,), each selected as a whole."""
        checked = [checked_grid(grid, f"grids[{n}]") for n, grid in enumerate(grids)]
        if len(places) != len(checked):
            raise ValueError(f"there must be one grid for each of {len(places)} places, got {len(checked)}")
        places = np.arange(len(self.cells))[places]  # IndexError before anything is changed
        for b, grid in zip(places, checked, strict=True):
            self.cells[b] = 0
            self.cells[b, : grid.shape[0], : grid.shape[1]] = grid
            self.sides[b] = grid.shape
            self.selected[b] = 0, 0, *grid.shape
            self._codes[b, 0] = END
            self._num_tokens[b] = 1

    def copy(self) -> Canvas:
        """A canvas with the same grids and selections that shares no array with this one."""
        twin = Canvas([])
        for name in ("cells", "sides", "selected", "_codes", "_num_tokens"):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    def grid(self, b: int) -> np.ndarray:
        """Grid b (H, W) uint8, copied."""
        height, width = self.sides[b]
        return self.cells[b, :height, :width].copy()

    def act(self, acts: np.ndarray) -> np.ndarray:
        """Do one act (B, 6) in each grid; which could be done, (B,) bool. The others change nothing.

        ValueError, and nothing is done in any grid, if one is no act at all.
        """
        acts = self._checked_acts(acts)
        is_done = np.empty(len(self), np.bool_)
        _act_kernel(self.cells, self.sides, self.selected, acts, self._codes, self._num_tokens, is_done)
        return is_done

    def codes(self) -> list[np.ndarray]:
        """What the last act did to each grid, as B codes of `world.codec`: END alone where it was no edit.

        `decode(before, code)` is what the edit led to, so the codes of all acts in turn lead from the first grid to the
        last.
        """
        return [code[:length].copy() for code, length in zip(self._codes, self._num_tokens, strict=True)]

    def view(self, height: int, width: int, rectangles: np.ndarray | None = None) -> np.ndarray:
        """The crops, (B, height, width) uint8 look codes: each from its upper left corner, OUTSIDE beyond it.

        What is larger than the view is cut off. `rectangles` (B, 4) are looked at instead of what is selected; what of
        them lies beyond the grid is OUTSIDE too.
        """
        shape = len(self), _checked_side("height", height), _checked_side("width", width)
        looks = np.empty(shape, np.uint8)
        rectangles = self.selected if rectangles is None else self._checked_rectangles(rectangles, "rectangles", 2)
        _view_kernel(self.cells, self.sides, rectangles, looks)
        return looks

    def coarse(self, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
        """The whole grids, coarsely: colours (B, rows, columns) uint8, and where the selection is, (B, ...) bool.

        Coarse cell (i, j) stands for the rows from floor(i H / rows) to before ceil((i + 1) H / rows) of its grid, and
        columns likewise: it and its neighbour share a line where the sides do not divide, and of a grid that is smaller
        some show the same cell. It shows the most frequent colour of its filled cells, the lowest of equally frequent
        ones, and 0 only if all are empty; it is part of the selection if one of its cells is.

        A turned canvas has the turned coarse view, and renamed colours the renamed one except where two are equally
        frequent.
        """
        shape = len(self), _checked_side("rows", rows), _checked_side("columns", columns)
        shown, is_selected = np.empty(shape, np.uint8), np.empty(shape, np.bool_)
        _coarse_kernel(self.cells, self.sides, self.selected, shown, is_selected)
        return shown, is_selected

    def matches(self, targets: Canvas | Sequence[np.ndarray], regions: np.ndarray | None = None) -> np.ndarray:
        """Whether what is selected is the same in the target grids, (B,) bool; with regions (B, R, 4), (B, R) bool.

        True only if every cell of the rectangle is equal and the whole grids are of one size: in a grid of the wrong
        size no part is right. Regions are rectangles of the whole grid, whatever is selected; one that reaches beyond
        it does not match.
        """
        if not isinstance(targets, Canvas):
            targets = Canvas(targets)
        if len(targets) != len(self):
            raise ValueError(f"targets must be one grid for each of {len(self)}, got {len(targets)}")
        rectangles = self.selected[:, None] if regions is None else self._checked_rectangles(regions, "regions", 3)
        is_same = np.empty(rectangles.shape[:2], np.bool_)
        _match_kernel(self.cells, self.sides, targets.cells, targets.sides, rectangles, is_same)
        return is_same[:, 0] if regions is None else is_same

    def equals(self, targets: Canvas | Sequence[np.ndarray]) -> np.ndarray:
        """Whether the whole grids are the target grids, sizes included, (B,) bool."""
        whole = np.concatenate([np.zeros_like(self.sides), self.sides], axis=1)
        return self.matches(targets, whole[:, None])[:, 0]

    def _checked_acts(self, acts: np.ndarray) -> np.ndarray:
        acts = np.asarray(acts)
        if acts.shape != (len(self), ACT_LENGTH) or acts.dtype.kind not in "iu":
            raise ValueError(
                f"acts must be whole numbers of shape {(len(self), ACT_LENGTH)}, got {acts.dtype} of shape {acts.shape}"
            )
        wide = _wide(acts)
        b, k = _first_wrong(wide, ACT_REACH)
        if k == 0:
            raise ValueError(f"acts[{b}, 0] must be an operation in [0, {_NUM_ACTS - 1}], got {acts[b, 0]}")
        if k > 0:
            act = Act(int(wide[b, 0]))
            lowest, highest = ACT_REACH[act, k]
            kind = ACT_ARGUMENTS[act][k - 1]
            raise ValueError(
                f"acts[{b}, {k}] must be the {kind} of {act.name} in [{lowest}, {highest}], got {acts[b, k]}"
            )
        return wide

    def _checked_rectangles(self, rectangles: np.ndarray, name: str, num_axes: int) -> np.ndarray:
        rectangles = np.asarray(rectangles)
        letters = "(B, 4)" if num_axes == 2 else "(B, R, 4)"
        is_shaped = rectangles.ndim == num_axes and (rectangles.shape[0], rectangles.shape[-1]) == (len(self), 4)
        if not is_shaped or rectangles.dtype.kind not in "iu":
            raise ValueError(
                f"{name} must be whole numbers of shape {letters} with B = {len(self)}, "
                f"got {rectangles.dtype} of shape {rectangles.shape}"
            )
        wide = _wide(rectangles)
        lowest, highest = ACT_REACH[Act.SELECT, 1:5].T
        wrong = np.argwhere((wide < lowest) | (wide > highest))
        if len(wrong):
            where = tuple(wrong[0].tolist())
            kind = ARGUMENTS[Operation.SEL][where[-1]]
            raise ValueError(
                f"{name}{list(where)} must be a {kind} in [{lowest[where[-1]]}, {highest[where[-1]]}], "
                f"got {rectangles[where]}"
            )
        return wide


def _wide(numbers: np.ndarray) -> np.ndarray:
    """Whole numbers as int64 in one layout; what is too large becomes as large as can be."""
    if numbers.dtype == np.uint64:
        numbers = np.minimum(numbers, np.uint64(np.iinfo(np.int64).max))
    return np.ascontiguousarray(numbers, np.int64)


def _checked_side(name: str, value: int) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {value!r}")
    return int(value)


@njit(cache=True)
def _first_wrong(acts, reach):
    """Where the first number is that cannot stand there, (b, k); (-1, -1) if there is none."""
    for b in range(len(acts)):
        operation = acts[b, 0]
        if operation < 0 or operation >= _NUM_ACTS:
            return b, 0
        for k in range(1, acts.shape[1]):
            if acts[b, k] < reach[operation, k, 0] or acts[b, k] > reach[operation, k, 1]:
                return b, k
    return -1, -1


@njit(cache=True)
def _act_kernel(cells, sides, selected, acts, codes, num_tokens, is_done):
    costs = np.zeros(NUM_OPERATIONS, np.int64)  # nobody asks what a code costs
    for b in range(len(cells)):
        operation = acts[b, 0]
        num_tokens[b] = 0
        if operation < SEL:
            edit_at, num_tokens[b] = _write_code(acts[b], sides[b], selected[b], codes[b])
        if operation < GIVE:
            is_done[b] = _remake(cells[b], sides[b], selected[b], acts[b])
        elif operation < SEL:
            is_done[b] = _edit(cells[b], selected[b], codes[b], edit_at, costs)
        else:
            is_done[b] = _select(cells[b], sides[b], selected[b], acts[b])
        if num_tokens[b] == 0 or not is_done[b]:
            codes[b, 0] = END
            num_tokens[b] = 1


@njit(cache=True)
def _write_code(act, sides, selected, code):
    """An act that edits as a code: the token at which the edit stands, and how many tokens there are."""
    operation = act[0]
    at = 0
    if operation >= GIVE and (selected[2] < sides[0] or selected[3] < sides[1]):
        code[0] = SEL
        for k in range(4):
            code[1 + k] = ZERO_TOKEN[SEL, k] + selected[k]
        at = 5
    code[at] = operation
    for k in range(NUM_ARGUMENTS[operation]):
        code[at + 1 + k] = ZERO_TOKEN[operation, k] + act[1 + k]
    if operation == CROP:
        code[1] += selected[0]
        code[2] += selected[1]
    length = at + 1 + NUM_ARGUMENTS[operation]
    for _ in range(2 if at > 0 else 1):
        code[length] = END
        length += 1
    return at, length


@njit(cache=True)
def _edit(cells, selected, code, at, costs):
    """Do the edit that stands in a code in what is selected; False, and nothing is written, if it cannot be done."""
    crop = window_of(cells, selected[0], selected[1], selected[2], selected[3])
    edited = crop.copy()
    if code[at] < RECT:
        numbers, num_organisms = number_organisms(crop)
    else:
        numbers, num_organisms = np.zeros((1, 1), np.int16), 0  # drawing names none
    if run_block(crop, numbers, num_organisms, edited, code, at, costs)[0] != _NO_FAULT:
        return False
    put_picture(edited, selected[0], selected[1], 0, cells)
    return True


@njit(cache=True)
def _remake(cells, sides, selected, act):
    """Do SIZE or CROP; False, and nothing is written, if the window does not lie in what is selected."""
    if act[0] == CROP:
        if act[1] + act[3] > selected[2] or act[2] + act[4] > selected[3]:
            return False
        grid = window_of(cells, selected[0] + act[1], selected[1] + act[2], act[3], act[4])
    else:
        grid = resized(window_of(cells, 0, 0, sides[0], sides[1]), act[1], act[2])
    cells[:] = 0
    put_picture(grid, 0, 0, 0, cells)
    sides[0], sides[1] = grid.shape
    _release(sides, selected)
    return True


@njit(cache=True)
def _release(sides, selected):
    selected[0], selected[1], selected[2], selected[3] = 0, 0, sides[0], sides[1]


@njit(cache=True)
def _select(cells, sides, selected, act):
    """Do an act that edits nothing; False, and nothing is selected anew, if it cannot be done."""
    if act[0] == _SELECT:
        if act[1] + act[3] > selected[2] or act[2] + act[4] > selected[3]:
            return False
        selected[0] += act[1]
        selected[1] += act[2]
        selected[2], selected[3] = act[3], act[4]
    elif act[0] == _SELECT_ORGANISM:
        numbers, _ = number_organisms(window_of(cells, selected[0], selected[1], selected[2], selected[3]))
        top, left, bottom, right = _ends_of(numbers, act[1])
        if bottom < 0:
            return False
        selected[0] += top
        selected[1] += left
        selected[2], selected[3] = bottom - top + 1, right - left + 1
    elif act[0] == _RELEASE:
        _release(sides, selected)
    return True


@njit(cache=True)
def _ends_of(numbers, n):
    """First row and column and last row and column of organism n; the last ones are -1 if it is not there."""
    top, left, bottom, right = numbers.shape[0], numbers.shape[1], -1, -1
    for row in range(numbers.shape[0]):
        for col in range(numbers.shape[1]):
            if numbers[row, col] == n:
                top, left = min(top, row), min(left, col)
                bottom, right = row, max(right, col)
    return top, left, bottom, right


@njit(cache=True)
def _view_kernel(cells, sides, rectangles, looks):
    for b in range(len(cells)):
        top, left = rectangles[b, 0], rectangles[b, 1]
        height = min(rectangles[b, 2], sides[b, 0] - top)
        width = min(rectangles[b, 3], sides[b, 1] - left)
        for row in range(looks.shape[1]):
            for col in range(looks.shape[2]):
                is_in = row < height and col < width
                looks[b, row, col] = cells[b, top + row, left + col] if is_in else OUTSIDE


@njit(cache=True)
def _coarse_kernel(cells, sides, selected, shown, is_selected):
    rows, columns = shown.shape[1], shown.shape[2]
    counts = np.empty(NUM_COLOURS, np.int64)
    for b in range(len(cells)):
        height, width = sides[b]
        bottom, right = selected[b, 0] + selected[b, 2], selected[b, 1] + selected[b, 3]
        for i in range(rows):
            row, to_row = i * height // rows, -(-(i + 1) * height // rows)
            for j in range(columns):
                col, to_col = j * width // columns, -(-(j + 1) * width // columns)
                counts[:] = 0
                for r in range(row, to_row):
                    for c in range(col, to_col):
                        counts[cells[b, r, c]] += 1
                most = 0
                for colour in range(1, NUM_COLOURS):
                    if counts[colour] > (counts[most] if most > 0 else 0):
                        most = colour
                shown[b, i, j] = most
                is_selected[b, i, j] = (
                    row < bottom and selected[b, 0] < to_row and col < right and selected[b, 1] < to_col
                )


@njit(cache=True)
def _match_kernel(cells, sides, target_cells, target_sides, rectangles, is_same):
    for b in range(len(cells)):
        is_one_size = sides[b, 0] == target_sides[b, 0] and sides[b, 1] == target_sides[b, 1]
        for k in range(rectangles.shape[1]):
            top, left = rectangles[b, k, 0], rectangles[b, k, 1]
            bottom, right = top + rectangles[b, k, 2], left + rectangles[b, k, 3]
            same = is_one_size and bottom <= sides[b, 0] and right <= sides[b, 1]
            row = top
            while same and row < bottom:
                for col in range(left, right):
                    same = same and cells[b, row, col] == target_cells[b, row, col]
                row += 1
            is_same[b, k] = same
