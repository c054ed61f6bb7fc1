"""Variation: noise of a known size, less of it where it is felt, and children that are made of both parents."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from population.genome import Layer, Layout
from population.variation import crossover, gaussian, groups_of, safe
from tests.population.conftest import small_spec

LAYOUT = Layout(
    [
        Layer("small", (50, 40), 0.01, "mind"),
        Layer("zero", (7,), 0.0, "mind"),
        Layer("large", (60, 50), 5.0, "hands"),
    ]
)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(layout: Layout, num_genomes: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(layout.draw(num_genomes, np.random.default_rng(seed)))


def rms(values: Tensor) -> Tensor:
    return values.double().square().mean(dim=-1).sqrt()


def test_gaussian_noise_is_a_share_of_each_layers_size_by_the_step_of_each_genome():
    genomes, steps = drawn(LAYOUT, 4), np.array([0.0, 0.01, 0.1, 1.0])
    noise = gaussian(genomes, LAYOUT, steps, chance()) - genomes
    for name in ("small", "large"):
        part = LAYOUT.slices[name]
        ratio = (rms(noise[:, part]) / rms(genomes[:, part])).numpy()
        np.testing.assert_allclose(ratio, steps, rtol=0.05)
        assert (noise[:, part].mean(dim=1).abs() <= 4 * rms(noise[:, part]) / 2000**0.5).all()
    assert not noise[:, LAYOUT.slices["zero"]].any()  # a layer of zeros has no size
    assert not noise[0].any()


def test_gaussian_noise_grows_with_a_genome_and_not_with_the_others_of_its_batch():
    genomes = drawn(LAYOUT, 3)
    noise = gaussian(genomes, LAYOUT, np.full(3, 0.1), chance()) - genomes
    larger = genomes * torch.tensor([[1.0], [10.0], [1.0]])
    again = gaussian(larger, LAYOUT, np.full(3, 0.1), chance()) - larger
    torch.testing.assert_close(again[1], 10 * noise[1], rtol=1e-3, atol=1e-4)
    assert torch.equal(again[[0, 2]], noise[[0, 2]])


def test_a_mutation_by_nothing_is_a_copy():
    genomes = drawn(LAYOUT, 3)
    copies = gaussian(genomes, LAYOUT, np.zeros(3), chance())
    assert torch.equal(copies, genomes)
    copies += 1.0
    assert not torch.equal(copies, genomes)  # of its own


def test_genomes_get_noise_of_their_own():
    twins = drawn(LAYOUT, 1).expand(2, -1)
    noise = gaussian(twins, LAYOUT, np.full(2, 0.1), chance()) - twins
    part = LAYOUT.slices["large"]
    assert abs(np.corrcoef(noise[:, part].numpy())[0, 1]) < 0.1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_safe_noise_is_as_large_as_gaussian_noise_and_smaller_where_it_is_felt(seed: int):
    genomes, steps = drawn(LAYOUT, 5, seed), np.array([0.01, 0.02, 0.05, 0.1, 0.3])
    # in each layer a tenth of the weights is felt ten times as much as the rest
    felt = torch.rand(genomes.shape, generator=chance(seed + 100)) < 0.1
    felt_by_size = torch.cat([torch.full((layer.size,), layer.spread or 1.0) for layer in LAYOUT.layers])
    sensitivity = torch.where(felt, 10.0, 1.0) / felt_by_size
    plain = gaussian(genomes, LAYOUT, steps, chance(seed)) - genomes
    noise = safe(genomes, LAYOUT, steps, sensitivity, chance(seed)) - genomes
    assert float((noise.norm(dim=1) / plain.norm(dim=1)).mean()) == pytest.approx(1, rel=0.03)
    part = LAYOUT.slices["large"]
    for row in range(5):
        ratio = rms(noise[row, part][~felt[row, part]]) / rms(noise[row, part][felt[row, part]])
        assert float(ratio) == pytest.approx(10, rel=0.2)


def test_sensitivity_counts_down_to_a_bound_and_only_relative_to_the_genome():
    layout = Layout([Layer("all", (100, 100), 1.0, "mind")])
    genomes, steps = drawn(layout, 1), np.array([0.1])
    sensitivity = torch.ones(1, 10_000)
    sensitivity[0, 5000:] = 1e-3
    # what is usual is the root of 1 / 2, for half of all is 1 and the rest next to nothing
    for least, expected in ((0.1, 0.1 / 2**0.5), (0.5, 0.5 / 2**0.5), (1e-9, 1e-3)):
        noise = safe(genomes, layout, steps, sensitivity, chance(), least) - genomes
        assert float(rms(noise[0, :5000]) / rms(noise[0, 5000:])) == pytest.approx(expected, rel=0.05)
        other = safe(genomes, layout, steps, 1e4 * sensitivity, chance(), least) - genomes
        torch.testing.assert_close(other, noise, rtol=1e-3, atol=1e-5)


def test_what_is_not_felt_gets_gaussian_noise():
    genomes, steps = drawn(LAYOUT, 3), np.full(3, 0.1)
    plain = gaussian(genomes, LAYOUT, steps, chance())
    torch.testing.assert_close(safe(genomes, LAYOUT, steps, torch.zeros_like(genomes), chance()), plain)
    part = LAYOUT.slices["small"]
    sensitivity = torch.rand(genomes.shape, generator=chance(1)) + 0.01
    sensitivity[:, part] = 0.0
    child = safe(genomes, LAYOUT, steps, sensitivity, chance())
    torch.testing.assert_close(child[:, part], plain[:, part])
    assert not torch.equal(child, plain)


@pytest.mark.parametrize("kind", ["expert", "layer"])
def test_a_child_has_each_group_whole_from_one_parent_and_half_of_them_from_each(kind: str):
    layout = small_spec("guide").layout()
    groups = groups_of(layout, kind)
    mothers = torch.full((200, layout.num_parameters), 1.0)
    fathers = torch.full((200, layout.num_parameters), 2.0)
    children, is_fathers = crossover(mothers, fathers, layout, kind, chance())
    assert torch.equal(children == 2.0, is_fathers)
    assert torch.equal(children == 1.0, ~is_fathers)
    shares = np.stack([is_fathers.numpy()[:, groups == k].mean(axis=1) for k in range(groups.max() + 1)], axis=1)
    assert set(np.unique(shares)) == {0.0, 1.0}
    assert (abs(shares.mean(axis=0) - 0.5) < 4 * 0.5 / 200**0.5).all()
    # and by chance of its own: no two groups always come together
    assert (abs(np.corrcoef(shares.T) - np.eye(shares.shape[1])) < 0.35).all()


def test_groups_are_whole_experts_with_their_gates_and_the_other_parts():
    spec = small_spec("guide")
    layout = spec.layout()
    groups = torch.from_numpy(groups_of(layout, "expert")).unsqueeze(0)
    views = {name: view[0] for name, view in layout.views(groups).items()}
    experts = set()
    for k in range(spec.num_experts):
        hidden = slice(k * spec.expert_width, (k + 1) * spec.expert_width)
        of_expert = [
            views["gate"][:, k],
            views["experts.in"][:, hidden],
            views["experts.bias"][hidden],
            views["experts.out"][hidden],
        ]
        numbers = {int(number) for part in of_expert for number in part.unique()}
        assert len(numbers) == 1
        experts |= numbers
    assert len(experts) == spec.num_experts
    others = {}
    for layer in layout.layers:
        if layer.name != "gate" and not layer.name.startswith("experts."):
            others.setdefault(layer.part, set()).update(views[layer.name].unique().tolist())
    assert set(others) == {"eyes", "ears", "mind", "mouth", "hands"}
    assert all(len(numbers) == 1 for numbers in others.values())
    numbers = experts.union(*others.values())
    assert numbers == set(range(spec.num_experts + 5))


@pytest.mark.parametrize("scenario", ["guide", "name"])
def test_a_bias_is_inherited_with_its_weights_and_no_other_layer_is(scenario: str):
    layout = small_spec(scenario).layout()
    groups = groups_of(layout, "layer")
    owner = {}
    for layer in layout.layers:
        numbers = set(groups[layout.slices[layer.name]].tolist())
        assert len(numbers) == 1
        owner.setdefault(numbers.pop(), []).append(layer.name)
    pairs = {tuple(names) for names in owner.values() if len(names) > 1}
    expected = {("experts.in", "experts.bias"), ("language.input", "language.bias"), ("say", "say.bias")}
    assert expected < pairs
    biases = {layer.name for layer in layout.layers if "bias" in layer.name}
    assert {names[1] for names in pairs} == biases - {"eyes.bias"}  # which is that of several layers
    assert all(len(names) == 2 for names in pairs)


@pytest.mark.parametrize("kind", ["expert", "layer"])
def test_the_child_of_identical_parents_is_identical(kind: str):
    layout = small_spec("name").layout()
    parents = drawn(layout, 3)
    children, _ = crossover(parents, parents.clone(), layout, kind, chance())
    assert torch.equal(children, parents)


def varied(seed: int, num_genomes: int = 3) -> list[Tensor]:
    """What every operator makes of the same genomes; checks that these are left alone."""
    layout = small_spec("guide").layout()
    genomes, others = drawn(layout, num_genomes), drawn(layout, num_genomes, 1)
    before = genomes.clone(), others.clone()
    steps = np.full(num_genomes, 0.1)
    children = [
        gaussian(genomes, layout, steps, chance(seed)),
        safe(genomes, layout, steps, others.abs(), chance(seed)),
        crossover(genomes, others, layout, "expert", chance(seed))[0],
        crossover(genomes, others, layout, "layer", chance(seed))[0],
    ]
    assert torch.equal(genomes, before[0])
    assert torch.equal(others, before[1])
    return children


def test_chance_comes_from_the_generator_alone_and_parents_stay_as_they_are():
    for one, same, other in zip(varied(1), varied(1), varied(2), strict=True):
        assert one.numpy().tobytes() == same.numpy().tobytes()
        assert not torch.equal(one, other)
        assert one.dtype == torch.float32


@pytest.mark.parametrize("num_genomes", [0, 1])
def test_there_may_be_one_birth_or_none(num_genomes: int):
    layout = small_spec("guide").layout()
    for child in varied(0, num_genomes):
        assert child.shape == (num_genomes, layout.num_parameters)
        assert torch.isfinite(child).all()


def test_what_does_not_fit_is_refused_in_a_sentence():
    genomes = drawn(LAYOUT, 2)
    with pytest.raises(ValueError, match=r"step must have shape \(2,\), one for each genome, got \(3,\)"):
        gaussian(genomes, LAYOUT, np.zeros(3), chance())
    with pytest.raises(ValueError, match=r"step must be finite and at least 0, got \[.*-1"):
        gaussian(genomes, LAYOUT, np.array([0.1, -1.0]), chance())
    with pytest.raises(ValueError, match=r"genomes must have shape \(n, 5007\), got \(2, 5\)"):
        gaussian(genomes[:, :5], LAYOUT, np.zeros(2), chance())
    with pytest.raises(ValueError, match=r"sensitivity must have shape \(2, 5007\), got \(1, 5007\)"):
        safe(genomes, LAYOUT, np.zeros(2), genomes[:1], chance())
    with pytest.raises(ValueError, match=r"fathers must have shape \(2, 5007\), got \(1, 5007\)"):
        crossover(genomes, genomes[:1], LAYOUT, "layer", chance())
    with pytest.raises(ValueError, match="crossover must be one of expert, layer, got 'none'"):
        crossover(genomes, genomes, LAYOUT, "none", chance())
