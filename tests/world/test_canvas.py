"""A canvas does in a crop what the codec does there and touches nothing else; it shows what plain Python shows."""

from __future__ import annotations

import os
from collections import Counter
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.world.drawn_grids import draw_grid
from tests.world.reference_codec import components
from world.canvas import ACT_ARGUMENTS, ACT_LENGTH, ACT_REACH, Act, Canvas, act_of
from world.codec import GridEdit, Operation, decode, describe, join
from world.codes import OUTSIDE
from world.edit_rules import KINDS
from world.symmetry import STEPS, SYMMETRIES, compose, inverse, swaps_axes, transform, turn_direction

NUM_CASES = max(int(os.environ.get("BOXLINGS_CASES", "300")), 300)  # fewer would not meet every kind of act
OF_ORGANISMS = (Act.GIVE, Act.PAINT, Act.DEL, Act.MOVE, Act.TURN, Act.COPY)
EDITS = (*OF_ORGANISMS, Act.RECT, Act.RAY, Act.SET)
RIGHT, TURN_AROUND = list(STEPS).index("right"), list(SYMMETRIES).index("turn_around")


def grid_of(picture: str) -> np.ndarray:
    """A grid from a drawing: digits are colours, . is empty, X the look of a boxling."""
    return np.array([[".123456789X".index(letter) for letter in line] for line in picture.split()], np.uint8)


def drawing_of(grid: np.ndarray) -> str:
    return " ".join("".join(".123456789X"[cell] for cell in row) for row in grid)


def state_of(canvas: Canvas) -> tuple[bytes, ...]:
    return canvas.cells.tobytes(), canvas.sides.tobytes(), canvas.selected.tobytes()


