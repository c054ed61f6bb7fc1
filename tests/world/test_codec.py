"""Codes of grids lose nothing, are the same for the same pair, do what their words say, and nonsense is refused."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.world.drawn_worlds import draw_actions, draw_worlds
from tests.world.reference_codec import reference_decode
from world.codec import ARGUMENTS, NUM_TOKENS, TOKEN_GROUPS, GridEdit, code_bits, decode, describe, encode, join, parse
from world.codec import Operation as Op
from world.edit_rules import KINDS
from world.scenarios import get
from world.state import Worlds, move
from world.symmetry import STEPS, SYMMETRIES, transform

NUM_PAIRS = int(os.environ.get("BOXLINGS_PAIRS", "3000"))  # drawn at random

SYMMETRY = {name: number for number, name in enumerate(SYMMETRIES)}
DIRECTION = {name: number for number, name in enumerate(STEPS)}


def grid_of(picture: str) -> np.ndarray:
    """A grid from a drawing: digits are colours, . is empty, X the look of a boxling."""
    values = {".": 0, "X": 10} | {str(digit): digit for digit in range(10)}
    return np.array([[values[letter] for letter in line] for line in picture.split()], np.uint8)


def drawing_of(grid: np.ndarray) -> str:
    return " ".join("".join(".123456789X"[cell] for cell in row) for row in grid)


def code_of(*edits: tuple) -> np.ndarray:
    return join([GridEdit(edit[0], tuple(edit[1:])) for edit in edits])


# before, edits, after
EXAMPLES: dict[str, tuple[str, list[tuple], str]] = {
    "nothing": ("1. .2", [], "1. .2"),
    "crop": ("123 456 789", [(Op.CROP, 1, 1, 2, 1)], "5 8"),
    "size cuts and adds": ("12 34", [(Op.SIZE, 1, 3)], "12."),
    "crop, then size": ("123 456 789", [(Op.CROP, 1, 1, 2, 2), (Op.SIZE, 3, 2)], "56 89 .."),
    "organisms are those of the window": ("12. 3.4", [(Op.CROP, 1, 0, 1, 3), (Op.DEL, 1)], "..4"),
    "an organism that SIZE cut comes back": ("..3 ...", [(Op.SIZE, 2, 2), (Op.MOVE, 1, 1, -2)], ".. 3."),
    "move": ("11. .1. ...", [(Op.MOVE, 1, 1, 1)], "... .11 ..1"),
    "moves lift before they put down": ("12.", [(Op.MOVE, 1, 0, 1), (Op.MOVE, 2, 0, -1)], "21."),
    "a chain of moves": ("X12.", [(Op.MOVE, n, 0, 1) for n in (1, 2, 3)], ".X12"),
    "the higher number covers the lower": ("1.2", [(Op.MOVE, 2, 0, -1), (Op.MOVE, 1, 0, 1)], ".2."),
    "what moves covers what stays": ("12", [(Op.MOVE, 1, 0, 1)], ".1"),
    "turn keeps the upper left corner": ("111. 1...", [(Op.TURN, 1, SYMMETRY["turn_around"])], "..1. 111."),
    "turn to the right": ("11. 1.. 1..", [(Op.TURN, 1, SYMMETRY["turn_right"])], "111 ..1 ..."),
    "turn, then move": (
        "11. 1.. ... ...",
        [(Op.MOVE, 1, 2, 1), (Op.TURN, 1, SYMMETRY["mirror_left_right"])],
        "... ... .11 ..1",
    ),
    "copy": ("12 ..", [(Op.COPY, 2, 1, 0, 0)], "12 2."),
    "copy, turned": ("11.. 1... ....", [(Op.COPY, 1, 1, 2, SYMMETRY["turn_around"])], "11.. 1..1 ..11"),
    "a copy has the new colour": ("1..", [(Op.PAINT, 1, 4), (Op.COPY, 1, 0, 2, 0)], "4.4"),
    "what vanishes may be copied": ("1..", [(Op.DEL, 1), (Op.COPY, 1, 0, 2, 0)], "..1"),
    "the later copy covers": ("1.2", [(Op.COPY, 2, 0, 1, 0), (Op.COPY, 1, 0, 1, 0)], "112"),
    "copies of the picture are a tiling": (
        "12 .3",
        [(Op.SIZE, 2, 4), (Op.COPY, 0, 0, 2, SYMMETRY["mirror_left_right"])],
        "1221 .33.",
    ),
    "a turned picture": (
        "123 456",
        [(Op.SIZE, 3, 2), (Op.COPY, 0, 0, 0, SYMMETRY["turn_right"])],
        "41 52 63",
    ),
    "paint": ("1.1 .2.", [(Op.PAINT, 2, 7)], "1.7 .2."),
    "delete": ("11. .2.", [(Op.DEL, 1)], "... .2."),
    "what is deleted does not move": ("1..", [(Op.DEL, 1), (Op.MOVE, 1, 0, 1)], "..."),
    "give": ("1.22", [(Op.GIVE, 1, 2)], "2.22"),
    "what joins moves along": ("12..", [(Op.GIVE, 1, 2), (Op.MOVE, 2, 0, 2)], "..22"),
    "what joins is painted along": ("12..", [(Op.GIVE, 1, 2), (Op.PAINT, 2, 5)], "55.."),
    "giving looks at what was": ("1.2.3", [(Op.GIVE, 1, 2), (Op.GIVE, 2, 3)], "2.3.3"),
    "two that give to each other change colours": ("1.2", [(Op.GIVE, 1, 2), (Op.GIVE, 2, 1)], "2.1"),
    "the lower-numbered claimant gets it": ("1.2.3", [(Op.GIVE, 3, 2), (Op.GIVE, 3, 1)], "1.2.1"),
    "the same claims, the other way round": ("1.2.3", [(Op.GIVE, 3, 1), (Op.GIVE, 3, 2)], "1.2.1"),
    "rectangle": (".... .... ....", [(Op.RECT, 1, 1, 2, 3, 6)], ".... .666 .666"),
    "a ray until contact": ("...1. .....", [(Op.RAY, 0, 0, DIRECTION["right"], 8)], "8881. ....."),
    "a ray to the edge": ("... ... ...", [(Op.RAY, 0, 2, DIRECTION["down_left"], 8)], "..8 .8. 8.."),
    "a ray over what it began on": ("22.2", [(Op.RAY, 0, 0, DIRECTION["right"], 3)], "33.2"),
    "a ray sees what was before the drawing": (
        "....",
        [(Op.SET, 0, 1, 5), (Op.RAY, 0, 0, DIRECTION["right"], 8), (Op.SET, 0, 3, 2)],
        "8882",
    ),
    "set": ("12", [(Op.SET, 0, 1, 10)], "1X"),
    "a selection counts from its own corner": (
        "1... ..3. ....",
        [(Op.SEL, 1, 1, 2, 3), (Op.MOVE, 1, 1, 1), (Op.SET, 0, 0, 9), (Op.END,)],
        "1... .9.. ...3",
    ),
    "a selection sees what was done before": (
        "1..",
        [(Op.MOVE, 1, 0, 1), (Op.SEL, 0, 1, 1, 2), (Op.MOVE, 1, 0, 1), (Op.END,)],
        "..1",
    ),
    "selections follow each other": (
        "1...",
        [
            (Op.SEL, 0, 0, 1, 2), (Op.MOVE, 1, 0, 1), (Op.END,),
            (Op.SEL, 0, 1, 1, 2), (Op.MOVE, 1, 0, 1), (Op.END,),
        ],
        "..1.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_edit_does_what_its_words_say(name: str):
    before, edits, after = EXAMPLES[name]
    tokens = code_of(*edits)
    assert drawing_of(decode(grid_of(before), tokens)) == after
    reference = reference_decode(grid_of(before), parse(tokens))
    assert reference is not None
    assert drawing_of(reference) == after


# before, after, the code's lines
READINGS: dict[str, tuple[str, str, list[str]]] = {
    "nothing": ("12 ..", "12 ..", []),
    "a push": (
        "..... .X3.. .....",
        "..... ..X3. .....",
        ["organism 1 (boxling) moves 1 right", "organism 2 (green) moves 1 right"],
    ),
    "bodies that change places": (
        "11.... ..2... ......",
        "......  ....11 2.....",
        ["organism 1 (blue) moves 1 down and 4 right", "organism 2 (red) moves 1 down and 2 left"],
    ),
    "one vanishes": ("11..3 1.... .....", "....3 ..... .....", ["organism 1 (blue) vanishes"]),
    "one is painted": ("44.. 4... ..3.", "66.. 6... ..3.", ["organism 1 (yellow) turns pink"]),
    "one joins its neighbour": ("1112. .1... .....", "2222. .2... .....", ["organism 1 (blue) joins organism 2 (red)"]),
    "one is turned": (
        "111... 1..... 1..... ....22",
        "111... ..1... ..1... ....22",
        ["organism 1 (blue) is turned: turn right"],
    ),
    "one is copied": (
        "3.... 33... .3... ..... .....",
        "3.... 33..3 .3.33 ...3. .....",
        ["organism 1 (green) is copied to row 2, column 4: mirror left right"],
    ),
    "a rectangle": (
        "...... ...... ...... ......",
        "...... .7777. .7777. .7777.",
        ["3 x 4 cells from row 2, column 2 become orange"],
    ),
    "a ray": ("1...... ....... .......", "1666666 ....... .......", ["a ray from row 1, column 2 goes right in pink"]),
    "rays in reading order": (
        "3.3... ...... ...... ...... ...... ......",
        "3.3... 8.8... 8.8... 8.8... 8..... ......",
        ["a ray from row 4, column 3 goes up in sky", "a ray from row 5, column 1 goes up in sky"],
    ),
    "one cell": ("..... .....", "..... ..9..", ["row 2, column 3 becomes maroon"]),
    "a window": ("....... ..12... ..34... .......", "12 34", ["the picture is 2 x 2 cells from row 2, column 3"]),
    "more room": ("123 456", "123. 456. ....", ["the grid becomes 3 x 4 cells"]),
    "a mirror": (
        "1234 5678 2413",
        "4321 8765 3142",
        ["the picture is copied to row 1, column 1: mirror left right"],
    ),
    "a turn of a grid that is not square": (
        "1234 5678 2413",
        "251 452 173 384",
        [
            "the grid becomes 4 x 3 cells",
            "the picture is copied to row 1, column 1: turn right",
            "row 2, column 2 becomes grey",
        ],
    ),
    "tiles": (
        "12 34",
        "1221 3443",
        ["the grid becomes 2 x 4 cells", "the picture is copied to row 1, column 3: mirror left right"],
    ),
}


@pytest.mark.parametrize("name", READINGS)
def test_a_change_is_read_as_people_would_read_it(name: str):
    before, after, lines = READINGS[name]
    tokens = encode(grid_of(before), grid_of(after))
    assert describe(tokens, grid_of(before)) == lines
    assert drawing_of(decode(grid_of(before), tokens)) == " ".join(after.split())


def sides() -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(1, 8), st.integers(1, 8))


@st.composite
def grids(draw: st.DrawFn, shape: tuple[int, int] | None = None) -> np.ndarray:
    """A grid of few or many colours."""
    colours = st.sampled_from(draw(st.sampled_from([[0, 3], [0, 0, 0, 1, 2], list(range(11))])))
    return draw(arrays(np.uint8, shape or draw(sides()), elements=colours))


@st.composite
def pairs_of_grids(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Two grids: unrelated, of one size, alike but for some cells, one cut or turned or moved from the other."""
    before = draw(grids())
    kind = draw(st.sampled_from(["other", "same size", "like", "window", "turned", "moved", "tiled"]))
    if kind == "other":
        return before, draw(grids())
    if kind == "same size":
        return before, draw(grids(before.shape))
    if kind == "like":
        is_new = draw(arrays(np.bool_, before.shape))
        return before, np.where(is_new, draw(grids(before.shape)), before)
    if kind == "window":
        rows, columns = draw(st.integers(1, before.shape[0])), draw(st.integers(1, before.shape[1]))
        return before, before[-rows:, -columns:]
    if kind == "turned":
        return before, transform(before, draw(st.sampled_from(list(SYMMETRIES))))
    if kind == "moved":
        return before, np.roll(before, (draw(st.integers(-2, 2)), draw(st.integers(-2, 2))), (0, 1))
    return before, np.tile(before, (draw(st.integers(1, 3)), draw(st.integers(1, 3))))


