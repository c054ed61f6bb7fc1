"""The contract of every scenario: worlds for ever the same, fair splits, rules that hold, and no leaks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.world.arena_checks import check_arena
from tests.world.drawn_worlds import draw_actions
from world import scenarios
from world.codes import Role
from world.scenarios.base import Scenario
from world.state import Worlds

NUM_WORLDS = 2_000
NAMES = [*scenarios.names(), "describe:2,5,8", "refer:2,5,8:3", "forage:competitive"]
IN_EVERY_SPLIT = [(name, split) for name in NAMES for split in scenarios.get(name).splits]


@pytest.fixture(params=NAMES)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return scenarios.get(request.param)


def assert_same(one: Worlds, other: Worlds) -> None:
    for name, values in one.arrays().items():
        np.testing.assert_array_equal(values, other.arrays()[name], err_msg=name)


def check_worlds(worlds: Worlds) -> None:
    """The bodies are whole, and what a scenario adds has the shape of the worlds."""
    check_arena(worlds.arena)
    num_worlds, height, width = worlds.owner.shape
    assert worlds.floor.shape == (num_worlds, height, width)
    assert worlds.floor.max(initial=0) < 10
    for values in (worlds.last_action, worlds.last_moved, worlds.agent_body):
        assert values.shape == worlds.role.shape
    for values in (worlds.is_over, worlds.is_won, worlds.steps_taken, worlds.num_done):
        assert values.shape == (num_worlds,)


def draw_answers(rng: np.random.Generator, scenario: Scenario, worlds: Worlds) -> np.ndarray:
    """What each agent says the goal is, (B, A, G); right in half of the worlds."""
    answers = rng.integers(0, scenario.attribute_sizes, (*worlds.role.shape, scenario.num_attributes))
    is_right = rng.random(len(worlds)) < 0.5
    return np.where(is_right[:, None, None], worlds.goal[:, None], answers).astype(np.int16)


# ---- worlds ----


@pytest.mark.parametrize(("name", "split"), IN_EVERY_SPLIT)
def test_a_world_is_the_same_alone_in_any_batch_and_in_any_order(name: str, split: str):
    scenario = scenarios.get(name)
    numbers = np.array([0, 1, 2, 77, 2**31, 2**40 + 3, 2**62, 2**63 - 1])
    batch = scenario.generate(numbers, split)
    for i in range(len(numbers)):
        assert_same(scenario.generate(numbers[i : i + 1], split), batch.take(np.array([i])))
    order = np.random.default_rng(0).permutation(len(numbers))
    assert_same(scenario.generate(numbers[order], split), batch.take(order))
    assert_same(scenario.generate(np.repeat(numbers, 2), split), batch.take(np.repeat(np.arange(8), 2)))


def test_neighbouring_numbers_and_splits_give_other_worlds(scenario: Scenario):
    train = scenario.generate(np.arange(NUM_WORLDS), "train")
    distinct = {train.owner[b].tobytes() + train.goal[b].tobytes() for b in range(NUM_WORLDS)}
    num_possible = len(scenario.meanings("train")) if scenario.is_decided_by_answers else NUM_WORLDS
    assert len(distinct) > min(NUM_WORLDS, num_possible) * 0.95
    for split in scenario.splits[1:]:
        other = scenario.generate(np.arange(NUM_WORLDS), split)
        if other.owner.shape == train.owner.shape:
            differ = (other.owner != train.owner).any(axis=(1, 2)) | (other.goal != train.goal).any(axis=1)
            assert differ.mean() > 0.9


@pytest.mark.parametrize(("name", "split"), IN_EVERY_SPLIT)
def test_worlds_are_whole_at_the_start_and_after_every_step(name: str, split: str):
    scenario = scenarios.get(name)
    rng = np.random.default_rng(1)
    worlds = scenario.generate(np.arange(100), split)
    check_worlds(worlds)
    assert not worlds.is_over.any()
    assert not worlds.is_won.any()
    for step in range(scenario.num_steps):
        was_over, was_won = worlds.is_over.copy(), worlds.is_won.copy()
        advised = np.arange(len(worlds))[:, None] % 2 == 0  # random acts seldom win
        acts = np.where(advised, follow(scenario.plan(worlds), rng), draw_actions(rng, worlds))
        scenario.advance(worlds, acts, draw_answers(rng, scenario, worlds))
        check_worlds(worlds)
        assert worlds.is_over[was_over].all()
        np.testing.assert_array_equal(worlds.is_won[was_over], was_won[was_over])
        assert not (worlds.is_won & ~worlds.is_over).any()
        assert (worlds.steps_taken[~was_over] == step + 1).all()
    assert worlds.is_over.all()
    assert worlds.is_won.any()


def test_each_world_has_one_guide_or_none_and_every_seat_guides_equally_often(scenario: Scenario):
    for split in ("train", "held-out"):
        worlds = scenario.generate(np.arange(2 * NUM_WORLDS), split)
        is_guide = worlds.role == Role.GUIDE
        if not scenario.has_guide:
            assert not is_guide.any()
            continue
        assert (is_guide.sum(axis=1) == 1).all()
        share = 1 / scenario.num_agents
        spread = np.sqrt(share * (1 - share) / len(worlds))
        assert (abs(is_guide.mean(axis=0) - share) < 4 * spread).all()


def test_a_batch_of_no_worlds_can_be_lived(scenario: Scenario):
    worlds = scenario.generate(np.zeros(0, np.int64), "train")
    view = scenario.observe(worlds).view
    assert view.shape == (0, scenario.num_agents, *scenario.view_shape)
    answers = np.zeros((0, scenario.num_agents, scenario.num_attributes), np.int16)
    reward = scenario.advance(worlds, np.zeros((0, scenario.num_agents), np.int8), answers)
    assert reward.shape == (0, scenario.num_agents)


@pytest.mark.parametrize("numbers", [np.array([-1]), np.array([[1]]), np.array([1.5]), np.array(3)])
def test_world_numbers_that_are_none_are_refused(scenario: Scenario, numbers: np.ndarray):
    with pytest.raises(ValueError, match="world numbers must be a list of whole numbers >= 0, got"):
        scenario.generate(numbers, "train")


def test_a_split_or_scenario_that_there_is_not_is_refused(scenario: Scenario):
    with pytest.raises(ValueError, match=f"split of {scenario.name} must be one of train, held-out, .* got 'test'"):
        scenario.generate(np.arange(2), "test")
    with pytest.raises(ValueError, match=r"scenario must be one of name, describe, .*, got 'nosuch'"):
        scenarios.get("nosuch")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("describe:", "scenario describe takes ATTRIBUTESxVALUES such as 3x6, or .*, got ''"),
        ("describe:3x", "scenario describe takes ATTRIBUTESxVALUES such as 3x6, or .*, got '3x'"),
        ("describe:9x9", "takes 1 to 26 attributes of at least 2 values and at most 200,000 combinations, got '9x9'"),
        ("describe:3,1", "takes 1 to 26 attributes of at least 2 values and at most 200,000 combinations, got '3,1'"),
        ("refer:", "scenario refer takes ATTRIBUTESxVALUES such as 3x6, or .*, got ''"),
        ("refer:3x6:", "takes 2 to 1,024 candidates after a second colon, such as 3x6:9, got '3x6:'"),
        ("refer:3x6:1", "takes 2 to 1,024 candidates after a second colon, such as 3x6:9, got '3x6:1'"),
        ("refer:3x6:9:2", "takes 2 to 1,024 candidates after a second colon, such as 3x6:9, got '3x6:9:2'"),
        ("refer:3x6:44", "got 44 candidates and 43 objects of sizes 3x6 in split held-out"),
        ("refer:2x2", "got 4 candidates and 3 objects of sizes 2x2 in split train"),
        ("guide:blue", "scenario guide takes no argument, got 'blue'"),
        ("forage:", "forage pays cooperative or competitive, got ''"),
        ("sokoban:/no/such/file.txt", "cannot read the level file /no/such/file.txt: No such file"),
    ],
)
def test_an_argument_that_a_scenario_does_not_take_is_refused(name: str, told: str):
    with pytest.raises(ValueError, match=told):
        scenarios.get(name)


@pytest.mark.parametrize(("name", "split"), IN_EVERY_SPLIT)
def test_where_builders_choose_the_goal_is_among_the_candidates_once(name: str, split: str):
    scenario = scenarios.get(name)
    worlds = scenario.generate(np.arange(50), split)
    assert worlds.choices.shape == (50, scenario.num_choices, scenario.num_attributes)
    if scenario.num_choices:
        assert ((worlds.choices == worlds.goal[:, None]).all(axis=-1).sum(axis=1) == 1).all()
        assert scenario.is_decided_by_answers


# ---- meanings ----


def test_the_splits_part_all_meanings_between_them(scenario: Scenario):
    train, held_out = ({tuple(m) for m in scenario.meanings(split).tolist()} for split in ("train", "held-out"))
    assert not train & held_out
    for split in scenario.splits[2:]:
        np.testing.assert_array_equal(scenario.meanings(split), scenario.meanings("train"))
    if not scenario.has_guide:
        assert not held_out
        return
    assert train | held_out == set(itertools.product(*map(range, scenario.attribute_sizes)))
    assert 0.1 <= len(held_out) / len(train | held_out) <= 0.3


@pytest.mark.parametrize(("name", "split"), [(n, s) for n, s in IN_EVERY_SPLIT if scenarios.get(n).has_guide])
def test_worlds_have_goals_of_their_split_only_and_each_equally_often(name: str, split: str):
    scenario = scenarios.get(name)
    meanings = scenario.meanings(split)
    worlds = scenario.generate(np.arange(20 * len(meanings)), split)
    index = {tuple(meaning): i for i, meaning in enumerate(meanings.tolist())}
    counts = np.zeros(len(meanings))
    for goal in worlds.goal.tolist():
        counts[index[tuple(goal)]] += 1  # a goal of the other split has no index
    expected = len(worlds) / len(meanings)
    chi_squared = float(((counts - expected) ** 2 / expected).sum())
    freedom = len(meanings) - 1
    assert chi_squared < freedom + 5 * np.sqrt(2 * freedom)


def test_every_value_of_every_attribute_is_trained_on_and_held_out_in_other_company(scenario: Scenario):
    for split in ("train", "held-out") if scenario.has_guide else ("train",):
        meanings = scenario.meanings(split)
        for k, size in enumerate(scenario.attribute_sizes):
            assert set(meanings[:, k].tolist()) == set(range(size)), (split, scenario.attributes[k].name)


def test_a_meaning_reads_as_words(scenario: Scenario):
    words = scenario.meaning_in_words(scenario.meanings("train")[0])
    for attribute in scenario.attributes:
        assert attribute.name in words
    assert len({scenario.meaning_in_words(m) for m in scenario.meanings("train")}) == len(scenario.meanings("train"))


# ---- senses ----


def test_agents_see_or_know_only_what_their_role_allows(scenario: Scenario):
    worlds = scenario.generate(np.arange(200), "train")
    observation = scenario.observe(worlds)
    is_guide = worlds.role == Role.GUIDE
    assert observation.view.shape == (*worlds.role.shape, *scenario.view_shape)
    assert observation.view.max() < scenario.num_looks
    assert not observation.view[~observation.sees].any()
    if scenario.takes_turns:  # both sides are told a part, and nobody all
        assert observation.told is not None
        assert observation.told[..., -1].tolist() == (~is_guide).tolist()
        np.testing.assert_array_equal(observation.told[..., :-1].all(axis=-1), is_guide)
        np.testing.assert_array_equal(observation.told[..., :-1].any(axis=-1), is_guide)
        return
    assert observation.told is None
    assert not observation.knows[~is_guide].any()  # builders are never told
    np.testing.assert_array_equal(observation.sees[is_guide], scenario.guide_sees)
    np.testing.assert_array_equal(observation.knows[is_guide], not scenario.guide_sees)
    assert observation.sees[~is_guide].all() or scenario.is_decided_by_answers


def follow(plan: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the advised acts for each agent, drawn evenly; to stay where nothing is advised."""
    bits = (plan[..., None] >> np.arange(5)) & 1
    return (bits * (rng.random(bits.shape) + 1e-6)).argmax(axis=-1).astype(np.int8)


