"""Scenario name: the guide's picture shows the meaning, and the builder's answer decides."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from world import scenarios
from world.codes import Role

NAME = scenarios.get("name")


def test_no_two_meanings_look_alike():
    meanings = np.concatenate([NAME.meanings(split) for split in ("train", "held-out")])
    pictures = NAME.picture_of(meanings)
    assert len(np.unique(pictures.reshape(len(meanings), -1), axis=0)) == 400


def test_the_guide_sees_the_picture_of_the_goal_and_the_builder_sees_nothing():
    worlds = NAME.generate(np.arange(300), "train")
    view = NAME.observe(worlds).view
    is_guide = worlds.role == Role.GUIDE
    np.testing.assert_array_equal(view[is_guide], NAME.picture_of(worlds.goal))
    assert not view[~is_guide].any()


def test_a_picture_shows_colour_shape_row_and_column():
    red_corner = NAME.picture_of(np.array([[1, 1, 2, 3]]))[0]  # red corner in the third row and fourth column
    expected = np.zeros((6, 6), int)
    expected[2, 3] = expected[3, 3] = expected[3, 4] = 2
    np.testing.assert_array_equal(red_corner, expected)


def test_every_pair_of_values_of_two_attributes_is_trained_on():
    meanings = NAME.meanings("train")
    for i, j in itertools.combinations(range(4), 2):
        pairs = {tuple(pair) for pair in meanings[:, [i, j]].tolist()}
        assert len(pairs) == NAME.attribute_sizes[i] * NAME.attribute_sizes[j]


def test_the_last_answer_of_the_builder_decides_and_every_attribute_must_be_right():
    worlds = NAME.generate(np.arange(500), "train")
    is_guide = worlds.role == Role.GUIDE
    stay = np.zeros(worlds.role.shape, np.int8)
    right = np.repeat(worlds.goal[:, None], 2, axis=1)
    right[is_guide] = -1  # nobody asks the guide
    for attribute in range(4):
        other = worlds.copy()
        wrong = right.copy()
        wrong[..., attribute] = (wrong[..., attribute] + 1) % NAME.attribute_sizes[attribute]
        assert not NAME.advance(other, stay, right).any()  # the first answer does not count
        assert not other.is_over.any()
        assert not NAME.advance(other, stay, wrong).any()
        assert other.is_over.all()
        assert not other.is_won.any()
    assert not NAME.advance(worlds, stay, np.zeros_like(right)).any()
    assert (NAME.advance(worlds, stay, right) == 1).all()
    assert worlds.is_won.all()
    assert not NAME.advance(worlds, stay, right).any()  # it pays once


def test_a_world_without_answers_is_refused():
    worlds = NAME.generate(np.arange(3), "train")
    with pytest.raises(ValueError, match="decided by what the builders answer, got no answers"):
        NAME.advance(worlds, np.zeros((3, 2), np.int8), None)


def test_a_silent_builder_wins_one_in_the_number_of_meanings():
    worlds = NAME.generate(np.arange(40_000), "train")
    meanings = NAME.meanings("train")
    drawn = meanings[np.random.default_rng(0).integers(len(meanings), size=len(worlds))]
    answers = np.repeat(drawn[:, None], 2, axis=1)
    for _ in range(NAME.num_steps):
        NAME.advance(worlds, np.zeros((len(worlds), 2), np.int8), answers)
    chance = NAME.chance_success()
    assert abs(worlds.is_won.mean() - chance) < 4 * np.sqrt(chance / len(worlds))
