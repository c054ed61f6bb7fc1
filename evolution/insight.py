"""What recorded boxlings attended to, and which experts they used: worked out again of what they sensed.

While they live nobody keeps it, as it would be written and read for every agent of every step. Of the few that are
recorded, what was sensed is kept, and from that and the genome all of it follows.
"""

from __future__ import annotations

import numpy as np
import torch

from evolution.live import Rollout
from evolution.relive import tokens_of
from population.experts import IS_THING
from population.gradients import attention_to, sum_of_rows
from population.memory import Course
from population.policy import Policy
from world.scenarios.base import Scenario

_WORLDS_AT_ONCE = 16  # each of whose agents has a genome of its own, and tables made of it


def insight(policy: Policy, genomes: torch.Tensor, rollout: Rollout, scenario: Scenario) -> tuple[list, list]:
    """Attention and use of experts in the recorded worlds of a rollout: [step][world][agent], each a uint8 array.

    Attention (cells of the grid, row by row): the share of each cell in what the agent asks of the picture before it
    acts, mean over questions and heads, x 255; what is missing to 255 goes to nothing, or beyond the edge. Empty for
    whoever sees nothing or does not ask. Experts (1 + experts): 255 where the visual one ran, 0 where it did not, then
    the mean share of each other expert in what the agent heard, was told and felt, x 255.
    """
    assert rollout.start is not None
    attention: list[list] = [[] for _ in rollout.sensed]
    use: list[list] = [[] for _ in rollout.sensed]
    for first in range(0, len(rollout.start), _WORLDS_AT_ONCE):
        last = min(first + _WORLDS_AT_ONCE, len(rollout.start))
        _look_into(policy, genomes, rollout, scenario, slice(first, last), attention, use)
    return attention, use


def _look_into(
    policy: Policy,
    genomes: torch.Tensor,
    rollout: Rollout,
    scenario: Scenario,
    which: slice,
    attention: list[list],
    use: list[list],
) -> None:
    """Append what holds for these worlds to each step."""
    assert rollout.start is not None
    spec = policy.spec
    num_worlds, num_agents = rollout.start.role[which].shape
    num_steps = len(rollout.sensed)
    _, height, width = rollout.start.floor.shape
    seats = torch.from_numpy(rollout.seating.genome_of[which].ravel())
    tokens = tokens_of(spec, rollout.sensed)[:, which]  # (T, B, A, J)
    tokens = np.ascontiguousarray(tokens.reshape(num_steps, num_worlds * num_agents, -1).swapaxes(0, 1))
    is_new = torch.zeros(len(seats), num_steps, 1, dtype=torch.bool)
    is_new[:, 0] = True
    with torch.no_grad():
        # every agent is a genome of its own, with its steps as rows
        weights = policy.weights_of(genomes.cpu()[seats])
        index = torch.from_numpy(tokens)
        _, beliefs = policy.believe(weights, sum_of_rows(weights["tokens"], index), Course(is_new))
        gates = sum_of_rows(weights["tokens.shares"].contiguous(), index)
        gates = gates / (index >= 0).sum(dim=2, keepdim=True).clamp(min=1)
        shares = [torch.softmax(logits, dim=-1) for logits in beliefs.by_attribute()]
        question = policy.questions(weights, {k: shares[k] for k in spec.visible_attributes})
        looks = None
        if question is not None:
            view = np.stack([sensed.view[which] for sensed in rollout.sensed])
            view = view.reshape(num_steps, len(seats), -1).swapaxes(0, 1)
            looks = attention_to(
                question, weights["eyes.look_key"], weights["eyes.place_key"],
                torch.from_numpy(np.ascontiguousarray(view)), IS_THING,
            ).mean(dim=2).numpy()  # fmt: skip
    # of a genome with weights that are no numbers nothing is known
    routed = np.nan_to_num(gates.numpy())
    looks = None if looks is None else np.nan_to_num(looks)
    before = [rollout.start, *rollout.states]
    for t, sensed in enumerate(rollout.sensed):
        sees = sensed.sees[which] & sensed.is_active[which, None]
        cells = scenario.cells_in_view(before[t])[which]
        for b in range(num_worlds):
            own_attention, own_use = [], []
            for a in range(num_agents):
                row = b * num_agents + a
                experts = np.concatenate([[float(sees[b, a])], routed[row, t]])
                own_use.append(np.rint(255 * experts).astype(np.uint8))
                seen = np.zeros(height * width if looks is not None and sees[b, a] else 0)
                if looks is not None and sees[b, a]:
                    is_inside = cells[b, a] >= 0
                    seen[cells[b, a][is_inside]] = looks[row, t][is_inside]
                own_attention.append(np.rint(255 * seen).astype(np.uint8))
            attention[t].append(own_attention)
            use[t].append(own_use)
