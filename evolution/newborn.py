"""How fast a newborn learns a language: it listens to a speaker that no longer changes.

A measure of a language, not of its speakers: every newborn is the same newly drawn boxling, whoever it listens to. Ease
of learning by newcomers is what iterated learning selects for (Kirby 2001; in neural agents Li and Bowling 2019,
https://arxiv.org/abs/1906.02403; Chaabouni et al. 2022 measure it as here).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evolution.chance import stream, torch_stream
from evolution.evaluate import first_message
from evolution.learn import RowAdam, listener_surprise, what_builders_believe
from population.policy import Policy
from world.scenarios.base import Scenario
from world.splits import COMPOSITIONS, TRAIN


@dataclass(frozen=True)
class Curves:
    """What P newborns understood, each of its own speaker, after so many rounds."""

    rounds: np.ndarray  # (N,) int64, from 0
    trained: np.ndarray  # (P, N) share of the meanings listened to that are named right in every attribute
    held_out: np.ndarray | None  # (P, N) of those that were not; None where nothing is held out


def listen_to(
    policy: Policy,
    genomes: Tensor,
    scenario: Scenario,
    *,
    num_rounds: int = 60,
    every: int = 5,
    batch: int = 64,
    learning_rate: float = 3e-3,
    max_meanings: int = 1000,
    seed: int = 0,
) -> Curves:
    """Curves of newborns that listen to these speakers, `batch` meanings a round.

    A language of more than `max_meanings` meanings is judged, but not taught, by a sample of them.
    """
    population, device = len(genomes), str(genomes.device)
    rng = stream(seed, "newborn")
    generator = torch_stream(seed, "newborn", device=device)
    with torch.no_grad():
        weights = policy.weights_of(genomes)
        taught = scenario.meanings(TRAIN)
        lessons = first_message(policy, weights, scenario, taught)[1]
        exams = {}
        for split in (TRAIN, COMPOSITIONS):
            if split in scenario.splits:
                meanings = scenario.meanings(split)
                asked = np.sort(rng.permutation(len(meanings))[:max_meanings])
                goal = torch.from_numpy(meanings[asked].astype(np.int64)).to(device)
                exams[split] = first_message(policy, weights, scenario, meanings[asked])[1], goal
    newborns = torch.from_numpy(policy.layout.draw(1, rng)).to(device).repeat(population, 1)
    optimiser = RowAdam(population, policy.layout.num_parameters, device)
    goals = torch.from_numpy(taught.astype(np.int64)).to(device)
    num_decoys = scenario.num_agents - 2
    shares: dict[str, list[np.ndarray]] = {split: [] for split in exams}
    rounds = []
    for i in range(num_rounds + 1):
        if i % every == 0 or i == num_rounds:
            rounds.append(i)
            with torch.no_grad():
                weights = policy.weights_of(newborns)
                for split, (messages, goal) in exams.items():
                    beliefs = what_builders_believe(policy, weights, messages, num_decoys, generator, are_alike=True)
                    goal = goal.expand(population, -1, -1)
                    _, is_right = listener_surprise(
                        beliefs, goal, torch.ones_like(goal, dtype=torch.bool), scenario, rng, split, are_alike=True
                    )
                    shares[split].append(is_right.mean(dim=1).cpu().numpy())
        if i == num_rounds:
            break
        # everybody listens to words for the same meanings
        chosen = torch.from_numpy(rng.integers(len(taught), size=batch)).to(device)
        leaf = newborns.detach().requires_grad_(True)
        beliefs = what_builders_believe(
            policy, policy.weights_of(leaf), lessons[:, chosen], num_decoys, generator, are_alike=True
        )
        goal = goals[chosen].expand(population, -1, -1)
        surprise, _ = listener_surprise(
            beliefs, goal, torch.ones_like(goal, dtype=torch.bool), scenario, rng, are_alike=True
        )
        loss = surprise.mean(dim=1)
        optimiser.update(newborns, torch.autograd.grad(loss.sum(), leaf)[0], learning_rate, 1.0)
    held_out = np.stack(shares[COMPOSITIONS], axis=1) if COMPOSITIONS in shares else None
    return Curves(np.array(rounds), np.stack(shares[TRAIN], axis=1), held_out)
