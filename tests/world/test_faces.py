"""The standard faces: what the official checkers ask for, and that the faces are the arrays and nothing besides."""

# ruff: noqa: E402 - without the optional packages the tests are left out before anything here asks for them

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")
pytest.importorskip("pettingzoo")

from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from pettingzoo.test import parallel_api_test, parallel_seed_test

from tests.world.face_checks import as_bytes
from world import faces, scenarios
from world.codes import Act, Role
from world.render import picture
from world.scenarios.base import Attribute, Observation, Scenario
from world.state import Worlds, build_worlds

NAMES = scenarios.names()
WITH_GUIDES = [name for name in NAMES if scenarios.get(name).has_guide]
ROLES = ("guide", "builder")


class Toy(Scenario):
    """As unlike the other scenarios as can be: act 2 wins, act 1 loses, and the view shows what some do not see."""

    name = "toy"
    summary = "for tests"
    attributes = (Attribute("wish", ("a", "b", "c")),)
    num_steps = 4
    view_shape = (2, 5)
    num_looks = 7
    num_actions = 3
    is_decided_by_answers = False
    guide_sees = False

    def __init__(self, num_agents: int) -> None:
        self.num_agents = num_agents

    def __str__(self) -> str:
        return f"{self.name}{self.num_agents}"

    def is_held_out(self, meanings: np.ndarray) -> np.ndarray:
        return meanings[:, 0] == 2

    def generate(self, numbers: np.ndarray, split: str) -> Worlds:
        nobody = np.zeros((len(numbers), self.num_agents), np.uint8)
        worlds = build_worlds(np.zeros((len(numbers), 2, 5), np.uint8), np.zeros((len(numbers), 2)).astype(int), nobody)
        worlds.goal[:, 0] = numbers % 2
        worlds.role[:, 1:2] = Role.GUIDE
        return worlds

    def observe(self, worlds: Worlds) -> Observation:
        is_guide = worlds.role == Role.GUIDE
        return Observation(np.full((*is_guide.shape, 2, 5), 6, np.uint8), sees=~is_guide, knows=is_guide)

    def advance(self, worlds: Worlds, actions: np.ndarray, answers: np.ndarray | None) -> np.ndarray:
        goes_on = ~worlds.is_over
        worlds.steps_taken += goes_on
        wins, loses = goes_on & (actions == 2).any(axis=1), goes_on & (actions == 1).any(axis=1)
        worlds.is_won |= wins
        worlds.is_over |= wins | loses | (worlds.steps_taken >= self.num_steps)
        worlds.last_action[goes_on] = actions[goes_on]
        return np.repeat((wins * 1.0 - (loses & ~wins)).astype(np.float32)[:, None], self.num_agents, axis=1)

    def plan(self, worlds: Worlds) -> np.ndarray:
        return np.where(worlds.is_over[:, None], 0, np.full(worlds.role.shape, 1 << 2)).astype(np.uint8)

    def chance_success(self) -> float:
        return 1.0


STAGES = [*NAMES, "forage:competitive", Toy(1), Toy(2), Toy(4)]


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():  # the official checkers only warn of much that is wrong
        warnings.simplefilter("error")
        yield


def draw_acts(rng: np.random.Generator, sizes: np.ndarray, *leading: int) -> np.ndarray:
    """Acts (*leading, D) drawn evenly, but bodies mostly stay, so that some worlds run out of steps."""
    acts = rng.integers(0, sizes, (*leading, len(sizes)))
    acts[..., 0] *= rng.random(leading) < 0.1
    return acts


def draw_all(rng: np.random.Generator, env: Any) -> dict[str, np.ndarray]:
    return {agent: draw_acts(rng, env.stage.act_sizes) for agent in env.agents}


def reflex(observation: dict[str, np.ndarray]) -> np.ndarray:
    """A partner for scenarios whose acts have six numbers: whatever it does, it does by what it senses."""
    total = sum(
        observation[key].reshape(*observation["role"].shape, -1).sum(axis=-1, dtype=int) for key in sorted(observation)
    )
    return (total[..., None] + np.arange(6)) % 3


