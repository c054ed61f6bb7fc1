"""The contract of scenarios finds what breaks it, and names it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from world import scenarios
from world.codes import Role
from world.scenarios.base import Observation
from world.scenarios.guide import Guide
from world.state import Worlds
from world.testing import check_scenario


class OfTheBatch(Guide):
    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        worlds = super().generate(numbers, split)
        worlds.floor[:, 0, 0] = np.arange(len(worlds)) % 9
        return worlds


class TakesAnySplit(Guide):
    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        return super().generate(numbers, split if split in self.splits else "train")


class NoEmptyBatch(Guide):
    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        reward = super().advance(worlds, actions, answers)
        return reward if len(reward) else np.zeros(0, np.float32)


class PaysTheDead(Guide):
    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        was_over = worlds.is_over.copy()
        return super().advance(worlds, actions, answers) + was_over[:, None].astype(np.float32)


class NeverEnds(Guide):
    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        reward = super().advance(worlds, actions, answers)
        worlds.is_over &= worlds.is_won
        return reward


class Whims(Guide):
    lives = 0

    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        Whims.lives += 1
        worlds.num_done[:1] = Whims.lives % 100
        return super().advance(worlds, actions, answers)


class OneGuidesMore(Guide):
    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        worlds = super().generate(numbers, split)
        worlds.role[numbers % 4 == 0] = np.sort(worlds.role[numbers % 4 == 0], axis=1)
        return worlds


class HoldsOutAValue(Guide):
    def is_held_out(self, meanings: np.ndarray) -> np.ndarray:
        return meanings[:, 0] == 0


class TrainsOnWhatIsHeldOut(Guide):
    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        worlds = super().generate(numbers, split)
        worlds.goal[numbers % 3 == 0] = self.meanings("held-out")[0]
        return worlds


class TellsBuilders(Guide):
    def observe(self, worlds: Worlds) -> Observation:
        seen = super().observe(worlds)
        return Observation(seen.view, seen.sees, np.ones_like(seen.knows))


class ShowsTheGoal(Guide):
    def observe(self, worlds: Worlds) -> Observation:
        seen = super().observe(worlds)
        is_builder = (worlds.role == Role.BUILDER)[:, :, None]
        seen.view[:, :, 0, 0] = np.where(is_builder[..., 0], worlds.goal[:, :1], seen.view[:, :, 0, 0])
        return seen


class AdvisesVoices(Guide):
    def plan(self, worlds: Worlds) -> np.ndarray:
        return super().plan(worlds) | np.uint8(1)


class LosesACell(Guide):
    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        reward = super().advance(worlds, actions, answers)
        body = worlds.arena.owner.max(axis=1)
        for b in range(len(worlds)):
            worlds.arena.owner[b, np.flatnonzero(worlds.arena.owner[b] == body[b])[0]] = 0
        return reward


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (OfTheBatch, "alone and in a batch differ in floor"),
        (TakesAnySplit, "generate of a split that there is not must raise ValueError"),
        (NoEmptyBatch, "the rewards of no worlds must have shape"),
        (PaysTheDead, "a world that is over pays in step"),
        (NeverEnds, "a world of train goes on after"),
        (Whims, "two lives of the same worlds differ in num_done"),
        (OneGuidesMore, "every seat must guide equally often"),
        (HoldsOutAValue, "has values .* that are not in split"),
        (TrainsOnWhatIsHeldOut, "a world of train has the goal .*, which is not of that split"),
        (TellsBuilders, "a builder is told the goal"),
        (ShowsTheGoal, "what builders see depends on the goal"),
        (AdvisesVoices, "a plan advises something"),
        (LosesACell, "a cell has another colour than its body"),
    ],
)
def test_what_breaks_the_contract_is_named(broken: Callable[[], Guide], told: str):
    with pytest.raises(AssertionError, match=told):
        check_scenario(broken())


def test_what_keeps_it_passes():
    check_scenario(scenarios.get("guide"))
