"""World number n is the same world for ever: hashes over the first 10,000 of each kind, as they were when they came."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from world import scenarios
from world.engine import law_book
from world.scatter import Scatter, scatter

NUMBERS = np.arange(10_000)
# a change here breaks every recording and every published figure: give a new kind of world a new name instead
FIRST_WORLDS = {
    ("name", "train"): "897fabe4a2a46a95",
    ("name", "held-out"): "b3f81777df8d7a89",
    ("name", "held-out-seeds"): "647e7f7b8090958a",
    ("describe", "train"): "2f40191d24653352",
    ("describe", "held-out"): "3bf0441fe0aeae7b",
    ("describe", "held-out-seeds"): "fac3c83a49123162",
    ("refer", "train"): "15ee4006a9491d74",
    ("refer", "held-out"): "df800c903528633f",
    ("refer", "held-out-seeds"): "45985f33b9cc26ed",
    ("refer:3x6:9", "train"): "1879e314a68929de",
    ("refer:3x6:9", "held-out"): "bc4f035893744ade",
    ("refer:3x6:9", "held-out-seeds"): "98de351056517b55",
    ("ask", "train"): "995c304e74826b5a",
    ("ask", "held-out"): "cbc79ab850d5672a",
    ("ask", "held-out-seeds"): "9bad071fcd4114e4",
    ("committee", "train"): "af3a7983d604efbc",
    ("committee", "held-out"): "30e8ea574bc6f32c",
    ("committee", "held-out-seeds"): "d62801345c865053",
    ("relay", "train"): "6892cc5c4e17ae4c",
    ("relay", "held-out"): "01779f41e1a678cd",
    ("relay", "held-out-seeds"): "3c43684bb1464856",
    ("guide", "train"): "1f1e1a3ad8857b2c",
    ("guide", "held-out"): "744a9c74d0b0a2b2",
    ("guide", "held-out-seeds"): "5a1e4194a2ba8c91",
    ("guide", "held-out-parameters"): "36dfd09fff0177be",
    ("guide", "held-out-families"): "113955cd840e252e",
    ("carry", "train"): "1f12b32c05cda360",
    ("carry", "held-out"): "fddd7dcff087903e",
    ("carry", "held-out-seeds"): "8769f9f5c49aacfd",
    ("carry", "held-out-parameters"): "b1bbeb5a9a3b55ef",
    ("carry", "held-out-families"): "9987a235a128cf0b",
    ("forage", "train"): "66b1d64e1d3969ad",
    ("forage", "held-out"): "0e2f2f4954b44f6b",
    ("forage", "held-out-seeds"): "78aaf6eccd0ae07d",
    ("forage", "held-out-parameters"): "34de2425c7588c3e",
    ("forage", "held-out-families"): "afbbddba1dfc83e8",
    ("sokoban", "train"): "9e5b3e6ff545166c",
    ("sokoban", "held-out"): "d959c67f96ee564f",
    ("sokoban", "held-out-seeds"): "636a9a6f3f09280d",
    ("sokoban", "held-out-parameters"): "460bd269314ca5bd",
    ("sokoban", "held-out-families"): "08924658594e5a6a",
    ("forage:competitive", "train"): "642872309c9ea4dd",
    ("forage:competitive", "held-out"): "e44c1e010c727b21",
    ("forage:competitive", "held-out-seeds"): "2e5155bc41bfe3c4",
    ("forage:competitive", "held-out-parameters"): "3daa3ff91d740f78",
    ("forage:competitive", "held-out-families"): "fbc8f0e0e20c76ae",
}
FIRST_SCATTERED = "5990d51184ea4276"


def hash_of(*arrays: np.ndarray) -> str:
    """A hash of values and shapes, on any machine: little-endian bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()[:16]


@pytest.mark.parametrize(("name", "split"), FIRST_WORLDS)
def test_the_first_worlds_of_a_scenario_are_what_they_were(name: str, split: str):
    worlds = scenarios.get(name).generate(NUMBERS, split)
    arrays = (
        worlds.owner, worlds.look, worlds.floor, worlds.arena.flags, worlds.arena.laws, worlds.arena.agent_body,
        worlds.position_rc, worlds.role, worlds.goal, *([worlds.choices] if worlds.choices.size else []),
    )  # fmt: skip
    assert hash_of(*arrays) == FIRST_WORLDS[name, split]


def test_every_scenario_and_split_is_pinned():
    every = {(name, split) for name in scenarios.names() for split in scenarios.get(name).splits}
    assert every <= set(FIRST_WORLDS)


def test_the_first_scattered_worlds_are_what_they_were():
    arena = scatter(NUMBERS, Scatter(), law_book())
    arrays = (arena.grid(), arena.picture(), arena.colour, arena.size, arena.flags, arena.agent_body, arena.agent_cell)
    assert hash_of(*arrays) == FIRST_SCATTERED
