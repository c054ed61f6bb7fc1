"""Learning: Adam by rows, games that lower surprise, gradients across the channel, lives lived again."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution import learn
from evolution.chance import stream, torch_stream
from evolution.config import ChannelConfig
from evolution.learn import Losses, RowAdam, acting_round, advantages, language_round
from evolution.live import Moment, Rollout, goal_one_hot
from population.memory import Memory
from population.policy import Beliefs, Policy
from population.world_model import choice_loss
from tests.evolution.conftest import TALKING, drawn_population, first_words, learning_rollout
from world import scenarios
from world.codes import Role
from world.scenarios.base import Scenario

# ---- Adam ----


@pytest.mark.parametrize("max_norm", [1e9, 0.5])
def test_one_row_learns_as_by_torch_adam(max_norm: float):
    generator = torch.Generator().manual_seed(0)
    genomes = torch.randn(1, 30, generator=generator)
    parameter = torch.nn.Parameter(genomes[0].clone())
    ours, theirs = RowAdam(1, 30), torch.optim.Adam([parameter], lr=1e-2)
    for step in range(60):
        gradient = torch.randn(1, 30, generator=generator) * (1 + step % 5)
        rate = 1e-2 * (1 + step % 3)
        theirs.param_groups[0]["lr"] = rate
        parameter.grad = gradient[0].clone()
        torch.nn.utils.clip_grad_norm_([parameter], max_norm)
        theirs.step()
        ours.update(genomes, gradient, rate, max_norm)
        torch.testing.assert_close(genomes[0], parameter.detach(), rtol=1e-5, atol=1e-6)


def test_rows_learn_independently_each_clipped_by_its_own_norm():
    generator = torch.Generator().manual_seed(1)
    together = torch.randn(3, 20, generator=generator)
    alone = together.clone()
    adam, adams = RowAdam(3, 20), [RowAdam(1, 20) for _ in range(3)]
    for _ in range(5):
        gradient = torch.randn(3, 20, generator=generator) * torch.tensor([[0.01], [1.0], [100.0]])
        for row in range(3):
            adams[row].update(alone[row : row + 1], gradient[row : row + 1].clone(), 1e-2, 1.0)
        adam.update(together, gradient, 1e-2, 1.0)
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
@pytest.mark.parametrize("num_updates_before", [0, 5])
def test_a_gradient_that_is_no_number_leaves_its_row_unchanged_and_others_learn(wrong: float, num_updates_before: int):
    generator = torch.Generator().manual_seed(2)
    genomes = torch.randn(3, 10, generator=generator)
    adam = RowAdam(3, 10)
    for _ in range(num_updates_before):
        adam.update(genomes, torch.randn(3, 10, generator=generator), 1e-2, 1.0)
    before = genomes.clone()
    gradient = torch.randn(3, 10, generator=generator)
    gradient[1, 4] = wrong
    adam.update(genomes, gradient, 1e-2, 1.0)
    assert torch.equal(genomes[1], before[1])
    assert not torch.equal(genomes[0], before[0])
    assert not torch.equal(genomes[2], before[2])
    adam.update(genomes, torch.randn(3, 10, generator=generator), 1e-2, 1.0)
    assert torch.isfinite(genomes).all()
    assert not torch.equal(genomes[1], before[1])  # and it goes on learning afterwards


def test_a_child_goes_on_learning_where_its_parent_is():
    generator = torch.Generator().manual_seed(3)
    genomes, adam = torch.randn(3, 10, generator=generator), RowAdam(3, 10)
    for _ in range(4):
        adam.update(genomes, torch.randn(3, 10, generator=generator), 1e-2, 1.0)
    adam.num_updates[0] = 9
    genomes[2] = genomes[0]
    adam.put(torch.tensor([2]), adam.take(torch.tensor([0])))
    gradient = torch.randn(3, 10, generator=generator)
    gradient[2] = gradient[0]
    adam.update(genomes, gradient, 1e-2, 1.0)
    assert torch.equal(genomes[2], genomes[0])
    assert not torch.equal(genomes[2], genomes[1])


def test_moments_of_what_was_drawn_anew_are_forgotten():
    genomes, adam = torch.zeros(2, 4), RowAdam(2, 4)
    adam.update(genomes, torch.ones(2, 4), 1e-2, 1e9)
    adam.forget(torch.tensor([1]), torch.tensor([True, False, False, True]))
    assert (adam.mean[1] != 0).tolist() == [False, True, True, False]
    assert (adam.square[1] != 0).tolist() == [False, True, True, False]
    assert (adam.mean[0] != 0).all()


# ---- language rounds ----


def play_language(
    policy: Policy,
    genomes: Tensor,
    scenario: Scenario,
    optimiser: Any = None,
    num_rounds: int = 1,
    **changes: Any,
) -> list[Tensor]:
    """The surprise (P,) of each round; genomes learn in place. `gradient` and what else a channel has may change."""
    if "gradient" in changes:
        changes["channel_gradient"] = changes.pop("gradient")
    channel = {item.name: changes.pop(item.name) for item in fields(ChannelConfig) if item.name in changes}
    options = {
        "channel": ChannelConfig(**channel), "batch": 16, "offset": 1, "temperature": 1.0, "entropy_bonus": 0.0,
        "learning_rate": 1e-2, "max_norm": 1.0, "half_told_share": 0.5, "meaning_zipf": 0.0,
        "rng": stream(0, "test"), "generator": torch_stream(0, "test"),
    } | changes  # fmt: skip
    optimiser = optimiser or RowAdam(*genomes.shape)
    return [language_round(policy, genomes, optimiser, scenario, **options) for _ in range(num_rounds)]


class SeesGradients:
    """In place of the optimiser: keeps the gradients, changes nothing."""

    def __init__(self) -> None:
        self.gradients: list[Tensor] = []

    def update(self, genomes: Tensor, gradient: Tensor, learning_rate: float, max_norm: float) -> None:
        self.gradients.append(gradient.clone())


def mean(surprises: list[Tensor]) -> float:
    return float(torch.stack(surprises).mean())


def gradient_by_part(policy: Policy, gradient: Tensor, part: str) -> Tensor:
    """Size of the gradient of one part of each boxling, (P,)."""
    return gradient[:, torch.from_numpy(policy.layout.columns_of(part))].abs().sum(dim=1)


ABLE: dict[str, Any] = {
    "population": 1,
    "policy": {"width": 48, "expert_width": 48},
    "channel": {"message_length": 4, "num_symbols": 16},
}


@pytest.mark.parametrize(
    ("gradient", "num_rounds"), [("straight-through", 150), ("reinforce", 200), ("autoencoding", 150)]
)
def test_language_rounds_halve_the_surprise(gradient: str, num_rounds: int):
    policy, genomes, scenario = drawn_population(seed=3, **ABLE)
    surprises = play_language(
        policy, genomes, scenario,
        num_rounds=num_rounds, batch=128, offset=0, gradient=gradient, entropy_bonus=0.02,
    )  # fmt: skip
    assert mean(surprises[-5:]) < mean(surprises[:5]) / 2
    meanings, said, *_ = first_words(policy, genomes, scenario, "train")
    assert len(np.unique(said[0], axis=0)) > len(meanings) / 2  # by words, not by guessing


def test_surprise_falls_in_the_pictures_game_too():
    policy, genomes, scenario = drawn_population("name", population=1, policy={"width": 32, "conv_channels": 8})
    surprises = play_language(policy, genomes, scenario, num_rounds=150, batch=32, offset=0)
    assert mean(surprises[-5:]) < 0.8 * mean(surprises[:5])


def test_a_listener_that_learns_from_noise_alone_stays_ignorant():
    """The control: with a channel of pure noise the surprise stays at what ignorance costs."""
    policy, genomes, scenario = drawn_population(seed=3, **ABLE)
    surprises = play_language(
        policy, genomes, scenario, num_rounds=150, batch=128, offset=0, symbol_noise=1.0, half_told_share=0.0
    )
    ignorance = np.mean([np.log(size) for size in scenario.attribute_sizes])
    assert mean(surprises[-20:]) > 0.98 * ignorance


@pytest.mark.parametrize("gradient", ["straight-through", "reinforce"])
def test_where_builders_choose_the_surprise_is_that_of_the_choice_and_falls(gradient: str):
    policy, genomes, scenario = drawn_population("refer", seed=3, **ABLE)
    ignorance = float(np.log(scenario.num_choices))
    surprises = play_language(
        policy, genomes, scenario,
        num_rounds=120, batch=128, offset=0, gradient=gradient, entropy_bonus=0.02, half_told_share=0.0,
    )  # fmt: skip
    assert mean(surprises[-5:]) < ignorance / 2
    understood = first_words(policy, genomes, scenario, "train")[2]
    assert understood[0] > 0.6


def test_a_listener_that_hears_noise_alone_learns_nothing_of_what_to_choose():
    policy, genomes, scenario = drawn_population("refer", seed=3, **ABLE)
    surprises = play_language(
        policy, genomes, scenario, num_rounds=100, batch=128, offset=0, symbol_noise=1.0, half_told_share=0.0
    )
    assert mean(surprises[-20:]) == pytest.approx(np.log(scenario.num_choices), rel=0.03)


def test_listeners_that_believe_nothing_are_right_by_chance_among_their_candidates():
    scenario = scenarios.get("refer")
    meanings = torch.from_numpy(scenario.meanings("train").astype(np.int64))
    goal = meanings.expand(12, -1, -1)
    beliefs = Beliefs(torch.zeros(*goal.shape[:2], 18), scenario.attribute_sizes)
    surprise, is_right = learn.listener_surprise(beliefs, goal, torch.ones_like(goal) > 0, scenario, stream(0, "test"))
    torch.testing.assert_close(surprise, torch.full(goal.shape[:2], float(np.log(4))))
    assert abs(float(is_right.mean()) - 1 / 4) < 4 * np.sqrt(3 / 16 / is_right.numel())


def test_candidates_of_language_rounds_are_drawn_anew_around_each_goal(monkeypatch: pytest.MonkeyPatch):
    policy, genomes, scenario = drawn_population("refer", population=3)
    seen = []

    def watched(beliefs: Any, goal: Tensor, choices: Tensor) -> Tensor:
        seen.append((goal, choices))
        return choice_loss(beliefs, goal, choices)

    monkeypatch.setattr(learn, "choice_loss", watched)
    play_language(policy, genomes, scenario, num_rounds=2)
    assert [(goal.shape, choices.shape) for goal, choices in seen] == [((3, 16, 3), (3, 16, 4, 3))] * 2
    for goal, choices in seen:
        assert ((choices == goal.unsqueeze(2)).all(dim=-1).sum(dim=-1) == 1).all()
    is_there_again = (seen[0][1] == seen[1][1]).all(dim=-1)
    assert is_there_again.float().mean() < 0.1  # other distractors, not only other goals
    of_train = {tuple(meaning) for meaning in scenario.meanings("train").tolist()}
    assert {tuple(candidate) for _, choices in seen for candidate in choices.flatten(0, 2).tolist()} <= of_train


@pytest.mark.parametrize("scenario", TALKING)
def test_the_gradient_of_a_listener_crosses_the_channel_and_stops_where_it_is_cut(scenario: str):
    policy, genomes, world = drawn_population(scenario)
    sees = SeesGradients()
    play_language(policy, genomes, world, sees, gradient="straight-through")
    play_language(policy, genomes, world, sees, gradient="none")
    play_language(policy, genomes, world, sees, gradient="reinforce")
    play_language(policy, genomes, world, sees, gradient="autoencoding")
    crossing, cut, paid, own = (gradient_by_part(policy, gradient, "mouth") for gradient in sees.gradients)
    assert (crossing > 0).all()
    assert (cut == 0).all()
    assert (paid > 0).all()
    assert (own > 0).all()
    for gradient in sees.gradients:  # ears learn in any case
        assert (gradient_by_part(policy, gradient, "ears") > 0).all()


@pytest.mark.parametrize("gradient", ["straight-through", "reinforce"])
@pytest.mark.parametrize("offset", [1, 2])
def test_a_speaker_learns_from_its_own_listener_and_nobody_else(offset: int, gradient: str):
    policy, genomes, scenario = drawn_population(population=3)
    deaf = 1
    for name in ("belief", "belief.bias"):  # its beliefs are even whatever it hears: nothing to learn from it
        genomes[deaf, policy.layout.slices[name]] = 0.0
    sees = SeesGradients()
    play_language(policy, genomes, scenario, sees, offset=offset, gradient=gradient, half_told_share=0.0)
    learns = gradient_by_part(policy, sees.gradients[0], "mouth") > 1e-4
    speaker = (deaf - offset) % 3
    assert learns.tolist() == [slot != speaker for slot in range(3)]


def test_nobody_learns_from_another_brain_by_autoencoding():
    """What a boxling's mouth learns is the same whatever the ears of all others are like."""
    policy, genomes, scenario = drawn_population(population=3)
    ears = torch.from_numpy(policy.layout.columns_of("ears"))
    sees = SeesGradients()
    for _ in range(2):
        play_language(policy, genomes, scenario, sees, gradient="autoencoding")
        genomes[1:, ears] = torch.flip(genomes[1:, ears], dims=(0, 1))
    mouth = torch.from_numpy(policy.layout.columns_of("mouth"))
    torch.testing.assert_close(sees.gradients[0][0, mouth], sees.gradients[1][0, mouth], rtol=1e-4, atol=1e-7)
    assert (sees.gradients[0][0, ears] != sees.gradients[1][0, ears]).sum() == 0  # nobody else's ears play a part
    assert (sees.gradients[0][1, ears] != sees.gradients[1][1, ears]).any()