# ---- the official checkers ----


@pytest.mark.parametrize("name", STAGES, ids=str)
@pytest.mark.parametrize("message_length", [0, None, 3])
def test_pettingzoo_finds_no_fault(name: str | Scenario, message_length: int | None):
    def make() -> Any:
        return faces.parallel_env(name, message_length=message_length, render_mode="rgb_array")

    parallel_api_test(make(), num_cycles=200)
    parallel_seed_test(make)


@pytest.mark.parametrize(("name", "role"), [(n, r) for n in NAMES for r in ROLES if r == "builder" or n in WITH_GUIDES])
def test_gymnasium_finds_no_fault(name: str, role: str):
    env = gymnasium.make(faces.env_id(name), role=role, render_mode="rgb_array")
    assert env.spec.id == f"boxlings/{name.capitalize()}-v0"
    check_env(env.unwrapped)


@pytest.mark.parametrize("num_agents", [1, 2, 4])
def test_gymnasium_finds_no_fault_with_a_scenario_that_is_in_no_registry(num_agents: int):
    gymnasium.register("Toy-v0", lambda **options: faces.gym_env(Toy(num_agents), **options))
    try:
        check_env(gymnasium.make("Toy-v0").unwrapped)
    finally:
        del gymnasium.registry["Toy-v0"]


@pytest.mark.parametrize("name", NAMES)
def test_gymnasium_makes_the_vector_face_itself(name: str):
    env = gymnasium.make_vec(faces.env_id(name), num_envs=3)
    assert env.unwrapped.stage.num_worlds == 3
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    env.close()


# ---- spaces ----


@pytest.mark.parametrize("name", STAGES, ids=str)
@pytest.mark.parametrize("message_length", [0, None])
def test_whatever_is_sensed_lies_in_its_space_to_the_very_end(name: str | Scenario, message_length: int | None):
    rng = np.random.default_rng(0)
    env = faces.parallel_env(name, message_length=message_length, num_symbols=9)
    num_ends = 0
    for seed in range(12):
        observations, _ = env.reset(seed=seed)
        while True:
            for agent, observation in observations.items():
                assert env.observation_space(agent).contains(observation)
                assert env.observation_space(agent)["view"].shape == env.stage.scenario.view_shape
                hears = message_length != 0 and env.stage.scenario.num_agents > 1
                assert ("heard" in observation) == hears
            if not env.agents:
                break
            acts = draw_all(rng, env)
            assert all(env.action_space(agent).contains(act) for agent, act in acts.items())
            observations, *_ = env.step(acts)
        num_ends += 1
    assert num_ends == 12


@pytest.mark.parametrize("name", STAGES, ids=str)
def test_the_vector_face_keeps_to_its_spaces(name: str | Scenario):
    rng = np.random.default_rng(0)
    env = faces.gym_vector_env(name, 20)
    observation, _ = env.reset(seed=0)
    assert env.action_space.contains(draw_acts(rng, env.stage.act_sizes, 20))
    for _ in range(2 * env.stage.scenario.num_steps):
        assert env.observation_space.contains(observation)
        observation, reward, *ends, _ = env.step(draw_acts(rng, env.stage.act_sizes, 20))
        assert (reward.dtype, reward.shape) == (np.float64, (20,))
        assert all((end.dtype, end.shape) == (bool, (20,)) for end in ends)


def test_an_act_has_an_answer_only_where_answers_decide():
    name, guide = (faces.parallel_env(each, message_length=2, num_symbols=7) for each in ("name", "guide"))
    assert name.action_space("agent_0").nvec.tolist() == [5, 8, 8, 4, 4, 5, 5]
    assert guide.action_space("agent_0").nvec.tolist() == [5, 8, 8]


# ---- twins ----


