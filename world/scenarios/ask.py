"""Scenario `ask`: the builder wants to know one attribute of an object that only the guide knows, and has to ask.

A dialogue, as Task & Talk of Kottur et al. 2017 (https://arxiv.org/abs/1706.08502): the builder speaks first, then the
guide, then the builder answers. With room for one attribute in a message nobody gets far without listening to the
other. `ask:3x6` has the objects of `describe:3x6`, and the same are held out. Departure: one attribute is asked for
instead of two, and there are as many messages as that takes, two.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from world.codes import Role
from world.scenarios.base import Attribute, Observation
from world.scenarios.describe import DEFAULT_SIZES, Describe, read_sizes, sizes_text
from world.splits import COMPOSITIONS, TRAIN
from world.state import Worlds


class Ask(Describe):
    """See the module's docstring. The last attribute of a goal is which of the others is asked for."""

    summary = "the builder wants one attribute of an object that the guide is told, and must ask for it"
    num_steps = 3  # one to ask, one to reply, one to answer
    takes_turns = True

    def __init__(self, sizes: tuple[int, ...] = DEFAULT_SIZES, name: str = "ask") -> None:
        super().__init__(sizes, name)
        if len(sizes) < 2:
            raise ValueError(f"scenario ask needs at least 2 attributes to ask for, got {sizes_text(sizes)!r}")
        objects = {split: super(Ask, self).meanings(split) for split in (TRAIN, COMPOSITIONS)}
        names = tuple(attribute.name for attribute in self.attributes)
        self.attributes = (*self.attributes, Attribute("asked", names, is_visible=False))
        # replaces the cached property of the objects alone
        self._meanings = {
            split: np.concatenate(
                [np.repeat(values, len(names), axis=0), np.tile(np.arange(len(names)), len(values))[:, None]], axis=1
            ).astype(np.int16)
            for split, values in objects.items()
        }

    def with_argument(self, argument: str) -> Ask:
        return _ask(read_sizes(self.kind, argument))

    def observe(self, worlds: Worlds) -> Observation:
        is_guide = worlds.role == Role.GUIDE
        view = np.zeros((*worlds.role.shape, *self.view_shape), np.uint8)
        told = np.repeat(is_guide[:, :, None], self.num_attributes, axis=2)
        told[..., -1] = ~is_guide
        return Observation(view=view, sees=np.zeros_like(is_guide), knows=np.ones_like(is_guide), told=told)

    def had_turn(self, worlds: Worlds) -> np.ndarray:
        is_guide = worlds.role == Role.GUIDE
        steps = worlds.steps_taken[:, None]
        return (~is_guide & (steps == 1)) | (is_guide & (steps == 2))

    def is_right(self, worlds: Worlds, answers: np.ndarray) -> np.ndarray:
        return ((answers == worlds.goal[:, None]) | ~self.asked_attributes(worlds.goal)[:, None]).all(axis=-1)

    def asked_attributes(self, meanings: np.ndarray) -> np.ndarray:
        return np.arange(meanings.shape[1]) == meanings[:, -1:]

    def chance_success(self) -> float:
        trained = self._meanings[TRAIN]
        commonest = [np.bincount(column).max() / len(trained) for column in trained[:, :-1].T]
        return float(np.mean(commonest))


@lru_cache(maxsize=32)
def _ask(sizes: tuple[int, ...]) -> Ask:
    return Ask(sizes, "ask" if sizes == DEFAULT_SIZES else f"ask:{sizes_text(sizes)}")
