"""The contract of every scenario: worlds for ever the same, fair splits, rules that hold, and no leaks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.world.drawn_worlds import draw_actions
from world import scenarios
from world.codes import Role
from world.scenarios.base import Scenario
from world.testing import CHECKS, draw_answers

NUM_WORLDS = 2_000
NAMES = [*scenarios.names(), "describe:2,5,8", "refer:2,5,8:3", "forage:competitive"]
IN_EVERY_SPLIT = [(name, split) for name in NAMES for split in scenarios.get(name).splits]


@pytest.fixture(params=NAMES)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return scenarios.get(request.param)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", [*NAMES, "describe:1x5"])
def test_the_contract_is_kept(name: str, check: Callable[[Scenario], None]):
    check(scenarios.get(name))


# ---- worlds ----


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


# ---- meanings ----


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


# ---- time ----


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
