"""Fine-tuning: what survivors learn in their lifetime, for all genomes at once, with gradients that cross the channel.

Two kinds of rounds. *Language rounds* are the pure language game on the scenario's own goals (Lewis 1969): a guide
says what it sees or knows, a builder's world model guesses it; cheap, and the code that comes out of it generalises.
*Acting rounds* live whole worlds and learn from reward by PPO (Schulman et al. 2017, https://arxiv.org/abs/1707.06347),
from the world model's surprise, and, if switched on, from the acts that the simulator's own search advises in the
states that the boxlings got themselves into (Ross, Gordon and Bagnell 2011, https://arxiv.org/abs/1011.0686).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evolution.config import ChannelConfig
from evolution.live import Rollout, goal_one_hot
from language.channel import (
    Intervention,
    deliver,
    draw_symbols,
    length_weight,
    log_prob_of,
    straight_through,
    until_end,
    with_gradient_of,
    with_noise,
)
from population.memory import Memory
from population.policy import Beliefs, Policy, Senses, body_state, rows_where
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

    def copy_row(self, source: int, target: int) -> None:
        """A child goes on learning where its parent is."""
        for rows in (self.mean, self.square, self.num_updates):
            rows[target] = rows[source]

    def forget(self, row: int, columns: Tensor) -> None:
        """Moments of parameters (parameters,) bool that were drawn anew."""
        self.mean[row, columns] = 0.0
        self.square[row, columns] = 0.0

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
    temperature: float,
    entropy_bonus: float,
    learning_rate: float,
    max_norm: float,
    half_told_share: float,
    meaning_zipf: float,
    rng: np.random.Generator,
    generator: torch.Generator,
    slow_genomes: Tensor | None = None,
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
    """
    spec = policy.spec
    leaf = genomes.detach().requires_grad_(True)
    weights = policy.weights_of(leaf)
    goal, is_told, senses = _guide_senses(
        policy, scenario, len(genomes), batch, half_told_share, meaning_zipf, rng, str(genomes.device)
    )
    say_logits = what_guides_say(policy, weights, senses)
    symbols, message = draw_symbols(say_logits, generator, temperature)
    if spec.has_end:
        message = until_end(message)
    is_shared = channel.channel_gradient == "straight-through"
    heard = torch.roll(message if is_shared else message.detach(), offset, dims=0)
    told = torch.roll(goal, offset, dims=0), torch.roll(is_told, offset, dims=0)

    def surprise_at(heard: Tensor, goal: Tensor, is_told: Tensor) -> tuple[Tensor, Tensor]:
        if channel.symbol_noise > 0:
            heard = with_noise(heard, channel.symbol_noise, spec.num_symbols - spec.has_end, generator)
        beliefs = what_builders_believe(policy, weights, heard, scenario.num_agents - 2, generator)
        return listener_surprise(beliefs, goal, is_told, scenario, rng)

    surprise, is_right = surprise_at(heard, *told)  # (P, batch) each
    loss = surprise.mean(dim=1)
    if channel.channel_gradient == "autoencoding":
        loss = loss + surprise_at(message, goal, is_told)[0].mean(dim=1)
    log_p = torch.log_softmax(say_logits, dim=-1)
    loss = loss - entropy_bonus * -(log_p.exp() * log_p).sum(dim=-1).mean(dim=(1, 2))
    # what the listener made of it comes back to the speaker
    cost = torch.roll(surprise.detach(), -offset, dims=0)
    if channel.length_cost:
        understood = torch.roll(is_right.mean(dim=1), -offset, dims=0)
        price = channel.length_cost * length_weight(understood)  # (P,)
        length = message.sum(dim=(-1, -2))  # (P, batch) symbols
        cost = cost + price.unsqueeze(1) * length.detach()
        if channel.channel_gradient != "reinforce":
            loss = loss + price * length.mean(dim=1)
    if channel.channel_gradient == "reinforce":
        baseline = (cost.sum(dim=1, keepdim=True) - cost) / max(1, batch - 1)
        loss = loss + ((cost - baseline) * log_prob_of(say_logits, symbols, spec.has_end)).mean(dim=1)
    if slow_genomes is not None and channel.slow_copy_weight:
        with torch.no_grad():
            slow_log_p = torch.log_softmax(what_guides_say(policy, policy.weights_of(slow_genomes), senses), dim=-1)
        divergence = (log_p.exp() * (log_p - slow_log_p)).sum(dim=-1)  # (P, batch, L) nats
        loss = loss + channel.slow_copy_weight * divergence.mean(dim=(1, 2))
    optimiser.update(genomes, torch.autograd.grad(loss.sum(), leaf)[0], learning_rate, max_norm)
    if slow_genomes is not None:
        slow_genomes.lerp_(genomes, channel.slow_copy_rate)
    return surprise.detach().mean(dim=1)


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


