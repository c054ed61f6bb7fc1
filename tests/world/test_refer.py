"""Scenario refer: candidates that differ, of one split, drawn evenly, which without words tell nothing of the goal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from world import scenarios
from world.codes import Role

NAMES = ["refer", "refer:2,11:2", "refer:3x6:43"]
SPLITS = ("train", "held-out", "held-out-seeds")


def places_of(goal: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """Where each goal (B, G) lies among its candidates (B, C, G), (B, C) bool."""
    return (choices == goal[:, None]).all(axis=-1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("split", SPLITS)
def test_the_candidates_are_different_objects_of_the_split_and_the_goal_is_one_of_them(name: str, split: str):
    scenario = scenarios.get(name)
    worlds = scenario.generate(np.arange(500), split)
    assert (places_of(worlds.goal, worlds.choices).sum(axis=1) == 1).all()
    of_split = {tuple(meaning) for meaning in scenario.meanings(split).tolist()}
    for choices in worlds.choices.tolist():
        candidates = {tuple(candidate) for candidate in choices}
        assert len(candidates) == scenario.num_choices
        assert candidates <= of_split


@pytest.mark.parametrize("name", NAMES)
def test_all_objects_are_candidates_equally_often_in_every_place(name: str):
    scenario = scenarios.get(name)
    meanings = scenario.meanings("held-out")
    index = {tuple(meaning): i for i, meaning in enumerate(meanings.tolist())}
    num_worlds = 500 * len(meanings)
    worlds = scenario.generate(np.arange(num_worlds), "held-out")
    for place in range(min(4, scenario.num_choices)):
        drawn = [index[tuple(candidate)] for candidate in worlds.choices[:, place].tolist()]
        counts = np.bincount(drawn, minlength=len(meanings))
        freedom = len(meanings) - 1
        chi_squared = float(((counts - 500) ** 2 / 500).sum())
        assert chi_squared < freedom + 5 * np.sqrt(2 * freedom)
    # and the goal is in all places, whatever the goal
    is_there = places_of(worlds.goal, worlds.choices)
    share = 1 / scenario.num_choices
    for which in (slice(None), worlds.goal[:, 0] == 0):
        spread = np.sqrt(share / len(is_there[which]))
        assert (abs(is_there[which].mean(axis=0) - share) < 4.5 * spread).all()


HABITS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the first": lambda choices: np.zeros(choices.shape[:2]),
    "the largest": lambda choices: -choices.sum(axis=-1),
    "the one most like the others": lambda choices: (
        -(choices[:, :, None] == choices[:, None]).sum(axis=(2, 3), dtype=int)
    ),
    "the one least like the others": lambda choices: (choices[:, :, None] == choices[:, None]).sum(axis=(2, 3)),
}


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("name", ["refer", "refer:2,11:2"])
def test_who_chooses_without_words_wins_one_in_the_number_of_candidates(name: str, habit: str):
    scenario = scenarios.get(name)
    worlds = scenario.generate(np.arange(20_000), "train")
    best = HABITS[habit](worlds.choices).argmin(axis=1)
    answer = worlds.choices[np.arange(len(worlds)), best]
    for _ in range(scenario.num_steps):
        scenario.advance(worlds, np.zeros((len(worlds), 2), np.int8), np.repeat(answer[:, None], 2, axis=1))
    chance = scenario.chance_success()
    assert chance == 1 / worlds.choices.shape[1]
    assert abs(worlds.is_won.mean() - chance) < 4 * np.sqrt(chance * (1 - chance) / len(worlds))


def test_an_answer_that_is_the_goal_wins_and_any_other_loses_candidate_or_not():
    scenario = scenarios.get("refer")
    worlds = scenario.generate(np.arange(300), "train")
    is_guide = worlds.role == Role.GUIDE
    other = worlds.choices[np.arange(300), (places_of(worlds.goal, worlds.choices).argmax(axis=1) + 1) % 4]
    for answer, wins in ((worlds.goal, True), (other, False), ((worlds.goal + 1) % 6, False)):
        played = worlds.copy()
        answers = np.where(is_guide[..., None], -1, answer[:, None])
        for _ in range(scenario.num_steps):
            scenario.advance(played, np.zeros((300, 2), np.int8), answers)
        assert (played.is_won == wins).all()


def test_the_same_objects_are_held_out_as_of_the_game_of_naming_them():
    for sizes in ("3x6", "2,11"):
        for split in SPLITS:
            chosen, named = (scenarios.get(f"{kind}:{sizes}").meanings(split) for kind in ("refer", "describe"))
            np.testing.assert_array_equal(chosen, named)


@pytest.mark.parametrize("split", SPLITS)
def test_candidates_for_given_goals_are_the_same_alone_in_any_batch_and_in_any_order(split: str):
    scenario = scenarios.get("refer")
    goals = scenario.meanings(split)
    numbers = 2**40 + np.arange(len(goals))
    choices = scenario.candidates(goals, numbers, split)
    assert choices.shape == (len(goals), 4, 3)
    assert (places_of(goals, choices).sum(axis=1) == 1).all()
    order = np.random.default_rng(0).permutation(len(goals))
    np.testing.assert_array_equal(scenario.candidates(goals[order], numbers[order], split), choices[order])
    for i in range(10):
        np.testing.assert_array_equal(scenario.candidates(goals[i : i + 1], numbers[i : i + 1], split)[0], choices[i])
    other = scenario.candidates(goals, numbers + len(goals), split)
    assert (other != choices).any(axis=(1, 2)).mean() > 0.9


def test_distractors_of_given_goals_are_drawn_evenly_from_all_others():
    scenario = scenarios.get("refer:2,11:3")
    meanings = scenario.meanings("train")
    index = {tuple(meaning): i for i, meaning in enumerate(meanings.tolist())}
    goals = np.repeat(meanings[4:5], 20_000, axis=0)
    choices = scenario.candidates(goals, np.arange(20_000), "train")
    counts = np.bincount([index[tuple(each)] for each in choices.reshape(-1, 2).tolist()], minlength=len(meanings))
    assert counts[4] == 20_000
    expected = 2 * 20_000 / (len(meanings) - 1)
    freedom = len(meanings) - 2
    chi_squared = float(((np.delete(counts, 4) - expected) ** 2 / expected).sum())
    assert chi_squared < freedom + 5 * np.sqrt(2 * freedom)


def test_builders_of_other_scenarios_have_nothing_to_choose_from():
    with pytest.raises(ValueError, match="the builders of scenario describe have nothing to choose from"):
        scenarios.get("describe").candidates(np.zeros((1, 3), np.int16), np.arange(1), "train")
    assert scenarios.get("describe").generate(np.arange(3), "train").choices.shape == (3, 0, 3)


@pytest.mark.parametrize(
    ("given", "name", "num_choices"),
    [
        ("refer", "refer", 4),
        ("refer:3x6", "refer", 4),
        ("refer:6,6,6:4", "refer", 4),
        ("refer:3x6:9", "refer:3x6:9", 9),
        ("refer:2,11", "refer:2,11", 4),
        ("refer:6:6", "refer:1x6:6", 6),
    ],
)
def test_one_game_has_one_name(given: str, name: str, num_choices: int):
    scenario = scenarios.get(given)
    assert scenario.name == name
    assert scenario.num_choices == num_choices
    assert scenarios.get(name) is scenarios.get(scenario.name)