def test_a_slow_copy_holds_speakers_back_and_follows_them():
    policy, genomes, scenario = drawn_population(population=2, seed=1)
    apart = {}
    for weight in (0.0, 5.0):
        learner, slow = genomes.clone(), genomes.clone()
        options = {"slow_copy_weight": weight, "slow_copy_rate": 0.1, "slow_genomes": slow}
        play_language(policy, learner, scenario, num_rounds=40, entropy_bonus=0.5, **options)
        assert not torch.equal(slow, genomes)
        assert (slow - genomes).norm() < (learner - genomes).norm()
        mouth = torch.from_numpy(policy.layout.columns_of("mouth"))
        apart[weight] = float((learner - slow)[:, mouth].norm())
    assert apart[5.0] < apart[0.0]


def test_the_slow_copy_moves_by_its_rate():
    policy, genomes, scenario = drawn_population(population=1)
    slow = torch.zeros_like(genomes)
    play_language(policy, genomes, scenario, offset=0, slow_copy_rate=0.25, slow_copy_weight=1.0, slow_genomes=slow)
    torch.testing.assert_close(slow, 0.25 * genomes)


def mean_length(policy: Policy, genomes: Tensor, scenario: Scenario) -> float:
    return float((first_words(policy, genomes, scenario, "train")[1] > 0).sum(axis=-1).mean())


