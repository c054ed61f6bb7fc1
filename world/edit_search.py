"""The search for a short code of `world.codec`: several ways to read a pair of grids, of which the cheapest is kept.

Ways to begin: nothing, edits of organisms, the same with copies, a window of the grid, the turned or tiled picture.
What is then still wrong is told cell by cell, in rectangles and rays, over one painted box, or within a selection,
where organisms are read anew. Each way is greedy; all that is built on the way is built by the decoder's own functions,
so a bad guess costs bits and never a wrong grid. To keep the parse of fewest bits is the principle of minimum
description length (Rissanen 1978, https://doi.org/10.1016/0005-1098(78)90005-5); the ways themselves are ours.
"""

from __future__ import annotations

import numpy as np

from world.compiling import njit
from world.edit_rules import (
    COLUMNS,
    COPY,
    CROP,
    DEL,
    END,
    GIVE,
    INK,
    INTO,
    IS_GONE,
    IS_MOVED,
    IS_TURNED,
    MAX_ORGANISMS,
    MAX_SIDE_CELLS,
    MOVE,
    NUM_ARGUMENTS,
    NUM_COLOURS,
    NUM_OPERATIONS,
    PAINT,
    RAY,
    RECT,
    ROWS,
    SEL,
    SET,
    SIZE,
    SYMMETRY,
    TURN,
    TURNS,
    ZERO_TOKEN,
    fill_costs,
    list_cells,
    no_fates,
    number_organisms,
    organisms_of,
    put_objects,
    put_picture,
    resized,
    turned,
    turned_sides,
    window_of,
)
from world.symmetry import STEPS

_STEPS = np.array(list(STEPS.values()), np.int64)
# rays that go on in reading order first: of two ways to tell a line that is the plainer one
_RAYS = np.array([list(STEPS).index(name) for name in sorted(STEPS, key=lambda name: STEPS[name] < (0, 0))], np.int64)
_LENGTH, _UNITS = 0, 1  # what a pen holds: tokens written, and what they cost
_MAX_COPIES = 128
# at most: a cell in 4 tokens; copies of the picture, which spare two cells each; organisms; window, selection and ends
MAX_TOKENS = 4 * MAX_SIDE_CELLS**2 + 5 * MAX_SIDE_CELLS**2 // 2 + 15 * MAX_ORGANISMS + 5 * _MAX_COPIES + 32
_MAX_TURNED_CELLS = 100  # larger organisms are not tried in other positions than their own, to bound the time
_NO_LIMIT = 2**62


@njit("void(int16[::1], int64[::1], int64[::1], int64, int64, int64, int64, int64, int64)", cache=True)
def _write(trial, pen, costs, operation, a, b, c, d, e):
    """Append one edit to a trial."""
    at = pen[_LENGTH]
    trial[at] = operation
    for k in range(NUM_ARGUMENTS[operation]):
        value = a if k == 0 else b if k == 1 else c if k == 2 else d if k == 3 else e
        trial[at + 1 + k] = ZERO_TOKEN[operation, k] + value
    pen[_LENGTH] = at + 1 + NUM_ARGUMENTS[operation]
    pen[_UNITS] += costs[operation]


@njit(cache=True)
def _copy_pen(pen, to):
    """Element by element, as everywhere here: assignments of whole arrays take numba seconds to compile."""
    to[_LENGTH] = pen[_LENGTH]
    to[_UNITS] = pen[_UNITS]


@njit("void(int16[::1], int64[::1], int64[::1], int64, int16[::1], int64[::1], int64)", cache=True)
def _finish(trial, pen, costs, num_ends, best, best_pen, limit):
    """Close a trial, and keep it if it is cheaper than the best and has at most `limit` tokens."""
    for _ in range(num_ends):
        _write(trial, pen, costs, END, 0, 0, 0, 0, 0)
    if pen[_UNITS] < best_pen[_UNITS] and pen[_LENGTH] <= limit:
        for k in range(pen[_LENGTH]):
            best[k] = trial[k]
        _copy_pen(pen, best_pen)


@njit(cache=True)
def _write_cells(built, after, trial, pen, costs):
    """SET for each cell that differs."""
    for row in range(after.shape[0]):
        for col in range(after.shape[1]):
            if built[row, col] != after[row, col]:
                _write(trial, pen, costs, SET, row, col, after[row, col], 0, 0)


