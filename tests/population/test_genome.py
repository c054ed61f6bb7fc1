"""Genomes are rows of one matrix, layers are views of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from population.genome import Layer, Layout
from tests.population.conftest import small_spec

LAYOUT = Layout(
    [
        Layer("first", (2, 3), 0.5, "eyes"),
        Layer("zero", (4,), 0.0, "eyes"),
        Layer("last", (1000,), 10.0, "mouth"),
    ]
)
PARTS = ("eyes", "ears", "mind", "mouth", "hands")


def test_layers_are_views_of_the_matrix_in_order():
    genomes = torch.arange(2 * 1010, dtype=torch.float32).view(2, 1010)
    views = LAYOUT.views(genomes)
    assert {name: tuple(view.shape) for name, view in views.items()} == {
        "first": (2, 2, 3),
        "zero": (2, 4),
        "last": (2, 1000),
    }
    assert views["first"][1].flatten().tolist() == list(range(1010, 1016))
    assert views["last"][0, 0] == 10
    genomes[1, 6] = -5.0
    assert views["zero"][1, 0] == -5.0  # shared memory
    views["last"][0, 999] = 7.0
    assert genomes[0, 1009] == 7.0
    assert all(view.untyped_storage().data_ptr() == genomes.untyped_storage().data_ptr() for view in views.values())


def test_a_gradient_lands_in_its_layer_of_its_row_only():
    genomes = torch.ones(3, 1010).requires_grad_()
    (2 * LAYOUT.views(genomes)["first"][1, 0]).sum().backward()
    expected = torch.zeros(3, 1010)
    expected[1, :3] = 2.0
    assert torch.equal(genomes.grad, expected)


def test_new_genomes_have_the_spread_of_each_layer():
    drawn = LAYOUT.draw(50, np.random.default_rng(0))
    assert drawn.dtype == np.float32
    assert drawn.shape == (50, 1010)
    first, last = drawn[:, LAYOUT.slices["first"]], drawn[:, LAYOUT.slices["last"]]
    assert 0.4 < first.std() < 0.6
    assert 9.9 < last.std() < 10.1
    assert not drawn[:, LAYOUT.slices["zero"]].any()
    np.testing.assert_array_equal(drawn, LAYOUT.draw(50, np.random.default_rng(0)))
    assert (drawn[0] != drawn[1]).any()


@pytest.mark.parametrize("scenario", ["guide", "name"])
def test_every_column_belongs_to_exactly_one_part_of_a_boxling(scenario: str):
    layout = small_spec(scenario).layout()
    owners = sum(layout.columns_of(part).astype(int) for part in PARTS)
    assert (owners == 1).all()
    assert all(layout.columns_of(part).any() for part in PARTS)
    np.testing.assert_array_equal(layout.columns_of(*PARTS), np.ones(layout.num_parameters, bool))
    assert not layout.columns_of().any()
    assert layout.num_parameters == sum(layer.size for layer in layout.layers)


def test_a_part_is_all_its_layers():
    columns = LAYOUT.columns_of("eyes")
    assert columns.tolist() == [True] * 10 + [False] * 1000
