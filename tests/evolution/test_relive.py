"""Rollouts turned around: the life learned from is the life that was lived, row by row; what its steps were worth."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from evolution.live import Moment, Rollout
from evolution.relive import Lived, Part, advantages, lived
from evolution.seats import seat
from language.channel import SILENCE, log_prob_of, sent_symbols
from population.memory import remember
from population.policy import Policy, Rows
from population.spec import PolicySpec
from tests.evolution.conftest import drawn_population, learning_rollout, relive
from world import scenarios
from world.codes import Role

ALL_CIRCUMSTANCES = [
    {"renews": False},
    {"renews": True},
    {"renews": True, "advised_share": 0.6},
    {"renews": True, "hearing_radius_cells": 2},
    {"renews": True, "symbol_noise": 0.3},
]
ENDING = {"channel": {"variable_length": True}}


def life_of(rollout: Rollout, policy: Policy) -> Lived:
    return lived(rollout, policy.spec, discount=0.97, gae_lambda=0.95)


@pytest.mark.parametrize("circumstances", ALL_CIRCUMSTANCES, ids=str)
@pytest.mark.parametrize("scenario", scenarios.names())
def test_the_life_learned_from_is_the_life_that_was_lived(scenario: str, circumstances: dict):
    """Every likelihood ratio of the first update is 1: acts, words and values come out as they did."""
    policy, genomes, world = drawn_population(scenario, **(ENDING if circumstances["renews"] else {}))
    rollout = learning_rollout(policy, genomes, world, **circumstances)
    life = life_of(rollout, policy)
    assert {part.role for part in life.parts} == ({Role.GUIDE, Role.BUILDER} if world.has_guide else {Role.BUILDER})
    assert life.num_steps == len(rollout.moments) >= 2
    num_compared = 0
    for part in life.parts:
        _, response = relive(policy, genomes, part)
        active = part.is_active > 0
        log_act = torch.log_softmax(response.act_logits, dim=-1).gather(-1, part.act.unsqueeze(-1)).squeeze(-1)
        value = np.array([rollout.moments[t].done.value[b, a] for t, b, a in seats_of(rollout, part)])
        value = value.reshape(part.act.shape)
        log_said = log_prob_of(response.say_logits, part.symbols, policy.spec.has_end)
        for now, then in (
            (log_act, part.act_log_prob), (log_said, part.say_log_prob), (response.value, torch.from_numpy(value)),
        ):  # fmt: skip
            torch.testing.assert_close(now[active], then[active], atol=1e-4, rtol=1e-4)
        num_compared += int(active.sum())
    assert num_compared == rollout.lived_steps > 2 * len(genomes)
    if scenario == "guide":  # the worlds of `name` are over together, and with them the rollout
        is_new = np.stack([moment.sensed.is_new for moment in rollout.moments[1:]])
        assert is_new.any() == circumstances["renews"]


def seats_of(rollout: Rollout, part: Part) -> list[tuple[int, int, int]]:
    """Step, world and agent of every row of a part, one genome after another."""
    role, genome_of = rollout.moments[0].sensed.role, rollout.seating.genome_of
    num_worlds, num_agents = role.shape
    return [
        (t, b, a)
        for genome in range(rollout.seating.population)
        for t in range(len(rollout.moments))
        for b in range(num_worlds)
        for a in range(num_agents)
        if genome_of[b, a] == genome and role[b, a] == part.role
    ]


def expected_tokens(spec: PolicySpec, moment: Moment, b: int, a: int) -> list[int]:
    """What comes in that is not seen, from the layout of `Policy._token_table`: words of both voices, goal, body."""
    sensed = moment.sensed
    place_of_word = np.arange(2 * spec.message_length * spec.num_symbols).reshape(2, spec.message_length, -1)
    first_value, sizes = place_of_word.size, spec.attribute_sizes
    state = sensed.last_action[b, a] * 4 + 2 * sensed.last_moved[b, a] + sensed.role[b, a]
    tokens = [first_value + sum(sizes) + int(state)]
    for other in range(sensed.role.shape[1]):
        if other != a and sensed.audible[b, a, other]:
            voice = 0 if sensed.role[b, other] == Role.GUIDE else 1
            said = enumerate(sensed.heard[b, other].tolist())
            tokens += [int(place_of_word[voice, place, symbol]) for place, symbol in said if symbol != SILENCE]
    if sensed.knows[b, a]:
        tokens += [
            first_value + sum(sizes[:k]) + int(sensed.goal[b, k]) for k in range(len(sizes)) if sensed.told[b, a, k]
        ]
    return sorted(tokens)


@pytest.mark.parametrize("name", ["guide", "name", "refer", "ask", "sokoban", "forage"])
@pytest.mark.parametrize("renews", [False, True])
def test_rows_are_what_their_seats_sensed_and_did(name: str, renews: bool):
    policy, genomes, world = drawn_population(name, population=3, **ENDING)
    spec = policy.spec
    rollout = learning_rollout(
        policy, genomes, world, worlds_each=3, renews=renews, symbol_noise=0.3, hearing_radius_cells=4,
        advised_share=0.3,
    )  # fmt: skip
    life = life_of(rollout, policy)
    heard_somebody = 0
    for part in life.parts:
        seats = seats_of(rollout, part)
        assert len(seats) == part.act.numel()
        views = as_rows(part.sees, part.view, len(seats))
        told = as_rows(part.knows, part.told, len(seats))
        for row, (t, b, a) in enumerate(seats):
            moment = rollout.moments[t]
            sensed, done = moment.sensed, moment.done
            tokens = part.tokens.flatten(0, 1)[row]
            assert sorted(tokens[tokens != -1].tolist()) == expected_tokens(spec, moment, b, a)
            assert int(tokens.min()) >= -1
            heard_somebody += len(expected_tokens(spec, moment, b, a)) > 1
            assert (views[row] is not None) == sensed.sees[b, a]
            if sensed.sees[b, a]:
                np.testing.assert_array_equal(views[row], sensed.view[b, a])
            assert (told[row] is not None) == sensed.knows[b, a]
            if sensed.knows[b, a]:
                starts = np.cumsum([0, *spec.attribute_sizes[:-1]])
                known = (starts + sensed.goal[b])[sensed.told[b, a]]
                assert told[row].nonzero().flatten().tolist() == known.tolist()
                assert set(told[row].tolist()) <= {0.0, 1.0}
            for value, expected in (
                (part.symbols, done.symbols[b, a]), (part.act, done.act[b, a]), (part.goal, sensed.goal[b]),
                (part.say_log_prob, done.say_log_prob[b, a]), (part.act_log_prob, done.act_log_prob[b, a]),
                (part.advice, moment.advice[b, a]), (part.edit_class, moment.edit_class[b, a]),
                (part.is_active, sensed.is_active[b]), (part.is_own_act, moment.is_own_act[b, a]),
                (part.can_believe, sensed.is_active[b] and not sensed.is_new[b]),
                (part.course.is_new.flatten(1), sensed.is_new[b]),
            ):  # fmt: skip
                np.testing.assert_array_equal(value.flatten(0, 1)[row].numpy(), expected)
            if world.num_choices:
                assert part.choices is not None
                np.testing.assert_array_equal(part.choices.flatten(0, 1)[row], sensed.choices[b])
            else:
                assert part.choices is None
    assert heard_somebody > 0 or name == "sokoban"


def as_rows(rows: Rows | None, values: torch.Tensor | None, num_rows: int) -> list[Any]:
    """Values of some rows (P, M, ...) as a list over all rows, None where there is none."""
    found: list[Any] = [None] * num_rows
    if rows is not None and values is not None:
        is_real = torch.ones(values.shape[:2], dtype=torch.bool) if rows.is_real is None else rows.is_real
        for place, real, value in zip(
            rows.flat.tolist(), is_real.flatten().tolist(), values.flatten(0, 1), strict=True
        ):
            if real:
                found[place] = value
    return found


@pytest.mark.parametrize("name", ["guide", "name", "ask"])
def test_some_genomes_of_a_part_are_those_of_the_whole(name: str):
    policy, genomes, world = drawn_population(name, population=5)
    life = life_of(learning_rollout(policy, genomes, world, worlds_each=3), policy)
    for part in life.parts:
        beliefs, response = relive(policy, genomes, part)
        few, of_few = relive(policy, genomes[2:4], part.of(slice(2, 4)))
        close = {"atol": 1e-5, "rtol": 1e-5}
        torch.testing.assert_close(few.logits, beliefs.logits[2:4], **close)
        torch.testing.assert_close(of_few.act_logits, response.act_logits[2:4], **close)
        torch.testing.assert_close(of_few.say_logits, response.say_logits[2:4], **close)
        assert torch.equal(part.of(slice(2, 4)).returns, part.returns[2:4])


@pytest.mark.parametrize("name", ["guide", "ask"])
def test_a_route_leads_from_who_heard_to_who_said_it_where_it_arrived_as_it_was_sent(name: str):
    policy, genomes, world = drawn_population(name, **ENDING)
    rollout = learning_rollout(policy, genomes, world, symbol_noise=0.4, hearing_radius_cells=4)
    life = life_of(rollout, policy)
    routes, spec = life.routes, policy.spec
    for part in life.parts:
        num_seats = part.act.shape[1] // life.num_steps
        for row, (t, b, a) in enumerate(seats_of(rollout, part)):
            genome, place = divmod(int(routes.seat_of[b, a]), num_seats)
            assert row == (genome * life.num_steps + t) * num_seats + place
    num_arrived, num_changed, num_new = 0, 0, 0
    for t in range(life.num_steps - 1):
        sensed, now = rollout.moments[t + 1].sensed, rollout.moments[t]
        sent = sent_symbols(now.done.symbols, spec.num_symbols, spec.has_end)
        can = sensed.is_active & ~sensed.is_new
        np.testing.assert_array_equal(routes.reaches[t], sensed.audible & can[:, None, None])
        np.testing.assert_array_equal(routes.arrived[t], sent == sensed.heard)
        num_arrived += routes.arrived[t][can].sum()
        num_changed += (~routes.arrived[t][can]).sum()
        num_new += sensed.is_new.sum()
    assert not routes.reaches[-1].any()  # last words are heard by nobody
    assert min(num_arrived, num_changed) > 10
    assert num_new > 0 or name == "ask"  # all its worlds are over together


def test_a_world_that_takes_the_place_of_another_begins_with_empty_memories_and_in_silence():
    policy, genomes, world = drawn_population()
    rollout = learning_rollout(policy, genomes, world)
    num_new = 0
    for t, moment in enumerate(rollout.moments):
        sensed, new = moment.sensed, moment.sensed.is_new
        assert new.all() == (t == 0)
        assert (sensed.heard[new] == SILENCE).all()
        assert (sensed.heard[~new] != SILENCE).all()
        assert not sensed.last_action[new].any()  # and nothing was done yet
        assert not sensed.last_moved[new].any()
        if t:
            np.testing.assert_array_equal(new, ~rollout.moments[t - 1].goes_on)
        num_new += int(new.sum()) if t else 0
    assert num_new > 0
    weights = policy.weights_of(genomes)
    for part in life_of(rollout, policy).parts:
        inputs = torch.randn(*part.act.shape, policy.spec.width, generator=torch.Generator().manual_seed(0))
        memory = remember(inputs, part.course, weights, "language")
        fresh = remember(inputs, torch.zeros_like(inputs), weights, "language")
        new = part.course.is_new.flatten(1)
        torch.testing.assert_close(memory[new], fresh[new], atol=1e-5, rtol=1e-5)
        assert ((memory - fresh)[~new].abs().amax(dim=-1) > 1e-4).all()


def test_renewed_worlds_keep_everybody_at_work_and_each_gets_its_reward_once():
    policy, genomes, world = drawn_population()
    rollout = learning_rollout(policy, genomes, world, worlds_each=8)
    moments = rollout.moments
    assert all(moment.sensed.is_active.all() for moment in moments)
    assert len(moments) == world.num_steps
    assert rollout.num_finished > 0
    ended = np.stack([~moment.goes_on for moment in moments])
    assert ended.sum() == rollout.num_finished
    rewards = np.stack([moment.reward for moment in moments])
    assert not rewards[~ended].any()
    is_builder = np.broadcast_to(moments[0].sensed.role == Role.BUILDER, rewards.shape)
    assert (rewards[is_builder] == 1).sum() == rollout.num_won * (world.num_agents - 1)


# ---- advantages ----


def made_up_rollout(
    rewards: list,
    values: list,
    goes_on: list,
    last_value: list,
    roles: list | None = None,
    own: list | None = None,
) -> Rollout:
    """One genome, T steps of N worlds with one agent each: lists of T lists of N."""
    num_worlds = len(last_value)
    role = np.array(roles or [int(Role.BUILDER)] * num_worlds, np.int8)[:, None]

    def column(row: list, dtype: type = np.float32) -> np.ndarray:
        return np.array(row, dtype)[:, None]

    nothing: Any = None
    moments = [
        Moment(
            sensed=SimpleNamespace(is_active=np.ones(num_worlds, bool), role=role),  # type: ignore[arg-type]
            done=SimpleNamespace(value=column(values[t])),  # type: ignore[arg-type]
            reward=column(rewards[t]),
            goes_on=np.array(goes_on[t]),
            is_own_act=column(own[t], bool) if own else np.ones((num_worlds, 1), bool),
            advice=nothing,
            edit_class=nothing,
        )
        for t in range(len(rewards))
    ]
    return Rollout(
        seating=seat(role, 1, np.zeros((num_worlds, 0), np.int64)), moments=moments, last_value=column(last_value),
        worlds=nothing, start=None, is_understood=nothing, total_reward=nothing,
    )  # fmt: skip


def test_returns_and_advantages_are_those_worked_out_by_hand():
    # world 0: reward 1 at the end of step 2; place 1: a world ends after step 0, the next one goes on and on
    rollout = made_up_rollout(
        rewards=[[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]],
        values=[[0.1, 0.5], [0.2, 0.4], [0.3, 0.8]],
        goes_on=[[True, False], [True, True], [False, True]],
        last_value=[0.0, 0.6],
    )
    advantage, returns = advantages(rollout, discount=0.5, gae_lambda=0.5)
    # world 0: 1 - .3 = .7; 0 + .5 * .3 - .2 + .25 * .7 = .125; 0 + .5 * .2 - .1 + .25 * .125 = .03125
    # place 1: .5 * .6 - .8 = -.5; .5 * .8 - .4 + .25 * -.5 = -.125; 1 - .5 = .5
    raw = np.array([[0.03125, 0.5], [0.125, -0.125], [0.7, -0.5]])
    values = np.array([[0.1, 0.5], [0.2, 0.4], [0.3, 0.8]])
    np.testing.assert_allclose(returns[..., 0], raw + values, rtol=1e-5)
    np.testing.assert_allclose(advantage[..., 0], (raw - raw.mean()) / (raw.std() + 1e-4), rtol=1e-5)
    assert advantage.dtype == returns.dtype == np.float32


def test_advantages_are_normalised_over_the_builders_own_acts_only():
    options = {
        "rewards": [[1.0, 3.0, 100.0, 50.0]],
        "values": [[0.0, 0.0, 0.0, 0.0]],
        "goes_on": [[False] * 4],
        "last_value": [0.0] * 4,
    }
    builder, guide = int(Role.BUILDER), int(Role.GUIDE)
    rollout = made_up_rollout(**options, roles=[builder, builder, guide, builder], own=[[True, True, True, False]])
    advantage, _ = advantages(rollout, 0.9, 0.9)
    np.testing.assert_allclose(advantage[0, :2, 0], [-1.0, 1.0], rtol=0, atol=1e-3)
    assert advantage[0, 3, 0] > 10  # far outside of what it was normalised by


def test_where_nothing_differs_there_is_no_advantage():
    rollout = made_up_rollout([[0.5, 0.5]], [[0.2, 0.2]], [[False, False]], [0.0, 0.0])
    advantage, _ = advantages(rollout, 0.9, 0.9)
    np.testing.assert_allclose(advantage[0], np.zeros((2, 1)), atol=1e-6)


def plain_advantages(rollout: Rollout, discount: float, gae_lambda: float) -> tuple[np.ndarray, np.ndarray]:
    """Advantages (T, B, A) before and after they are made normal, one seat after another, as sums of surprises."""
    moments, seating = rollout.moments, rollout.seating
    num_steps = len(moments)
    raw = np.zeros((num_steps, *seating.genome_of.shape))
    of_genome: dict[int, list[float]] = {genome: [] for genome in range(seating.population)}
    for b, a in np.ndindex(seating.genome_of.shape):
        values = [float(moment.done.value[b, a]) for moment in moments] + [float(rollout.last_value[b, a])]
        for t in range(num_steps):
            weight = 1.0
            for k in range(t, num_steps):
                goes_on = bool(moments[k].goes_on[b])
                after = values[k + 1] if goes_on else 0.0
                raw[t, b, a] += weight * (float(moments[k].reward[b, a]) + discount * after - values[k])
                if not goes_on:
                    break
                weight *= discount * gae_lambda
            moment = moments[t]
            is_own = moment.sensed.is_active[b] and moment.is_own_act[b, a]
            if is_own and moment.sensed.role[b, a] == Role.BUILDER:
                of_genome[int(seating.genome_of[b, a])].append(raw[t, b, a])
    mean = np.array([np.mean(each) for each in of_genome.values()])
    spread = np.array([np.std(each) for each in of_genome.values()])
    return raw, (raw - mean[seating.genome_of]) / (spread[seating.genome_of] + 1e-4)


@pytest.mark.parametrize("renews", [False, True])
def test_advantages_of_whole_lives_are_sums_of_surprises(renews: bool):
    policy, genomes, world = drawn_population(population=3)
    rollout = learning_rollout(policy, genomes, world, worlds_each=5, renews=renews, advised_share=0.3)
    assert rollout.last_value.any() == renews
    active = np.stack([moment.sensed.is_active for moment in rollout.moments])
    for discount, gae_lambda in ((0.9, 0.8), (1.0, 1.0), (0.5, 0.0)):
        raw, normal = plain_advantages(rollout, discount, gae_lambda)
        advantage, returns = advantages(rollout, discount, gae_lambda)
        values = np.stack([moment.done.value for moment in rollout.moments])
        np.testing.assert_allclose(advantage[active], normal[active], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(returns[active], (raw + values)[active], rtol=1e-4, atol=1e-5)
