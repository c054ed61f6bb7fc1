"""A scenario of your own: forty lines, held to the contract of scenarios, and a population that learns to talk in it.

    python examples/tutorial_scenario.py [FOLDER [SEED]]

docs/tutorials/scenario.md walks through it.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from boxlings import LearningConfig, RunConfig, evolve, load_run
from world import scenarios
from world.chance import below, start_states
from world.codes import Act, Role
from world.engine import law_book
from world.scenarios.base import Attribute, check_numbers
from world.scenarios.told import ToldScenario
from world.splits import COMPOSITIONS, SEEDS, TRAIN
from world.state import Worlds, move
from world.testing import check_scenario

SIDE = 4


# --8<-- [start:write]
class Stand(ToldScenario):
    """The guide is told a row and a column; the builder must stand there when the steps are up."""

    name = "stand"
    summary = "walk to the cell of that row and column, which only the guide knows"
    attributes = (Attribute("row", tuple("1234"), False), Attribute("column", tuple("abcd"), False))
    num_agents, num_steps, view_radius_cells = 2, 8, 3
    splits = (TRAIN, COMPOSITIONS, SEEDS)

    def is_held_out(self, meanings: np.ndarray) -> np.ndarray:
        return meanings[:, 0] == meanings[:, 1]

    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        states = start_states(check_numbers(numbers), self.name, split)
        meanings = self.meanings(split)
        draft = self.draft(len(states), SIDE, first_agent=2)  # body 0 is nothing, 1 the walls
        for b in range(len(states)):
            state = states[b : b + 1]  # every draw moves it on
            draft.goal[b] = meanings[below(state, len(meanings))]
            builder = below(state, 2)
            draft.role[b, 1 - builder] = Role.GUIDE
            draft.agent_body[b, builder] = 2 + builder
            draft.grid[b, below(state, SIDE), below(state, SIDE)] = 2 + builder
        return self.finished(draft, law_book())

    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        was_over = worlds.is_over.copy()
        move(worlds, actions)
        worlds.steps_taken += ~was_over
        worlds.is_over |= worlds.steps_taken >= self.num_steps
        is_there = (worlds.position_rc == worlds.goal[:, None]).all(axis=2) | (worlds.role == Role.GUIDE)
        worlds.is_won |= worlds.is_over & ~was_over & is_there.all(axis=1)
        return np.repeat((worlds.is_won & ~was_over)[:, None], 2, axis=1).astype(np.float32)

    def plan(self, worlds: Worlds) -> np.ndarray:
        down, right = np.moveaxis(worlds.goal[:, None] - worlds.position_rc, -1, 0)
        ways = {Act.UP: down < 0, Act.DOWN: down > 0, Act.LEFT: right < 0, Act.RIGHT: right > 0}
        ways[Act.STAY] = (down == 0) & (right == 0)
        advice = sum(is_good.astype(np.uint8) << np.uint8(act) for act, is_good in ways.items())
        is_asked = (worlds.role == Role.BUILDER) & ~worlds.is_over[:, None]
        return np.where(is_asked, advice, 0).astype(np.uint8)

    def chance_success(self) -> float:
        return 1 / len(self.meanings(TRAIN))  # to stand on a cell that is trained on


# --8<-- [end:write]


# --8<-- [start:check]
def check() -> None:
    """Everything that boxlings takes for granted of a scenario; a sentence says what it breaks."""
    check_scenario(Stand())
    print("the contract is kept")


# --8<-- [end:check]


# --8<-- [start:run]
def run(folder: Path, seed: int = 1) -> float:
    """From a script a scenario is registered; its defaults are those of `carry` until you give others."""
    scenarios.register(Stand())
    options = RunConfig(scenario="stand", out=str(folder), seed=seed, population=8, generations=8, live_worlds=24)
    learning = LearningConfig(founder_rounds=500, language_rounds=20, acting_rounds=12)
    evolve(replace(options, learning=learning))
    found = load_run(folder).generations.iloc[-1]
    told = f"{found['success']:.0%} of the worlds are solved, {found['success_muted']:.0%} where nobody hears anything"
    print(f"{told} ({Stand().chance_success():.0%} by chance)")
    return float(found["success"])


# --8<-- [end:run]


def main(folder: Path, seed: int) -> None:
    check()
    run(folder, seed)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0] if given else tempfile.mkdtemp()) / "stand", int(given[1]) if len(given) > 1 else 1)
