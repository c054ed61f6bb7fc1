"""Small boxlings, and what they sense, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution.config import PolicyConfig, RunConfig
from evolution.live import goal_one_hot
from evolution.society import filled_config, policy_spec
from population.memory import Memory
from population.policy import Policy, Senses, body_state, rows_where
from population.spec import PolicySpec

SMALL = PolicyConfig(width=12, num_experts=3, expert_width=8, conv_channels=4, near_cells=3, query_heads=1)


def small_spec(scenario: str = "guide") -> PolicySpec:
    """The networks of a scenario, small, and with every way of seeing there is."""
    return policy_spec(filled_config(RunConfig(scenario=scenario, policy=SMALL)))


@dataclass
class Scene:
    """What P x N boxlings sense in one step."""

    senses: Senses
    heard: Tensor  # (P, N, S, L * V)
    voices: Tensor  # (P, N, S)
    memory: Memory
    sees: Tensor  # (P, N) bool

    def blinded(self) -> Scene:
        """The same without anything to see."""
        return replace(self, senses=replace(self.senses, sees=None, view=None), sees=torch.zeros_like(self.sees))


def draw_scene(spec: PolicySpec, sees: Tensor, seed: int = 0, num_speakers: int = 2) -> Scene:
    """A scene in which those in `sees` (P, N) bool see, others are told a goal, and some are silent."""
    generator = torch.Generator().manual_seed(seed)
    population, num_seats = sees.shape

    def integers(limit: int, *shape: int) -> Tensor:
        return torch.randint(limit, (population, num_seats, *shape), generator=generator)

    symbols = integers(spec.num_symbols, num_speakers, spec.message_length)
    heard = torch.nn.functional.one_hot(symbols, spec.num_symbols).float().flatten(-2)
    heard = heard * (integers(4, num_speakers, 1) > 0)  # every fourth speaker is silent
    knows, goal_hot = None, None
    if spec.is_told_goal:
        knows = rows_where(~sees)
        if knows is not None:
            goal = torch.stack([integers(size) for size in spec.attribute_sizes], dim=-1)
            goal_hot = goal_one_hot(knows.pick(goal), spec)
    rows = rows_where(sees)
    view = integers(spec.num_looks, *spec.view_shape).to(torch.uint8)
    return Scene(
        senses=Senses(
            body=body_state(integers(spec.num_actions), integers(2) > 0, integers(2)),
            sees=rows,
            view=rows.pick(view) if rows is not None else None,
            knows=knows,
            goal=goal_hot,
        ),
        heard=heard,
        voices=integers(2, num_speakers),
        memory=Memory(*(torch.randn(population, num_seats, spec.width, generator=generator) for _ in range(2))),
        sees=sees,
    )


def some_see(population: int = 4, num_seats: int = 9, seed: int = 0) -> Tensor:
    """Which seats see: another number for each genome, so that rows are padded."""
    sees = torch.from_numpy(np.random.default_rng(seed).random((population, num_seats)) < 0.5)
    assert len(set(sees.sum(dim=1).tolist())) > 1
    return sees


def outputs_of(policy: Policy, genomes: Tensor, scene: Scene) -> dict[str, Tensor]:
    """All that comes out of one step, (P, N, ...) each."""
    weights = policy.weights_of(genomes)
    memory, beliefs, response = policy.step(weights, scene.heard, scene.voices, scene.senses, scene.memory)
    return {
        "language": memory.language,
        "situation": memory.situation,
        "beliefs": beliefs.logits,
        "act": response.act_logits,
        "say": response.say_logits,
        "value": response.value,
        "thought": response.thought,
    }


@pytest.fixture(params=["guide", "name"])
def policy(request: pytest.FixtureRequest) -> Policy:
    return Policy(small_spec(request.param))


@pytest.fixture
def genomes(policy: Policy) -> Tensor:
    return torch.from_numpy(policy.layout.draw(4, np.random.default_rng(0)))
