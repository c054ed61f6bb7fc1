"""Living: a population plays worlds from beginning to end, without learning; what is needed to judge, to learn from and
to record it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from evolution.seats import Seating
from language.channel import Intervention, as_heard, deliver, draw_symbols, gumbel_noise, log_prob_of, until_end
from population.experts import ExpertUse
from population.memory import Memory
from population.policy import Beliefs, Policy, Response, Senses, body_state, rows_where
from population.spec import PolicySpec
from world.codes import NUM_PLAIN_ACTS, Role
from world.scenarios.base import Scenario
from world.sense import is_audible
from world.state import Worlds


@dataclass
class Moment:
    """One step of a rollout, genome-major unless said otherwise; what learning needs to live it again."""

    senses: Senses
    audible: Tensor  # (B, A, A) bool, world-major: for messages of the step before
    symbols: Tensor  # (B, A, L) int64 in [0, V), world-major
    act: Tensor  # (P, N) int64
    act_log_prob: Tensor  # (P, N)
    say_log_prob: Tensor  # (P, N)
    value: Tensor  # (P, N)
    reward: Tensor  # (P, N)
    is_active: Tensor  # (P, N) bool: the world was not over when this step began
    goes_on: Tensor  # (P, N) bool: the world was not over when this step ended
    goal: Tensor  # (P, N, G) int64: the goal of the world each seat is in
    is_new: Tensor  # (P, N) bool: the world began with this step, so memories are empty
    is_own_act: Tensor  # (P, N) bool: chosen by the boxling, not by the simulator's own search
    advice: Tensor  # (P, N) uint8: bits of the acts that the simulator's own search would take
    edit_class: Tensor  # (P, N) int64: what the act changed
    heard: Tensor | None = None  # (P, N, A - 1, L * V) one-hot, with what noise made of it
    choices: Tensor | None = None  # (P, N, C, G) int64: what builders choose from, None for anything


@dataclass
class Rollout:
    """T steps of B worlds."""

    seating: Seating
    roles: Tensor  # (P, N) int64
    voices: Tensor  # (P, N, A - 1) int64: roles of those who are heard
    moments: list[Moment]
    last_value: Tensor  # (P, N) value of what comes after the last step; 0 where the world is over
    worlds: Worlds  # at the end
    start: Worlds | None  # kept for recording
    is_understood: np.ndarray  # (B,) bool: at the end every builder's world model named the goal right
    use: ExpertUse
    total_reward: np.ndarray  # (B, A) float64, over all steps
    said_counts: np.ndarray  # (P, V) int64: how often each genome said each symbol, in worlds that were not over
    act_counts: np.ndarray  # (P, acts) int64: and did each act
    num_finished: int = 0  # worlds played to their end
    num_won: int = 0
    lived_steps: int = 0  # steps of agents in worlds that were not over
    said: list[np.ndarray] = field(default_factory=list)  # recording: (B, A, L) int16, 1 to V, 0 for silence
    acts: list[np.ndarray] = field(default_factory=list)  # (B, A) int8
    answers: list[np.ndarray] = field(default_factory=list)  # (B, A, G) int16
    rewards: list[np.ndarray] = field(default_factory=list)  # (B, A) float32
    states: list[Worlds] = field(default_factory=list)  # after each step

    @property
    def final_roles(self) -> np.ndarray:
        """(B, A) int8; a world that makes place for another one hands its roles on."""
        return self.worlds.role


class Body:
    """Turns what the worlds say of each agent's body, role and goal into tensors, once a rollout where it is fixed."""

    def __init__(self, policy: Policy, scenario: Scenario, worlds: Worlds, seating: Seating, device: str) -> None:
        self.policy, self.seating, self.device = policy, seating, device
        observation = scenario.observe(worlds)
        self.roles = seating.to_genomes(torch.from_numpy(worlds.role.astype(np.int64)).to(device))
        self.num_agents = worlds.role.shape[1]
        self.sees = rows_where(seating.to_genomes(torch.from_numpy(observation.sees).to(device)))
        self.knows = rows_where(seating.to_genomes(torch.from_numpy(observation.knows).to(device)))
        # who is told what hangs on roles alone, and these stay
        self.told = (
            None if observation.told is None else seating.to_genomes(torch.from_numpy(observation.told).to(device))
        )
        self.learn_goals(worlds)

    def learn_goals(self, worlds: Worlds) -> None:
        """Take in the goals of these worlds, for those who are told them, and what others may take for the goal."""
        goal = torch.from_numpy(worlds.goal.astype(np.int64)).to(self.device)
        self.goal = self.seating.to_genomes(goal.unsqueeze(1).expand(-1, self.num_agents, -1))
        self.goal_hot = None
        if self.knows is not None:
            is_told = None if self.told is None else self.knows.pick(self.told)
            self.goal_hot = goal_one_hot(self.knows.pick(self.goal), self.policy.spec, is_told)
        self.choices = None
        if worlds.choices.shape[1]:
            choices = torch.from_numpy(worlds.choices.astype(np.int64)).to(self.device)
            self.choices = self.seating.to_genomes(choices.unsqueeze(1).expand(-1, self.num_agents, -1, -1))

    def answers(self, beliefs: Beliefs) -> Tensor:
        """What each agent takes for the goal, (P, N, G) int64; a guide is not asked, and its answer means nothing."""
        return beliefs.answers() if self.choices is None else beliefs.choose(self.choices)

    def senses(self, worlds: Worlds, view: np.ndarray) -> Senses:
        """What the agents sense of these worlds; `view` is (B, A, h, w)."""
        last_act = self.seating.to_genomes(torch.from_numpy(worlds.last_action.astype(np.int64)).to(self.device))
        moved = self.seating.to_genomes(torch.from_numpy(worlds.last_moved).to(self.device))
        body = body_state(last_act, moved, self.roles)
        seen = None
        if self.sees is not None:
            seen = self.sees.pick(self.seating.to_genomes(torch.from_numpy(view).to(self.device)))
        return Senses(body=body, sees=self.sees, view=seen, knows=self.knows, goal=self.goal_hot)


