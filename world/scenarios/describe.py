"""Scenario `describe`: the guide is told an object, attribute by attribute, and the builder must name it.

The field's standard game, a reconstruction game over attribute-value meanings without pictures, as in Chaabouni et al.
2020 (https://arxiv.org/abs/2004.09124), so that results can be held beside published ones. `describe:3x6` has 3
attributes of 6 values; `describe:4,4,9` has one of as many values each as it says. A fifth of all combinations is held
out of training, chosen by a hash.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from math import prod

import numpy as np

from world.chance import start_states
from world.codes import Role
from world.engine import build, law_book
from world.scenarios.base import Attribute, Observation, check_numbers
from world.scenarios.spoken import SpokenScenario, draw_goals
from world.splits import COMPOSITIONS, SEEDS, TRAIN, rank
from world.state import Worlds, worlds_of

DEFAULT_SIZES = (6, 6, 6)
MAX_MEANINGS = 200_000
HELD_OUT_SHARE = 0.2
_SIDE_CELLS = 3  # of an empty room: there is nothing to see


class Describe(SpokenScenario):
    """See the module's docstring. The answer is what the builder's world model says after it has heard one message."""

    summary = "the guide is told an object by its attributes and talks; the builder must name them all"
    view_shape = (1, 1)
    num_looks = 2
    guide_sees = False

    def __init__(self, sizes: tuple[int, ...] = DEFAULT_SIZES, name: str = "describe") -> None:
        self.name = name
        self.attributes = tuple(
            Attribute(chr(ord("a") + k), tuple(str(value + 1) for value in range(size)), is_visible=False)
            for k, size in enumerate(sizes)
        )
        if len(sizes) < 2:
            self.splits = (TRAIN, SEEDS)  # of a single attribute no combination can be held out

    def with_argument(self, argument: str) -> Describe:
        return _describe(read_sizes(self.kind, argument))

    @cached_property
    def _meanings(self) -> dict[str, np.ndarray]:
        """All meanings, (N, G) int16 each: those that are trained on, and those that are held out."""
        grid = np.indices(self.attribute_sizes).reshape(self.num_attributes, -1).T.astype(np.int16)
        is_held_out = np.zeros(len(grid), bool)
        if COMPOSITIONS in self.splits:
            # the same objects are held out of every game over them
            ranks = np.array([rank("describe", *self.attribute_sizes, "meaning", n) for n in range(len(grid))])
            num_left = [
                np.bincount(column, minlength=size) for column, size in zip(grid.T, self.attribute_sizes, strict=True)
            ]
            wanted = round(HELD_OUT_SHARE * len(grid))
            for n in np.argsort(ranks, kind="stable"):
                if wanted == 0:
                    break
                # every value stays known from other company
                if all(left[value] > 1 for left, value in zip(num_left, grid[n], strict=True)):
                    is_held_out[n] = True
                    wanted -= 1
                    for left, value in zip(num_left, grid[n], strict=True):
                        left[value] -= 1
        return {TRAIN: grid[~is_held_out], COMPOSITIONS: grid[is_held_out]}

    def meanings(self, split: str) -> np.ndarray:
        self.check_split(split)
        return self._meanings[split if split == COMPOSITIONS else TRAIN].copy()

    def is_held_out(self, meanings: np.ndarray) -> np.ndarray:
        numbers = np.ravel_multi_index(tuple(meanings.astype(np.int64).T), self.attribute_sizes)
        held_out = np.ravel_multi_index(tuple(self._meanings[COMPOSITIONS].astype(np.int64).T), self.attribute_sizes)
        return np.isin(numbers, held_out)

    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        numbers = check_numbers(numbers)
        self.check_split(split)
        meanings = self._meanings[split if split == COMPOSITIONS else TRAIN]
        num_worlds = len(numbers)
        arena = build(
            np.zeros((num_worlds, _SIDE_CELLS, _SIDE_CELLS), np.uint8),
            np.zeros((num_worlds, 2), np.uint8),
            law_book(),
            agent_body=np.zeros((num_worlds, self.num_agents), np.uint8),
        )
        worlds = worlds_of(arena, self.num_agents, self.num_attributes)
        draw_goals(start_states(numbers, self.name, split), meanings, worlds.role, worlds.goal)
        return worlds

    def observe(self, worlds: Worlds) -> Observation:
        is_guide = worlds.role == Role.GUIDE
        view = np.zeros((*worlds.role.shape, *self.view_shape), np.uint8)
        return Observation(view=view, sees=np.zeros_like(is_guide), knows=is_guide)


@lru_cache(maxsize=32)  # the meanings of large games take a while to part
def _describe(sizes: tuple[int, ...]) -> Describe:
    return Describe(sizes, "describe" if sizes == DEFAULT_SIZES else f"describe:{sizes_text(sizes)}")


def read_sizes(kind: str, text: str) -> tuple[int, ...]:
    """The number of values of each attribute; ValueError for a text that does not say it.

    >>> read_sizes("describe", "3x6"), read_sizes("describe", "4,4,9")
    ((6, 6, 6), (4, 4, 9))
    """
    expected = f"scenario {kind} takes ATTRIBUTESxVALUES such as 3x6, or the values of each attribute such as 4,4,9"
    num, cross, size = text.partition("x")
    parts = [size] * int(num) if cross and num.isdecimal() and len(num) <= 2 else text.split(",")
    if not parts or not all(part.isdecimal() and len(part) <= 6 for part in parts):
        raise ValueError(f"{expected}, got {text!r}")
    sizes = tuple(map(int, parts))
    if min(sizes) < 2 or len(sizes) > 26 or prod(sizes) > MAX_MEANINGS:
        raise ValueError(
            f"scenario {kind} takes 1 to 26 attributes of at least 2 values and at most {MAX_MEANINGS:,} combinations, "
            f"got {text!r}"
        )
    return sizes


def sizes_text(sizes: tuple[int, ...]) -> str:
    """The shortest text that `read_sizes` reads as these.

    >>> sizes_text((6, 6, 6)), sizes_text((4, 4, 9))
    ('3x6', '4,4,9')
    """
    return f"{len(sizes)}x{sizes[0]}" if len(set(sizes)) == 1 else ",".join(map(str, sizes))
