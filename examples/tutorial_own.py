"""A strategy, a measure, an expert and a law of your own: each held to its contract, and used by one run.

    python examples/tutorial_own.py [FOLDER]

docs/tutorials/own.md walks through it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from boxlings import LearningConfig, RunConfig, evolve, load_run
from evolution import own_measures, select
from evolution.config import SelectionConfig
from evolution.select import Choice, Herd
from evolution.testing import check_expert, check_measure, check_strategy
from population import token_experts
from population.spec import PolicySpec
from population.token_experts import TokenExpert
from world import statics
from world.law_parameters import COLOUR
from world.statics import LawForm, StaticLaw
from world.testing import check_law


# --8<-- [start:strategy]
def lottery(herd: Herd, number: int, config: SelectionConfig, rng: np.random.Generator) -> Choice:
    """The worse one is, the likelier one goes; all who stay may have children."""
    rank = np.arange(len(herd.may_go), 0, -1.0)  # who may go is sorted from the worst to the best
    shares = rank / rank.sum()
    going = rng.choice(herd.may_go, number, replace=False, p=shares) if number else herd.may_go[:0]
    return Choice(going, herd.without(going))


check_strategy(lottery)
select.register(lottery)
# --8<-- [end:strategy]


# --8<-- [start:measure]
def first_symbols(meanings: np.ndarray, messages: np.ndarray, num_symbols: int) -> float:
    """How many different symbols begin a message."""
    return float(len(np.unique(messages[:, 0])))


check_measure(first_symbols)
own_measures.register(first_symbols)
# --8<-- [end:measure]


# --8<-- [start:expert]
class Gated(TokenExpert):
    """A gated linear unit (Dauphin et al. 2017, https://arxiv.org/abs/1612.08083)."""

    name = "gated"

    def layers(self, spec: PolicySpec) -> dict[str, tuple[int, ...]]:
        return {"in": (spec.width, spec.width), "mask": (spec.width, spec.width)}

    def read(self, tokens: torch.Tensor, weights: dict[str, torch.Tensor], spec: PolicySpec) -> torch.Tensor:
        return torch.bmm(tokens, weights["in"]) * torch.sigmoid(torch.bmm(tokens, weights["mask"]))


check_expert(Gated())
token_experts.register(Gated())
# --8<-- [end:expert]


# --8<-- [start:law]
def stain(grid: np.ndarray, colour: int) -> np.ndarray:
    """Whatever is filled takes one colour."""
    return np.where(grid > 0, np.uint8(colour), grid)


STAIN = LawForm(
    parameters={"colour": COLOUR},
    may_change_size=False,
    domain="every grid",
    function=stain,
    sentence=lambda colour: f"Everything filled becomes colour {colour}.",
)
check_law(STAIN)
statics.register(STAIN)
# --8<-- [end:law]


def main(folder: Path) -> None:
    """One run with a strategy, a measure and an expert of one's own, and a law on a grid."""
    # --8<-- [start:run]
    config = RunConfig(
        scenario="describe:2x4",
        out=str(folder),
        generations=4,
        population=6,
        seed=1,
        measure_every=1,
        learning=LearningConfig(founder_rounds=200),
    )
    run = load_run(evolve(config.with_options({"strategy": "lottery", "own_experts": ("gated",)})))
    last = run.generations.iloc[-1]
    print(f"success {last['success']:.0%}, symbols that begin a message: {last['first_symbols']:.1f}")
    print(f"share of heard words that the gated expert took: {last['expert_use/heard/expert_gated']:.0%}")
    law = StaticLaw.of("stain", colour=3)
    print(law.describe(), law.apply(np.array([[1, 0, 2]], np.uint8)).tolist())
    # --8<-- [end:run]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "own")
