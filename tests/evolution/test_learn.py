"""Learning: Adam by rows, games that lower surprise, gradients across the channel, lives lived again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution import learn
from evolution.chance import stream, torch_stream
from evolution.config import ChannelConfig
from evolution.learn import LOSSES, SHARD, Losses, LossWeights, RowAdam, acting_round, language_round
from evolution.live import Rollout, goal_one_hot
from evolution.relive import lived
from population.policy import Beliefs, Policy
from population.world_model import choice_loss
from tests.evolution.conftest import TALKING, drawn_population, first_words, learning_rollout, relive
from tests.evolution.plain_acting import plain_acting
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
        self.first = 0

    def take(self, rows: slice) -> SeesGradients:
        self.first = rows.start
        return self

    def update(self, genomes: Tensor, gradient: Tensor, learning_rate: float, max_norm: float) -> None:
        if self.first:
            self.gradients[-1] = torch.cat([self.gradients[-1], gradient])
        else:
            self.gradients.append(gradient.clone())
        self.first = 0


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


@pytest.mark.parametrize("gradient", ["straight-through", pytest.param("reinforce", marks=pytest.mark.slow)])
def test_messages_get_shorter_where_length_costs_and_all_is_understood(gradient: str):
    able = ABLE | {"channel": {"message_length": 6, "num_symbols": 8, "variable_length": True}}
    policy, genomes, scenario = drawn_population("describe:2x4", seed=3, **able)
    optimiser = RowAdam(*genomes.shape)
    options = {"batch": 64, "offset": 0, "gradient": gradient, "half_told_share": 0.0, "variable_length": True}
    lengths, understood = [], []
    for num_rounds, changes in ((400, {"entropy_bonus": 0.02}), (250, {"length_cost": 0.03, "learning_rate": 3e-3})):
        changes |= {"rng": stream(2, "test")}  # 11 of 12 streams keep all understood, but not the first of them
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


def play_acting(policy: Policy, genomes: Tensor, rollout: Rollout, optimiser: Any = None, **changes: Any) -> Losses:
    options = {
        "learning_rate": 1e-2, "max_norm": 1.0, "clip": 0.2,
        "entropy_bonus": 0.0, "belief_weight": 0.0, "edit_weight": 0.0, "imitation_weight": 0.0,
        "reward_weight": 0.0, "value_weight": 0.0, "gradient": "straight-through",
    } | changes  # fmt: skip
    life = lived(rollout, policy.spec, discount=0.97, gae_lambda=0.95)
    return acting_round(policy, genomes, optimiser or RowAdam(*genomes.shape), life, **options)


# what is done with a rollout of which scenario, and what counts in learning from it
ALL_WEIGHTS = {
    "reward_weight": 1.0, "value_weight": 0.5, "belief_weight": 2.0, "edit_weight": 0.7, "imitation_weight": 0.8,
    "entropy_bonus": 0.3,
}  # fmt: skip
ENDING = {"channel": {"variable_length": True}}
CIRCUMSTANCES: dict[str, tuple[str, dict, dict, str]] = {
    "plain": ("guide", {}, {}, "straight-through"),
    "worlds that are over": ("guide", {}, {"renews": False}, "straight-through"),
    "hearing radius": ("guide", {}, {"hearing_radius_cells": 2}, "straight-through"),
    "noise": ("guide", {}, {"symbol_noise": 0.4}, "straight-through"),
    "messages that end": ("guide", ENDING, {}, "straight-through"),
    "messages that end in noise": ("guide", ENDING, {"symbol_noise": 0.4, "renews": False}, "straight-through"),
    "advice": ("guide", {}, {"advised_share": 0.5}, "straight-through"),
    "reinforce": ("guide", ENDING, {"symbol_noise": 0.2}, "reinforce"),
    "cut": ("guide", {}, {}, "none"),
    "who sees and tells": ("name", {}, {}, "straight-through"),
    "who chooses": ("refer", {}, {}, "straight-through"),
    "who asks": ("ask", ENDING, {}, "straight-through"),
    "who asks by reinforce": ("ask", {}, {}, "reinforce"),
    "heavy boxes": ("carry", {}, {"hearing_radius_cells": 3}, "straight-through"),
    "food": ("forage", ENDING, {"hearing_radius_cells": 4, "symbol_noise": 0.1}, "straight-through"),
    "nobody guides": ("sokoban", {}, {}, "straight-through"),
}


def plain_gradient(
    policy: Policy, genomes: Tensor, rollout: Rollout, gradient: str, crosses: bool
) -> tuple[Tensor, dict[str, Tensor]]:
    """As `play_acting` with ALL_WEIGHTS, the plain way."""
    of = {name.removesuffix("_weight"): weight for name, weight in ALL_WEIGHTS.items()}
    weigh = LossWeights(
        0.2, of["belief"], of["edit"], of["imitation"], of["reward"], of["value"], gradient == "reinforce"
    )
    options = {"entropy_bonus": of["entropy_bonus"], "discount": 0.97, "gae_lambda": 0.95}
    return plain_acting(policy, genomes, rollout, weigh, crosses=crosses, **options)


def distance(one: Tensor, other: Tensor) -> Tensor:
    """How far gradients (P, parameters) are from others, as a share of their length, (P,)."""
    return (one - other).norm(dim=1) / other.norm(dim=1)


@pytest.mark.parametrize("name", CIRCUMSTANCES)
def test_the_gradient_of_lives_is_that_of_living_step_by_step(name: str):
    scenario_name, changes, circumstances, gradient = CIRCUMSTANCES[name]
    population = 5  # no multiple of a shard
    assert population % SHARD
    policy, genomes, scenario = drawn_population(scenario_name, population=population, **changes)
    rollout = learning_rollout(policy, genomes, scenario, worlds_each=4, **circumstances)
    sees = SeesGradients()
    # a little later in learning, so that what was likely has changed
    genomes = genomes + 0.02 * torch.randn(genomes.shape, generator=torch.Generator().manual_seed(0))
    losses = play_acting(policy, genomes, rollout, sees, gradient=gradient, **ALL_WEIGHTS)
    crosses = gradient == "straight-through"
    expected, expected_losses = plain_gradient(policy, genomes, rollout, gradient, crosses)
    assert len(sees.gradients[0]) == population
    apart = distance(sees.gradients[0], expected)
    # rounding may put a unit or two of one boxling on the other side of zero
    assert (apart < 1e-5).sum() >= population - 1
    assert apart.max() < 1e-3
    for loss in LOSSES:
        assert getattr(losses, loss) == pytest.approx(float(expected_losses[loss].mean()), abs=1e-4, rel=1e-4)
    if crosses and scenario.num_agents > 1:  # and what crosses the channel is a part of it that would be missed
        cut, _ = plain_gradient(policy, genomes, rollout, gradient, crosses=False)
        assert distance(cut, expected).min() > 1e-3


def test_a_boxling_that_is_alone_learns_from_what_it_says_to_itself():
    policy, genomes, scenario = drawn_population(population=1)
    rollout = learning_rollout(policy, genomes, scenario)
    sees = SeesGradients()
    play_acting(policy, genomes, rollout, sees, **ALL_WEIGHTS)
    expected, _ = plain_gradient(policy, genomes, rollout, "straight-through", crosses=True)
    assert distance(sees.gradients[0], expected).max() < 1e-5
    cut, _ = plain_gradient(policy, genomes, rollout, "straight-through", crosses=False)
    assert distance(cut, expected).min() > 1e-3


@pytest.mark.parametrize("gradient", ["straight-through", "reinforce"])
@pytest.mark.parametrize("population", [1, 2, 4, 9])
def test_what_is_learned_is_the_same_to_the_bit_with_any_number_of_threads(population: int, gradient: str):
    policy, genomes, scenario = drawn_population(population=population)
    rollout = learning_rollout(policy, genomes, scenario, worlds_each=3)

    def learned(share: Any) -> tuple[Tensor, Losses, RowAdam]:
        taught, adam = genomes.clone(), RowAdam(*genomes.shape)
        for _ in range(2):
            losses = play_acting(policy, taught, rollout, adam, gradient=gradient, share=share, **ALL_WEIGHTS)
        return taught, losses, adam

    alone, losses, adam = learned(learn.alone)
    assert (alone != genomes).any(dim=1).all()
    counts = []
    with ThreadPoolExecutor(2) as pool:

        def share(work: Any, count: int) -> None:
            counts.append(count)
            list(pool.map(work, range(count), range(1, count + 1)))

        shared, same_losses, same_adam = learned(share)
    assert set(counts) == {-(-population // SHARD)}
    assert shared.numpy().tobytes() == alone.numpy().tobytes()
    assert losses == same_losses
    assert adam.num_updates.tolist() == [2.0] * population
    for name in vars(adam):
        assert torch.equal(getattr(adam, name), getattr(same_adam, name))


def test_each_genome_learns_at_its_own_rate_and_by_its_own_bonus():
    policy, genomes, scenario = drawn_population(population=5)
    rollout = learning_rollout(policy, genomes, scenario, worlds_each=3)
    options = ALL_WEIGHTS | {"gradient": "none"}  # what listeners wish would hang on their bonus, too
    mixed, rates = genomes.clone(), torch.tensor([[0.0], [1e-3], [0.0], [1e-2], [1e-3]])
    bonuses = torch.tensor([0.0, 0.5, 0.0, 0.5, 2.0])
    play_acting(policy, mixed, rollout, **options | {"learning_rate": rates, "entropy_bonus": bonuses})
    for slot in range(5):
        taught = genomes.clone()
        each = {"learning_rate": float(rates[slot]), "entropy_bonus": float(bonuses[slot])}
        play_acting(policy, taught, rollout, **options | each)
        torch.testing.assert_close(mixed[slot], taught[slot], rtol=0, atol=1e-7)
    assert torch.equal(mixed[0], genomes[0])
    assert (mixed[[1, 3, 4]] != genomes[[1, 3, 4]]).any(dim=1).all()


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
    assert rollout.moments[1].sensed.choices.shape[1] == world.num_choices
    rounds = [play_acting(policy, genomes, rollout, belief_weight=1.0) for _ in range(40)]
    for name in ("belief", "belief.bias"):  # even beliefs: all candidates are alike
        genomes[:, policy.layout.slices[name]] = 0.0
    assert play_acting(policy, genomes, rollout, belief_weight=1.0, learning_rate=0.0).belief == pytest.approx(
        np.log(world.num_choices)
    )
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
        moment.reward[:] = np.where(moment.done.act == liked, 1.0, -1.0)
        moment.goes_on[:] = False

    def share() -> float:
        life = lived(rollout, policy.spec, 0.97, 0.95)
        _, response = relive(policy, genomes, next(part for part in life.parts if part.role == Role.BUILDER))
        return float(torch.softmax(response.act_logits, dim=-1)[..., liked].mean())

    before = share()
    adam = RowAdam(*genomes.shape)
    for _ in range(3):
        play_acting(policy, genomes, rollout, adam, reward_weight=1.0)
    assert share() > before + 0.02


def test_acts_that_were_advised_are_not_learned_from_by_reward():
    policy, genomes, world = drawn_population()
    rollout = learning_rollout(policy, genomes, world, advised_share=1.0)
    own = np.stack([moment.is_own_act for moment in rollout.moments])
    assert not own[:, rollout.moments[0].sensed.role == Role.BUILDER].any()
    before = genomes.clone()
    play_acting(policy, genomes, rollout, reward_weight=1.0)
    assert torch.equal(genomes, before)
    play_acting(policy, genomes, rollout, imitation_weight=1.0)
    assert not torch.equal(genomes, before)
