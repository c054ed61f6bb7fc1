"""The steps of programs, as kernels: what can be made of a whole grid at once.

A step takes a grid and gives a grid, or does not apply. Grids are flat, see `world.puzzles.features`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from world.compiling import njit
from world.puzzles.features import (
    MAX_CELLS,
    MAX_SIDE,
    SIDE,
    STEPS_C,
    STEPS_R,
    box_of,
    complete_period,
    complete_symmetry,
    find_panels,
    label,
    measure,
    num_holes,
    rarest_to_hide,
    shape_hash,
)


@njit(cache=True)
def _size(height, width):
    if height < 1 or width < 1 or height > MAX_SIDE or width > MAX_SIDE or height * width > MAX_CELLS:
        return 0
    return height * SIDE + width


@njit(cache=True)
def _window(grid, width, top, left, high, wide, out):
    for r in range(high):
        for c in range(wide):
            out[r * wide + c] = grid[(top + r) * width + left + c]
    return _size(high, wide)


@njit(cache=True)
def _turn(grid, height, width, s, out):
    """1 half round, 2 mirrored left to right, 3 top to bottom, 4 transposed, 5 clockwise, 6 counter, 7 other way."""
    high, wide = (height, width) if s < 4 else (width, height)
    for r in range(high):
        for c in range(wide):
            if s == 0:
                y, x = r, c
            elif s == 1:
                y, x = height - 1 - r, width - 1 - c
            elif s == 2:
                y, x = r, width - 1 - c
            elif s == 3:
                y, x = height - 1 - r, c
            elif s == 4:
                y, x = c, r
            elif s == 5:
                y, x = height - 1 - c, r
            elif s == 6:
                y, x = c, width - 1 - r
            else:
                y, x = height - 1 - c, width - 1 - r
            out[r * wide + c] = grid[y * width + x]
    return _size(high, wide)


# tilings: what each place of a small board of copies shows; symmetries as in `_turn`
BOARDS = np.array(
    [
        # down, across, then symmetries row by row (up to 9)
        [1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0], [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0], [3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [1, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0], [1, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0],
        [2, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0], [2, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0],
        [2, 2, 0, 2, 3, 1, 0, 0, 0, 0, 0], [2, 2, 2, 0, 1, 3, 0, 0, 0, 0, 0],
        [2, 2, 3, 1, 0, 2, 0, 0, 0, 0, 0], [2, 2, 1, 3, 2, 0, 0, 0, 0, 0, 0],
        [2, 2, 0, 6, 5, 1, 0, 0, 0, 0, 0], [2, 2, 0, 5, 6, 1, 0, 0, 0, 0, 0], [2, 2, 0, 5, 1, 6, 0, 0, 0, 0, 0],
        [2, 2, 0, 6, 1, 5, 0, 0, 0, 0, 0], [3, 3, 1, 3, 1, 2, 0, 2, 1, 3, 1], [3, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0],
        [1, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0], [3, 3, 0, 2, 0, 3, 1, 3, 0, 2, 0], [3, 3, 0, 0, 0, 2, 2, 2, 0, 0, 0],
        [4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0], [2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ],
    np.int64,
)  # fmt: skip


@njit(cache=True)
def _tile(grid, height, width, board, out):
    down, across = BOARDS[board, 0], BOARDS[board, 1]
    size = _size(height * down, width * across)
    if size == 0:
        return 0
    piece = np.empty(MAX_CELLS, np.uint8)
    for a in range(down):
        for b in range(across):
            s = BOARDS[board, 2 + (a * across + b) % 9]
            if s >= 4 and height != width:
                return 0
            _turn(grid, height, width, s, piece)
            for r in range(height):
                for c in range(width):
                    out[(a * height + r) * width * across + b * width + c] = piece[r * width + c]
    return size


@njit(cache=True)
def _scale(grid, height, width, down, across, out):
    size = _size(height * down, width * across)
    if size == 0 or down * across < 2:
        return 0
    wide = width * across
    for r in range(height * down):
        for c in range(wide):
            out[r * wide + c] = grid[(r // down) * width + c // across]
    return size


@njit(cache=True)
def _shrink(grid, height, width, out):
    """By the largest whole factors by which every block is of one colour."""
    best_f, best_g = 1, 1
    for f in range(1, height + 1):
        if height % f:
            continue
        good = True
        for r in range(height):
            if r % f:
                for c in range(width):
                    if grid[r * width + c] != grid[(r - 1) * width + c]:
                        good = False
                        break
            if not good:
                break
        if good:
            best_f = f
    for f in range(1, width + 1):
        if width % f:
            continue
        good = True
        for c in range(width):
            if c % f:
                for r in range(height):
                    if grid[r * width + c] != grid[r * width + c - 1]:
                        good = False
                        break
            if not good:
                break
        if good:
            best_g = f
    if best_f * best_g == 1:
        return 0
    high, wide = height // best_f, width // best_g
    for r in range(high):
        for c in range(wide):
            out[r * wide + c] = grid[r * best_f * width + c * best_g]
    return _size(high, wide)


@njit(cache=True)
def _without_lines(grid, height, width, how, out):
    """0: without rows and columns that repeat the one before; 1: without empty ones; 2: without those of one colour."""
    rows = np.zeros(MAX_SIDE, np.int64)
    cols = np.zeros(MAX_SIDE, np.int64)
    high, wide = 0, 0
    for r in range(height):
        drop = True
        for c in range(width):
            v = grid[r * width + c]
            if how == 0 and (r == 0 or v != grid[(r - 1) * width + c]):
                drop = False
            if (how == 1 and v) or (how == 2 and v != grid[r * width]):
                drop = False
        if not drop:
            rows[high] = r
            high += 1
    for c in range(width):
        drop = True
        for r in range(height):
            v = grid[r * width + c]
            if how == 0 and (c == 0 or v != grid[r * width + c - 1]):
                drop = False
            if (how == 1 and v) or (how == 2 and v != grid[c]):
                drop = False
        if not drop:
            cols[wide] = c
            wide += 1
    if high * wide == 0 or (high == height and wide == width):
        return 0
    for r in range(high):
        for c in range(wide):
            out[r * wide + c] = grid[rows[r] * width + cols[c]]
    return _size(high, wide)


@njit(cache=True)
def _part(grid, height, width, across, number, which, out):
    """One of `number` equal parts side by side, with or without a separator of one line between them."""
    length = width if across else height
    if length % number == 0:
        side, gap = length // number, 0
    elif (length - number + 1) % number == 0 and length > number:
        side, gap = (length - number + 1) // number, 1
    else:
        return 0
    at = which * (side + gap)
    if across:
        return _window(grid, width, 0, at, height, side, out)
    return _window(grid, width, at, 0, side, width, out)


@njit(cache=True)
def _box_of_colour(grid, height, width, colour, how, out):
    """The box of the cells of a colour (0: of all that are coloured); how 1: without its rim, 2: only that colour."""
    top, left, bottom, right = box_of(grid, height, width, colour)
    if bottom < 0:
        return 0
    if how == 1:
        top, left, bottom, right = top + 1, left + 1, bottom - 1, right - 1
        if bottom < top or right < left:
            return 0
    high, wide = bottom - top + 1, right - left + 1
    size = _window(grid, width, top, left, high, wide, out)
    if how == 2:
        for i in range(high * wide):
            if out[i] != colour:
                out[i] = 0
    return size


@njit(cache=True)
def commonest(grid, n, how):
    """0: the commonest colour besides empty, 1: the rarest, 2: the commonest with empty."""
    counts = np.zeros(10, np.int64)
    for i in range(n):
        counts[grid[i]] += 1
    best = -1
    for v in range(0 if how == 2 else 1, 10):
        if counts[v] and (best < 0 or (counts[v] > counts[best] if how != 1 else counts[v] < counts[best])):
            best = v
    return max(best, 0)


@njit(cache=True)
def _select(grid, height, width, way, selector, labels, stack, table):
    """The one object that a selector names, or 0 if there is none or a tie."""
    count = label(grid, height, width, way > 0, way < 2, 0, labels, stack)
    if count < 1:
        return 0
    measure(grid, height, width, labels, count, table)
    if selector == 21:
        return 1 if count == 1 else 0
    if count < 2:
        return 0
    best, ties = 0, 0
    best_value = np.int64(-(1 << 60))
    seen = np.zeros(1200, np.int32)
    for o in range(1, count + 1):
        top, left, bottom, right = table[1, o], table[2, o], table[3, o], table[4, o]
        area = (bottom - top + 1) * (right - left + 1)
        value: Any = np.int64(0)
        if selector < 2:
            value = table[0, o]
        elif selector < 4:
            value = area
        elif selector == 4:
            value = -top
        elif selector == 5:
            value = bottom
        elif selector == 6:
            value = -left
        elif selector == 7:
            value = right
        elif selector < 10:
            for v in range(1, 10):
                value += (table[6, o] >> v) & 1
        elif selector < 12:
            value = num_holes(width, labels, table, o, seen, stack)
        elif selector < 14:  # how many look the same: shape
            mine = shape_hash(width, labels, table, o, 0)
            for other in range(1, count + 1):
                if shape_hash(width, labels, table, other, 0) == mine:
                    value += 1
        elif selector < 16:  # colour
            for other in range(1, count + 1):
                value += 1 if table[5, other] == table[5, o] else 0
        elif selector < 18:  # symmetric left to right, and not at all
            lr, ud = 1, 1
            for r in range(top, bottom + 1):
                for c in range(left, right + 1):
                    i = r * width + c
                    j = r * width + left + right - c
                    if (grid[i] if labels[i] == o else 0) != (grid[j] if labels[j] == o else 0):
                        lr = 0
                    j = (top + bottom - r) * width + c
                    if (grid[i] if labels[i] == o else 0) != (grid[j] if labels[j] == o else 0):
                        ud = 0
            value = lr + ud if selector == 16 else (-1 if lr + ud else 0)
        elif selector < 20:  # density
            value = table[0, o] * 10000 // area
        else:  # cells of colours that are not the object's commonest
            for r in range(top, bottom + 1):
                for c in range(left, right + 1):
                    i = r * width + c
                    if labels[i] == o and grid[i] != table[5, o]:
                        value += 1
        if selector in (1, 3, 9, 11, 13, 15, 19):
            value = -value
        if value > best_value:
            best, best_value, ties = o, value, 1
        elif value == best_value:
            ties += 1
    if ties > 1 and selector != 12 and selector != 14:  # of the commonest shape or colour the first will do
        return 0
    return best


@njit(cache=True)
def _crop_object(grid, height, width, way, selector, alone, out):
    labels = np.zeros(MAX_CELLS, np.int32)
    stack = np.zeros(1200, np.int32)
    table = np.zeros((16, MAX_CELLS + 1), np.int32)
    o = _select(grid, height, width, way, selector, labels, stack, table)
    if o == 0:
        return 0
    top, left = table[1, o], table[2, o]
    high, wide = table[3, o] - top + 1, table[4, o] - left + 1
    for r in range(high):
        for c in range(wide):
            i = (top + r) * width + left + c
            out[r * wide + c] = grid[i] if not alone or labels[i] == o else 0
    return _size(high, wide)


@njit(cache=True)
def _keep_object(grid, height, width, way, selector, deleted, out):
    labels = np.zeros(MAX_CELLS, np.int32)
    stack = np.zeros(1200, np.int32)
    table = np.zeros((16, MAX_CELLS + 1), np.int32)
    o = _select(grid, height, width, way, selector, labels, stack, table)
    if o == 0:
        return 0
    for i in range(height * width):
        out[i] = grid[i] if (labels[i] == o) != deleted else 0
    return _size(height, width)


@njit(cache=True)
def _panel(grid, height, width, how, out):
    """One panel: 0 the fullest, 1 the emptiest, 2 unlike the others, 3 of most colours; 4 to 6 a cell a panel."""
    rows = np.zeros(MAX_SIDE, np.int32)
    cols = np.zeros(MAX_SIDE, np.int32)
    num_r, num_c, side_r, side_c = find_panels(grid, height, width, rows, cols)
    if num_r == 0:
        return 0
    starts_r = np.zeros(num_r, np.int64)
    starts_c = np.zeros(num_c, np.int64)
    for r in range(height - 1, -1, -1):
        if rows[r] >= 0:
            starts_r[rows[r]] = r
    for c in range(width - 1, -1, -1):
        if cols[c] >= 0:
            starts_c[cols[c]] = c
    number = num_r * num_c
    filled = np.zeros(number, np.int64)
    colours = np.zeros(number, np.int64)
    top_colour = np.zeros(number, np.int64)
    hashes = np.zeros(number, np.int64)
    for p in range(number):
        counts = np.zeros(10, np.int64)
        for r in range(side_r):
            for c in range(side_c):
                v = grid[(starts_r[p // num_c] + r) * width + starts_c[p % num_c] + c]
                counts[v] += 1
                hashes[p] = (hashes[p] * 11 + v + 1) & 0x3FFFFFFFFFFFF
        for v in range(1, 10):
            filled[p] += counts[v]
            colours[p] += 1 if counts[v] else 0
            if counts[v] and (top_colour[p] == 0 or counts[v] > counts[top_colour[p]]):
                top_colour[p] = v
    if how >= 4:
        # a cell a panel: 4 its commonest colour, 5 that of panels that are full, 6 of the fullest panels alone
        most = 0
        for p in range(number):
            most = max(most, filled[p])
        for p in range(number):
            out[p] = top_colour[p]
            if (how == 5 and filled[p] < side_r * side_c) or (how == 6 and filled[p] < most):
                out[p] = 0
        return _size(num_r, num_c)
    best, ties, best_value = 0, 0, -10000
    for p in range(number):
        value = filled[p]
        if how == 1:
            value = -filled[p]
        elif how == 2:
            value = 0
            for other in range(number):
                value -= 1 if hashes[other] == hashes[p] else 0
        elif how == 3:
            value = colours[p]
        if value > best_value:
            best, ties, best_value = p, 1, value
        elif value == best_value:
            ties += 1
    if ties > 1:
        return 0
    return _window(grid, width, starts_r[best // num_c], starts_c[best % num_c], side_r, side_c, out)


@njit(cache=True)
def _panel_at(grid, height, width, row, col, out):
    rows = np.zeros(MAX_SIDE, np.int32)
    cols = np.zeros(MAX_SIDE, np.int32)
    num_r, num_c, side_r, side_c = find_panels(grid, height, width, rows, cols)
    if row >= num_r or col >= num_c:
        return 0
    top, left = 0, 0
    while rows[top] != row:
        top += 1
    while cols[left] != col:
        left += 1
    return _window(grid, width, top, left, side_r, side_c, out)


@njit(cache=True)
def _pour(grid, height, width, direction, out):
    """Cells fall one by one: 0 down, 1 up, 2 right, 3 left."""
    n = height * width
    for i in range(n):
        out[i] = 0
    lines = width if direction < 2 else height
    length = height if direction < 2 else width
    for a in range(lines):
        at = 0
        for k in range(length):
            b = length - 1 - k if direction in (0, 2) else k
            i = b * width + a if direction < 2 else a * width + b
            if grid[i]:
                to = length - 1 - at if direction in (0, 2) else at
                out[to * width + a if direction < 2 else a * width + to] = grid[i]
                at += 1
    return _size(height, width)


@njit(cache=True)
def _fall(grid, height, width, direction, way, fixed, out):
    """Whole objects fall until they rest; 0 down, 1 up, 2 right, 3 left. Those of colour `fixed` stay (0: none)."""
    labels = np.zeros(MAX_CELLS, np.int32)
    stack = np.zeros(1200, np.int32)
    n = height * width
    count = label(grid, height, width, way > 0, way < 2, 0, labels, stack)
    step_r = 1 if direction == 0 else (-1 if direction == 1 else 0)
    step_c = 1 if direction == 2 else (-1 if direction == 3 else 0)
    for i in range(n):
        out[i] = grid[i]
    rests = np.zeros(count + 1, np.bool_)
    moved = np.zeros(MAX_CELLS, np.int32)
    for _ in range(max(height, width)):
        # those rest that stand on the edge, on what is fixed, or on one that rests
        for o in range(count + 1):
            rests[o] = False
        again = True
        while again:
            again = False
            for i in range(n):
                o = labels[i]
                if o == 0 or rests[o]:
                    continue
                r = i // width + step_r
                c = i % width + step_c
                if (fixed and out[i] == fixed) or r < 0 or r >= height or c < 0 or c >= width:
                    rests[o] = True
                    again = True
                else:
                    under = labels[r * width + c]
                    if under and under != o and rests[under]:
                        rests[o] = True
                        again = True
        any_moves = False
        for o in range(1, count + 1):
            any_moves |= not rests[o]
        if not any_moves:
            break
        kept = out[:n].copy()
        for i in range(n):
            moved[i] = labels[i]
            if labels[i] and not rests[labels[i]]:
                out[i] = 0
                labels[i] = 0
        for i in range(n):
            o = moved[i]
            if o and not rests[o]:
                j = i + step_r * width + step_c
                out[j] = kept[i]
                labels[j] = o
    return _size(height, width)


@njit(cache=True)
def _slide(grid, height, width, way, towards, out):
    """Every object moves straight towards the largest until contact; others stay (0) or vanish (1)."""
    labels = np.zeros(MAX_CELLS, np.int32)
    stack = np.zeros(1200, np.int32)
    table = np.zeros((16, MAX_CELLS + 1), np.int32)
    n = height * width
    count = label(grid, height, width, way > 0, way < 2, 0, labels, stack)
    if count < 2:
        return 0
    measure(grid, height, width, labels, count, table)
    anchor, ties = 1, 1
    for o in range(2, count + 1):
        if table[0, o] > table[0, anchor]:
            anchor, ties = o, 1
        elif table[0, o] == table[0, anchor]:
            ties += 1
    if ties > 1:
        return 0
    for i in range(n):
        out[i] = grid[i] if labels[i] == anchor else 0
    done = False
    for o in range(1, count + 1):
        if o == anchor:
            continue
        overlap_c = table[2, o] <= table[4, anchor] and table[4, o] >= table[2, anchor]
        overlap_r = table[1, o] <= table[3, anchor] and table[3, o] >= table[1, anchor]
        step_r, step_c = 0, 0
        if overlap_c and not overlap_r:
            step_r = 1 if table[1, anchor] > table[3, o] else -1
        elif overlap_r and not overlap_c:
            step_c = 1 if table[2, anchor] > table[4, o] else -1
        shift = 0
        if step_r or step_c:
            while shift < 100:
                touch = False
                for r in range(table[1, o], table[3, o] + 1):
                    for c in range(table[2, o], table[4, o] + 1):
                        if labels[r * width + c] != o:
                            continue
                        y, x = r + step_r * (shift + 1), c + step_c * (shift + 1)
                        if y < 0 or y >= height or x < 0 or x >= width or labels[y * width + x] == anchor:
                            touch = True
                if touch:
                    break
                shift += 1
        elif towards == 1:
            continue
        done |= shift > 0
        for r in range(table[1, o], table[3, o] + 1):
            for c in range(table[2, o], table[4, o] + 1):
                if labels[r * width + c] == o:
                    out[(r + step_r * shift) * width + c + step_c * shift] = grid[r * width + c]
    return _size(height, width) if done else 0


@njit(cache=True)
def _shift(grid, height, width, dr, dc, wraps, out):
    for r in range(height):
        for c in range(width):
            y, x = r - dr, c - dc
            if wraps:
                y %= height
                x %= width
            out[r * width + c] = grid[y * width + x] if 0 <= y < height and 0 <= x < width else 0
    return _size(height, width)


@njit(cache=True)
def _join(grid, height, width, how, out):
    """Lines between cells of one colour: 0 in rows, 1 in columns, 2 both, 3 diagonals, 4 all."""
    n = height * width
    for i in range(n):
        out[i] = grid[i]
    done = False
    for i in range(n):
        if grid[i] == 0:
            continue
        r = i // width
        c = i - r * width
        for s in range(4):
            dr = 0 if s == 0 else 1
            dc = 1 if s in (0, 2) else (0 if s == 1 else -1)
            if (s == 0 and how in (1, 3)) or (s == 1 and how in (0, 3)) or (s >= 2 and how < 3):
                continue
            y, x = r + dr, c + dc
            k = 1
            while 0 <= y < height and 0 <= x < width and grid[y * width + x] == 0:
                y += dr
                x += dc
                k += 1
            if k > 1 and 0 <= y < height and 0 <= x < width and grid[y * width + x] == grid[i]:
                for m in range(1, k):
                    out[(r + dr * m) * width + c + dc * m] = grid[i]
                done = True
    return _size(height, width) if done else 0


@njit(cache=True)
def _rays(grid, height, width, directions, over, out):
    """Single cells or ends send rays of their colour in the directions given as bits, to the edge or to contact."""
    n = height * width
    for i in range(n):
        out[i] = grid[i]
    done = False
    for i in range(n):
        if grid[i] == 0:
            continue
        r = i // width
        c = i - r * width
        for s in range(8):
            if not (directions >> s) & 1:
                continue
            dr = STEPS_R[s]
            dc = STEPS_C[s]
            y, x = r + dr, c + dc
            while 0 <= y < height and 0 <= x < width and (over or grid[y * width + x] == 0):
                j = y * width + x
                if grid[j] == 0 and (out[j] == 0 or out[j] == grid[i]):
                    out[j] = grid[i]
                    done = True
                y += dr
                x += dc
    return _size(height, width) if done else 0


@njit(cache=True)
def _fill(grid, height, width, how, out):
    """Enclosed empty cells take the colour around them; 1: boxes of objects are filled with their colour."""
    labels = np.zeros(MAX_CELLS, np.int32)
    stack = np.zeros(1200, np.int32)
    table = np.zeros((16, MAX_CELLS + 1), np.int32)
    n = height * width
    for i in range(n):
        out[i] = grid[i]
    done = False
    if how == 1:
        count = label(grid, height, width, True, True, 0, labels, stack)
        measure(grid, height, width, labels, count, table)
        for o in range(1, count + 1):
            for r in range(table[1, o], table[3, o] + 1):
                for c in range(table[2, o], table[4, o] + 1):
                    if grid[r * width + c] == 0:
                        out[r * width + c] = table[5, o]
                        done = True
        return _size(height, width) if done else 0
    count = label(grid, height, width, how == 2, False, 1, labels, stack)
    measure(grid, height, width, labels, count, table)
    around = np.zeros(count + 1, np.int64)
    for i in range(n):
        o = labels[i]
        if o == 0:
            continue
        r = i // width
        c = i - r * width
        for s in range(4):
            y = r + STEPS_R[s]
            x = c + STEPS_C[s]
            if y < 0 or y >= height or x < 0 or x >= width:
                around[o] = -1
            elif grid[y * width + x] and around[o] == 0:
                around[o] = grid[y * width + x]
            elif grid[y * width + x] and around[o] != grid[y * width + x]:
                around[o] = -1
    for i in range(n):
        if labels[i] and around[labels[i]] > 0:
            out[i] = around[labels[i]]
            done = True
    return _size(height, width) if done else 0


@njit(cache=True)
def _outline(grid, height, width, corners, colour, out):
    """Empty cells beside coloured ones take the colour (0: the neighbour's own)."""
    n = height * width
    done = False
    for i in range(n):
        out[i] = grid[i]
        if grid[i]:
            continue
        r = i // width
        c = i - r * width
        found = 0
        for s in range(8 if corners else 4):
            y = r + STEPS_R[s]
            x = c + STEPS_C[s]
            if 0 <= y < height and 0 <= x < width and grid[y * width + x]:
                if found == 0:
                    found = grid[y * width + x]
                elif found != grid[y * width + x]:
                    found = max(found, grid[y * width + x])
        if found:
            out[i] = colour if colour else found
            done = True
    return _size(height, width) if done else 0


@njit(cache=True)
def _fractal(grid, height, width, how, out):
    """A copy in the place of each coloured cell: 0; of each empty one: 1; of the commonest colour: 2; of the rarest: 3;
    the cell's colour in the form of the grid: 4."""
    size = _size(height * height, width * width)
    if size == 0:
        return 0
    wide = width * width
    mark = commonest(grid, height * width, 0) if how == 2 else commonest(grid, height * width, 1)
    for a in range(height):
        for b in range(width):
            v = grid[a * width + b]
            here = v != 0
            if how == 1:
                here = v == 0
            elif how in (2, 3):
                here = v == mark
            for r in range(height):
                for c in range(width):
                    w = grid[r * width + c]
                    if how == 4 and w:
                        w = v
                    out[(a * height + r) * wide + b * width + c] = w if here else 0
    return size


@njit(cache=True)
def _swap(grid, height, width, a, b, out):
    for i in range(height * width):
        v = grid[i]
        out[i] = b if v == a else (a if v == b else v)
    return _size(height, width)


@njit(cache=True)
def _only(grid, height, width, colour, deleted, out):
    done = False
    for i in range(height * width):
        keep = (grid[i] == colour) != deleted
        out[i] = grid[i] if keep else 0
        done |= not keep and grid[i] != 0
    return _size(height, width) if done else 0


@njit(cache=True)
def _sort(grid, height, width, how, out):
    """Rows by how many cells are coloured, fewest first: 0; most first: 1; columns likewise: 2, 3."""
    lines = height if how < 2 else width
    length = width if how < 2 else height
    counts = np.zeros(lines, np.int64)
    for a in range(lines):
        for b in range(length):
            i = a * width + b if how < 2 else b * width + a
            counts[a] += 1 if grid[i] else 0
        if how & 1:
            counts[a] = -counts[a]
    order = np.argsort(counts, kind="mergesort")
    for a in range(lines):
        for b in range(length):
            if how < 2:
                out[a * width + b] = grid[order[a] * width + b]
            else:
                out[b * width + a] = grid[b * width + order[a]]
    return _size(height, width)


@njit(cache=True)
def _count(grid, height, width, how, out):
    """Small answers about colours and objects.

    0 the colours as a column, commonest first, 1 as a row; 2, 3 as bars of as many cells, across and down; 4 the
    commonest alone, 5 the rarest; 6 a cell for each object, 7 for each of the commonest colour; 8 the colours in order
    from above, 9 from the left.
    """
    n = height * width
    counts = np.zeros(10, np.int64)
    for i in range(n):
        counts[grid[i]] += 1
    number = 0
    order = np.zeros(10, np.int64)
    for v in range(1, 10):
        if counts[v]:
            order[number] = v
            number += 1
    if number == 0:
        return 0
    if how in (4, 5):
        out[0] = commonest(grid, n, how - 4)
        return _size(1, 1)
    if how in (6, 7):
        labels = np.zeros(MAX_CELLS, np.int32)
        stack = np.zeros(1200, np.int32)
        table = np.zeros((16, MAX_CELLS + 1), np.int32)
        total = label(grid, height, width, True, True, 0, labels, stack)
        measure(grid, height, width, labels, total, table)
        colour = commonest(grid, n, 0)
        wide = 0
        for o in range(1, total + 1):
            if how == 6 or table[5, o] == colour:
                out[wide] = table[5, o] if how == 6 else colour
                wide += 1
                if wide >= MAX_SIDE:
                    return 0
        return _size(1, wide)
    if how in (8, 9):
        firsts = np.full(10, 10000, np.int64)
        for i in range(n):
            r = i // width
            c = i - r * width
            firsts[grid[i]] = min(firsts[grid[i]], r * 100 + c if how == 8 else c * 100 + r)
        for a in range(number):
            for b in range(a + 1, number):
                if firsts[order[b]] < firsts[order[a]]:
                    order[a], order[b] = order[b], order[a]
        for a in range(number):
            out[a] = order[a]
        return _size(number, 1) if how == 8 else _size(1, number)
    for a in range(number):
        for b in range(a + 1, number):
            if counts[order[b]] > counts[order[a]]:
                order[a], order[b] = order[b], order[a]
    if how < 2:
        for a in range(number):
            out[a] = order[a]
        return _size(number, 1) if how == 0 else _size(1, number)
    most = counts[order[0]]
    if most * number > MAX_CELLS or most > MAX_SIDE:
        return 0
    for a in range(number):
        for b in range(most):
            v = order[a] if b < counts[order[a]] else 0
            if how == 2:
                out[a * most + b] = v
            else:
                out[b * number + a] = v
    return _size(number, most) if how == 2 else _size(most, number)


@njit(cache=True)
def _scale_by(grid, height, width, how, out):
    """By the number of colours: 0; of coloured cells: 1; of cells of the commonest colour: 2; of objects: 3."""
    n = height * width
    counts = np.zeros(10, np.int64)
    for i in range(n):
        counts[grid[i]] += 1
    colours = 0
    for v in range(1, 10):
        colours += 1 if counts[v] else 0
    factor = colours
    if how == 1:
        factor = n - counts[0]
    elif how == 2:
        factor = counts[commonest(grid, n, 0)]
    elif how == 3:
        labels = np.zeros(MAX_CELLS, np.int32)
        stack = np.zeros(1200, np.int32)
        factor = label(grid, height, width, True, True, 0, labels, stack)
    if factor < 2 or factor > 30:
        return 0
    return _scale(grid, height, width, factor, factor, out)


@njit(cache=True)
def _frame(grid, height, width, how, out):
    """0 without the rim; 1 with a rim of empty cells, 2 of the nearest cells' colours, 3 of the commonest colour."""
    if how == 0:
        if height < 3 or width < 3:
            return 0
        return _window(grid, width, 1, 1, height - 2, width - 2, out)
    high, wide = height + 2, width + 2
    size = _size(high, wide)
    if size == 0:
        return 0
    colour = commonest(grid, height * width, 0)
    for r in range(high):
        for c in range(wide):
            y, x = r - 1, c - 1
            inside = 0 <= y < height and 0 <= x < width
            corner = (r == 0 or r == high - 1) and (c == 0 or c == wide - 1)
            v = 0
            if inside:
                v = grid[y * width + x]
            elif how == 2 and not corner:
                v = grid[min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1)]
            elif how == 3:
                v = colour
            out[r * wide + c] = v
    return size


