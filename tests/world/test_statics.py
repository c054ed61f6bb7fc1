"""Static laws do what was drawn by hand and what plain Python does, in every mirror and under every name of colours."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from tests.world.drawn_grids import draw_grid
from tests.world.statics_reference import LAWS, reference_apply
from world.law_parameters import WHICH
from world.objects import PROPERTIES
from world.statics import MAX_SIDE_CELLS, STATIC_LAWS, LawDoesNotApply, StaticLaw, check_grid, draw_law
from world.symmetry import SYMMETRIES, compose, transform

NUM_CASES = int(os.environ.get("BOXLINGS_CASES", "200"))  # for each law
every_law = pytest.mark.parametrize("name", STATIC_LAWS)


def grid_of(picture: str) -> np.ndarray:
    """A grid from a drawing: a word for each row, a digit for each colour, . is empty."""
    return np.array([[int(cell) for cell in line.replace(".", "0")] for line in picture.split()], np.uint8)


def outcome(law: StaticLaw, grid: np.ndarray) -> np.ndarray | None:
    try:
        return law.apply(grid)
    except LawDoesNotApply:
        return None


def draw_case(rng: np.random.Generator, name: str, max_side_cells: int = 10) -> tuple[StaticLaw, np.ndarray]:
    """A law and a grid, more often than not one to which it applies."""
    grid = draw_grid(rng, max_side_cells)
    law = draw_law(rng, name)
    for _ in range(rng.integers(0, 30)):
        if outcome(law, grid) is not None:
            break
        law = draw_law(rng, name)
    return law, grid


def is_same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and np.array_equal(one, other)


WIDE = {"which": ("size", 3), "connectivity": 4}
EXAMPLES = [
    ("turn", {"symmetry": "turn_right"}, "12. 345", "31 42 5."),
    ("turn", {"symmetry": "turn_left"}, "12. 345", ".5 24 13"),
    ("turn", {"symmetry": "turn_around"}, "12. 345", "543 .21"),
    ("turn", {"symmetry": "mirror_left_right"}, "12. 345", ".21 543"),
    ("turn", {"symmetry": "mirror_up_down"}, "12. 345", "345 12."),
    ("turn", {"symmetry": "mirror_diagonal"}, "12. 345", "13 24 .5"),
    ("turn", {"symmetry": "mirror_antidiagonal"}, "12. 345", "5. 42 31"),
    ("tile", {"times": [2, 3]}, "1. .2", "1.1.1. .2.2.2 1.1.1. .2.2.2"),
    ("tile_mirrored", {"times": [2, 3], "original": "up_left"}, "1. 23", "1..11. 233223 233223 1..11."),
    ("tile_mirrored", {"times": [2, 3], "original": "down_left"}, "1. 23", "233223 1..11. 1..11. 233223"),
    ("tile_mirrored", {"times": [1, 2], "original": "up_right"}, "12", "2112"),
    ("tile_mirrored", {"times": [1, 2], "original": "down_left"}, "12", "1221"),
    ("scale", {"times": [2, 3]}, "12", "111222 111222"),
    ("complete_symmetry", {"mirrors": ["mirror_left_right"], "about": "grid"}, "1.. .23 ...", "1.1 323 ..."),
    (
        "complete_symmetry",
        {"mirrors": ["mirror_up_down"], "about": "box"},
        ".... .12. .3.. ....",
        ".... .12. .32. ....",
    ),
    (
        "complete_symmetry",
        {"mirrors": ["turn_right", "turn_around", "turn_left"], "about": "grid"},
        "12.. .... .... ....",
        "12.1 ...2 2... 1.21",
    ),
    # three corners want three colours in the fourth
    (
        "complete_symmetry",
        {"mirrors": ["turn_around", "mirror_left_right", "mirror_up_down"], "about": "grid"},
        "1.2 .3. 4..",
        "1.2 .3. 4..",
    ),
    ("complete_symmetry", {"mirrors": ["mirror_diagonal"], "about": "grid"}, "12. ..3 ...", "12. 2.3 .3."),
    (
        "complete_symmetry",
        {"mirrors": ["mirror_antidiagonal"], "about": "box"},
        "..... ..12. ..3..",
        "..... ..12. ..31.",
    ),
    (
        "combine_halves",
        {"operation": "and", "halves": "left_right", "has_separator": False, "colour": 8},
        "12.. 3.4.",
        ".. 8.",
    ),
    (
        "combine_halves",
        {"operation": "or", "halves": "left_right", "has_separator": True, "colour": 8},
        "125.. 3.54.",
        "88 8.",
    ),
    (
        "combine_halves",
        {"operation": "xor", "halves": "up_down", "has_separator": False, "colour": 3},
        "12. 1.4",
        ".33",
    ),
    ("lay_over", {"first": "left", "has_separator": True}, "1.54. ..523", "1. 23"),
    ("lay_over", {"first": "right", "has_separator": False}, "1.4. 1123", "4. 23"),
    ("lay_over", {"first": "down", "has_separator": False}, "12. 3.4", "324"),
    ("lay_over", {"first": "up", "has_separator": True}, "12. 555 3.4", "124"),
    ("repeat", {"direction": "right", "gap": 0}, "12... .3...", "12121 .3.3."),
    ("repeat", {"direction": "left", "gap": 1}, ".....12", "2.12.12"),
    ("repeat", {"direction": "down", "gap": 2}, "1 . . . . . .", "1 . . 1 . . 1"),
    ("repeat", {"direction": "up", "gap": 0}, ". . . 1 2", "2 1 2 1 2"),
    ("repeat", {"direction": "down_right", "gap": 0}, "1.... .2... ..... ..... .....", "1.... .2... ..1.. ...2. ....1"),
    ("repeat", {"direction": "up_left", "gap": 0}, "... ... ..4", "4.. .4. ..4"),
    ("stamp", {"marker": 5, "anchor": "middle"}, ".1.... 121..5 .1....", ".1...1 121.12 .1...1"),
    # two copies meet: where they agree they are painted, where they do not the cell stays
    ("stamp", {"marker": 5, "anchor": "middle"}, "132.... ....... 5.5....", "132.... ....... 3.32..."),
    ("stamp", {"marker": 5, "anchor": "middle"}, "131.... ....... .5.5...", "131.... ....... 13131.."),
    ("stamp", {"marker": 5, "anchor": "marker"}, "15...5 .2....", "15..15 .2...2"),
    (
        "fill_enclosed",
        {"colour": 4, "connectivity": 4},
        ".111. .1.1. 11.1. 1.1.. 111..",
        ".111. .141. 1141. 141.. 111..",
    ),
    ("fill_enclosed", {"colour": 4, "connectivity": 4}, ".1.. 1.1. .1..", ".1.. 141. .1.."),
    ("fill_enclosed", {"colour": 4, "connectivity": 8}, ".1.. 1.1. .1..", ".1.. 1.1. .1.."),
    ("outline", {"colour": 2, "connectivity": 4}, "..... ..13. .....", "..22. .2132 ..22."),
    ("outline", {"colour": 2, "connectivity": 8}, "..... ..13. .....", ".2222 .2132 .2222"),
    ("hollow", {"connectivity": 8}, "1111 1111 1111 112.", "1111 1..1 1111 112."),
    ("hollow", {"connectivity": 4}, ".1. 111 .1.", ".1. 1.1 .1."),
    (
        "rays",
        {"source": 1, "directions": ["up", "down"], "colour": 2, "only_to_contact": False},
        "3.. ... 1.1 ...",
        "3.2 2.2 1.1 2.2",
    ),
    (
        "rays",
        {"source": 1, "directions": ["up", "down"], "colour": 2, "only_to_contact": True},
        "3.. ... 1.1 ...",
        "3.. 2.. 1.1 ...",
    ),
    (
        "rays",
        {
            "source": 1,
            "directions": ["up_left", "up_right", "down_left", "down_right"],
            "colour": 1,
            "only_to_contact": False,
        },
        "..... ...3. ..1.. ..... .....",
        "1.... .1.3. ..1.. .1.1. 1...1",
    ),
    ("keep", WIDE, "111. ...1 22.1", "111. .... ...."),
    ("keep", {"which": ("size", 5), "connectivity": 8}, "111. ...1 22.1", "111. ...1 ...1"),
    ("keep", {"which": ("size_rank", "largest"), "connectivity": 4}, "11.22 ....3", "11.22 ....."),
    ("delete", {"which": ("size_rank", "smallest"), "connectivity": 4}, "11.22 4...3", "11.22 ....."),
    ("keep", {"which": ("size_at_least", 2), "connectivity": 4}, "11.2 4.33", "11.. ..33"),
    ("keep", {"which": ("holes", 1), "connectivity": 4}, "111.22 1.1.22 111.22", "111... 1.1... 111..."),
    ("keep", {"which": ("holes", 2), "connectivity": 4}, "11111 1.1.1 11111", "11111 1.1.1 11111"),
    # what corners let through is a hole of an object that corners join, and of no other
    ("keep", {"which": ("holes", 1), "connectivity": 8}, ".1. 1.1 .1.", ".1. 1.1 .1."),
    ("keep", {"which": ("holes", 1), "connectivity": 4}, "111 1.1 11.", "... ... ..."),
    ("keep", {"which": ("symmetric", True), "connectivity": 4}, "1..222 11..2.", "...222 ....2."),
    ("keep", {"which": ("symmetric", False), "connectivity": 4}, "1..222 11..2.", "1..... 11...."),
    ("delete", {"which": ("rectangle", True), "connectivity": 4}, "11.2. 11.22", "...2. ...22"),
    ("keep", {"which": ("touches_border", False), "connectivity": 4}, "1... ..2. ....", ".... ..2. ...."),
    (
        "keep",
        {"which": ("unique_shape", True), "connectivity": 4},
        "11.22 ..... 3..44 3....",
        "..... ..... 3.... 3....",
    ),
    ("keep", {"which": ("colour", 2), "connectivity": 4}, "11.2 4.22", "...2 ..22"),
    ("keep", {"which": ("height", 2), "connectivity": 4}, "1.22 1...", "1... 1..."),
    ("delete", {"which": ("width", 2), "connectivity": 4}, "1.22 1...", "1... 1..."),
    ("recolour", {"which": ("size", 2), "colour": 7, "connectivity": 4}, "11.2 ...2 333.", "77.7 ...7 333."),
    (
        "crop",
        {"which": ("size_rank", "largest"), "is_alone": False, "connectivity": 4},
        "..... .111. .1311 .....",
        "111. 1311",
    ),
    (
        "crop",
        {"which": ("size_rank", "largest"), "is_alone": True, "connectivity": 4},
        "..... .111. .1311 .....",
        "111. 1.11",
    ),
    ("sort_lines", {"fuller": "down"}, "22. 333 .1.", ".1. 22. 333"),
    ("sort_lines", {"fuller": "up"}, "22. 333 .1. 22.", "333 22. 22. .1."),
    ("sort_lines", {"fuller": "right"}, "21. 2.. 23.", ".12 ..2 .32"),
    (
        "sort_objects",
        {"larger": "right", "connectivity": 4},
        "1.... 1.2.3 1.2..",
        "....1 3.2.1 ..2.1",
    ),
    ("sort_objects", {"larger": "left", "connectivity": 4}, "1..222", "222..1"),
    ("sort_objects", {"larger": "down", "connectivity": 4}, "222 ... 1..", "1.. ... 222"),
    # the gaps of one and of none keep their order
    ("sort_objects", {"larger": "right", "connectivity": 4}, "333.221", "1.22333"),
    ("count_to_bars", {"counted": "cells", "bars": ["right", "up"]}, "12. 113", None),
    ("count_to_bars", {"counted": "cells", "bars": ["right", "up"]}, "12. 112", "111 22."),
    ("count_to_bars", {"counted": "cells", "bars": ["up", "right"]}, "12. 112", ".1 21 21"),
    ("count_to_bars", {"counted": "objects_by_sides", "bars": ["left", "down"]}, "1.1 222 1.1", "...2 1111"),
    ("count_to_bars", {"counted": "objects_by_corners", "bars": ["down", "left"]}, "1.2 .1. 2..", "21 2."),
    # on these grids the law does not apply
    ("tile", {"times": [1, 5]}, "1234567", None),
    ("scale", {"times": [4, 1]}, " ".join("1" * 8), None),
    ("complete_symmetry", {"mirrors": ["turn_around"], "about": "box"}, "...", None),
    ("complete_symmetry", {"mirrors": ["mirror_diagonal"], "about": "grid"}, "12", None),
    ("combine_halves", {"operation": "or", "halves": "up_down", "has_separator": True, "colour": 1}, "1 1", None),
    ("combine_halves", {"operation": "or", "halves": "up_down", "has_separator": True, "colour": 1}, "12 13 12", None),
    ("lay_over", {"first": "left", "has_separator": True}, "1.2", None),
    ("lay_over", {"first": "left", "has_separator": False}, "1", None),
    ("lay_over", {"first": "left", "has_separator": True}, "1", None),
    ("repeat", {"direction": "up", "gap": 0}, "...", None),
    ("stamp", {"marker": 5, "anchor": "middle"}, "1....5", "1....1"),
    ("stamp", {"marker": 5, "anchor": "middle"}, "11...5", None),
    ("stamp", {"marker": 5, "anchor": "middle"}, "....5", None),
    ("stamp", {"marker": 5, "anchor": "middle"}, "111..", None),
    ("stamp", {"marker": 5, "anchor": "marker"}, "15..5..51", None),
    ("stamp", {"marker": 5, "anchor": "marker"}, "15....", None),
    ("rays", {"source": 1, "directions": ["up"], "colour": 2, "only_to_contact": False}, "2", None),
    ("crop", {"which": ("size_rank", "largest"), "is_alone": True, "connectivity": 4}, "11.22", None),
    ("crop", {"which": ("size_rank", "largest"), "is_alone": True, "connectivity": 4}, "...", None),
    ("sort_lines", {"fuller": "left"}, "12", None),
    ("sort_objects", {"larger": "up", "connectivity": 4}, "1.2", None),
    ("sort_objects", {"larger": "left", "connectivity": 4}, "1.2", None),
    ("sort_objects", {"larger": "left", "connectivity": 4}, "1.. ..1", None),
    ("sort_objects", {"larger": "left", "connectivity": 4}, "11.", None),
    ("count_to_bars", {"counted": "cells", "bars": ["up", "left"]}, "..", None),
    ("count_to_bars", {"counted": "cells", "bars": ["up", "left"]}, " ".join(["1" * 8] * 4), None),
]


@pytest.mark.parametrize(("name", "parameters", "before", "after"), EXAMPLES)
def test_a_law_does_what_was_drawn_by_hand(name: str, parameters: dict, before: str, after: str | None):
    law = StaticLaw.of(name, **parameters)
    if after is None:
        with pytest.raises(LawDoesNotApply, match=rf"^{name} .*[^.\n]$"):
            law.apply(grid_of(before))
    else:
        assert law.apply(grid_of(before)).tolist() == grid_of(after).tolist()


def test_every_law_has_a_drawing_and_a_plain_version():
    assert {name for name, *_, after in EXAMPLES if after} == set(STATIC_LAWS) == set(LAWS)
    assert {p["which"][0] for _, p, *_ in EXAMPLES if "which" in p} == set(PROPERTIES)
    assert {value[0] for value in WHICH.values} == set(PROPERTIES)
    limited = {name for name, form in STATIC_LAWS.items() if form.domain != "every grid"}
    assert limited <= {name for name, *_, after in EXAMPLES if after is None} <= limited | {"tile", "scale"}


@every_law
def test_a_law_equals_plain_python(name: str):
    rng = np.random.default_rng(11)
    num_applied = num_changed = 0
    for case in range(NUM_CASES):
        law, grid = draw_case(rng, name, max_side_cells=MAX_SIDE_CELLS if case % 20 == 0 else 10)
        result = outcome(law, grid)
        num_applied += result is not None
        num_changed += result is not None and not is_same(result, grid)
        expected = reference_apply(name, law.values, grid.tolist())
        assert (None if result is None else result.tolist()) == expected, (law, grid)
    is_limited = STATIC_LAWS[name].domain != "every grid"
    assert num_applied >= (0.15 if is_limited else 0.8) * NUM_CASES
    assert num_changed >= 0.05 * NUM_CASES
    assert num_applied < NUM_CASES or not is_limited


@every_law
def test_a_turned_grid_under_the_turned_law_gives_the_turned_result(name: str):
    rng = np.random.default_rng(12)
    for _ in range(NUM_CASES):
        law, grid = draw_case(rng, name)
        result = outcome(law, grid)
        for symmetry in SYMMETRIES:
            turned = outcome(law.turned(symmetry), transform(grid, symmetry))
            assert is_same(turned, None if result is None else transform(result, symmetry)), (law, symmetry, grid)


@every_law
def test_renamed_colours_under_the_renamed_law_give_the_renamed_result(name: str):
    rng = np.random.default_rng(13)
    for _ in range(NUM_CASES):
        law, grid = draw_case(rng, name)
        result = outcome(law, grid)
        new = np.concatenate([[0], rng.permutation(9) + 1]).astype(np.uint8)
        renamed = outcome(law.recoloured(new), new[grid])
        assert is_same(renamed, None if result is None else new[result]), (law, new, grid)


@every_law
def test_turning_a_law_twice_is_turning_it_by_both(name: str):
    rng = np.random.default_rng(14)
    for _ in range(20):
        law = draw_law(rng, name)
        one, other = rng.choice(list(SYMMETRIES), 2).tolist()
        assert law.turned(one).turned(other) == law.turned(compose(other, one))
        assert law.turned("identity") == law


@every_law
def test_a_grid_is_left_as_it_is_and_its_layout_does_not_matter(name: str):
    rng = np.random.default_rng(15)
    for _ in range(30):
        law, grid = draw_case(rng, name)
        before = grid.copy()
        result = outcome(law, grid)
        np.testing.assert_array_equal(grid, before)
        around = np.full((40, 40), 9, np.uint8)
        part = around[3 : 3 + grid.shape[0], 5 : 5 + grid.shape[1]]
        part[:] = grid
        before.flags.writeable = False
        for same in (grid, before, np.asfortranarray(grid), part):
            again = outcome(law, same)
            assert is_same(again, result)
            if result is not None and again is not None:
                assert again.tobytes() == result.tobytes()
                assert again.flags.c_contiguous
                assert again.flags.writeable
                assert not np.shares_memory(again, same)


@every_law
def test_every_size_has_a_result_or_a_reason(name: str):
    rng = np.random.default_rng(16)
    form = STATIC_LAWS[name]
    sizes_changed = 0
    for shape in [(side, side) for side in range(1, 31)] + [(1, 30), (30, 1), (29, 30), (2, 1)]:
        for share_filled in (0.0, 0.1, 0.5, 1.0):
            grid = (rng.integers(1, 10, shape) * (rng.random(shape) < share_filled)).astype(np.uint8)
            for law in (draw_law(rng, name) for _ in range(3)):
                result = outcome(law, grid)
                if result is not None:
                    check_grid(result)
                    sizes_changed += result.shape != grid.shape
    assert form.may_change_size or not sizes_changed
    # a turn changes no square
    assert sizes_changed or not form.may_change_size


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        ([[1]], "array of uint8, got list"),
        (np.zeros((2, 2), np.int64), "array of uint8, got int64"),
        (np.zeros(3, np.uint8), r"two sides of 1 to 30 cells, got shape \(3,\)"),
        (np.zeros((1, 2, 2), np.uint8), r"two sides of 1 to 30 cells, got shape \(1, 2, 2\)"),
        (np.zeros((0, 3), np.uint8), r"two sides of 1 to 30 cells, got shape \(0, 3\)"),
        (np.zeros((31, 3), np.uint8), r"two sides of 1 to 30 cells, got shape \(31, 3\)"),
        (np.zeros((3, 31), np.uint8), r"two sides of 1 to 30 cells, got shape \(3, 31\)"),
        (np.full((2, 2), 10, np.uint8), r"colours in \[0, 9\], got 10"),
    ],
)
def test_what_is_no_colour_grid_is_refused(grid: np.ndarray, told: str):
    for name in STATIC_LAWS:
        with pytest.raises(ValueError, match=told) as refusal:
            draw_law(np.random.default_rng(1), name).apply(grid)
        assert not isinstance(refusal.value, LawDoesNotApply)


def every_setting(name: str) -> list[StaticLaw]:
    """The law with each value of each parameter, the other ones as they come first, and many at random."""
    kinds = STATIC_LAWS[name].parameters
    first = {parameter: kind.values[0] for parameter, kind in kinds.items()}
    some = [StaticLaw.of(name, **first | {p: value}) for p, kind in kinds.items() for value in kind.values]
    rng = np.random.default_rng(17)
    return some + [draw_law(rng, name) for _ in range(500)]


def test_every_setting_has_a_sentence_of_its_own():
    laws = {law for name in STATIC_LAWS for law in every_setting(name)}
    by_sentence: dict[str, StaticLaw] = {}
    for law in laws:
        sentence = law.describe()
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "_" not in sentence
        assert "  " not in sentence
        assert sentence.count(".") == 1
        assert by_sentence.setdefault(sentence, law) == law
    assert len(by_sentence) == len(laws) > 1500


def test_a_law_survives_json():
    for name in STATIC_LAWS:
        for law in every_setting(name):
            again = StaticLaw.from_json(json.loads(json.dumps(law.to_json())))
            assert again == law
            assert hash(again) == hash(law)
            assert [type(value) for value in again.values] == [type(value) for value in law.values]


@pytest.mark.parametrize(
    ("plain", "told"),
    [
        ({"law": "melt"}, "a law must be one of turn, .* got 'melt'"),
        ({"law": ["turn"]}, "a law must be one of turn"),
        ({"symmetry": "turn_left"}, "an object with the key law"),
        (["turn"], r'an object with the key law, got \["turn"\]'),
        ({"law": "turn"}, "turn has the parameters symmetry, got none"),
        ({"law": "turn", "symmetry": "turn_left", "speed": 2}, "parameters symmetry, got symmetry, speed"),
        ({"law": "turn", "name": "turn_left"}, "turn has the parameters symmetry, got name"),
        ({"law": "turn", "symmetry": "identity"}, 'symmetry of turn must be one of "turn_right", .* got "identity"'),
        ({"law": "outline", "colour": 0, "connectivity": 4}, "colour of outline must be one of 1, .* 9, got 0"),
        ({"law": "outline", "colour": True, "connectivity": 4}, "colour of outline must be .* got true"),
        ({"law": "outline", "colour": 1.0, "connectivity": 4}, "colour of outline must be .* got 1.0"),
        ({"law": "hollow", "connectivity": 6}, "connectivity of hollow must be one of 4, 8, got 6"),
        ({"law": "keep", "which": ["size", True], "connectivity": 4}, r'which of keep must be .* got \["size", true\]'),
        ({"law": "tile", "times": [1, 1]}, r"times of tile must be .* got \[1, 1\]"),
    ],
)
def test_a_law_that_the_book_does_not_have_is_refused(plain: dict, told: str):
    with pytest.raises(ValueError, match=told):
        StaticLaw.from_json(plain)


def test_a_law_needs_all_its_values_and_true_symmetries_and_renamings():
    with pytest.raises(ValueError, match=r"tile has 1 parameters \(times\), got 2"):
        StaticLaw("tile", ((2, 2), 3))
    law = StaticLaw.of("hollow", connectivity=4)
    with pytest.raises(ValueError, match=r"a symmetry must be one of identity, .* got 'inside_out'"):
        law.turned("inside_out")
    for renaming in ([1, 0, *range(2, 10)], [0, 1, 2], [0, 1, 1, *range(3, 10)], []):
        with pytest.raises(ValueError, match="a renaming must hold each of 0 to 9 once, 0 first"):
            law.recoloured(renaming)


def test_a_seed_draws_the_same_laws_and_every_kind_and_value_comes():
    draws = [[draw_law(rng) for _ in range(3000)] for rng in (np.random.default_rng(5), np.random.default_rng(5))]
    assert draws[0] == draws[1]
    assert {law.name for law in draws[0]} == set(STATIC_LAWS)
    rng = np.random.default_rng(6)
    selectors = [draw_law(rng, "keep").parameters["which"] for _ in range(3000)]
    assert set(selectors) == set(WHICH.values)
    # properties come equally often, however many values each has
    for name in PROPERTIES:
        assert 180 < sum(which[0] == name for which in selectors) < 370
    with pytest.raises(ValueError, match="a law must be one of"):
        draw_law(rng, "melt")