@pytest.mark.parametrize("gradient", ["straight-through", "reinforce"])
def test_messages_get_shorter_where_length_costs_and_all_is_understood(gradient: str):
    able = ABLE | {"channel": {"message_length": 6, "num_symbols": 8, "variable_length": True}}
    policy, genomes, scenario = drawn_population("describe:2x4", seed=3, **able)
    optimiser = RowAdam(*genomes.shape)
    options = {"batch": 64, "offset": 0, "gradient": gradient, "half_told_share": 0.0, "variable_length": True}
    lengths, understood = [], []
    for num_rounds, changes in ((400, {"entropy_bonus": 0.02}), (250, {"length_cost": 0.03, "learning_rate": 3e-3})):
        play_language(policy, genomes, scenario, optimiser, num_rounds=num_rounds, **options, **changes)
        lengths.append(mean_length(policy, genomes, scenario))
        understood.append(float(first_words(policy, genomes, scenario, "train")[2][0]))
    assert min(understood) > 0.9
    assert lengths[1] < lengths[0] - 0.5


def test_length_costs_nothing_before_words_are_understood():
    able = ABLE | {"channel": {"message_length": 6, "num_symbols": 16, "variable_length": True}}
    policy, genomes, scenario = drawn_population("describe:4x8", seed=3, **able)
    sees = SeesGradients()
    for cost in (0.0, 0.5):
        play_language(policy, genomes, scenario, sees, offset=0, length_cost=cost, variable_length=True)
    torch.testing.assert_close(sees.gradients[0], sees.gradients[1])


