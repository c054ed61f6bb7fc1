"""The engine: many small worlds of rigid bodies under a book of laws, for one core of a CPU.

A tick is a fixed sequence of phases: acts and pushes, falls, eating, fusing, growth, splitting, shape laws. Inside a
phase everything is decided on the snapshot at its start, as sets of bodies, never in scan order, and conflicts are
settled without ids and without chance; so a mirrored world has a mirrored future. What each phase does is said where it
is done, and once more, slowly, in `tests/world/engine_reference.py`.

Grids carry a margin of cells beyond the edge, so that no kernel asks whether a neighbour exists, and the cells of a
body are a linked list through the grid: moving, joining and falling apart cost what the cells concerned cost, and not
what the grid does.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from world.checks import whole_number
from world.codes import BOXLING_COLOUR, MAX_BODIES, NUM_ACTS, OUTSIDE, WALL_BODY, WALL_COLOUR, Act
from world.compiling import njit

__all__ = [
    "MAX_AGENTS",
    "MAX_SIDE_CELLS",
    "NUM_ACTS",
    "NUM_LAWS",
    "Act",
    "Arena",
    "Body",
    "Eating",
    "Effect",
    "Law",
    "Property",
    "build",
    "check_laws",
    "checked_acts",
    "empty_arena",
    "law_book",
    "scratch",
    "shared_out",
    "tick",
    "tick_worlds",
    "view_kernel",
    "views",
]

MAX_SIDE_CELLS = 64
MAX_AGENTS = 62


class Body(IntFlag):
    """What a body is by nature, or by a shape law."""

    ANCHORED = 1  # nothing moves it, and nobody eats it
    FLOATS = 2  # does not fall
    EATS = 4  # has an appetite
    GROWS = 8


class Law(IntEnum):
    """The entries of a world's law book; all zeros are walls and pushes, and nothing else."""

    STRENGTH = 0  # cells that each pushing agent can move besides itself; 0: any number
    PULLING = 1  # 1: pulls work; 0: they are plain steps
    GRAVITY = 2  # the direction of falling, an Act from UP to RIGHT; 0: nothing falls
    FALLING = 3  # 0: until everything rests, in one tick; 1: one cell a tick
    EATING = 4  # see Eating
    FOOD_COLOUR = 5  # of what is left of the eaten, where they turn into food
    FUSING = 6  # 1: touching bodies of one colour become one
    GROWTH = 7  # bodies that grow do so while they have fewer cells than this; 0: never
    SPLITTING = 8  # a body of more cells than this falls apart into single cells; 0: never
    PROPERTY = 9  # see Property; a shape law says what holds for bodies that have at least ...
    THRESHOLD = 10  # ... this much of it
    EFFECT = 11  # see Effect
    VALUE = 12  # the colour, where the effect is a colour
    KINDNESS = 13  # 1: nobody eats what has its own colour


NUM_LAWS = len(Law)


class Eating(IntEnum):
    """Whether the larger eat the smaller, and what becomes of these."""

    NONE = 0
    VANISH = 1
    JOIN = 2  # their cells are the eater's
    FOOD = 3  # they lie there, in the colour of food and without appetite; what is like that nobody eats


class Property(IntEnum):
    """What a shape law asks of a body."""

    NONE = 0
    SIZE = 1  # cells
    HOLES = 2  # regions of the grid that only the body encloses (4-connected)
    SYMMETRY = 3  # 1 if some mirror or turn leaves its shape as it is
    RECTANGLE = 4  # 1 if it fills its bounding box
    BORDER = 5  # 1 if it lies at the edge of the grid


class Effect(IntEnum):
    """What a shape law does to bodies that fulfil it; the last three are taken from all others."""

    NONE = 0
    COLOUR = 1
    ANCHORED = 2
    FLOATS = 3
    EATS = 4