@njit(cache=True)
def _is_any_open(is_open, first_row, last_row, col):
    count = 0
    for row in range(first_row, last_row + 1):
        count += is_open[row, col]
    return count > 0


@njit(cache=True)
def _find_rectangle(is_open, after, row, col, found):
    """The rectangle of one colour with (row, col) in its first row that has most open cells; how many."""
    colour = after[row, col]
    low, high = 0, after.shape[1] - 1
    most = 0
    count_of_col = np.zeros(after.shape[1], np.int64)
    for last in range(row, after.shape[0]):
        if after[last, col] != colour:
            break
        left = col
        while left > low and after[last, left - 1] == colour:
            left -= 1
        right = col
        while right < high and after[last, right + 1] == colour:
            right += 1
        low, high = left, right
        count = 0
        for i in range(low, high + 1):
            count_of_col[i] += is_open[last, i]
            count += count_of_col[i]
        if count > most:
            most = count
            found[0], found[1], found[2], found[3] = row, low, last, high
    # no wider than it need be; its last row has an open cell, or it would not have had more than the one before
    while not _is_any_open(is_open, found[0], found[2], found[1]):
        found[1] += 1
    while not _is_any_open(is_open, found[0], found[2], found[3]):
        found[3] -= 1
    return most


@njit(cache=True)
def _find_ray(is_open, snapshot, after, row, col, direction, found):
    """The ray through (row, col) that starts as far back as it may; its open cells, or 0 if it spoils one."""
    colour, ground = after[row, col], snapshot[row, col]
    d_row, d_col = _STEPS[direction, 0], _STEPS[direction, 1]
    height, width = after.shape
    found[0], found[1] = row, col
    at_row, at_col = row, col
    while 0 <= at_row < height and 0 <= at_col < width:
        if after[at_row, at_col] != colour or snapshot[at_row, at_col] != ground:
            break
        if is_open[at_row, at_col]:
            found[0], found[1] = at_row, at_col
        at_row -= d_row
        at_col -= d_col
    count = 0
    at_row, at_col = found[0], found[1]
    while 0 <= at_row < height and 0 <= at_col < width and snapshot[at_row, at_col] == ground:
        if after[at_row, at_col] != colour:
            return 0
        count += is_open[at_row, at_col]
        at_row += d_row
        at_col += d_col
    return count


@njit(cache=True)
def _write_drawn(built, snapshot, after, trial, pen, costs):
    """Rectangles, then rays, then cells, each list in reading order; none colours a cell wrongly, so order is free."""
    height, width = after.shape
    is_open = np.empty((height, width), np.bool_)
    for row in range(height):
        for col in range(width):
            is_open[row, col] = built[row, col] != after[row, col]
    rectangles = np.empty((height * width, 4), np.int64)
    rays = np.empty((height * width, 3), np.int64)
    is_set = np.zeros((height, width), np.bool_)
    num_rectangles, num_rays = 0, 0
    found = np.zeros(4, np.int64)
    found_ray = np.zeros(2, np.int64)
    for row in range(height):
        for col in range(width):
            if not is_open[row, col]:
                continue
            best_gain, best_way, start_row, start_col = 0, -1, row, col
            count = _find_rectangle(is_open, after, row, col, found)
            if count > 1:
                gain = count * costs[SET] - costs[RECT]
                if gain > best_gain:
                    best_gain, best_way = gain, 8
            for direction in _RAYS:
                count = _find_ray(is_open, snapshot, after, row, col, direction, found_ray)
                if count > 1:
                    gain = count * costs[SET] - costs[RAY]
                    if gain > best_gain:
                        best_gain, best_way = gain, direction
                        start_row, start_col = found_ray[0], found_ray[1]
            if best_way == 8:
                for k in range(4):
                    rectangles[num_rectangles, k] = found[k]
                num_rectangles += 1
                for at_row in range(found[0], found[2] + 1):
                    for at_col in range(found[1], found[3] + 1):
                        is_open[at_row, at_col] = False
            elif best_way >= 0:
                rays[num_rays, 0], rays[num_rays, 1], rays[num_rays, 2] = start_row, start_col, best_way
                num_rays += 1
                ground = snapshot[start_row, start_col]
                at_row, at_col = start_row, start_col
                while 0 <= at_row < height and 0 <= at_col < width and snapshot[at_row, at_col] == ground:
                    is_open[at_row, at_col] = False
                    at_row += _STEPS[best_way, 0]
                    at_col += _STEPS[best_way, 1]
            else:
                is_set[row, col] = True
                is_open[row, col] = False
    _sort(rectangles, num_rectangles)
    for k in range(num_rectangles):
        top, left, bottom, right = rectangles[k, 0], rectangles[k, 1], rectangles[k, 2], rectangles[k, 3]
        _write(trial, pen, costs, RECT, top, left, bottom - top + 1, right - left + 1, after[top, left])
    _sort(rays, num_rays)
    for k in range(num_rays):
        row, col = rays[k, 0], rays[k, 1]
        _write(trial, pen, costs, RAY, row, col, rays[k, 2], after[row, col], 0)
    for row in range(height):
        for col in range(width):
            if is_set[row, col]:
                _write(trial, pen, costs, SET, row, col, after[row, col], 0, 0)