@settings(max_examples=400, deadline=None)
@given(pairs_of_grids())
def test_a_code_leads_from_any_grid_to_any_other(pair: tuple[np.ndarray, np.ndarray]):
    before, after = pair
    kept = before.copy()
    tokens = encode(before, after)
    assert tokens.dtype == np.int16
    np.testing.assert_array_equal(decode(before, tokens), after)
    np.testing.assert_array_equal(reference_decode(before, parse(tokens)), after)
    np.testing.assert_array_equal(before, kept)
    assert decode(before, tokens).dtype == np.uint8
    if before.shape == after.shape:
        assert len(tokens) <= 1 + 4 * (before != after).sum()
        in_cells = [(Op.SET, row, col, int(after[row, col])) for row, col in np.argwhere(before != after).tolist()]
        assert code_bits(tokens, before) <= code_bits(code_of(*in_cells), before) + 1e-9
    assert (len(tokens) == 1) == np.array_equal(before, after)


@settings(max_examples=100, deadline=None)
@given(pairs_of_grids())
def test_a_code_depends_on_the_pair_alone_and_is_in_order(pair: tuple[np.ndarray, np.ndarray]):
    before, after = pair
    tokens = encode(before, after)
    strided = np.zeros((2 * before.shape[0], before.shape[1] + 1), np.int64)[::2, 1:]
    strided[:] = before
    np.testing.assert_array_equal(encode(strided, np.asfortranarray(after)), tokens)
    fixed = [grid.copy() for grid in (before, after, tokens, before.astype(np.int16))]
    for array in fixed:
        array.setflags(write=False)
    np.testing.assert_array_equal(encode(fixed[0], fixed[1]), tokens)
    np.testing.assert_array_equal(decode(fixed[0], fixed[2]), after)
    np.testing.assert_array_equal(decode(fixed[0], encode(fixed[0], fixed[1], fixed[3]), fixed[3]), after)
    edits = parse(tokens)
    np.testing.assert_array_equal(join(edits), tokens)
    operations = [edit.operation for edit in edits]
    for start, stop in itertools.pairwise([0, *(at + 1 for at, op in enumerate(operations) if op in (Op.SEL, Op.END))]):
        assert operations[start:stop] == sorted(operations[start:stop])
        for operation in (Op.GIVE, Op.PAINT, Op.DEL, Op.MOVE, Op.TURN, Op.RECT, Op.RAY, Op.SET):
            arguments = [edit.arguments for edit in edits[start:stop] if edit.operation == operation]
            if operation == Op.RECT:  # a box that is painted over comes first
                arguments = arguments[1:]
            assert arguments == sorted(arguments)


