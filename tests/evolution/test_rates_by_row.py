"""Options of learning that are inherited as genes: a round takes one for each genome, as well as one for all."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from evolution.chance import stream, torch_stream
from evolution.config import ChannelConfig
from evolution.dialogue import dialogue_round
from evolution.learn import RowAdam, acting_round, language_round
from evolution.relive import lived
from tests.evolution.conftest import drawn_population, learning_rollout

ONE, OTHER = (
    {"learning_rate": 1e-2, "entropy_bonus": 0.0, "temperature": 2.0},
    {"learning_rate": 2e-3, "entropy_bonus": 0.3, "temperature": 0.5},
)
IS_OTHER = torch.tensor([False, True, True, False])
DIMENSIONS = {"learning_rate": 1, "entropy_bonus": 0, "temperature": 3}  # besides that of genomes


def each(names: tuple[str, ...]) -> dict[str, Tensor]:
    """The options of all four genomes."""
    return {
        name: torch.where(IS_OTHER, OTHER[name], ONE[name]).view(-1, *[1] * DIMENSIONS[name]) for name in names
    }  # fmt: skip


def after_talk(kind: str, gradient: str, options: dict[str, Any]) -> Tensor:
    """Genomes after one language round."""
    policy, genomes, scenario = drawn_population(kind)
    options = options | {
        "channel": ChannelConfig(channel_gradient=gradient), "batch": 8, "offset": 1, "max_norm": 1.0,
        "rng": stream(0, "test"), "generator": torch_stream(0, "test"),
    }  # fmt: skip
    if kind == "ask":
        dialogue_round(policy, genomes, RowAdam(*genomes.shape), scenario, **options)
    else:
        options |= {"half_told_share": 0.0, "meaning_zipf": 0.0}
        language_round(policy, genomes, RowAdam(*genomes.shape), scenario, **options)
    return genomes


def after_acts(options: dict[str, Any]) -> Tensor:
    policy, genomes, scenario = drawn_population("forage")
    life = lived(learning_rollout(policy, genomes, scenario, worlds_each=2), policy.spec, 0.97, 0.95)
    options = options | {
        "max_norm": 1.0, "clip": 0.2, "belief_weight": 1.0, "edit_weight": 0.1, "imitation_weight": 0.0,
        "reward_weight": 1.0, "value_weight": 0.5, "gradient": "none",
    }  # fmt: skip
    acting_round(policy, genomes, RowAdam(*genomes.shape), life, **options)
    return genomes


def without(options: dict[str, float], name: str) -> dict[str, float]:
    return {key: value for key, value in options.items() if key != name}


# in a dialogue whose gradients cross, a genome learns from its partners' bonus too: what they say hangs on its words
@pytest.mark.parametrize(("kind", "gradient"), [("name", "straight-through"), ("name", "reinforce"), ("ask", "none")])
def test_genomes_talk_and_learn_each_with_its_own_options(kind: str, gradient: str):
    one, other, both = (after_talk(kind, gradient, options) for options in (ONE, OTHER, each(tuple(ONE))))
    torch.testing.assert_close(both, torch.where(IS_OTHER.unsqueeze(1), other, one))
    for name in ONE if gradient == "straight-through" else ():
        assert not torch.allclose(one, after_talk(kind, gradient, ONE | {name: OTHER[name]}), atol=1e-4), name


def test_genomes_act_and_learn_each_with_its_own_options():
    one, other, both = (
        after_acts(without(part, "temperature")) for part in (ONE, OTHER, each(("learning_rate", "entropy_bonus")))
    )
    torch.testing.assert_close(both, torch.where(IS_OTHER.unsqueeze(1), other, one))
    for name in without(ONE, "temperature"):
        changed = without(ONE, "temperature") | {name: OTHER[name]}
        assert not torch.allclose(one, after_acts(changed), atol=1e-4), name