@njit("void(int64[:, ::1], int64)", cache=True)
def _sort(table, num_rows):
    """The first rows of a table in the order of their entries, in place; they are few."""
    num_columns = table.shape[1]
    for i in range(1, num_rows):
        j = i
        while j > 0:
            k = 0
            while k < num_columns - 1 and table[j, k] == table[j - 1, k]:
                k += 1
            if table[j, k] >= table[j - 1, k]:
                break
            for c in range(num_columns):
                table[j, c], table[j - 1, c] = table[j - 1, c], table[j, c]
            j -= 1


@njit(cache=True)
def _find_changed_box(built, after, box):
    """How many cells differ; `box` becomes first row, first column, height and width of what holds them all."""
    top, left, bottom, right = after.shape[0], after.shape[1], -1, -1
    count = 0
    for row in range(after.shape[0]):
        for col in range(after.shape[1]):
            if built[row, col] != after[row, col]:
                count += 1
                top, bottom = min(top, row), max(bottom, row)
                left, right = min(left, col), max(right, col)
    box[0], box[1], box[2], box[3] = top, left, bottom - top + 1, right - left + 1
    return count


@njit(
    "void(uint8[:, ::1], uint8[:, ::1], int16[::1], int64[::1], int64[::1], int64, int16[::1], int64[::1], int64)",
    cache=True,
)
def _try_rests(built, after, trial, pen, costs, num_ends, best, best_pen, limit):
    """From what is built and written so far to the end, in the ways that need no objects."""
    if pen[_UNITS] + num_ends * costs[END] >= best_pen[_UNITS]:
        return
    box = np.empty(4, np.int64)
    num_changed = _find_changed_box(built, after, box)
    begun = pen.copy()
    if pen[_UNITS] + num_changed * costs[SET] + num_ends * costs[END] < best_pen[_UNITS]:
        _write_cells(built, after, trial, pen, costs)
        _finish(trial, pen, costs, num_ends, best, best_pen, limit)
        _copy_pen(begun, pen)
    if num_changed < 2:
        return
    if begun[_UNITS] + min(costs[RECT], costs[RAY], 2 * costs[SET]) + num_ends * costs[END] >= best_pen[_UNITS]:
        return
    _write_drawn(built, built, after, trial, pen, costs)
    _finish(trial, pen, costs, num_ends, best, best_pen, limit)
    _copy_pen(begun, pen)
    if num_changed < 4:
        return
    # one box of the commonest colour first, and then what differs from that
    counts = np.zeros(NUM_COLOURS, np.int64)
    top, left, bottom, right = box[0], box[1], box[0] + box[2], box[1] + box[3]
    for row in range(top, bottom):
        for col in range(left, right):
            counts[after[row, col]] += 1
    colour = counts.argmax()
    if begun[_UNITS] + costs[RECT] + num_ends * costs[END] >= best_pen[_UNITS]:
        return
    painted = built.copy()
    for row in range(top, bottom):
        for col in range(left, right):
            painted[row, col] = colour
    _write(trial, pen, costs, RECT, top, left, box[2], box[3], colour)
    _write_drawn(painted, built, after, trial, pen, costs)
    _finish(trial, pen, costs, num_ends, best, best_pen, limit)
    _copy_pen(begun, pen)


