"""Tasks by the million: programs of one to three steps, and demonstrations that pin them down.

A task begins with a program, drawn evenly over families of steps and then within them, and with worlds of a kind that
its first step has something to do with. Demonstrations are chosen greedily so that rival programs die: parameter
neighbours of each step, programs with a step left out, and others drawn at random. A task is kept if no rival that
agrees with all demonstrations disagrees on a test. What is kept out of training is decided by hashes: families of
steps, pairs of families in a row, sizes of worlds, and numbers of tasks. Task number n of a split is the same on every
machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from world.chance import below, start_states
from world.compiling import njit
from world.puzzles.features import MAX_CELLS, SIDE
from world.puzzles.kernels import apply
from world.puzzles.operations import CODES, OPERATIONS
from world.puzzles.tasks import Task
from world.splits import COMPOSITIONS, FAMILIES, PARAMETERS, SPLITS, TRAIN, part, rank

BOOK_VERSION = 1  # of steps and worlds: raised when any number gets another puzzle, so that seeds never change meaning
MAX_STEPS = 3
MAX_PAIRS = 8  # five demonstrations and three tests
_WORLDS = 12
_RIVALS = 240
_TRIES = 400
HELD_OUT_FAMILIES = {"dynamics": 1, "objects": 2, "grid": 1}  # how many of each layer
HELD_OUT_COMPOSITIONS = 1 / 3  # of the pairs of families, in each order
_MIN_SIDE, _MAX_SIDE = 5, 16
_LARGE_MIN, _LARGE_MAX = 17, 22

# kinds of worlds, by what a family has something to do with
_STREWN, _DOTS, _RINGS, _PANELS, _SYMMETRIC, _PERIODIC, _DENSE, _BLOCKS, _BARS, _HALVES, _PATCHES, _TOUCHING = range(12)
_KINDS: dict[str, tuple[int, ...]] = {
    "turn": (_STREWN, _DENSE, _RINGS), "tile": (_DENSE,), "mirror": (_DENSE,), "scale": (_DENSE,),
    "shrink": (_BLOCKS,), "drop lines": (_BLOCKS, _DOTS), "part": (_HALVES, _PANELS, _DENSE),
    "crop": (_STREWN, _PATCHES, _RINGS), "crop an object": (_STREWN, _PATCHES, _RINGS),
    "keep": (_STREWN, _RINGS), "delete": (_STREWN, _RINGS), "panel": (_PANELS,), "panels to cells": (_PANELS,),
    "pour": (_DOTS, _STREWN), "fall": (_STREWN, _RINGS), "slide": (_STREWN, _DOTS), "shift": (_STREWN, _DENSE),
    "join": (_DOTS,), "rays": (_DOTS,), "fill": (_RINGS,), "outline": (_STREWN, _DOTS), "fractal": (_DENSE,),
    "swap": (_STREWN, _DENSE), "only": (_STREWN, _DENSE), "sort": (_BARS,), "count": (_STREWN, _DOTS),
    "rim": (_DENSE, _STREWN), "complete": (_SYMMETRIC, _PERIODIC),
    "repeat": (_PERIODIC, _BLOCKS),
    "eat": (_TOUCHING,), "turn objects": (_STREWN, _PATCHES),
}  # fmt: skip


@njit(cache=True)
def _colour(state, palette, number):
    return palette[below(state, number)]


@njit(cache=True)
def _blob(state, shape, side):
    """A connected shape in a square of that side, as cells that are set."""
    high, wide = 1 + below(state, side), 1 + below(state, side)
    kind = below(state, 3)
    for i in range(side * side):
        shape[i] = 0
    for r in range(high):
        for c in range(wide):
            inside = kind == 0 or r == 0 or c == 0 or below(state, 3) > 0
            shape[r * side + c] = 1 if inside else 0
    return high, wide


@njit(cache=True)
def make_world(state, kind, height, width, palette, number, grid):
    """Fill a grid with a random world of that kind, in colours of the palette's first `number`."""
    n = height * width
    for i in range(n):
        grid[i] = 0
    shape = np.zeros(36, np.int64)
    if kind in (0, 10, 11):  # objects that do not touch; patches have several colours; touching ones come in pairs
        for _ in range(2 + below(state, 6)):
            high, wide = _blob(state, shape, 4)
            colour = _colour(state, palette, number)
            gap = 0 if kind == 11 else 1
            for _try in range(8):
                if high > height or wide > width:
                    break
                top, left = below(state, height - high + 1), below(state, width - wide + 1)
                free = True
                for r in range(max(0, top - gap), min(height, top + high + gap)):
                    for c in range(max(0, left - gap), min(width, left + wide + gap)):
                        if grid[r * width + c]:
                            free = False
                if free:
                    for r in range(high):
                        for c in range(wide):
                            if shape[r * 4 + c]:
                                own = kind == 10 and below(state, 3) == 0
                                grid[(top + r) * width + left + c] = _colour(state, palette, number) if own else colour
                    break
    elif kind == 1:
        for _ in range(2 + below(state, 2 + n // 12)):
            grid[below(state, n)] = _colour(state, palette, number)
    elif kind == 2:  # boxes with something left out inside
        for _ in range(1 + below(state, 4)):
            high, wide = 3 + below(state, 4), 3 + below(state, 4)
            colour = _colour(state, palette, number)
            if high > height or wide > width:
                continue
            top, left = below(state, height - high + 1), below(state, width - wide + 1)
            for r in range(high):
                for c in range(wide):
                    rim = r in (0, high - 1) or c in (0, wide - 1)
                    grid[(top + r) * width + left + c] = colour if rim else 0
        for _ in range(below(state, 4)):
            grid[below(state, n)] = _colour(state, palette, number)
    elif kind == 3:  # panels between lines
        separator = palette[0]
        down, across = 1 + below(state, 3), 1 + below(state, 3)
        side_r, side_c = (height - down + 1) // down, (width - across + 1) // across
        for r in range(height):
            for c in range(width):
                line = (down > 1 and r % (side_r + 1) == side_r) or (across > 1 and c % (side_c + 1) == side_c)
                if line:
                    grid[r * width + c] = separator
                elif number > 1 and below(state, 3) == 0:
                    grid[r * width + c] = palette[1 + below(state, number - 1)]
    elif kind in (4, 5):
        p, q = 2 + below(state, 3), 2 + below(state, 3)
        tile = np.zeros(25, np.int64)
        for k in range(25):
            tile[k] = _colour(state, palette, number)
        for r in range(height):
            for c in range(width):
                if kind == 5:
                    grid[r * width + c] = tile[(r % p) * 5 + c % q]
                else:
                    y, x = min(r, height - 1 - r), min(c, width - 1 - c)
                    grid[r * width + c] = palette[(y * y * 3 + x * x * 5 + y * x + tile[0]) % number]
        if below(state, 2):
            high, wide = 2 + below(state, 2), 2 + below(state, 2)
            if high < height and wide < width:
                top, left = below(state, height - high), below(state, width - wide)
                for r in range(high):
                    for c in range(wide):
                        grid[(top + r) * width + left + c] = 0
    elif kind == 6:
        share = 2 + below(state, 3)
        for i in range(n):
            grid[i] = _colour(state, palette, number) if below(state, 4) < share - 1 else 0
    elif kind == 7:  # blocks and repeated lines
        factor = 2 + below(state, 2)
        for r in range(height):
            for c in range(width):
                if r % factor == 0 and c % factor == 0:
                    v = _colour(state, palette, number) if below(state, 3) else 0
                    for y in range(r, min(r + factor, height)):
                        for x in range(c, min(c + factor, width)):
                            grid[y * width + x] = v
    elif kind == 8:  # bars that stand on the lower edge
        for c in range(width):
            if below(state, 3) == 0:
                continue
            colour = _colour(state, palette, number)
            for r in range(height - below(state, height), height):
                grid[r * width + c] = colour
    elif kind == 9:  # two halves of two colours, with a line between them
        across = below(state, 2)
        middle = (width if across else height) // 2
        for r in range(height):
            for c in range(width):
                at = c if across else r
                if at == middle and (width if across else height) % 2:
                    grid[r * width + c] = palette[0]
                elif below(state, 2):
                    grid[r * width + c] = palette[min(number - 1, 1 if at < middle else 2)]


@njit(cache=True)
def _equal(first, first_size, second, second_size):
    if first_size != second_size:
        return False
    for i in range((first_size // SIDE) * (first_size % SIDE)):  # noqa: SIM110 - compiled
        if first[i] != second[i]:
            return False
    return True


@njit(cache=True, inline="always")  # on its own it would compile every kernel once more
def _run(codes, program, steps, skip, other, other_step, grid, size, out, spare):
    """What a program makes of a grid, without step `skip`, or with step `other` done as `other_step`; its size or 0."""
    n = (size // SIDE) * (size % SIDE)
    for i in range(n):
        out[i] = grid[i]
    for k in range(steps):
        if k == skip:
            continue
        step = other_step if k == other else program[k]
        n = (size // SIDE) * (size % SIDE)
        for i in range(n):
            spare[i] = out[i]
        size = apply(codes[step, 0], codes[step, 1], codes[step, 2], spare[:n], size // SIDE, size % SIDE, out)
        if size == 0:
            return 0
    return size


@njit(cache=True)
def _make(
    state, codes, firsts, lasts, allowed, is_new_family, is_new_pair, wants_new_family, wants_new_pair, kinds,
    num_kinds, colours, low, high, before, after, sizes_before, sizes_after, program, told, reasons,
):  # fmt: skip
    """One task; how many steps it has, 0 if the tries are over. `told`: demonstrations, tests, rivals, survivors."""
    worlds = np.zeros((_WORLDS, MAX_CELLS), np.uint8)
    results = np.zeros((_WORLDS, MAX_CELLS), np.uint8)
    sizes = np.zeros(_WORLDS, np.int64)
    result_sizes = np.zeros(_WORLDS, np.int64)
    out = np.zeros(MAX_CELLS, np.uint8)
    spare = np.zeros(MAX_CELLS, np.uint8)
    families = np.zeros(MAX_STEPS, np.int64)
    palette = np.zeros(9, np.int64)
    rival_at = np.zeros(_RIVALS + 8, np.int64)
    rival_step = np.zeros(_RIVALS + 8, np.int64)
    alive = np.zeros(_RIVALS + 8, np.bool_)
    dies = np.zeros((_RIVALS + 8, _WORLDS), np.bool_)
    for _ in range(_TRIES):
        reasons[0] += 1
        # ---- a program
        draw = below(state, 20)
        steps = 1 if draw < 5 else (2 if draw < 14 else 3)
        if wants_new_pair:
            steps = max(steps, 2)
        new_family, new_pair = False, False
        for k in range(steps):
            families[k] = allowed[below(state, allowed.shape[0])]
            program[k] = firsts[families[k]] + below(state, lasts[families[k]] - firsts[families[k]])
            new_family |= is_new_family[families[k]]
            if k:
                new_pair |= is_new_pair[families[k - 1], families[k]]
        if new_family != wants_new_family or (new_pair != wants_new_pair and not wants_new_family):
            reasons[1] += 1
            continue
        # ---- worlds on which each step does something
        family = families[0]
        kind = kinds[family, below(state, num_kinds[family])]
        number = 2 + below(state, 4)
        for k in range(9):
            palette[k] = k + 1
        for k in range(8, 0, -1):
            j = below(state, k + 1)
            palette[k], palette[j] = palette[j], palette[k]
        for k in range(steps):
            if colours[program[k]]:
                seen = False
                for j in range(number):
                    seen |= palette[j] == colours[program[k]]
                if not seen:
                    palette[below(state, number)] = colours[program[k]]
        limit = high
        if kind == 6:
            limit = min(high, low + 3) if low < 10 else high
        grows = codes[program[0], 0] in (1, 2, 20, 25)
        worlds_made, tries = 0, 0
        wanted = _WORLDS - below(state, 3)
        same_side = below(state, 2)
        height, width = low + below(state, limit - low + 1), low + below(state, limit - low + 1)
        while worlds_made < wanted and tries < 20:
            tries += 1
            if tries == 6 and worlds_made == 0:
                break
            if not same_side or tries == 1:
                height, width = low + below(state, limit - low + 1), low + below(state, limit - low + 1)
                if grows and low < 10:
                    height, width = 2 + below(state, 3), 2 + below(state, 3)
                    if below(state, 3) > 0:
                        width = height
            grid = worlds[worlds_made]
            make_world(state, kind, height, width, palette, number, grid)
            size = height * SIDE + width
            last_size = size
            for i in range(height * width):
                out[i] = grid[i]
            good = True
            for k in range(steps):
                n = (last_size // SIDE) * (last_size % SIDE)
                for i in range(n):
                    spare[i] = out[i]
                step = program[k]
                made = apply(
                    codes[step, 0], codes[step, 1], codes[step, 2], spare[:n], last_size // SIDE, last_size % SIDE, out
                )
                if made == 0 or _equal(out, made, spare, last_size):
                    good = False
                    break
                last_size = made
            if not good:
                continue
            n = (last_size // SIDE) * (last_size % SIDE)
            blank = True
            for i in range(n):
                results[worlds_made, i] = out[i]
                blank &= out[i] == 0
            if blank or _equal(results[worlds_made], last_size, grid, size):
                continue
            twice = False
            for w in range(worlds_made):
                twice |= _equal(worlds[w], sizes[w], grid, size)
            if twice:
                continue
            sizes[worlds_made] = size
            result_sizes[worlds_made] = last_size
            worlds_made += 1
        if worlds_made < 5:
            reasons[2] += 1
            continue
        num_tests = 1
        draw = below(state, 10)
        if draw >= 7 and worlds_made >= 6:
            num_tests = 2 if draw < 9 or worlds_made < 8 else 3
        # the last worlds are the tests; their answers are nobody else's, and outputs differ among themselves
        first_test = worlds_made - num_tests
        same = True
        for w in range(1, first_test):
            same &= _equal(results[w], result_sizes[w], results[0], result_sizes[0])
        if same:
            reasons[3] += 1
            continue
        told_by_other = False
        for t in range(first_test, worlds_made):
            for w in range(t):
                told_by_other |= _equal(results[w], result_sizes[w], results[t], result_sizes[t])
        if told_by_other:
            reasons[3] += 1
            continue
        # ---- rivals
        num_rivals = 0
        for k in range(steps):
            if steps > 1:
                rival_at[num_rivals], rival_step[num_rivals] = k, -1
                num_rivals += 1
        share = _RIVALS // (2 * steps)
        for k in range(steps):
            first, last = firsts[families[k]], lasts[families[k]]
            count = last - first
            if count - 1 <= share:
                for step in range(first, last):
                    if step != program[k]:
                        rival_at[num_rivals], rival_step[num_rivals] = k, step
                        num_rivals += 1
            else:
                for _r in range(share):
                    step = first + below(state, count)
                    if step != program[k]:
                        rival_at[num_rivals], rival_step[num_rivals] = k, step
                        num_rivals += 1
        while num_rivals < _RIVALS:
            k = below(state, steps)
            step = below(state, codes.shape[0])
            if step != program[k]:
                rival_at[num_rivals], rival_step[num_rivals] = k, step
                num_rivals += 1
        shorter = False
        alive_count = 0
        for r in range(num_rivals):
            skip = rival_at[r] if rival_step[r] < 0 else -1
            other = rival_at[r] if rival_step[r] >= 0 else -1
            size = _run(codes, program, steps, skip, other, rival_step[r], worlds[0], sizes[0], out, spare)
            alive[r] = size > 0 and _equal(out, size, results[0], result_sizes[0])
            alive_count += 1 if alive[r] else 0
        harmful = 0
        for r in range(num_rivals):
            if not alive[r]:
                continue
            skip = rival_at[r] if rival_step[r] < 0 else -1
            other = rival_at[r] if rival_step[r] >= 0 else -1
            agrees = True
            for t in range(first_test, worlds_made):
                size = _run(codes, program, steps, skip, other, rival_step[r], worlds[t], sizes[t], out, spare)
                agrees &= size > 0 and _equal(out, size, results[t], result_sizes[t])
            if agrees:
                if skip >= 0:
                    # a step that does nothing here: the task is a shorter one
                    everywhere = True
                    for w in range(1, first_test):
                        size = _run(codes, program, steps, skip, other, rival_step[r], worlds[w], sizes[w], out, spare)
                        everywhere &= size > 0 and _equal(out, size, results[w], result_sizes[w])
                    shorter |= everywhere
                alive[r] = False
                continue
            harmful += 1
            for w in range(1, first_test):
                size = _run(codes, program, steps, skip, other, rival_step[r], worlds[w], sizes[w], out, spare)
                dies[r, w] = not (size > 0 and _equal(out, size, results[w], result_sizes[w]))
        if shorter:
            reasons[4] += 1
            continue
        # ---- demonstrations: the first, then those that kill most
        used = np.zeros(_WORLDS, np.bool_)
        used[0] = True
        chosen = 1
        order = np.zeros(MAX_PAIRS, np.int64)
        wanted_demos = 2 + below(state, 3)
        while chosen < 5 and (harmful > 0 or chosen < wanted_demos):
            best, best_kills = -1, -1
            for w in range(1, first_test):
                if used[w]:
                    continue
                kills = 0
                for r in range(num_rivals):
                    kills += 1 if alive[r] and dies[r, w] else 0
                if kills > best_kills:
                    best, best_kills = w, kills
            if best < 0:
                break
            used[best] = True
            order[chosen] = best
            chosen += 1
            for r in range(num_rivals):
                if alive[r] and dies[r, best]:
                    alive[r] = False
                    harmful -= 1
        if harmful > 0 or chosen < 2:
            reasons[5] += 1
            continue
        same = True
        for d in range(1, chosen):
            same &= _equal(results[order[d]], result_sizes[order[d]], results[order[0]], result_sizes[order[0]])
        if same:
            reasons[3] += 1
            continue
        for d in range(chosen + num_tests):
            w = order[d] if d < chosen else first_test + d - chosen
            sizes_before[d], sizes_after[d] = sizes[w], result_sizes[w]
            for i in range(MAX_CELLS):
                before[d, i], after[d, i] = worlds[w, i], results[w, i]
        told[0], told[1], told[2], told[3] = chosen, num_tests, num_rivals, alive_count
        return steps
    return 0


REASONS = ("tried", "not of the split", "does nothing", "trivial", "shorter", "ambiguous")


@dataclass(frozen=True, eq=False)
class Puzzle:
    """A task that was made, and what is known of it."""

    task: Task
    program: tuple[str, ...]  # names of its steps
    families: tuple[str, ...]
    nodes: int  # programs that a search, shortest first, comes to before this one
    changed: float  # share of cells that differ, over demonstrations; 1 where the size does
    rivals: int  # programs that it was held against
    survivors: int  # of these, after the first demonstration

    @property
    def depth(self) -> int:
        return len(self.program)

    def row(self) -> dict[str, object]:
        """As a row of a table."""
        return {
            "name": self.task.name, "depth": self.depth, "nodes": self.nodes, "changed": self.changed,
            "program": ", then ".join(self.program), "families": ", then ".join(self.families), "rivals": self.rivals,
            "survivors": self.survivors, "demonstrations": len(self.task.inputs), "tests": len(self.task.tests),
        }  # fmt: skip


FAMILY_NAMES = tuple(dict.fromkeys(operation.family for operation in OPERATIONS))
_LAYERS = {operation.family: operation.layer for operation in OPERATIONS}


@cache
def held_out_families() -> tuple[str, ...]:
    """Families of steps that training never shows."""
    out: list[str] = []
    for layer, count in HELD_OUT_FAMILIES.items():
        names = [name for name in FAMILY_NAMES if _LAYERS[name] == layer]
        out += part(names, count, "puzzles", "families", layer)[1]
    return tuple(out)


@cache
def held_out_pairs() -> frozenset[tuple[str, str]]:
    """Pairs of families that training never shows in a row, in that order."""
    names = [name for name in FAMILY_NAMES if name not in held_out_families()]
    pairs = [(first, second) for first in names for second in names]
    return frozenset(pair for pair in pairs if rank("puzzles", "pairs", *pair) < HELD_OUT_COMPOSITIONS)


def _colour_of(operation: tuple[int, int, int]) -> int:
    kernel, a, b = operation
    return a if kernel in (6, 22) else (b % 10 if kernel == 13 else 0)


@cache
def _tables() -> tuple[np.ndarray, ...]:
    order = [
        OPERATIONS.index(operation) for name in FAMILY_NAMES for operation in OPERATIONS if operation.family == name
    ]
    codes = np.ascontiguousarray(CODES[order])
    lengths = [sum(operation.family == name for operation in OPERATIONS) for name in FAMILY_NAMES]
    lasts = np.cumsum(lengths)
    is_new_family = np.array([name in held_out_families() for name in FAMILY_NAMES])
    is_new_pair = np.array([[(one, two) in held_out_pairs() for two in FAMILY_NAMES] for one in FAMILY_NAMES])
    kinds = np.zeros((len(FAMILY_NAMES), 4), np.int64)
    for k, name in enumerate(FAMILY_NAMES):
        kinds[k, : len(_KINDS[name])] = _KINDS[name]
    num_kinds = np.array([len(_KINDS[name]) for name in FAMILY_NAMES])
    colours = np.array([_colour_of(tuple(code)) for code in codes])
    return np.array(order), codes, lasts - lengths, lasts, is_new_family, is_new_pair, kinds, num_kinds, colours


def puzzles(numbers: Iterable[int], split: str = TRAIN, counted: np.ndarray | None = None) -> Iterator[Puzzle]:
    """Puzzle number n of a split, for each n; `counted` (6,) int64 adds up tries and refusals, see `REASONS`.

    ValueError for a split that there is not. A number of which nothing comes within some hundred tries is left out.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    order, codes, firsts, lasts, is_new_family, is_new_pair, kinds, num_kinds, colours = _tables()
    allowed = np.flatnonzero(~is_new_family) if split != FAMILIES else np.arange(len(FAMILY_NAMES))
    low, high = (_LARGE_MIN, _LARGE_MAX) if split == PARAMETERS else (_MIN_SIDE, _MAX_SIDE)
    before = np.zeros((MAX_PAIRS, MAX_CELLS), np.uint8)
    after = np.zeros((MAX_PAIRS, MAX_CELLS), np.uint8)
    sizes_before, sizes_after = np.zeros(MAX_PAIRS, np.int64), np.zeros(MAX_PAIRS, np.int64)
    program, told = np.zeros(MAX_STEPS, np.int64), np.zeros(4, np.int64)
    reasons = np.zeros(len(REASONS), np.int64) if counted is None else counted
    for number in numbers:
        state = start_states(np.array([number]), "puzzles", split)
        steps = _make(
            state, codes, firsts, lasts, allowed, is_new_family, is_new_pair, split == FAMILIES, split == COMPOSITIONS,
            kinds, num_kinds, colours, low, high, before, after, sizes_before, sizes_after, program, told, reasons,
        )  # fmt: skip
        if not steps:
            continue
        demos, tests = int(told[0]), int(told[1])
        ins = [_grid(before[k], sizes_before[k]) for k in range(demos + tests)]
        outs = [_grid(after[k], sizes_after[k]) for k in range(demos + tests)]
        done = [int(order[program[k]]) for k in range(steps)]
        nodes = 0
        for step in done:
            nodes = nodes * len(OPERATIONS) + step + 1
        yield Puzzle(
            Task(f"{split}-{number}", tuple(ins[:demos]), tuple(outs[:demos]), tuple(ins[demos:]), tuple(outs[demos:])),
            tuple(OPERATIONS[step].name for step in done),
            tuple(OPERATIONS[step].family for step in done),
            nodes,
            float(np.mean([_changed(one, two) for one, two in zip(ins[:demos], outs[:demos], strict=True)])),
            int(told[2]),
            int(told[3]),
        )


def _grid(cells: np.ndarray, size: int) -> np.ndarray:
    high, wide = int(size) // SIDE, int(size) % SIDE
    return cells[: high * wide].reshape(high, wide).copy()


def _changed(before: np.ndarray, after: np.ndarray) -> float:
    return float((before != after).mean()) if before.shape == after.shape else 1.0