@pytest.mark.parametrize("name", STAGES, ids=str)
def test_twins_of_one_seed_are_equal_to_the_byte_through_whole_episodes(name: str | Scenario):
    lives = []
    for _ in range(2):
        rng = np.random.default_rng(1)
        env = faces.parallel_env(name)
        life = [env.reset(seed=5), env.stage.worlds.copy()]
        num_steps = num_episodes = 0
        while num_episodes < 6:
            life += [env.step(draw_all(rng, env)), env.stage.worlds.copy()]
            num_steps += 1
            if not env.agents:
                life += [env.reset(), env.stage.worlds.copy()]
                num_episodes += 1
        assert num_steps > num_episodes
        lives.append(as_bytes(life))
    assert lives[0] == lives[1]


@pytest.mark.parametrize("name", STAGES, ids=str)
def test_twin_vectors_of_one_seed_are_equal_to_the_byte_through_many_episodes(name: str | Scenario):
    lives = []
    for _ in range(2):
        rng = np.random.default_rng(2)
        env = faces.gym_vector_env(name, 7)
        life = [env.reset(seed=5), env.stage.worlds.copy()]
        num_ends = 0
        for _ in range(4 * (env.stage.scenario.num_steps + 1)):
            came = env.step(draw_acts(rng, env.stage.act_sizes, 7))
            life += [came, env.stage.worlds.copy()]
            num_ends += int((came[2] | came[3]).sum())
        assert num_ends >= 4 * 7
        lives.append(as_bytes(life))
    assert len(lives[0]) == 2 + 8 * (env.stage.scenario.num_steps + 1)
    assert lives[0] == lives[1]


# ---- one face is the other ----


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("role", "options"),
    [
        ("builder", {}),
        ("builder", {"partner": "able", "split": "held-out"}),
        ("guide", {"hearing_radius_cells": 2}),
        ("guide", {"partner": "idle", "message_length": 0}),
        ("builder", {"partner": reflex, "num_symbols": 12}),
    ],
)
def test_the_vector_face_is_single_environments_side_by_side(name: str, role: str, options: dict[str, Any]):
    if role == "guide" and name not in WITH_GUIDES:
        pytest.skip("nobody guides there")
    if options.get("partner") is reflex:  # it says as many symbols as there are attributes and answers, less one
        scenario = scenarios.get(name)
        options = options | {"message_length": 5 - scenario.num_attributes * scenario.is_decided_by_answers}
    rng = np.random.default_rng(3)
    vector = faces.gym_vector_env(name, 6, role=role, **options)
    single = SyncVectorEnv([lambda: faces.gym_env(name, role=role, world_stride=6, **options)] * 6)
    assert vector.action_space == single.action_space
    assert vector.observation_space == single.observation_space
    assert as_bytes(vector.reset(seed=9)) == as_bytes(single.reset(seed=9))
    ends = np.zeros(2, int)
    num_steps = vector.stage.scenario.num_steps
    for step in range(3 * (num_steps + 1) + num_steps + 1):
        acts = draw_acts(rng, vector.stage.act_sizes, 6)
        came, expected = vector.step(acts), single.step(acts)
        assert as_bytes(came) == as_bytes(expected)
        ends += [came[2].sum(), came[3].sum()]
        if step == 3 * (num_steps + 1) or came[2].all():  # among others when every world has just ended
            assert as_bytes(vector.reset()) == as_bytes(single.reset())
    assert ends.sum() >= 3 * 6


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(4))
def test_the_face_is_the_scenario_stepped_by_hand(name: str, seed: int):
    scenario, rng = scenarios.get(name), np.random.default_rng(seed)
    env = faces.parallel_env(name, message_length=2, num_symbols=5)
    observations, infos = env.reset(seed=seed)
    worlds = scenario.generate(np.array([seed]), "train")
    said = np.zeros((scenario.num_agents, 2), int)
    while True:
        sensed = scenario.observe(worlds)
        for a, agent in enumerate(env.possible_agents):
            observation = observations[agent]
            if not worlds.is_over[0]:
                np.testing.assert_array_equal(observation["view"], sensed.view[0, a])
            assert observation["sees"] == sensed.sees[0, a]
            is_told = sensed.knows[0, a] if sensed.told is None else sensed.told[0, a]
            told = np.where(is_told, worlds.goal[0], scenario.attribute_sizes)
            np.testing.assert_array_equal(observation["goal"], told)
            if scenario.num_choices:
                shown = worlds.choices[0].ravel()
                hidden = np.tile(scenario.attribute_sizes, scenario.num_choices)
                is_builder = worlds.role[0, a] == Role.BUILDER
                np.testing.assert_array_equal(observation["choices"], shown if is_builder else hidden)
            else:
                assert "choices" not in observation
            has_turn = scenario.had_turn(worlds)[0, :, None]
            others_said = np.delete(said * has_turn, a, axis=0).ravel()
            np.testing.assert_array_equal(observation.get("heard", np.zeros(0)), others_said)
            assert observation["role"] == worlds.role[0, a]
            assert observation["last_act"] == worlds.last_action[0, a]
            assert observation["moved"] == worlds.last_moved[0, a]
            assert infos[agent] == {"is_success": bool(worlds.is_won[0]), "world_number": seed}
        assert as_bytes(env.stage.worlds) == as_bytes(worlds)
        if worlds.is_over[0]:
            break
        acts = draw_all(rng, env)
        every = np.stack([acts[agent] for agent in env.agents])
        agents = env.agents
        observations, rewards, *ends, infos = env.step(acts)
        paid = scenario.advance(worlds, every[None, :, 0].astype(np.int8), every[None, :, 3:])
        said = every[:, 1:3]
        assert rewards == dict(zip(agents, paid[0].tolist(), strict=True))
        assert [any(end.values()) for end in ends].count(True) == worlds.is_over[0]
    assert env.agents == []


