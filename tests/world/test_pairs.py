"""Random pairs are those of a law, differ, have names that are numbers, and are the same everywhere."""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter

import numpy as np
import pytest

from world.pairs import HELD_OUT_CHAINS, HELD_OUT_LAWS, TRAINED_CHAINS, TRAINED_LAWS, LawPairs, pairs_of
from world.splits import SPLITS
from world.statics import STATIC_LAWS, StaticLaw, check_grid
from world.symmetry import SYMMETRIES, transform


@pytest.mark.parametrize("law", STATIC_LAWS)
def test_every_law_makes_pairs_of_different_grids(law: str):
    pairs = LawPairs(laws=(law,))
    seen = set()
    for number in range(40):
        before, after = pairs(number)
        check_grid(before)
        check_grid(after)
        assert before.any()
        assert 3 <= min(before.shape) <= max(before.shape) <= 10
        assert not np.array_equal(before, after)
        if not STATIC_LAWS[law].may_change_size:
            assert before.shape == after.shape
        seen.add(before.tobytes())
    assert len(seen) == 40


def test_a_pair_is_what_its_law_makes_of_it():
    for number in range(50):
        before, after = LawPairs(laws=("turn",))(number)
        turned = [
            StaticLaw("turn", value).apply(before) for value in zip(STATIC_LAWS["turn"].parameters["symmetry"].values)
        ]
        assert any(np.array_equal(after, each) for each in turned)


def test_grids_have_rings_boxes_and_single_cells_of_up_to_four_colours():
    grids = [LawPairs()(number)[0] for number in range(300)]
    num_colours = Counter(len(np.unique(grid[grid > 0])) for grid in grids)
    assert set(num_colours) == {1, 2, 3, 4}
    sides = Counter(side for grid in grids for side in grid.shape)
    assert set(sides) == set(range(3, 11))
    assert min(sides.values()) > 30


def test_the_pairs_of_a_number_are_these_bytes():
    digest = 0
    for number in [*range(200), 2**63 - 1]:
        for grid in LawPairs()(number):
            assert grid.dtype == np.uint8
            digest = zlib.crc32(grid.tobytes(), zlib.crc32(bytes(grid.shape), digest))
    assert digest == 1594028550


@pytest.mark.parametrize(("low", "high"), [(1, 1), (1, 2), (30, 30)])
def test_sides_are_as_wished(low: int, high: int):
    laws = ("tile", "outline", "turn", "recolour", "count_to_bars", "scale")
    for number in range(20):
        before, _ = LawPairs(low, high, laws)(number)
        assert low <= min(before.shape) <= max(before.shape) <= high


def test_where_no_law_changes_anything_that_is_told():
    with pytest.raises(
        ValueError, match=r"^pair number 3 cannot be made: in 1000 tries LawPairs\(.*\) changed no grid$"
    ):
        LawPairs(1, 1, ("turn",))(3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"min_side_cells": 0}, r"min_side_cells must be a whole number in \[1, 30\], got 0"),
        ({"max_side_cells": 31}, r"max_side_cells must be a whole number in \[3, 30\], got 31"),
        ({"max_side_cells": 2}, r"max_side_cells must be a whole number in \[3, 30\], got 2"),
        ({"min_side_cells": 2.5}, r"min_side_cells must be a whole number in \[1, 30\], got 2.5"),
        ({"laws": ("turn", "fly")}, "laws must be some of turn, .*, got 'fly'"),
        ({"laws": ()}, "laws must be some of turn, .*, got 'none'"),
    ],
)
def test_wrong_options_are_refused(options: dict, sentence: str):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        LawPairs(**options)


# sha256 over the first 100 pairs of each split; what is held out may not change once something was trained on the rest
FIRST_PAIRS = {
    "train": "65b641f65ac6b9ac",
    "held-out-seeds": "5165c1bbea5f3742",
    "held-out": "9c2c8e2deea01198",
    "held-out-parameters": "87407dd9843fc837",
    "held-out-families": "010f789fe47a71ad",
}


@pytest.mark.parametrize("split", SPLITS)
def test_the_first_pairs_of_a_split_are_what_they_were(split: str):
    digest = hashlib.sha256()
    for number in range(100):
        for grid in pairs_of(split)(number):
            digest.update(repr(grid.shape).encode() + grid.tobytes())
    assert digest.hexdigest()[:16] == FIRST_PAIRS[split]


def test_splits_share_no_law_no_chain_and_no_size_that_they_should_not():
    assert set(TRAINED_LAWS) | set(HELD_OUT_LAWS) == set(STATIC_LAWS)
    assert len(HELD_OUT_LAWS) == 4
    assert not set(TRAINED_LAWS) & set(HELD_OUT_LAWS)
    assert not {frozenset(chain) for chain in TRAINED_CHAINS} & {frozenset(chain) for chain in HELD_OUT_CHAINS}
    assert {law for chain in HELD_OUT_CHAINS for law in chain} == set(TRAINED_LAWS)
    assert len(HELD_OUT_CHAINS) / len(TRAINED_CHAINS + HELD_OUT_CHAINS) == pytest.approx(1 / 3, abs=0.01)
    sides = {split: [side for n in range(40) for side in pairs_of(split)(n)[0].shape] for split in SPLITS}
    assert min(sides["held-out-parameters"]) > max(sides["train"])
    train, others = ({grids[0].tobytes() for n in range(200) for grids in [pairs_of(split)(n)]} for split in SPLITS[:2])
    assert len(train & others) < 5
    with pytest.raises(ValueError, match=r"split must be one of train, .*, got 'test'"):
        pairs_of("test")


def test_every_law_of_a_chain_changes_something():
    pairs = LawPairs(laws=(("turn", "turn"),))
    for number in range(40):
        before, after = pairs(number)
        assert not np.array_equal(before, after)
        ways = [transform(before, symmetry) for symmetry in SYMMETRIES]
        assert any(np.array_equal(after, way) for way in ways)