def test_the_largest_and_the_smallest_grids_are_coded_too():
    rng = np.random.default_rng(3)
    shapes = [(30, 30), (1, 30), (30, 1), (1, 1)]
    for shape, other in itertools.product(shapes, shapes):
        for num_colours in (2, 11):
            before = rng.integers(0, num_colours, shape).astype(np.uint8)
            after = rng.integers(0, num_colours, other).astype(np.uint8)
            tokens = encode(before, after)
            np.testing.assert_array_equal(decode(before, tokens), after)
    # the longest code there is: nothing but single cells
    checked = (np.indices((30, 30)).sum(0) % 7 + 1).astype(np.uint8)
    assert len(encode(np.zeros((30, 30), np.uint8), checked)) <= 1 + 4 * 900


def frames_of(worlds: Worlds) -> np.ndarray:
    return worlds.colour[np.arange(len(worlds))[:, None, None], worlds.owner].astype(np.uint8)


def test_steps_of_simulated_worlds_cost_no_more_than_their_moves():
    num_moves, bits, bits_by_moves = 0, 0.0, 0.0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        worlds = draw_worlds(rng, 4, 6, 7, 3)
        for _ in range(4):
            owner, before = worlds.owner.copy(), frames_of(worlds)
            moved = move(worlds, draw_actions(rng, worlds))
            for b, after in enumerate(frames_of(worlds)):
                tokens = encode(before[b], after, owner[b])
                np.testing.assert_array_equal(decode(before[b], tokens, owner[b]), after)
                np.testing.assert_array_equal(reference_decode(before[b], parse(tokens), owner[b]), after)
                steps = list(STEPS.values())
                moves = [(Op.MOVE, body, *steps[moved[b, body] - 1]) for body in np.flatnonzero(moved[b]).tolist()]
                by_moves = code_of(*moves)
                np.testing.assert_array_equal(decode(before[b], by_moves, owner[b]), after)
                num_moves += len(moves)
                bits += code_bits(tokens, before[b], owner[b])
                bits_by_moves += code_bits(by_moves, before[b], owner[b])
    assert num_moves > 150
    # the search may miss a move where boxes of one colour meet, and finds shorter ways to tell others
    assert bits < bits_by_moves


