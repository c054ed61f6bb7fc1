"""What is true of each cell of a grid: numbers by which a rule can tell cells apart, and colours that it can copy.

Grids are flat here, (H*W) uint8 with H and W beside them, so that every kernel has one signature. A feature is a uint8
a cell; larger numbers are cut to 254, and 255 says that there is no such thing. `KEYS` are the features that can only
tell cells apart; `SOURCES` are colours besides. Objects are connected cells that are not empty, in three ways to see
them: of one colour by edges, of one colour by edges and corners, of any colours by edges and corners.
"""

from __future__ import annotations

import numpy as np

from world.compiling import njit

MAX_CELLS = 900  # of a grid
MAX_SIDE = 100
SIDE = 128  # a size is told as height * SIDE + width, 0: there is none
NONE = 255

# the ways to see objects: (corners connect, only equal colours connect)
SEGMENTATIONS = ((False, True), (True, True), (True, False))
STEPS_R = np.array([0, 1, 0, -1, 1, 1, -1, -1], np.int64)
STEPS_C = np.array([1, 0, -1, 0, 1, -1, 1, -1], np.int64)

SOURCES = (
    "colour",
    "mirrored left to right", "mirrored top to bottom", "turned half round", "transposed", "transposed the other way",
    "first to the right", "first below", "first to the left", "first above",
    "first below right", "first below left", "first above right", "first above left",
    "neighbour right", "neighbour below", "neighbour left", "neighbour above",
    "neighbour below right", "neighbour below left", "neighbour above right", "neighbour above left",
    "only colour of the row", "only colour of the column", "commonest of the row", "commonest of the column",
    "between two of a colour in the row", "between two of a colour in the column",
    "between two of a colour on a diagonal", "between two of a colour on the other diagonal",
    "commonest colour", "rarest colour", "second commonest colour", "colour of the largest object",
    "colour of the smallest object", "commonest among the neighbours",
    "colour that touches the object", "colour around the hole", "commonest of the whole object",
    "rarest of the whole object", "colour of the box around", "mirrored in its object left to right",
    "mirrored in its object top to bottom", "colour in the first panel", "commonest of the panel",
    "only single cell's colour",
    "completed by symmetry", "completed by period",
)  # fmt: skip
_PER_OBJECT = (
    "size", "size rank", "size rank from below", "touches the border", "holes", "height", "width",
    "is a full rectangle",
    "is symmetric left to right", "is symmetric top to bottom", "how many have its shape", "shape",
    "shape turned any way",
    "size parity", "rank from the left", "rank from above", "row in the object", "column in the object",
    "depth in the object", "number of colours", "how many have its colour",
)  # fmt: skip
_PLAIN = (
    "is enclosed by edges", "is enclosed by corners", "size of the empty region", "rank of the empty region",
    "empty region touches the border", "empty region is a rectangle", "neighbours by edges",
    "neighbours by edges and corners",
    "neighbours of its colour by edges", "neighbours of its colour", "row parity", "column parity", "chequered",
    "row mod 3", "column mod 3",
    "diagonal mod 3", "other diagonal mod 3", "ring", "row", "column", "row from below", "column from the right",
    "is on the diagonal", "is on the other diagonal", "in the upper half", "in the left half", "coloured in the row",
    "coloured in the column", "number of objects", "panel row", "panel column", "row in the panel",
    "column in the panel", "coloured in the panel",
    "rank of the panel by colours", "is a separator", "empty square's side", "distance to a coloured cell",
    "is the box of an object",
    "size of the box's object", "rank of the row by colours", "rank of the column by colours",
    "distance to the first on the left or right",
    "distance to the first above or below", "is the empty region a square", "rank among equal colours in the row",
    "diagonal mod 4",
)  # fmt: skip
KEYS = _PLAIN + tuple(f"{name} ({seen})" for seen in ("edges", "corners", "any colours") for name in _PER_OBJECT)
NAMES = SOURCES + KEYS
NUM_SOURCES = len(SOURCES)
NUM_FEATURES = len(NAMES)
_FIRST_PLAIN = NUM_SOURCES
_FIRST_OF_OBJECTS = NUM_SOURCES + len(_PLAIN)
_NUM_PER_OBJECT = len(_PER_OBJECT)


