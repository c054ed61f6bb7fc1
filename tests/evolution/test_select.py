"""Selection: what every strategy keeps to, what is special to each, and which of them make fitness rise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pytest

from evolution.config import RunConfig, SelectionConfig, Strategy
from evolution.select import STRATEGIES, Judged, Replacement, Selection, draw_parents, lose_tournaments

CONFIG = SelectionConfig(eliminated_share=0.25, newborn_share=0.5, newborns_until=0.7, protected_generations=1)
FITNESS = np.array([0.3, 0.9, -0.2, 0.5, 0.1, 0.8, 0.0, 0.7])  # the worst are 2 and 6
AGES = np.array([3, 9, 1, 2, 7, 4, 8, 5])  # the oldest are 1 and 6
SHARING = tuple(name for name in STRATEGIES if name != "random-search")  # a share goes, rather than all but the best


def judged(
    fitness: np.ndarray = FITNESS,
    *,
    age: np.ndarray | int = 5,
    is_newborn: tuple[int, ...] = (),
    behaviour: np.ndarray | None = None,
    first_id: int = 1,
    protected_slot: int | None = None,
) -> Judged:
    """A generation; everybody behaves alike unless told otherwise, and inherits its slot."""
    population = len(fitness)
    return Judged(
        raw_fitness=np.asarray(fitness, float),
        age_generations=np.broadcast_to(age, population),
        is_newborn=np.isin(np.arange(population), is_newborn),
        behaviour=np.zeros((population, 2)) if behaviour is None else behaviour,
        boxling=np.arange(population) + first_id,
        heritage=lambda slots: {"genomes": slots[:, None].astype(np.float32)},
        protected_slot=protected_slot,
    )


def choose(
    fitness: np.ndarray = FITNESS,
    *,
    progress: float = 0.0,
    seed: int = 0,
    config: SelectionConfig = CONFIG,
    **known: object,
) -> list[Replacement]:
    selection = Selection(config)
    selection.tell(judged(fitness, **known))  # type: ignore[arg-type]
    return selection.ask(np.random.default_rng(seed), progress)


def by(strategy: str, **changes: object) -> SelectionConfig:
    return replace(CONFIG, strategy=strategy, **changes)  # type: ignore[arg-type]


def dying(replacements: list[Replacement]) -> list[int]:
    return sorted(replacement.slot for replacement in replacements)


def parents_of(replacements: list[Replacement], fitness: np.ndarray, **known: object) -> list[tuple[int | None, ...]]:
    """Both parents of each child as slots, whether or not they stand in an archive."""
    if not any(each.is_archived for each in replacements):
        return [(each.parent, each.other_parent) for each in replacements]
    selection = Selection(by("map-elites"))
    selection.tell(judged(fitness, **known))  # type: ignore[arg-type]
    assert selection.archive is not None
    rows = selection.archive.rows
    return [
        tuple(None if cell is None else int(rows[cell]["genomes"][0]) for cell in (each.parent, each.other_parent))
        for each in replacements
    ]


# ---- what every strategy keeps to ----


def test_every_strategy_that_can_be_asked_for_is_there():
    assert {*STRATEGIES, "none"} == set(get_args(Strategy))
    assert SelectionConfig().strategy == "truncation"


@pytest.fixture(params=STRATEGIES)
def strategy(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("population", [1, 2, 3, 8, 33])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_deaths_are_births_and_parents_live(strategy: str, population: int, share: float):
    rng = np.random.default_rng(population)
    fitness, behaviour = rng.normal(size=population), rng.random((population, 2))
    expected = population - 1 if strategy == "random-search" else min(int(share * population), population - 1)
    for seed in range(5):
        config = by(strategy, eliminated_share=share)
        replacements = choose(fitness, seed=seed, config=config, behaviour=behaviour)
        slots = dying(replacements)
        assert len(slots) == len(set(slots)) == expected
        assert set(slots) < set(range(population))  # never everybody
        for each, (parent, other) in zip(
            replacements, parents_of(replacements, fitness, behaviour=behaviour), strict=True
        ):
            if strategy == "random-search":
                assert each == Replacement(each.slot, None, None, is_newborn=False)
                continue
            assert parent is not None
            assert parent != other
            assert each.is_archived == (strategy == "map-elites")
            if not each.is_archived:  # copies of those who went stay in the archive
                assert not {parent, other} & set(slots)
                assert (other is None) == (population - expected == 1 or (strategy == "truncation" and population < 4))


def test_the_same_stream_chooses_the_same_and_another_one_does_not(strategy: str):
    behaviour = np.random.default_rng(1).random((8, 2))
    options = {"config": by(strategy, eliminated_share=0.5), "behaviour": behaviour, "age": AGES}
    first = choose(seed=3, **options)  # type: ignore[arg-type]
    assert choose(seed=3, **options) == first  # type: ignore[arg-type]
    if strategy != "random-search":  # where all but the best go whatever is drawn
        assert any(choose(seed=seed, **options) != first for seed in range(4, 10))  # type: ignore[arg-type]


def test_the_protected_stay_whatever_happens(strategy: str):
    """The worst and the oldest at once, so that every strategy would let them go."""
    config = by(strategy, eliminated_share=1.0, protected_generations=10)
    for seed in range(10):
        newborns = choose(age=np.where(np.arange(8) == 2, 9, 1), is_newborn=(2,), seed=seed, config=config)
        assert 2 not in dying(newborns)
        assert len(newborns) >= 6
        validated = choose(age=np.where(np.arange(8) == 2, 9, 1), seed=seed, config=config, protected_slot=2)
        assert 2 not in dying(validated)
        assert len(validated) == 7
        grown_up = choose(age=np.where(np.arange(8) == 2, 10, 1), is_newborn=(2,), seed=seed, config=config)
        assert strategy == "random" or 2 in dying(grown_up)


def test_who_has_no_fitness_goes_and_has_no_children(strategy: str):
    """Even beyond the share, and even if it is a newborn: what is no number learns nothing."""
    fitness = FITNESS.copy()
    for broken in ([1], [1, 5], [0, 1, 3, 4, 5], [0, 1, 2, 3, 5, 6, 7]):
        fitness = np.where(np.isin(np.arange(8), broken), np.nan, FITNESS)
        for seed in range(10):
            replacements = choose(fitness, seed=seed, config=by(strategy), age=0, is_newborn=(1,))
            assert set(broken) <= set(dying(replacements))
            if strategy != "random-search":
                assert len(replacements) == max(2, len(broken))
            parents = {parent for pair in parents_of(replacements, fitness) for parent in pair}
            assert not parents & set(broken)
            if len(broken) == 7 and strategy != "random-search":
                assert parents == {4, None}


def test_an_infinite_fitness_is_none(strategy: str):
    fitness = FITNESS.copy()
    fitness[[1, 5]] = np.inf, -np.inf
    for seed in range(5):
        assert {1, 5} <= set(dying(choose(fitness, seed=seed, config=by(strategy))))


def test_where_nobody_has_a_fitness_nobody_goes_as_there_are_no_parents(strategy: str):
    for population in (1, 2, 8):
        assert choose(np.full(population, np.nan), config=by(strategy, eliminated_share=1.0)) == []


def test_of_two_one_goes_and_the_other_has_the_child(strategy: str):
    for seed in range(10):
        replacements = choose(FITNESS[:2], seed=seed, config=by(strategy, eliminated_share=0.5), age=AGES[:2])
        assert len(replacements) == 1
        if strategy in ("truncation", "tournament", "map-elites", "random-search"):
            assert dying(replacements) == [0]
        if strategy in SHARING:
            # the only elite where both behave alike
            assert parents_of(replacements, FITNESS[:2])[0][0] == (
                1 if strategy == "map-elites" else 1 - replacements[0].slot
            )


@pytest.mark.parametrize("strategy", SHARING)
def test_newborns_are_born_as_often_as_they_should_and_not_late_in_a_run(strategy: str):
    for share, progress, expected in ((1.0, 0.0, 1), (0.0, 0.0, 0), (1.0, 0.69, 1), (1.0, 0.7, 0)):
        config = by(strategy, newborn_share=share)
        births = [r.is_newborn for seed in range(10) for r in choose(seed=seed, progress=progress, config=config)]
        assert np.mean(births) == expected
    births = [r.is_newborn for seed in range(300) for r in choose(seed=seed, config=by(strategy))]
    assert abs(np.mean(births) - 0.5) < 4 * 0.5 / np.sqrt(len(births))


def test_nobody_goes_where_the_strategy_is_none():
    config = by("none", eliminated_share=1.0)
    assert choose(config=config) == []
    assert choose(np.where(FITNESS > 0.5, np.nan, FITNESS), config=config) == []


def test_only_chance_decides_between_equals(strategy: str):
    deaths, births = np.zeros(8), np.zeros(8)
    rng = np.random.default_rng(0)
    selection = Selection(by(strategy))
    corners = np.random.default_rng(1).permutation(8)[:, None] * [[1 / 8, 0]]  # each an elite of its own
    for _ in range(600):
        selection.tell(judged(np.zeros(8), behaviour=corners))
        for r in selection.ask(rng, 0.0):
            deaths[r.slot] += 1
            if r.parent is not None:
                births[r.parent if not r.is_archived else int(corners[:, 0].argsort()[r.parent // 8])] += 1
    for counts in (deaths, births)[: 1 if strategy == "random-search" else 2]:
        share = counts / counts.sum()
        assert abs(share - 1 / 8).max() < 4 * np.sqrt(1 / 8 * 7 / 8 / counts.sum())


def test_nonsense_is_refused():
    for changes, told in (
        ({"strategy": "luck"}, "strategy must be one of truncation, tournament, .*, got 'luck'"),
        ({"tournament_size": 1}, "tournament_size must be at least 2, got 1"),
        ({"archive_cells": 0}, r"archive_cells must be in \[1, 100\], got 0"),
        ({"revalidated_elites": -1}, "revalidated_elites must be at least 0, got -1"),
    ):
        with pytest.raises(ValueError, match=told):
            SelectionConfig(**changes)  # type: ignore[arg-type]
    RunConfig(population=8, selection=SelectionConfig(revalidated_elites=8))
    with pytest.raises(ValueError, match="revalidated_elites must be at most the population 8, got 9"):
        RunConfig(population=8, selection=SelectionConfig(revalidated_elites=9))
    with pytest.raises(ValueError, match="must be told of a generation before"):
        Selection(CONFIG).ask(np.random.default_rng(0), 0.0)
    with pytest.raises(ValueError, match=r"behaviour must have shape \(8, 2\), got \(7, 2\)"):
        judged(behaviour=np.zeros((7, 2)))


# ---- truncation ----


def test_the_worst_go_and_the_better_half_has_the_children():
    parents = set()
    for seed in range(50):
        replacements = choose(seed=seed)
        assert dying(replacements) == [2, 6]
        parents |= {parent for each in replacements for parent in (each.parent, each.other_parent)}
    assert parents == {1, 5, 7, 3}


def test_newborns_are_spared_while_they_are_young():
    assert dying(choose(age=0, is_newborn=(2,))) == [4, 6]
    assert dying(choose(age=1, is_newborn=(2,))) == [2, 6]
    longer = replace(CONFIG, protected_generations=3)
    assert dying(choose(age=2, is_newborn=(2, 6), config=longer)) == [0, 4]
    unprotected = replace(CONFIG, protected_generations=0)
    assert dying(choose(age=0, is_newborn=(2,), config=unprotected)) == [2, 6]
    assert dying(choose(age=0)) == [2, 6]  # young mutants are not
    assert choose(age=0, is_newborn=tuple(range(8))) == []


@pytest.mark.parametrize(("share", "population", "expected"), [(0.25, 8, 2), (0.1, 10, 1), (0.3, 10, 3), (0.2, 4, 0)])
def test_the_number_of_deaths_is_the_share_rounded_down(share: float, population: int, expected: int):
    fitness = np.arange(population, dtype=float)
    assert len(choose(fitness, config=replace(CONFIG, eliminated_share=share))) == expected


def test_who_is_who_makes_no_difference():
    """Renaming the slots renames the outcome: over many draws the same boxlings die and breed."""
    order = np.random.default_rng(5).permutation(8)
    straight, renamed = np.zeros((2, 8)), np.zeros((2, 8))
    for seed in range(500):
        for counts, names, fitness in ((straight, np.arange(8), FITNESS), (renamed, order, FITNESS[order])):
            for r in choose(fitness, seed=seed):
                counts[0, names[r.slot]] += 1
                counts[1, names[r.parent]] += 1
    np.testing.assert_array_equal(straight[0], renamed[0])
    assert abs(straight[1] - renamed[1]).max() < 4 * np.sqrt(2 * 1000 / 4)


# ---- tournament ----


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_share_of_children_is_that_of_tournaments_won(size: int):
    first, second = draw_parents(6, 60_000, size, np.random.default_rng(0))
    places = np.arange(7) / 6
    won = np.diff(places**size)  # chance that the best of `size` is each of six
    np.testing.assert_allclose(np.bincount(first, minlength=6) / 60_000, won, atol=0.01)
    assert second is not None
    assert (first != second).all()
    without_best = np.bincount(second[first == 5], minlength=6) / (first == 5).sum()
    np.testing.assert_allclose(without_best, [*np.diff((np.arange(6) / 5) ** size), 0.0], atol=0.015)


def test_the_worse_a_boxling_the_likelier_it_loses_and_larger_tournaments_are_stricter():
    losses = {}
    for size in (2, 6):
        counts = np.zeros(8)
        rng = np.random.default_rng(0)
        for _ in range(2000):
            counts[lose_tournaments(8, 1, size, rng)] += 1
        assert (np.diff(counts) < 60).all()  # from the worst to the best
        assert counts[-1] == 0  # who is better than all others loses to nobody
        losses[size] = counts / 2000
    np.testing.assert_allclose(losses[2][:2], [(64 - 49 - 1) / 56, (49 - 36 - 1) / 56], atol=0.04)
    assert losses[6][0] > losses[2][0] + 0.2


def test_in_tournaments_bad_luck_can_spare_the_worst_and_hit_others_but_not_the_best():
    slots, parents = set(), set()
    for seed in range(300):
        for each in choose(seed=seed, config=by("tournament", tournament_size=2)):
            slots.add(each.slot)
            parents.add(each.parent)
    assert slots == set(range(8)) - {1}
    assert parents == set(range(8))


# ---- age, random ----


def test_by_age_the_oldest_go_and_anybody_who_stays_has_children():
    parents = set()
    for seed in range(60):
        replacements = choose(age=AGES, seed=seed, config=by("age"))
        assert dying(replacements) == [1, 6]
        parents |= {replacement.parent for replacement in replacements}
    assert parents == {0, 2, 3, 4, 5, 7}  # the worst, 2, is among them


def test_at_random_everybody_goes_equally_often_and_fitness_plays_no_part():
    deaths, births = np.zeros(8), np.zeros(8)
    for seed in range(800):
        replacements = choose(seed=seed, config=by("random"))
        assert len(replacements) == 2
        deaths[dying(replacements)] += 1
        births[[replacement.parent for replacement in replacements]] += 1
    for counts in (deaths, births):
        np.testing.assert_allclose(counts, 200, atol=5 * np.sqrt(200 * 0.75))


# ---- random search ----


def test_random_search_keeps_the_best_alone_or_who_was_best_when_judged_again():
    assert dying(choose(config=by("random-search"))) == [0, 2, 3, 4, 5, 6, 7]
    assert dying(choose(config=by("random-search"), protected_slot=5)) == [0, 1, 2, 3, 4, 6, 7]


# ---- which of them make fitness rise ----


@dataclass
class Toy:
    """Genomes of 20 numbers; fitness is how near they are to a point, behaviour the first two of them."""

    genomes: np.ndarray
    ids: np.ndarray

    @property
    def fitness(self) -> np.ndarray:
        return -np.abs(self.genomes - 1.0).mean(axis=1)


def fitness_after(strategy: str, seed: int, num_generations: int = 60) -> tuple[float, float]:
    """Mean fitness of a toy population at first, and in the end."""
    rng = np.random.default_rng(seed)
    toy = Toy(rng.normal(size=(24, 20)), np.arange(24))
    selection = Selection(SelectionConfig(strategy=strategy, newborn_share=0.0))  # type: ignore[arg-type]
    start, next_id = float(toy.fitness.mean()), 24
    for _ in range(num_generations):
        behaviour = 1 / (1 + np.exp(-toy.genomes[:, :2]))
        genomes = toy.genomes
        selection.tell(
            Judged(
                toy.fitness, np.ones(24, int), np.zeros(24, bool), behaviour, toy.ids,
                lambda slots, genomes=genomes: {"genomes": genomes[slots]},
            )
        )  # fmt: skip
        for each in selection.ask(rng, 0.0):
            if each.parent is None:
                child = rng.normal(size=20)
            else:
                archive = selection.archive
                parent = toy.genomes[each.parent] if archive is None else archive.rows[each.parent]["genomes"]
                child = parent + 0.1 * rng.normal(size=20)
            toy.genomes[each.slot] = child
            toy.ids[each.slot] = next_id
            next_id += 1
    assert len(set(toy.ids.tolist())) == 24  # ids are never used twice
    return start, float(toy.fitness.mean())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fitness_rises_where_it_decides_and_does_not_where_it_plays_no_part(strategy: str):
    """The null control: births and mutations are the same everywhere; only who goes and who breeds differs."""
    rises = [after - before for before, after in (fitness_after(strategy, seed) for seed in range(6))]
    if strategy in ("truncation", "tournament", "map-elites"):
        assert min(rises) > 0.2
    else:
        assert abs(np.mean(rises)) < 0.2
        assert max(rises) < 0.3
