"""What a few genomes live through among themselves, gathered so that they, or others, can live it again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution.relive import Part, gather, lived, relive
from population.policy import Policy
from tests.evolution.conftest import drawn_population, learning_rollout
from world.scenarios.base import Scenario

SCENARIOS = ["forage", "name", "ask"]  # one with bodies, one with pictures to talk about, one with turns


def gathered(
    policy: Policy, genomes: Tensor, scenario: Scenario, seed: int = 0, worlds_each: int = 3
) -> tuple[Part, ...]:
    return gather(policy, genomes, scenario, worlds_each=worlds_each, rng=np.random.default_rng(seed))


def of(experience: tuple[Part, ...], genomes: Tensor) -> tuple[Part, ...]:
    return tuple(part.of(genomes) for part in experience)


def without_the_end(experience: tuple[Part, ...]) -> tuple[Part, ...]:
    """As if the world of the last seat of every genome had been over in the last step."""
    parts = []
    for part in experience:
        is_active = part.is_active.clone()
        is_active[:, -1] = 0.0
        parts.append(replace(part, is_active=is_active))
    return tuple(parts)


def outputs(policy: Policy, genomes: Tensor, experience: tuple[Part, ...]) -> list[Tensor]:
    """All that comes out, (P, R, numbers) for each part."""
    with torch.no_grad():
        return [
            torch.cat([response.act_logits, response.say_logits.flatten(2), beliefs.logits], dim=-1)
            for _, beliefs, response in relive(policy, policy.weights_of(genomes), experience)
        ]


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_gathered_is_what_a_rollout_of_the_same_chance_lives_through(name: str):
    policy, genomes, scenario = drawn_population(name)
    rollout = learning_rollout(policy, genomes, scenario, renews=False, worlds_each=3)
    expected = lived(rollout, policy.spec, 1.0, 1.0).parts
    experience = gathered(policy, genomes, scenario)
    assert [part.role for part in experience] == [part.role for part in expected]
    num_compared = 0
    for ours, theirs in zip(experience, expected, strict=True):
        for field, value in vars(theirs).items():
            if isinstance(value, Tensor):
                assert torch.equal(getattr(ours, field), value), field
                num_compared += 1
        assert torch.equal(ours.course.is_new, theirs.course.is_new)
    assert num_compared >= 12 * len(expected)


@pytest.mark.parametrize("name", SCENARIOS)
def test_who_lives_its_own_life_again_does_what_it_did(name: str):
    policy, genomes, scenario = drawn_population(name)
    experience = gathered(policy, genomes, scenario)
    for part, logits in zip(experience, outputs(policy, genomes, experience), strict=True):
        log_p = torch.log_softmax(logits[..., : policy.spec.num_actions], dim=-1)
        found = log_p.gather(-1, part.act.unsqueeze(-1)).squeeze(-1)
        is_active = part.is_active > 0
        torch.testing.assert_close(found[is_active], part.act_log_prob[is_active], rtol=1e-4, atol=1e-5)
        assert is_active.sum() >= 4


@pytest.mark.parametrize("name", SCENARIOS)
def test_some_of_an_experience_is_lived_as_all_of_it(name: str):
    policy, genomes, scenario = drawn_population(name)
    experience = gathered(policy, genomes, scenario)
    whole = outputs(policy, genomes, experience)
    for chosen in (torch.tensor([2, 0, 2]), slice(1, 3)):
        some = outputs(policy, genomes[chosen], tuple(part.of(chosen) for part in experience))
        for ours, theirs in zip(some, whole, strict=True):
            torch.testing.assert_close(ours, theirs[chosen])
            assert not torch.equal(theirs[0], theirs[2])


def test_rows_that_are_padded_stay_so():
    policy, genomes, scenario = drawn_population("name")
    guides = gathered(policy, genomes, scenario)[0]
    assert guides.sees is not None
    # as if the last row that sees were padding for genome 1
    is_real = torch.ones(4, guides.sees.num_rows, dtype=torch.bool)
    is_real[1, -1] = False
    padded = replace(guides, sees=replace(guides.sees, is_real=is_real))
    chosen = torch.tensor([1, 3])
    some = outputs(policy, genomes[chosen], (padded.of(chosen),))[0]
    torch.testing.assert_close(some, outputs(policy, genomes, (padded,))[0][chosen])
    assert not torch.allclose(some[0], outputs(policy, genomes, (guides,))[0][1])


def test_it_comes_from_its_stream_alone_and_leaves_genomes_as_they_are():
    policy, genomes, scenario = drawn_population("forage")
    before = genomes.clone()
    one, same, other = (gathered(policy, genomes, scenario, seed) for seed in (0, 0, 1))
    for a, b, c in zip(one, same, other, strict=True):
        assert torch.equal(a.tokens, b.tokens)
        assert torch.equal(a.act, b.act)
        assert a.act.shape != c.act.shape or not torch.equal(a.act, c.act)
    assert torch.equal(genomes, before)


def test_one_genome_lives_with_itself_and_none_at_all_is_refused():
    policy, genomes, scenario = drawn_population("name")
    for part in gathered(policy, genomes[:1], scenario):
        assert part.act.shape[0] == 1
    with pytest.raises(ValueError, match="experience takes 1 genome and 1 world or more, got 0 and 3"):
        gathered(policy, genomes[:0], scenario)
    with pytest.raises(ValueError, match="experience takes 1 genome and 1 world or more, got 4 and 0"):
        gathered(policy, genomes, scenario, worlds_each=0)
