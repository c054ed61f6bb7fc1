"""How good a population is: success on fresh worlds, with the channel on, muted or shuffled, and pair by pair."""

from __future__ import annotations

from math import isnan, log2
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evolution.chance import stream, torch_stream
from evolution.dialogue import talk
from evolution.learn import what_guides_say
from evolution.live import Rollout, goal_one_hot, live
from evolution.seats import draw_offsets, familiar_offsets, seat, stranger_offsets
from language.channel import Intervention, altered, as_heard, draw_others, draw_symbols, until_end
from language.interaction import Interaction
from language.measures import share_interval
from population.language_agent import LanguageAgents
from population.policy import Policy, Senses, body_state, rows_where
from population.spec import PolicySpec
from world.codes import Role
from world.scenarios.base import Scenario

VALIDATION_GROUPS = 4  # groups of partners that an elite meets when it is judged again
MAX_MEANINGS = 1000  # of a split; a language of more is known by a sample


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
    num_noted: int = 0,
    keeps: bool = False,
    minds: LanguageAgents | None = None,
) -> tuple[Rollout, np.ndarray]:
    """Every boxling guides this many fresh worlds of a split, with the most probable acts and symbols.

    `offsets`: which partners (see evolution.seats), default everybody; `num_recorded`, `num_noted`, `keeps` and `minds`
    as in evolution.live. Returns the rollout and the world numbers.
    """
    population = len(genomes)
    rng = stream(seed, "worlds", split)
    numbers = rng.integers(2**62, size=population * worlds_per_boxling)
    worlds = scenario.generate(numbers, split)
    if offsets is None:
        offsets = tuple(range(1, population)) or (0,)
    drawn = draw_offsets(rng, offsets, worlds_per_boxling, scenario.num_agents - 1)
    rollout = live(
        policy,
        genomes,
        scenario,
        worlds,
        seat(worlds.role, population, drawn),
        channel=Intervention(channel),
        hearing_radius_cells=hearing_radius_cells,
        rng=stream(seed, "play", split, channel),
        explores=False,
        num_recorded=num_recorded,
        num_noted=num_noted,
        keeps=keeps,
        minds=minds,
    )
    return rollout, numbers


def earned(rollout: Rollout) -> tuple[np.ndarray, np.ndarray]:
    """Mean reward of every genome as guide, and as builder, (P,) float64 each; nan where it never was one."""
    population, genome_of = rollout.seating.population, rollout.seating.genome_of
    means = []
    for role in (Role.GUIDE, Role.BUILDER):
        plays = rollout.final_roles == role
        number = np.bincount(genome_of[plays], minlength=population)
        total = np.bincount(genome_of[plays], rollout.total_reward[plays], minlength=population)
        means.append(np.where(number, total / np.maximum(number, 1), np.nan))
    return means[0], means[1]