@njit(cache=True)
def _complete(grid, height, width, how, out):
    """0 by symmetry, 1 by period, what is empty; 2, 3 what a box of one colour hides; 4, 5 only what it hid."""
    hidden = 0 if how < 2 else rarest_to_hide(grid, height, width)
    if how >= 2 and hidden == 0:
        return 0
    whole = np.empty(MAX_CELLS, np.uint8)
    if how % 2 == 0:
        found = complete_symmetry(grid, height, width, hidden, whole)
    else:
        found = complete_period(grid, height, width, hidden, whole)
    if not found:
        return 0
    if how < 4:
        for i in range(height * width):
            out[i] = whole[i]
        return _size(height, width)
    top, left, bottom, right = box_of(grid, height, width, hidden)
    return _window(whole, width, top, left, bottom - top + 1, right - left + 1, out)


@njit(cache=True)
def _period(grid, height, width, how, out):
    """0: the smallest tile of which the grid is made; 1: its rows again for as long again; 2: its columns."""
    p, q = height, width
    for k in range(1, height):
        good = True
        for i in range(k * width, height * width):
            if grid[i] != grid[i - k * width]:
                good = False
                break
        if good:
            p = k
            break
    for k in range(1, width):
        good = True
        for i in range(height * width):
            if i % width >= k and grid[i] != grid[i - k]:
                good = False
                break
        if good:
            q = k
            break
    if how == 0:
        if p == height and q == width:
            return 0
        return _window(grid, width, 0, 0, p, q, out)
    high = height + (height + 1) // 2 if how == 1 else height
    wide = width + (width + 1) // 2 if how == 2 else width
    if how == 3:
        high, wide = height * 2, width
    elif how == 4:
        high, wide = height, width * 2
    size = _size(high, wide)
    if size == 0:
        return 0
    for r in range(high):
        for c in range(wide):
            out[r * wide + c] = grid[(r % p if r >= height else r) * width + (c % q if c >= width else c)]
    return size


