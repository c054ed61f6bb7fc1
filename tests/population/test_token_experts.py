"""Experts that are added to those of every boxling: of one's own, and a language model's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from population import token_experts
from population.experts import ExpertUse
from population.policy import Policy
from population.spec import PolicySpec
from population.token_experts import LanguageModelExpert, TokenExpert
from population.variation import crossover, gaussian, groups_of, safe
from tests.population.conftest import draw_scene, outputs_of, small_spec, some_see


class Doubling(TokenExpert):
    name = "doubling"

    def layers(self, spec: PolicySpec) -> dict[str, tuple[int, ...]]:
        return {"out": (spec.width, spec.width), "bias": (spec.width,)}

    def read(self, tokens: Tensor, weights: dict[str, Tensor], spec: PolicySpec) -> Tensor:
        return torch.baddbmm(weights["bias"].unsqueeze(1), 2 * tokens, weights["out"])


@pytest.fixture
def spec() -> Iterator[PolicySpec]:
    token_experts.register(Doubling())
    yield replace(small_spec(), own_experts=("doubling",))
    token_experts.REGISTRY.remove("doubling")


def genomes_of(spec: PolicySpec) -> Tensor:
    return torch.from_numpy(spec.layout().draw(4, np.random.default_rng(0)))


def test_an_expert_of_ones_own_adds_its_share_of_what_it_reads(spec: PolicySpec):
    policy, genomes = Policy(spec), genomes_of(spec)
    own = policy.layout.slices["own.doubling.out"]
    silent = genomes.clone()
    silent[:, own] = 0.0
    table, shares = (policy.weights_of(genomes)[name] for name in ("tokens", "tokens.shares"))
    without = policy.weights_of(silent)["tokens"]
    assert shares.shape[-1] == spec.num_experts + 1
    torch.testing.assert_close(shares.sum(dim=-1), torch.ones(shares.shape[:2]))
    layers = policy.layout.views(genomes)
    # the tokens of values of goals are what their layer says
    first = 2 * spec.message_length * spec.num_symbols
    values = slice(first, first + sum(spec.attribute_sizes))
    reads = torch.bmm(2 * layers["goal"], layers["own.doubling.out"])
    torch.testing.assert_close(
        table[:, values] - without[:, values], shares[:, values, -1:] * reads, atol=1e-5, rtol=1e-4
    )


def test_it_is_learned_mutated_and_inherited_like_all_else(spec: PolicySpec):
    policy, genomes = Policy(spec), genomes_of(spec)
    own = policy.layout.slices["own.doubling.out"]
    leaf = genomes.clone().requires_grad_(True)
    outputs_of(policy, leaf, draw_scene(spec, some_see()))["act"].sum().backward()
    assert leaf.grad is not None
    assert leaf.grad[:, own].abs().sum(dim=1).min() > 0
    generator = torch.Generator().manual_seed(0)
    mutants = gaussian(genomes, policy.layout, np.full(4, 0.1), generator)
    assert (mutants[:, own] != genomes[:, own]).all()
    groups = groups_of(policy.layout, "expert")
    of_expert = {
        int(group) for name in ("out", "gate", "bias") for group in groups[policy.layout.slices[f"own.doubling.{name}"]]
    }
    assert len(of_expert) == 1
    assert (groups == of_expert.pop()).sum() == sum(
        layer.size for layer in policy.layout.layers if layer.part == "doubling"
    )
    children, is_fathers = crossover(genomes, genomes.flip(0), policy.layout, "expert", generator)
    assert torch.equal(children, torch.where(is_fathers, genomes.flip(0), genomes))
    assert "doubling" in policy.layout.parts


def test_its_use_is_counted_under_its_name(spec: PolicySpec):
    policy, scene = Policy(spec), draw_scene(spec, some_see())
    use = ExpertUse(spec.num_experts, added=("doubling",))
    policy.step(policy.weights_of(genomes_of(spec)), scene.heard, scene.voices, scene.senses, scene.memory, use)
    shares = use.shares()
    for modality in ("heard", "goal", "body"):
        assert 0 < shares[modality, "expert_doubling"] < 1
        assert sum(share for (kind, _), share in shares.items() if kind == modality) == pytest.approx(1)
    assert shares["vision", "expert_doubling"] == 0


def test_experts_that_there_are_not_are_refused():
    for names, phrase in (
        (("nobody",), "expert must be one of lm.*, got 'nobody'"),
        (("lm",), "different names, and not lm, got lm"),
        (("nobody", "nobody"), "different names, and not lm, got nobody, nobody"),
    ):
        with pytest.raises(ValueError, match=phrase):
            replace(small_spec(), own_experts=names).layout()
    with pytest.raises(ValueError, match=r"must be a population\.token_experts\.TokenExpert, got str"):
        token_experts.register("doubling")  # type: ignore[arg-type]


# ---- a language model's ----


@pytest.mark.parametrize("is_frozen", [True, False])
def test_features_of_a_language_model_are_read_and_stay_only_if_frozen(is_frozen: bool):
    spec = replace(small_spec(), lm_width=5, lm_is_frozen=is_frozen)
    policy, genomes = Policy(spec), genomes_of(replace(small_spec(), lm_width=5))
    features = policy.layout.slices[LanguageModelExpert().in_full("features")]
    assert (genomes[:, features] == 0).all()  # they are given, not drawn
    drawn = torch.randn(features.stop - features.start, generator=torch.Generator().manual_seed(0))
    genomes[:, features] = drawn
    scene = draw_scene(spec, some_see())
    leaf = genomes.clone().requires_grad_(True)
    outputs = outputs_of(policy, leaf, scene)
    outputs["act"].sum().backward()
    assert leaf.grad is not None
    assert bool((leaf.grad[:, features] != 0).any()) == (not is_frozen)
    assert leaf.grad[:, policy.layout.slices["own.lm.out"]].abs().sum() > 0
    steps, generator = np.full(4, 0.1), torch.Generator().manual_seed(0)
    sensitivity = torch.rand(genomes.shape, generator=generator)
    for mutants in (
        gaussian(genomes, policy.layout, steps, generator),
        safe(genomes, policy.layout, steps, sensitivity, generator),
    ):
        assert torch.equal(mutants[:, features], genomes[:, features]) == is_frozen
        assert torch.isfinite(mutants).all()
    assert "lm-features" not in policy.layout.parts
    genomes[:, features] = drawn.flip(0)
    assert not torch.equal(outputs_of(policy, genomes, scene)["act"], outputs["act"])