@njit(cache=True)
def _match(
    cells, first, last, width_of_cells, box, symmetry, d_row, d_col, colour, canvas, after, is_claimed, marks, mark
):
    """How many changed cells an organism explains if it is turned and shifted, and how many it would spoil.

    `marks` gets `mark` where it would lie. Explained are the cells that it enters and those that it frees. -1 if it
    leaves the grid or lies wrongly with more than a third of its cells.
    """
    height, width = after.shape
    size = last - first
    entered, wrong = 0, 0
    for k in range(first, last):
        row, col = turned(
            cells[k] // width_of_cells - box[0], cells[k] % width_of_cells - box[1], box[2], box[3], symmetry
        )
        row += box[0] + d_row
        col += box[1] + d_col
        if row < 0 or row >= height or col < 0 or col >= width:
            return -1, 0
        marks[row, col] = mark
        if after[row, col] != colour:
            wrong += 1
            if 3 * wrong > size:
                return -1, 0
        elif canvas[row, col] != colour and not is_claimed[row, col]:
            entered += 1
    if entered == 0:
        return -1, 0
    freed, spoiled = 0, 0
    for k in range(first, last):
        row, col = cells[k] // width_of_cells, cells[k] % width_of_cells
        if row < height and col < width and marks[row, col] != mark:
            if after[row, col] == colour:
                spoiled += 1
            else:
                freed += 1
    return entered + freed, wrong + spoiled


@njit(cache=True)
def _choose_fates(picture, num_organisms, start, cells, box, after, canvas, costs, fates):
    """What seems to have happened to each organism that is not where it was; whether anything happened to any."""
    height, width = after.shape
    from_width = picture.shape[1]
    is_claimed = np.zeros((height, width), np.bool_)
    marks = np.zeros((height, width), np.int64)
    mark = 0
    is_any = False
    # the large ones first: they have fewer places to choose from
    order = np.arange(1, num_organisms + 1)
    for i in range(1, num_organisms):
        j = i
        while j > 0 and start[order[j] + 1] - start[order[j]] > start[order[j - 1] + 1] - start[order[j - 1]]:
            order[j], order[j - 1] = order[j - 1], order[j]
            j -= 1
    for n in order:
        first, last = start[n], start[n + 1]
        if first == last:
            continue
        size = last - first
        anchor_row, anchor_col = cells[first] // from_width, cells[first] % from_width
        colour = picture[anchor_row, anchor_col]
        colours = np.zeros(NUM_COLOURS, np.int64)
        for k in range(first, last):
            row, col = cells[k] // from_width, cells[k] % from_width
            if row < height and col < width:
                colours[after[row, col]] += 1
        if colour == 0 or colours[colour] == size:
            continue
        best_gain = (colours[0] - colours[colour]) * costs[SET] - costs[DEL]
        fate = DEL
        if best_gain <= 0:
            best_gain, fate = 0, SET
        to_colour = 1 + colours[1:].argmax()
        gain = (colours[to_colour] - colours[colour]) * costs[SET] - costs[PAINT]
        if to_colour != colour and gain > best_gain:
            best_gain, fate = gain, PAINT
        # the nearest of the places that explain most; then the first in reading order
        best_rows, best_cols, best_symmetry, best_way, is_whole = 0, 0, 0, _NO_LIMIT, False
        for symmetry in range(8):
            if symmetry > 0 and (is_whole or size == 1 or size > _MAX_TURNED_CELLS):
                break
            turned_row, turned_col = turned(
                anchor_row - box[n, 0], anchor_col - box[n, 1], box[n, 2], box[n, 3], symmetry
            )
            turned_row += box[n, 0]
            turned_col += box[n, 1]
            for row in range(height):
                for col in range(width):
                    if after[row, col] != colour:
                        continue
                    rows, cols = row - turned_row, col - turned_col
                    if symmetry == 0 and rows == 0 and cols == 0:
                        continue
                    mark += 1
                    right, wrong = _match(
                        cells, first, last, from_width, box[n], symmetry, rows, cols, colour, canvas, after,
                        is_claimed, marks, mark,
                    )  # fmt: skip
                    if right < 0:
                        continue
                    gain = (right - wrong) * costs[SET]
                    if symmetry == 0 or rows != 0 or cols != 0:
                        gain -= costs[MOVE]
                    if symmetry > 0:
                        gain -= costs[TURN]
                    way = abs(rows) + abs(cols)
                    if gain > best_gain or (gain == best_gain and fate == MOVE and way < best_way):
                        best_gain, fate, best_way = gain, MOVE, way
                        best_rows, best_cols, best_symmetry = rows, cols, symmetry
                        is_whole = wrong == 0
        if fate == SET:
            continue
        is_any = True
        if fate == DEL:
            fates[n, IS_GONE] = 1
        elif fate == PAINT:
            fates[n, INK] = to_colour
        else:
            fates[n, ROWS], fates[n, COLUMNS], fates[n, SYMMETRY] = best_rows, best_cols, best_symmetry
            fates[n, IS_TURNED] = np.int64(best_symmetry > 0)
            fates[n, IS_MOVED] = np.int64(best_symmetry == 0 or best_way > 0)
            for k in range(first, last):
                row, col = turned(
                    cells[k] // from_width - box[n, 0], cells[k] % from_width - box[n, 1],
                    box[n, 2], box[n, 3], best_symmetry,
                )  # fmt: skip
                row += box[n, 0] + best_rows
                col += box[n, 1] + best_cols
                is_claimed[row, col] = is_claimed[row, col] or after[row, col] == colour
    return is_any