def test_bodies_take_the_place_of_components():
    before, after = grid_of("11.22 ....."), grid_of("11... ...22")
    bodies = np.array([[5, 7, 0, 9, 9], [0, 0, 0, 0, 0]])
    tokens = encode(before, after, bodies)
    assert describe(tokens, before, bodies) == ["organism 9 (red) moves 1 down"]
    np.testing.assert_array_equal(decode(before, tokens, bodies), after)
    tokens = code_of((Op.MOVE, 5, 1, 0), (Op.PAINT, 9, 3))
    assert drawing_of(decode(before, tokens, bodies)) == ".1.33 1...."
    assert describe(tokens, before, bodies)[1] == "organism 9 (red) turns green"
    # a body that the window does not show has no cells, and body 33 no name
    cropped = code_of((Op.CROP, 0, 0, 1, 2), (Op.DEL, 9), (Op.DEL, 7))
    assert drawing_of(decode(before, cropped, bodies)) == "1."
    with pytest.raises(ValueError, match="MOVE at token 0 names organism 10, which is not there"):
        decode(before, code_of((Op.MOVE, 10, 0, 0)), bodies)
    far = np.where(bodies == 9, 33, bodies)
    assert code_bits(encode(before, after, far), before, far) > 0
    np.testing.assert_array_equal(decode(before, encode(before, after, far), far), after)


