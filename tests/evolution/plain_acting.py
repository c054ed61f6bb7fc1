"""Learning from a rollout in plain words: step by step, with `Policy.step` and `deliver`, and autograd through all.

Two paths are cut, as `evolution.learn.acting_round` tells: builders' words teach their mouths alone, and no gradient
goes on to those whom a speaker has heard itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evolution.learn import LOSSES, LossWeights
from evolution.live import Rollout, goal_one_hot
from evolution.relive import advantages
from language.channel import (
    Intervention,
    deliver,
    log_prob_of,
    other_agents,
    straight_through,
    until_end,
    with_gradient_of,
)
from population.memory import Memory
from population.policy import Beliefs, Policy, Response, Senses, body_state, rows_where
from population.world_model import belief_loss, choice_loss, edit_loss
from world.codes import NUM_PLAIN_ACTS, Role


@dataclass(frozen=True)
class Step:
    """One step of all, lived again, (P, N, ...)."""

    beliefs: Beliefs
    response: Response
    message: Tensor  # (B, A, L, V), with a gradient


def live_again(
    policy: Policy, weights: dict[str, Tensor], rollout: Rollout, messages: list[Tensor] | None = None
) -> list[Step]:
    """The steps of a rollout; what is heard has the gradient of the `messages` (B, A, L, V) of all steps, if given."""
    spec, seating, moments = policy.spec, rollout.seating, rollout.moments

    def seats(values: np.ndarray) -> Tensor:
        return seating.to_genomes(torch.from_numpy(values))

    role = moments[0].sensed.role.astype(np.int64)
    others = other_agents(role.shape[1])
    voices = seats(role[:, others.numpy()]) if role.shape[1] > 1 else None
    is_builder = seats(role == Role.BUILDER)
    memory = Memory.newborn(*is_builder.shape, spec.width)
    steps: list[Step] = []
    for t, moment in enumerate(moments):
        sensed = moment.sensed
        lives_on = torch.from_numpy(~sensed.is_new)
        is_old = seats(np.repeat(~sensed.is_new[:, None], role.shape[1], axis=1)).unsqueeze(-1)
        memory = Memory(memory.language * is_old, memory.situation * is_old)
        heard = None
        if role.shape[1] > 1:
            symbols = torch.from_numpy(sensed.heard.astype(np.int64))
            hot = torch.nn.functional.one_hot(symbols.clamp_min(0), spec.num_symbols) * (symbols >= 0).unsqueeze(-1)
            audible = torch.from_numpy(sensed.audible)
            arrived = deliver(hot.float(), audible, Intervention()).flatten(-2)
            if messages is not None and t:
                sent = messages[t - 1] * lives_on[:, None, None, None]
                sent = deliver(sent, audible, Intervention(), has_end=spec.has_end).flatten(-2)
                arrived = with_gradient_of(sent, arrived, spec.num_symbols)
            heard = seating.to_genomes(arrived)
        sees, knows = rows_where(seats(sensed.sees)), rows_where(seats(sensed.knows))
        goal = seats(np.repeat(sensed.goal[:, None].astype(np.int64), role.shape[1], axis=1))
        senses = Senses(
            body=body_state(
                seats(sensed.last_action.astype(np.int64)), seats(sensed.last_moved), seats(role)
            ),
            sees=sees,
            view=None if sees is None else sees.pick(seats(sensed.view)),
            knows=knows,
            goal=None if knows is None else knows.pick(goal_one_hot(goal, spec, seats(sensed.told))),
        )  # fmt: skip
        before = memory.situation
        memory, beliefs, response = policy.step(weights, heard, voices, senses, memory)
        _, of_mouth = policy.respond(weights, senses, memory.language, beliefs, before, only_mouth=True)
        say_logits = torch.where(is_builder[..., None, None], of_mouth.say_logits, response.say_logits)
        message = straight_through(say_logits, seats(moment.done.symbols.astype(np.int64)))
        message = until_end(message) if spec.has_end else message
        steps.append(Step(beliefs, response, seating.to_worlds(message)))
    return steps


def plain_acting(
    policy: Policy,
    genomes: Tensor,
    rollout: Rollout,
    weigh: LossWeights,
    *,
    entropy_bonus: float,
    crosses: bool,
    discount: float,
    gae_lambda: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The gradient (P, parameters) of an acting round, and what it lost by name, (P,) each."""
    seating, moments = rollout.seating, rollout.moments
    leaf = genomes.clone().requires_grad_()
    weights = policy.weights_of(leaf)
    speaking = live_again(policy, weights, rollout)
    listening = live_again(policy, weights, rollout, [step.message for step in speaking]) if crosses else speaking

    def seats(values: np.ndarray) -> Tensor:
        return seating.to_genomes(torch.from_numpy(values))

    def of_worlds(values: np.ndarray) -> Tensor:
        return seats(np.repeat(values[:, None], moments[0].sensed.role.shape[1], axis=1))

    is_builder = seats(moments[0].sensed.role == Role.BUILDER)
    sums = {name: torch.zeros(len(genomes)) for name in LOSSES}
    counts = {name: torch.zeros(len(genomes)) for name in LOSSES}

    def add(name: str, values: Tensor, mask: Tensor) -> None:
        sums[name] = sums[name] + (values * mask).sum(dim=1)
        counts[name] = counts[name] + mask.sum(dim=1)

    advantage, returns = advantages(rollout, discount, gae_lambda)
    for t, moment in enumerate(moments):
        active, own = of_worlds(moment.sensed.is_active), seats(moment.is_own_act)
        act, symbols = seats(moment.done.act.astype(np.int64)), seats(moment.done.symbols.astype(np.int64))

        def policy_loss(log_prob: Tensor, old: np.ndarray, t: int = t) -> Tensor:
            ratio = torch.exp(log_prob - seats(old))
            gain = seats(advantage[t])
            return -torch.minimum(ratio * gain, ratio.clamp(1 - weigh.clip, 1 + weigh.clip) * gain)

        guide = speaking[t].response
        add("value", torch.square(guide.value - seats(returns[t])), active & ~is_builder)
        if weigh.pays_words:
            said = log_prob_of(guide.say_logits, symbols, policy.spec.has_end)
            add("policy", policy_loss(said, moment.done.say_log_prob), active & own & ~is_builder)
        builder, acts = listening[t].response, active & is_builder
        add("value", torch.square(builder.value - seats(returns[t])), acts)
        log_act = torch.log_softmax(builder.act_logits, dim=-1)
        chosen = log_act.gather(-1, act.unsqueeze(-1)).squeeze(-1)
        add("policy", policy_loss(chosen, moment.done.act_log_prob), acts & own)
        add("entropy", -(log_act.exp() * log_act).sum(dim=-1), acts)
        goal = of_worlds(moment.sensed.goal.astype(np.int64))
        choices = of_worlds(moment.sensed.choices.astype(np.int64))
        beliefs = listening[t].beliefs
        surprise = choice_loss(beliefs, goal, choices) if choices.shape[2] else belief_loss(beliefs, goal)
        add("belief", surprise, acts & ~of_worlds(moment.sensed.is_new))
        act_hot = torch.nn.functional.one_hot(act, policy.spec.num_actions).float()
        foreseen = policy.predict_edit(weights, builder.thought, act_hot)
        add("edit", edit_loss(foreseen, seats(moment.edit_class.astype(np.int64))), acts)
        advice = seats(moment.advice.astype(np.int64))
        advised = (advice.unsqueeze(-1) & (1 << torch.arange(NUM_PLAIN_ACTS))) > 0
        good = torch.logsumexp(log_act.masked_fill(~advised, -1e9), dim=-1)
        add("imitation", -good, acts & (advice > 0))
    losses = {name: sums[name] / counts[name].clamp_min(1.0) for name in LOSSES}
    factors = {
        "policy": weigh.reward, "value": weigh.value, "belief": weigh.belief, "edit": weigh.edit,
        "imitation": weigh.imitation, "entropy": -entropy_bonus,
    }  # fmt: skip
    total = sum(factors[name] * losses[name].sum() for name in LOSSES)
    assert isinstance(total, Tensor)
    return torch.autograd.grad(total, leaf)[0], {name: loss.detach() for name, loss in losses.items()}
