"""The plain search: programs of steps, shortest first, each with a fitted last step, verified on all demonstrations.

A node is what a program makes of every input of a task, demonstrations' and tests'. Programs that make the same of all
of them are one node. A node answers the task if its pictures are as large as the demonstrations' outputs and some rule
of `world.puzzles.fit` turns them into these outputs in every cell. Answers are ranked by the bits that it takes to
write down the programs that give them; equal answers add up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from world.compiling import njit
from world.puzzles.features import MAX_CELLS, NAMES, NUM_FEATURES, NUM_SOURCES, SOURCES, features
from world.puzzles.fit import KEPT, MAX_KINDS, agreements, compress, fit, predict
from world.puzzles.kernels import apply
from world.puzzles.operations import CODES, OPERATIONS
from world.puzzles.tasks import Task

_POOL_BYTES = 1 << 26
_MAX_NODES = 200_000
_TABLE = 1 << 20
STEP_BITS = 7.0
_RULE_BITS_AT_MOST = 250.0
_SHORT_BITS = 45.0  # an answer that takes no more ends the search after its depth


@njit(cache=True)
def _hash(cells, start, number, size, value):
    value = (value ^ np.uint64(size)) * np.uint64(0x9E3779B97F4A7C15)
    for i in range(number):
        value = (value ^ np.uint64(cells[start + i])) * np.uint64(0x100000001B3)
        value ^= value >> np.uint64(29)
    return value


@njit(cache=True)
def _enter(table, value):
    """Whether a hash is new; it is known from now on."""
    mask = np.uint64(table.shape[0] - 1)
    at = (value ^ (value >> np.uint64(32))) & mask
    if value == 0:
        value = np.uint64(1)
    while table[at] != 0:
        if table[at] == value:
            return False
        at = (at + np.uint64(1)) & mask
    table[at] = value
    return True


@njit(cache=True)
def _expand(node, codes, first, pool, used, starts, sizes, counts, table, parents, steps):
    """New children of a node by each of the steps, numbered from `first`; returns how many bytes are used then."""
    num_grids = starts.shape[1]
    out = np.empty(MAX_CELLS, np.uint8)
    for step in range(codes.shape[0]):
        child = counts[0]
        if child >= starts.shape[0] or used + num_grids * MAX_CELLS > pool.shape[0]:
            return used
        at = used
        good = True
        value = np.uint64(0xCBF29CE484222325)
        for g in range(num_grids):
            height, width = sizes[node, g] // 128, sizes[node, g] % 128
            start = starts[node, g]
            size = apply(
                codes[step, 0], codes[step, 1], codes[step, 2], pool[start : start + height * width], height, width, out
            )
            counts[1] += 1
            if size == 0:
                good = False
                break
            number = (size // 128) * (size % 128)
            for i in range(number):
                pool[at + i] = out[i]
            starts[child, g] = at
            sizes[child, g] = size
            value = _hash(pool, at, number, size, value)
            at += number
        if not good or not _enter(table, value):
            continue
        used = at
        parents[child] = node
        steps[child] = first + step
        counts[0] += 1
        counts[2] += 1
    return used


@njit(cache=True)
def _look(pool, starts, sizes, order, num_known, X):
    """All features of a node's pictures, demonstrations' cells in the given order, then the tests'."""
    F = np.empty((NUM_FEATURES, MAX_CELLS), np.uint8)
    offset = 0
    for g in range(starts.shape[0]):
        height, width = sizes[g] // 128, sizes[g] % 128
        n = height * width
        features(pool[starts[g] : starts[g] + n], height, width, F)
        for i in range(n):
            to = order[offset + i] if offset + i < num_known else offset + i
            for f in range(NUM_FEATURES):
                X[f, to] = F[f, i]
        offset += n