@njit(cache=True)
def box_of(grid, height, width, colour):
    """The box of a colour (0: of all that are coloured): top, left, bottom and right; bottom is -1 if there is none."""
    top, left, bottom, right = height, width, -1, -1
    for i in range(height * width):
        if (colour == 0 and grid[i]) or (colour > 0 and grid[i] == colour):
            r = i // width
            c = i - r * width
            top, bottom, left, right = min(top, r), max(bottom, r), min(left, c), max(right, c)
    return top, left, bottom, right


@njit(cache=True)
def label(grid, height, width, corners, by_colour, wanted, labels, stack):
    """Number connected cells; `wanted` 0: those that are not empty, 1: the empty ones. Returns how many there are."""
    n = height * width
    for i in range(n):
        labels[i] = 0
    count = 0
    num_steps = 8 if corners else 4
    for i in range(n):
        if labels[i] != 0 or (grid[i] == 0) != (wanted == 1):
            continue
        count += 1
        labels[i] = count
        stack[0] = i
        top = 1
        while top > 0:
            top -= 1
            j = stack[top]
            r = j // width
            c = j - r * width
            for s in range(num_steps):
                y = r + STEPS_R[s]
                x = c + STEPS_C[s]
                if y < 0 or y >= height or x < 0 or x >= width:
                    continue
                k = y * width + x
                if labels[k] != 0 or (grid[k] == 0) != (wanted == 1) or (by_colour and grid[k] != grid[i]):
                    continue
                labels[k] = count
                stack[top] = k
                top += 1
    return count


@njit(cache=True)
def measure(grid, height, width, labels, count, table):
    """Of each object, in `table` (16, ...): size, top, left, bottom, right, commonest colour, colour bits, rarest."""
    for o in range(count + 1):
        for k in range(16):
            table[k, o] = 0
        table[1, o] = 10000
        table[2, o] = 10000
        table[3, o] = -1
        table[4, o] = -1
    for i in range(height * width):
        o = labels[i]
        if o == 0:
            continue
        r = i // width
        c = i - r * width
        table[0, o] += 1
        table[1, o] = min(table[1, o], r)
        table[2, o] = min(table[2, o], c)
        table[3, o] = max(table[3, o], r)
        table[4, o] = max(table[4, o], c)
        table[6, o] |= 1 << grid[i]
    counts = np.zeros((count + 1, 10), np.int32)
    for i in range(height * width):
        if labels[i] > 0:
            counts[labels[i], grid[i]] += 1
    for o in range(1, count + 1):
        best = 1
        rare = 0
        for k in range(1, 10):
            if counts[o, k] > counts[o, best]:
                best = k
            if counts[o, k] > 0 and (rare == 0 or counts[o, k] < counts[o, rare]):
                rare = k
        table[5, o] = best
        table[7, o] = rare


@njit(cache=True)
def num_holes(width, labels, table, o, seen, stack):
    """Empty or other regions inside an object's box that the object closes off, joined by edges."""
    top, left, bottom, right = table[1, o], table[2, o], table[3, o], table[4, o]
    high = bottom - top + 3  # with a rim: never more than 11 x 102 cells
    wide = right - left + 3
    for i in range(high * wide):
        seen[i] = 0
    holes = -1
    for i in range(high * wide):
        r = i // wide + top - 1
        c = i % wide + left - 1
        inside = top <= r <= bottom and left <= c <= right
        if seen[i] or (inside and labels[r * width + c] == o):
            continue
        holes += 1
        seen[i] = 1
        stack[0] = i
        num = 1
        while num > 0:
            num -= 1
            j = stack[num]
            for s in range(4):
                y = j // wide + STEPS_R[s]
                x = j % wide + STEPS_C[s]
                if y < 0 or y >= high or x < 0 or x >= wide or seen[y * wide + x]:
                    continue
                rr = y + top - 1
                cc = x + left - 1
                if top <= rr <= bottom and left <= cc <= right and labels[rr * width + cc] == o:
                    continue
                seen[y * wide + x] = 1
                stack[num] = y * wide + x
                num += 1
    return max(holes, 0)