@dataclass
class Arena:
    """B worlds of H x W cells with a margin of M cells around, up to K - 2 bodies and A agents each.

    S = W + 2 M cells are a row, N = (H + 2 M) S cells a world; a cell is a number in [0, N). Body 0 is emptiness, body
    1 the walls and all that is beyond the edge. A body without cells is not there.
    """

    height_cells: int
    width_cells: int
    margin_cells: int
    owner: np.ndarray  # (B, N) uint8: the body in each cell
    look: np.ndarray  # (B, N) uint8: look codes, see world.sense
    next_cell: np.ndarray  # (B, N) int16: the next cell of the same body, -1 after the last
    first_cell: np.ndarray  # (B, K) int16: -1 for none
    size: np.ndarray  # (B, K) int16: cells
    colour: np.ndarray  # (B, K) uint8
    flags: np.ndarray  # (B, K) uint8: see Body
    agent_body: np.ndarray  # (B, A) uint8: 0 for an agent that is outside, or was eaten
    agent_cell: np.ndarray  # (B, A) int16: the cell that an agent sees from; -1 outside
    laws: np.ndarray  # (B, NUM_LAWS) int16: see Law
    # of the last tick, by the numbers that bodies had when it began
    moved: np.ndarray  # (B, K) uint8: the direction in which a body was pushed, 0 for none
    eaten_by: np.ndarray  # (B, K) uint8: the body that ate it, 0 for none

    def __len__(self) -> int:
        return len(self.owner)

    @property
    def stride(self) -> int:
        """Cells in a row, margin included."""
        return self.width_cells + 2 * self.margin_cells

    @property
    def bytes_per_world(self) -> float:
        """Memory of one world."""
        return sum(array.nbytes for array in self._arrays()) / max(len(self), 1)

    def _arrays(self) -> list[np.ndarray]:
        return [value for item in fields(self) if isinstance(value := getattr(self, item.name), np.ndarray)]

    def copy(self) -> Arena:
        return Arena(
            self.height_cells, self.width_cells, self.margin_cells, *(array.copy() for array in self._arrays())
        )

    def take(self, indices: np.ndarray) -> Arena:
        """The chosen worlds, copied."""
        chosen = np.arange(len(self))[indices]  # a slice too, and yet nothing is shared
        return Arena(
            self.height_cells, self.width_cells, self.margin_cells, *(array[chosen] for array in self._arrays())
        )

    def put(self, indices: np.ndarray, others: Arena) -> None:
        """Let worlds of the same shape take the places of the chosen ones."""
        for mine, theirs in zip(self._arrays(), others._arrays(), strict=True):
            mine[indices] = theirs

    @staticmethod
    def concatenate(parts: list[Arena]) -> Arena:
        """All worlds of the parts, in order."""
        first = parts[0]
        arrays = (np.concatenate(same) for same in zip(*(part._arrays() for part in parts), strict=True))
        return Arena(first.height_cells, first.width_cells, first.margin_cells, *arrays)

    def grid(self) -> np.ndarray:
        """The body in each cell, without the margin: (B, H, W) uint8, a copy."""
        return self.inside(self.owner).copy()

    def picture(self) -> np.ndarray:
        """The look of each cell, without the margin: (B, H, W) uint8, a copy."""
        return self.inside(self.look).copy()

    def inside(self, cells: np.ndarray) -> np.ndarray:
        """Values of all cells (B, N) without the margin, as a view (B, H, W) of them."""
        m = self.margin_cells
        square = cells.reshape(len(self), self.height_cells + 2 * m, self.stride)
        return square[:, m : m + self.height_cells, m : m + self.width_cells]

    @property
    def position_rc(self) -> np.ndarray:
        """Row and column of each agent, (B, A, 2) int16, -1 for one that is outside or was eaten."""
        cell = self.agent_cell
        rows_cols = np.stack([cell // self.stride, cell % self.stride], axis=-1) - self.margin_cells
        return np.where(cell[..., None] < 0, -1, rows_cols).astype(np.int16)

    def cell(self, row: int, column: int) -> int:
        """The number of a cell of the grid."""
        return (row + self.margin_cells) * self.stride + column + self.margin_cells


def build(
    grid: np.ndarray,
    colour: np.ndarray,
    laws: np.ndarray,
    *,
    flags: np.ndarray | None = None,
    agent_body: np.ndarray | None = None,
    margin_cells: int = 3,
) -> Arena:
    """Worlds from the body in each cell, `grid` (B, H, W): 0 empty, 1 walls, 2 to K - 1 bodies.

    `colour` (B, K) in [0, 10], `laws` (B, NUM_LAWS) or (NUM_LAWS,), `flags` (B, K) of Body, `agent_body` (B, A). Each
    body must be in one piece (4-connected), and each agent's body must be there. ValueError names the first fault and
    its place.
    """
    grid = np.asarray(grid)
    if grid.ndim != 3 or grid.dtype.kind not in "iu":
        raise ValueError(f"grid must be whole numbers (worlds, rows, columns), got {grid.dtype} of shape {grid.shape}")
    num_worlds, height, width = grid.shape
    if not (1 <= height <= MAX_SIDE_CELLS and 1 <= width <= MAX_SIDE_CELLS):
        raise ValueError(f"grid sides must be in [1, {MAX_SIDE_CELLS}] cells, got {height} x {width}")
    whole_number("margin_cells", margin_cells, 1, 16)
    colour = _numbers("colour", colour, (num_worlds, None), BOXLING_COLOUR)
    num_bodies = colour.shape[1]
    if not 2 <= num_bodies <= MAX_BODIES + 1:
        raise ValueError(f"colour must be of 2 to {MAX_BODIES + 1} bodies, got {num_bodies}")
    grid = _numbers("grid", grid, (num_worlds, height, width), num_bodies - 1)
    flags = _numbers("flags", np.zeros_like(colour) if flags is None else flags, colour.shape, sum(Body))
    agents = np.zeros((num_worlds, 0), np.uint8) if agent_body is None else agent_body
    agents = _numbers("agent_body", agents, (num_worlds, None), num_bodies - 1)
    if agents.shape[1] > MAX_AGENTS:
        raise ValueError(f"a world has at most {MAX_AGENTS} agents, got {agents.shape[1]}")
    arena = empty_arena(num_worlds, height, width, num_bodies - 2, agents.shape[1], margin_cells)
    arena.laws[:] = check_laws(laws, num_worlds)
    arena.colour[:] = colour
    arena.colour[:, 0] = 0
    arena.colour[:, WALL_BODY] = WALL_COLOUR
    arena.flags[:] = flags
    arena.flags[:, WALL_BODY] = Body.ANCHORED
    arena.agent_body[:] = agents
    m = margin_cells
    square = arena.owner.reshape(num_worlds, height + 2 * m, arena.stride)
    square[:, m : m + height, m : m + width] = grid
    fault = np.zeros(3, np.int64)
    _link_kernel(
        arena.owner, arena.look, arena.next_cell, arena.first_cell, arena.size, arena.colour, arena.agent_body,
        arena.agent_cell, height, width, m, fault,
    )  # fmt: skip
    kind, world, number = (int(value) for value in fault)
    if kind == 1:
        raise ValueError(f"body {number} of world {world} must be in one piece, got several")
    is_invisible = (arena.size > 0) & (arena.colour == 0)
    if is_invisible.any():
        world, number = (int(i) for i in np.argwhere(is_invisible)[0])
        raise ValueError(f"colour[{world}, {number}] must be in [1, 10] for a body that is there, got 0")
    if kind == 2:
        raise ValueError(f"agent {number} of world {world} must have a body of its own in the grid, got none")
    return arena


def _numbers(name: str, values: np.ndarray, shape: tuple[int | None, ...], high: int) -> np.ndarray:
    """`values` as uint8 of this shape (None: any), each in [0, high]; ValueError names the first that is not."""
    values = np.asarray(values)
    fits = len(values.shape) == len(shape) and all(
        want in (None, got) for want, got in zip(shape, values.shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("any" if side is None else str(side) for side in shape) + ")"
        raise ValueError(f"{name} must have shape {wanted}, got {values.shape}")
    if values.dtype.kind not in "iub":
        raise ValueError(f"{name} must be whole numbers, got {values.dtype}")
    if values.size and (values.min() < 0 or values.max() > high):
        where = tuple(int(i) for i in np.argwhere((values < 0) | (values > high))[0])
        raise ValueError(f"{name}{list(where)} must be in [0, {high}], got {values[where]}")
    return values.astype(np.uint8)


_LAW_LIMITS = {
    Law.STRENGTH: 4096, Law.PULLING: 1, Law.GRAVITY: 4, Law.FALLING: 1, Law.EATING: max(Eating), Law.FOOD_COLOUR: 10,
    Law.FUSING: 1, Law.GROWTH: 4096, Law.SPLITTING: 4096, Law.PROPERTY: max(Property), Law.THRESHOLD: 4096,
    Law.EFFECT: max(Effect), Law.VALUE: 10, Law.KINDNESS: 1,
}  # fmt: skip


def check_laws(laws: np.ndarray, num_worlds: int) -> np.ndarray:
    """Law books (B, NUM_LAWS) int16 from one for each world, or one for all; ValueError names the first nonsense."""
    laws = np.asarray(laws)
    if laws.shape not in ((NUM_LAWS,), (num_worlds, NUM_LAWS)):
        raise ValueError(f"laws must have shape ({num_worlds}, {NUM_LAWS}) or ({NUM_LAWS},), got {laws.shape}")
    if laws.dtype.kind not in "iu":
        raise ValueError(f"laws must be whole numbers, got {laws.dtype}")
    for law, high in _LAW_LIMITS.items():  # alone, then together
        values = laws[..., law]
        if values.size and (values.min() < 0 or values.max() > high):
            wrong = np.ravel(values)[np.ravel((values < 0) | (values > high))][0]
            raise ValueError(f"law {law.name} must be in [0, {high}], got {wrong}")
    for is_wrong, told in (
        (
            (laws[..., Law.EATING] == Eating.FOOD) & (laws[..., Law.FOOD_COLOUR] == 0),
            "food needs a FOOD_COLOUR in [1, 10], got 0",
        ),
        (
            (laws[..., Law.EFFECT] == Effect.COLOUR) & (laws[..., Law.VALUE] == 0),
            "the effect COLOUR needs a VALUE in [1, 10], got 0",
        ),
        (
            (laws[..., Law.PROPERTY] > 0) != (laws[..., Law.EFFECT] > 0),
            "a shape law needs both a PROPERTY and an EFFECT, got only one of them",
        ),
    ):
        if is_wrong.any():
            raise ValueError(told)
    return np.broadcast_to(laws, (num_worlds, NUM_LAWS)).astype(np.int16)


def law_book(**laws: int) -> np.ndarray:
    """A law book (NUM_LAWS,) int16 by names: `law_book(gravity=Act.DOWN, eating=Eating.JOIN)`; the rest is 0."""
    book = [0] * NUM_LAWS
    for name, value in laws.items():
        if name.upper() not in Law.__members__:
            raise ValueError(f"unknown law {name}; there are {', '.join(law.name.lower() for law in Law)}")
        book[Law[name.upper()]] = value
    return check_laws(np.array(book), 1)[0]


def empty_arena(
    num_worlds: int, height_cells: int, width_cells: int, num_bodies: int, num_agents: int, margin_cells: int = 3
) -> Arena:
    """Worlds without anything in them but their edge, and no laws; `num_bodies` does not count the walls."""
    m = margin_cells
    num_cells = (height_cells + 2 * m) * (width_cells + 2 * m)
    of_bodies, of_agents = (num_worlds, num_bodies + 2), (num_worlds, num_agents)
    arena = Arena(
        height_cells,
        width_cells,
        m,
        owner=np.full((num_worlds, num_cells), WALL_BODY, np.uint8),
        look=np.full((num_worlds, num_cells), OUTSIDE, np.uint8),
        next_cell=np.full((num_worlds, num_cells), -1, np.int16),
        first_cell=np.full(of_bodies, -1, np.int16),
        size=np.zeros(of_bodies, np.int16),
        colour=np.zeros(of_bodies, np.uint8),
        flags=np.zeros(of_bodies, np.uint8),
        agent_body=np.zeros(of_agents, np.uint8),
        agent_cell=np.full(of_agents, -1, np.int16),
        laws=np.zeros((num_worlds, NUM_LAWS), np.int16),
        moved=np.zeros(of_bodies, np.uint8),
        eaten_by=np.zeros(of_bodies, np.uint8),
    )
    arena.colour[:, WALL_BODY] = WALL_COLOUR
    arena.flags[:, WALL_BODY] = Body.ANCHORED
    for cells in (arena.owner, arena.look):
        square = cells.reshape(num_worlds, height_cells + 2 * m, arena.stride)
        square[:, m : m + height_cells, m : m + width_cells] = 0
    return arena


# ---- kernels; flags and laws as plain numbers, which compile to constants ----

# for functions that make no arrays: otherwise each call counts references to each array it is given and hands over some
# two hundred words that describe them, which took nine tenths of a tick of one agent
_CALLED: dict[str, Any] = {"cache": True, "_nrt": False, "forceinline": True}

_ANCHORED, _FLOATS, _EATS, _GROWS = (int(flag) for flag in Body)
_STRENGTH, _PULLING, _GRAVITY, _FALLING, _EATING, _FOOD_COLOUR, _FUSING, _GROWTH, _SPLITTING = range(9)
_PROPERTY, _THRESHOLD, _EFFECT, _VALUE, _KINDNESS = range(9, 14)
_WALL = WALL_BODY
_ONE = np.uint64(1)
_NONE = np.uint64(0)


@njit(cache=True, inline="always")
def _bit(body):
    return np.uint64(1) << np.uint64(body)


@njit(cache=True, inline="always")
def _step_of(direction, stride):
    """The change of a cell's number by one step."""
    forwards = 1 - 2 * (direction & 1)
    return forwards * stride if direction < 3 else forwards


@njit(cache=True)
def _link_kernel(
    owner, look, next_cell, first_cell, size, colour, agent_body, agent_cell, height, width, margin, fault
):
    """Cell lists, sizes and looks from `owner`; the first fault as (kind, world, body or agent)."""
    stride = width + 2 * margin
    stack = np.empty(owner.shape[1], np.int64)
    for b in range(len(owner)):
        first_cell[b] = -1
        size[b] = 0
        # from the last cell to the first, so that lists are in reading order
        for row in range(height - 1, -1, -1):
            for col in range(width - 1, -1, -1):
                cell = (row + margin) * stride + col + margin
                body = owner[b, cell]
                look[b, cell] = colour[b, body] if body else 0
                next_cell[b, cell] = -1
                if body > _WALL:
                    next_cell[b, cell] = first_cell[b, body]
                    first_cell[b, body] = cell
                    size[b, body] += 1
        for body in range(2, first_cell.shape[1]):
            if size[b, body] > 0 and _num_reached(owner[b], first_cell[b, body], stride, stack) < size[b, body]:
                fault[0], fault[1], fault[2] = 1, b, body
                return
        for a in range(agent_body.shape[1]):
            body = agent_body[b, a]
            if body == 0:
                continue
            is_taken = body == _WALL or size[b, body] == 0
            for other in range(a):
                is_taken = is_taken or agent_body[b, other] == body
            if is_taken:
                fault[0], fault[1], fault[2] = 2, b, a
                return
            agent_cell[b, a] = first_cell[b, body]


@njit(cache=True)
def _num_reached(owner, start, stride, stack):
    """Cells of the body at `start` that can be reached from there within it; `owner` is left as it was."""
    body = owner[start]
    reached = 0
    stack[0] = start
    owner[start] = 255
    size = 1
    while reached < size:
        cell = stack[reached]
        reached += 1
        for step in (-stride, stride, -1, 1):
            if owner[cell + step] == body:
                owner[cell + step] = 255
                stack[size] = cell + step
                size += 1
    for k in range(size):
        owner[stack[k]] = body
    return size


@njit(**_CALLED)
def _moved_set(b, owner, next_cell, first_cell, flags, agents, actor, step, pulls, members, me):
    """The least set that contains the actor, what it pulls, and all that is in the way; bodies into `members`.

    Returns the number of members and the set as a bit mask; (0, 0) if a wall, an anchored body or an agent is in the
    way.
    """
    if flags[b, actor] & _ANCHORED:
        return 0, _NONE
    members[me, 0] = actor
    count = 1
    mask = _bit(actor)
    if pulls:
        cell = first_cell[b, actor]
        while cell >= 0:
            behind = owner[b, cell - step]
            if behind > _WALL and not (mask | agents) & _bit(behind) and not flags[b, behind] & _ANCHORED:
                mask |= _bit(behind)
                members[me, count] = behind
                count += 1
            cell = next_cell[b, cell]
    done = 0
    while done < count:
        cell = first_cell[b, members[me, done]]
        done += 1
        while cell >= 0:
            other = owner[b, cell + step]
            if other != 0 and not mask & _bit(other):
                if flags[b, other] & _ANCHORED or agents & _bit(other):
                    return 0, _NONE
                mask |= _bit(other)
                members[me, count] = other
                count += 1
            cell = next_cell[b, cell]
    return count, mask


@njit(**_CALLED)
def _claims_overlap(b, owner, next_cell, first_cell, members, me, count, step, other_mask, other_step):
    """Whether two sets without a common body would fill a common cell."""
    for k in range(count):
        cell = first_cell[b, members[me, k]]
        while cell >= 0:
            claimed_from = owner[b, cell + step - other_step]
            if claimed_from > _WALL and other_mask & _bit(claimed_from):
                return True
            cell = next_cell[b, cell]
    return False


@njit(**_CALLED)
def _shift_bodies(b, owner, look, next_cell, first_cell, colour, bodies, steps, count, cells):
    """Lift all these bodies, then put each down one step further."""
    total = 0
    for k in range(count):
        cell = first_cell[b, bodies[k]]
        while cell >= 0:
            cells[total] = cell
            total += 1
            owner[b, cell] = 0
            look[b, cell] = 0
            cell = next_cell[b, cell]
        cells[total] = -1
        total += 1
    at = 0
    for k in range(count):
        body, step = bodies[k], steps[k]
        first_cell[b, body] = cells[at] + step
        while cells[at] >= 0:
            cell = cells[at] + step
            at += 1
            owner[b, cell] = body
            look[b, cell] = colour[b, body]
            next_cell[b, cell] = cells[at] + step if cells[at] >= 0 else -1
        at += 1


@njit(**_CALLED)
def _push_phase(
    b, owner, look, next_cell, first_cell, size, colour, flags, agent_body, agent_cell, laws, acts, moved, stride,
    sets, counts, members, team, weight, load, bodies, steps, cells, claims, steppers, movers,
):  # fmt: skip
    """Agents step, push and pull.

    Acts in one direction whose sets share a body are a team, and move the union of their sets if the cells of it that
    are not agents' are at most the team's strength. Two teams conflict if they share a body or would fill a common
    cell; a team fails if it conflicts with one that weighs as much or more.

    Most acts are steps of one cell to an empty one: these only count how many of them claim a cell, and whoever moves
    more finds them there. `claims` is zero before and after.
    """
    num_agents = agent_body.shape[1]
    agents = _NONE
    for a in range(num_agents):
        if agent_body[b, a]:
            agents |= _bit(agent_body[b, a])
    num_steppers, num_movers = 0, 0
    for a in range(num_agents):
        act, actor = acts[b, a], agent_body[b, a]
        if act == 0 or actor == 0:
            continue
        pulls = act > 4 and laws[b, _PULLING] == 1
        step = _step_of(act - 4 if act > 4 else act, stride)
        steps[a] = step
        if size[b, actor] == 1 and not pulls and owner[b, first_cell[b, actor] + step] == 0:
            if not flags[b, actor] & _ANCHORED:
                cells[num_steppers] = first_cell[b, actor] + step
                claims[cells[num_steppers]] += 1
                steppers[num_steppers] = a
                num_steppers += 1
            continue
        counts[a], sets[a] = _moved_set(b, owner, next_cell, first_cell, flags, agents, actor, step, pulls, members, a)
        if sets[a] != _NONE:
            movers[num_movers] = a
            num_movers += 1
    if num_movers > 0:
        _settle(
            b, owner, next_cell, first_cell, size, agents, laws[b, _STRENGTH], movers, num_movers, sets, counts,
            members, team, weight, load, steps, claims,
        )  # fmt: skip
    for k in range(num_steppers):
        if claims[cells[k]] == 1:
            a = steppers[k]
            body = agent_body[b, a]
            cell = first_cell[b, body]
            owner[b, cell] = 0
            look[b, cell] = 0
            cell = cells[k]
            owner[b, cell] = body
            look[b, cell] = colour[b, body]
            next_cell[b, cell] = -1
            first_cell[b, body] = cell
            agent_cell[b, a] += steps[a]
            moved[b, body] = acts[b, a] - 4 if acts[b, a] > 4 else acts[b, a]
    for k in range(num_steppers):
        claims[cells[k]] = 0
    lifted = _NONE
    count = 0
    for i in range(num_movers):
        a = movers[i]
        if sets[a] == _NONE or load[a] > 0:
            continue
        agent_cell[b, a] += steps[a]
        for k in range(counts[a]):
            body = members[a, k]
            if not lifted & _bit(body):
                lifted |= _bit(body)
                moved[b, body] = acts[b, a] - 4 if acts[b, a] > 4 else acts[b, a]
                bodies[count] = body
                cells[count] = steps[a]
                count += 1
    if count > 0:
        for k in range(count):
            steps[k] = cells[k]
        _shift_bodies(b, owner, look, next_cell, first_cell, colour, bodies, steps, count, cells)


@njit(**_CALLED)
def _settle(
    b, owner, next_cell, first_cell, size, agents, strength, movers, num_movers, sets, counts, members, team, weight,
    load, steps, claims,
):  # fmt: skip
    """Which of the acts that move more than one cell fail: their set is empty then, or their `load` is above 0."""
    for i in range(num_movers):
        team[movers[i]] = movers[i]
    # teams: the label of an act is the smallest number of an act that it is joined to
    changes = True
    while changes:
        changes = False
        for i in range(num_movers):
            a = movers[i]
            for j in range(i):
                o = movers[j]
                if sets[a] & sets[o] and steps[a] == steps[o] and team[a] != team[o]:
                    team[a] = team[o] = min(team[a], team[o])
                    changes = True
    for i in range(num_movers):
        _weigh_team(b, movers[i], movers, num_movers, sets, team, members, counts, size, agents, weight, load)
    if strength > 0:
        for i in range(num_movers):
            pushers = 0
            for j in range(num_movers):
                pushers += team[movers[j]] == team[movers[i]]
            if load[movers[i]] > strength * pushers:
                counts[movers[i]] = -counts[movers[i]]
        for i in range(num_movers):
            if counts[movers[i]] < 0:
                sets[movers[i]] = _NONE
    # conflicts, all on the snapshot: who fails is only marked
    for i in range(num_movers):
        load[movers[i]] = 0
    for i in range(num_movers):
        a = movers[i]
        if sets[a] == _NONE:
            continue
        for k in range(counts[a]):
            cell = first_cell[b, members[a, k]]
            while cell >= 0:
                if claims[cell + steps[a]]:  # by steps, which weigh 1
                    claims[cell + steps[a]] = 255
                    if weight[a] == 1:
                        load[a] = 1
                cell = next_cell[b, cell]
        for j in range(i):
            o = movers[j]
            if sets[o] == _NONE or team[a] == team[o]:
                continue
            if sets[a] & sets[o] != _NONE or _claims_overlap(
                b, owner, next_cell, first_cell, members, a, counts[a], steps[a], sets[o], steps[o]
            ):
                if weight[o] >= weight[a]:
                    load[a] = 1
                if weight[a] >= weight[o]:
                    load[o] = 1
    # a team fails together
    for i in range(num_movers):
        a = movers[i]
        for j in range(num_movers):
            o = movers[j]
            # a 1 is not written over: the others of the team have yet to see it
            if sets[a] != _NONE and sets[o] != _NONE and team[a] == team[o] and load[o] == 1 and load[a] == 0:
                load[a] = 2


@njit(**_CALLED)
def _weigh_team(b, a, movers, num_movers, sets, team, members, counts, size, agents, weight, load):
    """The cells of all bodies of a's team, and of those that are not agents."""
    seen = _NONE
    weight[a] = 0
    load[a] = 0
    for i in range(num_movers):
        o = movers[i]
        if team[o] != team[a]:
            continue
        for k in range(counts[o]):
            body = members[o, k]
            if not seen & _bit(body):
                seen |= _bit(body)
                weight[a] += size[b, body]
                if not agents & _bit(body):
                    load[a] += size[b, body]


@njit(**_CALLED)
def _fall_once(
    b, owner, look, next_cell, first_cell, colour, flags, agent_body, agent_cell, step, below, bodies, steps, cells
):
    """All bodies that nothing holds drop one cell; whether there were any.

    Held is the least set of bodies that are anchored, float, or rest on the edge, a wall or a held body. All others,
    the greatest set of which nobody rests on anything else, fall together.
    """
    num_bodies = first_cell.shape[1]
    held = _bit(_WALL)
    loose = 0
    for body in range(2, num_bodies):
        cell = first_cell[b, body]
        if cell < 0:
            continue
        if flags[b, body] & (_ANCHORED | _FLOATS):
            held |= _bit(body)
            continue
        under = _NONE
        while cell >= 0:
            under |= _bit(owner[b, cell + step])
            cell = next_cell[b, cell]
        below[body] = under & ~_bit(body) & ~_ONE
        bodies[loose] = body
        loose += 1
    changes = True
    while changes:
        changes = False
        still_loose = 0
        for k in range(loose):
            body = bodies[k]
            if below[body] & held:
                held |= _bit(body)
                changes = True
            else:
                bodies[still_loose] = body
                still_loose += 1
        loose = still_loose
    if loose == 0:
        return False
    for k in range(loose):
        steps[k] = step
    _shift_bodies(b, owner, look, next_cell, first_cell, colour, bodies, steps, loose, cells)
    for a in range(agent_body.shape[1]):
        if agent_body[b, a] and not held & _bit(agent_body[b, a]):
            agent_cell[b, a] += step
    return True


@njit(**_CALLED)
def _join(b, owner, look, next_cell, first_cell, size, colour, part, whole):
    """Give all cells of one body to another one."""
    last = first_cell[b, part]
    cell = last
    while cell >= 0:
        owner[b, cell] = whole
        look[b, cell] = colour[b, whole]
        last = cell
        cell = next_cell[b, cell]
    next_cell[b, last] = first_cell[b, whole]
    first_cell[b, whole] = first_cell[b, part]
    size[b, whole] += size[b, part]
    first_cell[b, part] = -1
    size[b, part] = 0


@njit(**_CALLED)
def _eat_phase(
    b, owner, look, next_cell, first_cell, size, colour, flags, agent_body, agent_cell, laws, eaten_by, stride, is_tied
):
    """A body with an appetite eats smaller bodies that it touches, by the law of kindness none of its own colour.

    Each prey goes to the largest of those that could eat it, to nobody if there are two. In a chain A > B > C all on
    the snapshot: B and C die, and where cells join the eater, those of C join A.
    """
    num_bodies = first_cell.shape[1]
    for body in range(2, num_bodies):
        cell = first_cell[b, body]
        while cell >= 0:
            # two of four neighbours are enough: the others find this one
            for step in (stride, 1):
                other = owner[b, cell + step]
                if other <= _WALL or other == body or size[b, other] == size[b, body]:
                    continue
                prey, eater = (body, other) if size[b, body] < size[b, other] else (other, body)
                if not flags[b, eater] & _EATS or flags[b, prey] & _ANCHORED:
                    continue
                # what lies there as food was eaten already
                is_food = laws[b, _EATING] == 3 and colour[b, prey] == laws[b, _FOOD_COLOUR]
                if is_food and not flags[b, prey] & _EATS:
                    continue
                if laws[b, _KINDNESS] == 1 and colour[b, eater] == colour[b, prey]:
                    continue
                if eaten_by[b, prey] == 0 or size[b, eater] > size[b, eaten_by[b, prey]]:
                    eaten_by[b, prey] = eater
                    is_tied[prey] = False
                elif eater != eaten_by[b, prey] and size[b, eater] == size[b, eaten_by[b, prey]]:
                    is_tied[prey] = True
            cell = next_cell[b, cell]
    any_eaten = False
    for prey in range(2, num_bodies):
        if eaten_by[b, prey] and is_tied[prey]:
            eaten_by[b, prey] = 0
        any_eaten = any_eaten or eaten_by[b, prey] > 0
    if not any_eaten:
        return False
    for prey in range(2, num_bodies):
        if eaten_by[b, prey] == 0:
            continue
        for a in range(agent_body.shape[1]):
            if agent_body[b, a] == prey:
                agent_body[b, a] = 0
                agent_cell[b, a] = -1
        if laws[b, _EATING] == 3:
            colour[b, prey] = laws[b, _FOOD_COLOUR]
            flags[b, prey] = flags[b, prey] & ~_EATS
            cell = first_cell[b, prey]
            while cell >= 0:
                look[b, cell] = colour[b, prey]
                cell = next_cell[b, cell]
        elif laws[b, _EATING] == 1:
            cell = first_cell[b, prey]
            while cell >= 0:
                owner[b, cell] = 0
                look[b, cell] = 0
                cell = next_cell[b, cell]
            first_cell[b, prey] = -1
            size[b, prey] = 0
    if laws[b, _EATING] == 2:
        for prey in range(2, num_bodies):
            if eaten_by[b, prey]:
                eater = eaten_by[b, prey]
                while eaten_by[b, eater]:
                    eater = eaten_by[b, eater]
                _join(b, owner, look, next_cell, first_cell, size, colour, prey, eater)
    return True


@njit(**_CALLED)
def _fuse_phase(b, owner, look, next_cell, first_cell, size, colour, flags, agents, stride):
    """Touching bodies of one colour become one, with all that any of them is by nature; agents and walls do not."""
    for body in range(2, first_cell.shape[1]):
        if first_cell[b, body] < 0 or agents & _bit(body):
            continue
        grows = True
        while grows:
            grows = False
            cell = first_cell[b, body]
            while cell >= 0 and not grows:
                for step in (-stride, stride, -1, 1):
                    other = owner[b, cell + step]
                    if (
                        other > _WALL
                        and other != body
                        and colour[b, other] == colour[b, body]
                        and not agents & _bit(other)
                    ):
                        flags[b, body] |= flags[b, other]
                        _join(b, owner, look, next_cell, first_cell, size, colour, other, body)
                        grows = True
                        break
                cell = next_cell[b, cell]


@njit(**_CALLED)
def _growth_phase(b, owner, look, next_cell, first_cell, size, colour, flags, limit, stride, claims, cells):
    """A growing body of fewer than `limit` cells takes every empty cell it touches that no other one would take."""
    total = 0
    for body in range(2, first_cell.shape[1]):
        if first_cell[b, body] < 0 or not flags[b, body] & _GROWS or size[b, body] >= limit:
            continue
        cell = first_cell[b, body]
        while cell >= 0:
            for step in (-stride, stride, -1, 1):
                to = cell + step
                if owner[b, to] == 0:
                    if claims[to] == 0:
                        claims[to] = body
                        cells[total] = to
                        total += 1
                    elif claims[to] != body:
                        claims[to] = 255
            cell = next_cell[b, cell]
    for k in range(total):
        cell, body = cells[k], claims[cells[k]]
        claims[cell] = 0
        if body < 255:
            owner[b, cell] = body
            look[b, cell] = colour[b, body]
            next_cell[b, cell] = first_cell[b, body]
            first_cell[b, body] = cell
            size[b, body] += 1


@njit(**_CALLED)
def _split_phase(b, owner, next_cell, first_cell, size, colour, flags, agents, limit):
    """Bodies of more than `limit` cells fall apart into single cells, all of them or, for want of numbers, none."""
    wanted, free = 0, 0
    for body in range(2, first_cell.shape[1]):
        if first_cell[b, body] < 0:
            free += 0 if agents & _bit(body) else 1
        elif size[b, body] > limit and not agents & _bit(body) and not flags[b, body] & _ANCHORED:
            wanted += size[b, body] - 1
    if wanted == 0 or wanted > free:
        return
    fresh = 2
    is_old = _NONE
    for body in range(2, first_cell.shape[1]):
        if first_cell[b, body] >= 0:
            is_old |= _bit(body)
    for body in range(2, first_cell.shape[1]):
        is_split = is_old & _bit(body) and size[b, body] > limit and not agents & _bit(body)
        if not is_split or flags[b, body] & _ANCHORED:
            continue
        cell = next_cell[b, first_cell[b, body]]
        next_cell[b, first_cell[b, body]] = -1
        size[b, body] = 1
        while cell >= 0:
            while first_cell[b, fresh] >= 0 or agents & _bit(fresh):
                fresh += 1
            owner[b, cell] = fresh
            first_cell[b, fresh] = cell
            size[b, fresh] = 1
            colour[b, fresh] = colour[b, body]
            flags[b, fresh] = flags[b, body]
            following = next_cell[b, cell]
            next_cell[b, cell] = -1
            cell = following


@njit(**_CALLED)
def _property_of(b, owner, next_cell, first_cell, size, body, property_, stride, height, width, margin, cells, claims):
    """How much of a property a body has."""
    if property_ == 1:
        return np.int64(size[b, body])
    top, left, bottom, right = 10**6, 10**6, -1, -1
    cell = first_cell[b, body]
    while cell >= 0:
        row, col = cell // stride, cell % stride
        top, left, bottom, right = min(top, row), min(left, col), max(bottom, row), max(right, col)
        cell = next_cell[b, cell]
    if property_ == 4:
        return np.int64(size[b, body] == (bottom - top + 1) * (right - left + 1))
    if property_ == 5:
        return np.int64(top == margin or left == margin or bottom == margin + height - 1 or right == margin + width - 1)
    if property_ == 3:
        return np.int64(_is_symmetric(b, owner, next_cell, first_cell[b, body], body, top, left, bottom, right, stride))
    return _num_holes(b, owner, body, top, left, bottom, right, stride, cells, claims)


@njit(**_CALLED)
def _is_symmetric(b, owner, next_cell, first, body, top, left, bottom, right, stride):
    """Whether some mirror or turn of its bounding box leaves a body as it is."""
    is_square = bottom - top == right - left
    for symmetry in range(1, 8):
        if symmetry > 3 and not is_square:
            continue
        is_same = True
        cell = first
        while cell >= 0 and is_same:
            row, col = cell // stride - top, cell % stride - left
            height, width = bottom - top, right - left
            if symmetry & 4:
                row, col = col, row
            if symmetry & 1:
                row = height - row
            if symmetry & 2:
                col = width - col
            is_same = owner[b, (row + top) * stride + col + left] == body
            cell = next_cell[b, cell]
        if is_same:
            return True
    return False


@njit(**_CALLED)
def _num_holes(b, owner, body, top, left, bottom, right, stride, cells, is_seen):
    """Regions without the body, 4-connected, that do not reach the outside of its bounding box.

    `is_seen` is zero before and after.
    """
    height, width = bottom - top + 1, right - left + 1
    holes = 0
    for start in range(height * width):
        if is_seen[start] or owner[b, (start // width + top) * stride + start % width + left] == body:
            continue
        is_open = False
        is_seen[start] = 1
        cells[0] = start
        count = 1
        while count > 0:
            count -= 1
            row, col = cells[count] // width, cells[count] % width
            for d_row, d_col in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                to_row, to_col = row + d_row, col + d_col
                if to_row < 0 or to_row >= height or to_col < 0 or to_col >= width:
                    is_open = True
                    continue
                to = to_row * width + to_col
                if not is_seen[to] and owner[b, (to_row + top) * stride + to_col + left] != body:
                    is_seen[to] = 1
                    cells[count] = to
                    count += 1
        holes += 0 if is_open else 1
    is_seen[: height * width] = 0
    return holes


@njit(**_CALLED)
def _shape_phase(
    b, owner, look, next_cell, first_cell, size, colour, flags, agents, laws, stride, height, width, margin, cells,
    claims,
):  # fmt: skip
    """The world's shape law, on every body that is neither an agent nor a wall."""
    for body in range(2, first_cell.shape[1]):
        if first_cell[b, body] < 0 or agents & _bit(body):
            continue
        amount = _property_of(
            b, owner, next_cell, first_cell, size, body, laws[b, _PROPERTY], stride, height, width, margin, cells,
            claims,
        )  # fmt: skip
        holds = amount >= laws[b, _THRESHOLD]
        if laws[b, _EFFECT] == 1:
            if holds and colour[b, body] != laws[b, _VALUE]:
                colour[b, body] = laws[b, _VALUE]
                cell = first_cell[b, body]
                while cell >= 0:
                    look[b, cell] = colour[b, body]
                    cell = next_cell[b, cell]
        else:
            flag = _ANCHORED if laws[b, _EFFECT] == 2 else _FLOATS if laws[b, _EFFECT] == 3 else _EATS
            flags[b, body] = flags[b, body] | flag if holds else flags[b, body] & ~flag


@njit(cache=True)
def scratch(num_agents, num_bodies, num_cells):
    """Room for what the phases of a tick note down, to be handed to `tick_worlds`."""
    return (
        np.empty(num_agents, np.uint64),
        np.empty(num_agents, np.int64),
        np.empty((num_agents, num_bodies), np.uint8),
        np.empty(num_agents, np.int64),
        np.empty(num_agents, np.int64),
        np.empty(num_agents, np.int64),
        np.empty(num_agents, np.int64),
        np.empty(num_agents, np.int64),
        np.empty(num_bodies, np.uint8),
        np.empty(num_bodies, np.uint64),
        np.empty(num_bodies, np.bool_),
        np.empty(max(num_agents, num_bodies), np.int64),
        np.empty(num_cells + num_bodies, np.int64),
        np.zeros(num_cells, np.uint8),
    )


@njit(cache=True, nogil=True)
def _tick_kernel(
    owner, look, next_cell, first_cell, size, colour, flags, agent_body, agent_cell, laws, moved, eaten_by, acts,
    stands_still, height, width, margin, low, high,
):  # fmt: skip
    tick_worlds(
        owner, look, next_cell, first_cell, size, colour, flags, agent_body, agent_cell, laws, moved, eaten_by, acts,
        stands_still, height, width, margin, low, high,
        *scratch(agent_body.shape[1], first_cell.shape[1], owner.shape[1]),
    )  # fmt: skip


@njit(**_CALLED)
def tick_worlds(
    owner, look, next_cell, first_cell, size, colour, flags, agent_body, agent_cell, laws, moved, eaten_by, acts,
    stands_still, height, width, margin, low, high,
    sets, counts, members, team, weight, load, steppers, movers, bodies, below, is_tied, steps, cells, claims,
):  # fmt: skip
    """One tick of the worlds from `low` up to `high`, but for those that stand still."""
    stride = width + 2 * margin
    num_agents, num_bodies = agent_body.shape[1], first_cell.shape[1]
    for b in range(low, high):
        for body in range(num_bodies):
            moved[b, body] = 0
            eaten_by[b, body] = 0
        if stands_still[b]:
            continue
        _push_phase(
            b, owner, look, next_cell, first_cell, size, colour, flags, agent_body, agent_cell,
            laws, acts, moved, stride, sets, counts, members, team, weight, load, bodies, steps, cells,
            claims, steppers, movers,
        )  # fmt: skip
        if laws[b, _GRAVITY]:
            step = _step_of(laws[b, _GRAVITY], stride)
            while (
                _fall_once(
                    b, owner, look, next_cell, first_cell, colour, flags, agent_body, agent_cell,
                    step, below, bodies, steps, cells,
                )
                and laws[b, _FALLING] == 0
            ):  # fmt: skip
                pass
        if laws[b, _EATING]:
            _eat_phase(
                b, owner, look, next_cell, first_cell, size, colour, flags, agent_body,
                agent_cell, laws, eaten_by, stride, is_tied,
            )  # fmt: skip
        if not (laws[b, _FUSING] or laws[b, _GROWTH] or laws[b, _SPLITTING] or laws[b, _EFFECT]):
            continue
        agents = _NONE
        for a in range(num_agents):
            if agent_body[b, a]:
                agents |= _bit(agent_body[b, a])
        if laws[b, _FUSING]:
            _fuse_phase(b, owner, look, next_cell, first_cell, size, colour, flags, agents, stride)
        if laws[b, _GROWTH]:
            _growth_phase(
                b, owner, look, next_cell, first_cell, size, colour, flags, laws[b, _GROWTH], stride,
                claims, cells,
            )  # fmt: skip
        if laws[b, _SPLITTING]:
            _split_phase(b, owner, next_cell, first_cell, size, colour, flags, agents, laws[b, _SPLITTING])
        if laws[b, _EFFECT] and laws[b, _PROPERTY]:
            _shape_phase(
                b, owner, look, next_cell, first_cell, size, colour, flags, agents, laws, stride,
                height, width, margin, cells, claims,
            )  # fmt: skip


def checked_acts(arena: Arena, acts: np.ndarray) -> np.ndarray:
    """The acts (B, A) as int8; ValueError says which is none."""
    acts = np.asarray(acts)
    if acts.shape != arena.agent_body.shape:
        raise ValueError(f"acts must have shape {arena.agent_body.shape}, got {acts.shape}")
    if acts.size and acts.dtype.kind not in "iu":
        raise ValueError(f"acts must be whole numbers, got {acts.dtype}")
    if acts.size and (acts.min() < 0 or acts.max() >= NUM_ACTS):
        b, a = (int(i) for i in np.argwhere((acts < 0) | (acts >= NUM_ACTS))[0])
        raise ValueError(f"acts[{b}, {a}] must be in [0, {NUM_ACTS - 1}], got {acts[b, a]}")
    return np.ascontiguousarray(acts, np.int8)


def tick(arena: Arena, acts: np.ndarray, num_threads: int = 1, *, stands_still: np.ndarray | None = None) -> None:
    """One tick of every world, in place; `acts` (B, A) are Act values. The same bytes for any number of threads.

    Worlds that stand still (B,) bool have no tick: nobody acts there, and nothing falls, eats or grows.
    """
    acts = checked_acts(arena, acts)
    if stands_still is None:
        stands_still = np.zeros(len(arena), bool)
    stands_still = np.asarray(stands_still)
    if stands_still.shape != (len(arena),) or stands_still.dtype != bool:
        raise ValueError(
            f"stands_still must be bool of shape ({len(arena)},), got {stands_still.dtype} of {stands_still.shape}"
        )

    def work(low: int, high: int) -> None:
        _tick_kernel(
            arena.owner, arena.look, arena.next_cell, arena.first_cell, arena.size, arena.colour, arena.flags,
            arena.agent_body, arena.agent_cell, arena.laws, arena.moved, arena.eaten_by, acts, stands_still,
            arena.height_cells, arena.width_cells, arena.margin_cells, low, high,
        )  # fmt: skip

    shared_out(work, len(arena), num_threads)


def shared_out(work, num_worlds: int, num_threads: int) -> None:  # type: ignore[no-untyped-def]
    """Let `work(low, high)` run over all worlds, in as many threads; each has worlds of its own."""
    whole_number("num_threads", num_threads, 1)
    if num_threads == 1:
        work(0, num_worlds)
        return
    bounds = [num_worlds * k // num_threads for k in range(num_threads + 1)]
    with ThreadPoolExecutor(num_threads) as pool:
        list(pool.map(work, bounds[:-1], bounds[1:]))


def _word_copier(typing, to, at, source, start, word):  # type: ignore[no-untyped-def]
    """`to.flat[at:at + n] = source.flat[start:start + n]`, n being the bytes of a `word`, in two instructions."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        pointer = context.get_value_type(signature.args[4]).as_pointer()
        places = [
            builder.bitcast(builder.gep(context.make_array(kind)(context, builder, array).data, [index]), pointer)
            for kind, array, index in zip(signature.args[:3:2], arguments[:3:2], arguments[1:4:2], strict=True)
        ]
        copied = builder.load(places[1])
        copied.align = 1
        builder.store(copied, places[0], align=1)
        return context.get_dummy_value()

    return types.void(to, types.intp, source, types.intp, word), generate


_copy_word: Any = intrinsic(_word_copier)


@njit(**_CALLED)
def _copy_rows(to, at, source, start, side, stride, word, num_bytes):
    """A square of `side` rows, in words of `num_bytes` that overlap where the side is no multiple of it."""
    for _ in range(side):
        _copy_word(to, at, source, start, word)
        for j in range(num_bytes, side - num_bytes, num_bytes):
            _copy_word(to, at + j, source, start + j, word)
        _copy_word(to, at + side - num_bytes, source, start + side - num_bytes, word)
        at += side
        start += stride


@njit(cache=True, nogil=True)
def view_kernel(look, agent_cell, stride, radius, view, low, high):
    """What the agents of the worlds from `low` up to `high` see."""
    side = 2 * radius + 1
    num_agents, num_cells = agent_cell.shape[1], look.shape[1]
    for b in range(low, high):
        for a in range(num_agents):
            cell = agent_cell[b, a]
            if cell < 0:
                view[b, a] = 0
                continue
            start = b * num_cells + cell - radius * stride - radius
            at = (b * num_agents + a) * side * side
            if side >= 8:
                _copy_rows(view, at, look, start, side, stride, np.uint64(0), 8)
            elif side >= 4:
                _copy_rows(view, at, look, start, side, stride, np.uint32(0), 4)
            elif side >= 2:
                _copy_rows(view, at, look, start, side, stride, np.uint16(0), 2)
            else:
                view[b, a, 0, 0] = look[b, cell]


def views(arena: Arena, radius_cells: int, out: np.ndarray | None = None) -> np.ndarray:
    """What each agent sees around itself, (B, A, 2 r + 1, 2 r + 1) uint8 look codes; zeros for who is outside.

    The radius is at most the arena's margin. `out` is filled if given.
    """
    if not 0 <= radius_cells <= arena.margin_cells:
        raise ValueError(f"radius_cells must be in [0, {arena.margin_cells}], the arena's margin, got {radius_cells}")
    side = 2 * radius_cells + 1
    shape = (*arena.agent_body.shape, side, side)
    if out is None:
        out = np.empty(shape, np.uint8)
    elif out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous or not out.flags.writeable:
        # views are copied in words, past numpy
        kind = f"{'' if out.flags.writeable else 'read-only '}{out.dtype} of shape {out.shape}, strides {out.strides}"
        raise ValueError(f"out must be a C-contiguous, writable uint8 array of shape {shape}, got {kind}")
    view_kernel(arena.look, arena.agent_cell, arena.stride, radius_cells, out, 0, len(arena))
    return out
