"""Genomes moved into networks of another make: what fits is taken as it is, the rest is said and begins silent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from population.policy import Policy
from population.spec import PolicySpec
from population.transplant import misfits, transplant
from tests.population.conftest import draw_scene, some_see

SPEC = PolicySpec(
    attribute_sizes=(4, 3), visible_attributes=(0,), num_actions=5, num_looks=12, view_shape=(7, 7), num_symbols=6,
    message_length=3, width=12, num_experts=2, expert_width=8, conv_channels=0, near_cells=3, query_heads=1,
    key_width=4,
)  # fmt: skip
RNG = np.random.default_rng(0)


def genomes(spec: PolicySpec, number: int = 4) -> np.ndarray:
    return spec.layout().draw(number, np.random.default_rng(1))


def answers(spec: PolicySpec, rows: np.ndarray) -> list[torch.Tensor]:
    """What boxlings believe, say and do in a scene."""
    policy = Policy(spec)
    torch.manual_seed(0)
    scene = draw_scene(SPEC, some_see())
    with torch.no_grad():
        weights = policy.weights_of(torch.from_numpy(rows))
        _, beliefs, response = policy.step(weights, scene.heard, scene.voices, scene.senses, scene.memory)
    return [beliefs.logits, response.act_logits, torch.log_softmax(response.say_logits, -1), response.value]


def test_genomes_of_the_same_make_are_left_alone():
    rows = genomes(SPEC)
    moved, told = transplant(SPEC, SPEC, rows, RNG)
    assert moved is rows
    assert told == []


def test_another_reading_of_pictures_begins_silent_so_that_the_boxling_does_as_before():
    rows, larger = genomes(SPEC), replace(SPEC, conv_channels=4)
    moved, told = transplant(SPEC, larger, rows, np.random.default_rng(2))
    for before, after in zip(answers(SPEC, rows), answers(larger, moved), strict=True):
        torch.testing.assert_close(after, before, atol=5e-3, rtol=1e-3)
    assert len(told) == 1
    assert "eyes.conv" in told[0]
    views = larger.layout().views(torch.from_numpy(moved))
    assert views["eyes.conv"].abs().sum() > 0  # drawn, so that it can be learned
    assert views["eyes.part_0"].abs().sum() == 0


def test_what_has_no_place_is_left_out_and_named():
    larger = replace(SPEC, conv_channels=4)
    rows = genomes(larger)
    moved, told = transplant(larger, SPEC, rows, RNG)
    assert told == ["left out, as there is no place for them: " + ", ".join(
        name for name in (layer.name for layer in larger.layout().layers)
        if name not in {layer.name for layer in SPEC.layout().layers}
    )]  # fmt: skip
    old, new = larger.layout().views(torch.from_numpy(rows)), SPEC.layout().views(torch.from_numpy(moved))
    for name in ("heard", "act", "eyes.near", "say.goal"):
        assert torch.equal(old[name], new[name])
    again, _ = transplant(SPEC, larger, moved, RNG)
    for before, after in zip(answers(SPEC, moved), answers(larger, again), strict=True):
        torch.testing.assert_close(after, before, atol=5e-3, rtol=1e-3)


@pytest.mark.parametrize(("number", "phrase"), [(3, "1 expert more than it has"), (1, "1 expert fewer than it has")])
def test_experts_keep_what_they_are_and_new_ones_say_nothing(number: int, phrase: str):
    rows, other = genomes(SPEC), replace(SPEC, num_experts=number)
    moved, told = transplant(SPEC, other, rows, np.random.default_rng(2))
    assert told[0].startswith(phrase)
    old, new = SPEC.layout().views(torch.from_numpy(rows)), other.layout().views(torch.from_numpy(moved))
    both = 8 * min(number, 2)
    assert torch.equal(new["gate"][..., : min(number, 2)], old["gate"][..., : min(number, 2)])
    for name in ("experts.in", "experts.bias"):
        assert torch.equal(new[name][..., :both], old[name][..., :both])
    assert torch.equal(new["experts.out"][:, :both], old["experts.out"][:, :both])
    assert new["experts.out"][:, both:].abs().sum() == 0


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ({"width": 16}, "width 12 instead of 16"),
        ({"num_symbols": 7}, "num_symbols 6 instead of 7"),
        ({"attribute_sizes": (4, 4)}, "attribute_sizes [4, 3] instead of [4, 4]"),
        ({"near_cells": 5}, "near_cells 3 instead of 5"),
        ({"query_heads": 2}, "query_heads 1 instead of 2"),
    ],
)
def test_what_can_never_fit_is_refused_by_name(change: dict, phrase: str):
    other = replace(SPEC, **change)
    assert misfits(SPEC, other) == [phrase]
    with pytest.raises(ValueError, match="another make: " + phrase.replace("[", r"\[")):
        transplant(SPEC, other, genomes(SPEC), RNG)


def test_a_reading_of_pictures_that_is_not_there_is_no_misfit():
    for name in ("near_cells", "query_heads"):
        assert misfits(SPEC, replace(SPEC, **{name: 0})) == []