@pytest.mark.parametrize("name", NAMES)
def test_a_single_environment_shows_what_its_agent_senses_among_all(name: str):
    for role in ROLES if name in WITH_GUIDES else ("builder",):
        env = faces.gym_env(name, role=role)
        for seed in range(10):
            observation, info = env.reset(seed=seed)
            everybody, _ = faces.parallel_env(name).reset(seed=seed)
            of_role = [each for each in everybody.values() if each["role"] == Role[role.upper()]]
            assert data_equivalence(observation, of_role[0], exact=True)
            assert info == {"is_success": False, "world_number": seed}


# ---- which world ----


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_is_the_number_of_a_world_and_without_one_comes_the_next(name: str):
    scenario = scenarios.get(name)
    for split in ("train", "held-out"):
        env = faces.parallel_env(name, split=split)
        numbers = []
        for seed in (41, None, None, 7, 2**63 - 1, None):
            _, infos = env.reset(seed=seed)
            numbers.append(infos["agent_0"]["world_number"])
            assert as_bytes(env.stage.worlds) == as_bytes(scenario.generate(np.array(numbers[-1:]), split))
        assert numbers == [41, 42, 43, 7, 2**63 - 1, 0]


def test_the_environments_of_a_vector_share_no_world():
    env = faces.gym_vector_env("name", 5)
    stay = np.zeros((5, len(env.stage.act_sizes)), int)
    _, info = env.reset(seed=100)
    played = [info["world_number"]]
    for step in range(9):
        *_, ends, _, info = env.step(stay)
        assert ends.all() == (step % 3 == 1)  # two steps in a world, and one to begin the next
        if step % 3 == 2:
            played.append(info["world_number"])
    assert np.concatenate(played).tolist() == list(range(100, 120))


def test_without_any_seed_the_first_world_is_drawn():
    numbers = {faces.gym_env("name").reset()[1]["world_number"] for _ in range(5)}
    assert len(numbers) == 5


# ---- talk ----