def test_costs_are_the_logarithms_of_what_could_stand_there():
    before = grid_of("1.2. .... ..3. ....")  # 4 x 4 with 3 organisms
    log2 = np.log2
    cases: list[tuple[list[tuple], float]] = [
        ([], log2(13)),
        ([(Op.MOVE, 1, 1, 1)], 2 * log2(13) + log2(3) + 2 * log2(7)),
        ([(Op.PAINT, 1, 1), (Op.DEL, 2)], 3 * log2(13) + 2 * log2(3) + log2(11)),
        ([(Op.GIVE, 1, 2), (Op.TURN, 1, 2)], 3 * log2(13) + 3 * log2(3) + 3),
        ([(Op.COPY, 0, 0, 0, 1)], 2 * log2(13) + log2(4) + 4 + 3),
        ([(Op.RECT, 0, 0, 1, 1, 1), (Op.RAY, 0, 0, 1, 1), (Op.SET, 0, 0, 1)], 4 * log2(13) + 3 * log2(11) + 16 + 3),
        ([(Op.CROP, 0, 0, 2, 3), (Op.DEL, 1)], 3 * log2(13) + 8 + log2(2)),
        ([(Op.SIZE, 2, 8), (Op.MOVE, 3, -2, 1)], 3 * log2(13) + 2 * log2(30) + log2(3) + log2(5) + log2(11)),
        ([(Op.SEL, 2, 0, 2, 4), (Op.MOVE, 1, 1, 1), (Op.END,)], 4 * log2(13) + 8 + log2(3) + log2(7)),
    ]
    for edits, bits in cases:
        assert code_bits(code_of(*edits), before) == pytest.approx(bits, abs=1e-3), edits


def test_tokens_of_different_groups_are_different():
    assert list(itertools.chain(*TOKEN_GROUPS.values())) == list(range(NUM_TOKENS))
    assert [len(group) for group in TOKEN_GROUPS.values()] == [13, 30, 59, 11, 33, 8, 8]
    tokens = code_of((Op.SIZE, 30, 1), (Op.MOVE, 32, -29, 29), (Op.COPY, 0, 29, 0, 7), (Op.RAY, 0, 29, 7, 10)).tolist()
    groups = [next(name for name, group in TOKEN_GROUPS.items() if token in group) for token in tokens]
    assert groups == [
        "operation", "position", "position", "operation", "organism", "shift", "shift", "operation", "organism",
        "position", "position", "symmetry", "operation", "position", "position", "direction", "colour", "operation",
    ]  # fmt: skip
    assert tokens[1] == TOKEN_GROUPS["position"].stop - 1
    assert tokens[2] == TOKEN_GROUPS["position"].start
    assert tokens[4] == TOKEN_GROUPS["organism"].stop - 1
    assert tokens[5:7] == [TOKEN_GROUPS["shift"].start, TOKEN_GROUPS["shift"].stop - 1]
    assert tokens[-2] == TOKEN_GROUPS["colour"].stop - 1


@st.composite
def readable_codes(draw: st.DrawFn) -> list[GridEdit]:
    """Edits in the order of the grammar, mostly small numbers, which may or may not fit a grid."""

    def edit(operation: Op) -> GridEdit:
        values = []
        for kind in ARGUMENTS[operation]:
            lowest, highest, _ = KINDS[kind]
            values.append(draw(st.integers(max(lowest, -2), min(highest, 7 if kind == "symmetry" else 4))))
        return GridEdit(operation, tuple(values))

    def block() -> list[GridEdit]:
        objects = st.sampled_from([Op.GIVE, Op.PAINT, Op.DEL, Op.MOVE, Op.TURN, Op.COPY])
        drawing = st.sampled_from([Op.RECT, Op.RAY, Op.SET])
        chosen = draw(st.lists(objects, max_size=4)) + draw(st.lists(drawing, max_size=3))
        return [edit(operation) for operation in chosen]

    edits = [edit(operation) for operation in (Op.CROP, Op.SIZE) if draw(st.integers(0, 4)) == 0] + block()
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        edits += [edit(Op.SEL), *block(), GridEdit(Op.END, ())]
    return [*edits, GridEdit(Op.END, ())]


