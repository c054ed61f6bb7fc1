"""What a picture and the output that is wanted have in common: numbers from which a network tells what to do next.

Each is a share or a small count brought near [0, 1]. `compare` tells of one pair of grids; `summary` of all
demonstrations of a task at once, as the mean, the least and the most of each number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from world.compiling import njit
from world.puzzles.features import MAX_CELLS, MAX_SIDE, SIDE, STEPS_C, STEPS_R, box_of, find_panels, label

NUM_COMPARED = 128
NUM_SUMMARY = 3 * NUM_COMPARED


@njit(cache=True)
def _turned(r, c, high, wide, s):
    """The cell of a grid that lies at (r, c) of its turned picture, which has `high` x `wide` cells."""
    if s == 0:
        return r, c
    if s == 1:
        return high - 1 - r, wide - 1 - c
    if s == 2:
        return r, wide - 1 - c
    if s == 3:
        return high - 1 - r, c
    if s == 4:
        return c, r
    if s == 5:
        return wide - 1 - c, r
    if s == 6:
        return c, high - 1 - r
    return wide - 1 - c, high - 1 - r


@njit(cache=True)
def _same_colours(p, o, start, step, length):
    """Whether a line of two grids has equally many cells of each colour in both."""
    counts = np.zeros(10, np.int64)
    for k in range(length):
        counts[p[start + k * step]] += 1
        counts[o[start + k * step]] -= 1
    return 1 if (counts == 0).all() else 0


@njit(cache=True)
def _ratio(a, b, x, at):
    """Five marks for how a length becomes another."""
    x[at] = 1.0 if a == b else 0.0
    x[at + 1] = 1.0 if b == 2 * a else 0.0
    x[at + 2] = 1.0 if b == 3 * a else 0.0
    x[at + 3] = 1.0 if 2 * b == a or 2 * b + 1 == a else 0.0
    x[at + 4] = min(b / a, 4.0) / 4.0


@njit(cache=True)
def _largest_place(small, sh, sw, large, lh, lw):
    """The largest share of a smaller grid's cells that agree with a larger one somewhere, and where."""
    best, best_r, best_c = 0, 0, 0
    for top in range(lh - sh + 1):
        for left in range(lw - sw + 1):
            same = 0
            wrong = 0
            limit = sh * sw - best
            for r in range(sh):
                for c in range(sw):
                    if small[r * sw + c] == large[(top + r) * lw + left + c]:
                        same += 1
                    else:
                        wrong += 1
                if wrong >= limit:
                    break
            if same > best:
                best, best_r, best_c = same, top, left
    return best / (sh * sw), best_r, best_c


