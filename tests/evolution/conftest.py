"""Tiny societies, and pieces of their lives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evolution.config import (
    ChannelConfig,
    LearningConfig,
    PolicyConfig,
    RunConfig,
)
from evolution.evaluate import converse
from evolution.live import Rollout, WorldSupply, live
from evolution.relive import Part
from evolution.seats import draw_offsets, familiar_offsets, seat
from evolution.society import filled_config, policy_spec
from language.channel import Intervention
from population.gradients import sum_of_rows
from population.policy import Beliefs, Policy, Response
from world import scenarios
from world.scenarios.base import Scenario

TALKING = [name for name in scenarios.names() if scenarios.get(name).has_guide]

TINY = RunConfig(
    population=4,
    generations=3,
    live_worlds=2,
    channel=ChannelConfig(message_length=3, num_symbols=8),
    policy=PolicyConfig(width=12, num_experts=2, expert_width=8, conv_channels=2, near_cells=3, query_heads=1),
    learning=LearningConfig(
        founder_rounds=5, language_rounds=2, language_batch=8, acting_rounds=1, acting_worlds=2, epochs=2
    ),
)


def tiny(scenario: str = "guide", **changes: Any) -> RunConfig:
    """A run of seconds; `selection`, `learning`, `channel` and `policy` may be given as dicts of changes."""
    parts = {
        name: replace(getattr(TINY, name), **value) if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    config = replace(TINY, scenario=scenario, **parts)
    if scenarios.get(scenario).view_shape == (1, 1):  # there is nothing to see
        return replace(config, policy=replace(config.policy, conv_channels=0, near_cells=0, query_heads=0))
    return config


def drawn_population(scenario: str = "guide", seed: int = 0, **changes: Any) -> tuple[Policy, Tensor, Scenario]:
    """Genomes as they are drawn, which have learned nothing."""
    config = filled_config(tiny(scenario, **changes))
    policy = Policy(policy_spec(config))
    genomes = torch.from_numpy(policy.layout.draw(config.population, np.random.default_rng(seed)))
    return policy, genomes, scenarios.get(scenario)


def learning_rollout(
    policy: Policy,
    genomes: Tensor,
    scenario: Scenario,
    *,
    worlds_each: int = 6,
    renews: bool = True,
    advised_share: float = 0.0,
    symbol_noise: float = 0.0,
    hearing_radius_cells: int = 0,
    seed: int = 0,
) -> Rollout:
    """A rollout to learn from, as a society makes it."""
    rng = np.random.default_rng(seed)
    population = len(genomes)
    worlds = scenario.generate(rng.integers(2**62, size=population * worlds_each), "train")
    offsets = draw_offsets(rng, familiar_offsets(population), worlds_each, scenario.num_agents - 1)
    return live(
        policy,
        genomes,
        scenario,
        worlds,
        seat(worlds.role, population, offsets),
        channel=Intervention(symbol_noise=symbol_noise),
        hearing_radius_cells=hearing_radius_cells,
        rng=rng,
        explores=True,
        keeps=True,
        supply=WorldSupply(scenario, "train", rng) if renews else None,
        advised_share=advised_share,
    )


def relive(policy: Policy, genomes: Tensor, part: Part) -> tuple[Beliefs, Response]:
    """What boxlings of one role believe and do when they live again, all steps at once."""
    weights = policy.weights_of(genomes)
    memory, beliefs = policy.believe(weights, sum_of_rows(weights["tokens"], part.tokens), part.course)
    return beliefs, policy.respond(weights, part.senses, memory, beliefs, part.course)[1]


def first_words(
    policy: Policy, genomes: Tensor, scenario: Scenario, split: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What every boxling would say first of every meaning of a split, and how the others take it.

    Returns meanings (M, G), messages (P, M, L) with symbols 1 to V, and for each speaker the share of meanings that its
    listeners, all others (or itself, if it is alone), name right in every attribute, (P,).
    """
    talk = converse(policy, genomes, scenario, split=split)
    population, num_meanings = len(genomes), len(scenario.meanings(split))
    messages = talk.messages[: population * num_meanings].reshape(population, num_meanings, -1)
    is_right = talk.is_right.reshape(-1, population, num_meanings)
    return scenario.meanings(split), messages, is_right.mean(axis=(0, 2))
