"""Sensitivity: it is what derivatives say, and mutations that heed it change less of what boxlings do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution.relive import Part, relive
from evolution.sensitivity import sensitivity
from population.policy import Policy
from population.variation import gaussian, safe
from tests.evolution.conftest import drawn_population
from tests.evolution.test_gather import gathered, of, without_the_end


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def choices_of(policy: Policy, genomes: Tensor, experience: tuple[Part, ...]) -> list[list[Tensor]]:
    """For each part the logits of acts, symbols and attributes' values, less what is common to all of a choice."""
    return [
        [
            logits - logits.mean(dim=-1, keepdim=True)
            for logits in (response.act_logits, response.say_logits, *beliefs.by_attribute())
        ]
        for _, beliefs, response in relive(policy, policy.weights_of(genomes), experience)
    ]


def exact_sensitivity(policy: Policy, genome: Tensor, experience: tuple[Part, ...]) -> Tensor:
    """Of one genome (1, parameters), output by output."""
    leaf = genome.clone().requires_grad_(True)
    parts = choices_of(policy, leaf, experience)
    total = torch.zeros_like(genome)
    num_active = 0
    for part, choices in zip(experience, parts, strict=True):
        num_values = sum(logits.shape[-1] for logits in choices[2:])
        for k, logits in enumerate(choices):
            size = logits.shape[2:].numel() if k < 2 else num_values
            for row in torch.nonzero(part.is_active[0]).flatten().tolist():
                for output in logits[0, row].flatten():
                    total += torch.autograd.grad(output, leaf, retain_graph=True)[0].square() / size / 3
        num_active += int(part.is_active.sum())
    return (total / num_active).sqrt()


@pytest.mark.parametrize("name", ["name", "describe"])
def test_the_estimate_is_what_the_derivatives_of_all_outputs_say(name: str):
    policy, genomes, scenario = drawn_population(name)
    experience = gathered(policy, genomes, scenario, worlds_each=1)
    experience = without_the_end(experience)
    estimate = sensitivity(policy, genomes, experience, chance(), num_projections=150)
    exact = exact_sensitivity(policy, genomes[1:2], of(experience, torch.tensor([1])))[0]
    is_felt = exact > 1e-4 * exact.max()
    ratio = estimate[1][is_felt] / exact[is_felt]
    assert float(ratio.square().mean()) == pytest.approx(1, abs=0.1)
    assert float(ratio.std()) < 0.1
    assert torch.equal(estimate[1] == 0, exact == 0)
    assert 0.05 < float((exact == 0).float().mean()) < 0.9


def test_a_few_projections_are_on_average_as_many():
    policy, genomes, scenario = drawn_population("describe")
    experience = gathered(policy, genomes, scenario)
    many = sensitivity(policy, genomes, experience, chance(), num_projections=100)
    few = torch.stack([sensitivity(policy, genomes, experience, chance(seed), 2).square() for seed in range(1, 30)])
    is_felt = many > 0
    ratio = few.mean(dim=0)[is_felt] / many.square()[is_felt]
    assert float(ratio.mean()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("name", ["name", "describe", "forage"])
def test_safe_mutations_change_what_is_done_less_than_gaussian_ones_of_the_same_size(name: str):
    policy, genomes, scenario = drawn_population(name, population=8)
    experience, unseen = (gathered(policy, genomes, scenario, seed) for seed in (0, 1))
    felt = sensitivity(policy, genomes, experience, chance())
    steps = np.full(len(genomes), 0.02)
    with torch.no_grad():
        before = choices_of(policy, genomes, unseen)

    def change(children: Tensor) -> Tensor:
        """Of outputs in worlds that the sensitivity was not measured in, (P,)."""
        with torch.no_grad():
            after = choices_of(policy, children, unseen)
        each = [
            (new - old).flatten(1).square().sum(dim=1)
            for news, olds in zip(after, before, strict=True)
            for new, old in zip(news, olds, strict=True)
        ]
        return torch.stack(each).sum(dim=0).sqrt()

    ratios, sizes = [], []
    for seed in range(5):
        plain = gaussian(genomes, policy.layout, steps, chance(seed))
        careful = safe(genomes, policy.layout, steps, felt, chance(seed))
        ratios.append(change(careful) / change(plain))
        sizes.append((careful - genomes).norm(dim=1) / (plain - genomes).norm(dim=1))
    ratio = torch.stack(ratios)  # (seeds, P)
    assert float(torch.stack(sizes).mean()) == pytest.approx(1, rel=0.02)
    assert float(ratio.max()) < 0.8  # each single one of 40 pairs
    assert 0.01 < float(ratio.mean()) < 0.35  # and they do change


def test_sensitivity_leaves_genomes_alone_and_draws_from_its_generator_only():
    policy, genomes, scenario = drawn_population("describe")
    experience, before = gathered(policy, genomes, scenario), genomes.clone()
    one, same, other = (sensitivity(policy, genomes, experience, chance(seed)) for seed in (0, 0, 1))
    assert torch.equal(genomes, before)
    assert one.numpy().tobytes() == same.numpy().tobytes()
    assert not torch.equal(one, other)
    assert not one.requires_grad
    nobody = torch.zeros(0, dtype=torch.int64)
    felt = sensitivity(policy, genomes[nobody], of(experience, nobody), chance())
    assert felt.shape == (0, policy.layout.num_parameters)


def test_of_a_genome_that_is_no_number_nothing_is_felt():
    policy, genomes, scenario = drawn_population("describe")
    experience = gathered(policy, genomes, scenario)
    broken = genomes.clone()
    broken[1, policy.layout.slices["act"]] = float("nan")
    broken[1, policy.layout.slices["think"]] = float("inf")
    felt = sensitivity(policy, broken, experience, chance())
    assert not felt[1].any()
    assert torch.isfinite(felt).all()
    assert felt[[0, 2, 3]].any(dim=1).all()