def test_meanings_come_up_as_unevenly_as_asked():
    policy, _, scenario = drawn_population("describe:2x4")

    def shares(zipf: float) -> np.ndarray:
        goal, *_ = learn._guide_senses(policy, scenario, 1, 20_000, 0.0, zipf, stream(0, "test"), "cpu")
        meanings = scenario.meanings("train").tolist()
        counts = np.zeros(len(meanings))
        for row in goal[0].tolist():
            counts[meanings.index(row)] += 1
        return counts / counts.sum()

    np.testing.assert_allclose(shares(0.0), 1 / len(scenario.meanings("train")), atol=0.01)
    often = 1 / np.arange(1, len(scenario.meanings("train")) + 1)
    np.testing.assert_allclose(shares(1.0), often / often.sum(), atol=0.015)


@pytest.mark.parametrize("gradient", ["straight-through", "reinforce", "none"])
def test_a_mouth_that_learns_alone_makes_itself_understood_unless_it_is_cut_off(gradient: str):
    policy, genomes, scenario = drawn_population(seed=3, **ABLE)
    play_language(policy, genomes, scenario, num_rounds=80, batch=128, offset=0, entropy_bonus=0.02)
    mouth = torch.from_numpy(policy.layout.columns_of("mouth"))

    class MouthOnly(RowAdam):
        def update(self, genomes: Tensor, gradient: Tensor, learning_rate: float, max_norm: float) -> None:
            super().update(genomes, gradient * mouth, learning_rate, max_norm)

    before = genomes.clone()
    surprises = play_language(
        policy, genomes, scenario, MouthOnly(*genomes.shape),
        num_rounds=120, batch=128, offset=0, gradient=gradient, rng=stream(1, "test"),
    )  # fmt: skip
    assert torch.equal(genomes[:, ~mouth], before[:, ~mouth])
    if gradient == "none":
        assert torch.equal(genomes, before)
    else:
        assert mean(surprises[-10:]) < 0.75 * mean(surprises[:10])