def goal_one_hot(goal: Tensor, spec: PolicySpec, is_told: Tensor | None = None) -> Tensor:
    """Attribute values (..., G) int64 as one row of ones and zeros, (..., sum of attribute sizes) float32.

    Attributes that are not told, by `is_told` (..., G) bool, are all zeros.
    """
    parts = [
        torch.nn.functional.one_hot(goal[..., k], size) * (1 if is_told is None else is_told[..., k : k + 1])
        for k, size in enumerate(spec.attribute_sizes)
    ]
    return torch.cat(parts, dim=-1).float()


def voices_of(roles: np.ndarray) -> np.ndarray:
    """The roles of the others, (B, A, A - 1) int64, in the order in which they are heard."""
    from language.channel import other_agents

    return roles.astype(np.int64)[:, other_agents(roles.shape[1]).numpy()]


def live(
    policy: Policy,
    weights: dict[str, Tensor],
    scenario: Scenario,
    worlds: Worlds,
    seating: Seating,
    *,
    channel: Intervention,
    hearing_radius_cells: int,
    generator: torch.Generator,
    explores: bool,
    keeps: bool = False,
    num_recorded: int = 0,
    supply: WorldSupply | None = None,
    advised_share: float = 0.0,
) -> Rollout:
    """Play `worlds` to their end, in place.

    Acts and symbols are the most probable ones, or drawn if it `explores`. `keeps` holds on to what learning needs;
    the first `num_recorded` worlds are recorded. `generator` draws acts, symbols, noise and the shuffle. With a
    `supply` every world that is over makes place for a new one, so that nobody waits. `advised_share` of all acts are
    those that the simulator's own search advises.
    """
    spec = policy.spec
    device = str(next(iter(weights.values())).device)
    num_worlds, num_agents = worlds.role.shape
    body = Body(policy, scenario, worlds, seating, device)
    num_seats = body.roles.shape[1]
    voices = seating.to_genomes(torch.from_numpy(voices_of(worlds.role)).to(device))
    use = ExpertUse(spec.num_experts)
    rollout = Rollout(
        seating=seating,
        roles=body.roles,
        voices=voices,
        moments=[],
        last_value=torch.zeros(seating.population, num_seats, device=device),
        worlds=worlds,
        start=worlds.take(np.arange(num_recorded)) if num_recorded else None,
        is_understood=np.zeros(num_worlds, bool),
        use=use,
        total_reward=np.zeros((num_worlds, num_agents)),
        said_counts=np.zeros((seating.population, spec.num_symbols), np.int64),
        act_counts=np.zeros((seating.population, spec.num_actions), np.int64),
    )
    other_world = None
    if channel.kind == "shuffle":
        other_world = draw_other_worlds(num_worlds, generator)
    memory = Memory.newborn(seating.population, num_seats, spec.width, device)
    messages: Tensor | None = None
    is_builder = worlds.role == Role.BUILDER
    is_new = np.ones(num_worlds, bool)

    def by_seat(per_world: np.ndarray) -> Tensor:
        return seating.to_genomes(torch.from_numpy(np.repeat(per_world[:, None], num_agents, axis=1)).to(device))

    def sense_and_step() -> tuple[Senses, Tensor, Tensor | None, Beliefs, Response]:
        nonlocal memory
        senses = body.senses(worlds, scenario.observe(worlds).view)
        audible = torch.from_numpy(is_audible(worlds, hearing_radius_cells)).to(device)
        if scenario.takes_turns:
            audible &= torch.from_numpy(scenario.had_turn(worlds)).to(device).unsqueeze(1)
        heard = None
        if messages is not None and num_agents > 1 and channel.kind != "mute":
            delivered = deliver(messages, audible, channel, other_world, generator, spec.has_end)
            heard = seating.to_genomes(delivered.flatten(-2))
        memory, beliefs, response = policy.step(weights, heard, voices, senses, memory, use)
        return senses, audible, heard, beliefs, response

    with torch.no_grad():
        for _ in range(scenario.num_steps):
            was_over = worlds.is_over.copy()
            senses, audible, heard, beliefs, response = sense_and_step()
            act, act_log_prob = choose(response.act_logits, generator if explores else None)
            advice = torch.zeros_like(act, dtype=torch.uint8)
            is_own_act = torch.ones_like(act, dtype=torch.bool)
            if keeps:
                advice = seating.to_genomes(torch.from_numpy(scenario.plan(worlds)).to(device))
                if advised_share > 0:
                    act, is_own_act = follow_advice(act, advice, advised_share, generator)
                    log_act = torch.log_softmax(response.act_logits, dim=-1)
                    act_log_prob = log_act.gather(-1, act.unsqueeze(-1)).squeeze(-1)
            symbols, message = draw_symbols(response.say_logits, generator if explores else None)
            messages = seating.to_worlds(until_end(message) if spec.has_end else message)
            answers = seating.to_worlds(body.answers(beliefs)).cpu().numpy().astype(np.int16)
            acts = seating.to_worlds(act).cpu().numpy().astype(np.int8)
            reward = scenario.advance(worlds, acts, answers)
            rollout.total_reward += reward
            rollout.lived_steps += int((~was_over).sum()) * num_agents
            is_right = (scenario.is_right(worlds, answers) | ~is_builder).all(axis=1)
            rollout.is_understood = np.where(was_over, rollout.is_understood, is_right)
            ends = worlds.is_over & ~was_over
            rollout.num_finished += int(ends.sum())
            rollout.num_won += int((ends & worlds.is_won).sum())
            if keeps:
                rollout.moments.append(
                    Moment(
                        senses=senses,
                        audible=audible,
                        heard=heard,
                        symbols=seating.to_worlds(symbols),
                        act=act,
                        act_log_prob=act_log_prob,
                        say_log_prob=log_prob_of(response.say_logits, symbols, spec.has_end),
                        value=response.value,
                        reward=seating.to_genomes(torch.from_numpy(reward).to(device)),
                        is_active=by_seat(~was_over),
                        goes_on=by_seat(~worlds.is_over),
                        goal=body.goal,
                        choices=body.choices,
                        is_new=by_seat(is_new),
                        is_own_act=is_own_act,
                        advice=advice,
                        edit_class=seating.to_genomes(torch.from_numpy(edit_classes(worlds)).to(device)),
                    )
                )
            spoken = as_heard(symbols, spec.num_symbols, spec.has_end)
            said = seating.to_worlds(spoken).cpu().numpy().astype(np.int16)
            if scenario.takes_turns:
                said *= scenario.had_turn(worlds)[..., None]
            genome_of = seating.genome_of[~was_over]
            count_by_genome(rollout.act_counts, genome_of, acts[~was_over])
            count_by_genome(rollout.said_counts, genome_of[..., None], said[~was_over] - 1)  # -1 is silence
            if num_recorded:
                rollout.said.append(said[:num_recorded])
                rollout.acts.append(acts[:num_recorded])
                rollout.answers.append(answers[:num_recorded])
                rollout.rewards.append(reward[:num_recorded])
                rollout.states.append(worlds.take(np.arange(num_recorded)))
            is_new = np.zeros(num_worlds, bool)
            if supply is not None and ends.any():
                is_new = ends
                places = np.flatnonzero(ends)
                worlds.put(places, supply.take(worlds.role[places]))
                body.learn_goals(worlds)
                lives_on = by_seat(~ends).unsqueeze(-1)
                memory = Memory(memory.language * lives_on, memory.situation * lives_on)
                messages = messages * torch.from_numpy(~ends).to(device)[:, None, None, None]
            elif worlds.is_over.all():
                break
        if keeps and not worlds.is_over.all():
            rollout.last_value = sense_and_step()[4].value * by_seat(~worlds.is_over)
    return rollout


