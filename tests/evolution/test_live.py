"""Living: the channel decides what builders can know, advice is followed as often as it should be, supplies fit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution import machine
from evolution.evaluate import pair_matrix, play, strangers
from evolution.live import (
    Rollout,
    WorldSupply,
    as_it_arrives,
    draw_advised,
    draw_other_worlds,
    edit_classes,
    live,
)
from evolution.relive import lived
from evolution.seats import seat
from language.channel import SILENCE, Intervention, is_spoken
from population.gradients import sum_of_rows
from population.policy import Policy
from tests.evolution.conftest import TALKING, drawn_population, first_words, learning_rollout
from world import scenarios
from world.codes import Act, Role
from world.scenarios.base import Scenario
from world.state import Worlds, move

GUIDE = scenarios.get("guide")


def lives(
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
        policy, genomes, scenario, worlds, seat(worlds.role, population, offsets),
        channel=channel or Intervention(), rng=np.random.default_rng(0), **given,
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
        one = lives(policy, genomes, GUIDE, worlds.copy(), Intervention(kind))
        other = lives(policy, genomes, GUIDE, with_other_goals(worlds), Intervention(kind))
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
    other_world = draw_other_worlds(40, np.random.default_rng(0))  # the first draw of these lives
    plain = lives(policy, 8 * genomes, GUIDE, worlds.copy(), Intervention("shuffle"), explores=False)
    num_reached = 0
    for changed in range(40):
        others = worlds.copy()
        others.goal[changed] = with_other_goals(worlds).goal[changed]
        rollout = lives(policy, 8 * genomes, GUIDE, others, Intervention("shuffle"))
        is_other = (acts_of(plain)[:2] != acts_of(rollout)[:2]) & (worlds.role == Role.BUILDER)
        reached = np.flatnonzero(is_other.any(axis=(0, 2)))
        assert set(reached.tolist()) <= {int((other_world == changed).argmax())}
        num_reached += len(reached)
    assert num_reached > 0


@pytest.mark.parametrize("num_worlds", [2, 3, 50])
def test_shuffled_messages_come_from_every_world_once_and_never_from_the_own(num_worlds: int):
    for seed in range(30):
        other = draw_other_worlds(num_worlds, np.random.default_rng(seed))
        assert sorted(other.tolist()) == list(range(num_worlds))
        assert (other != np.arange(num_worlds)).all()


def test_nothing_is_heard_in_the_first_step_and_the_first_words_in_the_second():
    policy, genomes, scenario = drawn_population("name")
    rollout = lives(policy, genomes, scenario, scenario.generate(np.arange(8), "train"), keeps=True)
    first, second = (moment.sensed for moment in rollout.moments)
    assert scenario.num_steps == 2
    assert (first.heard == SILENCE).all()
    np.testing.assert_array_equal(second.heard + 1, np.stack(rollout.said)[0])
    assert (second.audible == ~np.eye(2, dtype=bool)).all()  # each hears the other


def test_a_life_is_recorded_as_it_was_lived():
    policy, genomes, _ = drawn_population()
    worlds = GUIDE.generate(np.arange(12), "train")
    again = worlds.copy()
    rollout = lives(policy, 8 * genomes, GUIDE, worlds)
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
    rollout = lives(policy, 8 * genomes, place, worlds.copy())
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
        lives(policy, genomes, GUIDE, worlds, explores=True, **options)
        ends.append(worlds)
    for other in ends[1:]:
        np.testing.assert_array_equal(ends[0].owner, other.owner)
        np.testing.assert_array_equal(ends[0].steps_taken, other.steps_taken)


def test_only_who_explores_draws():
    policy, genomes, scenario = drawn_population()
    for explores in (False, True):
        first_said = []
        for seed in (0, 1):
            worlds = scenario.generate(np.arange(8), "train")
            offsets = np.ones((2, 2), np.int64)
            rollout = live(
                policy, genomes, scenario, worlds, seat(worlds.role, 4, offsets),
                channel=Intervention(), hearing_radius_cells=0, rng=np.random.default_rng(seed),
                explores=explores, num_recorded=8,
            )  # fmt: skip
            first_said.append(rollout.said[0])
        assert np.array_equal(*first_said) == (not explores)


def test_understanding_asks_every_builder_for_every_attribute():
    policy, genomes, scenario = drawn_population("name")
    rollout = lives(policy, genomes, scenario, scenario.generate(np.arange(40), "train"))
    answers, worlds = rollout.answers[-1], rollout.worlds
    expected = [
        all(answers[b, a].tolist() == worlds.goal[b].tolist() for a in range(2) if worlds.role[b, a] == Role.BUILDER)
        for b in range(40)
    ]
    assert rollout.is_understood.tolist() == expected == worlds.is_won.tolist()


# ---- parts ----


SPOKEN = np.array([[[0, 1], [2, 3]], [[1, SILENCE], [3, 2]], [[2, 0], [1, 1]]], np.int16)  # (B, A, L)


def arriving(channel: Intervention, other_world: np.ndarray | None = None, has_end: bool = False) -> np.ndarray:
    """What arrives of SPOKEN in a second world that is new."""
    spec: Any = SimpleNamespace(num_symbols=4, has_end=has_end)
    return as_it_arrives(SPOKEN, np.array([False, True, False]), channel, other_world, spec, np.random.default_rng(0))


def test_words_arrive_as_they_were_sent_and_in_new_worlds_nothing_was_said():
    heard = arriving(Intervention())
    np.testing.assert_array_equal(heard[[0, 2]], SPOKEN[[0, 2]])
    assert (heard[1] == SILENCE).all()
    assert SPOKEN[1, 0, 0] == 1  # what was sent stays as it was


def test_a_muted_channel_is_silent_and_a_shuffled_one_carries_the_words_of_the_other_world():
    assert (arriving(Intervention("mute")) == SILENCE).all()
    heard = arriving(Intervention("shuffle"), np.array([1, 2, 0]))
    np.testing.assert_array_equal(heard[[0, 2]], SPOKEN[[1, 0]])
    assert (heard[1] == SILENCE).all()


def test_what_replaces_words_arrives_everywhere_but_in_new_worlds_and_is_no_end():
    heard = arriving(Intervention(replacement=(4, 1)))
    assert (heard[[0, 2]] == (3, 0)).all()
    assert (heard[1] == SILENCE).all()
    with pytest.raises(ValueError, match="replacement"):
        arriving(Intervention(replacement=(4, 1)), has_end=True)
    noisy = np.concatenate([arriving(Intervention(symbol_noise=1.0), np.array([2, 0, 0]), True) for _ in range(20)])
    assert noisy.max() < 3


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
    advice = np.full((2, 10_000), (1 << Act.UP) | (1 << Act.LEFT), np.uint8)
    advice[0, :1000] = 0  # nobody is advised
    advice[1, :1000] = 1 << Act.RIGHT
    acts = draw_advised(advice, share, np.random.default_rng(0))
    assert acts.dtype == np.int8
    assert (acts[0, :1000] == -1).all()
    assert set(acts[1, :1000].tolist()) <= {-1, int(Act.RIGHT)}
    of_two = np.concatenate([acts[0, 1000:], acts[1, 1000:]])
    assert abs((of_two >= 0).mean() - share) < 0.015
    assert set(of_two[of_two >= 0].tolist()) == ({int(Act.UP), int(Act.LEFT)} if share else set())
    if share:
        assert abs((of_two[of_two >= 0] == Act.UP).mean() - 0.5) < 0.03


def test_an_advised_act_is_done_and_marked_as_not_ones_own():
    policy, genomes, scenario = drawn_population()
    rollout = learning_rollout(policy, genomes, scenario, advised_share=0.5)
    num_advised = 0
    for moment in rollout.moments:
        taken = ~moment.is_own_act & moment.sensed.is_active[:, None]
        assert ((moment.advice[taken] >> moment.done.act[taken]) & 1 == 1).all()
        num_advised += taken.sum()
    advised = sum((moment.advice > 0).sum() for moment in rollout.moments)
    assert abs(num_advised / advised - 0.5) < 4 * 0.5 / np.sqrt(advised)


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


@pytest.mark.parametrize("name", ["guide", "describe:2x4", "name"])
@pytest.mark.parametrize("has_end", [False, True])
@pytest.mark.parametrize("renews", [False, True])
def test_acts_and_words_are_counted_in_worlds_that_are_not_over(name: str, has_end: bool, renews: bool):
    policy, genomes, scenario = drawn_population(name, channel={"variable_length": has_end})
    spec = policy.spec
    assert spec.has_end == has_end
    rollout = learning_rollout(policy, genomes, scenario, renews=renews, advised_share=0.2)
    acts, said = np.zeros_like(rollout.act_counts), np.zeros_like(rollout.said_counts)
    for moment in rollout.moments:
        active = moment.sensed.is_active
        genome, act, symbols = rollout.seating.genome_of[active], moment.done.act[active], moment.done.symbols[active]
        np.add.at(acts, (genome, act), 1)
        spoken = is_spoken(torch.from_numpy(symbols.astype(np.int64)), spec.num_symbols, has_end).numpy()
        spoken &= ~(has_end & (symbols == spec.num_symbols - 1))
        np.add.at(said, (np.broadcast_to(genome[..., None], symbols.shape)[spoken], symbols[spoken]), 1)
    assert acts.shape == (len(genomes), spec.num_actions)
    np.testing.assert_array_equal(rollout.act_counts, acts)
    np.testing.assert_array_equal(rollout.said_counts, said)
    assert acts.sum() == rollout.lived_steps
    assert rollout.use.token_counts["body"] == rollout.lived_steps


# ---- threads ----


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`machine.prepare`, which is undone afterwards."""
    monkeypatch.setattr(machine, "_num_threads", machine.num_threads())
    return machine.prepare