def test_a_message_is_heard_by_all_others_exactly_one_step_later():
    env = faces.parallel_env("guide", message_length=3, num_symbols=8)
    observations, _ = env.reset(seed=0)
    assert not any(observation["heard"].any() for observation in observations.values())
    said = {agent: [0, 2 * a + 1, 8, a] for a, agent in enumerate(env.agents)}
    silent = dict.fromkeys(env.agents, np.zeros(4, int))
    observations, *_ = env.step({agent: np.array(act) for agent, act in said.items()})
    assert {agent: each["heard"].tolist() for agent, each in observations.items()} == {
        "agent_0": [3, 8, 1, 5, 8, 2],
        "agent_1": [1, 8, 0, 5, 8, 2],
        "agent_2": [1, 8, 0, 3, 8, 1],
    }
    observations, *_ = env.step(silent)
    assert not any(observation["heard"].any() for observation in observations.values())
    for seed in (None, 0):
        env.step({agent: np.array(act) for agent, act in said.items()})
        observations, _ = env.reset(seed=seed)
        assert not any(observation["heard"].any() for observation in observations.values())


def test_what_was_said_before_the_end_is_not_heard_in_the_next_world():
    env = faces.gym_vector_env("name", 4, partner=lambda sensed: np.ones((4, 2, 9), int))
    observation, _ = env.reset(seed=0)
    heard = [observation["heard"].any()]
    for _ in range(5):
        heard.append(env.step(np.ones((4, 9), int))[0]["heard"].any())
    assert heard == [False, True, True, False, True, True]


def test_who_is_too_far_away_hears_nothing():
    near = far = 0
    for seed in range(30):
        env = faces.parallel_env("guide", hearing_radius_cells=2)
        env.reset(seed=seed)
        observations, *_ = env.step({agent: np.array([0, a + 1, a + 1]) for a, agent in enumerate(env.agents)})
        guide = int((env.stage.worlds.role[0] == Role.GUIDE).argmax())
        one, two = (a for a in range(3) if a != guide)
        distance = abs(env.stage.worlds.position_rc[0, one] - env.stage.worlds.position_rc[0, two]).max()
        assert two + 1 in observations[f"agent_{guide}"]["heard"]  # a guide is a voice: it hears, and is heard
        assert guide + 1 in observations[f"agent_{one}"]["heard"]
        assert (two + 1 in observations[f"agent_{one}"]["heard"]) == (distance <= 2)
        near, far = near + int(distance <= 2), far + int(distance > 2)
    assert near > 0
    assert far > 0


# ---- the end ----


def test_a_world_whose_steps_are_up_is_truncated_and_still_seen():
    env = faces.parallel_env("guide")
    env.reset(seed=0)
    for step in range(20):
        observations, rewards, terminations, truncations, infos = env.step(dict.fromkeys(env.agents, np.zeros(3, int)))
        assert not any(terminations.values())
        assert all(truncations.values()) == any(truncations.values()) == (step == 19)
    assert not any(rewards.values())
    assert not any(info["is_success"] for info in infos.values())
    assert all(observation["view"].any() == observation["sees"] for observation in observations.values())
    with pytest.raises(ResetNeeded, match="no world is going on"):
        env.step({})


@pytest.mark.parametrize("act", [1, 2])
def test_what_is_decided_in_the_last_step_terminates(act: int):
    env = faces.gym_env(Toy(2), message_length=0)
    env.reset(seed=0)
    for _ in range(3):
        assert env.step(np.array([0]))[1:4] == (0.0, False, False)
    _, reward, terminated, truncated, info = env.step(np.array([act]))
    assert (reward, terminated, truncated, info["is_success"]) == ((-1.0, 1.0)[act - 1], True, False, act == 2)
    with pytest.raises(ResetNeeded, match="no world is going on"):
        env.step(np.array([0]))


@pytest.mark.parametrize("is_right", [False, True])
def test_an_answer_terminates_right_or_wrong(is_right: bool):
    env = faces.parallel_env("name")
    env.reset(seed=3)
    answer = env.stage.worlds.goal[0].astype(int)
    answer[2] = (answer[2] + (not is_right)) % 5
    acts = {agent: np.concatenate([np.zeros(5, int), answer]) for agent in env.agents}
    env.step(acts)
    _, rewards, terminations, truncations, infos = env.step(acts)
    assert set(rewards.values()) == {float(is_right)}
    assert all(terminations.values())
    assert not any(truncations.values())
    assert {info["is_success"] for info in infos.values()} == {is_right}


