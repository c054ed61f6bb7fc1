"""Scenario `ask`: who is told what, whose turn it is, and what counts as an answer."""

from __future__ import annotations

import numpy as np
import pytest

from world import scenarios
from world.codes import Role


def test_objects_are_those_of_describe_and_every_attribute_is_asked_for_of_each():
    ask, describe = scenarios.get("ask"), scenarios.get("describe")
    for split in ("train", "held-out"):
        objects = describe.meanings(split)
        np.testing.assert_array_equal(ask.meanings(split)[:, :-1], np.repeat(objects, 3, axis=0))
        assert ask.meanings(split)[:, -1].tolist() == [0, 1, 2] * len(objects)
    assert ask.attributes[-1].name == "asked"
    assert ask.attributes[-1].values == ("a", "b", "c")
    assert ask.meaning_in_words(np.array([5, 0, 2, 1])) == "a 6, b 1, c 3, asked b"


def test_the_builder_speaks_first_then_the_guide():
    scenario = scenarios.get("ask")
    worlds = scenario.generate(np.arange(20), "train")
    is_guide = worlds.role == Role.GUIDE
    answers = np.zeros((20, 2, 4), np.int16)
    heard = []
    for _ in range(3):
        scenario.advance(worlds, np.zeros((20, 2), np.int8), answers)
        heard.append(scenario.had_turn(worlds))
    np.testing.assert_array_equal(heard[0], ~is_guide)
    np.testing.assert_array_equal(heard[1], is_guide)
    assert not heard[2].any()  # who answers says no more
    assert worlds.is_over.all()


def test_only_the_attribute_that_was_asked_for_counts():
    scenario = scenarios.get("ask")
    for attribute in range(3):
        worlds = scenario.generate(np.arange(300), "train")
        answers = np.repeat((worlds.goal[:, None] + 1) % 3, 2, axis=1)
        answers[:, :, attribute] = worlds.goal[:, None, attribute]
        for _ in range(scenario.num_steps):
            scenario.advance(worlds, np.zeros(worlds.role.shape, np.int8), answers)
        is_wrong_elsewhere = ((worlds.goal + 1) % 3 != worlds.goal)[np.arange(300), worlds.goal[:, -1]]
        np.testing.assert_array_equal(worlds.is_won, (worlds.goal[:, -1] == attribute) | ~is_wrong_elsewhere)
        assert 0.2 < worlds.is_won.mean() < 0.5


def test_chance_is_the_commonest_value_of_what_is_asked_for():
    scenario = scenarios.get("ask:2,4")
    trained = scenario.meanings("train")
    best = np.mean([np.bincount(trained[:, k]).max() / len(trained) for k in range(2)])
    assert scenario.chance_success() == pytest.approx(best)
    assert scenario.chance_success() < scenarios.get("ask:2,2").chance_success() + 1
    with pytest.raises(ValueError, match="scenario ask needs at least 2 attributes to ask for, got '1x5'"):
        scenarios.get("ask:1x5")