@njit(cache=True)
def shape_hash(width, labels, table, o, turn):
    """A number for an object's shape, the same wherever it lies; `turn` 0..7 as it is turned or mirrored before."""
    top, left = table[1, o], table[2, o]
    high = table[3, o] - top + 1
    wide = table[4, o] - left + 1
    value = np.int64(high * 131 + wide) if turn < 4 else np.int64(wide * 131 + high)
    rows = high if turn < 4 else wide
    cols = wide if turn < 4 else high
    for y in range(rows):
        for x in range(cols):
            yy = rows - 1 - y if turn & 1 else y
            xx = cols - 1 - x if turn & 2 else x
            if turn < 4:
                r, c = yy, xx
            else:
                r, c = xx, yy
            bit = 1 if labels[(r + top) * width + c + left] == o else 0
            value = (value * 31 + bit + 7) & 0x3FFFFFFFFFF
    return value


@njit(cache=True)
def _line_colour(grid, start, step, n):
    """The only colour in a line besides empty (0 none, 255 several), the commonest, and how many cells have any."""
    only = 0
    number = 0
    counts = np.zeros(10, np.int32)
    for k in range(n):
        v = grid[start + k * step]
        if v:
            number += 1
            counts[v] += 1
            if only == 0:
                only = v
            elif only != v:
                only = 255
    best = 0
    for v in range(1, 10):
        if counts[v] > 0 and (best == 0 or counts[v] > counts[best]):
            best = v
    return only, best, number


@njit(cache=True)
def _number_runs(lines, length):
    """Number the runs of lines between separators (-1); how many, and their length: 0 if they are not of one length."""
    number, side, run = 0, 0, 0
    for k in range(length + 1):
        if k < length and lines[k] == 0:
            lines[k] = number
            run += 1
        elif run > 0:
            if number > 0 and run != side:
                return number, 0
            side = run
            number += 1
            run = 0
    return number, side


@njit(cache=True)
def find_panels(grid, height, width, row_of, col_of):
    """Lines of one colour that cut the grid into panels of equal size: how many down and across, and their sides.

    `row_of` and `col_of` become the panel's row and column of every line, -1 for a separator. Zeros: there are none.
    """
    for colour in range(1, 10):
        rows = 0
        cols = 0
        for r in range(height):
            full = True
            for c in range(width):
                if grid[r * width + c] != colour:
                    full = False
                    break
            row_of[r] = -1 if full else 0
            rows += 1 if full else 0
        for c in range(width):
            full = True
            for r in range(height):
                if grid[r * width + c] != colour:
                    full = False
                    break
            col_of[c] = -1 if full else 0
            cols += 1 if full else 0
        if rows + cols == 0 or rows == height or cols == width:
            continue
        num_r, side_r = _number_runs(row_of, height)
        num_c, side_c = _number_runs(col_of, width)
        if side_r and side_c and num_r * num_c > 1:
            return num_r, num_c, side_r, side_c
    return 0, 0, 0, 0


@njit(cache=True)
def complete_symmetry(grid, height, width, hidden, out):
    """Fill cells of colour `hidden` from their images under mirrors of the rest; whether something was filled."""
    n = height * width
    for i in range(n):
        out[i] = grid[i]
    number = 0
    for i in range(n):
        number += 1 if grid[i] == hidden else 0
    if number == 0 or number * 2 > n:
        return False
    done = False
    # mirrors left-right about (sum of columns) = s, up-down, and about a diagonal, in this order
    for kind in range(3):
        low, high = (width - 1) * 2 // 3, (width - 1) * 4 // 3 + 1
        if kind == 1:
            low, high = (height - 1) * 2 // 3, (height - 1) * 4 // 3 + 1
        if kind == 2:
            low, high = -3, 4
        best_same = -1
        best_s = 0
        for s in range(low, high):
            same = 0
            good = True
            for i in range(n):
                if grid[i] == hidden:
                    continue
                r = i // width
                c = i - r * width
                if kind == 0:
                    y, x = r, s - c
                elif kind == 1:
                    y, x = s - r, c
                else:
                    y, x = c + s, r - s
                if y < 0 or y >= height or x < 0 or x >= width:
                    continue
                v = grid[y * width + x]
                if v == hidden:
                    continue
                if v != grid[i]:
                    good = False
                    break
                same += 1
            if good and same > best_same and same * 2 > n:
                best_same = same
                best_s = s
        if best_same < 0:
            continue
        for _ in range(2):
            for i in range(n):
                if out[i] != hidden:
                    continue
                r = i // width
                c = i - r * width
                if kind == 0:
                    y, x = r, best_s - c
                elif kind == 1:
                    y, x = best_s - r, c
                else:
                    y, x = c + best_s, r - best_s
                if 0 <= y < height and 0 <= x < width and out[y * width + x] != hidden:
                    out[i] = out[y * width + x]
                    done = True
    return done