def test_an_agent_that_does_not_see_gets_nothing_of_the_view():
    observations, _ = faces.parallel_env(Toy(2)).reset(seed=0)
    assert observations["agent_0"]["view"].all()
    assert not observations["agent_1"]["view"].any()
    assert observations["agent_0"]["goal"].tolist() == [3]  # not told
    assert observations["agent_1"]["goal"].tolist() == [0]


# ---- partners ----


def play(env: Any, choose: Any, num_steps: int) -> np.ndarray:
    """Whether each environment of a vector won its first world, (B,) bool."""
    observation, _ = env.reset(seed=0)
    is_won = np.zeros(env.num_envs, bool)
    for _ in range(num_steps):
        observation, _, _, _, info = env.step(choose(observation))
        is_won |= info["is_success"] & (info["world_number"] < env.num_envs)
    return is_won


def test_the_guides_of_the_ready_partners_name_the_goal_and_builders_stay():
    env = faces.gym_env("guide", message_length=4)
    for seed in range(10):
        env.reset(seed=seed)
        for _ in range(3):  # they have heard it twice
            observation, *_ = env.step(np.zeros(5, int))
        heard = observation["heard"].reshape(2, 4)
        voice = heard[heard.any(axis=1)]
        np.testing.assert_array_equal(voice, [[*(env.stage.worlds.goal[0] + 1), 0, 0]])
        assert not env.stage.worlds.last_action.any()


def test_a_builder_who_answers_what_it_hears_always_wins():
    env = faces.gym_vector_env("name", 50)

    def choose(observation: dict[str, np.ndarray]) -> np.ndarray:
        answer = np.maximum(observation["heard"] - 1, 0)
        return np.concatenate([np.zeros((50, 5), int), answer], axis=1)

    assert play(env, choose, 2).all()


def test_a_guide_cannot_be_controlled_where_there_is_none():
    with pytest.raises(ValueError, match="scenario sokoban has no guides, so role must be builder, got 'guide'"):
        faces.gym_env("sokoban", role="guide")


@pytest.mark.parametrize("name", WITH_GUIDES)
def test_able_builders_win_for_a_guide_who_names_the_goal_and_not_for_a_silent_one(name: str):
    env = faces.gym_vector_env(name, 100, role="guide")
    num_steps, num_attributes = env.stage.scenario.num_steps, env.stage.scenario.num_attributes

    def tell(observation: dict[str, np.ndarray]) -> np.ndarray:
        acts = np.zeros((100, len(env.stage.act_sizes)), int)
        acts[:, 1 : 1 + num_attributes] = env.stage.worlds.goal + 1
        return acts

    def lie(observation: dict[str, np.ndarray]) -> np.ndarray:
        acts = tell(observation)
        told = acts[:, 1 : 1 + num_attributes]
        told[:] = told % env.stage.scenario.attribute_sizes + 1
        return acts

    # foragers get into each other's way
    assert play(env, tell, num_steps).mean() >= (0.85 if name == "forage" else 0.95)
    assert play(env, lie, num_steps).mean() <= 0.05
    # a fixed answer is often right of one attribute alone, or where few goals are trained on
    by_chance = {"ask": 0.35, "committee": 0.2}.get(name, 0.05)
    assert play(env, lambda observation: tell(observation) * 0, num_steps).mean() <= by_chance


@pytest.mark.parametrize("message", [[0, 0], [3, 0], [0, 3]])
def test_able_builders_stay_when_what_they_hear_names_no_goal(message: list[int]):
    env = faces.gym_vector_env("guide", 20, role="guide")
    env.reset(seed=0)
    for _ in range(4):
        env.step(np.array([[Act.STAY, *message]] * 20))
        assert not env.stage.worlds.last_action.any()


@pytest.mark.parametrize(("symbol", "is_value"), [(3, True), (4, False), (9, False)])
def test_able_builders_know_as_many_words_as_there_are_values(symbol: int, is_value: bool):
    env = faces.gym_env(Toy(2), role="guide", num_symbols=9)
    env.reset(seed=0)
    env.step(np.array([0, symbol]))
    assert env.step(np.array([0, symbol]))[4]["is_success"] == is_value