@njit(cache=True)
def _join_neighbours(picture, numbers, num_organisms, start, cells, costs, fates):
    """Where a painted organism touches one of the new colour to which nothing happens, it joins that one instead."""
    height, width = picture.shape
    if costs[GIVE] > costs[PAINT]:
        return
    for n in range(1, num_organisms + 1):
        if fates[n, INK] < 0:
            continue
        joins = MAX_ORGANISMS + 1
        for k in range(start[n], start[n + 1]):
            for direction in range(4):
                row, col = cells[k] // width + _STEPS[direction, 0], cells[k] % width + _STEPS[direction, 1]
                if row < 0 or row >= height or col < 0 or col >= width:
                    continue
                other = numbers[row, col]
                if other == 0 or other >= joins or picture[row, col] != fates[n, INK]:
                    continue
                is_left_alone = fates[other, INK] < 0 and fates[other, INTO] == 0
                if is_left_alone and fates[other, IS_GONE] + fates[other, IS_MOVED] + fates[other, IS_TURNED] == 0:
                    joins = other
        if joins <= MAX_ORGANISMS:
            fates[n, INTO], fates[n, INK] = joins, -1


@njit(cache=True)
def _find_copies(picture, num_organisms, start, cells, box, after, built, costs, fates, copies):
    """Copies that explain at least two open cells and colour none wrongly, by the first cell that each explains."""
    height, width = after.shape
    from_width = picture.shape[1]
    built = built.copy()
    num_copies = 0
    has_grown = np.zeros(MAX_ORGANISMS + 1, np.bool_)
    for n in range(1, num_organisms + 1):
        has_grown[fates[n, INTO]] = True
    for row in range(height):
        for col in range(width):
            colour = after[row, col]
            if built[row, col] == colour or colour == 0:
                continue
            best_gain, best_n, best_symmetry, best_top, best_left = 0, 0, 0, 0, 0
            for n in range(1, num_organisms + 1):
                first, last = start[n], start[n + 1]
                size = last - first
                if size < 2 or size > _MAX_TURNED_CELLS or fates[n, INTO] > 0 or has_grown[n]:
                    continue
                ink = fates[n, INK]
                if ink < 0:
                    ink = np.int64(picture[cells[first] // from_width, cells[first] % from_width])
                if ink != colour:
                    continue
                for symmetry in range(8):
                    # the first cell in reading order of the turned shape goes to the open cell
                    first_row, first_col = MAX_SIDE_CELLS, 0
                    for k in range(first, last):
                        to_row, to_col = turned(
                            cells[k] // from_width - box[n, 0], cells[k] % from_width - box[n, 1],
                            box[n, 2], box[n, 3], symmetry,
                        )  # fmt: skip
                        if to_row < first_row or (to_row == first_row and to_col < first_col):
                            first_row, first_col = to_row, to_col
                    top, left = row - first_row, col - first_col
                    gain = -costs[COPY]
                    for k in range(first, last):
                        to_row, to_col = turned(
                            cells[k] // from_width - box[n, 0], cells[k] % from_width - box[n, 1],
                            box[n, 2], box[n, 3], symmetry,
                        )  # fmt: skip
                        to_row += top
                        to_col += left
                        if to_row < 0 or to_row >= height or to_col < 0 or to_col >= width:
                            gain = -1
                            break
                        if after[to_row, to_col] != colour:
                            gain = -1
                            break
                        if built[to_row, to_col] != colour:
                            gain += costs[SET]
                    if gain > best_gain:
                        best_gain, best_n, best_symmetry, best_top, best_left = gain, n, symmetry, top, left
            if best_n == 0:
                continue
            for k in range(start[best_n], start[best_n + 1]):
                to_row, to_col = turned(
                    cells[k] // from_width - box[best_n, 0], cells[k] % from_width - box[best_n, 1],
                    box[best_n, 2], box[best_n, 3], best_symmetry,
                )  # fmt: skip
                built[best_top + to_row, best_left + to_col] = colour
            copies[num_copies, 0], copies[num_copies, 1], copies[num_copies, 2] = best_n, best_top, best_left
            copies[num_copies, 3], copies[num_copies, 4] = best_symmetry, 0
            num_copies += 1
            if num_copies == _MAX_COPIES:
                return num_copies
    return num_copies


@njit(cache=True)
def _write_objects(num_organisms, fates, copies, num_copies, trial, pen, costs):
    for n in range(1, num_organisms + 1):
        if fates[n, INTO] > 0:
            _write(trial, pen, costs, GIVE, n, fates[n, INTO], 0, 0, 0)
    for n in range(1, num_organisms + 1):
        if fates[n, INK] >= 0:
            _write(trial, pen, costs, PAINT, n, fates[n, INK], 0, 0, 0)
    for n in range(1, num_organisms + 1):
        if fates[n, IS_GONE] > 0:
            _write(trial, pen, costs, DEL, n, 0, 0, 0, 0)
    for n in range(1, num_organisms + 1):
        if fates[n, IS_MOVED] > 0:
            _write(trial, pen, costs, MOVE, n, fates[n, ROWS], fates[n, COLUMNS], 0, 0)
    for n in range(1, num_organisms + 1):
        if fates[n, IS_TURNED] > 0:
            _write(trial, pen, costs, TURN, n, fates[n, SYMMETRY], 0, 0, 0)
    for k in range(num_copies):
        _write(trial, pen, costs, COPY, copies[k, 0], copies[k, 1], copies[k, 2], copies[k, 3], 0)


@njit(cache=True)
def _plan_objects(picture, numbers, num_organisms, canvas, after, costs, fates, copies):
    """Fates and copies of organisms that lead from `canvas` towards `after`: if any has a fate, and how many copies."""
    start = np.empty(MAX_ORGANISMS + 2, np.int64)
    cells = np.empty(picture.shape[0] * picture.shape[1], np.int64)
    box = np.empty((MAX_ORGANISMS + 1, 4), np.int64)
    list_cells(numbers, num_organisms, start, cells, box)
    is_any = _choose_fates(picture, num_organisms, start, cells, box, after, canvas, costs, fates)
    built = canvas
    if is_any:
        _join_neighbours(picture, numbers, num_organisms, start, cells, costs, fates)
        built = canvas.copy()
        put_objects(picture, numbers, num_organisms, fates, copies, 0, built)
    return is_any, _find_copies(picture, num_organisms, start, cells, box, after, built, costs, fates, copies)


# beginnings: fates of organisms, fates and copies, nothing
_FATES, _COPIES, _NOTHING = range(3)


@njit(cache=True)
def _begin(way, picture, numbers, num_organisms, canvas, fates, copies, num_copies, trial, pen, costs):
    """Write one beginning, and what it builds."""
    built = canvas.copy()
    if way == _NOTHING:
        return built
    if way == _FATES:
        num_copies = 0
    put_objects(picture, numbers, num_organisms, fates, copies, num_copies, built)
    _write_objects(num_organisms, fates, copies, num_copies, trial, pen, costs)
    return built


@njit(cache=True)
def _try_selection(built, after, trial, pen, costs, best, best_pen, limit):
    """All that still differs within one selection, in which organisms are numbered anew."""
    box = np.empty(4, np.int64)
    # positions in more than half of the grid are hardly shorter than in all of it
    if _find_changed_box(built, after, box) < 2 or 2 * box[2] * box[3] > after.size:
        return
    # a selection holds one edit at least, and its own END
    if pen[_UNITS] + costs[SEL] + 3 * costs[END] >= best_pen[_UNITS]:
        return
    top, left = box[0], box[1]
    selected, wanted = window_of(built, top, left, box[2], box[3]), window_of(after, top, left, box[2], box[3])
    numbers, num_organisms = number_organisms(selected)
    inner = np.empty(NUM_OPERATIONS, np.int64)
    fill_costs(inner, box[2], box[3], box[2], box[3], num_organisms)
    fates = no_fates()
    copies = np.empty((_MAX_COPIES, 5), np.int64)
    is_any, num_copies = _plan_objects(selected, numbers, num_organisms, selected, wanted, inner, fates, copies)
    begun = pen.copy()
    for way in range(3):
        if (way == _FATES and not is_any) or (way == _COPIES and num_copies == 0):
            continue
        _write(trial, pen, costs, SEL, top, left, box[2], box[3], 0)
        inner_built = _begin(
            way, selected, numbers, num_organisms, selected, fates, copies, num_copies, trial, pen, inner
        )
        _try_rests(inner_built, wanted, trial, pen, inner, 2, best, best_pen, limit)
        _copy_pen(begun, pen)


@njit(cache=True)
def _try_objects(picture, numbers, num_organisms, canvas, after, trial, pen, costs, best, best_pen, limit):
    """From a picture whose organisms can be named, on a canvas: each beginning, with and without a selection."""
    fates = no_fates()
    copies = np.empty((_MAX_COPIES, 5), np.int64)
    is_any, num_copies = _plan_objects(picture, numbers, num_organisms, canvas, after, costs, fates, copies)
    begun = pen.copy()
    for way in range(3):
        if (way == _FATES and not is_any) or (way == _COPIES and num_copies == 0):
            continue
        built = _begin(way, picture, numbers, num_organisms, canvas, fates, copies, num_copies, trial, pen, costs)
        _try_rests(built, after, trial, pen, costs, 1, best, best_pen, limit)
        _try_selection(built, after, trial, pen, costs, best, best_pen, limit)
        _copy_pen(begun, pen)


@njit("int64(uint8[:, ::1], int64, int64, int64, int64, int64, uint8[:, ::1], int64, int64, int64)", cache=True)
def _count_wrong(picture, top, left, height, width, symmetry, after, to_row, to_col, enough):
    """How many cells differ if a window of the picture is turned and put at (to_row, to_col); stops at `enough`."""
    wrong = 0
    for row in range(height):
        for col in range(width):
            at_row, at_col = turned(row, col, height, width, symmetry)
            if after[to_row + at_row, to_col + at_col] != picture[top + row, left + col]:
                wrong += 1
                if wrong >= enough:
                    return wrong
    return wrong


@njit(cache=True)
def _try_tiles(before, num_organisms, after, trial, pen, best, best_pen, limit):
    """The whole picture put down in every place of a lattice where that helps, each time as it fits best."""
    height, width = after.shape
    costs = np.empty(NUM_OPERATIONS, np.int64)
    fill_costs(costs, before.shape[0], before.shape[1], height, width, num_organisms)
    is_square = before.shape[0] == before.shape[1]
    is_same_size = before.shape[0] == height and before.shape[1] == width
    for swaps_axes in range(1 if is_square else 2):
        rows, cols = before.shape[swaps_axes], before.shape[1 - swaps_axes]
        if height % rows != 0 or width % cols != 0:
            continue
        pen[_LENGTH], pen[_UNITS] = 0, 0
        if not is_same_size:
            _write(trial, pen, costs, SIZE, height, width, 0, 0, 0)
        built = resized(before, height, width)
        empty = built.copy()
        is_any = False
        for top in range(0, height, rows):
            for left in range(0, width, cols):
                # a copy must spare two cells at least
                fewest, best_symmetry = -1, -1
                for row in range(top, top + rows):
                    for col in range(left, left + cols):
                        fewest += empty[row, col] != after[row, col]
                for symmetry in range(8):
                    if not is_square and (TURNS[symmetry, 0] == 0) != (swaps_axes == 1):
                        continue
                    wrong = _count_wrong(
                        before, 0, 0, before.shape[0], before.shape[1], symmetry, after, top, left, fewest
                    )
                    if wrong < fewest:
                        fewest, best_symmetry = wrong, symmetry
                if best_symmetry >= 0:
                    is_any = True
                    put_picture(before, top, left, best_symmetry, built)
                    _write(trial, pen, costs, COPY, 0, top, left, best_symmetry, 0)
        if is_any:
            _try_rests(built, after, trial, pen, costs, 1, best, best_pen, limit)


@njit(cache=True)
def _try_windows(before, given, is_given, after, trial, pen, best, best_pen, limit):
    """The window that is most like the wanted grid, as it is and turned; of equal ones the first in reading order."""
    height, width = after.shape
    costs = np.empty(NUM_OPERATIONS, np.int64)
    window = np.zeros(3, np.int64)
    fewest = _NO_LIMIT
    for is_turned in range(2):
        is_found = False
        for symmetry in range(is_turned, 1 + 7 * is_turned):
            rows, cols = turned_sides(height, width, symmetry)
            for top in range(before.shape[0] - rows + 1):
                for left in range(before.shape[1] - cols + 1):
                    wrong = _count_wrong(before, top, left, rows, cols, symmetry, after, 0, 0, fewest)
                    if wrong < fewest:
                        fewest, is_found = wrong, True
                        window[0], window[1], window[2] = top, left, symmetry
        if not is_found:
            continue
        top, left, symmetry = window[0], window[1], window[2]
        rows, cols = turned_sides(height, width, symmetry)
        fill_costs(costs, before.shape[0], before.shape[1], height, width, 0)
        pen[_LENGTH], pen[_UNITS] = 0, 0
        if rows != before.shape[0] or cols != before.shape[1]:
            _write(trial, pen, costs, CROP, top, left, rows, cols, 0)
        picture = window_of(before, top, left, rows, cols)
        numbers, num_organisms = organisms_of(picture, given, is_given, top, left)
        fill_costs(costs, rows, cols, height, width, num_organisms)
        if symmetry == 0:
            _try_objects(picture, numbers, num_organisms, picture, after, trial, pen, costs, best, best_pen, limit)
            continue
        if rows != height or cols != width:
            _write(trial, pen, costs, SIZE, height, width, 0, 0, 0)
        built = resized(picture, height, width)
        put_picture(picture, 0, 0, symmetry, built)
        _write(trial, pen, costs, COPY, 0, 0, 0, symmetry, 0)
        _try_rests(built, after, trial, pen, costs, 1, best, best_pen, limit)


@njit(cache=True)
def shortest(before, after, given, is_given, best):
    """Write the cheapest code found into `best` (MAX_TOKENS,) int16; how many tokens it has.

    Grids are uint8; `given` (H, W) int16 are bodies, read if `is_given`.
    """
    trial = np.empty(MAX_TOKENS, np.int16)
    pen = np.zeros(2, np.int64)
    best_pen = np.array([0, _NO_LIMIT], np.int64)
    costs = np.empty(NUM_OPERATIONS, np.int64)
    limit = _NO_LIMIT
    is_same_size = before.shape[0] == after.shape[0] and before.shape[1] == after.shape[1]
    if is_same_size:
        num_changed = _find_changed_box(before, after, np.empty(4, np.int64))
        if num_changed == 0:
            best[0] = END
            return 1
        limit = 1 + 4 * num_changed
    numbers, num_organisms = organisms_of(before, given, is_given, 0, 0)
    fill_costs(costs, before.shape[0], before.shape[1], after.shape[0], after.shape[1], num_organisms)
    if not is_same_size:
        _write(trial, pen, costs, SIZE, after.shape[0], after.shape[1], 0, 0, 0)
    canvas = resized(before, after.shape[0], after.shape[1])
    _try_objects(before, numbers, num_organisms, canvas, after, trial, pen, costs, best, best_pen, limit)
    _try_tiles(before, num_organisms, after, trial, pen, best, best_pen, limit)
    if not is_same_size:
        _try_windows(before, given, is_given, after, trial, pen, best, best_pen, limit)
    return best_pen[_LENGTH]


@njit(cache=True)
def by_objects(before, after, given, best):
    """Write a code that tells what happened to each organism, and then what is still wrong, into `best`; its tokens.

    The grids have one size; `given` (H, W) int16 are bodies. It is the code for a reader who has expectations of each
    organism: without selections and copies, and never shorter than the `shortest` in fixed-length fields.
    """
    trial = np.empty(MAX_TOKENS, np.int16)
    pen = np.zeros(2, np.int64)
    best_pen = np.array([0, _NO_LIMIT], np.int64)
    costs = np.empty(NUM_OPERATIONS, np.int64)
    numbers, num_organisms = organisms_of(before, given, True, 0, 0)
    fill_costs(costs, before.shape[0], before.shape[1], after.shape[0], after.shape[1], num_organisms)
    fates = no_fates()
    copies = np.empty((_MAX_COPIES, 5), np.int64)
    _plan_objects(before, numbers, num_organisms, before, after, costs, fates, copies)
    built = _begin(_FATES, before, numbers, num_organisms, before, fates, copies, 0, trial, pen, costs)
    _try_rests(built, after, trial, pen, costs, 1, best, best_pen, _NO_LIMIT)
    return best_pen[_LENGTH]
