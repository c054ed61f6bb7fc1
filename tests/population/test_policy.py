"""The policy: all genomes at once as one at a time, seats in any order, rows that go back where they were."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from population.experts import ExpertUse
from population.memory import Memory
from population.policy import Beliefs, Policy, Senses, body_state, rows_where
from population.spec import PolicySpec
from tests.population.conftest import Scene, draw_scene, outputs_of, small_spec, some_see


def seats_of(scene: Scene, spec: PolicySpec, genome: int | None, order: Tensor) -> Scene:
    """The same scene for one genome alone (or all, if None), with seats in another order."""
    num_seats = scene.sees.shape[1]
    chosen = slice(None) if genome is None else slice(genome, genome + 1)

    def pick(values: Tensor) -> Tensor:
        return values[chosen][:, order]

    senses = scene.senses
    sees, view, knows, goal = pick(scene.sees), None, None, None
    if senses.sees is not None and rows_where(sees) is not None:
        places = senses.sees.place(senses.view.flatten(2).float(), num_seats)
        view = rows_where(sees).pick(pick(places)).to(torch.uint8).unflatten(-1, spec.view_shape)
    if senses.knows is not None:
        is_told = pick(senses.knows.place(torch.ones(*senses.goal.shape[:2], 1), num_seats))[..., 0] > 0
        knows = rows_where(is_told)
        goal = knows.pick(pick(senses.knows.place(senses.goal, num_seats)))
    return replace(
        scene,
        senses=Senses(pick(senses.body), rows_where(sees), view, knows, goal),
        heard=pick(scene.heard),
        voices=pick(scene.voices),
        memory=Memory(pick(scene.memory.language), pick(scene.memory.situation)),
        sees=sees,
    )


def assert_close(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], atol=2e-5, rtol=2e-4, msg=lambda m, n=name: f"{n}: {m}")


# ---- batches ----


def test_all_genomes_at_once_do_what_each_does_alone(policy: Policy, genomes: Tensor):
    scene = draw_scene(policy.spec, some_see())
    together = outputs_of(policy, genomes, scene)
    for genome in range(len(genomes)):
        alone = seats_of(scene, policy.spec, genome, torch.arange(9))
        assert_close(
            outputs_of(policy, genomes[genome : genome + 1], alone),
            {name: values[genome : genome + 1] for name, values in together.items()},
        )


def test_genomes_differ(policy: Policy, genomes: Tensor):
    outputs = outputs_of(policy, genomes, draw_scene(policy.spec, some_see()))
    again = outputs_of(policy, genomes[[1, 0, 2, 3]], draw_scene(policy.spec, some_see()))
    for name in outputs:
        assert not torch.allclose(outputs[name][0], again[name][0], atol=1e-3), name
        assert torch.equal(outputs[name][2], again[name][2]), name


def test_the_order_of_seats_makes_no_difference(policy: Policy, genomes: Tensor):
    scene = draw_scene(policy.spec, some_see())
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    moved = outputs_of(policy, genomes, seats_of(scene, policy.spec, None, order))
    assert_close(moved, {name: v[:, order] for name, v in outputs_of(policy, genomes, scene).items()})


def test_a_halved_step_gives_all_shapes(policy: Policy, genomes: Tensor):
    spec, scene = policy.spec, draw_scene(policy.spec, some_see())
    weights = policy.weights_of(genomes)
    memory, beliefs = policy.listen(weights, scene.heard, scene.voices, scene.senses, scene.memory.language)
    assert memory.shape == (4, 9, spec.width)
    assert beliefs.logits.shape == (4, 9, sum(spec.attribute_sizes))
    assert beliefs.answers().shape == beliefs.uncertainty_bits().shape == (4, 9, len(spec.attribute_sizes))
    situation, response = policy.respond(weights, scene.senses, memory, beliefs, scene.memory.situation)
    assert situation.shape == response.thought.shape == (4, 9, spec.width)
    assert response.act_logits.shape == (4, 9, spec.num_actions)
    assert response.say_logits.shape == (4, 9, spec.message_length, spec.num_symbols)
    assert response.value.shape == (4, 9)
    whole = outputs_of(policy, genomes, scene)
    assert torch.equal(whole["situation"], situation)
    assert torch.equal(whole["say"], response.say_logits)


def test_one_genome_in_one_seat_lives(policy: Policy, genomes: Tensor):
    outputs = outputs_of(policy, genomes[:1], draw_scene(policy.spec, torch.tensor([[True]]), num_speakers=1))
    assert all(bool(torch.isfinite(values).all()) for values in outputs.values())


# ---- hearing ----


def test_who_is_silent_is_as_good_as_not_there(policy: Policy, genomes: Tensor):
    scene = draw_scene(policy.spec, some_see())
    silent = Scene(scene.senses, torch.zeros_like(scene.heard), scene.voices, scene.memory, scene.sees)
    nobody = Scene(scene.senses, None, None, scene.memory, scene.sees)
    assert_close(outputs_of(policy, genomes, silent), outputs_of(policy, genomes, nobody))
    loud = outputs_of(policy, genomes, scene)
    assert not torch.allclose(loud["beliefs"], outputs_of(policy, genomes, silent)["beliefs"], atol=1e-3)


def test_the_order_of_speakers_makes_no_difference_but_their_role_does(policy: Policy, genomes: Tensor):
    scene = draw_scene(policy.spec, some_see())
    turned = Scene(scene.senses, scene.heard.flip(2), scene.voices.flip(2), scene.memory, scene.sees)
    assert_close(outputs_of(policy, genomes, turned), outputs_of(policy, genomes, scene))
    masked = Scene(scene.senses, scene.heard, 1 - scene.voices, scene.memory, scene.sees)
    beliefs = outputs_of(policy, genomes, scene)["beliefs"]
    assert not torch.allclose(outputs_of(policy, genomes, masked)["beliefs"], beliefs, atol=1e-3)


def test_beliefs_come_from_words_and_never_from_what_is_seen(policy: Policy, genomes: Tensor):
    scene = draw_scene(policy.spec, some_see())
    blind = outputs_of(policy, genomes, scene.blinded())
    seeing = outputs_of(policy, genomes, scene)
    assert torch.equal(blind["beliefs"], seeing["beliefs"])
    assert torch.equal(blind["language"], seeing["language"])
    assert not torch.equal(blind["thought"], seeing["thought"])


def test_who_sees_looks_for_what_is_visible_and_thinks_of_the_rest():
    policy = Policy(small_spec("guide"))
    assert policy.spec.visible_attributes == (0,)  # the colour, not the direction
    genomes = torch.from_numpy(policy.layout.draw(4, np.random.default_rng(0)))
    scene = draw_scene(policy.spec, some_see())
    weights = policy.weights_of(genomes)
    forgetful = weights | {"eyes.found": torch.zeros_like(weights["eyes.found"])}  # sees, but finds nothing

    def thought(weights: dict[str, Tensor], attribute: int, value: int) -> Tensor:
        logits = torch.zeros(4, 9, sum(policy.spec.attribute_sizes))
        logits[..., sum(policy.spec.attribute_sizes[:attribute]) + value] = 50.0
        beliefs = Beliefs(logits, policy.spec.attribute_sizes)
        return policy.respond(weights, scene.senses, scene.memory.language, beliefs, scene.memory.situation)[1].thought

    def matters(weights: dict[str, Tensor], attribute: int) -> Tensor:
        return (thought(weights, attribute, 0) != thought(weights, attribute, 1)).any(dim=-1)

    assert matters(weights, 0).all()
    assert torch.equal(matters(forgetful, 0), ~scene.sees)
    assert matters(forgetful, 1).all()
    assert "eyes.ask_1" not in weights


def test_what_was_heard_changes_what_is_made_of_a_picture():
    policy = Policy(small_spec("guide"))
    genomes = torch.from_numpy(policy.layout.draw(4, np.random.default_rng(0)))
    everybody = torch.ones(4, 9, dtype=torch.bool)
    scene = draw_scene(policy.spec, everybody)
    other = Scene(scene.senses, scene.heard.roll(1, dims=1), scene.voices, scene.memory, scene.sees)
    acts = [outputs_of(policy, genomes, heard)["act"] for heard in (scene, other)]
    assert not torch.allclose(acts[0], acts[1], atol=1e-4)


def test_the_use_of_experts_counts_every_symbol_once(policy: Policy, genomes: Tensor):
    scene = draw_scene(policy.spec, some_see())
    use = ExpertUse(policy.spec.num_experts)
    policy.step(policy.weights_of(genomes), scene.heard, scene.voices, scene.senses, scene.memory, use)
    assert use.token_counts["heard"] == scene.heard.sum()
    assert use.token_counts["body"] == 4 * 9
    assert use.visual_calls == 1
    assert use.visual_tokens == int(scene.sees.sum())
    assert ("goal" in use.token_counts) == policy.spec.is_told_goal


def test_feelings_of_the_body_are_all_told_apart():
    acts, moved, roles = torch.meshgrid(torch.arange(5), torch.arange(2), torch.arange(2), indexing="ij")
    states = body_state(acts, moved > 0, roles)
    assert sorted(states.flatten().tolist()) == list(range(small_spec().num_body_states))


# ---- rows ----


def test_rows_are_the_seats_of_the_mask_and_go_back_where_they_came_from():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        population, num_seats = rng.integers(1, 6, 2)
        mask = torch.from_numpy(rng.random((population, num_seats)) < rng.choice([0.1, 0.5, 1.0]))
        rows = rows_where(mask)
        if not mask.any():
            assert rows is None
            continue
        assert rows.num_rows == int(mask.sum(dim=1).max())
        values = torch.randn(int(population), int(num_seats), 3)
        picked = rows.pick(values)
        assert picked.shape == (population, rows.num_rows, 3)
        for genome in range(population):
            wanted = values[genome][mask[genome]]
            assert torch.equal(picked[genome, : len(wanted)], wanted)
        assert torch.equal(rows.place(picked, int(num_seats)), values * mask.unsqueeze(-1))
        assert (rows.is_real is None) == (len(set(mask.sum(dim=1).tolist())) == 1)


def test_padding_never_reaches_a_seat_whatever_is_in_it():
    mask = torch.tensor([[True, True, False], [False, True, False]])
    rows = rows_where(mask)
    values = torch.ones(2, 2, 4)
    values[1, 1] = float("nan")  # padding: genome 1 has one row only
    placed = rows.place(values, 3)
    assert torch.equal(placed, mask.unsqueeze(-1).expand(2, 3, 4).float())


def test_nobody_gives_no_rows():
    assert rows_where(torch.zeros(2, 3, dtype=torch.bool)) is None
    assert rows_where(torch.zeros(0, 3, dtype=torch.bool)) is None


def test_the_gradient_of_placed_rows_goes_to_real_ones_only():
    rows = rows_where(torch.tensor([[True, True, False], [False, True, False]]))
    values = torch.randn(2, 2, 4).requires_grad_()
    rows.place(values, 3).sum().backward()
    assert values.grad[..., 0].tolist() == [[1.0, 1.0], [1.0, 0.0]]


# ---- sizes ----


def test_sizes_survive_a_trip_through_json():
    spec = small_spec("name")
    assert PolicySpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    with pytest.raises(TypeError, match="nosuch"):
        PolicySpec.from_json({**spec.to_json(), "nosuch": 1})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"num_symbols": 1}, "num_symbols must be at least 2, got 1"),
        ({"conv_channels": 0, "near_cells": 0, "query_heads": 0}, "a boxling must see something"),
        ({"conv_channels": -1}, "must be 0 or more"),
        ({"near_cells": 9}, "near_cells must be at most 7, got 9"),
    ],
)
def test_sizes_that_make_no_boxling_are_refused(changes: dict, told: str):
    with pytest.raises(ValueError, match=told):
        PolicySpec.from_json({**small_spec("guide").to_json(), **changes})


@pytest.mark.parametrize("sight", ["conv_channels", "near_cells", "query_heads"])
def test_each_way_of_seeing_can_be_left_out_or_be_the_only_one(sight: str):
    base = small_spec("guide").to_json()
    only = {name: 0 for name in ("conv_channels", "near_cells", "query_heads") if name != sight}
    scene = None
    for changes in (only, {sight: 0}):
        policy = Policy(PolicySpec.from_json({**base, **changes}))
        genomes = torch.from_numpy(policy.layout.draw(4, np.random.default_rng(0)))
        scene = scene or draw_scene(policy.spec, some_see())
        seeing = outputs_of(policy, genomes, scene)["act"]
        blind = outputs_of(policy, genomes, scene.blinded())["act"]
        assert not torch.allclose(seeing[scene.sees], blind[scene.sees], atol=1e-4)