def test_an_able_guide_does_not_do_what_it_hears():
    env = faces.gym_env(Toy(2), partner="able")
    env.reset(seed=0)
    for _ in range(3):
        assert not env.step(np.array([0, 1]))[4]["is_success"]


def test_a_partner_of_ones_own_gets_everybody_s_senses_and_acts_for_the_others():
    seen = []
    habit = np.ones((2, 3, 3), np.uint8)

    def partner(sensed: dict[str, np.ndarray]) -> np.ndarray:
        seen.append({key: value.shape for key, value in sensed.items()})
        return habit

    env = faces.gym_vector_env("guide", 2, partner=partner)
    env.reset(seed=0)
    observation, *_ = env.step(np.array([[Act.STAY, 2, 2]] * 2))
    assert seen[0]["view"] == (2, 3, 7, 7)
    assert seen[0]["heard"] == (2, 3, 4)
    assert (observation["heard"] == 1).all()
    assert (observation["last_act"] == Act.STAY).all()
    assert (env.stage.worlds.last_action == Act.UP).sum() == 4
    assert (habit == 1).all()  # what it gave stays its own


# ---- pictures ----


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_those_of_the_world(name: str):
    for make in (faces.parallel_env, faces.gym_env):
        assert make(name).render() is None
        env = make(name, render_mode="rgb_array")
        with pytest.raises(ResetNeeded, match="no world to draw"):
            env.render()
        env.reset(seed=3)
        np.testing.assert_array_equal(env.render(), picture(scenarios.get(name).generate(np.array([3]), "train"), 0))
    vector = faces.gym_vector_env(name, 2, render_mode="rgb_array")
    vector.reset(seed=2)
    np.testing.assert_array_equal(vector.render()[1], env.render())


# ---- refusals ----


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"split": "test"}, "split of name must be one of train, held-out, held-out-seeds, got 'test'"),
        ({"message_length": -1}, "message_length must be a whole number >= 0, got -1"),
        ({"num_symbols": 0}, "num_symbols must be a whole number >= 1, got 0"),
        ({"hearing_radius_cells": 1.5}, "hearing_radius_cells must be a whole number >= 0, got 1.5"),
        ({"world_stride": 0}, "world_stride must be a whole number >= 1, got 0"),
        ({"render_mode": "human"}, "render_mode must be rgb_array or None, got 'human'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], sentence: str):
    for make in (faces.parallel_env, faces.gym_env, faces.gym_vector_env):
        with pytest.raises(ValueError, match=f"^{sentence}$"):
            make("name", **options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"role": "king"}, "role must be one of guide, builder, got 'king'"),
        ({"partner": "friend"}, "partner must be able, idle or a function, got 'friend'"),
        (
            {"message_length": 3},
            "to name a goal the idle partner needs message_length >= 4 and num_symbols >= 5, got 3",
        ),
        (
            {"num_symbols": 4},
            "to name a goal the idle partner needs message_length >= 4 and num_symbols >= 5, got 4 and",
        ),
    ],
)
def test_wrong_company_is_refused(options: dict[str, Any], sentence: str):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        faces.gym_env("name", **options)


def test_a_role_that_nobody_has_is_refused():
    with pytest.raises(ValueError, match="scenario toy has worlds without a guide"):
        faces.gym_env(Toy(1), role="guide").reset(seed=0)


def test_a_vector_of_no_environments_is_refused():
    with pytest.raises(ValueError, match="num_envs must be a whole number >= 1, got 0"):
        faces.gym_vector_env("name", 0)


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5, True])
def test_seeds_that_are_no_world_number_are_refused(seed: Any):
    with pytest.raises(ValueError, match=r"^seed must be a whole number in \[0, 9223372036854775807\], got"):
        faces.parallel_env("name").reset(seed=seed)


