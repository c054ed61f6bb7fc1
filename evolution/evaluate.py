"""How good a population is: success on fresh worlds, with the channel on, muted or shuffled, and pair by pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from evolution.chance import stream, torch_stream
from evolution.live import Rollout, body_state, goal_one_hot, live
from evolution.seats import draw_offsets, familiar_offsets, seat, stranger_offsets
from language.channel import Intervention, draw_symbols
from language.measures import share_interval
from population.policy import Policy, Senses, rows_where
from world.codes import Role
from world.scenarios.base import Scenario


def play(
    policy: Policy,
    genomes: Tensor,
    scenario: Scenario,
    *,
    split: str = "train",
    channel: str = "on",
    worlds_per_boxling: int = 64,
    hearing_radius_cells: int = 0,
    seed: int = 0,
    offsets: tuple[int, ...] | None = None,
    num_recorded: int = 0,
) -> tuple[Rollout, np.ndarray]:
    """Every boxling guides this many fresh worlds of a split, with the most probable acts and symbols.

    `offsets`: which partners (see evolution.seats), default everybody. Returns the rollout and the world numbers.
    """
    population = len(genomes)
    rng = stream(seed, "worlds", split)
    numbers = rng.integers(2**62, size=population * worlds_per_boxling)
    worlds = scenario.generate(numbers, split)
    if offsets is None:
        offsets = tuple(range(1, population)) or (0,)
    drawn = draw_offsets(rng, offsets, worlds_per_boxling, scenario.num_agents - 1)
    with torch.no_grad():
        weights = policy.weights_of(genomes)
    rollout = live(
        policy,
        weights,
        scenario,
        worlds,
        seat(worlds.role, population, drawn, str(genomes.device)),
        channel=Intervention(channel),
        hearing_radius_cells=hearing_radius_cells,
        generator=torch_stream(seed, "play", split, channel, device=str(genomes.device)),
        explores=False,
        num_recorded=num_recorded,
    )
    return rollout, numbers


def evaluate(policy: Policy, genomes: Tensor, scenario: Scenario, **options: Any) -> dict[str, Any]:
    """Share of worlds won, and understood, with 95 % Wilson intervals; options as for `play`."""
    rollout, _ = play(policy, genomes, scenario, **options)
    won, worlds = int(rollout.worlds.is_won.sum()), len(rollout.worlds)
    return {
        "scenario": scenario.name,
        "split": options.get("split", "train"),
        "channel": options.get("channel", "on"),
        "success": won / worlds,
        "worlds": worlds,
        "interval": list(share_interval(won, worlds)),
        "understanding": float(rollout.is_understood.mean()),
        "boxlings": len(genomes),
    }


def pair_matrix(
    policy: Policy, genomes: Tensor, scenario: Scenario, *, worlds_per_pair: int = 32, seed: int = 0, **options: Any
) -> np.ndarray:
    """Success of every guide (row) with every builder (column), (P, P) in [0, 1]; all builders of a world are one."""
    population = len(genomes)
    matrix = np.empty((population, population))
    for offset in range(population):
        rollout, _ = play(
            policy,
            genomes,
            scenario,
            worlds_per_boxling=worlds_per_pair,
            seed=seed,
            offsets=(offset,),
            **options,
        )
        won = rollout.worlds.is_won.reshape(worlds_per_pair, population).mean(axis=0)
        matrix[np.arange(population), (np.arange(population) + offset) % population] = won
    return matrix


def strangers(matrix: np.ndarray) -> dict[str, float | None]:
    """Mean success of pairs that learn together, and of pairs that never do; None where there are no such pairs."""
    population = len(matrix)
    guides = np.arange(population)

    def mean(offsets: tuple[int, ...]) -> float | None:
        values = [matrix[guides, (guides + offset) % population].mean() for offset in offsets]
        return float(np.mean(values)) if values else None

    return {"familiar": mean(familiar_offsets(population)), "strangers": mean(stranger_offsets(population))}


def first_words(
    policy: Policy, genomes: Tensor, scenario: Scenario, split: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What every boxling would say first of every meaning of a split, and how the others take it.

    Returns meanings (M, G), messages (P, M, L) with symbols 1 to V, and for each speaker the share of meanings that its
    listeners, all others (or itself, if it is alone), name right in every attribute, (P,).
    """
    meanings = scenario.meanings(split)
    population, num_meanings = len(genomes), len(meanings)
    device = str(genomes.device)
    still = torch.zeros(population, num_meanings, dtype=torch.int64, device=device)
    body = body_state(still, still, still + Role.GUIDE)
    every = rows_where(torch.ones_like(still, dtype=torch.bool))
    goal = torch.from_numpy(meanings.astype(np.int64)).to(device).expand(population, -1, -1)
    if scenario.guide_sees:
        view = torch.from_numpy(scenario.picture_of(meanings)).to(device).expand(population, -1, -1, -1)
        senses = Senses(body, every, view, None, None)
    else:
        senses = Senses(body, None, None, every, goal_one_hot(goal, policy.spec))
    empty = torch.zeros(population, num_meanings, policy.spec.width, device=device)
    with torch.no_grad():
        weights = policy.weights_of(genomes)
        memory, beliefs = policy.listen(weights, None, None, senses, empty)
        _, response = policy.respond(weights, senses, memory, beliefs, empty)
        symbols, message = draw_symbols(response.say_logits)
        # listeners have lived one silent step before they hear the first word
        waiting = Senses(body_state(still, still, still + Role.BUILDER), None, None, None, None)
        memory, _ = policy.listen(weights, None, None, waiting, empty)
        voices = still.unsqueeze(-1) + Role.GUIDE
        shares = []
        for offset in tuple(range(1, population)) or (0,):
            heard = torch.roll(message, offset, dims=0).flatten(-2).unsqueeze(2)
            _, beliefs = policy.listen(weights, heard, voices, waiting, memory)
            is_right = (beliefs.answers() == goal).all(dim=-1).float().mean(dim=1)
            shares.append(torch.roll(is_right, -offset, dims=0))
    said = symbols.cpu().numpy().astype(np.int16) + 1
    return meanings, said, torch.stack(shares).mean(dim=0).cpu().numpy()
