"""Experience: what is kept of a life is what was lived, and it can be lived again by others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution.experience import Experience, gather, relive
from population.policy import Policy, Rows
from tests.evolution.conftest import drawn_population, learning_rollout
from world.scenarios.base import Scenario

SCENARIOS = ["forage", "name", "ask"]  # one with bodies, one with pictures to talk about, one with turns


def gathered(
    policy: Policy, genomes: Tensor, scenario: Scenario, seed: int = 0, worlds_each: int = 3, num_steps: int = 4
) -> Experience:
    return gather(
        policy, genomes, scenario, worlds_each=worlds_each, num_steps=num_steps, rng=np.random.default_rng(seed),
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip


def outputs(policy: Policy, genomes: Tensor, experience: Experience) -> list[Tensor]:
    """All that comes out, (P, N, numbers) for each step."""
    with torch.no_grad():
        return [
            torch.cat([response.act_logits, response.say_logits.flatten(2), beliefs.logits], dim=-1)
            for _, beliefs, response in relive(policy, policy.weights_of(genomes), experience)
        ]


def assert_same_rows(ours: Rows | None, theirs: Rows | None) -> None:
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        assert torch.equal(ours.flat, theirs.flat)
        assert (ours.is_real is None) == (theirs.is_real is None)
        assert ours.is_real is None or torch.equal(ours.is_real, theirs.is_real)


@pytest.mark.parametrize("name", SCENARIOS)
def test_experience_is_what_a_rollout_of_the_same_chance_lives_through(name: str):
    policy, genomes, scenario = drawn_population(name)
    rollout = learning_rollout(policy, genomes, scenario, renews=False, worlds_each=3)
    experience = gathered(policy, genomes, scenario, num_steps=99)
    assert torch.equal(experience.voices, rollout.voices)
    assert len(experience.situations) == len(rollout.moments) >= 2
    for step, moment in zip(experience.situations, rollout.moments, strict=True):
        assert torch.equal(step.is_active, moment.is_active)
        assert (step.heard is None) == (moment.heard is None)
        assert step.heard is None or torch.equal(step.heard, moment.heard)
        assert torch.equal(step.senses.body, moment.senses.body)
        assert_same_rows(step.senses.sees, moment.senses.sees)
        assert_same_rows(step.senses.knows, moment.senses.knows)
        for ours, theirs in ((step.senses.view, moment.senses.view), (step.senses.goal, moment.senses.goal)):
            assert (ours is None) == (theirs is None)
            assert ours is None or torch.equal(ours, theirs)


@pytest.mark.parametrize("name", SCENARIOS)
def test_some_of_an_experience_is_lived_as_all_of_it(name: str):
    policy, genomes, scenario = drawn_population(name)
    experience = gathered(policy, genomes, scenario)
    whole = outputs(policy, genomes, experience)
    chosen = torch.tensor([2, 0, 2])
    some = outputs(policy, genomes[chosen], experience.of(chosen))
    assert len(some) == len(whole)
    for ours, theirs in zip(some, whole, strict=True):
        torch.testing.assert_close(ours, theirs[chosen])
        assert not torch.equal(theirs[0], theirs[2])


def test_rows_that_are_padded_stay_so():
    policy, genomes, scenario = drawn_population("name")
    experience = gathered(policy, genomes, scenario)
    first = experience.situations[0]
    assert first.senses.sees is not None
    # as if the last seat that sees were padding for genome 1
    is_real = torch.ones(4, first.senses.sees.num_rows, dtype=torch.bool)
    is_real[1, -1] = False
    padded = replace(first, senses=replace(first.senses, sees=replace(first.senses.sees, is_real=is_real)))
    experience = replace(experience, situations=(padded,))
    chosen = torch.tensor([1, 3])
    some = outputs(policy, genomes[chosen], experience.of(chosen))[0]
    torch.testing.assert_close(some, outputs(policy, genomes, experience)[0][chosen])
    unpadded = outputs(policy, genomes, replace(experience, situations=(first,)))[0]
    assert not torch.allclose(some[0], unpadded[1])


def test_it_ends_after_as_many_steps_as_asked_for_and_comes_from_its_streams_alone():
    policy, genomes, scenario = drawn_population("forage")
    one, same, other = (gathered(policy, genomes, scenario, seed, num_steps=4) for seed in (0, 0, 1))
    assert len(one.situations) == 4
    for a, b, c in zip(one.situations, same.situations, other.situations, strict=True):
        assert torch.equal(a.senses.body, b.senses.body)
        if a.heard is not None:
            assert torch.equal(a.heard, b.heard)
            assert not torch.equal(a.heard, c.heard)


def test_one_genome_lives_with_itself_and_none_at_all_is_refused():
    policy, genomes, scenario = drawn_population("name")
    assert gathered(policy, genomes[:1], scenario).voices.shape[0] == 1
    with pytest.raises(ValueError, match="experience takes 1 genome and 1 world or more, got 0 and 3"):
        gathered(policy, genomes[:0], scenario)
    with pytest.raises(ValueError, match="experience takes 1 genome and 1 world or more, got 4 and 0"):
        gathered(policy, genomes, scenario, worlds_each=0)
