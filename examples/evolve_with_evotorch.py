"""Evolve one boxling's genome with EvoTorch, by a plain fitness function: a language without any learning.

    python examples/evolve_with_evotorch.py [SEED]

EvoTorch: Toklu et al. 2023, https://docs.evotorch.ai: `pip install 'boxlings[clients]'`. Its search is SNES (Schaul,
Glasmachers and Schmidhuber 2011, https://doi.org/10.1145/2001576.2001692): genomes are drawn around a centre, which
moves to where they do well. Each genome talks with itself, and its fitness is the share of objects that it understands.
Prints the share of worlds solved by the centre before and after, over worlds of numbers that were never trained on.
"""

from __future__ import annotations

import itertools
import logging
import sys

import torch
from evotorch import Problem
from evotorch.algorithms import SNES
from torch import Tensor

from boxlings import RunConfig
from evolution.chance import stream
from evolution.evaluate import earned, play
from evolution.society import filled_config, policy_spec
from population.policy import Policy
from world import scenarios

SCENARIO = "describe:2x3"  # two attributes of three values each
SIZES = {"width": 8, "expert_width": 8, "num_experts": 1}  # of small networks: few numbers to search for
FIRST_SPREAD = 0.3  # standard deviation of genomes around the first centre


def main(
    seed: int = 0, num_generations: int = 400, population: int = 64, worlds_each: int = 32, num_worlds: int = 512
) -> dict[str, float]:
    """Search for so many generations; returns the share of held-out worlds that the centre solves before and after."""
    scenario = scenarios.get(SCENARIO)
    policy = Policy(policy_spec(filled_config(RunConfig(scenario=SCENARIO).with_options(SIZES))))

    def success(genomes: Tensor, worlds: int, number: int, split: str = "train") -> Tensor:
        """The share of worlds that each genome (P, parameters) solves as guide and builder in one, (P,)."""
        rollout, _ = play(
            policy, genomes, scenario, split=split, worlds_per_boxling=worlds, seed=number, offsets=(0,)
        )  # fmt: skip
        return torch.from_numpy(earned(rollout)[1]).float()

    logging.getLogger("evotorch").setLevel(logging.WARNING)  # it tells of every default
    numbers = itertools.count(1 + seed * num_generations)  # fresh worlds in each generation, the same for all genomes
    first = torch.from_numpy(policy.layout.draw(1, stream(seed, "evotorch")))
    problem = Problem(
        "max", lambda genomes: success(genomes.clone(), worlds_each, next(numbers)), solution_length=first.shape[1],
        initial_bounds=(-1, 1), dtype=torch.float32, vectorized=True, seed=seed,
    )  # fmt: skip
    search = SNES(problem, popsize=population, center_init=first[0], stdev_init=FIRST_SPREAD)
    search.run(num_generations)
    last = torch.as_tensor(search.status["center"])[None].clone()
    before, after = (float(success(each, num_worlds, 0, "held-out-seeds")[0]) for each in (first, last))
    print(
        f"{num_generations} generations of {population} genomes of {first.shape[1]} numbers in {SCENARIO}: "
        f"{before:.1%} of {num_worlds} worlds before, {after:.1%} after"
    )
    return {"parameters": first.shape[1], "before": before, "after": after}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
