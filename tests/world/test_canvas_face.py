"""Tasks of edits: what gymnasium asks for, that only a whole right grid is paid, and that what is seen is enough."""

# ruff: noqa: E402 - without the optional packages the tests are left out before anything here asks for them

from __future__ import annotations

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
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv

from tests.world.face_checks import as_bytes
from world.canvas import ACT_ARGUMENTS, Act, Canvas, act_of
from world.canvas_face import ENV_ID, SUBMIT, CanvasStage, canvas_env, canvas_vector_env, numbers_of
from world.codes import OUTSIDE
from world.edit_rules import KINDS
from world.pairs import LawPairs

STAY = numbers_of(act_of(Act.STAY))
SUBMITTED = np.array([SUBMIT, 0, 0, 0, 0, 0])
GRIDS = [np.array(rows, np.uint8) for rows in ([[1, 2], [3, 4]], [[1, 2], [3, 5]], [[1, 2, 0]], [[10]])]


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():  # the official checkers only warn of much that is wrong
        warnings.simplefilter("error")
        yield


def grids_of(env: Any) -> Any:
    stage = env.stage
    return as_bytes([stage.canvas.cells, stage.canvas.sides, stage.canvas.selected, stage.target.cells, stage.numbers])


def act(*act: int) -> np.ndarray:
    return numbers_of(act_of(Act(act[0]), *act[1:]))


