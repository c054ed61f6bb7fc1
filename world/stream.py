"""A stream of random worlds that are lived in and replaced: tick, begin anew, look, for many worlds in one call."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from world.chance import salt_of, start_state
from world.checks import whole_number
from world.compiling import njit
from world.engine import checked_acts, scratch, tick_worlds, view_kernel
from world.scatter import Scatter, scatter, scatter_numbers, scatter_world

_CHUNK_WORLDS = 64  # that many stay in the processor's cache while all is done to them


@njit(cache=True, nogil=True)
def _step_kernel(
    owner, look, next_cell, first_cell, size, colour, flags, agent_body, agent_cell, laws, moved, eaten_by, acts,
    stands_still, height, width, margin, radius, view, numbers, number_step, steps, num_steps, is_new, salt, num_bodies,
    max_body_cells, num_wall_cells, shares, agent_flags, low, high,
):  # fmt: skip
    room = scratch(agent_body.shape[1], first_cell.shape[1], owner.shape[1])
    order = np.empty(8, np.int64)
    state = np.empty(1, np.uint64)
    for start in range(low, high, _CHUNK_WORLDS):
        end = min(start + _CHUNK_WORLDS, high)
        tick_worlds(
            owner, look, next_cell, first_cell, size, colour, flags, agent_body, agent_cell, laws, moved, eaten_by,
            acts, stands_still, height, width, margin, start, end, *room,
        )  # fmt: skip
        for b in range(start, end):
            steps[b] += 1
            is_new[b] = steps[b] >= num_steps
            if is_new[b]:
                steps[b] = 0
                numbers[b] += number_step
                state[0] = start_state(numbers[b], salt)
                scatter_world(
                    state, owner[b], look[b], next_cell[b], first_cell[b], size[b], colour[b], flags[b], agent_body[b],
                    agent_cell[b], height, width, margin, num_bodies, max_body_cells, num_wall_cells, shares,
                    agent_flags, order,
                )  # fmt: skip
        view_kernel(look, agent_cell, width + 2 * margin, radius, view, start, end)


class Stream:
    """B random worlds that step together; a world that has had its steps is replaced by the next one.

    World b is number b first, then b + B, b + 2 B and so on, whatever the number of threads. After a step `view` (B, A,
    2 r + 1, 2 r + 1) uint8 is what each agent sees, already of the new world where `is_new` (B,), `arena` the worlds,
    and `numbers` (B,) int64 tells which they are. The arrays are the same ones at every step.
    """

    def __init__(
        self,
        num_worlds: int,
        what: Scatter,
        laws: np.ndarray,
        *,
        num_steps: int = 100,
        view_radius_cells: int = 3,
        num_threads: int = 1,
    ) -> None:
        whole_number("num_worlds", num_worlds, 1)
        whole_number("num_steps", num_steps, 1)
        whole_number("num_threads", num_threads, 1)
        whole_number("view_radius_cells", view_radius_cells)
        if not 0 <= view_radius_cells <= what.margin_cells:
            raise ValueError(
                f"view_radius_cells must be in [0, {what.margin_cells}], the margin, got {view_radius_cells}"
            )
        self.what = what
        self.num_steps = num_steps
        self.radius = view_radius_cells
        self.num_threads = num_threads
        self.numbers = np.arange(num_worlds, dtype=np.int64)
        self.arena = scatter(self.numbers, what, laws)
        self.steps = np.zeros(num_worlds, np.int64)
        self.is_new = np.ones(num_worlds, bool)
        self._stands_still = np.zeros(num_worlds, bool)  # none ever does
        side = 2 * view_radius_cells + 1
        self.view = np.zeros((*self.arena.agent_body.shape, side, side), np.uint8)
        view_kernel(self.arena.look, self.arena.agent_cell, self.arena.stride, self.radius, self.view, 0, num_worlds)
        self._pool = ThreadPoolExecutor(num_threads - 1) if num_threads > 1 else None

    def __len__(self) -> int:
        return len(self.arena)

    def step(self, acts: np.ndarray) -> np.ndarray:
        """One step of all worlds with these acts (B, A) of `engine.Act`; returns `view`."""
        acts = checked_acts(self.arena, acts)
        bounds = [len(self) * k // self.num_threads for k in range(self.num_threads + 1)]
        # this thread has its own share: to wake another one costs about as much as a hundred worlds
        waiting = []
        if self._pool is not None:
            waiting = [self._pool.submit(self._step, acts, *part) for part in itertools.pairwise(bounds[1:])]
        self._step(acts, 0, bounds[1])
        for part in waiting:
            part.result()
        return self.view

    def _step(self, acts: np.ndarray, low: int, high: int) -> None:
        a = self.arena
        _step_kernel(
            a.owner, a.look, a.next_cell, a.first_cell, a.size, a.colour, a.flags, a.agent_body, a.agent_cell, a.laws,
            a.moved, a.eaten_by, acts, self._stands_still, a.height_cells, a.width_cells, a.margin_cells, self.radius,
            self.view, self.numbers, len(self), self.steps, self.num_steps, self.is_new, salt_of("scatter"),
            *scatter_numbers(self.what), low, high,
        )  # fmt: skip
