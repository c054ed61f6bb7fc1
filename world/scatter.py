"""Random worlds for the engine: bodies of a few cells, agents and walls, strewn over the grid.

World number n is the same world on every machine, alone or in any batch (see `world.chance`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from world.chance import below, start_states
from world.checks import whole_number
from world.codes import BOXLING_COLOUR, MAX_BODIES, WALL_BODY, WALL_COLOUR
from world.compiling import njit
from world.engine import Arena, Body, check_laws, empty_arena

_TRIES = 20


@dataclass(frozen=True)
class Scatter:
    """What lies in a random world of `height_cells` x `width_cells`."""

    height_cells: int = 16
    width_cells: int = 16
    num_bodies: int = 8
    max_body_cells: int = 4  # each body has 1 to this many cells, drawn evenly
    num_agents: int = 4  # single cells, and not counted among the bodies
    num_wall_cells: int = 8
    eating_share: float = 0.5  # of bodies that have an appetite
    floating_share: float = 0.0
    anchored_share: float = 0.0
    growing_share: float = 0.0
    agents_float: bool = True
    num_spare_bodies: int = 0  # empty places in the table of bodies, for what falls apart
    margin_cells: int = 3

    def __post_init__(self) -> None:
        for name, low, high in (
            ("height_cells", 1, 64), ("width_cells", 1, 64), ("num_bodies", 0, MAX_BODIES), ("num_agents", 0, 62),
            ("max_body_cells", 1, 64), ("num_wall_cells", 0, 4096), ("num_spare_bodies", 0, MAX_BODIES),
            ("margin_cells", 1, 16),
            ("eating_share", 0, 1), ("floating_share", 0, 1), ("anchored_share", 0, 1), ("growing_share", 0, 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if not name.endswith("_share"):
                whole_number(name, value, low, high)
            elif not isinstance(value, int | float | np.number) or not low <= value <= high:
                raise ValueError(f"{name} must be in [{low}, {high}], got {value!r}")
        total = self.num_table_bodies
        if total > MAX_BODIES - 1:
            raise ValueError(f"a world has at most {MAX_BODIES - 1} bodies, agents included, got {total}")

    @property
    def num_table_bodies(self) -> int:
        """Places in the table of bodies, without the walls."""
        return self.num_bodies + self.num_agents + self.num_spare_bodies


@njit(cache=True, nogil=True)
def scatter_world(
    state, owner, look, next_cell, first_cell, size, colour, flags, agent_body, agent_cell, height, width, margin,
    num_bodies, max_body_cells, num_wall_cells, shares, agent_flags, order,
):  # fmt: skip
    """One world into arrays that may hold an old one; bodies for which there is no room are left out."""
    stride = width + 2 * margin
    for row in range(height):
        start = (row + margin) * stride + margin
        for cell in range(start, start + width):
            owner[cell] = 0
            look[cell] = 0
            next_cell[cell] = -1
    for body in range(2, len(first_cell)):
        first_cell[body] = -1
        size[body] = 0
        flags[body] = 0
        colour[body] = 0
    for _ in range(num_wall_cells):
        cell = (below(state, height) + margin) * stride + below(state, width) + margin
        owner[cell] = WALL_BODY
        look[cell] = WALL_COLOUR
    # bodies of different colours, as far as the colours go; grey is the walls'
    for i in range(8):
        order[i] = i + 1 if i < 4 else i + 2
    for i in range(7, 0, -1):
        j = below(state, i + 1)
        order[i], order[j] = order[j], order[i]
    for k in range(num_bodies + len(agent_body)):
        is_agent = k >= num_bodies
        body = k + 2
        wanted = 1 if is_agent else below(state, max_body_cells) + 1
        if is_agent:
            agent_body[k - num_bodies] = 0
            agent_cell[k - num_bodies] = -1
        cell = -1
        for _ in range(_TRIES):
            start = (below(state, height) + margin) * stride + below(state, width) + margin
            if owner[start] == 0:
                cell = start
                break
        if cell < 0:
            continue
        colour[body] = BOXLING_COLOUR if is_agent else order[k % 8]
        owner[cell] = body
        look[cell] = colour[body]
        next_cell[cell] = -1
        first_cell[body] = cell
        size[body] = 1
        if is_agent:
            flags[body] = agent_flags
            agent_body[k - num_bodies] = body
            agent_cell[k - num_bodies] = cell
            continue
        draw = below(state, 1 << 30)
        for i in range(4):
            # seven bits a share are enough, and one draw for all of them
            if ((draw >> (7 * i)) & 127) < shares[i]:
                flags[body] |= 1 << i
        # grows from the cell added last: a crooked walk
        for _ in range(4 * (wanted - 1)):
            if size[body] == wanted:
                break
            way = below(state, 4)
            to = cell + (-stride if way == 0 else stride if way == 1 else -1 if way == 2 else 1)
            if owner[to] == 0:
                owner[to] = body
                look[to] = colour[body]
                next_cell[to] = first_cell[body]
                first_cell[body] = to
                size[body] += 1
                cell = to
            elif owner[to] == body:
                cell = to


@njit(cache=True, nogil=True)
def _scatter_kernel(
    states, owner, look, next_cell, first_cell, size, colour, flags, agent_body, agent_cell, height, width, margin,
    num_bodies, max_body_cells, num_wall_cells, shares, agent_flags,
):  # fmt: skip
    order = np.empty(8, np.int64)
    for b in range(len(owner)):
        scatter_world(
            states[b : b + 1], owner[b], look[b], next_cell[b], first_cell[b], size[b], colour[b], flags[b],
            agent_body[b], agent_cell[b], height, width, margin, num_bodies, max_body_cells, num_wall_cells, shares,
            agent_flags, order,
        )  # fmt: skip


def scatter(numbers: np.ndarray, what: Scatter, laws: np.ndarray, out: Arena | None = None) -> Arena:
    """The random worlds with these numbers (B,) under these laws; `out` is filled if given, and has no past."""
    numbers = np.asarray(numbers)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise ValueError(f"numbers must be whole numbers (worlds,), got {numbers.dtype} of shape {numbers.shape}")
    arena = empty_scatter(len(numbers), what, laws) if out is None else _emptied(out, len(numbers), what, laws)
    _scatter_kernel(
        start_states(numbers, "scatter"), arena.owner, arena.look, arena.next_cell, arena.first_cell, arena.size,
        arena.colour, arena.flags, arena.agent_body, arena.agent_cell, what.height_cells, what.width_cells,
        what.margin_cells, *scatter_numbers(what),
    )  # fmt: skip
    return arena


def scatter_numbers(what: Scatter) -> tuple[int, int, int, np.ndarray, int]:
    """What the kernel has to know, besides the sides: bodies, their cells, walls, shares and the flags of agents."""
    # shares in 128ths, in the order of the flags
    shares = np.array([what.anchored_share, what.floating_share, what.eating_share, what.growing_share])
    agent_flags = int(Body.FLOATS) if what.agents_float else 0
    return (
        what.num_bodies, what.max_body_cells, what.num_wall_cells, np.rint(shares * 128).astype(np.int64), agent_flags
    )  # fmt: skip


def _emptied(out: Arena, num_worlds: int, what: Scatter, laws: np.ndarray) -> Arena:
    """An arena that may hold old worlds, under new laws; ValueError if it is of another shape."""
    wanted = (
        num_worlds, what.height_cells, what.width_cells, what.margin_cells, what.num_table_bodies, what.num_agents
    )  # fmt: skip
    got = (
        len(out), out.height_cells, out.width_cells, out.margin_cells, out.size.shape[1] - 2, out.agent_body.shape[1]
    )  # fmt: skip
    if got != wanted:
        raise ValueError(f"out must be of (worlds, rows, columns, margin, bodies, agents) {wanted}, got {got}")
    out.laws[:] = check_laws(laws, num_worlds)
    out.moved[:] = 0
    out.eaten_by[:] = 0
    return out


def empty_scatter(num_worlds: int, what: Scatter, laws: np.ndarray) -> Arena:
    """Room for that many random worlds."""
    arena = empty_arena(
        num_worlds, what.height_cells, what.width_cells, what.num_table_bodies, what.num_agents, what.margin_cells
    )
    arena.laws[:] = check_laws(laws, num_worlds)
    return arena
