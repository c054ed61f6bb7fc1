"""Newborns that listen: the same for every speaker, taught by what is said alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution.newborn import Curves, listen_to
from population.policy import Policy
from tests.evolution.conftest import TALKING, drawn_population
from tests.evolution.test_learn import play_language
from world import scenarios
from world.scenarios.base import Scenario

ABLE: dict[str, Any] = {
    "population": 2,
    "policy": {"width": 48, "expert_width": 48},
    "channel": {"message_length": 4, "num_symbols": 12},
}


@pytest.fixture(scope="module")
def taught() -> tuple[Policy, Tensor, Scenario]:
    """Two speakers: one that has learned to talk with itself, and one that says what it was born with."""
    policy, genomes, scenario = drawn_population("describe:2x4", seed=3, **ABLE)
    alone = genomes[:1].clone()
    play_language(policy, alone, scenario, num_rounds=250, batch=64, offset=0, half_told_share=0.0, entropy_bonus=0.02)
    return policy, torch.cat([alone, genomes[1:]]), scenario


def test_a_newborn_learns_a_good_language_and_not_one_word_for_everything(taught: tuple[Policy, Tensor, Scenario]):
    policy, genomes, scenario = taught
    one_word = genomes.clone()
    for name in ("say", "say.goal"):  # whatever is meant, the same is said
        one_word[1, policy.layout.slices[name]] = 0.0
    curves = listen_to(policy, one_word, scenario, num_rounds=60, every=20)
    assert curves.rounds.tolist() == [0, 20, 40, 60]
    assert curves.trained.shape == (2, 4)
    assert curves.trained[0, -1] > 0.95
    assert curves.trained[1].max() <= 2 / len(scenario.meanings("train"))
    assert curves.held_out is not None
    assert curves.held_out.shape == (2, 4)


def test_speakers_are_not_changed_and_each_newborn_listens_to_its_own(taught: tuple[Policy, Tensor, Scenario]):
    policy, genomes, scenario = taught
    before = genomes.clone()
    both = listen_to(policy, genomes, scenario, num_rounds=20)
    assert torch.equal(genomes, before)
    for slot in range(2):
        alone = listen_to(policy, genomes[slot : slot + 1], scenario, num_rounds=20)
        # what else a listener feels is drawn for all newborns together
        np.testing.assert_allclose(alone.trained[0, [0, -1]], both.trained[slot, [0, -1]], atol=0.1)
    same = listen_to(policy, genomes[[0, 0]], scenario, num_rounds=20)
    np.testing.assert_array_equal(same.trained[0], same.trained[1])


def test_equal_seeds_give_equal_curves_and_others_do_not(taught: tuple[Policy, Tensor, Scenario]):
    def curves(seed: int) -> Curves:
        return listen_to(*taught, num_rounds=10, every=2, seed=seed)

    np.testing.assert_array_equal(curves(1).trained, curves(1).trained)
    assert (curves(1).trained != curves(2).trained).any()


@pytest.mark.parametrize("scenario", [name for name in TALKING if not scenarios.get(name).takes_turns])
def test_newborns_listen_in_every_game_of_one_message(scenario: str):
    policy, genomes, world = drawn_population(scenario)
    curves = listen_to(policy, genomes, world, num_rounds=2, every=1, max_meanings=20)
    assert curves.trained.shape == (4, 3)
    assert ((curves.trained >= 0) & (curves.trained <= 1)).all()


def test_where_nothing_is_held_out_there_is_no_such_curve():
    policy, genomes, scenario = drawn_population("describe:1x5")
    assert listen_to(policy, genomes, scenario, num_rounds=2, every=1).held_out is None


def test_newborns_are_alike_where_they_choose_too():
    policy, genomes, scenario = drawn_population("refer:2x4:3")
    same = listen_to(policy, genomes[[0, 0]], scenario, num_rounds=15, every=5)
    np.testing.assert_array_equal(same.trained[0], same.trained[1])
    assert same.held_out is not None
    np.testing.assert_array_equal(same.held_out[0], same.held_out[1])
