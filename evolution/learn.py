"""Fine-tuning: what survivors learn in their lifetime, for all genomes at once, with gradients that cross the channel.

Two kinds of rounds. *Language rounds* are the pure language game on the scenario's own goals (Lewis 1969): a guide
says what it sees or knows, a builder's world model guesses it; cheap, and the code that comes out of it generalises.
*Acting rounds* live whole worlds and learn from reward by PPO (Schulman et al. 2017, https://arxiv.org/abs/1707.06347),
from the world model's surprise, and, if switched on, from the acts that the simulator's own search advises in the
states that the boxlings got themselves into (Ross, Gordon and Bagnell 2011, https://arxiv.org/abs/1011.0686).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evolution.config import ChannelConfig
from evolution.live import goal_one_hot
from evolution.machine import Share, alone
from evolution.relive import Lived, Part
from language.channel import (
    draw_symbols,
    length_weight,
    log_prob_of,
    straight_through,
    until_end,
    with_noise,
)
from population.arithmetic import compiled
from population.gradients import sum_of_rows
from population.policy import Beliefs, Policy, Response, Senses, body_state, rows_where
from population.world_model import belief_loss, choice_loss, edit_loss
from world.codes import NUM_PLAIN_ACTS, Role
from world.scenarios.base import Scenario
from world.splits import TRAIN


class RowAdam:
    """Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980) with moments and step count for each genome's row."""

    BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, num_genomes: int, num_parameters: int, device: str = "cpu") -> None:
        self.mean = torch.zeros(num_genomes, num_parameters, device=device)
        self.square = torch.zeros(num_genomes, num_parameters, device=device)
        self.num_updates = torch.zeros(num_genomes, device=device)

    ROWS = ("mean", "square", "num_updates")

    def take(self, rows: Tensor | slice) -> RowAdam:
        """The optimiser of copies of these rows (n,) int64; of a slice, the very rows and no copies."""
        part = copy(self)
        for name in self.ROWS:
            setattr(part, name, getattr(self, name)[rows])
        return part

    def put(self, rows: Tensor, other: RowAdam) -> None:
        """Rows (n,) int64 go on where those of the other one are."""
        for name in self.ROWS:
            getattr(self, name)[rows] = getattr(other, name)

    def forget(self, rows: Tensor, columns: Tensor) -> None:
        """Moments of parameters (parameters,) bool that were drawn anew, in these rows (n,) int64."""
        places = columns.nonzero().flatten()
        self.mean[rows.unsqueeze(1), places] = 0.0
        self.square[rows.unsqueeze(1), places] = 0.0

    @torch.no_grad()
    def update(self, genomes: Tensor, gradient: Tensor, learning_rate: float | Tensor, max_norm: float) -> None:
        """One step on every row of `genomes` (P, parameters), in place; every gradient is clipped to `max_norm`.

        `learning_rate` is one for all, or (P, 1), one for each row.
        """
        norm = gradient.norm(dim=1, keepdim=True)
        is_finite = torch.isfinite(norm)
        if not bool(is_finite.all()):
            # a genome whose gradient is not finite keeps its parameters; its fitness will tell
            gradient = torch.where(is_finite, gradient, 0.0)
            norm = torch.where(is_finite, norm, 0.0)
        gradient = gradient.mul_((max_norm / norm.clamp_min(1e-12)).clamp_max(1.0))
        self.num_updates += 1
        self.mean.lerp_(gradient, 1 - self.BETA_1)
        self.square.mul_(self.BETA_2).addcmul_(gradient, gradient, value=1 - self.BETA_2)
        # the corrections of both moments are folded into step size and epsilon, to pass over the matrix less often
        root = torch.sqrt(1 - self.BETA_2**self.num_updates).unsqueeze(1)
        size = -learning_rate * root / (1 - self.BETA_1**self.num_updates).unsqueeze(1)
        spread = torch.sqrt(self.square, out=gradient).add_(self.EPSILON * root)
        genomes.add_(torch.div(self.mean, spread, out=spread).mul_(size * is_finite))


