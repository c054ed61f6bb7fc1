"""Dialogues: language rounds of games in which both sides speak in turns.

In games of one message (`evolution.learn.language_round`) a guide speaks once and a builder listens. Here both live a
whole game: in each step everybody hears what the other side said a step before, and says something; whose words are
heard is for the scenario to say (`Scenario.had_turn`). Gradients cross every message, in both directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evolution.config import ChannelConfig
from evolution.learn import RowAdam
from evolution.live import goal_one_hot
from language.channel import Intervention, altered, draw_others, draw_symbols, length_weight, log_prob_of, until_end
from population.memory import Memory
from population.policy import Beliefs, Policy, Senses, body_state, rows_where
from world.codes import NUM_PLAIN_ACTS, Role
from world.scenarios.base import Scenario
from world.state import Worlds

QUESTIONS_FIRST = 8  # how suddenly answers begin to matter, as more questions are understood


@dataclass(frozen=True)
class Turn:
    """What 2 n boxlings of each genome said in one step: the guides of n games, then the builders of n games."""

    message: Tensor  # (P, 2 n, L, V) one-hot; silence for who had no turn
    symbols: Tensor  # (P, 2 n, L) int64 in [0, V), as drawn
    say_logits: Tensor  # (P, 2 n, L, V)
    has_turn: Tensor  # (2 n,) bool


def talk(
    policy: Policy,
    weights: dict[str, Tensor],
    scenario: Scenario,
    goal: Tensor,
    *,
    offset: int,
    generator: torch.Generator,
    channel: Intervention | None = None,
    temperature: float = 1.0,
    explores: bool = False,
    is_cut: bool = False,
) -> tuple[Beliefs, Beliefs, list[Turn]]:
    """Live games about `goal` (P, n, G) int64: genome g guides those of row g, and genome g + offset builds in them.

    Symbols are drawn if it `explores`, otherwise they are the most probable ones; `is_cut` lets no gradient pass
    between boxlings. Returns what builders believe in the end, genome-major: row g + offset is about goals of row g;
    what guides believe; and what was said.
    """
    spec, channel = policy.spec, channel or Intervention()
    num_games, device = goal.shape[1], goal.device
    worlds, told = _both_sides(scenario)
    is_told = torch.from_numpy(told).to(device).repeat_interleave(num_games, dim=0)  # (2 n, G)
    goals = torch.cat([goal, torch.roll(goal, offset, dims=0)], dim=1)
    roles = torch.full(goals.shape[:2], int(Role.GUIDE), device=device)
    roles[:, num_games:] = int(Role.BUILDER)
    knows = rows_where(torch.ones_like(roles, dtype=torch.bool))
    goal_hot = goal_one_hot(goals, spec, is_told.expand(len(goals), -1, -1))
    voices, still, last_act = (1 - roles).unsqueeze(-1), torch.zeros_like(roles), torch.zeros_like(roles)
    memory = Memory.newborn(len(goals), 2 * num_games, spec.width, str(device))
    heard: Tensor | None = None
    turns: list[Turn] = []
    for _ in range(scenario.num_steps):
        senses = Senses(body_state(last_act, still, roles), None, None, knows, goal_hot)
        memory, beliefs, response = policy.step(weights, heard, voices, senses, memory)
        symbols, message = draw_symbols(response.say_logits, generator if explores else None, temperature)
        worlds.steps_taken += 1
        has_turn = torch.from_numpy(scenario.had_turn(worlds)[0]).to(device).repeat_interleave(num_games)
        message = (until_end(message) if spec.has_end else message) * has_turn[:, None, None]
        turns.append(Turn(message, symbols, response.say_logits, has_turn))
        heard = _cross(
            has_turn,
            message.detach() if is_cut else message,
            offset,
            channel,
            spec.num_symbols - spec.has_end,
            generator,
        )
        if explores:  # what bodies do means nothing here, but it is felt
            last_act = torch.randint(NUM_PLAIN_ACTS, roles.shape, generator=generator, device=device)
    by_guides, by_builders = (Beliefs(half, beliefs.sizes) for half in beliefs.logits.chunk(2, dim=1))
    return by_builders, by_guides, turns[:-1]  # last words are heard by nobody


def _cross(
    has_turn: Tensor, message: Tensor, offset: int, channel: Intervention, num_words: int, generator: torch.Generator
) -> Tensor | None:
    """What arrives of messages (P, 2 n, L, V) at the other side of each game, (P, 2 n, 1, L * V); None if muted."""
    if channel.kind == "mute":
        return None
    from_guides, from_builders = message.chunk(2, dim=1)
    if channel.kind == "shuffle":
        other = draw_others(from_guides.shape[1], generator)
        from_guides, from_builders = from_guides[:, other], from_builders[:, other]
    arriving = torch.cat([torch.roll(from_builders, -offset, dims=0), torch.roll(from_guides, offset, dims=0)], dim=1)
    speaks = torch.cat(has_turn.chunk(2)[::-1])  # whoever is silent stays so, whatever is put in place of words
    return (altered(arriving, channel, num_words, generator) * speaks[:, None, None]).flatten(-2).unsqueeze(2)


def _both_sides(scenario: Scenario) -> tuple[Worlds, np.ndarray]:
    """A world whose first agent guides, and what of a goal its guide and its builder are told, (2, G) bool."""
    worlds = scenario.generate(np.zeros(1, np.int64), "train")
    worlds.role[0] = (Role.GUIDE, Role.BUILDER)
    told = scenario.observe(worlds).told
    assert told is not None  # both sides of a dialogue are told something
    return worlds, told[0]


def _surprise(beliefs: Beliefs, goal: Tensor, counts: Tensor) -> Tensor:
    """-log p of the true values of the attributes (P, n, G) that count, bool: their mean, (P, n), in nats."""
    log_p = [
        torch.log_softmax(logits, dim=-1).gather(-1, goal[..., k : k + 1]).squeeze(-1)
        for k, logits in enumerate(beliefs.by_attribute())
    ]
    return -(torch.stack(log_p, dim=-1) * counts).sum(dim=-1) / counts.sum(dim=-1)


def dialogue_round(
    policy: Policy,
    genomes: Tensor,
    optimiser: RowAdam,
    scenario: Scenario,
    *,
    channel: ChannelConfig,
    batch: int,
    offset: int,
    temperature: float,
    entropy_bonus: float,
    learning_rate: float,
    max_norm: float,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> Tensor:
    """One update of every genome, as guide and as builder, on `batch` games each; returns the surprise (P,) in nats.

    As `evolution.learn.language_round`; with reinforce both sides of a game are paid for what came out of it.
    """
    spec = policy.spec
    leaf = genomes.detach().requires_grad_(True)
    meanings = scenario.meanings("train").astype(np.int64)
    drawn = meanings[rng.integers(len(meanings), size=(len(genomes), batch))]
    goal = torch.from_numpy(drawn).to(genomes.device)
    beliefs, of_guides, turns = talk(
        policy, policy.weights_of(leaf), scenario, goal, offset=offset, generator=generator, temperature=temperature,
        channel=Intervention(symbol_noise=channel.symbol_noise), explores=True,
        is_cut=channel.channel_gradient != "straight-through",
    )  # fmt: skip
    # guides have something to understand, too: what they are not told
    wanted = torch.from_numpy(~_both_sides(scenario)[1][0]).to(genomes.device)
    loss = _surprise(of_guides, goal, wanted.expand(goal.shape)).mean(dim=1)
    asked = torch.from_numpy(scenario.asked_attributes(drawn.reshape(-1, drawn.shape[-1]))).to(genomes.device)
    heard_goal, asked = (torch.roll(part.view(goal.shape), offset, dims=0) for part in (goal, asked))
    surprise = _surprise(beliefs, heard_goal, asked)
    # first things first: before questions are understood, replies settle on one attribute whatever is asked, for good
    is_clear = ((of_guides.answers() == goal) | ~wanted).all(dim=-1).float().mean(dim=1)
    loss = loss + is_clear**QUESTIONS_FIRST * surprise.mean(dim=1)
    understood = ((beliefs.answers() == heard_goal) | ~asked).all(dim=-1).float().mean(dim=1)
    # both sides of a game: its guide's rows, then its builder's
    cost = torch.cat([torch.roll(surprise, -offset, dims=0), surprise], dim=1).detach()
    lazy = length_weight(torch.stack([torch.roll(understood, -offset, dims=0), understood], dim=1))
    price = (channel.length_cost * lazy).repeat_interleave(batch, dim=1)  # (P, 2 batch)
    for turn in turns:
        log_p = torch.log_softmax(turn.say_logits, dim=-1)
        entropy = -(log_p.exp() * log_p).sum(dim=-1).mean(dim=-1)
        loss = loss - entropy_bonus * (entropy * turn.has_turn).sum(dim=1) / batch
        length = turn.message.sum(dim=(-1, -2))
        cost = cost + price * length.detach()
        if channel.channel_gradient != "reinforce":
            loss = loss + (price * length).sum(dim=1) / batch
    if channel.channel_gradient == "reinforce":
        for half in cost.chunk(2, dim=1):
            half -= half.mean(dim=1, keepdim=True)
            half *= batch / max(1, batch - 1)  # the same as less the mean of all others, where there are any
        for turn in turns:
            said = log_prob_of(turn.say_logits, turn.symbols, spec.has_end) * turn.has_turn
            loss = loss + (cost * said).sum(dim=1) / batch
    optimiser.update(genomes, torch.autograd.grad(loss.sum(), leaf)[0], learning_rate, max_norm)
    return surprise.detach().mean(dim=1)