class WorldSupply:
    """New worlds for places where one is over, with the guide at the same seat, so that seats keep their genomes."""

    CHUNK = 512

    def __init__(self, scenario: Scenario, split: str, rng: np.random.Generator) -> None:
        self.scenario, self.split, self.rng = scenario, split, rng
        self.stock: dict[bytes, Worlds] = {}

    def take(self, roles: np.ndarray) -> Worlds:
        """One new world for each row of `roles` (m, A)."""
        kinds, kind_of = np.unique(roles, axis=0, return_inverse=True)
        parts, places = [], []
        for k, kind in enumerate(kinds):
            wanted = np.flatnonzero(kind_of.ravel() == k)
            key = kind.tobytes()
            while key not in self.stock or len(self.stock[key]) < len(wanted):
                self._restock()
            parts.append(self.stock[key].take(np.arange(len(wanted))))
            self.stock[key] = self.stock[key].take(np.arange(len(wanted), len(self.stock[key])))
            places.append(wanted)
        return Worlds.concatenate(parts).take(np.argsort(np.concatenate(places)))

    def _restock(self) -> None:
        fresh = self.scenario.generate(self.rng.integers(2**62, size=self.CHUNK), self.split)
        for kind in np.unique(fresh.role, axis=0):
            key = kind.tobytes()
            more = fresh.take(np.flatnonzero((fresh.role == kind).all(axis=1)))
            self.stock[key] = Worlds.concatenate([self.stock[key], more]) if key in self.stock else more


