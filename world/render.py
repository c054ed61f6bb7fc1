"""Pictures of worlds as RGB arrays: coloured cells with fine seams between bodies."""

from __future__ import annotations

import numpy as np

from world.state import BOXLING_COLOUR, Worlds

# ARC's colours (as drawn by the arcprize.org editor), with a softer empty cell; 10 is a boxling
PALETTE = np.array(
    [
        (24, 26, 32), (30, 147, 255), (249, 60, 49), (79, 204, 48), (255, 220, 0), (122, 125, 134),
        (229, 58, 163), (255, 133, 27), (135, 216, 241), (146, 18, 49), (245, 240, 230),
    ],
    np.uint8,
)  # fmt: skip
SEAM = np.array((44, 47, 56), np.uint8)


def picture(worlds: Worlds, b: int, cell_pixels: int = 24) -> np.ndarray:
    """World b as (H * cell, W * cell, 3) uint8 RGB; boxlings have two eyes, cells of one body are joined."""
    if cell_pixels < 1:
        raise ValueError(f"cell_pixels must be at least 1, got {cell_pixels}")
    owner, colour = worlds.owner[b], worlds.colour[b]
    looks = np.where(owner > 0, colour[owner], 0)
    image = PALETTE[looks].repeat(cell_pixels, axis=0).repeat(cell_pixels, axis=1)
    if cell_pixels < 6:
        return image
    height, width = owner.shape
    seam = max(1, cell_pixels // 24)
    for row in range(height):
        for col in range(width):
            top, left = row * cell_pixels, col * cell_pixels
            body = owner[row, col]
            if body == 0 or row == 0 or owner[row - 1, col] != body:
                image[top : top + seam, left : left + cell_pixels] = SEAM
            if body == 0 or col == 0 or owner[row, col - 1] != body:
                image[top : top + cell_pixels, left : left + seam] = SEAM
            if looks[row, col] == BOXLING_COLOUR:
                size = max(1, cell_pixels // 6)
                for centre in (cell_pixels // 3, cell_pixels - cell_pixels // 3):
                    at = left + centre - size // 2
                    image[top + cell_pixels // 3 : top + cell_pixels // 3 + size, at : at + size] = PALETTE[0]
    return image
