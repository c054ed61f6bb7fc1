"""What can be seen of a world: colours only, never body ids.

A view is an array of look codes: 0 to 9 as in ARC, 10 a boxling, 11 beyond the edge of the grid.
"""

from __future__ import annotations

import numpy as np

from world.codes import NUM_LOOKS, OUTSIDE
from world.compiling import njit
from world.state import Worlds

__all__ = ["NUM_LOOKS", "OUTSIDE", "egocentric_view", "is_audible", "whole_view"]


@njit(cache=True)
def _egocentric_kernel(look, floor, agent_cell, is_over, stride, margin, radius, view):
    num_worlds, height, width = floor.shape
    for b in range(num_worlds):
        if is_over[b]:
            continue
        for a in range(view.shape[1]):
            cell = agent_cell[b, a]
            if cell < 0:
                continue
            top, left = cell // stride - margin - radius, cell % stride - margin - radius
            for i in range(2 * radius + 1):
                for j in range(2 * radius + 1):
                    row, col = top + i, left + j
                    if row < 0 or row >= height or col < 0 or col >= width:
                        view[b, a, i, j] = OUTSIDE
                        continue
                    code = look[b, (row + margin) * stride + col + margin]
                    view[b, a, i, j] = code if code > 0 else floor[b, row, col]


def egocentric_view(worlds: Worlds, radius_cells: int) -> np.ndarray:
    """What each agent with a body sees around itself, (B, A, 2 r + 1, 2 r + 1) uint8 look codes; up is up.

    Where nothing lies the floor is seen. Agents outside the grid, and those in worlds that are over, see nothing:
    their view is all zeros.
    """
    arena = worlds.arena
    side = 2 * radius_cells + 1
    view = np.zeros((*worlds.role.shape, side, side), np.uint8)
    _egocentric_kernel(
        arena.look, worlds.floor, arena.agent_cell, worlds.is_over, arena.stride, arena.margin_cells, radius_cells, view
    )
    return view


def whole_view(worlds: Worlds) -> np.ndarray:
    """The whole grid in colours, the floor included, (B, H, W) uint8 look codes."""
    return np.where(worlds.look > 0, worlds.look, worlds.floor)


def is_audible(worlds: Worlds, hearing_radius_cells: int) -> np.ndarray:
    """Who hears whom, (B, listener A, speaker A) bool; nobody hears itself.

    Within the radius (larger of row and column distance); a radius of 0 means everywhere. Agents outside the grid are
    heard, and hear, everywhere: a guide is a voice. Who was eaten is such a voice too.
    """
    num_agents = worlds.num_agents
    others = ~np.eye(num_agents, dtype=bool)[None]
    if hearing_radius_cells <= 0:
        return np.broadcast_to(others, (len(worlds), num_agents, num_agents)).copy()
    position_rc = worlds.position_rc.astype(np.int64)
    distance = np.abs(position_rc[:, :, None] - position_rc[:, None]).max(axis=-1)
    outside = worlds.agent_body == 0
    return others & ((distance <= hearing_radius_cells) | outside[:, :, None] | outside[:, None, :])