@st.composite
def body_maps(draw: st.DrawFn, grid: np.ndarray) -> np.ndarray:
    """Bodies of one colour each; some cells belong to none."""
    split = draw(arrays(np.int16, grid.shape, elements=st.integers(0, 1)))
    return np.where(draw(arrays(np.bool_, grid.shape)), 1 + grid % 3 + 3 * split, 0) * (grid % 3 == grid)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_the_decoder_equals_plain_python_on_codes_of_all_kinds(data: st.DataObject):
    before = data.draw(grids())
    organisms = data.draw(body_maps(before)) if data.draw(st.booleans()) else None
    edits = data.draw(readable_codes())
    expected = reference_decode(before, edits, organisms)
    if expected is None:
        with pytest.raises(ValueError, match=r"^[A-Z]+ at token \d+ (goes beyond|names organism)"):
            decode(before, join(edits), organisms)
    else:
        np.testing.assert_array_equal(decode(before, join(edits), organisms), expected)
        num_ends = sum(edit.operation == Op.END for edit in edits)
        assert len(describe(join(edits), before, organisms)) == len(edits) - num_ends


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_spoiled_codes_are_refused_or_lead_to_a_grid(data: st.DataObject):
    before, after = data.draw(pairs_of_grids())
    tokens = encode(before, after).tolist()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(tokens)))
        how = data.draw(st.sampled_from(["drop", "insert", "change", "cut"]))
        token = data.draw(st.integers(-2, NUM_TOKENS + 1) | st.integers(-(2**15), 2**15 - 1))
        tokens[at : {"drop": at + 1, "insert": at, "change": at + 1, "cut": len(tokens)}[how]] = (
            [] if how in ("drop", "cut") else [token]
        )
    kept = before.copy()
    assert_refused_or_decoded(before, np.array(tokens, np.int64))
    np.testing.assert_array_equal(before, kept)


def assert_refused_or_decoded(before: np.ndarray, tokens: np.ndarray) -> None:
    told, grid = "", before
    try:
        grid = decode(before, tokens)
    except ValueError as error:
        told = str(error)
    assert told == "" or "token" in told
    assert grid.dtype == np.uint8
    assert max(grid.shape) <= 30
    assert grid.max() <= 10


