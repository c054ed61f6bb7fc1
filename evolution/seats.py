"""Who sits where: which genome plays which agent of which world, and who may meet whom.

Worlds come in blocks of P. In each block every genome guides once, and the j-th builder of genome g's world is genome
g + offset (modulo P), so that all genomes play equally often in each role and partners change from block to block.
One offset is never used while learning: pairs that far apart stay strangers for life.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from world.codes import Role


def stranger_offsets(population: int) -> tuple[int, ...]:
    """Distances between slots of boxlings that never learn together; none in populations of fewer than four."""
    if population < 4:
        return ()
    return tuple(sorted({population // 2, population - population // 2}))


def familiar_offsets(population: int) -> tuple[int, ...]:
    """Distances between slots of boxlings that learn together; a single boxling learns with itself."""
    if population == 1:
        return (0,)
    strange = stranger_offsets(population)
    return tuple(offset for offset in range(1, population) if offset not in strange)


@dataclass(frozen=True)
class Seating:
    """The genome of each agent of B worlds, and the way between world-major and genome-major arrays."""

    genome_of: np.ndarray  # (B, A) int64
    order: Tensor  # (P * N,) int64: world-major seat at each genome-major place
    inverse: Tensor  # (B * A,) int64
    population: int

    def to_genomes(self, values: Tensor) -> Tensor:
        """(B, A, ...) to (P, N, ...)."""
        return values.flatten(0, 1)[self.order].unflatten(0, (self.population, -1))

    def to_worlds(self, values: Tensor) -> Tensor:
        """(P, N, ...) to (B, A, ...)."""
        return values.flatten(0, 1)[self.inverse].unflatten(0, self.genome_of.shape)


def seat(roles: np.ndarray, population: int, offsets: np.ndarray, device: str = "cpu") -> Seating:
    """Seat a population in worlds with these `roles` (B, A); `offsets` (B / P, A - 1) per block.

    The guide of a world, or its first agent where there is none, leads: the others sit at a distance from it.
    """
    num_worlds = len(roles)
    if num_worlds % population:
        raise ValueError(f"the number of worlds must be a multiple of the population {population}, got {num_worlds}")
    leads = np.zeros(roles.shape, bool)
    leads[np.arange(num_worlds), (roles == Role.GUIDE).argmax(axis=1)] = True
    genome_of = np.repeat((np.arange(num_worlds) % population)[:, None], roles.shape[1], axis=1)
    genome_of[~leads] += np.repeat(offsets, population, axis=0).ravel()
    genome_of %= population
    order = torch.from_numpy(np.argsort(genome_of.ravel(), kind="stable")).to(device)
    return Seating(genome_of, order, torch.argsort(order), population)


def draw_offsets(rng: np.random.Generator, choices: tuple[int, ...], num_blocks: int, num_builders: int) -> np.ndarray:
    """Offsets for each block and builder, (num_blocks, num_builders) int64, among `choices` (which hold P - 1).

    Builders of one world differ where they can, but not by what is no choice: they hear each other too.
    """
    population = max(choices) + 1
    near = {choice % population for choice in choices} | {-choice % population for choice in choices}
    rows = []
    for _ in range(num_blocks):
        order = [int(offset) for offset in rng.permutation(choices)]
        row = order[:1]
        for offset in order[1:]:
            if len(row) < num_builders and all((offset - other) % population in near for other in row):
                row.append(offset)
        rows.append(np.resize(row, num_builders))
    return np.stack(rows).astype(np.int64)
