"""Memory is a value: it can be cloned, carried on, and is empty at birth."""

from __future__ import annotations

import torch
from torch import Tensor

from population.memory import Course, Memory, remember
from population.policy import Policy
from tests.population.conftest import draw_scene, outputs_of, some_see


def test_a_newborn_remembers_nothing():
    memory = Memory.newborn(2, 3, 5)
    assert memory.language.shape == memory.situation.shape == (2, 3, 5)
    assert not memory.language.any()
    assert not memory.situation.any()
    memory.language += 1.0
    assert not memory.situation.any()  # two streams, not one


def test_a_clone_is_equal_and_lives_its_own_life():
    memory = Memory(torch.randn(2, 3, 5), torch.randn(2, 3, 5))
    kept = (memory.language.clone(), memory.situation.clone())
    clone = memory.clone()
    assert torch.equal(clone.language, memory.language)
    assert torch.equal(clone.situation, memory.situation)
    clone.language[0, 0] = 9.0
    clone.situation.zero_()
    assert torch.equal(memory.language, kept[0])
    assert torch.equal(memory.situation, kept[1])


def test_a_clone_goes_on_to_the_bit_and_differs_only_by_what_it_lives_through(policy: Policy, genomes: Tensor):
    scenes = [draw_scene(policy.spec, some_see(), seed) for seed in (1, 2, 3)]
    weights = policy.weights_of(genomes)

    def live(memory: Memory, seeds: tuple[int, ...]) -> Memory:
        for seed in seeds:
            scene = scenes[seed]
            memory, _, _ = policy.step(weights, scene.heard, scene.voices, scene.senses, memory)
        return memory

    child = live(Memory.newborn(4, 9, policy.spec.width), (0,))
    one, same, other = live(child, (1, 2)), live(child.clone(), (1, 2)), live(child.clone(), (2, 2))
    assert torch.equal(one.language, same.language)
    assert torch.equal(one.situation, same.situation)
    assert not torch.equal(one.language, other.language)


def test_a_step_leaves_the_memory_it_was_given_as_it_was(policy: Policy, genomes: Tensor):
    scene = draw_scene(policy.spec, some_see())
    before = scene.memory.clone()
    outputs_of(policy, genomes, scene)
    assert torch.equal(scene.memory.language, before.language)
    assert torch.equal(scene.memory.situation, before.situation)


def test_the_gate_decides_how_much_of_the_new_is_remembered():
    width = 3
    inputs, memory = torch.randn(2, 4, width), torch.randn(2, 4, width)
    content = torch.randn(2, width, width)
    for gate_bias, expected in (
        (-1e4, memory),
        (1e4, inputs @ content),
        (0.0, (memory + inputs @ content) / 2),
    ):
        weights = {
            "stream.input": torch.cat([torch.zeros(2, width, width), content], dim=-1),
            "stream.bias": torch.cat([torch.full((2, width), gate_bias), torch.zeros(2, width)], dim=-1),
        }
        torch.testing.assert_close(remember(inputs, memory, weights, "stream"), expected)


def test_a_course_is_remembered_as_its_steps_are_one_after_another(policy: Policy, genomes: Tensor):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(4, 5, 3, policy.spec.width, generator=generator)
    is_new = torch.rand(4, 5, 3, generator=generator) < 0.3
    weights = policy.weights_of(genomes)
    course = remember(inputs.flatten(1, 2), Course(is_new), weights, "language").unflatten(1, (5, 3))
    memory = torch.zeros(4, 3, policy.spec.width)
    for t in range(5):
        memory = remember(inputs[:, t], memory * ~is_new[:, t, :, None], weights, "language")
        torch.testing.assert_close(course[:, t], memory, atol=1e-5, rtol=1e-5)
