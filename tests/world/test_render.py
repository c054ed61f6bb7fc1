"""Pictures show the right colour at the centre of every cell, at any size."""

from __future__ import annotations

import numpy as np
import pytest

from tests.world.drawn_worlds import draw_worlds
from world.render import PALETTE, SEAM, picture
from world.sense import whole_view
from world.state import BOXLING_COLOUR, empty_worlds


@pytest.mark.parametrize("cell_pixels", [1, 2, 3, 5, *range(6, 33), 48, 100])
def test_the_centre_of_every_cell_has_the_colour_of_what_lies_there(cell_pixels: int):
    worlds = draw_worlds(np.random.default_rng(cell_pixels), 3, 4, 5, 3)
    looks = whole_view(worlds)
    assert (looks == BOXLING_COLOUR).any()
    for b in range(len(worlds)):
        image = picture(worlds, b, cell_pixels)
        assert image.shape == (4 * cell_pixels, 5 * cell_pixels, 3)
        assert image.dtype == np.uint8
        centres = image[cell_pixels // 2 :: cell_pixels, cell_pixels // 2 :: cell_pixels]
        np.testing.assert_array_equal(centres, PALETTE[looks[b]])


def test_every_look_has_a_colour_of_its_own():
    assert PALETTE.shape == (11, 3)
    assert len(np.unique(PALETTE, axis=0)) == 11


def test_a_seam_parts_bodies_and_not_the_cells_of_one():
    worlds = empty_worlds(1, 1, 3, 2, 0, 1)
    worlds.owner[0, 0] = [2, 2, 3]
    worlds.colour[0, 2:] = 1  # of one colour, and yet two bodies
    image = picture(worlds, 0, 24)
    assert image[12, 24].tolist() == PALETTE[1].tolist()
    assert image[12, 48].tolist() == SEAM.tolist()


def test_boxlings_have_two_eyes_and_boxes_have_none():
    worlds = empty_worlds(1, 1, 2, 2, 1, 1)
    worlds.owner[0, 0] = [2, 3]
    worlds.colour[0, 2:] = [BOXLING_COLOUR, 1]
    image = picture(worlds, 0, 24)
    is_dark = (image == PALETTE[0]).all(axis=-1)
    assert is_dark[:, :24].sum() == 2 * 4 * 4
    assert not is_dark[:, 24:].any()


@pytest.mark.parametrize("cell_pixels", [0, -3])
def test_cells_without_pixels_are_refused(cell_pixels: int):
    with pytest.raises(ValueError, match=f"cell_pixels must be at least 1, got {cell_pixels}"):
        picture(empty_worlds(1, 2, 2, 1, 1, 1), 0, cell_pixels)
