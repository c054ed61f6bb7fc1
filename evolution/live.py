"""Living: a population plays worlds from beginning to end, without learning; what is needed to judge, to learn from and
to record it is kept.

Worlds and boxlings are compiled (`world.engine`, `population.reflexes`), and symbols are whole numbers all the way:
there is no work in Python for a single agent, genome or world.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from evolution.machine import share
from evolution.seats import Seating
from language.channel import SILENCE, Intervention, altered_symbols, sent_symbols
from population.experts import ExpertUse
from population.language_agent import LanguageAgents
from population.policy import Policy
from population.reflexes import Done, Reflexes, Sensed
from population.spec import PolicySpec
from world.codes import NUM_PLAIN_ACTS, Role
from world.scenarios.base import Scenario
from world.sense import is_audible
from world.state import Worlds


@dataclass(frozen=True)
class Moment:
    """One step of a rollout: what was sensed, what was done, and what came of it; what learning needs to live it again.

    What is sensed and done in worlds that are over means nothing.
    """

    sensed: Sensed
    done: Done
    reward: np.ndarray  # (B, A) float32
    goes_on: np.ndarray  # (B,) bool: the world was not over when this step ended
    is_own_act: np.ndarray  # (B, A) bool: chosen by the boxling, not by the simulator's own search
    advice: np.ndarray  # (B, A) uint8: bits of the acts that the simulator's own search would take
    edit_class: np.ndarray  # (B, A) int8: what the act changed


@dataclass
class Rollout:
    """T steps of B worlds with A agents each."""

    seating: Seating
    moments: list[Moment]
    last_value: np.ndarray  # (B, A) float32: value of what comes after the last step; 0 where the world is over
    worlds: Worlds  # at the end
    start: Worlds | None  # kept for recording
    is_understood: np.ndarray  # (B,) bool: at the end every builder's world model named the goal right
    total_reward: np.ndarray  # (B, A) float64, over all steps
    use: ExpertUse = field(default_factory=lambda: ExpertUse(0))
    act_counts: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))  # (P, actions), by genome
    said_counts: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))  # (P, V)
    num_finished: int = 0  # worlds played to their end
    num_won: int = 0
    lived_steps: int = 0  # steps of agents in worlds that were not over
    # noted, of the first worlds: what was said and done in each step
    said: list[np.ndarray] = field(default_factory=list)  # (B, A, L) int16, 1 to V, 0 for silence
    acts: list[np.ndarray] = field(default_factory=list)  # (B, A) int8
    answers: list[np.ndarray] = field(default_factory=list)  # (B, A, G) int16
    # recorded, of as many or fewer: all else
    rewards: list[np.ndarray] = field(default_factory=list)  # (B, A) float32
    states: list[Worlds] = field(default_factory=list)  # after each step
    sensed: list[Sensed] = field(default_factory=list)  # before each step

    @property
    def final_roles(self) -> np.ndarray:
        """(B, A) int8; a world that makes place for another one hands its roles on."""
        return self.worlds.role


def live(
    policy: Policy,
    genomes: Tensor,
    scenario: Scenario,
    worlds: Worlds,
    seating: Seating,
    *,
    channel: Intervention,
    hearing_radius_cells: int,
    rng: np.random.Generator,
    explores: bool,
    keeps: bool = False,
    num_recorded: int = 0,
    num_noted: int = 0,
    supply: WorldSupply | None = None,
    advised_share: float = 0.0,
    minds: LanguageAgents | None = None,
) -> Rollout:
    """Play `worlds` to their end, in place, with boxlings of these `genomes` (P, parameters).

    Acts and symbols are the most probable ones, or drawn if it `explores`. `keeps` holds on to what learning needs;
    the first `num_recorded` worlds are recorded, and what was said and done is noted of the first `num_noted` ones.
    `rng` draws acts, symbols, noise and the shuffle. With a `supply` every world that is over makes place for a new
    one, so that nobody waits. `advised_share` of all acts are those that the simulator's own search advises. `minds`
    play the seats of their genomes in place of these, which are of no use then.
    """
    spec = policy.spec
    num_noted = max(num_noted, num_recorded)
    num_worlds, num_agents = worlds.role.shape
    reflexes = Reflexes(policy, genomes, seating.order.cpu().numpy().reshape(seating.population, -1))
    rollout = Rollout(
        seating=seating,
        moments=[],
        last_value=np.zeros((num_worlds, num_agents), np.float32),
        worlds=worlds,
        start=worlds.take(np.arange(num_recorded)) if num_recorded else None,
        is_understood=np.zeros(num_worlds, bool),
        total_reward=np.zeros((num_worlds, num_agents)),
    )
    other_world = draw_other_worlds(num_worlds, rng) if channel.kind == "shuffle" else None
    sent = np.full((num_worlds, num_agents, spec.message_length), SILENCE, np.int16)
    is_builder = worlds.role == Role.BUILDER
    is_new = np.ones(num_worlds, bool)
    if minds is not None:
        minds.begin()

    def sense() -> Sensed:
        observation = scenario.observe(worlds)
        audible = is_audible(worlds, hearing_radius_cells)
        if scenario.takes_turns:
            audible &= scenario.had_turn(worlds)[:, None]
        told = observation.told
        return Sensed(
            view=observation.view,
            sees=observation.sees,
            knows=observation.knows,
            told=np.ones((num_worlds, num_agents, len(spec.attribute_sizes)), bool) if told is None else told,
            goal=worlds.goal.copy(),
            role=worlds.role.copy(),
            last_action=worlds.last_action.copy(),
            last_moved=worlds.last_moved.copy(),
            choices=worlds.choices.copy(),
            heard=as_it_arrives(sent, is_new, channel, other_world, spec, rng),
            audible=audible,
            is_active=~worlds.is_over,
            is_new=is_new,
        )

    for _ in range(scenario.num_steps):
        sensed = sense()
        is_active = sensed.is_active
        done = Done.nothing(num_worlds, num_agents, spec.message_length, len(spec.attribute_sizes))
        advice = scenario.plan(worlds) if keeps else np.zeros(worlds.role.shape, np.uint8)
        advised = draw_advised(advice, advised_share, rng) if advised_share > 0 else None
        chances = None
        if explores:
            chances = rng.random((num_worlds, num_agents, 1 + spec.message_length), np.float32)
        reflexes.step(sensed, done, share, chances=chances, forced=advised, weighs=keeps)
        if minds is not None:
            minds.hear(sensed)
            minds.act(sensed, done, seating.genome_of)
        sent = sent_symbols(done.symbols, spec.num_symbols, spec.has_end)
        reward = scenario.advance(worlds, done.act, done.answers)
        if scenario.takes_turns:
            reflexes.uncount(done.symbols, is_active[:, None] & ~scenario.had_turn(worlds))
        rollout.total_reward += reward
        rollout.lived_steps += int(is_active.sum()) * num_agents
        is_right = (scenario.is_right(worlds, done.answers) | ~is_builder).all(axis=1)
        np.copyto(rollout.is_understood, is_right, where=is_active)
        ends = worlds.is_over & is_active
        rollout.num_finished += int(ends.sum())
        rollout.num_won += int((ends & worlds.is_won).sum())
        if keeps:
            rollout.moments.append(
                Moment(
                    sensed=sensed,
                    done=done,
                    reward=reward,
                    goes_on=~worlds.is_over,
                    is_own_act=np.ones(advice.shape, bool) if advised is None else advised < 0,
                    advice=advice,
                    edit_class=edit_classes(worlds),
                )
            )
        if num_noted:
            said = (sent[:num_noted] + 1).astype(np.int16)
            if scenario.takes_turns:
                said *= scenario.had_turn(worlds)[:num_noted, :, None]
            rollout.said.append(said)
            rollout.acts.append(done.act[:num_noted].copy())
            rollout.answers.append(done.answers[:num_noted].copy())
        if num_recorded:
            rollout.rewards.append(reward[:num_recorded])
            rollout.states.append(worlds.take(np.arange(num_recorded)))
            rollout.sensed.append(sensed.take(num_recorded))
        is_new = np.zeros(num_worlds, bool)
        if supply is not None and ends.any():
            is_new = ends
            places = np.flatnonzero(ends)
            worlds.put(places, supply.take(worlds.role[places]))
            sent[places] = SILENCE
        elif worlds.is_over.all():
            break
    # counted before what comes after the last step is weighed: that is not lived
    rollout.use = reflexes.use()
    rollout.act_counts, rollout.said_counts = reflexes.act_counts.copy(), reflexes.said_counts.copy()
    if minds is not None:
        rollout.act_counts[minds.rows], rollout.said_counts[minds.rows] = minds.act_counts, minds.said_counts
    if keeps and not worlds.is_over.all():
        done = Done.nothing(num_worlds, num_agents, spec.message_length, len(spec.attribute_sizes))
        reflexes.step(sense(), done, share, weighs=True)
        rollout.last_value = done.value
    return rollout


def as_it_arrives(
    sent: np.ndarray,
    is_new: np.ndarray,
    channel: Intervention,
    other_world: np.ndarray | None,
    spec: PolicySpec,
    rng: np.random.Generator,
) -> np.ndarray:
    """What becomes of symbols (B, A, L) on their way, by the intervention; in worlds that are new nothing was said."""
    if channel.kind == "mute":
        return np.full_like(sent, SILENCE)
    heard = altered_symbols(
        sent if other_world is None else sent[other_world], channel, spec.num_symbols - spec.has_end, rng
    )
    heard[is_new] = SILENCE
    return heard


def goal_one_hot(goal: Tensor, spec: PolicySpec, is_told: Tensor | None = None) -> Tensor:
    """Attribute values (..., G) int64 as one row of ones and zeros, (..., sum of attribute sizes) float32.

    Attributes that are not told, by `is_told` (..., G) bool, are all zeros.
    """
    parts = [
        torch.nn.functional.one_hot(goal[..., k], size) * (1 if is_told is None else is_told[..., k : k + 1])
        for k, size in enumerate(spec.attribute_sizes)
    ]
    return torch.cat(parts, dim=-1).float()


class WorldSupply:
    """New worlds for places where one is over, with the guide at the same seat, so that seats keep their genomes."""

    CHUNK = 512

    def __init__(self, scenario: Scenario, split: str, rng: np.random.Generator) -> None:
        self.scenario, self.split, self.rng = scenario, split, rng
        self.stock: Worlds | None = None
        self.waiting: dict[bytes, np.ndarray] = {}  # rows of the stock that are still to be taken, by roles

    def take(self, roles: np.ndarray) -> Worlds:
        """One new world for each row of `roles` (m, A)."""
        kinds, kind_of = np.unique(roles, axis=0, return_inverse=True)
        wanted = [np.flatnonzero(kind_of.ravel() == k) for k in range(len(kinds))]
        keys = [kind.tobytes() for kind in kinds]
        for key, places in zip(keys, wanted, strict=True):
            while len(self.waiting.get(key, ())) < len(places):
                self._restock()
        rows = np.empty(len(roles), np.int64)
        for key, places in zip(keys, wanted, strict=True):
            rows[places], self.waiting[key] = np.split(self.waiting[key], [len(places)])
        assert self.stock is not None
        return self.stock.take(rows)

    def _restock(self) -> None:
        fresh = self.scenario.generate(self.rng.integers(2**62, size=self.CHUNK), self.split)
        if self.stock is not None:
            left = np.sort(np.concatenate(list(self.waiting.values())))
            fresh = Worlds.concatenate([self.stock.take(left), fresh])
        self.stock = fresh
        kinds, kind_of = np.unique(fresh.role, axis=0, return_inverse=True)
        self.waiting = {kind.tobytes(): np.flatnonzero(kind_of.ravel() == k) for k, kind in enumerate(kinds)}


def draw_advised(advice: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """For a share of agents an act that is advised to them, by bits (B, A) uint8, drawn evenly; -1 for others.

    int8; who is advised nothing is left alone.
    """
    bits = (advice[..., None] >> np.arange(NUM_PLAIN_ACTS, dtype=np.uint8)) & 1
    chosen = (bits * (rng.random(bits.shape, np.float32) + 1e-6)).argmax(axis=-1)
    follows = (rng.random(advice.shape, np.float32) < share) & (advice > 0)
    return np.where(follows, chosen, -1).astype(np.int8)


def edit_classes(worlds: Worlds) -> np.ndarray:
    """What each agent's last act changed, (B, A) int8: 0 nothing, 1 it was still, 2 it moved."""
    return np.where(worlds.last_moved, 2, np.where(worlds.last_action == 0, 1, 0)).astype(np.int8)


def draw_other_worlds(num_worlds: int, rng: np.random.Generator) -> np.ndarray:
    """For each world another one whose messages it hears when they are shuffled, (B,) int64; nobody hears its own."""
    order = rng.permutation(num_worlds)
    other = np.empty_like(order)
    other[order] = np.roll(order, 1)
    return other
