"""The last step of a program, fitted: a rule that says for each cell of the answer where its colour comes from.

A rule tells cells apart by up to three features, and names for each kind of cell a source: a colour, or a picture of
the answer's size in which to look. It fits if every cell of every demonstration comes out right, and is used only if
the test shows no kind of cell that no demonstration had. Rules are weighed by what it takes to write them down, in
bits: Rissanen 1978, https://doi.org/10.1016/0005-1098(78)90005-5.
"""

from __future__ import annotations

import numpy as np

from world.compiling import njit

MAX_KINDS = 4096  # of cells that a rule can tell apart
KEPT = 48  # rules
MAX_SOURCES = 54  # pictures besides the ten colours; their agreement with a cell is a bit of 64
_CODE_OF_COLOUR_BITS = 3.5
_KIND_BITS = 1.0


@njit(cache=True)
def agreements(sources, answer, masks):
    """Bits of each cell: 0 to 9, the colour that it has; 10 + s, whether source s has it."""
    number, length = sources.shape
    for i in range(length):
        mask = np.uint64(1) << np.uint64(answer[i])
        for s in range(number):
            if sources[s, i] == answer[i]:
                mask |= np.uint64(1) << np.uint64(10 + s)
        masks[i] = mask


@njit(cache=True)
def compress(values, ids):
    """Values as small numbers, in order of first appearance; returns how many."""
    known = np.full(256, -1, np.int16)
    count = 0
    for i in range(values.shape[0]):
        v = values[i]
        if known[v] < 0:
            known[v] = count
            count += 1
        ids[i] = known[v]
    return count


@njit(cache=True)
def _choose(and_masks, order, num_kinds, source_bits, chosen):
    """The cheapest few sources that serve all kinds of cells, greedily; returns their bits and how many they are."""
    open_kinds = num_kinds
    total = 0.0
    used = 0
    number = source_bits.shape[0]
    for k in range(num_kinds):
        chosen[k] = -1
    while open_kinds > 0:
        best, best_rate = -1, 1e18
        for s in range(number):
            bit = np.uint64(1) << np.uint64(s)
            gain = 0
            for k in range(num_kinds):
                if chosen[k] < 0 and and_masks[order[k]] & bit:
                    gain += 1
            if gain:
                rate = source_bits[s] / gain
                if rate < best_rate:
                    best, best_rate = s, rate
        bit = np.uint64(1) << np.uint64(best)
        for k in range(num_kinds):
            if chosen[k] < 0 and and_masks[order[k]] & bit:
                chosen[k] = best
                open_kinds -= 1
        total += source_bits[best]
        used += 1
    return total, used


@njit(cache=True)
def _weigh(keys, masks, num_known, length, and_masks, stamps, stamp, order, source_bits, chosen):
    """Bits of a rule with these kinds of cells, or -1 if it does not fit; cells from `num_known` on are the test's."""
    num_kinds = 0
    for i in range(num_known):
        k = keys[i]
        if stamps[k] != stamp:
            stamps[k] = stamp
            and_masks[k] = masks[i]
            order[num_kinds] = k
            num_kinds += 1
        else:
            m = and_masks[k] & masks[i]
            if m == 0:
                return -1.0, 0
            and_masks[k] = m
    for i in range(num_known, length):
        if stamps[keys[i]] != stamp:
            return -1.0, 0
    total, used = _choose(and_masks, order, num_kinds, source_bits, chosen)
    if used > 1:
        total += num_kinds * np.log2(used + 0.0)
    return total + _KIND_BITS * num_kinds, num_kinds


@njit(cache=True)
def _kind_of(ids, sizes, a, b, c, depth, i):
    """The kind of cell `i` by the first `depth` of three features."""
    k = 0
    if depth >= 1:
        k = ids[a, i]
    if depth >= 2:
        k = k * sizes[b] + ids[b, i]
    if depth == 3:
        k = k * sizes[c] + ids[c, i]
    return k