@njit(cache=True)
def compare(p, ph, pw, o, oh, ow, x):
    """Fill `x` (NUM_COMPARED,) float32 with what picture `p` and output `o` have in common."""
    for k in range(NUM_COMPARED):
        x[k] = 0.0
    n, m = ph * pw, oh * ow
    _ratio(ph, oh, x, 0)
    _ratio(pw, ow, x, 5)
    x[10] = ph / 30.0
    x[11] = pw / 30.0
    x[12] = oh / 30.0
    x[13] = ow / 30.0
    x[14] = 1.0 if ph == pw else 0.0
    x[15] = 1.0 if oh == ow else 0.0
    x[16] = 1.0 if oh == ph + 2 and ow == pw + 2 else 0.0
    x[17] = 1.0 if oh + 2 == ph and ow + 2 == pw else 0.0
    x[18] = 1.0 if oh == ph * ph and ow == pw * pw else 0.0
    x[19] = 1.0 if oh == 1 or ow == 1 else 0.0
    in_p = np.zeros(10, np.int64)
    in_o = np.zeros(10, np.int64)
    for i in range(n):
        in_p[p[i]] += 1
    for i in range(m):
        in_o[o[i]] += 1
    kept, new, lost, colours_p, colours_o, equal_counts = 0, 0, 0, 0, 0, 1
    for v in range(1, 10):
        colours_p += 1 if in_p[v] else 0
        colours_o += 1 if in_o[v] else 0
        kept += 1 if in_p[v] and in_o[v] else 0
        new += 1 if in_o[v] and not in_p[v] else 0
        lost += 1 if in_p[v] and not in_o[v] else 0
        equal_counts &= in_p[v] == in_o[v]
        x[20 + v] = (1.0 if in_p[v] else 0.0) - (1.0 if in_o[v] else 0.0)
    x[20] = kept / 9.0
    x[30] = min(new, 3) / 3.0
    x[31] = min(lost, 3) / 3.0
    x[32] = colours_p / 9.0
    x[33] = colours_o / 9.0
    x[34] = equal_counts
    x[35] = in_p[0] / n
    x[36] = in_o[0] / m
    coloured_p, coloured_o = n - in_p[0], m - in_o[0]
    x[37] = 1.0 if coloured_p == coloured_o else 0.0
    x[38] = min(coloured_o / max(coloured_p, 1), 4.0) / 4.0
    x[39] = 1.0 if oh == colours_p or ow == colours_p else 0.0
    # ---- agreement as it is and turned
    for s in range(8):
        high, wide = (ph, pw) if s < 4 else (pw, ph)
        if high != oh or wide != ow:
            continue
        same = 0
        for r in range(high):
            for c in range(wide):
                y, z = _turned(r, c, high, wide, s)
                same += 1 if p[y * pw + z] == o[r * ow + c] else 0
        x[40 + s] = same / m
        x[48 + s] = 1.0 if same == m else 0.0
    # ---- symmetry of each
    for which in range(2):
        g, h, w = (p, ph, pw) if which == 0 else (o, oh, ow)
        for s in range(1, 5):
            if s == 4 and h != w:
                continue
            same = 0
            for r in range(h):
                for c in range(w):
                    y, z = _turned(r, c, h, w, s)
                    same += 1 if g[y * w + z] == g[r * w + c] else 0
            x[56 + which * 4 + s - 1] = same / (h * w)
    if ph == oh and pw == ow:
        added, removed, recoloured, rows, cols = 0, 0, 0, 0, 0
        for i in range(n):
            if p[i] != o[i]:
                added += 1 if p[i] == 0 else 0
                removed += 1 if o[i] == 0 else 0
                recoloured += 1 if p[i] and o[i] else 0
        x[64] = 1.0
        x[65] = added / n
        x[66] = removed / n
        x[67] = recoloured / n
        x[68] = 1.0 if added == 0 else 0.0
        x[69] = 1.0 if removed == 0 else 0.0
        x[70] = 1.0 if recoloured == 0 else 0.0
        for r in range(ph):
            rows += _same_colours(p, o, r * pw, 1, pw)
        for c in range(pw):
            cols += _same_colours(p, o, c, pw, ph)
        x[71] = rows / ph
        x[72] = cols / pw
        # best agreement when shifted by one
        for s in range(8):
            dr = STEPS_R[s]
            dc = STEPS_C[s]
            same, all_ = 0, 0
            for r in range(ph):
                for c in range(pw):
                    y, z = r - dr, c - dc
                    if 0 <= y < ph and 0 <= z < pw:
                        all_ += 1
                        same += 1 if p[y * pw + z] == o[r * pw + c] else 0
            x[73 + s] = same / max(all_, 1)
        lower, upper, lefts, rights = 0, 0, 0, 0
        for i in range(n):
            if o[i]:
                r = i // pw
                c = i - r * pw
                lower += r
                lefts += c
            if p[i]:
                r = i // pw
                c = i - r * pw
                upper += r
                rights += c
        x[81] = (lower / max(coloured_o, 1) - upper / max(coloured_p, 1)) / ph
        x[82] = (lefts / max(coloured_o, 1) - rights / max(coloured_p, 1)) / pw
    # ---- one inside the other
    if oh <= ph and ow <= pw and m < n:
        share, top, left = _largest_place(o, oh, ow, p, ph, pw)
        x[83] = share
        x[84] = 1.0 if share == 1.0 else 0.0
        x[85] = top / ph
        x[86] = left / pw
        x[87] = 1.0 if top == 0 and left == 0 else 0.0
    if ph <= oh and pw <= ow and n < m:
        share, top, left = _largest_place(p, ph, pw, o, oh, ow)
        x[88] = share
        x[89] = 1.0 if share == 1.0 else 0.0
        x[90] = 1.0 if top == 0 and left == 0 else 0.0
        x[91] = top / oh
        x[92] = left / ow
        if oh % ph == 0 and ow % pw == 0:
            # as tiles, as they are and mirrored, and as blocks
            tiles, blocks, mirrored, any_empty = 0, 0, 0, 0
            for r in range(oh):
                for c in range(ow):
                    v = o[r * ow + c]
                    y, z = r % ph, c % pw
                    tiles += 1 if p[y * pw + z] == v else 0
                    blocks += 1 if p[(r // (oh // ph)) * pw + c // (ow // pw)] == v else 0
                    yy = ph - 1 - y if (r // ph) & 1 else y
                    zz = pw - 1 - z if (c // pw) & 1 else z
                    mirrored += 1 if p[yy * pw + zz] == v else 0
                    any_empty += 1 if v == 0 or p[y * pw + z] == v else 0
            x[93] = tiles / m
            x[94] = blocks / m
            x[95] = mirrored / m
            x[96] = any_empty / m
    # ---- boxes, panels and objects
    top, left, bottom, right = box_of(p, ph, pw, 0)
    high, wide = max(bottom - top + 1, 0), max(right - left + 1, 0)
    x[97] = 1.0 if high == oh and wide == ow else 0.0
    x[98] = 1.0 if high == oh + 2 and wide == ow + 2 else 0.0
    for v in range(1, 10):
        if in_p[v]:
            top, left, bottom, right = box_of(p, ph, pw, v)
            high, wide = bottom - top + 1, right - left + 1
            x[98 + v] = 1.0 if high == oh and wide == ow else (0.5 if high == oh + 2 and wide == ow + 2 else 0.0)
    row_of = np.zeros(MAX_SIDE, np.int32)
    col_of = np.zeros(MAX_SIDE, np.int32)
    rows, cols, side_r, side_c = find_panels(p, ph, pw, row_of, col_of)
    x[108] = 1.0 if rows > 0 else 0.0
    x[109] = 1.0 if rows > 0 and side_r == oh and side_c == ow else 0.0
    x[110] = 1.0 if rows > 0 and rows == oh and cols == ow else 0.0
    labels = np.zeros(MAX_CELLS, np.int32)
    stack = np.zeros(1200, np.int32)
    for way in range(3):
        in_picture = label(p, ph, pw, way > 0, way < 2, 0, labels, stack)
        in_output = label(o, oh, ow, way > 0, way < 2, 0, labels, stack)
        x[111 + way] = min(in_picture, 20) / 20.0
        x[114 + way] = min(in_output, 20) / 20.0
        x[117 + way] = 1.0 if in_picture == in_output else 0.0
        x[120 + way] = 1.0 if in_picture in (ow, oh) else 0.0
    inside = label(p, ph, pw, False, False, 1, labels, stack)
    outside = label(o, oh, ow, False, False, 1, labels, stack)
    x[123] = min(inside, 10) / 10.0
    x[124] = min(outside, 10) / 10.0
    x[125] = 1.0 if inside == outside else 0.0
    x[126] = 1.0 if in_o[0] == 0 else 0.0
    x[127] = 1.0 if in_p[0] == 0 else 0.0


@njit(cache=True)
def summary(pictures, starts, sizes, outputs, out_starts, out_sizes, num_demos, made):
    """Mean, least and most of each number over a task's demonstrations; `made` (NUM_SUMMARY,) float32."""
    x = np.zeros(NUM_COMPARED, np.float32)
    for k in range(NUM_COMPARED):
        made[k] = 0.0
        made[NUM_COMPARED + k] = 1e9
        made[2 * NUM_COMPARED + k] = -1e9
    for d in range(num_demos):
        ph, pw = sizes[d] // SIDE, sizes[d] % SIDE
        oh, ow = out_sizes[d] // SIDE, out_sizes[d] % SIDE
        picture = pictures[starts[d] : starts[d] + ph * pw]
        output = outputs[out_starts[d] : out_starts[d] + oh * ow]
        compare(picture, ph, pw, output, oh, ow, x)
        for k in range(NUM_COMPARED):
            made[k] += x[k] / num_demos
            made[NUM_COMPARED + k] = min(made[NUM_COMPARED + k], x[k])
            made[2 * NUM_COMPARED + k] = max(made[2 * NUM_COMPARED + k], x[k])


def summary_of(pictures: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> np.ndarray:
    """The summary (NUM_SUMMARY,) float32 of pictures (H, W) uint8 and the outputs that are wanted of them."""
    first, second = _flat(pictures), _flat(outputs)
    made = np.empty(NUM_SUMMARY, np.float32)
    summary(*first, *second, len(pictures), made)
    return made


def _flat(grids: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cells = np.concatenate([grid.ravel() for grid in grids])
    starts = np.cumsum([0, *(grid.size for grid in grids[:-1])]).astype(np.int64)
    return cells, starts, np.array([grid.shape[0] * SIDE + grid.shape[1] for grid in grids], np.int64)
