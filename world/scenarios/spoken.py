"""What scenarios share that are decided by answers: one message, then the builder says what was meant."""

from __future__ import annotations

import numpy as np

from world.chance import below
from world.codes import Role
from world.compiling import njit
from world.scenarios.base import Scenario
from world.state import Worlds


@njit(cache=True)
def draw_goals(states, meanings, role, goal):
    """One of the meanings (M, G) as the goal of each world, into goal (B, G), and a guide, into role (B, A)."""
    for b in range(len(states)):
        state = states[b : b + 1]
        goal[b] = meanings[below(state, len(meanings))]
        role[b, below(state, role.shape[1])] = 0


class SpokenScenario(Scenario):
    """A guide and a builder, and nothing that acts of bodies could change: a Lewis game (Lewis 1969)."""

    num_agents = 2
    num_steps = 2  # one to say, one to hear and answer
    is_decided_by_answers = True

    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        if answers is None:
            raise ValueError(f"scenario {self.name} is decided by what the builders answer, got no answers")
        was_over = worlds.is_over.copy()
        worlds.steps_taken += ~was_over
        ends = ~was_over & (worlds.steps_taken >= self.num_steps)
        is_right = self.is_right(worlds, answers) | (worlds.role == Role.GUIDE)
        worlds.is_won |= ends & is_right.all(axis=1)
        worlds.is_over |= ends
        worlds.last_action[:] = np.where(was_over[:, None], 0, actions)
        reward = (ends & worlds.is_won).astype(np.float32)
        return np.repeat(reward[:, None], self.num_agents, axis=1)

    def plan(self, worlds: Worlds) -> np.ndarray:
        return np.zeros(worlds.role.shape, np.uint8)

    def chance_success(self) -> float:
        return 1 / len(self.meanings("train"))