def all_of(rollout: Rollout) -> dict[str, np.ndarray]:
    """What a rollout says, by name."""
    moments = rollout.moments
    values = {
        f"sensed.{name}": np.stack([getattr(m.sensed, name) for m in moments]) for name in vars(moments[0].sensed)
    }
    values |= {f"done.{name}": np.stack([getattr(m.done, name) for m in moments]) for name in vars(moments[0].done)}
    values |= {f"state.{name}": array for name, array in rollout.worlds.arrays().items()}
    names = ("last_value", "is_understood", "total_reward", "act_counts", "said_counts")
    return values | {name: getattr(rollout, name) for name in names}


@pytest.mark.parametrize("population", [1, 5])
def test_a_life_is_the_same_to_the_bit_with_any_number_of_threads(threads: Callable[[int], None], population: int):
    policy, genomes, scenario = drawn_population(population=population)
    found = []
    for num_threads in (1, 2, 3):
        threads(num_threads)
        rollout = learning_rollout(policy, genomes, scenario, advised_share=0.3, symbol_noise=0.2)
        assert machine.num_threads() == num_threads
        found.append(all_of(rollout))
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        for name, values in other.items():
            assert values.tobytes() == found[0][name].tobytes(), name


def test_work_that_is_shared_is_done_once_by_threads_that_stay(threads: Callable[[int], None]):
    for num_threads in (1, 2, 3):
        threads(num_threads)
        done, workers, both_here = np.zeros(7, int), set(), threading.Barrier(num_threads)

        def work(first: int, last: int, done=done, workers=workers, both_here=both_here) -> None:  # type: ignore[no-untyped-def]
            both_here.wait(timeout=10)  # nobody gets on before all have begun
            done[first:last] += 1
            workers.add(threading.get_ident())

        for _ in range(2):
            done[:] = 0
            machine.share(work, 7)
            assert (done == 1).all()
            assert len(workers) == num_threads  # twice the same ones
            assert threading.get_ident() in workers