@pytest.mark.parametrize(
    ("name", "split"), [(n, s) for n, s in IN_EVERY_SPLIT if not scenarios.get(n).is_decided_by_answers]
)
def test_who_follows_the_search_wins_most_worlds(name: str, split: str):
    scenario = scenarios.get(name)
    rng = np.random.default_rng(4)
    worlds = scenario.generate(np.arange(300), split)
    for _ in range(scenario.num_steps):
        scenario.advance(worlds, follow(scenario.plan(worlds), rng), None)
    assert worlds.is_won.mean() > (
        0.99 if scenario.kind != "forage" else 0.8 if split != "held-out-parameters" else 0.6
    )


def test_what_builders_see_does_not_depend_on_the_goal(scenario: Scenario):
    worlds = scenario.generate(np.arange(200), "train")
    other = worlds.copy()
    other.goal = worlds.goal[::-1].copy()
    is_builder = worlds.role == Role.BUILDER
    np.testing.assert_array_equal(scenario.observe(worlds).view[is_builder], scenario.observe(other).view[is_builder])


# ---- time ----


def test_two_lives_of_one_world_are_equal_in_every_step(scenario: Scenario):
    lives = []
    for _ in range(2):
        rng = np.random.default_rng(7)
        worlds = scenario.generate(np.arange(100), "train")
        states = [worlds.copy()]
        for _ in range(scenario.num_steps):
            scenario.advance(worlds, draw_actions(rng, worlds), draw_answers(rng, scenario, worlds))
            states.append(worlds.copy())
        lives.append(states)
    assert len(lives[0]) == scenario.num_steps + 1
    for one, other in zip(*lives, strict=True):
        assert_same(one, other)