@settings(max_examples=200, deadline=None)
@given(arrays(np.int64, st.integers(0, 12), elements=st.integers(-1, NUM_TOKENS)))
def test_random_tokens_never_break_anything(tokens: np.ndarray):
    assert_refused_or_decoded(grid_of("12. .3."), tokens)


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        ([], "must close with END, but stops after token -1"),
        ([Op.SET, 13, 13, 102], "must close with END, but stops after token 3"),
        ([Op.SEL, 13, 13, 13, 13, Op.END], "must close with END, but stops after token 5"),
        ([13], r"token 0 must be an operation \(0 to 12\), got 13"),
        ([-1], r"token 0 must be an operation \(0 to 12\), got -1"),
        ([Op.DEL, 114, 500, Op.END], r"token 2 must be an operation \(0 to 12\), got 500"),
        ([Op.MOVE, 114, 72], "MOVE at token 0 needs 3 arguments, got 2"),
        ([Op.DEL, 114, Op.PAINT, 114], "PAINT at token 2 needs 2 arguments, got 1"),
        ([Op.DEL, 113, Op.END], r"token 1 must be the organism of DEL \(114 to 145\), got 113"),
        ([Op.SET, 13, 13, 101, Op.END], r"token 3 must be the colour of SET \(102 to 112\), got 101"),
        ([Op.RAY, 13, 13, 153, 102, Op.END], r"token 3 must be the direction of RAY \(154 to 161\), got 153"),
        ([Op.SET, 43, 13, 102, Op.END], r"token 1 must be the row of SET \(13 to 42\), got 43"),
        ([Op.END, Op.END], r"the code ends at token 0, but token 1 \(12\) follows"),
        ([Op.SET, 13, 13, 102, Op.DEL, 114, Op.END], "DEL at token 4 comes too late"),
        ([Op.SIZE, 13, 13, Op.SIZE, 13, 13, Op.END], "SIZE at token 3 comes too late"),
        ([Op.CROP, 13, 13, 13, 13, Op.CROP, 13, 13, 13, 13, Op.END], "CROP at token 5 comes too late"),
        ([Op.SEL, 13, 13, 13, 13, Op.END, Op.DEL, 114, Op.END], "DEL at token 6 comes too late"),
        ([Op.SEL, 13, 13, 13, 13, Op.SEL, 13, 13, 13, 13, Op.END, Op.END, Op.END], "SEL at token 5 cannot stand in a"),
        ([Op.SEL, 13, 13, 13, 13, Op.SIZE, 13, 13, Op.END, Op.END], "SIZE at token 5 cannot stand in a selection"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_token(tokens: list[int], told: str):
    for use in (parse, lambda tokens: decode(grid_of("1"), tokens), lambda tokens: describe(tokens, grid_of("1"))):
        with pytest.raises(ValueError, match=told):
            use(np.array(tokens, np.int64))


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([(Op.MOVE, 1, 0, -1)], "MOVE at token 0 goes beyond the grid of 2 x 3 cells"),
        ([(Op.MOVE, 1, -1, 0)], "MOVE at token 0 goes beyond"),
        ([(Op.MOVE, 1, 2, 0)], "MOVE at token 0 goes beyond"),
        ([(Op.MOVE, 1, 0, 2)], "MOVE at token 0 goes beyond"),
        ([(Op.DEL, 2), (Op.TURN, 3, 1)], "TURN at token 2 goes beyond the grid of 2 x 3 cells"),
        ([(Op.COPY, 1, 1, 2, 0)], "COPY at token 0 goes beyond"),
        ([(Op.COPY, 0, 0, 1, 0)], "COPY at token 0 goes beyond"),
        ([(Op.COPY, 0, 0, 0, 1)], "COPY at token 0 goes beyond"),
        ([(Op.CROP, 1, 0, 2, 1)], "CROP at token 0 goes beyond"),
        ([(Op.CROP, 0, 2, 1, 2)], "CROP at token 0 goes beyond"),
        ([(Op.SIZE, 1, 1), (Op.SET, 0, 1, 1)], "SET at token 3 goes beyond the grid of 1 x 1 cells"),
        ([(Op.RECT, 0, 1, 1, 3, 1)], "RECT at token 0 goes beyond"),
        ([(Op.RECT, 1, 0, 2, 1, 1)], "RECT at token 0 goes beyond"),
        ([(Op.RAY, 2, 0, 0, 1)], "RAY at token 0 goes beyond"),
        ([(Op.SET, 0, 0, 1), (Op.SET, 0, 3, 1)], "SET at token 4 goes beyond"),
        ([(Op.SEL, 1, 0, 2, 1), (Op.END,)], "SEL at token 0 goes beyond"),
        ([(Op.SEL, 0, 0, 1, 2), (Op.SET, 0, 2, 1), (Op.END,)], "SET at token 5 goes beyond the grid of 1 x 2 cells"),
        ([(Op.MOVE, 4, 0, 0)], "MOVE at token 0 names organism 4, which is not there"),
        ([(Op.GIVE, 1, 9)], "GIVE at token 0 names organism 9, which is not there"),
        ([(Op.COPY, 32, 0, 0, 0)], "COPY at token 0 names organism 32, which is not there"),
        ([(Op.SEL, 0, 0, 1, 2), (Op.DEL, 2), (Op.END,)], "DEL at token 5 names organism 2, which is not there"),
        ([(Op.MOVE, 1, 0, 0), (Op.MOVE, 1, 0, 0)], "MOVE at token 4 names organism 1 for the second time"),
        ([(Op.PAINT, 2, 1), (Op.PAINT, 2, 1)], "PAINT at token 3 names organism 2 for the second time"),
        ([(Op.DEL, 2), (Op.DEL, 2)], "DEL at token 2 names organism 2 for the second time"),
        ([(Op.TURN, 2, 0), (Op.TURN, 2, 1)], "TURN at token 3 names organism 2 for the second time"),
    ],
)
def test_what_does_not_fit_the_grid_is_refused_by_its_token(edits: list[tuple], told: str):
    before = grid_of("112 333")  # organism 3 is too long to stand upright
    with pytest.raises(ValueError, match=told):
        decode(before, code_of(*edits))
    assert drawing_of(before) == "112 333"


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (GridEdit(Op.MOVE, (1, 2)), "MOVE needs 3 arguments, got 2"),
        (GridEdit(Op.MOVE, (1, 30, 0)), r"the rows of MOVE must be in \[-29, 29\], got 30"),
        (GridEdit(Op.DEL, (0,)), r"the organism of DEL must be in \[1, 32\], got 0"),
        (GridEdit(Op.SIZE, (0, 1)), r"the height of SIZE must be in \[1, 30\], got 0"),
    ],
)
def test_edits_that_have_no_tokens_are_refused(edit: GridEdit, told: str):
    with pytest.raises(ValueError, match=told):
        join([edit])


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        (np.zeros((0, 3), np.uint8), r"sides of 1 to 30 cells, got shape \(0, 3\)"),
        (np.zeros((3, 31), np.uint8), r"sides of 1 to 30 cells, got shape \(3, 31\)"),
        (np.zeros(3, np.uint8), r"sides of 1 to 30 cells, got shape \(3,\)"),
        (np.zeros((2, 2)), "must hold whole numbers, got float64"),
        (np.full((2, 2), 11, np.uint8), r"colours in \[0, 10\], but 4 cells do not"),
        (np.array([[-1, 256, 266, 10]]), r"colours in \[0, 10\], but 3 cells do not"),
    ],
)
def test_what_is_no_grid_is_refused(grid: np.ndarray, told: str):
    good = grid_of("1")
    for use in (lambda: encode(grid, good), lambda: encode(good, grid), lambda: decode(grid, join([]))):
        with pytest.raises(ValueError, match=told):
            use()


