"""Worlds drawn at random for tests: bodies of up to four cells, anchored or not, boxlings of any shape."""

from __future__ import annotations

import numpy as np

from world.codes import BOXLING_COLOUR
from world.engine import Body
from world.state import Worlds, build_worlds

NUM_BODIES = 20  # besides the walls, boxlings included
FIRST_BODY = 2


def draw_worlds(rng: np.random.Generator, num_worlds: int, height: int, width: int, num_agents: int) -> Worlds:
    """Worlds of one size, from empty to full; at most half of the bodies are boxlings, others are outside."""
    grid = np.zeros((num_worlds, height, width), np.uint8)
    colour = np.zeros((num_worlds, NUM_BODIES + FIRST_BODY), np.uint8)
    flags = np.zeros_like(colour)
    agent_body = np.zeros((num_worlds, num_agents), np.uint8)
    colour[:, FIRST_BODY:] = rng.integers(1, 10, (num_worlds, NUM_BODIES))
    for b in range(num_worlds):
        share_filled = rng.choice([0.2, 0.3, 0.4, 0.5, 1.0])
        _put_walls(rng, grid[b], share_walls=rng.choice([0.0, 0.0, 0.1]))
        bodies = range(FIRST_BODY, FIRST_BODY + NUM_BODIES)
        placed = [body for body in bodies if _put_body(rng, grid[b], body, share_filled)]
        flags[b, placed] = (rng.random(len(placed)) < rng.choice([0.0, 0.0, 0.2])) * Body.ANCHORED
        for a, body in enumerate(rng.permutation(placed)[: min(num_agents, (len(placed) + 1) // 2)]):
            agent_body[b, a] = body
            colour[b, body] = BOXLING_COLOUR
    return build_worlds(grid, colour, agent_body, flags=flags)


def draw_actions(rng: np.random.Generator, worlds: Worlds) -> np.ndarray:
    """One act for each agent, (B, A) int8; one in ten stays."""
    acts = rng.integers(1, 5, worlds.agent_body.shape)
    return (acts * (rng.random(acts.shape) < 0.9)).astype(np.int8)


def _put_walls(rng: np.random.Generator, owner: np.ndarray, share_walls: float) -> None:
    owner[rng.random(owner.shape) < share_walls] = 1


def _put_body(rng: np.random.Generator, owner: np.ndarray, body: int, share_filled: float) -> bool:
    """A connected shape of up to four cells somewhere; False if enough of the grid is filled."""
    free = np.argwhere(owner == 0)
    if len(free) <= (1 - share_filled) * owner.size:
        return False
    cells = [tuple(free[rng.integers(len(free))])]
    for _ in range(rng.choice([0, 0, 1, 2, 3])):
        around = [
            (row + d_row, column + d_column)
            for row, column in cells
            for d_row, d_column in ((-1, 0), (1, 0), (0, -1), (0, 1))
        ]
        height, width = owner.shape
        fits = [
            (row, column)
            for row, column in around
            if 0 <= row < height and 0 <= column < width and owner[row, column] == 0 and (row, column) not in cells
        ]
        if fits:
            cells.append(fits[rng.integers(len(fits))])
    for cell in cells:
        owner[cell] = body
    return True
