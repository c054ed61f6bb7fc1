"""What recorded boxlings attended to, and which experts they used, is what their networks did."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from evolution.config import RunConfig
from evolution.evaluate import play
from evolution.insight import insight
from evolution.society import policy_spec
from population.experts import IS_THING
from population.policy import Policy
from world import scenarios
from world.codes import Role
from world.sense import cells_in_view, egocentric_view

POPULATION, WORLDS = 3, 5
TALKING = ["guide", "carry", "forage", "name", "describe:2x4", "refer:2x4:3", "ask:2x4"]


def recorded(scenario_name: str):
    """A rollout of drawn genomes with some worlds recorded."""
    from evolution.society import filled_config

    config = filled_config(RunConfig(scenario=scenario_name, population=POPULATION))
    policy = Policy(policy_spec(config))
    genomes = torch.from_numpy(policy.layout.draw(POPULATION, np.random.default_rng(5)))
    scenario = scenarios.get(scenario_name)
    rollout, _ = play(policy, genomes, scenario, worlds_per_boxling=4, seed=3, num_recorded=WORLDS)
    return policy, genomes, scenario, rollout


@pytest.mark.parametrize("name", [*TALKING, "sokoban"])
def test_shares_of_experts_and_of_attention_add_up(name: str) -> None:
    policy, genomes, scenario, rollout = recorded(name)
    attention, use = insight(policy, genomes, rollout, scenario)
    assert len(attention) == len(use) == len(rollout.states)
    sizes = set()
    for t, sensed in enumerate(rollout.sensed):
        for b in np.flatnonzero(sensed.is_active):
            for a, own in enumerate(use[t][b]):
                assert own.dtype == attention[t][b][a].dtype == np.uint8
                assert own[0] == 255 * sensed.sees[b, a]
                assert abs(int(own[1:].sum()) - 255) <= len(own)
                assert attention[t][b][a].sum() <= 255 + attention[t][b][a].size
                sizes.add(attention[t][b][a].size)
    _, height, width = rollout.start.floor.shape
    asks = policy.spec.num_query_heads > 0
    assert sizes == ({0} if not asks else {0, height * width} if name != "sokoban" else {height * width})


def test_attention_and_gates_are_those_of_the_networks_when_worked_out_one_by_one() -> None:
    policy, genomes, scenario, rollout = recorded("guide")
    attention, use = insight(policy, genomes, rollout, scenario)
    spec = policy.spec
    b = 1
    a = int(np.flatnonzero(rollout.start.role[b] == Role.BUILDER)[0])
    slot = int(rollout.seating.genome_of[b, a])
    weights = policy.weights_of(genomes[slot : slot + 1])
    memory = torch.zeros(1, 1, spec.width)
    before = [rollout.start, *rollout.states]
    compared = 0
    for t, sensed in enumerate(rollout.sensed):
        if not sensed.is_active[b]:
            break
        # the words and the body as tokens, by hand: a place, a voice and a symbol each
        length, v = spec.message_length, spec.num_symbols
        tokens = []
        for other in range(sensed.role.shape[1]):
            if other != a:
                voice = 0 if sensed.role[b, other] == Role.GUIDE else length * v
                said = sensed.heard[b, other]
                tokens += [voice + place * v + symbol for place, symbol in enumerate(said.tolist()) if symbol >= 0]
        body = 2 * length * v + sum(spec.attribute_sizes)
        moved = int(sensed.last_moved[b, a])
        tokens.append(body + int(sensed.last_action[b, a]) * 4 + moved * 2 + int(sensed.role[b, a]))
        stream = weights["tokens"][:, tokens].sum(dim=1, keepdim=True)
        memory, beliefs = policy.believe(weights, stream, memory)
        assert beliefs.answers()[0, 0].tolist() == rollout.answers[t][b, a].tolist()
        gates = weights["tokens.shares"][0, tokens].mean(dim=0)
        np.testing.assert_allclose(use[t][b][a][1:], 255 * gates.numpy(), atol=0.51)
        shares = {k: torch.softmax(beliefs.by_attribute()[k], dim=-1) for k in spec.visible_attributes}
        question = policy.questions(weights, shares)[0, 0]  # (Q, heads, key)
        view = sensed.view[b, a].ravel()
        expected = np.zeros(before[t].floor[b].size)
        cells = cells_in_view(before[t], spec.view_shape, is_whole=False)[b, a]
        for asked in question.flatten(0, 1):
            keys = weights["eyes.look_key"][0, view.astype(int)] + weights["eyes.place_key"][0]
            scores = (keys @ asked).detach().numpy().astype(float)
            weight = np.where(np.array(IS_THING)[view], np.exp(scores), 0.0)
            weight /= weight.sum() + 1.0  # nothing has a score of 0
            expected[cells[cells >= 0]] += weight[cells >= 0] / len(question.flatten(0, 1))
        np.testing.assert_allclose(attention[t][b][a], 255 * expected, atol=0.51)
        compared += 1
    assert compared >= 2


def test_the_cells_of_a_view_are_where_its_colours_are() -> None:
    worlds = scenarios.get("guide").generate(np.arange(20), "train")
    radius = scenarios.get("guide").view_radius_cells
    view = egocentric_view(worlds, radius).reshape(*worlds.role.shape, -1)
    cells = cells_in_view(worlds, (2 * radius + 1, 2 * radius + 1), is_whole=False)
    look = np.where(worlds.look > 0, worlds.look, worlds.floor).reshape(len(worlds), -1)
    is_builder = worlds.role == Role.BUILDER
    assert (cells[~is_builder] == -1).all()
    for b, a in np.argwhere(is_builder):
        inside = cells[b, a] >= 0
        np.testing.assert_array_equal(view[b, a][inside], look[b, cells[b, a][inside]])
        # at least a quarter of it even from a corner, each cell once
        assert len(np.unique(cells[b, a][inside])) == inside.sum() >= (radius + 1) ** 2
    grid = worlds.floor.shape[1:]
    whole = cells_in_view(worlds, grid, is_whole=True)
    np.testing.assert_array_equal(whole[3, 1], np.arange(look.shape[1]))
    # a view may be as large as the grid and have the agent in its middle all the same
    centred = cells_in_view(worlds, grid, is_whole=False)
    b, a = np.argwhere(is_builder)[0]
    middle = grid[0] // 2 * grid[1] + grid[1] // 2
    assert centred[b, a, middle] == worlds.position_rc[b, a] @ [grid[1], 1]


def test_a_genome_without_numbers_attends_to_nothing() -> None:
    policy, genomes, scenario, rollout = recorded("guide")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what is no number cannot be made a byte
        attention, _ = insight(policy, torch.full_like(genomes, torch.nan), rollout, scenario)
    assert not any(own.any() for step in attention for world in step for own in world)


def test_insight_is_the_same_for_any_number_of_worlds_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, genomes, scenario, rollout = recorded("guide")
    attention, use = insight(policy, genomes, rollout, scenario)
    monkeypatch.setattr("evolution.insight._WORLDS_AT_ONCE", 2)
    again = insight(policy, genomes, rollout, scenario)
    for one, other in zip((attention, use), again, strict=True):
        for step, other_step in zip(one, other, strict=True):
            for world, other_world in zip(step, other_step, strict=True):
                for own, other_own in zip(world, other_world, strict=True):
                    np.testing.assert_allclose(own.astype(int), other_own.astype(int), atol=1)