@pytest.mark.parametrize(
    ("bodies", "told"),
    [
        ([[1, 1]], r"of shape \(2, 2\), got int64 \(1, 2\)"),
        ([[0.5, 1], [1, 1]], "must be whole numbers"),
        ([[-1, 0], [0, 0]], "0 or body numbers, got -1 to 0"),
        ([[3, 3], [0, 0]], "each body must have one colour, but body 3 has several"),
    ],
)
def test_what_are_no_bodies_is_refused(bodies: list, told: str):
    for use in (encode, lambda a, b, c: decode(a, join([]), c), lambda a, b, c: code_bits(join([]), a, c)):
        with pytest.raises(ValueError, match=told):
            use(grid_of("12 .."), grid_of("12 .."), np.array(bodies))


def test_edits_read_as_sentences():
    before = grid_of("12. .X. ...")
    edits = [
        (Op.CROP, 0, 0, 3, 3), (Op.SIZE, 4, 3), (Op.MOVE, 3, 1, -1), (Op.MOVE, 1, 0, 0), (Op.TURN, 2, 1),
        (Op.COPY, 0, 0, 0, 7), (Op.RECT, 0, 0, 1, 2, 6), (Op.RAY, 3, 0, 5, 8), (Op.SEL, 0, 0, 1, 2), (Op.PAINT, 1, 0),
        (Op.SET, 0, 1, 4), (Op.END,), (Op.SEL, 3, 2, 1, 1), (Op.END,),
    ]  # fmt: skip
    assert describe(code_of(*edits), before) == [
        "the picture is 3 x 3 cells from row 1, column 1",
        "the grid becomes 4 x 3 cells",
        "organism 3 (boxling) moves 1 down and 1 left",
        "organism 1 (blue) moves by nothing",
        "organism 2 (red) is turned: turn right",
        "the picture is copied to row 1, column 1: mirror antidiagonal",
        "1 x 2 cells from row 1, column 1 become pink",
        "a ray from row 4, column 1 goes up and right in sky",
        "within 1 x 2 cells from row 1, column 1:",
        "  organism 1 (pink) turns empty",
        "  row 1, column 2 becomes yellow",
        "within 1 x 1 cells from row 4, column 3:",
    ]


def draw_pair(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Grids of all sizes, mostly small: strangers, spoiled copies, windows, turned and moved ones."""
    height, width = np.minimum(rng.geometric(0.15, 2), 30)
    before = rng.integers(0, rng.integers(1, 12), (height, width)) * (rng.random((height, width)) < rng.random())
    kind = rng.integers(5)
    if kind == 0:
        after = rng.integers(0, 11, np.minimum(rng.geometric(0.15, 2), 30))
    elif kind == 1:
        after = np.where(rng.random(before.shape) < rng.random() ** 2, rng.integers(0, 11), before)
    elif kind == 2:
        after = before[rng.integers(height) :, : 1 + rng.integers(width)]
    elif kind == 3:
        after = transform(before.astype(np.uint8), list(SYMMETRIES)[rng.integers(8)])
    else:
        after = np.roll(before, rng.integers(-2, 3), axis=int(rng.integers(2)))
    return before.astype(np.uint8), after.astype(np.uint8)


def test_random_pairs_are_told_exactly():
    rng = np.random.default_rng(0)
    for _ in range(NUM_PAIRS):
        before, after = draw_pair(rng)
        tokens = encode(before, after)
        np.testing.assert_array_equal(decode(before, tokens), after)
        if before.shape == after.shape:
            assert len(tokens) <= 1 + 4 * int((before != after).sum())


def test_random_play_is_told_exactly():
    scenario = get("guide")
    rng = np.random.default_rng(5)
    worlds = scenario.generate(np.arange(40), "train")
    frames = [frames_of(worlds)]
    for _ in range(scenario.num_steps):
        scenario.advance(worlds, draw_actions(rng, worlds), None)
        frames.append(frames_of(worlds))
    num_tokens = 0
    for before, after in itertools.chain(*(zip(*pair, strict=True) for pair in itertools.pairwise(frames))):
        tokens = encode(before, after)
        np.testing.assert_array_equal(decode(before, tokens), after)
        num_tokens += len(tokens)
    # at most three bodies move in a step, in four tokens each
    assert num_tokens < 20 * 40 * 13


@pytest.mark.skipif("BOXLINGS_ARC" not in os.environ, reason="BOXLINGS_ARC names no folder of ARC tasks")
def test_every_pair_of_the_arc_tasks_is_told_exactly():
    num_pairs = 0
    for path in sorted(Path(os.environ["BOXLINGS_ARC"]).glob("*.json")):
        for task in json.loads(path.read_text(encoding="utf-8")).values():
            for pair in task["train"] + task["test"]:
                before, after = np.array(pair["input"]), np.array(pair["output"])
                if max(before.shape + after.shape) > 30:
                    continue
                tokens = encode(before, after)
                np.testing.assert_array_equal(decode(before, tokens), after)
                np.testing.assert_array_equal(reference_decode(before.astype(np.uint8), parse(tokens)), after)
                num_pairs += 1
    assert num_pairs > 0