def test_the_search_advises_nothing_in_worlds_that_are_over_and_changes_nothing(scenario: Scenario):
    rng = np.random.default_rng(3)
    worlds = scenario.generate(np.arange(100), "train")
    worlds.is_over[::7] = True
    num_over = 0
    for _ in range(min(scenario.num_steps, 20)):
        before = worlds.copy()
        plan = scenario.plan(worlds)
        assert_same(worlds, before)
        assert plan.shape == worlds.role.shape
        assert plan.dtype == np.uint8
        assert not plan[worlds.is_over].any()
        assert not plan[worlds.agent_body == 0].any()
        assert plan.max(initial=0) < 1 << 5
        num_over += int(worlds.is_over.sum())
        scenario.advance(worlds, draw_actions(rng, worlds), draw_answers(rng, scenario, worlds))
    assert num_over > 10
    worlds.is_over[:] = True
    assert not scenario.plan(worlds).any()


def test_winning_pays_best(scenario: Scenario):
    """What a world pays in all is 1 for each agent that wins, and less for those that do not."""
    rng = np.random.default_rng(2)
    worlds = scenario.generate(np.arange(400), "train")
    total = np.zeros(worlds.role.shape)
    for _ in range(scenario.num_steps):
        was_over = worlds.is_over.copy()
        advised = np.arange(len(worlds))[:, None] % 2 == 0
        acts = np.where(advised, follow(scenario.plan(worlds), rng), draw_actions(rng, worlds))
        reward = scenario.advance(worlds, acts, draw_answers(rng, scenario, worlds))
        assert reward.dtype == np.float32
        assert not reward[was_over].any()
        ends = worlds.is_over & ~was_over
        assert not reward[~ends].any() or scenario.kind in ("forage", "sokoban")  # these pay for meals, for boxes
        total += reward
    assert worlds.is_won.any()
    assert not worlds.is_won.all()
    if scenario.name == "forage:competitive":
        # to each its own: the team earns most by winning, and not all of it alike
        assert total[worlds.is_won].mean() > 2 * abs(total[~worlds.is_won].mean())
        assert (total.max(axis=1) > total.min(axis=1)).mean() > 0.5
        return
    np.testing.assert_allclose(total[worlds.is_won], 1, atol=1e-6)
    assert (total[~worlds.is_won] < 0.5).all()
    assert (total == total[:, :1]).all()
