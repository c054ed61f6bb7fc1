"""One step of the box world: agents walk, and push what is in their way.

A push moves the whole body and, transitively, every body that it touches on the way, or nothing at all. Everything is
decided on the snapshot at the start of the step, as sets of bodies, never in scan order: the moved set of an act is the
*least* set that contains the actor and all that is in the way of the set. Acts that contradict each other are settled
without ids and without chance: an act fails if it conflicts with an act whose set weighs as much or more, so mirrored
worlds have mirrored futures.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from world.state import NUM_ACTIONS, STEP_RC, Worlds

_STEP_RC = STEP_RC
_ONE = np.uint64(1)
_NONE = np.uint64(0)


@njit(cache=True)
def _bit(body):
    return np.uint64(1) << np.uint64(body)


@njit(cache=True)
def _moved_set(owner, anchored, is_blocking, actor, direction):
    """Bit mask of the bodies that move if `actor` walks in `direction`; 0 if it cannot."""
    height, width = owner.shape
    if anchored[actor]:
        return _NONE
    d_row, d_col = _STEP_RC[direction, 0], _STEP_RC[direction, 1]
    mask = _bit(actor)
    grows = True
    while grows:
        grows = False
        for row in range(height):
            for col in range(width):
                body = owner[row, col]
                if body == 0 or (mask & _bit(body)) == _NONE:
                    continue
                to_row, to_col = row + d_row, col + d_col
                if to_row < 0 or to_row >= height or to_col < 0 or to_col >= width:
                    return _NONE
                other = owner[to_row, to_col]
                if other == 0 or (mask & _bit(other)) != _NONE:
                    continue
                if anchored[other] or (is_blocking & _bit(other)) != _NONE:
                    return _NONE
                mask |= _bit(other)
                grows = True
    return mask


@njit(cache=True)
def _push_one_world(owner, anchored, agent_body, actions, moved):
    """Write the direction in which each body moves (0 for none) into `moved` (K,), and move them in `owner`."""
    height, width = owner.shape
    num_agents = len(agent_body)
    moved[:] = 0
    agents = _NONE
    for a in range(num_agents):
        if agent_body[a] > 0:
            agents |= _bit(agent_body[a])
    sets = np.zeros(num_agents, np.uint64)
    weights = np.zeros(num_agents, np.int64)
    any_act = False
    for a in range(num_agents):
        if actions[a] == 0 or agent_body[a] == 0:
            continue
        # a boxling cannot be pushed: it stands in the way like a wall
        others = agents & ~_bit(agent_body[a])
        sets[a] = _moved_set(owner, anchored, others, agent_body[a], actions[a])
        any_act = any_act or sets[a] != _NONE
    if not any_act:
        return
    # the cells that each act would fill, as lists: two acts that fill one cell contradict each other
    claims = np.zeros((num_agents, height * width), np.bool_)
    for row in range(height):
        for col in range(width):
            body = owner[row, col]
            if body == 0:
                continue
            for a in range(num_agents):
                if (sets[a] & _bit(body)) != _NONE:
                    weights[a] += 1
                    to = (row + _STEP_RC[actions[a], 0]) * width + col + _STEP_RC[actions[a], 1]
                    claims[a, to] = True
    fails = np.zeros(num_agents, np.bool_)
    for a in range(num_agents):
        for b in range(a + 1, num_agents):
            if sets[a] == _NONE or sets[b] == _NONE:
                continue
            shares_body = (sets[a] & sets[b]) != _NONE
            conflict = shares_body and actions[a] != actions[b]
            if not conflict and not (shares_body and actions[a] == actions[b]):
                for cell in range(height * width):
                    if claims[a, cell] and claims[b, cell]:
                        conflict = True
                        break
            if conflict:
                if weights[b] >= weights[a]:
                    fails[a] = True
                if weights[a] >= weights[b]:
                    fails[b] = True
    moving = _NONE
    for a in range(num_agents):
        if sets[a] == _NONE or fails[a]:
            continue
        moving |= sets[a]
        for body in range(len(moved)):
            if (sets[a] & _bit(body)) != _NONE:
                moved[body] = actions[a]
    if moving == _NONE:
        return
    before = owner.copy()
    for row in range(height):
        for col in range(width):
            if before[row, col] != 0 and (moving & _bit(before[row, col])) != _NONE:
                owner[row, col] = 0
    for row in range(height):
        for col in range(width):
            body = before[row, col]
            if body != 0 and (moving & _bit(body)) != _NONE:
                owner[row + _STEP_RC[moved[body], 0], col + _STEP_RC[moved[body], 1]] = body


@njit(cache=True)
def _push_kernel(owner, anchored, agent_body, position_rc, actions, is_over, moved, agent_moved):
    for b in range(len(owner)):
        if is_over[b]:
            moved[b] = 0
            agent_moved[b] = False
            continue
        _push_one_world(owner[b], anchored[b], agent_body[b], actions[b], moved[b])
        for a in range(agent_body.shape[1]):
            direction = moved[b, agent_body[b, a]] if agent_body[b, a] > 0 else 0
            agent_moved[b, a] = direction > 0
            position_rc[b, a, 0] += _STEP_RC[direction, 0]
            position_rc[b, a, 1] += _STEP_RC[direction, 1]


def push(worlds: Worlds, actions: np.ndarray) -> np.ndarray:
    """Let every agent walk or push; worlds that are over stand still.

    `actions` (B, A) are Action values. Returns the direction in which each body moved, (B, K) int8, 0 for none.
    """
    actions = np.asarray(actions)
    if actions.shape != worlds.agent_body.shape:
        raise ValueError(f"actions must have shape {worlds.agent_body.shape}, got {actions.shape}")
    if actions.size and not np.issubdtype(actions.dtype, np.integer):
        raise ValueError(f"actions must be whole numbers, got {actions.dtype}")
    if actions.size and (actions.min() < 0 or actions.max() >= NUM_ACTIONS):
        wrong = actions[(actions < 0) | (actions >= NUM_ACTIONS)][0]
        raise ValueError(f"actions must be in [0, {NUM_ACTIONS - 1}], got {wrong}")
    moved = np.zeros(worlds.colour.shape, np.int8)
    actions = np.ascontiguousarray(actions, np.int8)
    _push_kernel(
        worlds.owner,
        worlds.anchored,
        worlds.agent_body,
        worlds.position_rc,
        actions,
        worlds.is_over,
        moved,
        worlds.last_moved,
    )
    worlds.last_action[:] = np.where(worlds.is_over[:, None], 0, actions)
    return moved
