"""Gradients written by hand against those of plain tensors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from population.gradients import ask_picture, sum_of_rows, unroll
from population.memory import remember

IS_THING = (False, True, True, False)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).requires_grad_(True)


def assert_same(found: Tensor, expected: Tensor, leaves: list[Tensor]) -> None:
    """Equal values, and equal gradients for one random use of them."""
    assert_close(found, expected, atol=1e-5, rtol=1e-4)
    use = drawn(*found.shape, seed=9).detach()
    for mine, plain in zip(
        torch.autograd.grad(found, leaves, use), torch.autograd.grad(expected, leaves, use), strict=True
    ):  # fmt: skip
        assert float(plain.abs().max()) > 0
        assert_close(mine, plain, atol=1e-5, rtol=1e-4)


def test_sums_of_rows_are_products_with_counts():
    table = drawn(2, 7, 5)
    index = torch.randint(-1, 7, (2, 11, 4), generator=torch.Generator().manual_seed(1), dtype=torch.int32)
    counts = torch.nn.functional.one_hot(index.long() + 1, 8)[..., 1:].sum(dim=2).float()
    assert_same(sum_of_rows(table, index), torch.bmm(counts, table), [table])
    assert (sum_of_rows(table, torch.full_like(index, -1)) == 0).all()


@pytest.mark.parametrize("num_steps", [1, 6])
def test_memories_unrolled_are_memories_step_by_step(num_steps: int):
    inputs, weight, bias = drawn(2, num_steps, 3, 4), drawn(2, 4, 8, seed=1), drawn(2, 8, seed=2)
    is_new = torch.rand(2, num_steps, 3, generator=torch.Generator().manual_seed(3)) < 0.3
    gates = torch.baddbmm(bias.unsqueeze(1), inputs.flatten(1, 2), weight).unflatten(1, (num_steps, 3))
    memory, steps = torch.zeros(2, 3, 4), []
    for t in range(num_steps):
        kept = memory * ~is_new[:, t, :, None]
        memory = remember(inputs[:, t], kept, {"x.input": weight, "x.bias": bias}, "x")
        steps.append(memory)
    assert_same(unroll(gates, is_new), torch.stack(steps, dim=1), [inputs, weight, bias])


def plainly(question: Tensor, look_key: Tensor, place_key: Tensor, place_value: Tensor, view: Tensor) -> Tensor:
    """Attention over all cells, those without a thing masked out, beside one that is nothing."""
    keys = torch.stack([look_key[p][view[p].long()] + place_key[p] for p in range(len(view))])  # (P, M, cells, key)
    scores = torch.einsum("pmqhk,pmck->pmqhc", question, keys)
    is_thing = torch.tensor(IS_THING)[view.long()][:, :, None, None]
    scores = torch.cat([scores.masked_fill(~is_thing, -torch.inf), torch.zeros_like(scores[..., :1])], dim=-1)
    attention = torch.softmax(scores, dim=-1)[..., :-1].mean(dim=3)
    return torch.einsum("pmqc,pce->pmqe", attention, place_value)


@pytest.mark.parametrize("num_looks", [4, 1])  # 1: there is nothing anywhere
def test_asking_a_picture_is_attention_over_its_things(num_looks: int):
    question, look_key = drawn(2, 5, 2, 3, 4), drawn(2, 4, 4, seed=1)
    place_key, place_value = drawn(2, 6, 4, seed=2), drawn(2, 6, 8, seed=3)
    view = torch.randint(0, num_looks, (2, 5, 6), generator=torch.Generator().manual_seed(4), dtype=torch.uint8)
    found = ask_picture(question, look_key, place_key, place_value, view, IS_THING)
    if num_looks == 1:
        assert (found == 0).all()
        return
    leaves = [question, look_key, place_key, place_value]
    assert_same(found, plainly(question, look_key, place_key, place_value, view), leaves)
