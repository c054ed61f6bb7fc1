"""Selection: who makes place, and whose copies are born there. Fitness is raw, and higher is better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evolution.config import SelectionConfig


@dataclass(frozen=True)
class Replacement:
    """One death and one birth."""

    slot: int  # of the one who makes place
    parent: int  # slot of the one who is copied
    is_newborn: bool  # has to learn the language; otherwise a mutant


def select(
    raw_fitness: np.ndarray, age_generations: np.ndarray, is_newborn: np.ndarray, config: SelectionConfig,
    progress: float, rng: np.random.Generator,
) -> list[Replacement]:  # fmt: skip
    """A share makes place for children of others.

    Who goes, by `config.culling`: the worst, and those who have children are of the better half (truncation selection);
    or the oldest, or anybody, and anybody who stays has children, so that fitness plays no part (the strategies of
    Cogswell et al. 2019, https://arxiv.org/abs/1904.09067, and Dagan et al. 2021, https://arxiv.org/abs/2001.03361).

    `raw_fitness` (P,), NaN counts as worst; newborns (`is_newborn`, (P,)) younger than `protected_generations` are
    spared; `progress` in [0, 1) of the run decides whether newborns are still born. Ties are broken by chance.
    """
    population = len(raw_fitness)
    if not config.elimination or config.culling == "none" or population < 2:
        return []
    fitness = np.where(np.isnan(raw_fitness), -np.inf, raw_fitness)
    first_to_go = {"fitness": fitness, "age": -age_generations, "random": np.zeros(population)}[config.culling]
    order = np.lexsort((rng.random(population), first_to_go))
    is_spared = is_newborn & (age_generations < config.protected_generations)
    num_dying = min(int(np.floor(config.eliminated_share * population + 1e-9)), population - 1)
    dying = [int(slot) for slot in order if not is_spared[slot]][:num_dying]
    parents = [int(slot) for slot in order[::-1] if slot not in dying and np.isfinite(fitness[slot])]
    if config.culling == "fitness":
        parents = parents[: max(1, population // 2)]
    if not parents:
        return []
    replacements = []
    for slot in dying:
        parent = parents[int(rng.integers(len(parents)))]
        is_new = bool(rng.random() < config.newborn_share) and progress < float(config.newborns_until or 0.0)
        replacements.append(Replacement(slot, parent, is_new))
    return replacements
