"""What holds in every arena, and when two arenas are the same."""

from __future__ import annotations

import numpy as np

from world.codes import OUTSIDE, WALL_BODY, WALL_COLOUR
from world.engine import Arena, Body


def check_arena(arena: Arena) -> None:
    """All that the arrays say of one thing agrees: who owns a cell, lists of cells, sizes, looks, agents."""
    m, k = arena.margin_cells, arena.size.shape[1]
    is_margin = np.ones((arena.height_cells + 2 * m, arena.stride), bool)
    is_margin[m : m + arena.height_cells, m : m + arena.width_cells] = False
    assert (arena.owner[:, is_margin.ravel()] == WALL_BODY).all()
    assert (arena.look[:, is_margin.ravel()] == OUTSIDE).all()
    assert (arena.colour[:, WALL_BODY] == WALL_COLOUR).all()
    assert (arena.flags[:, WALL_BODY] == Body.ANCHORED).all()
    assert arena.colour.max(initial=0) <= 10
    assert arena.flags.max(initial=0) < 16
    grid, worlds = arena.grid(), np.arange(len(arena))[:, None, None]
    assert grid.max(initial=0) < k
    assert np.array_equal(arena.picture(), np.where(grid > 0, arena.colour[worlds, grid], 0))
    counts = np.bincount((grid + worlds * k).ravel(), minlength=len(arena) * k).reshape(len(arena), k)
    assert np.array_equal(arena.size[:, 2:], counts[:, 2:])
    assert (arena.size[:, :2] == 0).all()
    check_lists(arena)
    check_agents(arena)


def check_lists(arena: Arena) -> None:
    """Every cell of a body is in its list once, the list has no other cells, and the body hangs together."""
    is_body = (arena.owner > WALL_BODY) & (arena.look != OUTSIDE)
    visits = np.zeros(arena.owner.shape, int)
    place = arena.first_cell.astype(int)
    for _ in range(arena.owner.shape[1] + 1):
        b, body = np.nonzero(place >= 0)
        if len(b) == 0:
            break
        at = place[b, body]
        assert (arena.owner[b, at] == body).all()
        visits[b, at] += 1
        place[b, body] = arena.next_cell[b, at]
    assert (place < 0).all(), "a list of cells has no end"
    assert np.array_equal(visits, is_body)
    b, body = np.nonzero(arena.first_cell >= 0)
    reached = np.zeros(arena.owner.shape, bool)
    reached[b, arena.first_cell[b, body]] = True
    grows = True
    while grows:
        count = reached.sum()
        for step in (-arena.stride, arena.stride, -1, 1):
            is_same = np.roll(arena.owner, step, axis=1) == arena.owner
            reached |= np.roll(reached, step, axis=1) & is_same & is_body
        grows = reached.sum() > count
    assert np.array_equal(reached, is_body), "a body is in several pieces"


def check_agents(arena: Arena) -> None:
    for bodies, cells, owner in zip(arena.agent_body.tolist(), arena.agent_cell.tolist(), arena.owner, strict=True):
        present = [body for body in bodies if body]
        assert len(set(present)) == len(present)
        for body, cell in zip(bodies, cells, strict=True):
            assert (body > WALL_BODY and cell >= 0 and owner[cell] == body) if body else cell == -1


def arrays_of(arena: Arena) -> list[np.ndarray]:
    return [value for value in vars(arena).values() if isinstance(value, np.ndarray)]


def is_same(one: Arena, other: Arena) -> bool:
    """Whether two arenas are the same in every byte."""
    pairs = zip(arrays_of(one), arrays_of(other), strict=True)
    return all(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)


def only(arena: Arena, low: int, high: int) -> Arena:
    """Some of the worlds, copied."""
    return Arena(
        arena.height_cells,
        arena.width_cells,
        arena.margin_cells,
        *(array[low:high].copy() for array in arrays_of(arena)),
    )