@njit(cache=True)
def complete_period(grid, height, width, hidden, out):
    """Fill cells of colour `hidden` by the smallest period, down and across, of the rest; whether there is one."""
    n = height * width
    number = 0
    for i in range(n):
        out[i] = grid[i]
        number += 1 if grid[i] == hidden else 0
    if number == 0 or number * 5 > n * 4:
        return False
    known = np.zeros(MAX_CELLS, np.int16)
    best_area = 10**6
    for p in range(1, height + 1):
        for q in range(1, width + 1):
            if p * q >= best_area or p * q * 2 > n or (p == height and height > 1 and q == width):
                continue
            for k in range(p * q):
                known[k] = -1
            good = True
            for i in range(n):
                v = grid[i]
                if v == hidden:
                    continue
                r = i // width
                c = i - r * width
                k = (r % p) * q + c % q
                if known[k] == -1:
                    known[k] = v
                elif known[k] != v:
                    good = False
                    break
            if good:
                whole = True
                for k in range(p * q):
                    if known[k] == -1:
                        whole = False
                        break
                if whole:
                    best_area = p * q
                    for i in range(n):
                        r = i // width
                        c = i - r * width
                        out[i] = known[(r % p) * q + c % q]
    return best_area < 10**6


@njit(cache=True)
def rarest_to_hide(grid, height, width):
    """The colour that looks most like a cover: one whose cells fill their own boxes; 0 if there is none but empty."""
    n = height * width
    best = 0
    best_size = 0
    for colour in range(1, 10):
        top, left, bottom, right, size = 1000, 1000, -1, -1, 0
        for i in range(n):
            if grid[i] == colour:
                r = i // width
                c = i - r * width
                top, left = min(top, r), min(left, c)
                bottom, right = max(bottom, r), max(right, c)
                size += 1
        if size > 3 and (bottom - top + 1) * (right - left + 1) == size and size * 2 < n and size > best_size:
            best, best_size = colour, size
    return best


