"""Arithmetic of compiled networks: small matrix products, exponentials and choices that stay in the cache of one core.

All arrays are float32. Loops are written so that the compiler turns their innermost one into vector instructions; the
products reach about four fifths of what a tuned library does on matrices of this size, and need no call for each.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# sums may be taken in any order, so that they vectorise; NaN and infinity keep their meaning
compiled = njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "arcp", "nsz"})

# 2 ** f for f in [-0.5, 0.5]: the Taylor coefficients ln(2) ** k / k!; relative error of `exponentials` below 2e-6
_P0, _P1, _P2, _P3, _P4, _P5, _P6 = (
    np.float32(value) for value in (1.0, 0.69314718, 0.24022651, 0.05550411, 0.00961813, 0.00133336, 0.00015404)
)
_LOG2_E, _HALF, _ONE, _ZERO = (np.float32(value) for value in (1.4426950408889634, 0.5, 1.0, 0.0))
_LOWEST, _HIGHEST = np.float32(-126.0), np.float32(126.0)  # powers of two that float32 has


@compiled
def add_product(x, w, y, num_rows):
    """y[:num_rows] += x[:num_rows] @ w, with x (n, K), w (K, J), y (n, J)."""
    depth, width = w.shape
    deep = depth - depth % 4
    paired = num_rows - num_rows % 2
    for i in range(0, paired, 2):
        for k in range(0, deep, 4):
            a0, a1, a2, a3 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
            b0, b1, b2, b3 = x[i + 1, k], x[i + 1, k + 1], x[i + 1, k + 2], x[i + 1, k + 3]
            for j in range(width):
                y[i, j] += a0 * w[k, j] + a1 * w[k + 1, j] + a2 * w[k + 2, j] + a3 * w[k + 3, j]
                y[i + 1, j] += b0 * w[k, j] + b1 * w[k + 1, j] + b2 * w[k + 2, j] + b3 * w[k + 3, j]
        for k in range(deep, depth):
            a0, b0 = x[i, k], x[i + 1, k]
            for j in range(width):
                y[i, j] += a0 * w[k, j]
                y[i + 1, j] += b0 * w[k, j]
    for i in range(paired, num_rows):
        for k in range(0, deep, 4):
            a0, a1, a2, a3 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
            for j in range(width):
                y[i, j] += a0 * w[k, j] + a1 * w[k + 1, j] + a2 * w[k + 2, j] + a3 * w[k + 3, j]
        for k in range(deep, depth):
            a0 = x[i, k]
            for j in range(width):
                y[i, j] += a0 * w[k, j]


@compiled
def fill_rows(y, bias, num_rows):
    """Every one of the first rows of y (n, J) becomes `bias` (J,)."""
    for i in range(num_rows):
        for j in range(len(bias)):
            y[i, j] = bias[j]


@compiled
def rectify(y, num_rows):
    """Negative numbers of the first rows become 0; NaN stays."""
    for i in range(num_rows):
        for j in range(y.shape[1]):
            y[i, j] = _ZERO if y[i, j] < _ZERO else y[i, j]


@compiled
def exponentials(x, powers):
    """x (n,) becomes exp(x), in place; `powers` (at least n,) int32 is scratch; beyond 87 either way as at 87.

    NaN stays NaN.
    """
    as_floats = powers.view(np.float32)
    for j in range(len(x)):
        t = x[j] * _LOG2_E
        t = _LOWEST if t < _LOWEST else t
        t = _HIGHEST if t > _HIGHEST else t
        whole = np.floor(t + _HALF)
        f = t - whole
        x[j] = _P0 + f * (_P1 + f * (_P2 + f * (_P3 + f * (_P4 + f * (_P5 + f * _P6)))))
        powers[j] = (np.int32(whole) + np.int32(127)) << np.int32(23)
    for j in range(len(x)):
        x[j] *= as_floats[j]


@compiled
def softmax(x, powers):
    """x (n,) becomes softmax(x), in place; returns the largest x and the sum of exp(x - largest)."""
    largest = x[0]
    for j in range(1, len(x)):
        largest = x[j] if x[j] > largest else largest
    for j in range(len(x)):
        x[j] -= largest
    exponentials(x, powers)
    total = _ZERO
    for j in range(len(x)):
        total += x[j]
    share = _ONE / total
    for j in range(len(x)):
        x[j] *= share
    return largest, total


@compiled
def largest_of(x):
    """The place of the largest number, the first of equal ones; 0 if there is NaN."""
    best = 0
    for j in range(1, len(x)):
        if x[j] > x[best]:
            best = j
    return best


@compiled
def draw(shares, chance):
    """A place drawn with these `shares` (n,), which sum to 1, by a number in [0, 1); the last one that has a share."""
    total = _ZERO
    found = 0
    for j in range(len(shares)):
        if shares[j] > _ZERO:
            found = j
        total += shares[j]
        if chance < total:
            return j
    return found


@compiled
def remember(inputs, gates, memory, rows, weight, bias, num_rows, opening, powers):
    """One step of a minimal gated unit, as `population.memory.remember`: memory[rows[i]] moves on by inputs[i].

    `inputs` (n, D); `gates` (n, 2 D), `opening` and `powers` (n D) are scratch; the new memories of the rows are left
    in inputs, too.
    """
    width = memory.shape[1]
    fill_rows(gates, bias, num_rows)
    add_product(inputs, weight, gates, num_rows)
    for i in range(num_rows):
        for j in range(width):
            opening[i * width + j] = -gates[i, j]
    exponentials(opening[: num_rows * width], powers)
    for i in range(num_rows):
        n = rows[i]
        for j in range(width):
            opens = _ONE / (_ONE + opening[i * width + j])
            inputs[i, j] = memory[n, j] + opens * (gates[i, width + j] - memory[n, j])
            memory[n, j] = inputs[i, j]
