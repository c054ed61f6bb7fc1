"""Scenario `refer`: the guide is told an object, and the builder, with some objects before it, must choose that one.

The field's discrimination game, as in Lazaridou, Peysakhovich and Baroni 2017 (https://arxiv.org/abs/1612.07182), over
the objects of `describe`. `refer:3x6:9` has objects of 3 attributes with 6 values, and 9 candidates to choose from,
the object among them; without a number there are 4. Departure: all candidates of a world come from its own split, so
that in split "held-out" the distractors are new too, and to have seen an object before tells nothing.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from world.chance import below, start_states
from world.compiling import njit
from world.scenarios.describe import DEFAULT_SIZES, Describe, read_sizes, sizes_text
from world.splits import COMPOSITIONS, TRAIN
from world.state import Worlds

DEFAULT_CANDIDATES = 4
MAX_CANDIDATES = 1_024


@njit(cache=True)
def _draw_kernel(states, meanings, goals, choices):
    num_choices, num_attributes = choices.shape[1:]
    order = np.arange(len(meanings))
    came_from = np.empty(num_choices, np.int64)
    for b in range(len(states)):
        state = states[b : b + 1]
        for c in range(num_choices):  # the first swaps of a shuffle
            came_from[c] = c + below(state, len(meanings) - c)
            order[c], order[came_from[c]] = order[came_from[c]], order[c]
            choices[b, c] = meanings[order[c]]
        # the goal's place is even in both cases: where it was drawn, and otherwise where it now takes another's place
        place = below(state, num_choices)
        for c in range(num_choices):
            num_equal = 0
            for k in range(num_attributes):
                num_equal += choices[b, c, k] == goals[b, k]
            if num_equal == num_attributes:
                place = c
        choices[b, place] = goals[b]
        for c in range(num_choices - 1, -1, -1):  # taken back, so that no world depends on the one before it
            order[c], order[came_from[c]] = order[came_from[c]], order[c]


class Refer(Describe):
    """See the module's docstring. The answer is the candidate to which the builder's world model gives most."""

    summary = "the guide is told an object by its attributes and talks; the builder must choose it among some"

    def __init__(
        self, sizes: tuple[int, ...] = DEFAULT_SIZES, num_choices: int = DEFAULT_CANDIDATES, name: str = "refer"
    ) -> None:
        super().__init__(sizes, name)
        self.num_choices = num_choices
        for split in self.splits:
            num_meanings = len(self._meanings[split if split == COMPOSITIONS else TRAIN])
            if num_meanings < num_choices:
                raise ValueError(
                    f"scenario refer needs as many objects as candidates in each split, got {num_choices} candidates "
                    f"and {num_meanings} objects of sizes {sizes_text(sizes)} in split {split}"
                )

    def with_argument(self, argument: str) -> Refer:
        text, colon, number = argument.partition(":")
        sizes = read_sizes(self.kind, text)
        if not colon:
            return _refer(sizes, DEFAULT_CANDIDATES)
        if not (number.isdecimal() and len(number) <= 6 and 2 <= int(number) <= MAX_CANDIDATES):
            raise ValueError(
                f"scenario {self.kind} takes 2 to {MAX_CANDIDATES:,} candidates after a second colon, such as 3x6:9, "
                f"got {argument!r}"
            )
        return _refer(sizes, int(number))

    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        worlds = super().generate(numbers, split)
        worlds.choices = self.candidates(worlds.goal, numbers, split)
        return worlds

    def candidates(self, goals: np.ndarray, numbers: np.ndarray, split: str) -> np.ndarray:
        self.check_split(split)
        meanings = self._meanings[split if split == COMPOSITIONS else TRAIN]
        choices = np.zeros((len(goals), self.num_choices, self.num_attributes), np.int16)
        states = start_states(numbers, self.name, split, "candidates")
        _draw_kernel(states, meanings, np.ascontiguousarray(goals, np.int16), choices)
        return choices

    def chance_success(self) -> float:
        return 1 / self.num_choices


@lru_cache(maxsize=32)  # the meanings of large games take a while to part
def _refer(sizes: tuple[int, ...], num_choices: int) -> Refer:
    parts = ["refer"]
    if sizes != DEFAULT_SIZES or num_choices != DEFAULT_CANDIDATES:
        parts.append(sizes_text(sizes))
    if num_choices != DEFAULT_CANDIDATES:
        parts.append(str(num_choices))
    return Refer(sizes, num_choices, ":".join(parts))
