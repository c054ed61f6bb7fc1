"""What can be seen of a world: colours only, never body ids.

A view is an array of look codes: 0 to 9 as in ARC, 10 a boxling, 11 beyond the edge of the grid.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from world.state import Worlds

OUTSIDE = 11
NUM_LOOKS = 12


@njit(cache=True)
def _egocentric_kernel(owner, colour, agent_body, position_rc, is_over, radius, view):
    num_worlds, height, width = owner.shape
    for b in range(num_worlds):
        if is_over[b]:
            continue
        for a in range(agent_body.shape[1]):
            if agent_body[b, a] == 0:
                continue
            top, left = position_rc[b, a, 0] - radius, position_rc[b, a, 1] - radius
            for i in range(2 * radius + 1):
                for j in range(2 * radius + 1):
                    row, col = top + i, left + j
                    if row < 0 or row >= height or col < 0 or col >= width:
                        view[b, a, i, j] = OUTSIDE
                    else:
                        view[b, a, i, j] = colour[b, owner[b, row, col]]


def egocentric_view(worlds: Worlds, radius_cells: int) -> np.ndarray:
    """What each agent with a body sees around itself, (B, A, 2 r + 1, 2 r + 1) uint8 look codes; up is up.

    Agents outside the grid, and those in worlds that are over, see nothing: their view is all zeros.
    """
    side = 2 * radius_cells + 1
    view = np.zeros((*worlds.agent_body.shape, side, side), np.uint8)
    _egocentric_kernel(
        worlds.owner, worlds.colour, worlds.agent_body, worlds.position_rc, worlds.is_over, radius_cells, view
    )
    return view


def whole_view(worlds: Worlds) -> np.ndarray:
    """The whole grid in colours, (B, H, W) uint8 look codes."""
    num_worlds, height, width = worlds.owner.shape
    flat = worlds.owner.reshape(num_worlds, height * width).astype(np.int64)
    return np.take_along_axis(worlds.colour, flat, axis=1).reshape(worlds.owner.shape).astype(np.uint8)


def is_audible(worlds: Worlds, hearing_radius_cells: int) -> np.ndarray:
    """Who hears whom, (B, listener A, speaker A) bool; nobody hears itself.

    Within the radius (larger of row and column distance); a radius of 0 means everywhere. Agents outside the grid are
    heard, and hear, everywhere: a guide is a voice.
    """
    num_agents = worlds.agent_body.shape[1]
    others = ~np.eye(num_agents, dtype=bool)[None]
    if hearing_radius_cells <= 0:
        return np.broadcast_to(others, (len(worlds), num_agents, num_agents)).copy()
    distance = np.abs(worlds.position_rc[:, :, None].astype(np.int64) - worlds.position_rc[:, None]).max(axis=-1)
    outside = worlds.agent_body == 0
    return others & ((distance <= hearing_radius_cells) | outside[:, :, None] | outside[:, None, :])
