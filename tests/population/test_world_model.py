"""Known answers of beliefs, of their uncertainty, and of the surprise that they are trained by."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from population.policy import Beliefs
from population.world_model import belief_loss, choice_loss, edit_loss

SIZES = (4, 2)


def beliefs_of(*distributions: list[float]) -> Beliefs:
    """One boxling's beliefs, (1, 1, 6), from the probabilities of each attribute."""
    logits = torch.log(torch.tensor([p for distribution in distributions for p in distribution]))
    return Beliefs((logits.clamp_min(-1e4) + 3.0).view(1, 1, -1), SIZES)  # a constant makes no difference


def test_uncertainty_is_entropy_in_bits():
    even = beliefs_of([0.25] * 4, [0.5, 0.5])
    assert even.uncertainty_bits().tolist() == [[pytest.approx([2.0, 1.0])]]
    certain = beliefs_of([0.0, 1.0, 0.0, 0.0], [1.0, 0.0])
    torch.testing.assert_close(certain.uncertainty_bits(), torch.zeros(1, 1, 2))
    between = beliefs_of([0.5, 0.25, 0.125, 0.125], [0.5, 0.5])
    torch.testing.assert_close(between.uncertainty_bits(), torch.tensor([[[1.75, 1.0]]]))


def test_answers_are_the_most_probable_values():
    beliefs = beliefs_of([0.1, 0.2, 0.4, 0.3], [0.4, 0.6])
    assert beliefs.answers().tolist() == [[[2, 1]]]
    assert [part.shape[-1] for part in beliefs.by_attribute()] == [4, 2]


def test_surprise_is_the_mean_of_minus_log_p_in_nats():
    beliefs = beliefs_of([0.1, 0.2, 0.4, 0.3], [0.75, 0.25])
    loss = belief_loss(beliefs, torch.tensor([[[2, 1]]]))
    torch.testing.assert_close(loss, torch.tensor([[-(math.log(0.4) + math.log(0.25)) / 2]]))
    certain = beliefs_of([0.0, 0.0, 1.0, 0.0], [0.0, 1.0])
    torch.testing.assert_close(belief_loss(certain, torch.tensor([[[2, 1]]])), torch.zeros(1, 1))


def test_an_even_belief_about_what_was_not_told_costs_nothing_and_any_other_costs():
    goal, is_told = torch.tensor([[[2, 1]]]), torch.tensor([[[False, True]]])
    even = beliefs_of([0.25] * 4, [0.0, 1.0])
    torch.testing.assert_close(belief_loss(even, goal, is_told), torch.zeros(1, 1), atol=1e-6, rtol=0)
    sure = beliefs_of([0.1, 0.2, 0.4, 0.3], [0.0, 1.0])
    expected = (-sum(math.log(p) for p in (0.1, 0.2, 0.4, 0.3)) / 4 - math.log(4)) / 2
    torch.testing.assert_close(belief_loss(sure, goal, is_told), torch.tensor([[expected]]))
    assert expected > 0.01


def test_the_surprise_at_what_was_not_told_does_not_depend_on_the_goal():
    beliefs = beliefs_of([0.1, 0.2, 0.4, 0.3], [0.75, 0.25])
    is_told = torch.tensor([[[False, True]]])
    losses = {round(float(belief_loss(beliefs, torch.tensor([[[value, 0]]]), is_told)), 6) for value in range(4)}
    assert len(losses) == 1


def test_all_attributes_told_is_the_same_as_saying_nothing_about_it():
    beliefs = Beliefs(torch.randn(3, 5, 6), SIZES)
    goal = torch.stack([torch.randint(size, (3, 5)) for size in SIZES], dim=-1)
    everything = torch.ones(3, 5, 2, dtype=torch.bool)
    assert torch.equal(belief_loss(beliefs, goal), belief_loss(beliefs, goal, everything))
    assert belief_loss(beliefs, goal).shape == (3, 5)


def test_a_candidate_is_as_probable_as_all_its_values_together_and_the_best_is_chosen():
    beliefs = beliefs_of([0.1, 0.2, 0.4, 0.3], [0.4, 0.6])
    choices = torch.tensor([[[[0, 1], [3, 0], [1, 1], [3, 0]]]])
    expected = torch.tensor([[[0.06, 0.12, 0.12, 0.12]]])
    torch.testing.assert_close(beliefs.scores(choices).exp(), expected)
    assert beliefs.choose(choices[:, :, :2]).tolist() == [[[3, 0]]]
    even = beliefs_of([0.25] * 4, [0.5, 0.5])
    assert even.choose(choices).tolist() == [[[0, 1]]]  # the first of equal ones
    assert even.choose(choices.flip(2)).tolist() == [[[3, 0]]]


def test_each_seat_chooses_among_its_own_candidates():
    generator = torch.Generator().manual_seed(0)
    beliefs = Beliefs(torch.randn(3, 5, 6, generator=generator), SIZES)
    choices = torch.stack([torch.randint(size, (3, 5, 7), generator=generator) for size in SIZES], dim=-1)
    chosen = beliefs.choose(choices)
    assert chosen.shape == (3, 5, 2)
    for p, n in itertools.product(range(3), range(5)):
        first, second = (torch.log_softmax(part[p, n], dim=-1) for part in beliefs.by_attribute())
        scores = [float(first[a] + second[b]) for a, b in choices[p, n].tolist()]
        assert chosen[p, n].tolist() == choices[p, n, int(np.argmax(scores))].tolist()


def test_surprise_at_a_choice_is_minus_log_p_among_the_candidates():
    beliefs = beliefs_of([0.1, 0.2, 0.4, 0.3], [0.75, 0.25])
    choices = torch.tensor([[[[0, 1], [2, 0], [3, 0]]]])
    loss = choice_loss(beliefs, torch.tensor([[[2, 0]]]), choices)
    torch.testing.assert_close(loss, -torch.log(torch.tensor([[0.3 / (0.025 + 0.3 + 0.225)]])))
    even = beliefs_of([0.25] * 4, [0.5, 0.5])
    torch.testing.assert_close(choice_loss(even, torch.tensor([[[2, 0]]]), choices), torch.tensor([[math.log(3)]]))


def test_what_all_candidates_have_in_common_need_not_be_known():
    choices = torch.tensor([[[[0, 1], [2, 1], [3, 1]]]])
    losses = [
        choice_loss(beliefs_of([0.1, 0.2, 0.4, 0.3], second), torch.tensor([[[2, 1]]]), choices)
        for second in ([0.5, 0.5], [0.9, 0.1])
    ]
    torch.testing.assert_close(*losses)


def test_surprise_at_an_edit_is_minus_log_p_of_what_changed():
    logits = torch.log(torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]]))
    loss = edit_loss(logits, torch.tensor([[1, 2]]))
    torch.testing.assert_close(loss, -torch.log(torch.tensor([[0.3, 0.8]])))