def earned_again(
    policy: Policy, genomes: Tensor, scenario: Scenario, elites: np.ndarray, *,
    worlds_per_boxling: int, hearing_radius_cells: int = 0, seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
    """What these slots (K,) earn as guides and as builders on fresh worlds with fresh partners, (K,) each.

    Whoever was the best of many was lucky too (the winner's curse), so elites are to be judged by other worlds than
    those that chose them (as Such et al. 2017, https://arxiv.org/abs/1712.06567, judge theirs). Each meets
    VALIDATION_GROUPS groups of others, different ones as long as there are any, and guides `worlds_per_boxling` worlds
    in all, at least one and equally many with each group. Returns the agent-steps lived for it too.
    """
    population, num_elites, num_others = len(genomes), len(elites), scenario.num_agents - 1
    num_groups = min(VALIDATION_GROUPS, worlds_per_boxling)
    ours = np.tile(elites, num_groups)
    # each group is a column: an elite, and below it those it plays with, at distances that lead to no other column
    near_and_far = np.tile(np.arange(1, population) if population > 1 else [0], (num_elites, 1))
    away = stream(seed, "partners").permuted(near_and_far, axis=1)
    away = away[:, np.arange(num_groups * num_others) % away.shape[1]].reshape(num_elites, num_groups, num_others)
    others = (ours + away.transpose(2, 1, 0).reshape(num_others, len(ours))) % population
    rows = torch.from_numpy(np.concatenate([ours, others.ravel()])).to(genomes.device)
    rollout, _ = play(
        policy, genomes[rows], scenario, worlds_per_boxling=worlds_per_boxling // num_groups,
        hearing_radius_cells=hearing_radius_cells, seed=seed,
        offsets=tuple(len(ours) * k for k in range(1, num_others + 1)) or (0,),
    )  # fmt: skip
    as_guide, as_builder = (each[: len(ours)].reshape(num_groups, -1).mean(axis=0) for each in earned(rollout))
    return as_guide, as_builder, rollout.lived_steps


def evaluate(policy: Policy, genomes: Tensor, scenario: Scenario, **options: Any) -> dict[str, Any]:
    """Share of worlds won, and understood, with 95 % Wilson intervals; options as for `play`.

    "bits_heard": what messages can carry, L log2 V each, of all agents of a world in all steps but the last, which
    nobody hears any more; mean over worlds. "bits_per_solved": those of all worlds, for each that was won; None if none
    was. "without_talk", "silent_vote": shares of trained worlds, `Scenario.chance_success` and `silent_vote`; None
    where nobody knows.
    """
    rollout, _ = play(policy, genomes, scenario, **options)
    won, worlds = int(rollout.worlds.is_won.sum()), len(rollout.worlds)
    spec = policy.spec
    of_message = 0.0 if options.get("channel") == "mute" else spec.message_length * log2(spec.num_symbols)
    bits = of_message * scenario.num_agents * float((rollout.worlds.steps_taken - 1).clip(0).sum())
    ceilings = {"without_talk": scenario.chance_success(), "silent_vote": scenario.silent_vote()}
    return {
        "scenario": scenario.name,
        "split": options.get("split", "train"),
        "channel": options.get("channel", "on"),
        "success": won / worlds,
        "worlds": worlds,
        "interval": list(share_interval(won, worlds)),
        "understanding": float(rollout.is_understood.mean()),
        "boxlings": len(genomes),
        "bits_heard": bits / worlds,
        "bits_per_solved": bits / won if won else None,
        **{name: None if isnan(share) else share for name, share in ceilings.items()},
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


def some_meanings(scenario: Scenario, split: str, at_most: int | None = None) -> np.ndarray:
    """All meanings of a split (M, G), or a sample of them that is always the same, in their order."""
    meanings = scenario.meanings(split)
    chosen = stream(0, "meanings", scenario.name, split).permutation(len(meanings))[: at_most or MAX_MEANINGS]
    return meanings[np.sort(chosen)]


def converse(
    policy: Policy,
    genomes: Tensor,
    scenario: Scenario,
    *,
    split: str = "train",
    offsets: tuple[int, ...] | None = None,
    channel: Intervention | None = None,
    meanings: np.ndarray | None = None,
    seed: int = 0,
) -> Interaction:
    """Every boxling says first words of every meaning of a split, once to each listener: slot + offset, modulo P.

    By default all others listen, or itself to one that is alone. `meanings` (M, G) in place of all of the split. Words
    and answers are the most probable ones; where builders choose, candidates are the same in every call. Rows come by
    listener's distance, then speaker, then meaning; ids are slots.
    """
    channel = channel or Intervention()
    if scenario.takes_turns:
        return _converse_in_turns(policy, genomes, scenario, split, offsets, channel, meanings, seed)
    population, device = len(genomes), str(genomes.device)
    meanings = scenario.meanings(split) if meanings is None else meanings
    num_meanings = len(meanings)
    generator = torch_stream(seed, "converse", split, channel.kind, device=device)
    with torch.no_grad():
        weights = policy.weights_of(genomes)
        symbols, message = first_message(policy, weights, scenario, meanings)
        still = torch.zeros(population, num_meanings, dtype=torch.int64, device=device)
        # listeners have lived one silent step before they hear the first word
        waiting = Senses(body_state(still, still, still + Role.BUILDER), None, None, None, None)
        empty = torch.zeros(population, num_meanings, policy.spec.width, device=device)
        memory, _ = policy.listen(weights, None, None, waiting, empty)
        voices = still.unsqueeze(-1) + Role.GUIDE
        parts = []
        choices = None
        if scenario.num_choices:
            drawn = scenario.candidates(meanings, np.arange(num_meanings), split).astype(np.int64)
            choices = torch.from_numpy(drawn).to(device).expand(population, -1, -1, -1)
        said = as_heard(symbols, policy.spec.num_symbols, policy.spec.has_end).cpu().numpy().astype(np.int16)
        goal = np.repeat(meanings[None].astype(np.int16), population, axis=0)
        slots = np.repeat(np.arange(population), num_meanings)
        for offset in offsets if offsets is not None else tuple(range(1, population)) or (0,):
            heard = _on_its_way(message, channel, policy.spec, generator)
            heard = None if heard is None else torch.roll(heard, offset, dims=0).flatten(-2).unsqueeze(2)
            _, beliefs = policy.listen(weights, heard, voices, waiting, memory)
            named = beliefs.answers() if choices is None else beliefs.choose(choices)
            answers = torch.roll(named, -offset, dims=0).cpu().numpy().astype(np.int16)
            parts.append(
                Interaction(
                    scenario.name, split, channel.kind, policy.spec.num_symbols, slots, (slots + offset) % population,
                    goal.reshape(-1, goal.shape[-1]), said.reshape(-1, said.shape[-1]),
                    answers.reshape(-1, answers.shape[-1]),
                )
            )  # fmt: skip
    return Interaction.concatenate(parts)


def _converse_in_turns(
    policy: Policy,
    genomes: Tensor,
    scenario: Scenario,
    split: str,
    offsets: tuple[int, ...] | None,
    channel: Intervention,
    meanings: np.ndarray | None,
    seed: int,
) -> Interaction:
    """As `converse`: the guide of a dialogue is the speaker, and the message is all that both said, in its order."""
    population, device = len(genomes), str(genomes.device)
    meanings = scenario.meanings(split) if meanings is None else meanings
    num_meanings = len(meanings)
    goal = torch.from_numpy(meanings.astype(np.int64)).to(device).expand(population, -1, -1)
    generator = torch_stream(seed, "converse", split, channel.kind, device=device)
    slots = np.repeat(np.arange(population), num_meanings)
    spec = policy.spec
    with torch.no_grad():
        weights = policy.weights_of(genomes)
    parts = []
    for offset in offsets if offsets is not None else tuple(range(1, population)) or (0,):
        with torch.no_grad():
            beliefs, _, turns = talk(
                policy, weights, scenario, goal, offset=offset, generator=generator, channel=channel
            )
        said = []
        for turn in turns:
            by_guides, by_builders = as_heard(turn.symbols, spec.num_symbols, spec.has_end).chunk(2, dim=1)
            said.append(by_guides if bool(turn.has_turn[0]) else torch.roll(by_builders, -offset, dims=0))
        messages = torch.cat(said, dim=-1).flatten(0, 1).cpu().numpy().astype(np.int16)
        answers = torch.roll(beliefs.answers(), -offset, dims=0).flatten(0, 1).cpu().numpy().astype(np.int16)
        told = np.tile(meanings.astype(np.int16), (population, 1))
        parts.append(
            Interaction(
                scenario.name, split, channel.kind, spec.num_symbols, slots, (slots + offset) % population, told,
                messages, answers, scenario.asked_attributes(told),
            )
        )  # fmt: skip
    return Interaction.concatenate(parts)


def first_message(
    policy: Policy, weights: dict[str, Tensor], scenario: Scenario, meanings: np.ndarray
) -> tuple[Tensor, Tensor]:
    """What every boxling would say first of these meanings (M, G): symbols (P, M, L) and one-hot (P, M, L, V)."""
    population = len(weights["about"])
    device = str(weights["about"].device)
    still = torch.zeros(population, len(meanings), dtype=torch.int64, device=device)
    body = body_state(still, still, still + Role.GUIDE)
    every = rows_where(torch.ones_like(still, dtype=torch.bool))
    if scenario.guide_sees:
        view = torch.from_numpy(scenario.picture_of(meanings)).to(device).expand(population, -1, -1, -1)
        senses = Senses(body, every, view, None, None)
    else:
        goal = torch.from_numpy(meanings.astype(np.int64)).to(device).expand(population, -1, -1)
        senses = Senses(body, None, None, every, goal_one_hot(goal, policy.spec))
    symbols, message = draw_symbols(what_guides_say(policy, weights, senses))
    return symbols, until_end(message) if policy.spec.has_end else message


def _on_its_way(message: Tensor, channel: Intervention, spec: PolicySpec, generator: torch.Generator) -> Tensor | None:
    """What arrives of messages (P, M, L, V): shuffled, every meaning is heard with the words for another one."""
    if channel.kind == "mute":
        return None
    if channel.kind == "shuffle":
        message = message[:, draw_others(message.shape[1], generator)]
    return altered(message, channel, spec.num_symbols - spec.has_end, generator)