def language_round(
    policy: Policy,
    genomes: Tensor,
    optimiser: RowAdam,
    scenario: Scenario,
    *,
    channel: ChannelConfig,
    batch: int,
    offset: int,
    temperature: float | Tensor,
    entropy_bonus: float | Tensor,
    learning_rate: float | Tensor,
    max_norm: float,
    half_told_share: float,
    meaning_zipf: float,
    rng: np.random.Generator,
    generator: torch.Generator,
    slow_genomes: Tensor | None = None,
    share: Share = alone,
) -> Tensor:
    """One update of every genome, as guide and as builder, on `batch` meanings; returns the surprise (P,) in nats.

    Genome g hears what genome g - offset says. How a speaker learns, by `channel.channel_gradient`:

    - straight-through: the listener's gradient crosses the channel, as if the speaker's symbols were probabilities;
    - reinforce: the speaker is paid for what its listener understood (Williams 1992), less what the others of the batch
      earned on average (leave-one-out baseline: Kool et al. 2019, https://openreview.net/forum?id=r1lgTGL5DE);
    - none: it does not, as a control;
    - autoencoding: it learns to understand itself, and no gradient passes between boxlings (Lin et al. 2021,
      https://arxiv.org/abs/2110.15349). Departure: there is no decoder besides the ears, which hear the others too.

    `slow_genomes` (P, parameters), copies that follow slowly, hold speakers back where `channel.slow_copy_weight` asks
    for it (Chaabouni et al. 2022, "Emergent communication at scale"), and are moved on here.

    `learning_rate`, `entropy_bonus` and `temperature` are one for all, or one for each genome: (P, 1), (P,)
    and (P, 1, 1, 1).
    """
    population = len(genomes)
    goal, is_told, senses = _guide_senses(
        policy, scenario, population, batch, half_told_share, meaning_zipf, rng, str(genomes.device)
    )
    seeds = torch.randint(2**62, ((population + SHARD - 1) // SHARD,), generator=generator, device=genomes.device)
    shape = (population, batch, policy.spec.message_length, policy.spec.num_symbols)
    table = _Talk(
        policy, genomes, slow_genomes, scenario, channel, offset, temperature, entropy_bonus, goal, is_told, senses,
        messages=torch.zeros(shape, device=genomes.device), wishes=torch.zeros(shape, device=genomes.device),
        surprise=torch.zeros(shape[:2], device=genomes.device), is_right=torch.zeros(shape[:2], device=genomes.device),
    )  # fmt: skip
    shards: dict[int, _Talking] = {}

    def speak(first: int, last: int) -> None:
        for k in range(first, last):
            shards[k] = _Talking(table, k * SHARD, min((k + 1) * SHARD, population), int(seeds[k]))
            shards[k].speak()

    def listen(first: int, last: int) -> None:
        for k in range(first, last):
            shards[k].listen()

    def learn(first: int, last: int) -> None:
        for k in range(first, last):
            shard = shards[k]
            total = shard.learn()
            rate = learning_rate[shard.rows] if isinstance(learning_rate, Tensor) else learning_rate
            optimiser.take(shard.rows).update(genomes[shard.rows], total, rate, max_norm)

    for work in (speak, listen, learn):  # each needs what all others did before
        share(work, len(seeds))
    if slow_genomes is not None:
        slow_genomes.lerp_(genomes, channel.slow_copy_rate)
    return table.surprise.mean(dim=1)


@dataclass(frozen=True)
class _Talk:
    """A language round, and what passes in it from genome to genome."""

    policy: Policy
    genomes: Tensor
    slow_genomes: Tensor | None
    scenario: Scenario
    channel: ChannelConfig
    offset: int
    temperature: float | Tensor
    entropy_bonus: float | Tensor
    goal: Tensor  # (P, batch, G)
    is_told: Tensor
    senses: Senses  # of guides
    messages: Tensor  # (P, batch, L, V), by speaker
    wishes: Tensor  # (P, batch, L, V): the gradient of the listener's surprise at each message, by speaker
    surprise: Tensor  # (P, batch), by listener
    is_right: Tensor  # (P, batch)


class _Talking:
    """Some of the genomes in a language round; chance is their own."""

    def __init__(self, table: _Talk, first: int, last: int, seed: int) -> None:
        self.table, self.rows = table, slice(first, last)
        self.generator = torch.Generator(device=table.genomes.device).manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        # of a copy: other genomes of the matrix are changed while these still learn
        self.leaves = table.policy.layout.leaves(table.genomes[self.rows].clone())
        self.weights = table.policy.prepared(self.leaves)
        self.senses = _some_of(table.senses, first, last)

    def speak(self) -> None:
        table, spec = self.table, self.table.policy.spec
        temperature = table.temperature
        if isinstance(temperature, Tensor):
            temperature = temperature[self.rows]
        self.say_logits = what_guides_say(table.policy, self.weights, self.senses)
        self.symbols, message = draw_symbols(self.say_logits, self.generator, temperature)
        self.message = until_end(message) if spec.has_end else message
        table.messages[self.rows] = self.message.detach()

    def listen(self) -> None:
        table = self.table
        speakers = (torch.arange(self.rows.start, self.rows.stop) - table.offset) % len(table.genomes)
        heard = table.messages[speakers].requires_grad_(True)
        surprise, is_right = self._surprise_at(heard, table.goal[speakers], table.is_told[speakers])
        table.surprise[self.rows], table.is_right[self.rows] = surprise.detach(), is_right
        surprise.mean(dim=1).sum().backward(retain_graph=True)
        assert heard.grad is not None
        table.wishes[speakers] = heard.grad

    def _surprise_at(self, heard: Tensor, goal: Tensor, is_told: Tensor) -> tuple[Tensor, Tensor]:
        table, spec = self.table, self.table.policy.spec
        if table.channel.symbol_noise > 0:
            heard = with_noise(heard, table.channel.symbol_noise, spec.num_symbols - spec.has_end, self.generator)
        num_decoys = table.scenario.num_agents - 2
        beliefs = what_builders_believe(table.policy, self.weights, heard, num_decoys, self.generator)
        return listener_surprise(beliefs, goal, is_told, table.scenario, self.rng)

    def learn(self) -> Tensor:
        """What speakers learn, besides; returns the whole gradient (genomes, parameters)."""
        table, channel, spec = self.table, self.table.channel, self.table.policy.spec
        batch = self.say_logits.shape[1]
        bonus = table.entropy_bonus[self.rows] if isinstance(table.entropy_bonus, Tensor) else table.entropy_bonus
        log_p = torch.log_softmax(self.say_logits, dim=-1)
        loss = -bonus * -(log_p.exp() * log_p).sum(dim=-1).mean(dim=(1, 2))
        if channel.channel_gradient == "autoencoding":
            own = self._surprise_at(self.message, table.goal[self.rows], table.is_told[self.rows])[0]
            loss = loss + own.mean(dim=1)
        # what the listener made of it comes back to the speaker
        listeners = (torch.arange(self.rows.start, self.rows.stop) + table.offset) % len(table.genomes)
        cost = table.surprise[listeners]
        if channel.length_cost:
            price = channel.length_cost * length_weight(table.is_right[listeners].mean(dim=1))
            length = self.message.sum(dim=(-1, -2))  # (genomes, batch) symbols
            cost = cost + price.unsqueeze(1) * length.detach()
            if channel.channel_gradient != "reinforce":
                loss = loss + price * length.mean(dim=1)
        if channel.channel_gradient == "reinforce":
            baseline = (cost.sum(dim=1, keepdim=True) - cost) / max(1, batch - 1)
            said = log_prob_of(self.say_logits, self.symbols, spec.has_end)
            loss = loss + ((cost - baseline) * said).mean(dim=1)
        if table.slow_genomes is not None and channel.slow_copy_weight:
            with torch.no_grad():
                slow = table.policy.weights_of(table.slow_genomes[self.rows])
                slow_log_p = torch.log_softmax(what_guides_say(table.policy, slow, self.senses), dim=-1)
            divergence = (log_p.exp() * (log_p - slow_log_p)).sum(dim=-1)  # (genomes, batch, L) nats
            loss = loss + channel.slow_copy_weight * divergence.mean(dim=(1, 2))
        outputs = [loss.sum()]
        wanted = [torch.ones_like(outputs[0])]
        if channel.channel_gradient == "straight-through":
            outputs.append(self.message)
            wanted.append(table.wishes[self.rows])
        torch.autograd.backward(outputs, wanted)
        return table.policy.layout.gradient_of(self.leaves)


def _some_of(senses: Senses, first: int, last: int) -> Senses:
    """What guides of the genomes first to last sense, all of whose seats have the same modalities."""
    body = senses.body[first:last]
    every = rows_where(torch.ones(body.shape, dtype=torch.bool, device=body.device))
    if senses.view is not None:
        return Senses(body, every, senses.view[first:last], None, None)
    assert senses.goal is not None
    return Senses(body, None, None, every, senses.goal[first:last])


def what_guides_say(policy: Policy, weights: dict[str, Tensor], senses: Senses) -> Tensor:
    """Logits (P, n, L, V) of what guides say first."""
    empty = torch.zeros(*senses.body.shape, policy.spec.width, device=senses.body.device)
    memory, beliefs = policy.listen(weights, None, None, senses, empty)
    return policy.respond(weights, senses, memory, beliefs, empty)[1].say_logits


def what_builders_believe(
    policy: Policy,
    weights: dict[str, Tensor],
    heard: Tensor,
    num_decoys: int,
    generator: torch.Generator,
    are_alike: bool = False,
) -> Beliefs:
    """What builders make of a guide's message (P, n, L, V), said beside random ones of other builders.

    `are_alike`: chance treats all genomes alike, so that who hears the same believes the same.
    """
    population, batch = heard.shape[:2]
    num_drawn = 1 if are_alike else population
    heard, voices = _among_decoys(heard, num_decoys, num_drawn, generator)
    # builders have lived one silent step before they hear the first word
    still = torch.zeros(population, 1, dtype=torch.int64, device=heard.device)
    waiting = Senses(body_state(still, still, still + Role.BUILDER), None, None, None, None)
    empty = torch.zeros(population, 1, policy.spec.width, device=heard.device)
    memory, _ = policy.listen(weights, None, None, waiting, empty)
    acted = torch.randint(NUM_PLAIN_ACTS, (num_drawn, batch), generator=generator, device=heard.device)
    moved = (torch.rand(acted.shape, generator=generator, device=heard.device) < 0.8) & (acted > 0)
    acted, moved = acted.expand(population, -1), moved.expand(population, -1)
    hearing = Senses(body_state(acted, moved, torch.full_like(acted, Role.BUILDER)), None, None, None, None)
    return policy.listen(weights, heard, voices, hearing, memory.expand(-1, batch, -1))[1]


def _guide_senses(
    policy: Policy,
    scenario: Scenario,
    population: int,
    batch: int,
    half_told_share: float,
    meaning_zipf: float,
    rng: np.random.Generator,
    device: str,
) -> tuple[Tensor, Tensor, Senses]:
    """Meanings for guides to talk about, (P, batch, G), which parts they are told, and what each guide senses."""
    spec = policy.spec
    still = torch.zeros(population, batch, dtype=torch.int64, device=device)
    body = body_state(still, still, still + Role.GUIDE)
    every = rows_where(torch.ones(population, batch, dtype=torch.bool, device=device))
    if scenario.guide_sees:
        worlds = scenario.generate(rng.integers(2**62, size=population * batch), "train")
        is_guide = worlds.role == Role.GUIDE
        view = torch.from_numpy(scenario.observe(worlds).view[is_guide]).to(device)
        goal = torch.from_numpy(worlds.goal.astype(np.int64)).to(device).view(population, batch, -1)
        is_told = torch.ones(goal.shape, dtype=torch.bool, device=device)
        return goal, is_told, Senses(body, every, view.unflatten(0, (population, batch)), None, None)
    meanings = scenario.meanings("train").astype(np.int64)
    if meaning_zipf:
        often = np.arange(1, len(meanings) + 1) ** -meaning_zipf
        drawn = rng.choice(len(meanings), (population, batch), p=often / often.sum())
    else:
        drawn = rng.integers(len(meanings), size=(population, batch))
    goal = torch.from_numpy(meanings[drawn]).to(device)
    # some goals are told by one attribute alone: single words first, as children learn them
    num_attributes = goal.shape[-1]
    only = torch.from_numpy(rng.integers(num_attributes, size=(population, batch, 1))).to(device)
    is_half = torch.from_numpy(rng.random((population, batch, 1)) < half_told_share).to(device)
    is_told = ~is_half | (torch.arange(num_attributes, device=device) == only)
    return goal, is_told, Senses(body, None, None, every, goal_one_hot(goal, spec, is_told))


def listener_surprise(
    beliefs: Beliefs,
    goal: Tensor,
    is_told: Tensor,
    scenario: Scenario,
    rng: np.random.Generator,
    split: str = TRAIN,
    are_alike: bool = False,
) -> tuple[Tensor, Tensor]:
    """How surprised listeners are by the goals (P, batch, G) of which they heard, in nats, and whether they are right.

    Both are (P, batch) floats; right is who answers right in all that was told. Where builders choose, it is the
    surprise at the choice, among candidates that are drawn anew each time: those that differ from the goal in nothing
    that was told cannot be told apart, and share the probability. They are of the `split` that the goals are of, and
    the same for all genomes if these `are_alike`.
    """

    def is_right(answers: Tensor) -> Tensor:
        return ((answers == goal) | ~is_told).all(dim=-1).float()

    if not scenario.num_choices:
        return belief_loss(beliefs, goal, is_told), is_right(beliefs.answers())
    goals = goal.flatten(0, 1).cpu().numpy()
    numbers = rng.integers(2**62, size=goal.shape[1] if are_alike else len(goals))
    numbers = np.tile(numbers, len(goal)) if are_alike else numbers
    drawn = scenario.candidates(goals, numbers, split).astype(np.int64)
    choices = torch.from_numpy(drawn).to(goal.device).unflatten(0, goal.shape[:2])
    return choice_loss(beliefs, goal, choices), is_right(beliefs.choose(choices))


def _among_decoys(heard: Tensor, num_decoys: int, num_drawn: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The guide's messages (P, n, L, V) beside random ones in builders' voices: (P, n, S, L * V), voices (P, n, S)."""
    population, batch, length, num_symbols = heard.shape
    shape = (population, batch, 1 + num_decoys)
    voices = torch.full(shape, int(Role.BUILDER), device=heard.device)
    voices[..., 0] = int(Role.GUIDE)
    speakers = [heard.unsqueeze(2)]
    if num_decoys:
        drawn = torch.randint(
            num_symbols, (num_drawn, batch, num_decoys, length), generator=generator, device=heard.device
        ).expand(population, -1, -1, -1)
        speakers.append(torch.nn.functional.one_hot(drawn, num_symbols).to(heard.dtype))
    return torch.cat(speakers, dim=2).flatten(-2), voices


@dataclass(frozen=True)
class Losses:
    """Means over genomes of the parts of one update's loss."""

    policy: float
    value: float
    belief: float
    edit: float
    imitation: float
    entropy: float


SHARD = 4  # genomes that are worked on together: few enough for a cache, and enough for their operations to pay


def acting_round(
    policy: Policy,
    genomes: Tensor,
    optimiser: RowAdam,
    life: Lived,
    *,
    learning_rate: float | Tensor,
    max_norm: float,
    clip: float,
    entropy_bonus: float | Tensor,
    belief_weight: float,
    edit_weight: float,
    imitation_weight: float,
    reward_weight: float,
    value_weight: float,
    gradient: str,
    share: Share = alone,
) -> Losses:
    """One update of every genome from one rollout, lived again with gradients from end to end.

    `learning_rate` and `entropy_bonus` are one for all, or (P, 1) and (P,), one for each genome.

    Genomes meet in the channel alone. So builders listen first, then what their understanding asks of the words they
    heard goes to those who said them, a step before, and with that the guides learn. A builder's own words teach its
    mouth and not its mind, and what guides hear teaches no builder to speak: that would need all of the backward pass
    twice.
    """
    weigh = LossWeights(
        clip, belief_weight, edit_weight, imitation_weight, reward_weight, value_weight, gradient == "reinforce"
    )
    shards: dict[int, _Relived] = {}
    num_shards = (life.population + SHARD - 1) // SHARD
    crosses = gradient == "straight-through" and life.routes.role.shape[1] > 1
    back = {part.role: np.zeros((*part.symbols.shape, policy.spec.num_symbols), np.float32) for part in life.parts}
    wishes = np.zeros((life.population, life.parts[-1].act.shape[1], 2, *back[Role.BUILDER].shape[2:]), np.float32)

    def listen(first: int, last: int) -> None:
        for k in range(first, last):
            shards[k] = _Relived(
                policy, genomes, life, k * SHARD, min((k + 1) * SHARD, life.population), weigh, entropy_bonus
            )
            shards[k].listen(wishes if crosses else None)

    def learn(first: int, last: int) -> None:
        for k in range(first, last):
            shard = shards[k]
            total = shard.speak(back if crosses else None)
            rows = slice(shard.first, shard.last)
            rate = learning_rate[rows] if isinstance(learning_rate, Tensor) else learning_rate
            optimiser.take(rows).update(genomes[rows], total, rate, max_norm)

    share(listen, num_shards)
    if crosses:
        for role, wanted in back.items():
            _carry_back(
                int(role), life.routes.seat_of, life.routes.role, life.routes.reaches, life.routes.arrived,
                wishes.reshape(-1, *wishes.shape[2:]), wanted.reshape(-1, *wanted.shape[2:]), life.num_steps,
                wanted.shape[1] // life.num_steps, wishes.shape[1] // life.num_steps,
            )  # fmt: skip
    share(learn, num_shards)
    sums = [torch.cat([shards[k].losses[name] for k in range(num_shards)]) for name in LOSSES]
    return Losses(**{name: float(values.mean()) for name, values in zip(LOSSES, sums, strict=True)})


LOSSES = ("policy", "value", "belief", "edit", "imitation", "entropy")


@dataclass(frozen=True)
class LossWeights:
    """What counts how much in an acting round; see `evolution.config.LearningConfig`."""

    clip: float
    belief: float
    edit: float
    imitation: float
    reward: float
    value: float
    pays_words: bool  # guides learn from reward what to say


class _Relived:
    """Some of the genomes, while they learn from a rollout."""

    def __init__(
        self, policy: Policy, genomes: Tensor, life: Lived, first: int, last: int, weigh: LossWeights,
        entropy_bonus: float | Tensor,
    ) -> None:  # fmt: skip
        self.policy, self.first, self.last, self.weigh = policy, first, last, weigh
        self.parts = [part.of(slice(first, last)) for part in life.parts]
        self.entropy_bonus = entropy_bonus[first:last] if isinstance(entropy_bonus, Tensor) else entropy_bonus
        self.losses: dict[str, Tensor] = {}
        self.messages: dict[Role, Tensor] = {}
        self.leaves = policy.layout.leaves(genomes[first:last].clone())  # see _Talking
        self.weights = policy.prepared(self.leaves)
        self.later: Tensor | None = None  # the loss of guides

    def listen(self, wishes: np.ndarray | None) -> None:
        """Live again; builders learn, and leave in `wishes` (P, R, 2, L, V) what each asks of words of either voice."""
        policy, spec, weights = self.policy, self.policy.spec, self.weights
        nothing = torch.zeros(self.last - self.first, device=weights["belief.bias"].device)
        sums, counts = dict.fromkeys(LOSSES, nothing), dict.fromkeys(LOSSES, nothing)
        terms: list[tuple[Role, str, Tensor]] = []

        def add(role: Role, name: str, values: Tensor, mask: Tensor) -> None:
            term = (values * mask).sum(dim=1)
            terms.append((role, name, term))
            sums[name] = sums[name] + term.detach()
            counts[name] = counts[name] + mask.sum(dim=1)

        for part in self.parts:
            is_builder = part.role == Role.BUILDER
            stream = sum_of_rows(weights["tokens"], part.tokens)
            memory, beliefs = policy.believe(weights, stream, part.course)
            _, response = policy.respond(weights, part.senses, memory, beliefs, part.course, only_mouth=is_builder)
            if wishes is not None:
                message = straight_through(response.say_logits, part.symbols)
                self.messages[part.role] = until_end(message) if spec.has_end else message
            self._judge(weights, part, beliefs, response, add)
            if is_builder:
                heard = stream
                heard.retain_grad()

        factors = {
            "policy": self.weigh.reward, "value": self.weigh.value, "belief": self.weigh.belief,
            "edit": self.weigh.edit, "imitation": self.weigh.imitation, "entropy": -self.entropy_bonus,
        }  # fmt: skip
        loss: dict[Role, Tensor] = {}
        for role, name, term in terms:
            part_loss = (factors[name] * term / counts[name].clamp_min(1.0)).sum()
            loss[role] = loss[role] + part_loss if role in loss else part_loss
        self.losses = {name: sums[name] / counts[name].clamp_min(1.0) for name in LOSSES}
        self.later = loss.get(Role.GUIDE)
        loss[Role.BUILDER].backward(retain_graph=True)
        if wishes is not None:
            num_words = spec.message_length * spec.num_symbols
            words = weights["tokens"].detach()[:, : 2 * num_words].transpose(1, 2)
            into = torch.from_numpy(wishes[self.first : self.last]).flatten(2)
            assert heard.grad is not None
            torch.bmm(heard.grad, words, out=into)

    def _judge(
        self, weights: dict[str, Tensor], part: Part, beliefs: Beliefs, response: Response,
        add: Callable[[Role, str, Tensor, Tensor], None],
    ) -> None:  # fmt: skip
        """The losses of a part."""
        weigh, spec, role = self.weigh, self.policy.spec, part.role
        add(role, "value", torch.square(response.value - part.returns), part.is_active)
        if role == Role.GUIDE and not weigh.pays_words:
            return
        if role == Role.GUIDE:
            log_prob, old = log_prob_of(response.say_logits, part.symbols, spec.has_end), part.say_log_prob
        else:
            log_act = torch.log_softmax(response.act_logits, dim=-1)
            log_prob, old = log_act.gather(-1, part.act.unsqueeze(-1)).squeeze(-1), part.act_log_prob
        ratio = torch.exp(log_prob - old)
        clipped = ratio.clamp(1 - weigh.clip, 1 + weigh.clip)
        own = part.is_active * part.is_own_act
        add(role, "policy", -torch.minimum(ratio * part.advantage, clipped * part.advantage), own)
        if role == Role.GUIDE:
            return
        add(role, "entropy", -(log_act.exp() * log_act).sum(dim=-1), part.is_active)
        if weigh.belief:
            surprise = (
                belief_loss(beliefs, part.goal)
                if part.choices is None
                else choice_loss(beliefs, part.goal, part.choices)
            )
            add(role, "belief", surprise, part.can_believe)
        if weigh.edit:
            act_hot = torch.nn.functional.one_hot(part.act, spec.num_actions).float()
            foreseen = self.policy.predict_edit(weights, response.thought, act_hot)
            add(role, "edit", edit_loss(foreseen, part.edit_class), part.is_active)
        if weigh.imitation:
            bits = 1 << torch.arange(NUM_PLAIN_ACTS, device=part.advice.device)
            advised = (part.advice.unsqueeze(-1) & bits) > 0
            good = torch.logsumexp(log_act.masked_fill(~advised, -1e9), dim=-1)
            add(role, "imitation", -good, part.is_active * (part.advice > 0))

    def speak(self, back: dict[Role, np.ndarray] | None) -> Tensor:
        """Guides learn, and all mouths; returns the whole gradient (genomes, parameters)."""
        outputs: list[Tensor] = [] if self.later is None else [self.later]
        wanted: list[Tensor] = [torch.ones_like(output) for output in outputs]
        if back is not None:
            for role, message in self.messages.items():
                outputs.append(message)
                wanted.append(torch.from_numpy(back[role][self.first : self.last]).to(message.device))
        if outputs:
            torch.autograd.backward(outputs, wanted)
        return self.policy.layout.gradient_of(self.leaves)


@compiled
def _carry_back(role, seat_of, role_of, reaches, arrived, wishes, wanted, num_steps, num_speaking, num_listening):
    """What listeners ask of the words they heard, (builders' rows, 2, L, V), summed for those of `role` who said it.

    `wanted` (rows of the role, L, V). Rows are by genome, step and seat, with so many seats of a genome that speak and
    listen; what is heard in step t + 1 was said in step t.
    """
    num_worlds, num_agents = role_of.shape
    for t in range(num_steps - 1):
        for b in range(num_worlds):
            for speaker in range(num_agents):
                if role_of[b, speaker] != role:
                    continue
                seat = seat_of[b, speaker]
                said = (seat // num_speaking * num_steps + t) * num_speaking + seat % num_speaking
                for listener in range(num_agents):
                    if listener == speaker or role_of[b, listener] != 1 or not reaches[t, b, listener, speaker]:
                        continue
                    seat = seat_of[b, listener]
                    heard = (seat // num_listening * num_steps + t + 1) * num_listening + seat % num_listening
                    for place in range(wanted.shape[1]):
                        if arrived[t, b, speaker, place]:
                            for symbol in range(wanted.shape[2]):
                                wanted[said, place, symbol] += wishes[heard, role, place, symbol]
