"""The plain search: programs of steps, shortest first, each with a fitted last step, verified on all demonstrations.

A node is what a program makes of every input of a task, demonstrations' and tests'. Programs that make the same of all
of them are one node. A node answers the task if its pictures are as large as the demonstrations' outputs and some rule
of `world.puzzles.fit` turns them into these outputs in every cell. Answers are ranked by the bits that it takes to
write down the programs that give them; equal answers add up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from world.codes import COLOUR_NAMES
from world.compiling import njit
from world.puzzles.features import MAX_CELLS, NAMES, NONE, NUM_FEATURES, NUM_SOURCES, SIDE, SOURCES, features
from world.puzzles.fit import KEPT, MAX_KINDS, MAX_SOURCES, agreements, compress, fit, predict
from world.puzzles.kernels import apply
from world.puzzles.operations import CODES, OPERATIONS
from world.puzzles.tasks import Task

_POOL_BYTES = 1 << 26
_MAX_NODES = 200_000
_TABLE = 1 << 20
STEP_BITS = 7.0  # of a program
_HASH = 0xCBF29CE484222325
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
        value = np.uint64(_HASH)
        for g in range(num_grids):
            height, width = sizes[node, g] // SIDE, sizes[node, g] % SIDE
            start = starts[node, g]
            size = apply(
                codes[step, 0], codes[step, 1], codes[step, 2], pool[start : start + height * width], height, width, out
            )
            counts[1] += 1
            if size == 0:
                good = False
                break
            number = (size // SIDE) * (size % SIDE)
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
    return used


@njit(cache=True)
def _look(pool, starts, sizes, order, num_known, X):
    """All features of a node's pictures, demonstrations' cells in the given order, then the tests'."""
    F = np.empty((NUM_FEATURES, MAX_CELLS), np.uint8)
    offset = 0
    for g in range(starts.shape[0]):
        height, width = sizes[g] // SIDE, sizes[g] % SIDE
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

    def rank_of(self, task: Task) -> int | None:
        """Which of the answers is right in every cell of every test, counted from 0; None if none is."""
        return next((k for k, answer in enumerate(self.answers) if task.is_solved_by(answer.grids)), None)


@dataclass
class _Guess:
    """What is known of one answer while the search goes on."""

    cells: np.ndarray  # of all tests
    sizes: np.ndarray
    bits: float
    steps: tuple[str, ...]
    rule: Callable[[], str]  # the last step in words, made when it is asked for
    weight: float = 0.0