def test_what_goes_wrong_on_another_thread_is_told(threads: Callable[[int], None]):
    threads(2)

    def fail(first: int, last: int) -> None:
        if first:
            raise ValueError(f"no {first}")

    with pytest.raises(ValueError, match="no 1"):
        machine.share(fail, 2)


def test_a_genome_that_is_no_number_disturbs_nobody_else_where_nobody_hears_it():
    policy, genomes, scenario = drawn_population()
    rollouts = []
    for broken in (False, True):
        if broken:
            genomes = genomes.clone()
            genomes[2] = float("nan")
        rollouts.append(
            lives(
                policy,
                genomes,
                scenario,
                scenario.generate(np.arange(16), "train"),
                Intervention("mute"),
                keeps=True,
                explores=True,
            )
        )
    for one, other in zip(*(rollout.moments[:1] for rollout in rollouts), strict=True):
        others = (rollouts[0].seating.genome_of != 2) & one.sensed.is_active[:, None]
        for name in vars(one.done):
            values, again = getattr(one.done, name), getattr(other.done, name)
            np.testing.assert_array_equal(values[others], again[others], err_msg=name)
        assert np.isnan(other.done.value[~others]).all()


# ---- choices ----


@pytest.mark.parametrize("renews", [False, True])
def test_builders_answer_with_the_candidate_that_they_believe_in_most_also_in_worlds_that_were_replaced(renews: bool):
    policy, genomes, scenario = drawn_population("refer")
    rollout = learning_rollout(policy, genomes, scenario, worlds_each=10, renews=renews)
    assert len(rollout.moments) == 2
    life = lived(rollout, policy.spec, 0.9, 0.9)
    (part,) = (part for part in life.parts if part.role == Role.BUILDER)
    assert part.choices is not None
    assert ((part.choices == part.goal.unsqueeze(2)).all(dim=-1).sum(dim=-1) == 1).all()
    weights = policy.weights_of(genomes)
    _, beliefs = policy.believe(weights, sum_of_rows(weights["tokens"], part.tokens), part.course)
    expected = beliefs.choose(part.choices).numpy()
    num_seats = part.course.is_new.shape[2]
    is_builder = life.routes.role == Role.BUILDER
    genome, place = np.divmod(life.routes.seat_of[is_builder], num_seats)
    for t, moment in enumerate(rollout.moments):
        np.testing.assert_array_equal(moment.done.answers[is_builder], expected[genome, t * num_seats + place])
    assert len(np.unique(expected[:, num_seats:].reshape(-1, 3), axis=0)) > 5


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


# guides of some see more than what they mean, so that they have no one word for that
@pytest.mark.parametrize(
    "name", [n for n in TALKING if not scenarios.get(n).takes_turns and n not in ("committee", "relay")]
)
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
