"""Offspring: what children get of one parent or of two, and how they come to differ from them.

All births of a generation at once. What is inherited is rows of matrices by name, (n, ...) each: "genomes", "genes",
and "mean", "square" and "num_updates" of the optimiser where anybody learns. In the order in which it happens:

1. genes are crossed and varied, so that the rest goes by a child's own (Beyer and Schwefel 2002, see
   `population.genes`);
2. genomes are crossed ("expert", "layer"), and the moments of the optimiser go along with their parameters; or children
   are distilled from what both parents do ("distil", `evolution.imitate`);
3. genomes are mutated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evolution.chance import stream, torch_stream
from evolution.config import RunConfig
from evolution.imitate import distil
from evolution.learn import SHARD
from evolution.machine import share
from evolution.relive import Part, gather
from evolution.select import Replacement
from evolution.sensitivity import sensitivity
from population.genes import column, cross, vary
from population.policy import Policy
from population.variation import crossover, gaussian, safe
from world.scenarios.base import Scenario

NOBODY = -1
Rows = dict[str, Tensor]  # what is inherited, by name; genes are those of the run's options where none are inherited


@dataclass(frozen=True)
class Couples:
    """The parents of n children, as rows of some matrix."""

    mother: np.ndarray  # (n,) int64: the fitter one where there are two
    father: np.ndarray  # (n,) int64, NOBODY where there is one

    @property
    def has_father(self) -> np.ndarray:
        return self.father != NOBODY

    def everybody(self) -> tuple[np.ndarray, Couples]:
        """All parents once, ascending (Q,), and the couples as rows of these."""
        parents = np.unique(np.concatenate([self.mother, self.father[self.has_father]]))
        father = np.where(self.has_father, np.searchsorted(parents, self.father), NOBODY)
        return parents, Couples(np.searchsorted(parents, self.mother), father)


def couples(
    replacements: Sequence[Replacement], fitness: np.ndarray, crossover_share: float, rng: np.random.Generator
) -> Couples:
    """Who has these children, by a coin where there could be a father; `fitness` of all that can be parents."""
    first = np.array([each.parent for each in replacements], np.int64)
    second = np.array([NOBODY if each.other_parent is None else each.other_parent for each in replacements], np.int64)
    second[rng.random(len(second)) >= crossover_share] = NOBODY
    is_fitter = (second != NOBODY) & (fitness[second] > fitness[first])
    return Couples(np.where(is_fitter, second, first), np.where(is_fitter, first, second))


def conceive(
    policy: Policy, scenario: Scenario, parents: Rows, pairs: Couples, config: RunConfig, generation: int
) -> tuple[Rows, dict[str, float]]:
    """Children of parents who are given with all that is inherited, and measures of how they came about."""
    selection = config.selection
    rng = stream(config.seed, "offspring", generation)
    device = str(parents["genomes"].device)
    generator = torch_stream(config.seed, "offspring", generation, device=device)
    mother, father = (torch.from_numpy(rows).to(device) for rows in (pairs.mother, pairs.father))
    crossed = torch.from_numpy(np.flatnonzero(pairs.has_father)).to(device)
    children = {name: rows[mother] for name, rows in parents.items()}
    measures: dict[str, float] = {}
    if selection.genes:
        genes = children["genes"].cpu().numpy()
        if len(crossed):
            mothers, fathers = (parents["genes"][each[crossed]].cpu().numpy() for each in (mother, father))
            genes[crossed.cpu().numpy()] = cross(mothers, fathers, selection.gene_crossover, rng)
        if selection.mutation:
            genes, num_clipped = vary(genes, selection.gene_step, rng)
            measures["genes_clipped"] = float(num_clipped.sum())
        children["genes"] = torch.from_numpy(genes).to(device)
    distils = selection.crossover == "distil" and len(crossed) > 0
    is_safe = selection.mutation and selection.mutation_kind == "safe"
    experience: tuple[Part, ...] = ()
    if distils or is_safe:
        experience = gather(
            policy, parents["genomes"], scenario, worlds_each=selection.experience_worlds,
            rng=stream(config.seed, "experience", generation),
            hearing_radius_cells=config.channel.hearing_radius_cells,
        )  # fmt: skip
        measures["agent_steps"] = float(sum(part.is_active.sum() for part in experience))
    if distils:
        # at the rate of the beginning of a run: the end, when survivors hardly learn any more, is no reason for a child
        # to be its mother's copy
        rates = torch.from_numpy(column(children["genes"][crossed].cpu().numpy(), "learning_rate")).float().to(device)
        children["genomes"][crossed], far = _distilled(
            policy, parents["genomes"], mother[crossed], father[crossed], experience, rates.unsqueeze(1), config
        )
        measures["loss_distil"] = float(far.mean()) if far.numel() else float("nan")
    elif len(crossed) and selection.crossover in ("expert", "layer"):
        rows, others = mother[crossed], father[crossed]
        children["genomes"][crossed], is_fathers = crossover(
            parents["genomes"][rows], parents["genomes"][others], policy.layout, selection.crossover, generator
        )
        for name in ("mean", "square"):
            if name in parents:
                children[name][crossed] = torch.where(is_fathers, parents[name][others], parents[name][rows])
    if selection.mutation:
        steps = column(children["genes"].cpu().numpy(), "mutation_step")
        if is_safe:
            felt = _felt(policy, children["genomes"], mother, experience, generator)
            children["genomes"] = safe(children["genomes"], policy.layout, steps, felt, generator)
        else:
            children["genomes"] = gaussian(children["genomes"], policy.layout, steps, generator)
    return children, measures


def _distilled(
    policy: Policy, genomes: Tensor, mother: Tensor, father: Tensor, experience: tuple[Part, ...], rates: Tensor,
    config: RunConfig,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Children of these rows, and how far they were from both parents, (rounds, n); a few at a time, on all cores."""
    children = genomes[mother]
    far = torch.zeros(config.learning.distil_rounds, len(children), device=genomes.device)

    def work(first: int, last: int) -> None:
        for start in range(first * SHARD, min(last * SHARD, len(children)), SHARD):
            rows = slice(start, start + SHARD)
            children[rows], far[:, rows] = distil(
                policy, genomes, mother[rows], father[rows], experience, learning_rate=rates[rows],
                max_norm=config.learning.gradient_norm, rounds=config.learning.distil_rounds,
            )  # fmt: skip

    share(work, -(-len(children) // SHARD))
    return children, far


def _felt(
    policy: Policy, children: Tensor, mother: Tensor, experience: tuple[Part, ...], generator: torch.Generator
) -> Tensor:
    """How much hangs on each weight of the children, where their mothers have been; a few at a time, on all cores."""
    felt = torch.empty_like(children)
    num_shards = -(-len(children) // SHARD)
    seeds = torch.randint(2**62, (num_shards,), generator=generator, device=children.device).tolist()

    def work(first: int, last: int) -> None:
        for shard in range(first, last):
            rows = slice(shard * SHARD, (shard + 1) * SHARD)
            own = torch.Generator(device=children.device).manual_seed(seeds[shard])
            theirs = tuple(part.of(mother[rows]) for part in experience)
            felt[rows] = sensitivity(policy, children[rows], theirs, own)

    share(work, num_shards)
    return felt