def draw_acts(rng: np.random.Generator, num_acts: int) -> np.ndarray:
    """Acts (num_acts, 6), mostly such as can be done in small grids; a few submit."""
    acts = rng.integers(0, 4, (num_acts, 6))
    acts[:, 0] = rng.permutation(np.repeat(np.arange(16), 1 + num_acts // 16))[:num_acts]
    is_move = acts[:, 0] == Act.MOVE
    acts[is_move, 2:4] += 27
    acts[rng.random(num_acts) < 0.1, 1:] = [32, 58, 58, 29, 10]
    acts[(acts[:, 0] == SUBMIT) & (rng.random(num_acts) < 0.6), 0] = Act.STAY
    return acts


# ---- the official checker, spaces ----


@pytest.mark.parametrize(
    "options", [{}, {"shows_target": False}, {"pairs": [(GRIDS[0], GRIDS[2])], "view_cells": (1, 33)}]
)
def test_gymnasium_finds_no_fault(options: dict[str, Any]):
    env = gymnasium.make(ENV_ID, render_mode="rgb_array", **options)
    assert env.spec.id == "boxlings/Canvas-v0"
    check_env(env.unwrapped)


def test_gymnasium_makes_the_vector_face_itself():
    env = gymnasium.make_vec(ENV_ID, num_envs=3, pairs=[(GRIDS[0], GRIDS[1])])
    assert env.unwrapped.stage.num_worlds == 3
    env.close()


@pytest.mark.parametrize("shows_target", [True, False])
def test_whatever_is_sensed_lies_in_its_space_and_the_target_only_where_it_is_shown(shows_target: bool):
    rng = np.random.default_rng(0)
    env = canvas_vector_env(None, 30, shows_target=shows_target, num_steps=20, view_cells=(4, 7), coarse_cells=(3, 5))
    observation, _ = env.reset(seed=0)
    of_target = {"target_view", "target_whole", "target_sides"} if shows_target else set()
    for _ in range(60):
        assert env.observation_space.contains(observation)
        assert set(observation) == {"view", "whole", "sides", "selected", "was_done"} | of_target
        assert observation["view"].shape == (30, 4, 7)
        assert observation["whole"].shape == (30, 3, 5)
        acts = draw_acts(rng, 30)
        assert env.action_space.contains(acts)
        observation, reward, *_ = env.step(acts)
        assert (reward.dtype, reward.shape) == (np.float64, (30,))


def test_every_number_of_the_space_is_an_act_or_none():
    env = canvas_vector_env(None, 200, num_steps=50)
    env.reset(seed=0)
    env.action_space.seed(1)
    was_done = np.zeros((16, 2), int)
    for _ in range(50):
        acts = env.action_space.sample()
        observation, *_ = env.step(acts)
        np.add.at(was_done, (acts[:, 0], observation["was_done"]), 1)
    assert (was_done[:, 1] > 0).all()
    assert not was_done[[Act.STAY, Act.RELEASE, SUBMIT], 0].any()


@pytest.mark.parametrize("operation", Act)
def test_arguments_count_from_the_lowest_of_their_kind_and_what_is_beyond_its_last_is_not_done(operation: Act):
    space = canvas_env().action_space.nvec
    assert len(space) == 6
    for k, kind in enumerate(ACT_ARGUMENTS[operation], start=1):
        lowest, highest, _ = KINDS[kind]
        values = [KINDS[each][0] for each in ACT_ARGUMENTS[operation]]
        assert numbers_of(act_of(operation, *values)).tolist() == [operation, 0, 0, 0, 0, 0]
        values[k - 1] = highest
        numbers = numbers_of(act_of(operation, *values))
        assert numbers[k] == highest - lowest < space[k]
        if numbers[k] + 1 < space[k]:
            env = canvas_env([(np.full((30, 30), 1), GRIDS[0])])
            env.reset(seed=0)
            before = grids_of(env)
            numbers[k] += 1
            assert env.step(numbers)[0]["was_done"] == 0
            assert grids_of(env) == before


# ---- twins ----


def test_twins_of_one_seed_are_equal_to_the_byte_through_whole_episodes():
    lives = []
    for _ in range(2):
        rng = np.random.default_rng(1)
        env = canvas_env(num_steps=40)
        life = [env.reset(seed=5), grids_of(env)]
        ends = np.zeros(2, int)
        while ends.sum() < 12:
            came = env.step(draw_acts(rng, 1)[0])
            life += [came, grids_of(env)]
            if came[2] or came[3]:
                ends += came[2:4]
                life += [env.reset(), grids_of(env)]
        assert ends.min() > 0
        lives.append(as_bytes(life))
    assert len(lives[0]) > 200
    assert lives[0] == lives[1]


@pytest.mark.parametrize("shows_target", [True, False])
def test_the_vector_face_is_single_environments_side_by_side(shows_target: bool):
    rng = np.random.default_rng(3)
    options: dict[str, Any] = {"shows_target": shows_target, "num_steps": 25}
    vector = canvas_vector_env(None, 6, **options)
    single = SyncVectorEnv([lambda: canvas_env(world_stride=6, **options)] * 6)
    assert vector.action_space == single.action_space
    assert vector.observation_space == single.observation_space
    assert as_bytes(vector.reset(seed=9)) == as_bytes(single.reset(seed=9))
    ends = np.zeros(2, int)
    for step in range(120):
        acts = draw_acts(rng, 6)
        came, expected = vector.step(acts), single.step(acts)
        assert as_bytes(came) == as_bytes(expected)
        ends += [came[2].sum(), came[3].sum()]
        if step == 70:
            assert as_bytes(vector.reset()) == as_bytes(single.reset())
    assert ends.min() > 0


def test_the_face_is_the_canvas_stepped_by_hand():
    rng = np.random.default_rng(4)
    env = canvas_env(num_steps=300, view_cells=(5, 6), coarse_cells=(4, 3))
    num_done = 0
    for seed in range(10):
        observation, info = env.reset(seed=seed)
        before, after = LawPairs()(seed)
        canvas, target = Canvas([before]), Canvas([after])
        for _ in range(30):
            operation = Act(int(rng.integers(15)))
            kinds = [KINDS[kind] for kind in ACT_ARGUMENTS[operation]]
            plain = act_of(operation, *(int(rng.integers(max(low, -2), min(high, 3) + 1)) for low, high, _ in kinds))
            is_done = canvas.act(plain[None])[0]
            observation, reward, terminated, truncated, info = env.step(numbers_of(plain))
            assert (reward, terminated, truncated) == (0, False, False)
            assert observation["was_done"] == is_done
            assert np.array_equal(observation["view"], canvas.view(5, 6)[0])
            assert np.array_equal(observation["whole"], canvas.coarse(4, 3)[0][0])
            assert np.array_equal(observation["sides"], canvas.sides[0])
            assert np.array_equal(observation["selected"], canvas.selected[0])
            assert np.array_equal(observation["target_view"], target.view(5, 6, canvas.selected)[0])
            assert np.array_equal(observation["target_whole"], target.coarse(4, 3)[0][0])
            assert np.array_equal(observation["target_sides"], after.shape)
            is_right = bool(canvas.matches(target)[0])
            assert info == {"is_success": False, "is_selection_right": is_right, "world_number": seed}
            num_done += is_done
    assert num_done > 100


# ---- what is paid ----


@pytest.mark.parametrize(
    ("before", "after", "is_right"),
    [(0, 0, True), (0, 1, False), (0, 2, False), (2, 0, False), (3, 3, True)],
)
def test_only_a_whole_right_grid_is_paid_and_only_when_submitted(before: int, after: int, is_right: bool):
    env = canvas_env([(GRIDS[before], GRIDS[after])])
    env.reset(seed=0)
    # the first cell is right in all of these, and nothing is paid for that
    _, *paid, info = env.step(act(Act.SELECT, 0, 0, 1, 1))
    assert paid == [0.0, False, False]
    assert info["is_selection_right"] == (GRIDS[before].shape == GRIDS[after].shape)
    _, *paid, info = env.step(SUBMITTED)
    assert paid == [float(is_right), True, False]
    assert info["is_success"] == is_right
    with pytest.raises(ResetNeeded, match="no world is going on"):
        env.step(STAY)


def test_a_world_whose_steps_are_up_is_truncated_and_pays_nothing():
    env = canvas_env([(GRIDS[0], GRIDS[0])], num_steps=3)
    env.reset(seed=0)
    assert [env.step(STAY)[1:4] for _ in range(3)] == [(0.0, False, False)] * 2 + [(0.0, False, True)]
    with pytest.raises(ResetNeeded, match="no world is going on"):
        env.step(STAY)


def test_what_is_submitted_in_the_last_step_terminates():
    env = canvas_env([(GRIDS[0], GRIDS[0])], num_steps=2)
    env.reset(seed=0)
    env.step(STAY)
    assert env.step(SUBMITTED)[1:4] == (1.0, True, False)


def test_a_submitted_world_stands_still_until_the_next_begins():
    env = canvas_vector_env([(GRIDS[0], GRIDS[0]), (GRIDS[0], GRIDS[1])], 2, world_stride=2)
    env.reset(seed=0)
    _, reward, terminated, _, _ = env.step(np.stack([SUBMITTED, STAY]))
    assert (reward.tolist(), terminated.tolist()) == ([1, 0], [True, False])
    observation, reward, terminated, _, info = env.step(np.stack([act(Act.SIZE, 1, 1), act(Act.SIZE, 1, 1)]))
    assert (reward.tolist(), terminated.tolist()) == ([0, 0], [False, False])
    assert observation["sides"].tolist() == [[2, 2], [1, 1]]
    assert info["world_number"].tolist() == [2, 1]


def test_what_is_over_stands_still():
    stage = CanvasStage([(GRIDS[0], GRIDS[0])], 2, num_steps=2)
    stage.reset(0)
    stage.step(np.stack([SUBMITTED, STAY]))
    stage.step(np.stack([act(Act.SIZE, 1, 1), act(Act.SET, 1, 1, 9)]))  # the first was submitted, the second runs out
    rewards, decided, ran_out = stage.step(np.stack([SUBMITTED, SUBMITTED]))
    assert not any(each.any() for each in (rewards, decided, ran_out))
    assert [stage.canvas.grid(b).tolist() for b in range(2)] == [[[1, 2], [3, 4]], [[1, 2], [3, 9]]]
    assert stage.infos()["is_success"].tolist() == [True, False]


@pytest.mark.parametrize("seed", [0, None])
def test_nothing_of_a_world_lasts_into_the_next(seed: int | None):
    env = canvas_env([(GRIDS[0], GRIDS[0])], num_steps=2)
    for last, is_success in ((SUBMITTED, True), (act(Act.DEL, 32), False)):
        env.reset(seed=seed)
        env.step(act(Act.SELECT, 1, 1, 1, 1))
        observation, *_, info = env.step(last)
        assert (info["is_success"], bool(observation["was_done"])) == (is_success, is_success)
        observation, info = env.reset(seed=seed)
        assert not info["is_success"]
        assert observation["was_done"] == 1
        assert observation["selected"].tolist() == [0, 0, 2, 2]
        assert env.step(STAY)[1:4] == (0.0, False, False)  # it has all its steps


class Copyist:
    """Copies window by window, by nothing but what it sees."""

    def __init__(self) -> None:
        self.next_rc: tuple[int, int] | None = (0, 0)  # the window to select

    def act(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        view, target_view = observation["view"], observation["target_view"]
        sides, selected = observation["target_sides"].tolist(), observation["selected"].tolist()
        if observation["sides"].tolist() != sides:
            return act(Act.SIZE, *sides)
        if selected != [0, 0, *sides] or (sides[0] <= view.shape[0] and sides[1] <= view.shape[1]):
            wrong = np.argwhere(view != target_view)
            if len(wrong):
                return act(Act.SET, *wrong[0], target_view[tuple(wrong[0])])
        if selected == [0, 0, *sides]:
            if self.next_rc is None:
                return SUBMITTED
            top, left = self.next_rc
            size = [
                min(shown, side - start) for shown, side, start in zip(view.shape, sides, self.next_rc, strict=True)
            ]
            self.next_rc = (top, left + size[1])
            if left + size[1] == sides[1]:
                self.next_rc = (top + size[0], 0) if top + size[0] < sides[0] else None
            return act(Act.SELECT, top, left, *size)
        return act(Act.RELEASE)


def test_what_is_seen_is_enough_to_copy_by_zooming():
    env = canvas_env(num_steps=3000, view_cells=(7, 6))
    num_selected = 0
    for seed in range(40):
        observation, _ = env.reset(seed=seed)
        copyist, terminated = Copyist(), False
        while not terminated:
            chosen = copyist.act(observation)
            num_selected += chosen[0] == Act.SELECT
            observation, reward, terminated, truncated, info = env.step(chosen)
            assert observation["was_done"]
            assert not truncated
        assert reward == 1
        assert info["is_success"]
    assert num_selected > 40


def test_of_a_target_that_is_smaller_than_what_is_selected_the_rest_is_outside():
    observation, _ = canvas_env([(GRIDS[0], GRIDS[2])], view_cells=(3, 3)).reset(seed=0)
    assert observation["target_view"].tolist() == [[1, 2, OUTSIDE], [OUTSIDE] * 3, [OUTSIDE] * 3]
    assert observation["view"].tolist() == [[1, 2, OUTSIDE], [3, 4, OUTSIDE], [OUTSIDE] * 3]


# ---- pairs ----


def test_world_numbers_name_pairs_of_a_list_and_of_a_function():
    asked = []

    def pair(number: int) -> tuple[np.ndarray, np.ndarray]:
        asked.append(number)
        return GRIDS[number % 4], GRIDS[0]

    for pairs in ([(grid, GRIDS[0]) for grid in GRIDS], pair):
        env = canvas_env(pairs)
        for seed, number in ((6, 6), (None, 7), (None, 8), (2**63 - 1, 2**63 - 1), (None, 0)):
            _, info = env.reset(seed=seed)
            assert info["world_number"] == number
            assert np.array_equal(env.stage.canvas.grid(0), GRIDS[number % 4])
    assert asked == [6, 7, 8, 2**63 - 1, 0]


def test_a_list_of_pairs_is_copied():
    grid = GRIDS[0].copy()
    env = canvas_env([(grid, grid)])
    grid[:] = 9
    env.reset(seed=0)
    env.step(act(Act.SET, 0, 0, 7))
    assert env.stage.canvas.grid(0).tolist() == [[7, 2], [3, 4]]
    assert env.stage.target.grid(0).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([], r"pairs must be a function, or a list of one or more pairs, got \[\]"),
        (3, "pairs must be a function, or a list of one or more pairs, got 3"),
        ([(GRIDS[0],)], r"pairs\[0\] must be a pair of grids, got .*"),
        ([(GRIDS[0], GRIDS[0] + 7)], r"`pairs\[0\]\[1\]` must hold colours in \[0, 10\], but 1 cells do not"),
    ],
)
def test_what_are_no_pairs_is_refused(pairs: Any, sentence: str):
    with pytest.raises(ValueError, match=f"(?s)^{sentence}$"):
        canvas_env(pairs)


def test_a_function_that_gives_no_pair_is_refused_and_the_world_stays():
    env = canvas_env(lambda number: (GRIDS[number], GRIDS[0]) if number < 1 else GRIDS[0][0])
    env.reset(seed=0)
    before = grids_of(env)
    with pytest.raises(ValueError, match=r"^pair 1 must be a pair of grids, got array"):
        env.reset()
    assert grids_of(env) == before


# ---- pictures, refusals ----


def test_a_picture_shows_the_grid_what_is_selected_and_the_target_if_it_is_shown():
    for shows_target in (True, False):
        env = canvas_env([(GRIDS[0], GRIDS[1])], shows_target=shows_target, render_mode="rgb_array")
        with pytest.raises(ResetNeeded, match="no world to draw"):
            env.render()
        env.reset(seed=0)
        whole = env.render()
        assert whole.shape == (361, 722 if shows_target else 361, 3)
        env.step(act(Act.SELECT, 1, 1, 1, 1))
        is_changed = (env.render() != whole).any(axis=2)
        rows, columns = np.nonzero(is_changed)
        assert (rows.min(), columns.min(), rows.max(), columns.max()) == (0, 0, 24, 24)  # two frames
        assert is_changed.sum() == 4 * 24 + 4 * 12 - 2 * 25  # which share a corner of 25 pixels
        assert (whole[20, 20] == (255, 220, 0)).all()  # yellow
    assert canvas_env().render() is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_steps": 0}, "num_steps must be a whole number >= 1, got 0"),
        ({"view_cells": 3}, "view_cells must be two sides, got 3"),
        ({"view_cells": (3, 0)}, "view_cells must be a whole number >= 1, got 0"),
        ({"coarse_cells": (1.5, 3)}, "coarse_cells must be a whole number >= 1, got 1.5"),
        ({"shows_target": 1}, "shows_target must be True or False, got 1"),
        ({"world_stride": 0}, "world_stride must be a whole number >= 1, got 0"),
        ({"render_mode": "human"}, "render_mode must be rgb_array or None, got 'human'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], sentence: str):
    for make in (canvas_env, canvas_vector_env):
        with pytest.raises(ValueError, match=f"^{sentence}$"):
            make(**options)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ([0] * 5, r"act must be whole numbers of shape \(6,\), got int64 of shape \(5,\)"),
        ([0.0] * 6, r"act must be whole numbers of shape \(6,\), got float64 of shape \(6,\)"),
        ([16, 0, 0, 0, 0, 0], r"act must have \[0\] in \[0, 15\], got 16"),
        ([0, -1, 0, 0, 0, 0], r"act must have \[1\] in \[0, 32\], got -1"),
        ([14, 0, 59, 0, 0, 0], r"act must have \[2\] in \[0, 58\], got 59"),
    ],
)
def test_wrong_acts_are_refused_and_change_nothing(numbers: list, sentence: str):
    env = canvas_env()
    with pytest.raises(ResetNeeded, match="no world is going on"):
        env.step(STAY)
    env.reset(seed=0)
    before = grids_of(env)
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        env.step(numbers)
    assert grids_of(env) == before


def test_the_package_has_the_canvas_and_loads_it_when_wanted():
    program = (
        "import sys, world\n"
        "assert not {'pettingzoo', 'gymnasium', 'numba'} & set(sys.modules)\n"
        "world.canvas_env().reset(seed=1), world.canvas_vector_env(num_envs=2).reset(seed=1)\n"
        "sys.modules['gymnasium'] = None\n"
        "del sys.modules['world.faces'], sys.modules['world.canvas_face']\n"
        "try:\n    world.canvas_env\nexcept ModuleNotFoundError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "pip install 'boxlings[envs]'" in done.stdout
