"""The study of a language: what it measures of a population that talks, and of one that does not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution.evaluate import converse, some_meanings
from evolution.study import study
from language.channel import Intervention
from population.policy import Policy
from tests.evolution.conftest import TALKING, drawn_population
from tests.evolution.test_learn import play_language
from world import scenarios
from world.scenarios.base import Scenario

ABLE: dict[str, Any] = {
    "population": 4,
    "policy": {"width": 48, "expert_width": 48},
    "channel": {"message_length": 3, "num_symbols": 8},
}


def taught_population(scenario: str = "describe:2x4") -> tuple[Policy, Tensor, Scenario]:
    """Four boxlings that speak one language."""
    policy, genomes, world = drawn_population(scenario, seed=3, **ABLE)
    founder = genomes[:1].clone()
    play_language(policy, founder, world, num_rounds=300, batch=64, offset=0, half_told_share=0.0, entropy_bonus=0.02)
    return policy, founder.repeat(4, 1), world


def test_a_population_that_talks_is_understood_because_of_its_words():
    policy, genomes, scenario = taught_population()
    found = study(policy, genomes, scenario)
    assert found["success"] == found["familiar"] == found["strangers"] == found["own"] > 0.9
    num_trained = len(scenario.meanings("train"))
    assert found["chance"] == 1 / num_trained
    for name in ("muted", "shuffled", "replaced"):
        assert found[name] <= 1 / num_trained + 1e-9, name
    assert found["changed_share"] > 0.9
    assert found["positive_listening"] > 2
    assert found["agreement"] == 1
    assert found["topographic_similarity"] > 0.5
    assert found["learnability"] > 0.3
    assert found["positive_signalling"] == pytest.approx(4, abs=0.5)
    json.dumps(found, allow_nan=False)


def test_a_population_that_was_never_taught_is_at_chance():
    policy, genomes, scenario = drawn_population("describe:2x4", **ABLE)
    found = study(policy, genomes, scenario)
    assert found["success"] < 0.3
    assert found["agreement"] < 0.2
    assert found["topographic_similarity"] < 1


@pytest.mark.parametrize("name", [*TALKING, "describe:1x5"])
def test_every_game_with_words_can_be_studied(name: str):
    policy, genomes, scenario = drawn_population(name)
    found = study(policy, genomes, scenario)
    json.dumps(found, allow_nan=False)
    assert found["scenario"] == scenario.name
    assert ("held_out" in found) == ("held-out" in scenario.splits)
    assert ("learnability" in found) == (not scenario.takes_turns)


def test_a_sample_of_meanings_is_always_the_same_and_in_their_order():
    scenario = scenarios.get("describe:2x40")
    few = some_meanings(scenario, "train", 50)
    np.testing.assert_array_equal(few, some_meanings(scenario, "train", 50))
    every = [tuple(meaning) for meaning in scenario.meanings("train").tolist()]
    places = [every.index(tuple(meaning)) for meaning in few.tolist()]
    assert len(set(places)) == 50
    assert places == sorted(places)
    np.testing.assert_array_equal(some_meanings(scenario, "train", 10_000), scenario.meanings("train"))


def test_everybody_says_every_meaning_to_each_listener_and_the_record_tells_who():
    policy, genomes, scenario = drawn_population("describe:2x4", **ABLE)
    talk = converse(policy, genomes, scenario, offsets=(1, 3))
    num_meanings = len(scenario.meanings("train"))
    assert len(talk) == 2 * 4 * num_meanings
    assert ((talk.listeners - talk.speakers) % 4).tolist() == [1] * 4 * num_meanings + [3] * 4 * num_meanings
    meanings, messages = talk.languages(4)
    np.testing.assert_array_equal(meanings, scenario.meanings("train"))
    assert messages.shape == (4, num_meanings, 3)
    for speaker in range(4):
        _, said = talk.said_by(speaker)
        order = np.lexsort(meanings.T[::-1])
        np.testing.assert_array_equal(said, messages[speaker][order])


def test_an_answer_is_the_listeners_own_and_changes_with_what_it_hears():
    policy, genomes, scenario = taught_population()
    genomes[2, policy.layout.slices["belief"]] = 0.0  # number 2 is deaf
    talk = converse(policy, genomes, scenario)
    matrix = talk.pair_matrix()[2]
    assert np.nanmin(matrix[:, [0, 1, 3]]) > 0.9
    assert np.nanmax(matrix[:, 2]) < 0.2
    noisy = converse(policy, genomes, scenario, channel=Intervention(symbol_noise=1.0))
    assert noisy.success < 0.3
    assert torch.equal(torch.from_numpy(noisy.messages), torch.from_numpy(talk.messages))  # it was said all the same


@pytest.mark.parametrize("name", ["guide", "refer"])
def test_words_that_stay_the_same_move_nobody(name: str, monkeypatch: pytest.MonkeyPatch):
    """All else that is heard and felt is alike, so that listening is measured by words alone."""
    policy, genomes, scenario = drawn_population(name)
    assert study(policy, genomes, scenario)["positive_listening"] > 0
    monkeypatch.setattr("evolution.study.draw_others", lambda count, generator: torch.arange(count))
    found = study(policy, genomes, scenario)
    assert found["positive_listening"] == 0
    assert found["changed_share"] == 0
