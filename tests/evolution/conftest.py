"""Tiny societies, and pieces of their lives; a disk that is full."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution import storage
from evolution.arms import StudyConfig
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
from evolution.study import Job, measured_costs, run_one
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


def tiny_study(scenario: str = "describe:2x3", **changes: Any) -> StudyConfig:
    """A study of seconds, of the two arms that learn in the same way."""
    options: dict[str, Any] = {
        "run": tiny(scenario), "arms": ("evolution+learning", "learning"), "seeds": 2, "generations": 3, "worlds": 32,
    }  # fmt: skip
    return StudyConfig(**options | changes)


class HereAndNow(Job):
    """A job of a study that this process does at once, which is quicker."""

    def start(self) -> None:
        done = {"run": run_one, "costs": measured_costs}[self.task](self.config, **self.options)
        self.output = "" if done is None else json.dumps(asdict(done))

    def is_over(self) -> bool:
        return True

    def signal(self, number: int) -> None:
        raise AssertionError("it is over when it has begun")


@pytest.fixture
def here_and_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies do all their work in this process."""
    monkeypatch.setattr("evolution.study.Job", HereAndNow)
    monkeypatch.setattr("evolution.study._GLANCE_SECONDS", 0.0)


class FullDisk:
    """Operations that need room succeed `room` times, and fail from then on; a write that fails gets half-way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int, code: int = errno.ENOSPC) -> None:
        self.left, self.code = room, code
        for name in ("fsync", "mkdir", "link", "replace", "rename"):
            monkeypatch.setattr(os, name, self._limited(getattr(os, name)))
        monkeypatch.setattr(storage, "open", self._open, raising=False)

    def take(self, *named: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(self.code, os.strerror(self.code), *named)

    def _limited(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def limited(*arguments: Any, **options: Any) -> Any:
            self.take(*(str(name) for name in arguments[:1] if not isinstance(name, int)))
            return operation(*arguments, **options)

        return limited

    def _open(self, path: Path, mode: str) -> Any:
        if "x" not in mode:
            return open(path, mode)
        self.take(str(path))
        return _FileOnFullDisk(open(path, mode), self)


class _FileOnFullDisk:
    def __init__(self, file: IO[bytes], disk: FullDisk) -> None:
        self.file, self.disk = file, disk
        self.flush, self.fileno = file.flush, file.fileno

    def __enter__(self) -> _FileOnFullDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, data: bytes) -> None:
        try:
            self.disk.take()
        except OSError:
            self.file.write(data[: len(data) // 2])
            raise
        self.file.write(data)