@dataclass(frozen=True)
class _Material:
    """What a last step may be made of: rows of cells (F, L), demonstrations' in the search's order, then the tests'."""

    features: np.ndarray
    names: Sequence[str]
    feature_bits: np.ndarray
    sources: np.ndarray
    source_names: Sequence[str]
    source_bits: np.ndarray  # those of the ten colours first


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
        self.counts = np.array([1, 0], np.int64)  # nodes, and grids that steps were applied to
        self.used = 0  # bytes of the pool
        value = np.uint64(_HASH)
        for g, grid in enumerate(grids):
            n = grid.size
            self.pool[self.used : self.used + n] = grid.ravel()
            self.starts[0, g] = self.used
            self.sizes[0, g] = _size_of(grid)
            value = np.uint64(_hash(self.pool, self.used, n, int(self.sizes[0, g]), value))
            self.used += n
        _enter(self.table, value)
        self.num_demos = len(task.inputs)
        self.out_sizes = np.array([_size_of(out) for out in task.outputs], np.int64)
        self.truth = np.concatenate([out.ravel() for out in task.outputs])
        self.num_known = len(self.truth)
        # in a mixed order two cells that no rule tells apart are met soon
        self.order = np.random.default_rng(0).permutation(self.num_known)
        self.shuffled = np.empty_like(self.truth)
        self.shuffled[self.order] = self.truth
        self.guesses: dict[bytes, _Guess] = {}

    @property
    def num_nodes(self) -> int:
        return int(self.counts[0])

    @property
    def is_answered(self) -> bool:
        """Whether some answer is so short that longer programs need not be looked at."""
        return any(guess.bits <= _SHORT_BITS for guess in self.guesses.values())

    def are_right_in_size(self, nodes: Sequence[int] | np.ndarray) -> np.ndarray:
        """Which of the nodes have pictures as large as the demonstrations' outputs."""
        return (self.sizes[np.asarray(nodes, np.int64), : self.num_demos] == self.out_sizes).all(axis=1)

    def expand(self, node: int, codes: np.ndarray = CODES, first: int = 0) -> range:
        """New children of a node by some steps, the first of which has number `first`; the children's numbers."""
        before = self.num_nodes
        self.used = _expand(
            node, codes, first, self.pool, self.used, self.starts, self.sizes, self.counts, self.table,
            self.parents, self.steps,
        )  # fmt: skip
        return range(before, self.num_nodes)

    def program(self, node: int) -> tuple[str, ...]:
        """The steps that led to a node."""
        names: list[str] = []
        while node > 0:
            names.append(OPERATIONS[self.steps[node]].name)
            node = int(self.parents[node])
        return tuple(names[::-1])

    def told(self, node: int) -> str:
        """A node's picture in words."""
        return ", then ".join(self.program(node)) or "the input"

    def cells_of(self, node: int) -> np.ndarray:
        """All cells of a node's pictures, demonstrations first, in reading order."""
        start, end = self.starts[node, 0], self.starts[node, -1]
        last = int(self.sizes[node, -1])
        return self.pool[start : end + (last // SIDE) * (last % SIDE)]

    def is_exact(self, node: int) -> bool:
        """Whether the node's pictures are the outputs; only to be asked of one that is right in size."""
        return bool(np.array_equal(self.cells_of(node)[: self.num_known], self.truth))

    def add(
        self, node: int, cells: np.ndarray, bits: float, rule: Callable[[], str], steps: tuple[str, ...] | None = None
    ) -> None:
        """Note an answer: the tests' cells, what its program weighs, its last step in words, and its other steps."""
        sizes = self.sizes[node, self.num_demos :]
        guess = self.guesses.setdefault(
            cells.tobytes() + sizes.tobytes(), _Guess(cells.copy(), sizes.copy(), np.inf, (), rule)
        )
        if bits < guess.bits:
            guess.bits, guess.rule = bits, rule
            guess.steps = self.program(node) if steps is None else steps
        guess.weight += 2.0**-bits

    def add_exact(self, node: int) -> bool:
        """Note a node that is right in size if its pictures are the outputs; whether they are."""
        if not self.is_exact(node):
            return False
        self.add(node, self.cells_of(node)[self.num_known :], STEP_BITS * len(self.program(node)), lambda: "")
        return True

    def try_fit(self, node: int, deepest: int, beside: Sequence[int] = ()) -> None:
        """Fit last steps that tell apart by up to `deepest` features on a node that is right in size.

        Pictures of the nodes `beside` it, of the same sizes, can be told apart by and copied from too.
        """
        length = len(self.cells_of(node))
        rows = np.empty((NUM_FEATURES + len(beside), length), np.uint8)
        _look(self.pool, self.starts[node], self.sizes[node], self.order, self.num_known, rows)
        for k, other in enumerate(beside):
            self._lay(other, rows[NUM_FEATURES + k])
        more = [self.told(other) for other in beside]
        material = _Material(
            rows,
            [*NAMES, *more],
            np.concatenate([_FEATURE_BITS, np.full(len(beside), 7.0)]),
            np.concatenate([rows[:NUM_SOURCES], rows[NUM_FEATURES:]]),
            [*SOURCES, *more],
            np.concatenate([_SOURCE_BITS, np.full(len(beside), 6.0)]),
        )
        steps = self.program(node)
        self._fit(node, material, deepest, STEP_BITS * len(steps), steps)

    def try_stack(self, nodes: Sequence[int], deepest: int) -> None:
        """Fit last steps over several nodes' pictures at once: each tells cells apart and can be copied from."""
        nodes = nodes[:MAX_SOURCES]
        if len(nodes) < 2:
            return
        rows = np.empty((len(nodes), len(self.cells_of(nodes[0]))), np.uint8)
        for k, node in enumerate(nodes):
            self._lay(node, rows[k])
        names = [self.told(node) for node in nodes]
        bits = np.array([2.0 + STEP_BITS * len(self.program(node)) for node in nodes])
        material = _Material(rows, names, bits, rows, names, np.concatenate([np.full(10, _COLOUR_BITS), bits]))
        self._fit(nodes[0], material, deepest, 0.0, ())

    def judge(self, nodes: Sequence[int], depth: int, is_late: Callable[[], bool]) -> None:
        """Note what nodes of one depth answer: as they are, laid over each other (of depth 1), and fitted singly."""
        right = [node for node, is_right in zip(nodes, self.are_right_in_size(nodes), strict=True) if is_right]
        same = bool(self.are_right_in_size([0])[0])
        for node in right:
            self.add_exact(node)
        if depth == 1:
            groups: dict[bytes, list[int]] = {}  # by the sizes that they give the tests
            for node in ([0] if same else []) + right:
                groups.setdefault(self.sizes[node].tobytes(), []).append(node)
            for group in groups.values():
                self.try_stack(group, deepest=3)
        for node in right:
            if is_late():
                break
            beside = [0] if same and np.array_equal(self.sizes[node], self.sizes[0]) else []
            self.try_fit(node, 2 if depth == 1 else 1, beside)

    def answers(self, most: int = 3) -> list[Answer]:
        """The best answers, by the weight of all programs that give them."""
        ranked = sorted(self.guesses.values(), key=lambda guess: (-guess.weight, guess.bits))
        made = []
        for guess in ranked[:most]:
            grids, at = [], 0
            for size in guess.sizes:
                high, wide = int(size) // SIDE, int(size) % SIDE
                grids.append(guess.cells[at : at + high * wide].reshape(high, wide))
                at += high * wide
            rule = guess.rule()
            made.append(Answer(tuple(grids), guess.bits, (*guess.steps, *([rule] if rule else [])), guess.weight))
        return made

    def _lay(self, node: int, row: np.ndarray) -> None:
        """A node's cells in the order of the search."""
        cells = self.cells_of(node)
        row[self.order] = cells[: self.num_known]
        row[self.num_known :] = cells[self.num_known :]

    def _fit(self, node: int, of: _Material, deepest: int, program_bits: float, steps: tuple[str, ...]) -> None:
        known, length = self.num_known, of.features.shape[1]
        ids = np.empty_like(of.features)
        kept, sizes = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
        count = _useful(of.features, known, ids, kept, sizes)
        ids, kept, sizes = ids[:count], kept[:count], sizes[:count]
        masks = np.zeros(known, np.uint64)
        agreements(np.ascontiguousarray(of.sources[:, :known]), self.shuffled, masks)
        rules, bits = np.full((KEPT, 3), -1, np.int64), np.full(KEPT, np.inf)
        number, _ = fit(
            ids, sizes, of.feature_bits[kept], masks, known, of.source_bits, _RULE_BITS_AT_MOST, min(deepest, count),
            rules, bits,
        )  # fmt: skip
        cells = np.empty(length, np.uint8)
        kinds, chosen = np.zeros(MAX_KINDS, np.int64), np.zeros(MAX_KINDS, np.int64)
        for rule, weight in zip(rules[:number], bits[:number], strict=True):
            num = predict(ids, sizes, rule, masks, known, of.source_bits, of.sources, cells, kinds, chosen)
            if (cells[known:] > 9).any():  # where a source has nothing
                continue
            features = [f for f in rule if f >= 0]
            table = [
                (_parts(int(kind), [int(sizes[f]) for f in features]), int(source))
                for kind, source in zip(kinds[:num], chosen[:num], strict=True)
            ]
            words = partial(_rule_words, of, ids, kept, features, table)
            self.add(node, cells[known:], float(weight) + program_bits, words, steps)


def _size_of(grid: np.ndarray) -> int:
    return grid.shape[0] * SIDE + grid.shape[1]


def _parts(kind: int, sizes: list[int]) -> tuple[int, ...]:
    """The values by which a kind of cells is told apart."""
    parts = []
    for size in sizes[::-1]:
        parts.append(kind % size)
        kind //= size
    return tuple(parts[::-1])


def _rule_words(
    of: _Material, ids: np.ndarray, kept: np.ndarray, features: list[int], table: list[tuple[tuple[int, ...], int]]
) -> str:
    """A rule as a sentence: kinds of cells by source, what is most often so last, as everything else."""

    def source_words(source: int) -> str:
        name = COLOUR_NAMES[source] if source < 10 else of.source_names[source - 10]
        return "as it is" if name == SOURCES[0] else name

    def value_words(feature: int, value: int) -> str:
        row = of.features[kept[feature]]
        seen = int(row[np.flatnonzero(ids[feature] == value)[0]])
        name = of.names[kept[feature]]
        is_colour = kept[feature] < len(of.source_names) and seen < 10
        told = "none" if seen == NONE else (COLOUR_NAMES[seen] if is_colour else str(seen))
        return f"{name} is {told}"

    by_source: dict[int, list[str]] = {}
    for values, source in table:
        condition = " and ".join(value_words(f, value) for f, value in zip(features, values, strict=True))
        by_source.setdefault(source, []).append(condition)
    *others, (last, _) = sorted(by_source.items(), key=lambda item: len(item[1]))
    told = []
    for source, conditions in others:
        more = f", or {len(conditions) - 4} more" if len(conditions) > 4 else ""
        told.append(f"{source_words(source)} where {', or '.join(conditions[:4])}{more}")
    return "each cell: " + "; ".join([*told, ("otherwise " if told else "") + source_words(last)])


_FEATURE_BITS = np.full(NUM_FEATURES, 7.0)
_FEATURE_BITS[0] = 2.0
_COLOUR_BITS = 3.5
_SOURCE_BITS = np.full(10 + NUM_SOURCES, 6.0)
_SOURCE_BITS[:10] = _COLOUR_BITS
_SOURCE_BITS[10] = 1.0  # as it was


def solve(task: Task, seconds: float = 2.0, max_depth: int = 3) -> Found:
    """Search a task breadth-first until there is a short answer, or the CPU seconds are over; at most three answers."""
    started = time.process_time()
    search = Search(task)

    def is_late() -> bool:
        return time.process_time() - started > seconds

    if search.are_right_in_size([0])[0]:
        search.try_fit(0, deepest=3)
    level: Sequence[int] = [0]
    for depth in range(1, max_depth + 1):
        fresh: list[int] = []
        for node in level:
            if is_late():
                break
            fresh.extend(search.expand(node))
        if not fresh:
            break
        search.judge(fresh, depth, is_late)
        if search.is_answered:
            break
        level = fresh
    return Found(search.answers(), search.num_nodes, int(search.counts[1]), time.process_time() - started)
