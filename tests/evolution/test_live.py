"""Living: the channel decides what builders can know, advice is followed as often as it should be, supplies fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution.evaluate import pair_matrix, play, strangers
from evolution.live import (
    Body,
    Rollout,
    WorldSupply,
    choose,
    draw_other_worlds,
    edit_classes,
    follow_advice,
    live,
    voices_of,
)
from evolution.seats import seat
from language.channel import Intervention
from population.policy import Policy
from tests.evolution.conftest import TALKING, drawn_population, first_words
from world import scenarios
from world.codes import Act, Role
from world.scenarios.base import Scenario
from world.state import Worlds, move

GUIDE = scenarios.get("guide")


def lived(
    policy: Policy,
    genomes: Tensor,
    scenario: Scenario,
    worlds: Worlds,
    channel: Intervention | None = None,
    **options: Any,
) -> Rollout:
    """The recorded lives of these worlds; each genome's builders are the next ones."""
    population = len(genomes)
    offsets = np.ones((len(worlds) // population, scenario.num_agents - 1), np.int64)
    given = {"hearing_radius_cells": 0, "explores": False, "num_recorded": len(worlds)} | options
    return live(
        policy, policy.weights_of(genomes), scenario, worlds, seat(worlds.role, population, offsets),
        channel=channel or Intervention(), generator=torch.Generator().manual_seed(0), **given,
    )  # fmt: skip


def acts_of(rollout: Rollout) -> np.ndarray:
    return np.stack(rollout.acts)


def with_other_goals(worlds: Worlds) -> Worlds:
    other = worlds.copy()
    other.goal = np.stack([(worlds.goal[:, 0] + 1) % 8, (worlds.goal[:, 1] + 1) % 4], axis=1).astype(np.int16)
    return other


def test_in_silence_the_goal_makes_no_difference_to_what_builders_do():
    policy, genomes, _ = drawn_population(seed=1)
    genomes = 2 * genomes  # loud feelings: what is heard changes what is done
    worlds = GUIDE.generate(np.arange(80), "train")
    differ = {}
    for kind in ("on", "mute"):
        one = lived(policy, genomes, GUIDE, worlds.copy(), Intervention(kind))
        other = lived(policy, genomes, GUIDE, with_other_goals(worlds), Intervention(kind))
        steps = min(len(one.acts), len(other.acts))
        both_live = np.logical_and(
            [~state.is_over for state in one.states[: steps - 1]],
            [~state.is_over for state in other.states[: steps - 1]],
        ).all(axis=0)
        different = (acts_of(one)[:steps, both_live] != acts_of(other)[:steps, both_live]).any(axis=0)
        differ[kind] = different[worlds.role[both_live] == Role.BUILDER].mean()
    assert differ["mute"] == 0.0
    assert differ["on"] > 0.05


def test_a_shuffled_channel_carries_a_goal_into_another_world_and_not_into_its_own():
    policy, genomes, _ = drawn_population(seed=3)  # drawn so that words matter to some acts
    worlds = GUIDE.generate(np.arange(40), "train")
    other_world = draw_other_worlds(40, torch.Generator().manual_seed(0)).numpy()  # the first draw of these lives
    plain = lived(policy, 8 * genomes, GUIDE, worlds.copy(), Intervention("shuffle"), explores=False)
    num_reached = 0
    for changed in range(40):
        others = worlds.copy()
        others.goal[changed] = with_other_goals(worlds).goal[changed]
        rollout = lived(policy, 8 * genomes, GUIDE, others, Intervention("shuffle"))
        is_other = (acts_of(plain)[:2] != acts_of(rollout)[:2]) & (worlds.role == Role.BUILDER)
        reached = np.flatnonzero(is_other.any(axis=(0, 2)))
        assert set(reached.tolist()) <= {int((other_world == changed).argmax())}
        num_reached += len(reached)
    assert num_reached > 0


@pytest.mark.parametrize("num_worlds", [2, 3, 50])
def test_shuffled_messages_come_from_every_world_once_and_never_from_the_own(num_worlds: int):
    for seed in range(30):
        other = draw_other_worlds(num_worlds, torch.Generator().manual_seed(seed))
        assert sorted(other.tolist()) == list(range(num_worlds))
        assert (other != torch.arange(num_worlds)).all()


def test_nothing_is_heard_in_the_first_step_and_the_first_words_in_the_second():
    heard = []

    class Watched(Policy):
        def step(self, weights, words, *given):  # type: ignore[no-untyped-def]
            heard.append(words)
            return super().step(weights, words, *given)

    policy, genomes, scenario = drawn_population("name")
    rollout = lived(Watched(policy.spec), genomes, scenario, scenario.generate(np.arange(8), "train"))
    assert heard[0] is None
    assert len(heard) == scenario.num_steps == 2
    symbols = rollout.seating.to_worlds(heard[1]).unflatten(-1, (policy.spec.message_length, -1)).argmax(dim=-1) + 1
    said = np.stack(rollout.said)[0]
    np.testing.assert_array_equal(symbols[:, 0, 0], said[:, 1])  # each hears the other
    np.testing.assert_array_equal(symbols[:, 1, 0], said[:, 0])


def test_a_life_is_recorded_as_it_was_lived():
    policy, genomes, _ = drawn_population()
    worlds = GUIDE.generate(np.arange(12), "train")
    again = worlds.copy()
    rollout = lived(policy, 8 * genomes, GUIDE, worlds)
    for acts, reward, state in zip(rollout.acts, rollout.rewards, rollout.states, strict=True):
        np.testing.assert_array_equal(GUIDE.advance(again, acts, None), reward)
        for name, values in again.arrays().items():
            np.testing.assert_array_equal(values, state.arrays()[name])
    np.testing.assert_array_equal(rollout.total_reward, np.sum(rollout.rewards, axis=0, dtype=np.float64))
    assert rollout.num_finished == 12
    assert rollout.num_won == worlds.is_won.sum()


@pytest.mark.parametrize("scenario", ["guide", "ask", "sokoban"])
@pytest.mark.parametrize("variable_length", [False, True])
def test_words_and_acts_are_counted_while_worlds_are_not_over(scenario: str, variable_length: bool):
    policy, genomes, place = drawn_population(scenario, channel={"variable_length": variable_length})
    worlds = place.generate(np.arange(16), "train")
    worlds.is_over[:3] = True  # of these nothing counts
    rollout = lived(policy, 8 * genomes, place, worlds.copy())
    spec = policy.spec
    said, acts = np.zeros((4, spec.num_symbols), int), np.zeros((4, spec.num_actions), int)
    was_over = worlds.is_over
    for step, state in enumerate(rollout.states):
        for b, a in np.argwhere(~np.repeat(was_over[:, None], place.num_agents, axis=1)):
            genome = rollout.seating.genome_of[b, a]
            acts[genome, rollout.acts[step][b, a]] += 1
            for symbol in rollout.said[step][b, a]:
                if symbol:
                    said[genome, symbol - 1] += 1
        was_over = state.is_over
    np.testing.assert_array_equal(rollout.said_counts, said)
    np.testing.assert_array_equal(rollout.act_counts, acts)
    assert acts.sum() == rollout.lived_steps > 0
    assert said.sum() > 0
    assert rollout.said_counts.dtype == rollout.act_counts.dtype == np.int64
    assert not variable_length or not said[:, -1].any()  # the end of a message is silence


def test_the_same_life_is_lived_with_and_without_keeping_and_recording():
    policy, genomes, _ = drawn_population()
    ends = []
    for options in ({"keeps": True}, {"keeps": False}, {"num_recorded": 0}):
        worlds = GUIDE.generate(np.arange(16), "train")
        lived(policy, genomes, GUIDE, worlds, explores=True, **options)
        ends.append(worlds)
    for other in ends[1:]:
        np.testing.assert_array_equal(ends[0].owner, other.owner)
        np.testing.assert_array_equal(ends[0].steps_taken, other.steps_taken)


def test_only_who_explores_draws():
    policy, genomes, scenario = drawn_population()
    for explores in (False, True):
        lives = []
        for seed in (0, 1):
            worlds = scenario.generate(np.arange(8), "train")
            offsets = np.ones((2, 2), np.int64)
            rollout = live(
                policy, policy.weights_of(genomes), scenario, worlds, seat(worlds.role, 4, offsets),
                channel=Intervention(), hearing_radius_cells=0, generator=torch.Generator().manual_seed(seed),
                explores=explores, num_recorded=8,
            )  # fmt: skip
            lives.append(rollout.said[0])
        assert np.array_equal(*lives) == (not explores)


def test_understanding_asks_every_builder_for_every_attribute():
    policy, genomes, scenario = drawn_population("name")
    rollout = lived(policy, genomes, scenario, scenario.generate(np.arange(40), "train"))
    answers, worlds = rollout.answers[-1], rollout.worlds
    expected = [
        all(answers[b, a].tolist() == worlds.goal[b].tolist() for a in range(2) if worlds.role[b, a] == Role.BUILDER)
        for b in range(40)
    ]
    assert rollout.is_understood.tolist() == expected == worlds.is_won.tolist()


# ---- parts ----


def test_voices_are_the_roles_of_the_others_in_the_order_of_hearing():
    assert voices_of(np.array([[0, 1, 1], [1, 0, 1]])).tolist() == [
        [[1, 1], [0, 1], [0, 1]],
        [[0, 1], [1, 1], [1, 0]],
    ]


def test_a_supply_gives_new_worlds_with_the_guide_where_it_is_wanted():
    rng = np.random.default_rng(0)
    supply = WorldSupply(GUIDE, "held-out", rng)
    roles = np.ones((700, 3), np.int8)
    roles[np.arange(700), rng.integers(0, 3, 700)] = 0
    worlds = supply.take(roles)
    more = supply.take(roles[:50])
    np.testing.assert_array_equal(worlds.role, roles)
    np.testing.assert_array_equal(more.role, roles[:50])
    assert not worlds.is_over.any()
    assert GUIDE.is_held_out(worlds.goal).all()
    looks = {world.tobytes() for world in np.concatenate([worlds.owner, more.owner])}
    assert len(looks) == 750  # no world twice
    again = WorldSupply(GUIDE, "held-out", np.random.default_rng(0))
    again.rng.integers(0, 3, 700)  # what was drawn for the roles above
    np.testing.assert_array_equal(again.take(roles).owner, worlds.owner)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_advice_is_followed_as_often_as_it_should_be_and_drawn_evenly(share: float):
    num_agents = 20_000
    act = torch.zeros(1, num_agents, dtype=torch.int64)
    advice = torch.full((1, num_agents), (1 << Act.UP) | (1 << Act.LEFT), dtype=torch.uint8)
    advice[0, :1000] = 0  # nobody is advised
    new, is_own = follow_advice(act, advice, share, torch.Generator().manual_seed(0))
    assert is_own[0, :1000].all()
    assert torch.equal(new[is_own], act[is_own])
    advised = new[~is_own]
    assert abs(float((~is_own[0, 1000:]).float().mean()) - share) < 0.015
    assert set(advised.tolist()) == ({int(Act.UP), int(Act.LEFT)} if share else set())
    if share:
        assert abs(float((advised == Act.UP).float().mean()) - 0.5) < 0.03


def test_what_an_act_changed_is_nothing_or_that_one_was_still_or_moved():
    worlds = GUIDE.generate(np.arange(50), "train")
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(5):
        acts = rng.integers(0, 5, worlds.role.shape)
        before = worlds.position_rc.copy()
        move(worlds, acts)
        classes = edit_classes(worlds)
        moved = (worlds.position_rc != before).any(axis=-1)
        np.testing.assert_array_equal(classes, np.where(moved, 2, np.where(acts == 0, 1, 0)))
        seen |= set(classes.flatten().tolist())
    assert seen == {0, 1, 2}


def test_acts_are_drawn_as_often_as_they_are_probable_or_the_best_is_taken():
    logits = torch.tensor([1.0, 0.0, -1.0, 2.0, 0.0]).expand(30_000, 5)
    best, log_p = choose(logits, None)
    assert (best == 3).all()
    expected = torch.softmax(logits[0], dim=-1)
    torch.testing.assert_close(log_p[0].exp(), expected[3])
    drawn, log_p = choose(logits, torch.Generator().manual_seed(0))
    found = torch.bincount(drawn, minlength=5) / 30_000
    assert ((found - expected).abs() < 4 * (expected * (1 - expected) / 30_000).sqrt()).all()
    torch.testing.assert_close(log_p.exp(), expected[drawn])


# ---- choices ----


def test_builders_answer_with_the_candidate_that_they_believe_in_most_also_in_worlds_that_were_replaced():
    policy, genomes, scenario = drawn_population("refer")
    worlds = scenario.generate(np.arange(40), "train")
    supply = WorldSupply(scenario, "train", np.random.default_rng(0))

    class Watched(Policy):
        def listen(self, *given: Any) -> Any:
            result = super().listen(*given)
            beliefs.append(result[1])
            return result

    beliefs: list[Any] = []
    for given in (None, supply):
        beliefs.clear()
        rollout = lived(Watched(policy.spec), genomes, scenario, worlds.copy(), supply=given, keeps=True)
        assert len(rollout.moments) == 2
        for t, moment in enumerate(rollout.moments):
            choices = rollout.seating.to_worlds(moment.choices).numpy()  # (B, A, C, G)
            goal = rollout.seating.to_worlds(moment.goal).numpy()
            assert ((choices == goal[:, :, None]).all(axis=-1).sum(axis=-1) == 1).all()
            expected = rollout.seating.to_worlds(beliefs[t].choose(moment.choices)).numpy()
            np.testing.assert_array_equal(rollout.answers[t], expected)
            assert (rollout.answers[t][:, :, None] == choices).all(axis=-1).any(axis=-1).all()
    body = Body(policy, scenario, worlds, rollout.seating, "cpu")
    np.testing.assert_array_equal(rollout.seating.to_worlds(body.choices)[:, 1], worlds.choices)
    other = scenario.generate(np.arange(40) + 100, "train")
    body.learn_goals(other)
    np.testing.assert_array_equal(rollout.seating.to_worlds(body.choices)[:, 0], other.choices)


@pytest.mark.parametrize("name", ["refer", "refer:3x6:9"])
def test_muted_builders_choose_right_by_chance(name: str):
    policy, genomes, scenario = drawn_population(name)
    rollout, _ = play(policy, genomes, scenario, worlds_per_boxling=1_500, channel="mute")
    chance = scenario.chance_success()
    assert abs(rollout.worlds.is_won.mean() - chance) < 4 * np.sqrt(chance * (1 - chance) / len(rollout.worlds))
    np.testing.assert_array_equal(rollout.is_understood, rollout.worlds.is_won)


def test_what_is_understood_of_first_words_is_the_same_in_every_call_and_near_chance_before_anything_is_learned():
    policy, genomes, scenario = drawn_population("refer")
    for split in ("train", "held-out"):
        one, other = (first_words(policy, genomes, scenario, split)[2] for _ in range(2))
        np.testing.assert_array_equal(one, other)
        assert 0.1 < one.mean() < 0.5  # of naming every attribute right it would be near 0


# ---- evaluation ----


def test_success_of_a_pair_is_played_by_that_pair(monkeypatch: pytest.MonkeyPatch):
    policy, genomes, scenario = drawn_population("name")
    parts: list[set] = []
    import evolution.evaluate

    original = evolution.evaluate.live

    def watched(*given: Any, **options: Any) -> Rollout:
        rollout = original(*given, **options)
        guides = rollout.seating.genome_of[rollout.worlds.role == Role.GUIDE]
        builders = rollout.seating.genome_of[rollout.worlds.role == Role.BUILDER]
        parts.append(set(zip(guides.tolist(), builders.tolist(), strict=True)))
        return rollout

    monkeypatch.setattr(evolution.evaluate, "live", watched)
    matrix = pair_matrix(policy, genomes, scenario, worlds_per_pair=2)
    assert matrix.shape == (4, 4)
    assert parts == [{(g, (g + offset) % 4) for g in range(4)} for offset in range(4)]


def test_familiar_pairs_and_strangers_are_averaged_apart():
    matrix = np.zeros((4, 4))
    for guide in range(4):
        matrix[guide] = 0.6
        matrix[guide, (guide + 2) % 4] = 0.3
        matrix[guide, guide] = 0.9  # with itself: neither familiar nor strange
    assert strangers(matrix) == {"familiar": pytest.approx(0.6), "strangers": pytest.approx(0.3)}
    assert strangers(np.ones((3, 3)))["strangers"] is None


def test_equal_seeds_play_equal_worlds_whatever_the_channel():
    policy, genomes, scenario = drawn_population()
    _, numbers = play(policy, genomes, scenario, worlds_per_boxling=3, seed=5)
    _, muted = play(policy, genomes, scenario, worlds_per_boxling=3, seed=5, channel="mute")
    _, other = play(policy, genomes, scenario, worlds_per_boxling=3, seed=6)
    np.testing.assert_array_equal(numbers, muted)
    assert not set(numbers.tolist()) & set(other.tolist())


@pytest.mark.parametrize("name", [name for name in TALKING if not scenarios.get(name).takes_turns])
def test_first_words_are_those_said_in_a_world(name: str):
    policy, genomes, scenario = drawn_population(name)
    meanings, said, *_ = first_words(policy, genomes, scenario, "train")
    index = {tuple(meaning): i for i, meaning in enumerate(meanings.tolist())}
    rollout, _ = play(policy, genomes, scenario, worlds_per_boxling=20, num_recorded=80)
    for b in range(80):
        seat_of_guide = int((rollout.start.role[b] == Role.GUIDE).argmax())
        guide = rollout.seating.genome_of[b, seat_of_guide]
        expected = said[guide, index[tuple(rollout.start.goal[b].tolist())]]
        assert rollout.said[0][b, seat_of_guide].tolist() == expected.tolist()