def count_by_genome(counts: np.ndarray, genome_of: np.ndarray, values: np.ndarray) -> None:
    """Add how often each genome had each value to `counts` (P, K), in place; negative values do not count.

    `genome_of` is broadcast to the shape of `values`.
    """
    places = (genome_of * counts.shape[1] + values)[values >= 0]
    counts += np.bincount(places, minlength=counts.size).reshape(counts.shape)


def follow_advice(act: Tensor, advice: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Replace a share of the acts (P, N) by advised ones, drawn evenly among them; returns acts and which are own."""
    bits = (advice.long().unsqueeze(-1) >> torch.arange(NUM_PLAIN_ACTS, device=act.device)) & 1
    noise = torch.rand(bits.shape, generator=generator, device=act.device)
    advised = (bits * (noise + 1e-6)).argmax(dim=-1)
    follows = (torch.rand(act.shape, generator=generator, device=act.device) < share) & (advice > 0)
    return torch.where(follows, advised, act), ~follows


def edit_classes(worlds: Worlds) -> np.ndarray:
    """What each agent's last act changed, (B, A) int64: 0 nothing, 1 it was still, 2 it moved."""
    return np.where(worlds.last_moved, 2, np.where(worlds.last_action == 0, 1, 0)).astype(np.int64)


def choose(logits: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """An act from logits (..., actions), the best or a drawn one, and its log-probability."""
    log_p = torch.log_softmax(logits, dim=-1)
    act = (log_p if generator is None else log_p + gumbel_noise(log_p, generator)).argmax(dim=-1)
    return act, log_p.gather(-1, act.unsqueeze(-1)).squeeze(-1)


def draw_other_worlds(num_worlds: int, generator: torch.Generator) -> Tensor:
    """For each world another one whose messages it hears when they are shuffled; nobody hears its own."""
    order = torch.randperm(num_worlds, generator=generator, device=generator.device)
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    return other
