"""Colour grids drawn at random for tests: noise, boxes, rings, bars, halves and a line, motifs and markers."""

from __future__ import annotations

import numpy as np

from world.symmetry import SYMMETRIES, transform


def draw_grid(rng: np.random.Generator, max_side_cells: int) -> np.ndarray:
    """A grid of any of the sorts below, turned or mirrored at random; a third of them have sides down to 1."""
    height, width = rng.integers(1 if rng.random() < 0.3 else max_side_cells // 2, max_side_cells + 1, 2)
    if rng.random() < 0.2:
        width = height
    colours = rng.permutation(np.arange(1, 10, dtype=np.uint8))[: rng.integers(1, 6)]
    sort = (_noise, _boxes, _rings, _bars, _halves, _motif, _motif)[rng.integers(7)]
    grid = np.zeros((height, width), np.uint8)
    sort(rng, grid, colours)
    return np.ascontiguousarray(transform(grid, list(SYMMETRIES)[rng.integers(len(SYMMETRIES))]))


def _noise(rng: np.random.Generator, grid: np.ndarray, colours: np.ndarray) -> None:
    is_filled = rng.random(grid.shape) < rng.choice([0.0, 0.05, 0.2, 0.5, 0.8, 1.0])
    grid[is_filled] = rng.choice(colours, is_filled.sum())


def _box(rng: np.random.Generator, grid: np.ndarray, least: int, most: int) -> np.ndarray:
    """A random part of the grid that has so many cells a side, or what there is."""
    height, width = np.minimum(rng.integers(least, most + 1, 2), grid.shape)
    top, left = rng.integers(0, grid.shape[0] - height + 1), rng.integers(0, grid.shape[1] - width + 1)
    return grid[top : top + height, left : left + width]


def _boxes(rng: np.random.Generator, grid: np.ndarray, colours: np.ndarray) -> None:
    for _ in range(rng.integers(1, 6)):
        _box(rng, grid, 1, 5)[:] = rng.choice(colours)


def _rings(rng: np.random.Generator, grid: np.ndarray, colours: np.ndarray) -> None:
    for _ in range(rng.integers(1, 4)):
        part = _box(rng, grid, 3, 7)
        part[:] = rng.choice(colours)
        part[1:-1, 1:-1] = rng.choice([0, 0, *colours])
        if rng.random() < 0.3:
            part[0, 0] = 0


def _bars(rng: np.random.Generator, grid: np.ndarray, colours: np.ndarray) -> None:
    lengths = rng.permutation(len(grid)) + 1
    step = rng.integers(1, 4)
    for column, length in zip(range(rng.integers(0, 2), grid.shape[1], step), lengths, strict=False):
        grid[len(grid) - length :, column] = rng.choice(colours)


def _halves(rng: np.random.Generator, grid: np.ndarray, colours: np.ndarray) -> None:
    _noise(rng, grid, colours)
    grid[:, grid.shape[1] // 2] = rng.choice(colours)


def _motif(rng: np.random.Generator, grid: np.ndarray, colours: np.ndarray) -> None:
    """A small part of many colours, and a few cells of the first colour; perhaps one in the part too."""
    for _ in range(rng.integers(0, 4)):
        _box(rng, grid, 1, 1)[:] = colours[0]
    part = _box(rng, grid, 1, 3)
    part[:] = rng.choice([0, *colours[1:], *colours[1:]], part.shape)
    if rng.random() < 0.7:
        _box(rng, part, 1, 1)[:] = colours[0]