def test_equal_streams_play_equal_language_games():
    results = []
    for _ in range(2):
        policy, genomes, scenario = drawn_population()
        play_language(policy, genomes, scenario, num_rounds=3, symbol_noise=0.2)
        results.append(genomes)
    assert torch.equal(*results)


def test_an_entropy_bonus_makes_what_is_said_more_even():
    class Heard(Policy):
        def respond(self, *given: Any) -> Any:
            self.response = super().respond(*given)[1]
            return super().respond(*given)

    policy, genomes, scenario = drawn_population(population=1)
    entropy = []
    for num_rounds, bonus in ((0, 0.0), (30, 0.0), (30, 1.0)):
        taught = genomes.clone()
        options = {"offset": 0, "entropy_bonus": bonus, "gradient": "none"}
        play_language(policy, taught, scenario, num_rounds=num_rounds, **options)
        mouth = torch.from_numpy(policy.layout.columns_of("mouth"))
        heard = Heard(policy.spec)
        first_words(heard, torch.where(mouth, taught, genomes), scenario, "train")  # nothing but the mouth is new
        log_p = torch.log_softmax(heard.response.say_logits, dim=-1)
        entropy.append(float(-(log_p.exp() * log_p).sum(dim=-1).mean()))
    assert entropy[0] == entropy[1]
    missing = np.log(policy.spec.num_symbols) - np.array(entropy)  # to perfectly even words
    assert missing[2] < missing[0] / 2


def test_goals_told_by_one_attribute_alone_ask_nothing_of_the_other():
    goal = torch.tensor([[[3, 1]]])
    spec = drawn_population()[0].spec
    whole = goal_one_hot(goal, spec)
    assert whole.flatten().nonzero().flatten().tolist() == [3, 8 + 1]
    half = goal_one_hot(goal, spec, torch.tensor([[[False, True]]]))
    assert half.flatten().nonzero().flatten().tolist() == [8 + 1]


# ---- acting rounds ----