@njit(cache=True)
def fit(ids, sizes, feature_bits, masks, num_known, source_bits, max_bits, deepest, found, found_bits):
    """Search rules over all single features, pairs and triples of (F, L) small numbers `ids`, in a fixed order.

    The first `num_known` of the L cells are the demonstrations', with `masks` of what agrees; others are the tests'.
    `found` (KEPT, 3) and `found_bits` become the cheapest rules (-1: no feature); returns how many, and how many were
    tried.
    """
    number, length = ids.shape
    kept = 0
    tried = 0
    and_masks = np.zeros(MAX_KINDS, np.uint64)
    stamps = np.full(MAX_KINDS, -1, np.int64)
    order = np.zeros(MAX_KINDS, np.int64)
    chosen = np.zeros(MAX_KINDS, np.int64)
    keys = np.zeros(length, np.int64)
    stamp = 0
    # whether two cells of a pair clash is asked of a few first, before all keys are made
    for depth in range(deepest + 1):
        a_from, a_to = (-1, 0) if depth == 0 else (0, number)
        for a in range(a_from, a_to):
            for b in range(a + 1 if depth >= 2 else -1, number if depth >= 2 else 0):
                if depth >= 2 and (b < 0 or sizes[a] * sizes[b] > MAX_KINDS):
                    continue
                for c in range(b + 1 if depth == 3 else -1, number if depth == 3 else 0):
                    if depth == 3 and sizes[a] * sizes[b] * sizes[c] > MAX_KINDS:
                        continue
                    cost = 0.0
                    if depth >= 1:
                        cost += feature_bits[a]
                    if depth >= 2:
                        cost += feature_bits[b]
                    if depth == 3:
                        cost += feature_bits[c]
                    limit = found_bits[KEPT - 1] if kept == KEPT else max_bits
                    if cost >= limit:
                        continue
                    tried += 1
                    stamp += 1
                    good = True
                    for i in range(num_known):
                        k = _kind_of(ids, sizes, a, b, c, depth, i)
                        keys[i] = k
                        if stamps[k] != stamp:
                            stamps[k] = stamp
                            and_masks[k] = masks[i]
                        else:
                            m = and_masks[k] & masks[i]
                            if m == 0:
                                good = False
                                break
                            and_masks[k] = m
                    if not good:
                        continue
                    for i in range(num_known, length):
                        keys[i] = _kind_of(ids, sizes, a, b, c, depth, i)
                    stamp += 1
                    bits, _ = _weigh(
                        keys, masks, num_known, length, and_masks, stamps, stamp, order, source_bits, chosen
                    )
                    if bits < 0 or bits + cost >= limit:
                        continue
                    bits += cost
                    at = min(kept, KEPT - 1)
                    while at > 0 and found_bits[at - 1] > bits:
                        found_bits[at] = found_bits[at - 1]
                        for k in range(3):
                            found[at, k] = found[at - 1, k]
                        at -= 1
                    found_bits[at] = bits
                    found[at, 0] = a
                    found[at, 1] = b if depth >= 2 else -1
                    found[at, 2] = c if depth == 3 else -1
                    kept = min(kept + 1, KEPT)
    return kept, tried


@njit(cache=True)
def predict(ids, sizes, rule, masks, num_known, source_bits, sources, answer, kinds, of_kinds):
    """Fill `answer` with what a rule that fits says of every cell; `kinds` and `of_kinds` become its kinds of cells."""
    length = ids.shape[1]
    and_masks = np.zeros(MAX_KINDS, np.uint64)
    stamps = np.full(MAX_KINDS, -1, np.int64)
    order = np.zeros(MAX_KINDS, np.int64)
    keys = np.zeros(length, np.int64)
    for i in range(length):
        k = 0
        for part in range(3):
            if rule[part] >= 0:
                k = k * sizes[rule[part]] + ids[rule[part], i]
        keys[i] = k
    _, num_kinds = _weigh(keys, masks, num_known, length, and_masks, stamps, 0, order, source_bits, of_kinds)
    place = np.zeros(MAX_KINDS, np.int64)
    for k in range(num_kinds):
        place[order[k]] = k
        kinds[k] = order[k]
    for i in range(length):
        s = of_kinds[place[keys[i]]]
        answer[i] = s if s < 10 else sources[s - 10, i]
    return num_kinds