@njit(cache=True)
def _eat(grid, height, width, how, out):
    """Larger objects eat smaller ones that touch them, as of the start; eaten cells vanish: 0, or join the eater: 1."""
    labels = np.zeros(MAX_CELLS, np.int32)
    stack = np.zeros(1200, np.int32)
    table = np.zeros((16, MAX_CELLS + 1), np.int32)
    n = height * width
    count = label(grid, height, width, False, True, 0, labels, stack)
    measure(grid, height, width, labels, count, table)
    eater = np.zeros(count + 1, np.int64)  # the largest neighbour, -1 for a tie
    for i in range(n):
        o = labels[i]
        if o == 0:
            continue
        r = i // width
        c = i - r * width
        for s in range(4):
            y = r + STEPS_R[s]
            x = c + STEPS_C[s]
            if y < 0 or y >= height or x < 0 or x >= width:
                continue
            other = labels[y * width + x]
            if other == 0 or other == o or table[0, other] <= table[0, o] or other == eater[o]:
                continue
            held = eater[o] if eater[o] >= 0 else -eater[o]
            if held == 0 or table[0, other] > table[0, held]:
                eater[o] = other
            elif table[0, other] == table[0, held] and other != held:
                eater[o] = -held
    done = False
    for i in range(n):
        out[i] = grid[i]
        o = labels[i]
        if o and eater[o] > 0:
            done = True
            if how == 0:
                out[i] = 0
            else:
                last = eater[o]
                while eater[last] > 0:
                    last = eater[last]
                out[i] = table[5, last]
    return _size(height, width) if done else 0


