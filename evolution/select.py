"""Selection: who makes place, and whose children are born there. Fitness is raw, and higher is better.

A `Selection` is told what is known of a generation, then asked who is replaced. How it chooses has a name:

- truncation: the worst go, and those who have children are of the better half;
- tournament: losers of tournaments go, winners of others have children (Goldberg and Deb 1991, "A comparative analysis
  of selection schemes used in genetic algorithms");
- age, random: the oldest go, or anybody, and anybody who stays has children, so that fitness plays no part (the
  strategies of Cogswell et al. 2019, https://arxiv.org/abs/1904.09067, and Dagan et al. 2021,
  https://arxiv.org/abs/2001.03361);
- map-elites: the worst go that are not the best of their kind, and elites of all kinds have children, see
  `evolution.archive`;
- random-search: all but the best go, and who takes their places is drawn anew and inherits nothing (a control, as in
  Such et al. 2017, https://arxiv.org/abs/1712.06567);
- none: nobody goes.

One of your own is a function like those below, handed to `register` or named by a package as an entry point of the
group "boxlings.strategies".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evolution.archive import Archive, Heritage
from evolution.config import SelectionConfig
from world.registry import Registry, name_of

NO_SLOTS = np.zeros(0, np.int64)
ARCHIVE = "archive."  # before the names of its arrays in a checkpoint


@dataclass(frozen=True)
class Judged:
    """What is known of P boxlings once they are judged."""

    raw_fitness: np.ndarray  # (P,) float; who has one that is not finite is broken
    age_generations: np.ndarray  # (P,) int
    is_newborn: np.ndarray  # (P,) bool: was born to learn the language
    behaviour: np.ndarray  # (P, 2) float in [0, 1], see `evolution.archive.behaviour_of`
    boxling: np.ndarray  # (P,) int: ids
    heritage: Heritage  # what children of these slots inherit
    protected_slot: int | None = None  # of one who stays whatever happens

    def __post_init__(self) -> None:
        population = len(self.raw_fitness)
        for name in ("age_generations", "is_newborn", "behaviour", "boxling"):
            shape, expected = np.shape(getattr(self, name)), (population, 2) if name == "behaviour" else (population,)
            if shape != expected:
                raise ValueError(f"{name} must have shape {expected}, got {shape}")


@dataclass(frozen=True)
class Replacement:
    """One death and one birth."""

    slot: int  # of the one who makes place
    parent: int | None  # slot, or cell of the archive, of the one who is copied; None: the child is drawn anew
    other_parent: int | None  # another one, drawn by the same rule; None: there is no other
    is_newborn: bool  # has to learn the language; otherwise a mutant
    is_archived: bool = False  # parents are cells of the archive


@dataclass(frozen=True)
class Herd:
    """The boxlings with a fitness, by slot, from the worst to the best; chance orders equals."""

    healthy: np.ndarray  # (N,) int64: all of them
    may_go: np.ndarray  # (M,) int64: those who are not protected
    judged: Judged
    archive: Archive | None

    def without(self, going: np.ndarray) -> np.ndarray:
        """Who is left when these slots have gone, from the worst to the best."""
        return self.healthy[~np.isin(self.healthy, going)]


@dataclass(frozen=True)
class Choice:
    """Who goes, and who may have children."""

    going: np.ndarray  # slots
    parents: np.ndarray  # slots, or cells of the archive, from the worst to the best; empty: nothing is inherited
    tournament_size: int = 1  # a parent is the best of so many drawn ones


def truncation(herd: Herd, number: int, _config: SelectionConfig, _rng: np.random.Generator) -> Choice:
    """The worst go, the better half of the population has children."""
    going = herd.may_go[:number]
    return Choice(going, herd.without(going)[-max(1, len(herd.judged.raw_fitness) // 2) :])


def tournament(herd: Herd, number: int, config: SelectionConfig, rng: np.random.Generator) -> Choice:
    """Who loses a tournament goes, who wins another one has children."""
    going = herd.may_go[lose_tournaments(len(herd.may_go), number, config.tournament_size, rng)]
    return Choice(going, herd.without(going), config.tournament_size)


def by_age(herd: Herd, number: int, _config: SelectionConfig, rng: np.random.Generator) -> Choice:
    """The oldest go, anybody who stays has children."""
    anyhow = rng.permutation(herd.may_go)
    going = anyhow[np.argsort(-herd.judged.age_generations[anyhow], kind="stable")][:number]
    return Choice(going, herd.without(going))


def at_random(herd: Herd, number: int, _config: SelectionConfig, rng: np.random.Generator) -> Choice:
    """Anybody goes, anybody who stays has children."""
    going = rng.permutation(herd.may_go)[:number]
    return Choice(going, herd.without(going))


def map_elites(herd: Herd, number: int, _config: SelectionConfig, _rng: np.random.Generator) -> Choice:
    """The worst go who are no elites; elites only where others are too few, since their copies stay. Every elite of
    the archive has children, whether it lives or not."""
    assert herd.archive is not None
    is_elite = herd.archive.is_elite(herd.judged.behaviour, herd.judged.boxling)[herd.may_go]
    going = np.concatenate([herd.may_go[~is_elite], herd.may_go[is_elite]])[:number]
    return Choice(going, herd.archive.filled)


def random_search(herd: Herd, _number: int, _config: SelectionConfig, _rng: np.random.Generator) -> Choice:
    """All go but the best, and nobody has children."""
    best = herd.healthy[-1:] if herd.judged.protected_slot is None else herd.judged.protected_slot
    return Choice(herd.may_go[herd.may_go != best], NO_SLOTS)


Chooser = Callable[[Herd, int, SelectionConfig, np.random.Generator], Choice]
STRATEGIES: dict[str, Chooser] = {
    "truncation": truncation,
    "tournament": tournament,
    "age": by_age,
    "random": at_random,
    "map-elites": map_elites,
    "random-search": random_search,
}  # besides "none"


def _accept(thing: Any, where: str) -> Chooser:
    if not callable(thing):
        raise ValueError(f"{where} must be a function of a herd, a number, options and chance, got {thing!r:.60}")
    if name_of(thing) == "none":
        raise ValueError(f"{where} must have a name of its own: with none nobody goes")
    return thing


REGISTRY: Registry[Chooser] = Registry("boxlings.strategies", "strategy", lambda: STRATEGIES, _accept)


def register(strategy: Chooser) -> Chooser:
    """Add a strategy of your own for this process, under its name; returns it. ValueError as of `Registry.register`.

    It chooses, of a `Herd`, who goes and who may have children; `evolution.testing.check_strategy` holds it to that.
    """
    return REGISTRY.register(strategy)


class Selection:
    """Asks and tells: `tell` what is known of a generation, then `ask` who is replaced."""

    def __init__(self, config: SelectionConfig) -> None:
        self.config = config
        self.archive = Archive(config.archive_cells) if config.strategy == "map-elites" else None
        self.judged: Judged | None = None

    def tell(self, judged: Judged) -> None:
        """Take in a generation; the archive keeps copies of its elites."""
        self.judged = judged
        if self.archive is not None:
            self.archive.offer(judged.raw_fitness, judged.behaviour, judged.boxling, judged.heritage)

    def ask(self, rng: np.random.Generator, progress: float) -> list[Replacement]:
        """Who makes place for whose child, after `tell`; `progress` in [0, 1) of the run.

        All whose fitness is not finite go, and others until the share is reached, but never one who is protected:
        newborns younger than `protected_generations`, and `protected_slot`. Where nobody can be a parent, because no
        fitness is finite and no archive has elites, nobody goes. Newborns are born until `newborns_until`.
        """
        judged, config = self.judged, self.config
        if judged is None:
            raise ValueError("a selection must be told of a generation before it is asked")
        if config.strategy == "none":
            return []
        population = len(judged.raw_fitness)
        is_finite = np.isfinite(judged.raw_fitness)
        order = np.lexsort((rng.random(population), judged.raw_fitness))
        healthy, broken = order[is_finite[order]], np.flatnonzero(~is_finite)
        if not len(healthy) and (self.archive is None or not len(self.archive.filled)):
            return []
        may_go = ~(judged.is_newborn & (judged.age_generations < config.protected_generations))
        if judged.protected_slot is not None:
            may_go[judged.protected_slot] = False
        herd = Herd(healthy, healthy[may_go[healthy]], judged, self.archive)
        share = min(int(np.floor(config.eliminated_share * population + 1e-9)), population - 1)
        number = min(max(0, share - len(broken)), len(herd.may_go))
        choice = REGISTRY.get(config.strategy)(herd, number, config, rng)
        going = np.concatenate([broken, choice.going])
        if not len(choice.parents):
            return [Replacement(slot, None, None, is_newborn=False) for slot in going.tolist()]
        first, second = draw_parents(len(choice.parents), len(going), choice.tournament_size, rng)
        is_newborn = (rng.random(len(going)) < config.newborn_share) & (progress < float(config.newborns_until or 0.0))
        others = [None] * len(going) if second is None else choice.parents[second].tolist()
        return [
            Replacement(slot, parent, other, is_new, self.archive is not None)
            for slot, parent, other, is_new in zip(
                going.tolist(), choice.parents[first].tolist(), others, is_newborn.tolist(), strict=True
            )
        ]

    def measures(self) -> dict[str, float]:
        """What there is to tell of an archive."""
        return {} if self.archive is None else self.archive.measures()

    def state(self) -> dict[str, np.ndarray]:
        """What the next generation is chosen by besides what it will be told."""
        return {} if self.archive is None else {ARCHIVE + name: array for name, array in self.archive.state().items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a `state`, which may hold arrays of others too."""
        if self.archive is not None:
            own = {name.removeprefix(ARCHIVE): array for name, array in state.items() if name.startswith(ARCHIVE)}
            self.archive = Archive.restored(self.archive.side, own)


