"""Seats: everybody plays every role equally often, and strangers do not meet while learning."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evolution.seats import Seating, draw_offsets, familiar_offsets, seat, stranger_offsets
from tests.evolution.conftest import TALKING
from world import scenarios
from world.codes import Role

POPULATIONS = (1, 2, 3, 4, 5, 6, 8, 9)


def seated(population: int, scenario: str, num_blocks: int = 30, seed: int = 0) -> tuple[np.ndarray, Seating]:
    rng = np.random.default_rng(seed)
    roles = scenarios.get(scenario).generate(np.arange(population * num_blocks), "train").role
    offsets = draw_offsets(rng, familiar_offsets(population), num_blocks, roles.shape[1] - 1)
    return roles, seat(roles, population, offsets)


@pytest.mark.parametrize("scenario", TALKING)
@pytest.mark.parametrize("population", POPULATIONS)
def test_every_genome_guides_equally_often_and_builds_equally_often(population: int, scenario: str):
    roles, seating = seated(population, scenario)
    for role in (Role.GUIDE, Role.BUILDER):
        counts = np.bincount(seating.genome_of[roles == role], minlength=population)
        assert (counts == (roles == role).sum() / population).all()
    block = slice(0, population)  # in every block of worlds, not only on the whole
    guides = seating.genome_of[block][roles[block] == Role.GUIDE]
    assert sorted(guides.tolist()) == list(range(population))


@pytest.mark.parametrize("scenario", scenarios.names())
@pytest.mark.parametrize("population", POPULATIONS)
def test_the_way_to_genomes_and_back_loses_nothing(population: int, scenario: str):
    roles, seating = seated(population, scenario)
    values = torch.randn(*roles.shape, 2, 3)
    by_genome = seating.to_genomes(values)
    assert by_genome.shape == (population, roles.size // population, 2, 3)
    assert torch.equal(seating.to_worlds(by_genome), values)
    whose = seating.to_genomes(torch.from_numpy(seating.genome_of))
    assert torch.equal(whose, torch.arange(population).unsqueeze(1).expand_as(whose))


@pytest.mark.parametrize("population", POPULATIONS)
def test_offsets_part_the_others_into_familiar_ones_and_strangers(population: int):
    familiar, strange = familiar_offsets(population), stranger_offsets(population)
    assert not set(familiar) & set(strange)
    expected = set(range(1, population)) or {0}
    assert set(familiar) | set(strange) == expected
    assert bool(strange) == (population >= 4)
    # to be strangers is mutual
    assert {(population - offset) % population for offset in strange} == set(strange)


@pytest.mark.parametrize("scenario", TALKING)
@pytest.mark.parametrize("population", POPULATIONS)
def test_no_guide_has_a_stranger_for_a_builder_while_learning(population: int, scenario: str):
    roles, seating = seated(population, scenario)
    guides = np.take_along_axis(seating.genome_of, (roles == Role.GUIDE).argmax(axis=1)[:, None], axis=1)
    apart = (seating.genome_of - guides) % population
    assert not np.isin(apart[roles == Role.BUILDER], stranger_offsets(population)).any()
    met = set(apart[roles == Role.BUILDER].tolist())
    assert met == set(familiar_offsets(population))  # and every familiar pair does meet


@pytest.mark.parametrize("scenario", scenarios.names())
@pytest.mark.parametrize("population", POPULATIONS)
def test_strangers_never_share_a_world_while_learning_not_even_as_two_builders(population: int, scenario: str):
    _, seating = seated(population, scenario)
    apart = (seating.genome_of[:, :, None] - seating.genome_of[:, None]) % population
    assert not np.isin(apart, stranger_offsets(population)).any()


def test_partners_change_from_block_to_block():
    roles, seating = seated(8, "name")
    builders = seating.genome_of[roles == Role.BUILDER].reshape(-1, 8)
    assert len(np.unique(builders, axis=0)) > 3


def test_builders_of_one_world_differ_where_there_are_enough_boxlings():
    rng = np.random.default_rng(0)
    offsets = draw_offsets(rng, (1, 2, 3, 5), 50, 3)
    assert offsets.shape == (50, 3)
    assert all(len(set(row)) == 3 for row in offsets.tolist())
    assert set(offsets.flatten().tolist()) == {1, 2, 3, 5}
    assert draw_offsets(rng, (1,), 2, 2).tolist() == [[1, 1], [1, 1]]


def test_worlds_that_do_not_come_in_blocks_are_refused():
    with pytest.raises(ValueError, match="must be a multiple of the population 4, got 6"):
        seat(np.ones((6, 2)), 4, np.ones((2, 1), np.int64))


@pytest.mark.parametrize("population", POPULATIONS)
def test_where_nobody_guides_every_genome_leads_equally_often(population: int):
    _, seating = seated(population, "sokoban")
    assert (np.bincount(seating.genome_of.ravel(), minlength=population) == 30).all()
    roles = np.ones((population * 10, 3), np.int8)  # three builders
    offsets = draw_offsets(np.random.default_rng(0), familiar_offsets(population), 10, 2)
    genome_of = seat(roles, population, offsets).genome_of
    np.testing.assert_array_equal(genome_of[:, 0], np.arange(len(roles)) % population)
    apart = (genome_of - genome_of[:, :1]) % population
    np.testing.assert_array_equal(apart[:, 1:], np.repeat(offsets, population, axis=0) % population)