class Watched(Policy):
    """A policy that keeps what went in and came out of every step."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy.spec)
        self.steps: list[tuple[Any, Any, Memory, Any]] = []

    def step(self, weights, heard, voices, senses, memory, use=None):  # type: ignore[no-untyped-def]
        result = super().step(weights, heard, voices, senses, memory, use)
        self.steps.append((heard, senses, memory, result[2]))
        return result


def play_acting(policy: Policy, genomes: Tensor, rollout: Rollout, optimiser: Any = None, **changes: Any) -> Losses:
    options = {
        "learning_rate": 1e-2, "max_norm": 1.0, "discount": 0.97, "gae_lambda": 0.95, "clip": 0.2,
        "entropy_bonus": 0.0, "belief_weight": 0.0, "edit_weight": 0.0, "imitation_weight": 0.0,
        "reward_weight": 0.0, "value_weight": 0.0, "gradient": "straight-through",
    } | changes  # fmt: skip
    return acting_round(policy, genomes, optimiser or RowAdam(*genomes.shape), rollout, **options)


@pytest.mark.parametrize("gradient", ["straight-through", "reinforce"])
@pytest.mark.parametrize(
    "circumstances",
    [
        {"renews": False},
        {"renews": True},
        {"renews": True, "advised_share": 0.6},
        {"renews": True, "hearing_radius_cells": 2},
        {"renews": True, "symbol_noise": 0.3},
    ],
    ids=str,
)
@pytest.mark.parametrize("scenario", scenarios.names())
def test_the_life_learned_from_is_the_life_that_was_lived(scenario: str, circumstances: dict, gradient: str):
    """Every likelihood ratio of the first update is 1: acts, words and values come out as they did."""
    policy, genomes, world = drawn_population(scenario)
    rollout = learning_rollout(policy, genomes, world, **circumstances)
    watched = Watched(policy)
    play_acting(watched, genomes.clone(), rollout, reward_weight=1.0, gradient=gradient)
    assert len(watched.steps) == len(rollout.moments) >= 2
    num_compared, num_new = 0, 0
    for moment, (_, _, _, response) in zip(rollout.moments, watched.steps, strict=True):
        active = moment.is_active
        log_act = torch.log_softmax(response.act_logits, dim=-1).gather(-1, moment.act.unsqueeze(-1)).squeeze(-1)
        log_say = torch.log_softmax(response.say_logits, dim=-1)
        said = rollout.seating.to_genomes(moment.symbols)
        log_said = log_say.gather(-1, said.unsqueeze(-1)).sum(dim=(-1, -2))
        for now, then in (
            (log_act, moment.act_log_prob), (log_said, moment.say_log_prob), (response.value, moment.value),
        ):  # fmt: skip
            torch.testing.assert_close(now[active], then[active], atol=2e-5, rtol=1e-4)
        num_compared += int(active.sum())
        num_new += int(moment.is_new.sum())
    assert num_compared > 2 * len(genomes)
    if scenario == "guide":  # the worlds of `name` are over together, and with them the rollout
        assert (num_new > rollout.moments[0].is_new.sum()) == circumstances["renews"]


def test_a_world_that_takes_the_place_of_another_begins_with_empty_memories_and_in_silence():
    policy, genomes, world = drawn_population()
    watched = Watched(policy)
    rollout = learning_rollout(watched, genomes, world)
    num_new = 0
    for t, moment in enumerate(rollout.moments):
        heard, senses, memory, _ = watched.steps[t]
        new = moment.is_new
        assert not memory.language[new].any()
        assert not memory.situation[new].any()
        if heard is not None:
            assert not heard[new].any()
        assert (senses.body[new] < 4).all()  # and nothing was done yet
        assert not memory.language[~new].eq(0).all(dim=-1).any()
        num_new += int(new.sum()) if t else 0
    assert num_new > 0


def test_renewed_worlds_keep_everybody_at_work_and_each_gets_its_reward_once():
    policy, genomes, world = drawn_population()
    rollout = learning_rollout(policy, genomes, world, worlds_each=8)
    assert all(bool(moment.is_active.all()) for moment in rollout.moments)
    assert len(rollout.moments) == world.num_steps
    assert rollout.num_finished > 0
    ended = torch.stack([~moment.goes_on for moment in rollout.moments])
    assert int(ended.sum()) == rollout.num_finished * world.num_agents
    rewards = torch.stack([moment.reward for moment in rollout.moments])
    assert not rewards[~ended].any()
    builders = (rollout.roles == Role.BUILDER).expand_as(rewards)
    won = (rewards[builders] == 1).sum() / (world.num_agents - 1)
    assert int(won) == rollout.num_won


@pytest.mark.parametrize("scenario", TALKING)
def test_the_gradient_of_builders_reaches_the_guides_mouth_and_stops_where_it_is_cut(scenario: str):
    policy, genomes, world = drawn_population(scenario)
    rollout = learning_rollout(policy, genomes, world, renews=False)
    sees = SeesGradients()
    play_acting(policy, genomes, rollout, sees, belief_weight=1.0)
    play_acting(policy, genomes, rollout, sees, belief_weight=1.0, gradient="none")
    play_acting(policy, genomes, rollout, sees, reward_weight=1.0, gradient="reinforce")
    crossing, cut, paid = (gradient_by_part(policy, gradient, "mouth") for gradient in sees.gradients)
    assert (crossing > 0).all()
    assert (cut == 0).all()
    assert (paid > 0).all() or scenario == "name"  # where nobody wins there is nothing to be paid for


def test_the_belief_loss_of_lives_is_the_surprise_at_the_choice_where_builders_choose():
    policy, genomes, world = drawn_population("refer")
    rollout = learning_rollout(policy, genomes, world, worlds_each=20)
    moment = rollout.moments[1]
    assert moment.choices is not None
    watched = Watched(policy)
    rounds = [play_acting(watched, genomes, rollout, belief_weight=1.0) for _ in range(40)]
    for name in ("belief", "belief.bias"):  # even beliefs: all candidates are alike
        genomes[:, policy.layout.slices[name]] = 0.0
    assert play_acting(policy, genomes, rollout).belief == pytest.approx(np.log(world.num_choices))
    assert rounds[-1].belief < 0.9 * rounds[0].belief


WEIGHTS = (
    "reward_weight", "value_weight", "belief_weight", "edit_weight", "imitation_weight", "entropy_bonus",
)  # fmt: skip


@pytest.mark.parametrize("weight", WEIGHTS)
def test_each_part_of_the_loss_teaches_where_it_weighs_something_and_nothing_where_not(weight: str):
    policy, genomes, world = drawn_population()
    rollout = learning_rollout(policy, genomes, world)
    before = genomes.clone()
    play_acting(policy, genomes, rollout)
    assert torch.equal(genomes, before)
    play_acting(policy, genomes, rollout, **{weight: 1.0})
    assert (genomes != before).any(dim=1).all()
    heads = {
        "reward_weight": "act", "value_weight": "value", "belief_weight": "belief", "edit_weight": "edit",
        "imitation_weight": "act", "entropy_bonus": "act",
    }  # fmt: skip
    for name in sorted(set(heads.values())):
        changed = (genomes != before)[:, policy.layout.slices[name]].any()
        # beliefs are read by all that is done
        assert changed == (name == heads[weight] or name == "belief"), name


def test_updates_from_one_life_lower_the_losses_they_are_meant_to_lower():
    policy, genomes, world = drawn_population()
    rollout = learning_rollout(policy, genomes, world, worlds_each=3)
    adam = RowAdam(*genomes.shape)
    names = ("belief", "edit", "imitation", "value")
    losses = [
        play_acting(policy, genomes, rollout, adam, **{f"{name}_weight": 1.0 for name in names}) for _ in range(25)
    ]
    for name in names:
        assert getattr(losses[-1], name) < 0.9 * getattr(losses[0], name), name


def test_what_pays_is_done_more_often_and_what_costs_less_often():
    policy, genomes, world = drawn_population()
    rollout = learning_rollout(policy, genomes, world)
    liked = 3
    for moment in rollout.moments:  # as if to walk left paid at once, and all else cost
        moment.reward[:] = torch.where(moment.act == liked, 1.0, -1.0)
        moment.goes_on[:] = False

    def share() -> float:
        watched = Watched(policy)
        play_acting(watched, genomes.clone(), rollout)
        chances = [torch.softmax(response.act_logits, dim=-1)[..., liked] for *_, response in watched.steps]
        return float(torch.stack(chances)[:, rollout.roles == Role.BUILDER].detach().mean())

    before = share()
    adam = RowAdam(*genomes.shape)
    for _ in range(3):
        play_acting(policy, genomes, rollout, adam, reward_weight=1.0)
    assert share() > before + 0.02


def test_acts_that_were_advised_are_not_learned_from_by_reward():
    policy, genomes, world = drawn_population()
    rollout = learning_rollout(policy, genomes, world, advised_share=1.0)
    own = torch.stack([moment.is_own_act for moment in rollout.moments])
    assert not own[:, rollout.roles == Role.BUILDER].any()
    before = genomes.clone()
    play_acting(policy, genomes, rollout, reward_weight=1.0)
    assert torch.equal(genomes, before)
    play_acting(policy, genomes, rollout, imitation_weight=1.0)
    assert not torch.equal(genomes, before)


# ---- advantages ----


def made_up_rollout(
    rewards: list,
    values: list,
    goes_on: list,
    last_value: list,
    roles: list | None = None,
    own: list | None = None,
) -> Rollout:
    """One genome, T steps of N seats: lists of T lists of N."""
    num_seats = len(last_value)
    nothing: Any = None
    moments = [
        Moment(
            senses=nothing, audible=nothing, symbols=nothing, act=nothing, act_log_prob=nothing,
            say_log_prob=nothing,
            value=torch.tensor([values[t]]), reward=torch.tensor([rewards[t]]),
            is_active=torch.ones(1, num_seats, dtype=torch.bool), goes_on=torch.tensor([goes_on[t]]),
            goal=nothing, is_new=nothing, advice=nothing, edit_class=nothing,
            is_own_act=torch.tensor([own[t]]) if own else torch.ones(1, num_seats, dtype=torch.bool),
        )
        for t in range(len(rewards))
    ]  # fmt: skip
    return Rollout(
        seating=nothing, roles=torch.tensor([roles or [int(Role.BUILDER)] * num_seats]), voices=nothing,
        moments=moments, last_value=torch.tensor([last_value]), worlds=nothing, start=None,
        is_understood=nothing, use=nothing, total_reward=nothing,
    )  # fmt: skip


def test_returns_and_advantages_are_those_worked_out_by_hand():
    # seat 0: reward 1 at the end of step 2; seat 1: a world ends after step 0, the next one goes on and on
    rollout = made_up_rollout(
        rewards=[[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]],
        values=[[0.1, 0.5], [0.2, 0.4], [0.3, 0.8]],
        goes_on=[[True, False], [True, True], [False, True]],
        last_value=[0.0, 0.6],
    )
    advantage, returns = advantages(rollout, discount=0.5, gae_lambda=0.5)
    # seat 0: 1 - .3 = .7; 0 + .5 * .3 - .2 + .25 * .7 = .125; 0 + .5 * .2 - .1 + .25 * .125 = .03125
    # seat 1: .5 * .6 - .8 = -.5; .5 * .8 - .4 + .25 * -.5 = -.125; 1 - .5 = .5
    raw = torch.tensor([[0.03125, 0.5], [0.125, -0.125], [0.7, -0.5]])
    values = torch.tensor([[0.1, 0.5], [0.2, 0.4], [0.3, 0.8]])
    torch.testing.assert_close(torch.cat(returns), raw + values)
    expected = (raw - raw.mean()) / (raw.std(unbiased=False) + 1e-4)
    torch.testing.assert_close(torch.cat(advantage), expected)


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
    torch.testing.assert_close(advantage[0][0, :2], torch.tensor([-1.0, 1.0]), rtol=0, atol=1e-3)
    assert advantage[0][0, 3] > 10  # far outside of what it was normalised by


def test_where_nothing_differs_there_is_no_advantage():
    rollout = made_up_rollout([[0.5, 0.5]], [[0.2, 0.2]], [[False, False]], [0.0, 0.0])
    advantage, _ = advantages(rollout, 0.9, 0.9)
    torch.testing.assert_close(advantage[0], torch.zeros(1, 2))