WRONG_ACTS = [
    ([0, 0], r"must be whole numbers of shape \(3,\), got int64 of shape \(2,\)"),
    ([0.0, 0.0, 0.0], r"must be whole numbers of shape \(3,\), got float64 of shape \(3,\)"),
    ({"act": 1}, r"must be whole numbers of shape \(3,\), got object of shape \(\)"),
    ([5, 0, 0], r"must have \[0\] in \[0, 4\], got 5"),
    ([0, 0, 9], r"must have \[2\] in \[0, 8\], got 9"),
    ([0, -1, 0], r"must have \[1\] in \[0, 8\], got -1"),
]


@pytest.mark.parametrize(("act", "sentence"), WRONG_ACTS)
def test_wrong_acts_are_refused_and_change_nothing(act: Any, sentence: str):
    parallel, single = faces.parallel_env("guide"), faces.gym_env("guide")
    for env in (parallel, single):
        env.reset(seed=0)
    before = as_bytes(parallel.stage.worlds)
    with pytest.raises(ValueError, match=f"^act of agent_1 {sentence}$"):
        parallel.step({"agent_0": np.array([1, 0, 0]), "agent_1": act, "agent_2": np.array([1, 0, 0])})
    with pytest.raises(ValueError, match=f"^act {sentence}$"):
        single.step(act)
    assert as_bytes(parallel.stage.worlds) == as_bytes(single.stage.worlds) == before


def test_wrong_acts_of_a_vector_or_a_partner_are_refused():
    env = faces.gym_vector_env("guide", 2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"^acts must be whole numbers of shape \(2, 3\), got int64 of shape \(3,\)$"):
        env.step(np.zeros(3, int))
    with pytest.raises(ValueError, match=r"^acts must have \[1, 0\] in \[0, 4\], got 7$"):
        env.step(np.array([[0, 0, 0], [7, 0, 0]]))
    env = faces.gym_env("guide", partner=lambda sensed: np.zeros((1, 2, 3), int))
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"^acts of the partner must be whole numbers of shape \(1, 3, 3\), got"):
        env.step(np.zeros(3, int))


def test_acts_of_too_few_or_of_strangers_are_refused():
    env = faces.parallel_env("name")
    env.reset(seed=0)
    act = np.zeros(9, int)
    with pytest.raises(ValueError, match=r"^acts must be given for agent_0, agent_1, got agent_1$"):
        env.step({"agent_1": act})
    with pytest.raises(ValueError, match=r"^acts must be given for agent_0, agent_1, got none$"):
        env.step({})
    with pytest.raises(ValueError, match=r"^acts must be given for agent_0, agent_1, got agent_0, agent_1, agent_2$"):
        env.step(dict.fromkeys(("agent_0", "agent_1", "agent_2"), act))


def test_to_step_before_there_is_a_world_is_refused():
    for env in (faces.parallel_env("name"), faces.gym_env("name"), faces.gym_vector_env("name", 2)):
        with pytest.raises(ResetNeeded, match="no world is going on: call reset\\(\\) first"):
            env.step({})


@pytest.mark.parametrize("package", ["gymnasium", "pettingzoo"])
def test_a_missing_package_is_told_with_how_to_install_it(package: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, package, None)
    spec = importlib.util.spec_from_file_location("faces_again", faces.__file__)
    with pytest.raises(ModuleNotFoundError, match=r"need pettingzoo and gymnasium: pip install 'boxlings\[envs\]'"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_the_package_has_the_faces_and_loads_them_when_wanted():
    program = (
        "import sys, world\n"
        "assert not {'pettingzoo', 'gymnasium', 'numba'} & set(sys.modules)\n"
        "assert world.scenarios() == world.scenarios.names()\n"
        "assert world.render.picture(world.scenarios.get('guide').generate([3], 'train'), 0).shape == (192, 192, 3)\n"
        "world.parallel_env('guide').reset(seed=1), world.gym_env('name'), world.gym_vector_env('guide', num_envs=2)\n"
        "try:\n    world.nothing\nexcept AttributeError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "module 'world' has no attribute 'nothing'\n"