@njit(cache=True)
def _useful(X, num_known, ids, kept, kind_counts):
    """Features that tell cells apart, once each, with no value in the tests that the demonstrations lack."""
    number, length = X.shape
    count = 0
    hashes = np.zeros(number, np.uint64)
    row = np.zeros(length, np.uint8)
    for f in range(number):
        kinds = compress(X[f], row)
        if kinds < 2 or kinds > 64:
            continue
        most = 0
        for i in range(num_known):
            most = max(most, row[i])
        good = True
        for i in range(num_known, length):
            if row[i] > most:
                good = False
                break
        if not good:
            continue
        value = np.uint64(1469598103934665603)
        for i in range(length):
            value = (value ^ np.uint64(row[i])) * np.uint64(0x100000001B3)
            value ^= value >> np.uint64(31)
        for k in range(count):
            if hashes[k] == value:
                good = False
                break
        if not good:
            continue
        hashes[count] = value
        for i in range(length):
            ids[count, i] = row[i]
        kept[count] = f
        kind_counts[count] = kinds
        count += 1
    return count


@dataclass(frozen=True)
class Answer:
    """A guess: a grid for each test, and the program that gives it."""

    grids: tuple[np.ndarray, ...]
    bits: float  # of the shortest program that gives it
    program: tuple[str, ...]  # its steps, the fitted last one in words
    weight: float = 0.0  # of all programs that give it, larger is better


@dataclass
class Found:
    """What a search found, best first, and what it took."""

    answers: list[Answer] = field(default_factory=list)
    nodes: int = 0  # different states that programs led to
    applied: int = 0  # steps, a grid each
    seconds: float = 0.0  # of CPU