@njit(cache=True)
def features(grid, height, width, F):
    """Fill `F` (NUM_FEATURES, MAX_CELLS) with every feature of the grid."""
    n = height * width
    labels = np.zeros(MAX_CELLS, np.int32)
    stack = np.zeros(1200, np.int32)
    table = np.zeros((16, MAX_CELLS + 1), np.int32)
    for f in range(NUM_FEATURES):
        for i in range(n):
            F[f, i] = NONE
    # ---- colours of the whole grid
    counts = np.zeros(10, np.int32)
    for i in range(n):
        counts[grid[i]] += 1
    first, second, rare = 0, 0, 0
    for v in range(1, 10):
        if counts[v] == 0:
            continue
        if first == 0 or counts[v] > counts[first]:
            first, second = v, first
        elif second == 0 or counts[v] > counts[second]:
            second = v
        if rare == 0 or counts[v] < counts[rare]:
            rare = v
    for i in range(n):
        r = i // width
        c = i - r * width
        F[0, i] = grid[i]
        F[1, i] = grid[r * width + width - 1 - c]
        F[2, i] = grid[(height - 1 - r) * width + c]
        F[3, i] = grid[n - 1 - i]
        if height == width:
            F[4, i] = grid[c * width + r]
            F[5, i] = grid[(width - 1 - c) * width + height - 1 - r]
        for s in range(8):
            y, x = r + STEPS_R[s], c + STEPS_C[s]
            F[14 + s, i] = grid[y * width + x] if 0 <= y < height and 0 <= x < width else NONE
            seen = 0
            while 0 <= y < height and 0 <= x < width:
                if grid[y * width + x]:
                    seen = grid[y * width + x]
                    break
                y += STEPS_R[s]
                x += STEPS_C[s]
            F[6 + s, i] = seen
        F[26, i] = F[6, i] if F[6, i] == F[8, i] else 0
        F[27, i] = F[7, i] if F[7, i] == F[9, i] else 0
        F[28, i] = F[10, i] if F[10, i] == F[13, i] else 0
        F[29, i] = F[11, i] if F[11, i] == F[12, i] else 0
        F[30, i] = first
        F[31, i] = rare
        F[32, i] = second
    P = _FIRST_PLAIN
    row_counts = np.zeros(MAX_SIDE, np.int32)
    col_counts = np.zeros(MAX_SIDE, np.int32)
    for r in range(height):
        only, best, number = _line_colour(grid, r * width, 1, width)
        row_counts[r] = number
        for c in range(width):
            F[22, r * width + c] = only
            F[24, r * width + c] = best
            F[P + 26, r * width + c] = min(number, 254)
    for c in range(width):
        only, best, number = _line_colour(grid, c, width, height)
        col_counts[c] = number
        for r in range(height):
            F[23, r * width + c] = only
            F[25, r * width + c] = best
            F[P + 27, r * width + c] = min(number, 254)
    for r in range(height):
        rank = 0
        for other in range(height):
            rank += 1 if row_counts[other] > row_counts[r] else 0
        for c in range(width):
            F[P + 40, r * width + c] = rank
    for c in range(width):
        rank = 0
        for other in range(width):
            rank += 1 if col_counts[other] > col_counts[c] else 0
        for r in range(height):
            F[P + 41, r * width + c] = rank
    # ---- neighbours and places
    near = np.zeros(10, np.int32)
    for i in range(n):
        r = i // width
        c = i - r * width
        edges, all8, same4, same8 = 0, 0, 0, 0
        for v in range(10):
            near[v] = 0
        for s in range(8):
            y, x = r + STEPS_R[s], c + STEPS_C[s]
            if 0 <= y < height and 0 <= x < width:
                v = grid[y * width + x]
                near[v] += 1
                if v:
                    all8 += 1
                    edges += 1 if s < 4 else 0
                if v == grid[i]:
                    same8 += 1
                    same4 += 1 if s < 4 else 0
        best = 0
        for v in range(1, 10):
            if near[v] > 0 and (best == 0 or near[v] > near[best]):
                best = v
        F[35, i] = best
        F[P + 6, i] = edges
        F[P + 7, i] = all8
        F[P + 8, i] = same4
        F[P + 9, i] = same8
        F[P + 10, i] = r & 1
        F[P + 11, i] = c & 1
        F[P + 12, i] = (r + c) & 1
        F[P + 13, i] = r % 3
        F[P + 14, i] = c % 3
        F[P + 15, i] = (r + c) % 3
        F[P + 16, i] = (r - c + 300) % 3
        F[P + 17, i] = min(min(r, height - 1 - r), min(c, width - 1 - c))
        F[P + 18, i] = r
        F[P + 19, i] = c
        F[P + 20, i] = height - 1 - r
        F[P + 21, i] = width - 1 - c
        F[P + 22, i] = 1 if r == c else 0
        F[P + 23, i] = 1 if r + c == width - 1 else 0
        F[P + 24, i] = 1 if 2 * r + 1 < height else (2 if 2 * r + 1 == height else 0)
        F[P + 25, i] = 1 if 2 * c + 1 < width else (2 if 2 * c + 1 == width else 0)
        F[P + 46, i] = (r + c) % 4
        left, right, up, down = c, c, r, r
        while left > 0 and grid[r * width + left - 1] == 0:
            left -= 1
        while right < width - 1 and grid[r * width + right + 1] == 0:
            right += 1
        while up > 0 and grid[(up - 1) * width + c] == 0:
            up -= 1
        while down < height - 1 and grid[(down + 1) * width + c] == 0:
            down += 1
        to_left = c - left if left > 0 else 99
        to_right = right - c if right < width - 1 else 99
        F[P + 42, i] = min(to_left, to_right)
        to_up = r - up if up > 0 else 99
        to_down = down - r if down < height - 1 else 99
        F[P + 43, i] = min(to_up, to_down)
        rank = 0
        if grid[i]:
            for x in range(c):
                if grid[r * width + x] == grid[i] and (x == 0 or grid[r * width + x - 1] != grid[i]):
                    rank += 1
        F[P + 45, i] = min(rank, 250)
    # ---- empty regions
    for corners in range(2):
        count = label(grid, height, width, corners == 1, False, 1, labels, stack)
        measure(grid, height, width, labels, count, table)
        for i in range(n):
            o = labels[i]
            if o == 0:
                F[P + corners, i] = 0
                if corners == 0:
                    for k in (2, 3, 4, 5, 44):
                        F[P + k, i] = 0
                continue
            border = table[1, o] == 0 or table[2, o] == 0 or table[3, o] == height - 1 or table[4, o] == width - 1
            F[P + corners, i] = 0 if border else 1
            if corners == 0:
                F[P + 2, i] = min(table[0, o], 254)
                rank = 1
                for other in range(1, count + 1):
                    rank += 1 if table[0, other] > table[0, o] else 0
                F[P + 3, i] = min(rank, 254)
                F[P + 4, i] = 2 if border else 1
                high, wide = table[3, o] - table[1, o] + 1, table[4, o] - table[2, o] + 1
                F[P + 5, i] = 2 if table[0, o] == high * wide else 1
                F[P + 44, i] = 2 if table[0, o] == high * wide and high == wide else 1
        if corners == 0:
            around = np.zeros(count + 1, np.int32)
            for i in range(n):
                o = labels[i]
                if o == 0:
                    continue
                r = i // width
                c = i - r * width
                for s in range(4):
                    y, x = r + STEPS_R[s], c + STEPS_C[s]
                    if 0 <= y < height and 0 <= x < width and grid[y * width + x]:
                        v = grid[y * width + x]
                        if around[o] == 0:
                            around[o] = v
                        elif around[o] != v:
                            around[o] = NONE
            for i in range(n):
                F[37, i] = around[labels[i]] if labels[i] else grid[i]
    # ---- distance to what is coloured, in steps by edges and corners
    for i in range(n):
        F[P + 37, i] = 0 if grid[i] else 254
    for step in range(1, 12):
        changed = False
        for i in range(n):
            if F[P + 37, i] != 254:
                continue
            r = i // width
            c = i - r * width
            for s in range(8):
                y, x = r + STEPS_R[s], c + STEPS_C[s]
                if 0 <= y < height and 0 <= x < width and F[P + 37, y * width + x] == step - 1:
                    F[P + 37, i] = step
                    changed = True
                    break
        if not changed:
            break
    # ---- the side of the empty square that has its first corner here
    for i in range(n):
        F[P + 36, i] = 0
        F[P + 38, i] = 0
        F[P + 39, i] = 0
    for r in range(height - 1, -1, -1):
        for c in range(width - 1, -1, -1):
            i = r * width + c
            if grid[i]:
                continue
            if r == height - 1 or c == width - 1:
                F[P + 36, i] = 1
            else:
                F[P + 36, i] = 1 + min(F[P + 36, i + 1], min(F[P + 36, i + width], F[P + 36, i + width + 1]))
    # ---- panels
    row_of = np.zeros(MAX_SIDE, np.int32)
    col_of = np.zeros(MAX_SIDE, np.int32)
    rows, cols, _, _ = find_panels(grid, height, width, row_of, col_of)
    if rows > 0:
        in_panel = np.zeros((rows, cols), np.int32)
        in_colours = np.zeros((rows, cols, 10), np.int32)
        start_r = np.zeros(rows, np.int32)
        start_c = np.zeros(cols, np.int32)
        for r in range(height - 1, -1, -1):
            if row_of[r] >= 0:
                start_r[row_of[r]] = r
        for c in range(width - 1, -1, -1):
            if col_of[c] >= 0:
                start_c[col_of[c]] = c
        for i in range(n):
            r = i // width
            c = i - r * width
            if row_of[r] >= 0 and col_of[c] >= 0:
                in_colours[row_of[r], col_of[c], grid[i]] += 1
                in_panel[row_of[r], col_of[c]] += 1 if grid[i] else 0
        for i in range(n):
            r = i // width
            c = i - r * width
            F[P + 29, i] = row_of[r] if row_of[r] >= 0 else NONE
            F[P + 30, i] = col_of[c] if col_of[c] >= 0 else NONE
            if row_of[r] < 0 or col_of[c] < 0:
                F[P + 35, i] = 1
                F[43, i] = grid[i]
                F[44, i] = grid[i]
                continue
            F[P + 35, i] = 0
            y, x = r - start_r[row_of[r]], c - start_c[col_of[c]]
            F[P + 31, i] = y
            F[P + 32, i] = x
            number = in_panel[row_of[r], col_of[c]]
            F[P + 33, i] = min(number, 254)
            rank = 0
            for a in range(rows):
                for b in range(cols):
                    rank += 1 if in_panel[a, b] > number else 0
            F[P + 34, i] = rank
            F[43, i] = grid[(start_r[0] + y) * width + start_c[0] + x]
            best = 0
            for v in range(1, 10):
                if in_colours[row_of[r], col_of[c], v] > 0 and (
                    best == 0 or in_colours[row_of[r], col_of[c], v] > in_colours[row_of[r], col_of[c], best]
                ):
                    best = v
            F[44, i] = best
    # ---- objects, in three ways
    visited = np.zeros(1200, np.int32)
    hashes = np.zeros(MAX_CELLS + 1, np.int64)
    free = np.zeros(MAX_CELLS + 1, np.int64)
    for way in range(3):
        corners = way > 0
        by_colour = way < 2
        count = label(grid, height, width, corners, by_colour, 0, labels, stack)
        measure(grid, height, width, labels, count, table)
        base = _FIRST_OF_OBJECTS + way * _NUM_PER_OBJECT
        touching = np.zeros(count + 1, np.int32)
        if way < 2:
            for i in range(n):
                o = labels[i]
                if o == 0:
                    continue
                r = i // width
                c = i - r * width
                for s in range(4 + 4 * way):
                    y, x = r + STEPS_R[s], c + STEPS_C[s]
                    if 0 <= y < height and 0 <= x < width and grid[y * width + x] and labels[y * width + x] != o:
                        v = grid[y * width + x]
                        if touching[o] == 0:
                            touching[o] = v
                        elif touching[o] != v:
                            touching[o] = NONE
        for o in range(1, count + 1):
            hashes[o] = shape_hash(width, labels, table, o, 0)
            free[o] = hashes[o]
            for turn in range(1, 8):
                free[o] = min(free[o], shape_hash(width, labels, table, o, turn))
        largest, smallest = 0, 0
        single, singles = 0, 0
        for o in range(1, count + 1):
            if largest == 0 or table[0, o] > table[0, largest]:
                largest = o
            if smallest == 0 or table[0, o] < table[0, smallest]:
                smallest = o
            if table[0, o] == 1:
                singles += 1
                single = table[5, o]
            size = table[0, o]
            top, left, bottom, right = table[1, o], table[2, o], table[3, o], table[4, o]
            high, wide = bottom - top + 1, right - left + 1
            up, down, alike, from_left, from_above, of_colour = 1, 1, 0, 0, 0, 0
            for other in range(1, count + 1):
                up += 1 if table[0, other] > size else 0
                down += 1 if table[0, other] < size else 0
                alike += 1 if hashes[other] == hashes[o] else 0
                from_left += 1 if table[2, other] < left else 0
                from_above += 1 if table[1, other] < top else 0
                of_colour += 1 if table[5, other] == table[5, o] else 0
            colours = 0
            for v in range(1, 10):
                colours += (table[6, o] >> v) & 1
            table[8, o] = num_holes(width, labels, table, o, visited, stack)
            lr, ud = 1, 1
            for r in range(top, bottom + 1):
                for c in range(left, right + 1):
                    i = r * width + c
                    mine = grid[i] if labels[i] == o else 0
                    j = r * width + left + right - c
                    if mine != (grid[j] if labels[j] == o else 0):
                        lr = 0
                    j = (top + bottom - r) * width + c
                    if mine != (grid[j] if labels[j] == o else 0):
                        ud = 0
            border = top == 0 or left == 0 or bottom == height - 1 or right == width - 1
            for r in range(top, bottom + 1):
                for c in range(left, right + 1):
                    i = r * width + c
                    if labels[i] != o:
                        if way == 2:
                            F[P + 38, i] = 2
                        continue
                    F[base + 0, i] = min(size, 254)
                    F[base + 1, i] = min(up, 254)
                    F[base + 2, i] = min(down, 254)
                    F[base + 3, i] = 1 if border else 0
                    F[base + 4, i] = min(table[8, o], 254)
                    F[base + 5, i] = high
                    F[base + 6, i] = wide
                    F[base + 7, i] = (2 if high == wide else 1) if size == high * wide else 0
                    F[base + 8, i] = lr
                    F[base + 9, i] = ud
                    F[base + 10, i] = min(alike, 254)
                    F[base + 11, i] = hashes[o] % 251
                    F[base + 12, i] = free[o] % 251
                    F[base + 13, i] = size & 1
                    F[base + 14, i] = min(from_left, 254)
                    F[base + 15, i] = min(from_above, 254)
                    F[base + 16, i] = r - top
                    F[base + 17, i] = c - left
                    depth = 0
                    inside = True
                    while inside and depth < 6:
                        d = depth + 1
                        for s in range(4):
                            y, x = r + STEPS_R[s] * d, c + STEPS_C[s] * d
                            if y < 0 or y >= height or x < 0 or x >= width or labels[y * width + x] != o:
                                inside = False
                        if inside:
                            depth += 1
                    F[base + 18, i] = depth
                    F[base + 19, i] = colours
                    F[base + 20, i] = min(of_colour, 254)
                    if way == 1:
                        F[36, i] = touching[o]
                        F[41, i] = 0
                        j = r * width + left + right - c
                        F[41, i] = grid[j] if labels[j] == o else 0
                        j = (top + bottom - r) * width + c
                        F[42, i] = grid[j] if labels[j] == o else 0
                    if way == 2:
                        F[38, i] = table[5, o]
                        F[39, i] = table[7, o]
        # empty cells tell what stands around them
        for i in range(n):
            if labels[i] == 0:
                for k in range(_NUM_PER_OBJECT):
                    F[base + k, i] = 0
                if way == 1:
                    F[36, i] = 0
                if way == 2:
                    F[38, i] = 0
                    F[39, i] = 0
            if way == 1:
                F[33, i] = table[5, largest] if largest else 0
                F[34, i] = table[5, smallest] if smallest else 0
                F[45, i] = single if singles == 1 else 0
                F[P + 28, i] = min(count, 254)
        if way == 1:
            # the smallest box of an object of one colour around the cell
            for i in range(n):
                F[40, i] = grid[i]
                F[P + 39, i] = 0
            for o in range(1, count + 1):
                for r in range(table[1, o], table[3, o] + 1):
                    for c in range(table[2, o], table[4, o] + 1):
                        i = r * width + c
                        if grid[i] == 0 and (F[P + 39, i] == 0 or table[0, o] < F[P + 39, i]):
                            F[40, i] = table[5, o]
                            F[P + 39, i] = min(table[0, o], 254)
                            F[P + 38, i] = max(F[P + 38, i], 1)
    # ---- what covers would hide
    hidden = rarest_to_hide(grid, height, width)
    whole = np.zeros(MAX_CELLS, np.uint8)
    found = complete_symmetry(grid, height, width, hidden, whole) if hidden else False
    if not found:
        found = complete_symmetry(grid, height, width, 0, whole)
    for i in range(n):
        F[46, i] = whole[i] if found else NONE
    found = complete_period(grid, height, width, hidden, whole) if hidden else False
    if not found:
        found = complete_period(grid, height, width, 0, whole)
    for i in range(n):
        F[47, i] = whole[i] if found else NONE
