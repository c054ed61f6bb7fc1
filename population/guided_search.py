"""The search of `world.puzzles.search`, in the order that a puzzle mind proposes.

Each program costs what the mind is surprised by its steps, in nats, and by the picture that they led to; the cheapest
is lengthened first (best-first search). A part of the probability is spread evenly, so that every step comes at some
time.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

import numpy as np

from population.puzzle_mind import MAX_LEFT, PuzzleMind
from world.puzzles.compare import NUM_SUMMARY, summary, summary_of
from world.puzzles.features import SIDE
from world.puzzles.generator import MAX_STEPS
from world.puzzles.operations import CODES, OPERATIONS, apply_program
from world.puzzles.search import Answer, Found, Search
from world.puzzles.tasks import Task

_EVENLY = 0.1  # of the probability of steps


@dataclass
class _Open:
    """A node with its steps in the order of the mind."""

    node: int
    depth: int
    cost: float  # of the program, in nats
    costs: np.ndarray  # of each step, cheapest first
    steps: np.ndarray
    next: int = 0


class GuidedSearch(Search):
    """A search with a mind; see the module's docstring. `solve_guided` is its plain use."""

    def __init__(self, task: Task, mind: PuzzleMind) -> None:
        super().__init__(task)
        self.mind = mind
        sizes = self.out_sizes
        self.out_starts = np.cumsum([0, *((sizes // SIDE) * (sizes % SIDE))[:-1]]).astype(np.int64)

    def opened(self, node: int, depth: int, cost: float) -> tuple[_Open, float]:
        """What the mind makes of a node: its steps in order, and its surprise that the node is on the way."""
        made = np.empty((1, NUM_SUMMARY), np.float32)
        demos = self.num_demos
        summary(
            self.pool, self.starts[node, :demos], self.sizes[node, :demos], self.truth, self.out_starts, self.out_sizes,
            demos, made[0],
        )  # fmt: skip
        steps, left = self.mind.think(made)
        costs, order = _in_order(steps[0])
        off = -np.log(max(1e-6, 1.0 - float(np.exp(left[0, MAX_LEFT - 1]))))
        return _Open(node, depth, cost, costs, order), off if depth else 0.0

    def run(self, seconds: float, max_depth: int, max_nodes: int, num_first: int) -> Found:
        """Until a program gives every output exactly, or the CPU seconds or nodes are over.

        Where there is none among the `num_first` nodes that the mind proposes, all programs of one step are tried with
        a fitted last step, as in the plain search; a short answer of theirs ends it, and otherwise it goes on.
        """
        started = time.process_time()

        def is_late() -> bool:
            return time.process_time() - started > seconds

        opened, _ = self.opened(0, 0, 0.0)
        queue: list[tuple[float, int, _Open]] = [(float(opened.costs[0]), 0, opened)]
        offs = {0: 0.0}  # surprise that a node is on the way
        entry = 0  # earlier ones first, among equals
        is_found = is_judged = False
        while queue and not is_found and self.num_nodes < max_nodes and not is_late():
            if not is_judged and self.num_nodes > num_first:
                is_judged = True
                if self.are_right_in_size([0])[0]:
                    self.try_fit(0, deepest=3)
                self.expand(0)
                self.judge([node for node in range(1, self.num_nodes) if self.parents[node] == 0], 1, is_late)
                if self.is_answered:
                    break
            _, _, current = heapq.heappop(queue)
            step = int(current.steps[current.next])
            cost = current.cost + float(current.costs[current.next])
            current.next += 1
            if current.next < len(current.steps):
                entry += 1
                key = current.cost + float(current.costs[current.next]) + offs[current.node]
                heapq.heappush(queue, (key, entry, current))
            for child in self._made(current.node, step):
                depth = current.depth + 1
                if self.are_right_in_size([child])[0] and self.add_exact(child):
                    is_found = True
                    break
                if depth < max_depth:
                    opened, offs[child] = self.opened(child, depth, cost)
                    entry += 1
                    heapq.heappush(queue, (cost + offs[child] + float(opened.costs[0]), entry, opened))
        return Found(self.answers(), self.num_nodes, int(self.counts[1]), time.process_time() - started)

    def _made(self, node: int, step: int) -> list[int]:
        """The new node that a step leads to, if there is one; also one that was made when all were tried."""
        children = list(self.expand(node, CODES[step : step + 1], step))
        if not children and node == 0:
            children = np.flatnonzero(
                (self.parents[: self.num_nodes] == 0) & (self.steps[: self.num_nodes] == step)
            ).tolist()
        return children


class HintedSearch(GuidedSearch):
    """A search that hears a hint once, or silence, and sees nothing: its order is the same whatever pictures come."""

    def __init__(self, task: Task, mind: PuzzleMind, hint: np.ndarray | None) -> None:
        super().__init__(task, mind)
        self.in_order = [_in_order(steps) for steps in mind.steps_hinted_at(hint)]

    def opened(self, node: int, depth: int, cost: float) -> tuple[_Open, float]:
        return _Open(node, depth, cost, *self.in_order[depth]), 0.0


def _in_order(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Costs of steps in nats, by their log-probabilities (number of operations,), cheapest first, and their numbers."""
    costs = -np.log((1 - _EVENLY) * np.exp(steps) + _EVENLY / len(CODES))
    order = np.argsort(costs, kind="stable")
    return costs[order], order


def solve_hinted(
    task: Task,
    mind: PuzzleMind,
    hinted: Task | None,
    seconds: float = 2.0,
    max_nodes: int = 100_000,
    num_first: int = 150,
) -> Found:
    """Search a task as someone who hears what the mind says about the task `hinted`, once; None: who hears nothing.

    It is to be the task itself, or another one to see what a wrong hint costs.
    """
    hint = None if hinted is None else mind.hint(summary_of(hinted.inputs, hinted.outputs))
    return HintedSearch(task, mind, hint).run(seconds, MAX_STEPS, max_nodes, num_first)


def solve_guided(
    task: Task,
    mind: PuzzleMind,
    seconds: float = 2.0,
    max_depth: int = 4,
    max_nodes: int = 100_000,
    num_first: int = 150,
) -> Found:
    """Search a task in the order of a mind; see `GuidedSearch.run`."""
    return GuidedSearch(task, mind).run(seconds, max_depth, max_nodes, num_first)


def guess(task: Task, mind: PuzzleMind, num_guesses: int = 3, width: int = 32, depth: int = MAX_STEPS) -> Found:
    """The mind alone: its likeliest programs are applied to the tests, and to nothing else; none is verified."""
    started = time.process_time()
    found = Found()
    seen: set[bytes] = set()
    for score, steps in mind.dream(summary_of(task.inputs, task.outputs), width, depth):
        grids = apply_program(steps, task.tests)
        found.applied += len(task.tests) * len(steps)
        if grids is None:
            continue
        key = b"".join(bytes(grid.shape) + grid.tobytes() for grid in grids)
        if key in seen:
            continue
        seen.add(key)
        found.answers.append(_answer(grids, score, steps))
        if len(found.answers) == num_guesses:
            break
    found.seconds = time.process_time() - started
    return found


def solve_imagined(
    task: Task, mind: PuzzleMind, seconds: float = 2.0, width: int = 256, depth: int = MAX_STEPS
) -> Found:
    """Search inside the mind's own model: programs are thought through there, the likeliest verified at the end."""
    started = time.process_time()
    found = Found()
    for score, steps in mind.dream(summary_of(task.inputs, task.outputs), width, depth):
        if time.process_time() - started > seconds:
            break
        found.nodes += 1
        found.applied += len(steps)
        grids = apply_program(steps, task.tests) if _is_verified(steps, task) else None
        if grids is not None:
            found.answers.append(_answer(grids, score, steps))
            break
    found.seconds = time.process_time() - started
    return found


def _is_verified(steps: tuple[int, ...], task: Task) -> bool:
    """Whether a program gives every demonstration's output; it is given up at the first that it does not."""
    for before, after in zip(task.inputs, task.outputs, strict=True):
        made = apply_program(steps, [before])
        if made is None or not np.array_equal(made[0], after):
            return False
    return True


def _answer(grids: list[np.ndarray], score: float, steps: tuple[int, ...]) -> Answer:
    return Answer(tuple(grids), -score / float(np.log(2)), tuple(OPERATIONS[step].name for step in steps))
