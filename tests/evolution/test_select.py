"""Selection: the worst make place for children of the better half, and chance decides only between equals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evolution.config import SelectionConfig
from evolution.select import Replacement, select

CONFIG = SelectionConfig(eliminated_share=0.25, newborn_share=0.5, newborns_until=0.7, protected_generations=1)
FITNESS = np.array([0.3, 0.9, -0.2, 0.5, 0.1, 0.8, 0.0, 0.7])  # the worst are 2 and 6


def choose(
    fitness: np.ndarray = FITNESS,
    *,
    age: np.ndarray | int = 5,
    is_newborn: tuple[int, ...] = (),
    progress: float = 0.0,
    seed: int = 0,
    config: SelectionConfig = CONFIG,
) -> list[Replacement]:
    population = len(fitness)
    newborn = np.isin(np.arange(population), is_newborn)
    ages = np.broadcast_to(age, population)
    return select(np.asarray(fitness, float), ages, newborn, config, progress, np.random.default_rng(seed))


def dying(replacements: list[Replacement]) -> list[int]:
    return sorted(replacement.slot for replacement in replacements)


def test_the_worst_die_and_the_better_half_has_the_children():
    parents = set()
    for seed in range(50):
        replacements = choose(seed=seed)
        assert dying(replacements) == [2, 6]
        parents |= {replacement.parent for replacement in replacements}
    assert parents == {1, 5, 7, 3}


def test_nan_is_worse_than_any_number_and_has_no_children():
    fitness = FITNESS.copy()
    fitness[[1, 5]] = np.nan
    for seed in range(30):
        replacements = choose(fitness, seed=seed)
        assert dying(replacements) == [1, 5]
        assert not {replacement.parent for replacement in replacements} & {1, 5}
    fitness[:] = np.nan
    fitness[4] = 0.0
    for seed in range(30):
        assert {replacement.parent for replacement in choose(fitness, seed=seed)} == {4}


def test_where_nobody_has_a_fitness_nobody_dies():
    assert choose(np.full(8, np.nan)) == []


def test_newborns_are_spared_while_they_are_young():
    assert dying(choose(age=0, is_newborn=(2,))) == [4, 6]
    assert dying(choose(age=1, is_newborn=(2,))) == [2, 6]
    longer = replace(CONFIG, protected_generations=3)
    assert dying(choose(age=2, is_newborn=(2, 6), config=longer)) == [0, 4]
    unprotected = replace(CONFIG, protected_generations=0)
    assert dying(choose(age=0, is_newborn=(2,), config=unprotected)) == [2, 6]


def test_young_mutants_are_not_spared():
    assert dying(choose(age=0)) == [2, 6]


def test_where_all_are_spared_nobody_dies():
    assert choose(age=0, is_newborn=tuple(range(8))) == []


def test_without_elimination_nobody_dies():
    assert choose(config=replace(CONFIG, elimination=False)) == []
    assert choose(config=replace(CONFIG, eliminated_share=0.0)) == []
    assert choose(config=CONFIG) != []


@pytest.mark.parametrize("population", [1, 2, 3, 8])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.99, 1.0])
def test_never_does_everybody_die(population: int, share: float):
    config = replace(CONFIG, eliminated_share=share)
    fitness = np.random.default_rng(0).normal(size=population)
    for seed in range(10):
        replacements = choose(fitness, seed=seed, config=config)
        expected = 0 if population == 1 else min(int(share * population), population - 1)
        assert len(replacements) == expected
        slots = dying(replacements)
        assert len(set(slots)) == len(slots)
        assert not set(slots) & {replacement.parent for replacement in replacements}
        assert int(fitness.argmax()) not in slots


@pytest.mark.parametrize(("share", "population", "expected"), [(0.25, 8, 2), (0.1, 10, 1), (0.3, 10, 3), (0.2, 4, 0)])
def test_the_number_of_deaths_is_the_share_rounded_down(share: float, population: int, expected: int):
    fitness = np.arange(population, dtype=float)
    assert len(choose(fitness, config=replace(CONFIG, eliminated_share=share))) == expected


def test_only_chance_decides_between_equals():
    num_draws = 4000
    deaths, births = np.zeros(8), np.zeros(8)
    rng = np.random.default_rng(0)
    for _ in range(num_draws):
        for r in select(np.zeros(8), np.full(8, 5), np.zeros(8, bool), CONFIG, 0.0, rng):
            deaths[r.slot] += 1
            births[r.parent] += 1
    for counts in (deaths, births):
        share = counts / counts.sum()
        assert abs(share - 1 / 8).max() < 4 * np.sqrt(1 / 8 * 7 / 8 / counts.sum())


def test_who_is_who_makes_no_difference():
    """Renaming the slots renames the outcome: over many draws the same boxlings die and breed."""
    order = np.random.default_rng(5).permutation(8)
    straight, renamed = np.zeros((2, 8)), np.zeros((2, 8))
    for seed in range(500):
        for r in choose(seed=seed):
            straight[:, [r.slot]] += [[1], [0]]
            straight[:, [r.parent]] += [[0], [1]]
        for r in choose(FITNESS[order], seed=seed):
            renamed[:, [order[r.slot]]] += [[1], [0]]
            renamed[:, [order[r.parent]]] += [[0], [1]]
    np.testing.assert_array_equal(straight[0], renamed[0])
    assert abs(straight[1] - renamed[1]).max() < 4 * np.sqrt(2 * 1000 / 4)


def test_equal_streams_select_equally():
    assert choose(seed=3) == choose(seed=3)
    assert any(choose(seed=3) != choose(seed=seed) for seed in range(4, 10))


@pytest.mark.parametrize(
    ("share", "progress", "expected"), [(1.0, 0.0, 1), (0.0, 0.0, 0), (1.0, 0.69, 1), (1.0, 0.7, 0)]
)
def test_newborns_are_born_as_often_as_they_should_and_not_late_in_a_run(
    share: float, progress: float, expected: float
):
    config = replace(CONFIG, newborn_share=share)
    births = [r.is_newborn for seed in range(20) for r in choose(seed=seed, progress=progress, config=config)]
    assert np.mean(births) == expected


def test_half_of_the_births_are_newborns_where_half_are_asked_for():
    births = [r.is_newborn for seed in range(1000) for r in choose(seed=seed)]
    assert abs(np.mean(births) - 0.5) < 4 * 0.5 / np.sqrt(len(births))


# ---- other ways to choose who goes ----

AGES = np.array([3, 9, 1, 2, 7, 4, 8, 5])  # the oldest are 1 and 6


def test_by_age_the_oldest_go_and_anybody_who_stays_has_children():
    config = replace(CONFIG, culling="age")
    parents = set()
    for seed in range(60):
        replacements = choose(age=AGES, seed=seed, config=config)
        assert dying(replacements) == [1, 6]
        parents |= {replacement.parent for replacement in replacements}
    assert parents == {0, 2, 3, 4, 5, 7}  # the worst, 2, is among them


def test_at_random_everybody_goes_equally_often_and_fitness_plays_no_part():
    config = replace(CONFIG, culling="random")
    deaths, births = np.zeros(8), np.zeros(8)
    for seed in range(800):
        replacements = choose(seed=seed, config=config)
        assert len(replacements) == 2
        deaths[dying(replacements)] += 1
        births[[replacement.parent for replacement in replacements]] += 1
    for counts in (deaths, births):
        np.testing.assert_allclose(counts, 200, atol=5 * np.sqrt(200 * 0.75))


@pytest.mark.parametrize("config", [replace(CONFIG, culling="none"), replace(CONFIG, elimination=False)])
def test_nobody_goes_where_nobody_is_culled(config: SelectionConfig):
    assert choose(config=config) == []


@pytest.mark.parametrize("culling", ["age", "random"])
def test_whoever_has_no_fitness_has_no_children_in_any_way_of_culling(culling: str):
    fitness = np.full(8, np.nan)
    fitness[4] = 0.0
    for seed in range(30):
        for replacement in choose(fitness, age=AGES, seed=seed, config=replace(CONFIG, culling=culling)):
            assert replacement.parent == 4
    with pytest.raises(ValueError, match="culling must be one of fitness, age, random, none, got 'luck'"):
        SelectionConfig(culling="luck")  # type: ignore[arg-type]
