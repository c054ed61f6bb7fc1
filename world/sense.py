"""What can be seen of a world: colours only, never body ids.

A view is an array of look codes: 0 to 9 as in ARC, 10 a boxling, 11 beyond the edge of the grid.
"""

from __future__ import annotations

import numpy as np

from world.codes import NUM_LOOKS, OUTSIDE
from world.compiling import njit
from world.state import Worlds

__all__ = ["NUM_LOOKS", "OUTSIDE", "cells_in_view", "egocentric_view", "is_audible", "whole_view"]


@njit(cache=True)
def _egocentric_kernel(look, floor, agent_cell, is_over, stride, margin, radius, view):
    num_worlds, height, width = floor.shape
    num_agents, side = view.shape[1], 2 * radius + 1
    wide = width + 2 * radius
    # one world at a time with all that lies around it: then every view is a part of that, and no cell needs a check
    shown = np.full((height + 2 * radius) * wide, OUTSIDE, np.uint8)
    views = view.reshape(-1)
    for b in range(num_worlds):
        if is_over[b] or agent_cell[b, :num_agents].max() < 0:
            continue
        for i in range(height):
            begin, into = (i + margin) * stride + margin, (i + radius) * wide + radius
            for j in range(width):
                code = look[b, begin + j]
                shown[into + j] = code if code > 0 else floor[b, i, j]
        for a in range(num_agents):
            cell = agent_cell[b, a]
            if cell < 0:
                continue
            begin, into = (cell // stride - margin) * wide + cell % stride - margin, (b * num_agents + a) * side * side
            for i in range(side):
                for j in range(side):
                    views[into + i * side + j] = shown[begin + i * wide + j]


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


def cells_in_view(worlds: Worlds, view_shape: tuple[int, int], is_whole: bool) -> np.ndarray:
    """Which cell of the grid each place of an agent's view shows, (B, A, h * w) int64: row * W + column, or -1.

    A view is the whole of the grid, or egocentric. -1 is what lies beyond the edge, and all
    of the view of an agent that has no body.
    """
    num_worlds, num_agents = worlds.role.shape
    _, height, width = worlds.floor.shape
    if is_whole:
        return np.broadcast_to(np.arange(height * width), (num_worlds, num_agents, height * width)).copy()
    offset_rc = np.indices(view_shape).reshape(2, -1) - (np.array(view_shape) // 2)[:, None]
    rows, cols = (worlds.position_rc[..., k, None].astype(np.int64) + offset_rc[k] for k in (0, 1))
    has_body = (worlds.agent_body[:, :num_agents] > 0) & (worlds.position_rc >= 0).all(axis=-1)
    is_inside = has_body[..., None] & (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    return np.where(is_inside, rows * width + cols, -1)


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