def draw_act(rng: np.random.Generator, selected: np.ndarray, operations: tuple[Act, ...] = tuple(Act)) -> np.ndarray:
    """An act that can be done more often than not; numbers that are not read are anything."""
    act = rng.integers(-99, 99, ACT_LENGTH)
    # after a few windows of windows a single cell is left, in which there is little to do
    of_operation = {Act.CROP: 0.2, Act.SIZE: 0.3, Act.RELEASE: 2.0, Act.SELECT: 2.0}
    weights = np.array([of_operation.get(each, 1.0) for each in operations])
    act[0] = rng.choice(operations, p=weights / weights.sum())
    for k, kind in enumerate(ACT_ARGUMENTS[Act(act[0])], start=1):
        lowest, highest, group = KINDS[kind]
        if act[0] != Act.SIZE and rng.random() < 0.9:
            by_column = kind in ("column", "width", "columns")
            side = int(selected[3 if by_column else 2])
            most = {"position": max(side // rng.integers(1, 3), 1), "shift": 2, "organism": 4}.get(group, highest)
            lowest, highest = max(lowest, -most), min(highest, most)
        act[k] = rng.integers(lowest, highest + 1)
    return act


class Reference:
    """One grid and what is selected in it, in plain Python: crop, decode with the codec, paste."""

    def __init__(self, grid: np.ndarray) -> None:
        self.grid = grid.copy()
        self.release()

    def release(self) -> None:
        self.selected = [0, 0, *self.grid.shape]

    @property
    def crop(self) -> np.ndarray:
        row, column, height, width = self.selected
        return self.grid[row : row + height, column : column + width]

    def act(self, act: np.ndarray) -> bool:
        operation = Act(int(act[0]))
        arguments = tuple(act[1 : 1 + len(ACT_ARGUMENTS[operation])].tolist())
        row, column, height, width = self.selected
        if operation in EDITS:
            edited = self.decoded(self.crop, operation, arguments)
            if edited is not None:
                self.grid[row : row + height, column : column + width] = edited
            return edited is not None
        if operation in (Act.SIZE, Act.CROP):
            made = self.decoded(self.crop if operation == Act.CROP else self.grid, operation, arguments)
            if made is not None:
                self.grid = made
                self.release()
            return made is not None
        if operation == Act.SELECT:
            if self.crop[arguments[0] :, arguments[1] :][: arguments[2], : arguments[3]].shape != arguments[2:]:
                return False
            self.selected = [row + arguments[0], column + arguments[1], *arguments[2:]]
        elif operation == Act.SELECT_ORGANISM:
            organisms = components(self.crop)
            if arguments[0] not in organisms:
                return False
            (top, left), (bottom, right) = np.min(organisms[arguments[0]], 0), np.max(organisms[arguments[0]], 0)
            self.selected = [int(row + top), int(column + left), int(bottom - top + 1), int(right - left + 1)]
        elif operation == Act.RELEASE:
            self.release()
        return True

    @staticmethod
    def decoded(grid: np.ndarray, operation: Act, arguments: tuple[int, ...]) -> np.ndarray | None:
        try:
            return decode(grid, join([GridEdit(Operation(operation), arguments)]))
        except ValueError:
            return None


def draw_grids(rng: np.random.Generator, num_grids: int) -> list[np.ndarray]:
    """Grids of all sizes, among them the smallest and the largest."""
    grids = [np.full((1, 1), rng.integers(0, 11), np.uint8), rng.integers(0, 3, (30, 30), dtype=np.uint8)]
    return grids + [draw_grid(rng, int(rng.integers(2, 31))) for _ in range(num_grids - 2)]


# ---- what acts do ----

# before, acts, after, and what is selected then
EXAMPLES: dict[str, tuple[str, list[tuple], str, list[int]]] = {
    "to stay changes nothing": ("12 .3", [(Act.STAY,)], "12 .3", [0, 0, 2, 2]),
    "an edit of the whole": ("1.2", [(Act.MOVE, 2, 0, -1)], "12.", [0, 0, 1, 3]),
    "an edit of a crop counts from its corner": (
        "... ... ...",
        [(Act.SELECT, 1, 1, 2, 2), (Act.SET, 0, 1, 7)],
        "... ..7 ...",
        [1, 1, 2, 2],
    ),
    "selections nest": (
        ".... .... .... ....",
        [(Act.SELECT, 1, 1, 3, 3), (Act.SELECT, 1, 1, 2, 2), (Act.RECT, 0, 0, 1, 2, 5)],
        ".... .... ..55 ....",
        [2, 2, 2, 2],
    ),
    "a release leads to the whole at once": (
        ".... .... .... ....",
        [(Act.SELECT, 1, 1, 3, 3), (Act.SELECT, 1, 1, 2, 2), (Act.RELEASE,), (Act.SET, 0, 0, 1)],
        "1... .... .... ....",
        [0, 0, 4, 4],
    ),
    "organisms are numbered anew in a crop": (
        "1.2 ... 3.4",
        [(Act.SELECT, 1, 0, 2, 3), (Act.DEL, 1)],
        "1.2 ... ..4",
        [1, 0, 2, 3],
    ),
    "the crop cuts organisms": ("1111", [(Act.SELECT, 0, 1, 1, 2), (Act.PAINT, 1, 6)], "1661", [0, 1, 1, 2]),
    "what is one outside may be two in the crop": (
        "111 1.1",
        [(Act.SELECT, 1, 0, 1, 3), (Act.PAINT, 2, 6)],
        "111 1.6",
        [1, 0, 1, 3],
    ),
    "an organism's box": (
        "4..... ..33.. ...3.. ......",
        [(Act.SELECT_ORGANISM, 2)],
        "4..... ..33.. ...3.. ......",
        [1, 2, 2, 2],
    ),
    "an organism of a crop": (
        "4..... ..33.. ...3.. ......",
        [(Act.SELECT, 1, 1, 3, 4), (Act.SELECT_ORGANISM, 1), (Act.SET, 1, 0, 9)],
        "4..... ..33.. ..93.. ......",
        [1, 2, 2, 2],
    ),
    "a ray ends where the crop does": (
        "......",
        [(Act.SELECT, 0, 1, 1, 3), (Act.RAY, 0, 1, RIGHT, 8)],
        "..88..",
        [0, 1, 1, 3],
    ),
    "the picture is the crop": (
        "12.. .... ....",
        [(Act.SELECT, 0, 0, 1, 2), (Act.COPY, 0, 0, 0, TURN_AROUND)],
        "21.. .... ....",
        [0, 0, 1, 2],
    ),
    "a new size is that of the whole, and releases": (
        "12 34",
        [(Act.SELECT, 1, 1, 1, 1), (Act.SIZE, 1, 3)],
        "12.",
        [0, 0, 1, 3],
    ),
    "what SIZE cuts does not come back": ("12 34", [(Act.SIZE, 1, 1), (Act.SIZE, 2, 2)], "1. ..", [0, 0, 2, 2]),
    "a window of the crop becomes the whole": (
        "123 456 789",
        [(Act.SELECT, 1, 1, 2, 2), (Act.CROP, 1, 0, 1, 2)],
        "89",
        [0, 0, 1, 2],
    ),
    "to cut out an organism": (
        "... .11 .1.",
        [(Act.SELECT_ORGANISM, 1), (Act.CROP, 0, 0, 2, 2)],
        "11 1.",
        [0, 0, 2, 2],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_act_does_what_its_words_say(name: str):
    before, acts, after, selected = EXAMPLES[name]
    canvas = Canvas([grid_of(before)])
    for act in acts:
        assert canvas.act(act_of(*act)[None]).tolist() == [True]
    assert drawing_of(canvas.grid(0)) == after
    assert canvas.selected.tolist() == [selected]


# acts that cannot be done in the crop of 2 x 3 cells "11. ..2"
IMPOSSIBLE = [
    (Act.DEL, 3), (Act.GIVE, 1, 3), (Act.GIVE, 3, 1), (Act.PAINT, 32, 1), (Act.TURN, 3, 0), (Act.COPY, 3, 0, 0, 0),
    (Act.SELECT_ORGANISM, 3),
    (Act.MOVE, 1, 0, 2), (Act.MOVE, 2, 1, 0), (Act.MOVE, 1, -1, 0), (Act.MOVE, 1, 0, -1),
    (Act.COPY, 1, 0, 2, 0), (Act.COPY, 0, 0, 1, 0), (Act.SET, 2, 0, 1), (Act.SET, 0, 3, 1), (Act.RAY, 2, 0, 0, 1),
    (Act.RECT, 0, 0, 3, 1, 1), (Act.RECT, 1, 2, 1, 2, 1), (Act.SELECT, 0, 0, 3, 1), (Act.SELECT, 0, 2, 1, 2),
    (Act.CROP, 1, 0, 2, 3), (Act.CROP, 0, 1, 1, 3),
]  # fmt: skip


@pytest.mark.parametrize("act", IMPOSSIBLE, ids=lambda act: " ".join([act[0].name, *map(str, act[1:])]))
def test_what_cannot_be_done_changes_nothing_and_is_told(act: tuple):
    # all round the crop there is room, and a third organism
    canvas = Canvas([grid_of("....... .11.... ...2... ......5")] * 2)
    canvas.act(np.stack([act_of(Act.SELECT, 1, 1, 2, 3)] * 2))
    before = state_of(canvas)
    assert canvas.act(np.stack([act_of(*act), act_of(Act.STAY)])).tolist() == [False, True]
    assert state_of(canvas) == before
    assert [code.tolist() for code in canvas.codes()] == [[Operation.END]] * 2


def test_organisms_beyond_the_last_name_have_none_until_a_crop_names_them():
    checkers = np.indices((9, 9)).sum(axis=0) % 2  # 40 single cells
    canvas = Canvas([checkers] * 2)
    assert canvas.act(np.stack([act_of(Act.SELECT_ORGANISM, 32), act_of(Act.SELECT, 8, 0, 1, 9)])).all()
    assert canvas.selected[0].tolist() == [7, 0, 1, 1]
    assert canvas.act(np.stack([act_of(Act.RELEASE), act_of(Act.SELECT_ORGANISM, 4)])).all()
    assert canvas.selected[1].tolist() == [8, 7, 1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_histories_are_those_of_plain_python(seed: int):
    rng = np.random.default_rng(seed)
    grids = draw_grids(rng, 40)
    canvas, references = Canvas(grids), [Reference(grid) for grid in grids]
    counted: Counter[tuple[Act, bool]] = Counter()
    for _ in range(max(NUM_CASES // 6, 1)):
        acts = np.stack([draw_act(rng, selected) for selected in canvas.selected])
        is_done = canvas.act(acts)
        for b, reference in enumerate(references):
            assert is_done[b] == reference.act(acts[b]), acts[b]
            assert canvas.selected[b].tolist() == reference.selected, acts[b]
            np.testing.assert_array_equal(canvas.grid(b), reference.grid)
            counted[Act(acts[b, 0]), bool(is_done[b])] += 1
    assert all(counted[act, True] for act in Act)
    assert all(counted[act, False] for act in Act if act not in (Act.SIZE, Act.RELEASE, Act.STAY))


@pytest.mark.parametrize("seed", range(3))
def test_a_history_of_acts_is_a_stream_of_codes(seed: int):
    rng = np.random.default_rng(seed)
    canvas = Canvas(draw_grids(rng, 40))
    replayed = [canvas.grid(b) for b in range(40)]
    assert [code.tolist() for code in canvas.codes()] == [[Operation.END]] * 40
    num_edits = num_within = 0
    for _ in range(max(NUM_CASES // 6, 1)):
        acts = np.stack([draw_act(rng, selected) for selected in canvas.selected])
        before = canvas.copy()
        is_done = canvas.act(acts)
        for b, code in enumerate(canvas.codes()):
            replayed[b] = decode(replayed[b], code)
            np.testing.assert_array_equal(replayed[b], canvas.grid(b))
            is_edit = is_done[b] and acts[b, 0] <= Act.SET
            is_crop = before.selected[b].tolist() != [0, 0, *before.sides[b]]
            is_within = is_edit and is_crop and acts[b, 0] in EDITS
            assert (code[0] != Operation.END) == is_edit
            assert (code[0] == Operation.SEL) == is_within
            num_edits, num_within = num_edits + is_edit, num_within + is_within
    assert num_edits > 2 * num_within > NUM_CASES // 3


def test_a_code_reads_as_what_was_done():
    grid = grid_of("1.... ..33. .....")
    canvas = Canvas([grid])
    canvas.act(act_of(Act.SELECT, 1, 1, 2, 4)[None])
    canvas.act(act_of(Act.MOVE, 1, 1, 1)[None])
    assert describe(canvas.codes()[0], grid) == [
        "within 2 x 4 cells from row 2, column 2:",
        "  organism 1 (green) moves 1 down and 1 right",
    ]


def test_a_grid_is_the_same_alone_and_in_a_batch():
    rng = np.random.default_rng(0)
    grids = draw_grids(rng, 12)
    batch, alone = Canvas(grids), [Canvas([grid]) for grid in grids]
    for _ in range(40):
        acts = np.stack([draw_act(rng, selected) for selected in batch.selected])
        is_done = batch.act(acts)
        for b, canvas in enumerate(alone):
            assert canvas.act(acts[b : b + 1]).tolist() == [is_done[b]]
            np.testing.assert_array_equal(canvas.cells[0], batch.cells[b])
            np.testing.assert_array_equal(canvas.selected[0], batch.selected[b])
            np.testing.assert_array_equal(canvas.codes()[0], batch.codes()[b])


# ---- nothing else is touched ----

grids_of_any_size = st.tuples(st.integers(1, 30), st.integers(1, 30)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 10), fill=st.integers(0, 2))
)


@settings(max_examples=NUM_CASES, deadline=None)
@given(grids_of_any_size, st.integers(0, 2**32), st.integers(1, 12))
def test_an_edit_writes_nothing_outside_of_what_is_selected(grid: np.ndarray, seed: int, num_acts: int):
    rng = np.random.default_rng(seed)
    canvas = Canvas([grid])
    for _ in range(num_acts):
        before = canvas.copy()
        act = draw_act(rng, canvas.selected[0])
        canvas.act(act[None])
        row, column, height, width = canvas.selected[0]
        assert row >= 0
        assert column >= 0
        assert min(height, width) >= 1
        assert row + height <= canvas.sides[0, 0]
        assert column + width <= canvas.sides[0, 1]
        assert canvas.cells.max() <= 10
        beyond = canvas.cells[0].copy()
        beyond[: canvas.sides[0, 0], : canvas.sides[0, 1]] = 0
        assert not beyond.any()
        if act[0] in EDITS:
            is_outside = np.ones((30, 30), bool)
            is_outside[row : row + height, column : column + width] = False
            np.testing.assert_array_equal(canvas.cells[0][is_outside], before.cells[0][is_outside])
            np.testing.assert_array_equal(canvas.selected, before.selected)
            np.testing.assert_array_equal(canvas.sides, before.sides)
        elif act[0] > Act.SET:
            np.testing.assert_array_equal(canvas.cells, before.cells)


@settings(max_examples=NUM_CASES, deadline=None)
@given(st.lists(st.lists(st.integers(-31, 34), min_size=6, max_size=6), min_size=1, max_size=8))
def test_any_numbers_are_done_or_told_or_refused(acts: list[list[int]]):
    canvas = Canvas([grid_of("1.2.. 1.33. ..3.X"), np.zeros((1, 1), np.uint8)])
    for act in acts:
        before, both = state_of(canvas), np.array([act, act_of(Act.SET, 0, 0, 5)])
        lengths = ACT_REACH[act[0]] if 0 <= act[0] < len(Act) else None
        is_act = lengths is not None and all(
            low <= value <= high for value, (low, high) in zip(act, lengths, strict=True)
        )
        if is_act:
            assert canvas.act(both)[1]
        else:
            with pytest.raises(ValueError, match=r"^acts\[0, \d\] must be "):
                canvas.act(both)
            assert state_of(canvas) == before


def test_a_canvas_shares_no_array_with_anything():
    grid = grid_of("12 34")
    canvas = Canvas([grid])
    twin = canvas.copy()
    canvas.act(act_of(Act.SET, 0, 0, 9)[None])
    canvas.act(act_of(Act.SELECT, 0, 0, 1, 1)[None])
    assert drawing_of(grid) == drawing_of(twin.grid(0)) == "12 34"
    assert twin.selected.tolist() == [[0, 0, 2, 2]]
    canvas.grid(0)[:] = 0
    canvas.codes()[0][:] = 0
    assert drawing_of(canvas.grid(0)) == "92 34"
    assert canvas.codes()[0].tolist() == [Operation.END]


def test_other_grids_are_put_in_their_places():
    canvas = Canvas([np.full((30, 30), 7), grid_of("12 34"), grid_of("5")])
    canvas.act(np.stack([act_of(Act.SELECT, 2, 2, 2, 2), act_of(Act.SELECT, 0, 0, 1, 1), act_of(Act.SET, 0, 0, 6)]))
    canvas.put(np.array([0, 2]), [grid_of("89"), grid_of("1 2")])
    assert [drawing_of(canvas.grid(b)) for b in range(3)] == ["89", "12 34", "1 2"]
    assert canvas.selected.tolist() == [[0, 0, 1, 2], [0, 0, 1, 1], [0, 0, 2, 1]]
    assert canvas.cells[0].sum() == 17
    assert [code.tolist() for code in canvas.codes()] == [[Operation.END]] * 3


# ---- symmetry ----


def turned_rectangle(rectangle: tuple[int, ...], sides: tuple[int, ...], symmetry: str) -> list[int]:
    """Where a rectangle lies in the turned grid, by turning a grid in which it is drawn."""
    row, column, height, width = rectangle
    drawn = np.zeros(sides, bool)
    drawn[row : row + height, column : column + width] = True
    cells = np.argwhere(transform(drawn, symmetry))
    return [*cells.min(0).tolist(), *(np.ptp(cells, axis=0) + 1).tolist()]


def turned_act(act: np.ndarray, crop: np.ndarray, symmetry: str) -> np.ndarray:
    """The act on the turned canvas that does the same; only for acts that can be done in the crop."""
    operation = Act(int(act[0]))
    values = act[1 : 1 + len(ACT_ARGUMENTS[operation])].tolist()
    named = components(crop)
    numbers = np.zeros(crop.shape, int)
    for n, cells in named.items():
        numbers[tuple(np.transpose(cells))] = n
    of_turned = components(transform(crop, symmetry))
    new_number = {int(transform(numbers, symmetry)[cells[0]]): n for n, cells in of_turned.items()} | {0: 0}
    names = list(SYMMETRIES)
    if operation in (Act.SELECT, Act.CROP, Act.RECT):
        values[:4] = turned_rectangle(tuple(values[:4]), crop.shape, symmetry)
    elif operation in (Act.SET, Act.RAY):
        values[:2] = turned_rectangle((*values[:2], 1, 1), crop.shape, symmetry)[:2]
        if operation == Act.RAY:
            values[2] = list(STEPS).index(turn_direction(list(STEPS)[values[2]], symmetry))
    elif operation == Act.SIZE:
        values = values[::-1] if swaps_axes(symmetry) else values
    elif operation == Act.GIVE:
        values = [new_number[value] for value in values]
    elif operation in (*OF_ORGANISMS, Act.SELECT_ORGANISM):
        values[0] = new_number[values[0]]
        if operation == Act.MOVE:
            (a, b), (c, d) = SYMMETRIES[symmetry]
            values[1:] = [a * values[1] + b * values[2], c * values[1] + d * values[2]]
        if operation in (Act.TURN, Act.COPY):
            own = names[values[-1]]
            values[-1] = names.index(compose(symmetry, compose(own, inverse(symmetry))))
        if operation == Act.COPY:
            copied = named[act[1]] if act[1] else np.argwhere(np.ones(crop.shape))
            sides = (np.ptp(copied, axis=0) + 1).tolist()
            box = (*act[2:4].tolist(), *(sides[::-1] if swaps_axes(own) else sides))
            values[1:3] = turned_rectangle(box, crop.shape, symmetry)[:2]
    return act_of(operation, *values)


def can_turn(act: np.ndarray, crop: np.ndarray) -> bool:
    """Whether an act prefers no corner: SIZE keeps the upper left one, and TURN that of a box that is no square."""
    if act[0] == Act.TURN:
        cells = components(crop)[int(act[1])]
        return bool(np.ptp(cells, axis=0)[0] == np.ptp(cells, axis=0)[1])
    return act[0] != Act.SIZE


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_turned_acts_turn_what_they_do(symmetry: str):
    rng = np.random.default_rng(1)
    counted: Counter[Act] = Counter()
    for _ in range(NUM_CASES // 3):
        plain = Canvas([draw_grid(rng, int(rng.integers(2, 15)))])
        turned = Canvas([transform(plain.grid(0), symmetry)])
        for _ in range(10):
            row, column, height, width = plain.selected[0]
            crop = plain.grid(0)[row : row + height, column : column + width]
            act = draw_act(rng, plain.selected[0])
            if not plain.copy().act(act[None])[0] or len(components(crop)) > 30 or not can_turn(act, crop):
                continue
            other = turned_act(act, crop, symmetry)
            assert plain.act(act[None])[0]
            assert turned.act(other[None])[0], (act, other)
            np.testing.assert_array_equal(turned.grid(0), transform(plain.grid(0), symmetry))
            of_plain = turned_rectangle(tuple(plain.selected[0]), tuple(plain.sides[0]), symmetry)
            assert turned.selected[0].tolist() == of_plain
            counted[Act(act[0])] += 1
    assert set(counted) == set(Act) - {Act.SIZE}


def test_renamed_colours_are_renamed_in_what_acts_do():
    rng = np.random.default_rng(2)
    for _ in range(NUM_CASES // 3):
        new = np.concatenate([[0], rng.permutation(np.arange(1, 11))]).astype(np.uint8)
        plain = Canvas([draw_grid(rng, 12)])
        renamed = Canvas([new[plain.grid(0)]])
        for _ in range(10):
            act = draw_act(rng, plain.selected[0])
            other = act.copy()
            for k, kind in enumerate(ACT_ARGUMENTS[Act(act[0])], start=1):
                other[k] = new[act[k]] if kind == "colour" else act[k]
            assert plain.act(act[None]).tolist() == renamed.act(other[None]).tolist()
            np.testing.assert_array_equal(renamed.grid(0), new[plain.grid(0)])
            np.testing.assert_array_equal(renamed.selected, plain.selected)


# ---- what is seen ----


def draw_canvas(rng: np.random.Generator, num_grids: int) -> Canvas:
    """A canvas on which a little has been selected."""
    canvas = Canvas(draw_grids(rng, num_grids))
    for _ in range(2):
        canvas.act(np.stack([draw_act(rng, s, (Act.SELECT, Act.SELECT_ORGANISM, Act.STAY)) for s in canvas.selected]))
    return canvas


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (10, 10), (30, 30), (31, 40)])
def test_the_view_is_the_crop_from_its_upper_left_corner(height: int, width: int):
    canvas = draw_canvas(np.random.default_rng(height), 60)
    looks = canvas.view(height, width)
    assert (looks.shape, looks.dtype) == ((60, height, width), np.uint8)
    for b, (top, left, rows, columns) in enumerate(canvas.selected.tolist()):
        expected = np.full((height, width), OUTSIDE)
        crop = canvas.grid(b)[top : top + rows, left : left + columns][:height, :width]
        expected[: crop.shape[0], : crop.shape[1]] = crop
        np.testing.assert_array_equal(looks[b], expected)


def test_a_view_of_other_rectangles_ends_where_the_grid_does():
    rng = np.random.default_rng(4)
    canvas = draw_canvas(rng, 60)
    rectangles = np.concatenate([rng.integers(0, 30, (60, 2)), rng.integers(1, 31, (60, 2))], axis=1)
    looks = canvas.view(8, 9, rectangles)
    for b, (top, left, rows, columns) in enumerate(rectangles.tolist()):
        for i, j in np.ndindex(8, 9):
            is_in = i < rows and j < columns and top + i < canvas.sides[b, 0] and left + j < canvas.sides[b, 1]
            assert looks[b, i, j] == (canvas.cells[b, top + i, left + j] if is_in else OUTSIDE)
    np.testing.assert_array_equal(canvas.view(8, 9, canvas.selected), canvas.view(8, 9))


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        ("12 34", "12 34"),
        ("1.2. ..22 3344 33.4", "12 34"),
        ("7", "77 77"),
        ("1.. ... ..2", "1. .2"),
        ("12. .5. ..3", "12 53"),  # the middle row and column belong to both
        ("222 112 .33 ...", "12 33"),
        ("12", "12 12"),
    ],
)
def test_a_coarse_cell_shows_its_most_frequent_colour(before: str, shown: str):
    assert drawing_of(Canvas([grid_of(before)]).coarse(2, 2)[0][0]) == shown


def coarse_by_words(grid: np.ndarray, selected: list[int], rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    is_selected = np.zeros(grid.shape, bool)
    is_selected[selected[0] : selected[0] + selected[2], selected[1] : selected[1] + selected[3]] = True
    shown, marked = np.zeros((rows, columns), int), np.zeros((rows, columns), bool)
    down, right = Fraction(grid.shape[0], rows), Fraction(grid.shape[1], columns)
    for i, j in np.ndindex(rows, columns):
        part = np.s_[floor(i * down) : ceil((i + 1) * down), floor(j * right) : ceil((j + 1) * right)]
        counts = Counter(grid[part][grid[part] > 0].tolist())
        shown[i, j] = min(counts, key=lambda colour: (-counts[colour], colour), default=0)
        marked[i, j] = is_selected[part].any()
    return shown, marked


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 5), (10, 10), (7, 30), (40, 33)])
def test_the_coarse_view_is_that_of_plain_python(rows: int, columns: int):
    canvas = draw_canvas(np.random.default_rng(rows), 60)
    shown, is_selected = canvas.coarse(rows, columns)
    assert (shown.dtype, is_selected.dtype) == (np.uint8, bool)
    for b, selected in enumerate(canvas.selected.tolist()):
        expected = coarse_by_words(canvas.grid(b), selected, rows, columns)
        np.testing.assert_array_equal(shown[b], expected[0])
        np.testing.assert_array_equal(is_selected[b], expected[1])


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_the_coarse_view_turns_with_the_canvas(symmetry: str):
    canvas = draw_canvas(np.random.default_rng(5), 60)
    turned = Canvas([transform(canvas.grid(b), symmetry) for b in range(60)])
    turned.selected[:] = [
        turned_rectangle(tuple(selected), tuple(sides), symmetry)
        for selected, sides in zip(canvas.selected, canvas.sides, strict=True)
    ]
    rows_and_columns = (4, 7)[::-1] if swaps_axes(symmetry) else (4, 7)
    for of_plain, of_turned in zip(canvas.coarse(4, 7), turned.coarse(*rows_and_columns), strict=True):
        for b in range(60):
            np.testing.assert_array_equal(of_turned[b], transform(of_plain[b], symmetry))


# ---- what is compared ----


def test_a_region_matches_if_it_is_equal_in_a_grid_of_one_size():
    rng = np.random.default_rng(6)
    counted: Counter[bool] = Counter()
    for _ in range(NUM_CASES // 3):
        canvas = draw_canvas(rng, 12)
        targets = [canvas.grid(b) for b in range(12)]
        for b, target in enumerate(targets):
            for _ in range(rng.integers(0, 4)):
                target[rng.integers(target.shape[0]), rng.integers(target.shape[1])] = rng.integers(0, 11)
            if rng.random() < 0.2:
                targets[b] = target[: max(len(target) - 1, 1)]
        regions = np.concatenate([rng.integers(0, 12, (12, 9, 2)), rng.integers(1, 9, (12, 9, 2))], axis=2)
        is_same, are_same, is_right = canvas.matches(targets), canvas.matches(targets, regions), canvas.equals(targets)
        assert [each.shape for each in (is_same, are_same, is_right)] == [(12,), (12, 9), (12,)]
        for b, target in enumerate(targets):
            grid = canvas.grid(b)
            rectangles = [canvas.selected[b], *regions[b], [0, 0, *grid.shape]]
            for (row, column, height, width), came in zip(
                rectangles, [is_same[b], *are_same[b], is_right[b]], strict=True
            ):
                part = np.s_[row : row + height, column : column + width]
                fits = grid[part].shape == (height, width)
                expected = grid.shape == target.shape and fits and np.array_equal(grid[part], target[part])
                assert came == expected
                counted[bool(came)] += 1
        np.testing.assert_array_equal(canvas.matches(Canvas(targets)), is_same)
    assert min(counted[True], counted[False]) > NUM_CASES


def test_in_a_grid_of_the_wrong_size_no_part_is_right():
    canvas = Canvas([grid_of("11 11")])
    assert canvas.matches([grid_of("11 11")], np.array([[[0, 0, 1, 1]]])).tolist() == [[True]]
    assert canvas.matches([grid_of("11 11 11")], np.array([[[0, 0, 1, 1]]])).tolist() == [[False]]
    assert canvas.matches([grid_of("111 111")]).tolist() == [False]


# ---- refusals ----

WRONG_ACTS = [
    ([[0] * 6], r"acts must be whole numbers of shape \(2, 6\), got int64 of shape \(1, 6\)"),
    ([[14] * 5] * 2, r"acts must be whole numbers of shape \(2, 6\), got int64 of shape \(2, 5\)"),
    ([[14.0] * 6] * 2, r"acts must be whole numbers of shape \(2, 6\), got float64 of shape \(2, 6\)"),
    ([[True] * 6] * 2, r"acts must be whole numbers of shape \(2, 6\), got bool of shape \(2, 6\)"),
    (None, r"acts must be whole numbers of shape \(2, 6\), got object of shape \(\)"),
    ([[10, 0, 0, 1, 0, 0], [15, 0, 0, 0, 0, 0]], r"acts\[1, 0\] must be an operation in \[0, 14\], got 15"),
    ([[10, 0, 0, 1, 0, 0], [-1, 0, 0, 0, 0, 0]], r"acts\[1, 0\] must be an operation in \[0, 14\], got -1"),
    ([[10, 0, 0, 1, 0, 0], [8, 0, 30, 1, 1, 1]], r"acts\[1, 2\] must be the column of RECT in \[0, 29\], got 30"),
    ([[10, 0, 0, 1, 0, 0], [8, 0, 0, 0, 1, 1]], r"acts\[1, 3\] must be the height of RECT in \[1, 30\], got 0"),
    ([[10, 0, 0, 1, 0, 0], [8, 0, 0, 1, 1, 11]], r"acts\[1, 5\] must be the colour of RECT in \[0, 10\], got 11"),
    ([[10, 0, 0, 1, 0, 0], [5, 0, 0, 1, 0, 0]], r"acts\[1, 1\] must be the organism of MOVE in \[1, 32\], got 0"),
    ([[10, 0, 0, 1, 0, 0], [5, 1, -30, 1, 0, 0]], r"acts\[1, 2\] must be the rows of MOVE in \[-29, 29\], got -30"),
    ([[10, 0, 0, 1, 0, 0], [13, 33, 0, 0, 0, 0]], r"acts\[1, 1\] must be the organism of SELECT_ORGANISM .*, got 33"),
    (np.array([[5, 1, 2**64 - 1, 0, 0, 0]] * 2, np.uint64), rf"acts\[0, 2\] must be the rows .*, got {2**64 - 1}"),
]  # fmt: skip


@pytest.mark.parametrize(("acts", "sentence"), WRONG_ACTS)
def test_what_is_no_act_is_refused_and_nothing_is_done(acts: object, sentence: str):
    canvas = Canvas([grid_of("12 34")] * 2)
    before = state_of(canvas)
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        canvas.act(acts if isinstance(acts, np.ndarray) else np.array(acts))
    assert state_of(canvas) == before


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64, ">i4"])
def test_acts_may_be_whole_numbers_of_any_kind_and_layout(dtype: object):
    acts = np.array([[8, 0, 1, 2, 1, 5], [14, 99, 99, 99, 99, 99]]).astype(dtype)
    for each in (acts, np.asfortranarray(acts), acts[::-1][::-1]):
        canvas = Canvas([grid_of("12 34")] * 2)
        assert canvas.act(each).all()
        assert drawing_of(canvas.grid(0)) == "15 35"


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        (np.zeros((0, 3), np.uint8), r"`grids\[1\]` must be a grid with sides of 1 to 30 cells, got shape \(0, 3\)"),
        (np.zeros((3, 31), np.uint8), r"`grids\[1\]` must be a grid with sides of 1 to 30 cells, got shape \(3, 31\)"),
        (np.zeros(3, np.uint8), r"`grids\[1\]` must be a grid with sides of 1 to 30 cells, got shape \(3,\)"),
        (np.zeros((3, 3)), r"`grids\[1\]` must hold whole numbers, got float64"),
        (np.full((3, 3), 11), r"`grids\[1\]` must hold colours in \[0, 10\], but 9 cells do not"),
    ],
)
def test_what_is_no_grid_is_refused(grid: np.ndarray, sentence: str):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Canvas([grid_of("1"), grid])
    canvas = Canvas([grid_of("1"), grid_of("2")])
    before = state_of(canvas)
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        canvas.put(np.array([1, 0]), [grid_of("3"), grid])
    with pytest.raises(ValueError, match=r"^there must be one grid for each of 2 places, got 1$"):
        canvas.put(np.array([1, 0]), [grid_of("3")])
    assert state_of(canvas) == before