def acting_round(
    policy: Policy,
    genomes: Tensor,
    optimiser: RowAdam,
    rollout: Rollout,
    *,
    learning_rate: float,
    max_norm: float,
    discount: float,
    gae_lambda: float,
    clip: float,
    entropy_bonus: float,
    belief_weight: float,
    edit_weight: float,
    imitation_weight: float,
    reward_weight: float,
    value_weight: float,
    gradient: str,
) -> Losses:
    """One update of every genome from one rollout, lived again with gradients from end to end."""
    spec = policy.spec
    moments = rollout.moments
    advantage, returns = advantages(rollout, discount, gae_lambda)
    leaf = genomes.detach().requires_grad_(True)
    weights = policy.weights_of(leaf)
    seating = rollout.seating
    population, num_seats = rollout.roles.shape
    memory = Memory.newborn(population, num_seats, spec.width, str(genomes.device))
    is_builder = rollout.roles == Role.BUILDER
    totals: dict[str, Tensor] = {}

    def add(name: str, values: Tensor, mask: Tensor) -> None:
        totals[name] = totals.get(name, 0.0) + (values * mask).sum(dim=1)
        totals[name + "#"] = totals.get(name + "#", 0.0) + mask.sum(dim=1)

    messages: Tensor | None = None
    action_bits = (1 << torch.arange(NUM_PLAIN_ACTS)).to(genomes.device)
    for t, moment in enumerate(moments):
        active = moment.is_active.float()
        heard = None
        if messages is not None and bool(moment.is_new.any()):
            lives_on = (~moment.is_new).unsqueeze(-1).float()
            memory = Memory(memory.language * lives_on, memory.situation * lives_on)
            messages = messages * seating.to_worlds(lives_on)[:, :1, None]
        if messages is not None and moment.audible.shape[1] > 1:
            sent = seating.to_genomes(
                deliver(messages, moment.audible, Intervention(), has_end=spec.has_end).flatten(-2)
            )
            heard = sent if moment.heard is None else with_gradient_of(sent, moment.heard, spec.num_symbols)
        memory, beliefs, response = policy.step(weights, heard, rollout.voices, moment.senses, memory)
        symbols = seating.to_genomes(moment.symbols)
        message = straight_through(response.say_logits, symbols)
        if spec.has_end:
            message = until_end(message)
        messages = seating.to_worlds(message if gradient == "straight-through" else message.detach())
        log_act = torch.log_softmax(response.act_logits, dim=-1)
        can_act = active * is_builder
        log_prob = log_act.gather(-1, moment.act.unsqueeze(-1)).squeeze(-1)
        old_log_prob = moment.act_log_prob
        ratio_mask = can_act * moment.is_own_act
        if gradient == "reinforce":
            said = log_prob_of(response.say_logits, symbols, spec.has_end)
            log_prob = torch.where(is_builder, log_prob, said)
            old_log_prob = torch.where(is_builder, old_log_prob, moment.say_log_prob)
            ratio_mask = active
        ratio = torch.exp(log_prob - old_log_prob)
        clipped = ratio.clamp(1 - clip, 1 + clip)
        add("policy", -torch.minimum(ratio * advantage[t], clipped * advantage[t]), ratio_mask)
        add("value", torch.square(response.value - returns[t]), active)
        add("entropy", -(log_act.exp() * log_act).sum(dim=-1), can_act)
        if heard is not None:
            # in its first step a boxling has heard nothing yet
            choices = moment.choices
            surprise = (
                belief_loss(beliefs, moment.goal) if choices is None else choice_loss(beliefs, moment.goal, choices)
            )
            add("belief", surprise, can_act * ~moment.is_new)
        act_hot = torch.nn.functional.one_hot(moment.act, spec.num_actions).float()
        add("edit", edit_loss(policy.predict_edit(weights, response.thought, act_hot), moment.edit_class), can_act)
        if imitation_weight:
            advised = (moment.advice.long().unsqueeze(-1) & action_bits) > 0
            good = torch.logsumexp(log_act.masked_fill(~advised, -1e9), dim=-1)
            add("imitation", -good, can_act * (moment.advice > 0))

    def mean(name: str) -> Tensor:
        if name not in totals:
            return torch.zeros(population, device=genomes.device)
        return totals[name] / totals[name + "#"].clamp_min(1.0)

    loss = (
        reward_weight * mean("policy")
        + value_weight * mean("value")
        + belief_weight * mean("belief")
        + edit_weight * mean("edit")
        + imitation_weight * mean("imitation")
        - entropy_bonus * mean("entropy")
    )
    optimiser.update(genomes, torch.autograd.grad(loss.sum(), leaf)[0], learning_rate, max_norm)
    names = ("policy", "value", "belief", "edit", "imitation", "entropy")
    return Losses(**{name: float(mean(name).detach().mean()) for name in names})


def advantages(rollout: Rollout, discount: float, gae_lambda: float) -> tuple[list[Tensor], list[Tensor]]:
    """Generalised advantage estimates (Schulman et al. 2016, https://arxiv.org/abs/1506.02438), T of (P, N) each.

    Advantages are normalised over the builders' active steps of each genome; returns are the targets of the value.
    """
    moments = rollout.moments
    after = rollout.last_value
    running = torch.zeros_like(after)
    advantage: list[Tensor] = []
    for moment in reversed(moments):
        goes_on = moment.goes_on.float()
        surprise = moment.reward + discount * after * goes_on - moment.value
        running = surprise + discount * gae_lambda * goes_on * running
        advantage.insert(0, running)
        after = moment.value
    returns = [a + moment.value for a, moment in zip(advantage, moments, strict=True)]
    stacked = torch.stack(advantage)
    mask = torch.stack([moment.is_active & moment.is_own_act for moment in moments])
    mask &= rollout.roles == Role.BUILDER
    count = mask.sum(dim=(0, 2)).clamp_min(1)
    mean = (stacked * mask).sum(dim=(0, 2)) / count
    variance = ((stacked - mean[None, :, None]).square() * mask).sum(dim=(0, 2)) / count
    stacked = (stacked - mean[None, :, None]) / (variance.sqrt()[None, :, None] + 1e-4)
    return list(stacked), returns