def lose_tournaments(population: int, number: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Who loses tournaments of `size` drawn with repetition: `number` places of a line from the worst to the best.

    Tournaments are held by the round, between those who are left; whoever meets only itself does not lose. The last of
    the line goes only with all others.
    """
    if number >= population:
        return np.arange(population)
    is_left = np.ones(population, bool)
    while number:
        left = np.flatnonzero(is_left)
        drawn = rng.integers(len(left), size=(number, size))
        lowest, highest = drawn.min(axis=1), drawn.max(axis=1)
        losers = left[lowest[lowest < highest]]
        each_once = losers[np.sort(np.unique(losers, return_index=True)[1])]
        is_left[each_once] = False
        number -= len(each_once)
    return np.flatnonzero(~is_left)


def draw_parents(
    num_parents: int, num_children: int, tournament_size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None]:
    """Two different parents for each child, as places in a line from the worst to the best, (num_children,) each.

    Each is the best of `tournament_size` drawn with repetition, among all, and among all but the first; 1: anybody.
    None in place of the second where there is only one.
    """
    first = rng.integers(num_parents, size=(num_children, tournament_size)).max(axis=1)
    if num_parents == 1:
        return first, None
    others = rng.integers(num_parents - 1, size=(num_children, tournament_size))
    return first, (others + (others >= first[:, None])).max(axis=1)