def test_views_and_regions_that_there_cannot_be_are_refused():
    canvas = Canvas([grid_of("12 34")] * 2)
    with pytest.raises(ValueError, match=r"^height must be a whole number >= 1, got 0$"):
        canvas.view(0, 3)
    with pytest.raises(ValueError, match=r"^columns must be a whole number >= 1, got 2.5$"):
        canvas.coarse(3, 2.5)
    with pytest.raises(ValueError, match=r"^rectangles must be whole numbers of shape \(B, 4\) with B = 2, got int64 "):
        canvas.view(3, 3, np.zeros((2, 3), int))
    with pytest.raises(
        ValueError, match=r"^regions must be whole numbers of shape \(B, R, 4\) with B = 2, got float64 "
    ):
        canvas.matches(canvas, np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match=r"^regions\[1, 0, 2\] must be a height in \[1, 30\], got 0$"):
        canvas.matches(canvas, np.array([[[0, 0, 1, 1]], [[0, 0, 0, 1]]]))
    with pytest.raises(ValueError, match=r"^targets must be one grid for each of 2, got 1$"):
        canvas.matches([grid_of("1")])
    with pytest.raises(ValueError, match=r"^SELECT needs 4 arguments, got 1$"):
        act_of(Act.SELECT, 1)


def test_a_canvas_of_no_grids_does_nothing():
    canvas = Canvas([])
    assert canvas.act(np.zeros((0, 6), int)).shape == (0,)
    assert canvas.view(2, 3).shape == (0, 2, 3)
    assert [part.shape for part in canvas.coarse(2, 3)] == [(0, 2, 3)] * 2
    assert canvas.matches([]).shape == (0,)
    assert canvas.codes() == []


def test_operations_have_the_numbers_that_the_codec_gives_them():
    assert {operation.name: int(operation) for operation in Operation if operation < Operation.SEL} == {
        act.name: int(act) for act in Act if act < Act.SELECT
    }
    assert [int(Act.SELECT), int(Act.RELEASE)] == [Operation.SEL, Operation.END]
