"""Genes: how a boxling learns and mutates, inherited and varied as its networks are.

Population based training (Jaderberg et al. 2017, https://arxiv.org/abs/1711.09846) copies the hyper-parameters of those
who do well and perturbs them. Departure: perturbations are log-normal, without drift of the logarithm, as step sizes
vary in evolution strategies (Beyer and Schwefel 2002, https://doi.org/10.1023/A:1015059928466): a child's own
mutation step is varied first, and it is mutated by the new one.

The genes of P boxlings are a matrix (P, genes) float64 of absolute values, with a column for each of `GENES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

GeneCrossing = Literal["mean", "parent"]


@dataclass(frozen=True)
class Gene:
    """One hyper-parameter that is inherited, and the bounds that it never leaves."""

    name: str
    low: float
    high: float
    can_be_off: bool = True  # 0 is a value too, and stays 0 in all descendants


GENES = (
    Gene("learning_rate", 1e-5, 0.1),  # of Adam
    Gene("entropy_bonus", 1e-6, 1.0),  # for drawing acts evenly
    Gene("temperature", 0.05, 20.0, can_be_off=False),  # of straight-through gradients
    Gene("mutation_step", 1e-4, 1.0),  # size of the noise, as a share of each layer's root mean square
)
NAMES = tuple(gene.name for gene in GENES)
LOW, HIGH = (np.array(bounds) for bounds in zip(*((gene.low, gene.high) for gene in GENES), strict=True))


def founders(values: Mapping[str, float], population: int) -> np.ndarray:
    """The genes of a first generation that is alike in them, (P, genes), from one value for each name of `NAMES`."""
    if set(values) != set(NAMES):
        raise ValueError(f"genes must have values for {', '.join(NAMES)}, got {', '.join(sorted(values)) or 'none'}")
    for gene in GENES:
        value = values[gene.name]
        if not (gene.low <= value <= gene.high or (value == 0 and gene.can_be_off)):
            expected = f"in [{gene.low}, {gene.high}]" + (" or 0" if gene.can_be_off else "")
            raise ValueError(f"{gene.name} must be {expected} to be inherited as a gene, got {value}")
    return np.tile([float(values[name]) for name in NAMES], (population, 1))


def column(genes: np.ndarray, name: str) -> np.ndarray:
    """The values of one gene, (n,) float64, a copy."""
    return _checked(genes)[:, NAMES.index(name)].copy()


def vary(genes: np.ndarray, step: float | np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Varied copies of genes (n, genes): each value times exp(`step` N(0, 1)), kept within its bounds.

    `step` is one for all genes, or one for each. Returns beside it how many values of each gene had to be clipped to a
    bound, (genes,) int64. A value of 0 stays 0.
    """
    steps = np.broadcast_to(np.asarray(step, np.float64), (len(GENES),))
    if not (np.isfinite(steps) & (steps >= 0)).all():
        raise ValueError(f"step must be finite and at least 0, got {step}")
    free = _checked(genes) * np.exp(steps * rng.standard_normal(genes.shape))
    kept = np.where(genes == 0, 0.0, np.clip(free, LOW, HIGH))
    return kept, (kept != free).sum(axis=0)


def cross(mothers: np.ndarray, fathers: np.ndarray, kind: GeneCrossing, rng: np.random.Generator) -> np.ndarray:
    """The genes of children, (n, genes): geometric means of both parents' ("mean"), or each from one "parent"."""
    if kind not in get_args(GeneCrossing):
        raise ValueError(f"crossover of genes must be one of {', '.join(get_args(GeneCrossing))}, got {kind!r}")
    if mothers.shape != _checked(fathers).shape:
        raise ValueError(f"genes of mothers must have shape {fathers.shape}, got {mothers.shape}")
    if kind == "parent":
        return np.where(rng.random(mothers.shape) < 0.5, mothers, fathers)
    return np.sqrt(mothers * fathers)


def _checked(genes: np.ndarray) -> np.ndarray:
    if genes.ndim != 2 or genes.shape[1] != len(GENES):
        raise ValueError(f"genes must have shape (n, {len(GENES)}), got {genes.shape}")
    return genes