class Search:
    """The search of one task; see the module's docstring. `solve` is its plain use."""

    def __init__(self, task: Task, max_nodes: int = _MAX_NODES) -> None:
        grids = [*task.inputs, *task.tests]
        self.task, self.num_grids = task, len(grids)
        self.pool = np.zeros(_POOL_BYTES, np.uint8)
        self.starts = np.zeros((max_nodes, self.num_grids), np.int64)
        self.sizes = np.zeros((max_nodes, self.num_grids), np.int64)
        self.parents = np.full(max_nodes, -1, np.int64)
        self.steps = np.full(max_nodes, -1, np.int64)
        self.table = np.zeros(_TABLE, np.uint64)
        self.counts = np.array([1, 0, 0], np.int64)  # nodes, grids made, new nodes
        self.used = 0
        value = np.uint64(0xCBF29CE484222325)
        for g, grid in enumerate(grids):
            n = grid.size
            self.pool[self.used : self.used + n] = grid.ravel()
            self.starts[0, g] = self.used
            self.sizes[0, g] = grid.shape[0] * 128 + grid.shape[1]
            value = np.uint64(_hash(self.pool, self.used, n, int(self.sizes[0, g]), value))
            self.used += n
        _enter(self.table, value)
        self.num_demos = len(task.inputs)
        self.out_sizes = np.array([out.shape[0] * 128 + out.shape[1] for out in task.outputs], np.int64)
        self.truth = np.concatenate([out.ravel() for out in task.outputs])
        self.num_known = len(self.truth)
        self.order = np.random.default_rng(0).permutation(self.num_known)
        self.shuffled = np.empty_like(self.truth)
        self.shuffled[self.order] = self.truth
        self.by_answer: dict[bytes, list[Any]] = {}

    @property
    def num_nodes(self) -> int:
        return int(self.counts[0])

    def fits_in_size(self, nodes: np.ndarray) -> np.ndarray:
        """Which of the nodes have pictures as large as the demonstrations' outputs."""
        return (self.sizes[nodes, : self.num_demos] == self.out_sizes).all(axis=1)

    def expand(self, node: int, codes: np.ndarray = CODES, first: int = 0) -> range:
        """New children of a node by some steps, the first of which has number `first`; the children's numbers."""
        before = self.num_nodes
        self.used = _expand(
            node, codes, first, self.pool, self.used, self.starts, self.sizes, self.counts, self.table,
            self.parents, self.steps,
        )  # fmt: skip
        return range(before, self.num_nodes)

    def program(self, node: int) -> list[int]:
        steps = []
        while node > 0:
            steps.append(int(self.steps[node]))
            node = int(self.parents[node])
        return steps[::-1]

    def cells_of(self, node: int) -> np.ndarray:
        """All cells of a node's pictures, demonstrations first, in their order."""
        parts = [
            self.pool[start : start + (size // 128) * (size % 128)]
            for start, size in zip(self.starts[node], self.sizes[node], strict=True)
        ]
        return np.concatenate(parts)

    def is_exact(self, node: int) -> bool:
        """Whether the node's pictures are the outputs."""
        at = int(self.starts[node, 0])
        return bool(np.array_equal(self.pool[at : at + self.num_known], self.truth))

    def add(self, node: int, cells: np.ndarray, bits: float, rule: str) -> None:
        """Note an answer: the tests' cells, what its program weighs, and its last step in words."""
        sizes = self.sizes[node, self.num_demos :]
        key = cells.tobytes() + sizes.tobytes()
        told = [bits, node, rule, 0.0, cells.copy(), sizes.copy()]
        known = self.by_answer.setdefault(key, told)
        if bits < known[0]:
            known[0], known[1], known[2] = bits, node, rule
        known[3] += 2.0**-bits

    def try_fit(self, node: int, deepest: int, extra: list[int] | None = None) -> int:
        """Fit last steps on a node whose pictures have the right size; how many rules were tried."""
        program_bits = STEP_BITS * len(self.program(node))
        lengths = (self.sizes[node] // 128) * (self.sizes[node] % 128)
        length = int(lengths.sum())
        more = extra or []
        X = np.empty((NUM_FEATURES + len(more), length), np.uint8)
        _look(self.pool, self.starts[node], self.sizes[node], self.order, self.num_known, X)
        for k, other in enumerate(more):
            cells = self.cells_of(other)
            X[NUM_FEATURES + k, self.order] = cells[: self.num_known]
            X[NUM_FEATURES + k, self.num_known :] = cells[self.num_known :]
        sources = np.concatenate([X[:NUM_SOURCES], X[NUM_FEATURES:]])
        names = [*SOURCES, *(self.told(other) for other in more)]
        all_names = [*NAMES, *(self.told(other) for other in more)]
        feature_bits = np.concatenate([_FEATURE_BITS, np.full(len(more), 7.0)])
        source_bits = np.concatenate([_SOURCE_BITS, np.full(len(more), 6.0)])
        return self.fit_rows(node, X, sources, all_names, names, feature_bits, source_bits, deepest, program_bits)

    def fit_rows(self, node, X, sources, names, source_names, feature_bits, source_bits, deepest, program_bits) -> int:
        length = X.shape[1]
        ids = np.empty_like(X)
        kept = np.zeros(len(X), np.int64)
        kinds = np.zeros(len(X), np.int64)
        count = _useful(X, self.num_known, ids, kept, kinds)
        ids, kept, kinds = ids[:count], kept[:count], kinds[:count]
        masks = np.zeros(self.num_known, np.uint64)
        agreements(np.ascontiguousarray(sources[:, : self.num_known]), self.shuffled, masks)
        found = np.full((KEPT, 3), -1, np.int64)
        bits = np.full(KEPT, np.inf)
        number, tried = fit(
            ids, kinds, feature_bits[kept], masks, self.num_known, source_bits, _RULE_BITS_AT_MOST, min(deepest, count),
            found, bits,
        )  # fmt: skip
        cells = np.empty(length, np.uint8)
        of_kinds, chosen = np.zeros(MAX_KINDS, np.int64), np.zeros(MAX_KINDS, np.int64)
        for k in range(number):
            predict(ids, kinds, found[k], masks, self.num_known, source_bits, sources, cells, of_kinds, chosen)
            if (cells[self.num_known :] > 9).any():
                continue
            rule = " and ".join(names[kept[f]] for f in found[k] if f >= 0)
            self.add(node, cells[self.num_known :], float(bits[k]) + program_bits, rule)
        return tried

    def try_stack(self, nodes: list[int], deepest: int) -> None:
        """Fit last steps over several nodes' pictures at once: each tells cells apart and can be copied from."""
        if len(nodes) < 2:
            return
        nodes = nodes[:54]
        X = np.empty((len(nodes), int(((self.sizes[nodes[0]] // 128) * (self.sizes[nodes[0]] % 128)).sum())), np.uint8)
        for k, node in enumerate(nodes):
            cells = self.cells_of(node)
            X[k, self.order] = cells[: self.num_known]
            X[k, self.num_known :] = cells[self.num_known :]
        names = [self.told(node) for node in nodes]
        bits = np.array([2.0 + STEP_BITS * len(self.program(node)) for node in nodes])
        self.fit_rows(nodes[0], X, X, names, names, bits, np.concatenate([np.full(10, 3.5), bits]), deepest, 0.0)

    def is_answered(self) -> bool:
        """Whether some answer is so short that longer programs need not be looked at."""
        return any(told[0] <= _SHORT_BITS for told in self.by_answer.values())

    def told(self, node: int) -> str:
        steps = [OPERATIONS[step].name for step in self.program(node)]
        return ", then ".join(steps) if steps else "the input"

    def answers(self, most: int = 3) -> list[Answer]:
        ranked = sorted(self.by_answer.values(), key=lambda told: (-told[3], told[0]))
        made = []
        for bits, node, rule, weight, cells, sizes in ranked[:most]:
            grids, at = [], 0
            for size in sizes:
                high, wide = int(size) // 128, int(size) % 128
                grids.append(cells[at : at + high * wide].reshape(high, wide))
                at += high * wide
            steps = [OPERATIONS[step].name for step in self.program(node)]
            made.append(Answer(tuple(grids), bits, (*steps, rule), weight))
        return made


_FEATURE_BITS = np.full(NUM_FEATURES, 7.0)
_FEATURE_BITS[0] = 2.0
_SOURCE_BITS = np.full(10 + NUM_SOURCES, 6.0)
_SOURCE_BITS[:10] = 3.5
_SOURCE_BITS[10] = 1.0


def solve(task: Task, seconds: float = 2.0, max_depth: int = 2, enough: int = 3) -> Found:
    """Search a task until there are answers of the shortest kind, or the CPU seconds are over."""
    started = time.process_time()
    search = Search(task)

    def is_late() -> bool:
        return time.process_time() - started > seconds

    if search.fits_in_size(np.array([0]))[0]:
        search.try_fit(0, 3)
    same = search.fits_in_size(np.array([0]))[0]
    level = [0]
    for depth in range(1, max_depth + 1):
        if is_late():
            break
        fresh: list[int] = []
        for node in level:
            fresh.extend(search.expand(node))
            if is_late():
                break
        nodes = np.array(fresh, np.int64)
        if not len(nodes):
            break
        right = nodes[search.fits_in_size(nodes)]
        for node in right:
            if search.is_exact(node):
                search.add(node, search.cells_of(node)[search.num_known :], STEP_BITS * depth, "as it is")
        if depth == 1:
            groups: dict[tuple[int, ...], list[int]] = {}
            for node in ([0] if same else []) + list(right):
                groups.setdefault(tuple(search.sizes[node, search.num_demos :]), []).append(int(node))
            for group in groups.values():
                search.try_stack(group, 3)
        for node in right:
            if is_late():
                break
            search.try_fit(
                node, 2 if depth == 1 else 1, [0] if same and (search.sizes[node] == search.sizes[0]).all() else None
            )
        if search.is_answered():
            break
        level = fresh
    found = Found(search.answers(enough), search.num_nodes, int(search.counts[1]), time.process_time() - started)
    return found