@njit(cache=True)
def _mirror_objects(grid, height, width, way, s, out):
    """Each object is mirrored or turned half round in its own box."""
    labels = np.zeros(MAX_CELLS, np.int32)
    stack = np.zeros(1200, np.int32)
    table = np.zeros((16, MAX_CELLS + 1), np.int32)
    n = height * width
    count = label(grid, height, width, way > 0, way < 2, 0, labels, stack)
    measure(grid, height, width, labels, count, table)
    for i in range(n):
        out[i] = 0
    for i in range(n):
        o = labels[i]
        if o == 0:
            continue
        r = i // width
        c = i - r * width
        y = table[1, o] + table[3, o] - r if s in (1, 3) else r
        x = table[2, o] + table[4, o] - c if s in (1, 2) else c
        out[y * width + x] = grid[i]
    return _size(height, width)


@njit(cache=True)
def apply(kernel, a, b, grid, height, width, out):
    """Do one step; the new size as height * SIDE + width, 0 if it does not apply."""
    if kernel == 0:
        return _turn(grid, height, width, a, out)
    if kernel == 1:
        return _tile(grid, height, width, a, out)
    if kernel == 2:
        return _scale(grid, height, width, a, b, out)
    if kernel == 3:
        return _shrink(grid, height, width, out)
    if kernel == 4:
        return _without_lines(grid, height, width, a, out)
    if kernel == 5:
        return _part(grid, height, width, a // 100, a % 100, b, out)
    if kernel == 6:
        return _box_of_colour(grid, height, width, a, b, out)
    if kernel == 7:
        return _box_of_colour(grid, height, width, commonest(grid, height * width, a), b, out)
    if kernel == 8:
        return _crop_object(grid, height, width, a // 100, a % 100, b == 1, out)
    if kernel == 9:
        return _keep_object(grid, height, width, a // 100, a % 100, b == 1, out)
    if kernel == 10:
        return _panel(grid, height, width, a, out)
    if kernel == 11:
        return _panel_at(grid, height, width, a, b, out)
    if kernel == 12:
        return _pour(grid, height, width, a, out)
    if kernel == 13:
        return _fall(grid, height, width, a, b // 10, b % 10, out)
    if kernel == 14:
        return _slide(grid, height, width, a, b, out)
    if kernel == 15:
        return _shift(grid, height, width, a // 100 - 50, a % 100 - 50, b == 1, out)
    if kernel == 16:
        return _join(grid, height, width, a, out)
    if kernel == 17:
        return _rays(grid, height, width, a, b == 1, out)
    if kernel == 18:
        return _fill(grid, height, width, a, out)
    if kernel == 19:
        return _outline(grid, height, width, a == 1, b, out)
    if kernel == 20:
        return _fractal(grid, height, width, a, out)
    if kernel == 21:
        return _swap(grid, height, width, 0, commonest(grid, height * width, a) if b == 0 else b, out)
    if kernel == 22:
        return _only(grid, height, width, a if a else commonest(grid, height * width, b // 2), b % 2 == 1, out)
    if kernel == 23:
        return _sort(grid, height, width, a, out)
    if kernel == 24:
        return _count(grid, height, width, a, out)
    if kernel == 25:
        return _scale_by(grid, height, width, a, out)
    if kernel == 26:
        return _frame(grid, height, width, a, out)
    if kernel == 27:
        return _complete(grid, height, width, a, out)
    if kernel == 28:
        return _period(grid, height, width, a, out)
    if kernel == 29:
        return _eat(grid, height, width, a, out)
    if kernel == 30:
        return _mirror_objects(grid, height, width, a, b, out)
    return 0
