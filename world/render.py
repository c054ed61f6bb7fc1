"""Pictures of worlds and grids as RGB arrays: coloured cells with fine seams between bodies, at any scale."""

from __future__ import annotations

import numpy as np

from world.checks import whole_number
from world.codes import BOXLING_COLOUR
from world.engine import Arena
from world.recording import Scene, scene_of
from world.state import Worlds

# ARC's colours (as drawn by the arcprize.org editor), with a softer empty cell; 10 is a boxling
PALETTE = np.array(
    [
        (24, 26, 32), (30, 147, 255), (249, 60, 49), (79, 204, 48), (255, 220, 0), (122, 125, 134),
        (229, 58, 163), (255, 133, 27), (135, 216, 241), (146, 18, 49), (245, 240, 230),
    ],
    np.uint8,
)  # fmt: skip
SEAM = np.array((44, 47, 56), np.uint8)
_FEWEST_PIXELS = 6  # of a cell that has seams, eyes and marks on its floor


def picture(worlds: Worlds | Arena, b: int, cell_pixels: int = 24) -> np.ndarray:
    """World b as (H * cell, W * cell, 3) uint8 RGB; see `draw`."""
    if isinstance(worlds, Worlds):
        return draw(scene_of(worlds, b), cell_pixels)
    look, body = worlds.picture()[b], worlds.grid()[b]
    return draw(Scene(look, body, np.zeros_like(look)), cell_pixels)


def draw_grid(grid: np.ndarray, cell_pixels: int = 24) -> np.ndarray:
    """A grid of colours (H, W) in [0, 10], without bodies, as (H * cell, W * cell, 3) uint8 RGB."""
    grid = np.asarray(grid)
    if grid.ndim != 2 or grid.dtype.kind not in "iu":
        raise ValueError(f"a grid must be whole numbers (rows, columns), got {grid.dtype} of shape {grid.shape}")
    if grid.size and (grid.min() < 0 or grid.max() >= len(PALETTE)):
        raise ValueError(f"colours must be in [0, {len(PALETTE) - 1}], got {grid.min()} to {grid.max()}")
    grid = grid.astype(np.uint8)
    each = np.arange(grid.size, dtype=np.int64).reshape(grid.shape) + 2  # each cell a body of its own
    return draw(Scene(grid, np.where(grid > 0, each, 0), np.zeros_like(grid)), cell_pixels)


def draw(scene: Scene, cell_pixels: int = 24) -> np.ndarray:
    """A scene as (H * cell, W * cell, 3) uint8 RGB.

    Cells of one body are joined, others are parted by seams; boxlings have two eyes, in their first cell; a mark on the
    floor fills the middle of its cell, and looks out from below what lies there. The centre of a cell has the colour
    that is seen.
    Cells of fewer than 6 pixels are plain.
    """
    whole_number("cell_pixels", cell_pixels, 1)
    height, width = scene.look.shape
    if cell_pixels < _FEWEST_PIXELS:
        return PALETTE[scene.seen].repeat(cell_pixels, axis=0).repeat(cell_pixels, axis=1)
    image = PALETTE[scene.look].repeat(cell_pixels, axis=0).repeat(cell_pixels, axis=1)
    cells = image.reshape(height, cell_pixels, width, cell_pixels, 3)
    is_marked = scene.floor > 0
    inset = max(1, cell_pixels // 8)
    for lies_bare, (start, end) in (
        (True, (inset + 1, cell_pixels - inset)),  # a tile of its own
        (False, (1, cell_pixels)),  # seen around what stands on it
    ):
        rows, cols = np.nonzero(is_marked & ((scene.look == 0) == lies_bare))
        covered = cells[rows, inset + 1 : cell_pixels - inset, cols, inset + 1 : cell_pixels - inset].copy()
        cells[rows, start:end, cols, start:end] = PALETTE[scene.floor[rows, cols]][:, None, None]
        if not lies_bare:
            cells[rows, inset + 1 : cell_pixels - inset, cols, inset + 1 : cell_pixels - inset] = covered
    _draw_seams(cells, scene.body, max(1, cell_pixels // 24))
    eye = max(1, cell_pixels // 6)
    top = cell_pixels // 3
    # a boxling of several cells looks out of the first of them
    _, first = np.unique(np.where(scene.look == BOXLING_COLOUR, scene.body, 0), return_index=True)
    rows, cols = np.unravel_index(first, scene.look.shape)
    is_boxling = scene.look[rows, cols] == BOXLING_COLOUR
    rows, cols = rows[is_boxling], cols[is_boxling]
    for centre in (top, cell_pixels - top):
        left = centre - eye // 2
        cells[rows, top : top + eye, cols, left : left + eye] = PALETTE[0]
    return image


def _draw_seams(cells: np.ndarray, body: np.ndarray, seam: int) -> None:
    """Lines along the upper and left sides of cells (H, h, W, w, 3) beyond which another body lies, or none."""
    beyond = np.full_like(body[:1], 0)
    is_other = (body == 0) | (body != np.concatenate([beyond, body[:-1]]))
    rows, cols = np.nonzero(is_other)
    cells[rows, :seam, cols] = SEAM
    is_other = (body == 0) | (body != np.concatenate([beyond[:, :1].repeat(len(body), axis=0), body[:, :-1]], axis=1))
    rows, cols = np.nonzero(is_other)
    cells[rows, :, cols, :seam] = SEAM
